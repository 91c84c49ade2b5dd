/*
 * test_catalogue_play.c: see test_catalogue_play.h.
 */
#include "test_catalogue_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "message.h"
#include "meta_samples.h"

#define PAGES              2u
#define FOREIGN_ROWS       6u
#define FIRST_RUN          (UINT64_C(1) << 40)
#define FOREIGN_PATH_BYTES 3500u

static struct stream_id foreign;
static uint8_t frames[PAGES][FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
static size_t frame_bytes[PAGES];

struct state play_peace[STARTS][STEPS];
uint64_t play_generation[STARTS];

/* ---- what every play begins with -------------------------------------- */

static const char *const kept_names[] = {"catalogue.db", "run"};
static struct {
	uint8_t bytes[1 << 20];
	size_t count;
} kept[STARTS][2];

static void
keep(const char *dir, enum start s)
{
	for (unsigned i = 0; i < 2; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, kept_names[i]);
		f = fopen(path, "rb");
		assert_non_null(f);
		kept[s][i].count = fread(kept[s][i].bytes, 1,
					 sizeof(kept[s][i].bytes), f);
		assert_true(kept[s][i].count > 0 &&
			    kept[s][i].count < sizeof(kept[s][i].bytes));
		fclose(f);
	}
}

/* In memory when that can be had: thousands of plays sync at every step, and it
 * is not the disk that is on trial. */
void
play_begin(struct box *b, enum start s)
{
	memset(b, 0, sizeof(*b));
	strcpy(b->dir, access("/dev/shm", W_OK) == 0
			       ? "/dev/shm/photomesh-cat-XXXXXX"
			       : "/tmp/photomesh-cat-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	for (unsigned i = 0; i < 2 && s != START_NEW; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", b->dir, kept_names[i]);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(kept[s][i].bytes, 1, kept[s][i].count,
					f), kept[s][i].count);
		fclose(f);
	}
	memset(&b->node, s == START_ADOPTED ? 3 : 1, sizeof(b->node));
	memset(&b->host, 1, sizeof(b->host));
	b->run = FIRST_RUN;
}

void
play_finish(struct box *b)
{
	static const char *const names[] = {
		"catalogue.db", "catalogue.db-wal", "catalogue.db-shm", "run",
		"run.new", "catalogue.db-wal.gone", "catalogue.db-journal",
		"catalogue.db-journal.gone"};

	box_close(b);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		(void)unlink(path);
	}
	/* Fails when anything else was left there. */
	assert_int_equal(rmdir(b->dir), 0);
}

/* ---- the scenario ----------------------------------------------------- */

/* -1 when the page could not be stored. */
static int
store(struct box *b, unsigned page)
{
	struct message_decoder *d = message_decoder_new();
	struct mesh_store store = {.stream = foreign};
	struct message m;
	int r;

	assert_int_equal(message_decode(d, frames[page] + FRAME_HEADER_BYTES,
					frame_bytes[page] - FRAME_HEADER_BYTES,
					&m, NULL),
			 MESSAGE_OK);
	store.point.cursor = m.u.batch.through;
	store.at_head = page == PAGES - 1;
	if (store.at_head)
		store.point.base = store.point.cursor;
	r = writer_store(b->w, &store, &m.u.batch, &b->result, &b->why);
	message_decoder_free(d);
	return r;
}

static int
own(struct box *b, const struct own_file *f, size_t count)
{
	struct own_batch batch = {.files = f, .file_count = count};

	return writer_own(b->w, &batch, 1, &b->result, &b->why);
}

static int
learn(struct box *b)
{
	struct record_meta m = meta_sample();
	struct mesh_memory n = {.port = 5001, .name = "other"};
	uint8_t value[META_BYTES_MAX];
	struct own_meta about = {.photo = kit_photo(11), .value = value};
	struct own_batch batch = {.metas = &about, .meta_count = 1};

	memset(&n.node, 2, sizeof(n.node));
	about.value_bytes = record_meta_pack(&m, value, sizeof(value));
	assert_true(about.value_bytes > 0);
	if (writer_own(b->w, &batch, 1, &b->result, &b->why) == -1)
		return -1;
	return writer_remember_node(b->w, &n, &b->why);
}

static void
verified(void *arg, const struct stream_report *s)
{
	struct box *b = arg;
	struct stream_report held = box_held(b, &s->stream);

	assert_true(digest_equal(&held.digest, &s->digest));
}

/* What cannot be read is not reported wrong. */
static int
verify(struct box *b)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct stream_report own = box_own_report(b);
	struct digest merged;
	uint64_t photos;
	size_t bytes;
	bool found;

	if (reader_verify_streams(b->r, verified, b, &b->why) == -1 ||
	    reader_verify_merged(b->r, &merged, &photos, &b->why) == -1 ||
	    reader_page(b->r, &own.stream, 0, PULL_CREDIT_MIN, 7, frame,
			&bytes, &found, &b->why) == -1)
		return -1;
	assert_true(found);
	return 0;
}

static int
forget(struct box *b)
{
	struct stream_id ended = foreign;

	return writer_end(b->w, &ended, true, true, &b->result, &b->why);
}

/* Closed and opened: it is the same life. */
static int
again(struct box *b)
{
	uint64_t generation = b->w != NULL ?
		box_own_report(b).stream.generation : 0;

	box_close(b);
	if (box_open(b, false) == -1)
		return -1;
	if (generation != 0)
		assert_true(box_own_report(b).stream.generation >= generation);
	return 0;
}

