/* The election is a table: who is live, synced, suspected, of what rank. */
#include "test_core_kit.h"

static struct roster roster;

static uint16_t
add(uint8_t id, uint16_t port, bool live, bool synced)
{
	struct node_id node = kit_id(id);
	uint16_t i = roster_append(&roster, &node);

	roster.nodes[i].port = port;
	roster.nodes[i].synced = synced;
	roster.nodes[i].run = id;
	if (live)
		roster_move(&roster, i, STANDING_LIVE);
	return i;
}

static uint8_t
judged(void)
{
	struct rank r;

	election_judge(&roster, &r);
	return r.node.bytes[0];
}

static void
setup(uint16_t port, bool synced)
{
	struct node_id self = kit_id(50);

	roster_init(&roster, &self);
	roster.nodes[0].port = port;
	roster.nodes[0].synced = synced;
	roster.nodes[0].run = 50;
}

static void
lowest_eligible(void **state)
{
	uint16_t a;

	(void)state;
	setup(5005, true);
	assert_int_equal(judged(), 50);
	a = add(1, 5001, true, true);
	assert_int_equal(judged(), 1);
	add(2, 5000, true, false); /* not synced: does not take over */
	assert_int_equal(judged(), 1);
	add(3, 5000, false, true); /* not live */
	assert_int_equal(judged(), 1);
	roster.nodes[a].held = true;
	assert_int_equal(judged(), 50);
	/* A linked peer suspects us: we are not eligible either. */
	roster.slots_linked = 1;
	roster.nodes[0].said_suspect = 1;
	roster.nodes[0].said_run[0] = 50;
	assert_int_equal(judged(), 2); /* lowest of the live */
	roster.nodes[0].said_run[0] = 49; /* said of an older run */
	assert_int_equal(judged(), 50);
}

static void
ties(void **state)
{
	(void)state;
	setup(5000, true);
	add(9, 5000, true, true);
	add(8, 5000, true, true);
	assert_int_equal(judged(), 8); /* equal port and host: node id */
	roster.nodes[2].host.bytes[0] = 1;
	assert_int_equal(judged(), 9);
}

static void
standing_moves(void **state)
{
	(void)state;
	assert_true(roster_may_move(STANDING_GONE, STANDING_LIVE));
	assert_true(roster_may_move(STANDING_LEFT, STANDING_LIVE));
	assert_true(roster_may_move(STANDING_LEFT, STANDING_GONE));
	assert_false(roster_may_move(STANDING_LEFT, STANDING_LEFT));
	assert_false(roster_may_move(STANDING_LIVE, STANDING_LIVE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowest_eligible),
		cmocka_unit_test(ties),
		cmocka_unit_test(standing_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
