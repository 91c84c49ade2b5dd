/*
 * Lists, dupes and problems in pages, against daemons made of paste: cut and
 * gone on with, and from another daemon when their own dies or stops between
 * two pages.
 */
#include "test_client_kit.h"

#include <string.h>

#include "call.h"
#include "failure.h"
#include "verbs.h"

static void
test_list_pages(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_non_null(strstr(data, "06000000000000000000000000000000\t"
				     "1970-01-01T00:00:00Z\t1234\t2\t"
				     "alice,b\\x1bb\tn\\tx\n"));
	assert_non_null(strstr(notes, "photo: a scan is going on"));
	assert_int_equal(photo(&verb_list, &p, OUTPUT_JSON), 0);
	assert_int_equal(lines(data), 7);
	assert_non_null(strstr(data,
			       "{\"id\":\"00000000000000000000000000000000\","
			       "\"size\":1234,\"type\":\"image/jpeg\","
			       "\"name\":\"n\\u0009x\",\"taken\":null,"
			       "\"date\":\"1970-01-01T00:00:00Z\","
			       "\"date_source\":\"mtime\","
			       "\"width\":null,\"height\":null,"
			       "\"added\":\"1970-01-01T00:00:00.001Z\","
			       "\"copies\":[{\"node\":\"alice\","));
	assert_non_null(strstr(data, "\"path\":\"d/\xef\xbf\xbd\","
				     "\"path_hex\":\"642fff\","));
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABLE), 0);
	assert_int_equal(lines(data), 8);
	assert_non_null(strstr(data, "alice,(b\\x1bb)"));
	assert_non_null(strstr(notes, "7 photos, 14 copies on 2 nodes (1 "
				      "offline: b\\x1bb, last seen "));
}

static void
test_list_cut_and_resumed(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	p.limit = 5;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 5);
	assert_non_null(strstr(notes, "photo: more: --after 05\n"));
	p.after = "05";
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 2);
	assert_null(strstr(notes, "--after"));
	p.after = "0";
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_USAGE);
	p.after = NULL;
	p.max_age_ms = 5000;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	p.max_age_ms = 4999;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_INCOMPLETE);
	assert_int_equal(lines(data), 5);
}

static void
test_dupes(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	assert_int_equal(photo(&verb_dupes, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_non_null(strstr(data, "06000000000000000000000000000000\t"
				     "1234\t1234\t2\talice,b\\x1bb\tn\\tx\n"));
	assert_non_null(strstr(notes, "photo: 7 photos, 7 copies too many: "
				      "8.6 kB wasted\n"));
	assert_int_equal(photo(&verb_dupes, &p, OUTPUT_JSON), 0);
	assert_non_null(strstr(data,
			       "{\"id\":\"06000000000000000000000000000000\","
			       "\"size\":1234,\"copies\":2,"
			       "\"wasted_bytes\":1234,"
			       "\"nodes\":[\"alice\",\"b\\u001bb\"],"
			       "\"name\":\"n\\u0009x\"}\n"));
	p.limit = 4;
	assert_int_equal(photo(&verb_dupes, &p, OUTPUT_TABLE), 0);
	assert_int_equal(lines(data), 5);
	assert_non_null(strstr(data, "1.2 kB    1.2 kB       2  "
				     "alice,(b\\x1bb)  n\\tx\n"));
	assert_non_null(strstr(notes, "these are 4 photos, 4 copies too many: "
				      "4.9 kB of 8.6 kB wasted\n"));
	assert_non_null(strstr(notes, "photo: more: --after 04\n"));
}

static void
test_problems(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	assert_int_equal(photo(&verb_problems, &p, OUTPUT_TABS), 0);
	assert_string_equal(data, "b\\x1bb\tr\td/\\xff\\n\tunreadable\t"
				  "no\\x1bpicture\n"
				  "b\\x1bb\tr\td/\\xff\\n\tnot-media\t"
				  "no\\x1bpicture\n"
				  "b\\x1bb\tr\td/\\xff\\n\tunknown\t"
				  "no\\x1bpicture\n");
	assert_int_equal(photo(&verb_problems, &p, OUTPUT_JSON), 0);
	assert_int_equal(lines(data), 3);
	assert_non_null(strstr(data, "{\"node\":\"b\\u001bb\","
				     "\"path\":\"d/\xef\xbf\xbd\\u000a\","
				     "\"path_hex\":\"642fff0a\","
				     "\"problem\":\"not-media\","
				     "\"message\":\"no\\u001bpicture\"}\n"));
	assert_int_equal(photo(&verb_problems, &p, OUTPUT_TABLE), 0);
	assert_int_equal(lines(data), 4);
	assert_null(strchr(data, '\033'));
	assert_non_null(strstr(notes, "3 problems"));
}

static void
test_the_next_daemon_goes_on(void **state)
{
	static const struct verb *const verbs[] = {&verb_list, &verb_dupes,
						   &verb_problems};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct options p = defaults();

		start(24010, DIES_LATE);
		start(24011, PLAIN);
		assert_int_equal(photo(verbs[i], &p, OUTPUT_TABS), 0);
		assert_int_equal(lines(data), i == 2 ? 3 : 7);
		assert_non_null(strstr(notes, "the daemon on port 24010 is "
					      "gone; the rest is from port "
					      "24011"));
		stop_all();
	}
}

static void
test_nobody_goes_on(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, DIES_LATE);
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	assert_int_equal(lines(data), 3);
	assert_non_null(strstr(notes, "port 24010 ended before it had sent "
				      "all, and no other answers"));
	stop_all();
	/* A chosen one is not exchanged for another. */
	start(24010, DIES_LATE);
	start(24011, PLAIN);
	p.port = 24010;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	assert_int_equal(lines(data), 3);
	stop_all();
	/* Nor is the list begun again where it cannot be gone on with. */
	start(24010, DIES_LATE);
	start(24011, REFUSES);
	p.port = 0;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	assert_int_equal(lines(data), 3);
}

static void
test_a_daemon_stopped_between_pages(void **state)
{
	struct options p = defaults();
	int64_t begin = call_now_ms();

	(void)state;
	start(24010, FALLS_SILENT);
	start(24011, PLAIN);
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_true(call_now_ms() - begin >= CALL_SILENT_MS);
	assert_non_null(strstr(notes, "port 24010 did not answer in time; "
				      "this is from port 24011"));
	assert_null(strstr(notes, "is gone"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list_pages),
		TEST(test_list_cut_and_resumed),
		TEST(test_dupes),
		TEST(test_problems),
		TEST(test_the_next_daemon_goes_on),
		TEST(test_nobody_goes_on),
		TEST(test_a_daemon_stopped_between_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
