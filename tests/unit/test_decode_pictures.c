/*
 * Thumbnails: upright, small, sRGB, of nothing but pixels; and what is refused.
 * Asked as photo-decode is asked, but in this process, without its sandbox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vips/vips.h>

#include <cmocka.h>

#include "answer.h"
#include "meta.h"

static struct answer answer;

/* As if it were a file; the answer is in `answer`. */
static enum decode_reply
ask(enum decode_question q, const void *bytes, size_t count)
{
	int fd = memfd_create("picture", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, bytes, count), count);
	answer_question(&answer, q, fd, count);
	close(fd);
	assert_true(answer.bytes > FRAME_HEADER_BYTES);
	return (enum decode_reply)answer.frame[FRAME_HEADER_BYTES];
}

static const uint8_t *
said(size_t *count)
{
	*count = answer.bytes - FRAME_HEADER_BYTES - 1;
	return answer.frame + FRAME_HEADER_BYTES + 1;
}

static void
assert_said(enum decode_reply reply, const char *why)
{
	size_t count;
	const uint8_t *text = said(&count);

	assert_int_equal(answer.frame[FRAME_HEADER_BYTES], reply);
	if (memmem(text, count, why, strlen(why)) == NULL)
		fail_msg("%.*s", (int)count, text);
}

static void
assert_refused(const char *why)
{
	assert_said(DECODE_REPLY_REFUSED, why);
}

/* ---- pictures to ask about -------------------------------------------------- */

/* Blue, with a red quarter where the upper left is for the camera. */
static VipsImage *
red_corner(int width, int height)
{
	VipsImage *black, *blue, *red, *both;
	VipsArrayDouble *b = vips_array_double_newv(3, 0.0, 0.0, 255.0);

	assert_int_equal(vips_black(&black, width, height, "bands", 3, NULL),
			 0);
	assert_int_equal(vips_linear1(black, &blue, 1, 0, "uchar", TRUE, NULL),
			 0);
	assert_int_equal(vips_draw_rect(blue, (double[]){0, 0, 255}, 3, 0, 0,
					width, height, "fill", TRUE, NULL),
			 0);
	red = vips_image_copy_memory(blue);
	assert_int_equal(vips_draw_rect(red, (double[]){255, 0, 0}, 3, 0, 0,
					width / 2, height / 2, "fill", TRUE,
					NULL),
			 0);
	assert_int_equal(vips_copy(red, &both, "interpretation",
				   VIPS_INTERPRETATION_sRGB, NULL),
			 0);
	vips_area_unref(VIPS_AREA(b));
	g_object_unref(black);
	g_object_unref(blue);
	g_object_unref(red);
	return both;
}

static void *
saved(VipsImage *image, const char *suffix, int orientation, size_t *count)
{
	VipsImage *copy;
	void *bytes = NULL;

	assert_int_equal(vips_copy(image, &copy, NULL), 0);
	if (orientation > 0)
		vips_image_set_int(copy, "orientation", orientation);
	if (vips_image_write_to_buffer(copy, suffix, &bytes, count, NULL) != 0)
		bytes = NULL; /* no encoder for that here */
	vips_error_clear();
	g_object_unref(copy);
	return bytes;
}

static VipsImage *
thumbnail(void)
{
	size_t count;
	const uint8_t *bytes = said(&count);
	VipsImage *t;

	assert_int_equal(answer.frame[FRAME_HEADER_BYTES], DECODE_REPLY_DONE);
	assert_true(count <= THUMB_BYTES_MAX);
	assert_memory_equal(bytes, "\xff\xd8\xff", 3);
	t = vips_image_new_from_buffer(bytes, count, "", NULL);
	assert_non_null(t);
	assert_int_equal(t->Bands, 3);
	assert_true(t->Xsize <= (int)THUMB_SIDE && t->Ysize <= (int)THUMB_SIDE);
	assert_int_equal(vips_image_get_typeof(t, VIPS_META_EXIF_NAME), 0);
	assert_int_equal(vips_image_get_typeof(t, VIPS_META_ICC_NAME), 0);
	assert_int_equal(vips_image_get_typeof(t, VIPS_META_XMP_NAME), 0);
	return t;
}

static void
assert_colour(VipsImage *t, double x, double y, double r, double g, double b)
{
	double *at = NULL;
	int n = 0;

	assert_int_equal(vips_getpoint(t, &at, &n, (int)(x * t->Xsize),
				       (int)(y * t->Ysize), NULL),
			 0);
	assert_int_equal(n, 3);
	if (abs((int)(at[0] - r)) > 25 || abs((int)(at[1] - g)) > 25 ||
	    abs((int)(at[2] - b)) > 25)
		fail_msg("(%g, %g) is %g %g %g", x, y, at[0], at[1], at[2]);
	g_free(at);
}

