/* Points, generations, pulling and serving, page by page. */
#include "test_core_kit.h"

#define GEN (WALL - 5)

static void
begin(void)
{
	struct stream_report own = kit_report(2, GEN, 3, 3, 33);

	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &own);
	kit_kind(MESH_START);
	kit_refuse_all();
}

static const struct message *
pulled(mesh_link l)
{
	const struct mesh_effect *e = kit_sent(l, MESSAGE_PULL);

	return e == NULL ? NULL : &e->u.message;
}

static size_t batch_bytes = 100;

static void
batch(mesh_link l, const struct message *pull, uint64_t through, uint64_t base,
      uint64_t cursor, uint64_t digest)
{
	struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_BATCH;
	msg.request = pull->request;
	msg.u.batch.stream = pull->u.pull.stream;
	msg.u.batch.after = pull->u.pull.after;
	msg.u.batch.through = through;
	msg.u.batch.point.base = base;
	msg.u.batch.point.cursor = cursor;
	msg.u.batch.digest.low = digest;
	/* The core counts records and never looks at them. */
	msg.u.batch.record_count = through > msg.u.batch.after ? 1 : 0;
	msg.u.batch.records_bytes = batch_bytes;
	kit_heard(l, &msg);
}

static void
stored(uint64_t store, const struct stream_report *r)
{
	struct mesh_input in = { .kind = MESH_STORED };

	in.u.stored.store = store;
	in.u.stored.report = *r;
	kit_step(&in);
}

static void
from_the_owner(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	struct stream_report part = kit_report(1, GEN, 0, 4, 44);
	const struct mesh_effect *e;
	mesh_link l;
	uint64_t first, second;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	assert_non_null(pulled(l));
	pull = *pulled(l);
	assert_int_equal(pull.u.pull.after, 0);
	batch(l, &pull, 4, 9, 9, 99);
	e = kit_find(MESH_STORE, 0);
	assert_non_null(e);
	first = e->u.store.store;
	assert_int_equal(e->u.store.point.base, 0);
	assert_int_equal(e->u.store.point.cursor, 4);
	if (PULL_UNSTORED_MAX == 1)
		stored(first, &part);
	pull = *pulled(l);
	assert_int_equal(pull.u.pull.after, 4);
	batch(l, &pull, 10, 10, 10, 100); /* the owner has moved on */
	e = kit_find(MESH_STORE, 0);
	second = e->u.store.store;
	assert_true(e->u.store.at_head);
	assert_int_equal(e->u.store.point.base, 10);
	assert_int_equal(e->u.store.point.cursor, 10);
	if (PULL_UNSTORED_MAX > 1)
		stored(first, &part);
	assert_null(pulled(l));
	r = kit_report(1, GEN, 10, 10, 100);
	stored(second, &r);
	assert_null(pulled(l));
	assert_null(kit_find(MESH_NEWS, 0));
}

static void
unstored_pages_are_bounded(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	for (uint32_t i = 1; i <= PULL_UNSTORED_MAX; i++) {
		pull = *pulled(l);
		batch(l, &pull, i, 9, 9, 99);
	}
	assert_null(pulled(l));
	r = kit_report(1, GEN, 0, 1, 22);
	stored(1, &r);
	assert_int_equal(pulled(l)->u.pull.after, PULL_UNSTORED_MAX);
}

static void
unequal_to_the_owner(void **state)
{
	struct stream_report held = kit_report(1, GEN, 9, 9, 1);
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &held);
	kit_kind(MESH_START);
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	assert_non_null(kit_find(MESH_NEWS, 0));
	pull = *pulled(l);
	assert_int_equal(pull.u.pull.after, 0);
	batch(l, &pull, 9, 9, 9, 99);
	assert_true(kit_find(MESH_STORE, 0)->u.store.rebuild);
	assert_true(kit_find(MESH_STORE, 0)->u.store.at_head);
	stored(kit_find(MESH_STORE, 0)->u.store.store, &r);
	assert_null(pulled(l));
	assert_true(streams_find(&mesh, 1, GEN)->digest.low == 99);
}

static void
hold(const struct stream_report *held)
{
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, held);
	kit_kind(MESH_START);
	kit_refuse_all();
}

/* That peer reports node 7, and nobody else. */
static void
hears(mesh_link l, bool linked)
{
	struct message msg = {.type = MESSAGE_NODES};
	struct node_report owner;

	memset(&owner, 0, sizeof(owner));
	owner.node = kit_id(7);
	owner.run = 507;
	owner.flags = linked ? NODE_LINKED : 0;
	msg.u.nodes.count = 1;
	msg.u.nodes.reports = &owner;
	kit_heard(l, &msg);
}

/* Other rows up to the same number, from somebody who hears the owner that we do
 * not: what we hold is replaced, not merged with. */
