/* Points, pulling and serving, page by page. */
#include "test_core_pulls.h"

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
	kit_holding(&held);
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
	kit_holding(&held);
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
	kit_holding(&held);
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
		kit_holding(&held);
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

		kit_holding(&held);
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
	struct message pull = {0};
	mesh_link l;

	(void)state;
	kit_holding(&held);
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
	kit_holding(&held);
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
	kit_holding(&held);
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
		cmocka_unit_test(a_new_member_is_told_all_first),
		cmocka_unit_test(a_part_before_the_whole_is_no_word),
		cmocka_unit_test(an_owner_that_falls_short),
		cmocka_unit_test(empty_pages_that_lead_nowhere),
		cmocka_unit_test(more_than_the_credit),
		cmocka_unit_test(phantom_streams_are_forgotten),
		cmocka_unit_test(serving),
		cmocka_unit_test(synced_when_targets_are_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
