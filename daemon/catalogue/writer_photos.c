/*
 * writer_photos.c: the merged list follows what is shown.
 *
 * A transaction notes the photos it touches; at its end each is summed up
 * once from all its copies, and what came or went is told as news.
 */
#include <string.h>

#include "writer_private.h"

#define PHOTO_LINE_COLUMNS 14 /* that are bound */

/* A row of the photo table as it was. */
struct photo_old {
	bool found;
	int64_t mtime_ns, added_ms;
	uint32_t copies;
	char name[256];
	char type[64];
	struct summary_date date;
	struct summary_about about;
};

int
photo_touch(struct writer *w, const struct photo_id *photo)
{
	uint8_t id[PHOTO_ID_BYTES];

	photo_id_pack(photo, id);
	return id_set_add(&w->touched, id) == -1 ? fail_memory(w) : 0;
}

static void
text_out(sqlite3_stmt *st, int column, char *out, size_t max)
{
	size_t bytes = (size_t)sqlite3_column_bytes(st, column);

	if (bytes > max - 1)
		bytes = max - 1;
	if (bytes > 0)
		memcpy(out, sqlite3_column_blob(st, column), bytes);
	out[bytes] = '\0';
}

static void
dated_out(sqlite3_stmt *st, struct photo_old *old)
{
	old->date = (struct summary_date){
		.ns = sqlite3_column_int64(st, 5),
		.dated = (uint8_t)sqlite3_column_int(st, 6),
		.has_zone = sqlite3_column_type(st, 7) != SQLITE_NULL,
		.zone_min = sqlite3_column_int(st, 7),
	};
	old->about = (struct summary_about){
		.width = (uint32_t)sqlite3_column_int64(st, 8),
		.height = (uint32_t)sqlite3_column_int64(st, 9),
		.decoder = (uint32_t)sqlite3_column_int64(st, 10),
		.stream = sqlite3_column_int64(st, 11),
	};
}

static int
old_get(struct writer *w, const uint8_t *id, struct photo_old *old)
{
	sqlite3_stmt *st = w->st[W_PHOTO_GET];
	int r;

	bind_blob(w, W_PHOTO_GET, 1, id, PHOTO_ID_BYTES);
	old->found = false;
	if ((r = row(w, W_PHOTO_GET)) != 1)
		return r;
	old->found = true;
	old->mtime_ns = sqlite3_column_int64(st, 0);
	text_out(st, 1, old->name, sizeof(old->name));
	old->added_ms = sqlite3_column_int64(st, 2);
	old->copies = (uint32_t)sqlite3_column_int64(st, 3);
	text_out(st, 4, old->type, sizeof(old->type));
	dated_out(st, old);
	reset(w, W_PHOTO_GET);
	return 0;
}

/* All that is shown of it, from memory; now the table hears of it. */
static int
sum_up_fresh(struct writer *w, const uint8_t *id, uint32_t last)
{
	const struct fresh_copy *f;

	summary_begin(&w->summary);
	for (uint32_t n = last; n != 0; n = f->before) {
		const struct held *h;
		struct summary_copy c;

		f = fresh_copy(&w->fresh, n);
		h = &w->streams[f->slot];
		c = (struct summary_copy){
			.node = &h->name.node,
			.holder = h->holder,
			.key = fresh_key(&w->fresh, f),
			.key_bytes = f->key_bytes,
			.mtime_ns = f->mtime_ns,
			.added_ms = f->added_ms,
			.file = f->file,
			.type = f->type,
			.type_bytes = strlen(f->type),
		};
		if (summary_add(&w->summary, &c) == -1)
			return fail_memory(w);
	}
	return fresh_put(w, id, last) == -1 ? -1 : about_sum(w, id);
}