static void
unequal_to_who_hears_it(void **state)
{
	struct stream_report held = kit_report(7, GEN, 9, 9, 1);
	struct stream_report r = kit_report(7, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	hold(&held);
	l = kit_peer(1, 5000);
	hears(l, true);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	assert_int_equal(pull.u.pull.after, 0);
	batch(l, &pull, 9, 9, 9, 99);
	assert_true(kit_find(MESH_STORE, 0)->u.store.rebuild);
	stored(kit_find(MESH_STORE, 0)->u.store.store, &r);
	assert_null(pulled(l));
	/* Who contradicts the others is not followed to and fro all the time. */
	r.digest.low = 98;
	kit_streams(l, false, &r, 1);
	assert_null(pulled(l));
}

/* Who hears the owner is told more while we ask: no offence, and nothing of it is
 * taken for all that there is. */
static void
who_hears_it_is_told_more(void **state)
{
	struct stream_report held = kit_report(7, GEN, 9, 9, 1);
	struct stream_report r = kit_report(7, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	hold(&held);
	l = kit_peer(1, 5000);
	hears(l, true);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	batch(l, &pull, 12, 9, 12, 99);
	assert_false(kit_hung_up(l));
	assert_true(mesh.roster.slots_linked != 0);
	assert_null(kit_find(MESH_STORE, 0));
	assert_int_equal(streams_find(&mesh, 1, GEN)->digest.low, 1);
}

/* It was merged with in vain, and comes to hear the owner. */
static void
merged_before_it_hears(void **state)
{
	struct stream_report held = kit_report(7, GEN, 9, 9, 1);
	struct stream_report r = kit_report(7, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	hold(&held);
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	batch(l, &pull, 9, 9, 9, 99);
	assert_false(kit_find(MESH_STORE, 0)->u.store.rebuild);
	held.digest.low = 2;
	stored(kit_find(MESH_STORE, 0)->u.store.store, &held);
	assert_null(pulled(l));
	hears(l, true);
	assert_non_null(pulled(l));
	pull = *pulled(l);
	batch(l, &pull, 9, 9, 9, 99);
	assert_true(kit_find(MESH_STORE, 0)->u.store.rebuild);
}

/* Somebody says what the owner says, by all we know: others are neither merged
 * with nor followed. */
static void
agreed_with_who_hears_it(void **state)
{
	struct stream_report held = kit_report(7, GEN, 9, 9, 99);
	struct stream_report r = kit_report(7, GEN, 9, 9, 99);
	mesh_link right, other;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		hold(&held);
		right = kit_peer(1, 5000);
		other = kit_peer(3, 5003);
		hears(right, true);
		r.digest.low = 99;
		kit_streams(right, false, &r, 1);
		assert_null(pulled(right));
		if (i == 1)
			hears(other, true);
		r.digest.low = 98;
		kit_streams(other, false, &r, 1);
		assert_null(pulled(other));
		/* ... while that one does. */
		hears(right, false);
		assert_non_null(pulled(other));
	}
}

/* The owner comes while what it says is had from another: it is asked itself, and
 * at once. */
static void
owner_comes_meanwhile(void **state)
{
	struct stream_report held = kit_report(7, GEN, 9, 9, 1);
	struct stream_report r = kit_report(7, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l, owner;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t store = 0;

		hold(&held);
		l = kit_peer(1, 5000);
		hears(l, true);
		kit_streams(l, false, &r, 1);
		pull = *pulled(l);
		if (i == 1) {
			batch(l, &pull, 9, 9, 9, 99);
			store = kit_find(MESH_STORE, 0)->u.store.store;
		}
		owner = kit_peer(7, 5007);
		r.digest.low = 97;
		kit_streams(owner, false, &r, 1);
		r.digest.low = 99;
		if (i == 1)
			stored(store, &r);
		assert_non_null(pulled(owner));
	}
}

/* Of a former life who hears the owner may know no more than we do. */
static void
former_life_is_merged(void **state)
{
	struct stream_report held = kit_report(7, GEN - 5, 9, 9, 1);
	struct stream_report r[2];
	struct message pull;
	mesh_link l;

	(void)state;
	hold(&held);
	l = kit_peer(1, 5000);
	hears(l, true);
	r[0] = kit_report(7, GEN, 0, 0, 0);
	r[1] = kit_report(7, GEN - 5, 9, 9, 99);
	kit_streams(l, false, r, 2);
	for (uint32_t i = 0; kit_sent(l, MESSAGE_PULL) != NULL; i++) {
		pull = *pulled(l);
		if (pull.u.pull.stream.generation == GEN - 5)
			break;
		assert_true(i < 2);
		batch(l, &pull, 0, 0, 0, 0);
		r[0] = kit_report(7, GEN, 0, 0, 0);
		stored(kit_find(MESH_STORE, 0)->u.store.store, &r[0]);
	}
	assert_int_equal(pull.u.pull.stream.generation, GEN - 5);
	batch(l, &pull, 9, 9, 9, 99);
	assert_false(kit_find(MESH_STORE, 0)->u.store.rebuild);
}

static void
from_a_relay(void **state)
{
	struct stream_report held = kit_report(7, GEN, 4, 6, 1);
	struct stream_report r = kit_report(7, GEN, 8, 12, 99);
	struct message pull;
	const struct mesh_effect *e;
	mesh_link l;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &held);
	kit_kind(MESH_START);
	kit_refuse_all();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	assert_int_equal(pull.u.pull.after, 4); /* our own base */
	batch(l, &pull, 10, 8, 12, 99);
	e = kit_find(MESH_STORE, 0);
	assert_int_equal(e->u.store.point.base, 4);
	assert_int_equal(e->u.store.point.cursor, 10);
	if (PULL_UNSTORED_MAX == 1) {
		held = kit_report(7, GEN, 4, 10, 5);
		stored(e->u.store.store, &held);
	}
	pull = *pulled(l);
	batch(l, &pull, 13, 13, 13, 130); /* it reached the head meanwhile */
	e = kit_find(MESH_STORE, 0);
	assert_int_equal(e->u.store.point.base, 8); /* of the first page */
	assert_int_equal(e->u.store.point.cursor, 13);
}

static void
merging_ends(void **state)
{
	struct stream_report held = kit_report(7, GEN, 4, 6, 1);
	struct stream_report r = kit_report(7, GEN, 4, 6, 2);
	struct message pull;
	mesh_link l;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &held);
	kit_kind(MESH_START);
	kit_refuse_all();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	assert_int_equal(pull.u.pull.after, 0);
	batch(l, &pull, 6, 4, 6, 2);
	held.digest.low = 3;
	stored(kit_find(MESH_STORE, 0)->u.store.store, &held);
	assert_null(pulled(l));
	kit_streams(l, false, &r, 1);
	assert_null(pulled(l));
}

