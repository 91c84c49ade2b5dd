/* options: what the command line of photod may say, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "options.h"

#define ARGV_MAX 64

static struct options o;
static int status;

/* `words` separated by blanks. */
static bool
parse(const char *words)
{
	static char copy[512];
	static char *argv[ARGV_MAX + 1];
	int argc = 0;

	strncpy(copy, words, sizeof(copy) - 1);
	for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	optind = 0; /* glibc: start afresh */
	return options_parse(&o, argc, argv, &status);
}

static void
all_of_them(void **state)
{
	(void)state;
	assert_true(parse("photod /a"));
	assert_int_equal(o.command, OPTIONS_SERVE);
	assert_int_equal(o.base_port, 5000);
	assert_int_equal(o.rescan_seconds, 3600);
	assert_int_equal(o.log_level, LOG_INFO);
	assert_null(o.name);
	assert_int_equal(o.folder_count, 1);
	assert_true(parse("photod -p 23000 -n attic -s /s -k /k -l 10.0.0.1 "
			  "-j desk:5001 --join [fe80::1]:5002 --exclude *.tmp "
			  "--rescan-interval 0 --log-level debug /a /b"));
	assert_int_equal(o.base_port, 23000);
	assert_string_equal(o.name, "attic");
	assert_string_equal(o.state_dir, "/s");
	assert_string_equal(o.key_file, "/k");
	assert_string_equal(o.listen, "10.0.0.1");
	assert_int_equal(o.join_count, 2);
	assert_string_equal(o.joins[0].host, "desk");
	assert_int_equal(o.joins[0].port, 5001);
	assert_string_equal(o.joins[1].host, "fe80::1");
	assert_int_equal(o.joins[1].port, 5002);
	assert_int_equal(o.exclude_count, 1);
	assert_int_equal(o.rescan_seconds, 0);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_int_equal(o.folder_count, 2);
	assert_string_equal(o.folders[1], "/b");
	assert_int_equal(o.serve_rate, 0);
	assert_int_equal(o.share, SHARE_OPEN);
	assert_true(parse("photod --share ask /a"));
	assert_int_equal(o.share, SHARE_ASK);
	assert_true(parse("photod --share none /a"));
	assert_int_equal(o.share, SHARE_NONE);
	assert_true(parse("photod --serve-rate 10M /a"));
	assert_int_equal(o.serve_rate, 10000000);
	assert_true(parse("photod --serve-rate 500k /a"));
	assert_int_equal(o.serve_rate, 500000);
	assert_true(parse("photod --serve-rate 1234 /a"));
	assert_int_equal(o.serve_rate, 1234);
	assert_true(parse("photod --serve-rate 1G /a"));
	assert_int_equal(o.serve_rate, 1000000000);
	assert_int_equal(o.cache_bytes, 2000000000);
	assert_true(parse("photod --cache-size 500M /a"));
	assert_int_equal(o.cache_bytes, 500000000);
	assert_true(parse("photod --cache-size 0 /a"));
	assert_int_equal(o.cache_bytes, 0);
	assert_true(parse("photod --fetch-rate 20M /a"));
	assert_int_equal(o.fetch_rate, 20000000);
	assert_true(parse("photod --show-key"));
	assert_int_equal(o.command, OPTIONS_SHOW_KEY);
	assert_true(parse("photod --set-key"));
	assert_int_equal(o.command, OPTIONS_SET_KEY);
}

static void
mistakes(void **state)
{
	static const char *const wrong[] = {
		"photod",
		"photod -p 0 /a",
		"photod -p 65536 /a",
		"photod -p 50x /a",
		"photod -p -1 /a",
		"photod --bogus /a",
		"photod /a -p",
		"photod -j desk /a",
		"photod -j desk:0 /a",
		"photod -j :5000 /a",
		"photod -j fe80::1:5000 /a",
		"photod --log-level loud /a",
		"photod --rescan-interval never /a",
		"photod --share all /a",
		"photod --cache-size 2GB /a",
		"photod --cache-size -1 /a",
		"photod --cache-size 00 /a",
		"photod --serve-rate 0 /a",
		"photod --fetch-rate 1T /a",
		"photod --serve-rate M /a",
		"photod --serve-rate 10MB /a",
		"photod --serve-rate -1 /a",
		"photod --serve-rate 9999G /a",
		"photod --serve-rate 99999999999999999999999999 /a",
		"photod --readers 0 /a",
		"photod --readers 65 /a",
		"photod --read-rate 0 /a",
		"photod --read-rate 5T /a",
		"photod --read-rate 5MB /a",
		"photod --read-rate 99999999G /a",
		"photod --read-rate M /a",
		"photod --show-key /a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		status = 0;
		assert_false(parse(wrong[i]));
		assert_int_equal(status, 2);
	}
}

/* Options of one letter may share a word: it is the letter that is named. */
static void
names_what_it_does_not_know(void **state)
{
	static const char *const cases[][2] = {
		{"photod -xp 1 /a", "'-x'"},
		{"photod --bogus /a", "'--bogus'"},
		{"photod /a --name", "'--name' needs"},
		{"photod /a -p", "'-p' needs"},
	};
	char said[200];
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ftruncate(fileno(f), 0), 0);
		(void)lseek(fileno(f), 0, SEEK_SET);
		dup2(fileno(f), STDERR_FILENO);
		(void)parse(cases[i][0]);
		dup2(saved, STDERR_FILENO);
		memset(said, 0, sizeof(said));
		assert_true(pread(fileno(f), said, sizeof(said) - 1, 0) > 0);
		assert_non_null(strstr(said, cases[i][1]));
	}
	close(saved);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(names_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
