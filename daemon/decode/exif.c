/*
 * exif.c: the only place with gexiv2: what a camera and its owner wrote down.
 *
 * Tags are asked for as text, and values.c judges them: what gexiv2 makes of a
 * fraction by itself knows no 0/0.
 */
#include <stdlib.h>
#include <string.h>

#include <gexiv2/gexiv2.h>

#include "meta.h"
#include "picture.h"
#include "questions.h"
#include "texts.h"
#include "values.h"

struct exif {
	GExiv2Metadata *m;
	GExiv2Metadata *xmp; /* where Xmp is read: m, or a packet by itself */
	GExiv2PreviewImage *preview;
	char **exif_names; /* owned: what there is; NULL: nothing */
	bool has_xmp, has_iptc;
};

int
exif_start(void)
{
	gexiv2_log_set_level(GEXIV2_LOG_LEVEL_MUTE);
	return gexiv2_initialize() ? 0 : -1;
}

static GExiv2Metadata *
metadata(const uint8_t *bytes, size_t count)
{
	GExiv2Metadata *m = gexiv2_metadata_new();

	if (bytes != NULL &&
	    gexiv2_metadata_open_buf(m, bytes, (glong)count, NULL))
		return m;
	g_object_unref(m);
	return NULL;
}

/* Owns both from here on; NULL when there is neither. */
static struct exif *
exif_of(GExiv2Metadata *m, GExiv2Metadata *xmp)
{
	struct exif *e;

	if (m == NULL && xmp == NULL)
		return NULL;
	if (m == NULL)
		m = g_object_ref(xmp);
	if (xmp == NULL)
		xmp = g_object_ref(m);
	e = calloc(1, sizeof(*e));
	if (e == NULL) {
		g_object_unref(m);
		g_object_unref(xmp);
		return NULL;
	}
	e->m = m;
	e->xmp = xmp;
	/* To be told that a tag is missing costs exiv2 a walk over all. */
	if (gexiv2_metadata_has_exif(m))
		e->exif_names = gexiv2_metadata_get_exif_tags(m);
	e->has_iptc = gexiv2_metadata_has_iptc(m);
	e->has_xmp = gexiv2_metadata_has_xmp(xmp);
	return e;
}

struct exif *
exif_open(const uint8_t *bytes, size_t count)
{
	return exif_of(metadata(bytes, count), NULL);
}

struct exif *
exif_open_parts(const struct pixels_header *h)
{
	return exif_of(metadata(h->exif, h->exif_bytes),
		       metadata(h->xmp, h->xmp_bytes));
}

void
exif_close(struct exif *e)
{
	if (e == NULL)
		return;
	if (e->preview != NULL)
		g_object_unref(e->preview);
	g_strfreev(e->exif_names);
	g_object_unref(e->xmp);
	g_object_unref(e->m);
	free(e);
}

/* ---- single tags ------------------------------------------------------------ */

static bool
there(const struct exif *e, const char *name)
{
	switch (name[0]) {
	case 'X':
		return e->has_xmp;
	case 'I':
		return e->has_iptc;
	default: /* Exif: */
		break;
	}
	for (char **at = e->exif_names; at != NULL && *at != NULL; at++)
		if (strcmp(*at, name) == 0)
			return true;
	return false;
}

/* Owned, or NULL: not there, or empty. */
static char *
tag(struct exif *e, const char *name)
{
	char *text;

	if (!there(e, name))
		return NULL;
	text = gexiv2_metadata_try_get_tag_string(name[0] == 'X' ? e->xmp
								 : e->m,
						  name, NULL);
	if (text != NULL && text[0] == '\0') {
		g_free(text);
		return NULL;
	}
	return text;
}

static bool
tag_number(struct exif *e, const char *name, uint64_t max, uint64_t *out)
{
	char *text = tag(e, name);
	bool r = text != NULL && value_number(text, max, out);

	g_free(text);
	return r;
}

static bool
tag_fraction(struct exif *e, const char *name, uint64_t scale, uint64_t max,
	     uint64_t *out)
{
	char *text = tag(e, name);
	bool r = text != NULL && value_fraction(text, scale, max, out);

	g_free(text);
	return r;
}

/* The first of a list that says something; the list ends with NULL. */
static void
tag_text(struct exif *e, const char *const *names, char *out, size_t max)
{
	for (; *names != NULL && out[0] == '\0'; names++) {
		char *text = tag(e, *names);

		if (text != NULL)
			text_clean(text, strlen(text), out, max);
		g_free(text);
	}
}

/* ---- when ------------------------------------------------------------------- */

