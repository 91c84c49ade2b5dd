/*
 * The client's examples in proto/PROTOCOL.md are the very frames this program
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

#include "frame.h"
#include "protocol_example.h"
#include "question_samples.h"

#ifndef PROTOCOL_MD
#define PROTOCOL_MD "proto/PROTOCOL.md"
#endif

static const char *document = PROTOCOL_MD;

static void
compare(const char *name, uint32_t type)
{
	static uint8_t frame[65536], shown[4096];
	struct question_decoder *d = question_decoder_new();
	struct question_samples s;
	struct question q, back;
	size_t used, count;
	struct frame f;

	assert_non_null(d);
	question_sample(&s, type, &q);
	used = question_encode(&q, frame, sizeof(frame));
	count = example_read(document, name, shown, sizeof(shown));
	assert_int_equal(count, used);
	assert_memory_equal(shown, frame, count);
	assert_int_equal(frame_peek(shown, count, ANSWER_BODY_BYTES_MAX, &f),
			 FRAME_READY);
	assert_int_equal(question_decode(d, f.body, f.body_bytes, &back, NULL),
			 MESSAGE_OK);
	assert_int_equal(back.type, type);
	question_decoder_free(d);
}

static void
hello_example(void **state)
{
	(void)state;
	compare("CLIENT_HELLO", CLIENT_HELLO);
}

static void
welcome_example(void **state)
{
	(void)state;
	compare("CLIENT_WELCOME", CLIENT_WELCOME);
}

static void
list_example(void **state)
{
	(void)state;
	compare("LIST", CLIENT_LIST);
}

static void
photos_example(void **state)
{
	(void)state;
	compare("PHOTOS", CLIENT_PHOTOS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_example),
		cmocka_unit_test(welcome_example),
		cmocka_unit_test(list_example),
		cmocka_unit_test(photos_example),
	};

	if (argc > 1)
		document = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
