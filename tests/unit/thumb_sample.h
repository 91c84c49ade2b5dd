/*
 * thumb_sample.h: bytes that have the form of a thumbnail, for tests that move
 * them; what they would show is nothing.
 */
#ifndef PHOTOMESH_THUMB_SAMPLE_H
#define PHOTOMESH_THUMB_SAMPLE_H

#include <stdint.h>
#include <string.h>

/* Where the mark is. */
#define THUMB_SAMPLE_MARK 8u

/* With a mark of four bytes, and so many bytes of data; how many in all. */
static inline size_t
thumb_sample(uint8_t *out, unsigned width, unsigned height, uint32_t mark,
	     size_t data_bytes)
{
	static const uint8_t head[] = {
		0xff, 0xd8,
		/* DQT, DHT: nobody looks into them */
		0xff, 0xdb, 0, 8, 0, 0, 'm', 'a', 'r', 'k',
		0xff, 0xc4, 0, 4, 0, 0,
		/* SOF0 */
		0xff, 0xc0, 0, 17, 8, 0, 0, 0, 0, 3,
		1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0,
		/* SOS */
		0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0};
	size_t used = sizeof(head);

	memcpy(out, head, sizeof(head));
	memcpy(out + THUMB_SAMPLE_MARK, &mark, sizeof(mark));
	out[23] = (uint8_t)(height >> 8);
	out[24] = (uint8_t)height;
	out[25] = (uint8_t)(width >> 8);
	out[26] = (uint8_t)width;
	memset(out + used, 0x5a, data_bytes);
	used += data_bytes;
	out[used++] = 0xff;
	out[used++] = 0xd9;
	return used;
}

#endif