static bool
exif_time(struct exif *e, struct record_meta *out, const char *const names[3],
	  enum meta_source source)
{
	char *time = tag(e, names[0]), *fine, *zone;
	uint32_t ms = 0;
	bool known = time != NULL && value_exif_time(time, &out->taken_ms);

	g_free(time);
	if (!known)
		return false;
	out->has |= META_HAS_TAKEN;
	out->source = (uint8_t)source;
	fine = tag(e, names[1]);
	if (fine != NULL && value_subsec(fine, &ms))
		out->taken_ms += ms;
	zone = tag(e, names[2]);
	if (zone != NULL && value_offset(zone, &out->offset_min))
		out->has |= META_HAS_OFFSET;
	g_free(fine);
	g_free(zone);
	return true;
}

static bool
iso_time(struct record_meta *out, const char *text, enum meta_source source)
{
	bool has_offset;

	if (!value_iso_time(text, &out->taken_ms, &has_offset,
			    &out->offset_min))
		return false;
	out->has |= META_HAS_TAKEN | (has_offset ? META_HAS_OFFSET : 0);
	out->source = (uint8_t)source;
	return true;
}

static bool
xmp_time(struct exif *e, struct record_meta *out)
{
	static const char *const names[] = {"Xmp.exif.DateTimeOriginal",
					    "Xmp.photoshop.DateCreated",
					    "Xmp.xmp.CreateDate"};
	bool known = false;

	for (size_t i = 0; i < 3 && !known; i++) {
		char *text = tag(e, names[i]);

		known = text != NULL && iso_time(out, text, META_TAKEN_XMP);
		g_free(text);
	}
	return known;
}

/* A day, and perhaps a time of day with its zone. */
static void
iptc_time(struct exif *e, struct record_meta *out)
{
	char *day = tag(e, "Iptc.Application2.DateCreated");
	char *time = tag(e, "Iptc.Application2.TimeCreated"), *both;

	if (day != NULL) {
		both = g_strdup_printf("%.10s%s%.24s", day,
				       time != NULL ? "T" : "",
				       time != NULL ? time : "");
		if (!iso_time(out, both, META_TAKEN_IPTC))
			(void)iso_time(out, day, META_TAKEN_IPTC);
		g_free(both);
	}
	g_free(day);
	g_free(time);
}

static void
read_time(struct exif *e, struct record_meta *out)
{
	static const char *const original[] = {
		"Exif.Photo.DateTimeOriginal", "Exif.Photo.SubSecTimeOriginal",
		"Exif.Photo.OffsetTimeOriginal"};
	static const char *const digitized[] = {
		"Exif.Photo.DateTimeDigitized",
		"Exif.Photo.SubSecTimeDigitized",
		"Exif.Photo.OffsetTimeDigitized"};
	/* Where raw files have it. */
	static const char *const image[] = {
		"Exif.Image.DateTimeOriginal", "Exif.Photo.SubSecTimeOriginal",
		"Exif.Photo.OffsetTimeOriginal"};

	if (!exif_time(e, out, original, META_TAKEN_EXIF) &&
	    !exif_time(e, out, image, META_TAKEN_EXIF) &&
	    !exif_time(e, out, digitized, META_TAKEN_DIGITIZED) &&
	    !xmp_time(e, out))
		iptc_time(e, out);
}

/* ---- where -------------------------------------------------------------------- */

static bool
exif_degrees(struct exif *e, const char *degrees, const char *letter,
	     int32_t *e7)
{
	char *d = tag(e, degrees), *l = tag(e, letter);
	bool r = d != NULL && l != NULL && value_gps(d, l, e7);

	g_free(d);
	g_free(l);
	return r;
}

static bool
xmp_degrees(struct exif *e, const char *name, int32_t *e7)
{
	char *text = tag(e, name);
	bool r = text != NULL && value_xmp_gps(text, e7);

	g_free(text);
	return r;
}

static void
read_altitude(struct exif *e, struct record_meta *out, const char *name,
	      const char *below)
{
	char *under = tag(e, below);
	uint64_t mm;

	if (tag_fraction(e, name, 1000, INT32_MAX, &mm)) {
		out->has |= META_HAS_ALTITUDE;
		/* 1: below the sea; 3 the same, by the newest EXIF */
		out->altitude_mm =
			under != NULL && (under[0] == '1' || under[0] == '3')
				? -(int32_t)mm : (int32_t)mm;
	}
	g_free(under);
}

