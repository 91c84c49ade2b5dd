/* ident, photo_id, record, merged, hello: the values and their digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hash.h"
#include "hello.h"
#include "merged.h"
#include "proto_samples.h"

static void
digest_arithmetic(void **state)
{
	struct digest sum = {0, UINT64_MAX}, one = {0, 1}, back;
	uint8_t bytes[DIGEST_BYTES];

	(void)state;
	digest_add(&sum, &one);
	assert_true(sum.high == 1 && sum.low == 0);
	digest_subtract(&sum, &one);
	assert_true(sum.high == 0 && sum.low == UINT64_MAX);
	sum = (struct digest){0, 0};
	digest_subtract(&sum, &one);
	assert_true(sum.high == UINT64_MAX && sum.low == UINT64_MAX);
	digest_add(&sum, &one);
	assert_true(sum.high == 0 && sum.low == 0);
	sum = (struct digest){UINT64_C(0x0102030405060708), 9};
	digest_pack(&sum, bytes);
	assert_int_equal(bytes[0], 1);
	assert_int_equal(bytes[15], 9);
	digest_unpack(bytes, &back);
	assert_true(digest_equal(&sum, &back));
}

static void
hash_vector(void **state)
{
	struct digest d = hash_bytes("", 0);
	uint8_t bytes[DIGEST_BYTES];
	char hex[2 * DIGEST_BYTES + 1];

	(void)state;
	digest_pack(&d, bytes);
	hex_encode(bytes, sizeof(bytes), hex);
	assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
}

static void
ranks(void **state)
{
	struct rank a = {.port = 5001}, b = {.port = 5002};

	(void)state;
	a.node.bytes[0] = 9;
	assert_true(rank_compare(&a, &b) < 0);
	b.port = 5001;
	assert_true(rank_compare(&a, &b) > 0);
	b.host.bytes[7] = 1;
	assert_true(rank_compare(&a, &b) < 0);
	assert_int_equal(rank_compare(&a, &a), 0);
}

static void
photo_ids(void **state)
{
	static const char hex[] = "99aa06d3014798d86001c324468d497f";
	uint8_t packed[PHOTO_ID_BYTES];
	char text[PHOTO_ID_TEXT_MAX];
	struct photo_prefix p;
	struct photo_id id, back;

	(void)state;
	assert_true(photo_prefix_parse(hex, 32, &p));
	memcpy(id.hash, p.hash, sizeof(id.hash));
	id.size = UINT64_MAX;
	photo_id_pack(&id, packed);
	photo_id_unpack(packed, &back);
	assert_int_equal(photo_id_compare(&id, &back), 0);
	photo_id_hex_size(&id, text);
	assert_true(strlen(text) == 32 + 1 + 20);
	assert_true(photo_prefix_parse(text, strlen(text), &p));
	assert_true(p.sized && p.size == UINT64_MAX);
	assert_true(photo_prefix_matches(&p, &id));
	id.size--;
	assert_false(photo_prefix_matches(&p, &id));
	assert_true(photo_prefix_parse("99A", 3, &p));
	assert_true(photo_prefix_matches(&p, &id));
	assert_true(photo_prefix_parse("99b", 3, &p));
	assert_false(photo_prefix_matches(&p, &id));
	assert_false(photo_prefix_parse("", 0, &p));
	assert_false(photo_prefix_parse("9g", 2, &p));
	assert_false(photo_prefix_parse("99+1", 4, &p));
	text[33] = '9'; /* 98446744073709551615 does not fit */
	assert_false(photo_prefix_parse(text, 53, &p));
	assert_false(photo_prefix_parse(text, 33, &p));
	memcpy(text, hex, 32);
	text[32] = 'a';
	assert_false(photo_prefix_parse(text, 33, &p));
}

static struct record
record_of(uint8_t kind, const void *key, size_t key_bytes)
{
	return (struct record){.seq = 1,
			       .kind = kind,
			       .key = key,
			       .key_bytes = key_bytes,
			       .value = (const uint8_t *)"\x90",
			       .value_bytes = 1};
}

