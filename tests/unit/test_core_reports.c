/* What others say of nodes: who is there, who has left, who may lead. */
#include "test_core_kit.h"

/* Do we say so, in the NODES of this step? */
static bool
says_left(uint8_t id)
{
	const struct mesh_effect *e = kit_sent(MESH_LINK_ALL, MESSAGE_NODES);
	struct node_id node = kit_id(id);
	bool found = false;

	assert_non_null(e);
	for (uint32_t i = 0; i < e->u.message.u.nodes.count; i++) {
		const struct node_report *r =
			&e->u.message.u.nodes.reports[i];

		if (!node_id_equal(&r->node, &node))
			continue;
		found = true;
		if ((r->flags & NODE_LEFT) != 0)
			return true;
	}
	assert_true(found);
	return false;
}

static void
leaving(void **state)
{
	struct message bye = { .type = MESSAGE_GOODBYE };
	mesh_link l;

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	(void)kit_peer(3, 5002);
	bye.u.goodbye.why = GOODBYE_LEAVING;
	kit_heard(l, &bye);
	assert_true(says_left(1));
	assert_true(kit_leads(2));
	assert_int_equal(mesh.roster.nodes[1].standing, STANDING_LEFT);
	l = kit_peer(1, 5000);
	kit_kind(MESH_LEAVE);
	assert_non_null(kit_sent(l, MESSAGE_GOODBYE));
	assert_true(kit_hung_up(l));
}

static void
live_by_report(void **state)
{
	struct node_report r[2];
	struct message msg = { .type = MESSAGE_NODES };
	mesh_link l;

	(void)state;
	kit_alone(3, 5005);
	l = kit_peer(2, 5004);
	memset(r, 0, sizeof(r));
	r[0].node = kit_id(2);
	r[0].run = 502;
	r[0].host.bytes[0] = 9;
	r[0].port = 5004;
	r[0].flags = NODE_SELF | NODE_LINKED | NODE_SYNCED;
	r[1].node = kit_id(1);
	r[1].run = 77;
	r[1].port = 5000;
	r[1].flags = NODE_LINKED | NODE_SYNCED;
	msg.u.nodes.count = 2;
	msg.u.nodes.reports = r;
	kit_heard(l, &msg);
	assert_true(kit_leads(1));
	r[1].flags = NODE_LINKED | NODE_SYNCED | NODE_SUSPECT;
	kit_heard(l, &msg);
	assert_true(kit_leads(2));
	/* Withdrawn: for two seconds others may still vouch for it. */
	r[1].flags = 0;
	kit_heard(l, &msg);
	assert_int_equal(mesh.roster.live_count, 3);
	for (int n = 0; n < 21; n++) {
		kit_now += 100;
		kit_heartbeat_and_tick(l);
	}
	assert_int_equal(mesh.roster.live_count, 2);
}

/* Whom a peer only talks of leaves room for whoever comes. */
static void
phantoms_give_way(void **state)
{
	static struct node_report list[MESH_KNOWN_MAX];
	struct message msg = { .type = MESSAGE_NODES };
	struct node_id who;
	uint16_t index;
	mesh_link l;

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	for (uint32_t i = 0; i < MESH_KNOWN_MAX; i++) {
		memset(&list[i], 0, sizeof(list[i]));
		list[i].node.bytes[0] = 0xee;
		list[i].node.bytes[1] = (uint8_t)i;
		list[i].run = i + 1;
		list[i].flags = NODE_LINKED;
	}
	msg.u.nodes.count = MESH_KNOWN_MAX;
	msg.u.nodes.reports = list;
	kit_heard(l, &msg);
	assert_int_equal(mesh.roster.count, MESH_KNOWN_MAX);
	assert_int_equal(mesh.roster.live_count, MESH_LIVE_MAX);
	for (uint8_t id = 10; id < 40; id++) {
		l = kit_peer(id, (uint16_t)(5000 + id));
		assert_false(kit_hung_up(l));
		who = kit_id(id);
		index = roster_find(&mesh.roster, &who);
		assert_true(index != NODE_NONE);
		assert_true(roster_linked(&mesh.roster, index));
	}
}

static void
name_some(mesh_link l, uint8_t first_byte, uint32_t count, uint32_t flags)
{
	static struct node_report list[MESH_KNOWN_MAX];
	struct message msg = { .type = MESSAGE_NODES };

	for (uint32_t i = 0; i < count; i++) {
		memset(&list[i], 0, sizeof(list[i]));
		list[i].node.bytes[0] = first_byte;
		list[i].node.bytes[1] = (uint8_t)i;
		list[i].run = i + 1;
		list[i].flags = flags;
	}
	msg.u.nodes.count = count;
	msg.u.nodes.reports = list;
	kit_heard(l, &msg);
}

