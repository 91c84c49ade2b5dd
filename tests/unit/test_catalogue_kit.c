#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "merged.h"
#include "message.h"
#include "query_private.h"

#define BOXES_MAX 8u

/* Those that are there; NULL: a free place. */
static struct box *boxes[BOXES_MAX];

/* The place of one, or with NULL a free one. */
static struct box **
place_of(const struct box *b)
{
	for (unsigned i = 0; i < BOXES_MAX; i++)
		if (boxes[i] == b)
			return &boxes[i];
	return NULL;
}

int
boxes_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BOXES_MAX; i++)
		if (boxes[i] != NULL)
			box_end(boxes[i]);
	return 0;
}

void
kit_put_off(struct writer *w)
{
	w->behind_from = 0;
	w->behind_least = 1000000;
	/* No clock decides. */
	w->behind_took_ms = 3600000;
}

int
box_open(struct box *b, bool new_life)
{
	struct writer_config config = {
		.dir = b->dir, .self = b->node, .run = ++b->run,
		.wall_ms = 1000000, .new_life = new_life,
		.newborn = b->newborn, .given_up = b->given_up, .arg = b->arg,
	};

	memset(&b->why, 0, sizeof(b->why));
	b->w = writer_open(&config, &b->found, &b->why);
	if (b->w == NULL)
		return -1;
	b->r = reader_open(b->dir, &b->why);
	if (b->r == NULL) {
		writer_close(b->w);
		b->w = NULL;
		return -1;
	}
	/* As of a large mesh: what comes below a head is listed later. */
	if (getenv("PHOTOMESH_TEST_BEHIND") != NULL)
		kit_put_off(b->w);
	b->r->places_max = 300; /* several passes, where there is anything */
	return 0;
}

