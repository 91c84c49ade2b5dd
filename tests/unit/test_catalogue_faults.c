/*
 * The catalogue dies at every write, loses its power at every write, and
 * meets an I/O error at every call: no number is used twice, none is above the
 * head, row and head agree, and nothing was announced that is not durable.
 *
 * One scenario of own changes, a replica's pages, a checkpoint and a new
 * generation is played once in peace: what is reported after each of its steps
 * is the only truth there is.  Then it is played again and again, each time
 * with the next call as the one that fails, until a play meets none.  Whoever
 * died must be found in the state after its last reported step or after the one
 * under way, and in nothing between.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame.h"
#include "message.h"
#include "test_catalogue_faulty.h"

#define PAGES              2u
#define FOREIGN_ROWS       6u
#define FIRST_RUN          (UINT64_C(1) << 40)
#define FOREIGN_PATH_BYTES 3500u

enum step {
	STEP_OPEN,
	STEP_ADD,
	STEP_PAGE,
	STEP_CHANGE,
	STEP_PAGE_AGAIN,
	STEP_CHECKPOINT,
	STEP_ADD_MORE,
	STEP_GENERATION,
	STEP_LAST,
	STEPS,
};

struct state {
	struct stream_report own, held;
};

static struct stream_id foreign;
static uint8_t frames[PAGES][FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
static size_t frame_bytes[PAGES];
static struct state peace[STEPS];

/* ---- what every play begins with -------------------------------------- */

static const char *const kept_names[] = {"catalogue.db", "run"};
static struct {
	uint8_t bytes[1 << 20];
	size_t count;
} kept[2];

static void
keep(const char *dir)
{
	for (unsigned i = 0; i < 2; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, kept_names[i]);
		f = fopen(path, "rb");
		assert_non_null(f);
		kept[i].count = fread(kept[i].bytes, 1, sizeof(kept[i].bytes),
				      f);
		assert_true(kept[i].count > 0 &&
			    kept[i].count < sizeof(kept[i].bytes));
		fclose(f);
	}
}

/* A box on a fresh copy.  In memory when that can be had: hundreds of them
 * sync at every step, and it is not the disk that is on trial. */
static void
begin(struct box *b)
{
	memset(b, 0, sizeof(*b));
	strcpy(b->dir, access("/dev/shm", W_OK) == 0
			       ? "/dev/shm/photomesh-cat-XXXXXX"
			       : "/tmp/photomesh-cat-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	for (unsigned i = 0; i < 2; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", b->dir, kept_names[i]);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(kept[i].bytes, 1, kept[i].count, f),
				 kept[i].count);
		fclose(f);
	}
	memset(&b->node, 1, sizeof(b->node));
	memset(&b->host, 1, sizeof(b->host));
	b->run = FIRST_RUN;
}

static void
finish(struct box *b)
{
	static const char *const names[] = {
		"catalogue.db", "catalogue.db-wal", "catalogue.db-shm", "run",
		"run.new"};

	box_close(b);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		(void)unlink(path);
	}
	/* Fails when anything else was left there. */
	assert_int_equal(rmdir(b->dir), 0);
}

/* ---- the scenario ----------------------------------------------------- */

/* -1 when the page could not be stored. */
static int
store(struct box *b, unsigned page)
{
	struct message_decoder *d = message_decoder_new();
	struct mesh_store store = {.stream = foreign};
	struct message m;
	int r;

	assert_int_equal(message_decode(d, frames[page] + FRAME_HEADER_BYTES,
					frame_bytes[page] - FRAME_HEADER_BYTES,
					&m, NULL),
			 MESSAGE_OK);
	store.point.cursor = m.u.batch.through;
	store.at_head = page == PAGES - 1;
	if (store.at_head)
		store.point.base = store.point.cursor;
	r = writer_store(b->w, &store, &m.u.batch, &b->result, &b->why);
	message_decoder_free(d);
	return r;
}

static int
own(struct box *b, const struct own_file *f, size_t count)
{
	struct own_batch batch = {.files = f, .file_count = count};

	return writer_own(b->w, &batch, 1, &b->result, &b->why);
}

