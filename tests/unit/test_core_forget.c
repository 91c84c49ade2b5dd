/* Nodes that will not return: ours and others' word, and who may object. */
#include "test_core_kit.h"

#define GEN (WALL - 5)
#define YEAR_MS UINT64_C(31536000000)

static void
begin(void)
{
	struct stream_report own = kit_report(2, GEN, 3, 3, 33);

	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &own);
}

/* Known, absent, and a replica of it is held. */
static void
remember(uint8_t id, uint64_t generation)
{
	struct stream_report r = kit_report(id, generation, 7, 7, 77);
	struct mesh_memory n;

	memset(&n, 0, sizeof(n));
	n.node = kit_id(id);
	n.port = 5003;
	n.last_heard_wall_ms = 5;
	memcpy(n.name, "old", 4);
	mesh_remember_node(&mesh, &n);
	mesh_remember_stream(&mesh, &r);
}

static void
start(void)
{
	kit_kind(MESH_START);
	kit_refuse_all();
}

static void
ended(enum mesh_input_kind kind, uint8_t id, uint64_t generation)
{
	struct mesh_input in = { .kind = kind };

	in.u.ended.node = kit_id(id);
	in.u.ended.generation = generation;
	kit_step(&in);
}

static void
order(uint8_t id)
{
	struct mesh_input in = { .kind = MESH_FORGET };

	in.u.forget = kit_id(id);
	kit_step(&in);
}

static bool
known(uint8_t id)
{
	struct node_id node = kit_id(id);
	struct node_view v;

	for (uint32_t i = 0; i < mesh_node_count(&mesh); i++) {
		mesh_node_view(&mesh, i, kit_now, &v);
		if (node_id_equal(&v.node, &node))
			return true;
	}
	return false;
}

static bool
has_news(enum mesh_news what)
{
	for (uint32_t i = 0; i < effects.count; i++)
		if (effects.list[i].kind == MESH_NEWS &&
		    effects.list[i].u.news.what == what)
			return true;
	return false;
}

/* The END in the last step, which must be one of this node. */
static const struct mesh_effect *
end_of(uint8_t id, uint64_t generation)
{
	const struct mesh_effect *e = kit_find(MESH_END, 0);
	struct node_id node = kit_id(id);

	assert_non_null(e);
	assert_true(node_id_equal(&e->u.end.stream.node, &node));
	assert_int_equal(e->u.end.stream.generation, generation);
	return e;
}

static bool
says_nodes(mesh_link l, uint8_t id)
{
	const struct mesh_effect *e = kit_sent(l, MESSAGE_NODES);
	struct node_id node = kit_id(id);

	assert_non_null(e);
	for (uint32_t i = 0; i < e->u.message.u.nodes.count; i++)
		if (node_id_equal(&e->u.message.u.nodes.reports[i].node, &node))
			return true;
	return false;
}

/* As peers may say of a node that is not linked with them. */
static void
reported(mesh_link l, uint8_t id, uint32_t flags)
{
	struct node_report r;
	struct message msg;

	memset(&r, 0, sizeof(r));
	r.node = kit_id(id);
	r.run = 9;
	r.port = 5006;
	r.flags = flags;
	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_NODES;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = &r;
	kit_heard(l, &msg);
}

static void
by_our_user(void **state)
{
	struct stream_report again = kit_report(3, GEN, 7, 7, 77);
	mesh_link l;

	(void)state;
	begin();
	remember(3, GEN);
	start();
	order(3);
	assert_true(end_of(3, GEN)->u.end.vanishes);
	assert_true(kit_find(MESH_END, 0)->u.end.ordered);
	assert_true(has_news(NEWS_PEER_FORGOTTEN));
	assert_true(known(3)); /* until it is durable */
	ended(MESH_FORGOT, 3, GEN);
	assert_false(known(3));
	assert_false(has_news(NEWS_PEER_FORGOTTEN)); /* told once */
	assert_null(kit_find(MESH_END, 0));
	/* Nobody brings it back, by naming its stream or itself. */
	l = kit_up(true);
	kit_hello(l, 1, 501, 60000, 5000);
	assert_false(says_nodes(l, 3));
	kit_streams(l, true, &again, 1);
	reported(l, 3, 0);
	assert_false(known(3));
	assert_null(kit_sent(l, MESSAGE_PULL));
	assert_null(kit_find(MESH_END, 0));
	/* Only who is linked with somebody has returned. */
	reported(l, 3, NODE_LINKED);
	assert_true(known(3));
}

/* It comes and goes while the record is being written: whoever was told that it
 * came is told once more that it is forgotten. */
