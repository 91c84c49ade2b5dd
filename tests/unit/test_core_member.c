/* HELLO, twins, one link per pair, and what proves a death. */
#include <stdio.h>

#include "test_core_kit.h"

static void
alone_it_leads(void **state)
{
	struct rank rank;

	(void)state;
	kit_init(2, 5001);
	assert_true(mesh_wake_ms(&mesh) == UINT64_MAX);
	kit_kind(MESH_START);
	for (uint32_t i = 0; i < 7; i++)
		assert_non_null(kit_find(MESH_DIAL, i));
	assert_null(kit_find(MESH_DIAL, 7)); /* not our own port */
	mesh_coordinator(&mesh, &rank);
	assert_true(node_id_is_zero(&rank.node));
	kit_refuse_all();
	assert_non_null(kit_find(MESH_CROWN, 0));
	assert_true(mesh_synced(&mesh));
}

static void
killed_coordinator(void **state)
{
	mesh_link l;
	const struct mesh_effect *dial;

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	assert_true(kit_leads(1));
	kit_now += 100;
	kit_down(l, LINK_CLOSED);
	assert_true(kit_leads(1));
	dial = kit_find(MESH_DIAL, 0);
	assert_non_null(dial);
	assert_int_equal(dial->u.address.port, 5000);
	kit_down(dial->link, LINK_REFUSED);
	assert_non_null(kit_find(MESH_CROWN, 0));
	assert_true(kit_leads(2));
}

/* Started and killed again and again: each time its death is proven at once. */
static void
killed_again_and_again(void **state)
{
	(void)state;
	kit_alone(2, 5001);
	for (unsigned n = 0; n < 6; n++) {
		mesh_link l = kit_up(true);
		const struct mesh_effect *dial;

		kit_hello(l, 1, 600u + n, 10, 5000);
		kit_streams(l, true, NULL, 0);
		kit_heartbeat(l, true);
		assert_true(kit_leads(1));
		kit_now += 100;
		kit_down(l, LINK_CLOSED);
		dial = kit_find(MESH_DIAL, 0);
		assert_non_null(dial);
		assert_int_equal(dial->u.address.port, 5000);
		kit_down(dial->link, LINK_REFUSED);
		assert_true(kit_leads(2));
	}
}

static void
lost_and_found(void **state)
{
	mesh_link l;
	struct mesh_input up = { .kind = MESH_LINK_UP };
	const struct mesh_effect *dial;

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	kit_now += 100;
	kit_down(l, LINK_CLOSED);
	dial = kit_find(MESH_DIAL, 0);
	assert_non_null(dial);
	up.link = dial->link;
	up.u.up.loopback = true;
	kit_step(&up);
	assert_non_null(kit_sent(up.link, MESSAGE_HELLO));
	kit_hello(up.link, 1, 501, 60100, 5000);
	assert_null(kit_find(MESH_CROWN, 0));
	assert_true(kit_leads(1));
	assert_int_equal(mesh.roster.live_count, 2);
}

static void
another_behind_the_port(void **state)
{
	mesh_link l;
	struct mesh_input up = { .kind = MESH_LINK_UP };

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	kit_now += 100;
	kit_down(l, LINK_CLOSED);
	up.link = kit_find(MESH_DIAL, 0)->link;
	up.u.up.loopback = true;
	kit_step(&up);
	kit_hello(up.link, 7, 507, 5, 5000); /* unsynced newcomer */
	assert_true(kit_leads(2));
	assert_int_equal(mesh.roster.live_count, 2);
}

/*
 * The same machine id on another network (containers, namespaces): a refusal
 * on our loopback says nothing of a peer whose link came from elsewhere.
 */
static void
same_host_id_elsewhere(void **state)
{
	mesh_link l;

	(void)state;
	kit_alone(2, 5001);
	l = kit_up(false);
	kit_hello(l, 1, 501, 60000, 5000);
	kit_streams(l, true, NULL, 0);
	kit_heartbeat(l, true);
	kit_now += 100;
	kit_down(l, LINK_CLOSED);
	kit_refuse_all();
	assert_true(kit_leads(1));
	assert_int_equal(mesh.roster.live_count, 2);
	for (int i = 0; i < 40 && kit_leads(1); i++) {
		kit_refuse_all();
		kit_now += 60;
		kit_kind(MESH_TICK);
	}
	/* Suspect after 1 s of silence, gone after 2 s, and never well. */
	assert_true(kit_leads(2));
	for (int i = 0; i < 20; i++) {
		kit_refuse_all();
		kit_now += 100;
		kit_kind(MESH_TICK);
		for (uint32_t k = 0; k < effects.count; k++)
			assert_false(effects.list[k].kind == MESH_NEWS &&
				     effects.list[k].u.news.what ==
					     NEWS_PEER_WELL);
	}
	assert_int_equal(mesh.roster.live_count, 1);
}

