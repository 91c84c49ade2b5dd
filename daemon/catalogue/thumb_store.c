/*
 * thumb_store.c: a small SQLite file as a cache.
 *
 * Puts share a transaction; it is committed when it is large or old, or at rest.
 * Readers and writers use one connection, so what was put is seen at once.
 * synchronous=NORMAL: a power cut may lose the last images, never the file.
 * What is used is counted in pages, as that is what it takes of the disk.
 */
#include "thumb_store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "clock.h"
#include "log.h"
#include "meta.h"
#include "schema.h"
#include "thumb.h"

/* In one transaction. */
#define PUTS_MAX 64u
#define PUTS_MS  1000u
/* The catalogue must be able to grow: of a disk that is nearly full nothing more
 * is taken. */
#define SPARE_BYTES (UINT64_C(32) << 20)
/* After a write that failed, none is tried for so long. */
#define PAUSE_MS 60000u

/* ---- using the file --------------------------------------------------------- */

static void
give_up(struct thumb_store *s, const char *what)
{
	s->pause_ms = clock_steady_ms() + PAUSE_MS;
	log_warn("the cache of thumbnails %s: %s; nothing is kept for %u s",
		 what, s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory",
		 PAUSE_MS / 1000);
}

static bool
is_pausing(struct thumb_store *s)
{
	if (s->pause_ms != 0 && clock_steady_ms() >= s->pause_ms)
		s->pause_ms = 0;
	return s->pause_ms != 0;
}

static void shrink(struct thumb_store *s);

/* With the lock: true when the file may be used. */
static bool
have_file(struct thumb_store *s)
{
	if (s->db != NULL)
		return true;
	if (s->bytes_max == 0 || is_pausing(s))
		return false;
	if (thumb_file_open(s) == -1) {
		int code = s->db != NULL ? sqlite3_errcode(s->db) & 0xff
					 : SQLITE_NOMEM;

		/* A full disk is no reason to throw anything away. */
		if (code == SQLITE_FULL || code == SQLITE_NOMEM ||
		    code == SQLITE_IOERR || code == SQLITE_CANTOPEN ||
		    code == SQLITE_READONLY || code == SQLITE_BUSY) {
			give_up(s, "cannot be opened");
			thumb_file_close(s);
			return false;
		}
		log_warn("the cache of thumbnails was damaged, and is begun "
			 "anew");
		thumb_file_close(s);
		thumb_file_remove(s);
		if (thumb_file_open(s) == -1) {
			give_up(s, "cannot be made");
			thumb_file_close(s);
			return false;
		}
	}
	shrink(s);
	return s->db != NULL;
}

/* A call has failed: what now?  The transaction is over in any case, and if the
 * file is damaged it is closed. */
static void
failed(struct thumb_store *s)
{
	int code = sqlite3_errcode(s->db);

	if (schema_is_corrupt(code)) {
		log_warn("the cache of thumbnails is damaged, and begun anew");
		thumb_file_close(s);
		thumb_file_remove(s);
		return;
	}
	give_up(s, "is not written");
	/* What was put since the last commit is gone; the rest can be read. */
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)sqlite3_step(s->st[S_ROLLBACK]);
	sqlite3_reset(s->st[S_ROLLBACK]);
	s->puts = 0;
	thumb_file_count(s);
}

/* 1: a row, until it is reset; 0: done; -1: the file may be closed by now. */
static int
step(struct thumb_store *s, enum thumb_statement what)
{
	int code = sqlite3_step(s->st[what]);

	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(s->st[what]);
	if (code == SQLITE_DONE)
		return 0;
	failed(s);
	return -1;
}

static int64_t
step_number(struct thumb_store *s, enum thumb_statement what)
{
	int64_t n;

	if (step(s, what) != 1)
		return -1;
	n = sqlite3_column_type(s->st[what], 0) == SQLITE_NULL
		    ? INT64_MIN
		    : sqlite3_column_int64(s->st[what], 0);
	sqlite3_reset(s->st[what]);
	return n;
}

