/*
 * The worked examples of proto/PROTOCOL.md are the very bytes this program
 * writes and reads.  The document is argv[1], or PROTOCOL_MD.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto_samples.h"
#include "protocol_example.h"

#ifndef PROTOCOL_MD
#define PROTOCOL_MD "proto/PROTOCOL.md"
#endif

static const char *document = PROTOCOL_MD;

static void
compare(const char *name, uint32_t type)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	static uint8_t shown[4096];
	struct message_decoder *d = message_decoder_new();
	struct samples s;
	struct message m, back;
	size_t used, count;

	assert_non_null(d);
	sample_message(&s, type, &m);
	used = message_encode(&m, frame, sizeof(frame));
	count = example_read(document, name, shown, sizeof(shown));
	assert_int_equal(count, used - FRAME_HEADER_BYTES);
	assert_memory_equal(shown, frame + FRAME_HEADER_BYTES, count);
	assert_int_equal(message_decode(d, shown, count, &back, NULL),
			 MESSAGE_OK);
	assert_int_equal(back.type, type);
	message_decoder_free(d);
}

static void
hello_example(void **state)
{
	(void)state;
	compare("HELLO", MESSAGE_HELLO);
}

static void
batch_example(void **state)
{
	(void)state;
	compare("BATCH", MESSAGE_BATCH);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_example),
		cmocka_unit_test(batch_example),
	};

	if (argc > 1)
		document = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
