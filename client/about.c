#include "about.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "json.h"
#include "meta.h"
#include "output.h"
#include "text.h"

/* ---- dates ------------------------------------------------------------- */

const char *
about_date_source(const struct answer_photo *p)
{
	switch (p->dated) {
	case DATE_MTIME:
		return "mtime";
	case META_TAKEN_EXIF:
		return "exif";
	case META_TAKEN_DIGITIZED:
		return "digitized";
	case META_TAKEN_XMP:
		return "xmp";
	case META_TAKEN_IPTC:
		return "iptc";
	case META_TAKEN_CONTAINER:
		return "container";
	case DATE_NAME:
		return "name";
	default: /* of a newer version */
		return "other";
	}
}

/* A clock without a zone: never moved into ours. */
static bool
is_civil(const struct answer_photo *p)
{
	return p->dated != DATE_MTIME;
}

/* Without the Z that a civil clock has not. */
static void
civil_text(const struct answer_photo *p, char out[ABOUT_DATE_MAX])
{
	char text[TEXT_TIME_MAX];

	if (p->taken[0] != '\0') {
		snprintf(out, ABOUT_DATE_MAX, "%s", p->taken);
		return;
	}
	if (text_time_utc(p->date_ms, false, text))
		text[strlen(text) - 1] = '\0';
	snprintf(out, ABOUT_DATE_MAX, "%s", text);
}

void
about_date_shown(const struct answer_photo *p, char out[ABOUT_DATE_MAX])
{
	char text[ABOUT_DATE_MAX];

	if (!is_civil(p)) {
		text_time_local(p->date_ms, false, out);
		return;
	}
	/* 2023-07-01T12:00:00+02:00 */
	civil_text(p, text);
	snprintf(out, ABOUT_DATE_MAX, "%.16s", text);
	if (strlen(out) > 10 && out[10] == 'T')
		out[10] = ' ';
}

void
about_date_column(const struct answer_photo *p, char out[ABOUT_DATE_MAX])
{
	char text[TEXT_TIME_MAX];

	if (is_civil(p)) {
		civil_text(p, out);
		return;
	}
	text_time_utc(p->date_ms, false, text);
	snprintf(out, ABOUT_DATE_MAX, "%s", text);
}

/* ---- for people -------------------------------------------------------- */

static void
put_text(FILE *f, const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	fprintf(f, "  %-8s", label);
	text_put_shown(f, text, strlen(text), UINT_MAX);
	putc('\n', f);
}

static void
put_date(FILE *f, const struct answer_photo *p)
{
	char text[ABOUT_DATE_MAX];

	if (!is_civil(p)) {
		about_date_shown(p, text);
		fprintf(f, "  date    %s (its oldest copy's time of "
			   "modification)\n", text);
		return;
	}
	civil_text(p, text);
	if (strlen(text) > 10 && text[10] == 'T')
		text[10] = ' ';
	fputs(p->dated == DATE_NAME ? "  date    " : "  taken   ", f);
	text_put_shown(f, text, strlen(text), UINT_MAX);
	if (p->dated == DATE_NAME)
		fputs(" (from a file's name)", f);
	else if (strlen(text) <= 19)
		fputs(" (zone unknown)", f);
	putc('\n', f);
}

/* "1/60 s", "2.5 s", and room for what follows */
static void
put_seconds(FILE *f, uint64_t us)
{
	if (us > 0 && us <= 300000)
		fprintf(f, "1/%llu s  ",
			(unsigned long long)((1000000 + us / 2) / us));
	else
		fprintf(f, "%.4g s  ", (double)us / 1e6);
}

static void
put_exposure(FILE *f, const struct record_meta *m)
{
	if ((m->has & (META_HAS_EXPOSURE | META_HAS_APERTURE | META_HAS_ISO |
		       META_HAS_FOCAL)) == 0)
		return;
	fputs("  exposed ", f);
	if (m->has & META_HAS_EXPOSURE)
		put_seconds(f, m->exposure_us);
	if (m->has & META_HAS_APERTURE)
		fprintf(f, "f/%.3g  ", m->aperture_milli / 1e3);
	if (m->has & META_HAS_ISO)
		fprintf(f, "ISO %u  ", m->iso);
	if (m->has & META_HAS_FOCAL)
		fprintf(f, "%.4g mm", m->focal_um / 1e3);
	putc('\n', f);
}

