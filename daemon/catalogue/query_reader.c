/*
 * query_reader.c: opening a reader, its read transactions, and the short
 * questions about totals.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_private.h"

/* Of SQLite's machine, after which it is asked whether to go on. */
#define STOP_STEPS 10000

static const char *const reader_sql[R_COUNT] = {
	[R_BEGIN] = "BEGIN",
	[R_END] = "ROLLBACK",
	[R_STREAMS] =
		"SELECT id, node, generation, base, cursor, digest, rows,"
		" holder, photos, copies, bytes FROM stream"
		" WHERE role IN (1, 2) ORDER BY id",
	[R_PAGE] =
		"SELECT seq, kind, dead, key, value FROM record"
		" WHERE stream = ?1 AND seq > ?2 AND seq <= ?3"
		" ORDER BY seq, kind, key",
	[R_FACT] =
		"SELECT seq, dead, value FROM record"
		" WHERE stream = ?1 AND kind = ?2 AND key = ?3",
	[R_ROOTS] =
		"SELECT key, seq, dead, value FROM record"
		" WHERE stream = ?1 AND kind = 2",
	[R_COPIES] =
		"SELECT stream, key, mtime, added, file FROM copy"
		" WHERE photo = ?1",
	[R_COPIES_ALL] = "SELECT photo, stream FROM copy ORDER BY photo",
	[R_HIDDEN] = "SELECT 1 FROM hidden WHERE stream = ?1 AND root = ?2",
	[R_COPY_AT] =
		"SELECT key, value FROM record"
		" WHERE stream = ?1 AND seq = ?2 AND kind = 3 AND dead = 0",
	[R_LEAVING] =
		"SELECT photo FROM copy WHERE leaving = 1 AND stream = ?1",
	[R_LEAVING_AT] =
		"SELECT key, mtime, added, file, type FROM copy"
		" WHERE photo = ?1 AND stream = ?2 AND leaving = 1",
	[R_FIND] =
		"SELECT " PHOTO_COLUMNS
		" FROM photo WHERE id >= ?1 AND id <= ?2 ORDER BY id",
	[R_PROBLEMS] =
		"SELECT key, value FROM record INDEXED BY record_key"
		" WHERE stream = ?1 AND kind = 4 AND key > ?2 AND dead = 0"
		" ORDER BY key",
	[R_TOTALS] =
		"SELECT photos, copies, bytes, unique_bytes, told FROM totals",
	[R_KNOWN] =
		"SELECT id, verdict, size, inode, mtime, ctime FROM known"
		" WHERE key = ?1",
#define OWN_LIVE(kind)                                                         \
	"(SELECT value FROM record WHERE stream ="                             \
	" (SELECT id FROM stream WHERE role = 1) AND kind = " kind              \
	" AND key = known.key AND dead = 0)"
	/* Many hard links of one file are looked at no further. */
	[R_KNOWN_INODE] =
		"SELECT id, verdict, size, inode, mtime, ctime, key, "
		OWN_LIVE("3") ", " OWN_LIVE("4")
		" FROM known INDEXED BY known_inode WHERE inode = ?1 LIMIT 64",
	[R_KNOWN_AHEAD] =
		"SELECT id, verdict, size, inode, mtime, ctime, key"
		" FROM known WHERE id > ?1 ORDER BY id LIMIT ?2",
	[R_KNOWN_BELOW] =
		"SELECT id, verdict, size, inode, mtime, ctime, key"
		" FROM known WHERE key > ?1 AND key < ?2 ORDER BY key",
	[R_BESIDE] =
		"SELECT copy.key FROM copy, stream WHERE copy.photo = ?1"
		" AND stream.role = 1 AND copy.stream = stream.id"
		" AND copy.leaving = 0 AND copy.key <> ?2 LIMIT 64",
	[R_BARE] =
		"SELECT id, sort_time, decoder FROM photo"
		" WHERE (sort_time, id) < (?1, ?2)"
		" ORDER BY sort_time DESC, id DESC LIMIT ?3",
	[R_PICTURED] =
		"SELECT id, sort_time, decoder, type FROM photo"
		" WHERE (sort_time, id) < (?1, ?2)"
		" ORDER BY sort_time DESC, id DESC LIMIT ?3",
	[R_INDEX] = "SELECT 1 FROM sqlite_schema WHERE name = ?1",
	[R_DECODER] = "SELECT decoder FROM photo WHERE id = ?1",
	[R_OWN_COPY] =
		"SELECT value FROM record WHERE stream ="
		" (SELECT id FROM stream WHERE role = 1) AND kind = 3"
		" AND key = ?1 AND dead = 0",
	[R_KNOWN_EACH] =
		"SELECT id, verdict, size, inode, mtime, ctime, key"
		" FROM known NOT INDEXED WHERE key >= ?1 AND key < ?2"
		" ORDER BY id",
	/* No file is known by the root's id alone. */
	[R_KNOWN_ROWS] =
		"SELECT id, verdict, size FROM known NOT INDEXED"
		" WHERE key > ?1 AND key < ?2",
	/* 1: the own stream; a copy (15: KNOWN_VERDICT_MASK). */
	[R_HOLDING] =
		"SELECT k.id, k.verdict, k.size, k.inode, k.mtime, k.ctime,"
		" k.key FROM copy AS c JOIN stream AS s ON s.id = c.stream"
		" JOIN known AS k ON k.key = c.key WHERE c.photo = ?1"
		" AND s.role = 1 AND (k.verdict & 15) = 1",
};

