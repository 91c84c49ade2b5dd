/*
 * query_page.c: pages of records for peers.
 */
#include <string.h>

#include "frame.h"
#include "query_private.h"

void
read_record(sqlite3_stmt *st, struct record *v)
{
	v->seq = (uint64_t)sqlite3_column_int64(st, 0);
	v->kind = (uint8_t)sqlite3_column_int(st, 1);
	v->dead = sqlite3_column_int(st, 2) != 0;
	v->key = sqlite3_column_blob(st, 3);
	v->key_bytes = (size_t)sqlite3_column_bytes(st, 3);
	v->value = sqlite3_column_blob(st, 4);
	v->value_bytes = (size_t)sqlite3_column_bytes(st, 4);
}

static void
bind_page(sqlite3_stmt *st, int64_t stream, uint64_t after, uint64_t through)
{
	sqlite3_bind_int64(st, 1, stream);
	sqlite3_bind_int64(st, 2, (int64_t)after);
	sqlite3_bind_int64(st, 3, (int64_t)through);
}

/* Pack rows until the credit says no. */
static int
page_pack(struct reader *r, int64_t stream, struct message_batch *head,
	  struct batch_writer *w, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_PAGE];
	uint64_t cursor = head->point.cursor;
	struct record v;
	int code;

	bind_page(st, stream, head->after, cursor);
	while ((code = read_row(r, st, why)) == 1) {
		read_record(st, &v);
		if (!batch_writer_add(w, &v)) {
			sqlite3_reset(st);
			head->through = w->through;
			return 0;
		}
	}
	if (code == 0)
		head->through = cursor;
	return code;
}

int
reader_page(struct reader *r, const struct stream_id *stream, uint64_t after,
	    uint32_t credit_bytes, uint32_t request, uint8_t *out,
	    size_t *out_bytes, bool *found, struct trouble *why)
{
	const struct seen_stream *s = NULL;
	struct message_batch head;
	struct batch_writer w;

	*found = false;
	*out_bytes = 0;
	if (read_begin(r, why) == -1)
		return -1;
	for (size_t i = 0; i < r->stream_count && s == NULL; i++)
		if (stream_id_equal(&r->streams[i].report.stream, stream))
			s = &r->streams[i];
	if (s == NULL)
		return read_end(r, 0);
	head = (struct message_batch){
		.stream = *stream,
		.after = after,
		.point = s->report.point,
		.digest = s->report.digest,
		.rows = s->report.rows,
	};
	batch_writer_init(&w, out, FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX,
			  credit_bytes);
	if (page_pack(r, s->id, &head, &w, why) == -1)
		return read_end(r, -1);
	*out_bytes = batch_writer_end(&w, request, &head);
	*found = *out_bytes > 0;
	return read_end(r, 0);
}