static void
seen_meanwhile(void **state)
{
	mesh_link l;

	(void)state;
	begin();
	remember(3, GEN);
	start();
	order(3);
	assert_true(has_news(NEWS_PEER_FORGOTTEN));
	l = kit_peer(3, 5003);
	kit_down(l, LINK_CLOSED);
	for (unsigned i = 0; i < 4; i++) {
		kit_refuse_all();
		kit_now += 20;
		kit_kind(MESH_TICK);
	}
	assert_int_equal(mesh.roster.live_count, 1);
	assert_true(known(3));
	ended(MESH_FORGOT, 3, GEN);
	assert_false(known(3));
	assert_true(has_news(NEWS_PEER_FORGOTTEN));
}

static void
not_the_living(void **state)
{
	(void)state;
	begin();
	start();
	(void)kit_peer(1, 5000);
	order(1);
	assert_null(kit_find(MESH_END, 0));
	order(2); /* oneself */
	assert_null(kit_find(MESH_END, 0));
	order(9); /* nobody */
	assert_null(kit_find(MESH_END, 0));
	kit_now += 10;
	kit_kind(MESH_TICK);
	assert_null(kit_find(MESH_END, 0));
}

/* The record of somebody else; and of somebody who is not known here. */
static void
by_others(void **state)
{
	(void)state;
	begin();
	remember(3, GEN);
	start();
	ended(MESH_FORGOTTEN, 3, GEN);
	assert_false(end_of(3, GEN)->u.end.ordered);
	ended(MESH_FORGOT, 3, GEN);
	assert_false(known(3));
	ended(MESH_FORGOTTEN, 3, GEN); /* by one more */
	assert_null(kit_find(MESH_END, 0));
	ended(MESH_FORGOTTEN, 4, GEN);
	assert_true(end_of(4, GEN)->u.end.vanishes);
	assert_false(has_news(NEWS_PEER_FORGOTTEN));
	ended(MESH_FORGOT, 4, GEN);
	assert_false(known(4));
	/* What no clock can have said is believed only of who is known so. */
	ended(MESH_FORGOTTEN, 5, WALL + 2 * YEAR_MS);
	assert_null(kit_find(MESH_END, 0));
}

static void
far_but_held(void **state)
{
	(void)state;
	begin();
	remember(3, WALL + 2 * YEAR_MS);
	start();
	ended(MESH_FORGOTTEN, 3, WALL + 2 * YEAR_MS + 1);
	assert_null(kit_find(MESH_END, 0));
	ended(MESH_FORGOTTEN, 3, WALL + 2 * YEAR_MS);
	(void)end_of(3, WALL + 2 * YEAR_MS);
}

/* A word against a live node waits until that one says it lives on. */
static void
reachable(void **state)
{
	struct stream_report now = kit_report(1, GEN, 7, 7, 77);
	struct stream_report forged = kit_report(1, GEN + 9, 2, 2, 22);
	mesh_link l;

	(void)state;
	begin();
	mesh_remember_stream(&mesh, &now);
	mesh_remember_stream(&mesh, &forged);
	start();
	l = kit_peer(1, 5000);
	kit_streams(l, true, &now, 1);
	ended(MESH_FORGOTTEN, 1, GEN);
	assert_null(kit_find(MESH_END, 0));
	/* It believes it. */
	kit_streams(l, false, &forged, 1);
	assert_false(end_of(1, GEN)->u.end.vanishes);
	ended(MESH_FORGOT, 1, GEN);
	assert_true(known(1));
	/* Its end changes nothing: that life was not ended. */
	kit_down(l, LINK_CLOSED);
	kit_refuse_all();
	kit_kind(MESH_TICK);
	assert_null(kit_find(MESH_END, 0));
	assert_true(known(1));
}

/* Ended here, it returns and cannot believe that it was forgotten. */
static void
last_word(void **state)
{
	struct stream_report now = kit_report(3, GEN, 7, 7, 77);
	struct node_id node = kit_id(3);
	mesh_link l;

	(void)state;
	begin();
	mesh_remember_forgotten(&mesh, &node, GEN);
	start();
	l = kit_peer(3, 5003);
	kit_streams(l, true, &now, 1);
	assert_null(kit_sent(l, MESSAGE_PULL));
	for (unsigned i = 0; i < 700; i++) {
		kit_now += 100;
		kit_heartbeat(l, true);
		if (kit_sent(l, MESSAGE_PULL) != NULL)
			break;
	}
	assert_non_null(kit_sent(l, MESSAGE_PULL));
	assert_true(kit_now > 60000 && kit_now < 64000);
	/* Once it is gone the record holds again. */
	kit_down(l, LINK_CLOSED);
	for (unsigned i = 0; i < 4; i++) {
		kit_refuse_all();
		kit_now += 20;
		kit_kind(MESH_TICK);
	}
	assert_int_equal(mesh.roster.live_count, 1);
	assert_true(mesh.forget.list[0].asked_ms != NEVER_MS);
	ended(MESH_FORGOT, 3, GEN);
	assert_false(known(3));
}

