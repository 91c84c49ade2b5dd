/*
 * The two ways to a page of what is searched for: along the list's index, and
 * over everything as it is stored.  Whichever is taken, or given up midway, the
 * photos are the same, in the same order, for every sort and any page.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "query_private.h"
#include "stretches.h"

#define PHOTOS KIT_LISTED_MAX
#define RARE   40u /* some at each end of the list, most in the middle */
#define DAY_NS INT64_C(86400000000000)

static struct box a, b;

static bool
is_rare(unsigned i)
{
	return i < 3 || i >= PHOTOS - 3 ||
	       (i >= PHOTOS / 2 && i < PHOTOS / 2 + RARE - 6);
}

static int
setup(void **state)
{
	static char paths[PHOTOS][64];
	static struct own_file f[PHOTOS];
	struct stream_id s;

	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	for (unsigned i = 0; i < PHOTOS; i++) {
		snprintf(paths[i], 64, "d%u/%s_%04u.jpg", i % 3,
			 is_rare(i) ? "rare" : "IMG", i);
		f[i] = kit_copy(1, paths[i], i);
		f[i].copy.mtime_ns = (1 + i / 2) * DAY_NS; /* and ties */
		f[i].copy.photo.size = 1000 + i / 2;
	}
	for (unsigned i = 0; i < PHOTOS; i += PHOTOS / 3)
		box_own(&b, f + i, PHOTOS / 3, 1 + i);
	box_root(&b, 1, true);
	box_own(&a, f + PHOTOS / 2, RARE - 6, 5);
	box_root(&a, 1, true);
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	writer_rest(b.w); /* makes the indexes */
	return 0;
}

static void
list(struct list_query *q, uint32_t rounds_min, struct listed *out)
{
	b.r->walk_rounds_min = rounds_min;
	box_list(&b, q, out);
}

/* Walked; swept at once; and given up after a round. */
static void
compare_ways(struct list_query *q, unsigned count)
{
	static struct listed walked, swept;
	uint64_t sweeps = b.r->sweeps;

	list(q, UINT32_MAX, &walked);
	assert_int_equal(b.r->sweeps, sweeps);
	assert_int_equal(walked.count, count);
	for (uint32_t rounds = 0; rounds < 2; rounds++) {
		sweeps = b.r->sweeps;
		list(q, rounds, &swept);
		assert_true(b.r->sweeps > sweeps);
		assert_int_equal(swept.count, count);
		assert_int_equal(swept.copies, walked.copies);
		assert_memory_equal(swept.order, walked.order,
				    count * sizeof(swept.order[0]));
	}
}

static void
whatever_way(void **state)
{
	static const uint32_t limits[] = {1, 7, 1000};

	(void)state;
	for (unsigned way = 0; way < 8; way++) {
		for (unsigned l = 0; l < 3; l++) {
			struct list_query q = {.sort = way / 2,
					       .reverse = way % 2,
					       .limit = limits[l]};

			kit_query(&q, "rare -iso:9");
			compare_ways(&q, RARE);
			kit_query(&q, "xyzzy");
			compare_ways(&q, 0);
			memset(&q.search, 0, sizeof(q.search));
			q.of_node = true;
			q.node = a.node;
			compare_ways(&q, RARE - 6);
		}
	}
}

/* What most photos are is found along the list, and swept for no page of it. */
static void
what_is_frequent_is_walked(void **state)
{
	static struct listed s;
	struct list_query q = {.limit = 100};
	uint64_t sweeps = b.r->sweeps;

	(void)state;
	kit_query(&q, "IMG");
	list(&q, WALK_ROUNDS_MIN, &s);
	assert_int_equal(s.count, PHOTOS - RARE);
	assert_int_equal(b.r->sweeps, sweeps);
}

/* Copies whose stream is being cleared away are in the tables, and not shown; and
 * they may be most of what there is.  So few sweeps get past them. */
static void
chosen_and_not_shown(void **state)
{
	static struct listed s;
	struct list_query q = {.limit = 4, .of_node = true, .node = a.node};
	uint64_t sweeps = b.r->sweeps;

	(void)state;
	assert_int_equal(sqlite3_exec(b.w->db, "UPDATE stream SET role = 0",
				      NULL, NULL, NULL), SQLITE_OK);
	assert_true(sqlite3_changes(b.w->db) > 0);
	list(&q, 0, &s);
	assert_int_equal(s.count, 0);
	assert_int_equal(b.r->sweeps, sweeps + 1);
	q.of_node = false;
	kit_query(&q, "IMG");
	list(&q, 0, &s);
	assert_int_equal(s.count, 0);
	/* Of 4, 32, 256, 2048 and more. */
	assert_int_equal(b.r->sweeps, sweeps + 1 + 5);
}

/* Behind a change of format, and while much comes in, most orders have no index:
 * a page of them is swept too, and no more is kept than it takes. */
static void
without_an_index(void **state)
{
	static struct listed indexed, swept;
	struct list_query q = {.limit = 100};

	(void)state;
	for (unsigned way = 0; way < 2 * LIST_SORTS; way++) {
		uint64_t sweeps = b.r->sweeps;
		bool taken = way / 2 == SORT_TAKEN;

		q.sort = way / 2;
		q.reverse = way % 2;
		list(&q, WALK_ROUNDS_MIN, &indexed);
		assert_int_equal(b.r->sweeps, sweeps);
		assert_int_equal(sqlite3_exec(b.w->db,
					      "DROP INDEX photo_name;"
					      "DROP INDEX photo_size;"
					      "DROP INDEX photo_added;"
					      "DROP INDEX photo_wasted;",
					      NULL, NULL, NULL), SQLITE_OK);
		list(&q, WALK_ROUNDS_MIN, &swept);
		assert_int_equal(b.r->sweeps - sweeps,
				 taken ? 0 : (indexed.count + q.limit - 1) / q.limit + 1);
		assert_int_equal(swept.count, indexed.count);
		assert_int_equal(swept.copies, indexed.copies);
		assert_memory_equal(swept.order, indexed.order,
				    indexed.count * sizeof(swept.order[0]));
		index_later(b.w);
		writer_rest(b.w);
	}
}

