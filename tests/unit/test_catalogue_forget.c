/* Forgotten nodes: the record, what goes with it, in steps and over starts. */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <string.h>

static struct box a, b, c;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	box_start(&c, 3, 3);
	return 0;
}

/* Ends it wholly; returns how many transactions that took. */
static unsigned
end(struct box *x, const struct stream_id *s, bool ordered)
{
	unsigned steps = 1;

	assert_int_equal(writer_end(x->w, s, true, ordered, &x->result,
				    &x->why), 0);
	box_check(x);
	while (x->result.more) {
		assert_int_equal(writer_clear(x->w, &x->result, &x->why), 0);
		box_check(x);
		steps++;
	}
	return steps;
}

struct said {
	uint64_t own, others;
	unsigned count;
};

static void
on_said(void *arg, const struct stream_id *ended, bool own)
{
	struct said *s = arg;

	assert_true(node_id_equal(&ended->node, &a.node));
	*(own ? &s->own : &s->others) = ended->generation;
	s->count++;
}

static struct said
said(struct box *x)
{
	struct said s = {0};

	assert_int_equal(writer_each_forgotten(x->w, on_said, &s, &x->why), 0);
	return s;
}

static void
goes_with_its_photos(void **state)
{
	struct stream_report of_a, of_b;
	struct mesh_memory m;
	uint64_t photos, alone;

	(void)state;
	box_fill(&a, 1, 1, 10);
	box_fill(&b, 1, 8, 6); /* three of them a has as well */
	of_a = box_own_report(&a);
	box_pull(&b, &a, &of_a.stream, PULL_OWNER);
	memset(&m, 0, sizeof(m));
	m.node = a.node;
	assert_int_equal(writer_remember_node(b.w, &m, &b.why), 0);
	assert_int_equal(box_photos(&b), 13);
	assert_int_equal(reader_alone(b.r, &a.node, &photos, &alone, &b.why),
			 0);
	assert_int_equal(photos, 10);
	assert_int_equal(alone, 7);
	assert_int_equal(end(&b, &of_a.stream, true), 1);
	assert_int_equal(b.result.own.point.cursor, 7);
	assert_int_equal(b.result.news_count, 7);
	assert_int_equal(box_photos(&b), 6);
	assert_int_equal(box_copies(&b, 8), 1);
	assert_int_equal(box_held(&b, &of_a.stream).stream.generation, 0);
	assert_int_equal(box_count(&b, "SELECT count(*) FROM node"), 0);
	assert_int_equal(box_count(&b, "SELECT count(*) FROM stream"), 1);
	assert_int_equal(said(&b).own, of_a.stream.generation);
	/* Once is enough, and never less. */
	end(&b, &of_a.stream, true);
	of_a.stream.generation--;
	end(&b, &of_a.stream, true);
	assert_int_equal(box_own_report(&b).point.cursor, 7);
	of_a.stream.generation++;
	assert_int_equal(said(&b).own, of_a.stream.generation);
	/* Others hear of it with the page, and at their next start. */
	of_b = box_own_report(&b);
	box_pull(&c, &b, &of_b.stream, PULL_OWNER);
	assert_int_equal(c.result.ended_count, 1);
	assert_true(node_id_equal(&c.result.ended[0].node, &a.node));
	assert_int_equal(c.result.ended[0].generation, of_a.stream.generation);
	box_reopen(&c, false);
	assert_int_equal(said(&c).others, of_a.stream.generation);
	assert_int_equal(said(&c).count, 1);
	/* What a node says of itself is no news, nor what we say. */
	assert_int_equal(b.result.ended_count, 0);
}

