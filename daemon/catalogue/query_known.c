/*
 * query_known.c: what intake knows of its files: by path, by inode, by the
 * photo they hold, and where else a photo is held here.
 */
#include <string.h>

#include "query_private.h"

struct known_key {
	uint8_t bytes[RECORD_KEY_MAX + 1];
	int count;
};

/* False when nothing of that length can be known. */
static bool
key_of(const struct root_id *root, const char *path, size_t path_bytes,
       struct known_key *out)
{
	if (path_bytes > PATH_BYTES_MAX)
		return false;
	memcpy(out->bytes, root->bytes, ROOT_ID_BYTES);
	if (path_bytes > 0)
		memcpy(out->bytes + ROOT_ID_BYTES, path, path_bytes);
	out->count = (int)(ROOT_ID_BYTES + path_bytes);
	return true;
}

void
known_out(sqlite3_stmt *st, struct known_file *out)
{
	out->row = sqlite3_column_int64(st, 0);
	out->verdict = (uint8_t)(sqlite3_column_int(st, 1) & KNOWN_VERDICT_MASK);
	out->size = (uint64_t)sqlite3_column_int64(st, 2);
	out->inode = (uint64_t)sqlite3_column_int64(st, 3);
	out->mtime_ns = sqlite3_column_int64(st, 4);
	out->ctime_ns = sqlite3_column_int64(st, 5);
}

int
reader_hold(struct reader *r, struct trouble *why)
{
	/* The first look makes the moment; so long nothing is locked. */
	if (read_row(r, r->st[R_BEGIN], why) == -1)
		return -1;
	ahead_begin(r);
	return 0;
}

void
reader_let_go(struct reader *r)
{
	ahead_end(r);
	(void)read_row(r, r->st[R_END], NULL);
}

/* 1: `st` has the row of that path, and is to be reset; 0: there is none; -1.
 * `key` must stay until then. */
static int
row_at(struct reader *r, sqlite3_stmt *st, const struct root_id *root,
       const char *path, size_t path_bytes, struct known_key *key,
       struct trouble *why)
{
	if (!key_of(root, path, path_bytes, key))
		return 0;
	sqlite3_bind_blob(st, 1, key->bytes, key->count, SQLITE_STATIC);
	return read_row(r, st, why);
}

/* One statement is a read transaction by itself, unless one is held. */
int
reader_known_file(struct reader *r, const struct root_id *root,
		  const char *path, size_t path_bytes,
		  struct known_file *out, bool *found, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_KNOWN];
	struct known_key key;
	int code;

	*found = false;
	if (!key_of(root, path, path_bytes, &key))
		return 0;
	*found = ahead_find(r, key.bytes, (size_t)key.count, out);
	if (*found)
		return 0;
	sqlite3_bind_blob(st, 1, key.bytes, key.count, SQLITE_STATIC);
	if ((code = read_row(r, st, why)) != 1)
		return code;
	known_out(st, out);
	*found = true;
	sqlite3_reset(st);
	return ahead_found(r, out->row, why);
}

/* Rows of id .. ctime, key. */
static int
each_row(struct reader *r, sqlite3_stmt *st,
	 bool (*each)(void *arg, const struct known_file *f, const char *path,
		      size_t path_bytes),
	 void *arg, struct trouble *why)
{
	struct known_file f;
	int code;

	while ((code = read_row(r, st, why)) == 1) {
		const char *key = sqlite3_column_blob(st, 6);
		size_t bytes = (size_t)sqlite3_column_bytes(st, 6);

		if (bytes <= ROOT_ID_BYTES)
			continue;
		known_out(st, &f);
		if (!each(arg, &f, key + ROOT_ID_BYTES,
			  bytes - ROOT_ID_BYTES)) {
			sqlite3_reset(st);
			return 0;
		}
	}
	return code;
}

int
reader_each_known(struct reader *r, const struct root_id *root,
		  bool (*each)(void *arg, const struct known_file *f,
			       const char *path, size_t path_bytes),
		  void *arg, struct trouble *why)
{
	schema_bind_root(r->st[R_KNOWN_EACH], 1, root);
	return each_row(r, r->st[R_KNOWN_EACH], each, arg, why);
}

int
reader_known_rows(struct reader *r, const struct root_id *root,
		  bool (*each)(void *arg, int64_t row, uint8_t verdict,
			       uint64_t size),
		  void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_KNOWN_ROWS];
	bool more = true;
	int code = 0;

	schema_bind_root(st, 1, root);
	while (more && (code = read_row(r, st, why)) == 1)
		more = each(arg, sqlite3_column_int64(st, 0),
			    (uint8_t)(sqlite3_column_int(st, 1) &
				      KNOWN_VERDICT_MASK),
			    (uint64_t)sqlite3_column_int64(st, 2));
	if (code == 1)
		sqlite3_reset(st);
	return code == -1 ? -1 : 0;
}

