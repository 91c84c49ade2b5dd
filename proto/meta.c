/*
 * meta.c: what a photo's bytes say, written and read.
 *
 * Writing refuses what reading refuses, so no node of this version can say what
 * its peers would show nowhere.
 */
#include "meta.h"

#include <string.h>

#include "limits.h"
#include "pack.h"
#include "reader.h"
#include "utf8.h"

/* From year 1 to year 9999. */
#define TAKEN_MS_MIN    INT64_C(-62135596800000)
#define TAKEN_MS_MAX    INT64_C(253402300799999)
#define OFFSET_MIN_MAX  1439
#define EXPOSURE_US_MAX UINT64_C(1000000000000) /* eleven days */
#define DURATION_MS_MAX ((UINT64_C(1) << 53) - 1)
#define META_ITEMS      22u

_Static_assert(3 * (META_TEXT_MAX + 2) + META_TITLE_MAX + 3 +
		       META_KEYWORDS_MAX * (META_KEYWORD_MAX + 2) + 3 +
		       17 * 9 + 24 <= META_BYTES_MAX,
	       "the largest record fits");
_Static_assert(META_BYTES_MAX <= RECORD_BYTES_MAX, "and is one");

/* ---- what can be ------------------------------------------------------- */

static bool
within(int64_t low, int64_t v, int64_t high)
{
	return low <= v && v <= high;
}

static bool
text_lawful(const char *text, size_t max)
{
	const char *end = memchr(text, '\0', max + 1);

	return end != NULL && utf8_plain(text, (size_t)(end - text));
}

static bool
texts_lawful(const struct record_meta *v)
{
	if (!text_lawful(v->make, META_TEXT_MAX) ||
	    !text_lawful(v->model, META_TEXT_MAX) ||
	    !text_lawful(v->lens, META_TEXT_MAX) ||
	    !text_lawful(v->title, META_TITLE_MAX) ||
	    v->keyword_count > META_KEYWORDS_MAX)
		return false;
	for (uint32_t i = 0; i < v->keyword_count; i++)
		if (v->keywords[i][0] == '\0' ||
		    !text_lawful(v->keywords[i], META_KEYWORD_MAX))
			return false;
	return true;
}

static bool
numbers_lawful(const struct record_meta *v)
{
	if (v->decoder == 0 || !within(1, v->orientation, 8))
		return false;
	if ((v->has & META_HAS_TAKEN) &&
	    !within(TAKEN_MS_MIN, v->taken_ms, TAKEN_MS_MAX))
		return false;
	if ((v->has & META_HAS_OFFSET) &&
	    (!(v->has & META_HAS_TAKEN) ||
	     !within(-OFFSET_MIN_MAX, v->offset_min, OFFSET_MIN_MAX)))
		return false;
	if ((v->has & META_HAS_EXPOSURE) && v->exposure_us > EXPOSURE_US_MAX)
		return false;
	if ((v->has & META_HAS_PLACE) &&
	    (!within(-900000000, v->latitude_e7, 900000000) ||
	     !within(-1800000000, v->longitude_e7, 1800000000)))
		return false;
	if ((v->has & META_HAS_RATING) && !within(-1, v->rating, 5))
		return false;
	return !(v->has & META_HAS_DURATION) ||
	       v->duration_ms <= DURATION_MS_MAX;
}

/* ---- writing ----------------------------------------------------------- */

static void
put_int(struct pack *p, const struct record_meta *v, uint32_t has, int64_t n)
{
	if (v->has & has)
		pack_int(p, n);
	else
		pack_nil(p);
}

static void
put_uint(struct pack *p, const struct record_meta *v, uint32_t has, uint64_t n)
{
	if (v->has & has)
		pack_uint(p, n);
	else
		pack_nil(p);
}

static void
put_side(struct pack *p, uint32_t pixels)
{
	if (pixels > 0)
		pack_uint(p, pixels);
	else
		pack_nil(p);
}

