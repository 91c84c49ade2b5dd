/*
 * Two catalogues of one node are told the same, at random: one lists at once,
 * the other later.  What the later one lists, the other does; what both have
 * listed never goes from one alone; and in the end they are the same.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "message.h"

#define OWNERS 2u
#define PHOTOS 30u
#define PATHS  12u
#define ROOTS  3u
#define STEPS  150u

/* A pull that both follow, of pages of a few rows. */
struct feed {
	struct stream_id stream;
	struct box *from;
	bool on, rebuild, owner, begun;
	uint64_t after, relay_base;
};

static struct box owners[OWNERS], relay, x, y;
static struct feed feeds[OWNERS];
static uint64_t ended[OWNERS];
static uint64_t state;

/* No disk is on trial here, and hundreds of transactions would wait for it. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static uint32_t
any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 11) % below;
}

/* ---- what is listed ------------------------------------------------------ */

#define ALL "SELECT id FROM photo"
/* Not only of one who is forgotten and still to be cleared away. */
#define LASTING                                                                \
	ALL " WHERE EXISTS(SELECT 1 FROM copy JOIN stream AS s"                 \
	    " ON s.id = copy.stream WHERE copy.photo = photo.id"                \
	    " AND s.role IN (1, 2))"

static uint32_t
listed(struct box *b, const char *sql)
{
	struct photo_id id, known;
	uint32_t mask = 0, n;
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(b->w->db, sql, -1, &st, NULL),
			 SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		photo_id_unpack(sqlite3_column_blob(st, 0), &id);
		for (n = 0; n < PHOTOS; n++) {
			known = kit_photo(n);
			if (photo_id_compare(&known, &id) == 0)
				break;
		}
		assert_true(n < PHOTOS && (mask >> n & 1) == 0);
		mask |= UINT32_C(1) << n;
	}
	sqlite3_finalize(st);
	return mask;
}

static void
same_points(void)
{
	assert_int_equal(x.w->slot_end, y.w->slot_end);
	for (unsigned i = 0; i < x.w->slot_end; i++) {
		const struct held *h = &x.w->streams[i], *k;

		if (h->role != ROLE_REPLICA && h->role != ROLE_OWN)
			continue;
		k = held_find(y.w, &h->name, h->role);
		assert_non_null(k);
		assert_int_equal(h->point.base, k->point.base);
		assert_int_equal(h->point.cursor, k->point.cursor);
		assert_int_equal(h->hidden, k->hidden);
		assert_true(digest_equal(&h->digest, &k->digest));
	}
}

static void
same_lists(void)
{
	struct totals tx, ty;
	struct digest dx, dy;

	assert_int_equal(listed(&x, ALL), listed(&y, ALL));
	assert_int_equal(reader_totals(x.r, &tx, NULL), 0);
	assert_int_equal(reader_totals(y.r, &ty, NULL), 0);
	assert_memory_equal(&tx, &ty, sizeof(tx));
	dx = box_merged(&x), dy = box_merged(&y);
	assert_true(digest_equal(&dx, &dy));
	for (unsigned i = 0; i < x.w->slot_end; i++) {
		const struct held *h = &x.w->streams[i], *k;

		if (h->role != ROLE_REPLICA && h->role != ROLE_OWN)
			continue;
		k = held_find(y.w, &h->name, h->role);
		assert_int_equal(h->photos, k->photos);
		assert_int_equal(h->copies, k->copies);
		assert_int_equal(h->bytes, k->bytes);
	}
}

/* ---- own changes --------------------------------------------------------- */

static char paths[8][16];
static struct own_file files[8];

static size_t
some_files(void)
{
	size_t count = 1 + any(8);

	for (size_t i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%u.jpg", any(PATHS));
		files[i] = any(3) == 0 ?
				   kit_gone(1 + (uint8_t)any(ROOTS), paths[i]) :
				   kit_copy(1 + (uint8_t)any(ROOTS), paths[i],
					    any(PHOTOS));
	}
	return count;
}

static void
write_own(struct box *b, const struct own_batch *batch)
{
	if (writer_own(b->w, batch, 7, &b->result, &b->why) == -1)
		fail_msg("%s", b->why.text);
}

static void
some_root(struct own_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->has_root = true;
	batch->root_id = kit_root(1 + (uint8_t)any(ROOTS));
	snprintf(batch->root.label, sizeof(batch->root.label), "disk %u",
		 batch->root_id.bytes[0]);
	batch->root.online = batch->root.complete = true;
}

static void
change(struct box *b, struct box *also)
{
	struct own_batch batch = {.files = files};

	if (any(6) == 0)
		some_root(&batch);
	else
		batch.file_count = some_files();
	write_own(b, &batch);
	if (also != NULL)
		write_own(also, &batch);
}

