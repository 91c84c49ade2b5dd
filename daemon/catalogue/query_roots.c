/*
 * query_roots.c: what its owner says of the root that a copy lies in, and
 * whether a newer life has taken it over.
 *
 * While an older life is shown beside the newest, the newest has the word.  If
 * that has told of all its roots and of this one nothing, nobody vouches for
 * the copies: they stay listed, and are not at hand.
 */
#include <stdlib.h>
#include <string.h>

#include "query_private.h"

int
fact_read(struct reader *r, int64_t stream, uint8_t kind, const uint8_t *key,
	  size_t key_bytes, struct read_fact *out, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_FACT];
	int code;

	sqlite3_bind_int64(st, 1, stream);
	sqlite3_bind_int(st, 2, kind);
	sqlite3_bind_blob(st, 3, key_bytes == 0 ? (const void *)"" : key,
			  (int)key_bytes, SQLITE_STATIC);
	memset(out, 0, sizeof(*out));
	if ((code = read_row(r, st, why)) != 1)
		return code;
	out->found = true;
	out->seq = (uint64_t)sqlite3_column_int64(st, 0);
	out->dead = sqlite3_column_int(st, 1) != 0;
	out->value_bytes = (size_t)sqlite3_column_bytes(st, 2);
	if (out->value_bytes > sizeof(out->value))
		out->value_bytes = 0; /* unreadable, as any that is too long */
	if (out->value_bytes > 0)
		memcpy(out->value, sqlite3_column_blob(st, 2),
		       out->value_bytes);
	sqlite3_reset(st);
	return 0;
}

/* A live, readable root record; false also when there is none. */
bool
root_parse(const struct read_fact *f, struct record_root *out)
{
	return f->found && !f->dead &&
	       record_root_parse(f->value, f->value_bytes, out);
}

const struct seen_stream *
newest_life(const struct reader *r, const struct node_id *node)
{
	const struct seen_stream *best = NULL;

	for (size_t i = 0; i < r->stream_count; i++) {
		const struct seen_stream *s = &r->streams[i];

		if (node_id_equal(&s->report.stream.node, node) &&
		    (best == NULL || s->report.stream.generation >
					     best->report.stream.generation))
			best = s;
	}
	return best;
}

int
life_is_settled(struct reader *r, const struct seen_stream *s, bool sound,
		struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_ROOTS];
	bool any = false;
	int code;

	sqlite3_bind_int64(st, 1, s->id);
	while ((code = read_row(r, st, why)) == 1) {
		struct record_root v;

		any = true;
		if ((!sound || (uint64_t)sqlite3_column_int64(st, 1) <=
				       s->report.point.base) &&
		    (sqlite3_column_int(st, 2) != 0 ||
		     (record_root_parse(sqlite3_column_blob(st, 3),
					(size_t)sqlite3_column_bytes(st, 3),
					&v) &&
		      v.complete)))
			continue;
		sqlite3_reset(st);
		return 0;
	}
	return code == -1 ? -1 : any;
}

/* ---- is a root shown? ------------------------------------------------- */

/* Is there, in the newest life, the same folder under an id that s does not
 * know?  1, 0, -1. */
static int
has_twin(struct reader *r, const struct seen_stream *newest,
	 const struct seen_stream *s, const struct record_root *was,
	 struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_ROOTS];
	int code;

	sqlite3_bind_int64(st, 1, newest->id);
	while ((code = read_row(r, st, why)) == 1) {
		struct record_root is;
		struct read_fact f;

		if (sqlite3_column_int(st, 2) != 0 ||
		    !record_root_parse(sqlite3_column_blob(st, 3),
				       (size_t)sqlite3_column_bytes(st, 3),
				       &is) ||
		    !root_same_folder(&is, was))
			continue;
		if (fact_read(r, s->id, RECORD_ROOT, sqlite3_column_blob(st, 0),
			      (size_t)sqlite3_column_bytes(st, 0), &f,
			      why) == -1) {
			sqlite3_reset(st);
			return -1;
		}
		if (!f.found) {
			sqlite3_reset(st);
			return 1;
		}
	}
	return code;
}

