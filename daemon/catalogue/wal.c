/* wal.c: see wal.h. */
#include "wal.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "schema.h"

#define PAGE_BYTES  8192u /* of a file of an older format 4096 */
#define PAGES_MAX   8000  /* 64 MB */
#define WAIT_MS     500
/* What a transaction may need, of a small disk. */
#define SPARE_BYTES (512u * 1024u)
/* The log's file (https://sqlite.org/walformat.html). */
#define HEADER_BYTES       32u
#define FRAME_HEADER_BYTES 24u
#define INDEX_BYTES        32768

/* ---- what there is ------------------------------------------------------ */

struct sizes {
	uint64_t frames;     /* committed, in the log */
	uint64_t page_bytes;
	uint64_t db_bytes;   /* when all of it is played */
};

/* By the header of the index that all connections share; its file must not be
 * opened once more, for closing it would drop SQLite's locks. */
static bool
look(sqlite3 *db, struct sizes *out)
{
	sqlite3_file *file = NULL;
	void volatile *index = NULL;
	uint32_t frames, pages;
	uint16_t size;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER,
				 &file) != SQLITE_OK ||
	    file == NULL || file->pMethods == NULL ||
	    file->pMethods->iVersion < 2 ||
	    file->pMethods->xShmMap(file, 0, INDEX_BYTES, 0, &index) !=
		    SQLITE_OK ||
	    index == NULL)
		return false;
	memcpy(&size, (const uint8_t *)(uintptr_t)index + 14, sizeof(size));
	memcpy(&frames, (const uint8_t *)(uintptr_t)index + 16, sizeof(frames));
	memcpy(&pages, (const uint8_t *)(uintptr_t)index + 20, sizeof(pages));
	out->page_bytes = size == 1 ? 65536 : size;
	out->frames = frames;
	out->db_bytes = pages * out->page_bytes;
	return out->page_bytes >= 512;
}

static bool
room_of(sqlite3 *db, uint64_t *out)
{
	const char *path = sqlite3_db_filename(db, "main");
	struct statvfs fs;

	if (path == NULL || path[0] == '\0' || statvfs(path, &fs) == -1)
		return false;
	*out = (uint64_t)fs.f_bavail * fs.f_frsize;
	return true;
}

/* NULL: a database without a file. */
static const char *
log_path(sqlite3 *db)
{
	const char *path = sqlite3_db_filename(db, "main");

	return path != NULL && path[0] != '\0' ? sqlite3_filename_wal(path)
					       : NULL;
}

static bool
log_bytes(sqlite3 *db, uint64_t *out)
{
	const char *path = log_path(db);
	struct stat is;

	if (path == NULL || stat(path, &is) == -1)
		return false;
	*out = (uint64_t)is.st_size;
	return true;
}

/* Could the database take the log over, and a transaction more? */
static bool
could_take_over(sqlite3 *db)
{
	const char *path = sqlite3_db_filename(db, "main");
	struct sizes s;
	struct stat is;
	uint64_t room, grows;

	if (path == NULL || stat(path, &is) == -1 || !room_of(db, &room) ||
	    !look(db, &s))
		return true; /* it cannot be told */
	grows = s.db_bytes > (uint64_t)is.st_size
			? s.db_bytes - (uint64_t)is.st_size
			: 0;
	return room >= grows + SPARE_BYTES;
}

/* ---- playing it --------------------------------------------------------- */

/*
 * While there is always somebody in the midst of reading, the log is never played
 * to its end and grows with every commit.  So when it is twice as large as it
 * should be, and with each such piece that comes to it, those who read are waited
 * for: who comes meanwhile is not held up and needs the log no more.  Of a disk
 * that is small such pieces are small.
 */
static void
outwait_readers(struct wal *log, sqlite3 *db, const char *name, int pages)
{
	int more = log->tight && pages / 4 < PAGES_MAX ? pages / 4 : PAGES_MAX;

	if (log->wait_pages == 0)
		log->wait_pages = log->tight ? pages : 2 * PAGES_MAX;
	if (pages < log->wait_pages)
		return;
	sqlite3_busy_timeout(db, WAIT_MS);
	if (sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_RESTART, NULL,
				      NULL) == SQLITE_OK)
		log->wait_pages = 0;
	else
		log->wait_pages = pages + more;
	sqlite3_busy_timeout(db, SCHEMA_BUSY_MS);
}

/*
 * After each commit: is the write-ahead log to be played into the database?
 * When it is large, and before it takes the last room on a small disk: then the
 * database could not grow any more to take it in, and nothing could be written
 * ever again.  Readers hold nothing up; what they still need stays.
 */
static int
on_log(void *arg, sqlite3 *db, const char *name, int pages)
{
	int logged = 0, played = 0;
	struct wal *log = arg;
	uint64_t room;

	log->tight = false;
	if (pages < PAGES_MAX) {
		if (!room_of(db, &room) ||
		    (uint64_t)pages * PAGE_BYTES <= room) {
			log->wait_pages = 0; /* it has begun anew */
			return SQLITE_OK;
		}
		log->tight = true;
	}
	/* Failing here is no failure of what was committed. */
	if (sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE,
				      &logged, &played) == SQLITE_OK &&
	    played < logged)
		outwait_readers(log, db, name, pages);
	return SQLITE_OK;
}

bool
wal_has_room(struct wal *log, sqlite3 *db)
{
	int logged = 0, played = 0;

	if (!log->tight || could_take_over(db))
		return true;
	/* Played to its end it begins anew, and needs no more room. */
	return sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE,
					 &logged, &played) == SQLITE_OK &&
	       played == logged;
}

void
wal_give_back(sqlite3 *db)
{
	uint64_t bytes, used;
	struct sizes s;

	if (log_bytes(db, &bytes) && look(db, &s)) {
		used = HEADER_BYTES +
		       s.frames * (FRAME_HEADER_BYTES + s.page_bytes);
		/* Frames behind the last committed one are nobody's; the next
		 * transaction would write over them. */
		if (bytes > used)
			(void)!truncate(log_path(db), (off_t)used);
	}
	(void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE,
					NULL, NULL);
}

static void
empty(sqlite3 *db)
{
	/* Who reads just now is not waited for: there will be other times. */
	sqlite3_busy_timeout(db, 0);
	(void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
					NULL, NULL);
	sqlite3_busy_timeout(db, SCHEMA_BUSY_MS);
}

void
wal_cut(sqlite3 *db)
{
	uint64_t bytes;

	if (log_bytes(db, &bytes) && bytes > (uint64_t)PAGES_MAX * PAGE_BYTES)
		empty(db);
}

void
wal_begin(struct wal *log, sqlite3 *db)
{
	uint64_t bytes, room;

	*log = (struct wal){0};
	if (log_bytes(db, &bytes) && room_of(db, &room) && bytes > room) {
		wal_give_back(db);
		empty(db);
	}
	(void)sqlite3_wal_hook(db, on_log, log);
}