/* 0 when it is done, -1 when the disk would not. */
static int
play(struct box *b, enum step step)
{
	struct own_file add[4] = {kit_copy(1, "a", 11), kit_copy(1, "b", 12),
				  kit_problem(1, "c"), kit_copy(1, "d", 1)};
	struct own_file change[3] = {kit_copy(1, "a", 13), kit_gone(1, "b"),
				     kit_copy(1, "bb", 12)};
	struct own_file more = kit_copy(1, "e", 14);
	struct own_file last = kit_gone(1, "a");

	switch (step) {
	case STEP_OPEN:
		return box_open(b, false);
	case STEP_ADD:
		return own(b, add, 4);
	case STEP_PAGE:
		return store(b, 0);
	case STEP_CHANGE:
		return own(b, change, 3);
	case STEP_PAGE_AGAIN:
		return store(b, 1);
	case STEP_CHECKPOINT:
		writer_checkpoint(b->w);
		return 0;
	case STEP_ADD_MORE:
		return own(b, &more, 1);
	case STEP_GENERATION:
		return writer_begin_generation(b->w, 7000000, &b->result,
					       &b->why);
	case STEP_LAST:
		return own(b, &last, 1);
	case STEPS:
		break;
	}
	return -1;
}

static void
look(struct box *b, struct state *out)
{
	memset(out, 0, sizeof(*out));
	out->own = box_own_report(b);
	out->held = box_held(b, &foreign);
}

static bool
same(const struct stream_report *a, const struct stream_report *b)
{
	return stream_id_equal(&a->stream, &b->stream) &&
	       a->point.base == b->point.base &&
	       a->point.cursor == b->point.cursor && a->rows == b->rows &&
	       digest_equal(&a->digest, &b->digest);
}

/* Two pages of another node's stream, as they would come over a link. */
static void
pack_pages(void)
{
	static char paths[FOREIGN_ROWS][FOREIGN_PATH_BYTES + 1];
	static struct own_file f[FOREIGN_ROWS];
	struct message_decoder *d = message_decoder_new();
	uint64_t after = 0;
	struct message m;
	struct box other;
	bool found;

	box_start(&other, 2, 2);
	for (unsigned i = 0; i < FOREIGN_ROWS; i++) {
		memset(paths[i], 'a' + (int)i, FOREIGN_PATH_BYTES);
		f[i] = kit_copy(2, paths[i], i);
	}
	box_own(&other, f, FOREIGN_ROWS, 1);
	foreign = box_own_report(&other).stream;
	for (unsigned page = 0; page < PAGES; page++) {
		assert_int_equal(reader_page(other.r, &foreign, after,
					     PULL_CREDIT_MIN, 7, frames[page],
					     &frame_bytes[page], &found, NULL),
				 0);
		assert_int_equal(message_decode(
					 d, frames[page] + FRAME_HEADER_BYTES,
					 frame_bytes[page] - FRAME_HEADER_BYTES,
					 &m, NULL),
				 MESSAGE_OK);
		after = m.u.batch.through;
		/* The last page, and only that, reaches the head. */
		assert_int_equal(after == m.u.batch.point.cursor,
				 page == PAGES - 1);
	}
	message_decoder_free(d);
	box_end(&other);
}

static int
prepare(void **state)
{
	struct box b;

	(void)state;
	faulty_install();
	pack_pages();
	box_start(&b, 1, 1);
	box_name(&b);
	box_root(&b, 1, true);
	box_close(&b); /* all is in one file now */
	keep(b.dir);
	assert_int_equal(box_open(&b, false), 0);
	box_end(&b);
	begin(&b);
	for (enum step s = 0; s < STEPS; s++) {
		assert_int_equal(play(&b, s), 0);
		box_check(&b);
		look(&b, &peace[s]);
	}
	finish(&b);
	return 0;
}

/* ---- death ------------------------------------------------------------ */

/* In a process of its own: say which steps were reported; it may die. */
static void
child(struct box *b, enum faulty_mode mode, unsigned nth, int out)
{
	faulty_arm(mode, nth);
	for (enum step s = 0; s < STEPS; s++) {
		uint8_t done = (uint8_t)s;

		if (play(b, s) == -1)
			_exit(1);
		faulty_watch(false);
		if (write(out, &done, 1) != 1)
			_exit(1);
		faulty_watch(true);
	}
	box_close(b);
	_exit(0);
}

