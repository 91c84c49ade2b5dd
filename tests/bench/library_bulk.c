/*
 * library_bulk.c: the rows of a mesh, as a member would have written them and
 * as a plain program would load them.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "library.h"
#include "record.h"
#include "schema.h"
#include "trouble.h"
#include "wal.h"
#include "writer.h"

#define WALL_MS  INT64_C(1790000000000)
#define BATCH    4096u

static const struct root_id root = {{'b', 'u', 'l', 'k', 'b', 'u', 'l', 'k'}};

/* ---- the rows --------------------------------------------------------- */

void
bulk_file(unsigned member, unsigned i, struct own_file *f, char path[64])
{
	uint64_t seed[2] = {i % 5 == 4 ? MEMBERS : member, i};
	XXH128_canonical_t hash;

	memset(f, 0, sizeof(*f));
	snprintf(path, 64, "%04u/%02u/IMG_%u_%06u.jpg", 2000 + i / 10000,
		 i / 100 % 12 + 1, member, i);
	XXH128_canonicalFromHash(&hash, XXH3_128bits(seed, sizeof(seed)));
	f->root = root;
	f->path = path;
	f->path_bytes = strlen(path);
	f->verdict = OWN_COPY;
	f->size = 2000000 + i;
	f->inode = i + 1;
	f->mtime_ns = (INT64_C(1000000000) + i * 10 + member) *
		      INT64_C(1000000000);
	f->ctime_ns = f->mtime_ns;
	memcpy(f->copy.photo.hash, hash.digest, PHOTO_HASH_BYTES);
	f->copy.photo.size = f->size;
	f->copy.mtime_ns = f->mtime_ns;
	f->copy.added_ms = WALL_MS;
	memcpy(f->copy.file, &i, sizeof(i));
	f->copy.file[7] = (uint8_t)member;
	strcpy(f->copy.type, "image/jpeg");
}

uint64_t
bulk_photos(unsigned records)
{
	uint64_t shared = records / 5;

	return (uint64_t)MEMBERS * (records - shared) + shared;
}

/* ---- as a member writes them ------------------------------------------ */

static void
write_batch(struct writer *w, const struct own_batch *batch)
{
	struct write_result result;
	struct trouble why;

	if (writer_own(w, batch, WALL_MS, &result, &why) == -1)
		errx(1, "%s", why.text);
}

void
bulk_member(const char *state_dir, const struct node_id *node,
	    unsigned member, unsigned records)
{
	struct writer_config config = {.dir = state_dir, .self = *node,
				       .run = member + 1, .wall_ms = WALL_MS};
	static struct own_file files[BATCH];
	static char paths[BATCH][64];
	struct own_batch batch = {.files = files};
	struct own_batch last = {.has_root = true, .root_id = root};
	enum writer_found found;
	struct trouble why;
	struct writer *w = writer_open(&config, &found, &why);

	if (w == NULL)
		errx(1, "%s", why.text);
	for (unsigned i = 0; i < records; i += BATCH) {
		batch.file_count = 0;
		for (unsigned k = i; k < records && k < i + BATCH; k++) {
			bulk_file(member, k, &files[batch.file_count],
				  paths[batch.file_count]);
			batch.file_count++;
		}
		write_batch(w, &batch);
	}
	strcpy(last.root.label, "bulk");
	last.root.online = last.root.complete = true;
	write_batch(w, &last);
	writer_close(w);
}

/* ---- as a plain program loads them ------------------------------------ */

enum load_statement { L_RECORD, L_COPY, L_PHOTO, L_AGAIN, L_COUNT };
static const char *const load_sql[L_COUNT] = {
	[L_RECORD] = "INSERT INTO record(stream, seq, kind, key, dead, value)"
		     " VALUES(?1,?2,3,?3,0,?4)",
	[L_COPY] = "INSERT INTO copy(photo, stream, key, mtime, added, file,"
		   " type, leaving) VALUES(?1,?2,?3,?4,?5,?6,?7,0)",
	[L_PHOTO] = "INSERT INTO photo(id, sort_time, name, size, added,"
		    " copies, type, mtime, dated, width, height, decoder,"
		    " about) VALUES(?1,?2,?3,?4,?5,1,?6,?2,0,0,0,0,0)",
	[L_AGAIN] = "UPDATE photo SET copies = copies + 1 WHERE id = ?1",
};

