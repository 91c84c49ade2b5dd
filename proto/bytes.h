/*
 * bytes.h: big-endian integers into a buffer, private to proto/.
 */
#ifndef PHOTOMESH_BYTES_H
#define PHOTOMESH_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Each writes at *at and moves *at behind what it wrote. */
static inline void
put_be(uint8_t **at, uint64_t v, unsigned width)
{
	for (unsigned n = width; n > 0; n--)
		*(*at)++ = (uint8_t)(v >> (8 * (n - 1)));
}

static inline void
put_bytes(uint8_t **at, const void *bytes, size_t count)
{
	if (count > 0)
		memcpy(*at, bytes, count);
	*at += count;
}

#endif
