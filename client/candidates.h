/*
 * candidates.h: the photos that an id, too short, might mean.
 */
#ifndef PHOTO_CANDIDATES_H
#define PHOTO_CANDIDATES_H

#include "question.h"

struct failure;
struct output;

/*
 * Say which they are (on standard error, or in the object that JSON readers
 * get) and fill *why with ENDING_AMBIGUOUS, with an empty message when that
 * has been said.  Always -1.
 */
int candidates_put(struct output *o, const char *id,
		   const struct answer_photos *a, struct failure *why);

#endif
