/*
 * The own stream: numbers, withdrawals, dates of adding, new lives, and what
 * a failing disk or a damaged file leaves behind.
 */
#include "test_catalogue_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "query_private.h"
#include "schema.h"

static struct box a;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	return 0;
}

static void
facts_keep_their_number(void **state)
{
	struct own_file f[3] = {kit_copy(1, "x/a.jpg", 1),
				kit_copy(1, "x/b.jpg", 2),
				kit_copy(1, "c.jpg", 1)};
	uint64_t head;

	(void)state;
	box_own(&a, f, 3, 100);
	head = box_own_report(&a).point.cursor;
	assert_int_equal(head, 3);
	assert_true(a.result.changed);
	assert_int_equal(a.result.news_count, 2);
	assert_int_equal(box_copies(&a, 1), 2);
	box_own(&a, f, 3, 200);
	assert_int_equal(box_own_report(&a).point.cursor, head);
	assert_false(a.result.changed);
	assert_int_equal(box_added(&a, 1), 100);
	f[0].copy.mtime_ns++;
	box_own(&a, f, 3, 300);
	assert_int_equal(box_own_report(&a).point.cursor, head + 1);
	assert_int_equal(box_own_report(&a).rows, 3);
	assert_int_equal(box_added(&a, 1), 100);
}

static void
withdrawn_leaves_a_tombstone(void **state)
{
	struct own_file f = kit_copy(1, "a.jpg", 1), g = kit_gone(1, "a.jpg");

	(void)state;
	box_own(&a, &f, 1, 1);
	box_own(&a, &g, 1, 2);
	assert_int_equal(box_photos(&a), 0);
	assert_int_equal(box_own_report(&a).rows, 1);
	assert_int_equal(box_own_report(&a).point.cursor, 2);
	assert_int_equal(a.result.news_count, 1);
	assert_false(a.result.news[0].added);
	assert_string_equal(a.result.news[0].name, "a.jpg");
	box_own(&a, &g, 1, 3);
	assert_int_equal(box_own_report(&a).point.cursor, 2);
	box_own(&a, &f, 1, 4);
	assert_int_equal(box_photos(&a), 1);
	assert_int_equal(box_own_report(&a).rows, 1);
}

static void
rename_keeps_added(void **state)
{
	struct own_file f = kit_copy(1, "old.jpg", 1);
	struct own_file both[2] = {kit_gone(1, "old.jpg"),
				   kit_copy(1, "new.jpg", 1)};

	(void)state;
	box_own(&a, &f, 1, 100);
	box_own(&a, both, 2, 900);
	assert_int_equal(box_copies(&a, 1), 1);
	assert_int_equal(box_added(&a, 1), 100);
	/* Never missing in between: nothing came, nothing went. */
	assert_int_equal(a.result.news_count, 0);
}

static void
last_word_about_a_path_counts(void **state)
{
	struct own_file f[4] = {kit_gone(1, "a.jpg"), kit_copy(1, "a.jpg", 1),
				kit_copy(1, "b.jpg", 2), kit_gone(1, "b.jpg")};

	(void)state;
	box_own(&a, f, 4, 1);
	assert_int_equal(box_copies(&a, 1), 1);
	assert_int_equal(box_copies(&a, 2), 0);
}

static void
copy_turns_problem_and_back(void **state)
{
	struct own_file f = kit_copy(1, "a.jpg", 1);
	struct own_file p = kit_problem(1, "a.jpg");
	struct own_file n = kit_ignored(1, "a.jpg");
	struct known_file k;
	struct root_id root = kit_root(1);
	bool found;
	static const char live[] = "SELECT count(*) FROM record"
				   " WHERE dead = 0 AND kind = 4";

	(void)state;
	box_own(&a, &f, 1, 1);
	box_own(&a, &p, 1, 2);
	assert_int_equal(box_photos(&a), 0);
	assert_int_equal(box_count(&a, live), 1);
	box_own(&a, &f, 1, 3);
	assert_int_equal(box_photos(&a), 1);
	assert_int_equal(box_count(&a, live), 0);
	f.also_problem = true;
	f.problem = p.problem;
	box_own(&a, &f, 1, 4);
	assert_int_equal(box_photos(&a), 1);
	assert_int_equal(box_count(&a, live), 1);
	f.also_problem = false;
	box_own(&a, &f, 1, 5);
	assert_int_equal(box_count(&a, live), 0);
	box_own(&a, &n, 1, 6);
	assert_int_equal(box_photos(&a), 0);
	assert_int_equal(reader_known_file(a.r, &root, "a.jpg", 5, &k, &found,
					   NULL), 0);
	assert_true(found);
	assert_int_equal(k.verdict, OWN_IGNORED);
	n = kit_gone(1, "a.jpg");
	box_own(&a, &n, 1, 7);
	assert_int_equal(reader_known_file(a.r, &root, "a.jpg", 5, &k, &found,
					   NULL), 0);
	assert_false(found);
}

