/*
 * What a scan looks up of its files: in the order of the rows, in any other, and
 * while others write.  Whether a row was read ahead or looked up makes no
 * difference but to what it costs.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_private.h"

#define FILES 1200u

static struct box a;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	return 0;
}

static void
path_of(unsigned n, char out[64])
{
	/* Some are long: fewer of them fit into what is kept. */
	snprintf(out, 64, "%s/%05u.jpg",
		 n % 5 == 0 ? "a-long-name-of-a-directory-as-some-like" : "d",
		 n);
}

/* All files from `first` on, `step` apart, as of one size. */
static void
put(unsigned first, unsigned step, uint64_t size, int64_t wall_ms)
{
	static struct own_file files[FILES];
	static char paths[FILES][64];
	unsigned count = 0;

	for (unsigned n = first; n < FILES; n += step) {
		path_of(n, paths[count]);
		files[count] = kit_copy(1, paths[count], n);
		files[count++].size = size;
	}
	box_own(&a, files, count, wall_ms);
}

/* The row number, -1: not known. */
static int64_t
look_up(const char *path, uint64_t *size)
{
	const struct root_id root = kit_root(1);
	struct known_file k;
	bool found;

	assert_int_equal(reader_known_file(a.r, &root, path, strlen(path), &k,
					   &found, NULL), 0);
	*size = found ? k.size : 0;
	return found ? k.row : -1;
}

static void
assert_known(unsigned n, uint64_t size)
{
	char path[64];
	uint64_t is;

	path_of(n, path);
	/* In one transaction, so in this order, rows were made. */
	assert_int_equal(look_up(path, &is), n + 1);
	assert_int_equal(is, size);
}

/* How often a statement has run since it was asked last. */
static int
runs(enum reader_statement s)
{
	return sqlite3_stmt_status(a.r->st[s], SQLITE_STMTSTATUS_RUN, 1);
}

static void
in_their_order_few_are_looked_up(void **state)
{
	uint64_t size;

	(void)state;
	put(0, 1, 7, 1);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	(void)runs(R_KNOWN);
	for (unsigned n = 0; n < FILES; n += 2) { /* as two threads read them */
		if (n + 1 < FILES)
			assert_known(n + 1, 7);
		assert_known(n, 7);
	}
	assert_in_range(runs(R_KNOWN), 1, FILES / 20);
	assert_int_equal(look_up("d/none.jpg", &size), -1);
	reader_let_go(a.r);
}

static void
in_no_order_nothing_is_read_in_vain(void **state)
{
	(void)state;
	put(0, 1, 7, 1);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	(void)runs(R_KNOWN_AHEAD);
	for (unsigned n = 0; n < FILES; n++)
		assert_known(n * 541 % FILES, 7);
	assert_int_equal(runs(R_KNOWN_AHEAD), 0);
	reader_let_go(a.r);
}

static void
now_in_order_now_not(void **state)
{
	unsigned x = 1, n = 0;

	(void)state;
	put(0, 1, 7, 1);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	for (unsigned i = 0; i < 4 * FILES; i++) {
		x = x * 1103515245 + 12345;
		n = (x >> 16) % 40 == 0 ? (x >> 8) % FILES : n + 1;
		assert_known(n % FILES, 7);
	}
	reader_let_go(a.r);
}

static void
what_was_read_ahead_is_of_the_moment_held(void **state)
{
	struct own_file gone = kit_gone(1, "d/00031.jpg");
	uint64_t size;

	(void)state;
	put(0, 1, 7, 1);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	for (unsigned n = 0; n < 30; n++)
		assert_known(n, 7);
	reader_let_go(a.r);
	put(0, 3, 9, 2);
	box_own(&a, &gone, 1, 3);
	assert_int_equal(look_up("d/00031.jpg", &size), -1);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	for (unsigned n = 30; n < FILES; n++) {
		if (n == 31)
			assert_int_equal(look_up("d/00031.jpg", &size), -1);
		else
			assert_known(n, n % 3 == 0 ? 9 : 7);
	}
	reader_let_go(a.r);
}

struct sum {
	unsigned count, copies;
	uint64_t rows, bytes;
};

static bool
add(void *arg, int64_t row, uint8_t verdict, uint64_t size)
{
	struct sum *s = arg;

	s->count++;
	s->copies += verdict == OWN_COPY;
	s->rows += (uint64_t)row;
	s->bytes += size;
	return s->count < FILES;
}

static void
rows_are_those_of_files(void **state)
{
	const struct root_id root = kit_root(1), other = kit_root(2);
	struct own_file f[] = {kit_problem(1, ""), kit_problem(1, "p.jpg"),
			       kit_copy(2, "a.jpg", 1)};
	struct sum s = {0};

	(void)state;
	/* The root's own problem is no file. */
	box_own(&a, f, 3, 1);
	f[2].also_problem = true;
	f[2].size = 5;
	box_own(&a, &f[2], 1, 2);
	assert_int_equal(reader_known_rows(a.r, &root, add, &s, NULL), 0);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.copies, 0);
	s = (struct sum){0};
	assert_int_equal(reader_known_rows(a.r, &other, add, &s, NULL), 0);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.copies, 1);
	assert_int_equal(s.bytes, 5);
	/* Whoever has had enough stops it. */
	s = (struct sum){.count = FILES};
	put(0, 1, 7, 3);
	assert_int_equal(reader_known_rows(a.r, &root, add, &s, NULL), 0);
	assert_int_equal(s.count, FILES + 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(in_their_order_few_are_looked_up),
		T(in_no_order_nothing_is_read_in_vain),
		T(now_in_order_now_not),
		T(what_was_read_ahead_is_of_the_moment_held),
		T(rows_are_those_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
