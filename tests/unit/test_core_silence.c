/* Who says nothing: who is suspected and given up when, and whose fault it is. */
#include "test_core_kit.h"

static void
silence(void **state)
{
	mesh_link l;

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	for (int i = 0; i < 9; i++) {
		kit_now += 125;
		kit_kind(MESH_TICK);
	}
	assert_true(mesh.roster.nodes[1].suspect);
	assert_true(kit_leads(2));
	kit_heartbeat(l, true);
	assert_true(mesh.roster.nodes[1].held);
	assert_true(kit_leads(2));
	for (int i = 0; i < 9; i++) {
		kit_now += 125;
		kit_heartbeat_and_tick(l);
	}
	assert_true(kit_leads(1));
	for (int i = 0; i < 81; i++) {
		kit_now += 125;
		kit_kind(MESH_TICK);
		kit_refuse_all();
	}
	assert_int_equal(mesh.roster.live_count, 1);
}

/* What comes may come before what lies unread is heard, and judges nobody; nor
 * is it taken for the TICK in which that is heard. */
static void
judged_when_all_is_heard(void **state)
{
	mesh_link l, other;

	(void)state;
	kit_alone(3, 5005);
	l = kit_peer(1, 5000);
	other = kit_peer(2, 5001);
	for (int n = 0; n < 20; n++) {
		kit_now += 60;
		kit_streams(other, false, NULL, 0);
		assert_null(kit_sent(MESH_LINK_ALL, MESSAGE_HEARTBEAT));
		assert_false(mesh.roster.nodes[1].suspect);
		if (n > 5)
			assert_true(mesh_wake_ms(&mesh) <= kit_now);
	}
	kit_heartbeat(l, true);
	kit_kind(MESH_TICK);
	assert_non_null(kit_sent(MESH_LINK_ALL, MESSAGE_HEARTBEAT));
	assert_false(mesh.roster.nodes[1].suspect);
	for (int n = 0; n < 20; n++) {
		kit_now += 60;
		kit_streams(other, false, NULL, 0);
	}
	kit_kind(MESH_TICK);
	assert_true(mesh.roster.nodes[1].suspect);
}

static void
kit_alive(mesh_link link, uint64_t came_ms)
{
	struct mesh_input in = {
		.kind = MESH_ALIVE, .link = link, .came_ms = came_ms};

	kit_step(&in);
}

/* What lies unread counts from when it came, and is heard before anybody is
 * judged. */
static void
unread_signs(void **state)
{
	mesh_link one, other;

	(void)state;
	kit_alone(3, 5002);
	one = kit_peer(1, 5000);
	other = kit_peer(2, 5001);
	for (int i = 0; i < 20; i++) {
		kit_now += 125;
		if (i % 2 == 0) {
			kit_alive(one, kit_now - 100);
			kit_alive(other, kit_now - 100);
		}
		kit_kind(MESH_TICK);
		assert_false(mesh.roster.nodes[1].suspect);
	}
	/* The other was heard 225 ms ago. */
	for (int i = 0; i < 6; i++) {
		kit_now += 125;
		kit_alive(one, kit_now);
		kit_kind(MESH_TICK);
		assert_false(mesh.roster.nodes[2].suspect);
	}
	kit_now += 25;
	kit_alive(one, kit_now);
	assert_false(mesh.roster.nodes[2].suspect);
	kit_kind(MESH_TICK);
	assert_false(mesh.roster.nodes[1].suspect);
	assert_true(mesh.roster.nodes[2].suspect);
}

static void
none_judged_before_all_are_heard(void **state)
{
	mesh_link one, other;

	(void)state;
	kit_alone(3, 5002);
	one = kit_peer(1, 5000);
	other = kit_peer(2, 5001);
	for (int i = 0; i < 7; i++) {
		kit_now += 125;
		kit_kind(MESH_TICK);
	}
	kit_now += 125;
	kit_alive(one, kit_now - 50);
	assert_false(mesh.roster.nodes[2].suspect);
	kit_alive(other, kit_now - 50);
	kit_kind(MESH_TICK);
	assert_false(mesh.roster.nodes[1].suspect);
	assert_false(mesh.roster.nodes[2].suspect);
	/* And neither is a link that is no more heard, or not yet. */
	kit_alive(77, kit_now);
	kit_alive(kit_up(true), kit_now);
}

static void
our_own_lateness(void **state)
{
	(void)state;
	kit_alone(2, 5001);
	kit_peer(1, 5000);
	kit_now += 8000;
	kit_kind(MESH_TICK);
	assert_false(mesh.roster.nodes[1].suspect);
	kit_kind(MESH_TICK);
	assert_false(mesh.roster.nodes[1].suspect);
	assert_true(mesh_synced(&mesh));
	kit_now += 20000;
	kit_kind(MESH_TICK);
	assert_false(mesh_synced(&mesh)); /* stuck: look around afresh */
	assert_int_equal(mesh.roster.live_count, 2);
}

/* The TICK is as late as what lay unread until it: nobody is judged in it, but
 * a loop that is late again and again excuses nobody for ever. */
static void
late_for_ever(void **state)
{
	mesh_link l;

	(void)state;
	kit_alone(2, 5001);
	kit_peer(1, 5000);
	l = kit_peer(3, 5002);
	for (unsigned i = 0; i < LATE_ROW_MAX + 2 * SUSPECT_PERIODS; i++) {
		assert_false(i < LATE_ROW_MAX && mesh.roster.nodes[1].suspect);
		kit_now = mesh_wake_ms(&mesh) + LATE_MS + 100;
		kit_alive(l, kit_now - 10);
		kit_down(77, LINK_CLOSED); /* ended while we looked */
		kit_kind(MESH_TICK);
	}
	assert_true(mesh.roster.nodes[1].suspect);
	assert_false(mesh.roster.nodes[2].suspect);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence),
		cmocka_unit_test(judged_when_all_is_heard),
		cmocka_unit_test(unread_signs),
		cmocka_unit_test(none_judged_before_all_are_heard),
		cmocka_unit_test(our_own_lateness),
		cmocka_unit_test(late_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
