/*
 * writer_txn.c: one transaction from begin to end, the statements, and the
 * table of streams that is kept in memory between them.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dying.h"
#include "writer_private.h"

int
fail_db(struct writer *w)
{
	if (schema_is_corrupt(sqlite3_errcode(w->db)))
		w->damaged = true;
	if (!w->failed)
		schema_trouble(w->db, &w->why, "not written");
	w->failed = true;
	return -1;
}

int
fail_memory(struct writer *w)
{
	return fail_with(w, "catalogue: out of memory");
}

int
fail_with(struct writer *w, const char *format, ...)
{
	char text[TROUBLE_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!w->failed)
		trouble_set(&w->why, 0, "%s", text);
	w->failed = true;
	return -1;
}

void
reset(struct writer *w, enum writer_statement s)
{
	sqlite3_reset(w->st[s]);
}

int
run(struct writer *w, enum writer_statement s)
{
	int r;

	/* A few PRAGMA-like statements yield a row; nobody wants it. */
	while ((r = sqlite3_step(w->st[s])) == SQLITE_ROW)
		continue;
	if (r != SQLITE_DONE)
		fail_db(w);
	sqlite3_reset(w->st[s]);
	return r == SQLITE_DONE ? 0 : -1;
}

int
run_new(struct writer *w, enum writer_statement s)
{
	int r = sqlite3_step(w->st[s]);
	/* Of the tables written so, each uniqueness is that of what a row is
	 * about; any other constraint is a failure. */
	bool there = r == SQLITE_CONSTRAINT_UNIQUE ||
		     r == SQLITE_CONSTRAINT_PRIMARYKEY;

	if (r != SQLITE_DONE && !there)
		fail_db(w);
	sqlite3_reset(w->st[s]);
	return r == SQLITE_DONE || there ? sqlite3_changes(w->db) : -1;
}

int
row(struct writer *w, enum writer_statement s)
{
	int r = sqlite3_step(w->st[s]);

	if (r == SQLITE_ROW)
		return 1;
	if (r != SQLITE_DONE)
		fail_db(w);
	sqlite3_reset(w->st[s]);
	return r == SQLITE_DONE ? 0 : -1;
}

void
bind_blob(struct writer *w, enum writer_statement s, int at,
	  const void *bytes, size_t count)
{
	/* A NULL pointer would bind NULL, which no column here allows. */
	sqlite3_bind_blob(w->st[s], at, count == 0 ? "" : bytes, (int)count,
			  SQLITE_STATIC);
}

void
bind_int(struct writer *w, enum writer_statement s, int at, int64_t v)
{
	sqlite3_bind_int64(w->st[s], at, v);
}

/* ---- streams in memory ------------------------------------------------ */

unsigned
slot_of(const struct writer *w, const struct held *h)
{
	return (unsigned)(h - w->streams);
}

int64_t
row_id(const struct writer *w, const struct held *h)
{
	return (int64_t)slot_of(w, h) + 1;
}

bool
held_at_head(const struct held *h)
{
	return h->point.base == h->point.cursor;
}

void
held_report(const struct held *h, struct stream_report *out)
{
	out->stream = h->name;
	out->point = h->point;
	out->digest = h->digest;
	out->rows = h->rows;
}

struct held *
held_find(struct writer *w, const struct stream_id *name,
	  enum stream_role role)
{
	for (unsigned i = 0; i < w->slot_end; i++) {
		if (w->streams[i].role == role &&
		    stream_id_equal(&w->streams[i].name, name))
			return &w->streams[i];
	}
	return NULL;
}

struct held *
held_newest(struct writer *w, const struct node_id *node)
{
	struct held *best = NULL;

	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i];

		if ((h->role == ROLE_OWN || h->role == ROLE_REPLICA) &&
		    node_id_equal(&h->name.node, node) &&
		    (best == NULL ||
		     h->name.generation > best->name.generation))
			best = h;
	}
	return best;
}

struct held *
held_new(struct writer *w, const struct stream_id *name,
	 enum stream_role role)
{
	unsigned i = 0;

	while (i < STREAM_SLOTS && w->streams[i].role != ROLE_FREE)
		i++;
	if (i == STREAM_SLOTS) {
		fail_with(w, "catalogue: too many streams");
		return NULL;
	}
	if (i >= w->slot_end)
		w->slot_end = i + 1;
	w->streams[i] = (struct held){.name = *name, .role = role};
	w->streams[i].shown = ALL_SHOWN;
	w->streams[i].dirty = true;
	holder_of_node(&name->node, w->streams[i].holder);
	return &w->streams[i];
}