static bool
is_known(const char *path)
{
	struct root_id root = kit_root(1);
	struct known_file k;
	bool found;

	assert_int_equal(reader_known_file(a.r, &root, path, strlen(path), &k,
					   &found, NULL), 0);
	return found;
}

static void
what_is_held_stays_as_it_was(void **state)
{
	struct own_file f[] = {kit_copy(1, "a.jpg", 1), kit_copy(1, "b.jpg", 2)};
	struct own_file gone = kit_gone(1, "a.jpg");
	struct write_result result;
	struct own_batch second = {.files = &f[1], .file_count = 1};
	struct own_batch third = {.files = &gone, .file_count = 1};

	(void)state;
	box_own(&a, &f[0], 1, 1);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	assert_true(is_known("a.jpg"));
	assert_int_equal(writer_own(a.w, &second, 2, &result, NULL), 0);
	assert_int_equal(writer_own(a.w, &third, 3, &result, NULL), 0);
	assert_true(is_known("a.jpg"));
	assert_false(is_known("b.jpg"));
	reader_let_go(a.r);
	assert_false(is_known("a.jpg"));
	assert_true(is_known("b.jpg"));
	/* Nothing is left open behind it. */
	box_check(&a);
	assert_int_equal(reader_hold(a.r, NULL), 0);
	reader_let_go(a.r);
}

static void
rest_loses_nothing(void **state)
{
	struct own_file f = kit_copy(1, "a.jpg", 1);

	(void)state;
	box_own(&a, &f, 1, 1);
	writer_rest(a.w);
	reader_rest(a.r);
	assert_int_equal(box_copies(&a, 1), 1);
	f = kit_copy(1, "b.jpg", 1);
	box_own(&a, &f, 1, 2);
	assert_int_equal(box_copies(&a, 1), 2);
}

static void
root_and_node_records_do_not_churn(void **state)
{
	uint64_t head;

	(void)state;
	box_name(&a);
	box_root(&a, 1, false);
	head = box_own_report(&a).point.cursor;
	box_name(&a);
	box_root(&a, 1, false);
	assert_int_equal(box_own_report(&a).point.cursor, head);
	box_root(&a, 1, true);
	assert_int_equal(box_own_report(&a).point.cursor, head + 1);
	/* Complete stays complete within a life. */
	box_root(&a, 1, false);
	assert_int_equal(box_own_report(&a).point.cursor, head + 1);
}

static void
hard_links_count_once(void **state)
{
	struct own_file f[2] = {kit_copy(1, "a.jpg", 1),
				kit_copy(1, "b.jpg", 1)};

	(void)state;
	memcpy(f[1].copy.file, f[0].copy.file, 8);
	box_own(&a, f, 2, 1);
	assert_int_equal(box_copies(&a, 1), 1);
}

