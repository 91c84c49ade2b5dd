/*
 * pixels.c: the only place with vips.
 *
 * A header is read and judged before anything is decoded, as VIPS_MAX_COORD has
 * no effect in the versions there are.
 */
#include <stdio.h>
#include <string.h>

#include <vips/vips.h>

#include <vips/vector.h>

#include "picture.h"
#include "questions.h"

#define QUALITY 78

static void
be_silent(const gchar *domain, GLogLevelFlags level, const gchar *message,
	  gpointer arg)
{
	(void)domain;
	(void)level;
	(void)message;
	(void)arg;
}

int
pixels_start(void)
{
	if (VIPS_INIT("photo-decode") != 0)
		return -1;
	/* Warnings about every damaged file: nobody reads them. */
	g_log_set_handler("VIPS", G_LOG_LEVEL_MASK, be_silent, NULL);
	/* SVG, PDF, whatever ImageMagick reads, and others. */
	vips_block_untrusted_set(TRUE);
	/* Trusted by vips, but nothing we serve. */
	vips_operation_block_set("VipsForeignLoadVips", TRUE);
	vips_operation_block_set("VipsForeignLoadRaw", TRUE);
	vips_operation_block_set("VipsForeignLoadRad", TRUE);
	/* Its compiler wants executable memory. */
	vips_vector_set_enabled(FALSE);
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	vips_cache_set_max_mem(0);
	vips_cache_set_max_files(0);
	return 0;
}

typedef int load_function(void *bytes, size_t count, VipsImage **out, ...);

static const struct loader {
	const char *type;
	load_function *load;
} loaders[] = {
	{"image/jpeg", vips_jpegload_buffer},
	{"image/png", vips_pngload_buffer},
	{"image/webp", vips_webpload_buffer},
	{"image/gif", vips_gifload_buffer},
	{"image/tiff", vips_tiffload_buffer},
	{"image/heic", vips_heifload_buffer},
	{"image/heif", vips_heifload_buffer},
	{"image/avif", vips_heifload_buffer},
};

static const struct loader *
loader_of(const char *type)
{
	for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
		if (strcmp(type, loaders[i].type) == 0)
			return &loaders[i];
	return NULL;
}

bool
pixels_understand(const char *type)
{
	return loader_of(type) != NULL;
}

/*
 * An image of which nothing is decoded yet; NULL: it is none.  By its own loader:
 * vips, left to find one, asks ImageMagick too whether this might be something,
 * blocked or not.
 */
static VipsImage *
open_header(const char *type, const uint8_t *bytes, size_t count)
{
	const struct loader *l = loader_of(type);
	VipsImage *image = NULL;

	if (l == NULL || l->load((void *)bytes, count, &image, "access",
				 VIPS_ACCESS_SEQUENTIAL, NULL) != 0)
		return NULL;
	return image;
}

/* NULL with the reason, or an image that may be decoded. */
static VipsImage *
open_judged(const char *type, const uint8_t *bytes, size_t count,
	    const char **reason)
{
	VipsImage *image = open_header(type, bytes, count);
	uint64_t width, height;

	if (image == NULL) {
		*reason = "it is not understood as a picture";
		return NULL;
	}
	width = (uint64_t)vips_image_get_width(image);
	height = (uint64_t)vips_image_get_height(image);
	if (width <= PICTURE_SIDE_MAX && height <= PICTURE_SIDE_MAX &&
	    width * height <= PICTURE_PIXELS_MAX)
		return image;
	g_object_unref(image);
	*reason = "its picture is too large to be decoded";
	return NULL;
}

/* A copy of a blob of the header's, without `prefix`; NULL: it has none. */
static uint8_t *
blob(VipsImage *image, const char *name, const char *prefix,
     size_t prefix_bytes, size_t *count)
{
	const void *data;
	const uint8_t *bytes;

	*count = 0;
	if (vips_image_get_typeof(image, name) != VIPS_TYPE_BLOB ||
	    vips_image_get_blob(image, name, &data, count) != 0 ||
	    *count == 0)
		return NULL;
	bytes = data;
	if (*count > prefix_bytes && memcmp(bytes, prefix, prefix_bytes) == 0) {
		bytes += prefix_bytes;
		*count -= prefix_bytes;
	}
	return g_memdup2(bytes, *count);
}

