/* What a photo's bytes say, as a record's value.  PROTOCOL.md is argv[1]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "limits.h"
#include "meta_samples.h"
#include "pack.h"
#include "protocol_example.h"
#include "utf8.h"

static const char *document;

static void
same_both_ways(const struct record_meta *m)
{
	struct record_meta back;
	uint8_t out[META_BYTES_MAX];
	size_t used = record_meta_pack(m, out, sizeof(out));

	assert_true(used > 0);
	memset(&back, 0xaa, sizeof(back));
	assert_true(record_meta_parse(out, used, &back));
	assert_memory_equal(m, &back, sizeof(back));
	for (size_t less = 0; less < used; less++) {
		assert_int_equal(record_meta_pack(m, out, less), 0);
		assert_false(record_meta_parse(out, less, &back));
	}
}

static void
both_ways(void **state)
{
	struct record_meta m = meta_sample();

	(void)state;
	same_both_ways(&m);
	m = meta_sample_bare();
	same_both_ways(&m);
	m.media = META_VIDEO;
	m.has = META_HAS_DURATION;
	m.duration_ms = 65000;
	same_both_ways(&m);
}

/* Everything as large as it may be: the record fits, and is one. */
static void
largest(void **state)
{
	struct record_meta m;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.decoder = UINT32_MAX;
	m.media = UINT8_MAX;
	m.width = m.height = UINT32_MAX;
	m.orientation = 8;
	m.has = (META_HAS_DURATION << 1) - 1;
	m.taken_ms = INT64_C(253402300799999);
	m.offset_min = -1439;
	m.source = UINT8_MAX;
	m.exposure_us = UINT64_C(1000000000000);
	m.aperture_milli = m.iso = m.focal_um = UINT32_MAX;
	m.latitude_e7 = -900000000;
	m.longitude_e7 = 1800000000;
	m.altitude_mm = INT32_MIN;
	m.rating = -1;
	m.duration_ms = (UINT64_C(1) << 53) - 1;
	memset(m.make, 'x', META_TEXT_MAX);
	memset(m.model, 'x', META_TEXT_MAX);
	memset(m.lens, 'x', META_TEXT_MAX);
	memset(m.title, 'x', META_TITLE_MAX);
	m.keyword_count = META_KEYWORDS_MAX;
	for (unsigned i = 0; i < META_KEYWORDS_MAX; i++)
		memset(m.keywords[i], 'x', META_KEYWORD_MAX);
	same_both_ways(&m);
}

/* What cannot be is not written ... */
static void
refused_to_write(void **state)
{
	uint8_t out[META_BYTES_MAX];

	(void)state;
#define REFUSED(change)                                                   \
	do {                                                              \
		struct record_meta m = meta_sample();                     \
                                                                          \
		assert_true(record_meta_pack(&m, out, sizeof(out)) > 0);  \
		change;                                                   \
		assert_int_equal(record_meta_pack(&m, out, sizeof(out)), 0); \
	} while (0)
	REFUSED(m.decoder = 0);
	REFUSED(m.orientation = 0);
	REFUSED(m.orientation = 9);
	REFUSED(m.taken_ms = INT64_C(253402300800000));
	REFUSED(m.taken_ms = INT64_C(-62135596800001));
	REFUSED(m.offset_min = 1440);
	REFUSED(m.offset_min = -1440);
	REFUSED(m.has &= ~META_HAS_TAKEN); /* an offset of nothing */
	REFUSED(m.exposure_us = UINT64_C(1000000000001));
	REFUSED(m.latitude_e7 = 900000001);
	REFUSED(m.latitude_e7 = -900000001);
	REFUSED(m.longitude_e7 = 1800000001);
	REFUSED(m.longitude_e7 = -1800000001);
	REFUSED(m.rating = -2);
	REFUSED(m.rating = 6);
	REFUSED((m.has |= META_HAS_DURATION, m.duration_ms = UINT64_MAX));
	REFUSED(memset(m.make, 'x', sizeof(m.make)));
	REFUSED(memset(m.title, 'x', sizeof(m.title)));
	REFUSED(m.model[0] = '\x1b');
	REFUSED(m.lens[0] = '\x7f');
	REFUSED(memcpy(m.title, "\xc2\x85", 2)); /* C1 */
	REFUSED(m.title[0] = '\xff');
	REFUSED(memcpy(m.title, "\xed\xa0\x80", 3)); /* a surrogate */
	REFUSED(m.keyword_count = META_KEYWORDS_MAX + 1);
	REFUSED(m.keyword_count = 3); /* an empty one */
	REFUSED(m.keywords[1][0] = '\n');
#undef REFUSED
}

/* ... nor read.  A value, item by item, with one of them exchanged. */
#define ITEMS 22

static size_t
value_with(uint8_t *out, unsigned item, const char *bytes, size_t count)
{
	static const char *const usual[ITEMS] = {
		"\x01", "\x01", "\x64", "\x64", "\x01", "\x00", "\x00", "\x01",
		"\xa0", "\xa0", "\xa0", "\xc0", "\xc0", "\xc0", "\xc0", "\x00",
		"\x00", "\xc0", "\xc0", "\xa0", "\x90", "\xc0"};
	size_t used = 3;

	memcpy(out, "\xdc\x00\x16", 3);
	for (unsigned i = 0; i < ITEMS; i++) {
		size_t n = i == item ? count : 1;

		memcpy(out + used, i == item ? bytes : usual[i], n);
		used += n;
	}
	return used;
}