static void
overtaken_by_the_owner(void **state)
{
	struct stream_report r = kit_report(1, GEN, 8, 12, 99);
	struct stream_report own = kit_report(1, GEN, 12, 12, 99);
	struct message pull;
	mesh_link relay, owner;

	(void)state;
	begin();
	relay = kit_peer(7, 5003);
	kit_streams(relay, false, &r, 1);
	pull = *pulled(relay);
	owner = kit_peer(1, 5000);
	kit_streams(owner, false, &own, 1);
	assert_int_equal(pulled(owner)->u.pull.after, 0);
	batch(relay, &pull, 12, 8, 12, 99); /* dropped silently */
	assert_null(kit_find(MESH_STORE, 0));
	assert_false(kit_hung_up(relay));
	batch(relay, &pull, 12, 8, 12, 99); /* nobody asked twice */
	assert_true(kit_hung_up(relay));
}

static void
a_new_generation(void **state)
{
	struct stream_report r = kit_report(2, GEN, 5, 9, 99);
	struct mesh_input own = { .kind = MESH_OWN };
	mesh_link l;
	uint64_t g;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, true, &r, 1); /* knows more of us than we do */
	assert_non_null(kit_find(MESH_BEGIN_GENERATION, 0));
	g = kit_find(MESH_BEGIN_GENERATION, 0)->u.generation;
	assert_true(g > GEN);
	kit_streams(l, true, &r, 1);
	assert_null(kit_find(MESH_BEGIN_GENERATION, 0)); /* once */
	own.u.own = kit_report(2, GEN, 9, 9, 98); /* other rows, same numbers */
	kit_step(&own);
	assert_null(kit_sent(MESH_LINK_ALL, MESSAGE_STREAMS));
	own.u.own = kit_report(2, g, 3, 3, 34);
	kit_step(&own);
	assert_int_equal(kit_sent(MESH_LINK_ALL, MESSAGE_STREAMS)
				 ->u.message.u.streams.count, 1);
	assert_non_null(pulled(l)); /* our former life, as a replica */
	assert_true(pulled(l)->u.pull.stream.generation == GEN);
}

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

/* What is said of ours is in the future until we live beyond it; held, it would
 * be our present life to everybody. */
static void
lives_to_come_are_not_pulled(void **state)
{
	struct stream_report r[2] = { kit_report(2, GEN + 5, 7, 7, 77),
				      kit_report(2, GEN + 9, 9, 9, 99) };
	struct mesh_input undone = { .kind = MESH_UNDONE };
	struct mesh_input own = { .kind = MESH_OWN };
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, true, r, 2);
	undone.u.undone.node = kit_id(2);
	undone.u.undone.generation =
		kit_find(MESH_BEGIN_GENERATION, 0)->u.generation;
	assert_null(pulled(l));
	kit_step(&undone);
	assert_null(pulled(l));
	own.u.own = kit_report(2, undone.u.undone.generation, 1, 1, 11);
	kit_step(&own);
	assert_non_null(pulled(l));
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
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &r);
	kit_kind(MESH_START);
	kit_refuse_all();
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
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &r);
	kit_kind(MESH_START);
	kit_refuse_all();
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
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &r);
	kit_kind(MESH_START);
	kit_refuse_all();
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

/* Something has come to be held just before: that goes to everybody, and a new
 * member must hear all that there is before it hears a part of it. */