static void
duplicates(void **state)
{
	mesh_link a, b;

	(void)state;
	kit_alone(1, 5001); /* lower: we judge */
	a = kit_peer(2, 5000);
	b = kit_up(true);
	kit_hello(b, 2, 502, 60000, 5000);
	assert_true(kit_hung_up(a));
	assert_non_null(kit_sent(a, MESSAGE_GOODBYE));
	assert_false(kit_hung_up(b));
	kit_alone(3, 5001); /* higher: we bear both */
	a = kit_peer(2, 5000);
	b = kit_up(true);
	kit_hello(b, 2, 502, 60000, 5000);
	assert_false(kit_hung_up(a) || kit_hung_up(b));
	kit_down(a, LINK_CLOSED);
	assert_null(kit_find(MESH_CROWN, 0));
	assert_null(kit_find(MESH_NEWS, 0));
	assert_int_equal(mesh.roster.live_count, 2);
}

/* What comes late on the link that is given up undoes what was heard on the
 * other: so both ends ask again, and are told all there is. */
static void
last_word_of_a_duplicate(void **state)
{
	struct stream_report old, now;
	struct message msg;
	mesh_link a, b;

	(void)state;
	kit_alone(3, 5001);
	a = kit_peer(2, 5000);
	b = kit_up(true);
	kit_hello(b, 2, 502, 60000, 5000);
	old = kit_report(2, 1000, 3, 3, 3);
	now = kit_report(2, 1000, 5, 5, 5);
	kit_streams(a, true, &now, 1);
	kit_streams(b, true, &old, 1);
	kit_down(b, LINK_CLOSED);
	assert_non_null(kit_sent(a, MESSAGE_JOIN));
	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_JOIN;
	msg.request = 7;
	kit_heard(a, &msg);
	assert_int_equal(kit_sent(a, MESSAGE_WELCOME)->u.message.request, 7);
	assert_non_null(kit_sent(a, MESSAGE_STREAMS));
	assert_true(kit_sent(a, MESSAGE_STREAMS)->u.message.u.streams.full);
}

static void
ourselves(void **state)
{
	struct mesh_input up = { .kind = MESH_LINK_UP };

	(void)state;
	kit_init(2, 5001);
	kit_kind(MESH_START);
	up.link = kit_find(MESH_DIAL, 3)->link;
	kit_step(&up);
	kit_hello(up.link, 2, 102, 0, 5001);
	assert_true(kit_hung_up(up.link));
	assert_int_equal(kit_sent(up.link, MESSAGE_GOODBYE)->u.message.u
				 .goodbye.why, GOODBYE_SELF);
	kit_refuse_all();
	kit_now += 1000;
	kit_kind(MESH_TICK);
	assert_non_null(kit_find(MESH_DIAL, 5));
	assert_null(kit_find(MESH_DIAL, 6)); /* one port fewer */
}

static void
twins_meet(void **state)
{
	mesh_link l;

	(void)state;
	kit_alone(2, 5001);
	kit_now += 5000;
	l = kit_up(true);
	kit_hello(l, 2, 999, 4000, 5003); /* they started later */
	assert_int_equal(kit_sent(l, MESSAGE_GOODBYE)->u.message.u.goodbye
				 .why, GOODBYE_TWIN);
	assert_null(kit_find(MESH_NEW_IDENTITY, 0));
	l = kit_up(true);
	kit_hello(l, 2, 999, 9000, 5003); /* we did */
	assert_non_null(kit_find(MESH_NEW_IDENTITY, 0));
	kit_kind(MESH_TICK);
	assert_int_equal(effects.count, 0);
	assert_true(mesh_wake_ms(&mesh) == UINT64_MAX);
}

static void
twins_of_a_third(void **state)
{
	mesh_link a, b;

	(void)state;
	kit_alone(3, 5001);
	kit_now += 5000;
	a = kit_up(true);
	kit_hello(a, 4, 11, 4000, 5003);
	b = kit_up(true);
	kit_hello(b, 4, 22, 1000, 5004); /* later: replaces */
	assert_true(kit_hung_up(a));
	assert_null(kit_sent(a, MESSAGE_GOODBYE));
	assert_int_equal(mesh.roster.nodes[1].run, 22);
	kit_now += 50;
	a = kit_up(true);
	kit_hello(a, 4, 11, 4050, 5003); /* alive as well! */
	assert_int_equal(kit_sent(b, MESSAGE_GOODBYE)->u.message.u.goodbye
				 .why, GOODBYE_TWIN);
	assert_int_equal(mesh.roster.nodes[1].run, 11);
	assert_int_equal(mesh.roster.live_count, 2);
}

