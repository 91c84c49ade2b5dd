/*
 * Much that comes into an empty catalogue: what the writer then knows without
 * asking its tables, and the indexes that it makes only later.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hash.h"
#include "query_private.h"

#define LATE "SELECT count(*) FROM sqlite_schema WHERE name IN" \
	     " ('photo_name', 'photo_size', 'photo_added', 'photo_wasted')"
#define LATE_COUNT 4
#define FILES      600u
#define SORTS      5u

static struct box a, b;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 1, 1);
	return 0;
}

/* ---- one transaction or many ------------------------------------------- */

#define OPS   150u
#define PATHS 24u
#define PHOTOS 10u

static unsigned
draw(uint64_t *x, unsigned below)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (unsigned)(*x % below);
}

static struct own_file
any_change(uint64_t *x, char path[16])
{
	uint8_t root = (uint8_t)(1 + draw(x, 2));
	unsigned deed = draw(x, 8);
	struct own_file f;

	snprintf(path, 16, "%u.jpg", draw(x, PATHS));
	if (deed == 0)
		return kit_gone(root, path);
	if (deed == 1)
		return kit_problem(root, path);
	f = kit_copy(root, path, draw(x, PHOTOS));
	/* Another path of the same file, another time of it. */
	if (deed == 2)
		memset(f.copy.file, 7, sizeof(f.copy.file));
	if (deed == 3)
		f.mtime_ns = f.copy.mtime_ns -= draw(x, 3);
	return f;
}

/* Each change by itself, or up to `most` of them in one transaction: whatever
 * was found is shown, and the lists are one. */
static void
grouping_changes_nothing(void **state)
{
	static char paths[OPS][16];
	static struct own_file f[OPS];
	static struct own_batch batches[OPS];
	const struct own_batch *many[OPS];
	struct digest one, other;
	uint64_t x = 88172645463325252u;

	(void)state;
	for (unsigned most = 3; most <= 75; most *= 5) {
		for (unsigned i = 0; i < OPS; i++) {
			f[i] = any_change(&x, paths[i]);
			batches[i] = (struct own_batch){.files = &f[i],
							.file_count = 1};
			many[i] = &batches[i];
			assert_int_equal(writer_own(a.w, &batches[i], 1,
						    &a.result, &a.why), 0);
		}
		box_check(&a);
		for (unsigned i = 0, n; i < OPS; i += n) {
			n = 1 + draw(&x, most);
			if (n > OPS - i)
				n = OPS - i;
			assert_int_equal(writer_own_many(b.w, many + i, n, 1,
							 &b.result, &b.why),
					 0);
			box_check(&b);
		}
		assert_int_equal(box_photos(&a), box_photos(&b));
		one = box_merged(&a);
		other = box_merged(&b);
		assert_true(digest_equal(&one, &other));
		/* From an empty list again. */
		boxes_end(NULL);
		setup(NULL);
	}
}

/* ---- one row or many a statement ---------------------------------------- */

#define ROUNDS     12u
#define AT_ONCE    90u
#define NAMES      700u
#define KNOWN_SUM  "SELECT total(length(key) * verdict + size % 8191 +" \
		   " inode % 4093 + mtime % 2039) FROM known"

/* Mostly photos under names that are new, so that many are put down at once until
 * one is met that is not. */
static struct own_file
any_file(uint64_t *x, char path[16])
{
	uint8_t root = (uint8_t)(1 + draw(x, 2));
	unsigned deed = draw(x, 60);
	struct own_file f;

	snprintf(path, 16, "%u.jpg", draw(x, NAMES));
	if (deed == 0)
		return kit_gone(root, path);
	if (deed == 1)
		return kit_problem(root, path);
	if (deed == 2)
		return kit_ignored(root, path);
	f = kit_copy(root, path, draw(x, NAMES / 2));
	f.also_problem = deed == 3;
	f.problem.code = PROBLEM_TRUNCATED;
	f.inode = draw(x, 5) == 0 ? draw(x, 9) : f.inode;
	return f;
}

/* Rows without a note may stem from a former life. */
static void
forget_notes(struct box *box)
{
	assert_int_equal(sqlite3_exec(box->w->db,
				      "DELETE FROM known WHERE key IN (SELECT"
				      " key FROM known ORDER BY key LIMIT 20)",
				      NULL, NULL, NULL), SQLITE_OK);
}

/* Each file by itself, or up to 90 in a batch; and a peer that is told of them in
 * pages, of what is new and what stands in the place of something: all three have
 * the same. */
