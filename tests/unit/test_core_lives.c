/* Generations: which lives of a node are pulled, kept, let go of, ended. */
#include "test_core_pulls.h"

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

	kit_holding(&later);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_generation),
		cmocka_unit_test(lives_to_come_are_not_pulled),
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
		cmocka_unit_test(owner_goes_back),
		cmocka_unit_test(third_generation),
		cmocka_unit_test(a_life_that_was_let_go),
		cmocka_unit_test(a_life_without_room),
		cmocka_unit_test(a_life_beside_a_growing_one),
		cmocka_unit_test(a_life_judged_twice),
		cmocka_unit_test(a_life_that_others_know_more_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
