#include "roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "find.h"

static int
keep(struct roots *r, const struct answer_welcome *w,
     const struct answer_root *a, struct failure *why)
{
	struct served_root *s;
	char *real;

	if (r->count == r->capacity) {
		size_t capacity = 2 * r->capacity + 8;

		s = realloc(r->list, capacity * sizeof(*s));
		if (s == NULL)
			return failure_set(why, ENDING_FAILED, "out of memory");
		r->list = s;
		r->capacity = capacity;
	}
	s = &r->list[r->count];
	memset(s, 0, sizeof(*s));
	s->node = w->node;
	snprintf(s->node_name, sizeof(s->node_name), "%s", w->name);
	s->label = strndup((const char *)a->label, a->label_bytes);
	s->path = strndup((const char *)a->path, a->path_bytes);
	if (s->label == NULL || s->path == NULL) {
		free(s->label);
		free(s->path);
		return failure_set(why, ENDING_FAILED, "out of memory");
	}
	if ((real = realpath(s->path, NULL)) != NULL) {
		free(s->path);
		s->path = real;
	}
	s->online = a->online;
	s->free_bytes = a->free_bytes;
	r->count++;
	return 0;
}

int
roots_ask(struct roots *r, struct call *c, struct failure *why)
{
	struct question q = {.type = CLIENT_ROOTS}, answer;

	if (call_ask(c, &q, why) == -1 || call_await(c, &answer, why) == -1 ||
	    call_expect(&answer, CLIENT_ROOT_LIST, why) == -1)
		return -1;
	for (uint32_t i = 0; i < answer.u.roots.count; i++) {
		if (keep(r, call_welcome(c), &answer.u.roots.roots[i], why) ==
		    -1)
			return -1;
	}
	return 0;
}

void
roots_ask_others(struct roots *r, const struct call *c, int64_t timeout_ms,
		 unsigned *silent)
{
	struct found *sockets = calloc(FOUND_MAX, sizeof(*sockets));
	size_t count = sockets == NULL ? 0 : find_sockets(0, sockets, FOUND_MAX);
	struct failure why;

	if (sockets == NULL)
		++*silent; /* who is there is not known either */
	for (size_t i = 0; i < count; i++) {
		struct call_settings s = {.port = sockets[i].port,
					  .silence_ms = timeout_ms};
		struct call *other;

		if (s.port == call_port(c) || call_interrupted() ||
		    (i > 0 && s.port == sockets[i - 1].port))
			continue;
		other = call_new(&s);
		/* Only the socket of a dead daemon keeps nothing back. */
		if (other == NULL)
			++*silent;
		else if (call_open(other, NULL, NULL, &why) == -1)
			*silent += why.ending != ENDING_NO_DAEMON ||
				   call_reached(other);
		else
			*silent += roots_ask(r, other, &why) == -1;
		call_free(other);
	}
	free(sockets);
}

void
roots_release(struct roots *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->list[i].label);
		free(r->list[i].path);
	}
	free(r->list);
	memset(r, 0, sizeof(*r));
}

const struct served_root *
roots_with(const struct roots *r, size_t at, const char *real)
{
	for (; at < r->count; at++) {
		const char *path = r->list[at].path;
		size_t n = strlen(path);

		if (strncmp(real, path, n) == 0 &&
		    (real[n] == '\0' || real[n] == '/' ||
		     (n > 0 && path[n - 1] == '/')))
			return &r->list[at];
	}
	return NULL;
}
