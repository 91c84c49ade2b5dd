/*
 * thumb.h: is this a thumbnail?
 *
 * Thumbnails are made by one member and shown by others, so nobody believes
 * that bytes are one.  Here they are held against the one form there is, by
 * their markers alone; what the entropy-coded data mean is not looked at, and
 * nothing is decoded.  PROTOCOL.md, "Thumbnails", is normative.
 */
#ifndef PHOTOMESH_THUMB_H
#define PHOTOMESH_THUMB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/*
 * All of `bytes` is one baseline JPEG of 8 bits, 1 or 3 components, 1 to
 * THUMB_SIDE pixels a side, at most THUMB_BYTES_MAX bytes, with no segment but
 * those that decoding takes (and JFIF): so no metadata, nothing behind its end.
 * The size is told when `width` and `height` are given.
 */
bool thumb_lawful(const uint8_t *bytes, size_t count, uint32_t *width,
		  uint32_t *height);

#endif