/* ---- the right way up --------------------------------------------------------- */

/* Where the camera's upper left is once the picture has been turned. */
static void
assert_upright(VipsImage *t, int orientation)
{
	static const double corners[9][2] = {
		[1] = {.2, .2}, [2] = {.8, .2}, [3] = {.8, .8}, [4] = {.2, .8},
		[5] = {.2, .2}, [6] = {.8, .2}, [7] = {.8, .8}, [8] = {.2, .8},
	};
	const double *red = corners[orientation];

	assert_true((t->Ysize > t->Xsize) == (orientation >= 5));
	assert_colour(t, red[0], red[1], 254, 0, 0);
	assert_colour(t, 1 - red[0], red[1], 0, 0, 254);
	assert_colour(t, red[0], 1 - red[1], 0, 0, 254);
	assert_colour(t, 1 - red[0], 1 - red[1], 0, 0, 254);
}

static void
upright(void **state)
{
	/* vips 8.14 writes no EXIF into PNG: see e2e/test_decode.py for that. */
	static const char *const formats[] = {".jpg[Q=95]", ".webp[Q=95]",
					      ".tif"};
	VipsImage *image = red_corner(640, 400);

	(void)state;
	for (size_t f = 0; f < 3; f++) {
		for (int o = 1; o <= 8; o++) {
			struct record_meta m;
			const uint8_t *value;
			size_t count;
			void *bytes = saved(image, formats[f], o, &count);
			VipsImage *t;

			assert_non_null(bytes);
			assert_int_equal(ask(DECODE_THUMB, bytes, count),
					 DECODE_REPLY_DONE);
			t = thumbnail();
			assert_int_equal(o >= 5 ? t->Ysize : t->Xsize, 256);
			assert_upright(t, o);
			g_object_unref(t);
			assert_int_equal(ask(DECODE_META, bytes, count),
					 DECODE_REPLY_DONE);
			value = said(&count);
			assert_true(record_meta_parse(value, count, &m));
			assert_int_equal(m.orientation, o);
			assert_int_equal(m.width, o >= 5 ? 400 : 640);
			assert_int_equal(m.height, o >= 5 ? 640 : 400);
			g_free(bytes);
		}
	}
	g_object_unref(image);
}

/* An encoder turns HEIC's pixels or says how, once; EXIF is not asked again. */
static void
heic_once(void **state)
{
	static const char *const formats[] = {
		".heic[Q=90]", ".avif[Q=90,effort=0]"};
	VipsImage *image = red_corner(320, 200);
	unsigned tried = 0;

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		size_t count;
		void *bytes = saved(image, formats[f], 6, &count);
		VipsImage *t;

		if (bytes == NULL)
			continue;
		tried++;
		assert_int_equal(ask(DECODE_THUMB, bytes, count),
				 DECODE_REPLY_DONE);
		t = thumbnail();
		/* vips writes EXIF's 6, but no turn that a decoder would do. */
		assert_upright(t, 1);
		g_object_unref(t);
		g_free(bytes);
	}
	if (tried == 0)
		print_message("no encoder for HEIC or AVIF here\n");
	g_object_unref(image);
}

/* ---- other than usual ---------------------------------------------------------- */

static void
not_enlarged(void **state)
{
	VipsImage *image = red_corner(40, 30), *t;
	size_t count;
	void *bytes = saved(image, ".png", 0, &count);

	(void)state;
	ask(DECODE_THUMB, bytes, count);
	t = thumbnail();
	assert_true(t->Xsize == 40 && t->Ysize == 30);
	g_object_unref(t);
	g_free(bytes);
	g_object_unref(image);
}

static void
transparent_is_white(void **state)
{
	VipsImage *image, *t;
	size_t count;
	void *bytes;

	(void)state;
	assert_int_equal(vips_black(&image, 300, 300, "bands", 4, NULL), 0);
	bytes = saved(image, ".png", 0, &count);
	ask(DECODE_THUMB, bytes, count);
	t = thumbnail();
	assert_colour(t, .5, .5, 255, 255, 255);
	g_object_unref(t);
	g_free(bytes);
	g_object_unref(image);
}

static void
one_band(void **state)
{
	VipsImage *image, *t;
	size_t count;
	void *bytes;

	(void)state;
	assert_int_equal(vips_black(&image, 300, 200, NULL), 0);
	bytes = saved(image, ".png[bitdepth=1]", 0, &count);
	ask(DECODE_THUMB, bytes, count);
	t = thumbnail();
	assert_true(t->Xsize == 256);
	g_object_unref(t);
	g_free(bytes);
	g_object_unref(image);
}