static int
held_read(struct writer *w, sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, 0);
	struct held *h;

	if (id < 1 || id > STREAM_SLOTS ||
	    sqlite3_column_bytes(st, 1) != NODE_ID_BYTES ||
	    sqlite3_column_bytes(st, 5) != DIGEST_BYTES ||
	    sqlite3_column_bytes(st, 9) != HOLDER_BYTES)
		return fail_with(w, "catalogue: a stream row is not ours");
	h = &w->streams[id - 1];
	memset(h, 0, sizeof(*h));
	memcpy(h->name.node.bytes, sqlite3_column_blob(st, 1), NODE_ID_BYTES);
	h->name.generation = (uint64_t)sqlite3_column_int64(st, 2);
	h->point.base = (uint64_t)sqlite3_column_int64(st, 3);
	h->point.cursor = (uint64_t)sqlite3_column_int64(st, 4);
	digest_unpack(sqlite3_column_blob(st, 5), &h->digest);
	h->rows = (uint64_t)sqlite3_column_int64(st, 6);
	h->role = (enum stream_role)sqlite3_column_int(st, 7);
	h->has_host = sqlite3_column_bytes(st, 8) == HOST_ID_BYTES;
	if (h->has_host)
		memcpy(h->host.bytes, sqlite3_column_blob(st, 8),
		       HOST_ID_BYTES);
	memcpy(h->holder, sqlite3_column_blob(st, 9), HOLDER_BYTES);
	h->photos = (uint64_t)sqlite3_column_int64(st, 10);
	h->copies = (uint64_t)sqlite3_column_int64(st, 11);
	h->bytes = (uint64_t)sqlite3_column_int64(st, 12);
	h->shown = ALL_SHOWN;
	if ((unsigned)id > w->slot_end)
		w->slot_end = (unsigned)id;
	if (h->role == ROLE_OWN)
		w->own = h;
	return 0;
}

int
hidden_add(struct writer *w, unsigned slot, const uint8_t *root)
{
	if (w->hidden_count == w->hidden_capacity) {
		size_t more = w->hidden_capacity == 0 ? 16 :
				      2 * w->hidden_capacity;
		void *p = realloc(w->hidden, more * sizeof(*w->hidden));

		if (p == NULL)
			return fail_memory(w);
		w->hidden = p;
		w->hidden_capacity = more;
	}
	w->hidden[w->hidden_count].slot = slot;
	memcpy(w->hidden[w->hidden_count++].root.bytes, root, ROOT_ID_BYTES);
	w->streams[slot].hidden++;
	return 0;
}

int
caches_load(struct writer *w)
{
	sqlite3_stmt *st;
	int r;

	memset(w->streams, 0, sizeof(w->streams));
	w->slot_end = 0;
	w->own = NULL;
	w->hidden_count = 0;
	while ((r = row(w, W_STREAMS)) == 1) {
		if (held_read(w, w->st[W_STREAMS]) == -1) {
			reset(w, W_STREAMS);
			return -1;
		}
	}
	while (r == 0 && (r = row(w, W_HIDDEN)) == 1) {
		st = w->st[W_HIDDEN];
		r = 0;
		if (sqlite3_column_int64(st, 0) <= STREAM_SLOTS &&
		    sqlite3_column_bytes(st, 1) == ROOT_ID_BYTES)
			r = hidden_add(w,
				       (unsigned)sqlite3_column_int64(st, 0) - 1,
				       sqlite3_column_blob(st, 1));
		if (r == -1)
			reset(w, W_HIDDEN);
	}
	if (r == -1 || behind_load(w) == -1 || (r = row(w, W_TOTALS)) == -1)
		return -1;
	w->totals_dirty = false;
	if (r == 0)
		return fail_with(w, "catalogue: its totals are missing");
	st = w->st[W_TOTALS];
	w->totals.photos = (uint64_t)sqlite3_column_int64(st, 0);
	w->totals.copies = (uint64_t)sqlite3_column_int64(st, 1);
	w->totals.bytes = (uint64_t)sqlite3_column_int64(st, 2);
	w->totals.unique_bytes = (uint64_t)sqlite3_column_int64(st, 3);
	w->totals.told = (uint64_t)sqlite3_column_int64(st, 4);
	reset(w, W_TOTALS);
	r = row(w, W_ABOUT_FIRST);
	w->abouts = r == 1;
	reset(w, W_ABOUT_FIRST);
	return r == -1 ? -1 : 0;
}

static int
held_save(struct writer *w, struct held *h)
{
	enum writer_statement s = W_STREAM_SAVE;
	uint8_t digest[DIGEST_BYTES];

	digest_pack(&h->digest, digest);
	bind_int(w, s, 1, row_id(w, h));
	bind_blob(w, s, 2, h->name.node.bytes, NODE_ID_BYTES);
	bind_int(w, s, 3, (int64_t)h->name.generation);
	bind_int(w, s, 4, (int64_t)h->point.base);
	bind_int(w, s, 5, (int64_t)h->point.cursor);
	bind_blob(w, s, 6, digest, DIGEST_BYTES);
	bind_int(w, s, 7, (int64_t)h->rows);
	bind_int(w, s, 8, h->role);
	if (h->has_host)
		bind_blob(w, s, 9, h->host.bytes, HOST_ID_BYTES);
	else
		sqlite3_bind_null(w->st[s], 9);
	bind_blob(w, s, 10, h->holder, HOLDER_BYTES);
	bind_int(w, s, 11, (int64_t)h->photos);
	bind_int(w, s, 12, (int64_t)h->copies);
	bind_int(w, s, 13, (int64_t)h->bytes);
	h->dirty = false;
	return run(w, s);
}

