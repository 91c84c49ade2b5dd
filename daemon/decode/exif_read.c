/*
 * exif_read.c: what a camera and its owner wrote down, as a record: when, where,
 * with what, and what it is called.
 */
#include <string.h>

#include <gexiv2/gexiv2.h>

#include "exif_private.h"
#include "meta.h"
#include "texts.h"
#include "values.h"

/* ---- when ------------------------------------------------------ */

static bool
exif_time(struct exif *e, struct record_meta *out, const char *const names[3],
	  enum meta_source source)
{
	char *time = exif_tag(e, names[0]), *fine, *zone;
	uint32_t ms = 0;
	bool known = time != NULL && value_exif_time(time, &out->taken_ms);

	g_free(time);
	if (!known)
		return false;
	out->has |= META_HAS_TAKEN;
	out->source = (uint8_t)source;
	fine = exif_tag(e, names[1]);
	if (fine != NULL && value_subsec(fine, &ms))
		out->taken_ms += ms;
	zone = exif_tag(e, names[2]);
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
		char *text = exif_tag(e, names[i]);

		known = text != NULL && iso_time(out, text, META_TAKEN_XMP);
		g_free(text);
	}
	return known;
}

/* A day, and perhaps a time of day with its zone. */
static void
iptc_time(struct exif *e, struct record_meta *out)
{
	char *day = exif_tag(e, "Iptc.Application2.DateCreated");
	char *time = exif_tag(e, "Iptc.Application2.TimeCreated"), *both;

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

/* ---- where ------------------------------------------------------ */

static bool
exif_degrees(struct exif *e, const char *degrees, const char *letter,
	     int32_t *e7)
{
	char *d = exif_tag(e, degrees), *l = exif_tag(e, letter);
	bool r = d != NULL && l != NULL && value_gps(d, l, e7);

	g_free(d);
	g_free(l);
	return r;
}

static bool
xmp_degrees(struct exif *e, const char *name, int32_t *e7)
{
	char *text = exif_tag(e, name);
	bool r = text != NULL && value_xmp_gps(text, e7);

	g_free(text);
	return r;
}

static void
read_altitude(struct exif *e, struct record_meta *out, const char *name,
	      const char *below)
{
	char *under = exif_tag(e, below);
	uint64_t mm;

	if (exif_fraction(e, name, 1000, INT32_MAX, &mm)) {
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

/* ---- with what ------------------------------------------------------ */

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

	exif_text(e, make, out->make, META_TEXT_MAX);
	exif_text(e, model, out->model, META_TEXT_MAX);
	exif_text(e, lens, out->lens, META_TEXT_MAX);
}

static void
read_settings(struct exif *e, struct record_meta *out)
{
	uint64_t v;

	if (exif_fraction(e, "Exif.Photo.ExposureTime", 1000000,
			 UINT64_C(1000000000000), &v)) {
		out->has |= META_HAS_EXPOSURE;
		out->exposure_us = v;
	}
	if (exif_fraction(e, "Exif.Photo.FNumber", 1000, UINT32_MAX, &v) &&
	    v > 0) {
		out->has |= META_HAS_APERTURE;
		out->aperture_milli = (uint32_t)v;
	}
	if (exif_number(e, "Exif.Photo.ISOSpeedRatings", UINT32_MAX, &v) &&
	    v > 0) {
		/* 65535: it did not fit, and stands further on */
		if (v == 65535)
			(void)exif_number(e, "Exif.Photo.RecommendedExposureIndex",
					 UINT32_MAX, &v);
		out->has |= META_HAS_ISO;
		out->iso = (uint32_t)v;
	}
	if (exif_fraction(e, "Exif.Photo.FocalLength", 1000, UINT32_MAX, &v) &&
	    v > 0) {
		out->has |= META_HAS_FOCAL;
		out->focal_um = (uint32_t)v;
	}
}

/* ---- what its owner says ---------------------------------------------------- */

static void
read_rating(struct exif *e, struct record_meta *out)
{
	char *text = exif_tag(e, "Xmp.xmp.Rating");
	uint64_t v;
	bool rejected = text != NULL && strncmp(text, "-1", 2) == 0;

	if (rejected) {
		out->has |= META_HAS_RATING;
		out->rating = -1;
	} else if ((text != NULL && value_number(text, 5, &v)) ||
		   exif_number(e, "Exif.Image.Rating", 5, &v)) {
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
	exif_text(e, others, out->title, META_TITLE_MAX);
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

		if (exif_there(e, names[i]))
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

/* ---- the whole ------------------------------------------------------ */

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
