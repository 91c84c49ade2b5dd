/*
 * query_photo.c: a photo with its copies, as a row of the list; and photos by
 * their id.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "query_private.h"

/* ---- copies of one photo ---------------------------------------------- */

static int
path_keep(struct reader *r, const char *path, size_t bytes, size_t *at,
	  struct trouble *why)
{
	if (r->paths_used + bytes > r->paths_capacity) {
		size_t more = 2 * r->paths_capacity + bytes + 4096;
		char *p = realloc(r->paths, more);

		if (p == NULL)
			return read_memory(why);
		r->paths = p;
		r->paths_capacity = more;
	}
	memcpy(r->paths + r->paths_used, path, bytes);
	*at = r->paths_used;
	r->paths_used += bytes;
	return 0;
}

static int
copy_keep(struct reader *r, const struct seen_stream *s, const char *key,
	  size_t key_bytes, sqlite3_stmt *st, struct trouble *why)
{
	struct found_copy *f;

	if (r->found_count == COPIES_SHOWN_MAX)
		return 0;
	f = &r->found[r->found_count++];
	memset(f, 0, sizeof(*f));
	f->stream = s;
	f->row.node = s->report.stream.node;
	memcpy(f->row.root.bytes, key, ROOT_ID_BYTES);
	f->row.path_bytes = key_bytes - ROOT_ID_BYTES;
	f->row.mtime_ns = sqlite3_column_int64(st, 2);
	f->row.added_ms = sqlite3_column_int64(st, 3);
	if (sqlite3_column_bytes(st, 4) == 8)
		memcpy(f->row.file, sqlite3_column_blob(st, 4), 8);
	return path_keep(r, key + ROOT_ID_BYTES, f->row.path_bytes,
			 &f->path_at, why);
}

/* Those of one node, unless NULL.  1: collected; 0: there are none; -1. */
static int
copies_collect(struct reader *r, const uint8_t *id, const struct node_id *node,
	       struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_COPIES];
	int code;

	r->found_count = 0;
	r->paths_used = 0;
	sqlite3_bind_blob(st, 1, id, PHOTO_ID_BYTES, SQLITE_STATIC);
	while ((code = read_row(r, st, why)) == 1) {
		const struct seen_stream *s =
			read_stream(r, sqlite3_column_int64(st, 0));
		const char *key = sqlite3_column_blob(st, 1);
		size_t bytes = (size_t)sqlite3_column_bytes(st, 1);

		if (s == NULL || bytes <= ROOT_ID_BYTES)
			continue;
		if (node != NULL &&
		    !node_id_equal(&s->report.stream.node, node))
			continue;
		if (copy_keep(r, s, key, bytes, st, why) == -1) {
			sqlite3_reset(st);
			return -1;
		}
	}
	if (code == -1)
		return -1;
	return r->found_count > 0;
}

static int
compare_found(const void *a, const void *b)
{
	const struct found_copy *x = a, *y = b;
	size_t bytes = x->row.path_bytes < y->row.path_bytes ?
			       x->row.path_bytes : y->row.path_bytes;
	int r = node_id_compare(&x->row.node, &y->row.node);

	if (r == 0)
		r = memcmp(&x->row.root, &y->row.root, sizeof(x->row.root));
	if (r == 0)
		r = memcmp(x->row.path, y->row.path, bytes);
	if (r == 0)
		r = (x->row.path_bytes > y->row.path_bytes) -
		    (x->row.path_bytes < y->row.path_bytes);
	if (r == 0) /* the newer life first: it is the one shown */
		r = (x->stream->report.stream.generation <
		     y->stream->report.stream.generation) -
		    (x->stream->report.stream.generation >
		     y->stream->report.stream.generation);
	return r;
}

/* Fills r->rows; returns how many, or -1. */
static int
copies_arrange(struct reader *r, struct trouble *why)
{
	int count = 0;

	for (uint32_t i = 0; i < r->found_count; i++)
		r->found[i].row.path = r->paths + r->found[i].path_at;
	if (r->found_count > 1)
		qsort(r->found, r->found_count, sizeof(r->found[0]),
		      compare_found);
	for (uint32_t i = 0; i < r->found_count; i++) {
		struct copy_row *row = &r->found[i].row;
		const struct copy_row *last = &r->rows[count > 0 ? count - 1 :
								   0];

		if (count > 0 && node_id_equal(&last->node, &row->node) &&
		    memcmp(&last->root, &row->root, sizeof(row->root)) == 0 &&
		    last->path_bytes == row->path_bytes &&
		    memcmp(last->path, row->path, row->path_bytes) == 0)
			continue; /* the same file in two lives */
		if (roots_look(r, r->found[i].stream, row, why) == -1)
			return -1;
		r->rows[count++] = *row;
	}
	return count;
}

