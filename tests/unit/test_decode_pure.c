/*
 * What photo-decode does by itself: texts, times, places, and the boxes of
 * films; also those that are lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meta.h"
#include "mp4.h"
#include "mp4_build.h"
#include "questions.h"
#include "raf.h"
#include "texts.h"
#include "utf8.h"
#include "values.h"

/* ---- texts ------------------------------------------------------------------ */

static void
cleaned(const char *text, size_t bytes, size_t max, const char *expected)
{
	char out[64];

	memset(out, 'Z', sizeof(out));
	assert_int_equal(text_clean(text, bytes, out, max), strlen(expected));
	assert_string_equal(out, expected);
}

static void
texts(void **state)
{
	(void)state;
	cleaned("Canon", 5, 63, "Canon");
	cleaned("Canon\0\0\0", 8, 63, "Canon");
	cleaned("  NIKON   CORP \n\t", 17, 63, "NIKON CORP");
	cleaned("\x1b[2Jx\x7f\xc2\x9by", 9, 63, "[2Jx y");
	cleaned("m\xc3\xb6we", 5, 63, "m\xc3\xb6we");
	cleaned("m\xf6we", 4, 63, "m\xc3\xb6we"); /* Latin-1 */
	cleaned("\x85x", 2, 63, "x");             /* C1 as Latin-1 */
	cleaned("", 0, 63, "");
	cleaned(" ", 1, 63, "");
	/* cut between characters, and not behind a space */
	cleaned("abc\xc3\xb6", 5, 4, "abc");
	cleaned("abc def", 7, 4, "abc");
	cleaned("abcdef", 6, 3, "abc");
	cleaned("abc", 3, 0, "");
}

