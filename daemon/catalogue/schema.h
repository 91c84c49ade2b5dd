/*
 * schema.h: the tables, and how a connection to them is opened.
 *
 * Facts live in `stream` and `record`; `copy`, `about`, `photo` and `totals` are
 * derived from them in the same transaction and could be rebuilt; `known` and
 * `node` are this node's own notes and never leave it.  Nothing here knows
 * what the rows mean.
 */
#ifndef PHOTOMESH_SCHEMA_H
#define PHOTOMESH_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct trouble;
struct root_id;
struct wal;

#define SCHEMA_APPLICATION_ID 0x70686d73 /* "phms" */
#define SCHEMA_VERSION        2 /* older ones are brought up to it */
#define SCHEMA_BUSY_MS        5000 /* for whoever else has it open */
/* Run while something is recorded that is not listed yet (writer_behind.c), and
 * when nothing is any more: an older photod would never list it. */
#define SCHEMA_BEHIND         "PRAGMA user_version=3"
#define SCHEMA_CAUGHT_UP      "PRAGMA user_version=2"
#define SCHEMA_VERSION_BEHIND 3
/* The index that the list is walked by; its name and the rest of its SQL. */
#define SCHEMA_PHOTO_TIME "photo_time ON photo(sort_time, id)"
#define SCHEMA_FILE           "catalogue.db"

/* stream.role, as stored */
enum stream_role {
	ROLE_FREE = 0,     /* memory only: the slot is not in use */
	ROLE_OWN = 1,
	ROLE_REPLICA = 2,
	ROLE_BUILDING = 3, /* a replica built afresh beside the old one */
	ROLE_ENDING = 4,   /* of a forgotten node: being cleared away */
};

/* known.verdict: an enum own_verdict, and whether a problem stands beside the
 * copy. */
#define KNOWN_VERDICT_MASK 0x0f
#define KNOWN_BOTH         0x10

enum schema_found {
	SCHEMA_NEW,     /* created */
	SCHEMA_KEPT,    /* was there and looks sound */
	SCHEMA_CORRUPT, /* not usable: move it aside */
	SCHEMA_FAILED,  /* refused or not to be opened: *why */
};

/*
 * The writer's connection; *log is to live as long.  Judges by header and
 * schema only, which is quick; *clean says whether the last writer closed it.
 * If not, schema_check has the last word.  *out is set on NEW and KEPT only;
 * owned by the caller.
 */
enum schema_found schema_open(const char *path, sqlite3 **out,
			      struct wal *log, bool *clean,
			      struct trouble *why);
/* A connection that can only read. */
int schema_open_reader(const char *path, sqlite3 **out, struct trouble *why);

/* The whole file, through any connection; seconds where it is large.  1: it
 * is sound; 0: damaged; -1: could not tell; *why says what.  Interrupted it
 * may say anything, for what it had no time to look at counts as missing. */
int schema_check(sqlite3 *db, struct trouble *why);

/* `out` must be zeroed; on failure release what was prepared. */
int schema_prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **out,
		   unsigned count, struct trouble *why);
void schema_finalize(sqlite3_stmt **statements, unsigned count);

/* Run SQL that yields nothing. */
int schema_exec(sqlite3 *db, const char *sql, struct trouble *why);

/* Fill `why` from the connection's last error; returns -1. */
int schema_trouble(sqlite3 *db, struct trouble *why, const char *what);
/* Does this result code say that the file itself is damaged? */
bool schema_is_corrupt(int code);

/* Bind at `at` and `at` + 1 so that at <= key < at + 1 is every key of a root.
 * NULL: every key that begins with a root. */
void schema_bind_root(sqlite3_stmt *st, int at, const struct root_id *root);

#endif
