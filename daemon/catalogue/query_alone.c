/*
 * query_alone.c: what would be missed if a node were forgotten.
 */
#include <string.h>

#include "query_private.h"

/* The copies of one photo, as they pass. */
struct passing {
	uint8_t photo[PHOTO_ID_BYTES];
	bool any, ours, others;
	uint64_t photos, alone;
};

static void
passed(struct passing *p)
{
	if (!p->any || !p->ours)
		return;
	p->photos++;
	p->alone += !p->others;
}

int
reader_alone(struct reader *r, const struct node_id *node, uint64_t *photos,
	     uint64_t *alone, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_COPIES_ALL];
	struct passing p = {.any = false};
	int code;

	if (read_begin(r, why) == -1)
		return -1;
	while ((code = read_row(r, st, why)) == 1) {
		const struct seen_stream *s =
			read_stream(r, sqlite3_column_int64(st, 1));

		if (s == NULL || sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		if (!p.any || memcmp(p.photo, sqlite3_column_blob(st, 0),
				     PHOTO_ID_BYTES) != 0) {
			passed(&p);
			memcpy(p.photo, sqlite3_column_blob(st, 0),
			       PHOTO_ID_BYTES);
			p.any = true;
			p.ours = p.others = false;
		}
		if (node_id_equal(&s->report.stream.node, node))
			p.ours = true;
		else
			p.others = true;
	}
	passed(&p);
	*photos = p.photos;
	*alone = p.alone;
	return read_end(r, code);
}
