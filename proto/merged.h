/*
 * merged.h: the digest of the merged list, compared by VERIFY.
 *
 * The sum modulo 2^128, over all photos of the merged list, of XXH3-128 over:
 * photo id (24), copies u32, name length u32, name; integers big-endian.
 * Copies that are one file on one host count once; the name is the one shown.
 */
#ifndef PHOTOMESH_MERGED_H
#define PHOTOMESH_MERGED_H

#include <stddef.h>
#include <stdint.h>

#include "ident.h"
#include "photo_id.h"

/* Add one photo to `sum`.  name_bytes <= PATH_BYTES_MAX. */
void merged_add(struct digest *sum, const struct photo_id *photo,
		uint32_t copies, const void *name, size_t name_bytes);

#endif