int
reader_each_holding(struct reader *r, const struct photo_id *photo,
		    bool (*each)(void *arg, const struct root_id *root,
				 const char *path, size_t path_bytes,
				 const struct known_file *f),
		    void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_HOLDING];
	uint8_t id[PHOTO_ID_BYTES];
	struct known_file f;
	struct root_id root;
	int code;

	photo_id_pack(photo, id);
	sqlite3_bind_blob(st, 1, id, sizeof(id), SQLITE_TRANSIENT);
	while ((code = read_row(r, st, why)) == 1) {
		const char *key = sqlite3_column_blob(st, 6);
		size_t bytes = (size_t)sqlite3_column_bytes(st, 6);

		if (bytes <= ROOT_ID_BYTES)
			continue;
		known_out(st, &f);
		memcpy(root.bytes, key, ROOT_ID_BYTES);
		if (!each(arg, &root, key + ROOT_ID_BYTES,
			  bytes - ROOT_ID_BYTES, &f)) {
			sqlite3_reset(st);
			return 0;
		}
	}
	return code;
}

int
reader_known_below(struct reader *r, const struct root_id *root,
		   const char *path, size_t path_bytes, const char *after,
		   size_t after_bytes,
		   bool (*each)(void *arg, const struct known_file *f,
				const char *path, size_t path_bytes),
		   void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_KNOWN_BELOW];
	struct known_key low, high;

	if (path_bytes == 0) {
		schema_bind_root(st, 1, root);
	} else {
		if (!key_of(root, path, path_bytes, &low))
			return 0;
		high = low;
		low.bytes[low.count++] = '/';
		high.bytes[high.count++] = '/' + 1;
		sqlite3_bind_blob(st, 1, low.bytes, low.count,
				  SQLITE_TRANSIENT);
		sqlite3_bind_blob(st, 2, high.bytes, high.count,
				  SQLITE_TRANSIENT);
	}
	if (after != NULL && key_of(root, after, after_bytes, &low))
		sqlite3_bind_blob(st, 1, low.bytes, low.count,
				  SQLITE_TRANSIENT);
	return each_row(r, st, each, arg, why);
}

static bool
place_out(sqlite3_stmt *st, struct known_place *out)
{
	const uint8_t *key = sqlite3_column_blob(st, 6);
	size_t bytes = (size_t)sqlite3_column_bytes(st, 6);
	const uint8_t *copy = sqlite3_column_blob(st, 7);
	const uint8_t *problem = sqlite3_column_blob(st, 8);

	if (bytes <= ROOT_ID_BYTES)
		return false;
	known_out(st, &out->known);
	memcpy(out->root.bytes, key, ROOT_ID_BYTES);
	out->path = (const char *)key + ROOT_ID_BYTES;
	out->path_bytes = bytes - ROOT_ID_BYTES;
	out->has_copy =
		copy != NULL &&
		record_copy_parse(copy, (size_t)sqlite3_column_bytes(st, 7),
				  &out->copy);
	out->has_problem =
		problem != NULL &&
		record_problem_parse(problem,
				     (size_t)sqlite3_column_bytes(st, 8),
				     &out->problem);
	return true;
}

int
reader_known_inode(struct reader *r, uint64_t inode,
		   bool (*each)(void *arg, const struct known_place *p),
		   void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_KNOWN_INODE];
	struct known_place p;
	int code;

	sqlite3_bind_int64(st, 1, (int64_t)inode);
	while ((code = read_row(r, st, why)) == 1) {
		if (place_out(st, &p) && !each(arg, &p)) {
			sqlite3_reset(st);
			return 0;
		}
	}
	return code;
}

int
reader_beside(struct reader *r, const struct root_id *root,
	      const char *path, size_t path_bytes,
	      bool (*each)(void *arg, const struct root_id *root,
			   const char *path, size_t path_bytes),
	      void *arg, struct trouble *why)
{
	sqlite3_stmt *own = r->st[R_OWN_COPY], *st = r->st[R_BESIDE];
	uint8_t photo[PHOTO_ID_BYTES];
	struct record_copy copy;
	struct known_key key;
	struct root_id other;
	bool good;
	int code;

	code = row_at(r, own, root, path, path_bytes, &key, why);
	if (code != 1)
		return code;
	good = record_copy_parse(sqlite3_column_blob(own, 0),
				 (size_t)sqlite3_column_bytes(own, 0), &copy);
	sqlite3_reset(own);
	if (!good)
		return 0;
	photo_id_pack(&copy.photo, photo);
	sqlite3_bind_blob(st, 1, photo, sizeof(photo), SQLITE_TRANSIENT);
	sqlite3_bind_blob(st, 2, key.bytes, key.count, SQLITE_TRANSIENT);
	while ((code = read_row(r, st, why)) == 1) {
		const uint8_t *at = sqlite3_column_blob(st, 0);
		size_t bytes = (size_t)sqlite3_column_bytes(st, 0);

		if (bytes <= ROOT_ID_BYTES)
			continue;
		memcpy(other.bytes, at, ROOT_ID_BYTES);
		if (!each(arg, &other, (const char *)at + ROOT_ID_BYTES,
			  bytes - ROOT_ID_BYTES)) {
			sqlite3_reset(st);
			return 0;
		}
	}
	return code;
}
