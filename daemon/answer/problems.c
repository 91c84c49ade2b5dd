/*
 * problems.c: the files of all nodes that could not be taken in, a page at a
 * time.
 *
 * Rows are gathered until one more might not fit into a frame.  The cursor is
 * the (node, key) of the last one, whole: paths are long, but cutting one
 * would show some row twice or never.
 */
#include <stdlib.h>
#include <string.h>

#include "task.h"

/* version u8, node (16), key to the end */
#define CURSOR_VERSION    1u
#define CURSOR_HEAD_BYTES (1u + NODE_ID_BYTES)
/* For the cursor, and for what stands around the rows. */
#define REST_BYTES (PROBLEM_CURSOR_BYTES_MAX + 512u)
#define PAGE_BYTES (ANSWER_BODY_BYTES_MAX - REST_BYTES)
/* What a row takes besides its texts: headers of them, code and node id. */
#define ROW_BYTES (NODE_ID_BYTES + 24u)

struct page {
	const struct view *view;
	uint32_t limit, count;
	bool more; /* there is a row behind this page */
	size_t frame_bytes; /* at most, of the rows so far */
	struct answer_problem *rows; /* owned; limit of them */
	uint8_t *bytes;              /* owned; labels and paths of them */
	size_t used;
	struct node_id last_node;
	uint8_t last_key[RECORD_KEY_MAX];
	size_t last_key_bytes;
};

static const uint8_t *
keep(struct page *p, const void *bytes, size_t count)
{
	uint8_t *at = p->bytes + p->used;

	memcpy(at, bytes, count);
	p->used += count;
	return at;
}

static bool
on_row(void *arg, const struct problem_row *row)
{
	struct page *p = arg;
	struct answer_problem *out = &p->rows[p->count];
	size_t label_bytes = strlen(row->label), frame_bytes;

	p->more = true;
	if (p->count == p->limit)
		return false;
	view_name(p->view, row->node, out->name);
	memcpy(out->message, row->message, strlen(row->message) + 1);
	frame_bytes = ROW_BYTES + strlen(out->name) + label_bytes +
		      row->path_bytes + strlen(out->message);
	if (p->frame_bytes + frame_bytes > PAGE_BYTES)
		return false;
	out->node = *row->node;
	out->label = keep(p, row->label, label_bytes);
	out->label_bytes = label_bytes;
	out->path = keep(p, row->path, row->path_bytes);
	out->path_bytes = row->path_bytes;
	out->code = row->code;
	p->frame_bytes += frame_bytes;
	p->count++;
	p->last_node = *row->node;
	memcpy(p->last_key, row->key, row->key_bytes);
	p->last_key_bytes = row->key_bytes;
	p->more = false;
	return true;
}

/* ---- the cursor -------------------------------------------------------- */

static size_t
cursor_write(const struct page *p, uint8_t out[PROBLEM_CURSOR_BYTES_MAX])
{
	out[0] = CURSOR_VERSION;
	memcpy(out + 1, p->last_node.bytes, NODE_ID_BYTES);
	memcpy(out + CURSOR_HEAD_BYTES, p->last_key, p->last_key_bytes);
	return CURSOR_HEAD_BYTES + p->last_key_bytes;
}

static bool
cursor_read(const uint8_t *bytes, size_t count, struct problem_cursor *out)
{
	if (count < CURSOR_HEAD_BYTES + ROOT_ID_BYTES ||
	    count > CURSOR_HEAD_BYTES + RECORD_KEY_MAX ||
	    bytes[0] != CURSOR_VERSION)
		return false;
	memcpy(out->node.bytes, bytes + 1, NODE_ID_BYTES);
	out->key_bytes = count - CURSOR_HEAD_BYTES;
	memcpy(out->key, bytes + CURSOR_HEAD_BYTES, out->key_bytes);
	out->set = true;
	return true;
}

/* ---- the question ------------------------------------------------------ */

static void
encode(struct task *t, const struct page *p)
{
	struct question q = {.type = CLIENT_PROBLEM_LIST};
	struct answer_problems *a = &q.u.problems;
	uint8_t after[PROBLEM_CURSOR_BYTES_MAX];

	a->count = p->count;
	a->problems = p->rows;
	if (p->more) {
		a->after_bytes = cursor_write(p, after);
		a->after = after;
	}
	view_fresh(t->view, &a->fresh);
	task_encode(t, &q);
}

static void
problems_make(struct task *t, struct reader *r)
{
	const struct problems_task *q = &t->u.problems;
	struct page *p = calloc(1, sizeof(*p));
	struct trouble why = {0};

	if (p == NULL)
		return;
	p->view = t->view;
	p->limit = q->limit;
	/* One more: a row is looked at before it is known to be wanted. */
	p->rows = calloc(q->limit + 1, sizeof(*p->rows));
	p->bytes = malloc(PAGE_BYTES);
	if (p->rows == NULL || p->bytes == NULL)
		goto free_page;
	if (reader_problems(r, &q->query, on_row, p, &why) == -1)
		task_fail(t, ERROR_FAILED, "%s", why.text);
	else
		encode(t, p);
free_page:
	free(p->rows);
	free(p->bytes);
	free(p);
}

void
problems_ask(struct answers *a, uint64_t client, uint32_t request,
	     const struct question_problems *q)
{
	struct task *t = task_new(a, client, request);
	struct problem_query *query;

	if (t == NULL)
		return;
	query = &t->u.problems.query;
	t->u.problems.limit = q->limit;
	query->of_node = q->node[0] != '\0';
	if (query->of_node && !task_choose_node(t, q->node, &query->node)) {
		task_free(t);
		return;
	}
	if (q->after_bytes > 0 &&
	    !cursor_read(q->after, q->after_bytes, &query->after)) {
		answers_refuse(a, client, request, ERROR_USAGE,
			       "that cursor is of no list like this one");
		task_free(t);
		return;
	}
	t->make = problems_make;
	task_submit(t);
}
