/*
 * thumb_store.h: the thumbnails that are kept, newest photos first.
 *
 * A file of its own beside the catalogue, of bounded size; a cache and nothing
 * else: all in it can be made or fetched again.  So it never fails anybody: a
 * damaged file is removed and begun anew, on a full disk nothing more is kept
 * for a while, and whatever goes wrong is as if nothing were there.  When there
 * is no room, the oldest photo's goes.
 *
 * From any thread but the loop's: it waits for a disk.  The file is opened when
 * something is first asked of it.
 */
#ifndef PHOTOMESH_THUMB_STORE_H
#define PHOTOMESH_THUMB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "photo_id.h"

struct thumb_store;

/* In the state directory `dir` (copied).  bytes_max 0: nothing is kept, and what
 * was is removed.  NULL: out of memory. */
struct thumb_store *thumb_store_new(const char *dir, uint64_t bytes_max);
/* What was put is then on disk. */
void thumb_store_free(struct thumb_store *s);

/*
 * One image, lawful by thumb.h; or none (count 0): it is known that of this
 * photo there can be none.  `date` says how new the photo is, in any unit.
 * False: it was not kept.
 */
bool thumb_store_put(struct thumb_store *s, const struct photo_id *photo,
		     int64_t date, const uint8_t *image, size_t count);

enum thumb_found {
	THUMB_ABSENT,
	THUMB_KEPT,
	THUMB_IMPOSSIBLE, /* there can be none */
};
enum thumb_found thumb_store_get(struct thumb_store *s,
				 const struct photo_id *photo,
				 uint8_t out[THUMB_BYTES_MAX], size_t *count);
/* Is one kept, or known to be impossible? */
bool thumb_store_has(struct thumb_store *s, const struct photo_id *photo);
/* Would one be kept?  Of photos of one date the greater id counts as newer, as in
 * lists. */
bool thumb_store_wants(struct thumb_store *s, const struct photo_id *photo,
		       int64_t date);
/* One more was made by this node, kept or not. */
void thumb_store_made(struct thumb_store *s);
/* Images kept; made in this run. */
void thumb_store_count(struct thumb_store *s, uint64_t *kept, uint64_t *made);
/* Nothing to do for a while: what was put goes to disk, memory to the kernel. */
void thumb_store_rest(struct thumb_store *s);

#endif
