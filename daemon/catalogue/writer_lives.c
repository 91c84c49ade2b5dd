/*
 * writer_lives.c: the generations of one node, and how one follows another.
 *
 * The newest life of a node is always shown.  A root of an older life is
 * shown beside it until a newer one is known to have said, with nothing missing
 * before that, that the root's first scan is complete or that the root is
 * withdrawn.  An older life at head with nothing left to tell is let go.  All of
 * it is a function of the lives held, and everybody takes from everybody what
 * still tells something: so lists become one.
 */
#include <string.h>

#include "writer_private.h"

static bool
is_life(const struct held *h, const struct node_id *node)
{
	return (h->role == ROLE_OWN || h->role == ROLE_REPLICA) &&
	       node_id_equal(&h->name.node, node);
}

/* 1: the life has something to say of the root: it has looked into it to the
 * end, or has found copies; 0: it only says that there is such a root; -1. */
static int
tells_of(struct writer *w, struct held *h, const struct root_id *root)
{
	struct record_root v;
	int r;

	if (record_get(w, h, RECORD_ROOT, root->bytes, ROOT_ID_BYTES,
		       &w->old) == -1)
		return -1;
	if (w->old.found && !w->old.dead &&
	    record_root_parse(w->old.value, w->old.value_bytes, &v) &&
	    v.complete)
		return 1;
	bind_int(w, W_ROOT_NEXT, 1, row_id(w, h));
	schema_bind_root(w->st[W_ROOT_NEXT], 2, root);
	r = row(w, W_ROOT_NEXT);
	reset(w, W_ROOT_NEXT);
	return r;
}

static int
review_root(struct writer *w, struct held *h, const struct root_id *root)
{
	bool is = root_hidden(w, h, root->bytes), should = false;

	for (unsigned i = 0; i < w->slot_end && !should; i++) {
		struct held *newer = &w->streams[i];
		int taken;

		if (!is_life(newer, &h->name.node) ||
		    newer->name.generation <= h->name.generation)
			continue;
		/* Half a page must not swap; nor unswap. */
		if ((taken = life_takes(w, newer, h, root, !is)) == -1)
			return -1;
		should = taken == 1;
	}
	if (!should && !w->keep_life) {
		int tells = tells_of(w, h, root);

		if (tells == -1)
			return -1;
		w->keep_life = tells == 1;
	}
	if (should && !is)
		return root_hide(w, h, root);
	if (!should && is)
		return root_show(w, h, root);
	return 0;
}

static int
root_count(struct writer *w, const struct held *h, const struct root_id *root,
	   uint64_t *count)
{
	bind_int(w, W_ROOT_COUNT, 1, row_id(w, h));
	schema_bind_root(w->st[W_ROOT_COUNT], 2, root);
	if (row(w, W_ROOT_COUNT) != 1)
		return -1;
	*count = (uint64_t)sqlite3_column_int64(w->st[W_ROOT_COUNT], 0);
	reset(w, W_ROOT_COUNT);
	return 0;
}

/* Adds to w->alone by how much h shows more of the root than any other life
 * has of it. */
static int
count_alone(struct writer *w, struct held *h, const struct root_id *root)
{
	uint64_t here, there, most = 0;

	if (root_hidden(w, h, root->bytes))
		return 0;
	if (root_count(w, h, root, &here) == -1)
		return -1;
	for (unsigned i = 0; i < w->slot_end; i++) {
		const struct held *other = &w->streams[i];

		if (other == h || !is_life(other, &h->name.node))
			continue;
		if (root_count(w, other, root, &there) == -1)
			return -1;
		if (there > most)
			most = there;
	}
	w->alone += here > most ? here - most : 0;
	return 0;
}

/*
 * A third life is held only until all have reached their heads, and a fourth
 * never: whoever begins a life must find room.  What goes is the one
 * that the list misses least: not the smallest, for that may be all that is
 * known of an unplugged disk, but the one of whose roots others know as much.
 */
static int
superfluous(struct writer *w, struct held *newest, struct held **out)
{
	uint64_t least_alone = 0;
	struct held *least = NULL;
	bool settled = true;
	unsigned count = 0;

	*out = NULL;
	for (unsigned i = 0; i < w->slot_end; i++) {
		if (!is_life(&w->streams[i], &newest->name.node))
			continue;
		count++;
		settled = settled && held_at_head(&w->streams[i]);
	}
	if (count <= (settled ? 2u : 3u))
		return 0;
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i];

		if (!is_life(h, &newest->name.node) || h == newest ||
		    h->role == ROLE_OWN)
			continue;
		w->alone = 0;
		if (each_copied_root(w, h, count_alone) == -1)
			return -1;
		if (least != NULL &&
		    (w->alone > least_alone ||
		     (w->alone == least_alone && h->copies > least->copies) ||
		     (w->alone == least_alone && h->copies == least->copies &&
		      h->name.generation > least->name.generation)))
			continue;
		least = h;
		least_alone = w->alone;
	}
	*out = least;
	return 0;
}

