/* have.c: HAVE: which of these photos does the mesh hold, and who? */
#include <stdlib.h>
#include <string.h>

#include "sniff.h"
#include "task.h"

/* The question, kept for another thread, and its answer. */
struct have_task {
	uint32_t count, node_count;
	struct node_id ids[MESH_KNOWN_MAX];
	struct answer_node nodes[MESH_KNOWN_MAX];
	struct photo_id photos[HAVE_FILES_MAX];
	struct holding files[HAVE_FILES_MAX];
};

struct finding {
	struct have_task *h;
	struct holding *file;
};

/* Its index among the nodes of the answer; MESH_KNOWN_MAX: no room. */
static uint32_t
node_index(struct have_task *h, const struct node_id *node)
{
	uint32_t i = 0;

	while (i < h->node_count && !node_id_equal(&h->ids[i], node))
		i++;
	if (i == h->node_count && i < MESH_KNOWN_MAX)
		h->ids[h->node_count++] = *node;
	return i;
}

static bool
on_photo(void *arg, const struct photo_row *row)
{
	struct finding *f = arg;
	struct holding *file = f->file;

	file->known = true;
	for (uint32_t i = 0; i < row->copy_count; i++) {
		uint32_t node = node_index(f->h, &row->rows[i].node), n = 0;

		/* Copies come node by node. */
		while (n < file->holder_count && file->holders[n] != node)
			n++;
		if (n == file->holder_count && n < MESH_LIVE_MAX &&
		    node < MESH_KNOWN_MAX)
			file->holders[file->holder_count++] = node;
	}
	return true;
}

static void
have_make(struct task *t, struct reader *r)
{
	struct have_task *h = t->u.have;
	struct question q = {.type = CLIENT_HOLDINGS};
	struct trouble why;

	for (uint32_t i = 0; i < h->count; i++) {
		struct finding f = {h, &h->files[i]};
		struct photo_prefix exact;

		photo_prefix_of(&h->photos[i], &exact);
		if (reader_find(r, &exact, 1, on_photo, &f, &why) == -1) {
			task_fail(t, ERROR_FAILED, "%s", why.text);
			return;
		}
	}
	for (uint32_t i = 0; i < h->node_count; i++)
		view_answer_node(t->view, &h->ids[i], &h->nodes[i]);
	view_fresh(t->view, &q.u.holdings.fresh);
	q.u.holdings.count = h->count;
	q.u.holdings.files = h->files;
	q.u.holdings.node_count = h->node_count;
	q.u.holdings.nodes = h->nodes;
	task_encode(t, &q);
}

static void
have_release(struct task *t)
{
	free(t->u.have);
}

void
have_ask(struct answers *a, uint64_t client, uint32_t request,
	 const struct question_have *q)
{
	struct task *t = task_new(a, client, request);
	struct have_task *h;

	if (t == NULL)
		return;
	if ((h = calloc(1, sizeof(*h))) == NULL) {
		answers_send(a, client, request, NULL, 0, true);
		task_free(t);
		return;
	}
	h->count = q->count;
	for (uint32_t i = 0; i < q->count; i++) {
		const char *type =
			sniff(q->files[i].head, q->files[i].head_bytes);

		h->photos[i] = q->files[i].photo;
		if (type != NULL)
			strncpy(h->files[i].type, type, MEDIA_TYPE_MAX);
	}
	t->u.have = h;
	t->release = have_release;
	t->make = have_make;
	task_submit(t);
}