static void
new_life(unsigned o, uint64_t above)
{
	struct box *b = &owners[o];
	uint64_t is = b->w->own->name.generation;
	char command[160];

	if (any(2) == 0) {
		box_close(b);
		snprintf(command, sizeof(command),
			 "rm -f %s/catalogue.db* %s/run", b->dir, b->dir);
		assert_int_equal(system(command), 0);
		assert_int_equal(box_open(b, false), 0);
	}
	if (is < above)
		is = above;
	if (b->w->own->name.generation <= is)
		assert_int_equal(writer_begin_generation(b->w, is + 1,
							 &b->result, NULL), 0);
}

/* ---- pages --------------------------------------------------------------- */

static void
feed_begin(unsigned o)
{
	struct feed *f = &feeds[o];
	struct stream_report mine;

	memset(f, 0, sizeof(*f));
	f->stream = box_own_report(&owners[o]).stream;
	f->owner = any(3) != 0;
	f->from = f->owner ? &owners[o] : &relay;
	if (!f->owner && any(2) == 0) /* an older life of it, perhaps */
		for (unsigned i = 0; i < relay.w->slot_end; i++)
			if (relay.w->streams[i].role == ROLE_REPLICA &&
			    node_id_equal(&relay.w->streams[i].name.node,
					  &f->stream.node))
				f->stream = relay.w->streams[i].name;
	if (f->stream.generation <= ended[o])
		return;
	if (box_held(f->from, &f->stream).stream.generation == 0)
		return;
	mine = box_held(&x, &f->stream);
	f->rebuild = mine.stream.generation != 0 && any(6) == 0;
	f->after = f->rebuild ? 0 : f->owner ? mine.point.cursor :
					       mine.point.base;
	f->on = true;
}

static void
store(struct box *b, const struct mesh_store *s, const struct message_batch *m)
{
	if (writer_store(b->w, s, m, &b->result, &b->why) == -1)
		fail_msg("%s", b->why.text);
}

/* The first few rows of a page; whole numbers. */
static void
cut_page(struct message_batch *m, uint32_t count)
{
	if (count >= m->record_count)
		return;
	while (count < m->record_count &&
	       m->records[count].seq == m->records[count - 1].seq)
		count++;
	if (count == m->record_count)
		return;
	m->record_count = count;
	m->through = m->records[count - 1].seq;
}

static void
feed_page(struct feed *f, uint32_t count)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct message_decoder *d = message_decoder_new();
	struct mesh_store s = {.stream = f->stream, .rebuild = f->rebuild};
	struct message_batch *b;
	struct message m;
	bool found, last;
	size_t bytes;

	assert_int_equal(reader_page(f->from->r, &f->stream, f->after,
				     PULL_CREDIT_MIN, 7, frame, &bytes, &found,
				     NULL), 0);
	if (!found || (f->after > 0 && !f->rebuild &&
		       box_held(&x, &f->stream).stream.generation == 0)) {
		f->on = false;
		message_decoder_free(d);
		return;
	}
	assert_int_equal(message_decode(d, frame + FRAME_HEADER_BYTES,
					bytes - FRAME_HEADER_BYTES, &m, NULL),
			 MESSAGE_OK);
	b = &m.u.batch;
	cut_page(b, count);
	if (!f->begun)
		f->relay_base = b->point.base;
	f->begun = true;
	last = b->through == b->point.cursor;
	if (!f->rebuild)
		s.point = box_held(&x, &f->stream).point;
	if (b->through > s.point.cursor || f->rebuild)
		s.point.cursor = b->through;
	if (last && f->owner)
		s.point.base = s.point.cursor;
	else if (last && f->relay_base > s.point.base)
		s.point.base = f->relay_base;
	if (s.point.base > s.point.cursor)
		s.point.base = s.point.cursor;
	s.at_head = last && s.point.base == s.point.cursor;
	store(&x, &s, b);
	store(&y, &s, b);
	f->after = b->through;
	f->on = !last;
	message_decoder_free(d);
}

static void
relay_pull(unsigned o)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN,
			    .stream = box_own_report(&owners[o]).stream};

	while (box_pull_page(&relay, &owners[o], &p))
		continue;
}

/* ---- the rest ------------------------------------------------------------ */

static void
forget(unsigned o)
{
	struct stream_id s = owners[o].w->own->name;
	unsigned clears = any(3);

	feeds[o].on = false;
	ended[o] = s.generation;
	for (struct box *b = &x; b != NULL; b = b == &x ? &y : NULL) {
		assert_int_equal(writer_end(b->w, &s, false, true, &b->result,
					    &b->why), 0);
		for (unsigned i = 0; i < clears && b->result.more; i++)
			assert_int_equal(writer_clear(b->w, &b->result,
						      &b->why), 0);
	}
	new_life(o, s.generation);
}

