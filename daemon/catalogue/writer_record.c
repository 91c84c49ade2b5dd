/*
 * writer_record.c: putting one fact in the place of another, with everything
 * that follows from it: the running digest, the row count, what is shown.
 */
#include <string.h>

#include "writer_private.h"

#define RECORD_COLUMNS 6 /* that are bound */

int
record_get(struct writer *w, const struct held *h, uint8_t kind,
	   const uint8_t *key, size_t key_bytes, struct old_row *old)
{
	sqlite3_stmt *st = w->st[W_RECORD_GET];
	int r;

	bind_int(w, W_RECORD_GET, 1, row_id(w, h));
	bind_int(w, W_RECORD_GET, 2, kind);
	bind_blob(w, W_RECORD_GET, 3, key, key_bytes);
	old->found = false;
	if ((r = row(w, W_RECORD_GET)) != 1)
		return r;
	old->found = true;
	old->seq = (uint64_t)sqlite3_column_int64(st, 0);
	old->dead = sqlite3_column_int(st, 1) != 0;
	old->value_bytes = (size_t)sqlite3_column_bytes(st, 2);
	if (old->value_bytes > sizeof(old->value)) {
		reset(w, W_RECORD_GET);
		return fail_with(w, "catalogue: a stored record is too long");
	}
	if (old->value_bytes > 0)
		memcpy(old->value, sqlite3_column_blob(st, 2),
		       old->value_bytes);
	reset(w, W_RECORD_GET);
	return 0;
}

/* Behind `at` other columns of the statement. */
static void
bind_record(struct writer *w, enum writer_statement s, int at,
	    const struct held *h, const struct record *r)
{
	bind_int(w, s, at + 1, row_id(w, h));
	bind_int(w, s, at + 2, (int64_t)r->seq);
	bind_int(w, s, at + 3, r->kind);
	bind_blob(w, s, at + 4, r->key, r->key_bytes);
	bind_int(w, s, at + 5, r->dead);
	bind_blob(w, s, at + 6, r->value, r->value_bytes);
}

static void
add_digest(struct held *h, const struct record *r)
{
	struct digest d;

	record_digest(&h->name, r, &d);
	digest_add(&h->digest, &d);
	h->dirty = true;
}

static int
write_row(struct writer *w, struct held *h, const struct record *r,
	  const struct old_row *old)
{
	struct record before;
	struct digest d;

	if (old->found) {
		before = (struct record){
			.seq = old->seq, .kind = r->kind, .dead = old->dead,
			.key = r->key, .key_bytes = r->key_bytes,
			.value = old->value, .value_bytes = old->value_bytes,
		};
		record_digest(&h->name, &before, &d);
		digest_subtract(&h->digest, &d);
		bind_int(w, W_RECORD_CUT, 1, row_id(w, h));
		bind_int(w, W_RECORD_CUT, 2, (int64_t)old->seq);
		bind_int(w, W_RECORD_CUT, 3, r->kind);
		bind_blob(w, W_RECORD_CUT, 4, r->key, r->key_bytes);
		if (run(w, W_RECORD_CUT) == -1)
			return -1;
	} else {
		h->rows++;
	}
	add_digest(h, r);
	bind_record(w, W_RECORD_PUT, 0, h, r);
	return run(w, W_RECORD_PUT);
}

/* `is`: what the record says, where that has been read; or NULL. */
static int
copy_changed(struct writer *w, struct held *h, const struct record *r,
	     const struct old_row *old, const struct record_copy *is,
	     bool at_once)
{
	struct record_copy was, read;
	bool had;

	if (r->key_bytes <= ROOT_ID_BYTES || root_hidden(w, h, r->key))
		return 0;
	had = old->found && !old->dead &&
	      record_copy_parse(old->value, old->value_bytes, &was);
	if (is == NULL && !r->dead &&
	    record_copy_parse(r->value, r->value_bytes, &read))
		is = &read;
	if (had &&
	    !(is != NULL && photo_id_compare(&was.photo, &is->photo) == 0)) {
		/* Replaced before it was listed, it stays to the head, too. */
		if (!at_once && old->seq > h->shown &&
		    copy_show(w, h, r->key, r->key_bytes, &was) == -1)
			return -1;
		if ((at_once ? copy_hide : copy_leave)(w, h, r->key,
						       r->key_bytes,
						       &was.photo) == -1)
			return -1;
	}
	if (is == NULL)
		return 0;
	/* From below, another replica may bring what this one has missed. */
	if (w->puts_off && r->seq > h->point.cursor) {
		behind_put_off(w, h, r->seq);
		return 0;
	}
	return copy_show(w, h, r->key, r->key_bytes, is);
}