static void
put_place(FILE *f, const struct record_meta *m)
{
	if ((m->has & META_HAS_PLACE) == 0)
		return;
	fprintf(f, "  place   %.6f, %.6f", m->latitude_e7 / 1e7,
		m->longitude_e7 / 1e7);
	if (m->has & META_HAS_ALTITUDE)
		fprintf(f, "  %.0f m", m->altitude_mm / 1e3);
	putc('\n', f);
}

static void
put_keywords(FILE *f, const struct record_meta *m)
{
	for (uint32_t i = 0; i < m->keyword_count; i++) {
		fputs(i == 0 ? "  words   " : ", ", f);
		text_put_shown(f, m->keywords[i], strlen(m->keywords[i]),
			       UINT_MAX);
	}
	if (m->keyword_count > 0)
		putc('\n', f);
}

/* Many models begin with the name of their maker. */
static void
camera_text(const struct record_meta *m, char *out, size_t max)
{
	bool twice = strncmp(m->model, m->make, strlen(m->make)) == 0;

	snprintf(out, max, "%s%s%s", twice ? "" : m->make,
		 !twice && m->model[0] != '\0' ? " " : "", m->model);
}

void
about_put(struct output *o, const struct answer_photo *p)
{
	char camera[2 * META_TEXT_MAX + 2];
	struct record_meta m;
	FILE *f = o->data;

	put_date(f, p);
	if (p->meta == NULL || !record_meta_parse(p->meta, p->meta_bytes, &m))
		return;
	camera_text(&m, camera, sizeof(camera));
	put_text(f, "camera", camera);
	put_text(f, "lens", m.lens);
	put_exposure(f, &m);
	put_place(f, &m);
	if (m.has & META_HAS_DURATION)
		fprintf(f, "  length  %.1f s\n", (double)m.duration_ms / 1e3);
	put_text(f, "title", m.title);
	put_keywords(f, &m);
	if (m.has & META_HAS_RATING)
		fprintf(f, "  rating  %d\n", m.rating);
}

/* ---- JSON -------------------------------------------------------------- */

void
about_json_date(struct json *j, const struct answer_photo *p)
{
	char text[ABOUT_DATE_MAX];

	about_date_column(p, text);
	json_str_known(j, "date", strcmp(text, "-") == 0 ? "" : text);
	json_str(j, "date_source", about_date_source(p));
}

static void
number_json(struct json *j, const char *key, bool has, double v)
{
	if (has)
		json_number(j, key, v);
	else
		json_null(j, key);
}

void
about_json(struct json *j, const struct answer_photo *p)
{
	static const char *const media[] = {"other", "picture", "raw", "video"};
	struct record_meta m;

	if (p->meta == NULL || !record_meta_parse(p->meta, p->meta_bytes, &m)) {
		json_null(j, "meta");
		return;
	}
	json_open(j, "meta", '{');
	json_uint(j, "decoder", m.decoder);
	json_str_known(j, "media", m.media < 4 ? media[m.media] : "");
	json_str_known(j, "make", m.make);
	json_str_known(j, "model", m.model);
	json_str_known(j, "lens", m.lens);
	number_json(j, "exposure_s", m.has & META_HAS_EXPOSURE,
		    (double)m.exposure_us / 1e6);
	number_json(j, "aperture", m.has & META_HAS_APERTURE,
		    m.aperture_milli / 1e3);
	number_json(j, "iso", m.has & META_HAS_ISO, m.iso);
	number_json(j, "focal_mm", m.has & META_HAS_FOCAL, m.focal_um / 1e3);
	number_json(j, "latitude", m.has & META_HAS_PLACE,
		    m.latitude_e7 / 1e7);
	number_json(j, "longitude", m.has & META_HAS_PLACE,
		    m.longitude_e7 / 1e7);
	number_json(j, "altitude_m", m.has & META_HAS_ALTITUDE,
		    m.altitude_mm / 1e3);
	number_json(j, "duration_s", m.has & META_HAS_DURATION,
		    (double)m.duration_ms / 1e3);
	number_json(j, "rating", m.has & META_HAS_RATING, m.rating);
	json_str_known(j, "title", m.title);
	json_open(j, "keywords", '[');
	for (uint32_t i = 0; i < m.keyword_count; i++)
		json_str(j, NULL, m.keywords[i]);
	json_close(j, ']');
	json_close(j, '}');
}
