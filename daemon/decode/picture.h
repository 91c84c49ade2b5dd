/*
 * picture.h: what gexiv2 and vips are asked, private to photo-decode.
 */
#ifndef PHOTOMESH_DECODE_PICTURE_H
#define PHOTOMESH_DECODE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "view.h"

struct record_meta;
struct exif;

/* More is refused before a pixel is decoded. */
#define PICTURE_SIDE_MAX   65500u
#define PICTURE_PIXELS_MAX UINT64_C(200000000)

/* ---- pixels.c: vips ----------------------------------------------------- */

int pixels_start(void);
/* Does vips read this (a media type as of sniff.h)? */
bool pixels_understand(const char *type);
/* What its header says, without decoding. */
struct pixels_header {
	uint32_t width, height; /* HEIC, AVIF: as displayed; else as stored */
	uint8_t *exif, *xmp;    /* owned; a TIFF, an XML packet; or NULL */
	size_t exif_bytes, xmp_bytes;
};
bool pixels_header_read(struct pixels_header *h, const char *type,
			const uint8_t *bytes, size_t count);
void pixels_header_release(struct pixels_header *h);
/*
 * A thumbnail into out[max], sRGB, no metadata; 0 when there is none, and then
 * `reason` says why.  Turned as `orientation` (1 to 8) says, whatever the bytes
 * say themselves.
 */
size_t pixels_thumb(const char *type, const uint8_t *bytes, size_t count,
		    unsigned orientation, uint8_t *out, size_t max,
		    const char **reason);

/* What a thumbnail shows: its size, and rows of red, green and blue bytes into
 * out[THUMB_PIXELS_MAX].  False: it is none. */
bool pixels_show(const uint8_t *bytes, size_t count, uint8_t *out,
		 uint32_t *width, uint32_t *height);

/* ---- exif.c, exif_read.c: gexiv2 ----------------------------------------- */

int exif_start(void);
/* NULL when nothing is found that is understood. */
struct exif *exif_open(const uint8_t *bytes, size_t count);
/* From the parts that vips has found in a HEIC or AVIF: gexiv2 overlooks some. */
struct exif *exif_open_parts(const struct pixels_header *h);
void exif_close(struct exif *e);
/* Everything but media. */
void exif_read(struct exif *e, struct record_meta *out);
/* A TIFF that holds the values of a sensor. */
bool exif_is_raw(struct exif *e);
/*
 * The smallest embedded preview of at least THUMB_SIDE that has the picture's
 * shape; with `any` the largest, where there is none.  NULL: none.  Owned by e.
 */
const uint8_t *exif_preview(struct exif *e, bool any, size_t *count);
unsigned exif_orientation(struct exif *e);

#endif
