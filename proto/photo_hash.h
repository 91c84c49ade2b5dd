/*
 * photo_hash.h: from bytes, as they come, to a photo id.
 *
 * The one way to tell whether what was received or copied is the photo that it
 * should be.  Bytes are fed in order; nothing here reads them from anywhere.
 */
#ifndef PHOTOMESH_PHOTO_HASH_H
#define PHOTOMESH_PHOTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "photo_id.h"

struct photo_hash;

/* NULL: out of memory. */
struct photo_hash *photo_hash_new(void);
void photo_hash_free(struct photo_hash *h);

/* From the beginning again. */
void photo_hash_begin(struct photo_hash *h);
void photo_hash_add(struct photo_hash *h, const void *bytes, size_t count);
/* The photo of all bytes since the beginning; more may be added after. */
void photo_hash_end(const struct photo_hash *h, struct photo_id *out);

#endif
