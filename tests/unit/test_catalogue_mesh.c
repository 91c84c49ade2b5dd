/*
 * Replicas: joins in any order, relays, what leaves when, generations that
 * swap root by root, replicas built afresh.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "message.h"

static struct box a, b, c;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	box_start(&c, 3, 1);
	return 0;
}

static void
equal(struct box *x, struct box *y, const struct stream_id *s)
{
	struct stream_report p = box_held(x, s), q = box_held(y, s);

	assert_int_equal(p.stream.generation, s->generation);
	assert_int_equal(q.stream.generation, s->generation);
	assert_true(digest_equal(&p.digest, &q.digest));
	assert_int_equal(p.rows, q.rows);
	assert_int_equal(p.point.base, q.point.base);
	assert_int_equal(p.point.cursor, q.point.cursor);
}

static void
pages_by_credit_and_relays(void **state)
{
	struct digest x, y, z;
	struct stream_id s;

	(void)state;
	box_name(&a);
	box_fill(&a, 1, 0, 1500);
	box_root(&a, 1, true);
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	equal(&a, &b, &s);
	box_pull(&c, &b, &s, PULL_RELAY);
	equal(&b, &c, &s);
	assert_int_equal(box_photos(&c), 1500);
	x = box_merged(&a), y = box_merged(&b), z = box_merged(&c);
	assert_true(digest_equal(&x, &y) && digest_equal(&y, &z));
}

static void
two_replicas_of_an_absent_owner_merge(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN};
	struct own_file f[2] = {kit_copy(1, "2020/0001.jpg", 5000),
				kit_gone(1, "2020/0002.jpg")};
	struct stream_id s;

	(void)state;
	box_fill(&a, 1, 0, 1000);
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	box_own(&a, f, 2, 9);
	box_fill(&a, 1, 2000, 600);
	/* b gets one page of the news, c is somewhere in the beginning. */
	p.stream = s;
	assert_true(box_pull_page(&b, &a, &p));
	p.begun = false;
	assert_true(box_pull_page(&c, &a, &p));
	assert_true(box_pull_page(&c, &a, &p));
	box_pull(&b, &c, &s, PULL_RELAY);
	box_pull(&c, &b, &s, PULL_RELAY);
	box_pull(&b, &c, &s, PULL_RELAY);
	equal(&b, &c, &s);
	box_pull(&b, &a, &s, PULL_OWNER);
	box_pull(&c, &a, &s, PULL_OWNER);
	equal(&a, &b, &s);
	equal(&a, &c, &s);
	assert_int_equal(box_copies(&c, 2), 0);
	assert_int_equal(box_copies(&c, 5000), 1);
}

/* The same rows, in any order, in pages of one. */
static void
order_does_not_matter(void **state)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct message_decoder *d = message_decoder_new();
	struct stream_report own, x, y;
	struct mesh_store store = {0};
	struct message_batch one;
	struct digest dx, dy;
	struct message m;
	size_t bytes;
	bool found;

	(void)state;
	box_name(&a);
	box_fill(&a, 1, 0, 20);
	box_fill(&a, 2, 10, 20);
	for (unsigned i = 0; i < 10; i++) {
		struct own_file f = kit_gone(1, "2020/0003.jpg");

		if (i % 2 == 1)
			f = kit_copy(1, "2020/0003.jpg", 90 + i);
		box_own(&a, &f, 1, 1);
	}
	own = box_own_report(&a);
	assert_int_equal(reader_page(a.r, &own.stream, 0, PULL_CREDIT_MAX, 1,
				     frame, &bytes, &found, NULL), 0);
	assert_int_equal(message_decode(d, frame + FRAME_HEADER_BYTES,
					bytes - FRAME_HEADER_BYTES, &m, NULL),
			 MESSAGE_OK);
	for (struct box *to = &b; to != NULL; to = to == &b ? &c : NULL) {
		unsigned n = m.u.batch.record_count;

		for (unsigned i = 0; i < 2 * n; i++) {
			unsigned at = to == &b ? i % n : (i * 7 + 3) % n;

			store.stream = own.stream;
			store.point.cursor = own.point.cursor;
			store.point.base = i == 2 * n - 1 ?
						   own.point.cursor : 0;
			one = m.u.batch;
			one.records += at;
			one.record_count = 1;
			assert_int_equal(writer_store(to->w, &store, &one,
						      &to->result, &to->why),
					 0);
			box_check(to);
		}
	}
	x = box_held(&b, &own.stream), y = box_held(&c, &own.stream);
	assert_true(digest_equal(&x.digest, &own.digest));
	assert_true(digest_equal(&y.digest, &own.digest));
	dx = box_merged(&b), dy = box_merged(&c);
	assert_true(digest_equal(&dx, &dy));
	dx = box_merged(&a);
	assert_true(digest_equal(&dx, &dy));
	message_decoder_free(d);
}

