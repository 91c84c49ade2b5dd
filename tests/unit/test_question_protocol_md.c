/*
 * The client's examples in proto/PROTOCOL.md are the very frames this program
 * writes and reads.  The document is argv[1], or PROTOCOL_MD; an example is
 * the fenced block behind `<!-- hex NAME -->`: hex digits, notes after `;`.
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
#include "question_samples.h"

#ifndef PROTOCOL_MD
#define PROTOCOL_MD "proto/PROTOCOL.md"
#endif

static const char *document = PROTOCOL_MD;

static size_t
take_hex(const char *line, uint8_t *out, size_t used, size_t max)
{
	for (const char *c = line; *c != '\0' && *c != ';'; c++) {
		int v = hex_value(*c);

		if (v == -1)
			continue;
		assert_true(hex_value(c[1]) != -1);
		assert_true(used < max);
		out[used++] = (uint8_t)(v * 16 + hex_value(c[1]));
		c++;
	}
	return used;
}

/* The bytes of the example called `name`; fails the test if there is none. */
static size_t
read_example(const char *name, uint8_t *out, size_t max)
{
	char line[256], marker[64];
	FILE *f = fopen(document, "r");
	bool found = false, fenced = false;
	size_t used = 0;

	if (f == NULL)
		fail_msg("cannot open %s", document);
	snprintf(marker, sizeof(marker), "<!-- hex %s -->", name);
	while (fgets(line, sizeof(line), f) != NULL) {
		bool fence = strncmp(line, "```", 3) == 0;

		if (!found)
			found = strncmp(line, marker, strlen(marker)) == 0;
		else if (fence && fenced)
			break;
		else if (fence)
			fenced = true;
		else if (fenced)
			used = take_hex(line, out, used, max);
	}
	fclose(f);
	if (used == 0)
		fail_msg("%s has no example %s", document, name);
	return used;
}

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
	count = read_example(name, shown, sizeof(shown));
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