static void
record_bounds(void **state)
{
	static uint8_t big[RECORD_BYTES_MAX + 1];
	struct record r = record_of(RECORD_NODE, big, 0);

	(void)state;
	assert_true(record_lawful(&r));
	r.dead = true;
	assert_false(record_lawful(&r));
	r.value_bytes = 0;
	assert_true(record_lawful(&r));
	r.seq = 0;
	assert_false(record_lawful(&r));
	r.seq = SEQ_MAX;
	assert_true(record_lawful(&r));
	r.seq++;
	assert_false(record_lawful(&r));
	r = record_of(RECORD_COPY, "12345678", 8);
	assert_false(record_lawful(&r));
	r.kind = RECORD_PROBLEM;
	assert_true(record_lawful(&r));
	r = record_of(RECORD_COPY, "12345678a\0b", 11);
	assert_false(record_lawful(&r));
	r.key_bytes = 9;
	assert_true(record_lawful(&r));
	memset(big, 'a', sizeof(big));
	r = record_of(RECORD_COPY, big, 8 + PATH_BYTES_MAX);
	assert_true(record_lawful(&r));
	r.key_bytes++;
	assert_false(record_lawful(&r));
	r = record_of(200, big, RECORD_KEY_MAX);
	r.value = big;
	r.value_bytes = RECORD_BYTES_MAX - RECORD_KEY_MAX;
	assert_true(record_lawful(&r));
	r.value_bytes++;
	assert_false(record_lawful(&r));
	r = record_of(0, big, 1);
	assert_false(record_lawful(&r));
}

static void
record_digests(void **state)
{
	struct stream_id s = {.generation = 5};
	struct record a = record_of(RECORD_NODE, "", 0), b = a;
	uint8_t row[16 + 8 + 8 + 1 + 1 + 4 + 4 + 1] = {0};
	struct digest d, e;

	(void)state;
	/* Spelled out byte by byte, as PROTOCOL.md has it. */
	row[23] = 5;
	row[31] = 1;
	row[32] = RECORD_NODE;
	row[41] = 1;
	row[42] = 0x90;
	e = hash_bytes(row, sizeof(row));
	record_digest(&s, &a, &d);
	assert_true(digest_equal(&d, &e));
	assert_false(record_wins(&s, &a, &b));
	b.seq = 2;
	assert_true(record_wins(&s, &b, &a));
	assert_false(record_wins(&s, &a, &b));
	b.seq = 1;
	b.value = (const uint8_t *)"\x91";
	assert_true(record_wins(&s, &a, &b) != record_wins(&s, &b, &a));
}

static void
values_both_ways(void **state)
{
	struct record_node n = {.name = "n", .version = "1", .share = 250}, n2;
	struct record_root r = {.label = "disk",
				.volume_bytes = 3,
				.volume = {1, 2, 3},
				.online = true,
				.capacity_bytes = UINT64_MAX,
				.stamped_ms = -1},
			   r2;
	struct record_copy c = {.photo = {.size = 77},
				.mtime_ns = INT64_MIN,
				.added_ms = INT64_MAX,
				.type = "image/png"},
			   c2;
	struct record_problem p = {.code = 2, .message = "no"}, p2;
	struct record_forgotten f = {.generation = GENERATION_MAX}, f2;
	uint8_t out[512];
	size_t used;

	(void)state;
	used = record_node_pack(&n, out, sizeof(out));
	assert_true(record_node_parse(out, used, &n2));
	assert_memory_equal(&n, &n2, sizeof(n));
	used = record_root_pack(&r, out, sizeof(out));
	assert_true(record_root_parse(out, used, &r2));
	assert_string_equal(r2.label, "disk");
	assert_memory_equal(r.volume, r2.volume, sizeof(r.volume));
	assert_true(r2.online && !r2.complete && r2.volume_bytes == 3);
	assert_true(r2.capacity_bytes == UINT64_MAX && r2.stamped_ms == -1);
	used = record_copy_pack(&c, out, sizeof(out));
	for (size_t max = 0; max < used; max++)
		assert_int_equal(record_copy_pack(&c, out, max), 0);
	assert_int_equal(record_copy_pack(&c, out, used), used);
	assert_true(record_copy_parse(out, used, &c2));
	assert_true(c2.photo.size == 77 && c2.mtime_ns == INT64_MIN);
	assert_true(c2.added_ms == INT64_MAX);
	assert_string_equal(c2.type, "image/png");
	for (size_t less = 0; less < used; less++)
		assert_false(record_copy_parse(out, less, &c2));
	used = record_problem_pack(&p, out, sizeof(out));
	assert_true(record_problem_parse(out, used, &p2));
	assert_string_equal(p2.message, "no");
	assert_string_equal(problem_code_text(p2.code), "not-media");
	assert_string_equal(problem_code_text(200), "unknown");
	used = record_forgotten_pack(&f, out, sizeof(out));
	assert_true(record_forgotten_parse(out, used, &f2));
	assert_true(f2.generation == GENERATION_MAX);
}

