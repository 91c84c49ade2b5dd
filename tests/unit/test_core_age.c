/* How old an answer is: as old as the last moment of which all is held. */
#include "test_core_pulls.h"

static uint64_t
age_of_peer(void)
{
	static struct node_view v;

	mesh_node_view(&mesh, 1, kit_now, &v);
	return v.at_head ? v.age_ms : UINT64_MAX;
}

/* What was said on one link is no answer on another, which may be younger by
 * a whole cut; and what was announced is owed when all links have ended. */
static void
an_age_is_of_what_is_held(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct stream_report more = kit_report(1, GEN, 12, 12, 98);
	mesh_link a, b;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &r);
	kit_kind(MESH_START);
	a = kit_up(true);
	kit_hello(a, 1, 501, 60000, 5002); /* higher: both are borne */
	kit_heartbeat(a, true);
	assert_int_equal(age_of_peer(), UINT64_MAX); /* nothing said yet */
	kit_streams(a, true, &r, 1);
	kit_heartbeat(a, true);
	assert_int_equal(age_of_peer(), 0);
	for (uint32_t n = 0; n < 7; n++) {
		kit_now += 100;
		kit_kind(MESH_TICK);
	}
	b = kit_up(true);
	kit_hello(b, 1, 501, 60700, 5002);
	kit_heartbeat(b, true);
	assert_int_equal(age_of_peer(), 700);
	kit_streams(b, true, &r, 1);
	kit_heartbeat(b, true);
	assert_int_equal(age_of_peer(), 0);
	kit_streams(b, false, &more, 1);
	assert_int_equal(age_of_peer(), UINT64_MAX);
	kit_down(a, LINK_CLOSED);
	kit_down(b, LINK_CLOSED);
	assert_int_equal(age_of_peer(), UINT64_MAX);
}

static void
pass_ms(uint64_t ms)
{
	for (uint64_t until = kit_now + ms; kit_now < until;) {
		kit_now += 100;
		kit_kind(MESH_TICK);
	}
}

/* What has lain unread is as old as it may be, and so is what it says; that
 * somebody is there, its last byte tells. */
static void
what_lay_unread_is_old(void **state)
{
	struct stream_report r[2] = {kit_report(1, GEN, 9, 9, 99),
				     kit_report(4, GEN, 5, 5, 55)};
	struct message msg = {.type = MESSAGE_HEARTBEAT};
	struct mesh_input in = {.kind = MESH_HEARD, .u.message = &msg};
	struct node_report said[2] = {
		{.node = kit_id(1), .run = 501, .port = 5000,
		 .flags = NODE_LINKED | NODE_SELF},
		{.node = kit_id(4), .run = 504, .port = 5003,
		 .flags = NODE_LINKED, .silent_ms = 30}};
	struct node_view v;
	mesh_link a;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &r[0]);
	mesh_remember_stream(&mesh, &r[1]);
	kit_kind(MESH_START);
	a = kit_up(true);
	kit_hello(a, 1, 501, 60000, 5000);
	kit_streams(a, true, r, 2);
	kit_heartbeat(a, true);
	assert_int_equal(age_of_peer(), 0);
	pass_ms(700);
	kit_now += 100;
	msg.u.heartbeat.period_ms = 250;
	in.link = a;
	in.came_ms = kit_now - 20;
	in.since_ms = kit_now - 300;
	kit_step(&in);
	kit_kind(MESH_TICK);
	assert_int_equal(age_of_peer(), 300);
	/* By what it says it would be 1200 ms, and suspect after 1000. */
	pass_ms(900);
	assert_false(mesh.roster.nodes[1].suspect);
	/* And what it says of others is older, too. */
	msg.type = MESSAGE_NODES;
	msg.u.nodes.reports = said;
	msg.u.nodes.count = 2;
	in.came_ms = kit_now - 20;
	in.since_ms = kit_now - 300;
	kit_step(&in);
	assert_int_equal(mesh.roster.nodes[2].id.bytes[0], 4);
	mesh_node_view(&mesh, 2, kit_now, &v);
	assert_int_equal(v.age_ms, 330);
}

