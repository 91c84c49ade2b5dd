/*
 * query_bare.c: the photos of this node that nobody has looked into yet.
 */
#include <string.h>

#include "query_private.h"

#define BARE_ROWS_MAX 4096 /* photos looked at in one call */

/* Nodes with a copy, each once; false when `self` is not one of them. */
static int
holders_of(struct reader *r, const uint8_t *photo, const struct node_id *self,
	   struct node_id out[MESH_KNOWN_MAX], uint32_t *count,
	   struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_COPIES];
	bool own = false;
	int code;

	*count = 0;
	sqlite3_bind_blob(st, 1, photo, PHOTO_ID_BYTES, SQLITE_STATIC);
	while ((code = read_row(r, st, why)) == 1) {
		const struct seen_stream *s =
			read_stream(r, sqlite3_column_int64(st, 0));
		uint32_t i = 0;

		if (s == NULL)
			continue;
		while (i < *count &&
		       !node_id_equal(&out[i], &s->report.stream.node))
			i++;
		if (i == *count && i < MESH_KNOWN_MAX)
			out[(*count)++] = s->report.stream.node;
		own = own || node_id_equal(&s->report.stream.node, self);
	}
	return code == -1 ? -1 : own;
}

static int
tell(struct reader *r, const uint8_t *id, const struct node_id *self,
     void (*each)(void *arg, const struct bare_photo *photo), void *arg,
     struct trouble *why)
{
	struct node_id holders[MESH_KNOWN_MAX];
	struct bare_photo b = {.holders = holders};
	int own = holders_of(r, id, self, holders, &b.holder_count, why);

	if (own == 1) {
		photo_id_unpack(id, &b.photo);
		each(arg, &b);
	}
	return own == -1 ? -1 : 0;
}

int
reader_bare(struct reader *r, const struct node_id *self, uint32_t decoder,
	    struct bare_place *place,
	    void (*each)(void *arg, const struct bare_photo *photo), void *arg,
	    struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_BARE];
	uint8_t from[PHOTO_ID_BYTES];
	unsigned rows = 0;
	int code, n = 0;

	memset(from, 0xff, sizeof(from));
	if (place->set)
		photo_id_pack(&place->photo, from);
	if (read_begin(r, why) == -1)
		return -1;
	sqlite3_bind_int64(st, 1, place->set ? place->time : INT64_MAX);
	sqlite3_bind_blob(st, 2, from, sizeof(from), SQLITE_STATIC);
	sqlite3_bind_int(st, 3, BARE_ROWS_MAX);
	while (n != -1 && (code = read_row(r, st, why)) == 1) {
		const uint8_t *id = sqlite3_column_blob(st, 0);

		rows++;
		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		photo_id_unpack(id, &place->photo);
		place->time = sqlite3_column_int64(st, 1);
		if (sqlite3_column_int64(st, 2) < decoder)
			n = tell(r, id, self, each, arg, why);
	}
	place->set = rows == BARE_ROWS_MAX;
	return read_end(r, n == -1 || code == -1 ? -1 : 0);
}

/* 1: a live copy, of a photo that is bare; 0; -1. */
static int
is_bare(struct reader *r, const struct record *v, uint32_t decoder,
	uint8_t id[PHOTO_ID_BYTES], struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_DECODER];
	struct record_copy c;
	int code, bare = 0;

	if (v->kind != RECORD_COPY || v->dead ||
	    !record_copy_parse(v->value, v->value_bytes, &c))
		return 0;
	photo_id_pack(&c.photo, id);
	sqlite3_bind_blob(st, 1, id, PHOTO_ID_BYTES, SQLITE_STATIC);
	if ((code = read_row(r, st, why)) == 1)
		bare = sqlite3_column_int64(st, 0) < decoder;
	sqlite3_reset(st);
	return code == -1 ? -1 : bare;
}

static int
tell_since(struct reader *r, const struct seen_stream *own, uint32_t decoder,
	   uint64_t seq,
	   void (*each)(void *arg, const struct bare_photo *photo), void *arg,
	   struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_PAGE];
	uint8_t id[PHOTO_ID_BYTES];
	struct record v;
	int code, n = 0;

	sqlite3_bind_int64(st, 1, own->id);
	sqlite3_bind_int64(st, 2, (int64_t)seq);
	sqlite3_bind_int64(st, 3, (int64_t)own->report.point.cursor);
	while (n != -1 && (code = read_row(r, st, why)) == 1) {
		read_record(st, &v);
		if ((n = is_bare(r, &v, decoder, id, why)) == 1)
			n = tell(r, id, &own->report.stream.node, each, arg,
				 why);
	}
	return n == -1 || code == -1 ? -1 : 0;
}

int
reader_bare_since(struct reader *r, const struct node_id *self,
		  uint32_t decoder, uint64_t *generation, uint64_t *seq,
		  bool *behind,
		  void (*each)(void *arg, const struct bare_photo *photo),
		  void *arg, struct trouble *why)
{
	const struct seen_stream *own;
	uint64_t head;
	int n = 0;

	*behind = false;
	if (read_begin(r, why) == -1)
		return -1;
	own = newest_life(r, self);
	if (own == NULL)
		return read_end(r, 0);
	head = own->report.point.cursor;
	*behind = own->report.stream.generation != *generation ||
		  head > *seq + BARE_SINCE_MAX;
	if (!*behind && head > *seq)
		n = tell_since(r, own, decoder, *seq, each, arg, why);
	if (n == 0) {
		*generation = own->report.stream.generation;
		*seq = head;
	}
	return read_end(r, n);
}
