/*
 * wal.h: how large the writer's write-ahead log may grow.
 *
 * SQLite's log takes in every commit and is played into the database now and
 * then.  Readers in the midst of a snapshot keep it from being played to its
 * end, and so from beginning anew.  Here it is bounded all the same: by waiting
 * for them, and, on a small disk, by taking in nothing more than the database
 * could take over, for a log that has taken all the room can never be played
 * again.
 */
#ifndef PHOTOMESH_WAL_H
#define PHOTOMESH_WAL_H

#include <stdbool.h>

#include <sqlite3.h>

struct wal {
	int wait_pages; /* at this length readers are waited for; 0: as ever */
	bool tight;     /* with the last commit there was little room */
};

/* From now on it is looked after; *log is to live as long as `db`, which has
 * been opened and is written through by nobody else.  Where it has taken the
 * room, it is played and emptied first. */
void wal_begin(struct wal *log, sqlite3 *db);
/* May a transaction begin?  False: what it would add might be too much for the
 * database to take over, as long as somebody reads. */
bool wal_has_room(struct wal *log, sqlite3 *db);
/* What a failed transaction has left at its end goes back to the disk, and it is
 * played as far as readers let it. */
void wal_give_back(sqlite3 *db);
/* At rest: if it has grown large, it is cut. */
void wal_cut(sqlite3 *db);

#endif
