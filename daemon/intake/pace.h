/*
 * pace.h: reading no faster than the user allows, and knowing how fast that is.
 *
 * A pace is shared by all who read.  An eta is fed with what has been done, and
 * says from the last seconds how long the rest will take.
 */
#ifndef PHOTOMESH_PACE_H
#define PHOTOMESH_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pace {
	uint64_t bytes_per_second; /* 0: as fast as it goes */
	pthread_mutex_t lock;
	uint64_t free_us; /* when the next bytes may be read */
};

void pace_init(struct pace *p, uint64_t bytes_per_second);
void pace_release(struct pace *p);
/* Wait until so many bytes may be read; not when, or once, `stop` is true. */
void pace_take(struct pace *p, uint64_t bytes, const atomic_bool *stop);

/* Opening a file costs about as much as reading this. */
#define ETA_FILE_BYTES (64u * 1024u)

/* Zeroed is new. */
struct eta {
	uint64_t began_ms, noted_ms;
	uint64_t noted; /* work done then, in bytes */
	double per_ms;  /* 0: not known yet */
};

void eta_note(struct eta *e, uint64_t files, uint64_t bytes, uint64_t now_ms);
/* How long for so much more?  0: not known, or nothing. */
uint64_t eta_ms(const struct eta *e, uint64_t files, uint64_t bytes);

#endif
