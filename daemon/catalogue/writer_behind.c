/*
 * writer_behind.c: copies of a large mesh come to be listed many at a time.
 *
 * Photos lie in their tables by what their bytes are, that is, anywhere.  The
 * few thousand rows of a transaction then touch as many pages of copy and
 * photo, and the larger these are, the less do two of them share one: of a
 * million records each cost thirty thousand bytes written, and as many read.
 * So, once the list is long, what a page tells of copies below the head is
 * recorded at once and listed later, together with what comes behind it and in
 * the order of the tables.
 *
 * That something is behind is noted in the database, in the transaction that
 * records it: of each stream, up to which number all is listed.  A death in
 * between loses nothing.  An older photod would never list it, so for as long
 * as there is such a note, the file is of a later format.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "writer_private.h"

/* Below, a transaction's pages are few, and what comes is listed with it. */
#define BEHIND_FROM 32768u
/* So many rows at most; of a shorter list a part of it, so that what is listed
 * at once grows with what it goes into. */
#define BEHIND_MAX  65536u
#define BEHIND_PART 4u
/* How long they may wait, and for as long again as the last ones took. */
#define BEHIND_MS   1000u

/* A record of a copy that is not listed yet. */
struct behind {
	uint8_t photo[PHOTO_ID_BYTES];
	uint32_t slot;
	uint64_t seq;
};

struct behind_list {
	struct behind *rows; /* owned */
	size_t count, room;
};

/* As it is noted in the database. */
struct behind_note {
	int64_t stream;
	uint64_t shown;
};

/* ---- the note ----------------------------------------------------------- */

void
behind_begin(struct writer *w)
{
	w->behind_from = BEHIND_FROM;
	w->behind_least = BEHIND_FROM / BEHIND_PART;
	w->behind_rows = 0;
}

static bool
is_behind(const struct held *h)
{
	return h->role == ROLE_REPLICA && h->shown != ALL_SHOWN;
}

bool
writer_behind(const struct writer *w)
{
	for (unsigned i = 0; i < w->slot_end; i++) {
		if (is_behind(&w->streams[i]))
			return true;
	}
	return false;
}

int
behind_load(struct writer *w)
{
	sqlite3_stmt *st = w->st[W_META_GET];
	struct behind_note n;
	const uint8_t *bytes;
	size_t count;
	int r;

	w->behind_dirty = false;
	w->behind_noted = false;
	sqlite3_bind_text(st, 1, "behind", -1, SQLITE_STATIC);
	if ((r = row(w, W_META_GET)) != 1)
		return r;
	w->behind_noted = true;
	bytes = sqlite3_column_blob(st, 0);
	count = (size_t)sqlite3_column_bytes(st, 0) / sizeof(n);
	for (size_t i = 0; i < count; i++) {
		memcpy(&n, bytes + i * sizeof(n), sizeof(n));
		if (n.stream >= 1 && n.stream <= STREAM_SLOTS &&
		    w->streams[n.stream - 1].role == ROLE_REPLICA)
			w->streams[n.stream - 1].shown = n.shown;
	}
	reset(w, W_META_GET);
	return 0;
}

int
behind_save(struct writer *w)
{
	struct behind_note notes[STREAM_SLOTS];
	size_t count = 0;

	if (!w->behind_dirty)
		return 0;
	w->behind_dirty = false;
	for (unsigned i = 0; i < w->slot_end; i++) {
		const struct held *h = &w->streams[i];

		if (is_behind(h))
			notes[count++] = (struct behind_note){
				row_id(w, h), h->shown};
	}
	if ((count > 0) != w->behind_noted &&
	    sqlite3_exec(w->db, count > 0 ? SCHEMA_BEHIND : SCHEMA_CAUGHT_UP,
			 NULL, NULL, NULL) != SQLITE_OK)
		return fail_db(w);
	w->behind_noted = count > 0;
	if (count == 0) {
		sqlite3_bind_text(w->st[W_META_CUT], 1, "behind", -1,
				  SQLITE_STATIC);
		return run(w, W_META_CUT);
	}
	sqlite3_bind_text(w->st[W_META_PUT], 1, "behind", -1, SQLITE_STATIC);
	bind_blob(w, W_META_PUT, 2, notes, count * sizeof(notes[0]));
	return run(w, W_META_PUT);
}

void
behind_forget(struct writer *w, struct held *h)
{
	if (!is_behind(h))
		return;
	h->shown = ALL_SHOWN;
	w->behind_dirty = true;
}

/* ---- putting off -------------------------------------------------------- */

bool
behind_may(const struct writer *w, const struct held *h)
{
	return h->role == ROLE_REPLICA && w->totals.photos >= w->behind_from;
}

void
behind_put_off(struct writer *w, struct held *h, uint64_t seq)
{
	if (w->behind_rows++ == 0)
		w->behind_since_ms = clock_steady_ms();
	/* Others may have a number below what has been put off before. */
	if (seq > h->shown)
		return;
	h->shown = seq - 1;
	w->behind_dirty = true;
}