static void
a_new_member_is_told_all_first(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	mesh_link a, b;
	uint32_t i = 0;

	(void)state;
	begin();
	a = kit_peer(1, 5000);
	kit_streams(a, false, &r, 1);
	pull = *pulled(a);
	batch(a, &pull, 9, 9, 9, 99);
	kit_kind(MESH_TICK);
	b = kit_up(true);
	stored(1, &r);
	mesh.streams.any_dirty = true; /* within a second of the last one */
	streams_find(&mesh, 1, GEN)->dirty = true;
	kit_hello(b, 3, 503, 60000, 5002);
	while (effects.list[i].kind != MESH_SEND ||
	       effects.list[i].u.message.type != MESSAGE_STREAMS)
		i++;
	assert_true(effects.list[i].link == b);
	assert_true(effects.list[i].u.message.u.streams.full);
	assert_false(kit_sent(MESH_LINK_ALL, MESSAGE_STREAMS)
			     ->u.message.u.streams.full);
}

/* Of a part it cannot be seen which life of its owner is the present one. */
static void
a_part_before_the_whole_is_no_word(void **state)
{
	struct stream_report lives[2] = { kit_report(1, GEN, 5, 5, 55),
					  kit_report(1, GEN + 9, 9, 9, 99) };
	mesh_link l;

	(void)state;
	begin();
	l = kit_up(true);
	kit_hello(l, 1, 501, 60000, 5000);
	kit_streams(l, false, lives, 1);
	assert_int_equal(mesh_node(&mesh, 1)->owner_generation, 0);
	assert_null(pulled(l));
	kit_streams(l, true, lives, 2);
	assert_int_equal(mesh_node(&mesh, 1)->owner_generation, GEN + 9);
	assert_non_null(pulled(l));
}

/* The disk was full: it is asked for again, but not at once. */
static void
a_generation_that_could_not_be_written(void **state)
{
	struct stream_report r = kit_report(2, GEN, 5, 9, 99);
	struct mesh_input undone = { .kind = MESH_UNDONE };
	struct mesh_input own = { .kind = MESH_OWN };
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, true, &r, 1);
	undone.u.undone.node = kit_id(2);
	undone.u.undone.generation =
		kit_find(MESH_BEGIN_GENERATION, 0)->u.generation;
	kit_step(&undone);
	assert_null(kit_find(MESH_BEGIN_GENERATION, 0));
	/* That it has come as far meanwhile changes nothing. */
	own.u.own = kit_report(2, GEN, 12, 12, 98);
	kit_step(&own);
	assert_null(kit_sent(MESH_LINK_ALL, MESSAGE_STREAMS));
	for (uint32_t n = 0; n < 2; n++) {
		kit_now += 1000;
		kit_streams(l, true, &r, 1);
		assert_null(kit_find(MESH_BEGIN_GENERATION, 0));
	}
	assert_true(mesh_wake_ms(&mesh) <= kit_now + 1000);
	kit_now += 1000;
	kit_streams(l, true, &r, 1);
	assert_non_null(kit_find(MESH_BEGIN_GENERATION, 0));
	assert_true(kit_find(MESH_BEGIN_GENERATION, 0)->u.generation > GEN);
}

/* Who has lost nothing takes no word of its own former lives. */
static void
a_good_memory(void **state)
{
	struct stream_report r[] = { kit_report(2, GEN, 9, 9, 99),
				     kit_report(2, GEN - 3, 9, 9, 99) };
	struct mesh_input own = { .kind = MESH_OWN };
	mesh_link l;

	(void)state;
	begin();
	mesh.config.remembers = true;
	l = kit_peer(1, 5000);
	kit_streams(l, true, r, 2);
	own.u.own = kit_report(2, kit_find(MESH_BEGIN_GENERATION, 0)
					  ->u.generation, 3, 3, 34);
	kit_step(&own);
	assert_null(pulled(l));
	kit_now += 1000;
	kit_streams(l, true, r, 2);
	assert_null(pulled(l));
}

/* Of the former lives of one that is here, its own word counts. */
static void
former_lives_of_one_that_is_here(void **state)
{
	struct stream_report r[] = { kit_report(1, GEN, 0, 0, 0),
				     kit_report(1, GEN - 3, 4, 9, 99) };
	mesh_link owner, relay;

	(void)state;
	begin();
	owner = kit_peer(1, 5000);
	kit_streams(owner, true, r, 1);
	relay = kit_peer(7, 5003);
	kit_streams(relay, true, &r[1], 1);
	assert_null(pulled(relay));
	kit_streams(owner, true, r, 2); /* it has got that from somebody */
	assert_null(pulled(relay));
	assert_non_null(pulled(owner));
	assert_true(pulled(owner)->u.pull.stream.generation == GEN - 3);
}

/* ... and of one that is not here, anybody's. */
static void
former_lives_of_one_that_is_away(void **state)
{
	struct stream_report r = kit_report(1, GEN - 3, 4, 9, 99);
	mesh_link relay;

	(void)state;
	begin();
	relay = kit_peer(7, 5003);
	kit_streams(relay, true, &r, 1);
	assert_non_null(pulled(relay));
}

