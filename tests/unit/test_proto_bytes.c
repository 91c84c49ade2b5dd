/* frame, walk, pack, fields: bytes in, verdicts out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fields.h"
#include "frame.h"
#include "limits.h"
#include "pack.h"
#include "walk.h"

/* A copy on the heap of the exact size, so that ASan sees a byte too far. */
static uint8_t *
exact(const void *bytes, size_t count)
{
	uint8_t *copy = malloc(count > 0 ? count : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, count);
	return copy;
}

static void
frame_boundaries(void **state)
{
	static const uint8_t in[] = {0, 0, 0, 2, 0xaa, 0xbb, 0xcc};
	struct frame f;

	(void)state;
	for (size_t n = 0; n < sizeof(in); n++) {
		uint8_t *copy = exact(in, n);
		enum frame_verdict v = frame_peek(copy, n, 2, &f);

		assert_int_equal(v, n < 6 ? FRAME_PARTIAL : FRAME_READY);
		assert_int_equal(f.want_bytes, n < 4 ? 4 : 6);
		free(copy);
	}
	assert_int_equal(frame_peek(in, sizeof(in), 2, &f), FRAME_READY);
	assert_ptr_equal(f.body, in + 4);
	assert_int_equal(f.body_bytes, 2);
	assert_int_equal(frame_peek(in, sizeof(in), 1, &f), FRAME_BROKEN);
	assert_int_equal(frame_peek((const uint8_t[]){0, 0, 0, 0}, 4, 9, &f),
			 FRAME_BROKEN);
	assert_int_equal(frame_peek((const uint8_t[]){255, 255, 255, 255}, 4,
				    LINK_BODY_BYTES_MAX, &f),
			 FRAME_BROKEN);
}

static enum walk_verdict
walk(const void *bytes, size_t count)
{
	uint8_t *copy = exact(bytes, count);
	enum walk_verdict v = walk_body(copy, count, &walk_limits_default);

	free(copy);
	return v;
}

#define WALK(...)                                                              \
	walk((const uint8_t[]){__VA_ARGS__},                                   \
	     sizeof((const uint8_t[]){__VA_ARGS__}))

static void
walk_verdicts(void **state)
{
	uint8_t deep[WALK_DEPTH_MAX + 2];
	uint8_t text[3 + WALK_STR_MAX + 1];

	(void)state;
	assert_int_equal(walk("", 0), WALK_SHORT);
	assert_int_equal(WALK(0x2a), WALK_OK);
	assert_int_equal(WALK(0x2a, 0x2a), WALK_TRAILING);
	assert_int_equal(WALK(0xc1), WALK_TYPE);
	assert_int_equal(WALK(0xd4, 1, 2), WALK_TYPE);
	assert_int_equal(WALK(0xc9, 0xff, 0xff, 0xff, 0xff), WALK_TYPE);
	assert_int_equal(WALK(0xdd, 0xff, 0xff, 0xff, 0xff), WALK_SHORT);
	assert_int_equal(WALK(0xdf, 0xff, 0xff, 0xff, 0xff), WALK_SHORT);
	assert_int_equal(WALK(0xdd, 0x00, 0x10, 0x00, 0x00), WALK_SHORT);
	assert_int_equal(WALK(0xc6, 0xff, 0xff, 0xff, 0xff), WALK_SHORT);
	assert_int_equal(WALK(0xdb, 0xff, 0xff, 0xff, 0xff), WALK_STR);
	assert_int_equal(WALK(0x81, 0x01, 0x01), WALK_KEY);
	assert_int_equal(WALK(0x81, 0xa1, 'a', 0x01), WALK_OK);
	assert_int_equal(WALK(0x81, 0xa1, 'a'), WALK_SHORT);
	assert_int_equal(WALK(0x80), WALK_OK);
	assert_int_equal(WALK(0xcb, 0, 0, 0, 0, 0, 0, 0, 0), WALK_OK);
	assert_int_equal(WALK(0xcb, 0, 0, 0, 0, 0, 0, 0), WALK_SHORT);
	assert_int_equal(WALK(0xcd, 0), WALK_SHORT);

	memset(deep, 0x91, sizeof(deep));
	deep[WALK_DEPTH_MAX] = 0xc0;
	assert_int_equal(walk(deep, WALK_DEPTH_MAX + 1), WALK_OK);
	deep[WALK_DEPTH_MAX] = 0x91;
	deep[WALK_DEPTH_MAX + 1] = 0xc0;
	assert_int_equal(walk(deep, sizeof(deep)), WALK_DEPTH);

	memset(text, 'x', sizeof(text));
	text[0] = 0xda;
	text[1] = WALK_STR_MAX >> 8;
	text[2] = WALK_STR_MAX & 255;
	assert_int_equal(walk(text, 3 + WALK_STR_MAX), WALK_OK);
	text[2]++;
	assert_int_equal(walk(text, sizeof(text)), WALK_STR);
}