static void
new_life_when_runs_differ(void **state)
{
	struct own_file f[2] = {kit_copy(1, "a.jpg", 1),
				kit_copy(1, "b.jpg", 2)};
	struct own_file g = kit_gone(1, "a.jpg");
	uint64_t generation;
	char path[100];

	(void)state;
	box_own(&a, f, 2, 1);
	box_own(&a, &g, 1, 2);
	box_root(&a, 1, true);
	generation = box_own_report(&a).stream.generation;
	box_reopen(&a, false);
	assert_int_equal(a.found, WRITER_KEPT);
	assert_int_equal(box_own_report(&a).stream.generation, generation);
	assert_int_equal(box_own_report(&a).rows, 3);
	snprintf(path, sizeof(path), "%s/run", a.dir);
	unlink(path);
	box_reopen(&a, false);
	box_check(&a);
	assert_true(box_own_report(&a).stream.generation > generation);
	assert_int_equal(box_own_report(&a).rows, 2);
	assert_int_equal(box_own_report(&a).point.cursor, 2);
	assert_int_equal(box_photos(&a), 1);
	generation = box_own_report(&a).stream.generation;
	box_reopen(&a, true);
	assert_true(box_own_report(&a).stream.generation > generation);
	assert_int_equal(writer_begin_generation(a.w, generation, &a.result,
						 &a.why), -1);
	assert_int_equal(writer_begin_generation(a.w, generation + 9,
						 &a.result, &a.why), 0);
	box_check(&a);
	assert_int_equal(a.result.own.stream.generation, generation + 9);
}

static void
new_life_in_another_file(void **state)
{
	struct own_file f = kit_copy(1, "a.jpg", 1);
	uint64_t generation;
	char command[900];

	(void)state;
	box_own(&a, &f, 1, 1);
	generation = box_own_report(&a).stream.generation;
	box_close(&a);
	/* As a backup puts it back: all of it, `run` too, and in its place. */
	snprintf(command, sizeof(command),
		 "mkdir %s/b && cp -a %s/run %s/catalogue.db* %s/b && "
		 "rm %s/catalogue.db* && mv %s/b/* %s && rmdir %s/b",
		 a.dir, a.dir, a.dir, a.dir, a.dir, a.dir, a.dir, a.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(&a, false), 0);
	assert_int_equal(a.found, WRITER_KEPT);
	assert_true(box_own_report(&a).stream.generation > generation);
	/* ... and is the one that was left here from then on. */
	generation = box_own_report(&a).stream.generation;
	box_reopen(&a, false);
	assert_int_equal(box_own_report(&a).stream.generation, generation);
	box_check(&a);
}

static void
fifo_for_the_run_does_not_hang(void **state)
{
	uint64_t generation = box_own_report(&a).stream.generation;
	char path[100];

	(void)state;
	box_close(&a);
	snprintf(path, sizeof(path), "%s/run", a.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_int_equal(box_open(&a, false), 0);
	alarm(0);
	assert_true(box_own_report(&a).stream.generation > generation);
	generation = box_own_report(&a).stream.generation;
	box_reopen(&a, false);
	assert_int_equal(box_own_report(&a).stream.generation, generation);
}

static void
adopted_by_a_new_identity(void **state)
{
	struct own_file f[2] = {kit_copy(1, "a.jpg", 1),
				kit_copy(1, "b.jpg", 2)};
	struct stream_id old, fresh;

	(void)state;
	box_name(&a);
	box_own(&a, f, 2, 1);
	old = box_own_report(&a).stream;
	box_close(&a);
	memset(&a.node, 9, sizeof(a.node));
	assert_int_equal(box_open(&a, false), 0);
	assert_int_equal(a.found, WRITER_ADOPTED);
	box_check(&a);
	fresh = box_own_report(&a).stream;
	assert_true(node_id_equal(&fresh.node, &a.node));
	assert_int_equal(box_own_report(&a).rows, 3);
	assert_int_equal(box_held(&a, &old).rows, 3);
	assert_int_equal(box_held(&a, &old).point.base, 3);
	/* The same file on the same host, told twice. */
	assert_int_equal(box_copies(&a, 1), 1);
}

static void
damaged_file_is_kept_aside(void **state)
{
	struct own_file f = kit_copy(1, "a.jpg", 1);
	char path[100];
	int fd;

	(void)state;
	box_own(&a, &f, 1, 1);
	for (int n = 1; n <= 2; n++) {
		box_close(&a);
		snprintf(path, sizeof(path), "%s/catalogue.db", a.dir);
		fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, "rubbish rubbish!", 16, 0), 16);
		close(fd);
		assert_int_equal(box_open(&a, false), 0);
		assert_int_equal(a.found, WRITER_MOVED);
		box_check(&a);
		snprintf(path, sizeof(path), "%s/catalogue.corrupt-%d", a.dir,
			 n);
		assert_int_equal(access(path, F_OK), 0);
		box_own(&a, &f, 1, 1);
	}
}

