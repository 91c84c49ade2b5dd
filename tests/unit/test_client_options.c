/*
 * The command line: options on either side of the command, bad values, exit
 * codes.  Numbers and names here are the contract.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failure.h"
#include "message.h"
#include "options.h"
#include "verbs.h"

static const struct verb *const verbs[] = {&verb_list, &verb_show, &verb_peers,
					   &verb_forget, NULL};
static struct options got;
static struct failure why;

/* Words apart by one blank. */
static int
parse(const char *line)
{
	static char words[512];
	char *argv[32] = {"photo"};
	int argc = 1;

	strcpy(words, line);
	for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	memset(&why, 0, sizeof(why));
	return options_parse(argc, argv, verbs, &got, &why);
}

static void
refused(const char *line)
{
	assert_int_equal(parse(line), -1);
	assert_int_equal(why.ending, ENDING_USAGE);
	assert_true(strlen(why.message) > 0);
}

static void
test_either_side(void **state)
{
	(void)state;
	assert_int_equal(parse("-p 5001 --json list --limit 3"), 0);
	assert_ptr_equal(got.verb, &verb_list);
	assert_int_equal(got.port, 5001);
	assert_true(got.json);
	assert_int_equal(got.limit, 3);
	assert_int_equal(parse("ls beach --json party -p5002 --sort=size -qr "
			       "--node bob --timeout 0.5"),
			 0);
	assert_ptr_equal(got.verb, &verb_list);
	assert_int_equal(got.argument_count, 2);
	assert_string_equal(got.arguments[1], "party");
	assert_int_equal(got.port, 5002);
	assert_int_equal(got.sort, 2);
	assert_true(got.quiet && got.reverse);
	assert_string_equal(got.node, "bob");
	assert_int_equal(got.timeout_ms, 500);
	assert_int_equal(parse("--limit 2 list"), 0);
	assert_int_equal(parse("list -- --json"), 0);
	assert_false(got.json);
	assert_string_equal(got.arguments[0], "--json");
	assert_int_equal(parse("whereis abcd"), 0);
	assert_ptr_equal(got.verb, &verb_show);
	assert_int_equal(parse("forget bob"), 0);
	assert_false(got.yes);
	assert_int_equal(parse("--yes forget bob"), 0);
	assert_true(got.yes);
	assert_int_equal(parse("peers"), 0);
	assert_false(got.yes);
	assert_int_equal(got.timeout_ms, 10000);
	assert_int_equal(got.max_age_ms, -1);
}

static void
test_mistakes(void **state)
{
	static const char *const lines[] = {
		"",
		"lst",
		"dupes",
		"list --limit 0",
		"list --limit -1",
		"list --limit 99999999999999999999",
		"list --limit",
		"list --sort date",
		"list --max-age x",
		"list --node=",
		"list -p 0",
		"list -p 65536",
		"list -p 50x",
		"list -p",
		"list --timeout 0",
		"list --timeout nan",
		"list --timeout 1x",
		"list --jso",
		"list --json=1",
		"list -z",
		"show",
		"show abcd abce",
		"peers x",
		"peers --limit 3",
		"show abcd --reverse",
		"list --connect h",
		"list --connect h:",
		"list --connect h:0",
		"list --connect h:65536",
		"list --connect h:1x",
		"list --connect :1",
		"list --connect fe80::1:1",
		"list --connect h:1 -p 5000",
		"list --key f",
		"list --yes",
		"forget",
		"forget bob carol",
		"forget bob --yes=1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		refused(lines[i]);
}

static void
test_json_is_known_even_then(void **state)
{
	(void)state;
	refused("list --limit 0 --json");
	assert_true(got.json);
	refused("lst --json");
	assert_non_null(strstr(why.message, "did you mean list?"));
	assert_non_null(strstr(why.message, "peers"));
}

static void
test_help(void **state)
{
	(void)state;
	assert_int_equal(parse("--help"), 0);
	assert_true(got.help);
	assert_int_equal(parse("show --help"), 0);
	assert_true(got.help);
	assert_ptr_equal(got.verb, &verb_show);
	assert_int_equal(parse("help show"), 0);
	assert_ptr_equal(got.verb, &verb_show);
	assert_int_equal(parse("--version"), 0);
	assert_true(got.version);
	refused("help lst");
}

static void
test_environment(void **state)
{
	(void)state;
	setenv("PHOTO_PORT", "5007", 1);
	assert_int_equal(parse("list"), 0);
	assert_int_equal(got.port, 5007);
	assert_int_equal(parse("list -p 5001"), 0);
	assert_int_equal(got.port, 5001);
	setenv("PHOTO_PORT", "x", 1);
	refused("list");
	assert_int_equal(parse("list -p 5001"), 0);
	assert_int_equal(parse("--help"), 0);
	unsetenv("PHOTO_PORT");
}

static void
test_endings(void **state)
{
	static const struct {
		enum ending e;
		int number;
		const char *text;
	} all[] = {
		{ENDING_DONE, 0, "done"},
		{ENDING_FAILED, 1, "failed"},
		{ENDING_USAGE, 2, "usage"},
		{ENDING_NOT_FOUND, 3, "not-found"},
		{ENDING_AMBIGUOUS, 4, "ambiguous"},
		{ENDING_NO_DAEMON, 5, "no-daemon"},
		{ENDING_INCOMPLETE, 6, "incomplete"},
		{ENDING_REFUSED, 7, "refused"},
		{ENDING_TIMED_OUT, 8, "timed-out"},
		{ENDING_DAMAGED, 9, "damaged"},
		{ENDING_INCOMPATIBLE, 10, "incompatible"},
		{ENDING_INTERRUPTED, 130, "interrupted"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_int_equal(all[i].e, all[i].number);
		assert_string_equal(ending_text(all[i].e), all[i].text);
	}
	assert_int_equal(ending_of_error(ERROR_USAGE), ENDING_USAGE);
	assert_int_equal(ending_of_error(ERROR_NOT_FOUND), ENDING_NOT_FOUND);
	assert_int_equal(ending_of_error(ERROR_AMBIGUOUS), ENDING_AMBIGUOUS);
	assert_int_equal(ending_of_error(ERROR_VERSION), ENDING_INCOMPATIBLE);
	assert_int_equal(ending_of_error(ERROR_UNKNOWN_TYPE),
			 ENDING_INCOMPATIBLE);
	assert_int_equal(ending_of_error(ERROR_BUSY), ENDING_FAILED);
	assert_int_equal(ending_of_error(4711), ENDING_FAILED);
}

static void
test_every_verb_has_help(void **state)
{
	(void)state;
	for (const struct verb *const *v = verbs; *v != NULL; v++) {
		assert_non_null((*v)->summary);
		assert_non_null(strstr((*v)->help, "Examples:"));
		assert_non_null((*v)->run);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_either_side),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_json_is_known_even_then),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_endings),
		cmocka_unit_test(test_every_verb_has_help),
	};

	unsetenv("PHOTO_PORT");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
