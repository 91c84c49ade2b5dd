/*
 * query_verify.c: digests computed afresh, from the records as stored.
 *
 * The merged list is proved from the records of all streams and the rule of
 * what is shown; of the tables derived from them only that is read which the
 * records cannot tell: what a page below the head has replaced, and which
 * roots had swapped before they were stamped anew.
 */
#include <stdlib.h>
#include <string.h>

#include "merged.h"
#include "query_private.h"

static void
bind_rows(sqlite3_stmt *st, int64_t stream)
{
	sqlite3_bind_int64(st, 1, stream);
	sqlite3_bind_int64(st, 2, 0);
	sqlite3_bind_int64(st, 3, INT64_MAX);
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
		bind_rows(st, r->streams[i].id);
		while ((code = read_row(r, st, why)) == 1) {
			read_record(st, &v);
			record_digest(&s.stream, &v, &d);
			digest_add(&s.digest, &d);
			s.rows++;
		}
		if (code == 0)
			each(arg, &s);
	}
	return read_end(r, code);
}

/* Whom the copies of each stream count for, by the node records. */
static int
holders_read(struct reader *r, struct trouble *why)
{
	for (size_t i = 0; i < r->stream_count; i++) {
		struct seen_stream *s = &r->streams[i];
		const struct node_id *node = &s->report.stream.node;
		uint64_t generation = 0;

		holder_of_node(node, s->holder);
		for (size_t k = 0; k < r->stream_count; k++) {
			const struct seen_stream *o = &r->streams[k];
			struct record_node v;
			struct read_fact f;

			if (!node_id_equal(&o->report.stream.node, node) ||
			    o->report.stream.generation < generation)
				continue;
			if (fact_read(r, o->id, RECORD_NODE, NULL, 0, &f,
				      why) == -1)
				return -1;
			if (!f.found || f.dead ||
			    !record_node_parse(f.value, f.value_bytes, &v))
				continue;
			generation = o->report.stream.generation;
			holder_of_host(&v.host, s->holder);
		}
	}
	return 0;
}

/* ---- by photo, in bounded memory -------------------------------------- */

/* Where a copy is stored. */
struct place {
	uint8_t photo[PHOTO_ID_BYTES];
	uint16_t stream; /* in r->streams */
	int64_t seq;     /* LEAVING: in the copy table */
};
#define LEAVING INT64_MAX

/*
 * The places that come first among those behind `from`.  When there are more
 * than fit, the greater half is left for the next pass over the records.
 */
struct places {
	struct place *all; /* owned; 2 * kept_max */
	size_t count, kept_max;
	bool begun, more;
	struct place from, end; /* behind `end` lies what was left */
};

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = memcmp(x->photo, y->photo, PHOTO_ID_BYTES);

	if (c == 0)
		c = (x->stream > y->stream) - (x->stream < y->stream);
	if (c == 0)
		c = (x->seq > y->seq) - (x->seq < y->seq);
	return c;
}

/* In order, each once: a forked history has numbers twice. */
static void
places_sort(struct places *p)
{
	size_t kept = 0;

	if (p->count > 1)
		qsort(p->all, p->count, sizeof(p->all[0]), compare_places);
	for (size_t i = 0; i < p->count; i++)
		if (kept == 0 ||
		    compare_places(&p->all[kept - 1], &p->all[i]) != 0)
			p->all[kept++] = p->all[i];
	p->count = kept;
}

static void
places_cut(struct places *p)
{
	places_sort(p);
	if (p->count <= p->kept_max)
		return;
	p->count = p->kept_max;
	p->end = p->all[p->kept_max - 1];
	p->more = true;
}

static void
places_add(struct places *p, const struct place *at)
{
	if ((p->begun && compare_places(at, &p->from) <= 0) ||
	    (p->more && compare_places(at, &p->end) > 0))
		return;
	if (p->count == 2 * p->kept_max)
		places_cut(p);
	if (p->more && compare_places(at, &p->end) > 0)
		return;
	p->all[p->count++] = *at;
}

/* The live copies of a stream in roots that are shown. */
static int
collect_records(struct reader *r, uint16_t stream, struct places *p,
		struct trouble *why)
{
	const struct seen_stream *s = &r->streams[stream];
	bool newest = s == newest_life(r, &s->report.stream.node);
	uint8_t root[ROOT_ID_BYTES];
	int code, hidden = -1;

	bind_rows(r->st[R_PAGE], s->id);
	while ((code = read_row(r, r->st[R_PAGE], why)) == 1) {
		struct place at = {.stream = stream};
		struct record_copy c;
		struct record v;

		read_record(r->st[R_PAGE], &v);
		if (v.kind != RECORD_COPY || v.dead ||
		    v.key_bytes <= ROOT_ID_BYTES ||
		    !record_copy_parse(v.value, v.value_bytes, &c))
			continue;
		if (!newest && (hidden == -1 ||
				memcmp(root, v.key, sizeof(root)) != 0)) {
			memcpy(root, v.key, sizeof(root));
			if ((hidden = root_is_hidden(r, s, root, why)) == -1)
				return -1;
		}
		if (hidden == 1)
			continue;
		at.seq = (int64_t)v.seq;
		photo_id_pack(&c.photo, at.photo);
		places_add(p, &at);
	}
	return code;
}

