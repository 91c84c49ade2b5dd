/*
 * The client against daemons made of paste: a stale socket is passed over, a
 * stopped lowest daemon costs half a second and no more, silence ends in 8, a
 * newer protocol in 10, nonsense in 1, and watch moves on when its daemon dies.
 */
#include "test_client_kit.h"

#include <string.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"
#include "verbs.h"

static void
test_leave(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	start(24011, STAYS);
	assert_int_equal(photo(&verb_leave, &p, OUTPUT_JSON), 0);
	assert_string_equal(data, "{\"left\":\"alice\",\"node_id\":"
				  "\"00000000000000000000000000000000\","
				  "\"port\":24010}\n");
	p.timeout_ms = 100;
	assert_int_equal(photo(&verb_leave, &p, OUTPUT_TABS), ENDING_TIMED_OUT);
	assert_int_equal(lines(data), 0);
	p.port = 24010;
	assert_int_equal(photo(&verb_leave, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
}

static void
test_stale_sockets_are_passed_over(void **state)
{
	struct options p = defaults();

	(void)state;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_JSON), ENDING_NO_DAEMON);
	assert_non_null(strstr(data, "\"error\":\"no-daemon\""));
	close(listen_on(24010)); /* its file stays */
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	start(24011, PLAIN);
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	p.port = 24010;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	assert_non_null(strstr(notes, "no daemon answers on port 24010; "
				      "start one with: photod FOLDER"));
}

static void
test_a_stopped_daemon_does_not_hang(void **state)
{
	struct options p = defaults();
	int64_t begin;

	(void)state;
	start(24010, MUTE);
	start(24011, WELCOME_ONLY); /* its query hangs: no answer either */
	start(24012, PLAIN);
	begin = call_now_ms();
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_in_range((uintmax_t)(call_now_ms() - begin), 950, 2000);
	assert_non_null(strstr(notes, "port 24010 did not answer in time"));
	p.port = 24010;
	p.timeout_ms = 100;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_TIMED_OUT);
	p.port = 24011;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_TIMED_OUT);
}

static void
test_strange_daemons(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, NEWER);
	start(24011, NONSENSE);
	start(24012, DIES);
	p.port = 24010;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS),
			 ENDING_INCOMPATIBLE);
	p.port = 24011;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_FAILED);
	p.port = 24012;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
}

static void
test_errors_of_the_daemon(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	p.arguments[0] = "abcd";
	p.argument_count = 1;
	assert_int_equal(photo(&verb_show, &p, OUTPUT_JSON), ENDING_NOT_FOUND);
	assert_string_equal(data, "{\"error\":\"not-found\",\"message\":\"no "
				  "photo has an id that begins with abcd; "
				  "see: photo list\",\"exit\":3}\n");
	p.arguments[0] = "abc";
	assert_int_equal(photo(&verb_show, &p, OUTPUT_TABS), ENDING_USAGE);
	p.arguments[0] = "../../etc";
	assert_int_equal(photo(&verb_show, &p, OUTPUT_TABS), ENDING_USAGE);
}

static void
test_watch_moves_on(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	start(24011, PLAIN);
	assert_int_equal(photo(&verb_watch, &p, OUTPUT_JSON), ENDING_NO_DAEMON);
	assert_non_null(strstr(data, "{\"event\":\"synced\",\"node\":\"alice\","
				     "\"node_id\":"
				     "\"01000000000000000000000000000000\","
				     "\"port\":24010,\"was\":null,"));
	assert_non_null(strstr(data, "\"port\":24011,"));
	assert_non_null(strstr(notes, "the daemon on port 24010 is gone; "
				      "watching through port 24011 now"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_leave),
		TEST(test_stale_sockets_are_passed_over),
		TEST(test_a_stopped_daemon_does_not_hang),
		TEST(test_strange_daemons),
		TEST(test_errors_of_the_daemon),
		TEST(test_watch_moves_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