static void
refused_to_read(void **state)
{
	static const struct {
		unsigned item;
		const char *bytes;
		size_t count;
	} bad[] = {
		{0, "\x00", 1},
		{0, "\xc0", 1},
		{0, "\xcf\0\0\0\1\0\0\0\0", 9},
		{1, "\xcd\1\0", 3},
		{2, "\xff", 1},
		{2, "\xcf\0\0\0\1\0\0\0\0", 9},
		{4, "\x00", 1},
		{4, "\x09", 1},
		{4, "\xc0", 1},
		{5, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{5, "\xd3\x80\0\0\0\0\0\0\0", 9},
		{5, "\xc0", 1}, /* offset 0 of nothing */
		{5, "\xca\0\0\0\0", 5},
		{6, "\xcd\x05\xa0", 3},
		{6, "\xd1\xfa\x60", 3},
		{7, "\xcd\1\0", 3},
		{8, "\xc0", 1},
		{8, "\xa1\0", 2},
		{8, "\xa1\x1b", 2},
		{9, "\xa2\xc3\x28", 3},
		{10, "\xc4\x01x", 3},
		{11, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{12, "\xff", 1},
		{13, "\xa1\x31", 2},
		{14, "\xcf\0\0\0\1\0\0\0\0", 9},
		{15, "\xc0", 1}, /* half a place */
		{16, "\xc0", 1},
		{15, "\xce\x35\xa4\xe9\x01", 5},
		{15, "\xd2\xca\x5b\x16\xff", 5},
		{16, "\xce\x6b\x49\xd2\x01", 5},
		{17, "\xce\x80\0\0\0", 5},
		{18, "\xfe", 1},
		{18, "\x06", 1},
		{19, "\xc0", 1},
		{20, "\xc0", 1},
		{20, "\x91\xa0", 2},
		{20, "\x91\x91\xa1x", 4},
		{20, "\xdc\x00\x19\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x"
		     "\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x"
		     "\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x", 53},
		{21, "\xff", 1},
		{21, "\xcf\x00\x20\0\0\0\0\0\0", 9},
	};
	struct record_meta m;
	uint8_t value[256];

	(void)state;
	assert_true(record_meta_parse(value, value_with(value, ITEMS, NULL, 0),
				      &m));
	assert_int_equal(m.has, META_HAS_TAKEN | META_HAS_OFFSET |
					META_HAS_PLACE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t used = value_with(value, bad[i].item, bad[i].bytes,
					 bad[i].count);

		if (record_meta_parse(value, used, &m))
			fail_msg("item %u of case %zu was taken", bad[i].item,
				 i);
	}
}

/* Newer versions append; a source without a time is nothing. */
static void
grows(void **state)
{
	struct record_meta m;
	uint8_t value[256];
	size_t used = value_with(value, 21, "\xc0\x92\x01\x80\xa1x", 6);

	(void)state;
	value[2] = ITEMS + 2;
	assert_true(record_meta_parse(value, used, &m));
	value[2] = ITEMS + 1;
	assert_false(record_meta_parse(value, used, &m));
	used = value_with(value, ITEMS, NULL, 0);
	value[2] = ITEMS - 1;
	assert_false(record_meta_parse(value, used - 1, &m));
	value[2] = ITEMS;
	value[3 + 5] = value[3 + 6] = 0xc0;
	assert_true(record_meta_parse(value, used, &m));
	assert_int_equal(m.source, META_TAKEN_NONE);
	assert_int_equal(m.has, META_HAS_PLACE);
	value[3 + 2] = 0; /* a side of no pixels is one that is not known */
	assert_true(record_meta_parse(value, used, &m));
	assert_int_equal(m.width, 0);
	value[3 + 7] = 250; /* a source of a newer version */
	value[3 + 5] = 0xc0;
	value[3 + 1] = 77;
	assert_false(record_meta_parse(value, used, &m)); /* 250: a sign */
	value[3 + 7] = 99;
	value[3 + 5] = 5;
	assert_true(record_meta_parse(value, used, &m));
	assert_int_equal(m.source, 99);
	assert_int_equal(m.media, 77);
}

static void
plain_text(void **state)
{
	(void)state;
	assert_true(utf8_plain("", 0));
	assert_true(utf8_plain("\xe2\x82\xac uro", 7));
	assert_false(utf8_plain("a\0b", 3));
	assert_false(utf8_plain("\xc0\xaf", 2));
	assert_false(utf8_plain("\xf4\x90\x80\x80", 4));
	assert_false(utf8_plain("\xe2\x82", 2));
	assert_false(utf8_plain("\xc2\x9b", 2));
	assert_true(utf8_plain("\xc2\xa0", 2));
}

static void
example(void **state)
{
	struct record_meta m = meta_sample(), back;
	uint8_t out[META_BYTES_MAX], shown[META_BYTES_MAX];
	size_t used = record_meta_pack(&m, out, sizeof(out));

	(void)state;
	assert_int_equal(example_read(document, "META", shown, sizeof(shown)),
			 used);
	assert_memory_equal(shown, out, used);
	assert_true(record_meta_parse(shown, used, &back));
	assert_memory_equal(&m, &back, sizeof(m));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(largest),
		cmocka_unit_test(refused_to_write),
		cmocka_unit_test(refused_to_read),
		cmocka_unit_test(grows),
		cmocka_unit_test(plain_text),
		cmocka_unit_test(example),
	};

	document = argc > 1 ? argv[1] : "proto/PROTOCOL.md";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