static void
drop(unsigned o)
{
	struct stream_id s = {0};

	for (unsigned i = 0; i < x.w->slot_end; i++)
		if (x.w->streams[i].role == ROLE_REPLICA && any(2) == 0)
			s = x.w->streams[i].name;
	feeds[o].on = false;
	for (unsigned i = 0; i < OWNERS; i++)
		if (stream_id_equal(&feeds[i].stream, &s))
			feeds[i].on = false;
	assert_int_equal(writer_drop(x.w, &s, &x.result, NULL), 0);
	assert_int_equal(writer_drop(y.w, &s, &y.result, NULL), 0);
}

static void
set_out(void)
{
	x.w->behind_from = UINT64_MAX;
	kit_put_off(y.w);
	if (any(2) != 0)
		y.w->behind_least = 1 + any(40);
}

static void
reopen(void)
{
	bool life = any(4) == 0;

	for (unsigned i = 0; i < OWNERS; i++)
		feeds[i].on = feeds[i].on && !feeds[i].rebuild;
	box_reopen(&x, life);
	box_reopen(&y, life);
	set_out();
}

static void
step(void)
{
	unsigned o = any(OWNERS), what = any(32);

	if (what < 8)
		change(&owners[o], NULL);
	else if (what < 20 && !feeds[o].on)
		feed_begin(o);
	else if (what < 20)
		feed_page(&feeds[o], 1 + any(8));
	else if (what < 24)
		change(&x, &y);
	else if (what < 26)
		relay_pull(o);
	else if (what == 26)
		new_life(o, 0);
	else if (what == 27 && any(3) == 0)
		forget(o);
	else if (what == 28 && any(3) == 0)
		drop(o);
	else if (what == 29)
		reopen();
	else if (what == 30)
		assert_int_equal(writer_catch_up(y.w, &y.result, NULL), 0);
	else
		set_out();
}

/* All there is, to the head. */
static void
all_of_it(void)
{
	for (unsigned o = 0; o < OWNERS; o++) {
		struct feed *f = &feeds[o];

		if (owners[o].w->own->name.generation <= ended[o])
			continue;
		memset(f, 0, sizeof(*f));
		f->stream = box_own_report(&owners[o]).stream;
		f->from = &owners[o];
		f->owner = f->on = true;
		f->after = box_held(&x, &f->stream).point.cursor;
		while (f->on)
			feed_page(f, 1 + any(8));
	}
	for (struct box *b = &x; b != NULL; b = b == &x ? &y : NULL)
		do {
			assert_int_equal(writer_clear(b->w, &b->result,
						      &b->why), 0);
		} while (b->result.more);
}

static bool
all_at_head(void)
{
	for (unsigned i = 0; i < x.w->slot_end; i++)
		if (x.w->streams[i].role == ROLE_REPLICA &&
		    !held_at_head(&x.w->streams[i]))
			return false;
	return true;
}

static void
one_history(uint64_t seed)
{
	uint32_t at_once, later, was;

	state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	memset(feeds, 0, sizeof(feeds));
	memset(ended, 0, sizeof(ended));
	for (unsigned o = 0; o < OWNERS; o++) {
		box_start(&owners[o], 1 + (uint8_t)o, 1 + (uint8_t)o);
		if (any(2) == 0)
			box_name(&owners[o]);
	}
	box_start(&relay, 8, 8);
	box_start(&x, 9, 9);
	box_start(&y, 9, 9);
	set_out();
	was = listed(&y, ALL);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		at_once = listed(&x, ALL);
		later = listed(&y, ALL);
		if ((later & ~at_once) != 0)
			fail_msg("seed %llu, step %u: only later",
				 (unsigned long long)seed, i);
		if ((was & listed(&x, LASTING) & ~later) != 0)
			fail_msg("seed %llu, step %u: gone meanwhile",
				 (unsigned long long)seed, i);
		same_points();
		was = later;
	}
	all_of_it();
	assert_int_equal(writer_catch_up(y.w, &y.result, NULL), 0);
	box_check(&x);
	box_check(&y);
	same_points();
	if (all_at_head())
		same_lists();
	boxes_end(NULL);
}

static unsigned long first, count = 4;

static void
later_is_the_same(void **s)
{
	(void)s;
	for (unsigned long i = first; i < first + count; i++) {
		print_message("# seed %lu\n", i);
		one_history(i);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(later_is_the_same, boxes_end),
	};

	if (argc > 1)
		count = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		first = strtoul(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
