/*
 * writer_own.c: what intake says becomes rows of the own stream.
 *
 * First all that is there, then all that is withdrawn, then the node's and
 * the root's record, each with the next sequence number.  A fact that is
 * recorded already keeps its number.
 */
#include <string.h>

#include "hash.h"
#include "dying.h"
#include "writer_private.h"

/* What is planned for the second pass over a batch. */
enum plan {
	PLAN_SKIP = 1, /* the batch says something later about this path */
	PLAN_CUT_COPY = 2,
	PLAN_CUT_PROBLEM = 4,
};

/* ---- own rows --------------------------------------------------------- */

/* A fact with the next number, if it is lawful. */
static int
number(struct writer *w, uint8_t kind, const void *key, size_t key_bytes,
       const uint8_t *value, size_t value_bytes, struct record *out)
{
	*out = (struct record){
		.seq = w->own->point.cursor + 1, .kind = kind,
		.dead = value == NULL, .key = key, .key_bytes = key_bytes,
		.value = value, .value_bytes = value_bytes,
	};
	if (out->seq > SEQ_MAX)
		return fail_with(w, "catalogue: sequence numbers are used up");
	if (value != NULL && value_bytes == 0)
		return fail_with(w, "catalogue: a record does not fit");
	return 0;
}

static void
advance(struct writer *w, uint64_t seq)
{
	w->own->point = (struct point){seq, seq};
	w->result.changed = true;
}

/* Stamp a fact with the next number in the place of w->old. */
static int
stamp(struct writer *w, uint8_t kind, const void *key, size_t key_bytes,
      const uint8_t *value, size_t value_bytes)
{
	struct record r;

	if (number(w, kind, key, key_bytes, value, value_bytes, &r) == -1)
		return -1;
	advance(w, r.seq);
	return record_put(w, w->own, &r, &w->old, true);
}

static int
withdraw(struct writer *w, uint8_t kind, const struct own_key *key)
{
	if (record_get(w, w->own, kind, key->bytes, key->count, &w->old) == -1)
		return -1;
	if (!w->old.found || w->old.dead)
		return 0;
	return stamp(w, kind, key->bytes, key->count, NULL, 0);
}

/* Is it recorded as it is now?  A kept photo keeps its date of adding. */
static bool
copy_unchanged(const struct old_row *old, struct record_copy *c,
	       bool *has_added)
{
	struct record_copy was;

	if (!old->found || old->dead ||
	    !record_copy_parse(old->value, old->value_bytes, &was) ||
	    photo_id_compare(&was.photo, &c->photo) != 0)
		return false;
	c->added_ms = was.added_ms;
	*has_added = true;
	return was.mtime_ns == c->mtime_ns &&
	       memcmp(was.file, c->file, sizeof(c->file)) == 0 &&
	       strcmp(was.type, c->type) == 0;
}

/* Another path of this root holds the photo: it was renamed, or copied. */
static int
find_added(struct writer *w, const struct root_id *root,
	   struct record_copy *c, bool *has_added)
{
	int r = copy_added(w, root, &c->photo, &c->added_ms);

	*has_added = r == 1;
	return r == -1 ? -1 : 0;
}

/* Nothing is known of its path, so most likely nothing is recorded under it.  1:
 * said; 0: something is; -1. */
static int
say_new_copy(struct writer *w, const struct own_file *f,
	     const struct own_key *key, int64_t wall_ms)
{
	uint8_t value[RECORD_BYTES_MAX];
	struct record_copy c = f->copy;
	bool has_added = false;
	struct record r;
	int new;

	if (find_added(w, &f->root, &c, &has_added) == -1)
		return -1;
	if (!has_added)
		c.added_ms = wall_ms;
	if (number(w, RECORD_COPY, key->bytes, key->count, value,
		   record_copy_pack(&c, value, sizeof(value)), &r) == -1)
		return -1;
	if ((new = record_put_new(w, w->own, &r, true)) == 1)
		advance(w, r.seq);
	return new;
}

static int
say_copy(struct writer *w, const struct own_file *f,
	 const struct own_key *key, int64_t wall_ms)
{
	uint8_t value[RECORD_BYTES_MAX];
	struct record_copy c = f->copy;
	bool has_added = false;
	size_t bytes;

	if (record_get(w, w->own, RECORD_COPY, key->bytes, key->count,
		       &w->old) == -1)
		return -1;
	if (copy_unchanged(&w->old, &c, &has_added))
		return 0;
	if (!has_added && find_added(w, &f->root, &c, &has_added) == -1)
		return -1;
	if (!has_added)
		c.added_ms = wall_ms;
	bytes = record_copy_pack(&c, value, sizeof(value));
	return stamp(w, RECORD_COPY, key->bytes, key->count, value, bytes);
}

