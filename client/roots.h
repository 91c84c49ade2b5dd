/*
 * roots.h: the folders that daemons of this machine serve.
 *
 * For knowing where a file may be put, and whether a file named by the user
 * lies in a served folder itself: then the node's copy is that very file.
 */
#ifndef PHOTO_ROOTS_H
#define PHOTO_ROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "question.h"

struct call;
struct failure;

struct served_root {
	struct node_id node;
	char node_name[SHOWN_NAME_MAX + 1];
	char *label; /* owned; NUL-terminated, as is the path */
	char *path;  /* owned; real (through no link) where that is known */
	bool online;
	uint64_t free_bytes;
};

struct roots {
	struct served_root *list; /* owned */
	size_t count, capacity;
};

/* Add those of the daemon that `c` has found. */
int roots_ask(struct roots *r, struct call *c, struct failure *why);
/*
 * Add those of all other daemons that answer here within timeout_ms each.
 * `silent` counts those that are there and did not say, for whatever reason:
 * what lies in their folders is not known.
 */
void roots_ask_others(struct roots *r, const struct call *c,
		      int64_t timeout_ms, unsigned *silent);
void roots_release(struct roots *r);

/* The first root from `at` on that the absolute path lies in; NULL: none. */
const struct served_root *roots_with(const struct roots *r, size_t at,
				     const char *real);

#endif
