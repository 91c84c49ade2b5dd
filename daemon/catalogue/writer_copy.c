/*
 * writer_copy.c: one copy comes into the copy table, or goes.
 *
 * Of photos that were not listed before nothing is asked, and their copies go into
 * the table when the photo is summed up: in its order, not in that of the folders.
 */
#include <string.h>

#include "writer_private.h"

#define ADDED_LOOKS  64 /* a look at some is enough, and bounded */
#define COPY_COLUMNS 7  /* that are bound */

static void
bind_copy(struct writer *w, enum writer_statement s, const struct held *h,
	  const uint8_t *photo, const uint8_t *key, size_t key_bytes)
{
	bind_blob(w, s, 1, photo, PHOTO_ID_BYTES);
	bind_int(w, s, 2, row_id(w, h));
	if (key != NULL)
		bind_blob(w, s, 3, key, key_bytes);
}

/* ---- what is known without asking --------------------------------------- */

/* Of all copies of a photo that are in memory (`number`: the last of them): has
 * the stream any, or this one? */
static bool
fresh_has(const struct writer *w, uint32_t number, const struct held *h,
	  const uint8_t *key, size_t key_bytes)
{
	const struct fresh_copy *c;

	for (; number != 0; number = c->before) {
		c = fresh_copy(&w->fresh, number);
		if (c->slot == slot_of(w, h) &&
		    (key == NULL ||
		     (c->key_bytes == key_bytes &&
		      memcmp(fresh_key(&w->fresh, c), key, key_bytes) == 0)))
			return true;
	}
	return false;
}

/* Is all that is shown of the photo in memory?  Then *last is the last of its
 * copies, 0 if there is none. */
static bool
fresh_known(const struct writer *w, const uint8_t *photo, uint32_t *last)
{
	const uint32_t *note = id_set_note(&w->touched, photo);

	*last = note != NULL ? *note : 0;
	return *last != 0 ||
	       (note == NULL && fresh_unlisted(&w->fresh, photo));
}

static int
fresh_added(const struct writer *w, uint32_t number,
	    const struct root_id *root, int64_t *added_ms)
{
	const struct fresh_copy *c;
	unsigned looked = 0;
	int found = 0;

	for (; number != 0 && looked < ADDED_LOOKS; number = c->before) {
		c = fresh_copy(&w->fresh, number);
		if (&w->streams[c->slot] != w->own ||
		    memcmp(fresh_key(&w->fresh, c), root->bytes,
			   ROOT_ID_BYTES) != 0)
			continue;
		looked++;
		if (!found || c->added_ms < *added_ms)
			*added_ms = c->added_ms;
		found = 1;
	}
	return found;
}

/* ---- one copy ----------------------------------------------------------- */

/* Asks the table. */
static int
find_any(struct writer *w, struct held *h, const uint8_t *photo)
{
	struct asked *a = &w->asked;

	if (a->held == h && memcmp(a->photo, photo, PHOTO_ID_BYTES) == 0)
		return a->any;
	bind_copy(w, W_COPY_ANY, h, photo, NULL, 0);
	a->held = NULL;
	if ((a->any = row(w, W_COPY_ANY)) != -1) {
		a->held = h;
		memcpy(a->photo, photo, PHOTO_ID_BYTES);
	}
	reset(w, W_COPY_ANY);
	return a->any;
}

int
copy_any(struct writer *w, struct held *h, const uint8_t *photo)
{
	uint32_t last;

	if (fresh_known(w, photo, &last))
		return fresh_has(w, last, h, NULL, 0);
	return find_any(w, h, photo);
}

int
copy_added(struct writer *w, const struct root_id *root,
	   const struct photo_id *id, int64_t *added_ms)
{
	sqlite3_stmt *st = w->st[W_ADDED_IN_ROOT];
	uint8_t photo[PHOTO_ID_BYTES];
	uint32_t last;
	int r;

	photo_id_pack(id, photo);
	if (fresh_known(w, photo, &last))
		return fresh_added(w, last, root, added_ms);
	if ((r = find_any(w, w->own, photo)) != 1)
		return r;
	bind_blob(w, W_ADDED_IN_ROOT, 1, photo, PHOTO_ID_BYTES);
	schema_bind_root(st, 2, root);
	bind_int(w, W_ADDED_IN_ROOT, 4, row_id(w, w->own));
	bind_int(w, W_ADDED_IN_ROOT, 5, ADDED_LOOKS);
	if ((r = row(w, W_ADDED_IN_ROOT)) != 1)
		return r;
	r = sqlite3_column_type(st, 0) == SQLITE_INTEGER;
	if (r == 1)
		*added_ms = sqlite3_column_int64(st, 0);
	reset(w, W_ADDED_IN_ROOT);
	return r;
}

/* Changes the table; what was asked of it is no longer true. */
static int
change(struct writer *w, enum writer_statement s)
{
	w->asked.held = NULL;
	return run(w, s);
}

static int
has_copy(struct writer *w, struct held *h, const uint8_t *photo,
	 const uint8_t *key, size_t key_bytes)
{
	int r;

	bind_copy(w, W_COPY_HAS, h, photo, key, key_bytes);
	r = row(w, W_COPY_HAS);
	reset(w, W_COPY_HAS);
	return r;
}