static void
read_place(struct exif *e, struct record_meta *out)
{
	int32_t latitude, longitude;

	if (exif_degrees(e, "Exif.GPSInfo.GPSLatitude",
			 "Exif.GPSInfo.GPSLatitudeRef", &latitude) &&
	    exif_degrees(e, "Exif.GPSInfo.GPSLongitude",
			 "Exif.GPSInfo.GPSLongitudeRef", &longitude)) {
		read_altitude(e, out, "Exif.GPSInfo.GPSAltitude",
			      "Exif.GPSInfo.GPSAltitudeRef");
	} else if (xmp_degrees(e, "Xmp.exif.GPSLatitude", &latitude) &&
		   xmp_degrees(e, "Xmp.exif.GPSLongitude", &longitude)) {
		read_altitude(e, out, "Xmp.exif.GPSAltitude",
			      "Xmp.exif.GPSAltitudeRef");
	} else {
		return;
	}
	out->has |= META_HAS_PLACE;
	out->latitude_e7 = latitude;
	out->longitude_e7 = longitude;
}

/* ---- with what ------------------------------------------------------------------ */

static void
read_camera(struct exif *e, struct record_meta *out)
{
	static const char *const make[] = {"Exif.Image.Make", "Xmp.tiff.Make",
					   NULL};
	static const char *const model[] = {"Exif.Image.Model",
					    "Xmp.tiff.Model", NULL};
	static const char *const lens[] = {"Exif.Photo.LensModel",
					   "Xmp.aux.Lens",
					   "Xmp.exifEX.LensModel",
					   "Exif.Canon.LensModel", NULL};

	tag_text(e, make, out->make, META_TEXT_MAX);
	tag_text(e, model, out->model, META_TEXT_MAX);
	tag_text(e, lens, out->lens, META_TEXT_MAX);
}

static void
read_settings(struct exif *e, struct record_meta *out)
{
	uint64_t v;

	if (tag_fraction(e, "Exif.Photo.ExposureTime", 1000000,
			 UINT64_C(1000000000000), &v)) {
		out->has |= META_HAS_EXPOSURE;
		out->exposure_us = v;
	}
	if (tag_fraction(e, "Exif.Photo.FNumber", 1000, UINT32_MAX, &v) &&
	    v > 0) {
		out->has |= META_HAS_APERTURE;
		out->aperture_milli = (uint32_t)v;
	}
	if (tag_number(e, "Exif.Photo.ISOSpeedRatings", UINT32_MAX, &v) &&
	    v > 0) {
		/* 65535: it did not fit, and stands further on */
		if (v == 65535)
			(void)tag_number(e, "Exif.Photo.RecommendedExposureIndex",
					 UINT32_MAX, &v);
		out->has |= META_HAS_ISO;
		out->iso = (uint32_t)v;
	}
	if (tag_fraction(e, "Exif.Photo.FocalLength", 1000, UINT32_MAX, &v) &&
	    v > 0) {
		out->has |= META_HAS_FOCAL;
		out->focal_um = (uint32_t)v;
	}
}

/* ---- what its owner says ---------------------------------------------------- */

static void
read_rating(struct exif *e, struct record_meta *out)
{
	char *text = tag(e, "Xmp.xmp.Rating");
	uint64_t v;
	bool rejected = text != NULL && strncmp(text, "-1", 2) == 0;

	if (rejected) {
		out->has |= META_HAS_RATING;
		out->rating = -1;
	} else if ((text != NULL && value_number(text, 5, &v)) ||
		   tag_number(e, "Exif.Image.Rating", 5, &v)) {
		out->has |= META_HAS_RATING;
		out->rating = (int32_t)v;
	}
	g_free(text);
}

/* A title stands in several languages: 'lang="x-default" Text'. */
static void
read_title(struct exif *e, struct record_meta *out)
{
	static const char *const others[] = {"Iptc.Application2.ObjectName",
					     "Xmp.photoshop.Headline", NULL};
	char **all = NULL;

	if (e->has_xmp)
		all = gexiv2_metadata_try_get_tag_multiple(e->xmp,
							   "Xmp.dc.title",
							   NULL);
	if (all != NULL && all[0] != NULL) {
		const char *text = all[0], *end;

		if (strncmp(text, "lang=\"", 6) == 0 &&
		    (end = strstr(text, "\" ")) != NULL)
			text = end + 2;
		text_clean(text, strlen(text), out->title, META_TITLE_MAX);
	}
	g_strfreev(all);
	tag_text(e, others, out->title, META_TITLE_MAX);
}

static void
add_keyword(struct record_meta *out, const char *text)
{
	char *at = out->keywords[out->keyword_count];

	if (text_clean(text, strlen(text), at, META_KEYWORD_MAX) == 0)
		return;
	for (uint32_t i = 0; i < out->keyword_count; i++) {
		if (strcmp(out->keywords[i], at) == 0) {
			at[0] = '\0';
			return;
		}
	}
	out->keyword_count++;
}

