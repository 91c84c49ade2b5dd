/*
 * Beacons: what PROTOCOL.md shows opens; what is sealed opens, once by the same
 * key and never by another, and says nothing to who has none; whatever single
 * bit is changed, nothing opens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "beacon_frame.h"
#include "protocol_example.h"

static const char *document;
static struct beacon_key key;
static struct beacon_said said = {.port = 5000};

static int
setup(void **state)
{
	uint8_t mesh_key[32];

	(void)state;
	for (uint8_t i = 0; i < sizeof(mesh_key); i++)
		mesh_key[i] = i;
	for (uint8_t i = 0; i < NODE_ID_BYTES; i++)
		said.node.bytes[i] = (uint8_t)(0xc0 + i);
	return beacon_key_make(mesh_key, &key) ? 0 : -1;
}

static bool
same(const struct beacon_said *other)
{
	return other->port == said.port &&
	       node_id_equal(&other->node, &said.node);
}

static void
the_example_opens(void **state)
{
	uint8_t frame[BEACON_BYTES];
	struct beacon_said heard;

	(void)state;
	assert_int_equal(example_read(document, "BEACON", frame,
				      sizeof(frame)),
			 BEACON_BYTES);
	assert_true(beacon_open(&key, frame, &heard));
	assert_true(same(&heard));
}

static void
sealed_and_opened(void **state)
{
	uint8_t one[BEACON_BYTES], two[BEACON_BYTES];
	struct beacon_said heard;

	(void)state;
	assert_true(beacon_seal(&key, &said, one));
	assert_true(beacon_seal(&key, &said, two));
	assert_true(beacon_open(&key, one, &heard) && same(&heard));
	assert_true(beacon_open(&key, two, &heard) && same(&heard));
	/* Nothing in it is as it was, nor where it was. */
	assert_null(memmem(one, sizeof(one), said.node.bytes, 4));
	for (size_t i = 0; i + 4 <= BEACON_BYTES; i++)
		assert_memory_not_equal(one + i, two + i, 4);
}

static void
another_key(void **state)
{
	uint8_t frame[BEACON_BYTES], mesh_key[32] = {0};
	struct beacon_said heard;
	struct beacon_key other;

	(void)state;
	assert_true(beacon_key_make(mesh_key, &other));
	assert_true(beacon_seal(&other, &said, frame));
	assert_false(beacon_open(&key, frame, &heard));
	memset(frame, 0, sizeof(frame));
	assert_false(beacon_open(&key, frame, &heard));
}

static void
each_bit_counts(void **state)
{
	uint8_t frame[BEACON_BYTES];
	struct beacon_said heard;

	(void)state;
	assert_true(beacon_seal(&key, &said, frame));
	for (unsigned bit = 0; bit < 8 * BEACON_BYTES; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(beacon_open(&key, frame, &heard));
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(beacon_open(&key, frame, &heard));
}

/* A member may seal nonsense, too. */
static void
no_port(void **state)
{
	const struct beacon_said nowhere = {.node = said.node, .port = 0};
	uint8_t frame[BEACON_BYTES];
	struct beacon_said heard;

	(void)state;
	assert_true(beacon_seal(&key, &nowhere, frame));
	assert_false(beacon_open(&key, frame, &heard));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_opens),
		cmocka_unit_test(sealed_and_opened),
		cmocka_unit_test(another_key),
		cmocka_unit_test(each_bit_counts),
		cmocka_unit_test(no_port),
	};

	if (argc != 2)
		return 2;
	document = argv[1];
	return cmocka_run_group_tests(tests, setup, NULL);
}
