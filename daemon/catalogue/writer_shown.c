/*
 * writer_shown.c: the copy table, which holds exactly what is shown.
 *
 * Of each stream that is: its live copies in roots that are not hidden, and
 * the copies that a page has replaced but that leave only at the head.
 */
#include <string.h>

#include "writer_private.h"

int
leaving_go(struct writer *w, struct held *h, const struct root_id *root)
{
	sqlite3_stmt *st = w->st[W_LEAVING];
	uint8_t key[RECORD_KEY_MAX];
	struct photo_id photo;
	size_t key_bytes;
	int r;

	for (;;) {
		bind_int(w, W_LEAVING, 1, row_id(w, h));
		schema_bind_root(st, 2, root);
		if ((r = row(w, W_LEAVING)) != 1)
			return r;
		key_bytes = (size_t)sqlite3_column_bytes(st, 1);
		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES ||
		    key_bytes > sizeof(key)) {
			reset(w, W_LEAVING);
			return fail_with(w, "catalogue: a copy row is not ours");
		}
		photo_id_unpack(sqlite3_column_blob(st, 0), &photo);
		memcpy(key, sqlite3_column_blob(st, 1), key_bytes);
		reset(w, W_LEAVING);
		if (copy_hide(w, h, key, key_bytes, &photo) == -1)
			return -1;
	}
}

/* ---- whole roots ------------------------------------------------------ */

bool
root_hidden(const struct writer *w, const struct held *h,
	    const uint8_t *root)
{
	unsigned slot = slot_of(w, h);

	if (h->hidden == 0)
		return false;
	for (size_t i = 0; i < w->hidden_count; i++) {
		if (w->hidden[i].slot == slot &&
		    memcmp(w->hidden[i].root.bytes, root, ROOT_ID_BYTES) == 0)
			return true;
	}
	return false;
}

enum walk_deed { WALK_SHOW, WALK_HIDE, WALK_TOUCH };

/* The live copies of a root, or (NULL) of every root that is not hidden. */
static int
walk_copies(struct writer *w, struct held *h, const struct root_id *root,
	    enum walk_deed deed)
{
	sqlite3_stmt *st = w->st[W_ROOT_COPIES];
	int r = 0, done = 0;

	bind_int(w, W_ROOT_COPIES, 1, row_id(w, h));
	schema_bind_root(st, 2, root);
	while (done == 0 && (r = row(w, W_ROOT_COPIES)) == 1) {
		const uint8_t *key = sqlite3_column_blob(st, 0);
		size_t key_bytes = (size_t)sqlite3_column_bytes(st, 0);
		struct record_copy c;

		if (key_bytes <= ROOT_ID_BYTES ||
		    (root == NULL && root_hidden(w, h, key)) ||
		    !record_copy_parse(sqlite3_column_blob(st, 1),
				       (size_t)sqlite3_column_bytes(st, 1),
				       &c))
			continue;
		switch (deed) {
		case WALK_SHOW:
			done = copy_show(w, h, key, key_bytes, &c);
			break;
		case WALK_HIDE:
			done = copy_hide(w, h, key, key_bytes, &c.photo);
			break;
		case WALK_TOUCH:
			done = photo_touch(w, &c.photo);
			break;
		}
	}
	reset(w, W_ROOT_COPIES);
	return done == -1 || r == -1 ? -1 : 0;
}

int
root_show(struct writer *w, struct held *h, const struct root_id *root)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->hidden_count; i++) {
		if (w->hidden[i].slot == slot_of(w, h) &&
		    memcmp(&w->hidden[i].root, root, sizeof(*root)) == 0)
			h->hidden--;
		else
			w->hidden[kept++] = w->hidden[i];
	}
	w->hidden_count = kept;
	bind_int(w, W_HIDDEN_CUT, 1, row_id(w, h));
	bind_blob(w, W_HIDDEN_CUT, 2, root->bytes, ROOT_ID_BYTES);
	if (run(w, W_HIDDEN_CUT) == -1)
		return -1;
	return walk_copies(w, h, root, WALK_SHOW);
}

int
root_hide(struct writer *w, struct held *h, const struct root_id *root)
{
	if (leaving_go(w, h, root) == -1 ||
	    walk_copies(w, h, root, WALK_HIDE) == -1)
		return -1;
	bind_int(w, W_HIDDEN_PUT, 1, row_id(w, h));
	bind_blob(w, W_HIDDEN_PUT, 2, root->bytes, ROOT_ID_BYTES);
	if (run(w, W_HIDDEN_PUT) == -1)
		return -1;
	return hidden_add(w, slot_of(w, h), root->bytes);
}

int
all_hide(struct writer *w, struct held *h)
{
	if (leaving_go(w, h, NULL) == -1 || about_hide_all(w, h) == -1)
		return -1;
	return walk_copies(w, h, NULL, WALK_HIDE);
}

int
all_show(struct writer *w, struct held *h)
{
	if (about_show_all(w, h) == -1)
		return -1;
	return walk_copies(w, h, NULL, WALK_SHOW);
}

int
all_touch(struct writer *w, struct held *h)
{
	return walk_copies(w, h, NULL, WALK_TOUCH);
}

/* Steps `s` from root to root: its ?2 is where to go on. */
static int
step_roots(struct writer *w, struct held *h, bool copies,
	   int (*each)(struct writer *w, struct held *h,
		       const struct root_id *root))
{
	enum writer_statement s = copies ? W_ROOT_NEXT : W_ROOTS;
	uint8_t from[ROOT_ID_BYTES];
	struct root_id root;
	size_t from_bytes = 0;
	int r, i;

	for (;;) {
		bind_int(w, s, 1, row_id(w, h));
		if (copies)
			schema_bind_root(w->st[s], 2, NULL);
		bind_blob(w, s, 2, from, from_bytes);
		if ((r = row(w, s)) != 1)
			return r;
		r = sqlite3_column_bytes(w->st[s], 0) >= (int)ROOT_ID_BYTES;
		if (r)
			memcpy(root.bytes, sqlite3_column_blob(w->st[s], 0),
			       ROOT_ID_BYTES);
		reset(w, s);
		if (!r)
			return 0;
		if (each(w, h, &root) == -1)
			return -1;
		memcpy(from, root.bytes, ROOT_ID_BYTES);
		from_bytes = ROOT_ID_BYTES;
		/* Copies go on at the next root there can be. */
		for (i = ROOT_ID_BYTES; copies && i > 0 && ++from[i - 1] == 0;)
			i--;
		if (i == 0)
			return 0;
	}
}

int
each_root(struct writer *w, struct held *h,
	  int (*each)(struct writer *w, struct held *h,
		      const struct root_id *root))
{
	if (step_roots(w, h, false, each) == -1)
		return -1;
	return step_roots(w, h, true, each);
}

int
each_copied_root(struct writer *w, struct held *h,
		 int (*each)(struct writer *w, struct held *h,
			     const struct root_id *root))
{
	return step_roots(w, h, true, each);
}
