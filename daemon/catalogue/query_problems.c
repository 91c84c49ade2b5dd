/*
 * query_problems.c: the files that could not be taken in, of all nodes.
 *
 * They stand in the streams as records and nowhere else; there are few, and
 * record_key has them together and in order, so nothing is derived from them.
 * A page goes on behind the (node, key) it ended with.
 */
#include <stdlib.h>
#include <string.h>

#include "query_private.h"

/* By node, the newest generation first. */
static int
compare_streams(const void *a, const void *b)
{
	const struct stream_id *x =
		&(*(const struct seen_stream *const *)a)->report.stream;
	const struct stream_id *y =
		&(*(const struct seen_stream *const *)b)->report.stream;
	int r = node_id_compare(&x->node, &y->node);

	if (r == 0)
		r = (x->generation < y->generation) -
		    (x->generation > y->generation);
	return r;
}

/* One stream of each node that is asked for, by node; owned by the caller. */
static const struct seen_stream **
choose_streams(const struct reader *r, const struct problem_query *q,
	       size_t *count)
{
	const struct seen_stream **all, *s;
	size_t kept = 0;

	all = calloc(r->stream_count + 1, sizeof(*all));
	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < r->stream_count; i++)
		all[i] = &r->streams[i];
	qsort(all, r->stream_count, sizeof(*all), compare_streams);
	for (size_t i = 0; i < r->stream_count; i++) {
		const struct node_id *node = &all[i]->report.stream.node;

		s = kept > 0 ? all[kept - 1] : NULL;
		if (s != NULL && node_id_equal(&s->report.stream.node, node))
			continue;
		if (q->of_node && !node_id_equal(&q->node, node))
			continue;
		if (q->after.set &&
		    node_id_compare(node, &q->after.node) < 0)
			continue;
		all[kept++] = all[i];
	}
	*count = kept;
	return all;
}

/* 1: shown or nothing to be shown; 0: `each` has had enough; -1. */
static int
problem_show(struct reader *r, const struct seen_stream *s, sqlite3_stmt *st,
	     bool (*each)(void *arg, const struct problem_row *row), void *arg,
	     struct trouble *why)
{
	struct record_problem v;
	struct problem_row row = {.node = &s->report.stream.node};
	struct copy_row at = {.node = s->report.stream.node};

	row.key = sqlite3_column_blob(st, 0);
	row.key_bytes = (size_t)sqlite3_column_bytes(st, 0);
	if (row.key_bytes < ROOT_ID_BYTES || row.key_bytes > RECORD_KEY_MAX ||
	    !record_problem_parse(sqlite3_column_blob(st, 1),
				  (size_t)sqlite3_column_bytes(st, 1), &v))
		return 1; /* kept and relayed, shown nowhere */
	memcpy(at.root.bytes, row.key, ROOT_ID_BYTES);
	if (roots_look(r, s, &at, why) == -1)
		return -1;
	row.label = at.label;
	row.path = (const char *)row.key + ROOT_ID_BYTES;
	row.path_bytes = row.key_bytes - ROOT_ID_BYTES;
	row.code = v.code;
	row.message = v.message;
	return each(arg, &row) ? 1 : 0;
}

int
reader_problems(struct reader *r, const struct problem_query *q,
		bool (*each)(void *arg, const struct problem_row *row),
		void *arg, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_PROBLEMS];
	const struct seen_stream **streams;
	size_t count = 0;
	int code, n = 1;

	if (read_begin(r, why) == -1)
		return -1;
	if ((streams = choose_streams(r, q, &count)) == NULL)
		return read_end(r, read_memory(why));
	for (size_t i = 0; i < count && n == 1; i++) {
		const struct seen_stream *s = streams[i];
		bool here = q->after.set &&
			    node_id_equal(&s->report.stream.node,
					  &q->after.node);

		sqlite3_bind_int64(st, 1, s->id);
		sqlite3_bind_blob(st, 2, here ? (const void *)q->after.key : "",
				  here ? (int)q->after.key_bytes : 0,
				  SQLITE_STATIC);
		while (n == 1 && (code = read_row(r, st, why)) != 0)
			n = code == -1 ? -1 :
					 problem_show(r, s, st, each, arg, why);
		sqlite3_reset(st);
	}
	free(streams);
	return read_end(r, n == -1 ? -1 : 0);
}