/* Newer versions append; nobody shortens or changes a type. */
static void
values_grow(void **state)
{
	struct record_forgotten f;
	struct record_problem p;

	(void)state;
	assert_true(record_forgotten_parse(
		(const uint8_t *)"\x93\x05\x91\xc0\x81\xa1x\x01", 8, &f));
	assert_true(f.generation == 5);
	assert_false(record_forgotten_parse((const uint8_t *)"\x90", 1, &f));
	assert_false(record_forgotten_parse((const uint8_t *)"\x05", 1, &f));
	assert_false(
		record_forgotten_parse((const uint8_t *)"\x91\xff", 2, &f));
	assert_false(
		record_forgotten_parse((const uint8_t *)"\x91\x05\x05", 3, &f));
	assert_false(record_forgotten_parse(
		(const uint8_t *)"\x91\xca\x00\x00\x00\x00", 6, &f));
	assert_true(record_forgotten_parse(
		(const uint8_t *)"\xdd\x00\x00\x00\x01\xd1\x00\x05", 8, &f));
	assert_true(f.generation == 5);
	assert_false(record_problem_parse((const uint8_t *)"\x92\x01\xa1\x00",
					  4, &p));
	/* A box where a scalar should stand. */
	assert_false(record_problem_parse(
		(const uint8_t *)"\x93\x91\x01\x01\xa0", 5, &p));
}

static void
merged_rows(void **state)
{
	static const uint8_t row[24 + 4 + 4 + 1] = {
		[23] = 7, [27] = 2, [31] = 1, [32] = 'x'};
	struct photo_id id = {.size = 7};
	struct digest sum = {0, 0}, d = hash_bytes(row, sizeof(row));

	(void)state;
	merged_add(&sum, &id, 2, "x", 1);
	assert_true(digest_equal(&sum, &d));
	digest_add(&d, &d);
	merged_add(&sum, &id, 2, "x", 1);
	assert_true(digest_equal(&sum, &d));
}

static void
hello_signed(void **state)
{
	uint8_t exporter[HELLO_EXPORTER_BYTES], out[HELLO_SIGNED_BYTES];

	(void)state;
	memset(exporter, 0xee, sizeof(exporter));
	assert_int_equal(hello_signed_bytes(HELLO_LISTENER, exporter,
					    0x0102030405060708, out),
			 58);
	assert_memory_equal(out, "photomesh hello 1\x01", 18);
	assert_memory_equal(out + 18, exporter, 32);
	assert_memory_equal(out + 50, "\1\2\3\4\5\6\7\10", 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_arithmetic),
		cmocka_unit_test(hash_vector),
		cmocka_unit_test(ranks),
		cmocka_unit_test(photo_ids),
		cmocka_unit_test(record_bounds),
		cmocka_unit_test(record_digests),
		cmocka_unit_test(values_both_ways),
		cmocka_unit_test(values_grow),
		cmocka_unit_test(merged_rows),
		cmocka_unit_test(hello_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