/* ---- photos ----------------------------------------------------------- */

void
photo_cursor(sqlite3_stmt *st, enum list_sort sort, struct list_cursor *out)
{
	/* Of the columns of PHOTO_COLUMNS. */
	static const int numbers[LIST_SORTS] = {
		[SORT_TAKEN] = 8, [SORT_NAME] = -1, [SORT_SIZE] = 3,
		[SORT_ADDED] = 4, [SORT_WASTED] = 7};
	size_t bytes = (size_t)sqlite3_column_bytes(st, 2);

	memset(out, 0, sizeof(*out));
	out->set = true;
	photo_id_unpack(sqlite3_column_blob(st, 0), &out->photo);
	assert(bytes < sizeof(out->name));
	memcpy(out->name, sqlite3_column_text(st, 2), bytes);
	if (numbers[sort] >= 0)
		out->number = sqlite3_column_int64(st, numbers[sort]);
}

static void
dates_fill(struct photo_row *row, sqlite3_stmt *st)
{
	row->mtime_ns = sqlite3_column_int64(st, 1);
	row->date_ns = sqlite3_column_int64(st, 8);
	row->dated = (uint8_t)sqlite3_column_int(st, 9);
	row->has_zone = sqlite3_column_type(st, 10) != SQLITE_NULL;
	row->zone_min = sqlite3_column_int(st, 10);
	row->width = (uint32_t)sqlite3_column_int64(st, 11);
	row->height = (uint32_t)sqlite3_column_int64(st, 12);
}

/* The record that counts, copied; nothing is said of those that went between
 * two lives of their owner. */
static int
meta_fill(struct reader *r, sqlite3_stmt *photo, struct photo_row *row,
	  struct trouble *why)
{
	int64_t stream = sqlite3_column_int64(photo, 13);

	if (stream == 0)
		return 0;
	if (fact_read(r, stream, RECORD_META, sqlite3_column_blob(photo, 0),
		      PHOTO_ID_BYTES, &r->meta, why) == -1)
		return -1;
	if (!r->meta.found || r->meta.dead)
		return 0;
	row->meta = r->meta.value;
	row->meta_bytes = r->meta.value_bytes;
	return 0;
}

int
photo_show(struct reader *r, sqlite3_stmt *st, const struct node_id *node,
	   enum list_sort sort, bool whole,
	   bool (*each)(void *arg, const struct photo_row *row), void *arg,
	   struct trouble *why)
{
	struct photo_row row = {0};
	int n;

	if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES ||
	    sqlite3_column_bytes(st, 2) >= (int)sizeof(row.cursor.name))
		return trouble_set(why, 0, "catalogue: a photo row is not ours");
	n = copies_collect(r, sqlite3_column_blob(st, 0), node, why);
	if (n != 1)
		return n;
	if ((n = copies_arrange(r, why)) == -1)
		return -1;
	photo_id_unpack(sqlite3_column_blob(st, 0), &row.photo);
	dates_fill(&row, st);
	row.name = (const char *)sqlite3_column_text(st, 2);
	row.name_bytes = (size_t)sqlite3_column_bytes(st, 2);
	row.added_ms = sqlite3_column_int64(st, 4);
	row.copies = (uint32_t)sqlite3_column_int64(st, 5);
	row.type = (const char *)sqlite3_column_text(st, 6);
	row.copy_count = (uint32_t)n;
	row.rows = r->rows;
	if (whole && meta_fill(r, st, &row, why) == -1)
		return -1;
	photo_cursor(st, sort, &row.cursor);
	return each(arg, &row) ? 1 : 2;
}

int
reader_find(struct reader *r, const struct photo_prefix *prefix,
	    uint32_t limit,
	    bool (*each)(void *arg, const struct photo_row *row), void *arg,
	    struct trouble *why)
{
	uint8_t low[PHOTO_ID_BYTES], high[PHOTO_ID_BYTES];
	sqlite3_stmt *st = r->st[R_FIND];
	struct photo_id photo;
	uint32_t shown = 0;
	int code, n = 0;

	prefix_bounds(prefix, low, high);
	if (read_begin(r, why) == -1)
		return -1;
	sqlite3_bind_blob(st, 1, low, sizeof(low), SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, high, sizeof(high), SQLITE_STATIC);
	while (n != 2 && shown < limit &&
	       (code = read_row(r, st, why)) != 0) {
		if (code == -1)
			return read_end(r, -1);
		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		photo_id_unpack(sqlite3_column_blob(st, 0), &photo);
		if (!photo_prefix_matches(prefix, &photo))
			continue;
		n = photo_show(r, st, NULL, SORT_TAKEN, true, each, arg, why);
		if (n == -1)
			return read_end(r, -1);
		shown += n == 1;
	}
	return read_end(r, 0);
}
