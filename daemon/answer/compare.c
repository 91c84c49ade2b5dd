#include "compare.h"

#include <stdlib.h>
#include <string.h>

/* One row to be: who says what of which stream. */
struct claim {
	struct stream_report report;
	uint32_t party;
};

struct table {
	const struct view *view;
	const struct party *parties;
	uint32_t party_count;
	struct claim *claims;
	size_t claim_count;
	struct answer_stream *rows;
	size_t row_count, row_max;
};

static int
by_stream(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int c = node_id_compare(&x->report.stream.node, &y->report.stream.node);

	if (c != 0)
		return c;
	if (x->report.stream.generation != y->report.stream.generation)
		return x->report.stream.generation < y->report.stream.generation
			       ? 1
			       : -1;
	return x->party < y->party ? -1 : x->party > y->party;
}

static bool
same_set(const struct stream_report *a, const struct stream_report *b)
{
	return a->point.base == b->point.base &&
	       a->point.cursor == b->point.cursor && a->rows == b->rows &&
	       digest_equal(&a->digest, &b->digest);
}

static bool
further(const struct stream_report *a, const struct stream_report *b)
{
	if (a->point.base != b->point.base)
		return a->point.base > b->point.base;
	return a->point.cursor > b->point.cursor;
}

/* Whom the others are held against: see compare.h.  Ties go to the first,
 * which is oneself if one is among them. */
static const struct stream_report *
judge_of(const struct table *t, const struct claim *group, size_t count,
	 bool newest)
{
	const struct stream_report *best = NULL;
	size_t best_votes = 0;

	for (size_t i = 0; i < count && newest; i++)
		if (node_id_equal(&t->parties[group[i].party].at,
				  &group[i].report.stream.node))
			return &group[i].report;
	for (size_t i = 0; i < count; i++) {
		const struct stream_report *r = &group[i].report;
		size_t votes = 0;

		for (size_t k = 0; k < count; k++)
			votes += same_set(r, &group[k].report);
		if (best == NULL || further(r, best) ||
		    (!further(best, r) && votes > best_votes)) {
			best = r;
			best_votes = votes;
		}
	}
	return best;
}

static void
add_row(struct table *t, const struct stream_report *r, uint32_t party,
	const struct stream_report *judge)
{
	struct answer_stream *row = &t->rows[t->row_count++];

	row->stream = r->stream.node;
	row->at = t->parties[party].at;
	view_name(t->view, &row->stream, row->stream_name);
	view_name(t->view, &row->at, row->at_name);
	row->generation = r->stream.generation;
	row->point = r->point;
	row->rows = r->rows;
	row->digest = r->digest;
	row->at_head = r->point.base == r->point.cursor &&
		       r->point.base == judge->point.base &&
		       r->point.cursor == judge->point.cursor;
	row->equal = same_set(r, judge);
}

/* One stream in one generation; `newest` of its owner's. */
static void
judge_group(struct table *t, const struct claim *group, size_t count,
	    bool newest)
{
	const struct stream_report *judge = judge_of(t, group, count, newest);
	size_t next = 0;

	for (uint32_t p = 0; p < t->party_count; p++) {
		struct stream_report none = {.stream = judge->stream};

		if (next < count && group[next].party == p)
			add_row(t, &group[next++].report, p, judge);
		else if (newest && judge->rows > 0)
			/* Has not heard of it yet: all of it is missing. */
			add_row(t, &none, p, judge);
		/* The same stream twice from one party: the first counts. */
		while (next < count && group[next].party == p)
			next++;
	}
}

static void
judge_all(struct table *t)
{
	for (size_t i = 0, end; i < t->claim_count; i = end) {
		const struct stream_id *s = &t->claims[i].report.stream;
		bool newest = i == 0 ||
			      !node_id_equal(&t->claims[i - 1].report.stream.node,
					     &s->node);

		for (end = i + 1; end < t->claim_count; end++)
			if (!stream_id_equal(&t->claims[end].report.stream, s))
				break;
		judge_group(t, &t->claims[i], end - i, newest);
	}
}

static int
by_name(const void *a, const void *b)
{
	const struct answer_stream *x = a, *y = b;
	int c = strcmp(x->stream_name, y->stream_name);

	if (c == 0)
		c = node_id_compare(&x->stream, &y->stream);
	if (c != 0)
		return c;
	if (x->generation != y->generation)
		return x->generation < y->generation ? 1 : -1;
	c = node_id_equal(&y->at, &y->stream) - node_id_equal(&x->at,
							      &x->stream);
	if (c == 0)
		c = strcmp(x->at_name, y->at_name);
	return c != 0 ? c : node_id_compare(&x->at, &y->at);
}

