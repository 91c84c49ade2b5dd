#include "thumb.h"

#include <string.h>

enum marker {
	MARKER_SOF0 = 0xc0, /* baseline, Huffman */
	MARKER_DHT = 0xc4,
	MARKER_SOI = 0xd8,
	MARKER_EOI = 0xd9,
	MARKER_SOS = 0xda,
	MARKER_DQT = 0xdb,
	MARKER_APP0 = 0xe0,
};

#define FRAME_BYTES_MIN 8u /* of SOF0, without its length and components */

struct thumb {
	uint32_t width, height;
	unsigned components; /* 0: no SOF0 yet */
	bool quantized, coded; /* DQT, DHT have come */
};

static unsigned
two(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* The header of the frame: once, and small. */
static bool
take_frame(struct thumb *t, const uint8_t *body, size_t bytes)
{
	if (t->components != 0 || bytes < FRAME_BYTES_MIN - 2 || body[0] != 8)
		return false;
	t->height = two(body + 1);
	t->width = two(body + 3);
	t->components = body[5];
	return (t->components == 1 || t->components == 3) &&
	       bytes == 6u + 3u * t->components && t->width >= 1 &&
	       t->width <= THUMB_SIDE && t->height >= 1 &&
	       t->height <= THUMB_SIDE;
}

/* One segment before the scan; its body is without marker and length. */
static bool
take_segment(struct thumb *t, unsigned marker, const uint8_t *body,
	     size_t bytes)
{
	switch (marker) {
	case MARKER_APP0:
		return bytes >= 5 && memcmp(body, "JFIF", 5) == 0;
	case MARKER_DQT:
		t->quantized = true;
		return true;
	case MARKER_DHT:
		t->coded = true;
		return true;
	case MARKER_SOF0:
		return take_frame(t, body, bytes);
	}
	return false;
}

/* The one scan, of all components, to the end of everything. */
static bool
scan_lawful(const uint8_t *at, const uint8_t *end)
{
	while ((at = memchr(at, 0xff, (size_t)(end - at))) != NULL) {
		if (end - at < 2)
			return false;
		if (at[1] == MARKER_EOI)
			return at + 2 == end;
		if (at[1] != 0) /* a byte of 0xff has a zero behind it */
			return false;
		at += 2;
	}
	return false;
}

bool
thumb_lawful(const uint8_t *bytes, size_t count, uint32_t *width,
	     uint32_t *height)
{
	const uint8_t *at = bytes + 2, *end = bytes + count;
	struct thumb t;

	if (count < 4 || count > THUMB_BYTES_MAX || bytes[0] != 0xff ||
	    bytes[1] != MARKER_SOI)
		return false;
	memset(&t, 0, sizeof(t));
	for (;;) {
		unsigned marker, length;

		if (end - at < 4 || at[0] != 0xff)
			return false;
		marker = at[1];
		length = two(at + 2);
		at += 2;
		if (length < 2 || length > end - at)
			return false;
		if (marker == MARKER_SOS) {
			if (t.components == 0 || !t.quantized || !t.coded ||
			    length != 6u + 2u * t.components ||
			    at[2] != t.components)
				return false;
			break;
		}
		if (!take_segment(&t, marker, at + 2, length - 2))
			return false;
		at += length;
	}
	at += two(at);
	if (!scan_lawful(at, end))
		return false;
	if (width != NULL)
		*width = t.width;
	if (height != NULL)
		*height = t.height;
	return true;
}