static void
any_text(void **state)
{
	uint8_t bytes[40];
	char out[32];

	(void)state;
	srand(7);
	for (unsigned n = 0; n < 20000; n++) {
		for (unsigned i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rand();
		size_t used = text_clean((char *)bytes, n % 40, out, n % 31);

		assert_true(used <= n % 31 && out[used] == '\0');
		assert_true(utf8_plain(out, used));
	}
}

/* ---- values ------------------------------------------------------------------ */

static void
times(void **state)
{
	int64_t ms = 0;
	int32_t offset = 0;
	uint32_t fine = 0;
	bool has = false;

	(void)state;
	assert_true(value_civil(1970, 1, 1, 0, 0, 0, &ms) && ms == 0);
	assert_true(value_civil(2000, 2, 29, 23, 59, 60, &ms));
	assert_int_equal(ms, INT64_C(951868799000));
	assert_true(value_civil(1, 1, 1, 0, 0, 0, &ms));
	assert_int_equal(ms, INT64_C(-62135596800000));
	assert_true(value_civil(9999, 12, 31, 23, 59, 59, &ms));
	assert_int_equal(ms, INT64_C(253402300799000));
	assert_false(value_civil(1900, 2, 29, 0, 0, 0, &ms));
	assert_false(value_civil(2019, 13, 1, 0, 0, 0, &ms));
	assert_false(value_civil(2019, 0, 1, 0, 0, 0, &ms));
	assert_false(value_civil(0, 1, 1, 0, 0, 0, &ms));
	assert_true(value_exif_time("2019:07:04 10:15:30", &ms));
	assert_int_equal(ms, INT64_C(1562235330000));
	assert_true(value_exif_time("2019:07:04 10:15", &ms));
	assert_false(value_exif_time("0000:00:00 00:00:00", &ms));
	assert_false(value_exif_time("    :  :     :  :  ", &ms));
	assert_false(value_exif_time("2019:07:04", &ms));
	assert_false(value_exif_time("", &ms));
	assert_true(value_subsec("25", &fine) && fine == 250);
	assert_true(value_subsec("123456789123", &fine) && fine == 123);
	assert_true(value_subsec("04  ", &fine) && fine == 40);
	assert_false(value_subsec(" 5", &fine));
	assert_true(value_offset("+02:00", &offset) && offset == 120);
	assert_true(value_offset("-03:30", &offset) && offset == -210);
	assert_true(value_offset("+0545", &offset) && offset == 345);
	assert_true(value_offset("Z", &offset) && offset == 0);
	assert_false(value_offset("+99:00", &offset));
	assert_false(value_offset("   :  ", &offset));
	assert_false(value_offset("", &offset));
	assert_true(value_iso_time("2019-07-04T10:15:30.25-08:00", &ms, &has,
				   &offset));
	assert_true(ms == INT64_C(1562235330250) && has && offset == -480);
	assert_true(value_iso_time("2019-07-04T10:15:30", &ms, &has,
				   &offset));
	assert_true(ms == INT64_C(1562235330000) && !has);
	assert_true(value_iso_time("2019-07-04", &ms, &has, &offset) && !has);
	assert_int_equal(ms, INT64_C(1562198400000));
	assert_false(value_iso_time("2019-07", &ms, &has, &offset));
	assert_false(value_iso_time("2019-07-04T10", &ms, &has, &offset));
	assert_false(value_iso_time("2019-02-30", &ms, &has, &offset));
}

static void
fractions(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_true(value_fraction("1/250", 1000000, 1u << 30, &v));
	assert_int_equal(v, 4000);
	assert_true(value_fraction("28/10", 1000, UINT32_MAX, &v));
	assert_int_equal(v, 2800);
	assert_true(value_fraction("50", 1000, UINT32_MAX, &v) && v == 50000);
	assert_true(value_fraction("0/5", 1000, UINT32_MAX, &v) && v == 0);
	assert_false(value_fraction("1/0", 1000, UINT32_MAX, &v));
	assert_false(value_fraction("0/0", 1000, UINT32_MAX, &v));
	assert_false(value_fraction("-1/2", 1000, UINT32_MAX, &v));
	assert_false(value_fraction("4294967295/1", 1000, UINT32_MAX, &v));
	assert_false(value_fraction("nan", 1, 10, &v));
	assert_false(value_fraction("inf", 1, 10, &v));
	assert_false(value_fraction("9999999999999999999999999", 1, UINT64_MAX,
				    &v));
	assert_true(value_number("100 0", 65535, &v) && v == 100);
	assert_false(value_number("65536", 65535, &v));
	assert_false(value_number("x", 65535, &v));
}

static void
places(void **state)
{
	int32_t la = 7, lo = 7, mm = 7;
	bool has = true;

	(void)state;
	assert_true(value_gps("48/1 51/1 3012/100", "N", &la));
	assert_int_equal(la, 488583667);
	assert_true(value_gps("2/1 177/10 0/1", "W", &la));
	assert_int_equal(la, -22950000);
	assert_true(value_gps("48/1 0/0 0/0", "S", &la));
	assert_int_equal(la, -480000000);
	assert_true(value_gps("90/1 0/1 0/1", "N", &la) && la == 900000000);
	assert_true(value_gps("180/1 0/1 0/1", "W", &la) &&
		    la == -1800000000);
	la = 7;
	assert_false(value_gps("91/1 0/1 0/1", "N", &la));
	assert_false(value_gps("90/1 1/1 0/1", "N", &la));
	assert_false(value_gps("181/1 0/1 0/1", "E", &la));
	assert_false(value_gps("48/1 51/1 0/1", "", &la));
	assert_false(value_gps("48/1 51/1 0/1", "X", &la));
	assert_false(value_gps("48/0 51/1 0/1", "N", &la));
	assert_false(value_gps("48/1 71/1 0/1", "N", &la));
	assert_false(value_gps("", "N", &la));
	assert_int_equal(la, 7);
	assert_true(value_xmp_gps("48,51.502N", &la) && la == 488583667);
	assert_true(value_xmp_gps("2,17,42W", &la) && la == -22950000);
	assert_false(value_xmp_gps("48N", &la));
	assert_false(value_xmp_gps("48,51.5", &la));
	assert_true(value_iso6709("+48.8577-002.2950+035.125/", &la, &lo, &has,
				  &mm));
	assert_true(la == 488577000 && lo == -22950000 && has && mm == 35125);
	assert_true(value_iso6709("+4851.462-00217.7/", &la, &lo, &has, &mm));
	assert_true(la == 488577000 && lo == -22950000 && !has);
	assert_true(value_iso6709("+485127.72-0021742-12.5/", &la, &lo, &has,
				  &mm));
	assert_true(la == 488577000 && lo == -22950000 && has && mm == -12500);
	assert_false(value_iso6709("+99.0+002.0/", &la, &lo, &has, &mm));
	assert_false(value_iso6709("48.8+002.0/", &la, &lo, &has, &mm));
	assert_false(value_iso6709("+48.8", &la, &lo, &has, &mm));
	assert_false(value_iso6709("", &la, &lo, &has, &mm));
}

/* ---- films ------------------------------------------------------------------- */

struct memory {
	const uint8_t *bytes;
	size_t count;
	unsigned reads;
};

static bool
read_memory(void *arg, uint64_t at, void *out, size_t count)
{
	struct memory *m = arg;

	m->reads++;
	if (at > m->count || m->count - at < count)
		return false;
	memcpy(out, m->bytes + at, count);
	return true;
}

/* Reads it; whatever it says is lawful. */
static bool
film(const void *bytes, size_t count, uint64_t claimed, struct record_meta *m)
{
	struct memory memory = {.bytes = bytes, .count = count};
	struct mp4_file f = {
		.read = read_memory, .arg = &memory, .bytes = claimed};
	uint8_t out[META_BYTES_MAX];
	bool r;

	memset(m, 0, sizeof(*m));
	m->decoder = m->orientation = 1;
	r = mp4_read(&f, m);
	assert_true(memory.reads < 20000);
	assert_true(record_meta_pack(m, out, sizeof(out)) > 0);
	return r;
}

static void
phone_film(void **state)
{
	static struct mp4_build b;
	struct record_meta m;

	(void)state;
	mp4_phone(&b);
	assert_true(film(b.bytes, b.used, b.used, &m));
	assert_int_equal(m.taken_ms, INT64_C(1562235330000));
	assert_int_equal(m.offset_min, 120);
	assert_int_equal(m.source, META_TAKEN_CONTAINER);
	assert_true(m.width == 1080 && m.height == 1920);
	assert_int_equal(m.duration_ms, 12500);
	assert_string_equal(m.make, "Apple");
	assert_string_equal(m.model, "iPhone 12");
	assert_true(m.latitude_e7 == 488577000 && m.longitude_e7 == 22950000);
	assert_int_equal(m.altitude_mm, 35125);
	/* Cut anywhere it says what stood before, and nothing unlawful. */
	for (size_t cut = 0; cut < b.used; cut++) {
		(void)film(b.bytes, cut, cut, &m);
		(void)film(b.bytes, cut, UINT64_MAX, &m);
	}
}

static void
plain_film(void **state)
{
	static struct mp4_build b;
	struct record_meta m;

	(void)state;
	memset(&b, 0, sizeof(b));
	box_begin(&b, "moov");
	put_mvhd(&b, 1, UINT64_C(2082844800) + 1562235330, 90000,
		 UINT64_C(90000) * 3600 + 45000);
	put_trak(&b, 1, 640, 480, 0, "vide");
	box_begin(&b, "udta");
	box_begin(&b, "\xa9xyz");
	put(&b, 18, 2);
	put(&b, 0x15c7, 2);
	put_raw(&b, "-33.8642+151.2166/", 18);
	box_end(&b);
	box_end(&b);
	box_end(&b);
	assert_true(film(b.bytes, b.used, b.used, &m));
	assert_int_equal(m.taken_ms, INT64_C(1562235330000));
	assert_true((m.has & META_HAS_OFFSET) && m.offset_min == 0);
	assert_true(m.width == 640 && m.height == 480);
	assert_int_equal(m.duration_ms, 3600500);
	assert_true(m.latitude_e7 == -338642000 &&
		    m.longitude_e7 == 1512166000);
	assert_false(m.has & META_HAS_ALTITUDE);
}

static void
hostile_films(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
	} lies[] = {
		{"\0\0\0\0moov", 8},
		{"\0\0\0\1moov\xff\xff\xff\xff\xff\xff\xff\xff", 16},
		{"\0\0\0\1moov\0\0\0\0\0\0\0\1", 16},
		{"\0\0\0\7moov", 8},
		{"\xff\xff\xff\xffmoov\0\0\0\0", 12},
		{"\0\0\0\x08moov", 8},
		{"\0\0\0\x10moov\0\0\0\x08mvhd", 16},
		{"\0\0\0\x10moov\0\0\0\x08trak", 16},
		{"\0\0\0\x18moov\0\0\0\x10trak\0\0\0\x08tkhd", 24},
		{"\0\0\0\x18moov\0\0\0\x10meta\0\0\0\x08keys", 24},
		{"\0\0\0\x18moov\0\0\0\x10meta\0\0\0\0\0\0\0\0", 24},
	};
	static uint8_t many[1 << 17];
	static struct mp4_build b;
	struct record_meta m;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		(void)film(lies[i].bytes, lies[i].count, lies[i].count, &m);
		(void)film(lies[i].bytes, lies[i].count, UINT64_MAX, &m);
		assert_int_equal(m.has, 0);
	}
	/* boxes without end: counted, not waited for */
	for (size_t at = 0; at + 8 <= sizeof(many); at += 8)
		memcpy(many + at, "\0\0\0\x08" "free", 8);
	assert_false(film(many, sizeof(many), sizeof(many), &m));
	memcpy(many, "\0\0\0\0moov", 8);
	assert_true(film(many, sizeof(many), sizeof(many), &m));
	/* times and lengths that cannot be */
	memset(&b, 0, sizeof(b));
	box_begin(&b, "moov");
	put_mvhd(&b, 1, UINT64_MAX, 1, UINT64_MAX - 1);
	put_mvhd(&b, 0, 5, 0, 5);
	box_end(&b);
	assert_true(film(b.bytes, b.used, b.used, &m));
	assert_true(!(m.has & META_HAS_DURATION));
	/* five seconds behind 1970: some count from there */
	assert_int_equal(m.taken_ms, 5000);
}