static int
caches_save(struct writer *w)
{
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i];

		if (h->role != ROLE_FREE && h->dirty && held_save(w, h) == -1)
			return -1;
	}
	if (behind_save(w) == -1)
		return -1;
	if (!w->totals_dirty)
		return 0;
	bind_int(w, W_TOTALS_SAVE, 1, (int64_t)w->totals.photos);
	bind_int(w, W_TOTALS_SAVE, 2, (int64_t)w->totals.copies);
	bind_int(w, W_TOTALS_SAVE, 3, (int64_t)w->totals.bytes);
	bind_int(w, W_TOTALS_SAVE, 4, (int64_t)w->totals.unique_bytes);
	bind_int(w, W_TOTALS_SAVE, 5, (int64_t)w->totals.told);
	w->totals_dirty = false;
	return run(w, W_TOTALS_SAVE);
}

/* ---- transactions ----------------------------------------------------- */

/* With nothing listed, what will be is known from now on. */
static int
begin_fresh(struct writer *w)
{
	int r;

	fresh_clear(&w->fresh);
	if (w->totals.photos > 0)
		return 0;
	/* Where photos are still to be derived there are copies. */
	if ((r = row(w, W_COPY_FIRST)) == -1)
		return -1;
	reset(w, W_COPY_FIRST);
	if (r == 0)
		fresh_begin(&w->fresh);
	return 0;
}

int
txn_begin(struct writer *w, bool durable, struct trouble *why)
{
	w->failed = false;
	/* After a failed abort the caches are empty; do not trust them. */
	if (w->slot_end == 0 && caches_load(w) == -1)
		goto failed;
	if (durable != w->durable_now) {
		if (schema_exec(w->db, durable ? "PRAGMA synchronous=FULL" :
						 "PRAGMA synchronous=NORMAL",
				why) == -1)
			return -1;
		w->durable_now = durable;
	}
	if (!wal_has_room(&w->log, w->db)) {
		trouble_set(&w->why, ENOSPC, "catalogue: not written: what is "
			    "there leaves no room on the disk");
		goto failed;
	}
	if (run(w, W_BEGIN) == -1)
		goto failed;
	memset(&w->result, 0, sizeof(w->result));
	w->result.news = w->news;
	w->result.ended = w->ended;
	w->asked.held = NULL;
	w->puts_off = w->goes = false;
	w->new_copy_count = w->new_photo_count = 0;
	id_set_clear(&w->touched);
	if (begin_fresh(w) == -1) {
		(void)txn_abort(w, NULL, why);
		return -1;
	}
	return 0;
failed:
	if (why != NULL)
		*why = w->why;
	return -1;
}

int
txn_commit(struct writer *w, struct write_result *out, struct trouble *why)
{
	if (behind_settle(w) == -1 || photos_settle(w) == -1 ||
	    caches_save(w) == -1)
		return txn_abort(w, out, why);
	dying(w->durable_now ? "before_commit" : "before_page_commit");
	if (run(w, W_COMMIT) == -1)
		return txn_abort(w, out, why);
	dying(w->durable_now ? "after_commit" : "after_page_commit");
	index_next(w);
	if (w->own != NULL)
		held_report(w->own, &w->result.own);
	if (out != NULL)
		*out = w->result;
	return 0;
}

int
txn_abort(struct writer *w, struct write_result *out, struct trouble *why)
{
	if (why != NULL)
		*why = w->why;
	for (unsigned i = 0; i < W_COUNT; i++)
		sqlite3_reset(w->st[i]);
	/* SQLite may have rolled back by itself (disk full, I/O error). */
	if (!sqlite3_get_autocommit(w->db))
		run(w, W_ROLLBACK);
	/* The log may take all the room there is. */
	if (w->why.code == ENOSPC)
		wal_give_back(w->db);
	w->failed = false;
	if (caches_load(w) == -1) {
		w->slot_end = 0;
		w->own = NULL;
	}
	behind_aborted(w);
	id_set_clear(&w->touched);
	memset(&w->result, 0, sizeof(w->result));
	w->result.news = w->news;
	w->result.ended = w->ended;
	if (w->own != NULL)
		held_report(w->own, &w->result.own);
	if (out != NULL)
		*out = w->result;
	return -1;
}