/* Left open by a crash: opened at once, checked behind that. */
static void
damage_behind_the_header_is_found(void **state)
{
	static char paths[500][64];
	static struct own_file f[500];
	uint64_t generation;
	uint8_t rubbish[64];
	int64_t page, page_bytes;
	char path[100];
	sqlite3 *db;
	int fd;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		snprintf(paths[i], 64, "%u.jpg", i);
		f[i] = kit_copy(1, paths[i], i);
	}
	box_own(&a, f, 500, 1);
	generation = box_own_report(&a).stream.generation;
	page = box_count(&a, "SELECT rootpage FROM sqlite_schema"
			     " WHERE name = 'photo_time'");
	page_bytes = box_count(&a, "PRAGMA page_size");
	box_reopen(&a, false);
	assert_false(writer_unchecked(a.w));
	box_close(&a);
	snprintf(path, sizeof(path), "%s/catalogue.db", a.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE meta SET value = 0"
					  " WHERE key = 'clean'", NULL, NULL,
				      NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(box_open(&a, false), 0);
	assert_true(writer_unchecked(a.w));
	assert_int_equal(reader_check(a.r, &a.why), 1);
	/* Nobody has told the writer. */
	box_reopen(&a, false);
	assert_true(writer_unchecked(a.w));
	box_close(&a);
	memset(rubbish, 0xa5, sizeof(rubbish));
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish),
				(page - 1) * page_bytes), sizeof(rubbish));
	close(fd);
	assert_int_equal(box_open(&a, false), 0);
	assert_int_equal(a.found, WRITER_KEPT);
	assert_int_equal(reader_check(a.r, &a.why), 0);
	assert_true(reader_damaged(a.r));
	box_close(&a);
	assert_int_equal(writer_move_aside(a.dir, &a.why), 0);
	snprintf(path, sizeof(path), "%s/catalogue.corrupt-1", a.dir);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(box_open(&a, false), 0);
	assert_int_equal(a.found, WRITER_NEW);
	assert_false(writer_unchecked(a.w));
	assert_true(box_own_report(&a).stream.generation >= generation);
	box_check(&a);
}

static int64_t
pragma(sqlite3 *db, const char *name)
{
	char sql[64];
	sqlite3_stmt *st;
	int64_t n;

	snprintf(sql, sizeof(sql), "PRAGMA %s", name);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* Whose file it is, and that nothing in it is trusted. */
static void
opened_with_care(void **state)
{
	(void)state;
	assert_int_equal(pragma(a.w->db, "application_id"),
			 SCHEMA_APPLICATION_ID);
	assert_int_equal(pragma(a.w->db, "user_version"), SCHEMA_VERSION);
	assert_int_equal(pragma(a.w->db, "trusted_schema"), 0);
	assert_int_equal(pragma(a.w->db, "cell_size_check"), 1);
	assert_int_equal(pragma(a.r->db, "trusted_schema"), 0);
	assert_int_equal(pragma(a.r->db, "cell_size_check"), 1);
	assert_int_equal(pragma(a.r->db, "query_only"), 1);
	/* An owner's own rows wait for the disk. */
	box_own(&a, &(struct own_file){0}, 0, 1);
	assert_int_equal(pragma(a.w->db, "synchronous"), 2);
}

static void
newer_format_is_refused(void **state)
{
	(void)state;
	assert_int_equal(sqlite3_exec(a.w->db, "PRAGMA user_version=99", NULL,
				      NULL, NULL), SQLITE_OK);
	box_close(&a);
	assert_int_equal(box_open(&a, false), -1);
	assert_non_null(strstr(a.why.text, "newer version"));
}

/* Disk full at every page count from none to enough. */
static void
full_disk_changes_nothing(void **state)
{
	static char paths[3000][64];
	static struct own_file f[3000];
	struct own_batch batch = {.files = f, .file_count = 3000};
	struct stream_report before, after;
	char sql[64];
	int64_t pages;
	int r = -1;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(paths[i], 64, "%u/long enough a name/%u.jpg", i / 100,
			 i);
		f[i] = kit_copy(1, paths[i], i);
	}
	box_own(&a, f, 10, 1);
	sqlite3_exec(a.w->db, "PRAGMA cache_size=20", NULL, NULL, NULL);
	pages = box_count(&a, "PRAGMA page_count");
	for (unsigned step = 0; r == -1; step++) {
		before = box_own_report(&a);
		snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld",
			 (long long)pages + step * 60);
		sqlite3_exec(a.w->db, sql, NULL, NULL, NULL);
		r = writer_own(a.w, &batch, 5, &a.result, &a.why);
		after = box_own_report(&a);
		if (r == -1) {
			assert_false(a.result.changed);
			assert_int_equal(a.why.code, ENOSPC);
			assert_memory_equal(&before, &after, sizeof(after));
		}
		box_check(&a);
	}
	assert_int_equal(box_photos(&a), 3000);
}

