/*
 * cursor.h: where a page of LIST ended, as bytes a client keeps for us.
 *
 * They come back from a stranger: unpacking believes nothing, and a cursor of
 * another order is refused, because it would silently skip photos.
 */
#ifndef PHOTOMESH_CURSOR_H
#define PHOTOMESH_CURSOR_H

#include "query.h"
#include "question.h"

/* The bytes written, at most CURSOR_BYTES_MAX. */
size_t cursor_pack(const struct list_cursor *c, enum list_sort sort,
		   bool reverse, uint8_t out[CURSOR_BYTES_MAX]);
bool cursor_unpack(const uint8_t *bytes, size_t count, enum list_sort sort,
		   bool reverse, struct list_cursor *out);

#endif