static void
absurd_generation(void **state)
{
	struct stream_report r = kit_report(7, GENERATION_MAX, 5, 9, 99);
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	assert_non_null(kit_find(MESH_NEWS, 0));
	assert_false(kit_hung_up(l));
	assert_null(pulled(l));
	/* Of itself it may say what it likes: some clocks are wrong. */
	r = kit_report(1, GENERATION_MAX, 9, 9, 99);
	kit_streams(l, false, &r, 1);
	assert_false(kit_hung_up(l));
	assert_true(pulled(l)->u.pull.stream.generation == GENERATION_MAX);
}

/* Step by step, a year each, nobody leads us into the far future. */
static void
no_ratchet(void **state)
{
	const uint64_t year = UINT64_C(365) * 86400000;
	struct stream_report r = kit_report(2, GEN + year, 5, 5, 9);
	struct mesh_input own = { .kind = MESH_OWN };
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	assert_non_null(kit_find(MESH_BEGIN_GENERATION, 0));
	own.u.own = kit_report(2, GEN + year + 1, 3, 3, 34);
	kit_step(&own);
	for (uint64_t n = 2; n < 4; n++) {
		r = kit_report(2, GEN + n * year, 5, 5, 9);
		kit_streams(l, false, &r, 1);
		assert_null(kit_find(MESH_BEGIN_GENERATION, 0));
		if (n == 2) /* one word in the log */
			assert_int_equal(kit_find(MESH_NEWS, 0)->u.news.what,
					 NEWS_REFUSED);
		else
			assert_null(kit_find(MESH_NEWS, 0));
		assert_false(kit_hung_up(l));
		assert_null(pulled(l));
	}
}

static void
keep_alive(mesh_link l, uint32_t ms)
{
	for (; ms > 0; ms -= 100) {
		kit_now += 100;
		kit_heartbeat(l, true);
		if (kit_find(MESH_DROP, 0) != NULL)
			return;
	}
}

/* What is said in a node's name yields to the node. */
static void
the_owner_has_the_last_word(void **state)
{
	struct stream_report real = kit_report(1, GEN, 9, 9, 99);
	struct stream_report forged = kit_report(1, GEN + 500, 2, 2, 7);
	struct mesh_input dropped = { .kind = MESH_DROPPED };
	struct mesh_input undone = { .kind = MESH_UNDONE };
	const struct mesh_effect *e;
	mesh_link relay, owner;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &real);
	mesh_remember_stream(&mesh, &forged);
	kit_kind(MESH_START);
	kit_refuse_all();
	/* For its sake the true one has been let go. */
	dropped.u.dropped.stream = real.stream;
	kit_step(&dropped);
	assert_true(streams_find(&mesh, 1, GEN)->let_go);
	relay = kit_peer(7, 5003);
	owner = kit_peer(1, 5000);
	kit_streams(owner, true, &real, 1);
	assert_null(pulled(owner));
	keep_alive(owner, 9900);
	assert_null(kit_find(MESH_DROP, 0));
	keep_alive(owner, 200);
	e = kit_find(MESH_DROP, 0);
	assert_non_null(e);
	assert_true(e->u.stream.generation == GEN + 500);
	assert_true(pulled(owner)->u.pull.stream.generation == GEN);
	/* The disk would not: once more, when it has had its say again. */
	undone.u.undone = forged.stream;
	kit_step(&undone);
	assert_null(kit_find(MESH_DROP, 0));
	keep_alive(owner, 9000);
	assert_null(kit_find(MESH_DROP, 0));
	keep_alive(owner, 1500);
	assert_non_null(kit_find(MESH_DROP, 0));
	dropped.u.dropped.stream = forged.stream;
	kit_step(&dropped);
	assert_null(streams_find(&mesh, 1, GEN + 500));
	kit_step(&dropped); /* told twice */
	forged.point.base = forged.point.cursor = 20;
	relay = kit_peer(7, 5003);
	kit_streams(relay, false, &forged, 1);
	assert_null(pulled(relay)); /* not while its owner is here */
}

/* Its owner is linked and lives an earlier life. */
static mesh_link
contested(void)
{
	struct stream_report real = kit_report(1, GEN, 9, 9, 99);
	struct stream_report later = kit_report(1, GEN + 500, 2, 2, 7);
	mesh_link owner;

	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &later);
	kit_kind(MESH_START);
	kit_refuse_all();
	owner = kit_peer(1, 5000);
	kit_streams(owner, true, &real, 1);
	return owner;
}

