#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ident.h"
#include "trouble.h"
#include "wal.h"

/*
 * record is clustered by (stream, seq), which is the order peers pull in and
 * own rows arrive in; record_key finds a fact.  copy holds what is shown, and
 * only that, clustered by photo: its other ways of access go through record,
 * whose value names the photo.  photo's indexes end in the id, so that pages
 * of the list can go on behind any tie.  wasted, (copies - 1) * size, follows
 * its row by itself and stops at the greatest integer: sizes are a peer's word,
 * and a number that overflowed would be no integer any more.  about says which
 * streams have a meta record of a photo; photo.about is the one that counts (0:
 * none), decoder who made it, and sort_time what dated says: photo.mtime, or
 * something better.
 */
static const char tables[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT;"
	"CREATE TABLE stream("
	" id INTEGER PRIMARY KEY, node BLOB NOT NULL,"
	" generation INTEGER NOT NULL, base INTEGER NOT NULL,"
	" cursor INTEGER NOT NULL, digest BLOB NOT NULL,"
	" rows INTEGER NOT NULL, role INTEGER NOT NULL,"
	" host BLOB, holder BLOB NOT NULL,"
	" photos INTEGER NOT NULL, copies INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX stream_name ON stream(node, generation, role);"
	"CREATE TABLE record("
	" stream INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, key BLOB NOT NULL, dead INTEGER NOT NULL,"
	" value BLOB NOT NULL, PRIMARY KEY(stream, seq, kind, key))"
	" STRICT, WITHOUT ROWID;"
	"CREATE UNIQUE INDEX record_key ON record(stream, kind, key);"
	"CREATE TABLE hidden("
	" stream INTEGER NOT NULL, root BLOB NOT NULL,"
	" PRIMARY KEY(stream, root)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE copy("
	" photo BLOB NOT NULL, stream INTEGER NOT NULL, key BLOB NOT NULL,"
	" mtime INTEGER NOT NULL, added INTEGER NOT NULL,"
	" file BLOB NOT NULL, type TEXT NOT NULL, leaving INTEGER NOT NULL,"
	" PRIMARY KEY(photo, stream, key)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX copy_leaving ON copy(stream) WHERE leaving = 1;"
	"CREATE TABLE known("
	" id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
	" verdict INTEGER NOT NULL, size INTEGER NOT NULL,"
	" inode INTEGER NOT NULL, mtime INTEGER NOT NULL,"
	" ctime INTEGER NOT NULL) STRICT;"
	"CREATE TABLE node("
	" id BLOB PRIMARY KEY NOT NULL, name TEXT NOT NULL,"
	" host BLOB NOT NULL, port INTEGER NOT NULL,"
	" addresses TEXT NOT NULL, heard INTEGER NOT NULL,"
	" departed INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

static const char photo_tables[] =
	"CREATE TABLE about("
	" photo BLOB NOT NULL, stream INTEGER NOT NULL,"
	" PRIMARY KEY(photo, stream)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE photo("
	" id BLOB PRIMARY KEY NOT NULL, sort_time INTEGER NOT NULL,"
	" name TEXT NOT NULL COLLATE NOCASE, size INTEGER NOT NULL,"
	" added INTEGER NOT NULL, copies INTEGER NOT NULL,"
	" type TEXT NOT NULL, mtime INTEGER NOT NULL,"
	" dated INTEGER NOT NULL, zone INTEGER, width INTEGER NOT NULL,"
	" height INTEGER NOT NULL, decoder INTEGER NOT NULL,"
	" about INTEGER NOT NULL,"
	" wasted INTEGER NOT NULL GENERATED ALWAYS AS (CASE"
	"  WHEN copies < 2 THEN 0"
	"  WHEN size > 9223372036854775807 / (copies - 1)"
	"  THEN 9223372036854775807"
	"  ELSE (copies - 1) * size END) VIRTUAL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX " SCHEMA_PHOTO_TIME ";"
	"CREATE TABLE totals("
	" photos INTEGER NOT NULL, copies INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, unique_bytes INTEGER NOT NULL,"
	" told INTEGER NOT NULL) STRICT;"
	"INSERT INTO totals VALUES(0, 0, 0, 0, 0);";

/* From format 1, where nothing was known of what is in a photo.  What is derived
 * is derived afresh, by the writer, before anybody can ask. */
static const char forget_derived[] =
	"DROP TABLE photo;"
	"DROP TABLE totals;"
	"INSERT OR REPLACE INTO meta(key, value) VALUES('derive', 1);";

int
schema_trouble(sqlite3 *db, struct trouble *why, const char *what)
{
	int code = sqlite3_errcode(db) & 0xff;
	int number = code == SQLITE_FULL ? ENOSPC :
		     code == SQLITE_IOERR ? EIO :
		     code == SQLITE_NOMEM ? ENOMEM : 0;

	return trouble_set(why, number, "catalogue: %s: %s", what,
			   sqlite3_errmsg(db));
}

bool
schema_is_corrupt(int code)
{
	code &= 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

int
schema_exec(sqlite3 *db, const char *sql, struct trouble *why)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return schema_trouble(db, why, "cannot be set up");
	return 0;
}

/* One number, or `otherwise` when there is no row; -1 on error. */
static int
read_number(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *out)
{
	sqlite3_stmt *st;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return -1;
	r = sqlite3_step(st);
	*out = r == SQLITE_ROW ? sqlite3_column_int64(st, 0) : otherwise;
	r = sqlite3_finalize(st);
	return r == SQLITE_OK ? 0 : -1;
}

int
schema_check(sqlite3 *db, struct trouble *why)
{
	sqlite3_stmt *st = NULL;
	const char *text;
	int code, ok = -1;

	code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(st, 0);
		ok = text != NULL && strcmp(text, "ok") == 0;
		if (ok == 0)
			trouble_set(why, 0, "catalogue: %s",
				    text != NULL ? text : "damaged");
	} else {
		schema_trouble(db, why, "not checked");
		if (schema_is_corrupt(code))
			ok = 0;
	}
	sqlite3_finalize(st);
	return ok;
}