int
photo_sum_copy(struct writer *w, sqlite3_stmt *st, int at)
{
	int64_t stream = sqlite3_column_int64(st, at);
	const struct held *h;
	struct summary_copy c;

	if (stream < 1 || stream > STREAM_SLOTS ||
	    sqlite3_column_bytes(st, at + 4) != 8)
		return fail_with(w, "catalogue: a copy row is not ours");
	h = &w->streams[stream - 1];
	c = (struct summary_copy){
		.node = &h->name.node,
		.holder = h->holder,
		.key = sqlite3_column_blob(st, at + 1),
		.key_bytes = (size_t)sqlite3_column_bytes(st, at + 1),
		.mtime_ns = sqlite3_column_int64(st, at + 2),
		.added_ms = sqlite3_column_int64(st, at + 3),
		.file = sqlite3_column_blob(st, at + 4),
		.type = (const char *)sqlite3_column_text(st, at + 5),
		.type_bytes = (size_t)sqlite3_column_bytes(st, at + 5),
	};
	return summary_add(&w->summary, &c) == -1 ? fail_memory(w) : 0;
}

static int
sum_up(struct writer *w, const uint8_t *id)
{
	int r;

	summary_begin(&w->summary);
	bind_blob(w, W_COPIES, 1, id, PHOTO_ID_BYTES);
	while ((r = row(w, W_COPIES)) == 1) {
		if (photo_sum_copy(w, w->st[W_COPIES], 0) == -1) {
			reset(w, W_COPIES);
			return -1;
		}
	}
	return r == -1 || w->summary.count == 0 ? r : about_sum(w, id);
}

static void
tell(struct writer *w, const struct photo_id *photo, bool added,
     const char *name)
{
	struct photo_news *n;

	if (w->result.news_count == PHOTO_NEWS_MAX) {
		w->result.news_lost = true;
		return;
	}
	n = &w->news[w->result.news_count++];
	n->photo = *photo;
	n->added = added;
	memcpy(n->name, name, strlen(name) + 1);
}

static void
line_of(struct photo_line *p, const uint8_t *id, uint64_t size,
	const struct summary *sum)
{
	p->id = id;
	p->size = size > INT64_MAX ? INT64_MAX : (int64_t)size;
	p->mtime_ns = sum->mtime_ns;
	p->added_ms = sum->added_ms;
	p->copies = sum->copies;
	p->date = sum->date;
	p->about = sum->about;
	memcpy(p->name, sum->name, strlen(sum->name) + 1);
	memcpy(p->type, sum->type, strlen(sum->type) + 1);
}

/* Behind `at` other columns of the statement. */
static void
bind_line(struct writer *w, enum writer_statement s, int at,
	  const struct photo_line *p)
{
	bind_blob(w, s, at + 1, p->id, PHOTO_ID_BYTES);
	bind_int(w, s, at + 2, p->mtime_ns);
	sqlite3_bind_text(w->st[s], at + 3, p->name, -1, SQLITE_STATIC);
	bind_int(w, s, at + 4, p->size);
	bind_int(w, s, at + 5, p->added_ms);
	bind_int(w, s, at + 6, p->copies);
	sqlite3_bind_text(w->st[s], at + 7, p->type, -1, SQLITE_STATIC);
	bind_int(w, s, at + 8, p->date.ns);
	bind_int(w, s, at + 9, p->date.dated);
	if (p->date.has_zone)
		bind_int(w, s, at + 10, p->date.zone_min);
	else
		sqlite3_bind_null(w->st[s], at + 10);
	bind_int(w, s, at + 11, p->about.width);
	bind_int(w, s, at + 12, p->about.height);
	bind_int(w, s, at + 13, p->about.decoder);
	bind_int(w, s, at + 14, p->about.stream);
}

int
photos_new_end(struct writer *w)
{
	enum writer_statement s = w->new_photo_count == ROWS_MANY ?
					  W_PHOTO_MANY : W_PHOTO_PUT;
	int columns = s == W_PHOTO_MANY ? PHOTO_LINE_COLUMNS : 0, r = 0;

	for (unsigned i = 0; i < w->new_photo_count && r == 0; i++) {
		bind_line(w, s, (int)i * columns, &w->new_photos[i]);
		if (s == W_PHOTO_PUT || i + 1 == ROWS_MANY)
			r = run(w, s);
	}
	w->new_photo_count = 0;
	return r;
}