/* A rename spread over pages: the photo is never missing, and the old path
 * goes only with the page that reaches the head. */
static void
withdrawals_wait_for_the_head(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN};
	struct own_file gone = kit_gone(1, "2020/0005.jpg");
	struct own_file other = kit_copy(1, "2020/0006.jpg", 7777);
	struct own_file moved = kit_copy(1, "moved.jpg", 5);
	struct stream_id s;

	(void)state;
	box_fill(&a, 1, 0, 10);
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	box_own(&a, &gone, 1, 1);
	box_own(&a, &other, 1, 1);
	box_fill(&a, 1, 1000, 800);
	box_own(&a, &moved, 1, 1);
	p.stream = s;
	assert_true(box_pull_page(&b, &a, &p));
	assert_int_equal(box_copies(&b, 5), 1);
	assert_int_equal(box_copies(&b, 6), 1);    /* replaced, still shown */
	if (!writer_behind(b.w)) /* added at once */
		assert_int_equal(box_copies(&b, 7777), 1);
	while (box_pull_page(&b, &a, &p)) {
		assert_int_equal(box_copies(&b, 5), 1);
		assert_int_equal(box_copies(&b, 6), 1);
	}
	assert_int_equal(box_copies(&b, 5), 1);
	assert_int_equal(box_copies(&b, 6), 0);
	equal(&a, &b, &s);
}

/* All that `from` has, whatever the points say. */
static void
merge(struct box *to, struct box *from, const struct stream_id *s)
{
	struct pulling p = {.stream = *s, .how = PULL_RELAY, .begun = true,
			    .credit = PULL_CREDIT_MIN};

	while (box_pull_page(to, from, &p))
		continue;
}

/* Two copies of one owner said different things under the same numbers, and
 * both are gone. */
static void
forked_histories_merge(void **state)
{
	struct digest x, y;
	struct stream_id s, again;
	char command[256];

	(void)state;
	box_fill(&a, 1, 0, 300);
	s = box_own_report(&a).stream;
	box_close(&a);
	snprintf(command, sizeof(command), "cp -a %s %s.fork", a.dir, a.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(&a, false), 0);
	box_fill(&a, 1, 300, 400);
	box_pull(&b, &a, &s, PULL_OWNER);
	box_close(&a);
	/* Into the same files, so that nothing tells it. */
	snprintf(command, sizeof(command), "cp %s.fork/* %s && rm -r %s.fork",
		 a.dir, a.dir, a.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(&a, false), 0);
	again = box_own_report(&a).stream;
	assert_true(stream_id_equal(&again, &s));
	box_fill(&a, 1, 1000, 400);
	box_pull(&c, &a, &s, PULL_OWNER);
	x = box_held(&b, &s).digest, y = box_held(&c, &s).digest;
	assert_false(digest_equal(&x, &y));
	merge(&b, &c, &s);
	merge(&c, &b, &s);
	equal(&b, &c, &s);
	assert_int_equal(box_photos(&b), 1100);
	assert_int_equal(box_held(&b, &s).rows, 1100);
	x = box_merged(&b), y = box_merged(&c);
	assert_true(digest_equal(&x, &y));
	/* Whoever comes later is told all of it. */
	box_reopen(&c, false);
	assert_int_equal(writer_drop(c.w, &s, &c.result, NULL), 0);
	box_pull(&c, &b, &s, PULL_RELAY);
	equal(&b, &c, &s);
}

static void
lose_database(struct box *x, uint64_t generation_above)
{
	char command[256];

	box_close(x);
	snprintf(command, sizeof(command), "rm -f %s/catalogue.db* %s/run",
		 x->dir, x->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(x, false), 0);
	assert_int_equal(writer_begin_generation(x->w, generation_above + 1,
						 &x->result, &x->why), 0);
}

