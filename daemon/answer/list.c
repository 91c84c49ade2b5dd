/* list.c: the merged list, a page at a time; of all photos, or of those with
 * more than one copy. */
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
	struct totals totals = {0};
	bool wasted = q->sort == SORT_WASTED;

	if ((page.photos = photos_new(t->view)) == NULL)
		return;
	/* One more row tells whether this page is the last; where that is too
	 * many to ask for, an empty page may follow a full one. */
	if (q->limit < LIST_PAGE_MAX)
		q->limit++;
	if (reader_list(r, q, on_row, &page, &why) == -1 ||
	    (wasted && reader_totals(r, &totals, &why) == -1)) {
		task_fail(t, ERROR_FAILED, "%s", why.text);
	} else if (page.more && page.count == 0) {
		task_fail(t, ERROR_FAILED, "a photo too large to be named");
	} else {
		if (page.more || page.count == LIST_PAGE_MAX) {
			page.last.set = true;
			after_bytes = cursor_pack(&page.last, q->sort,
						  q->reverse, after);
		}
		page.photos->has_wasted = wasted;
		page.photos->wasted_bytes = totals.bytes - totals.unique_bytes;
		t->frame = photos_end(page.photos, t->request,
				      after_bytes > 0 ? after : NULL,
				      after_bytes, false, &t->frame_bytes);
	}
	photos_free(page.photos);
}

/* From the beginning, or behind the page that ended with `after`. */
static void
start_page(struct task *t, const uint8_t *after, size_t after_bytes)
{
	struct list_query *l = &t->u.list;

	if (after_bytes > 0 && !cursor_unpack(after, after_bytes, l->sort,
					      l->reverse, &l->after)) {
		answers_refuse(t->answers, t->client, t->request, ERROR_USAGE,
			       "that cursor is of no list like this one");
		task_free(t);
		return;
	}
	t->make = list_make;
	/* What chooses may choose nothing, of all there are; and without its
	 * index an order takes a look at all of them. */
	if (l->search.count > 0 || l->of_node ||
	    (l->sort != SORT_TAKEN &&
	     !catalogue_indexed(t->answers->config.catalogue)))
		task_submit_slow(t);
	else
		task_submit(t);
}

/* Whom its NODE terms mean, and who is live; false when that was refused. */
static bool
find_nodes(struct task *t, struct list_query *l)
{
	for (uint32_t i = 0; i < l->search.count; i++) {
		const struct search_term *term = &l->search.terms[i];

		if (term->kind == SEARCH_NODE &&
		    !task_choose_node(t, search_text(&l->search, term),
				      &l->nodes[i]))
			return false;
	}
	for (uint32_t i = 0; i < t->view->count; i++) {
		const struct view_node *n = &t->view->nodes[i];

		if (view_live(n) && l->live_count < MESH_KNOWN_MAX)
			l->live[l->live_count++] = n->is.node;
	}
	return true;
}

/* The client has looked already; that is its affair. */
bool
task_take_query(struct task *t, const struct question_list *q,
		struct list_query *l)
{
	struct search_error why;

	if (!search_parse(q->text, strlen(q->text), &l->search, &why)) {
		answers_refuse(t->answers, t->client, t->request, ERROR_USAGE,
			       "query, byte %zu: %s", why.at, why.text);
		return false;
	}
	search_set_clock(&l->search, t->view->wall_ms, q->zones,
			 q->zone_count);
	return find_nodes(t, l);
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
	l->of_node = q->node[0] != '\0';
	if ((l->of_node && !task_choose_node(t, q->node, &l->node)) ||
	    !task_take_query(t, q, l)) {
		task_free(t);
		return;
	}
	start_page(t, q->after, q->after_bytes);
}

void
dupes_ask(struct answers *a, uint64_t client, uint32_t request,
	  const struct question_dupes *q)
{
	struct task *t = task_new(a, client, request);

	if (t == NULL)
		return;
	t->u.list.limit = q->limit;
	t->u.list.sort = SORT_WASTED;
	start_page(t, q->after, q->after_bytes);
}