static void
many_at_a_time_change_nothing(void **state)
{
	static char paths[AT_ONCE][16];
	static struct own_file f[AT_ONCE];
	uint64_t x = 0x9e3779b97f4a7c15u;
	struct digest one, other, told;
	struct box c;

	(void)state;
	box_start(&c, 2, 2);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = 1 + draw(&x, AT_ONCE);
		struct stream_report own;

		for (unsigned i = 0; i < count; i++) {
			f[i] = any_file(&x, paths[i]);
			box_own(&a, &f[i], 1, 1);
		}
		box_own(&b, f, count, 1);
		own = box_own_report(&b);
		/* The head is the newest of its records. */
		assert_int_equal(own.point.cursor,
				 box_count(&b, "SELECT max(seq) FROM record"));
		box_pull(&c, &b, &own.stream, PULL_OWNER);
		box_check(&c);
		one = box_merged(&a);
		other = box_merged(&b);
		told = box_merged(&c);
		assert_true(digest_equal(&one, &other));
		assert_true(digest_equal(&one, &told));
		assert_int_equal(box_photos(&a), box_photos(&b));
		assert_int_equal(box_count(&a, KNOWN_SUM),
				 box_count(&b, KNOWN_SUM));
		if (round % 4 == 3) {
			forget_notes(&a);
			forget_notes(&b);
		}
	}
	box_end(&c);
}

/* What a transaction shows that fails is not there for the next one. */
static void
what_failed_was_not_shown(void **state)
{
	struct own_file f[3] = {kit_copy(1, "a.jpg", 1),
				kit_copy(1, "b.jpg", 1),
				kit_copy(1, "c\0d.jpg", 2)};
	struct own_batch batch = {.files = f, .file_count = 3};

	(void)state;
	f[2].path_bytes = 7; /* not lawful */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(writer_own(a.w, &batch, 1, &a.result,
					    &a.why), -1);
		box_check(&a);
		assert_int_equal(box_photos(&a), 0);
	}
	box_own(&a, f, 2, 1);
	assert_int_equal(box_copies(&a, 1), 2);
	f[0] = kit_gone(1, "a.jpg");
	box_own(&a, f, 1, 2);
	assert_int_equal(box_copies(&a, 1), 1);
}

/* ---- what is taken for "already there" --------------------------------- */

/* True once. */
static void
no_longer(sqlite3_context *c, int count, sqlite3_value **v)
{
	bool *first = sqlite3_user_data(c);

	(void)count;
	(void)v;
	sqlite3_result_int(c, *first);
	*first = false;
}

/* Another constraint than that each is there once stops rows of `table`, in the
 * midst of a statement of many: that is a failure, and nothing was written. */