/* A life beyond the ended one stays, with what it says. */
static void
keeps_later_lives(void **state)
{
	struct stream_report old, now;

	(void)state;
	box_fill(&a, 1, 1, 5);
	old = box_own_report(&a);
	box_pull(&b, &a, &old.stream, PULL_OWNER);
	assert_int_equal(writer_begin_generation(a.w,
						 old.stream.generation + 5,
						 &a.result, &a.why), 0);
	now = box_own_report(&a);
	box_pull(&b, &a, &now.stream, PULL_OWNER);
	end(&b, &old.stream, false);
	assert_int_equal(box_photos(&b), 5);
	assert_int_equal(box_held(&b, &old.stream).stream.generation, 0);
	assert_int_equal(box_held(&b, &now.stream).stream.generation,
			 now.stream.generation);
	assert_int_equal(said(&b).own, old.stream.generation);
	/* Of ourselves nothing is recorded, and the own stream stays. */
	end(&a, &now.stream, true);
	assert_int_equal(box_photos(&a), 5);
	assert_int_equal(said(&a).count, 0);
	/* The record goes on in a new life of whoever says it. */
	assert_int_equal(writer_begin_generation(
		b.w, box_own_report(&b).stream.generation + 5, &b.result,
		&b.why), 0);
	assert_int_equal(said(&b).own, old.stream.generation);
}

/* A large one goes in steps, and a start goes on with it. */
static void
in_steps(void **state)
{
	struct stream_report of_a;

	(void)state;
	box_fill(&a, 1, 1, 4096);
	box_fill(&b, 1, 4090, 7);
	of_a = box_own_report(&a);
	box_pull(&b, &a, &of_a.stream, PULL_OWNER);
	assert_int_equal(box_photos(&b), 4096);
	assert_int_equal(writer_end(b.w, &of_a.stream, true, true, &b.result,
				    &b.why), 0);
	assert_true(b.result.more);
	assert_true(b.result.news_count <= PHOTO_NEWS_MAX);
	assert_false(b.result.news_lost);
	/* It is nobody's to see any more, whatever is left of it. */
	assert_int_equal(box_held(&b, &of_a.stream).stream.generation, 0);
	assert_true(box_count(&b, "SELECT count(*) FROM record") > 3000);
	box_reopen(&b, false);
	assert_true(writer_clearing(b.w));
	assert_int_equal(box_held(&b, &of_a.stream).stream.generation, 0);
	do {
		assert_int_equal(writer_clear(b.w, &b.result, &b.why), 0);
		assert_true(b.result.news_count <= PHOTO_NEWS_MAX);
		assert_false(b.result.news_lost);
	} while (b.result.more);
	assert_false(writer_clearing(b.w));
	box_check(&b);
	assert_int_equal(box_photos(&b), 7);
	assert_int_equal(box_count(&b, "SELECT count(*) FROM record"), 8);
}

/* Others make us say only so much. */
static void
not_without_end(void **state)
{
	struct stream_id s;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.generation = 5;
	for (unsigned i = 0; i < 1100; i++) {
		s.node.bytes[0] = (uint8_t)i;
		s.node.bytes[1] = (uint8_t)(i >> 8);
		s.node.bytes[2] = 9;
		assert_int_equal(writer_end(a.w, &s, true, false, &a.result,
					    &a.why), 0);
	}
	assert_int_equal(box_own_report(&a).rows, 1024);
	/* Our own user is never refused, and the old ones still move. */
	assert_int_equal(writer_end(a.w, &s, true, true, &a.result, &a.why),
			 0);
	assert_int_equal(box_own_report(&a).rows, 1025);
	s.node.bytes[0] = s.node.bytes[1] = 0;
	s.generation = 6;
	end(&a, &s, false);
	assert_int_equal(box_own_report(&a).point.cursor, 1026);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(goes_with_its_photos, setup,
						boxes_end),
		cmocka_unit_test_setup_teardown(keeps_later_lives, setup,
						boxes_end),
		cmocka_unit_test_setup_teardown(in_steps, setup, boxes_end),
		cmocka_unit_test_setup_teardown(not_without_end, setup,
						boxes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