/* Beside the tables, and made where an older file lacks them: an older photod
 * keeps up what it finds, so this is no new format.  known_inode leads from a
 * file to where it was, so that what is renamed is not read again. */
static const char indexes[] =
	"CREATE INDEX IF NOT EXISTS known_inode ON known(inode);";

/* Nobody asks SQLite how much memory it uses; not counting spares a lock at every
 * allocation.  To be said before anything else. */
static void
configure(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void
configure_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, configure);
}

/* The page size is that of files made from now on.  Of 4096 bytes a first scan
 * costs a tenth more, most of it in ever more pages to be logged; of 16384 a lone
 * photo costs half as much again, and a large mesh's pages are written whole for a
 * row or two each.  At 64 MiB the log goes into the file. */
static const char writer_pragmas[] =
	"PRAGMA page_size=8192;"
	"PRAGMA journal_mode=WAL;"
	"PRAGMA trusted_schema=OFF;"
	"PRAGMA cell_size_check=ON;"
	"PRAGMA foreign_keys=ON;"
	"PRAGMA secure_delete=OFF;"
	"PRAGMA journal_size_limit=67108864;"
	"PRAGMA cache_size=-65536;"
	"PRAGMA temp_store=MEMORY;"
	"PRAGMA synchronous=FULL;";

/* `before`: all tables but those of photos, or what makes room for these. */
static int
create_tables(sqlite3 *db, const char *before)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
		 SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ||
	    sqlite3_exec(db, before, NULL, NULL, NULL) ||
	    sqlite3_exec(db, photo_tables, NULL, NULL, NULL) ||
	    sqlite3_exec(db, sql, NULL, NULL, NULL))
		return -1;
	return 0;
}

/* What is in the file?  On -1 the connection's error says why not. */
static int
judge(sqlite3 *db, const char *path, enum schema_found *found, bool *clean,
      struct trouble *why)
{
	int64_t application, version, objects, closed;

	if (read_number(db, "PRAGMA application_id", 0, &application) == -1 ||
	    read_number(db, "PRAGMA user_version", 0, &version) == -1 ||
	    read_number(db, "SELECT count(*) FROM sqlite_schema", 0,
			&objects) == -1)
		return -1;
	if (application == 0 && version == 0 && objects == 0) {
		*found = SCHEMA_NEW;
		return create_tables(db, tables);
	}
	if (application != SCHEMA_APPLICATION_ID) {
		*found = SCHEMA_CORRUPT;
		return 0;
	}
	if (version > SCHEMA_VERSION_BEHIND) {
		*found = SCHEMA_FAILED;
		trouble_set(why, 0,
			    "%s was written by a newer version of photod "
			    "(format %lld, this one knows %d): start that "
			    "version", path, (long long)version,
			    SCHEMA_VERSION);
		return 0;
	}
	if (read_number(db, "SELECT value FROM meta WHERE key = 'clean'", 0,
			&closed) == -1)
		return -1;
	*clean = closed != 0;
	*found = SCHEMA_KEPT;
	return version < 2 ? create_tables(db, forget_derived) : 0;
}