void
box_start(struct box *b, uint8_t node, uint8_t host)
{
	memset(b, 0, sizeof(*b));
	strcpy(b->dir, "/tmp/photomesh-cat-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	memset(&b->node, node, sizeof(b->node));
	memset(&b->host, host, sizeof(b->host));
	b->run = (uint64_t)node << 32;
	b->newborn = true;
	assert_int_equal(box_open(b, false), 0);
	b->newborn = false;
	assert_int_equal(b->found, WRITER_NEW);
	if (place_of(b) == NULL) {
		assert_non_null(place_of(NULL));
		*place_of(NULL) = b;
	}
}

void
box_close(struct box *b)
{
	reader_close(b->r);
	writer_close(b->w);
	b->r = NULL;
	b->w = NULL;
}

void
box_reopen(struct box *b, bool new_life)
{
	box_close(b);
	if (box_open(b, new_life) == -1)
		fail_msg("%s", b->why.text);
}

void
box_end(struct box *b)
{
	char command[128];

	box_close(b);
	if (place_of(b) != NULL)
		*place_of(b) = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", b->dir);
	assert_int_equal(system(command), 0);
}

int64_t
box_count(struct box *b, const char *sql)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(b->w->db, sql, -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* ---- what must agree -------------------------------------------------- */

static void
check_stream(void *arg, const struct stream_report *s)
{
	struct box *b = arg;
	struct stream_report held = box_held(b, &s->stream);

	assert_true(digest_equal(&held.digest, &s->digest));
	assert_int_equal(held.rows, s->rows);
	assert_int_equal(held.point.base, s->point.base);
	assert_int_equal(held.point.cursor, s->point.cursor);
}

static void
check_photos(struct box *b)
{
	struct digest sum = {0}, recomputed;
	struct totals t, seen = {0};
	struct photo_id id;
	uint64_t photos;
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(b->w->db,
					    "SELECT id, copies, name, size,"
					    " decoder FROM photo", -1, &st, NULL),
			 SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		uint64_t copies = (uint64_t)sqlite3_column_int64(st, 1);

		photo_id_unpack(sqlite3_column_blob(st, 0), &id);
		merged_add(&sum, &id, (uint32_t)copies,
			   sqlite3_column_blob(st, 2),
			   (size_t)sqlite3_column_bytes(st, 2));
		seen.photos++;
		seen.copies += copies;
		seen.bytes += copies * id.size;
		seen.unique_bytes += id.size;
		seen.told += sqlite3_column_int64(st, 4) > 0;
	}
	sqlite3_finalize(st);
	assert_int_equal(reader_verify_merged(b->r, &recomputed, &photos,
					      NULL), 0);
	assert_true(digest_equal(&sum, &recomputed));
	assert_int_equal(photos, seen.photos);
	assert_int_equal(reader_totals(b->r, &t, NULL), 0);
	assert_memory_equal(&t, &seen, sizeof(t));
}

/* Where something is to be listed later, it is by every third check, or as often
 * as the variable says. */
static bool
caught_up(struct box *b)
{
	const char *often = getenv("PHOTOMESH_TEST_BEHIND");

	if (!writer_behind(b->w))
		return true;
	assert_int_equal(box_count(b, "PRAGMA user_version"),
			 SCHEMA_VERSION_BEHIND);
	if (++b->put_off % (often != NULL ? (unsigned)atoi(often) : 3) != 0)
		return false;
	assert_int_equal(writer_catch_up(b->w, &b->result, &b->why), 0);
	assert_false(writer_behind(b->w));
	return true;
}

void
box_check(struct box *b)
{
	assert_int_equal(reader_verify_streams(b->r, check_stream, b, NULL),
			 0);
	if (!caught_up(b))
		return;
	assert_int_equal(box_count(b, "PRAGMA user_version"), SCHEMA_VERSION);
	/* No own row above the head, and the newest is the head. */
	assert_int_equal(
		box_count(b, "SELECT count(*) FROM record JOIN stream"
			     " ON stream.id = record.stream"
			     " WHERE role = 1 AND seq > cursor"), 0);
	/* Shown is what is recorded and not hidden, and what is leaving. */
	assert_int_equal(
		box_count(b, "SELECT count(*) FROM copy WHERE leaving = 0"),
		box_count(b, "SELECT count(*) FROM record AS r JOIN stream AS s"
			     " ON s.id = r.stream WHERE s.role IN (1, 2)"
			     " AND kind = 3 AND dead = 0"
			     " AND length(value) > 20 AND NOT EXISTS"
			     " (SELECT 1 FROM hidden WHERE"
			     " hidden.stream = r.stream"
			     " AND hidden.root = substr(r.key, 1, 8))"));
	assert_int_equal(box_count(b, "SELECT total(copies) FROM stream"),
			 box_count(b, "SELECT count(*) FROM copy"));
	assert_int_equal(box_count(b, "SELECT total(photos) FROM stream"),
			 box_count(b, "SELECT count(*) FROM (SELECT DISTINCT"
				      " photo, stream FROM copy)"));
	assert_int_equal(
		box_count(b, "SELECT count(*) FROM copy WHERE stream NOT IN"
			     " (SELECT id FROM stream)"), 0);
	assert_int_equal(
		box_count(b, "SELECT count(*) FROM copy, stream WHERE"
			     " stream.id = copy.stream AND leaving = 1"
			     " AND base = cursor"), 0);
	/* What is known of photos is what the streams shown say. */
	assert_int_equal(
		box_count(b, "SELECT count(*) FROM about"),
		box_count(b, "SELECT count(*) FROM record AS r JOIN stream AS s"
			     " ON s.id = r.stream WHERE s.role IN (1, 2)"
			     " AND kind = 6 AND dead = 0"));
	assert_int_equal(
		box_count(b, "SELECT count(*) FROM photo WHERE about > 0"
			     " AND NOT EXISTS (SELECT 1 FROM about WHERE"
			     " about.photo = photo.id"
			     " AND about.stream = photo.about)"), 0);
	check_photos(b);
}

/* ---- own rows --------------------------------------------------------- */

struct root_id
kit_root(uint8_t n)
{
	struct root_id r;

	memset(r.bytes, n, sizeof(r.bytes));
	return r;
}

struct photo_id
kit_photo(uint32_t n)
{
	struct photo_id p = {.size = 1000 + n % 7};
	uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (unsigned i = 0; i < sizeof(p.hash); i++) {
		x ^= x >> 29;
		x *= UINT64_C(0xbf58476d1ce4e5b9);
		p.hash[i] = (uint8_t)(x >> 56);
	}
	return p;
}

struct own_file
kit_copy(uint8_t root, const char *path, uint32_t photo)
{
	struct own_file f = {
		.root = kit_root(root), .path = path,
		.path_bytes = strlen(path), .verdict = OWN_COPY,
		.inode = photo, .mtime_ns = 5000 + photo % 13,
	};

	f.copy.photo = kit_photo(photo);
	f.size = f.copy.photo.size;
	f.copy.mtime_ns = f.mtime_ns;
	/* An inode by the path: two paths are two files. */
	for (size_t i = 0; i < f.path_bytes; i++)
		f.copy.file[i % 8] = (uint8_t)(f.copy.file[i % 8] * 31 +
					       path[i]);
	f.copy.file[0] ^= root;
	strcpy(f.copy.type, "image/jpeg");
	return f;
}

struct own_file
kit_gone(uint8_t root, const char *path)
{
	return (struct own_file){
		.root = kit_root(root), .path = path,
		.path_bytes = strlen(path), .verdict = OWN_GONE,
	};
}

struct own_file
kit_problem(uint8_t root, const char *path)
{
	struct own_file f = kit_gone(root, path);

	f.verdict = OWN_PROBLEM;
	f.problem.code = PROBLEM_UNREADABLE;
	strcpy(f.problem.message, "no");
	return f;
}

struct own_file
kit_ignored(uint8_t root, const char *path)
{
	struct own_file f = kit_gone(root, path);

	f.verdict = OWN_IGNORED;
	return f;
}

static void
batch_write(struct box *b, const struct own_batch *batch, int64_t wall_ms)
{
	if (writer_own(b->w, batch, wall_ms, &b->result, &b->why) == -1)
		fail_msg("%s", b->why.text);
	box_check(b);
}

void
box_own(struct box *b, const struct own_file *files, size_t count,
	int64_t wall_ms)
{
	struct own_batch batch = {.files = files, .file_count = count};

	batch_write(b, &batch, wall_ms);
}

void
box_fill(struct box *b, uint8_t root, unsigned first, unsigned count)
{
	static char paths[4096][64];
	static struct own_file f[4096];

	assert_true(count <= 4096);
	for (unsigned i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "2020/%04u.jpg",
			 first + i);
		f[i] = kit_copy(root, paths[i], first + i);
	}
	box_own(b, f, count, 1);
}

