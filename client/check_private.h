/*
 * check_private.h: the inside of photo check: cmd_check.c asks, check_report.c
 * tells.
 */
#ifndef PHOTO_CHECK_PRIVATE_H
#define PHOTO_CHECK_PRIVATE_H

#include <stdint.h>

#include "call.h"
#include "failure.h"
#include "have.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "reading.h"
#include "roots.h"

struct check {
	const struct options *options;
	struct output *output;
	struct call *call;
	struct reading *reading;
	struct roots roots; /* of every daemon of this machine that answers */
	struct have_batch batch;
	uint64_t held, few, unproved, damaged, new, not_media, unreadable;
	uint64_t itself, hidden;
	struct progress progress;
};

void check_report(struct check *k, const struct have_item *item);
/* The summary, and whether it is safe to let go of the files. */
int check_end(struct check *k, struct failure *why);

#endif