static void
lives_swap_root_by_root(void **state)
{
	struct stream_id old, fresh;
	struct digest x, y;

	(void)state;
	box_fill(&a, 1, 0, 5);
	box_fill(&a, 2, 100, 5);
	box_root(&a, 1, true);
	box_root(&a, 2, true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	lose_database(&a, old.generation);
	fresh = box_own_report(&a).stream;
	/* It learns of its former life from the peer, and shows it. */
	box_pull(&a, &b, &old, PULL_RELAY);
	assert_int_equal(box_photos(&a), 10);
	/* Disk 1 is scanned again; one file has gone meanwhile. */
	box_fill(&a, 1, 0, 4);
	assert_int_equal(box_photos(&a), 10);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 10);
	assert_int_equal(box_copies(&b, 4), 1);
	box_root(&a, 1, true);
	assert_int_equal(box_photos(&a), 9);
	assert_int_equal(a.result.dropped_count, 0);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 9);
	assert_int_equal(box_copies(&b, 4), 0);
	x = box_merged(&a), y = box_merged(&b);
	assert_true(digest_equal(&x, &y));
	/* The unplugged disk outlived it; now it is back. */
	assert_int_equal(box_copies(&b, 103), 1);
	box_fill(&a, 2, 100, 5);
	box_root(&a, 2, true);
	assert_int_equal(a.result.dropped_count, 1);
	assert_true(stream_id_equal(&a.result.dropped[0].stream, &old));
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
	assert_int_equal(box_photos(&b), 9);
	equal(&a, &b, &fresh);
	x = box_merged(&a), y = box_merged(&b);
	assert_true(digest_equal(&x, &y));
}

static void
renumbered_life_replaces_the_old_when_scanned(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN};
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 700);
	box_root(&a, 1, true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	assert_int_equal(writer_begin_generation(a.w, old.generation + 50,
						 &a.result, NULL), 0);
	fresh = box_own_report(&a).stream;
	p.stream = fresh;
	while (box_pull_page(&b, &a, &p)) {
		assert_int_equal(box_photos(&b), 700);
		assert_int_equal(b.result.news_count, 0);
		assert_int_equal(b.result.dropped_count, 0);
	}
	/* All is there, but nobody has looked yet. */
	assert_int_equal(b.result.dropped_count, 0);
	assert_int_equal(box_photos(&b), 700);
	box_root(&a, 1, true);
	assert_int_equal(a.result.news_count, 0);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(b.result.dropped_count, 1);
	assert_int_equal(b.result.news_count, 0);
	assert_int_equal(box_photos(&b), 700);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
	/* Nobody tells us our own facts. */
	{
		struct mesh_store store = {.stream = fresh};
		struct message_batch batch = {.stream = fresh};

		assert_int_equal(writer_store(a.w, &store, &batch, &a.result,
					      &a.why), -1);
	}
}

/* Lost again and again while a disk is away, and pulled in part only: what
 * that disk holds is told by the oldest life alone, and stays. */
static void
unplugged_disk_outlives_many_lives(void **state)
{
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 700);
	box_fill(&a, 2, 1000, 5);
	box_root(&a, 1, true);
	box_root(&a, 2, true);
	fresh = old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	for (unsigned life = 0; life < 6; life++) {
		struct pulling p = {.how = PULL_OWNER,
				    .credit = PULL_CREDIT_MIN};

		lose_database(&a, fresh.generation);
		fresh = box_own_report(&a).stream;
		box_root(&a, 1, false);
		box_root(&a, 2, false);
		box_fill(&a, 1, 0, 700);
		if (life % 2 == 0)
			box_root(&a, 1, true);
		p.stream = fresh;
		/* The first is had whole, the others' first pages only. */
		while (box_pull_page(&b, &a, &p) && life == 0)
			continue;
		assert_int_equal(box_held(&b, &fresh).stream.generation,
				 fresh.generation);
		assert_int_equal(box_photos(&b), 705);
		assert_true(box_count(&b, "SELECT count(*) FROM stream") <= 4);
	}
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 705);
	box_root(&a, 1, true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 705);
	assert_int_equal(box_held(&b, &old).stream.generation, old.generation);
	box_fill(&a, 2, 1000, 5);
	box_root(&a, 2, true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 705);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
	equal(&a, &b, &fresh);
}

/* The owner gets its former lives back, of one of them only a part is left:
 * what is still being pulled is not judged by its first page. */