/* The columns of one copy, behind `before` others of the statement. */
static void
bind_row(struct writer *w, enum writer_statement s, int before,
	 const struct held *h, const uint8_t *photo, const uint8_t *key,
	 size_t key_bytes, const struct fresh_copy *c)
{
	bind_blob(w, s, before + 1, photo, PHOTO_ID_BYTES);
	bind_int(w, s, before + 2, row_id(w, h));
	bind_blob(w, s, before + 3, key, key_bytes);
	bind_int(w, s, before + 4, c->mtime_ns);
	bind_int(w, s, before + 5, c->added_ms);
	bind_blob(w, s, before + 6, c->file, sizeof(c->file));
	sqlite3_bind_text(w->st[s], before + 7, c->type, -1, SQLITE_STATIC);
}

static int
copy_put(struct writer *w, const struct held *h, const uint8_t *photo,
	 const uint8_t *key, size_t key_bytes, const struct fresh_copy *c)
{
	bind_row(w, W_COPY_PUT, 0, h, photo, key, key_bytes, c);
	return change(w, W_COPY_PUT);
}

static void
bind_fresh(struct writer *w, enum writer_statement s, int before,
	   const uint8_t *photo, uint32_t number)
{
	const struct fresh_copy *c = fresh_copy(&w->fresh, number);

	bind_row(w, s, before, &w->streams[c->slot], photo,
		 fresh_key(&w->fresh, c), c->key_bytes, c);
}

/* As many as there are at once, or the last few one by one. */
int
fresh_end(struct writer *w)
{
	enum writer_statement s = w->new_copy_count == ROWS_MANY ?
					  W_COPY_MANY : W_COPY_PUT;
	int columns = s == W_COPY_MANY ? COPY_COLUMNS : 0, r = 0;

	for (unsigned i = 0; i < w->new_copy_count && r == 0; i++) {
		bind_fresh(w, s, (int)i * columns, w->new_copies[i].photo,
			   w->new_copies[i].number);
		if (s == W_COPY_PUT || i + 1 == ROWS_MANY)
			r = change(w, s);
	}
	w->new_copy_count = 0;
	return r;
}

int
fresh_put(struct writer *w, const uint8_t *photo, uint32_t last)
{
	for (; last != 0; last = fresh_copy(&w->fresh, last)->before) {
		w->new_copies[w->new_copy_count++] =
			(struct fresh_row){photo, last};
		if (w->new_copy_count == ROWS_MANY && fresh_end(w) == -1)
			return -1;
	}
	return 0;
}

/* From now on the tables know about this photo. */
static int
spill(struct writer *w, const uint8_t *photo)
{
	uint32_t *note = id_set_note(&w->touched, photo);

	if (note == NULL || *note == 0)
		return 0;
	if (fresh_put(w, photo, *note) == -1 || fresh_end(w) == -1)
		return -1;
	*note = 0;
	return 0;
}

/* 1: kept in memory until the photo is summed up; 0: it goes into the table; -1.
 * What takes its own place is no longer fresh. */
static int
keep_fresh(struct writer *w, const struct held *h, const uint8_t *photo,
	   const uint8_t *key, size_t key_bytes, const struct record_copy *c)
{
	uint32_t last, number = 0;

	if (!fresh_known(w, photo, &last))
		return 0;
	if (!fresh_has(w, last, h, key, key_bytes))
		number = fresh_add(&w->fresh, last, slot_of(w, h), key,
				   key_bytes, c);
	if (number == 0)
		return spill(w, photo);
	if (photo_touch(w, &c->photo) == -1)
		return -1;
	*id_set_note(&w->touched, photo) = number;
	return 1;
}

int
copy_show(struct writer *w, struct held *h, const uint8_t *key,
	  size_t key_bytes, const struct record_copy *c)
{
	uint8_t photo[PHOTO_ID_BYTES];
	struct fresh_copy row;
	int any, kept, same = 0;

	photo_id_pack(&c->photo, photo);
	if ((any = copy_any(w, h, photo)) == -1 ||
	    (kept = keep_fresh(w, h, photo, key, key_bytes, c)) == -1)
		return -1;
	if (kept == 0) {
		if (any == 1 && (same = has_copy(w, h, photo, key,
						 key_bytes)) == -1)
			return -1;
		fresh_copy_of(&row, c);
		if (copy_put(w, h, photo, key, key_bytes, &row) == -1 ||
		    photo_touch(w, &c->photo) == -1)
			return -1;
	}
	if (any == 0)
		h->photos++;
	if (same == 0) {
		h->copies++;
		h->bytes += c->photo.size;
	}
	h->dirty = true;
	return 0;
}

int
copy_hide(struct writer *w, struct held *h, const uint8_t *key,
	  size_t key_bytes, const struct photo_id *id)
{
	uint8_t photo[PHOTO_ID_BYTES];
	int any;

	photo_id_pack(id, photo);
	if (spill(w, photo) == -1)
		return -1;
	bind_copy(w, W_COPY_CUT, h, photo, key, key_bytes);
	if (change(w, W_COPY_CUT) == -1)
		return -1;
	if (sqlite3_changes(w->db) == 0)
		return 0;
	if ((any = copy_any(w, h, photo)) == -1)
		return -1;
	if (any == 0) {
		h->photos--;
		w->goes = true;
	}
	h->copies--;
	h->bytes -= id->size;
	h->dirty = true;
	return photo_touch(w, id);
}

int
copy_leave(struct writer *w, struct held *h, const uint8_t *key,
	   size_t key_bytes, const struct photo_id *id)
{
	uint8_t photo[PHOTO_ID_BYTES];

	photo_id_pack(id, photo);
	if (spill(w, photo) == -1)
		return -1;
	bind_copy(w, W_COPY_LEAVE, h, photo, key, key_bytes);
	return run(w, W_COPY_LEAVE);
}