/* On one that is older than another it takes nothing back. */
static void
what_is_late_adds(void **state)
{
	struct stream_report old = kit_report(1, GEN, 9, 9, 99);
	struct stream_report now[2] = { kit_report(1, GEN, 12, 12, 98),
					kit_report(7, GEN, 3, 3, 33) };
	const struct announced *a;
	const struct stream *s;
	mesh_link first, second;
	uint8_t slot;

	(void)state;
	kit_init(2, 5001);
	kit_kind(MESH_START);
	kit_refuse_all();
	first = kit_peer(1, 5002);
	kit_streams(first, true, &old, 1);
	second = kit_up(true);
	kit_hello(second, 1, 501, 60000, 5002);
	kit_streams(second, true, now, 2);
	kit_streams(first, true, &old, 1);
	s = streams_find(&mesh, 1, GEN);
	slot = mesh.roster.nodes[1].slot;
	a = &mesh.streams.table[streams_index(&mesh, s)][slot];
	assert_int_equal(a->point.cursor, 12);
	s = streams_find(&mesh, roster_find(&mesh.roster, &now[1].stream.node),
			 GEN);
	assert_true(s->announced != 0);
	old.point.base = old.point.cursor = 15;
	kit_streams(first, false, &old, 1);
	assert_int_equal(a->point.cursor, 15);
	kit_streams(second, true, now, 1);
	assert_int_equal(a->point.cursor, 12);
	assert_true(s->announced == 0);
}

/* That somebody has all of a node is said of what it had announced by then. */
static void
an_age_that_was_told_is_of_its_time(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct stream_report more = kit_report(1, GEN, 12, 12, 98);
	struct node_report n = { .run = 501, .port = 5002,
				 .flags = NODE_LINKED };
	struct message msg = { .type = MESSAGE_NODES };
	mesh_link a, b;

	(void)state;
	kit_holding(&r);
	a = kit_peer(7, 5003);
	kit_streams(a, false, &more, 1);
	n.node = kit_id(1);
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = &n;
	kit_now += 10;
	kit_heard(a, &msg);
	b = kit_up(true);
	kit_hello(b, 7, 507, 60010, 5003);
	kit_streams(b, true, &r, 1); /* said before it had more */
	kit_heartbeat(b, true);
	assert_int_equal(age_of_peer(), UINT64_MAX);
	kit_heard(b, &msg);
	assert_int_equal(age_of_peer(), 0);
}

/* Of five seconds there may be five seconds to read; not on a link made since. */
static void
what_waited_is_old(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	mesh_link a, b;

	(void)state;
	kit_holding(&r);
	a = kit_peer(1, 5002);
	kit_streams(a, true, &r, 1);
	kit_heartbeat(a, true);
	assert_int_equal(age_of_peer(), 0);
	kit_now += 5000;
	kit_kind(MESH_TICK);
	for (uint32_t n = 0; n < 45; n++) {
		kit_now += 100;
		kit_heartbeat_and_tick(a);
	}
	assert_true(age_of_peer() >= 9000);
	for (uint32_t n = 0; n < 4; n++) {
		kit_now += 100;
		kit_heartbeat_and_tick(a);
	}
	assert_int_equal(age_of_peer(), 0);
	kit_now += 3000;
	kit_kind(MESH_TICK);
	kit_heartbeat(a, true);
	assert_true(age_of_peer() >= 2000);
	b = kit_up(true);
	kit_hello(b, 1, 501, 73200, 5002);
	kit_heartbeat(a, true); /* of which nothing makes that newer */
	assert_true(age_of_peer() >= 2000);
	kit_streams(b, true, &r, 1);
	kit_heartbeat(b, true);
	assert_int_equal(age_of_peer(), 0);
}

/* We fall asleep while what a cut line has held back is being read. */
static void
what_was_held_back_is_old(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	mesh_link a;

	(void)state;
	kit_holding(&r);
	a = kit_peer(1, 5002);
	kit_streams(a, true, &r, 1);
	kit_heartbeat(a, true);
	for (uint32_t n = 0; n < 30; n++) {
		kit_now += 100;
		kit_kind(MESH_TICK);
	}
	kit_heartbeat(a, true);
	assert_true(age_of_peer() >= 3000);
	kit_now += 5000;
	kit_kind(MESH_TICK);
	kit_heartbeat(a, true);
	assert_true(age_of_peer() >= 8000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_age_is_of_what_is_held),
		cmocka_unit_test(what_lay_unread_is_old),
		cmocka_unit_test(what_is_late_adds),
		cmocka_unit_test(an_age_that_was_told_is_of_its_time),
		cmocka_unit_test(what_waited_is_old),
		cmocka_unit_test(what_was_held_back_is_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