static void
walk_items(void **state)
{
	size_t count = 5 + WALK_ITEMS_MAX;
	uint8_t *body = calloc(1, count);

	(void)state;
	assert_non_null(body);
	body[0] = 0xdd;
	body[3] = 0xff;
	body[4] = 0xff; /* 65535 and the array itself: just enough */
	assert_int_equal(walk(body, count - 1), WALK_OK);
	body[2] = 1;
	body[3] = body[4] = 0; /* 65536 and the array: one too many */
	assert_int_equal(walk(body, count), WALK_ITEMS);
	free(body);
}

/* Nested boxes that each claim much must not pass for want of a total. */
static void
walk_nested_claims(void **state)
{
	uint8_t bomb[31 * 5];

	(void)state;
	for (unsigned n = 0; n < 31; n++)
		memcpy(bomb + 5 * n, "\xdd\x01\x00\x00\x00", 5);
	assert_int_equal(walk(bomb, sizeof(bomb)), WALK_SHORT);
}

static void
pack_overflow(void **state)
{
	uint8_t out[32];
	struct pack p;
	size_t full;

	(void)state;
	pack_frame_begin(&p, out, sizeof(out), 7, 70000);
	pack_map(&p, 1);
	pack_key_str(&p, "k", "value");
	full = pack_frame_end(&p);
	assert_int_equal(full, 4 + 1 + 1 + 5 + 1 + 2 + 6);
	assert_int_equal(out[3], full - 4);
	for (size_t max = 0; max < full; max++) {
		pack_frame_begin(&p, out, max, 7, 70000);
		pack_map(&p, 1);
		pack_key_str(&p, "k", "value");
		assert_int_equal(pack_frame_end(&p), 0);
		assert_true(p.used <= max);
	}
}

static const msgpack_object *
unpack(struct unpack *u, const struct pack *p)
{
	const char *why = NULL;
	const msgpack_object *o =
		unpack_body(u, p->out, p->used, &walk_limits_default, &why);

	assert_non_null(o);
	return o;
}

/* Every lawful way to write the number 5, and -5. */
static void
fields_numbers(void **state)
{
	static const uint8_t body[] = {
		0xdc, 0,    11,                     /* array 16 */
		5,                                  /* fixint */
		0xcc, 5,    0xcd, 0, 5,             /* uint 8, 16 */
		0xce, 0,    0,    0, 5,             /* uint 32 */
		0xcf, 0,    0,    0, 0, 0, 0, 0, 5, /* uint 64 */
		0xd0, 5,    0xd1, 0, 5,             /* int 8, 16 */
		0xd2, 0,    0,    0, 5,             /* int 32 */
		0xd3, 0,    0,    0, 0, 0, 0, 0, 5, /* int 64 */
		0xfb, 0xd0, 0xfb,                   /* -5 */
	};
	struct unpack *u = unpack_new();
	const char *why = NULL;
	const msgpack_object *o =
		unpack_body(u, body, sizeof(body), &walk_limits_default, &why);
	struct items i;

	(void)state;
	assert_non_null(o);
	items_init(&i, o, 11);
	for (unsigned n = 0; n < 9; n++)
		assert_int_equal(items_uint(&i, 5), 5);
	assert_int_equal(items_int(&i), -5);
	assert_int_equal(items_int(&i), -5);
	assert_false(i.broken);
	assert_int_equal(items_uint(&i, 5), 0);
	assert_true(i.broken);
	items_init(&i, o, 12);
	assert_true(i.broken);
	items_init(&i, o, 1);
	assert_int_equal(items_uint(&i, 4), 0);
	assert_true(i.broken);
	unpack_free(u);
}

