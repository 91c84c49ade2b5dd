/*
 * writer_roots.c: what a newer life says of the roots of an older one.
 *
 * `sound` asks for what the owner is known to have said with nothing missing:
 * a record at or below the replica's base.  A swap must begin with that; it is
 * not undone because the record has been stamped anew since.
 */
#include <string.h>

#include "writer_private.h"

/* What w->old holds of a root: it is whole, or withdrawn. */
static bool
is_taken(const struct writer *w, const struct held *h, bool sound)
{
	struct record_root v;

	if (sound && w->old.seq > h->point.base)
		return false;
	if (w->old.dead)
		return true;
	return record_root_parse(w->old.value, w->old.value_bytes, &v) &&
	       v.complete;
}

static int
root_get(struct writer *w, const struct held *h, const struct root_id *root)
{
	return record_get(w, h, RECORD_ROOT, root->bytes, ROOT_ID_BYTES,
			  &w->old);
}

int
life_settled(struct writer *w, const struct held *h, bool sound)
{
	sqlite3_stmt *st = w->st[W_ROOT_FACTS];
	unsigned whole = 0, open = 0;
	int r;

	bind_int(w, W_ROOT_FACTS, 1, row_id(w, h));
	while (open == 0 && (r = row(w, W_ROOT_FACTS)) == 1) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(st, 1);
		struct record_root v;

		if ((!sound || seq <= h->point.base) &&
		    (sqlite3_column_int(st, 2) != 0 ||
		     (record_root_parse(sqlite3_column_blob(st, 3),
					(size_t)sqlite3_column_bytes(st, 3),
					&v) &&
		      v.complete)))
			whole++;
		else
			open++;
	}
	if (open > 0)
		reset(w, W_ROOT_FACTS);
	else if (r == -1)
		return -1;
	return whole > 0 && open == 0;
}

/*
 * 1: a whole root of the newest life is the same folder under another id, for
 * the list of roots was lost as well.  One that the older life knew by its own
 * id is another folder, however it is called.
 */
static int
has_twin(struct writer *w, struct held *newest, struct held *older,
	 const struct record_root *was)
{
	sqlite3_stmt *st = w->st[W_ROOT_FACTS];
	bool twin = false;
	int r;

	bind_int(w, W_ROOT_FACTS, 1, row_id(w, newest));
	while (!twin && (r = row(w, W_ROOT_FACTS)) == 1) {
		struct record_root is;
		struct root_id root;

		if (sqlite3_column_bytes(st, 0) != ROOT_ID_BYTES ||
		    sqlite3_column_int(st, 2) != 0 ||
		    !record_root_parse(sqlite3_column_blob(st, 3),
				       (size_t)sqlite3_column_bytes(st, 3),
				       &is) ||
		    !root_same_folder(&is, was))
			continue;
		memcpy(root.bytes, sqlite3_column_blob(st, 0), ROOT_ID_BYTES);
		if (root_get(w, older, &root) == -1) {
			reset(w, W_ROOT_FACTS);
			return -1;
		}
		twin = !w->old.found;
	}
	if (twin)
		reset(w, W_ROOT_FACTS);
	else if (r == -1)
		return -1;
	return twin;
}

/* The newest life, having told of all its roots, says nothing of this one. */
static int
takes_unnamed(struct writer *w, struct held *newest, struct held *older,
	      const struct root_id *root, bool sound)
{
	struct record_root was;
	int settled;

	if (root_get(w, older, root) == -1)
		return -1;
	if (!w->old.found || w->old.dead ||
	    !record_root_parse(w->old.value, w->old.value_bytes, &was))
		return 0;
	if ((settled = life_settled(w, newest, sound)) != 1)
		return settled;
	return has_twin(w, newest, older, &was);
}

int
life_takes(struct writer *w, struct held *newer, struct held *older,
	   const struct root_id *root, bool sound)
{
	if (root_get(w, newer, root) == -1)
		return -1;
	if (w->old.found)
		return is_taken(w, newer, sound);
	if (newer != held_newest(w, &newer->name.node))
		return 0;
	return takes_unnamed(w, newer, older, root, sound);
}
