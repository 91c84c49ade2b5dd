/*
 * writer_derive.c: a file of an older format: all that is derived from records,
 * once more.
 *
 * Nothing can be asked before that is done, and of a large library it takes a
 * while; so the copies are read once in the order they lie in, which is that of
 * the photos, the list's index is made behind them, and how far it has come is
 * told.
 */
#include <string.h>

#include "clock.h"
#include "log.h"
#include "writer_private.h"

#define TELL_MS 2000u

/* All copies of a photo are in w->summary. */
static int
list_one(struct writer *w, const uint8_t *id)
{
	struct photo_id photo;

	photo_id_unpack(id, &photo);
	if (about_sum(w, id) == -1)
		return -1;
	if (!summary_end(&w->summary))
		return 0;
	photo_count(w, photo.size);
	return photo_new(w, id, photo.size);
}

static void
tell_progress(uint64_t done, uint64_t copies, uint64_t *told_ms)
{
	uint64_t now = clock_steady_ms();

	if (now < *told_ms + TELL_MS)
		return;
	*told_ms = now;
	log_info("catalogue: %llu of %llu copies listed",
		 (unsigned long long)done, (unsigned long long)copies);
}

static int
list_all(struct writer *w, uint64_t copies)
{
	/* Whose rows are not yet in the table; the last is the one at hand. */
	uint8_t ids[ROWS_MANY][PHOTO_ID_BYTES], *id = NULL;
	sqlite3_stmt *st = w->st[W_COPIED];
	uint64_t told_ms = clock_steady_ms(), done = 0;
	int r = 0;

	while (r == 0 && (r = row(w, W_COPIED)) == 1) {
		const uint8_t *now = sqlite3_column_blob(st, 0);

		r = 0;
		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		if (id == NULL || memcmp(id, now, PHOTO_ID_BYTES) != 0) {
			if (id != NULL && (r = list_one(w, id)) == -1)
				break;
			id = ids[w->new_photo_count];
			memcpy(id, now, PHOTO_ID_BYTES);
			summary_begin(&w->summary);
		}
		r = photo_sum_copy(w, st, 1);
		if (++done % 4096 == 0)
			tell_progress(done, copies, &told_ms);
	}
	reset(w, W_COPIED);
	if (r == -1 || (id != NULL && list_one(w, id) == -1))
		return -1;
	return photos_new_end(w);
}

int
derive_all(struct writer *w)
{
	uint64_t copies = 0;

	for (unsigned i = 0; i < w->slot_end; i++)
		copies += w->streams[i].copies;
	log_info("catalogue: it is of an older version of photod: its %llu "
		 "copies are listed anew", (unsigned long long)copies);
	for (unsigned i = 0; i < w->slot_end; i++) {
		struct held *h = &w->streams[i];

		if ((h->role == ROLE_OWN || h->role == ROLE_REPLICA) &&
		    about_show_all(w, h) == -1)
			return -1;
	}
	/* Each is listed below, what was told of it included. */
	id_set_clear(&w->touched);
	if (sqlite3_exec(w->db, "DROP INDEX photo_time", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return fail_db(w);
	if (list_all(w, copies) == -1)
		return -1;
	log_info("catalogue: all are listed; it is being written");
	return sqlite3_exec(w->db, "CREATE INDEX " SCHEMA_PHOTO_TIME, NULL,
			    NULL, NULL) == SQLITE_OK ? 0 : fail_db(w);
}