static void
fields_of_a_map(void **state)
{
	struct unpack *u = unpack_new();
	uint8_t out[256], two[2];
	char text[4];
	size_t count;
	struct fields f;
	struct pack p;

	(void)state;
	pack_init(&p, out, sizeof(out));
	pack_map(&p, 7);
	pack_key_uint(&p, "big", UINT64_MAX);
	pack_key_int(&p, "min", INT64_MIN);
	pack_key_bool(&p, "yes", true);
	pack_key_bin(&p, "two", "ab", 2);
	pack_key_bin(&p, "none", "", 0);
	pack_key_str(&p, "abc", "abc");
	pack_str(&p, "nil");
	pack_nil(&p);
	fields_init(&f, unpack(u, &p));
	assert_true(fields_uint(&f, "big", UINT64_MAX) == UINT64_MAX);
	assert_true(fields_int(&f, "min") == INT64_MIN);
	assert_true(fields_bool(&f, "yes"));
	fields_bin_exact(&f, "two", two, 2);
	assert_memory_equal(two, "ab", 2);
	assert_non_null(fields_bin(&f, "none", 0, &count));
	assert_int_equal(count, 0);
	fields_str(&f, "abc", text, 3);
	assert_string_equal(text, "abc");
	assert_int_equal(fields_uint_or(&f, "nil", 9, 4), 4);
	assert_true(fields_bool_or(&f, "absent", true));
	fields_str_or_empty(&f, "absent", text, 3);
	assert_string_equal(text, "");
	assert_null(fields_find(&f, "nil"));
	assert_false(f.broken);
	fields_str(&f, "abc", text, 2);
	assert_true(f.broken);
	assert_string_equal(text, "");
	/* And it stays broken. */
	assert_false(fields_bool(&f, "yes"));
	assert_true(f.broken);
	fields_init(&f, unpack(u, &p));
	assert_int_equal(fields_uint(&f, "nil", 1), 0);
	assert_true(f.broken);
	fields_init(&f, unpack(u, &p));
	assert_false(fields_bool(&f, "big"));
	assert_true(f.broken);
	unpack_free(u);
}

static void
fields_duplicates(void **state)
{
	struct unpack *u = unpack_new();
	uint8_t out[1024];
	struct fields f;
	struct pack p;
	char key[3] = {'k', 0, 0};

	(void)state;
	pack_init(&p, out, sizeof(out));
	pack_map(&p, 3);
	pack_key_uint(&p, "a", 1);
	pack_key_uint(&p, "b", 1);
	pack_key_uint(&p, "a", 1);
	fields_init(&f, unpack(u, &p));
	assert_true(f.broken);

	for (uint32_t pairs = 64; pairs <= 65; pairs++) {
		pack_init(&p, out, sizeof(out));
		pack_map(&p, pairs);
		for (uint32_t n = 0; n < pairs; n++) {
			key[1] = (char)('0' + n);
			pack_key_uint(&p, key, n);
		}
		fields_init(&f, unpack(u, &p));
		assert_int_equal(f.broken, pairs > 64);
	}
	unpack_free(u);
}

static void
fields_nul_in_str(void **state)
{
	struct unpack *u = unpack_new();
	char text[8];
	uint8_t out[64];
	struct fields f;
	struct pack p;

	(void)state;
	pack_init(&p, out, sizeof(out));
	pack_map(&p, 1);
	pack_str(&p, "s");
	pack_str_bytes(&p, "a\0b", 3);
	fields_init(&f, unpack(u, &p));
	fields_str(&f, "s", text, 7);
	assert_true(f.broken);
	unpack_free(u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_boundaries),
		cmocka_unit_test(walk_verdicts),
		cmocka_unit_test(walk_items),
		cmocka_unit_test(walk_nested_claims),
		cmocka_unit_test(pack_overflow),
		cmocka_unit_test(fields_numbers),
		cmocka_unit_test(fields_of_a_map),
		cmocka_unit_test(fields_duplicates),
		cmocka_unit_test(fields_nul_in_str),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