static void
read_keywords(struct exif *e, struct record_meta *out)
{
	static const char *const names[] = {"Xmp.dc.subject",
					    "Iptc.Application2.Keywords"};
	GExiv2Metadata *const from[] = {e->xmp, e->m};

	for (size_t i = 0; i < 2; i++) {
		char **all = NULL;

		if (there(e, names[i]))
			all = gexiv2_metadata_try_get_tag_multiple(
				from[i], names[i], NULL);
		for (char **k = all; k != NULL && *k != NULL &&
				     out->keyword_count < META_KEYWORDS_MAX;
		     k++)
			add_keyword(out, *k);
		g_strfreev(all);
	}
	/* What a duplicate left behind its NUL is not compared, but tidy. */
	for (uint32_t i = out->keyword_count; i < META_KEYWORDS_MAX; i++)
		memset(out->keywords[i], 0, sizeof(out->keywords[i]));
}

/* ---- the whole ------------------------------------------------------------------ */

unsigned
exif_orientation(struct exif *e)
{
	uint64_t v;

	if (tag_number(e, "Exif.Image.Orientation", 8, &v) && v >= 1)
		return (unsigned)v;
	return 1;
}

void
exif_read(struct exif *e, struct record_meta *out)
{
	gint width = gexiv2_metadata_get_pixel_width(e->m);
	gint height = gexiv2_metadata_get_pixel_height(e->m);

	if (width > 0 && height > 0) {
		out->width = (uint32_t)width;
		out->height = (uint32_t)height;
	}
	out->orientation = (uint8_t)exif_orientation(e);
	read_time(e, out);
	read_place(e, out);
	read_camera(e, out);
	read_settings(e, out);
	read_rating(e, out);
	read_title(e, out);
	read_keywords(e, out);
}

bool
exif_is_raw(struct exif *e)
{
	static const char *const places[] = {
		"Exif.Image.PhotometricInterpretation",
		"Exif.SubImage1.PhotometricInterpretation",
		"Exif.SubImage2.PhotometricInterpretation",
		"Exif.SubImage3.PhotometricInterpretation"};
	char *dng = tag(e, "Exif.Image.DNGVersion");
	bool raw = dng != NULL;
	uint64_t v;

	g_free(dng);
	/* 32803: a colour filter array, 34892: linear raw */
	for (size_t i = 0; i < 4 && !raw; i++)
		raw = tag_number(e, places[i], UINT32_MAX, &v) &&
		      (v == 32803 || v == 34892);
	return raw;
}

/* The same shape, within a rounding of the sides. */
static bool
same_shape(uint64_t w, uint64_t h, uint64_t width, uint64_t height)
{
	uint64_t a = w * height, b = h * width, more = a > b ? a : b;

	if (w > UINT16_MAX || h > UINT16_MAX) /* no JPEG has that */
		return false;
	return (a > b ? a - b : b - a) * 64 <= more;
}

const uint8_t *
exif_preview(struct exif *e, bool any, size_t *count)
{
	GExiv2PreviewProperties **all, *best = NULL, *p;
	uint64_t colours;
	guint width = (guint)gexiv2_metadata_get_pixel_width(e->m);
	guint height = (guint)gexiv2_metadata_get_pixel_height(e->m);

	/* A preview carries no profile: of other colours than sRGB it would be
	 * shown wrong. */
	if (!any && (!tag_number(e, "Exif.Photo.ColorSpace", 65535, &colours) ||
		     colours != 1))
		return NULL;
	if (e->preview != NULL) /* one is all that anybody asks for */
		return NULL;
	all = gexiv2_metadata_get_preview_properties(e->m);
	/* They come by their size, the smallest first. */
	for (unsigned i = 0; all != NULL && (p = all[i]) != NULL; i++) {
		guint w = gexiv2_preview_properties_get_width(p);
		guint h = gexiv2_preview_properties_get_height(p);

		if (strcmp(gexiv2_preview_properties_get_mime_type(p),
			   "image/jpeg") != 0)
			continue;
		if ((w >= THUMB_SIDE || h >= THUMB_SIDE) &&
		    (any || same_shape(w, h, width, height))) {
			best = p;
			break;
		}
		if (any)
			best = p;
	}
	if (best == NULL)
		return NULL;
	e->preview = gexiv2_metadata_try_get_preview_image(e->m, best, NULL);
	if (e->preview != NULL) {
		guint32 bytes = 0;
		const guint8 *data =
			gexiv2_preview_image_get_data(e->preview, &bytes);

		*count = bytes;
		return data;
	}
	return NULL;
}