static bool
is_stopped(const struct reader *r)
{
	return (r->stop != NULL && atomic_load(r->stop)) ||
	       (r->ending != NULL && atomic_load(r->ending));
}

static int
on_progress(void *arg)
{
	struct reader *r = arg;

	return is_stopped(r) || walk_give_up(r);
}

struct reader *
reader_open(const char *dir, struct trouble *why)
{
	struct reader *r = calloc(1, sizeof(*r));
	char *path = NULL;

	if (r == NULL || asprintf(&path, "%s/" SCHEMA_FILE, dir) == -1)
		goto out_of_memory;
	r->places_max = PLACES_MAX;
	r->walk_rounds_min = WALK_ROUNDS_MIN;
	r->found = calloc(COPIES_SHOWN_MAX, sizeof(*r->found));
	r->rows = calloc(COPIES_SHOWN_MAX, sizeof(*r->rows));
	if (r->found == NULL || r->rows == NULL)
		goto out_of_memory;
	if (schema_open_reader(path, &r->db, why) == -1 ||
	    search_functions(r, why) == -1 ||
	    schema_prepare(r->db, reader_sql, r->st, R_COUNT, why) == -1)
		goto close_reader;
	sqlite3_progress_handler(r->db, STOP_STEPS, on_progress, r);
	free(path);
	return r;
out_of_memory:
	read_memory(why);
close_reader:
	free(path);
	reader_close(r);
	return NULL;
}

void
reader_be_small(struct reader *r)
{
	/* It is a wish; and what is not cached, the kernel still has. */
	(void)sqlite3_exec(r->db, "PRAGMA cache_size=-1024;", NULL, NULL, NULL);
}

void
reader_rest(struct reader *r)
{
	(void)sqlite3_db_release_memory(r->db);
}

void
reader_close(struct reader *r)
{
	if (r == NULL)
		return;
	schema_finalize(r->st, R_COUNT);
	schema_finalize(&r->list[0][0][0], LIST_STATEMENTS);
	sqlite3_close(r->db);
	summary_release(&r->summary);
	ahead_free(r);
	free(r->streams);
	free(r->found);
	free(r->rows);
	free(r->paths);
	free(r);
}

/* ---- transactions ----------------------------------------------------- */

int
read_memory(struct trouble *why)
{
	return trouble_set(why, ENOMEM, "catalogue: out of memory");
}

static void
note_damage(struct reader *r)
{
	struct trouble what;

	r->damaged = true;
	schema_trouble(r->db, &what, "not read");
	if (r->on_damage != NULL)
		r->on_damage(r->arg, &what);
}

int
read_row(struct reader *r, sqlite3_stmt *st, struct trouble *why)
{
	int code = sqlite3_step(st);

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		schema_trouble(r->db, why, "not read");
	if (schema_is_corrupt(code))
		note_damage(r);
	sqlite3_reset(st);
	return code == SQLITE_DONE ? 0 : -1;
}

