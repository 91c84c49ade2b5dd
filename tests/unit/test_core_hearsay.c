/* Who is known by the word of others, or lost while it may just stand still. */
#include "test_core_kit.h"

static struct node_report word;

/* On this link it is said of node 1, run 77, port 5000. */
static void
say(mesh_link on, uint32_t flags)
{
	struct message msg = { .type = MESSAGE_NODES };

	memset(&word, 0, sizeof(word));
	word.node = kit_id(1);
	word.run = 77;
	word.port = 5000;
	word.host.bytes[0] = 9;
	word.flags = flags;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = &word;
	kit_heard(on, &msg);
}

/* Ticks until somebody is not live any more, or for so long; how long it was. */
static uint64_t
live_for(uint16_t index, mesh_link heard, uint64_t ms)
{
	uint64_t from = kit_now;

	while (mesh.roster.nodes[index].standing == STANDING_LIVE &&
	       kit_now < from + ms) {
		kit_now += 50;
		if (heard != MESH_LINK_NONE)
			kit_heartbeat(heard, true);
		kit_kind(MESH_TICK);
	}
	return kit_now - from;
}

static void
accept_dial(mesh_link link)
{
	struct mesh_input in = { .kind = MESH_LINK_CONNECTED, .link = link };

	kit_step(&in);
}

static bool
told(enum mesh_news what)
{
	for (uint32_t i = 0; i < effects.count; i++)
		if (effects.list[i].kind == MESH_NEWS &&
		    effects.list[i].u.news.what == what)
			return true;
	return false;
}

/* Who vouches for somebody, and goes: its word is as good as it was. */
static void
word_of_who_went(void **state)
{
	struct node_report r[1];
	struct message msg = { .type = MESSAGE_NODES };
	struct stream_report held = kit_report(1, 5, 9, 9, 99);
	mesh_link first, second;
	struct node_view view;
	uint64_t last;

	(void)state;
	kit_init(3, 5005);
	mesh_remember_stream(&mesh, &held);
	kit_kind(MESH_START);
	kit_refuse_all();
	first = kit_peer(2, 5004);
	second = kit_peer(4, 5006);
	memset(r, 0, sizeof(r));
	r[0].node = kit_id(1);
	r[0].run = 77;
	r[0].port = 5000;
	r[0].flags = NODE_LINKED | NODE_SYNCED;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = r;
	kit_heard(first, &msg);
	kit_streams(second, true, &held, 1);
	kit_heard(second, &msg);
	assert_true(kit_leads(1));
	/* One of them no longer hears it, ... */
	r[0].flags = NODE_LINKED | NODE_SYNCED | NODE_SUSPECT;
	kit_heard(second, &msg);
	kit_down(first, LINK_CLOSED);
	kit_refuse_all();
	assert_int_equal(mesh.roster.nodes[2].standing, STANDING_GONE);
	assert_false(kit_leads(1));
	/* ... and goes as well: that is no news of it, good or bad. */
	last = kit_now;
	kit_down(second, LINK_CLOSED);
	for (uint32_t ms = 0; ms < 9900; ms += 100) {
		kit_refuse_all();
		assert_false(kit_leads(1));
		mesh_node_view(&mesh, 1, kit_now, &view);
		assert_true(view.at_head == (ms < 2000));
		assert_int_equal(mesh.roster.nodes[1].standing, STANDING_LIVE);
		kit_now += 100;
		kit_kind(MESH_TICK);
	}
	while (mesh.roster.nodes[1].standing == STANDING_LIVE) {
		assert_true(mesh_wake_ms(&mesh) > kit_now);
		assert_true(mesh_wake_ms(&mesh) <= last + 10000);
		kit_now = mesh_wake_ms(&mesh);
		kit_kind(MESH_TICK);
		kit_refuse_all();
	}
	assert_int_equal(mesh.roster.live_count, 1);
}

