/*
 * writer_forget.c: nodes that will not return.
 *
 * Forgetting one is a record in the own stream, and the end of what is held of
 * it.  A large replica takes long to delete, and the writer has others to
 * serve: so it is first set apart, which ends it for everybody who asks, and
 * then cleared away a thousand rows at a time.  A start goes on with that.
 */
#include <string.h>

#include "writer_private.h"

#define CLEAR_ROWS 1024u /* in one transaction; at most PHOTO_NEWS_MAX */
#define SAID_MAX   1024u /* records `forgotten` that others make us write */
#define READ_MAX   1024u /* ... and that we read of one stream */

/* ---- what records say ------------------------------------------------- */

void
forgotten_note(struct writer *w, const struct held *h, const struct record *r)
{
	struct record_forgotten f;
	struct stream_id *e;

	if (h->role == ROLE_OWN || r->dead || r->key_bytes != NODE_ID_BYTES ||
	    memcmp(r->key, h->name.node.bytes, NODE_ID_BYTES) == 0 ||
	    !record_forgotten_parse(r->value, r->value_bytes, &f) ||
	    w->result.ended_count == ENDED_NEWS_MAX)
		return;
	e = &w->ended[w->result.ended_count++];
	memset(e, 0, sizeof(*e));
	memcpy(e->node.bytes, r->key, NODE_ID_BYTES);
	e->generation = f.generation;
}

static int
each_in_stream(struct writer *w, const struct held *h,
	       void (*each)(void *arg, const struct stream_id *ended, bool own),
	       void *arg)
{
	sqlite3_stmt *st = w->st[W_FORGOTTEN];
	struct record_forgotten f;
	struct stream_id ended;
	int r;

	bind_int(w, W_FORGOTTEN, 1, row_id(w, h));
	bind_int(w, W_FORGOTTEN, 2, READ_MAX);
	while ((r = row(w, W_FORGOTTEN)) == 1) {
		if (sqlite3_column_bytes(st, 0) != NODE_ID_BYTES ||
		    !record_forgotten_parse(sqlite3_column_blob(st, 1),
				(size_t)sqlite3_column_bytes(st, 1), &f))
			continue;
		memset(&ended, 0, sizeof(ended));
		memcpy(ended.node.bytes, sqlite3_column_blob(st, 0),
		       NODE_ID_BYTES);
		ended.generation = f.generation;
		if (!node_id_equal(&ended.node, &h->name.node))
			each(arg, &ended, h->role == ROLE_OWN);
	}
	return r;
}

int
writer_each_forgotten(struct writer *w,
		      void (*each)(void *arg, const struct stream_id *ended,
				   bool own),
		      void *arg, struct trouble *why)
{
	w->failed = false;
	for (unsigned i = 0; i < w->slot_end; i++) {
		const struct held *h = &w->streams[i];

		if (h->role != ROLE_OWN && h->role != ROLE_REPLICA)
			continue;
		if (each_in_stream(w, h, each, arg) == -1) {
			if (why != NULL)
				*why = w->why;
			return -1;
		}
	}
	return 0;
}

/* ---- saying it ourselves ---------------------------------------------- */

/* 1: there is no room for one more that others make us say; 0; -1. */
static int
said_enough(struct writer *w)
{
	int r;

	bind_int(w, W_FORGOTTEN_COUNT, 1, row_id(w, w->own));
	if (row(w, W_FORGOTTEN_COUNT) != 1)
		return -1;
	r = sqlite3_column_int64(w->st[W_FORGOTTEN_COUNT], 0) >= SAID_MAX;
	reset(w, W_FORGOTTEN_COUNT);
	return r;
}

static int
say_forgotten(struct writer *w, const struct stream_id *ended, bool ordered)
{
	struct record_forgotten v = {.generation = ended->generation}, was;
	uint8_t value[16];
	size_t bytes = record_forgotten_pack(&v, value, sizeof(value));
	int enough;

	if (record_get(w, w->own, RECORD_FORGOTTEN, ended->node.bytes,
		       NODE_ID_BYTES, &w->old) == -1)
		return -1;
	if (w->old.found && !w->old.dead &&
	    record_forgotten_parse(w->old.value, w->old.value_bytes, &was) &&
	    was.generation >= v.generation)
		return 0;
	if (!w->old.found && !ordered) {
		if ((enough = said_enough(w)) != 0)
			return enough == 1 ? 0 : -1;
	}
	return own_say(w, RECORD_FORGOTTEN, ended->node.bytes, NODE_ID_BYTES,
		       value, bytes);
}

/* ---- the end of a replica --------------------------------------------- */