/* Of a HEIC, vips 8.14 names the XMP after its place among the items. */
static uint8_t *
xmp_blob(VipsImage *image, size_t *count)
{
	uint8_t *xmp = blob(image, VIPS_META_XMP_NAME, "", 0, count);
	char name[32];

	for (unsigned i = 0; i < 16 && xmp == NULL; i++) {
		snprintf(name, sizeof(name), "heif-mime-%u", i);
		xmp = blob(image, name, "", 0, count);
		if (xmp != NULL && xmp[0] != '<') {
			g_free(xmp);
			xmp = NULL;
		}
	}
	return xmp;
}

bool
pixels_header_read(struct pixels_header *h, const char *type,
		   const uint8_t *bytes, size_t count)
{
	VipsImage *image = open_header(type, bytes, count);

	memset(h, 0, sizeof(*h));
	if (image == NULL) {
		vips_error_clear();
		return false;
	}
	h->width = (uint32_t)vips_image_get_width(image);
	h->height = (uint32_t)vips_image_get_height(image);
	h->exif = blob(image, VIPS_META_EXIF_NAME, "Exif\0\0", 6,
		       &h->exif_bytes);
	h->xmp = xmp_blob(image, &h->xmp_bytes);
	g_object_unref(image);
	return true;
}

void
pixels_header_release(struct pixels_header *h)
{
	g_free(h->exif);
	g_free(h->xmp);
	memset(h, 0, sizeof(*h));
}

/* What EXIF means by 2 to 8: perhaps a mirror, then a quarter turn. */
static int
turn(VipsImage *in, VipsImage **out, unsigned orientation)
{
	static const VipsAngle angles[] = {
		[1] = VIPS_ANGLE_D0,   [2] = VIPS_ANGLE_D0,
		[3] = VIPS_ANGLE_D180, [4] = VIPS_ANGLE_D180,
		[5] = VIPS_ANGLE_D270, [6] = VIPS_ANGLE_D90,
		[7] = VIPS_ANGLE_D90,  [8] = VIPS_ANGLE_D270};
	bool mirrored = orientation == 2 || orientation == 4 ||
			orientation == 5 || orientation == 7;
	VipsImage *memory, *flipped;
	int r;

	/* A turn reads from all sides; the decoder goes from top to bottom. */
	memory = vips_image_copy_memory(in);
	if (memory == NULL)
		return -1;
	if (!mirrored) {
		r = vips_rot(memory, out, angles[orientation], NULL);
		g_object_unref(memory);
		return r;
	}
	r = vips_flip(memory, &flipped, VIPS_DIRECTION_HORIZONTAL, NULL);
	g_object_unref(memory);
	if (r != 0)
		return -1;
	r = vips_rot(flipped, out, angles[orientation], NULL);
	g_object_unref(flipped);
	return r;
}

/* Eight bits of sRGB, and where it is transparent white. */
static int
flat(VipsImage *in, VipsImage **out)
{
	VipsArrayDouble *white;
	VipsImage *plain;
	int r;

	if (vips_colourspace(in, &plain, VIPS_INTERPRETATION_sRGB, NULL) != 0)
		return -1;
	if (!vips_image_hasalpha(plain)) {
		*out = plain;
		return 0;
	}
	white = vips_array_double_newv(1, 255.0);
	r = vips_flatten(plain, out, "background", white, NULL);
	vips_area_unref(VIPS_AREA(white));
	g_object_unref(plain);
	return r;
}

static size_t
encode(VipsImage *image, uint8_t *out, size_t max)
{
	VipsImage *opaque;
	void *bytes;
	size_t count = 0;
	int r = -1;

	if (flat(image, &opaque) != 0)
		return 0;
	/* Noise may not fit at once. */
	for (int q = QUALITY; q >= 18; q -= 20) {
		bytes = NULL;
		r = vips_jpegsave_buffer(opaque, &bytes, &count, "Q", q,
					 "strip", TRUE, "optimize_coding",
					 TRUE, NULL);
		if (r == 0 && count <= max)
			break;
		g_free(bytes);
		bytes = NULL;
		if (r != 0)
			break;
	}
	g_object_unref(opaque);
	if (r != 0 || bytes == NULL)
		return 0;
	memcpy(out, bytes, count);
	g_free(bytes);
	return count;
}

