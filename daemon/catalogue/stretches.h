/*
 * stretches.h: photos and bytes of years, months or days, as they come.
 *
 * In no order, any number of photos; of stretches no more is told than the
 * newest `max`, and no more kept than a few times that, whatever dates somebody
 * claims.  Pure.
 */
#ifndef PHOTOMESH_STRETCHES_H
#define PHOTOMESH_STRETCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "query.h"

struct stretches {
	struct timeline_time *slots; /* owned; by a hash of the day */
	uint32_t capacity;           /* a power of two, or 0 */
	uint32_t count, max;
	bool cut;                    /* all before `oldest` are too many */
	int32_t oldest;
};

void stretches_init(struct stretches *s, uint32_t max);
void stretches_release(struct stretches *s);
/* Begin again. */
void stretches_clear(struct stretches *s);
/* A photo of the stretch that begins with `day`.  -1: out of memory. */
int stretches_add(struct stretches *s, int32_t day, uint64_t bytes);
/* No more come: slots has the newest first; their number. */
uint32_t stretches_end(struct stretches *s);

#endif
