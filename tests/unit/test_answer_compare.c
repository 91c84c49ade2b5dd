/*
 * Proves what `photo verify` judges: the owner is right about its own stream,
 * an absent owner's replicas vote, being behind is no damage, and where a
 * table grows too large it is the good rows that are left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"

static struct node_id
id(uint8_t first)
{
	struct node_id n;

	memset(n.bytes, first, sizeof(n.bytes));
	return n;
}

static struct stream_report
says(uint8_t of, uint64_t generation, uint64_t base, uint64_t cursor,
     uint64_t digest)
{
	return (struct stream_report){.stream = {id(of), generation},
				      .point = {base, cursor},
				      .digest = {0, digest},
				      .rows = cursor};
}

static struct view *
three(enum node_state third)
{
	struct node_view nodes[3] = {{.state = NODE_STATE_LIVE},
				     {.state = NODE_STATE_LIVE},
				     {.state = third}};

	for (unsigned i = 0; i < 3; i++) {
		nodes[i].node = id((uint8_t)(i + 1));
		nodes[i].name[0] = (char)('a' + i);
		nodes[i].self = i == 0;
	}
	return view_make(nodes, 3);
}

static const struct answer_stream *
row(const struct answer_table *t, uint8_t stream, uint8_t at)
{
	struct node_id s = id(stream), a = id(at);

	for (uint32_t i = 0; i < t->row_count; i++)
		if (node_id_equal(&t->rows[i].stream, &s) &&
		    node_id_equal(&t->rows[i].at, &a))
			return &t->rows[i];
	fail_msg("no row %u at %u", stream, at);
	return NULL;
}

static void
owner_is_right(void **state)
{
	struct stream_report at_a[] = {says(1, 1, 9, 9, 7), says(2, 1, 5, 5, 8)};
	struct stream_report at_b[] = {says(1, 1, 9, 9, 6), says(2, 1, 5, 5, 8)};
	struct stream_report at_c[] = {says(1, 1, 9, 9, 6), says(2, 1, 3, 4, 2)};
	struct party parties[] = {{id(1), {0, 1}, 3, 2, at_a},
				  {id(2), {0, 1}, 3, 2, at_b},
				  {id(3), {0, 2}, 3, 2, at_c}};
	struct view *v = three(NODE_STATE_LIVE);
	struct answer_table t;

	(void)state;
	assert_true(table_compare(v, parties, 3, &t));
	assert_int_equal(t.row_count, 6);
	/* two against one do not outvote the owner */
	assert_true(row(&t, 1, 1)->equal);
	assert_false(row(&t, 1, 2)->equal);
	assert_true(row(&t, 1, 2)->at_head);
	assert_true(row(&t, 2, 2)->equal && row(&t, 2, 1)->equal);
	/* behind is not damaged */
	assert_false(row(&t, 2, 3)->equal);
	assert_false(row(&t, 2, 3)->at_head);
	assert_int_equal(t.merged_count, 3);
	assert_true(t.merged[0].equal && t.merged[1].equal);
	assert_false(t.merged[2].equal);
	assert_int_equal(t.silent_count + t.absent_count, 0);
	/* by stream, the owner first */
	assert_string_equal(t.rows[3].stream_name, "b");
	assert_string_equal(t.rows[3].at_name, "b");
	table_release(&t);
	free(v);
}

static void
absent_owner(void **state)
{
	struct stream_report at_a[] = {says(3, 2, 9, 9, 7), says(3, 1, 4, 4, 4)};
	struct stream_report at_b[] = {says(3, 2, 8, 8, 7)};
	struct party parties[] = {{id(1), {0, 1}, 3, 2, at_a},
				  {id(2), {0, 1}, 3, 1, at_b}};
	struct view *v = three(NODE_STATE_GONE);
	struct answer_table t;

	(void)state;
	assert_true(table_compare(v, parties, 2, &t));
	/* the older generation is asked of nobody who dropped it */
	assert_int_equal(t.row_count, 3);
	assert_true(t.rows[0].equal && t.rows[0].generation == 2);
	assert_false(row(&t, 3, 2)->at_head);
	assert_int_equal(t.absent_count, 1);
	assert_string_equal(t.absent[0].name, "c");
	table_release(&t);
	free(v);
}

static void
missing_and_silent(void **state)
{
	struct stream_report at_a[] = {says(1, 1, 9, 9, 7)};
	struct party parties[] = {{id(1), {0, 1}, 3, 1, at_a},
				  {id(2), {0, 1}, 3, 0, NULL}};
	struct view *v = three(NODE_STATE_SUSPECT);
	struct answer_table t;

	(void)state;
	assert_true(table_compare(v, parties, 2, &t));
	assert_int_equal(t.row_count, 2);
	assert_false(row(&t, 1, 2)->at_head);
	assert_false(row(&t, 1, 2)->equal);
	assert_int_equal(t.silent_count, 1);
	assert_string_equal(t.silent[0].name, "c");
	table_release(&t);
	free(v);
}

/* 64 nodes with 512 streams each: the one bad row is among those kept. */
static void
too_many(void **state)
{
	static struct stream_report reports[64][512];
	struct party parties[64];
	struct view *v = three(NODE_STATE_LIVE);
	struct answer_table t;

	(void)state;
	for (unsigned p = 0; p < 64; p++) {
		for (unsigned s = 0; s < 512; s++) {
			reports[p][s] = says((uint8_t)(s / 2), s % 2 + 1, 5, 5,
					     3);
		}
		parties[p] = (struct party){id((uint8_t)(p + 1)), {0, 1}, 3,
					    512, reports[p]};
	}
	reports[63][511].digest.low = 4;
	assert_true(table_compare(v, parties, 64, &t));
	assert_int_equal(t.row_count, TABLE_ROWS_MAX);
	assert_int_equal(t.left_out, 64 * 512 - TABLE_ROWS_MAX);
	assert_false(t.rows[0].equal);
	assert_true(t.rows[1].equal);
	table_release(&t);
	free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owner_is_right),
		cmocka_unit_test(absent_owner),
		cmocka_unit_test(missing_and_silent),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
