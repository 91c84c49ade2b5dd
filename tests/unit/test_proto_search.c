/*
 * The grammar of queries: what each term is read as, what each mistake says
 * and where it lies; what patterns match; days and clocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "search.h"

static struct search got;
static struct search_error why;

/* A term as one line: "-glob-name IMG*", "size 1..5", "taken 17897..17898". */
static void
tell_term(const struct search_term *t, char *out, size_t max)
{
	static const char *const kinds[] = {
		"path", "name", "node", "type", "raw", "size", "taken",
		"added", "copies", "online", "id", "camera", "lens", "keyword",
		"iso", "near", "gps"};
	char from[16] = "", until[16] = "";
	size_t used = (size_t)snprintf(out, max, "%s%s%s",
				       t->negated ? "-" : "",
				       t->glob ? "glob-" : "", kinds[t->kind]);

	out += used;
	max -= used;
	switch (t->kind) {
	case SEARCH_PATH:
	case SEARCH_NAME:
	case SEARCH_NODE:
	case SEARCH_TYPE:
	case SEARCH_CAMERA:
	case SEARCH_LENS:
	case SEARCH_KEYWORD:
		assert_int_equal(strlen(search_text(&got, t)), t->text_bytes);
		snprintf(out, max, " %s", search_text(&got, t));
		return;
	case SEARCH_SIZE:
	case SEARCH_COPIES:
	case SEARCH_ISO:
		if (t->max == INT64_MAX)
			snprintf(out, max, " %llu..",
				 (unsigned long long)t->min);
		else
			snprintf(out, max, " %llu..%llu",
				 (unsigned long long)t->min,
				 (unsigned long long)t->max);
		return;
	case SEARCH_TAKEN:
	case SEARCH_ADDED:
		if (t->time.has_from)
			snprintf(from, sizeof(from), "%d", t->time.from_day);
		if (t->time.has_until)
			snprintf(until, sizeof(until), "%d", t->time.until_day);
		if (t->time.age_days > 0)
			snprintf(out, max, " age %u", t->time.age_days);
		else
			snprintf(out, max, " %s..%s", from, until);
		return;
	case SEARCH_ID:
		snprintf(out, max, " %u%s", t->prefix.digits,
			 t->prefix.sized ? "+" : "");
		return;
	case SEARCH_NEAR:
		snprintf(out, max, " %d,%d within %llu", t->latitude_e7,
			 t->longitude_e7, (unsigned long long)t->max);
		return;
	case SEARCH_RAW:
	case SEARCH_ONLINE:
	case SEARCH_GPS:
		return;
	}
}