/* Nobody has heard the owner while we were away; it may have begun anew. */
static void
being_away_is_no_last_word(void **state)
{
	struct stream_report anew = kit_report(1, GEN + 600, 3, 3, 33);
	mesh_link owner;

	(void)state;
	owner = contested();
	keep_alive(owner, 200);
	kit_now += 11000;
	kit_kind(MESH_TICK);
	assert_null(kit_find(MESH_DROP, 0));
	/* What it said before, and then what it says now. */
	keep_alive(owner, 500);
	assert_null(kit_find(MESH_DROP, 0));
	kit_streams(owner, false, &anew, 1);
	keep_alive(owner, 12000);
	assert_null(kit_find(MESH_DROP, 0));

	/* Told of nothing, it is waited for as if we had not been away. */
	owner = contested();
	keep_alive(owner, 200);
	kit_now += 11000;
	kit_kind(MESH_TICK);
	keep_alive(owner, 9000);
	assert_null(kit_find(MESH_DROP, 0));
	keep_alive(owner, 1500);
	assert_non_null(kit_find(MESH_DROP, 0));

	/* Nearly due before: what came meanwhile is read first. */
	owner = contested();
	keep_alive(owner, 9800);
	assert_null(kit_find(MESH_DROP, 0));
	kit_now += 5000;
	kit_kind(MESH_TICK);
	keep_alive(owner, 4500);
	assert_null(kit_find(MESH_DROP, 0));
	keep_alive(owner, 1000);
	assert_non_null(kit_find(MESH_DROP, 0));
}

/* Nor is its silence, short of what makes it suspect. */
static void
silence_is_no_last_word(void **state)
{
	mesh_link owner;

	(void)state;
	owner = contested();
	keep_alive(owner, 9500);
	for (uint32_t n = 0; n < 9; n++) {
		kit_now += 100;
		kit_kind(MESH_TICK);
		assert_null(kit_find(MESH_DROP, 0));
		assert_false(mesh.roster.nodes[1].suspect);
	}
	keep_alive(owner, 100);
	assert_non_null(kit_find(MESH_DROP, 0));
}

static void
owner_falls_back(void **state)
{
	struct stream_report r[2] = { kit_report(1, GEN, 9, 9, 99),
				      kit_report(1, GEN - 7, 2, 5, 9) };
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, true, r, 2); /* and a former life, in part */
	assert_false(kit_hung_up(l));
	kit_streams(l, false, &r[1], 1);
	assert_false(kit_hung_up(l));
	kit_streams(l, true, &r[1], 1);
	assert_true(kit_hung_up(l));
	l = kit_peer(3, 5002);
	r[0] = kit_report(3, GEN, 2, 5, 9); /* its own, and not at head */
	kit_streams(l, true, r, 1);
	assert_true(kit_hung_up(l));
}

/* Announces nine rows, gives three, then nothing. */
static void
an_owner_that_falls_short(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;
	uint64_t wait = 1000;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	batch(l, &pull, 3, 3, 3, 33);
	r = kit_report(1, GEN, 3, 3, 33);
	stored(kit_find(MESH_STORE, 0)->u.store.store, &r);
	assert_non_null(pulled(l)); /* it moved: at once */
	for (int i = 0; i < 4; i++, wait *= 2) {
		pull = *pulled(l);
		batch(l, &pull, 3, 3, 3, 33);
		stored(kit_find(MESH_STORE, 0)->u.store.store, &r);
		assert_null(pulled(l));
		for (uint64_t ms = 100; ms < wait; ms += 100) {
			kit_now += 100;
			kit_heartbeat(l, true);
			assert_null(pulled(l));
		}
		kit_now += 100;
		kit_heartbeat(l, true);
		assert_non_null(pulled(l));
	}
}

static void
empty_pages_that_lead_nowhere(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message msg = { .type = MESSAGE_BATCH };
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	msg.request = pulled(l)->request;
	msg.u.batch.stream = r.stream;
	msg.u.batch.through = 1;
	msg.u.batch.point = r.point;
	kit_heard(l, &msg);
	assert_true(kit_hung_up(l));
}

static void
more_than_the_credit(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	pull = *pulled(l);
	batch_bytes = pull.u.pull.credit_bytes + 1;
	batch(l, &pull, 9, 9, 9, 99);
	batch_bytes = 100;
	assert_true(kit_hung_up(l));
	assert_null(kit_find(MESH_STORE, 0));
}

/* Named by one peer, never met, and nothing comes when asked. */
static void
phantom_streams_are_forgotten(void **state)
{
	struct stream_report r = kit_report(9, GEN, 9, 9, 99);
	uint32_t asked = 0;
	mesh_link l, other;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, true, &r, 1);
	for (uint32_t i = 0; i < 1200; i++) {
		asked += pulled(l) != NULL;
		kit_now += 100;
		kit_heartbeat(l, true);
		if (i % 100 == 0)
			kit_streams(l, true, &r, 1);
	}
	assert_int_equal(asked, 3);
	other = kit_peer(3, 5002);
	kit_streams(other, true, &r, 1);
	assert_non_null(pulled(other));
}

static void
owner_goes_back(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &r, 1);
	r = kit_report(1, GEN, 8, 8, 88);
	kit_streams(l, false, &r, 1);
	assert_true(kit_hung_up(l));
}

static void
third_generation(void **state)
{
	struct stream_report a = kit_report(1, GEN, 9, 9, 1);
	struct stream_report b = kit_report(1, GEN + 1, 9, 9, 2);
	struct stream_report c = kit_report(1, GEN + 2, 9, 9, 3);
	mesh_link l;

	(void)state;
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, &a);
	mesh_remember_stream(&mesh, &b);
	kit_kind(MESH_START);
	kit_refuse_all();
	l = kit_peer(1, 5000);
	kit_streams(l, false, &c, 1);
	/* The newest is pulled whatever is held; the catalogue makes room. */
	assert_true(pulled(l)->u.pull.stream.generation == GEN + 2);
}