int
host_read(struct writer *w, struct held *h)
{
	struct record_node n;

	if (record_get(w, h, RECORD_NODE, (const uint8_t *)"", 0, &w->old) ==
	    -1)
		return -1;
	h->has_host = w->old.found && !w->old.dead &&
		      record_node_parse(w->old.value, w->old.value_bytes, &n);
	if (h->has_host)
		h->host = n.host;
	h->dirty = true;
	return 0;
}

static int
node_changed(struct writer *w, struct held *h, const struct record *r)
{
	struct record_node n;
	bool has = !r->dead &&
		   record_node_parse(r->value, r->value_bytes, &n);

	if (has == h->has_host &&
	    (!has || host_id_equal(&n.host, &h->host)))
		return 0;
	h->has_host = has;
	if (has)
		h->host = n.host;
	return holders_resolve(w, &h->name.node);
}

/* What follows from its being there; `copy` as in copy_changed. */
static int
follow(struct writer *w, struct held *h, const struct record *r,
       const struct old_row *old, const struct record_copy *copy, bool at_once)
{
	if (r->kind == RECORD_FORGOTTEN)
		forgotten_note(w, h, r);
	if (h->role == ROLE_BUILDING)
		return 0;
	switch (r->kind) {
	case RECORD_NODE:
		return node_changed(w, h, r);
	case RECORD_ROOT:
		h->review = true;
		return 0;
	case RECORD_COPY:
		return copy_changed(w, h, r, old, copy, at_once);
	case RECORD_META:
		return about_changed(w, h, r);
	default: /* not an enum: kept and relayed, shown nowhere */
		return 0;
	}
}

int
record_put(struct writer *w, struct held *h, const struct record *r,
	   const struct old_row *old, bool at_once)
{
	if (write_row(w, h, r, old) == -1)
		return -1;
	return follow(w, h, r, old, NULL, at_once);
}

/* So many of them, from the first on, have become rows. */
static int
insert_new(struct writer *w, const struct held *h, const struct record *r,
	   unsigned count)
{
	bool many = count == ROWS_MANY;
	enum writer_statement s = many ? W_RECORD_MANY : W_RECORD_NEW;
	int written = 1;
	unsigned n;

	for (n = 0; n < count && written == 1; n++) {
		bind_record(w, s, many ? (int)n * RECORD_COLUMNS : 0, h, &r[n]);
		if (!many)
			written = run_new(w, s);
	}
	if (many)
		return run_new(w, s);
	return written == -1 ? -1 : written == 0 ? (int)n - 1 : (int)n;
}

int
record_put_new(struct writer *w, struct held *h, const struct record *r,
	       const struct record_copy *copies, unsigned count, bool at_once)
{
	static const struct old_row none;
	int written = insert_new(w, h, r, count);

	for (int i = 0; i < written; i++) {
		h->rows++;
		add_digest(h, &r[i]);
		if (follow(w, h, &r[i], &none,
			   copies != NULL ? &copies[i] : NULL, at_once) == -1)
			return -1;
	}
	return written;
}

static int
cut_by_stream(struct writer *w, enum writer_statement s, struct held *h)
{
	bind_int(w, s, 1, row_id(w, h));
	return run(w, s);
}

int
stream_cut(struct writer *w, struct held *h, enum cut cut)
{
	struct write_result *result = &w->result;
	size_t kept = 0;

	if (h->role != ROLE_BUILDING && all_hide(w, h) == -1)
		return -1;
	if (cut_by_stream(w, W_RECORDS_CUT, h) == -1 ||
	    cut_by_stream(w, W_HIDDEN_CUT_STREAM, h) == -1 ||
	    cut_by_stream(w, W_STREAM_CUT, h) == -1)
		return -1;
	for (size_t i = 0; i < w->hidden_count; i++)
		if (w->hidden[i].slot != slot_of(w, h))
			w->hidden[kept++] = w->hidden[i];
	w->hidden_count = kept;
	if (cut != CUT_SILENTLY && result->dropped_count < 4)
		result->dropped[result->dropped_count++] =
			(struct mesh_dropped){h->name, cut == CUT_CROWDED};
	result->changed = true;
	behind_forget(w, h);
	*h = (struct held){.role = ROLE_FREE, .shown = ALL_SHOWN};
	return 0;
}