static void
bind_photo(struct thumb_store *s, enum thumb_statement what,
	   const struct photo_id *photo)
{
	uint8_t id[PHOTO_ID_BYTES];

	photo_id_pack(photo, id);
	sqlite3_bind_blob(s->st[what], 1, id, sizeof(id), SQLITE_TRANSIENT);
}

/* ---- room ------------------------------------------------------------------ */

static bool
is_over(struct thumb_store *s, uint64_t spare)
{
	int64_t pages = step_number(s, S_PAGES), unused;

	if (s->db == NULL || (unused = step_number(s, S_FREE)) < 0)
		return false;
	return (uint64_t)(pages - unused) * THUMB_PAGE_BYTES + spare > s->bytes_max;
}

/* The oldest go until all is within its bound. */
static void
evict(struct thumb_store *s)
{
	while (s->db != NULL && is_over(s, 0)) {
		if (step(s, S_EVICT) != 1)
			return; /* not even nothing has room */
		s->count -= sqlite3_column_int(s->st[S_EVICT], 0) == 0;
		sqlite3_reset(s->st[S_EVICT]);
	}
}

/* At its opening: the bound may be lower than it was. */
static void
shrink(struct thumb_store *s)
{
	if (!is_over(s, 0) || s->db == NULL || step(s, S_BEGIN) != 0)
		return;
	evict(s);
	if (s->db != NULL && step(s, S_COMMIT) == 0)
		(void)sqlite3_exec(s->db, "PRAGMA incremental_vacuum;", NULL,
				   NULL, NULL);
}