void
box_root(struct box *b, uint8_t root, bool complete)
{
	struct own_batch batch = {.has_root = true,
				  .root_id = kit_root(root)};

	snprintf(batch.root.label, sizeof(batch.root.label), "disk %u", root);
	batch.root.online = true;
	batch.root.complete = complete;
	batch_write(b, &batch, 1);
}

void
box_name(struct box *b)
{
	struct own_batch batch = {.has_node = true};

	strcpy(batch.node.name, "box");
	strcpy(batch.node.version, "1");
	batch.node.host = b->host;
	batch_write(b, &batch, 1);
}

/* ---- pulling ---------------------------------------------------------- */

struct find_report {
	struct stream_id want;
	bool any_own;
	struct node_id self;
	struct stream_report got;
};

static void
find_stream(void *arg, const struct stream_report *s)
{
	struct find_report *f = arg;

	if (stream_id_equal(&s->stream, &f->want))
		f->got = *s;
}

struct stream_report
box_held(struct box *b, const struct stream_id *s)
{
	struct find_report f = {.want = *s};

	writer_each_stream(b->w, find_stream, &f, NULL);
	return f.got;
}

struct stream_report
box_own_report(struct box *b)
{
	struct stream_report s;

	held_report(b->w->own, &s);
	return s;
}

bool
box_pull_page(struct box *to, struct box *from, struct pulling *p)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct message_decoder *d = message_decoder_new();
	struct stream_report mine = box_held(to, &p->stream);
	struct mesh_store store = {.stream = p->stream, .rebuild = p->rebuild};
	struct message m;
	bool found, last;
	size_t bytes;

	if (!p->begun)
		p->after = p->rebuild ? 0 :
			   p->how == PULL_OWNER ? mine.point.cursor :
						  mine.point.base;
	assert_int_equal(reader_page(from->r, &p->stream, p->after, p->credit,
				     7, frame, &bytes, &found, NULL), 0);
	assert_true(found);
	assert_int_equal(message_decode(d, frame + FRAME_HEADER_BYTES,
					bytes - FRAME_HEADER_BYTES, &m, NULL),
			 MESSAGE_OK);
	if (!p->begun)
		p->relay_base = m.u.batch.point.base;
	p->begun = true;
	last = m.u.batch.through == m.u.batch.point.cursor;
	store.point = p->rebuild ? (struct point){0, 0} : mine.point;
	if (m.u.batch.through > store.point.cursor || p->rebuild)
		store.point.cursor = m.u.batch.through;
	if (last && p->how == PULL_OWNER)
		store.point.base = store.point.cursor = m.u.batch.through;
	else if (last && p->relay_base > store.point.base)
		store.point.base = p->relay_base;
	if (store.point.base > store.point.cursor)
		store.point.cursor = store.point.base;
	store.at_head = last && store.point.base == store.point.cursor;
	if (writer_store(to->w, &store, &m.u.batch, &to->result, &to->why) ==
	    -1)
		fail_msg("%s", to->why.text);
	p->after = m.u.batch.through;
	message_decoder_free(d);
	box_check(to);
	return !last;
}

