/*
 * consent and rate: who may have which photo, in every order; so many bytes a
 * second.  Both are pure: the clock is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "consent_table.h"
#include "rate.h"

#define NOW INT64_C(1700000000000)

static struct consent_table t;

static struct node_id
node(uint32_t n)
{
	struct node_id id = {{0}};

	memcpy(id.bytes, &n, sizeof(n));
	return id;
}

static enum consent_verdict
ask_at(uint32_t who, uint32_t what, int64_t now, uint64_t *number)
{
	struct photo_id photo = {.size = what};
	struct node_id id = node(who);
	uint64_t ignored;

	return consent_table_ask(&t, &id, &photo, "a.jpg", now,
				 number != NULL ? number : &ignored);
}

static enum consent_verdict
ask(uint32_t who, uint32_t what)
{
	return ask_at(who, what, NOW, NULL);
}

static void
policies(void **state)
{
	uint64_t number = 1;

	(void)state;
	consent_table_init(&t, SHARE_OPEN);
	assert_int_equal(ask_at(1, 1, NOW, &number), CONSENT_YES);
	assert_int_equal(number, 0);
	consent_table_init(&t, SHARE_NONE);
	assert_int_equal(ask_at(1, 1, NOW, &number), CONSENT_NO);
	assert_int_equal(number, 0);
	consent_table_init(&t, SHARE_ASK);
	assert_int_equal(ask_at(1, 1, NOW, &number), CONSENT_ASKED);
	assert_int_equal(number, 1);
	assert_int_equal(ask_at(1, 1, NOW, &number), CONSENT_ASKED);
	assert_int_equal(number, 0);
	assert_int_equal(ask_at(2, 1, NOW, &number), CONSENT_ASKED);
	assert_int_equal(number, 2);
	assert_int_equal(t.count, 2);
}

static void
each_answer_is_of_one(void **state)
{
	(void)state;
	consent_table_init(&t, SHARE_ASK);
	ask(1, 1);
	ask(1, 2);
	ask(2, 1);
	assert_int_equal(consent_table_decide(&t, 1, true, false, NOW), 1);
	assert_int_equal(consent_table_decide(&t, 1, true, false, NOW), 0);
	assert_int_equal(consent_table_decide(&t, 4, true, false, NOW), -1);
	assert_int_equal(ask(1, 1), CONSENT_YES);
	assert_int_equal(ask(1, 2), CONSENT_ASKED);
	assert_int_equal(ask(2, 1), CONSENT_ASKED);
	assert_int_equal(consent_table_decide(&t, 1, false, false, NOW), 1);
	assert_int_equal(ask(1, 1), CONSENT_NO);
}

static void
rules(void **state)
{
	struct node_id one = node(1), two = node(2);

	(void)state;
	consent_table_init(&t, SHARE_ASK);
	ask(1, 1);
	ask(1, 2);
	ask(2, 1);
	/* Without a rule: what waits, and no more. */
	assert_int_equal(consent_table_decide_node(&t, &one, true, false, NOW),
			 2);
	assert_int_equal(ask(1, 3), CONSENT_ASKED);
	assert_int_equal(consent_table_decide_node(&t, &two, false, true, NOW),
			 1);
	assert_int_equal(ask(2, 9), CONSENT_NO);
	/* By a number: its node, and what else that waits for. */
	ask(1, 4);
	assert_int_equal(consent_table_decide(&t, 4, true, true, NOW), 2);
	assert_int_equal(ask(1, 99), CONSENT_YES);
	assert_int_equal(t.rule_count, 2);
	assert_int_equal(consent_table_decide_node(&t, &one, false, true, NOW),
			 0);
	assert_int_equal(t.rule_count, 2);
	assert_int_equal(ask(1, 99), CONSENT_NO);
	/* They hold while all is open, but nothing leaves under none. */
	t.share = SHARE_OPEN;
	assert_int_equal(ask(2, 9), CONSENT_NO);
	consent_table_decide_node(&t, &one, true, true, NOW);
	t.share = SHARE_NONE;
	assert_int_equal(ask(1, 99), CONSENT_NO);
	/* No room: nothing has changed. */
	consent_table_init(&t, SHARE_ASK);
	for (uint32_t n = 0; n < CONSENT_RULES_MAX; n++) {
		struct node_id id = node(100 + n);

		assert_int_equal(consent_table_decide_node(&t, &id, true, true,
							   NOW),
				 0);
	}
	ask(1, 1);
	assert_int_equal(consent_table_decide(&t, 1, true, true, NOW), -2);
	assert_int_equal(ask(1, 1), CONSENT_ASKED);
	assert_int_equal(consent_table_decide_node(&t, &one, true, true, NOW),
			 -2);
	assert_int_equal(ask(1, 1), CONSENT_ASKED);
}

