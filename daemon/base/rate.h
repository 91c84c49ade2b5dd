/*
 * rate.h: so many bytes a second, whoever moves them.
 *
 * One rate is shared by all threads that serve, another by all that fetch, a
 * third by all that read folders.
 * It only counts and says how long to wait; the waiting is the caller's, who
 * knows what may end it.
 */
#ifndef PHOTOMESH_RATE_H
#define PHOTOMESH_RATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define RATE_BURST_MS 250u /* of what was not used, so much may be made up */

struct rate {
	pthread_mutex_t lock;
	uint64_t bytes_per_second; /* 0: no bound */
	uint64_t free_us; /* all that was reserved will have gone by then */
};

void rate_init(struct rate *r, uint64_t bytes_per_second);
void rate_release(struct rate *r);
/* How many of `max` bytes to move at a time, so that there are some moves every
 * second; at least 1. */
size_t rate_part(const struct rate *r, size_t max);
/* Reserve: `bytes` may go in so many milliseconds, 0 is at once.  From any
 * thread; in the order of the calls. */
uint64_t rate_reserve(struct rate *r, uint64_t bytes, uint64_t now_ms);

#endif
