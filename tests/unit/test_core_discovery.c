/* Which addresses are dialled, and when again. */
#include "test_core_kit.h"

static const struct address near_line = {.host = "10.0.0.9", .port = 5002};
static const struct address far_line = {.host = "10.0.0.9", .port = 5003};

/* Two lines lead to another host, whose own addresses cannot be reached. */
static void
begin(void)
{
	kit_init(1, 5000);
	mesh.config.joins[0] = near_line;
	mesh.config.joins[1] = far_line;
	mesh.config.join_count = 2;
	kit_kind(MESH_START);
}

/* The dial to this address that is under way. */
static mesh_link
dialling(const struct address *a)
{
	const struct link *l = links_dialling(&mesh.links, a);

	return l != NULL && l->phase == LINK_DIALLING ? l->id : MESH_LINK_NONE;
}

/* Let time pass until this address is dialled; at most so long.  Whatever else
 * is dialled meanwhile is refused, and who is linked is heard. */
static mesh_link
await_dial(const struct address *a, uint64_t within_ms)
{
	uint64_t end = kit_now + within_ms;

	while (dialling(a) == MESH_LINK_NONE && kit_now < end) {
		kit_refuse_all();
		kit_now += 50;
		kit_kind(MESH_TICK);
		for (uint32_t i = 0; i < mesh.links.count; i++)
			if (mesh.links.list[i].phase == LINK_MEMBER)
				kit_heartbeat(mesh.links.list[i].id, true);
	}
	return dialling(a);
}

/* They answer there, and say who they are. */
static void
answered(mesh_link link, uint8_t id, uint64_t run, uint16_t port)
{
	struct mesh_input up = {.kind = MESH_LINK_UP, .link = link};
	struct message msg;

	assert_int_not_equal(link, MESH_LINK_NONE);
	kit_step(&up);
	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_HELLO;
	msg.u.hello.version_min = 1;
	msg.u.hello.version_max = 1;
	msg.u.hello.node = kit_id(id);
	msg.u.hello.run = run;
	msg.u.hello.uptime_ms = 10;
	msg.u.hello.port = port;
	msg.u.hello.host.bytes[0] = 8;
	memcpy(msg.u.hello.name, "peer", 5);
	kit_heard(link, &msg);
	kit_streams(link, true, NULL, 0);
	kit_heartbeat(link, true);
}

static bool
linked(uint8_t id)
{
	struct node_id node = kit_id(id);
	uint16_t index = roster_find(&mesh.roster, &node);

	return index != NODE_NONE && roster_linked(&mesh.roster, index);
}

/* Two that begin anew claim each other's port: what led to the one leads to the
 * other now, though the one is linked again. */
static void
ports_exchanged(void **state)
{
	struct node_id two = kit_id(2), three = kit_id(3);

	(void)state;
	begin();
	answered(dialling(&near_line), 2, 21, 5002);
	answered(dialling(&far_line), 3, 31, 5003);
	assert_true(linked(2) && linked(3));
	kit_now += 1000;
	kit_down(links_of_node(&mesh.links, roster_find(&mesh.roster, &two))->id,
		 LINK_CLOSED);
	kit_down(links_of_node(&mesh.links,
			       roster_find(&mesh.roster, &three))->id,
		 LINK_CLOSED);
	answered(await_dial(&far_line, 40000), 2, 22, 5003);
	assert_true(linked(2) && !linked(3));
	kit_refuse_all(); /* nobody listened there yet */
	answered(await_dial(&near_line, 40000), 3, 32, 5002);
	assert_true(linked(2) && linked(3));
}

/* As long as nobody there has begun anew it is the same one. */
static void
led_to_who_is_linked(void **state)
{
	mesh_link other;

	(void)state;
	begin();
	answered(dialling(&near_line), 2, 21, 5002);
	answered(dialling(&far_line), 2, 21, 5002);
	assert_true(linked(2));
	other = await_dial(&near_line, 100000);
	assert_int_equal(other, MESH_LINK_NONE);
	assert_int_equal(dialling(&far_line), MESH_LINK_NONE);
}

/* A line that is open before it has found out that nobody is there: whoever
 * comes back behind it is found by the back-off of any address. */
static void
line_to_who_is_away(void **state)
{
	mesh_link l;

	(void)state;
	begin();
	answered(dialling(&near_line), 2, 21, 5002);
	for (unsigned times = 0; times < 9; times++) {
		struct mesh_input up = {.kind = MESH_LINK_CONNECTED};

		l = times == 0 ? dialling(&far_line)
			       : await_dial(&far_line, 70000);
		assert_int_not_equal(l, MESH_LINK_NONE);
		up.link = l;
		kit_step(&up);
		kit_down(l, LINK_RESET);
	}
	answered(await_dial(&far_line, 70000), 3, 31, 5003);
	assert_true(linked(3));
}

/* A line behind which somebody was and is asleep leads to no stranger. */
static void
line_to_who_sleeps(void **state)
{
	struct mesh_input up = {.kind = MESH_LINK_CONNECTED};
	struct node_report list[1];
	struct message msg = {.type = MESSAGE_NODES};
	mesh_link two, three;

	(void)state;
	begin();
	two = dialling(&near_line);
	three = dialling(&far_line);
	answered(two, 2, 21, 5002);
	answered(three, 3, 31, 5003);
	memset(list, 0, sizeof(list));
	list[0].node = kit_id(3);
	list[0].port = 5003;
	list[0].run = 31;
	list[0].flags = NODE_LINKED | NODE_SYNCED;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = list;
	kit_heard(two, &msg);
	kit_now += 1000;
	kit_down(three, LINK_CLOSED);
	up.link = await_dial(&far_line, 1000);
	assert_int_not_equal(up.link, MESH_LINK_NONE);
	kit_step(&up);
	for (unsigned i = 0; i < 62; i++) {
		kit_now += 50;
		kit_kind(MESH_TICK);
		kit_heartbeat(two, true);
	}
	assert_null(links_find(&mesh.links, up.link)); /* given up */
	assert_int_not_equal(await_dial(&far_line, 10000), MESH_LINK_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_exchanged),
		cmocka_unit_test(led_to_who_is_linked),
		cmocka_unit_test(line_to_who_is_away),
		cmocka_unit_test(line_to_who_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
