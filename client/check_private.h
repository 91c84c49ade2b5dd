/*
 * check_private.h: the inside of photo check: cmd_check.c asks, check_itself.c
 * knows whose copy is the very file, check_report.c tells.
 */
#ifndef PHOTO_CHECK_PRIVATE_H
#define PHOTO_CHECK_PRIVATE_H

#include <stdint.h>

#include "looking.h"

struct failure;

struct check {
	struct looking look; /* its roots: of every daemon here that answers */
	unsigned silent;     /* daemons here that did not say theirs */
	uint64_t held, few, unproved, damaged, new, not_media, unreadable;
	uint64_t itself, same_disk;
};

/*
 * Who has proved the item by reading the very file that is checked, under
 * whatever name, proves nothing: HOLDER_ITSELF.  -1: it cannot be told.
 */
int check_itself(struct check *k, struct have_item *item, struct failure *why);

void check_report(struct check *k, const struct have_item *item);
/* The summary, and whether it is safe to let go of the files. */
int check_end(struct check *k, struct failure *why);

#endif