int
photo_new(struct writer *w, const uint8_t *id, uint64_t size)
{
	line_of(&w->new_photos[w->new_photo_count++], id, size, &w->summary);
	return w->new_photo_count == ROWS_MANY ? photos_new_end(w) : 0;
}

static int
photo_set(struct writer *w, const uint8_t *id, uint64_t size)
{
	struct photo_line line;

	line_of(&line, id, size, &w->summary);
	bind_line(w, W_PHOTO_SET, 0, &line);
	return run(w, W_PHOTO_SET);
}

static bool
is_as_it_was(const struct photo_old *old, const struct summary *is)
{
	return old->mtime_ns == is->mtime_ns &&
	       old->added_ms == is->added_ms &&
	       strcmp(old->name, is->name) == 0 &&
	       strcmp(old->type, is->type) == 0 &&
	       old->date.ns == is->date.ns &&
	       old->date.dated == is->date.dated &&
	       old->date.has_zone == is->date.has_zone &&
	       old->date.zone_min == is->date.zone_min &&
	       old->about.decoder == is->about.decoder &&
	       old->about.stream == is->about.stream &&
	       old->about.width == is->about.width &&
	       old->about.height == is->about.height;
}

/* The photo is listed: as new, changed, or (most often) with a new count. */
static int
photo_stays(struct writer *w, const uint8_t *id, const struct photo_id *photo,
	    const struct photo_old *old)
{
	const struct summary *sum = &w->summary;

	if (!old->found) {
		tell(w, photo, true, sum->name);
		fresh_listed(&w->fresh, id);
		return photo_new(w, id, photo->size);
	}
	if (!is_as_it_was(old, sum))
		return photo_set(w, id, photo->size);
	if (old->copies == sum->copies)
		return 0;
	bind_blob(w, W_PHOTO_COPIES, 1, id, PHOTO_ID_BYTES);
	bind_int(w, W_PHOTO_COPIES, 2, sum->copies);
	return run(w, W_PHOTO_COPIES);
}

static int
photo_goes(struct writer *w, const uint8_t *id, const struct photo_id *photo,
	   const struct photo_old *old)
{
	if (!old->found)
		return 0;
	tell(w, photo, false, old->name);
	bind_blob(w, W_PHOTO_CUT, 1, id, PHOTO_ID_BYTES);
	return run(w, W_PHOTO_CUT);
}

void
photo_count(struct writer *w, uint64_t size)
{
	struct totals_row *t = &w->totals;

	w->totals_dirty = true;
	t->photos++;
	t->copies += w->summary.copies;
	t->bytes += w->summary.copies * size;
	t->unique_bytes += size;
	t->told += w->summary.about.decoder > 0;
}

static int
settle(struct writer *w, const struct id_entry *e)
{
	struct totals_row *t = &w->totals;
	const uint8_t *id = e->id;
	struct photo_old old;
	struct photo_id photo;

	photo_id_unpack(id, &photo);
	old.found = false;
	if (e->note != 0 ? sum_up_fresh(w, id, e->note) == -1 :
			   old_get(w, id, &old) == -1 || sum_up(w, id) == -1)
		return -1;
	if (old.found) {
		t->photos--;
		t->copies -= old.copies;
		t->bytes -= old.copies * photo.size;
		t->unique_bytes -= photo.size;
		t->told -= old.about.decoder > 0;
	}
	w->totals_dirty = true;
	if (!summary_end(&w->summary))
		return photo_goes(w, id, &photo, &old);
	photo_count(w, photo.size);
	return photo_stays(w, id, &photo, &old);
}

int
photos_settle(struct writer *w)
{
	/* In the order of the table: neighbours share their pages.  Each photo
	 * comes once, so nobody asks for a row that is still to be written. */
	id_set_sort(&w->touched);
	for (size_t i = 0; i < w->touched.count; i++)
		if (settle(w, &w->touched.ids[i]) == -1)
			return -1;
	return fresh_end(w) == -1 ? -1 : photos_new_end(w);
}
