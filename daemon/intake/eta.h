/*
 * eta.h: how long a scan will take yet.
 *
 * It is fed with what has been done, and tells from the last seconds.
 */
#ifndef PHOTOMESH_ETA_H
#define PHOTOMESH_ETA_H

#include <stdint.h>

/* Opening a file costs about as much as reading this. */
#define ETA_FILE_BYTES (64u * 1024u)

/* Zeroed is new. */
struct eta {
	uint64_t noted_ms; /* 0: nothing yet */
	uint64_t noted;    /* work done then, in bytes */
	double per_ms;     /* 0: not known yet */
};

void eta_note(struct eta *e, uint64_t files, uint64_t bytes, uint64_t now_ms);
/* How long for so much more?  0: not known, or nothing. */
uint64_t eta_ms(const struct eta *e, uint64_t files, uint64_t bytes);

#endif
