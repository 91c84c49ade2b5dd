/*
 * add_private.h: the inside of photo add, for add_*.c and cmd_add.c only.
 *
 * First everything is read and judged (cmd_add.c), then what is new is copied
 * (add_copy.c), then the daemon is asked to look (add_wait.c).
 */
#ifndef PHOTO_ADD_PRIVATE_H
#define PHOTO_ADD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "civil.h"
#include "looking.h"
#include "place.h"

/* A new photo, to be copied. */
struct planned {
	char *path; /* owned: of its source */
	struct photo_id photo;
	int64_t mtime_ns;
	size_t order; /* in which it was met */
	bool twice;   /* an earlier one has the same bytes */
	bool added;
};

struct add {
	struct looking look;
	const struct served_root *into;
	struct place root, year, month; /* fd -1: not open */
	struct planned *plan; /* owned */
	size_t plan_count, plan_capacity;
	uint64_t added, added_bytes, held, existing, twice, not_media, failed;
	enum ending worst;
	bool blind; /* the daemon does not look into files */
};

/* One file of the sources has met its fate: "added", "held", ... */
void add_report(struct add *a, const char *fate, const char *source,
		const struct photo_id *photo, const char *file,
		const struct have_item *item);
/* It cannot be added; the run goes on. */
void add_trouble(struct add *a, const char *path, enum ending e,
		 const char *what);

/* When it was taken, if the bytes say so, else its time of modification here:
 * year (0: neither) and month.  -1 ends the run. */
int add_date(struct add *a, const struct planned *n, int source,
	     struct civil *out, struct failure *why);
/* Copy what is planned; -1 ends the run. */
int add_copy(struct add *a, struct failure *why);
/* Until the daemon lists what was added. */
int add_wait(struct add *a, struct failure *why);

#endif