/* While we were away it may have begun the life that it owes. */
static void
away(void **state)
{
	struct stream_report now = kit_report(3, GEN, 7, 7, 77);
	struct node_id node = kit_id(3);
	mesh_link l;

	(void)state;
	begin();
	mesh_remember_forgotten(&mesh, &node, GEN);
	start();
	l = kit_peer(3, 5003);
	kit_streams(l, true, &now, 1);
	kit_heartbeat(l, true);
	kit_now += 61000;
	kit_kind(MESH_TICK);
	for (unsigned i = 0; i < 590; i++) {
		assert_false(mesh.forget.list[0].overruled);
		kit_now += 100;
		kit_heartbeat(l, true);
		assert_null(kit_sent(l, MESSAGE_PULL));
	}
	for (unsigned i = 0; i < 40; i++) {
		kit_now += 100;
		kit_heartbeat(l, true);
		if (kit_sent(l, MESSAGE_PULL) != NULL)
			break;
	}
	assert_non_null(kit_sent(l, MESSAGE_PULL));
}

/* It is ourselves. */
static void
we_are(void **state)
{
	struct stream_report old = kit_report(2, GEN - 100, 4, 4, 44);
	struct mesh_input own = { .kind = MESH_OWN };
	const struct mesh_effect *e;

	(void)state;
	begin();
	mesh_remember_stream(&mesh, &old);
	start();
	ended(MESH_FORGOTTEN, 2, GEN);
	assert_null(kit_find(MESH_END, 0));
	e = kit_find(MESH_BEGIN_GENERATION, 0);
	assert_non_null(e);
	assert_true(e->u.generation > GEN);
	own.u.own = kit_report(2, e->u.generation, 3, 3, 33);
	kit_step(&own);
	/* A former life of ours is ended like anybody's. */
	assert_false(end_of(2, GEN)->u.end.vanishes);
	ended(MESH_FORGOT, 2, GEN);
	assert_null(kit_find(MESH_BEGIN_GENERATION, 0));
	ended(MESH_FORGOTTEN, 2, WALL + 2 * YEAR_MS); /* led on by nobody */
	assert_null(kit_find(MESH_BEGIN_GENERATION, 0));
}

/* What is not written is asked for again, and few at a time. */
static void
again(void **state)
{
	unsigned count = 0;

	(void)state;
	begin();
	for (uint8_t id = 10; id < 20; id++)
		remember(id, GEN);
	start();
	for (uint8_t id = 10; id < 20; id++) {
		ended(MESH_FORGOTTEN, id, GEN);
		count += kit_find(MESH_END, 0) != NULL;
	}
	assert_int_equal(count, FORGETTING_MAX);
	kit_now += FORGET_AGAIN_MS;
	kit_kind(MESH_TICK);
	assert_non_null(kit_find(MESH_END, FORGETTING_MAX - 1));
	assert_null(kit_find(MESH_END, FORGETTING_MAX));
	for (uint8_t id = 10; id < 20; id++)
		ended(MESH_FORGOT, id, GEN);
	for (uint8_t id = 10; id < 20; id++)
		ended(MESH_FORGOT, id, GEN);
	for (uint8_t id = 10; id < 20; id++)
		assert_false(known(id));
	assert_int_equal(mesh_node_count(&mesh), 1);
}

/* Whoever makes up names fills half the table, and spoils nothing. */
static void
table_is_bounded(void **state)
{
	struct node_id node;

	(void)state;
	begin();
	remember(3, GEN);
	start();
	for (unsigned i = 0; i < 1000; i++) {
		struct mesh_input in = { .kind = MESH_FORGOTTEN };

		node = kit_id(200);
		node.bytes[0] = (uint8_t)i;
		node.bytes[1] = (uint8_t)(i >> 8);
		in.u.ended.node = node;
		in.u.ended.generation = GEN;
		kit_step(&in);
		in.kind = MESH_FORGOT;
		kit_step(&in);
	}
	assert_int_equal(mesh.forget.end, FORGOTTEN_UNKNOWN_MAX);
	ended(MESH_FORGOTTEN, 3, GEN);
	(void)end_of(3, GEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_our_user),
		cmocka_unit_test(seen_meanwhile),
		cmocka_unit_test(not_the_living),
		cmocka_unit_test(by_others),
		cmocka_unit_test(far_but_held),
		cmocka_unit_test(reachable),
		cmocka_unit_test(last_word),
		cmocka_unit_test(away),
		cmocka_unit_test(we_are),
		cmocka_unit_test(again),
		cmocka_unit_test(table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