static int
gravity(const struct answer_stream *r)
{
	return r->equal ? 0 : r->at_head ? 2 : 1;
}

static int
by_gravity(const void *a, const void *b)
{
	int c = gravity(b) - gravity(a);

	return c != 0 ? c : by_name(a, b);
}

/* What does not fit into an answer is what says least. */
static void
trim(struct table *t, struct answer_table *out)
{
	qsort(t->rows, t->row_count, sizeof(*t->rows),
	      t->row_count > TABLE_ROWS_MAX ? by_gravity : by_name);
	out->rows = t->rows;
	out->row_count = (uint32_t)t->row_count;
	if (t->row_count > TABLE_ROWS_MAX) {
		out->row_count = TABLE_ROWS_MAX;
		out->left_out = (uint32_t)(t->row_count - TABLE_ROWS_MAX);
	}
}

static bool
compare_merged(const struct table *t, struct answer_table *out)
{
	struct answer_merged *list = calloc(t->party_count + 1, sizeof(*list));
	uint32_t best = 0, best_votes = 0;

	if (list == NULL)
		return false;
	for (uint32_t i = 0; i < t->party_count; i++) {
		uint32_t votes = 0;

		for (uint32_t k = 0; k < t->party_count; k++)
			votes += digest_equal(&t->parties[i].merged,
					      &t->parties[k].merged);
		if (votes > best_votes) {
			best = i;
			best_votes = votes;
		}
	}
	for (uint32_t i = 0; i < t->party_count; i++) {
		list[i].at = t->parties[i].at;
		view_name(t->view, &list[i].at, list[i].at_name);
		list[i].photos = t->parties[i].photos;
		list[i].digest = t->parties[i].merged;
		list[i].equal =
			digest_equal(&list[i].digest, &t->parties[best].merged) &&
			list[i].photos == t->parties[best].photos;
	}
	out->merged = list;
	out->merged_count = t->party_count;
	return true;
}

static bool
answered(const struct table *t, const struct node_id *node)
{
	for (uint32_t i = 0; i < t->party_count; i++)
		if (node_id_equal(&t->parties[i].at, node))
			return true;
	return false;
}

static bool
owns_something(const struct table *t, const struct node_id *node)
{
	for (size_t i = 0; i < t->claim_count; i++)
		if (node_id_equal(&t->claims[i].report.stream.node, node))
			return true;
	return false;
}

static bool
name_missing(const struct table *t, struct answer_table *out)
{
	uint32_t known = t->view->count;
	struct answer_name *silent = calloc(known + 1, sizeof(*silent));
	struct answer_name *absent = calloc(known + 1, sizeof(*absent));

	out->silent = silent;
	out->absent = absent;
	if (silent == NULL || absent == NULL)
		return false;
	for (uint32_t i = 0; i < known && i < MESH_KNOWN_MAX; i++) {
		const struct view_node *n = &t->view->nodes[i];
		struct answer_name *a;

		if (answered(t, &n->is.node))
			continue;
		if (view_live(n))
			a = &silent[out->silent_count++];
		else if (owns_something(t, &n->is.node))
			a = &absent[out->absent_count++];
		else
			continue;
		a->node = n->is.node;
		memcpy(a->name, n->shown, sizeof(a->name));
	}
	return true;
}

bool
table_compare(const struct view *v, const struct party *parties,
	      uint32_t count, struct answer_table *out)
{
	struct table t = {.view = v, .parties = parties, .party_count = count};
	size_t claims = 0;
	bool done = false;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < count; i++)
		claims += parties[i].count;
	t.claims = calloc(claims + 1, sizeof(*t.claims));
	if (t.claims == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < parties[i].count; k++)
			t.claims[t.claim_count++] = (struct claim){
				parties[i].reports[k], i};
	qsort(t.claims, t.claim_count, sizeof(*t.claims), by_stream);
	/* The claims, and a row for each party that lacks a newest stream. */
	t.row_max = claims;
	for (size_t i = 0; i < t.claim_count; i++)
		if (i == 0 ||
		    !node_id_equal(&t.claims[i].report.stream.node,
				   &t.claims[i - 1].report.stream.node))
			t.row_max += count;
	t.rows = calloc(t.row_max + 1, sizeof(*t.rows));
	if (t.rows != NULL) {
		judge_all(&t);
		trim(&t, out);
		done = compare_merged(&t, out) && name_missing(&t, out);
	}
	free(t.claims);
	if (!done)
		table_release(out);
	return done;
}

void
table_release(struct answer_table *t)
{
	free((void *)t->rows);
	free((void *)t->merged);
	free((void *)t->silent);
	free((void *)t->absent);
	memset(t, 0, sizeof(*t));
}
