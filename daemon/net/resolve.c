#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "pool.h"
#include "trouble.h"

#define QUESTIONS_MAX 32u
#define ASKING_MAX    16u /* threads that may hang in getaddrinfo */

struct resolver {
	struct mailbox *ends;
	struct pool *pool; /* NULL until the first question */
	unsigned waiting;
	bool abandoned; /* answers are dropped; never freed */
};

struct question {
	struct job job;
	struct resolver *resolver;
	struct address address;
	uint64_t id;
	void (*answered)(void *arg, uint64_t id,
			 const struct sockaddr_storage *to, socklen_t bytes);
	void *arg;
	struct sockaddr_storage to;
	socklen_t bytes;
};

struct resolver *
resolver_new(struct mailbox *ends)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->ends = ends;
	return r;
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	if (r->waiting > 0) {
		/* The thread may be deep in a resolver's timeout; the process
		 * is ending and need not sit through it. */
		r->abandoned = true;
		return;
	}
	pool_free(r->pool);
	free(r);
}

static bool
lookup(const struct address *a, int family, int flags,
       struct sockaddr_storage *out, socklen_t *bytes)
{
	const struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};
	struct addrinfo *found = NULL;
	char port[8];

	snprintf(port, sizeof(port), "%u", (unsigned)a->port);
	if (getaddrinfo(a->host, port, &hints, &found) != 0)
		return false;
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*bytes = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool
resolve_number(const struct address *a, struct sockaddr_storage *out,
	       socklen_t *bytes)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons(a->port),
	};

	/* The way of every probe and every failover: no detours. */
	if (inet_pton(AF_INET, a->host, &v4.sin_addr) == 1) {
		memcpy(out, &v4, sizeof(v4));
		*bytes = sizeof(v4);
		return true;
	}
	return lookup(a, AF_UNSPEC, AI_NUMERICHOST, out, bytes);
}

/* However long it takes. */
static bool
resolve_name(const struct address *a, struct sockaddr_storage *out,
	     socklen_t *bytes)
{
	/* Daemons listen on IPv4 unless told otherwise. */
	return lookup(a, AF_INET, 0, out, bytes) ||
	       lookup(a, AF_UNSPEC, 0, out, bytes);
}

/* ---- by a deadline ------------------------------------------------------- */

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
		if (fds[0].revents != 0)
			return q->bytes > 0 ? 0 : EADDRNOTAVAIL;
	}
}

int
resolve_name_by(const struct address *a, uint64_t until_ms, int stop_fd,
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

/* ---- for the loop thread ------------------------------------------------- */

static void
question_work(struct job *j, unsigned slot)
{
	struct question *q = (struct question *)(void *)j;

	(void)slot;
	if (!resolve_name(&q->address, &q->to, &q->bytes))
		q->bytes = 0;
}

static void
question_end(struct letter *l)
{
	struct question *q = (struct question *)(void *)l;
	struct resolver *r = q->resolver;

	r->waiting--;
	if (!r->abandoned)
		q->answered(q->arg, q->id, &q->to, q->bytes);
	free(q);
}

bool
resolver_ask(struct resolver *r, const struct address *a, uint64_t id,
	     void (*answered)(void *arg, uint64_t id,
			      const struct sockaddr_storage *to,
			      socklen_t bytes),
	     void *arg)
{
	struct question *q;
	struct trouble why;

	if (r->waiting >= QUESTIONS_MAX)
		return false;
	if (r->pool == NULL)
		r->pool = pool_new("resolve", 1, true, r->ends, &why);
	if (r->pool == NULL || (q = calloc(1, sizeof(*q))) == NULL)
		return false;
	q->job.letter.deliver = question_end;
	q->job.work = question_work;
	q->resolver = r;
	q->address = *a;
	q->id = id;
	q->answered = answered;
	q->arg = arg;
	r->waiting++;
	pool_submit(r->pool, &q->job);
	return true;
}