/* A disk that others need more. */
static bool
is_short_of_disk(const struct thumb_store *s)
{
	struct statvfs fs;

	return statvfs(s->path, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize < SPARE_BYTES;
}

/* ---- putting ---------------------------------------------------------------- */

static void
commit(struct thumb_store *s)
{
	if (s->db == NULL || s->puts == 0)
		return;
	evict(s);
	if (s->db != NULL && step(s, S_COMMIT) == 0)
		s->puts = 0;
}

static bool
begin(struct thumb_store *s)
{
	if (s->puts > 0)
		return true;
	if (is_short_of_disk(s)) {
		s->pause_ms = clock_steady_ms() + PAUSE_MS;
		return false;
	}
	s->begun_ms = clock_steady_ms();
	return step(s, S_BEGIN) == 0;
}

/* An image, that is; where there was none, there may be one now. */
static bool
is_there(struct thumb_store *s, const struct photo_id *photo)
{
	bool there;

	bind_photo(s, S_NONE, photo);
	if (step(s, S_NONE) != 1)
		return false;
	there = sqlite3_column_int(s->st[S_NONE], 0) == 0;
	sqlite3_reset(s->st[S_NONE]);
	return there;
}

bool
thumb_store_put(struct thumb_store *s, const struct photo_id *photo,
		int64_t date, const uint8_t *image, size_t count)
{
	bool kept = false;

	if (count > 0 && !thumb_lawful(image, count, NULL, NULL))
		return false;
	pthread_mutex_lock(&s->lock);
	if (have_file(s) && is_there(s, photo))
		kept = true;
	else if (s->db != NULL && !is_pausing(s) && begin(s)) {
		s->puts++;
		bind_photo(s, S_PUT, photo);
		sqlite3_bind_int64(s->st[S_PUT], 2, date);
		sqlite3_bind_int(s->st[S_PUT], 3,
				 count > 0 ? 0 : (int)META_DECODER);
		sqlite3_bind_blob(s->st[S_PUT], 4, count > 0 ? (const void *)image : "",
				  (int)count, SQLITE_STATIC);
		kept = step(s, S_PUT) == 0;
		if (kept)
			s->count += count > 0;
		if (kept && (s->puts >= PUTS_MAX ||
			     clock_steady_ms() - s->begun_ms >= PUTS_MS))
			commit(s);
	}
	pthread_mutex_unlock(&s->lock);
	return kept;
}

/* ---- asking ----------------------------------------------------------------- */

enum thumb_found
thumb_store_get(struct thumb_store *s, const struct photo_id *photo,
		uint8_t out[THUMB_BYTES_MAX], size_t *count)
{
	enum thumb_found found = THUMB_ABSENT;
	sqlite3_stmt *st;

	*count = 0;
	pthread_mutex_lock(&s->lock);
	if (!have_file(s))
		goto unlock;
	st = s->st[S_GET];
	bind_photo(s, S_GET, photo);
	if (step(s, S_GET) != 1)
		goto unlock;
	if (sqlite3_column_int(st, 0) > 0) {
		found = THUMB_IMPOSSIBLE;
	} else {
		const void *image = sqlite3_column_blob(st, 1);
		size_t bytes = (size_t)sqlite3_column_bytes(st, 1);

		if (image != NULL && thumb_lawful(image, bytes, NULL, NULL)) {
			memcpy(out, image, bytes);
			*count = bytes;
			found = THUMB_KEPT;
		}
	}
	sqlite3_reset(st);
	if (found == THUMB_ABSENT) {
		/* The disk has given back something else. */
		bind_photo(s, S_DROP, photo);
		(void)step(s, S_DROP);
	}
unlock:
	pthread_mutex_unlock(&s->lock);
	return found;
}

bool
thumb_store_has(struct thumb_store *s, const struct photo_id *photo)
{
	bool has = false;

	pthread_mutex_lock(&s->lock);
	if (have_file(s)) {
		bind_photo(s, S_HAS, photo);
		if ((has = step(s, S_HAS) == 1))
			sqlite3_reset(s->st[S_HAS]);
	}
	pthread_mutex_unlock(&s->lock);
	return has;
}

/* Newer than the oldest of those that are kept? */
static bool
is_newer(struct thumb_store *s, const struct photo_id *photo, int64_t date)
{
	bind_photo(s, S_OLDEST, photo);
	sqlite3_bind_int64(s->st[S_OLDEST], 2, date);
	return step_number(s, S_OLDEST) == 1;
}

bool
thumb_store_wants(struct thumb_store *s, const struct photo_id *photo,
		  int64_t date)
{
	bool wants = false;

	pthread_mutex_lock(&s->lock);
	if (have_file(s) && !is_pausing(s))
		wants = !is_over(s, THUMB_BYTES_MAX / 4) ||
			(s->db != NULL && is_newer(s, photo, date));
	pthread_mutex_unlock(&s->lock);
	return wants;
}

void
thumb_store_made(struct thumb_store *s)
{
	pthread_mutex_lock(&s->lock);
	s->made++;
	pthread_mutex_unlock(&s->lock);
}

void
thumb_store_count(struct thumb_store *s, uint64_t *kept, uint64_t *made)
{
	pthread_mutex_lock(&s->lock);
	*kept = have_file(s) ? s->count : 0;
	*made = s->made;
	pthread_mutex_unlock(&s->lock);
}

/* ---- life -------------------------------------------------------------------- */

struct thumb_store *
thumb_store_new(const char *dir, uint64_t bytes_max)
{
	struct thumb_store *s = calloc(1, sizeof(*s));

	if (s == NULL || asprintf(&s->path, "%s/" THUMB_STORE_NAME, dir) == -1) {
		free(s);
		return NULL;
	}
	s->bytes_max = bytes_max;
	pthread_mutex_init(&s->lock, NULL);
	if (bytes_max == 0)
		thumb_file_remove(s);
	return s;
}

void
thumb_store_rest(struct thumb_store *s)
{
	pthread_mutex_lock(&s->lock);
	commit(s);
	if (s->db != NULL)
		(void)sqlite3_db_release_memory(s->db);
	pthread_mutex_unlock(&s->lock);
}

void
thumb_store_free(struct thumb_store *s)
{
	if (s == NULL)
		return;
	commit(s);
	thumb_file_close(s);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}