/* 1: `newer` has taken the root over; 0; -1. */
static int
takes(struct reader *r, const struct seen_stream *newer,
      const struct seen_stream *s, const uint8_t *root, bool sound,
      struct trouble *why)
{
	struct record_root v;
	struct read_fact f;
	int settled;

	if (fact_read(r, newer->id, RECORD_ROOT, root, ROOT_ID_BYTES, &f,
		      why) == -1)
		return -1;
	if (f.found)
		return (!sound || f.seq <= newer->report.point.base) &&
		       (f.dead || (root_parse(&f, &v) && v.complete));
	if (newer != newest_life(r, &s->report.stream.node))
		return 0;
	if (fact_read(r, s->id, RECORD_ROOT, root, ROOT_ID_BYTES, &f, why) ==
	    -1)
		return -1;
	if (!root_parse(&f, &v))
		return 0;
	if ((settled = life_is_settled(r, newer, sound, why)) != 1)
		return settled;
	return has_twin(r, newer, s, &v, why);
}

int
root_is_hidden(struct reader *r, const struct seen_stream *s,
	       const uint8_t *root, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_HIDDEN];
	int was, taken = 0;

	sqlite3_bind_int64(st, 1, s->id);
	sqlite3_bind_blob(st, 2, root, ROOT_ID_BYTES, SQLITE_TRANSIENT);
	if ((was = read_row(r, st, why)) == -1)
		return -1;
	sqlite3_reset(st);
	for (size_t i = 0; i < r->stream_count && taken == 0; i++) {
		const struct seen_stream *newer = &r->streams[i];

		if (node_id_equal(&newer->report.stream.node,
				  &s->report.stream.node) &&
		    newer->report.stream.generation >
			    s->report.stream.generation)
			taken = takes(r, newer, s, root, was == 0, why);
	}
	return taken;
}

/* ---- what is said of it ----------------------------------------------- */

/* Fill in n, of which the stream s shows copies. */
static int
root_ask(struct reader *r, const struct seen_stream *s, struct seen_root *n,
	 struct trouble *why)
{
	const struct seen_stream *newest =
		newest_life(r, &s->report.stream.node);
	struct record_root v;
	struct read_fact f;
	int settled;

	if (fact_read(r, s->id, RECORD_ROOT, n->root.bytes, ROOT_ID_BYTES, &f,
		      why) == -1)
		return -1;
	n->online = true; /* its owner says nothing else so far */
	if (root_parse(&f, &v)) {
		n->online = v.online;
		memcpy(n->label, v.label, sizeof(n->label));
	}
	if (newest == s)
		return 0;
	if (fact_read(r, newest->id, RECORD_ROOT, n->root.bytes, ROOT_ID_BYTES,
		      &f, why) == -1)
		return -1;
	if (root_parse(&f, &v)) {
		n->online = v.online;
		memcpy(n->label, v.label, sizeof(n->label));
	} else if (!f.found) {
		if ((settled = life_is_settled(r, newest, true, why)) == -1)
			return -1;
		n->online = n->online && settled == 0;
	}
	return 0;
}

int
roots_look(struct reader *r, const struct seen_stream *s,
	   struct copy_row *row, struct trouble *why)
{
	struct seen_root *n;

	for (n = r->roots; n != NULL; n = n->next)
		if (n->stream == s->id &&
		    memcmp(&n->root, &row->root, sizeof(n->root)) == 0)
			break;
	if (n == NULL) {
		if ((n = calloc(1, sizeof(*n))) == NULL)
			return read_memory(why);
		n->next = r->roots;
		r->roots = n;
		n->stream = s->id;
		n->root = row->root;
		if (root_ask(r, s, n, why) == -1)
			return -1;
	}
	row->label = n->label;
	row->root_online = n->online;
	return 0;
}
