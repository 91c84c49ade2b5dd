/*
 * live_private.h: looking at single paths: what its files share.
 *
 * What is found there is recorded at once.  What is missing is withdrawn a
 * little later, all of a burst together: so that what has been moved is
 * recorded at its new place before, and so that the brake sees the whole burst.
 */
#ifndef PHOTOMESH_LIVE_PRIVATE_H
#define PHOTOMESH_LIVE_PRIVATE_H

#include "scan_private.h"

/* A path at which nothing was found, or another directory than the one that was
 * known (LOOK_BELOW). */
struct missing {
	struct missing *next;
	unsigned index;  /* of the root */
	unsigned flags;  /* LOOK_BELOW, LOOK_MOVED */
	bool counted;    /* with another one that tells of it: it goes with that */
	bool photo;      /* the path itself was one */
	uint64_t added_ms;
	unsigned looks;  /* so often it was looked for since ... */
	bool away;       /* ... and never there */
	enum path_found found; /* when it was counted */
	size_t path_bytes;
	char path[]; /* and a NUL */
};

struct live {
	struct missing *first, **last;
	size_t count;
	bool moved_only;   /* all of them are elsewhere now */
	uint64_t serial;   /* the jobs up to this one may be about them */
	uint64_t first_ms, last_ms;
	uint64_t again_ms; /* not before; there was more to be told */
	uint64_t turned_ms; /* the last turn's end */
	struct scan_root roots[STATE_ROOTS_MAX];
};

/* ---- live.c ------------------------------------------------------------ */

/* The root with its folder open for this turn; NULL: it cannot be reached, and
 * a scan is to come. */
struct scan_root *live_root(struct intake *i, unsigned index);

/* ---- live_missing.c ---------------------------------------------------- */

void missing_add(struct intake *i, const struct pending_item *item);
/* When what is missing will be withdrawn; UINT64_MAX: nothing is missing. */
uint64_t missing_due(struct intake *i);
void missing_withdraw(struct intake *i);
void missing_clear(struct live *l);
/* Do `each` with everything known below, some thousands at a time, with no
 * read transaction open.  False: not with all of it. */
bool each_below(struct scan_root *s, const char *path, size_t path_bytes,
		bool (*each)(struct scan_root *s, const char *path,
			     size_t bytes, bool photo, void *arg),
		void *arg);

/* ---- live_count.c ------------------------------------------------------ */

struct gone {
	uint64_t photos;    /* that lie nowhere else: what the brake judges */
	uint64_t withdrawn; /* all: no more than these may be withdrawn */
};

/* Count what is missing of a root; *s is NULL if nothing is.  False: it cannot be
 * told, so nothing may be withdrawn. */
bool gone_count(struct intake *i, unsigned index, struct scan_root **s,
		struct gone *out);
/* May so many photos go?  If not, the root is offline now. */
bool gone_allowed(struct scan_root *s, uint64_t photos);

#endif
