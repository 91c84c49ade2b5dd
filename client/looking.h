/*
 * looking.h: files of the user's, read one after another and, a batch at a
 * time, held against what the mesh has.
 *
 * What photo add and photo check have in common: the connection, the walk, the
 * reading, HAVE.  What a batch comes to is for whoever looks.
 */
#ifndef PHOTO_LOOKING_H
#define PHOTO_LOOKING_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "failure.h"
#include "have.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "reading.h"
#include "roots.h"

struct looking {
	/* Set by looking_open, given back by looking_close; the first two are
	 * borrowed. */
	const struct options *options;
	struct output *output;
	struct call *call;
	struct reading *reading;
	struct roots roots; /* of the daemon that was found */
	struct have_batch batch;
	struct progress progress;
	uint64_t hidden; /* files and folders left out */
	/* Set by the caller, before looking_run. */
	void *arg;
	bool prove; /* each item gets a nonce, and the sum that answers it */
	/* The mesh has been asked about the batch.  -1 ends it all. */
	int (*on_batch)(void *arg, struct failure *why);
	/* As in sources.h. */
	bool (*may_enter)(void *arg, const char *path, const char *real);
	void (*on_trouble)(void *arg, const char *path, const char *what);
};

/* `l` is all zeros.  To be closed in any case. */
int looking_open(struct looking *l, const struct options *p, struct output *o,
		 struct failure *why);
void looking_close(struct looking *l);

/* Find the daemon, and which folders it serves. */
int looking_begin(struct looking *l, struct failure *why);
/* Count all that will be read, for the bar; when there is none, nothing. */
int looking_count(struct looking *l, struct failure *why);
/* Read everything that the arguments name. */
int looking_run(struct looking *l, struct failure *why);

#endif