static const struct {
	const char *query, *terms; /* terms with " | " between */
} good[] = {
	{"", ""},
	{" \t\n ", ""},
	{"beach", "path beach"},
	{"  Beach\tparty ", "path Beach | path party"},
	{"IMG_*.JPG", "glob-name IMG_*.JPG"},
	{"2023/*.jpg", "glob-path 2023/*.jpg"},
	{"2023/beach", "path 2023/beach"},
	{"img?", "glob-name img?"},
	{"[ab]c", "glob-name [ab]c"},
	{"[]]", "glob-name []]"},
	{"[!]a]", "glob-name [!]a]"},
	{"a]", "path a]"},
	{"back\\slash", "path back\\slash"},
	{"\"summer beach\"", "path summer beach"},
	{"\"say \\\"hi\\\" \\\\ \\n\"", "path say \"hi\" \\ \\n"},
	{"\"a:b\" \"*\"", "path a:b | path *"},
	{"\"-x\" \"offline\"", "path -x | path offline"},
	{"-beach", "-path beach"},
	{"!beach", "-path beach"},
	{"-\"a b\"", "-path a b"},
	{"a-b x!y", "path a-b | path x!y"},
	{"name:beach", "name beach"},
	{"NAME:Beach", "name Beach"},
	{"name:*.png", "glob-name *.png"},
	{"name:\"a b*\"", "name a b*"},
	{"name:[/]*", "glob-name [/]*"},
	{"path:*x", "glob-path *x"},
	{"path:a/b", "path a/b"},
	{"-path:\"a b/\"", "-path a b/"},
	{"node:alice", "node alice"},
	{"-node:5001", "-node 5001"},
	{"node:\"old desktop\"", "node old desktop"},
	{"node:a*", "node a*"},
	{"type:image", "type image"},
	{"type:raw", "raw"},
	{"camera:canon", "camera canon"},
	{"-camera:\"EOS 5D\"", "-camera EOS 5D"},
	{"camera:*5D*", "glob-camera *5D*"},
	{"lens:50mm", "lens 50mm"},
	{"keyword:Anna", "keyword Anna"},
	{"keyword:places/*", "glob-keyword places/*"},
	{"iso:>=1600", "iso 1600.."},
	{"iso:100..400", "iso 100..400"},
	{"near:47.37,8.54,5", "near 473700000,85400000 within 5000"},
	{"near:-33.86,151.21,0.5", "near -338600000,1512100000 within 500"},
	{"near:+90,-180,20100", "near 900000000,-1800000000 within 20100000"},
	{"near:.5,0.,0.0005", "near 5000000,0 within 0"},
	{"near:47.123456789,0,1", "near 471234567,0 within 1000"},
	{"HAS:gps -has:GPS", "gps | -gps"},
	{"-type:RAW", "-raw"},
	{"type:image/*", "glob-type image/*"},
	{"type:image/heic", "type image/heic"},
	{"size:10", "size 10..10"},
	{"size:=10", "size 10..10"},
	{"size:>10M", "size 10000001.."},
	{"size:>=10MB", "size 10000000.."},
	{"size:<1k", "size 0..999"},
	{"size:<=1Ki", "size 0..1024"},
	{"size:1.5G", "size 1500000000..1500000000"},
	{"size:0.5KiB", "size 512..512"},
	{"size:1.2345k", "size 1234..1234"},
	{"size:1M..5M", "size 1000000..5000000"},
	{"size:1.5..2.5", "size 1..2"},
	{"size:1M..", "size 1000000.."},
	{"size:..5m", "size 0..5000000"},
	{"size:2T", "size 2000000000000..2000000000000"},
	{"size:1TiB", "size 1099511627776..1099511627776"},
	{"size:9223372036854775806", "size 9223372036854775806.."
				     "9223372036854775806"},
	{"size:<9223372036854775807", "size 0..9223372036854775806"},
	{"copies:1", "copies 1..1"},
	{"copies:>1", "copies 2.."},
	{"copies:<3", "copies 0..2"},
	{"copies:2..4", "copies 2..4"},
	{"-copies:2..2", "-copies 2..2"},
	{"taken:1970", "taken 0..365"},
	{"taken:1970-01", "taken 0..31"},
	{"taken:1970-01-01", "taken 0..1"},
	{"taken:1969-12-31", "taken -1..0"},
	{"taken:2019-07-04", "taken 18081..18082"},
	{"taken:2019", "taken 17897..18262"},
	{"taken:2020-02", "taken 18293..18322"},
	{"taken:2020-02-29", "taken 18321..18322"},
	{"taken:2000-02-29", "taken 11016..11017"},
	{"taken:>2019", "taken 18262.."},
	{"taken:>=2019", "taken 17897.."},
	{"taken:<2020-05", "taken ..18383"},
	{"taken:<=2020-05", "taken ..18414"},
	{"taken:=2020-05", "taken 18383..18414"},
	{"taken:2019-07..2020-01", "taken 18078..18293"},
	{"taken:2019..", "taken 17897.."},
	{"taken:..2019", "taken ..18262"},
	{"taken:2019..2019", "taken 17897..18262"},
	{"taken:0001-01-01", "taken -719162..-719161"},
	{"taken:9999-12-31", "taken 2932896..2932897"},
	{"added:7d", "added age 7"},
	{"added:2W", "added age 14"},
	{"added:3m", "added age 90"},
	{"-added:1y", "-added age 365"},
	{"added:9999y", "added age 3649635"},
	{"online", "online"},
	{"offline", "-online"},
	{"-online", "-online"},
	{"-offline", "online"},
	{"OffLine", "-online"},
	{"offlines", "path offlines"},
	{"id:99aa", "id 4"},
	{"-id:99AA06D3", "-id 8"},
	{"id:99aa06d3014798d86001c324468d497f+0", "id 32+"},
	{"size:>1 -a taken:7d \"b c\"", "size 2.. | -path a | taken age 7 | "
					"path b c"},
	{"\xc3\xa9t\xc3\xa9 \xff*", "path \xc3\xa9t\xc3\xa9 | glob-name \xff*"},
};