static struct held *
ending_find(struct writer *w)
{
	for (unsigned i = 0; i < w->slot_end; i++)
		if (w->streams[i].role == ROLE_ENDING)
			return &w->streams[i];
	return NULL;
}

bool
writer_clearing(struct writer *w)
{
	return ending_find(w) != NULL;
}

static int
set_apart(struct writer *w, struct held *h)
{
	struct held *before = held_find(w, &h->name, ROLE_ENDING);

	if (before != NULL && stream_cut(w, before, CUT_SILENTLY) == -1)
		return -1;
	behind_forget(w, h);
	h->role = ROLE_ENDING;
	h->dirty = true;
	h->review = false;
	w->result.changed = true;
	return 0;
}

static int
end_streams(struct writer *w, const struct stream_id *ended)
{
	bool any = false;
	struct held *h;

	for (unsigned i = 0; i < w->slot_end; i++) {
		h = &w->streams[i];
		if (!node_id_equal(&h->name.node, &ended->node) ||
		    h->name.generation > ended->generation)
			continue;
		if (h->role == ROLE_BUILDING &&
		    stream_cut(w, h, CUT_SILENTLY) == -1)
			return -1;
		if (h->role != ROLE_REPLICA)
			continue;
		if (set_apart(w, h) == -1)
			return -1;
		any = true;
	}
	if (!any || (h = held_newest(w, &ended->node)) == NULL)
		return 0;
	h->review = true;
	if (holders_resolve(w, &ended->node) == -1)
		return -1;
	return lives_review(w);
}

/* Hide and delete the next rows of a stream that is set apart.  1: none are
 * left; 0; -1. */
static int
clear_rows(struct writer *w, struct held *h)
{
	sqlite3_stmt *st = w->st[W_RECORDS_FROM];
	uint64_t seq = 0, next;
	struct record_copy c;
	unsigned count = 0;
	int r, done = 0;

	bind_int(w, W_RECORDS_FROM, 1, row_id(w, h));
	bind_int(w, W_RECORDS_FROM, 2, 0);
	while (done == 0 && (r = row(w, W_RECORDS_FROM)) == 1) {
		const uint8_t *key = sqlite3_column_blob(st, 3);
		size_t key_bytes = (size_t)sqlite3_column_bytes(st, 3);

		next = (uint64_t)sqlite3_column_int64(st, 0);
		/* Rows of one number go together. */
		if (count++ >= CLEAR_ROWS && next != seq)
			break;
		seq = next;
		if (sqlite3_column_int(st, 1) == RECORD_COPY &&
		    sqlite3_column_int(st, 2) == 0 &&
		    key_bytes > ROOT_ID_BYTES &&
		    record_copy_parse(sqlite3_column_blob(st, 4),
				      (size_t)sqlite3_column_bytes(st, 4), &c))
			done = copy_hide(w, h, key, key_bytes, &c.photo);
	}
	reset(w, W_RECORDS_FROM);
	if (done == -1 || r == -1)
		return -1;
	bind_int(w, W_RECORDS_CUT_TO, 1, row_id(w, h));
	bind_int(w, W_RECORDS_CUT_TO, 2, (int64_t)seq);
	if (run(w, W_RECORDS_CUT_TO) == -1)
		return -1;
	return r == 0;
}

static int
clear_some(struct writer *w)
{
	struct held *h = ending_find(w);
	int r;

	if (h == NULL)
		return 0;
	w->result.changed = true;
	if ((r = clear_rows(w, h)) == -1)
		return -1;
	if (r == 1 && stream_cut(w, h, CUT_SILENTLY) == -1)
		return -1;
	w->result.more = ending_find(w) != NULL;
	return 0;
}

int
writer_end(struct writer *w, const struct stream_id *ended, bool vanishes,
	   bool ordered, struct write_result *out, struct trouble *why)
{
	bool self = node_id_equal(&ended->node, &w->self);

	if (txn_begin(w, true, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	if (!self && say_forgotten(w, ended, ordered) == -1)
		return txn_abort(w, out, why);
	if (vanishes && !self) {
		bind_blob(w, W_NODE_CUT, 1, ended->node.bytes, NODE_ID_BYTES);
		if (run(w, W_NODE_CUT) == -1)
			return txn_abort(w, out, why);
	}
	if (end_streams(w, ended) == -1 || clear_some(w) == -1)
		return txn_abort(w, out, why);
	return txn_commit(w, out, why);
}

int
writer_clear(struct writer *w, struct write_result *out, struct trouble *why)
{
	if (txn_begin(w, false, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	if (clear_some(w) == -1)
		return txn_abort(w, out, why);
	return txn_commit(w, out, why);
}