/*
 * 1: an older life with nothing left to tell may go; 0: not yet; -1.  While it
 * is had for the first time it may still come to a root that the newest one
 * does not name.  One that was whole once has told of those that there were;
 * when its owner was lost below the next head, nobody may have the rest.
 */
static int
may_go(struct writer *w, const struct held *h, struct held *newest)
{
	if (!held_at_head(newest) || h->role == ROLE_OWN)
		return 0;
	if (held_at_head(h))
		return 1;
	return h->point.base > 0 ? life_settled(w, newest, true) : 0;
}

static int
review_node(struct writer *w, const struct node_id *node)
{
	struct held *newest = held_newest(w, node), *more;
	bool cut = false;
	int go;

	if (newest == NULL)
		return 0;
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i];

		if (!is_life(h, node) || (h == newest && h->hidden == 0))
			continue;
		w->keep_life = false;
		/* What takes an older one's place is listed before that goes. */
		if ((h != newest && behind_catch_up(w) == -1) ||
		    each_root(w, h, review_root) == -1)
			return -1;
		if (h == newest || w->keep_life)
			continue;
		if ((go = may_go(w, h, newest)) == -1)
			return -1;
		if (go == 0)
			continue;
		if (stream_cut(w, h, CUT_TOLD_ALL) == -1)
			return -1;
		cut = true;
	}
	if (superfluous(w, newest, &more) == -1)
		return -1;
	if (more != NULL) {
		if (stream_cut(w, more, CUT_CROWDED) == -1)
			return -1;
		newest->review = true; /* what that one hid may come back */
		cut = true;
	}
	return cut ? holders_resolve(w, node) : 0;
}

int
lives_review(struct writer *w)
{
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct node_id node = w->streams[i].name.node;

		if (w->streams[i].role == ROLE_FREE || !w->streams[i].review)
			continue;
		for (unsigned n = 0; n < w->slot_end; n++)
			if (node_id_equal(&w->streams[n].name.node, &node))
				w->streams[n].review = false;
		if (review_node(w, &node) == -1)
			return -1;
		/* It may have asked for another look, anywhere. */
		i = (unsigned)-1;
	}
	return 0;
}

int
lives_tidy(struct writer *w)
{
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i], *newest;

		if (h->role != ROLE_REPLICA || held_at_head(h))
			continue;
		newest = held_newest(w, &h->name.node);
		if (newest == h || !held_at_head(newest))
			continue;
		w->alone = 0;
		if (each_copied_root(w, h, count_alone) == -1)
			return -1;
		if (w->alone > 0)
			continue;
		newest->review = true; /* what that one hid may come back */
		if (stream_cut(w, h, CUT_TOLD_ALL) == -1 ||
		    holders_resolve(w, &newest->name.node) == -1)
			return -1;
	}
	return lives_review(w);
}

int
holders_resolve(struct writer *w, const struct node_id *node)
{
	const struct held *from = NULL;
	uint8_t holder[HOLDER_BYTES];

	for (unsigned i = 0; i < w->slot_end; i++) {
		const struct held *h = &w->streams[i];

		if (is_life(h, node) && h->has_host &&
		    (from == NULL ||
		     h->name.generation > from->name.generation))
			from = h;
	}
	if (from != NULL)
		holder_of_host(&from->host, holder);
	else
		holder_of_node(node, holder);
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i];

		if (!is_life(h, node) ||
		    memcmp(h->holder, holder, HOLDER_BYTES) == 0)
			continue;
		memcpy(h->holder, holder, HOLDER_BYTES);
		h->dirty = true;
		if (h->copies > 0 && all_touch(w, h) == -1)
			return -1;
	}
	return 0;
}

/* ---- new lives of this node ------------------------------------------- */

uint64_t
own_next_generation(struct writer *w, uint64_t wall_ms)
{
	uint64_t highest = wall_ms;

	for (unsigned i = 0; i < w->slot_end; i++) {
		const struct held *h = &w->streams[i];

		if (h->role != ROLE_FREE &&
		    node_id_equal(&h->name.node, &w->self) &&
		    h->name.generation > highest)
			highest = h->name.generation;
	}
	return highest < GENERATION_MAX ? highest + 1 : GENERATION_MAX;
}