static void
reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const char *q = good[i].query;
		char told[2048] = "", term[1200];

		if (!search_parse(q, strlen(q), &got, &why))
			fail_msg("%s: at %zu: %s", q, why.at, why.text);
		for (uint32_t n = 0; n < got.count; n++) {
			tell_term(&got.terms[n], term, sizeof(term));
			if (n > 0)
				strcat(told, " | ");
			strcat(told, term);
		}
		if (strcmp(told, good[i].terms) != 0)
			fail_msg("%s is read as: %s", q, told);
	}
}

static const struct {
	const char *query;
	size_t at, bytes;
	const char *text; /* a part of what is said */
} bad[] = {
	{"has:date", 4, 4, "has:gps"},
	{"near:47", 5, 2, "not a place"},
	{"near:47,8", 5, 4, "not a place"},
	{"near:47,8,", 5, 5, "not a place"},
	{"near:47,8,5,6", 5, 8, "not a place"},
	{"near:91,8,5", 5, 6, "not a place"},
	{"near:47,180.1,5", 5, 10, "not a place"},
	{"near:47,8,20101", 5, 10, "not a place"},
	{"near:47,8,-1", 5, 7, "not a place"},
	{"near:4 7,8,5", 5, 1, "not a place"},
	{"near:4x,8,5", 5, 6, "not a place"},
	{"near:.,8,5", 5, 5, "not a place"},
	{"near:99999999999999999999,8,5", 5, 24, "not a place"},
	{"near:\"1,2,3\"", 5, 7, "no quotes"},
	{"iso:fast", 4, 4, "not a number"},
	{"foo:bar", 0, 4, "no such key"},
	{"beach foo:", 6, 4, "no such key"},
	{"-foo:bar", 1, 4, "no such key"},
	{":x", 0, 1, "no such key"},
	{"C:\\x", 0, 2, "no such key"},
	{"12:30", 0, 3, "no such key"},
	{"\xc3\xa9:a", 0, 3, "no such key"},
	{"a name:", 2, 5, "nothing follows"},
	{"name: x", 0, 5, "nothing follows"},
	{"-", 0, 1, "nothing follows"},
	{"a - b", 2, 1, "nothing follows"},
	{"a !", 2, 1, "nothing follows"},
	{"--a", 0, 2, "one is enough"},
	{"-!a", 0, 2, "one is enough"},
	{"a \"b", 2, 1, "not closed"},
	{"\"b\\\"", 0, 1, "not closed"},
	{"\"", 0, 1, "not closed"},
	{"\"\"", 0, 2, "between the quotes"},
	{"name:\"\"", 5, 2, "between the quotes"},
	{"\"a\"b", 3, 1, "blank is missing"},
	{"\"a\"\"b\"", 3, 1, "blank is missing"},
	{"a\"b\"", 1, 1, "quote stands"},
	{"name:a\"b\"", 6, 1, "quote stands"},
	{"a\"b:c", 1, 1, "quote stands"},
	{"IMG[1", 3, 2, "has no ]"},
	{"x IMG[] y", 5, 2, "has no ]"},
	{"[!]", 0, 3, "has no ]"},
	{"name:a[", 6, 1, "has no ]"},
	{"name:a/b", 5, 3, "say path:"},
	{"name:\"a/b\"", 5, 5, "say path:"},
	{"size:\"1\"", 5, 3, "no quotes"},
	{"id:\"99aa\"", 3, 6, "no quotes"},
	{"size:big", 5, 3, "not a size"},
	{"size:10X", 5, 3, "not a size"},
	{"size:10kk", 5, 4, "not a size"},
	{"size:10MiX", 5, 5, "not a size"},
	{"size:-1", 5, 2, "not a size"},
	{"size:1.", 5, 2, "not a size"},
	{"size:.5", 5, 2, "not a size"},
	{"size:1..5X", 8, 2, "not a size"},
	{"size:1...5", 8, 2, "not a size"},
	{"size:x..5", 5, 1, "not a size"},
	{"size:>", 5, 1, "nothing follows the sign"},
	{"size:>=", 5, 2, "nothing follows the sign"},
	{"size:>>1", 6, 2, "not a size"},
	{"size:..", 5, 2, "needs an end"},
	{"size:5..1", 5, 4, "wrong way round"},
	{"size:<0", 5, 2, "less than 0"},
	{"size:99999999999999999999", 5, 20, "too much"},
	{"size:9300000T", 5, 8, "too much"},
	{"size:>9223372036854775807", 6, 19, "too much"},
	{"copies:many", 7, 4, "not a number"},
	{"copies:1k", 7, 2, "not a number"},
	{"copies:1.5", 7, 3, "not a number"},
	{"taken:yesterday", 6, 9, "not a date"},
	{"taken:19", 6, 2, "not a date"},
	{"taken:0000", 6, 4, "not a date"},
	{"taken:2019-7", 6, 6, "not a date"},
	{"taken:2019-07-4", 6, 9, "not a date"},
	{"taken:2019/07", 6, 7, "not a date"},
	{"taken:2019-00", 6, 7, "not a date"},
	{"taken:2019-07-00", 6, 10, "not a date"},
	{"taken:2019-13", 6, 7, "12 months"},
	{"taken:2019-02-29", 6, 10, "28 days"},
	{"taken:1900-02-29", 6, 10, "28 days"},
	{"taken:2019-04-31", 6, 10, "30 days"},
	{"taken:2020..2019", 6, 10, "wrong way round"},
	{"taken:2019..x", 12, 1, "not a date"},
	{"taken:>7d", 6, 3, "stands alone"},
	{"taken:1y..7d", 6, 6, "stands alone"},
	{"taken:0d", 6, 2, "not a date"},
	{"taken:10000d", 6, 6, "not a date"},
	{"taken:..", 6, 2, "needs an end"},
	{"id:99", 3, 2, "not an id"},
	{"id:xyz1", 3, 4, "not an id"},
	{"id:99aa06d3014798d86001c324468d497f0", 3, 33, "not an id"},
};

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *q = bad[i].query;

		if (search_parse(q, strlen(q), &got, &why))
			fail_msg("%s is taken", q);
		if (why.at != bad[i].at || why.bytes != bad[i].bytes ||
		    strstr(why.text, bad[i].text) == NULL)
			fail_msg("%s: at %zu, %zu: %s", q, why.at, why.bytes,
				 why.text);
		/* whole, as it is here and behind "query, byte 1024: " */
		assert_true(strlen(why.text) < sizeof(why.text) - 1);
	}
}

