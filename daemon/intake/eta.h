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
#define ETA_NOTES      16u

/* Zeroed is new. */
struct eta {
	uint64_t count; /* of notes so far; the last ETA_NOTES are kept */
	struct {
		uint64_t ms, work; /* done by then, in bytes */
	} notes[ETA_NOTES];
};

/* So much is done by now.  The first note is of the beginning. */
void eta_note(struct eta *e, uint64_t files, uint64_t bytes, uint64_t now_ms);
/* How long for so much more?  0: not known, or nothing. */
uint64_t eta_ms(const struct eta *e, uint64_t files, uint64_t bytes);

#endif