static void
they_expire(void **state)
{
	uint64_t number;

	(void)state;
	consent_table_init(&t, SHARE_ASK);
	ask(1, 1);
	ask(1, 2);
	assert_int_equal(consent_table_decide(&t, 2, true, false, NOW + 1000),
			 1);
	assert_int_equal(ask_at(1, 1, NOW + CONSENT_MS - 1, &number),
			 CONSENT_ASKED);
	assert_int_equal(number, 0);
	/* The one that waited is forgotten, and asked for anew. */
	assert_int_equal(ask_at(1, 1, NOW + CONSENT_MS, &number),
			 CONSENT_ASKED);
	assert_int_equal(number, 3);
	assert_int_equal(ask_at(1, 2, NOW + CONSENT_MS + 999, NULL),
			 CONSENT_YES);
	assert_int_equal(ask_at(1, 2, NOW + CONSENT_MS + 1000, &number),
			 CONSENT_ASKED);
	assert_int_equal(number, 4);
	/* A clock set back by a year keeps nothing for longer. */
	consent_table_expire(&t, NOW - 365 * 24 * 3600 * INT64_C(1000));
	assert_int_equal(t.count, 0);
}

static void
they_are_bounded(void **state)
{
	uint64_t number;

	(void)state;
	consent_table_init(&t, SHARE_ASK);
	for (uint32_t n = 0; n < 5 * CONSENT_OF_ONE_MAX; n++)
		assert_int_equal(ask(n / 300, n), CONSENT_ASKED);
	assert_int_equal(t.count, CONSENT_WAITING_MAX);
	assert_int_equal(ask_at(77, 1, NOW, &number), CONSENT_ASKED);
	assert_int_equal(number, 0);
	/* One that is answered gives way; one that waits does not. */
	assert_int_equal(consent_table_decide(&t, 5, true, false, NOW), 1);
	assert_int_equal(ask_at(77, 1, NOW, &number), CONSENT_ASKED);
	assert_int_not_equal(number, 0);
	assert_int_equal(consent_table_decide(&t, 5, true, false, NOW), -1);
	for (uint32_t i = 1; i < t.count; i++)
		assert_true(t.requests[i - 1].number < t.requests[i].number);
}

static void
rates(void **state)
{
	const uint64_t start = 1000000;
	struct rate r;
	uint64_t now = start, moved = 0;

	(void)state;
	rate_init(&r, 0);
	assert_int_equal(rate_part(&r, 262144), 262144);
	assert_int_equal(rate_reserve(&r, UINT32_MAX, start), 0);
	assert_int_equal(rate_reserve(&r, UINT32_MAX, start), 0);
	rate_release(&r);
	rate_init(&r, 1000000);
	assert_int_equal(rate_part(&r, 262144), 125000);
	/* Over ten seconds no more than ten seconds' worth and the burst. */
	while (now < start + 10000) {
		uint64_t wait = rate_reserve(&r, 125000, now);

		now += wait;
		moved += 125000;
	}
	assert_in_range(moved, 10000000, 10000000 + 3 * 125000 + 250000);
	/* Idle time is not saved up. */
	now += 3600 * 1000;
	moved = 0;
	while (rate_reserve(&r, 10000, now) == 0)
		moved += 10000;
	assert_in_range(moved, 240000, 270000);
	rate_release(&r);
	rate_init(&r, 1);
	assert_int_equal(rate_part(&r, 262144), 1024);
	assert_int_equal(rate_part(&r, 10), 10);
	rate_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies),
		cmocka_unit_test(each_answer_is_of_one),
		cmocka_unit_test(rules),
		cmocka_unit_test(they_expire),
		cmocka_unit_test(they_are_bounded),
		cmocka_unit_test(rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