static void
bounds(void **state)
{
	char text[QUERY_BYTES_MAX + 2];
	size_t used = 0;

	(void)state;
	for (uint32_t i = 0; i < QUERY_TERMS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%sx%u", i > 0 ? " " : "", i);
	assert_true(search_parse(text, used, &got, &why));
	assert_int_equal(got.count, QUERY_TERMS_MAX);
	for (uint32_t i = 0; i < got.count; i++)
		assert_memory_equal(text + got.terms[i].at,
				    search_text(&got, &got.terms[i]),
				    got.terms[i].bytes);
	strcpy(text + used, " last one");
	assert_false(search_parse(text, strlen(text), &got, &why));
	assert_int_equal(why.at, used + 1);
	memset(text, 'a', sizeof(text));
	assert_true(search_parse(text, QUERY_BYTES_MAX, &got, &why));
	assert_int_equal(got.terms[0].text_bytes, QUERY_BYTES_MAX);
	assert_false(search_parse(text, QUERY_BYTES_MAX + 1, &got, &why));
	assert_int_equal(why.at, QUERY_BYTES_MAX);
	assert_false(search_parse("ab\0c", 4, &got, &why));
	assert_int_equal(why.at, 2);
}

static bool
glob(const char *pattern, const char *text)
{
	return search_glob(pattern, strlen(pattern), text, strlen(text));
}

static bool
part(const char *a, const char *text)
{
	return search_part(a, strlen(a), text, strlen(text));
}

static void
patterns(void **state)
{
	(void)state;
	assert_true(part("", "") && part("b", "aBc") && part("BC", "abc"));
	assert_false(part("abcd", "abc") || part("cb", "abc") || part("a", ""));
	assert_true(search_part("\0b", 2, "a\0B", 3));
	assert_true(glob("*", "") && glob("", "") && glob("**", "x"));
	assert_true(glob("img_*.jpg", "IMG_0001.JPG"));
	assert_false(glob("img_*.jpg", "IMG_0001.JPG.bak"));
	assert_true(glob("a*b*c", "aXbXbXc") && glob("*a*", "bab"));
	assert_false(glob("a*b", "ac") || glob("", "a") || glob("?", ""));
	assert_true(glob("a?c", "abc") && glob("?", "\xc3\xa9"));
	assert_true(glob("??", "\xff\xfe") && glob("?", "\xf0\x9f\x98\x80"));
	assert_false(glob("?", "\xff\xfe") || glob("\xc3", "\xc3\xa9"));
	assert_true(glob("[a-c]x", "Bx") && glob("[A-C]x", "bx"));
	assert_true(glob("[!a-c]", "d") && glob("[^a]", "\xff"));
	assert_false(glob("[!a-c]", "B") || glob("[a-c]", "d"));
	assert_true(glob("[]]", "]") && glob("[a-]", "-") && glob("[*]", "*"));
	assert_true(glob("[\xc3\xa0-\xc3\xa9]", "\xc3\xa2"));
	assert_false(glob("[a", "a") || glob("[", "["));
	assert_true(glob("2023/*", "2023/a/b.jpg"));
	assert_false(glob("*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
}

static bool
type(const char *name, const char *of)
{
	return search_type(name, strlen(name), of, strlen(of));
}

static void
types(void **state)
{
	(void)state;
	assert_true(type("image", "image/png") && type("video", "video/mp4"));
	assert_true(type("jpeg", "image/jpeg") && type("JPG", "image/jpeg"));
	assert_true(type("cr2", "image/x-canon-cr2"));
	assert_true(type("mov", "video/quicktime"));
	assert_true(type("mkv", "video/x-matroska"));
	assert_true(type("image/heic", "image/heic"));
	assert_false(type("image", "video/mp4") || type("g", "image/jpeg"));
	assert_false(type("r2", "image/x-canon-cr2") || type("x", ""));
	assert_false(type("image/jpg", "image/jpeg"));
	assert_true(search_type_raw("image/x-fuji-raf", 16));
	assert_false(search_type_raw("image/tiff", 10));
	assert_true(search_name_raw("a/b.NEF", 7));
	assert_false(search_name_raw("a.nef/b", 7) ||
		     search_name_raw("nef", 3) || search_name_raw(".nef", 4) ||
		     search_name_raw("a.tif", 5) || search_name_raw("", 0));
}

static void
clocks(void **state)
{
	static const char q[] = "added:7d taken:1970 x added:>1970 "
				"taken:<1970-01-02";
	static const int32_t zones[] = {3600, -7200, 0};
	int32_t days[QUERY_DAYS_MAX];

	(void)state;
	assert_true(search_parse(q, strlen(q), &got, &why));
	assert_int_equal(search_days(&got, days), 4);
	assert_int_equal(days[0], 0);
	assert_int_equal(days[1], 365);
	assert_int_equal(days[2], 365);
	assert_int_equal(days[3], 1);
	search_set_clock(&got, 1000000000, zones, 3);
	assert_true(got.terms[0].time.has_from && !got.terms[0].time.has_until);
	assert_int_equal(got.terms[0].time.from_ms, 1000000000 - 7 * 86400000);
	assert_int_equal(got.terms[1].time.from_ms, -3600000);
	assert_int_equal(got.terms[1].time.until_ms,
			 365 * INT64_C(86400000) + 7200000);
	assert_int_equal(got.terms[3].time.from_ms, 365 * INT64_C(86400000));
	/* the fourth zone was not given */
	assert_int_equal(got.terms[4].time.until_ms, 86400000);
	/* ages are set again, days still counted right */
	search_set_clock(&got, 2000000000, zones, 3);
	assert_int_equal(got.terms[0].time.from_ms, 2000000000 - 7 * 86400000);
	assert_int_equal(search_days(&got, days), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),    cmocka_unit_test(refuses),
		cmocka_unit_test(bounds),   cmocka_unit_test(patterns),
		cmocka_unit_test(types),    cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
