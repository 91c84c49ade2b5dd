/*
 * raf.h: how large the picture in a Fujifilm raw file is (pure).
 *
 * Its metadata are those of the JPEG within, and that one's size with them; the
 * size of the picture itself stands in a directory of the container, which
 * exiv2 does not read.
 */
#ifndef PHOTOMESH_DECODE_RAF_H
#define PHOTOMESH_DECODE_RAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As a camera shows it, else of the whole sensor; false: it is not told. */
bool raf_size(const uint8_t *bytes, size_t count, uint32_t *width,
	      uint32_t *height);

#endif
