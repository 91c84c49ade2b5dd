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
	box_fill(&a, 1, 0, PHOTOS);
	s = box_own_report(&a).stream;
	kit_put_off(b.w);
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
	box_fill(&a, 1, 0, PHOTOS);
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
	box_fill(&a, 1, 0, PHOTOS);
	s = box_own_report(&a).stream;
	kit_put_off(b.w);
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
	box_fill(&a, 1, 0, PHOTOS);
	s = box_own_report(&a).stream;
	kit_put_off(b.w);
	pull(&b, &a, 1);
	box_reopen(&b, false);
	kit_put_off(b.w);
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
	box_fill(&a, 1, 0, PHOTOS);
	s = box_own_report(&a).stream;
	kit_put_off(b.w);
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
	box_fill(&a, 1, 0, PHOTOS);
	kit_put_off(b.w);
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
	box_fill(&a, 1, 0, PHOTOS);
	box_fill(&c, 1, PHOTOS / 2, PHOTOS);
	s = box_own_report(&a).stream;
	kit_put_off(b.w);
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
	box_fill(&a, 1, 0, PHOTOS);
	s = box_own_report(&a).stream;
	kit_put_off(b.w);
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

/* ---- nothing goes meanwhile --------------------------------------------- */

static void
nothing_is_told_to_go(const struct box *x)
{
	for (uint32_t i = 0; i < x->result.news_count; i++)
		assert_true(x->result.news[i].added);
	assert_false(x->result.news_lost);
}

/* One's own copy is deleted while another's is recorded and not listed yet. */
static void
own_goes_while_another_waits(void **state)
{
	struct own_file f[2] = {kit_copy(1, "mine.jpg", 1),
				kit_gone(1, "mine.jpg")};

	(void)state;
	box_fill(&a, 1, 0, PHOTOS);
	box_own(&b, f, 1, 1);
	kit_put_off(b.w);
	pull(&b, &a, 1);
	assert_true(writer_behind(b.w));
	assert_int_equal(box_copies(&b, 1), 1);
	box_own(&b, f + 1, 1, 1);
	assert_int_equal(box_copies(&b, 1), 1);
	nothing_is_told_to_go(&b);
}

/* What is renamed goes nowhere, and nothing is listed for that. */
static void
own_is_renamed_while_another_waits(void **state)
{
	struct own_file f[3] = {kit_copy(1, "mine.jpg", 9999),
				kit_copy(1, "moved.jpg", 9999),
				kit_gone(1, "mine.jpg")};

	(void)state;
	box_fill(&a, 1, 0, PHOTOS);
	box_own(&b, f, 1, 1);
	kit_put_off(b.w);
	pull(&b, &a, 1);
	box_own(&b, f + 1, 2, 1);
	assert_true(writer_behind(b.w));
	assert_int_equal(box_copies(&b, 9999), 1);
}

static void
another_is_forgotten_while_one_waits(void **state)
{
	struct stream_id s;

	(void)state;
	box_fill(&a, 1, 0, PHOTOS);
	box_fill(&c, 1, 0, 10);
	s = box_own_report(&c).stream;
	box_pull(&b, &c, &s, PULL_OWNER);
	assert_int_equal(box_photos(&b), 10);
	kit_put_off(b.w);
	pull(&b, &a, 1);
	assert_true(writer_behind(b.w));
	assert_int_equal(writer_end(b.w, &s, false, true, &b.result, &b.why),
			 0);
	nothing_is_told_to_go(&b);
	while (b.result.more) {
		assert_int_equal(writer_clear(b.w, &b.result, &b.why), 0);
		nothing_is_told_to_go(&b);
	}
	assert_true(box_photos(&b) >= 10);
}

static void
another_is_dropped_while_one_waits(void **state)
{
	struct stream_id s;

	(void)state;
	box_fill(&a, 1, 0, PHOTOS);
	box_fill(&c, 1, 0, 10);
	s = box_own_report(&c).stream;
	box_pull(&b, &c, &s, PULL_OWNER);
	kit_put_off(b.w);
	pull(&b, &a, 1);
	assert_int_equal(writer_drop(b.w, &s, &b.result, &b.why), 0);
	nothing_is_told_to_go(&b);
	assert_true(box_photos(&b) >= 10);
}

/* ---- what somebody may do with it ---------------------------------------- */

/* Rows of a stranger: `count` of them, from `first` on, all of one number or each
 * of the next. */
static void
tell(struct box *x, uint64_t seq, unsigned first, unsigned count, bool one,
     uint64_t cursor)
{
	static uint8_t values[1024][200], keys[1024][17];
	static struct record r[1024];
	struct stream_id s = {.node = c.node, .generation = 77};
	struct mesh_store store = {.stream = s, .point = {0, cursor}};
	struct message_batch batch = {.stream = s, .records = r,
				      .record_count = count};

	for (unsigned i = 0; i < count; i++) {
		struct own_file f = kit_copy(9, "x", first + i);

		memset(keys[i], 9, 8);
		snprintf((char *)keys[i] + 8, 9, "%08u", first + i);
		r[i] = (struct record){.seq = one ? seq : seq + i,
				       .kind = RECORD_COPY, .key = keys[i],
				       .key_bytes = 16, .value = values[i]};
		r[i].value_bytes = record_copy_pack(&f.copy, values[i], 200);
	}
	assert_int_equal(writer_store(x->w, &store, &batch, &x->result,
				      &x->why), 0);
}

static int
steps(struct box *x, enum writer_statement s)
{
	return sqlite3_stmt_status(x->w->st[s], SQLITE_STMTSTATUS_VM_STEP, 1);
}

/* Many rows of one number are not gone through for each of them. */
static void
rows_of_one_number_cost_no_more(void **state)
{
	int each, together;

	(void)state;
	kit_put_off(b.w);
	tell(&b, 1, 0, 1000, false, 1000);
	assert_true(writer_behind(b.w));
	(void)steps(&b, W_BEHIND_AT);
	assert_int_equal(writer_catch_up(b.w, &b.result, &b.why), 0);
	each = steps(&b, W_BEHIND_AT);
	tell(&b, 2000, 2000, 1000, true, 2000);
	assert_true(writer_behind(b.w));
	assert_int_equal(writer_catch_up(b.w, &b.result, &b.why), 0);
	together = steps(&b, W_BEHIND_AT);
	assert_true(together < 2 * each);
	assert_int_equal(box_photos(&b), 2000);
	box_check(&b);
}

/* A row from far below, as another replica may have it, is no reason to go
 * through all that has long been listed. */
static void
what_comes_late_is_listed_at_once(void **state)
{
	(void)state;
	kit_put_off(b.w);
	tell(&b, 100, 0, 1000, false, 1099);
	assert_int_equal(writer_catch_up(b.w, &b.result, &b.why), 0);
	tell(&b, 5, 3000, 1, true, 1099);
	assert_int_equal(box_copies(&b, 3000), 1);
	assert_false(writer_behind(b.w));
	(void)steps(&b, W_BEHIND);
	tell(&b, 1200, 4000, 2, false, 1201);
	tell(&b, 6, 3001, 1, true, 1201);
	assert_int_equal(writer_catch_up(b.w, &b.result, &b.why), 0);
	assert_true(steps(&b, W_BEHIND) < 1000);
	assert_int_equal(box_photos(&b), 1004);
	box_check(&b);
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
		each(own_goes_while_another_waits),
		each(own_is_renamed_while_another_waits),
		each(another_is_forgotten_while_one_waits),
		each(another_is_dropped_while_one_waits),
		each(rows_of_one_number_cost_no_more),
		each(what_comes_late_is_listed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