int
play(struct box *b, enum step step)
{
	struct own_file add[4] = {kit_copy(1, "a", 11), kit_copy(1, "b", 12),
				  kit_problem(1, "c"), kit_copy(1, "d", 1)};
	struct own_file change[3] = {kit_copy(1, "a", 13), kit_gone(1, "b"),
				     kit_copy(1, "bb", 12)};
	struct own_file more = kit_copy(1, "e", 14);
	struct own_file last = kit_gone(1, "a");

	switch (step) {
	case STEP_OPEN:
		return box_open(b, false);
	case STEP_ADD:
		return own(b, add, 4);
	case STEP_PAGE:
		return store(b, 0);
	case STEP_CHANGE:
		return own(b, change, 3);
	case STEP_PAGE_AGAIN:
		return store(b, 1);
	case STEP_CHECKPOINT:
		sqlite3_wal_checkpoint_v2(b->w->db, NULL,
					  SQLITE_CHECKPOINT_PASSIVE, NULL,
					  NULL);
		return 0;
	case STEP_LEARN:
		return learn(b);
	case STEP_VERIFY:
		return verify(b);
	case STEP_GENERATION:
		return writer_begin_generation(b->w, 7000000, &b->result,
					       &b->why);
	case STEP_ADD_MORE:
		return own(b, &more, 1);
	case STEP_FORGET:
		return forget(b);
	case STEP_CLEAR:
		return writer_clear(b->w, &b->result, &b->why);
	case STEP_AGAIN:
		return again(b);
	case STEP_LAST:
		return own(b, &last, 1);
	case STEPS:
		break;
	}
	return -1;
}

void
play_look(struct box *b, struct state *out)
{
	memset(out, 0, sizeof(*out));
	out->own = box_own_report(b);
	out->held = box_held(b, &foreign);
}

bool
play_same(const struct stream_report *a, const struct stream_report *b)
{
	return stream_id_equal(&a->stream, &b->stream) &&
	       a->point.base == b->point.base &&
	       a->point.cursor == b->point.cursor && a->rows == b->rows &&
	       digest_equal(&a->digest, &b->digest);
}

void
play_check(struct box *b)
{
	assert_int_equal(box_count(b, "SELECT count(*) FROM"
				      " pragma_integrity_check"
				      " WHERE integrity_check <> 'ok'"), 0);
	box_check(b);
}

enum step
play_end(enum start s)
{
	return s == START_KEPT ? STEPS : STEP_PAGE;
}

/* ---- preparing -------------------------------------------------------- */

/* Two pages of another node's stream, as they would come over a link. */
static void
pack_pages(void)
{
	static char paths[FOREIGN_ROWS][FOREIGN_PATH_BYTES + 1];
	static struct own_file f[FOREIGN_ROWS];
	struct message_decoder *d = message_decoder_new();
	uint64_t after = 0;
	struct message m;
	struct box other;
	bool found;

	box_start(&other, 2, 2);
	for (unsigned i = 0; i < FOREIGN_ROWS; i++) {
		memset(paths[i], 'a' + (int)i, FOREIGN_PATH_BYTES);
		f[i] = kit_copy(2, paths[i], i);
	}
	box_own(&other, f, FOREIGN_ROWS, 1);
	foreign = box_own_report(&other).stream;
	for (unsigned page = 0; page < PAGES; page++) {
		assert_int_equal(reader_page(other.r, &foreign, after,
					     PULL_CREDIT_MIN, 7, frames[page],
					     &frame_bytes[page], &found, NULL),
				 0);
		assert_int_equal(message_decode(
					 d, frames[page] + FRAME_HEADER_BYTES,
					 frame_bytes[page] - FRAME_HEADER_BYTES,
					 &m, NULL),
				 MESSAGE_OK);
		after = m.u.batch.through;
		/* The last page, and only that, reaches the head. */
		assert_int_equal(after == m.u.batch.point.cursor,
				 page == PAGES - 1);
	}
	message_decoder_free(d);
	box_end(&other);
}

/* As a photod of format 1 left it. */
static void
make_older(const char *dir)
{
	static const char back[] =
		"DROP TABLE photo; DROP TABLE about;"
		"CREATE TABLE photo(id BLOB PRIMARY KEY NOT NULL,"
		" sort_time INTEGER NOT NULL, name TEXT NOT NULL,"
		" size INTEGER NOT NULL, added INTEGER NOT NULL,"
		" copies INTEGER NOT NULL, type TEXT NOT NULL)"
		" STRICT, WITHOUT ROWID;"
		"PRAGMA user_version = 1;";
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/catalogue.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A database with rows of its own, left in peace, for every start but NEW. */
static void
prepare_copies(void)
{
	struct own_file before[2] = {kit_copy(1, "x", 21), kit_copy(1, "y", 22)};
	uint64_t generation;
	struct box b;

	box_start(&b, 1, 1);
	box_name(&b);
	box_own(&b, before, 2, 1);
	box_root(&b, 1, true);
	generation = box_own_report(&b).stream.generation;
	box_close(&b); /* all is in one file now */
	for (enum start s = 0; s < STARTS; s++) {
		if (s == START_NEW)
			continue;
		keep(b.dir, s);
		play_generation[s] = generation;
	}
	kept[START_RESTORED][1].bytes[3] ^= 1;
	make_older(b.dir);
	keep(b.dir, START_OLDER);
	assert_int_equal(box_open(&b, false), 0);
	box_end(&b);
}

void
play_prepare(void)
{
	struct box b;

	pack_pages();
	prepare_copies();
	for (enum start s = 0; s < STARTS; s++) {
		play_begin(&b, s);
		for (enum step t = 0; t < play_end(s); t++) {
			if (play(&b, t) == -1)
				fail_msg("start %d, step %d: %s", (int)s,
					 (int)t, b.why.text);
			play_check(&b);
			play_look(&b, &play_peace[s][t]);
		}
		play_finish(&b);
	}
}