/* What an image means by its numbers is said in a profile, or it is sRGB (but
 * not through a profile: that would shift every blue a little). */
static bool
has_profile(VipsImage *image)
{
	return vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 ||
	       vips_image_guess_interpretation(image) ==
		       VIPS_INTERPRETATION_CMYK;
}

/*
 * By how much the decoder of JPEG is to shrink: by what costs least and leaves
 * enough for a good filter.  vips leaves twice the size; with 1.2 times it the
 * error is a tenth of what writing the thumbnail as a JPEG makes (41 to 50 dB
 * against 32), in half to three quarters of the time.
 */
static int
decoder_shrinks(int width, int height)
{
	int side = width > height ? width : height, by = 8;

	while (by > 1 && side * 5 < (int)THUMB_SIDE * by * 6)
		by /= 2;
	return by;
}

static int
shrink_jpeg(const uint8_t *bytes, size_t count, int by, bool managed,
	    VipsImage **out)
{
	VipsImage *image;
	int r;

	if (vips_jpegload_buffer((void *)bytes, count, &image, "shrink", by,
				 "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
				 VIPS_FAIL_ON_TRUNCATED, NULL) != 0)
		return -1;
	r = vips_thumbnail_image(image, out, (int)THUMB_SIDE, "height",
				 (int)THUMB_SIDE, "size", VIPS_SIZE_DOWN,
				 "no_rotate", TRUE, "export_profile",
				 managed ? "srgb" : NULL, NULL);
	g_object_unref(image);
	return r;
}

static int
shrink(const uint8_t *bytes, size_t count, bool managed, VipsImage **out)
{
	/* Without the option a picture that ends too early gives a fine
	 * thumbnail, half of it grey: "fail_on" of its own is ignored here. */
	return vips_thumbnail_buffer(
		(void *)bytes, count, out, (int)THUMB_SIDE, "height",
		(int)THUMB_SIDE, "size", VIPS_SIZE_DOWN, "no_rotate",
		TRUE, "export_profile", managed ? "srgb" : NULL,
		"option_string", "[fail_on=truncated]", NULL);
}

bool
pixels_show(const uint8_t *bytes, size_t count, uint8_t *out, uint32_t *width,
	    uint32_t *height)
{
	VipsImage *image = open_header("image/jpeg", bytes, count), *opaque;
	size_t used = 0;
	void *rows = NULL;

	if (image == NULL)
		goto clear;
	if (vips_image_get_width(image) <= (int)THUMB_SIDE &&
	    vips_image_get_height(image) <= (int)THUMB_SIDE &&
	    flat(image, &opaque) == 0) {
		*width = (uint32_t)vips_image_get_width(opaque);
		*height = (uint32_t)vips_image_get_height(opaque);
		rows = vips_image_write_to_memory(opaque, &used);
		g_object_unref(opaque);
	}
	g_object_unref(image);
	if (rows != NULL && used == (size_t)*width * *height * 3)
		memcpy(out, rows, used);
	else
		used = 0;
	g_free(rows);
clear:
	vips_error_clear();
	return used > 0;
}

size_t
pixels_thumb(const char *type, const uint8_t *bytes, size_t count,
	     unsigned orientation, uint8_t *out, size_t max,
	     const char **reason)
{
	VipsImage *image = open_judged(type, bytes, count, reason), *small,
		  *upright;
	bool managed;
	size_t used = 0;
	int by, r;

	if (image == NULL)
		goto clear;
	managed = has_profile(image);
	by = decoder_shrinks(vips_image_get_width(image),
			     vips_image_get_height(image));
	g_object_unref(image);
	*reason = "its picture cannot be decoded";
	if (strcmp(type, "image/jpeg") == 0)
		r = shrink_jpeg(bytes, count, by, managed, &small);
	else
		r = shrink(bytes, count, managed, &small);
	if (r != 0)
		goto clear;
	upright = small;
	if (orientation > 1) {
		if (turn(small, &upright, orientation) != 0)
			upright = NULL;
		g_object_unref(small);
	}
	if (upright != NULL) {
		used = encode(upright, out, max);
		g_object_unref(upright);
	}
clear:
	vips_error_clear();
	return used;
}