static void
stopped_by_another(const char *table)
{
	static char paths[40][16];
	static struct own_file f[40];
	struct own_batch batch = {.files = f, .file_count = 40};
	bool first = true;
	char sql[256];

	for (unsigned i = 0; i < 40; i++) {
		snprintf(paths[i], sizeof(paths[i]), "s%u.jpg", i);
		f[i] = kit_copy(1, paths[i], i);
	}
	snprintf(sql, sizeof(sql), "CREATE TEMP TRIGGER odd BEFORE INSERT ON"
		 " main.%s WHEN substr(new.key, 9) = CAST('s21.jpg' AS BLOB)"
		 " AND no_longer() BEGIN SELECT RAISE(FAIL, 'odd'); END",
		 table);
	assert_int_equal(sqlite3_create_function(a.w->db, "no_longer", 0,
						 SQLITE_UTF8, &first,
						 no_longer, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_exec(a.w->db, sql, NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(writer_own(a.w, &batch, 1, &a.result, &a.why), -1);
	assert_false(first);
	assert_non_null(strstr(a.why.text, "odd"));
	box_check(&a);
	assert_int_equal(box_photos(&a), 0);
	assert_int_equal(box_count(&a, "SELECT count(*) FROM known"), 0);
	assert_int_equal(sqlite3_exec(a.w->db, "DROP TRIGGER temp.odd", NULL,
				      NULL, NULL), SQLITE_OK);
	box_own(&a, f, 40, 1);
	assert_int_equal(box_photos(&a), 40);
}

static void
notes_stopped_by_another(void **state)
{
	(void)state;
	stopped_by_another("known");
}

static void
records_stopped_by_another(void **state)
{
	(void)state;
	stopped_by_another("record");
}

/* ---- the indexes ------------------------------------------------------- */

static void
add_files(struct box *box, unsigned first, unsigned count)
{
	static char paths[FILES][16];
	static struct own_file f[FILES];

	for (unsigned i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%05u.jpg",
			 (first + i) * 7919 % 99991);
		f[i] = kit_copy(1, paths[i], first + i);
	}
	box_own(box, f, count, 1 + first);
}

static bool
on_photo(void *arg, const struct photo_row *p)
{
	struct digest d = hash_bytes(&p->photo, sizeof(p->photo)), *sum = arg;

	/* The order counts. */
	sum->low = sum->low * 31 + d.low;
	sum->high = sum->high * 31 + d.high;
	return true;
}

static struct digest
listed(struct box *box, unsigned sort, bool reverse)
{
	static struct list_query q;
	struct digest sum = {0};

	q.limit = 100;
	q.sort = (enum list_sort)sort;
	q.reverse = reverse;
	assert_int_equal(reader_list(box->r, &q, on_photo, &sum, NULL), 0);
	return sum;
}

/* With the indexes and without, to readers that began without, lists are alike. */
static void
lists_are_right_without_indexes(void **state)
{
	struct digest before[SORTS][2], after;

	(void)state;
	add_files(&a, 0, FILES);
	assert_int_equal(box_count(&a, LATE), 0);
	for (unsigned s = 0; s < SORTS; s++)
		for (unsigned r = 0; r < 2; r++)
			before[s][r] = listed(&a, s, r);
	writer_rest(a.w);
	assert_int_equal(box_count(&a, LATE), LATE_COUNT);
	box_check(&a);
	for (unsigned s = 0; s < SORTS; s++) {
		for (unsigned r = 0; r < 2; r++) {
			after = listed(&a, s, r);
			assert_true(digest_equal(&before[s][r], &after));
		}
	}
	add_files(&a, FILES, 10);
	assert_int_equal(reader_check(a.r, &a.why), 1);
}

/* Who never rests has them all the same. */
static void
indexes_come_after_a_while(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 1000 && box_count(&a, LATE) < LATE_COUNT; i++)
		add_files(&a, i, 1);
	assert_in_range(i, 10, 300);
	assert_int_equal(reader_check(a.r, &a.why), 1);
}

/* Killed in the midst of a first scan: the next start makes what is missing, all
 * of it or what is left. */
static void
next_start_makes_what_is_missing(void **state)
{
	for (unsigned made = 0; made < LATE_COUNT; made++) {
		char command[128];
		int status;
		pid_t pid;

		box_close(&a);
		snprintf(command, sizeof(command), "rm -rf %s/*", a.dir);
		assert_int_equal(system(command), 0);
		a.newborn = true;
		if ((pid = fork()) == 0) {
			if (box_open(&a, false) == -1)
				_exit(1);
			add_files(&a, 0, FILES);
			for (unsigned i = 0; i < made; i++)
				if (index_make(a.w) != 1)
					_exit(1);
			if (box_count(&a, LATE) != made)
				_exit(1);
			_exit(0); /* nothing is closed */
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		a.run++; /* as the child did */
		a.newborn = false;
		assert_int_equal(box_open(&a, false), 0);
		assert_int_equal(box_count(&a, LATE), LATE_COUNT);
		assert_int_equal(box_photos(&a), FILES);
		box_check(&a);
		assert_int_equal(reader_check(a.r, &a.why), 1);
		boxes_end(state);
		setup(state);
	}
}

/* ---- the log ------------------------------------------------------------ */

static int64_t
log_bytes(const struct box *x)
{
	char path[96];
	struct stat is;

	snprintf(path, sizeof(path), "%s/catalogue.db-wal", x->dir);
	return stat(path, &is) == 0 ? is.st_size : -1;
}

/* One transaction may log more than is kept of a log: its room on the disk is
 * given back when there is nothing to do, but no reader is waited for. */
static void
long_log_is_cut_at_rest(void **state)
{
	static const char much[] =
		"CREATE TABLE much(bytes BLOB);"
		"INSERT INTO much SELECT randomblob(1000000) FROM"
		" (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i + 1 FROM n WHERE i < 90) SELECT i FROM n);";
	struct own_file f = kit_copy(1, "1.jpg", 1);

	(void)state;
	box_own(&a, &f, 1, 1);
	assert_int_equal(sqlite3_exec(a.r->db,
				      "BEGIN; SELECT count(*) FROM photo",
				      NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(a.w->db, much, NULL, NULL, NULL),
			 SQLITE_OK);
	writer_rest(a.w);
	assert_true(log_bytes(&a) > 80000000);
	assert_int_equal(sqlite3_exec(a.r->db, "COMMIT", NULL, NULL, NULL),
			 SQLITE_OK);
	writer_rest(a.w);
	assert_int_equal(log_bytes(&a), 0);
	box_check(&a);
	/* A short one costs nothing to keep. */
	f = kit_copy(1, "2.jpg", 2);
	box_own(&a, &f, 1, 1);
	writer_rest(a.w);
	assert_true(log_bytes(&a) > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(grouping_changes_nothing),
		T(many_at_a_time_change_nothing),
		T(what_failed_was_not_shown),
		T(notes_stopped_by_another),
		T(records_stopped_by_another),
		T(lists_are_right_without_indexes),
		T(indexes_come_after_a_while),
		T(next_start_makes_what_is_missing),
		T(long_log_is_cut_at_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
