/*
 * query_pictured.c: the photos of which there may be a thumbnail, and who has
 * them.
 */
#include <string.h>
#include <strings.h>

#include "query_private.h"

/* Has any decoder told of any photo? */
static int
any_told(struct reader *r, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_TOTALS];
	int code = read_row(r, st, why);

	if (code == 1)
		code = sqlite3_column_int64(st, 4) > 0;
	sqlite3_reset(st);
	return code;
}

int
reader_pictured(struct reader *r, struct bare_place *place, unsigned rows_max,
		bool (*each)(void *arg, const struct photo_id *photo,
			     int64_t date),
		void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_PICTURED];
	uint8_t from[PHOTO_ID_BYTES];
	unsigned rows = 0;
	bool more = true;
	int code = 0;

	memset(from, 0xff, sizeof(from));
	if (place->set)
		photo_id_pack(&place->photo, from);
	if (read_begin(r, why) == -1)
		return -1;
	/* To look at each costs what all of an idle minute does. */
	if (!place->set && (code = any_told(r, why)) != 1)
		return read_end(r, code);
	sqlite3_bind_int64(st, 1, place->set ? place->time : INT64_MAX);
	sqlite3_bind_blob(st, 2, from, sizeof(from), SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, rows_max);
	while (more && (code = read_row(r, st, why)) == 1) {
		const char *type = (const char *)sqlite3_column_text(st, 3);

		rows++;
		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		photo_id_unpack(sqlite3_column_blob(st, 0), &place->photo);
		place->time = sqlite3_column_int64(st, 1);
		if (sqlite3_column_int64(st, 2) > 0 &&
		    (type == NULL || strncasecmp(type, "video/", 6) != 0))
			more = each(arg, &place->photo, place->time);
	}
	if (!more)
		sqlite3_reset(st);
	place->set = !more || rows == rows_max;
	return read_end(r, code == -1 ? -1 : 0);
}

static int
holders_of(struct reader *r, const struct photo_id *photo,
	   struct node_id out[MESH_KNOWN_MAX], uint32_t *count,
	   struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_COPIES];
	uint8_t id[PHOTO_ID_BYTES];
	int code;

	*count = 0;
	photo_id_pack(photo, id);
	sqlite3_bind_blob(st, 1, id, sizeof(id), SQLITE_STATIC);
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
	}
	return code;
}

int
reader_holders(struct reader *r, const struct photo_id *photos, uint32_t count,
	       void (*each)(void *arg, uint32_t index,
			    const struct node_id *holders,
			    uint32_t holder_count),
	       void *arg, struct trouble *why)
{
	struct node_id holders[MESH_KNOWN_MAX];
	uint32_t found;
	int code = 0;

	if (read_begin(r, why) == -1)
		return -1;
	for (uint32_t i = 0; i < count && code == 0; i++)
		if ((code = holders_of(r, &photos[i], holders, &found, why)) ==
		    0)
			each(arg, i, holders, found);
	return read_end(r, code);
}

int
reader_date(struct reader *r, const struct photo_id *photo, int64_t *date,
	    bool *found, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_FIND];
	uint8_t id[PHOTO_ID_BYTES];
	int code;

	*found = false;
	if (read_begin(r, why) == -1)
		return -1;
	photo_id_pack(photo, id);
	sqlite3_bind_blob(st, 1, id, sizeof(id), SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, id, sizeof(id), SQLITE_STATIC);
	if ((code = read_row(r, st, why)) == 1) {
		*found = true;
		*date = sqlite3_column_int64(st, 8); /* sort_time */
		sqlite3_reset(st);
	}
	return read_end(r, code == -1 ? -1 : 0);
}