/* Whom we lost ourselves a moment before its voucher goes as well. */
static void
lost_and_vouched_for(void **state)
{
	struct node_report r[1];
	struct message msg = { .type = MESSAGE_NODES };
	mesh_link voucher, l;

	(void)state;
	kit_alone(3, 5005);
	voucher = kit_peer(2, 5004);
	l = kit_up(false);
	kit_hello(l, 1, 501, 60000, 5000);
	memset(r, 0, sizeof(r));
	r[0].node = kit_id(1);
	r[0].run = 501;
	r[0].port = 5000;
	r[0].flags = NODE_LINKED | NODE_SYNCED;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = r;
	kit_heard(voucher, &msg);
	kit_down(l, LINK_CLOSED);
	kit_now += 1800;
	kit_heartbeat(voucher, true);
	kit_down(voucher, LINK_CLOSED);
	kit_refuse_all();
	kit_now += 300;
	kit_kind(MESH_TICK);
	assert_int_equal(mesh.roster.nodes[2].standing, STANDING_LIVE);
	/* Vouched for again, it is well. */
	voucher = kit_peer(2, 5004);
	kit_heard(voucher, &msg);
	for (uint32_t ms = 0; ms < 15000; ms += 100) {
		kit_refuse_all();
		kit_now += 100;
		kit_heartbeat(voucher, true);
	}
	assert_int_equal(mesh.roster.nodes[2].standing, STANDING_LIVE);
	assert_false(roster_suspected(&mesh.roster, 2));
}

/* The port that it had in its former run proves nothing against the present one,
 * which is known by report only. */
static void
port_of_a_former_run(void **state)
{
	struct node_report r[1];
	struct message msg = { .type = MESSAGE_NODES };
	struct mesh_input up = { .kind = MESH_LINK_UP };
	mesh_link voucher, l;

	(void)state;
	for (uint32_t how = 0; how < 2; how++) {
		kit_alone(3, 5005);
		voucher = kit_peer(2, 5004);
		l = kit_peer(1, 5000);
		kit_down(l, LINK_CLOSED);
		up.link = kit_find(MESH_DIAL, 0)->link;
		memset(r, 0, sizeof(r));
		r[0].node = kit_id(1);
		r[0].run = 777;
		r[0].port = 5001;
		r[0].flags = NODE_LINKED | NODE_SYNCED;
		msg.u.nodes.count = 1;
		msg.u.nodes.reports = r;
		kit_heard(voucher, &msg);
		assert_true(mesh.roster.nodes[2].run == 777);
		kit_down(voucher, LINK_CLOSED);
		if (how == 0) {
			kit_down(up.link, LINK_REFUSED);
		} else {
			up.u.up.loopback = true;
			kit_step(&up);
			kit_hello(up.link, 7, 507, 5, 5000);
		}
		assert_int_equal(mesh.roster.nodes[2].standing, STANDING_LIVE);
		assert_false(mesh.roster.nodes[2].barred);
	}
}

/* Who still hears it says that it is no more: that is newer than the word of
 * who went before. */
static void
word_withdrawn(void **state)
{
	mesh_link first, second;

	(void)state;
	kit_alone(3, 5005);
	first = kit_peer(2, 5004);
	second = kit_peer(4, 5006);
	say(first, NODE_LINKED | NODE_SYNCED);
	say(second, NODE_LINKED | NODE_SYNCED);
	kit_down(first, LINK_CLOSED);
	kit_refuse_all();
	say(second, 0);
	kit_refuse_all();
	assert_int_equal(mesh.roster.nodes[3].standing, STANDING_LIVE);
	assert_true(live_for(3, second, 12000) <= LOST_MS);
}

/* Given up by who heard it last, after doubt: it does not lead once more. */
static void
doubted_to_the_end(void **state)
{
	mesh_link l;

	(void)state;
	kit_alone(3, 5005);
	l = kit_peer(2, 5004);
	say(l, NODE_LINKED | NODE_SYNCED);
	assert_true(kit_leads(1));
	say(l, NODE_LINKED | NODE_SYNCED | NODE_SUSPECT);
	kit_refuse_all();
	assert_true(kit_leads(2));
	say(l, 0);
	assert_int_equal(mesh.roster.nodes[2].standing, STANDING_LIVE);
	assert_true(kit_leads(2));
	/* Vouched for and doubted still: that it is well is no news. */
	say(l, NODE_LINKED | NODE_SYNCED | NODE_SUSPECT);
	assert_false(told(NEWS_PEER_WELL));
	kit_kind(MESH_TICK);
	assert_false(told(NEWS_PEER_WELL));
	assert_true(kit_leads(2));
	say(l, NODE_LINKED | NODE_SYNCED);
	kit_kind(MESH_TICK);
	assert_true(told(NEWS_PEER_WELL));
	assert_true(kit_leads(1));
}