/* As the writer makes them in the end: behind the rows, which is sooner done. */
static const char load_indexes[] =
	"CREATE INDEX photo_name ON photo(name, id);"
	"CREATE INDEX photo_size ON photo(size, id);"
	"CREATE INDEX photo_added ON photo(added, id);"
	"CREATE INDEX photo_wasted ON photo(wasted, id) WHERE wasted > 0;"
	"COMMIT";

static void
step(sqlite3 *db, sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE)
		errx(1, "%s", sqlite3_errmsg(db));
	sqlite3_reset(st);
}

static void
load_photo(sqlite3_stmt *st, const uint8_t *id, const struct own_file *f)
{
	const char *name = strrchr(f->path, '/') + 1;

	sqlite3_bind_blob(st, 1, id, PHOTO_ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, f->mtime_ns);
	sqlite3_bind_text(st, 3, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, (int64_t)f->size);
	sqlite3_bind_int64(st, 5, f->copy.added_ms);
	sqlite3_bind_text(st, 6, f->copy.type, -1, SQLITE_STATIC);
}

static void
load_one(sqlite3 *db, sqlite3_stmt *const *st, unsigned member, unsigned i)
{
	uint8_t id[PHOTO_ID_BYTES], value[256], key[64 + ROOT_ID_BYTES];
	struct own_file f;
	size_t key_bytes;
	char path[64];

	bulk_file(member, i, &f, path);
	photo_id_pack(&f.copy.photo, id);
	memcpy(key, root.bytes, ROOT_ID_BYTES);
	memcpy(key + ROOT_ID_BYTES, path, f.path_bytes);
	key_bytes = ROOT_ID_BYTES + f.path_bytes;
	sqlite3_bind_int(st[L_RECORD], 1, (int)member + 1);
	sqlite3_bind_int64(st[L_RECORD], 2, i + 1);
	sqlite3_bind_blob(st[L_RECORD], 3, key, (int)key_bytes, SQLITE_STATIC);
	sqlite3_bind_blob(st[L_RECORD], 4, value,
			  (int)record_copy_pack(&f.copy, value, sizeof(value)),
			  SQLITE_STATIC);
	step(db, st[L_RECORD]);
	sqlite3_bind_blob(st[L_COPY], 1, id, PHOTO_ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_int(st[L_COPY], 2, (int)member + 1);
	sqlite3_bind_blob(st[L_COPY], 3, key, (int)key_bytes, SQLITE_STATIC);
	sqlite3_bind_int64(st[L_COPY], 4, f.mtime_ns);
	sqlite3_bind_int64(st[L_COPY], 5, f.copy.added_ms);
	sqlite3_bind_blob(st[L_COPY], 6, f.copy.file, 8, SQLITE_STATIC);
	sqlite3_bind_text(st[L_COPY], 7, f.copy.type, -1, SQLITE_STATIC);
	step(db, st[L_COPY]);
	if (i % 5 == 4 && member > 0) {
		sqlite3_bind_blob(st[L_AGAIN], 1, id, PHOTO_ID_BYTES,
				  SQLITE_STATIC);
		step(db, st[L_AGAIN]);
		return;
	}
	load_photo(st[L_PHOTO], id, &f);
	step(db, st[L_PHOTO]);
}

double
bulk_load(const char *dir, unsigned records)
{
	sqlite3_stmt *st[L_COUNT] = {0};
	struct trouble why = {0};
	double began;
	char path[128];
	struct wal log;
	sqlite3 *db;
	bool clean;

	snprintf(path, sizeof(path), "%s/" SCHEMA_FILE, dir);
	if (mkdir(dir, 0700) == -1)
		err(1, "%s", dir);
	began = stats_now_ms();
	if (schema_open(path, &db, &log, &clean, &why) != SCHEMA_NEW ||
	    schema_exec(db, "PRAGMA synchronous=NORMAL; BEGIN", &why) == -1 ||
	    schema_prepare(db, load_sql, st, L_COUNT, &why) == -1)
		errx(1, "%s: %s", path, why.text);
	for (unsigned member = 0; member < MEMBERS; member++) {
		for (unsigned i = 0; i < records; i++)
			load_one(db, st, member, i);
	}
	if (schema_exec(db, load_indexes, &why) == -1)
		errx(1, "%s", why.text);
	schema_finalize(st, L_COUNT);
	sqlite3_close(db);
	return stats_now_ms() - began;
}