/* Every byte of a film exchanged, and many at once. */
static void
corrupt_films(void **state)
{
	static struct mp4_build b, c;
	struct record_meta m;

	(void)state;
	mp4_phone(&b);
	srand(11);
	for (unsigned n = 0; n < 20000; n++) {
		c = b;
		for (unsigned k = 0; k <= n % 6; k++)
			c.bytes[(size_t)rand() % c.used] = (uint8_t)rand();
		(void)film(c.bytes, c.used, c.used, &m);
	}
}

static void
questions(void **state)
{
	uint8_t frame[DECODE_ASK_FRAME_BYTES];
	enum decode_question q;
	uint64_t bytes;

	(void)state;
	decode_ask_pack(DECODE_THUMB, UINT64_C(0x0102030405060708), frame);
	assert_true(decode_ask_parse(frame + 4, sizeof(frame) - 4, &q,
				     &bytes));
	assert_int_equal(q, DECODE_THUMB);
	assert_true(bytes == UINT64_C(0x0102030405060708));
	assert_false(decode_ask_parse(frame + 4, sizeof(frame) - 5, &q,
				      &bytes));
	frame[4] = 0;
	assert_false(decode_ask_parse(frame + 4, sizeof(frame) - 4, &q,
				      &bytes));
}

/* Where a RAF says how large its picture is; wherever it says it is. */
static void
fuji(void **state)
{
	static const uint8_t rows[] = {0, 0, 0, 3,
				       1, 0, 0, 4, 13, 0, 19, 0, /* all of it */
				       1, 0x21, 0, 2, 9, 9,
				       1, 0x11, 0, 4, 12, 0, 16, 0};
	uint8_t file[100 + sizeof(rows)] = {0};
	uint32_t w, h;

	(void)state;
	memcpy(file + 100, rows, sizeof(rows));
	file[95] = 100;
	file[99] = sizeof(rows);
	assert_true(raf_size(file, sizeof(file), &w, &h));
	assert_int_equal(w, 4096);
	assert_int_equal(h, 3072);
	file[103] = 1; /* the first alone */
	assert_true(raf_size(file, sizeof(file), &w, &h));
	assert_int_equal(w, 19 * 256);
	for (size_t n = 0; n < sizeof(file); n++) {
		uint8_t *copy = malloc(n > 0 ? n : 1);

		assert_non_null(copy);
		memcpy(copy, file, n);
		assert_false(raf_size(copy, n, &w, &h));
		free(copy);
	}
	for (size_t i = 92; i < sizeof(file); i++)
		for (unsigned b = 0; b < 256; b++) {
			uint8_t was = file[i];

			file[i] = (uint8_t)b;
			if (raf_size(file, sizeof(file), &w, &h))
				assert_true(w > 0 && h > 0);
			file[i] = was;
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(any_text),
		cmocka_unit_test(times),
		cmocka_unit_test(fractions),
		cmocka_unit_test(places),
		cmocka_unit_test(phone_film),
		cmocka_unit_test(plain_film),
		cmocka_unit_test(hostile_films),
		cmocka_unit_test(corrupt_films),
		cmocka_unit_test(fuji),
		cmocka_unit_test(questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
