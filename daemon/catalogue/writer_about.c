/*
 * writer_about.c: what meta records say of photos, whoever made them.
 *
 * The about table says which streams tell of a photo; the record itself stays
 * where it is.  Which of them counts is settled with the photo.
 */
#include <string.h>

#include "writer_private.h"

static int
change(struct writer *w, enum writer_statement s, const struct held *h,
       const uint8_t *photo)
{
	struct photo_id id;

	w->abouts = w->abouts || s == W_ABOUT_PUT;
	bind_blob(w, s, 1, photo, PHOTO_ID_BYTES);
	bind_int(w, s, 2, row_id(w, h));
	if (run(w, s) == -1)
		return -1;
	photo_id_unpack(photo, &id);
	return photo_touch(w, &id);
}

int
about_changed(struct writer *w, const struct held *h, const struct record *r)
{
	if (r->key_bytes != PHOTO_ID_BYTES)
		return 0;
	return change(w, r->dead ? W_ABOUT_CUT : W_ABOUT_PUT, h, r->key);
}

static int
each_meta(struct writer *w, const struct held *h, enum writer_statement deed)
{
	sqlite3_stmt *st = w->st[W_METAS];
	int r = 0, done = 0;

	bind_int(w, W_METAS, 1, row_id(w, h));
	while (done == 0 && (r = row(w, W_METAS)) == 1)
		if (sqlite3_column_bytes(st, 0) == PHOTO_ID_BYTES)
			done = change(w, deed, h, sqlite3_column_blob(st, 0));
	reset(w, W_METAS);
	return done == -1 || r == -1 ? -1 : 0;
}

int
about_show_all(struct writer *w, const struct held *h)
{
	return each_meta(w, h, W_ABOUT_PUT);
}

int
about_hide_all(struct writer *w, const struct held *h)
{
	return each_meta(w, h, W_ABOUT_CUT);
}

int
about_sum(struct writer *w, const uint8_t *photo)
{
	sqlite3_stmt *st = w->st[W_ABOUT];
	int r;

	if (!w->abouts)
		return 0;
	bind_blob(w, W_ABOUT, 1, photo, PHOTO_ID_BYTES);
	while ((r = row(w, W_ABOUT)) == 1) {
		int64_t stream = sqlite3_column_int64(st, 0);
		struct record_meta m;

		if (stream >= 1 && stream <= STREAM_SLOTS &&
		    record_meta_parse(sqlite3_column_blob(st, 1),
				      (size_t)sqlite3_column_bytes(st, 1), &m))
			summary_add_meta(&w->summary,
					 &w->streams[stream - 1].name, stream,
					 &m);
	}
	return r;
}
