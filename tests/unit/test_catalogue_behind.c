/*
 * A large mesh: what pages tell of copies below the head is recorded at once
 * and listed later, many at a time; a death in between, or an owner that goes,
 * leaves nothing unlisted.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <string.h>

#define PHOTOS 1500u

static struct box a, b, c;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	box_start(&c, 3, 3);
	return 0;
}

static void
fill(struct box *x, unsigned first, unsigned count)
{
	static char paths[4096][64];
	static struct own_file f[4096];

	for (unsigned i = 0; i < count; i++) {
		snprintf(paths[i], 64, "2020/%04u.jpg", first + i);
		f[i] = kit_copy(1, paths[i], first + i);
	}
	box_own(x, f, count, 1);
}

static void
put_off(struct box *x)
{
	x->w->behind_from = 0;
	x->w->behind_least = 1000000;
	/* No clock decides here. */
	x->w->behind_took_ms = 3600000;
}

/* Pages below the head. */
static void
pull(struct box *to, struct box *from, unsigned pages)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN,
			    .stream = box_own_report(from).stream};

	to->put_off = 0; /* not listed by the check behind it */
	for (unsigned i = 0; i < pages; i++)
		assert_true(box_pull_page(to, from, &p));
}

static void
same_list(struct box *x, struct box *y)
{
	struct digest dx = box_merged(x), dy = box_merged(y);

	assert_true(digest_equal(&dx, &dy));
}

static void
whole_at_the_head(void **state)
{
	struct stream_id s;

	(void)state;
	fill(&a, 0, PHOTOS);
	s = box_own_report(&a).stream;
	put_off(&b);
	pull(&b, &a, 2);
	assert_true(writer_behind(b.w));
	assert_true(box_held(&b, &s).rows > 0);
	assert_int_equal(box_photos(&b), 0);
	box_pull(&b, &a, &s, PULL_OWNER);
	assert_false(writer_behind(b.w));
	assert_int_equal(box_photos(&b), PHOTOS);
	same_list(&a, &b);
}

/* A short list waits for nothing. */
static void
nothing_waits_while_there_is_little(void **state)
{
	struct stream_id s;

	(void)state;
	fill(&a, 0, PHOTOS);
	s = box_own_report(&a).stream;
	pull(&b, &a, 1);
	assert_false(writer_behind(b.w));
	assert_int_equal(box_photos(&b), box_held(&b, &s).rows);
}

/* After a death: what had been put off is found in the file, and no older
 * photod opens it. */
static void
a_death_loses_nothing(void **state)
{
	struct stream_id s;
	uint64_t rows;

	(void)state;
	fill(&a, 0, PHOTOS);
	s = box_own_report(&a).stream;
	put_off(&b);
	pull(&b, &a, 2);
	rows = box_held(&b, &s).rows;
	box_reopen(&b, false);
	assert_true(writer_behind(b.w));
	assert_int_equal(box_held(&b, &s).rows, rows);
	assert_int_equal(box_photos(&b), 0);
	/* It goes on, and does not begin again. */
	assert_true(box_held(&b, &s).point.cursor > 0);
	assert_int_equal(writer_catch_up(b.w, &b.result, &b.why), 0);
	assert_int_equal(box_photos(&b), rows);
	box_check(&b);
	box_pull(&b, &a, &s, PULL_OWNER);
	same_list(&a, &b);
	assert_int_equal(box_count(&b, "SELECT count(*) FROM meta"
				       " WHERE key = 'behind'"), 0);
}

/* The first page of a new run brings what the last one left, too. */
static void
listed_with_the_next_page(void **state)
{
	struct stream_id s;

	(void)state;
	fill(&a, 0, PHOTOS);
	s = box_own_report(&a).stream;
	put_off(&b);
	pull(&b, &a, 1);
	box_reopen(&b, false);
	put_off(&b);
	b.w->behind_least = 1;
	pull(&b, &a, 1);
	assert_false(writer_behind(b.w));
	assert_int_equal(box_photos(&b), box_held(&b, &s).rows);
}

static void
enough_is_listed(void **state)
{
	struct stream_id s;

	(void)state;
	fill(&a, 0, PHOTOS);
	s = box_own_report(&a).stream;
	put_off(&b);
	pull(&b, &a, 1);
	b.w->behind_least = box_held(&b, &s).rows + 1;
	pull(&b, &a, 1);
	assert_false(writer_behind(b.w));
	assert_int_equal(box_photos(&b), box_held(&b, &s).rows);
}

/* So is what has waited for long. */
static void
long_is_enough(void **state)
{
	(void)state;
	fill(&a, 0, PHOTOS);
	put_off(&b);
	pull(&b, &a, 1);
	assert_true(writer_behind(b.w));
	b.w->behind_took_ms = 0;
	b.w->behind_since_ms = 0;
	pull(&b, &a, 1);
	assert_false(writer_behind(b.w));
}

/* Two streams with the same photos, and what they withdraw meanwhile. */
static void
replaced_while_it_waits(void **state)
{
	struct own_file f[3] = {kit_copy(1, "2020/0001.jpg", 5000),
				kit_gone(1, "2020/0002.jpg"),
				kit_copy(1, "2020/0003.jpg", 4)};
	struct stream_id s;

	(void)state;
	fill(&a, 0, PHOTOS);
	fill(&c, PHOTOS / 2, PHOTOS);
	s = box_own_report(&a).stream;
	put_off(&b);
	pull(&b, &a, 1);
	box_own(&a, f, 3, 9);
	pull(&b, &c, 1);
	box_pull(&b, &a, &s, PULL_OWNER);
	assert_int_equal(box_copies(&b, 2), 0);
	assert_int_equal(box_copies(&b, 5000), 1);
	assert_int_equal(box_copies(&b, 4), 2);
	s = box_own_report(&c).stream;
	box_pull(&b, &c, &s, PULL_OWNER);
	s = box_own_report(&a).stream;
	box_pull(&c, &a, &s, PULL_OWNER);
	same_list(&b, &c);
}

/* Dropped or forgotten, it is listed no more. */
static void
let_go_while_it_waits(void **state)
{
	struct stream_id s;

	(void)state;
	fill(&a, 0, PHOTOS);
	s = box_own_report(&a).stream;
	put_off(&b);
	pull(&b, &a, 1);
	assert_int_equal(writer_drop(b.w, &s, &b.result, &b.why), 0);
	assert_false(writer_behind(b.w));
	box_check(&b);
	pull(&b, &a, 1);
	assert_true(writer_behind(b.w));
	assert_int_equal(writer_end(b.w, &s, false, true, &b.result, &b.why),
			 0);
	while (b.result.more)
		assert_int_equal(writer_clear(b.w, &b.result, &b.why), 0);
	assert_false(writer_behind(b.w));
	assert_int_equal(box_photos(&b), 0);
	box_check(&b);
	box_reopen(&b, false);
	assert_false(writer_behind(b.w));
}

#define each(test) cmocka_unit_test_setup_teardown(test, setup, boxes_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		each(whole_at_the_head),
		each(nothing_waits_while_there_is_little),
		each(a_death_loses_nothing),
		each(listed_with_the_next_page),
		each(enough_is_listed),
		each(long_is_enough),
		each(replaced_while_it_waits),
		each(let_go_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
