/*
 * writer_page.c: other nodes' streams: joining pages, building a replica
 * afresh beside the old one, letting go.
 */
#include <string.h>

#include "writer_private.h"

/* Per fact the higher number wins; what is stored may be newer already.  1: it is
 * a new fact; 0; -1. */
static int
join(struct writer *w, struct held *h, const struct record *r)
{
	struct record stored;
	int new = record_put_new(w, h, r, NULL, 1, false);

	w->result.changed = w->result.changed || new == 1;
	if (new != 0)
		return new;
	if (record_get(w, h, r->kind, r->key, r->key_bytes, &w->old) == -1)
		return -1;
	if (w->old.found) {
		stored = (struct record){
			.seq = w->old.seq, .kind = r->kind,
			.dead = w->old.dead,
			.key = r->key, .key_bytes = r->key_bytes,
			.value = w->old.value,
			.value_bytes = w->old.value_bytes,
		};
		if (!record_wins(&h->name, r, &stored))
			return 0;
	}
	w->result.changed = true;
	return record_put(w, h, r, &w->old, false) == -1 ? -1 : 0;
}

/* Many at a time, until one is met that is not new; then one by one, until as
 * many were new again.  Rows one by one cost a sixth more; where each fifth is not
 * new, many at a time would nearly always end before their end. */
static int
join_all(struct writer *w, struct held *h, const struct message_batch *batch)
{
	const struct record *r = batch->records;
	unsigned in_a_row = ROWS_MANY; /* new, the last ones */
	int new;

	for (uint32_t i = 0; i < batch->record_count; i += (uint32_t)new) {
		if (in_a_row >= ROWS_MANY &&
		    batch->record_count - i >= ROWS_MANY) {
			new = record_put_new(w, h, r + i, NULL, ROWS_MANY,
					     false);
			if (new == -1)
				return -1;
			w->result.changed = w->result.changed || new > 0;
			if (new < (int)ROWS_MANY)
				in_a_row = 0;
			continue;
		}
		if ((new = join(w, h, r + i)) == -1)
			return -1;
		in_a_row = new == 1 ? in_a_row + 1 : 0;
		new = 1;
	}
	return 0;
}

/* The replica that a page belongs into, made if this is its first. */
static struct held *
page_target(struct writer *w, const struct mesh_store *store,
	    const struct message_batch *batch)
{
	enum stream_role role = store->rebuild ? ROLE_BUILDING : ROLE_REPLICA;
	struct held *h;

	if (!stream_id_equal(&store->stream, &batch->stream)) {
		fail_with(w, "catalogue: a page of another stream");
		return NULL;
	}
	if (node_id_equal(&store->stream.node, &w->self) &&
	    store->stream.generation >= w->own->name.generation) {
		fail_with(w, "catalogue: nobody else tells this node's own facts");
		return NULL;
	}
	h = held_find(w, &store->stream, role);
	if (store->rebuild && batch->after == 0) {
		for (unsigned i = 0; i < w->slot_end; i++) {
			struct held *b = &w->streams[i];

			if (b->role == ROLE_BUILDING &&
			    node_id_equal(&b->name.node,
					  &store->stream.node) &&
			    stream_cut(w, b, CUT_SILENTLY) == -1)
				return NULL;
		}
		h = NULL;
	} else if (store->rebuild && h == NULL) {
		fail_with(w, "catalogue: that replica is not being built");
		return NULL;
	} else if (h == NULL && batch->after > 0) {
		/* Let go while this page was under way: without those before
		 * it, its point would not be true. */
		fail_with(w, "catalogue: that replica is not held any more");
		return NULL;
	}
	if (h == NULL && (h = held_new(w, &store->stream, role)) != NULL) {
		h->review = role == ROLE_REPLICA;
		/* Its row must be there before its holder's photos are. */
		if (role == ROLE_REPLICA &&
		    holders_resolve(w, &store->stream.node) == -1)
			return NULL;
	}
	return h;
}

/* The replica built beside the old one takes its place. */
static int
swap_in(struct writer *w, struct held *built)
{
	struct held *old = held_find(w, &built->name, ROLE_REPLICA);

	/* Hidden roots are judged afresh: what is complete may differ. */
	if (old != NULL && stream_cut(w, old, CUT_SILENTLY) == -1)
		return -1;
	built->role = ROLE_REPLICA;
	built->dirty = true;
	built->review = true;
	w->result.changed = true;
	if (host_read(w, built) == -1 || all_show(w, built) == -1)
		return -1;
	return holders_resolve(w, &built->name.node);
}

