/*
 * What strangers' bytes become on a terminal, in a column and in JSON; sizes,
 * times and hex.  (pitfalls: "peer names used as paths, or printed raw";
 * "case-only renames, non-UTF-8 names".)
 */
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "json.h"
#include "output.h"
#include "table.h"
#include "text.h"
#include "utf8.h"

static char printed[4096];

static FILE *
begin(void)
{
	memset(printed, 0, sizeof(printed));
	return fmemopen(printed, sizeof(printed), "w");
}

static unsigned
shown(const char *bytes, unsigned width)
{
	FILE *f = begin();
	unsigned used = text_put_shown(f, bytes, strlen(bytes), width);

	fclose(f);
	return used;
}

static void
test_shown_escapes(void **state)
{
	(void)state;
	assert_int_equal(shown("beach.jpg", UINT_MAX), 9);
	assert_string_equal(printed, "beach.jpg");
	shown("a\033[2Jb\a\n\t\r\177", UINT_MAX);
	assert_string_equal(printed, "a\\x1b[2Jb\\x07\\n\\t\\r\\x7f");
	shown("C1 \xc2\x9b"
	      "31m",
	      UINT_MAX);
	assert_string_equal(printed, "C1 \\u009b31m");
	shown("raw \x9b \xff\xc3", UINT_MAX);
	assert_string_equal(printed, "raw \\x9b \\xff\\xc3");
	shown("gpj.\xe2\x80\xae"
	      "exe",
	      UINT_MAX);
	assert_string_equal(printed, "gpj.\\u202eexe");
	/* overlong slash, surrogate, beyond Unicode */
	shown("\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80", UINT_MAX);
	assert_null(strchr(printed, (char)0xc0));
	assert_non_null(strstr(printed, "\\xc0\\xaf"));
	assert_non_null(strstr(printed, "\\xed\\xa0\\x80"));
}

static void
test_shown_width(void **state)
{
	(void)state;
	assert_int_equal(shown("\xe6\xb5\xb7\xe8\xbe\xb9", UINT_MAX), 4);
	assert_int_equal(shown("e\xcc\x81", UINT_MAX), 1);
	assert_int_equal(shown("abcdef", 6), 6);
	assert_string_equal(printed, "abcdef");
	assert_int_equal(shown("abcdef", 5), 5);
	assert_string_equal(printed, "abcd\xe2\x80\xa6");
	/* a wide one is not cut in half */
	assert_int_equal(shown("\xe6\xb5\xb7\xe8\xbe\xb9", 3), 3);
	assert_string_equal(printed, "\xe6\xb5\xb7\xe2\x80\xa6");
	assert_int_equal(shown("abc", 0), 0);
}

static void
column(const char *bytes)
{
	FILE *f = begin();

	text_put_column(f, bytes, strlen(bytes));
	fclose(f);
}

static void
test_column_keeps_rows_whole(void **state)
{
	(void)state;
	column("a\tb\nc\\d\033\xff");
	assert_string_equal(printed, "a\\tb\\nc\\\\d\\x1b\\xff");
	column("gr\xc3\xbc\xc3\x9f"
	       "e.jpg");
	assert_string_equal(printed, "gr\xc3\xbc\xc3\x9f"
				     "e.jpg");
}

static void
json_of(const char *bytes, size_t count)
{
	FILE *f = begin();
	struct json j;

	json_init(&j, f);
	json_open(&j, NULL, '{');
	json_bytes(&j, "path", bytes, count);
	json_close(&j, '}');
	json_line(&j);
	fclose(f);
}

static void
test_json_strings(void **state)
{
	(void)state;
	json_of("a\"b\\c/d", 7);
	assert_string_equal(printed, "{\"path\":\"a\\\"b\\\\c/d\"}\n");
	json_of("\033[31m\n\t\0x", 9);
	assert_string_equal(printed,
			    "{\"path\":\"\\u001b[31m\\u000a\\u0009\\u0000x\"}"
			    "\n");
	json_of("\xc2\x9b\x7f", 3);
	assert_string_equal(printed, "{\"path\":\"\\u009b\\u007f\"}\n");
	json_of("x\xff.jpg", 6);
	assert_string_equal(printed, "{\"path\":\"x\xef\xbf\xbd.jpg\","
				     "\"path_hex\":\"78ff2e6a7067\"}\n");
	json_of("\xed\xa0\x80", 3);
	assert_string_equal(printed,
			    "{\"path\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
			    "\",\"path_hex\":\"eda080\"}\n");
	json_of("", 0);
	assert_string_equal(printed, "{\"path\":\"\"}\n");
}

static void
test_json_is_utf8_for_any_two_bytes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		char bytes[2] = {(char)(i >> 8), (char)i};

		json_of(bytes, 2);
		assert_true(utf8_valid((uint8_t *)printed, strlen(printed)));
		for (const char *p = printed; p[1] != '\0'; p++)
			assert_true((uint8_t)*p >= 0x20 && *p != 0x7f);
	}
}