static void
row_as_record(sqlite3_stmt *st, struct record *r)
{
	r->seq = (uint64_t)sqlite3_column_int64(st, 0);
	r->kind = (uint8_t)sqlite3_column_int(st, 1);
	r->dead = sqlite3_column_int(st, 2) != 0;
	r->key = sqlite3_column_blob(st, 3);
	r->key_bytes = (size_t)sqlite3_column_bytes(st, 3);
	r->value = sqlite3_column_blob(st, 4);
	r->value_bytes = (size_t)sqlite3_column_bytes(st, 4);
}

/* Give the rows the numbers 1..n in their order, and count them afresh.
 * Rows only move down, behind the reading cursor. */
static int
number_rows(struct writer *w, struct held *h)
{
	sqlite3_stmt *st = w->st[W_RECORDS_FROM];
	struct digest d;
	struct record v;
	uint64_t seq = 0;
	int r = 0, done = 0;

	memset(&h->digest, 0, sizeof(h->digest));
	bind_int(w, W_RECORDS_FROM, 1, row_id(w, h));
	bind_int(w, W_RECORDS_FROM, 2, 0);
	while (done == 0 && (r = row(w, W_RECORDS_FROM)) == 1) {
		row_as_record(st, &v);
		seq++;
		if (v.seq != seq) {
			bind_int(w, W_RECORD_MOVE, 1, row_id(w, h));
			bind_int(w, W_RECORD_MOVE, 2, (int64_t)v.seq);
			bind_int(w, W_RECORD_MOVE, 3, v.kind);
			bind_blob(w, W_RECORD_MOVE, 4, v.key, v.key_bytes);
			bind_int(w, W_RECORD_MOVE, 5, (int64_t)seq);
			done = run(w, W_RECORD_MOVE);
			v.seq = seq;
		}
		record_digest(&h->name, &v, &d);
		digest_add(&h->digest, &d);
	}
	reset(w, W_RECORDS_FROM);
	h->rows = seq;
	h->point = (struct point){seq, seq};
	h->dirty = true;
	return done == -1 || r == -1 ? -1 : 0;
}

/*
 * What this life holds of the root may be older than what was published: until
 * a scan has ended, what others have of the life before stays shown.
 */
static int
root_reopen(struct writer *w, struct held *h, const struct root_id *root)
{
	uint8_t value[RECORD_BYTES_MAX];
	struct record_root v;
	size_t bytes;

	if (record_get(w, h, RECORD_ROOT, root->bytes, ROOT_ID_BYTES,
		       &w->old) == -1)
		return -1;
	if (!w->old.found || w->old.dead ||
	    !record_root_parse(w->old.value, w->old.value_bytes, &v) ||
	    !v.complete)
		return 0;
	v.complete = false;
	bytes = record_root_pack(&v, value, sizeof(value));
	bind_int(w, W_RECORD_RESAY, 1, row_id(w, h));
	bind_int(w, W_RECORD_RESAY, 2, RECORD_ROOT);
	bind_blob(w, W_RECORD_RESAY, 3, root->bytes, ROOT_ID_BYTES);
	bind_blob(w, W_RECORD_RESAY, 4, value, bytes);
	return run(w, W_RECORD_RESAY);
}

int
own_renumber(struct writer *w, uint64_t generation)
{
	struct held *h = w->own;

	bind_int(w, W_RECORDS_CUT_DEAD, 1, row_id(w, h));
	if (run(w, W_RECORDS_CUT_DEAD) == -1 ||
	    each_root(w, h, root_reopen) == -1)
		return -1;
	h->name.generation = generation;
	h->review = true;
	w->result.changed = true;
	return number_rows(w, h);
}

int
own_adopt(struct writer *w, uint64_t wall_ms)
{
	struct held *old = w->own, *h;
	struct stream_id name = {.node = w->self};

	name.generation = own_next_generation(w, wall_ms);
	old->role = ROLE_REPLICA;
	old->dirty = true;
	if ((h = held_new(w, &name, ROLE_OWN)) == NULL)
		return -1;
	w->own = h;
	bind_int(w, W_RECORDS_COPY, 1, row_id(w, h));
	bind_int(w, W_RECORDS_COPY, 2, row_id(w, old));
	if (run(w, W_RECORDS_COPY) == -1 || number_rows(w, h) == -1 ||
	    all_show(w, h) == -1 || host_read(w, h) == -1)
		return -1;
	w->result.changed = true;
	return holders_resolve(w, &w->self);
}
