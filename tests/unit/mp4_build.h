/*
 * mp4_build.h: movies of nothing but heads, for tests.  Boxes are opened and
 * closed; sizes are written when they close.
 */
#ifndef PHOTOMESH_MP4_BUILD_H
#define PHOTOMESH_MP4_BUILD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mp4_build {
	uint8_t bytes[4096];
	size_t used;
	size_t open[16];
	unsigned depth;
};

static inline void
put(struct mp4_build *b, uint64_t v, unsigned width)
{
	for (unsigned i = width; i > 0; i--)
		b->bytes[b->used++] =
			i > 8 ? 0 : (uint8_t)(v >> (8 * (i - 1)));
}

static inline void
put_raw(struct mp4_build *b, const void *bytes, size_t count)
{
	memcpy(b->bytes + b->used, bytes, count);
	b->used += count;
}

static inline void
box_begin(struct mp4_build *b, const char *type)
{
	b->open[b->depth++] = b->used;
	put(b, 0, 4);
	put_raw(b, type, 4);
}

static inline void
box_end(struct mp4_build *b)
{
	size_t at = b->open[--b->depth], end = b->used;

	b->used = at;
	put(b, end - at, 4);
	b->used = end;
}

static inline void
put_mvhd(struct mp4_build *b, unsigned version, uint64_t created,
	 uint32_t scale, uint64_t duration)
{
	unsigned width = version == 1 ? 8 : 4;

	box_begin(b, "mvhd");
	put(b, (uint64_t)version << 24, 4);
	put(b, created, width);
	put(b, created, width);
	put(b, scale, 4);
	put(b, duration, width);
	box_end(b);
}

/* A track of this size; `turned` by a quarter. */
static inline void
put_trak(struct mp4_build *b, unsigned version, uint32_t width,
	 uint32_t height, int turned, const char *kind)
{
	unsigned wide = version == 1 ? 8 : 4;
	uint32_t one = 0x10000;

	box_begin(b, "trak");
	box_begin(b, "tkhd");
	put(b, (uint64_t)version << 24, 4);
	put(b, 0, wide);
	put(b, 0, wide);
	put(b, 1, 4);
	put(b, 0, 4);
	put(b, 0, wide);
	put(b, 0, 16);
	put(b, turned ? 0 : one, 4);
	put(b, turned ? one : 0, 4);
	put(b, 0, 4);
	put(b, turned ? 0xffff0000u : 0, 4);
	put(b, turned ? 0 : one, 4);
	put(b, 0, 12);
	put(b, 0x40000000, 4);
	put(b, (uint64_t)width << 16, 4);
	put(b, (uint64_t)height << 16, 4);
	box_end(b);
	box_begin(b, "mdia");
	box_begin(b, "hdlr");
	put(b, 0, 8);
	put_raw(b, kind, 4);
	put(b, 0, 12);
	box_end(b);
	box_end(b);
	box_end(b);
}

/* Apple's keys and their values, as many as there are up to NULL. */
static inline void
put_keys(struct mp4_build *b, const char *const (*pairs)[2])
{
	unsigned count = 0;

	while (pairs[count][0] != NULL)
		count++;
	box_begin(b, "meta");
	box_begin(b, "hdlr");
	put(b, 0, 8);
	put_raw(b, "mdta", 4);
	put(b, 0, 13);
	box_end(b);
	box_begin(b, "keys");
	put(b, 0, 4);
	put(b, count, 4);
	for (unsigned i = 0; i < count; i++) {
		put(b, 8 + strlen(pairs[i][0]), 4);
		put_raw(b, "mdta", 4);
		put_raw(b, pairs[i][0], strlen(pairs[i][0]));
	}
	box_end(b);
	box_begin(b, "ilst");
	for (unsigned i = 0; i < count; i++) {
		const char type[4] = {0, 0, 0, (char)(i + 1)};

		box_begin(b, type);
		box_begin(b, "data");
		put(b, 1, 4);
		put(b, 0, 4);
		put_raw(b, pairs[i][1], strlen(pairs[i][1]));
		box_end(b);
		box_end(b);
	}
	box_end(b);
	box_end(b);
}

/* A phone's film of 12.5 s, turned upright, with a place. */
static inline void
mp4_phone(struct mp4_build *b)
{
	static const char *const keys[][2] = {
		{"com.apple.quicktime.make", "Apple"},
		{"com.apple.quicktime.model", "iPhone 12"},
		{"com.apple.quicktime.creationdate",
		 "2019-07-04T10:15:30+0200"},
		{"com.apple.quicktime.location.ISO6709",
		 "+48.8577+002.2950+035.125/"},
		{NULL, NULL},
	};

	memset(b, 0, sizeof(*b));
	box_begin(b, "ftyp");
	put_raw(b, "qt  \0\0\2\0qt  ", 12);
	box_end(b);
	box_begin(b, "mdat");
	put(b, 0, 32);
	box_end(b);
	box_begin(b, "moov");
	put_mvhd(b, 0, UINT64_C(2082844800) + 1562235330 - 7200, 600, 7500);
	put_trak(b, 0, 0, 0, 0, "soun");
	put_trak(b, 0, 1920, 1080, 1, "vide");
	put_keys(b, keys);
	box_end(b);
}

#endif