/* What a page has replaced and is shown until the head. */
static int
collect_leaving(struct reader *r, uint16_t stream, struct places *p,
		struct trouble *why)
{
	const struct seen_stream *s = &r->streams[stream];
	sqlite3_stmt *st = r->st[R_LEAVING];
	int code;

	if (s->report.point.base == s->report.point.cursor)
		return 0;
	sqlite3_bind_int64(st, 1, s->id);
	while ((code = read_row(r, st, why)) == 1) {
		struct place at = {.stream = stream, .seq = LEAVING};

		if (sqlite3_column_bytes(st, 0) != PHOTO_ID_BYTES)
			continue;
		memcpy(at.photo, sqlite3_column_blob(st, 0), PHOTO_ID_BYTES);
		places_add(p, &at);
	}
	return code;
}

static int
collect(struct reader *r, struct places *p, struct trouble *why)
{
	p->count = 0;
	p->more = false;
	for (size_t i = 0; i < r->stream_count; i++)
		if (collect_records(r, (uint16_t)i, p, why) == -1 ||
		    collect_leaving(r, (uint16_t)i, p, why) == -1)
			return -1;
	places_cut(p);
	return 0;
}

/* ---- summing up ------------------------------------------------------- */

static int
add_stored(struct reader *r, const struct place *at, struct summary_copy *out,
	   struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_COPY_AT];
	uint8_t photo[PHOTO_ID_BYTES];
	int code;

	sqlite3_bind_int64(st, 1, r->streams[at->stream].id);
	sqlite3_bind_int64(st, 2, at->seq);
	while ((code = read_row(r, st, why)) == 1) {
		struct record_copy c;

		if (!record_copy_parse(sqlite3_column_blob(st, 1),
				       (size_t)sqlite3_column_bytes(st, 1), &c))
			continue;
		photo_id_pack(&c.photo, photo);
		if (memcmp(photo, at->photo, sizeof(photo)) != 0)
			continue;
		out->key = sqlite3_column_blob(st, 0);
		out->key_bytes = (size_t)sqlite3_column_bytes(st, 0);
		out->mtime_ns = c.mtime_ns;
		out->added_ms = c.added_ms;
		out->file = c.file;
		out->type = c.type;
		out->type_bytes = strlen(c.type);
		if (summary_add(&r->summary, out) == -1) {
			sqlite3_reset(st);
			return read_memory(why);
		}
	}
	return code;
}

static int
add_leaving(struct reader *r, const struct place *at, struct summary_copy *out,
	    struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_LEAVING_AT];
	int code;

	sqlite3_bind_blob(st, 1, at->photo, PHOTO_ID_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, r->streams[at->stream].id);
	while ((code = read_row(r, st, why)) == 1) {
		if (sqlite3_column_bytes(st, 3) != 8)
			continue;
		out->key = sqlite3_column_blob(st, 0);
		out->key_bytes = (size_t)sqlite3_column_bytes(st, 0);
		out->mtime_ns = sqlite3_column_int64(st, 1);
		out->added_ms = sqlite3_column_int64(st, 2);
		out->file = sqlite3_column_blob(st, 3);
		out->type = (const char *)sqlite3_column_text(st, 4);
		out->type_bytes = (size_t)sqlite3_column_bytes(st, 4);
		if (summary_add(&r->summary, out) == -1) {
			sqlite3_reset(st);
			return read_memory(why);
		}
	}
	return code;
}

static void
photo_end(struct reader *r, const uint8_t *id, struct digest *sum,
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

/* One pass; a photo may go on in the next. */
static int
sum_places(struct reader *r, struct places *p, struct digest *sum,
	   uint64_t *photos, struct trouble *why)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct place *at = &p->all[i];
		const struct seen_stream *s = &r->streams[at->stream];
		struct summary_copy c = {.node = &s->report.stream.node,
					 .holder = s->holder};

		if (!p->begun ||
		    memcmp(p->from.photo, at->photo, PHOTO_ID_BYTES) != 0) {
			photo_end(r, p->from.photo, sum, photos);
			summary_begin(&r->summary);
		}
		p->from = *at;
		p->begun = true;
		if ((at->seq == LEAVING ? add_leaving : add_stored)(
			    r, at, &c, why) == -1)
			return -1;
	}
	return 0;
}

int
reader_verify_merged(struct reader *r, struct digest *out, uint64_t *photos,
		     struct trouble *why)
{
	struct places p = {.kept_max = r->places_max};
	int result = -1;

	memset(out, 0, sizeof(*out));
	*photos = 0;
	p.all = calloc(2 * p.kept_max, sizeof(*p.all));
	if (p.all == NULL)
		return read_memory(why);
	if (read_begin(r, why) == -1)
		goto free_places;
	if (holders_read(r, why) == -1)
		goto end;
	summary_begin(&r->summary);
	do {
		if (collect(r, &p, why) == -1 ||
		    sum_places(r, &p, out, photos, why) == -1)
			goto end;
	} while (p.more);
	photo_end(r, p.from.photo, out, photos);
	result = 0;
end:
	read_end(r, result);
free_places:
	free(p.all);
	return result;
}
