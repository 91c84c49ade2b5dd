#include "lookup.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "resolve.h"

#define ASKING_MAX 16u /* threads that may hang in getaddrinfo */

/* getaddrinfo cannot be ended: a thread of its own asks, and whoever wants the
 * answer may leave before it comes. */
struct asking {
	atomic_uint refs; /* who asks, and the thread */
	int answered;     /* eventfd */
	struct address address;
	struct sockaddr_storage to;
	socklen_t bytes; /* 0: no such name */
};

static atomic_uint asking_count;

static void
asking_drop(struct asking *q)
{
	if (atomic_fetch_sub(&q->refs, 1) != 1)
		return;
	close(q->answered);
	free(q);
}

static void *
asking_main(void *arg)
{
	const uint64_t one = 1;
	struct asking *q = arg;
	ssize_t written;

	pthread_setname_np(pthread_self(), "resolve");
	if (!resolve_name(&q->address, &q->to, &q->bytes))
		q->bytes = 0;
	atomic_fetch_sub(&asking_count, 1);
	written = write(q->answered, &one, sizeof(one));
	(void)written; /* it holds nothing yet, so there is room */
	asking_drop(q);
	return NULL;
}

static bool
start_asking(struct asking *q)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* Signals belong to the loop thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, &attr, asking_main, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return r == 0;
}

static struct asking *
asking_new(const struct address *a)
{
	struct asking *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	atomic_init(&q->refs, 2);
	q->address = *a;
	q->answered = eventfd(0, EFD_CLOEXEC);
	if (q->answered != -1 && start_asking(q))
		return q;
	if (q->answered != -1)
		close(q->answered);
	free(q);
	return NULL;
}

static int
await_answer(const struct asking *q, uint64_t until_ms, int stop_fd)
{
	struct pollfd fds[2] = {{.fd = q->answered, .events = POLLIN},
				{.fd = stop_fd, .events = POLLIN}};
	uint64_t taken;

	for (;;) {
		uint64_t now = clock_steady_ms(), left;

		if (now >= until_ms)
			return ETIMEDOUT;
		left = until_ms - now;
		if (poll(fds, 2, left < INT_MAX ? (int)left : INT_MAX) == -1 &&
		    errno != EINTR)
			return errno;
		if (fds[1].revents != 0)
			return ECANCELED;
		if (fds[0].revents == 0)
			continue;
		/* Taken and not only seen: what was written before it was
		 * given is then ours to read. */
		if (read(q->answered, &taken, sizeof(taken)) != sizeof(taken))
			return errno;
		return q->bytes > 0 ? 0 : EADDRNOTAVAIL;
	}
}

int
lookup_host(const struct address *a, uint64_t until_ms, int stop_fd,
	    struct sockaddr_storage *out, socklen_t *bytes)
{
	struct asking *q;
	int code;

	if (atomic_fetch_add(&asking_count, 1) >= ASKING_MAX) {
		atomic_fetch_sub(&asking_count, 1);
		return EBUSY;
	}
	if ((q = asking_new(a)) == NULL) {
		atomic_fetch_sub(&asking_count, 1);
		return ENOMEM;
	}
	if ((code = await_answer(q, until_ms, stop_fd)) == 0) {
		*out = q->to;
		*bytes = q->bytes;
	}
	asking_drop(q);
	return code;
}