struct seen {
	unsigned roots, files;
};

static void
on_root(void *arg, const struct root_id *id, const struct record_root *r)
{
	struct seen *s = arg;

	(void)id;
	assert_true(r->complete);
	s->roots++;
}

static bool
on_known(void *arg, const struct known_file *k, const char *path,
	 size_t path_bytes)
{
	struct seen *s = arg;

	(void)k;
	assert_memory_equal(path, "f", 1);
	assert_true(path_bytes == 2);
	s->files++;
	return true;
}

static void
on_node(void *arg, const struct mesh_memory *n)
{
	struct mesh_memory *out = arg;

	*out = *n;
}

static void
notes_come_back(void **state)
{
	struct own_file f[3] = {kit_copy(0xff, "f1", 1), kit_copy(0xff, "f2", 2),
				kit_copy(1, "g1", 3)};
	struct mesh_memory n = {.port = 5001, .address_count = 2,
				.last_heard_wall_ms = 77, .left = true}, got;
	struct root_id root = kit_root(0xff);
	struct seen s = {0};

	(void)state;
	box_own(&a, f, 3, 1);
	box_root(&a, 1, true);
	box_root(&a, 0xff, true);
	assert_int_equal(writer_each_own_root(a.w, on_root, &s, NULL), 0);
	assert_int_equal(s.roots, 2);
	assert_int_equal(reader_each_known(a.r, &root, on_known, &s, NULL), 0);
	assert_int_equal(s.files, 2);
	strcpy(n.name, "nas");
	strcpy(n.addresses[0].host, "fe80::1");
	n.addresses[0].port = 1;
	strcpy(n.addresses[1].host, "nas.local");
	n.addresses[1].port = 65535;
	assert_int_equal(writer_remember_node(a.w, &n, NULL), 0);
	box_reopen(&a, false);
	memset(&got, 0xee, sizeof(got));
	assert_int_equal(writer_each_node(a.w, on_node, &got, NULL), 0);
	assert_int_equal(got.address_count, 2);
	assert_string_equal(got.addresses[0].host, "fe80::1");
	assert_string_equal(got.addresses[1].host, "nas.local");
	assert_int_equal(got.addresses[1].port, 65535);
	assert_true(got.left);
	assert_int_equal(got.last_heard_wall_ms, 77);
}

static int
teardown_refused(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", a.dir);
	return system(command);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(facts_keep_their_number),
		T(withdrawn_leaves_a_tombstone),
		T(rename_keeps_added),
		T(last_word_about_a_path_counts),
		T(copy_turns_problem_and_back),
		T(what_is_held_stays_as_it_was),
		T(rest_loses_nothing),
		T(opened_with_care),
		T(root_and_node_records_do_not_churn),
		T(hard_links_count_once),
		T(new_life_when_runs_differ),
		T(new_life_in_another_file),
		T(fifo_for_the_run_does_not_hang),
		T(adopted_by_a_new_identity),
		T(damaged_file_is_kept_aside),
		T(damage_behind_the_header_is_found),
		cmocka_unit_test_setup_teardown(newer_format_is_refused, setup,
						teardown_refused),
		T(full_disk_changes_nothing),
		T(notes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
