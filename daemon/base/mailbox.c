#include "mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "trouble.h"

struct mailbox {
	pthread_mutex_t lock;
	struct letter *first, **last;
	int fd;
};

struct mailbox *
mailbox_new(struct trouble *why)
{
	struct mailbox *b;

	if ((b = calloc(1, sizeof(*b))) == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->fd == -1) {
		trouble_errno(why, errno, "cannot make an event descriptor");
		free(b);
		return NULL;
	}
	pthread_mutex_init(&b->lock, NULL);
	b->last = &b->first;
	return b;
}

void
mailbox_free(struct mailbox *b)
{
	if (b == NULL)
		return;
	mailbox_deliver(b);
	close(b->fd);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

int
mailbox_fd(const struct mailbox *b)
{
	return b->fd;
}

void
mailbox_post(struct mailbox *b, struct letter *l)
{
	const uint64_t one = 1;
	int was_empty;

	l->next = NULL;
	pthread_mutex_lock(&b->lock);
	was_empty = b->first == NULL;
	*b->last = l;
	b->last = &l->next;
	pthread_mutex_unlock(&b->lock);
	while (was_empty && write(b->fd, &one, sizeof(one)) == -1 &&
	       errno == EINTR)
		continue;
}

void
mailbox_deliver(struct mailbox *b)
{
	struct letter *l, *next;
	uint64_t count;

	/* Cleared before the list is taken: a letter posted between the two
	 * wakes the loop once for nothing, never too seldom. */
	while (read(b->fd, &count, sizeof(count)) == -1 && errno == EINTR)
		continue;
	pthread_mutex_lock(&b->lock);
	l = b->first;
	b->first = NULL;
	b->last = &b->first;
	pthread_mutex_unlock(&b->lock);
	for (; l != NULL; l = next) {
		next = l->next;
		l->deliver(l);
	}
}
