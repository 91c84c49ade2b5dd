/*
 * writer_say.c: facts of the own stream, each with the next sequence number.
 *
 * A fact that is recorded already keeps its number.
 */
#include <string.h>

#include "writer_private.h"

#define COPY_VALUE_MAX 192u /* packed; the longest type included */

/* A fact with the next number but `ahead`, if it is lawful. */
static int
number(struct writer *w, unsigned ahead, uint8_t kind, const void *key,
       size_t key_bytes, const uint8_t *value, size_t value_bytes,
       struct record *out)
{
	*out = (struct record){
		.seq = w->own->point.cursor + 1 + ahead, .kind = kind,
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

int
own_stamp(struct writer *w, uint8_t kind, const void *key, size_t key_bytes,
	  const uint8_t *value, size_t value_bytes)
{
	struct record r;

	if (number(w, 0, kind, key, key_bytes, value, value_bytes, &r) == -1)
		return -1;
	advance(w, r.seq);
	return record_put(w, w->own, &r, &w->old, true);
}

int
own_withdraw(struct writer *w, uint8_t kind, const struct own_key *key)
{
	if (record_get(w, w->own, kind, key->bytes, key->count, &w->old) == -1)
		return -1;
	if (!w->old.found || w->old.dead)
		return 0;
	return own_stamp(w, kind, key->bytes, key->count, NULL, 0);
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

int
own_say_new_copies(struct writer *w, const struct own_new *files,
		   unsigned count, int64_t wall_ms)
{
	struct record_copy copies[ROWS_MANY];
	struct record records[ROWS_MANY];
	uint8_t values[ROWS_MANY][COPY_VALUE_MAX];
	bool has_added;
	int written;

	for (unsigned i = 0; i < count; i++) {
		struct record_copy *c = &copies[i];

		/* Of those that come with it none is shown yet: they all were
		 * added when the first of them was. */
		*c = files[i].file->copy;
		if (find_added(w, &files[i].file->root, c, &has_added) == -1)
			return -1;
		if (!has_added)
			c->added_ms = wall_ms;
		if (number(w, i, RECORD_COPY, files[i].key.bytes,
			   files[i].key.count, values[i],
			   record_copy_pack(c, values[i], sizeof(values[i])),
			   &records[i]) == -1)
			return -1;
	}
	written = record_put_new(w, w->own, records, copies, count, true);
	if (written > 0)
		advance(w, records[written - 1].seq);
	return written;
}

int
own_say_copy(struct writer *w, const struct own_file *f,
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
	return own_stamp(w, RECORD_COPY, key->bytes, key->count, value, bytes);
}

/* Is the fact recorded with these very bytes?  Leaves w->old for own_stamp. */
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
	return own_stamp(w, kind, key, key_bytes, value, value_bytes);
}

int
own_say_problem(struct writer *w, const struct own_file *f,
		const struct own_key *key)
{
	uint8_t value[RECORD_BYTES_MAX];
	size_t bytes = record_problem_pack(&f->problem, value, sizeof(value));

	return own_say(w, RECORD_PROBLEM, key->bytes, key->count, value, bytes);
}
