/*
 * writer_index.c: the indexes of the orders that are asked for seldom.
 *
 * A new file has none of them: while much comes in, keeping them up costs more
 * than making them later, and without one a list in its order is as right, and
 * slower.  They are made one by one, each in a transaction of its own: when the
 * writer rests, when the list grows long, after a while, or, for whoever ended
 * before that, at the next start.  Their absence is all that says that they are
 * still to be made.
 */
#include <string.h>

#include "writer_private.h"

/* A list sorted in memory is bearable up to here. */
#define PHOTOS_MAX 50000u
/* A first scan that goes on for longer has slow files, not a slow catalogue. */
#define COMMITS_MAX 100u

static const struct {
	const char *name, *sql;
} late[] = {
	{"photo_name", "CREATE INDEX photo_name ON photo(name, id)"},
	{"photo_size", "CREATE INDEX photo_size ON photo(size, id)"},
	{"photo_added", "CREATE INDEX photo_added ON photo(added, id)"},
	{"photo_wasted",
	 "CREATE INDEX photo_wasted ON photo(wasted, id) WHERE wasted > 0"},
};

/* Is the index there?  -1: cannot be read. */
static int
is_there(struct writer *w, const char *name)
{
	sqlite3_stmt *st = w->st[W_INDEX];
	int r;

	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	r = sqlite3_step(st);
	sqlite3_reset(st);
	return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : -1;
}

int
index_make(struct writer *w)
{
	int there;

	for (unsigned i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		if ((there = is_there(w, late[i].name)) == -1)
			return -1;
		if (there == 1)
			continue;
		return sqlite3_exec(w->db, late[i].sql, NULL, NULL, NULL) ==
				       SQLITE_OK ? 1 : -1;
	}
	return 0;
}

/* Failing is no failure of what was written before. */
static void
make(struct writer *w)
{
	int r = index_make(w);

	w->unindexed = r != 0;
	if (r != -1)
		return;
	if (schema_is_corrupt(sqlite3_errcode(w->db)))
		w->damaged = true;
	w->index_failed = true;
	w->index_in = COMMITS_MAX;
}

void
index_later(struct writer *w)
{
	w->unindexed = true;
	w->index_failed = false;
	w->index_in = COMMITS_MAX;
}

bool
writer_indexed(const struct writer *w)
{
	return !w->unindexed;
}

void
index_next(struct writer *w)
{
	if (!w->unindexed)
		return;
	if (w->index_in > 0)
		w->index_in--;
	if (w->totals.photos >= PHOTOS_MAX && !w->index_failed)
		w->index_in = 0;
	if (w->index_in == 0)
		make(w);
}

void
index_all(struct writer *w)
{
	w->index_failed = false;
	while (w->unindexed && !w->index_failed)
		make(w);
}
