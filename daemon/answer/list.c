/* list.c: the merged list, a page at a time. */
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "photos.h"
#include "task.h"

struct page {
	struct photos *photos;
	uint32_t limit, count;
	bool more; /* there is a photo behind this page */
	struct list_cursor last;
};

static bool
on_row(void *arg, const struct photo_row *row)
{
	struct page *p = arg;

	if (p->count == p->limit || !photos_add(p->photos, row)) {
		p->more = true;
		return false;
	}
	p->last = row->cursor;
	p->count++;
	return true;
}

static void
list_make(struct task *t, struct reader *r)
{
	struct list_query *q = &t->u.list;
	struct page page = {.limit = q->limit};
	uint8_t after[CURSOR_BYTES_MAX];
	size_t after_bytes = 0;
	struct trouble why = {0};

	if ((page.photos = photos_new(t->view)) == NULL)
		return;
	/* One more row tells whether this page is the last; where that is too
	 * many to ask for, an empty page may follow a full one. */
	if (q->limit < LIST_PAGE_MAX)
		q->limit++;
	if (reader_list(r, q, on_row, &page, &why) == -1) {
		task_fail(t, ERROR_FAILED, "%s", why.text);
	} else if (page.more && page.count == 0) {
		task_fail(t, ERROR_FAILED, "a photo too large to be named");
	} else {
		if (page.more || page.count == LIST_PAGE_MAX) {
			page.last.set = true;
			after_bytes = cursor_pack(&page.last, q->sort,
						  q->reverse, after);
		}
		t->frame = photos_end(page.photos, t->request,
				      after_bytes > 0 ? after : NULL,
				      after_bytes, false, &t->frame_bytes);
	}
	photos_free(page.photos);
}

/* Which node is meant; false when that was refused. */
static bool
choose_node(struct task *t, const char *text)
{
	const struct view_node *n = NULL;
	uint32_t found = view_resolve(t->view, text, &n);

	if (found == 1) {
		t->u.list.of_node = true;
		t->u.list.node = n->is.node;
		return true;
	}
	if (found == 0)
		answers_refuse(t->answers, t->client, t->request,
			       ERROR_NOT_FOUND,
			       "no node is known as %s; see: photo peers", text);
	else
		answers_refuse(t->answers, t->client, t->request,
			       ERROR_AMBIGUOUS,
			       "%u nodes are known as %s; see: photo peers",
			       found, text);
	return false;
}

void
list_ask(struct answers *a, uint64_t client, uint32_t request,
	 const struct question_list *q)
{
	struct task *t = task_new(a, client, request);
	struct list_query *l;

	if (t == NULL)
		return;
	l = &t->u.list;
	l->limit = q->limit;
	l->reverse = q->reverse;
	l->sort = (enum list_sort)q->sort; /* 0..3, judged by the decoder */
	memcpy(l->text, q->text, sizeof(l->text));
	if (q->node[0] != '\0' && !choose_node(t, q->node)) {
		task_free(t);
		return;
	}
	if (q->after_bytes > 0 &&
	    !cursor_unpack(q->after, q->after_bytes, l->sort, l->reverse,
			   &l->after)) {
		answers_refuse(a, client, request, ERROR_USAGE,
			       "that cursor is of no list like this one");
		task_free(t);
		return;
	}
	t->make = list_make;
	task_submit(t);
}