/* Is the fact recorded with these very bytes?  Leaves w->old for stamp. */
static int
recorded(struct writer *w, uint8_t kind, const void *key, size_t key_bytes,
	 const uint8_t *value, size_t value_bytes)
{
	if (record_get(w, w->own, kind, key, key_bytes, &w->old) == -1)
		return -1;
	return w->old.found && !w->old.dead &&
	       w->old.value_bytes == value_bytes &&
	       memcmp(w->old.value, value, value_bytes) == 0;
}

int
own_say(struct writer *w, uint8_t kind, const void *key, size_t key_bytes,
	const uint8_t *value, size_t value_bytes)
{
	int r = recorded(w, kind, key, key_bytes, value, value_bytes);

	if (r != 0)
		return r == 1 ? 0 : -1;
	return stamp(w, kind, key, key_bytes, value, value_bytes);
}

static int
say_problem(struct writer *w, const struct own_file *f,
	    const struct own_key *key)
{
	uint8_t value[RECORD_BYTES_MAX];
	size_t bytes = record_problem_pack(&f->problem, value, sizeof(value));

	return own_say(w, RECORD_PROBLEM, key->bytes, key->count, value, bytes);
}

/* ---- a batch ---------------------------------------------------------- */

static int
file_there(struct writer *w, const struct own_file *f, uint8_t *plan,
	   int64_t wall_ms)
{
	struct known_row k;
	struct own_key key;
	bool copy = f->verdict == OWN_COPY;
	bool problem = f->verdict == OWN_PROBLEM || (copy && f->also_problem);
	int said = 0;

	if (own_key_of(w, f, &key) == -1 || known_put(w, f, &key, &k) == -1)
		return -1;
	if (copy && !k.found)
		said = say_new_copy(w, f, &key, wall_ms);
	if (copy && said == 0)
		said = say_copy(w, f, &key, wall_ms);
	if (said == -1)
		return -1;
	if (problem && say_problem(w, f, &key) == -1)
		return -1;
	if (!copy && known_had_copy(&k))
		*plan |= PLAN_CUT_COPY;
	if (!problem && known_had_problem(&k))
		*plan |= PLAN_CUT_PROBLEM;
	return 0;
}

static int
file_withdrawn(struct writer *w, const struct own_file *f, uint8_t plan)
{
	struct known_row k;
	struct own_key key;

	if (own_key_of(w, f, &key) == -1)
		return -1;
	if (f->verdict == OWN_GONE) {
		if (known_get(w, &key, &k) == -1)
			return -1;
		/* Nothing but IGNORED files are known without a row; rows
		 * without a note may stem from a former life. */
		plan = PLAN_CUT_COPY | PLAN_CUT_PROBLEM;
		if (k.found && known_cut(w, &k) == -1)
			return -1;
	}
	if ((plan & PLAN_CUT_COPY) && withdraw(w, RECORD_COPY, &key) == -1)
		return -1;
	if ((plan & PLAN_CUT_PROBLEM) &&
	    withdraw(w, RECORD_PROBLEM, &key) == -1)
		return -1;
	return 0;
}

/* Only the last word of a batch about a path counts. */
static int
plan_batch(struct writer *w, const struct own_batch *b)
{
	struct own_key key;
	uint8_t id[PHOTO_ID_BYTES] = {0};
	struct digest d;

	id_set_clear(&w->mentioned);
	for (size_t i = b->file_count; i > 0; i--) {
		if (own_key_of(w, &b->files[i - 1], &key) == -1)
			return -1;
		d = hash_bytes(key.bytes, key.count);
		digest_pack(&d, id);
		switch (id_set_add(&w->mentioned, id)) {
		case -1:
			return fail_memory(w);
		case 0:
			w->plan[i - 1] = PLAN_SKIP;
			break;
		default:
			w->plan[i - 1] = 0;
		}
	}
	return 0;
}

static int
files_apply(struct writer *w, const struct own_batch *b, int64_t wall_ms)
{
	if (b->file_count > OWN_FILES_MAX)
		return fail_with(w, "catalogue: a batch is too large");
	if (plan_batch(w, b) == -1)
		return -1;
	for (size_t i = 0; i < b->file_count; i++) {
		if (b->files[i].verdict != OWN_GONE &&
		    w->plan[i] != PLAN_SKIP &&
		    file_there(w, &b->files[i], &w->plan[i], wall_ms) == -1)
			return -1;
	}
	for (size_t i = 0; i < b->file_count; i++) {
		if (w->plan[i] == PLAN_SKIP)
			continue;
		if ((b->files[i].verdict == OWN_GONE || w->plan[i] != 0) &&
		    file_withdrawn(w, &b->files[i], w->plan[i]) == -1)
			return -1;
	}
	return 0;
}

