/*
 * part.h: a file that is being filled with a photo, and what is in it already.
 *
 * The photo's bytes lie where they will stay; behind the last of them lies a
 * note: whose bytes these are meant to be, and of each piece that is whole its
 * XXH3-64.  The note of a piece is written after its bytes, so a crash leaves
 * it behind, never ahead; and a piece from an earlier try is believed only if
 * its bytes still hash to its note.  A photo of one piece has no note: it is
 * begun afresh.  part_whole checks XXH3-128 over everything, and cuts the note
 * off.
 *
 * The descriptor is borrowed.  Pieces may be written by several threads at
 * once; begin, end, abandon and whole are called under the caller's lock.
 */
#ifndef PHOTOMESH_PART_H
#define PHOTOMESH_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "photo_id.h"

struct part;
struct trouble;

/* One piece on its way in; the caller's. */
struct part_piece {
	uint32_t index;
	uint64_t offset, length, got;
	bool leads; /* its bytes go into the running hash as they come */
	void *hash; /* owned; NULL when not begun */
};

/*
 * `fd`: a regular file open for reading and writing.  Looks at what is there:
 * `each` is called for every piece that is whole; *resumed_bytes counts them.
 * NULL with `why`.
 */
struct part *part_open(int fd, const struct photo_id *photo,
		       void (*each)(void *arg, uint32_t index), void *arg,
		       uint64_t *resumed_bytes, struct trouble *why);
void part_free(struct part *p);

/* 0, or -1: out of memory. */
int part_begin(struct part *p, uint32_t index, struct part_piece *out,
	       struct trouble *why);
/* The next bytes of it, no more than it has; -1 when they cannot be written. */
int part_put(struct part *p, struct part_piece *piece, const uint8_t *bytes,
	     size_t count, struct trouble *why);
/* All its bytes are in: note it.  -1: cannot be written; then abandon it. */
int part_end(struct part *p, struct part_piece *piece, struct trouble *why);
/* It will not be finished. */
void part_abandon(struct part *p, struct part_piece *piece);
/* All pieces go: what they held is not the photo. */
int part_forget(struct part *p, struct trouble *why);

/*
 * Every piece is in: is it the photo?  1: yes, and the file has exactly its
 * bytes; 0: no, nothing was changed; -1: it cannot be read or cut.
 */
int part_whole(struct part *p, struct trouble *why);

#endif