/* Is it asked for within the next seconds? */
static bool
pulled_soon(mesh_link l, uint64_t generation)
{
	for (uint32_t n = 0; n < 30; n++) {
		kit_now += 100;
		kit_heartbeat(l, true);
		if (pulled(l) != NULL &&
		    pulled(l)->u.pull.stream.generation == generation)
			return true;
	}
	return false;
}

/* Held of a node are this life, perhaps another, and the newest; a peer tells of
 * the first, and the catalogue lets go of it. */
static mesh_link
let_go_of(const struct stream_report *life, const struct stream_report *other,
	  bool crowded)
{
	struct mesh_input dropped = { .kind = MESH_DROPPED };
	struct stream_report newest = kit_report(1, GEN + 2, 9, 9, 3);
	mesh_link l;

	kit_init(2, 5001);
	mesh_remember_stream(&mesh, life);
	if (other != NULL)
		mesh_remember_stream(&mesh, other);
	mesh_remember_stream(&mesh, &newest);
	kit_kind(MESH_START);
	kit_refuse_all();
	l = kit_peer(7, 5003);
	kit_streams(l, false, life, 1);
	dropped.u.dropped.stream = life->stream;
	dropped.u.dropped.crowded = crowded;
	kit_step(&dropped);
	return l;
}

/* It had nothing to tell: so has what no more is known of. */
static void
a_life_that_was_let_go(void **state)
{
	struct stream_report a = kit_report(1, GEN, 9, 9, 1);
	struct stream_report b = kit_report(1, GEN + 1, 9, 9, 2);
	mesh_link l;

	(void)state;
	l = let_go_of(&b, NULL, false);
	assert_false(pulled_soon(l, GEN + 1));
	b.point.base = 5;
	kit_streams(l, false, &b, 1);
	assert_false(pulled_soon(l, GEN + 1));
	/* One that was before it may have something to tell all the same. */
	kit_streams(l, false, &a, 1);
	assert_true(pulled(l)->u.pull.stream.generation == GEN);
	b.point.cursor = 12;
	kit_streams(l, false, &b, 1);
	assert_true(pulled(l)->u.pull.stream.generation == GEN + 1);
}

/* There was no room for it: when another has gone, there is. */
static void
a_life_without_room(void **state)
{
	struct stream_report a = kit_report(1, GEN, 9, 9, 1);
	struct stream_report b = kit_report(1, GEN + 1, 9, 9, 2);
	struct mesh_input dropped = { .kind = MESH_DROPPED };
	mesh_link l;

	(void)state;
	l = let_go_of(&a, &b, true);
	assert_false(pulled_soon(l, GEN));
	dropped.u.dropped.stream = b.stream;
	kit_step(&dropped);
	assert_true(pulled(l)->u.pull.stream.generation == GEN);
}

/* Its owner goes on in its newest life: nothing of that makes room. */
static void
a_life_beside_a_growing_one(void **state)
{
	struct stream_report a = kit_report(1, GEN, 9, 9, 1);
	struct stream_report b = kit_report(1, GEN + 1, 9, 9, 2);
	struct stream *newest;
	mesh_link l;

	(void)state;
	l = let_go_of(&a, &b, true);
	newest = streams_find(&mesh, 1, GEN + 2);
	newest->point.base = newest->point.cursor = 12;
	newest->digest.low = 4;
	assert_false(pulled_soon(l, GEN));
}

/* Had again in part, and let go of again: what was judged then is judged. */
static void
a_life_judged_twice(void **state)
{
	struct stream_report b = kit_report(1, GEN + 1, 9, 9, 2);
	struct mesh_input dropped = { .kind = MESH_DROPPED };
	struct stream *s;
	mesh_link l;

	(void)state;
	l = let_go_of(&b, NULL, false);
	s = streams_find(&mesh, 1, GEN + 1);
	s->held = true;
	s->let_go = false;
	s->point = (struct point){ 0, 4 };
	dropped.u.dropped.stream = b.stream;
	kit_step(&dropped);
	assert_true(s->let_go);
	assert_false(pulled_soon(l, GEN + 1));
	b.point.cursor = 10;
	kit_streams(l, false, &b, 1);
	assert_true(pulled(l)->u.pull.stream.generation == GEN + 1);
}

/* While its owner is here, only that one is asked: what others know more of a
 * former life is not wanted, and nobody waits for it. */
static void
a_life_that_others_know_more_of(void **state)
{
	struct stream_report b = kit_report(1, GEN + 1, 9, 9, 2);
	struct stream_report now = kit_report(1, GEN + 2, 9, 9, 3);
	mesh_link l, owner;

	(void)state;
	l = let_go_of(&b, NULL, false);
	owner = kit_up(true);
	kit_hello(owner, 1, 501, 60000, 5000);
	kit_streams(owner, true, &now, 1);
	b.point.cursor = 12;
	kit_streams(l, false, &b, 1);
	assert_false(source_wanted(&mesh, streams_find(&mesh, 1, GEN + 1)));
	kit_down(owner, LINK_CLOSED);
	kit_refuse_all();
	assert_true(source_wanted(&mesh, streams_find(&mesh, 1, GEN + 1)));
}