static int
page_apply(struct writer *w, const struct mesh_store *store,
	   const struct message_batch *batch)
{
	struct held *h;
	int joined;

	if (store->point.base > store->point.cursor)
		return fail_with(w, "catalogue: a point is not lawful");
	if ((h = page_target(w, store, batch)) == NULL)
		return -1;
	w->puts_off = store->point.base != store->point.cursor &&
		      behind_may(w, h);
	joined = join_all(w, h, batch);
	w->puts_off = false;
	if (joined == -1)
		return -1;
	if (h->point.base != store->point.base ||
	    h->point.cursor != store->point.cursor)
		w->result.changed = true;
	/* Roots may swap where nothing is missing, and only there. */
	if (!store->rebuild && store->point.base > h->point.base)
		h->review = true;
	h->point = store->point;
	h->dirty = true;
	if (store->rebuild) {
		if (store->at_head && swap_in(w, h) == -1)
			return -1;
	} else if (held_at_head(h)) {
		/* First what has come, then what has gone. */
		if (behind_catch_up(w) == -1 || leaving_go(w, h, NULL) == -1)
			return -1;
		h->review = true;
	}
	held_report(h, &w->result.stored);
	return lives_review(w);
}

int
writer_store_many(struct writer *w, page_at *page, void *arg, size_t count,
		  size_t *done, struct stream_report *reports,
		  struct write_result *out, struct trouble *why)
{
	const struct message_batch *batch;
	const struct mesh_store *store;
	size_t i = 0;

	if (txn_begin(w, false, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	do {
		if (page(arg, i, &store, &batch, &w->why) == -1 ||
		    page_apply(w, store, batch) == -1)
			return txn_abort(w, out, why);
		reports[i++] = w->result.stored;
	} while (i < count && w->result.dropped_count == 0 &&
		 w->result.ended_count == 0);
	*done = i;
	if (behind_due(w) && behind_catch_up(w) == -1)
		return txn_abort(w, out, why);
	return txn_commit(w, out, why);
}

struct one_page {
	const struct mesh_store *store;
	const struct message_batch *batch;
};

static int
only_page(void *arg, size_t i, const struct mesh_store **store,
	  const struct message_batch **batch, struct trouble *why)
{
	const struct one_page *p = arg;

	(void)i;
	(void)why;
	*store = p->store;
	*batch = p->batch;
	return 0;
}

int
writer_store(struct writer *w, const struct mesh_store *store,
	     const struct message_batch *batch, struct write_result *out,
	     struct trouble *why)
{
	struct one_page p = {store, batch};
	struct stream_report report;
	size_t done;

	return writer_store_many(w, only_page, &p, 1, &done, &report, out,
				 why);
}

int
writer_drop(struct writer *w, const struct stream_id *stream,
	    struct write_result *out, struct trouble *why)
{
	struct held *h;

	if (txn_begin(w, false, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	if ((h = held_find(w, stream, ROLE_BUILDING)) != NULL &&
	    stream_cut(w, h, CUT_SILENTLY) == -1)
		return txn_abort(w, out, why);
	if ((h = held_find(w, stream, ROLE_REPLICA)) != NULL) {
		if (stream_cut(w, h, CUT_SILENTLY) == -1)
			return txn_abort(w, out, why);
		/* What it had taken over is shown of the older life again. */
		if ((h = held_newest(w, &stream->node)) != NULL)
			h->review = true;
		if (holders_resolve(w, &stream->node) == -1 ||
		    lives_review(w) == -1)
			return txn_abort(w, out, why);
	}
	return txn_commit(w, out, why);
}

int
writer_begin_generation(struct writer *w, uint64_t generation,
			struct write_result *out, struct trouble *why)
{
	if (txn_begin(w, true, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	if (generation > GENERATION_MAX ||
	    generation <= w->own->name.generation)
		fail_with(w, "catalogue: a generation is not lawful");
	if (w->failed || own_renumber(w, generation) == -1 ||
	    lives_review(w) == -1)
		return txn_abort(w, out, why);
	return txn_commit(w, out, why);
}