static void
last_words_of_the_dead(void **state)
{
	mesh_link a, b;

	(void)state;
	kit_alone(3, 5001);
	kit_now += 5000;
	b = kit_up(true);
	kit_hello(b, 4, 22, 10, 5003);
	kit_now += 5;
	a = kit_up(true);
	kit_hello(a, 4, 11, 4000, 5003); /* said before it died */
	assert_true(kit_hung_up(a));
	assert_null(kit_sent(b, MESSAGE_GOODBYE));
	assert_int_equal(mesh.roster.nodes[1].run, 22);
}

/* A name that was joined once is dialled in every later run, also when the
 * node there says nothing of addresses, or other ones than last time. */
static void
joined_by_name(void **state)
{
	const struct address name = {.host = "desk.local", .port = 5000};
	const struct address number = {.host = "10.0.0.7", .port = 5000};
	struct mesh_memory memory = {.node = kit_id(1)};
	struct node_view view;
	bool dialled = false;
	mesh_link l;

	(void)state;
	kit_init(2, 5001);
	memory.last_heard_wall_ms = WALL;
	memory.addresses[memory.address_count++] = name;
	memory.addresses[memory.address_count++] = number;
	mesh_remember_node(&mesh, &memory);
	kit_kind(MESH_START);
	for (uint32_t n = 0; kit_find(MESH_DIAL, n) != NULL; n++)
		dialled |= address_equal(&kit_find(MESH_DIAL, n)->u.address,
					 &name);
	assert_true(dialled);
	kit_refuse_all();
	l = kit_up(false);
	kit_hello(l, 1, 501, 60000, 5000); /* no addresses at all */
	mesh_node_view(&mesh, 1, kit_now, &view);
	assert_int_equal(view.address_count, 1);
	assert_true(address_equal(&view.addresses[0], &name));
	/* What it says of itself stands behind it. */
	mesh.roster.nodes[1].address_count = 1;
	mesh.roster.nodes[1].addresses[0] = number;
	mesh_node_view(&mesh, 1, kit_now, &view);
	assert_int_equal(view.address_count, 2);
	assert_true(address_equal(&view.addresses[0], &name));
	assert_true(address_equal(&view.addresses[1], &number));
}

static void
kit_beacon(uint8_t id, const char *host, uint16_t port)
{
	struct mesh_input in = {.kind = MESH_BEACON};

	in.u.beacon.node = kit_id(id);
	strcpy(in.u.beacon.address.host, host);
	in.u.beacon.address.port = port;
	kit_step(&in);
}

/* A hint is worth a dial: not for ourselves, not for who is linked, not twice
 * at a time, and not more than a few, whoever sends how many. */
static void
beacons(void **state)
{
	uint32_t dials = 0;
	char host[16];

	(void)state;
	kit_alone(2, 5001);
	kit_peer(1, 5000);
	kit_beacon(2, "10.0.0.2", 5001);
	assert_null(kit_find(MESH_DIAL, 0));
	kit_beacon(1, "10.0.0.1", 5000);
	assert_null(kit_find(MESH_DIAL, 0));
	kit_beacon(3, "10.0.0.3", 5000);
	assert_non_null(kit_find(MESH_DIAL, 0));
	assert_string_equal(kit_find(MESH_DIAL, 0)->u.address.host,
			    "10.0.0.3");
	kit_beacon(3, "10.0.0.3", 5000);
	assert_null(kit_find(MESH_DIAL, 0)); /* under way */
	kit_refuse_all();
	for (uint32_t i = 0; i < 200; i++) {
		snprintf(host, sizeof(host), "10.0.1.%u", (unsigned)i);
		kit_beacon((uint8_t)(10 + i % 100), host, 5000);
		dials += kit_find(MESH_DIAL, 0) != NULL;
		kit_refuse_all();
	}
	assert_int_equal(dials, HINTS_MAX - 1);
	kit_now += HINT_MS;
	kit_kind(MESH_TICK);
	kit_refuse_all();
	kit_beacon(3, "10.0.0.3", 5000);
	assert_non_null(kit_find(MESH_DIAL, 0));
	/* A stranger there: not again for a while, whatever is said. */
	kit_down(kit_find(MESH_DIAL, 0)->link, LINK_STRANGER);
	kit_beacon(3, "10.0.0.3", 5000);
	assert_null(kit_find(MESH_DIAL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_leads),
		cmocka_unit_test(killed_coordinator),
		cmocka_unit_test(killed_again_and_again),
		cmocka_unit_test(lost_and_found),
		cmocka_unit_test(another_behind_the_port),
		cmocka_unit_test(same_host_id_elsewhere),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(last_word_of_a_duplicate),
		cmocka_unit_test(ourselves),
		cmocka_unit_test(twins_meet),
		cmocka_unit_test(twins_of_a_third),
		cmocka_unit_test(last_words_of_the_dead),
		cmocka_unit_test(joined_by_name),
		cmocka_unit_test(beacons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