static void
serving(void **state)
{
	struct message pull = { .type = MESSAGE_PULL, .request = 5 };
	struct mesh_input read = { .kind = MESH_PAGE_READ };
	mesh_link l;

	(void)state;
	begin();
	l = kit_peer(1, 5000);
	pull.u.pull.stream.node = kit_id(2);
	pull.u.pull.stream.generation = GEN;
	pull.u.pull.credit_bytes = PULL_CREDIT_MIN;
	for (uint32_t i = 0; i < 8; i++) {
		pull.request = i + 1;
		kit_heard(l, &pull);
		assert_non_null(kit_find(MESH_READ_PAGE, 0));
	}
	pull.request = 9;
	kit_heard(l, &pull);
	assert_int_equal(kit_sent(l, MESSAGE_ERROR)->u.message.u.error.code,
			 ERROR_BUSY);
	read.link = l;
	read.u.page.request = 1;
	read.u.page.found = true;
	kit_step(&read);
	assert_int_equal(kit_find(MESH_SEND_PAGE, 0)->u.page.request, 1);
	pull.u.pull.stream.generation = GEN - 1;
	kit_heard(l, &pull);
	assert_int_equal(kit_sent(l, MESSAGE_ERROR)->u.message.u.error.code,
			 ERROR_NO_STREAM);
}

static void
synced_when_targets_are_reached(void **state)
{
	struct stream_report r = kit_report(1, GEN, 9, 9, 99);
	struct message pull;
	mesh_link l;

	(void)state;
	kit_init(2, 5001);
	kit_kind(MESH_START);
	l = kit_up(true);
	kit_hello(l, 1, 501, 60000, 5000);
	kit_refuse_all();
	assert_false(mesh_synced(&mesh)); /* awaits its STREAMS */
	kit_streams(l, true, &r, 1);
	assert_false(mesh_synced(&mesh));
	pull = *pulled(l);
	batch(l, &pull, 9, 9, 9, 99);
	assert_false(mesh_synced(&mesh));
	stored(kit_find(MESH_STORE, 0)->u.store.store, &r);
	assert_true(mesh_synced(&mesh));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_owner),
		cmocka_unit_test(unstored_pages_are_bounded),
		cmocka_unit_test(unequal_to_the_owner),
		cmocka_unit_test(unequal_to_who_hears_it),
		cmocka_unit_test(who_hears_it_is_told_more),
		cmocka_unit_test(merged_before_it_hears),
		cmocka_unit_test(agreed_with_who_hears_it),
		cmocka_unit_test(owner_comes_meanwhile),
		cmocka_unit_test(former_life_is_merged),
		cmocka_unit_test(from_a_relay),
		cmocka_unit_test(merging_ends),
		cmocka_unit_test(overtaken_by_the_owner),
		cmocka_unit_test(a_new_generation),
		cmocka_unit_test(an_age_is_of_what_is_held),
		cmocka_unit_test(what_lay_unread_is_old),
		cmocka_unit_test(lives_to_come_are_not_pulled),
		cmocka_unit_test(what_is_late_adds),
		cmocka_unit_test(an_age_that_was_told_is_of_its_time),
		cmocka_unit_test(what_waited_is_old),
		cmocka_unit_test(what_was_held_back_is_old),
		cmocka_unit_test(a_new_member_is_told_all_first),
		cmocka_unit_test(a_part_before_the_whole_is_no_word),
		cmocka_unit_test(a_generation_that_could_not_be_written),
		cmocka_unit_test(a_good_memory),
		cmocka_unit_test(former_lives_of_one_that_is_here),
		cmocka_unit_test(former_lives_of_one_that_is_away),
		cmocka_unit_test(absurd_generation),
		cmocka_unit_test(no_ratchet),
		cmocka_unit_test(the_owner_has_the_last_word),
		cmocka_unit_test(being_away_is_no_last_word),
		cmocka_unit_test(silence_is_no_last_word),
		cmocka_unit_test(owner_falls_back),
		cmocka_unit_test(an_owner_that_falls_short),
		cmocka_unit_test(empty_pages_that_lead_nowhere),
		cmocka_unit_test(more_than_the_credit),
		cmocka_unit_test(phantom_streams_are_forgotten),
		cmocka_unit_test(owner_goes_back),
		cmocka_unit_test(third_generation),
		cmocka_unit_test(a_life_that_was_let_go),
		cmocka_unit_test(a_life_without_room),
		cmocka_unit_test(a_life_beside_a_growing_one),
		cmocka_unit_test(a_life_judged_twice),
		cmocka_unit_test(a_life_that_others_know_more_of),
		cmocka_unit_test(serving),
		cmocka_unit_test(synced_when_targets_are_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