/* The other end of a lost link accepts, and says nothing: it may stand still, and
 * is suspect, but not gone before it would be on a link. */
static void
lost_and_standing_still(void **state)
{
	mesh_link l, dial;
	uint64_t heard;

	(void)state;
	kit_alone(2, 5001);
	l = kit_peer(1, 5000);
	heard = kit_now;
	(void)live_for(1, MESH_LINK_NONE, 800);
	kit_down(l, LINK_CLOSED);
	dial = kit_find(MESH_DIAL, 0)->link;
	accept_dial(dial);
	while (kit_now < heard + 9900) {
		assert_int_equal(mesh.roster.nodes[1].standing, STANDING_LIVE);
		kit_now += 50;
		kit_kind(MESH_TICK);
		assert_true(mesh_wake_ms(&mesh) > kit_now);
	}
	assert_true(mesh.roster.nodes[1].suspect);
	assert_true(live_for(1, MESH_LINK_NONE, 5000) <= 150);
}

/* It stood still, and is killed. */
static void
refused_after_all(void **state)
{
	mesh_link l, dial;

	(void)state;
	for (uint32_t how = 0; how < 2; how++) {
		kit_alone(2, 5001);
		l = kit_up(true);
		kit_hello(l, 1, 501, 60000, 5000);
		kit_down(l, how == 0 ? LINK_CLOGGED : LINK_CLOSED);
		(void)live_for(1, MESH_LINK_NONE, 100);
		dial = mesh.links.list[0].id;
		assert_true(mesh.links.list[0].address.port == 5000);
		accept_dial(dial);
		assert_true(live_for(1, MESH_LINK_NONE, 2500) == 2500);
		kit_down(dial, LINK_RESET);
		kit_kind(MESH_TICK);
		assert_int_equal(mesh.roster.nodes[1].standing, STANDING_GONE);
	}
}

/* Somebody else has its port, and says so: it is not there. */
static void
another_answers(void **state)
{
	struct mesh_input up = { .kind = MESH_LINK_UP };
	mesh_link l;

	(void)state;
	for (uint32_t how = 0; how < 2; how++) {
		kit_alone(2, 5001);
		l = kit_up(true);
		kit_hello(l, 1, 501, 60000, 5000);
		kit_down(l, LINK_CLOGGED);
		(void)live_for(1, MESH_LINK_NONE, 100);
		up.link = mesh.links.list[0].id;
		assert_int_equal(mesh.links.list[0].address.port, 5000);
		accept_dial(up.link);
		up.u.up.loopback = true;
		kit_step(&up);
		/* Also if nobody is linked with: it is ourselves. */
		kit_hello(up.link, how == 0 ? 4 : 2, how == 0 ? 504 :
			  mesh.config.run, 1000, 5000);
		assert_true(live_for(1, MESH_LINK_NONE, 12000) <= 2100);
		assert_int_equal(mesh.roster.nodes[1].standing, STANDING_GONE);
	}
}

/* A dial that was accepted before its voucher withdrew. */
static void
accepted_before(void **state)
{
	mesh_link voucher, dial = MESH_LINK_NONE;

	(void)state;
	kit_alone(3, 5005);
	voucher = kit_peer(2, 5004);
	say(voucher, NODE_LINKED | NODE_SYNCED);
	for (uint32_t i = 0; i < mesh.links.count; i++)
		if (mesh.links.list[i].phase == LINK_DIALLING &&
		    mesh.links.list[i].address.port == 5000)
			dial = mesh.links.list[i].id;
	assert_true(dial != MESH_LINK_NONE);
	accept_dial(dial);
	kit_refuse_all();
	say(voucher, 0);
	assert_true(live_for(2, voucher, 12000) >= 9900);
	assert_int_equal(mesh.roster.nodes[2].standing, STANDING_GONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(word_of_who_went),
		cmocka_unit_test(lost_and_vouched_for),
		cmocka_unit_test(word_withdrawn),
		cmocka_unit_test(doubted_to_the_end),
		cmocka_unit_test(port_of_a_former_run),
		cmocka_unit_test(lost_and_standing_still),
		cmocka_unit_test(refused_after_all),
		cmocka_unit_test(another_answers),
		cmocka_unit_test(accepted_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