bool
behind_due(const struct writer *w)
{
	uint64_t enough = w->totals.photos / BEHIND_PART;

	if (enough < w->behind_least)
		enough = w->behind_least;
	if (enough > BEHIND_MAX)
		enough = BEHIND_MAX;
	if (!writer_behind(w))
		return false;
	/* A former run's: how much it is, is not known. */
	if (w->behind_rows == 0)
		return true;
	return w->behind_rows >= enough ||
	       clock_steady_ms() >= w->behind_since_ms + BEHIND_MS +
					    w->behind_took_ms;
}

/* ---- catching up -------------------------------------------------------- */

static int
list_add(struct writer *w, struct behind_list *l, unsigned slot, uint64_t seq,
	 const struct photo_id *photo)
{
	size_t more = l->room == 0 ? 4096 : 2 * l->room;
	struct behind *p;

	if (l->count == l->room) {
		if ((p = realloc(l->rows, more * sizeof(*p))) == NULL)
			return fail_memory(w);
		l->rows = p;
		l->room = more;
	}
	p = &l->rows[l->count++];
	photo_id_pack(photo, p->photo);
	p->slot = slot;
	p->seq = seq;
	return 0;
}

/* A row of key, value: of a copy, in a root that is shown? */
static bool
is_shown(struct writer *w, struct held *h, sqlite3_stmt *st,
	 const uint8_t **key, size_t *key_bytes, struct record_copy *out)
{
	*key = sqlite3_column_blob(st, 0);
	*key_bytes = (size_t)sqlite3_column_bytes(st, 0);
	return *key_bytes > ROOT_ID_BYTES && !root_hidden(w, h, *key) &&
	       record_copy_parse(sqlite3_column_blob(st, 1),
				 (size_t)sqlite3_column_bytes(st, 1), out);
}

/* Of rows of one number, which may be many, all but the first are listed here:
 * each that is looked up later goes through all of them. */
static int
collect(struct writer *w, struct held *h, struct behind_list *l)
{
	sqlite3_stmt *st = w->st[W_BEHIND];
	const uint8_t *key;
	size_t key_bytes;
	uint64_t seq, last = 0;
	struct record_copy c;
	int r, done = 0;

	bind_int(w, W_BEHIND, 1, row_id(w, h));
	bind_int(w, W_BEHIND, 2, (int64_t)h->shown);
	while (done == 0 && (r = row(w, W_BEHIND)) == 1) {
		if (!is_shown(w, h, st, &key, &key_bytes, &c))
			continue;
		seq = (uint64_t)sqlite3_column_int64(st, 2);
		if (seq == last)
			done = copy_show(w, h, key, key_bytes, &c);
		else
			done = list_add(w, l, slot_of(w, h), seq, &c.photo);
		last = seq;
	}
	reset(w, W_BEHIND);
	return done == -1 || r == -1 ? -1 : 0;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct behind *)a)->photo,
		      ((const struct behind *)b)->photo, PHOTO_ID_BYTES);
}

/* Rows of one number, which may be several, are listed as each of them is met;
 * to list a copy again changes nothing. */
static int
show(struct writer *w, const struct behind *b)
{
	sqlite3_stmt *st = w->st[W_BEHIND_AT];
	struct held *h = &w->streams[b->slot];
	const uint8_t *key;
	size_t key_bytes;
	uint8_t photo[PHOTO_ID_BYTES];
	struct record_copy c;
	int r, done = 0;

	bind_int(w, W_BEHIND_AT, 1, row_id(w, h));
	bind_int(w, W_BEHIND_AT, 2, (int64_t)b->seq);
	while (done == 0 && (r = row(w, W_BEHIND_AT)) == 1) {
		if (!is_shown(w, h, st, &key, &key_bytes, &c))
			continue;
		photo_id_pack(&c.photo, photo);
		if (memcmp(photo, b->photo, PHOTO_ID_BYTES) == 0)
			done = copy_show(w, h, key, key_bytes, &c);
	}
	reset(w, W_BEHIND_AT);
	return done == -1 || r == -1 ? -1 : 0;
}

int
behind_catch_up(struct writer *w)
{
	uint64_t began = clock_steady_ms();
	struct behind_list l = {0};
	int r = 0;

	for (unsigned i = 0; i < w->slot_end && r == 0; i++) {
		struct held *h = &w->streams[i];

		if (is_behind(h))
			r = collect(w, h, &l);
		behind_forget(w, h);
	}
	w->behind_rows = 0;
	if (l.count > 1)
		qsort(l.rows, l.count, sizeof(l.rows[0]), compare);
	for (size_t i = 0; i < l.count && r == 0; i++)
		r = show(w, &l.rows[i]);
	if (l.count > 0)
		w->result.changed = true;
	free(l.rows);
	w->behind_took_ms = clock_steady_ms() - began;
	return r;
}

int
behind_settle(struct writer *w)
{
	return w->goes && writer_behind(w) ? behind_catch_up(w) : 0;
}

void
behind_aborted(struct writer *w)
{
	if (w->behind_rows > 0 || !writer_behind(w))
		return;
	w->behind_rows = 1;
	w->behind_since_ms = clock_steady_ms();
}

int
writer_catch_up(struct writer *w, struct write_result *out,
		struct trouble *why)
{
	if (!writer_behind(w)) {
		*out = (struct write_result){.news = w->news};
		return 0;
	}
	if (txn_begin(w, false, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	if (behind_catch_up(w) == -1)
		return txn_abort(w, out, why);
	return txn_commit(w, out, why);
}
