/*
 * writer_own.c: what intake says becomes rows of the own stream.
 *
 * First all that is there, then all that is withdrawn, then the node's and
 * the root's record, each with the next sequence number.
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

/* `k` is what was known of its path before.  If nothing was, most likely nothing
 * is recorded either. */
static int
file_said(struct writer *w, const struct own_new *n, const struct known_row *k,
	  int64_t wall_ms)
{
	const struct own_file *f = n->file;
	bool copy = f->verdict == OWN_COPY;
	bool problem = f->verdict == OWN_PROBLEM || (copy && f->also_problem);
	int said = 0;

	if (copy && !k->found)
		said = own_say_new_copies(w, n, 1, wall_ms);
	if (copy && said == 0)
		said = own_say_copy(w, f, &n->key, wall_ms);
	if (said == -1 ||
	    (problem && own_say_problem(w, f, &n->key) == -1))
		return -1;
	if (!copy && known_had_copy(k))
		*n->plan |= PLAN_CUT_COPY;
	if (!problem && known_had_problem(k))
		*n->plan |= PLAN_CUT_PROBLEM;
	return 0;
}

static int
file_there(struct writer *w, const struct own_new *n, int64_t wall_ms)
{
	struct known_row k;

	if (known_put(w, n->file, &n->key, &k) == -1)
		return -1;
	return file_said(w, n, &k, wall_ms);
}

/* Photos that wait to be put down together.  Most often, in a first scan always,
 * they are new: that is tried first. */
static int
new_files_end(struct writer *w, int64_t wall_ms)
{
	static const struct known_row unknown;
	const struct own_new *n = w->new_files;
	int count = (int)w->new_file_count, known, said, i;

	w->new_file_count = 0;
	if ((known = known_put_new(w, n, (unsigned)count)) == -1 ||
	    (said = own_say_new_copies(w, n, (unsigned)known, wall_ms)) == -1)
		return -1;
	for (i = 0; i < said; i++)
		if (n[i].file->also_problem &&
		    own_say_problem(w, n[i].file, &n[i].key) == -1)
			return -1;
	for (; i < known; i++)
		if (file_said(w, &n[i], &unknown, wall_ms) == -1)
			return -1;
	for (; i < count; i++)
		if (file_there(w, &n[i], wall_ms) == -1)
			return -1;
	return 0;
}

/* In the order of the batch. */
static int
put_file(struct writer *w, const struct own_file *f, uint8_t *plan,
	 int64_t wall_ms)
{
	struct own_new *n = &w->new_files[w->new_file_count];

	if (own_key_of(w, f, &n->key) == -1)
		return -1;
	n->file = f;
	n->plan = plan;
	if (f->verdict == OWN_COPY)
		return ++w->new_file_count == ROWS_MANY ?
			       new_files_end(w, wall_ms) : 0;
	/* It lies behind those that wait, and goes down behind them. */
	if (new_files_end(w, wall_ms) == -1)
		return -1;
	return file_there(w, n, wall_ms);
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
	if ((plan & PLAN_CUT_COPY) && own_withdraw(w, RECORD_COPY, &key) == -1)
		return -1;
	if ((plan & PLAN_CUT_PROBLEM) &&
	    own_withdraw(w, RECORD_PROBLEM, &key) == -1)
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
	w->new_file_count = 0;
	for (size_t i = 0; i < b->file_count; i++) {
		if (b->files[i].verdict != OWN_GONE &&
		    w->plan[i] != PLAN_SKIP &&
		    put_file(w, &b->files[i], &w->plan[i], wall_ms) == -1)
			return -1;
	}
	if (new_files_end(w, wall_ms) == -1)
		return -1;
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
	return own_stamp(w, RECORD_ROOT, id->bytes, ROOT_ID_BYTES, value, bytes);
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
	return own_say_problem(w, &f, &key);
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