static void
life_under_way_is_not_judged(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN};
	struct stream_id old, part, fresh;

	(void)state;
	box_fill(&a, 1, 0, 700);
	box_fill(&a, 2, 1000, 5);
	box_root(&a, 1, true);
	box_root(&a, 2, true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	lose_database(&a, old.generation);
	part = p.stream = box_own_report(&a).stream;
	box_fill(&a, 1, 0, 700);
	assert_true(box_pull_page(&b, &a, &p));
	lose_database(&a, part.generation);
	fresh = box_own_report(&a).stream;
	box_fill(&a, 1, 0, 700);
	box_root(&a, 1, true);
	box_root(&a, 2, false);
	p = (struct pulling){.how = PULL_RELAY, .credit = PULL_CREDIT_MIN,
			     .stream = part};
	box_pull_page(&a, &b, &p);
	assert_int_not_equal(box_held(&a, &part).stream.generation, 0);
	p = (struct pulling){.how = PULL_RELAY, .credit = PULL_CREDIT_MIN,
			     .stream = old};
	while (box_pull_page(&a, &b, &p))
		assert_int_equal(a.result.dropped_count, 0);
	assert_int_equal(box_photos(&a), 705);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 705);
	assert_int_equal(box_held(&b, &old).stream.generation, old.generation);
}

/* The owner died while a life of it was pulled, and began another: nobody has
 * the rest of the former, so it can never reach its head. */
static void
part_of_a_lost_life_goes_at_the_next_start(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN};
	struct stream_id part, fresh;

	(void)state;
	for (unsigned away = 0; away < 2; away++) {
		box_root(&a, 1, false);
		box_fill(&a, 1, 0, 700);
		part = p.stream = box_own_report(&a).stream;
		p.begun = false;
		assert_true(box_pull_page(&b, &a, &p));
		lose_database(&a, part.generation);
		box_root(&a, 1, false);
		/* The second time round a disk is away. */
		if (away)
			box_root(&a, 2, false);
		box_fill(&a, 1, 0, 700);
		fresh = box_own_report(&a).stream;
		box_pull(&b, &a, &fresh, PULL_OWNER);
		assert_int_equal(box_held(&b, &part).stream.generation,
				 part.generation);
		box_root(&a, 1, true);
		box_pull(&b, &a, &fresh, PULL_OWNER);
		/* The rest may be on its way from a relay, with a root that
		 * the newest does not name; at the next start it is not. */
		assert_int_equal(box_held(&b, &part).stream.generation,
				 part.generation);
		box_reopen(&b, false);
		assert_int_equal(box_held(&b, &part).stream.generation, 0);
		assert_int_equal(box_photos(&b), 700);
		box_check(&b);
		lose_database(&a, fresh.generation);
	}
}

/* A life that only says that a disk is away has nothing to be kept for. */
static void
life_that_tells_nothing_more_goes(void **state)
{
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 5);
	box_root(&a, 1, true);
	box_root(&a, 2, false);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	lose_database(&a, old.generation);
	fresh = box_own_report(&a).stream;
	box_root(&a, 2, false);
	box_fill(&a, 1, 0, 5);
	box_root(&a, 1, true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 5);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
}

static void
built_afresh_beside_the_old(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .rebuild = true,
			    .credit = PULL_CREDIT_MIN};
	struct stream_id s;

	(void)state;
	box_fill(&a, 1, 0, 600);
	box_root(&a, 1, true);
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	/* History forks: b holds a row that a never had. */
	{
		struct own_file f = kit_copy(1, "never.jpg", 999999);
		uint8_t value[200], key[17];
		struct record r = {.seq = 55, .kind = RECORD_COPY, .key = key,
				   .key_bytes = 17, .value = value};
		struct mesh_store store = {.stream = s,
					   .point = box_held(&b, &s).point};
		struct message_batch batch = {.stream = s, .records = &r,
					      .record_count = 1};

		r.value_bytes = record_copy_pack(&f.copy, value, 200);
		memset(key, 1, 8);
		memcpy(key + 8, "never.jpg", 9);
		assert_int_equal(writer_store(b.w, &store, &batch, &b.result,
					      NULL), 0);
		box_check(&b);
	}
	assert_int_equal(box_photos(&b), 601);
	p.stream = s;
	while (box_pull_page(&b, &a, &p))
		assert_int_equal(box_photos(&b), 601);
	assert_int_equal(box_photos(&b), 600);
	assert_int_equal(b.result.news_count, 1);
	equal(&a, &b, &s);
	/* Begun again from the start, and forgotten by a restart. */
	p.begun = false;
	assert_true(box_pull_page(&b, &a, &p));
	p.begun = false;
	assert_true(box_pull_page(&b, &a, &p));
	box_reopen(&b, false);
	box_check(&b);
	assert_int_equal(box_count(&b, "SELECT count(*) FROM stream"), 2);
	equal(&a, &b, &s);
}

