/*
 * meta.h: what the bytes of one photo say about it, as a record's value.
 *
 * Said once in the mesh by one of its holders, and only what is in the bytes:
 * nothing of names or of the file system.  Values are hostile (a picture is):
 * whoever shows a text escapes it.  A record is kept as received, so the layout
 * grows at its end only.
 */
#ifndef PHOTOMESH_META_H
#define PHOTOMESH_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raised whenever the same bytes may give another answer than before.  Of two
 * records about one photo the greater decoder wins, then one whose media is known,
 * then the lower node id. */
#define META_DECODER 2u

#define META_TEXT_MAX     127u /* bytes of make, model, lens, without the NUL */
#define META_TITLE_MAX    511u
#define META_KEYWORD_MAX  95u
#define META_KEYWORDS_MAX 24u
/* key and value of the largest record; below RECORD_BYTES_MAX */
#define META_BYTES_MAX    4096u

enum meta_media { META_OTHER = 0, META_PICTURE = 1, META_RAW = 2, META_VIDEO = 3 };

/* Where the capture time was read. */
enum meta_source {
	META_TAKEN_NONE = 0,
	META_TAKEN_EXIF = 1,      /* DateTimeOriginal */
	META_TAKEN_DIGITIZED = 2, /* DateTimeDigitized */
	META_TAKEN_XMP = 3,
	META_TAKEN_IPTC = 4,
	META_TAKEN_CONTAINER = 5, /* of a video: mvhd, in UTC (offset 0), or
				   * where it says so the camera's own clock */
};

/* What the date of a photo comes from, as shown: one of the above, or */
#define DATE_MTIME 0u  /* when its oldest copy was last changed; in UTC */
#define DATE_NAME  15u /* what one of its copies is called */

/* Which of the numbers below are known. */
#define META_HAS_TAKEN    (1u << 0)
#define META_HAS_OFFSET   (1u << 1) /* never without the time it is of */
#define META_HAS_EXPOSURE (1u << 2)
#define META_HAS_APERTURE (1u << 3)
#define META_HAS_ISO      (1u << 4)
#define META_HAS_FOCAL    (1u << 5)
#define META_HAS_PLACE    (1u << 6)
#define META_HAS_ALTITUDE (1u << 7)
#define META_HAS_RATING   (1u << 8)
#define META_HAS_DURATION (1u << 9)

/*
 * [decoder, media, width, height, orientation, taken_ms, offset, source, make,
 *  model, lens, exposure_us, aperture_milli, iso, focal_um, latitude_e7,
 *  longitude_e7, altitude_mm, rating, title, [keyword...], duration_ms]
 * What is not known is nil; a text that is not known is empty, a keyword never.
 */
struct record_meta {
	uint32_t decoder;
	uint8_t media;           /* enum meta_media; unknown ones are kept */
	uint32_t width, height;  /* as displayed, pixels; 0: not known */
	uint8_t orientation;     /* EXIF 1..8, still to be applied to the pixels; 1
				  * where the decoder applies it itself (HEIC) */
	uint32_t has;            /* META_HAS_* */
	int64_t taken_ms;        /* the camera's own clock, as if it were UTC */
	int32_t offset_min;      /* of that clock, minutes east of UTC */
	uint8_t source;          /* enum meta_source; unknown ones are kept */
	uint64_t exposure_us;
	uint32_t aperture_milli; /* f-number * 1000 */
	uint32_t iso;
	uint32_t focal_um;       /* as in the lens, not 35 mm equivalent */
	int32_t latitude_e7, longitude_e7; /* degrees * 10^7, WGS 84 */
	int32_t altitude_mm;     /* above the sea; below zero under it */
	int32_t rating;          /* -1 rejected, 0..5 */
	uint64_t duration_ms;
	char make[META_TEXT_MAX + 1]; /* UTF-8, no control characters */
	char model[META_TEXT_MAX + 1];
	char lens[META_TEXT_MAX + 1];
	char title[META_TITLE_MAX + 1];
	uint32_t keyword_count;
	char keywords[META_KEYWORDS_MAX][META_KEYWORD_MAX + 1];
};

/* The bytes written to out, or 0 if it does not fit, or if record_meta_parse
 * would refuse it. */
size_t record_meta_pack(const struct record_meta *v, uint8_t *out, size_t max);

/*
 * Reads a value as received; false when it is not what the layout says, or a
 * number is outside what can be (latitude over 90 degrees, orientation 9, text
 * that is no UTF-8 or has control characters): the row is then kept and
 * relayed, but shown nowhere.  No allocation.  Trailing items are ignored.
 */
bool record_meta_parse(const uint8_t *value, size_t bytes,
		       struct record_meta *out);

#endif
