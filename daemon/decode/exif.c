/*
 * exif.c: a file's tags, and the previews in it, by gexiv2.
 *
 * Tags are asked for as text, and values.c judges them: what gexiv2 makes of a
 * fraction by itself knows no 0/0.
 */
#include <stdlib.h>
#include <string.h>

#include <gexiv2/gexiv2.h>

#include "exif_private.h"
#include "questions.h"
#include "texts.h"
#include "values.h"

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
	/* Out of a packet by itself exiv2 makes EXIF and IPTC of its own, with
	 * dates in this host's zone. */
	bool packet = m == NULL;
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
	if (!packet && gexiv2_metadata_has_exif(m))
		e->exif_names = gexiv2_metadata_get_exif_tags(m);
	e->has_iptc = !packet && gexiv2_metadata_has_iptc(m);
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

/* ---- single tags ------------------------------------------------------ */

bool
exif_there(const struct exif *e, const char *name)
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

char *
exif_tag(struct exif *e, const char *name)
{
	char *text;

	if (!exif_there(e, name))
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

bool
exif_number(struct exif *e, const char *name, uint64_t max, uint64_t *out)
{
	char *text = exif_tag(e, name);
	bool r = text != NULL && value_number(text, max, out);

	g_free(text);
	return r;
}

bool
exif_fraction(struct exif *e, const char *name, uint64_t scale, uint64_t max,
	     uint64_t *out)
{
	char *text = exif_tag(e, name);
	bool r = text != NULL && value_fraction(text, scale, max, out);

	g_free(text);
	return r;
}

void
exif_text(struct exif *e, const char *const *names, char *out, size_t max)
{
	for (; *names != NULL && out[0] == '\0'; names++) {
		char *text = exif_tag(e, *names);

		if (text != NULL)
			text_clean(text, strlen(text), out, max);
		g_free(text);
	}
}

/* ---- which way up, raw or not, previews ------------------------------------- */

unsigned
exif_orientation(struct exif *e)
{
	uint64_t v;

	if (exif_number(e, "Exif.Image.Orientation", 8, &v) && v >= 1)
		return (unsigned)v;
	return 1;
}

bool
exif_is_raw(struct exif *e)
{
	static const char *const places[] = {
		"Exif.Image.PhotometricInterpretation",
		"Exif.SubImage1.PhotometricInterpretation",
		"Exif.SubImage2.PhotometricInterpretation",
		"Exif.SubImage3.PhotometricInterpretation"};
	char *dng = exif_tag(e, "Exif.Image.DNGVersion");
	bool raw = dng != NULL;
	uint64_t v;

	g_free(dng);
	/* 32803: a colour filter array, 34892: linear raw */
	for (size_t i = 0; i < 4 && !raw; i++)
		raw = exif_number(e, places[i], UINT32_MAX, &v) &&
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
	if (!any && (!exif_number(e, "Exif.Photo.ColorSpace", 65535, &colours) ||
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
