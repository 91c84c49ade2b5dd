#include "outlet.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum holder {
	HOLDER_NOBODY,
	HOLDER_LOOP,   /* has bytes that wait, or is writing */
	HOLDER_ANSWER, /* is being sent, or has a rest that comes by letter */
};

struct outlet {
	int fd;
	atomic_uint refs;
	atomic_int holder;
	atomic_uint ahead;
};

struct outlet *
outlet_new(int fd)
{
	struct outlet *o = malloc(sizeof(*o));

	if (o == NULL)
		return NULL;
	o->fd = fd;
	atomic_init(&o->refs, 1);
	atomic_init(&o->holder, HOLDER_NOBODY);
	atomic_init(&o->ahead, 0);
	return o;
}

struct outlet *
outlet_hold(struct outlet *o)
{
	atomic_fetch_add(&o->refs, 1);
	return o;
}

void
outlet_drop(struct outlet *o)
{
	if (o == NULL || atomic_fetch_sub(&o->refs, 1) > 1)
		return;
	close(o->fd);
	free(o);
}

/* Whoever still makes an answer must not keep the other end waiting for the
 * end of the connection. */
void
outlet_end(struct outlet *o)
{
	if (o == NULL)
		return;
	if (atomic_load(&o->refs) > 1)
		(void)shutdown(o->fd, SHUT_RDWR);
	outlet_drop(o);
}

static bool
become(struct outlet *o, int holder)
{
	int nobody = HOLDER_NOBODY;

	return atomic_compare_exchange_strong(&o->holder, &nobody, holder);
}

bool
outlet_take(struct outlet *o)
{
	return atomic_load(&o->holder) == HOLDER_LOOP ||
	       become(o, HOLDER_LOOP);
}

void
outlet_leave(struct outlet *o)
{
	assert(atomic_load(&o->holder) == HOLDER_LOOP);
	atomic_store(&o->holder, HOLDER_NOBODY);
}

void
outlet_heard(struct outlet *o, bool all)
{
	if (all) {
		atomic_fetch_sub(&o->ahead, 1);
		return;
	}
	assert(atomic_load(&o->holder) == HOLDER_ANSWER);
	atomic_store(&o->holder, HOLDER_LOOP);
}

unsigned
outlet_ahead(const struct outlet *o)
{
	return atomic_load(&o->ahead);
}

size_t
outlet_answer(struct outlet *o, const uint8_t *frame, size_t frame_bytes)
{
	ssize_t n;

	if (!become(o, HOLDER_ANSWER))
		return 0;
	/* Before it can be read, and the next question come. */
	atomic_fetch_add(&o->ahead, 1);
	n = send(o->fd, frame, frame_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)frame_bytes) {
		atomic_store(&o->holder, HOLDER_NOBODY);
		return frame_bytes;
	}
	atomic_fetch_sub(&o->ahead, 1);
	/* Why it failed is seen by whoever writes the rest. */
	if (n <= 0)
		atomic_store(&o->holder, HOLDER_NOBODY);
	return n > 0 ? (size_t)n : 0;
}
