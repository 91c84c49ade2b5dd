/*
 * query_page.c: pages of records for peers, and verification.
 */
#include <string.h>

#include "frame.h"
#include "merged.h"
#include "query_private.h"

static void
row_as_record(sqlite3_stmt *st, struct record *v)
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

/*
 * Pack rows until the credit says no.  A forked history may hold two rows of
 * one number, which a page cannot carry: the first stands, and digests tell.
 */
static int
page_pack(struct reader *r, int64_t stream, struct message_batch *head,
	  struct batch_writer *w, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_PAGE];
	uint64_t cursor = head->point.cursor;
	struct record v;
	int code;

	head->through = head->after < cursor ? head->after : cursor;
	bind_page(st, stream, head->after, cursor);
	while ((code = read_row(r, st, why)) == 1) {
		row_as_record(st, &v);
		if (v.seq <= head->through)
			continue;
		if (!batch_writer_add(w, &v)) {
			sqlite3_reset(st);
			return 0;
		}
		head->through = v.seq;
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

int
reader_verify_streams(struct reader *r,
		      void (*each)(void *arg, const struct stream_report *s),
		      void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_PAGE];
	struct record v;
	struct digest d;
	int code = 0;

	if (read_begin(r, why) == -1)
		return -1;
	for (size_t i = 0; i < r->stream_count && code == 0; i++) {
		struct stream_report s = r->streams[i].report;

		memset(&s.digest, 0, sizeof(s.digest));
		s.rows = 0;
		bind_page(st, r->streams[i].id, 0, INT64_MAX);
		while ((code = read_row(r, st, why)) == 1) {
			row_as_record(st, &v);
			record_digest(&s.stream, &v, &d);
			digest_add(&s.digest, &d);
			s.rows++;
		}
		if (code == 0)
			each(arg, &s);
	}
	return read_end(r, code);
}

static int
merged_copy(struct reader *r, sqlite3_stmt *st, struct trouble *why)
{
	const struct seen_stream *s =
		read_stream(r, sqlite3_column_int64(st, 1));
	struct summary_copy c;

	if (s == NULL || sqlite3_column_bytes(st, 5) != 8)
		return trouble_set(why, 0, "catalogue: a copy row is not ours");
	c = (struct summary_copy){
		.node = &s->report.stream.node,
		.holder = s->holder,
		.key = sqlite3_column_blob(st, 2),
		.key_bytes = (size_t)sqlite3_column_bytes(st, 2),
		.mtime_ns = sqlite3_column_int64(st, 3),
		.added_ms = sqlite3_column_int64(st, 4),
		.file = sqlite3_column_blob(st, 5),
		.type = (const char *)sqlite3_column_text(st, 6),
		.type_bytes = (size_t)sqlite3_column_bytes(st, 6),
	};
	return summary_add(&r->summary, &c) == -1 ? read_memory(why) : 0;
}

static void
merged_photo(struct reader *r, const uint8_t *id, struct digest *sum,
	     uint64_t *photos)
{
	struct photo_id photo;

	if (!summary_end(&r->summary))
		return;
	photo_id_unpack(id, &photo);
	merged_add(sum, &photo, r->summary.copies, r->summary.name,
		   strlen(r->summary.name));
	(*photos)++;
}

int
reader_verify_merged(struct reader *r, struct digest *out, uint64_t *photos,
		     struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_COPIES_ALL];
	uint8_t id[PHOTO_ID_BYTES] = {0};
	int code;

	memset(out, 0, sizeof(*out));
	*photos = 0;
	if (read_begin(r, why) == -1)
		return -1;
	summary_begin(&r->summary);
	while ((code = read_row(r, st, why)) == 1) {
		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		if (memcmp(id, sqlite3_column_blob(st, 0), sizeof(id)) != 0) {
			merged_photo(r, id, out, photos);
			summary_begin(&r->summary);
			memcpy(id, sqlite3_column_blob(st, 0), sizeof(id));
		}
		if (merged_copy(r, st, why) == -1)
			return read_end(r, -1);
	}
	if (code == -1)
		return read_end(r, -1);
	merged_photo(r, id, out, photos);
	return read_end(r, 0);
}