static int
stream_load(struct reader *r, sqlite3_stmt *st, struct trouble *why)
{
	struct seen_stream *s;

	if (sqlite3_column_bytes(st, 1) != NODE_ID_BYTES ||
	    sqlite3_column_bytes(st, 5) != DIGEST_BYTES ||
	    sqlite3_column_bytes(st, 7) != HOLDER_BYTES)
		return trouble_set(why, 0, "catalogue: a stream row is not ours");
	if (r->stream_count == r->stream_capacity) {
		size_t more = r->stream_capacity == 0 ? 16 :
				      2 * r->stream_capacity;
		void *p = realloc(r->streams, more * sizeof(*r->streams));

		if (p == NULL)
			return read_memory(why);
		r->streams = p;
		r->stream_capacity = more;
	}
	s = &r->streams[r->stream_count++];
	s->id = sqlite3_column_int64(st, 0);
	memcpy(s->report.stream.node.bytes, sqlite3_column_blob(st, 1),
	       NODE_ID_BYTES);
	s->report.stream.generation = (uint64_t)sqlite3_column_int64(st, 2);
	s->report.point.base = (uint64_t)sqlite3_column_int64(st, 3);
	s->report.point.cursor = (uint64_t)sqlite3_column_int64(st, 4);
	digest_unpack(sqlite3_column_blob(st, 5), &s->report.digest);
	s->report.rows = (uint64_t)sqlite3_column_int64(st, 6);
	memcpy(s->holder, sqlite3_column_blob(st, 7), HOLDER_BYTES);
	s->photos = (uint64_t)sqlite3_column_int64(st, 8);
	s->copies = (uint64_t)sqlite3_column_int64(st, 9);
	s->bytes = (uint64_t)sqlite3_column_int64(st, 10);
	return 0;
}

int
read_begin(struct reader *r, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_STREAMS];
	int code;

	r->stream_count = 0;
	if (is_stopped(r))
		return trouble_set(why, 0, "nobody waits for it any more");
	if (read_row(r, r->st[R_BEGIN], why) == -1)
		return -1;
	while ((code = read_row(r, st, why)) == 1) {
		if (stream_load(r, st, why) == -1) {
			code = -1;
			break;
		}
	}
	return code == 0 ? 0 : read_end(r, -1);
}

int
read_end(struct reader *r, int result)
{
	struct seen_root *s;

	for (unsigned i = 0; i < R_COUNT; i++)
		sqlite3_reset(r->st[i]);
	for (unsigned i = 0; i < LIST_STATEMENTS; i++)
		sqlite3_reset((&r->list[0][0][0])[i]);
	sqlite3_step(r->st[R_END]);
	sqlite3_reset(r->st[R_END]);
	while ((s = r->roots) != NULL) {
		r->roots = s->next;
		free(s);
	}
	return result;
}

const struct seen_stream *
read_stream(const struct reader *r, int64_t id)
{
	size_t low = 0, high = r->stream_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (r->streams[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->stream_count && r->streams[low].id == id ?
		       &r->streams[low] : NULL;
}

/* ---- totals ----------------------------------------------------------- */

int
reader_totals(struct reader *r, struct totals *out, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_TOTALS];
	int code;

	if (read_begin(r, why) == -1)
		return -1;
	memset(out, 0, sizeof(*out));
	if ((code = read_row(r, st, why)) == 1) {
		out->photos = (uint64_t)sqlite3_column_int64(st, 0);
		out->copies = (uint64_t)sqlite3_column_int64(st, 1);
		out->bytes = (uint64_t)sqlite3_column_int64(st, 2);
		out->unique_bytes = (uint64_t)sqlite3_column_int64(st, 3);
		out->told = (uint64_t)sqlite3_column_int64(st, 4);
	}
	return read_end(r, code == -1 ? -1 : 0);
}

/* While two lives of the node are shown, a photo in both counts twice. */
int
reader_node_totals(struct reader *r, const struct node_id *node,
		   struct totals *out, struct trouble *why)
{
	memset(out, 0, sizeof(*out));
	if (read_begin(r, why) == -1)
		return -1;
	for (size_t i = 0; i < r->stream_count; i++) {
		const struct seen_stream *s = &r->streams[i];

		if (!node_id_equal(&s->report.stream.node, node))
			continue;
		out->photos += s->photos;
		out->copies += s->copies;
		out->bytes += s->bytes;
	}
	return read_end(r, 0);
}

/* ---- is it sound? ----------------------------------------------------- */

int
reader_check(struct reader *r, struct trouble *why)
{
	int sound = schema_check(r->db, why);

	if (sound == 0)
		r->damaged = true;
	return sound;
}

void
reader_stop_when(struct reader *r, const atomic_bool *stop)
{
	r->stop = stop;
}

void
reader_end_with(struct reader *r, const atomic_bool *ending)
{
	r->ending = ending;
}

void
reader_interrupt(struct reader *r)
{
	sqlite3_interrupt(r->db);
}

bool
reader_damaged(const struct reader *r)
{
	return r->damaged;
}

void
reader_watch(struct reader *r,
	     void (*on_damage)(void *arg, const struct trouble *what),
	     void *arg)
{
	r->on_damage = on_damage;
	r->arg = arg;
}
