/*
 * The catalogue dies at every write, loses its power at every write, and
 * meets an I/O error, a full disk and a short write at every call: no number is
 * used twice, none is above the head, row and head agree, the file is whole,
 * and nothing was announced that is not durable.
 *
 * The scenario (test_catalogue_play.h) is played again and again, each time with
 * the next call as the one that fails, until a play meets none.  Whoever died
 * must be found in the state after its last reported step or after the one under
 * way, and in nothing between; whoever was refused, as it was before.
 *
 * `all`: every call in every way; otherwise every call in the ways that differ
 * most, and each of the others at some calls, not the same ones every time.
 */
#include "test_catalogue_play.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test_catalogue_faulty.h"

static bool all;
static unsigned offset; /* which calls, where not all */

/* Is it this one's turn, of so many? */
static bool
turn(unsigned nth, unsigned stride)
{
	return all || (nth + offset) % stride == 0;
}

/* ---- death ------------------------------------------------------------ */

/* In a process of its own: say which steps were reported; it may die. */
static void
child(struct box *b, enum start start, enum faulty_mode mode, unsigned nth,
      int out)
{
	faulty_arm(mode, nth);
	for (enum step s = 0; s < play_end(start); s++) {
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
die(struct box *b, enum start start, enum faulty_mode mode, unsigned nth,
    int *last)
{
	uint8_t done;
	int ends[2], status;
	pid_t pid;

	*last = -1;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		child(b, start, mode, nth, ends[1]);
	close(ends[1]);
	while (read(ends[0], &done, 1) == 1)
		*last = done;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == FAULTY_EXIT)
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(*last, play_end(start) - 1);
	return false;
}

/* Those who knew what was there before must be told of a new life. */
static bool
new_enough(const struct stream_report *own, enum start s)
{
	return s != START_RESTORED ||
	       own->stream.generation > play_generation[s];
}

/* What was found after the death must be the state before or after `next`. */
static void
judge(const struct state *found, enum start start, int last,
      enum faulty_mode mode)
{
	const struct state *peace = play_peace[start];
	int next = last + 1 < (int)play_end(start) ? last + 1 : last;
	bool held;

	assert_true(new_enough(&found->own, start));
	if (last == -1) {
		/* Between the two stamps of a run: a life may begin anew. */
		if (found->own.stream.generation >
		    peace[0].own.stream.generation)
			return;
		assert_true(play_same(&found->own, &peace[0].own));
		return;
	}
	/* Between the stamps once more, and it had said all that before. */
	if ((last == STEP_AGAIN - 1 || last == STEP_AGAIN) &&
	    found->own.stream.generation >
		    peace[last].own.stream.generation)
		return;
	if (!play_same(&found->own, &peace[last].own) &&
	    !play_same(&found->own, &peace[next].own))
		fail_msg("start %d, after step %d: generation %llu, head %llu",
			 (int)start, last,
			 (unsigned long long)found->own.stream.generation,
			 (unsigned long long)found->own.point.cursor);
	held = play_same(&found->held, &peace[last].held) ||
	       play_same(&found->held, &peace[next].held);
	/* A page may be lost with the power, whole; it is pulled again.  But a
	 * forgotten node does not come back. */
	for (int i = 0; mode >= FAULTY_POWER && !held && i < last &&
			last < (int)STEP_FORGET; i++)
		held = play_same(&found->held, &peace[i].held);
	assert_true(held);
}

static bool
one_death(enum start start, enum faulty_mode mode, unsigned nth)
{
	struct own_file again = kit_copy(1, "z", 99);
	struct stream_report before;
	struct state found;
	struct box b;
	bool died;
	int last;

	play_begin(&b, start);
	died = die(&b, start, mode, nth, &last);
	b.run += 100;
	if (box_open(&b, false) == -1)
		fail_msg("start %d, write %u: %s", (int)start, nth,
			 b.why.text);
	assert_int_not_equal(b.found, WRITER_MOVED);
	play_check(&b);
	play_look(&b, &found);
	judge(&found, start, last, mode);
	before = found.own;
	box_own(&b, &again, 1, 2);
	play_look(&b, &found);
	assert_true(stream_id_equal(&before.stream, &found.own.stream));
	assert_int_equal(found.own.point.cursor, before.point.cursor + 1);
	play_finish(&b);
	return died;
}

static void
at_every_write(enum faulty_mode mode, unsigned stride)
{
	unsigned total = 0, deaths = 0;

	for (enum start s = 0; s < STARTS; s++) {
		unsigned quiet = 0;

		/* The end is met when as many as a stride pass in peace. */
		for (unsigned nth = 1; quiet < 1; nth++, total++) {
			if (!turn(nth, stride))
				continue;
			if (one_death(s, mode, nth))
				deaths++;
			else
				quiet++;
		}
	}
	print_message("# %u deaths at %u writes\n", deaths, total);
	assert_true(deaths * stride > 150);
}

static void
killed_at_every_write(void **state)
{
	(void)state;
	at_every_write(FAULTY_KILL, 5);
}

static void
killed_within_writes(void **state)
{
	(void)state;
	at_every_write(FAULTY_TORN, 7);
}

static void
power_cut_at_every_write(void **state)
{
	(void)state;
	at_every_write(FAULTY_POWER, 5);
}

static void
power_cut_and_some_has_landed(void **state)
{
	(void)state;
	at_every_write(FAULTY_POWER_PART, 4);
}

/* ---- refusals ---------------------------------------------------------- */

struct trial {
	enum start start;
	enum step step;
	enum faulty_mode mode;
	unsigned nth;
	bool done; /* the step; a new box is due */
};

/* Refused, it is undone: everything is as it was. */
static void
judge_undone(struct box *b, const struct state *before)
{
	struct state after;

	assert_true(b->why.text[0] != '\0');
	if (b->w == NULL) /* neither open now */
		return;
	play_check(b);
	play_look(b, &after);
	assert_true(play_same(&before->own, &after.own));
	assert_true(play_same(&before->held, &after.held));
}

/* What was learnt is two transactions: the first may have been done. */
static bool
in_parts(enum step s)
{
	return s == STEP_LEARN;
}

/* Once more, on a disk that is well again. */
static void
judge_done(struct box *b, const struct trial *t, bool first_life)
{
	const struct state *peace = &play_peace[t->start][t->step];
	struct state after;

	assert_int_not_equal(b->found, WRITER_MOVED);
	play_check(b);
	play_look(b, &after);
	assert_true(play_same(&after.held, &peace->held));
	assert_true(new_enough(&after.own, t->start));
	/* A start that failed half-way may have begun a new life. */
	if (first_life)
		assert_true(play_same(&after.own, &peace->own));
}

/* Was the disk asked so often at all? */
static bool
with_refusal(struct box *b, struct trial *t)
{
	bool opening = t->step == STEP_OPEN || t->step == STEP_AGAIN;
	struct state before = {0};
	uint64_t run = b->run;
	bool met;
	int r;

	if (t->step != STEP_OPEN)
		play_look(b, &before);
	memset(&b->why, 0, sizeof(b->why));
	faulty_arm(t->mode, t->nth);
	r = play(b, t->step);
	met = faulty_disarm() >= t->nth;
	if (r == -1) {
		assert_true(met);
		if (!in_parts(t->step))
			judge_undone(b, &before);
		if (!all && !opening && !in_parts(t->step))
			return true; /* the next call, with the same box */
		if (play(b, t->step) == -1)
			fail_msg("step %d, call %u: %s", (int)t->step, t->nth,
				 b->why.text);
	}
	judge_done(b, t, !opening || b->run == run + 1);
	t->done = true;
	return met;
}

static void
begin_at(struct box *b, const struct trial *t)
{
	play_begin(b, t->start);
	for (enum step s = 0; s < t->step; s++)
		assert_int_equal(play(b, s), 0);
}

static unsigned
refuse_in_step(struct trial *t, unsigned stride)
{
	unsigned count = 0;
	bool met = true;
	struct box b;

	begin_at(&b, t);
	for (t->nth = 1; met; t->nth++) {
		if (!turn(t->nth + t->step, stride))
			continue;
		if (t->done) {
			play_finish(&b);
			begin_at(&b, t);
			t->done = false;
		}
		met = with_refusal(&b, t);
		count += met;
	}
	play_finish(&b);
	return count;
}

static void
at_every_call(enum faulty_mode mode, unsigned stride)
{
	unsigned total = 0;

	for (enum start s = 0; s < STARTS; s++) {
		/* Their further steps are those of the first. */
		enum step end = s == START_KEPT ? STEPS : STEP_ADD;

		for (enum step step = 0; step < end; step++) {
			struct trial t = {.start = s, .step = step,
					  .mode = mode};

			total += refuse_in_step(&t, stride);
		}
	}
	print_message("# %u refusals\n", total);
	assert_true(total * stride > 100);
}

static void
error_at_every_call(void **state)
{
	(void)state;
	at_every_call(FAULTY_ERROR, 4);
}

static void
no_room_at_every_call(void **state)
{
	(void)state;
	at_every_call(FAULTY_FULL, 7);
}

static void
no_room_any_more_at_every_call(void **state)
{
	(void)state;
	at_every_call(FAULTY_FULL_ON, 5);
}

static void
short_write_at_every_call(void **state)
{
	(void)state;
	at_every_call(FAULTY_SHORT, 5);
}

static int
prepare(void **state)
{
	(void)state;
	faulty_install();
	play_prepare();
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_write),
		cmocka_unit_test(killed_within_writes),
		cmocka_unit_test(power_cut_at_every_write),
		cmocka_unit_test(power_cut_and_some_has_landed),
		cmocka_unit_test(error_at_every_call),
		cmocka_unit_test(no_room_at_every_call),
		cmocka_unit_test(no_room_any_more_at_every_call),
		cmocka_unit_test(short_write_at_every_call),
	};

	all = argc > 1 && strcmp(argv[1], "all") == 0;
	offset = getenv("PM_OFFSET") != NULL
			 ? (unsigned)atoi(getenv("PM_OFFSET"))
			 : (unsigned)time(NULL) % 60;
	print_message("# PM_OFFSET=%u\n", offset);
	return cmocka_run_group_tests(tests, prepare, NULL);
}
