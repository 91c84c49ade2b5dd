/*
 * writer_known.c: the notes about this node's files: as what, and when, each was
 * read, so that it is not read again.
 */
#include <string.h>

#include "writer_private.h"

#define KNOWN_COLUMNS 6 /* that are bound */

int
own_key_of(struct writer *w, const struct own_file *f, struct own_key *key)
{
	/* Nothing but a problem can be had by the root itself. */
	if ((f->path_bytes == 0 && f->verdict != OWN_PROBLEM &&
	     f->verdict != OWN_GONE) ||
	    f->path_bytes > PATH_BYTES_MAX ||
	    memchr(f->path, '\0', f->path_bytes) != NULL)
		return fail_with(w, "catalogue: a path is not lawful");
	memcpy(key->bytes, f->root.bytes, ROOT_ID_BYTES);
	memcpy(key->bytes + ROOT_ID_BYTES, f->path, f->path_bytes);
	key->count = ROOT_ID_BYTES + f->path_bytes;
	return 0;
}

int
known_get(struct writer *w, const struct own_key *key, struct known_row *k)
{
	sqlite3_stmt *st = w->st[W_KNOWN_GET];
	int r;

	bind_blob(w, W_KNOWN_GET, 1, key->bytes, key->count);
	k->found = false;
	k->verdict = 0;
	if ((r = row(w, W_KNOWN_GET)) != 1)
		return r;
	k->found = true;
	k->id = sqlite3_column_int64(st, 0);
	k->verdict = sqlite3_column_int(st, 1);
	k->size = (uint64_t)sqlite3_column_int64(st, 2);
	k->inode = (uint64_t)sqlite3_column_int64(st, 3);
	k->mtime_ns = sqlite3_column_int64(st, 4);
	k->ctime_ns = sqlite3_column_int64(st, 5);
	reset(w, W_KNOWN_GET);
	return 0;
}

bool
known_had_copy(const struct known_row *k)
{
	return (k->verdict & KNOWN_VERDICT_MASK) == OWN_COPY;
}

bool
known_had_problem(const struct known_row *k)
{
	return (k->verdict & KNOWN_VERDICT_MASK) == OWN_PROBLEM ||
	       (k->verdict & KNOWN_BOTH) != 0;
}

static int
stored_verdict(const struct own_file *f)
{
	bool both = f->verdict == OWN_COPY && f->also_problem;

	return (int)f->verdict | (both ? KNOWN_BOTH : 0);
}

/* Behind `at` other columns of the statement, and what tells the row. */
static void
known_bind(struct writer *w, enum writer_statement s, int at,
	   const struct own_file *f)
{
	bind_int(w, s, at + 2, stored_verdict(f));
	bind_int(w, s, at + 3, (int64_t)f->size);
	bind_int(w, s, at + 4, (int64_t)f->inode);
	bind_int(w, s, at + 5, f->mtime_ns);
	bind_int(w, s, at + 6, f->ctime_ns);
}

int
known_put_new(struct writer *w, const struct own_new *files, unsigned count)
{
	enum writer_statement s = W_KNOWN_MANY;

	if (count < ROWS_MANY)
		return 0;
	for (int i = 0; i < (int)count; i++) {
		bind_blob(w, s, i * KNOWN_COLUMNS + 1, files[i].key.bytes,
			  files[i].key.count);
		known_bind(w, s, i * KNOWN_COLUMNS, files[i].file);
	}
	return run_new(w, s);
}

/* Most often, in a first scan always, nothing is known: so the note is tried
 * first. */
int
known_put(struct writer *w, const struct own_file *f,
	  const struct own_key *key, struct known_row *k)
{
	bind_blob(w, W_KNOWN_PUT, 1, key->bytes, key->count);
	known_bind(w, W_KNOWN_PUT, 0, f);
	if (run(w, W_KNOWN_PUT) == -1)
		return -1;
	*k = (struct known_row){0};
	if (sqlite3_changes(w->db) == 1)
		return 0;
	if (known_get(w, key, k) == -1)
		return -1;
	if (k->verdict == stored_verdict(f) && k->size == f->size &&
	    k->inode == f->inode && k->mtime_ns == f->mtime_ns &&
	    k->ctime_ns == f->ctime_ns)
		return 0;
	bind_int(w, W_KNOWN_SET, 1, k->id);
	known_bind(w, W_KNOWN_SET, 0, f);
	return run(w, W_KNOWN_SET);
}

int
known_add_problem(struct writer *w, const struct known_row *k)
{
	bind_int(w, W_KNOWN_VERDICT, 1, k->id);
	bind_int(w, W_KNOWN_VERDICT, 2, k->verdict | KNOWN_BOTH);
	return run(w, W_KNOWN_VERDICT);
}

int
known_cut(struct writer *w, const struct known_row *k)
{
	bind_int(w, W_KNOWN_CUT, 1, k->id);
	return run(w, W_KNOWN_CUT);
}