static void
test_json_values(void **state)
{
	FILE *f = begin();
	struct json j;

	(void)state;
	json_init(&j, f);
	json_open(&j, NULL, '{');
	json_uint(&j, "a", UINT64_MAX);
	json_uint_known(&j, "b", 0);
	json_str_known(&j, "c", "");
	json_open(&j, "d", '[');
	json_bool(&j, NULL, true);
	json_open(&j, NULL, '{');
	json_close(&j, '}');
	json_close(&j, ']');
	json_time_known(&j, "e", 0);
	json_time(&j, "f", -1);
	json_time(&j, "g", INT64_MAX);
	json_close(&j, '}');
	json_line(&j);
	fclose(f);
	assert_string_equal(printed,
			    "{\"a\":18446744073709551615,\"b\":null,\"c\":null,"
			    "\"d\":[true,{}],\"e\":null,"
			    "\"f\":\"1969-12-31T23:59:59.999Z\",\"g\":null}\n");
}

static void
size_is(uint64_t bytes, const char *want)
{
	char text[TEXT_SIZE_MAX];

	text_size(bytes, text);
	assert_string_equal(text, want);
}

static void
test_sizes(void **state)
{
	(void)state;
	size_is(0, "0 B");
	size_is(999, "999 B");
	size_is(1000, "1.0 kB");
	size_is(1234567, "1.2 MB");
	size_is(999949, "999.9 kB");
	size_is(999950, "1.0 MB");
	size_is(3400000000000, "3.4 TB");
	size_is(UINT64_MAX, "18.4 EB");
}

static void
test_times(void **state)
{
	char text[TEXT_TIME_MAX];

	(void)state;
	assert_true(text_time_utc(1688212800123, true, text));
	assert_string_equal(text, "2023-07-01T12:00:00.123Z");
	assert_true(text_time_utc(1688212800999, false, text));
	assert_string_equal(text, "2023-07-01T12:00:00Z");
	assert_false(text_time_utc(INT64_MAX, true, text));
	assert_false(text_time_utc(INT64_MIN, true, text));
	assert_string_equal(text, "-");
	setenv("TZ", "CET-1", 1);
	tzset();
	text_time_local(1688212800123, false, text);
	assert_string_equal(text, "2023-07-01 13:00");
	text_time_local(INT64_MIN, true, text);
	assert_string_equal(text, "-");
	assert_int_equal(text_ms_of_ns(1999999), 1);
	assert_int_equal(text_ms_of_ns(-1), -1);
	assert_int_equal(text_ms_of_ns(-1000000), -1);
	text_age(-5, text);
	assert_string_equal(text, "just now");
	text_age(130000, text);
	assert_string_equal(text, "2 min ago");
	text_age(INT64_MAX, text);
	assert_string_equal(text, "106751991167 days ago");
}

static void
test_hex(void **state)
{
	uint8_t out[4];
	size_t count = 9;

	(void)state;
	assert_true(text_hex_decode("00fFa1", out, 4, &count));
	assert_int_equal(count, 3);
	assert_memory_equal(out, "\x00\xff\xa1", 3);
	assert_true(text_hex_decode("", out, 4, &count));
	assert_int_equal(count, 0);
	assert_false(text_hex_decode("0", out, 4, &count));
	assert_false(text_hex_decode("0g", out, 4, &count));
	assert_false(text_hex_decode("0011223344", out, 4, &count));
}

static void
put_table(enum output_form form)
{
	static const char *const headers[] = {"NAME", ">N"};
	FILE *f = begin();
	struct output o;
	struct table t;

	output_init_streams(&o, form, f, f);
	table_init(&t, &o, headers, 2);
	table_bytes(&t, "a\033b\tc", 5);
	table_put(&t, "%d", 7);
	table_bytes(&t, "z", 1);
	table_put(&t, "%d", 1234);
	table_print(&t);
	table_release(&t);
	fclose(f);
}

static void
test_table(void **state)
{
	(void)state;
	put_table(OUTPUT_TABLE);
	assert_string_equal(printed, "NAME          N\n"
				     "a\\x1bb\\tc     7\n"
				     "z          1234\n");
	put_table(OUTPUT_TABS);
	assert_string_equal(printed, "a\\x1bb\\tc\t7\nz\t1234\n");
}

static void
test_failure_is_one_object(void **state)
{
	FILE *f = begin();
	struct output o;
	struct failure why;

	(void)state;
	output_init_streams(&o, OUTPUT_JSON, f, f);
	failure_set(&why, ENDING_NOT_FOUND, "no \"x\"\033");
	assert_int_equal(output_failure(&o, &why), 3);
	fclose(f);
	assert_string_equal(printed,
			    "{\"error\":\"not-found\",\"message\":\"no "
			    "\\\"x\\\"\\u001b\",\"exit\":3}\n");
	f = begin();
	output_init_streams(&o, OUTPUT_TABS, f, f);
	assert_int_equal(output_failure(&o, &why), 3);
	fclose(f);
	assert_string_equal(printed, "photo: no \"x\"\\x1b\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown_escapes),
		cmocka_unit_test(test_shown_width),
		cmocka_unit_test(test_column_keeps_rows_whole),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_json_is_utf8_for_any_two_bytes),
		cmocka_unit_test(test_json_values),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_failure_is_one_object),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