/* The dead one's last reported step (-1: none), and did it die? */
static bool
die(struct box *b, enum faulty_mode mode, unsigned nth, int *last)
{
	uint8_t done;
	int ends[2], status;
	pid_t pid;

	*last = -1;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		child(b, mode, nth, ends[1]);
	close(ends[1]);
	while (read(ends[0], &done, 1) == 1)
		*last = done;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == FAULTY_EXIT)
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(*last, STEPS - 1);
	return false;
}

/* What was found after the death must be the state before or after `next`. */
static void
judge(const struct state *found, int last, enum faulty_mode mode)
{
	int next = last + 1 < (int)STEPS ? last + 1 : last;
	bool held;

	if (last == -1) {
		/* Between the two stamps of a run: a life may begin anew. */
		if (found->own.stream.generation >
		    peace[0].own.stream.generation)
			return;
		assert_true(same(&found->own, &peace[0].own));
		return;
	}
	assert_true(same(&found->own, &peace[last].own) ||
		    same(&found->own, &peace[next].own));
	held = same(&found->held, &peace[last].held) ||
	       same(&found->held, &peace[next].held);
	/* A page may be lost with the power, whole; it is pulled again. */
	for (int i = 0; mode == FAULTY_POWER && !held && i < last; i++)
		held = same(&found->held, &peace[i].held);
	assert_true(held);
}

static void
at_every_write(enum faulty_mode mode)
{
	struct own_file again = kit_copy(1, "z", 99);
	unsigned nth = 0;
	bool died = true;
	int last;

	while (died) {
		struct stream_report before;
		struct state found;
		struct box b;

		begin(&b);
		died = die(&b, mode, ++nth, &last);
		b.run += 100;
		if (box_open(&b, false) == -1)
			fail_msg("write %u: %s", nth, b.why.text);
		assert_int_equal(b.found, WRITER_KEPT);
		box_check(&b);
		look(&b, &found);
		judge(&found, last, mode);
		before = found.own;
		box_own(&b, &again, 1, 2);
		look(&b, &found);
		assert_true(stream_id_equal(&before.stream, &found.own.stream));
		assert_int_equal(found.own.point.cursor,
				 before.point.cursor + 1);
		finish(&b);
	}
	print_message("# %u writes\n", nth - 1);
	assert_true(nth > 50);
}

static void
killed_at_every_write(void **state)
{
	(void)state;
	at_every_write(FAULTY_KILL);
}

static void
power_cut_at_every_write(void **state)
{
	(void)state;
	at_every_write(FAULTY_POWER);
}

/* ---- errors ----------------------------------------------------------- */

/* One step whose nth call fails is undone, and done the next time. */
static bool
with_error(struct box *b, enum step s, unsigned nth)
{
	struct state before, after;
	bool met;
	int r;

	if (s != STEP_OPEN)
		look(b, &before);
	faulty_arm(FAULTY_ERROR, nth);
	r = play(b, s);
	met = faulty_disarm() >= nth;
	if (r == -1) {
		assert_true(met);
		assert_true(b->why.text[0] != '\0');
		if (s != STEP_OPEN) {
			box_check(b);
			look(b, &after);
			assert_true(same(&before.own, &after.own));
			assert_true(same(&before.held, &after.held));
		}
		if (play(b, s) == -1)
			fail_msg("step %d, call %u: %s", (int)s, nth,
				 b->why.text);
	}
	assert_int_equal(b->found, WRITER_KEPT);
	box_check(b);
	look(b, &after);
	assert_true(same(&after.held, &peace[s].held));
	/* A start that failed half-way may have begun a new life. */
	if (b->run == FIRST_RUN + 1)
		assert_true(same(&after.own, &peace[s].own));
	return met;
}

static void
error_at_every_call(void **state)
{
	unsigned total = 0;

	(void)state;
	for (enum step s = 0; s < STEPS; s++) {
		bool met = true;

		for (unsigned nth = 1; met; nth++, total++) {
			struct box b;

			begin(&b);
			for (enum step t = 0; t < s; t++)
				assert_int_equal(play(&b, t), 0);
			met = with_error(&b, s, nth);
			finish(&b);
		}
	}
	print_message("# %u calls\n", total);
	assert_true(total > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_write),
		cmocka_unit_test(power_cut_at_every_write),
		cmocka_unit_test(error_at_every_call),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
