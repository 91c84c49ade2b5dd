/*
 * What waits to be looked at: each path once, in order, when it is due.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pending.h"

static struct pending *p;

static void
put(unsigned root, const char *path, unsigned flags, uint64_t due)
{
	assert(pending_put(p, root, path, strlen(path), flags, due));
}

static void
next(uint64_t now, unsigned root, const char *path, unsigned flags)
{
	struct pending_item *i = pending_take(p, now);

	assert(i != NULL && i->root == root && strcmp(i->path, path) == 0);
	assert(i->flags == flags);
	free(i);
}

int
main(void)
{
	char path[16];

	assert((p = pending_new()) != NULL);
	assert(pending_due(p) == UINT64_MAX && pending_take(p, 1) == NULL);
	put(0, "a", 0, 0);
	put(0, "b", LOOK_WHEN_QUIET, 100);
	put(1, "a", LOOK_BELOW, 0);
	assert(pending_ready(p) && pending_due(p) == 0);
	/* Once, with what holds for both. */
	put(0, "a", LOOK_WHEN_QUIET, 50);
	next(1, 0, "a", 0);
	next(1, 1, "a", LOOK_BELOW);
	assert(pending_take(p, 99) == NULL && pending_due(p) == 100);
	/* A complete file need not wait for quiet any more. */
	put(0, "b", 0, 0);
	next(1, 0, "b", 0);
	put(0, "c", LOOK_WHEN_QUIET, 100);
	put(0, "d", LOOK_WHEN_QUIET, 200);
	put(0, "c", LOOK_WHEN_QUIET, 300);
	next(250, 0, "c", LOOK_WHEN_QUIET);
	next(250, 0, "d", LOOK_WHEN_QUIET);
	/* Where it has gone is the latest word. */
	put(0, "e", 0, 0);
	put(0, "e", LOOK_MOVED | LOOK_BELOW, 0);
	next(1, 0, "e", LOOK_MOVED | LOOK_BELOW);
	put(0, "e", LOOK_MOVED, 0);
	put(0, "e", 0, 0);
	next(1, 0, "e", 0);
	/* Bounded. */
	for (unsigned k = 0; k < PENDING_MAX; k++) {
		snprintf(path, sizeof(path), "%u", k);
		put(0, path, 0, k % 3 == 0 ? 9 : 0);
	}
	assert(!pending_put(p, 0, "more", 4, 0, 0));
	put(0, "77", 0, 0);
	pending_clear(p);
	assert(pending_due(p) == UINT64_MAX);
	put(0, "a", 0, 0);
	pending_free(p);
	puts("ok 1 - what waits to be looked at\n1..1");
	return 0;
}