static uint32_t
named(uint8_t first_byte)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i < mesh.roster.count; i++)
		count += mesh.roster.nodes[i].id.bytes[0] == first_byte;
	return count;
}

/* Who fills the table with names keeps nobody else's names out of it. */
static void
names_share_the_room(void **state)
{
	mesh_link liar, honest, third;

	(void)state;
	kit_alone(2, 5001);
	liar = kit_peer(1, 5000);
	honest = kit_peer(3, 5002);
	name_some(liar, 0xee, MESH_KNOWN_MAX, NODE_LINKED);
	assert_int_equal(mesh.roster.count, MESH_KNOWN_MAX);
	name_some(honest, 0xaa, 20, 0);
	assert_int_equal(named(0xaa), 20);
	assert_false(kit_hung_up(liar));
	for (int n = 0; n < 3; n++) {
		name_some(liar, 0xee, MESH_KNOWN_MAX, NODE_LINKED);
		name_some(liar, (uint8_t)(0xf0 + n), 200, 0);
		assert_int_equal(named(0xaa), 20);
	}
	/* Greedy names take from the greedy only, down to the same number. */
	name_some(honest, 0xbb, 200, 0);
	assert_int_equal(named(0xaa), 20);
	assert_true(named(0xbb) > 50 && named(0xbb) < 200);
	/* Nobody linked vouches for these any more. */
	kit_down(liar, LINK_CLOSED);
	for (uint32_t ms = 0; ms < 12000; ms += 100) {
		kit_refuse_all();
		kit_now += 100;
		kit_heartbeat_and_tick(honest);
	}
	third = kit_peer(4, 5003);
	name_some(third, 0xcc, 100, 0);
	assert_int_equal(named(0xcc), 100);
	assert_int_equal(named(0xaa), 20);
}

/* Said to have left by somebody else, yet reported linked ever after. */
static void
left_only_by_report(void **state)
{
	struct node_report list[1];
	struct message msg = { .type = MESSAGE_NODES };
	mesh_link liar, honest;

	(void)state;
	kit_alone(2, 5001);
	liar = kit_peer(1, 5000);
	honest = kit_peer(3, 5002);
	memset(list, 0, sizeof(list));
	list[0].node = kit_id(9);
	list[0].run = 77;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = list;
	list[0].flags = NODE_LINKED;
	kit_heard(honest, &msg);
	assert_true(mesh.roster.nodes[3].standing == STANDING_LIVE);
	list[0].flags = NODE_LEFT;
	kit_heard(liar, &msg);
	assert_true(mesh.roster.nodes[3].standing == STANDING_LEFT);
	/* Hearsay is not passed on: two who do so would never stop. */
	assert_false(says_left(9));
	for (uint32_t ms = 0; ms < 11200; ms += 100) {
		kit_refuse_all();
		kit_now += 100;
		kit_heartbeat(liar, true);
		kit_heartbeat(honest, true);
	}
	assert_true(mesh.roster.nodes[3].standing == STANDING_LIVE);
}

/* It came back while nobody here saw it, and died: nothing excuses it any more. */
static void
left_and_lost_since(void **state)
{
	struct mesh_memory memory = {.node = kit_id(9), .left = true};
	struct node_report list[1] = {{.node = kit_id(9), .run = 77}};
	struct message msg = {.type = MESSAGE_NODES};
	const struct node *n;
	mesh_link l;

	(void)state;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = list;
	kit_init(2, 5001);
	memory.last_heard_wall_ms = WALL - 60000;
	mesh_remember_node(&mesh, &memory);
	kit_kind(MESH_START);
	kit_refuse_all();
	l = kit_peer(1, 5000);
	n = &mesh.roster.nodes[1];
	assert_int_equal(n->standing, STANDING_LEFT);
	/* What was before its goodbye, or never, says nothing ... */
	list[0].silent_ms = UINT64_MAX;
	kit_heard(l, &msg);
	list[0].silent_ms = 62000;
	kit_heard(l, &msg);
	list[0].silent_ms = WALL + 1000000;
	kit_heard(l, &msg);
	assert_int_equal(n->standing, STANDING_LEFT);
	/* ... and who said goodbye again has left again. */
	list[0].silent_ms = 10;
	list[0].flags = NODE_LEFT;
	kit_heard(l, &msg);
	assert_int_equal(n->standing, STANDING_LEFT);
	list[0].flags = 0;
	kit_heard(l, &msg);
	assert_int_equal(n->standing, STANDING_GONE);
	assert_int_equal(n->run, 77);
	assert_null(kit_find(MESH_NEWS, 0)); /* it was not here */
	/* A goodbye of that run, heard by another, is one. */
	list[0].flags = NODE_LEFT;
	kit_heard(l, &msg);
	assert_int_equal(n->standing, STANDING_LEFT);
	/* The run that has left is not another one. */
	list[0].flags = 0;
	kit_heard(l, &msg);
	assert_int_equal(n->standing, STANDING_LEFT);
}