/* Noise in all colours: it still fits. */
static void
noise_fits(void **state)
{
	VipsImage *n[3], *all, *bytes_image;
	size_t count;
	void *bytes;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(vips_gaussnoise(&n[i], 256, 256, "mean",
						 128.0, "sigma", 90.0, "seed",
						 i, NULL),
				 0);
	assert_int_equal(vips_bandjoin(n, &all, 3, NULL), 0);
	assert_int_equal(vips_linear1(all, &bytes_image, 1, 0, "uchar", TRUE,
				      NULL),
			 0);
	bytes = saved(bytes_image, ".png", 0, &count);
	ask(DECODE_THUMB, bytes, count);
	g_object_unref(thumbnail());
	g_free(bytes);
	g_object_unref(bytes_image);
	g_object_unref(all);
	for (int i = 0; i < 3; i++)
		g_object_unref(n[i]);
}

/* ---- refused ---------------------------------------------------------------------- */

static void
cut_short(void **state)
{
	static const char *const formats[] = {".jpg", ".png", ".tif"};
	VipsImage *image = red_corner(640, 400);

	(void)state;
	for (size_t f = 0; f < 3; f++) {
		size_t count;
		void *bytes = saved(image, formats[f], 0, &count);

		ask(DECODE_THUMB, bytes, count * 2 / 3);
		assert_refused("picture");
		g_free(bytes);
	}
	g_object_unref(image);
}

static uint32_t
crc(const uint8_t *bytes, size_t count)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < count; i++) {
		c ^= bytes[i];
		for (unsigned k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static void
claims(uint32_t width, uint32_t height, uint8_t out[64])
{
	static const uint8_t usual[33] =
		"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0\x08\x02\0\0";
	uint32_t c;

	memset(out, 0, 64);
	memcpy(out, usual, 29);
	for (unsigned i = 0; i < 4; i++) {
		out[16 + i] = (uint8_t)(width >> (24 - 8 * i));
		out[20 + i] = (uint8_t)(height >> (24 - 8 * i));
	}
	c = crc(out + 12, 17);
	for (unsigned i = 0; i < 4; i++)
		out[29 + i] = (uint8_t)(c >> (24 - 8 * i));
	memcpy(out + 33, "\0\0\0\x01IDAT\x78", 9);
}

static void
too_large(void **state)
{
	uint8_t png[64];
	struct record_meta m;
	const uint8_t *value;
	size_t count;

	(void)state;
	claims(65535, 65535, png);
	ask(DECODE_THUMB, png, sizeof(png));
	assert_refused("too large");
	claims(20001, 10000, png);
	ask(DECODE_THUMB, png, sizeof(png));
	assert_refused("too large");
	claims(65501, 1, png);
	ask(DECODE_THUMB, png, sizeof(png));
	assert_refused("too large");
	/* How large it says it is may be said. */
	claims(20001, 10000, png);
	if (ask(DECODE_META, png, sizeof(png)) == DECODE_REPLY_DONE) {
		value = said(&count);
		assert_true(record_meta_parse(value, count, &m));
		assert_true(m.width == 20001 && m.height == 10000);
	}
	/* Within what is lawful, only nothing follows. */
	claims(2000, 1000, png);
	ask(DECODE_THUMB, png, sizeof(png));
	assert_refused("cannot be decoded");
}

static void
no_pictures(void **state)
{
	static const char *const texts[] = {
		"", "x", "<svg xmlns='http://www.w3.org/2000/svg' width='9' "
		"height='9'/>", "P6 1 1 255 abc", "%PDF-1.4", "\xff\xd8\xff",
		"GIF89a", "II*", "#?RADIANCE\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(ask(DECODE_META, texts[i], strlen(texts[i])),
				 DECODE_REPLY_REFUSED);
		assert_int_equal(ask(DECODE_THUMB, texts[i], strlen(texts[i])),
				 DECODE_REPLY_REFUSED);
	}
	/* More than there is cannot be mapped away. */
	answer_question(&answer, DECODE_META, -1, 100);
	assert_said(DECODE_REPLY_UNREADABLE, "cannot be read");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upright),
		cmocka_unit_test(heic_once),
		cmocka_unit_test(not_enlarged),
		cmocka_unit_test(transparent_is_white),
		cmocka_unit_test(one_band),
		cmocka_unit_test(noise_fits),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(too_large),
		cmocka_unit_test(no_pictures),
	};

	if (answer_start() == -1)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
