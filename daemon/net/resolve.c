#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "trouble.h"

#define QUESTIONS_MAX 32u

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

bool
resolve_name(const struct address *a, struct sockaddr_storage *out,
	     socklen_t *bytes)
{
	/* Daemons listen on IPv4 unless told otherwise. */
	return lookup(a, AF_INET, 0, out, bytes) ||
	       lookup(a, AF_UNSPEC, 0, out, bytes);
}

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
		r->pool = pool_new("resolve", 1, POOL_POLITE, r->ends, &why);
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