/* ---- counting by time -------------------------------------------------- */

struct times {
	enum timeline_by by;
	uint32_t count;
	struct timeline_time t[PHOTOS];
};

static bool
on_time(void *arg, const struct timeline_time *t)
{
	struct times *all = arg;

	assert_true(all->count < PHOTOS);
	all->t[all->count++] = *t;
	return true;
}

/* Out of the list: the newest come first, an hour further west. */
static bool
on_listed(void *arg, const struct photo_row *row)
{
	struct times *all = arg;
	struct civil c = civil_of(row->date_ns / 1000000 - 3600000);
	int32_t day = civil_day(c.year, all->by == BY_YEAR ? 1 : c.month,
				all->by == BY_DAY ? c.day : 1);

	assert_int_equal(row->dated, DATE_MTIME);
	if (all->count == 0 || all->t[all->count - 1].day != day)
		all->t[all->count++] = (struct timeline_time){.day = day};
	all->t[all->count - 1].photos++;
	all->t[all->count - 1].bytes += row->photo.size;
	return true;
}

static void
timelines(void **state)
{
	static const char *const queries[] = {
		"", "rare", "xyzzy", "IMG size:>2k", "taken:1972",
		"taken:1971-03 rare", "taken:>1970-06 IMG", "-taken:1971"};
	static struct times want, got;
	uint64_t sweeps;

	(void)state;
	for (unsigned n = 0; n < 3 * sizeof(queries) / sizeof(*queries); n++) {
		struct list_query q = {.limit = PHOTOS};

		kit_query(&q, queries[n / 3]);
		want = (struct times){.by = n % 3};
		b.r->walk_rounds_min = UINT32_MAX;
		assert_int_equal(reader_list(b.r, &q, on_listed, &want, NULL),
				 0);
		/* Swept at once, given up after a round, and walked. */
		for (unsigned way = 0; way < 3; way++) {
			bool walks = strncmp(queries[n / 3], "taken", 5) == 0;

			b.r->walk_rounds_min = way < 2 ? way : UINT32_MAX;
			sweeps = b.r->sweeps;
			got.count = 0;
			assert_int_equal(reader_timeline(b.r, &q, want.by,
							 -3600, PHOTOS, on_time,
							 &got, NULL), 0);
			assert_int_equal(got.count, want.count);
			assert_memory_equal(got.t, want.t,
					    want.count * sizeof(*want.t));
			if (way != 1)
				assert_int_equal(b.r->sweeps - sweeps,
						 way == 0 || !walks);
		}
		/* The newest of them. */
		got.count = 0;
		assert_int_equal(reader_timeline(b.r, &q, want.by, -3600, 1,
						 on_time, &got, NULL), 0);
		assert_int_equal(got.count, want.count > 0);
		assert_memory_equal(got.t, want.t,
				    got.count * sizeof(*want.t));
	}
}

/* Of a stretch of time only that is read; of all time everything once. */
static void
time_is_walked_where_it_is_short(void **state)
{
	static struct times got;
	struct list_query q = {0};
	uint64_t sweeps = b.r->sweeps;

	(void)state;
	b.r->walk_rounds_min = 1;
	kit_query(&q, "taken:1971-03-04");
	assert_int_equal(reader_timeline(b.r, &q, BY_DAY, 0, 9, on_time, &got,
					 NULL), 0);
	assert_int_equal(b.r->sweeps, sweeps);
	kit_query(&q, "taken:>1969");
	assert_int_equal(reader_timeline(b.r, &q, BY_DAY, 0, 9, on_time, &got,
					 NULL), 0);
	assert_int_equal(b.r->sweeps, sweeps + 1);
}

/* Whatever dates there are, and however they come, the newest are kept. */
static void
too_many_stretches(void **state)
{
	struct stretches s;
	uint64_t day = 0;

	(void)state;
	for (uint32_t step = 1; step < 99999; step += 99997) {
		stretches_init(&s, 50);
		for (uint32_t i = 0; i < 100003; i++, day += step)
			for (unsigned k = 0; k <= day % 100003 % 3; k++)
				assert_int_equal(stretches_add(
					&s, (int32_t)(day % 100003) - 50000,
					k), 0);
		assert_true(s.capacity <= 2048);
		assert_int_equal(stretches_end(&s), 50);
		for (uint32_t i = 0; i < 50; i++) {
			uint32_t n = 100002 - i;

			assert_int_equal(s.slots[i].day, (int32_t)n - 50000);
			assert_int_equal(s.slots[i].photos, n % 3 + 1);
			assert_int_equal(s.slots[i].bytes, n % 3 * (n % 3 + 1)
							   / 2);
		}
		stretches_release(&s);
	}
	stretches_init(&s, 1);
	assert_int_equal(stretches_end(&s), 0);
	stretches_release(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_way),
		cmocka_unit_test(what_is_frequent_is_walked),
		cmocka_unit_test(without_an_index),
		cmocka_unit_test(timelines),
		cmocka_unit_test(time_is_walked_where_it_is_short),
		cmocka_unit_test(too_many_stretches),
		/* Last: it does away with a stream. */
		cmocka_unit_test(chosen_and_not_shown),
	};

	return cmocka_run_group_tests(tests, setup, boxes_end);
}