static void
hosts_decide_what_counts(void **state)
{
	struct own_file f = kit_copy(1, "a.jpg", 1);
	struct stream_id s, t;

	(void)state;
	/* a and c are daemons of one host, over one folder. */
	box_own(&a, &f, 1, 1);
	box_own(&c, &f, 1, 1);
	s = box_own_report(&a).stream;
	t = box_own_report(&c).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	box_pull(&b, &c, &t, PULL_OWNER);
	assert_int_equal(box_copies(&b, 1), 2);
	box_name(&a);
	box_name(&c);
	box_pull(&b, &a, &s, PULL_OWNER);
	box_pull(&b, &c, &t, PULL_OWNER);
	assert_int_equal(box_copies(&b, 1), 1);
	assert_int_equal(writer_drop(b.w, &s, &b.result, NULL), 0);
	box_check(&b);
	assert_int_equal(b.result.dropped_count, 0); /* who asked knows */
	assert_int_equal(box_copies(&b, 1), 1);
	assert_int_equal(writer_drop(b.w, &t, &b.result, NULL), 0);
	box_check(&b);
	assert_int_equal(box_photos(&b), 0);
}

static void
unknown_kinds_are_kept(void **state)
{
	static const uint8_t bytes[3] = {0xc1, 2, 3};
	struct stream_id s = {.node = a.node, .generation = 5};
	struct record r[2] = {
		{.seq = 1, .kind = 200, .key = bytes, .key_bytes = 1,
		 .value = bytes, .value_bytes = 3},
		{.seq = 2, .kind = RECORD_COPY,
		 .key = (const uint8_t *)"12345678path", .key_bytes = 12,
		 .value = bytes, .value_bytes = 3},
	};
	struct mesh_store store = {.stream = s, .point = {2, 2}};
	struct message_batch batch = {.stream = s, .records = r,
				      .record_count = 2};

	(void)state;
	assert_int_equal(writer_store(b.w, &store, &batch, &b.result, NULL), 0);
	assert_int_equal(b.result.stored.rows, 2);
	assert_int_equal(box_photos(&b), 0);
	box_pull(&c, &b, &s, PULL_RELAY);
	equal(&b, &c, &s);
}

static void
page_after_letting_go_is_refused(void **state)
{
	struct stream_id s = {.node = a.node, .generation = 5};
	static const uint8_t bytes[1] = {0xc1};
	struct record r = {.seq = 8, .kind = 200, .key = bytes, .key_bytes = 1,
			   .value = bytes, .value_bytes = 1};
	struct mesh_store store = {.stream = s, .point = {0, 8}};
	struct message_batch batch = {.stream = s, .after = 7, .records = &r,
				      .record_count = 1};

	(void)state;
	assert_int_equal(writer_store(b.w, &store, &batch, &b.result, &b.why),
			 -1);
	assert_int_equal(box_held(&b, &s).stream.generation, 0);
	batch.after = 0;
	assert_int_equal(writer_store(b.w, &store, &batch, &b.result, &b.why),
			 0);
	batch.after = 8;
	r.seq = 9;
	store.point.cursor = 9;
	assert_int_equal(writer_store(b.w, &store, &batch, &b.result, &b.why),
			 0);
	assert_int_equal(box_held(&b, &s).rows, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(pages_by_credit_and_relays),
		T(two_replicas_of_an_absent_owner_merge),
		T(order_does_not_matter),
		T(forked_histories_merge),
		T(withdrawals_wait_for_the_head),
		T(lives_swap_root_by_root),
		T(renumbered_life_replaces_the_old_when_scanned),
		T(unplugged_disk_outlives_many_lives),
		T(life_under_way_is_not_judged),
		T(part_of_a_lost_life_goes_at_the_next_start),
		T(life_that_tells_nothing_more_goes),
		T(built_afresh_beside_the_old),
		T(hosts_decide_what_counts),
		T(unknown_kinds_are_kept),
		T(page_after_letting_go_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
