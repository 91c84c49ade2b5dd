/*
 * The one form a thumbnail may have, marker by marker; and that no byte of it,
 * changed or missing, makes the check read beyond its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thumb.h"
#include "thumb_sample.h"

static uint8_t room[THUMB_BYTES_MAX + 4096];

/* From memory of exactly that size, so that a sanitizer sees what is beyond. */
static bool
lawful(const uint8_t *bytes, size_t count)
{
	uint8_t *copy = malloc(count > 0 ? count : 1);
	bool r;

	assert_non_null(copy);
	memcpy(copy, bytes, count);
	r = thumb_lawful(copy, count, NULL, NULL);
	free(copy);
	return r;
}

static void
sizes(void **state)
{
	static const unsigned sides[] = {1, 2, 255, 256};
	uint32_t width, height;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		n = thumb_sample(room, sides[i], sides[3 - i], 7, 100);
		assert_true(thumb_lawful(room, n, &width, &height));
		assert_int_equal(width, sides[i]);
		assert_int_equal(height, sides[3 - i]);
	}
	assert_false(lawful(room, thumb_sample(room, 0, 9, 7, 9)));
	assert_false(lawful(room, thumb_sample(room, 9, 0, 7, 9)));
	assert_false(lawful(room, thumb_sample(room, 257, 9, 7, 9)));
	assert_false(lawful(room, thumb_sample(room, 9, 65535, 7, 9)));
	n = thumb_sample(room, 9, 9, 7, 0);
	assert_true(lawful(room, n));
	n = thumb_sample(room, 9, 9, 7, THUMB_BYTES_MAX - n);
	assert_int_equal(n, THUMB_BYTES_MAX);
	assert_true(lawful(room, n));
	n = thumb_sample(room, 9, 9, 7, THUMB_BYTES_MAX - n + n - 40);
	assert_false(lawful(room, n));
}

/* Cut anywhere, or with something behind it, it is none. */
static void
cut(void **state)
{
	size_t n = thumb_sample(room, 256, 171, 7, 64);

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_false(lawful(room, i));
	room[n] = 0;
	assert_false(lawful(room, n + 1));
	room[n] = 0xff;
	room[n + 1] = 0xd9;
	assert_false(lawful(room, n + 2));
}

/* The segment is put behind SOI. */
static bool
with_segment(unsigned marker, const char *body, size_t bytes)
{
	uint8_t plain[256];
	size_t n = thumb_sample(plain, 9, 9, 7, 9);

	memcpy(room, plain, 2);
	room[2] = 0xff;
	room[3] = (uint8_t)marker;
	room[4] = 0;
	room[5] = (uint8_t)(bytes + 2);
	memcpy(room + 6, body, bytes);
	memcpy(room + 6 + bytes, plain + 2, n - 2);
	return lawful(room, n + 4 + bytes);
}

static void
segments(void **state)
{
	(void)state;
	assert_true(with_segment(0xe0, "JFIF\0\1\1", 7));
	assert_false(with_segment(0xe0, "JFXX\0\1\1", 7));
	assert_false(with_segment(0xe0, "JFI", 3));
	assert_true(with_segment(0xdb, "more", 4));
	for (unsigned m = 0xc0; m <= 0xff; m++)
		if (m != 0xe0 && m != 0xdb && m != 0xc4)
			assert_false(with_segment(m, "Exif\0\0II", 8));
	/* A second frame header. */
	assert_false(with_segment(
		0xc0, "\10\0\1\0\1\3\1\21\0\2\21\0\3\21\0", 15));
}

static void
data(void **state)
{
	size_t n = thumb_sample(room, 9, 9, 7, 16), at = n - 10;

	(void)state;
	room[at] = 0xff;
	room[at + 1] = 0;
	assert_true(lawful(room, n));
	for (unsigned b = 1; b < 256; b++) {
		room[at + 1] = (uint8_t)b;
		assert_false(lawful(room, n));
	}
	/* An ff that ends it. */
	n = thumb_sample(room, 9, 9, 7, 16);
	room[n - 1] = 0xff;
	assert_false(lawful(room, n));
}

/* Any byte of any value: it is said to be one or not, and no more. */
static void
flipped(void **state)
{
	size_t n = thumb_sample(room, 200, 100, 7, 12), yes = 0;
	uint32_t width, height;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (unsigned b = 0; b < 256; b++) {
			uint8_t was = room[i];

			room[i] = (uint8_t)b;
			if (lawful(room, n)) {
				yes++;
				assert_true(thumb_lawful(room, n, &width,
							 &height));
				assert_in_range(width, 1, THUMB_SIDE);
				assert_in_range(height, 1, THUMB_SIDE);
			}
			room[i] = was;
		}
	assert_true(yes > n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),    cmocka_unit_test(cut),
		cmocka_unit_test(segments), cmocka_unit_test(data),
		cmocka_unit_test(flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