size_t
record_meta_pack(const struct record_meta *v, uint8_t *out, size_t max)
{
	struct pack p;

	if (!numbers_lawful(v) || !texts_lawful(v))
		return 0;
	pack_init(&p, out, max);
	pack_array(&p, META_ITEMS);
	pack_uint(&p, v->decoder);
	pack_uint(&p, v->media);
	put_side(&p, v->width);
	put_side(&p, v->height);
	pack_uint(&p, v->orientation);
	put_int(&p, v, META_HAS_TAKEN, v->taken_ms);
	put_int(&p, v, META_HAS_OFFSET, v->offset_min);
	put_uint(&p, v, META_HAS_TAKEN, v->source);
	pack_str(&p, v->make);
	pack_str(&p, v->model);
	pack_str(&p, v->lens);
	put_uint(&p, v, META_HAS_EXPOSURE, v->exposure_us);
	put_uint(&p, v, META_HAS_APERTURE, v->aperture_milli);
	put_uint(&p, v, META_HAS_ISO, v->iso);
	put_uint(&p, v, META_HAS_FOCAL, v->focal_um);
	put_int(&p, v, META_HAS_PLACE, v->latitude_e7);
	put_int(&p, v, META_HAS_PLACE, v->longitude_e7);
	put_int(&p, v, META_HAS_ALTITUDE, v->altitude_mm);
	put_int(&p, v, META_HAS_RATING, v->rating);
	pack_str(&p, v->title);
	pack_array(&p, v->keyword_count);
	for (uint32_t i = 0; i < v->keyword_count; i++)
		pack_str(&p, v->keywords[i]);
	put_uint(&p, v, META_HAS_DURATION, v->duration_ms);
	return p.overflow ? 0 : p.used;
}

/* ---- reading ----------------------------------------------------------- */

static int64_t
get_int(struct reader *r, struct record_meta *out, uint32_t has, int64_t low,
	int64_t high)
{
	int64_t n;

	if (reader_nil(r))
		return 0;
	n = reader_int(r);
	if (!within(low, n, high))
		r->broken = true;
	out->has |= has;
	return n;
}

static uint64_t
get_uint(struct reader *r, struct record_meta *out, uint32_t has, uint64_t max)
{
	if (reader_nil(r))
		return 0;
	out->has |= has;
	return reader_uint(r, max);
}

/* Both or neither. */
static void
get_place(struct reader *r, struct record_meta *out)
{
	bool latitude;

	out->latitude_e7 = (int32_t)get_int(r, out, META_HAS_PLACE, -900000000,
					    900000000);
	latitude = (out->has & META_HAS_PLACE) != 0;
	out->has &= ~META_HAS_PLACE;
	out->longitude_e7 = (int32_t)get_int(r, out, META_HAS_PLACE,
					     -1800000000, 1800000000);
	if (latitude != ((out->has & META_HAS_PLACE) != 0))
		r->broken = true;
}

static void
get_taken(struct reader *r, struct record_meta *out)
{
	out->taken_ms = get_int(r, out, META_HAS_TAKEN, TAKEN_MS_MIN,
				TAKEN_MS_MAX);
	out->offset_min = (int32_t)get_int(r, out, META_HAS_OFFSET,
					   -OFFSET_MIN_MAX, OFFSET_MIN_MAX);
	/* Without a time, whatever is said of its source says nothing. */
	out->source = (uint8_t)get_uint(r, out, 0, UINT8_MAX);
	if (!(out->has & META_HAS_TAKEN))
		out->source = META_TAKEN_NONE;
}

static void
get_keywords(struct reader *r, struct record_meta *out)
{
	out->keyword_count = reader_array(r, META_KEYWORDS_MAX);
	for (uint32_t i = 0; i < out->keyword_count && !r->broken; i++)
		reader_str(r, out->keywords[i], META_KEYWORD_MAX);
}

bool
record_meta_parse(const uint8_t *value, size_t bytes, struct record_meta *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, META_ITEMS))
		return false;
	out->decoder = (uint32_t)reader_uint(&r, UINT32_MAX);
	out->media = (uint8_t)reader_uint(&r, UINT8_MAX);
	out->width = (uint32_t)get_uint(&r, out, 0, UINT32_MAX);
	out->height = (uint32_t)get_uint(&r, out, 0, UINT32_MAX);
	out->orientation = (uint8_t)reader_uint(&r, 8);
	get_taken(&r, out);
	reader_str(&r, out->make, META_TEXT_MAX);
	reader_str(&r, out->model, META_TEXT_MAX);
	reader_str(&r, out->lens, META_TEXT_MAX);
	out->exposure_us = get_uint(&r, out, META_HAS_EXPOSURE,
				    EXPOSURE_US_MAX);
	out->aperture_milli =
		(uint32_t)get_uint(&r, out, META_HAS_APERTURE, UINT32_MAX);
	out->iso = (uint32_t)get_uint(&r, out, META_HAS_ISO, UINT32_MAX);
	out->focal_um =
		(uint32_t)get_uint(&r, out, META_HAS_FOCAL, UINT32_MAX);
	get_place(&r, out);
	out->altitude_mm = (int32_t)get_int(&r, out, META_HAS_ALTITUDE,
					    INT32_MIN, INT32_MAX);
	out->rating = (int32_t)get_int(&r, out, META_HAS_RATING, -1, 5);
	reader_str(&r, out->title, META_TITLE_MAX);
	get_keywords(&r, out);
	out->duration_ms = get_uint(&r, out, META_HAS_DURATION,
				    DURATION_MS_MAX);
	return !r.broken && numbers_lawful(out) && texts_lawful(out);
}