/* Who slept, or was cut off, since before its goodbye knows a former run of it. */
static void
left_and_told_of_before(void **state)
{
	struct message bye = {.type = MESSAGE_GOODBYE};
	struct node_report list[1] = {{.node = kit_id(1), .run = 501}};
	struct message msg = {.type = MESSAGE_NODES};
	mesh_link l, sleeper;

	(void)state;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = list;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	list[0].silent_ms = 10;
	kit_down(l, LINK_CLOSED);
	/* It begins anew, which the sleeper does not notice, and leaves. */
	l = kit_up(true);
	kit_hello(l, 1, 900, 10, 5000);
	bye.u.goodbye.why = GOODBYE_LEAVING;
	kit_heard(l, &bye);
	assert_int_equal(mesh.roster.nodes[1].standing, STANDING_LEFT);
	assert_int_equal(mesh.roster.nodes[1].run, 900);
	kit_now += 8000;
	sleeper = kit_peer(3, 5002);
	kit_heard(sleeper, &msg);
	assert_int_equal(mesh.roster.nodes[1].standing, STANDING_LEFT);
	assert_int_equal(mesh.roster.nodes[1].run, 900);
}

/* Its goodbye was heard by another, and it itself never. */
static void
left_by_report_and_told_of_before(void **state)
{
	struct node_report list[1] = {{.node = kit_id(9), .run = 77}};
	struct message msg = {.type = MESSAGE_NODES};
	mesh_link honest, apart;
	const struct node *n;

	(void)state;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = list;
	kit_alone(2, 5001);
	honest = kit_peer(1, 5000);
	list[0].flags = NODE_LEFT;
	list[0].silent_ms = 60000;
	kit_heard(honest, &msg);
	n = &mesh.roster.nodes[2];
	assert_int_equal(n->standing, STANDING_LEFT);
	/* Cut off until now, and before it began anew. */
	apart = kit_peer(3, 5002);
	list[0].flags = 0;
	list[0].run = 50;
	list[0].silent_ms = 3600000;
	kit_heard(apart, &msg);
	assert_int_equal(n->standing, STANDING_LEFT);
	assert_int_equal(n->run, 77);
	/* It came back since. */
	list[0].run = 90;
	list[0].silent_ms = 10000;
	kit_heard(apart, &msg);
	assert_int_equal(n->standing, STANDING_GONE);
	assert_int_equal(n->run, 90);
}

/* One who sleeps has said of the first that it is synced.  It has died since, and
 * begun anew: what was said of its former run does not make it lead. */
static void
synced_in_a_former_run(void **state)
{
	struct node_report list[1];
	struct message msg = { .type = MESSAGE_NODES };
	mesh_link first, sleeper, awake;

	(void)state;
	kit_alone(2, 5001);
	first = kit_peer(1, 5000);
	sleeper = kit_peer(3, 5002);
	awake = kit_peer(4, 5003);
	memset(list, 0, sizeof(list));
	list[0].node = kit_id(1);
	list[0].port = 5000;
	list[0].run = 501;
	list[0].flags = NODE_LINKED | NODE_SYNCED;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = list;
	kit_heard(sleeper, &msg);
	assert_true(kit_leads(1));
	kit_down(first, LINK_CLOSED);
	kit_refuse_all();
	assert_true(kit_leads(2));
	list[0].run = 999;
	list[0].flags = NODE_LINKED;
	kit_heard(awake, &msg);
	assert_int_equal(mesh.roster.nodes[1].standing, STANDING_LIVE);
	assert_int_equal(mesh.roster.nodes[1].run, 999);
	assert_true(kit_leads(2));
	list[0].flags = NODE_LINKED | NODE_SYNCED;
	kit_heard(awake, &msg);
	assert_true(kit_leads(1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaving),
		cmocka_unit_test(live_by_report),
		cmocka_unit_test(phantoms_give_way),
		cmocka_unit_test(names_share_the_room),
		cmocka_unit_test(left_only_by_report),
		cmocka_unit_test(left_and_lost_since),
		cmocka_unit_test(left_and_told_of_before),
		cmocka_unit_test(left_by_report_and_told_of_before),
		cmocka_unit_test(synced_in_a_former_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