void
box_pull(struct box *to, struct box *from, const struct stream_id *s,
	 enum pull how)
{
	struct pulling p = {.stream = *s, .how = how,
			    .credit = PULL_CREDIT_MIN};

	while (box_pull_page(to, from, &p))
		continue;
}

/* ---- looking ---------------------------------------------------------- */

uint64_t
box_photos(struct box *b)
{
	struct totals t;

	assert_int_equal(reader_totals(b->r, &t, NULL), 0);
	return t.photos;
}

struct digest
box_merged(struct box *b)
{
	struct digest d;
	uint64_t photos;

	assert_int_equal(reader_verify_merged(b->r, &d, &photos, NULL), 0);
	return d;
}

static bool
take_photo(void *arg, const struct photo_row *row)
{
	struct photo_row *out = arg;

	*out = *row;
	return false;
}

static struct photo_row
look(struct box *b, uint32_t photo)
{
	struct photo_id id = kit_photo(photo);
	struct photo_row row = {0};
	struct photo_prefix prefix;
	char hex[33];

	photo_id_hex(&id, hex);
	assert_true(photo_prefix_parse(hex, 32, &prefix));
	assert_int_equal(reader_find(b->r, &prefix, 2, take_photo, &row, NULL),
			 0);
	return row;
}

uint32_t
box_copies(struct box *b, uint32_t photo)
{
	return look(b, photo).copies;
}

int64_t
box_added(struct box *b, uint32_t photo)
{
	return look(b, photo).added_ms;
}

/* ---- lists ------------------------------------------------------------- */

void
kit_query(struct list_query *q, const char *text)
{
	struct search_error why;

	if (!search_parse(text, strlen(text), &q->search, &why))
		fail_msg("%s: %s", text, why.text);
	search_set_clock(&q->search, KIT_NOW_MS, NULL, 0);
}

static bool
take_listed(void *arg, const struct photo_row *row)
{
	struct listed *l = arg;

	assert_true(l->count < KIT_LISTED_MAX);
	l->order[l->count++] = row->photo;
	l->copies += row->copy_count;
	l->last = row->cursor;
	return true;
}

void
box_list(struct box *b, struct list_query *q, struct listed *out)
{
	unsigned before;

	out->count = out->copies = 0;
	memset(&out->last, 0, sizeof(out->last));
	memset(&q->after, 0, sizeof(q->after));
	do {
		before = out->count;
		if (reader_list(b->r, q, take_listed, out, &b->why) == -1)
			fail_msg("%s", b->why.text);
		q->after = out->last;
	} while (out->count > before);
}

unsigned
listed_times(const struct listed *l, const struct photo_id *id)
{
	unsigned times = 0;

	for (unsigned i = 0; i < l->count; i++)
		times += photo_id_compare(&l->order[i], id) == 0;
	return times;
}

uint32_t
listed_mask(const struct listed *l)
{
	uint32_t mask = 0;

	for (uint32_t n = 0; n < 32; n++) {
		struct photo_id id = kit_photo(n);

		if (listed_times(l, &id) > 0)
			mask |= UINT32_C(1) << n;
	}
	return mask;
}

uint32_t
box_search(struct box *b, const char *text)
{
	static struct listed l;
	struct list_query q = {.limit = 1000};
	uint32_t found = 0;

	kit_query(&q, text);
	for (q.sort = SORT_TAKEN; q.sort < SORT_WASTED; q.sort++) {
		box_list(b, &q, &l);
		if (q.sort > SORT_TAKEN)
			assert_int_equal(listed_mask(&l), found);
		found = listed_mask(&l);
	}
	return found;
}
