/*
 * thumb_store_file.c: the file of the cache of thumbnails, opened, made and
 * removed.
 */
#include "thumb_store_private.h"

#include <stdio.h>
#include <unistd.h>

#include "meta.h"
#include "schema.h"
#include "trouble.h"

#define APPLICATION_ID 0x70687462 /* "phtb" */
#define FORMAT         1

/* `none`: 0, or by which decoder there can be none; then image is empty. */
static const char tables[] =
	"CREATE TABLE thumb("
	" id INTEGER PRIMARY KEY, photo BLOB NOT NULL, date INTEGER NOT NULL,"
	" none INTEGER NOT NULL, image BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX thumb_photo ON thumb(photo);"
	"CREATE INDEX thumb_date ON thumb(date, photo);"
	"CREATE INDEX thumb_none ON thumb(none) WHERE none > 0;";

static const char *const statements[S_COUNT] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_PUT] = "INSERT OR REPLACE INTO thumb(photo, date, none, image)"
		  " VALUES(?1, ?2, ?3, ?4)",
	[S_GET] = "SELECT none, image FROM thumb WHERE photo = ?1",
	[S_HAS] = "SELECT 1 FROM thumb WHERE photo = ?1",
	[S_NONE] = "SELECT none FROM thumb WHERE photo = ?1",
	[S_DROP] = "DELETE FROM thumb WHERE photo = ?1",
	[S_EVICT] = "DELETE FROM thumb WHERE id IN"
		    " (SELECT id FROM thumb ORDER BY date, photo LIMIT 1)"
		    " RETURNING none",
	[S_OLDEST] = "SELECT (?2, ?1) > (date, photo) FROM thumb"
		     " ORDER BY date, photo LIMIT 1",
	[S_PAGES] = "SELECT page_count FROM pragma_page_count",
	[S_FREE] = "SELECT freelist_count FROM pragma_freelist_count",
};

void
thumb_file_close(struct thumb_store *s)
{
	for (unsigned i = 0; i < S_COUNT; i++) {
		sqlite3_finalize(s->st[i]);
		s->st[i] = NULL;
	}
	sqlite3_close(s->db);
	s->db = NULL;
	s->puts = 0;
	s->count = 0;
}

void
thumb_file_remove(const struct thumb_store *s)
{
	static const char *const behind[] = {"", "-wal", "-shm", "-journal"};
	char path[PATH_MAX];

	for (unsigned i = 0; i < 4; i++)
		if (snprintf(path, sizeof(path), "%s%s", s->path, behind[i]) <
		    (int)sizeof(path))
			(void)unlink(path);
}

static int64_t
number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* Its tables, made if it is new; another format is no cache of ours. */
static int
judge(sqlite3 *db)
{
	char sql[96];

	if (number(db, "SELECT count(*) FROM sqlite_schema") == 0) {
		snprintf(sql, sizeof(sql),
			 "PRAGMA application_id=%d; PRAGMA user_version=%d;",
			 APPLICATION_ID, FORMAT);
		return sqlite3_exec(db, tables, NULL, NULL, NULL) ||
				       sqlite3_exec(db, sql, NULL, NULL, NULL)
			       ? -1
			       : 0;
	}
	return number(db, "PRAGMA application_id") == APPLICATION_ID &&
			       number(db, "PRAGMA user_version") == FORMAT
		       ? 0
		       : -1;
}

int
thumb_file_count(struct thumb_store *s)
{
	int64_t all = number(s->db, "SELECT count(*) FROM thumb");
	int64_t none = number(s->db,
			      "SELECT count(*) FROM thumb WHERE none > 0");

	if (all < 0 || none < 0)
		return -1;
	s->count = (uint64_t)(all - none);
	return 0;
}

int
thumb_file_open(struct thumb_store *s)
{
	static const char pragmas[] =
		"PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;"
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
		"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
		"PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY;"
		"PRAGMA journal_size_limit=4194304;";
	struct trouble why;
	char sql[80];

	if (sqlite3_open_v2(s->path, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
	    judge(s->db) == -1 ||
	    schema_prepare(s->db, statements, s->st, S_COUNT, &why) == -1)
		return -1;
	/* What a later decoder may understand is tried again. */
	snprintf(sql, sizeof(sql), "DELETE FROM thumb WHERE none BETWEEN 1 AND"
		 " %d", (int)META_DECODER - 1);
	(void)sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return thumb_file_count(s);
}
