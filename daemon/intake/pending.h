/*
 * pending.h: what is to be looked at, each path once, and when.
 *
 * A bounded set of paths with the time at which a look is due.  Knows no lock:
 * the intake guards it.
 */
#ifndef PHOTOMESH_PENDING_H
#define PHOTOMESH_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDING_MAX      32768u
#define PENDING_QUIET_MS 2000u /* not modified for so long: quiet */

enum pending_flag {
	LOOK_WHEN_QUIET = 1, /* it may still be being written */
	LOOK_BELOW = 2, /* if it is gone, so is what is known below it */
	LOOK_MOVED = 4, /* it has another path now, which is looked at before */
};

struct pending_item {
	struct pending_item *next, **at; /* in its line */
	struct pending_item *same;       /* in its chain */
	uint64_t hash;
	uint64_t due_ms; /* 0: now */
	unsigned root, flags;
	size_t path_bytes;
	char path[]; /* and a NUL */
};

struct pending;

struct pending *pending_new(void); /* NULL: out of memory */
void pending_free(struct pending *p);

/* What holds for one look instead of two. */
unsigned pending_join(unsigned first, unsigned then);
/*
 * A path that waits already waits no longer than before, with joined flags.  `due_ms` is 0 or at
 * most PENDING_QUIET_MS away.  False: the set is full, or out of memory.
 */
bool pending_put(struct pending *p, unsigned root, const char *path,
		 size_t path_bytes, unsigned flags, uint64_t due_ms);
/* The next that is due, in the order put; to be freed.  NULL: none. */
struct pending_item *pending_take(struct pending *p, uint64_t now_ms);
/* When pending_take will have something; UINT64_MAX: nothing waits. */
uint64_t pending_due(const struct pending *p);
/* Is anything due at once? */
bool pending_ready(const struct pending *p);
void pending_clear(struct pending *p);

#endif