/* More than a hundredth apart. */
static bool
noticeable(uint64_t a, uint64_t b)
{
	uint64_t apart = a > b ? a - b : b - a;

	return apart > (a > b ? a : b) / 100;
}

/* Within one life "complete" only ever comes true. */
static int
root_apply(struct writer *w, const struct root_id *id,
	   struct record_root *is)
{
	uint8_t value[RECORD_BYTES_MAX];
	struct record_root was;
	size_t bytes;

	if (record_get(w, w->own, RECORD_ROOT, id->bytes, ROOT_ID_BYTES,
		       &w->old) == -1)
		return -1;
	if (w->old.found && !w->old.dead &&
	    record_root_parse(w->old.value, w->old.value_bytes, &was)) {
		is->complete |= was.complete;
		if (was.complete == is->complete && was.online == is->online &&
		    strcmp(was.label, is->label) == 0 &&
		    was.volume_bytes == is->volume_bytes &&
		    memcmp(was.volume, is->volume, is->volume_bytes) == 0 &&
		    !noticeable(was.capacity_bytes, is->capacity_bytes) &&
		    !noticeable(was.free_bytes, is->free_bytes))
			return 0;
	}
	bytes = record_root_pack(is, value, sizeof(value));
	return stamp(w, RECORD_ROOT, id->bytes, ROOT_ID_BYTES, value, bytes);
}

/* Beside the copy, unless that holds something else by now. */
static int
say_meta_problem(struct writer *w, const struct own_meta *m)
{
	const struct own_file f = {.root = m->root, .path = m->path,
				   .path_bytes = m->path_bytes,
				   .verdict = OWN_PROBLEM,
				   .problem = m->problem};
	struct record_copy c;
	struct known_row k;
	struct own_key key;

	if (own_key_of(w, &f, &key) == -1 || known_get(w, &key, &k) == -1)
		return -1;
	if (!k.found || k.verdict != OWN_COPY)
		return 0;
	if (record_get(w, w->own, RECORD_COPY, key.bytes, key.count,
		       &w->old) == -1)
		return -1;
	if (!w->old.found || w->old.dead ||
	    !record_copy_parse(w->old.value, w->old.value_bytes, &c) ||
	    photo_id_compare(&c.photo, &m->photo) != 0)
		return 0;
	if (known_add_problem(w, &k) == -1)
		return -1;
	return say_problem(w, &f, &key);
}

static int
metas_apply(struct writer *w, const struct own_batch *b)
{
	uint8_t photo[PHOTO_ID_BYTES];

	for (size_t i = 0; i < b->meta_count; i++) {
		const struct own_meta *m = &b->metas[i];

		photo_id_pack(&m->photo, photo);
		if (own_say(w, RECORD_META, photo, sizeof(photo), m->value,
			    m->value_bytes) == -1 ||
		    (m->has_problem && say_meta_problem(w, m) == -1))
			return -1;
	}
	return 0;
}

static int
own_apply(struct writer *w, const struct own_batch *b, int64_t wall_ms)
{
	uint8_t value[RECORD_BYTES_MAX];
	struct record_root root;

	if (files_apply(w, b, wall_ms) == -1 || metas_apply(w, b) == -1)
		return -1;
	if (b->has_node &&
	    own_say(w, RECORD_NODE, "", 0, value,
		    record_node_pack(&b->node, value, sizeof(value))) == -1)
		return -1;
	if (!b->has_root)
		return 0;
	root = b->root;
	return root_apply(w, &b->root_id, &root);
}

int
writer_own_many(struct writer *w, const struct own_batch *const *batches,
		size_t count, int64_t wall_ms, struct write_result *out,
		struct trouble *why)
{
	size_t metas = 0;
	int r;

	if (txn_begin(w, true, why) == -1) {
		*out = (struct write_result){.news = w->news};
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (own_apply(w, batches[i], wall_ms) == -1)
			return txn_abort(w, out, why);
		metas += batches[i]->meta_count;
	}
	if (lives_review(w) == -1)
		return txn_abort(w, out, why);
	if (metas > 0)
		dying("before_meta_commit");
	r = txn_commit(w, out, why);
	if (metas > 0)
		dying("after_meta_commit");
	return r;
}

int
writer_own(struct writer *w, const struct own_batch *batch, int64_t wall_ms,
	   struct write_result *out, struct trouble *why)
{
	return writer_own_many(w, &batch, 1, wall_ms, out, why);
}