enum schema_found
schema_open(const char *path, sqlite3 **out, struct wal *log,
	    bool *clean, struct trouble *why)
{
	enum schema_found found = SCHEMA_FAILED;
	sqlite3 *db = NULL;
	int fd;

	configure_once();
	/* Made here so that it is nobody else's to read; SQLite gives the log
	 * beside it the same mode. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1) {
		trouble_errno(why, errno, "cannot open %s", path);
		return SCHEMA_FAILED;
	}
	close(fd);
	if (sqlite3_open_v2(path, &db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		goto failed;
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, SCHEMA_BUSY_MS);
	if (sqlite3_exec(db, writer_pragmas, NULL, NULL, NULL) != SQLITE_OK)
		goto failed;
	wal_begin(log, db);
	*clean = true;
	if (judge(db, path, &found, clean, why) == -1)
		goto failed;
	if ((found == SCHEMA_NEW || found == SCHEMA_KEPT) &&
	    sqlite3_exec(db, indexes, NULL, NULL, NULL) != SQLITE_OK)
		goto failed;
	if (found == SCHEMA_NEW || found == SCHEMA_KEPT)
		*out = db;
	else
		sqlite3_close(db);
	return found;
failed:
	found = SCHEMA_FAILED;
	if (db != NULL && schema_is_corrupt(sqlite3_errcode(db)))
		found = SCHEMA_CORRUPT;
	else if (db != NULL)
		schema_trouble(db, why, path);
	else
		trouble_set(why, ENOMEM, "out of memory");
	sqlite3_close(db);
	return found;
}

int
schema_open_reader(const char *path, sqlite3 **out, struct trouble *why)
{
	sqlite3 *db = NULL;

	configure_once();
	if (sqlite3_open_v2(path, &db,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK) {
		sqlite3_extended_result_codes(db, 1);
		sqlite3_busy_timeout(db, SCHEMA_BUSY_MS);
		if (sqlite3_exec(db,
				 "PRAGMA trusted_schema=OFF;"
				 "PRAGMA cell_size_check=ON;"
				 "PRAGMA query_only=ON;"
				 "PRAGMA cache_size=-16384;"
				 "PRAGMA temp_store=MEMORY;",
				 NULL, NULL, NULL) == SQLITE_OK) {
			*out = db;
			return 0;
		}
	}
	if (db == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	schema_trouble(db, why, path);
	sqlite3_close(db);
	return -1;
}

int
schema_prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **out,
	       unsigned count, struct trouble *why)
{
	for (unsigned i = 0; i < count; i++) {
		if (sqlite3_prepare_v3(db, sql[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &out[i],
				       NULL) != SQLITE_OK)
			return schema_trouble(db, why, "cannot be set up");
	}
	return 0;
}

void
schema_finalize(sqlite3_stmt **statements, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		sqlite3_finalize(statements[i]);
		statements[i] = NULL;
	}
}

void
schema_bind_root(sqlite3_stmt *st, int at, const struct root_id *root)
{
	uint8_t above[RECORD_KEY_MAX + 1];
	int i = ROOT_ID_BYTES;

	sqlite3_bind_blob(st, at, root == NULL ? (const void *)"" : root->bytes,
			  root == NULL ? 0 : (int)ROOT_ID_BYTES,
			  SQLITE_TRANSIENT);
	if (root != NULL) {
		memcpy(above, root->bytes, ROOT_ID_BYTES);
		while (i > 0 && ++above[i - 1] == 0)
			i--;
	} else {
		i = 0;
	}
	/* Nothing of eight bytes is above a root of 0xff only. */
	if (i == 0)
		memset(above, 0xff, sizeof(above));
	sqlite3_bind_blob(st, at + 1, above,
			  i == 0 ? (int)sizeof(above) : (int)ROOT_ID_BYTES,
			  SQLITE_TRANSIENT);
}
