/*
 * From the words of a command line to an ID or a QUERY: what the shell's quotes
 * mean, where the caret stands, which zone a day is in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "failure.h"
#include "output.h"
#include "words.h"

static struct query got;
static struct failure why;
static char *said;

static int
read_words(enum output_form form, unsigned count, const char *const *words)
{
	size_t bytes;
	FILE *notes;
	struct output o;
	int r;

	free(said);
	notes = open_memstream(&said, &bytes);
	output_init_streams(&o, form, notes, notes);
	memset(&why, 0, sizeof(why));
	r = words_query(words, count, &o, &got, &why);
	fclose(notes);
	return r;
}

static void
becomes(const char *text, unsigned terms, unsigned count,
	const char *const *words)
{
	if (read_words(OUTPUT_TABS, count, words) == -1)
		fail_msg("%s: %s", text, said);
	assert_string_equal(got.text, text);
	assert_int_equal(got.search.count, terms);
}
#define W(...) sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
	       (const char *[]){__VA_ARGS__}

static void
joining(void **state)
{
	(void)state;
	becomes("beach", 1, W("beach"));
	becomes("beach party", 2, W("beach", "party"));
	becomes("\"beach party\"", 1, W("beach party"));
	becomes("\"beach party\" -rain", 2, W("beach party", "-rain"));
	becomes("\"Artist - Title\"", 1, W("Artist - Title"));
	becomes("\"a \\\\ b\"", 1, W("a \\ b"));
	becomes("beach -party", 2, W("beach -party"));
	becomes("beach size:>10M", 2, W("beach size:>10M"));
	becomes("a* b", 2, W("a* b"));
	becomes("\"a b\" c", 2, W("\"a b\" c"));
	becomes("a back\\slash", 2, W("a", "back\\slash"));
	becomes("", 0, W("", ""));
	becomes("", 0, 0, NULL);
}

static void
mistake(const char *shown, unsigned count, const char *const *words)
{
	assert_int_equal(read_words(OUTPUT_TABLE, count, words), -1);
	assert_int_equal(why.ending, ENDING_USAGE);
	assert_string_equal(why.message, ""); /* said */
	if (strstr(said, shown) == NULL)
		fail_msg("no\n%s\nin\n%s", shown, said);
}

static void
carets(void **state)
{
	char text[QUERY_BYTES_MAX + 2];

	(void)state;
	mistake("photo: the query is wrong at 'foo:': no such key; there are "
		"name path node type size taken added copies id camera "
		"lens iso near has keyword; or quote it\n"
		"  foo:bar\n"
		"  ^~~~\n", W("foo:bar"));
	mistake("\n  beach size:big x\n             ^~~\n",
		W("beach", "size:big", "x"));
	/* wide characters take two columns, those that control are escaped */
	mistake("\n  \xe6\xb5\xb7 a:b\n     ^~\n", W("\xe6\xb5\xb7", "a:b"));
	mistake("\n  \\x1b\\n a:b\n         ^~\n", W("\033\n", "a:b"));
	mistake("\n  \xc3\xa9 \xe6\xb5\xb7:b\n    ^~~\n",
		W("\xc3\xa9", "\xe6\xb5\xb7:b"));
	/* as JSON it is one object, told by main */
	assert_int_equal(read_words(OUTPUT_JSON, W("x:\033y")), -1);
	assert_string_equal(said, "");
	assert_non_null(strstr(why.message, "at 'x:': no such key"));
	/* a long query is shown from near its mistake */
	memset(text, 'a', 900);
	strcpy(text + 900, " b:c");
	assert_int_equal(read_words(OUTPUT_TABLE, W(text)), -1);
	assert_non_null(strstr(said, "\n  ...aaa"));
	assert_true(strlen(strstr(said, "\n  ...")) < 160);
	memset(text, 'a', sizeof(text));
	text[QUERY_BYTES_MAX + 1] = '\0';
	assert_int_equal(read_words(OUTPUT_TABLE, W(text)), -1);
	assert_non_null(strstr(why.message, "longer than 1024 bytes"));
	text[QUERY_BYTES_MAX] = '\0';
	assert_int_equal(read_words(OUTPUT_TABLE, W(text)), 0);
	assert_int_equal(read_words(OUTPUT_TABLE, W(text, "b")), -1);
	assert_int_equal(read_words(OUTPUT_TABLE, W("\xff")), -1);
	assert_non_null(strstr(why.message, "UTF-8"));
}

static void
ids(void **state)
{
	static const char *const mixed[] = {"99aa06d3", "id:99aa", "beach"};
	const char *id;

	(void)state;
	assert_true(words_id("99aa", 4, &id));
	assert_false(words_id("99a", 4, &id) || words_id("99aa06d", 8, &id));
	assert_true(words_id("id:99aa", 8, &id));
	assert_string_equal(id, "99aa");
	assert_false(words_id("id:99a", 8, &id) || words_id("id:", 8, &id));
	assert_false(words_id("99aa06d3.jpg", 8, &id));
	assert_true(words_id("99aa06d3014798d86001c324468d497f+12", 8, &id));
	assert_true(words_are_ids(mixed, 2));
	assert_false(words_are_ids(mixed, 3) || words_are_ids(mixed, 0));
}

/* In Berlin a day of winter begins one hour before Greenwich's, and one of
 * summer two: whatever the season in which that is asked. */
static void
zones(void **state)
{
	struct question_list l = {0};
	const char *words[] = {"taken:2019-02-01..2019-07-04", "added:7d",
			       "taken:<2019"};

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_int_equal(read_words(OUTPUT_TABLE, 3, words), 0);
	words_ask(&got, &l);
	assert_string_equal(l.text, got.text);
	assert_int_equal(l.zone_count, 3);
	assert_int_equal(l.zones[0], 3600);
	assert_int_equal(l.zones[1], 7200);
	assert_int_equal(l.zones[2], 3600);
	setenv("TZ", "EST5", 1);
	tzset();
	words_ask(&got, &l);
	assert_int_equal(l.zones[1], -18000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joining), cmocka_unit_test(carets),
		cmocka_unit_test(ids),	   cmocka_unit_test(zones),
	};
	int failed;

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(said);
	return failed;
}
