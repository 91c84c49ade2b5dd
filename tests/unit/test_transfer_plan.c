/*
 * plan.c: every photo is completed as long as one good holder is left, no more
 * than the credit is ever on its way, nobody is asked twice for one piece, and
 * the blame for wrong bytes comes to an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t random_state;

static uint32_t
any(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 16) % below);
}

static void
test_pieces(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t pieces;
		uint64_t last;
	} table[] = {
		{0, 1, 0}, {1, 1, 1}, {MIB - 1, 1, MIB - 1}, {MIB, 1, MIB},
		{MIB + 1, 2, 1}, {3000 * MIB, 3000, MIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct plan *p = plan_new(table[i].size);
		struct plan_piece piece;

		assert_non_null(p);
		assert_int_equal(plan_pieces(p), table[i].pieces);
		plan_piece(p, table[i].pieces - 1, &piece);
		assert_int_equal(piece.length, table[i].last);
		plan_free(p);
	}
	assert_null(plan_new(UINT64_MAX));
	assert_null(plan_new((uint64_t)PLAN_PIECES_MAX * MIB + 1));
}

static void
test_order(void **state)
{
	const struct plan_holder far = {.rate = 9}, near = {.near = true},
				 fast = {.near = true, .rate = 5},
				 asks = {.near = true, .asks = true, .rate = 99};
	struct plan *p = plan_new(100 * MIB);
	const uint32_t f = plan_add(p, &far), n = plan_add(p, &near),
		       q = plan_add(p, &fast), a = plan_add(p, &asks);

	(void)state;
	assert_int_equal(plan_take(p), q);
	assert_int_equal(plan_take(p), n);
	assert_int_equal(plan_take(p), f);
	assert_int_equal(plan_take(p), a);
	assert_int_equal(plan_take(p), PLAN_NOBODY);
	plan_set_aside(p, q, PLAN_AWAY);
	plan_release(p, q);
	plan_release(p, a);
	assert_int_equal(plan_take(p), a);
	assert_int_equal(plan_take(p), PLAN_NOBODY);
	plan_forgive(p, PLAN_AWAY);
	assert_int_equal(plan_take(p), q);
	plan_release(p, n);
	assert_int_equal(plan_take(p), n);
	plan_free(p);
}

/* A small photo is asked of one; another is taken when that one fails. */
static void
test_small(void **state)
{
	const struct plan_holder h = {.near = true};
	struct plan *p = plan_new(500);
	struct plan_piece piece;
	uint32_t a, b;

	(void)state;
	(void)plan_add(p, &h);
	(void)plan_add(p, &h);
	a = plan_take(p);
	assert_true(plan_next(p, a, &piece));
	assert_int_equal(plan_take(p), PLAN_NOBODY);
	assert_false(plan_stuck(p));
	plan_set_aside(p, a, PLAN_NOT_HERE);
	plan_failed(p, a, piece.index);
	plan_release(p, a);
	assert_false(plan_stuck(p));
	b = plan_take(p);
	assert_int_not_equal(a, b);
	assert_true(plan_next(p, b, &piece));
	assert_int_equal(piece.length, 500);
	plan_done(p, b, piece.index);
	assert_true(plan_complete(p));
	assert_int_equal(plan_take(p), PLAN_NOBODY);
	plan_free(p);
}

/* One run: holders fail at random, but one never does. */
static void
run_once(void)
{
	uint32_t pieces = 1 + any(40), holders = 1 + any(6), good;
	struct plan *p = plan_new((uint64_t)pieces * MIB - any(1000));
	bool taken[8] = {false};
	struct flight {
		uint32_t holder, index;
	} flights[PLAN_FLIGHTS_MAX];
	uint32_t count = 0, steps = 0;

	assert_non_null(p);
	for (uint32_t h = 0; h < holders; h++) {
		struct plan_holder is = {any(2) == 0, any(4) == 0, any(9)};

		(void)plan_add(p, &is);
	}
	good = any(holders);
	for (uint32_t i = any(3); i > 0; i--)
		plan_have(p, any(pieces));
	while (!plan_complete(p)) {
		uint32_t what = any(4), h, f;
		struct plan_piece piece;

		assert_true(steps++ < 100000);
		assert_false(plan_stuck(p));
		if (what == 0 && (h = plan_take(p)) != PLAN_NOBODY) {
			assert_false(taken[h]);
			taken[h] = true;
		}
		h = any(holders);
		if (what == 1 && taken[h] && plan_next(p, h, &piece)) {
			assert_true(count < PLAN_FLIGHTS_MAX);
			for (f = 0; f < count; f++)
				assert_int_not_equal(flights[f].index,
						     piece.index);
			flights[count++] =
				(struct flight){h, piece.index};
		}
		if (what == 2 && count > 0) {
			f = any(count);
			plan_done(p, flights[f].holder, flights[f].index);
			flights[f] = flights[--count];
		}
		if (what == 3 && taken[h] && h != good && any(8) == 0) {
			plan_set_aside(p, h, PLAN_AWAY);
			for (f = 0; f < count;)
				if (flights[f].holder == h) {
					plan_failed(p, h, flights[f].index);
					flights[f] = flights[--count];
				} else {
					f++;
				}
			plan_release(p, h);
			taken[h] = false;
		}
	}
	plan_free(p);
}

static void
test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		random_state = seed * UINT64_C(0x9e3779b97f4a7c15);
		run_once();
	}
}

/* Everybody but one sends wrong bytes: the photo comes in the end. */
static void
test_blame_ends(void **state)
{
	(void)state;
	for (uint32_t honest = 0; honest < 5; honest++) {
		const struct plan_holder h = {.near = true};
		struct plan *p = plan_new(10 * MIB);
		uint32_t rounds = 0;
		bool good = false;

		plan_have(p, 3); /* left by an earlier try, and wrong, too */
		for (uint32_t n = 0; n < 5; n++)
			(void)plan_add(p, &h);
		while (!good) {
			struct plan_piece piece;
			uint32_t from = PLAN_NOBODY, who;
			bool all_honest = rounds > 0;

			assert_true(rounds++ < 10);
			while (!plan_complete(p)) {
				who = plan_take(p);
				assert_int_not_equal(who, PLAN_NOBODY);
				all_honest &= who == honest;
				from = who;
				while (plan_next(p, who, &piece))
					plan_done(p, who, piece.index);
				plan_release(p, who);
			}
			good = all_honest && from == honest;
			if (!good)
				assert_true(plan_wrong(p));
		}
		plan_free(p);
	}
}

/* With nobody honest it ends as well. */
static void
test_all_wrong(void **state)
{
	const struct plan_holder h = {.near = true};
	struct plan *p = plan_new(MIB);
	uint32_t rounds = 0, who;
	struct plan_piece piece;

	(void)state;
	(void)plan_add(p, &h);
	(void)plan_add(p, &h);
	do {
		assert_true(rounds++ < 5);
		who = plan_take(p);
		assert_true(plan_next(p, who, &piece));
		plan_done(p, who, piece.index);
		plan_release(p, who);
	} while (plan_wrong(p));
	assert_int_equal(rounds, 2);
	assert_true(plan_stuck(p));
	plan_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_blame_ends),
		cmocka_unit_test(test_all_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
