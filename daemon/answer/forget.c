/*
 * forget.c: a node that will not return: what that would do, or doing it.
 *
 * The mesh does the work, in its own time.  Who asked for it is told that it
 * goes on at every tick, and that it is done once the node is known no more.
 */
#include <stdlib.h>

#include "driver.h"
#include "task.h"

struct forgetting {
	struct forgetting *next;
	uint64_t client;
	uint32_t request;
	struct node_id node;
};

/* ---- what it would do -------------------------------------------------- */

static void
forget_make(struct task *t, struct reader *r)
{
	struct question q = {.type = CLIENT_FORGET_IS};
	struct answer_forget *a = &q.u.forgotten;
	struct trouble why = {0};

	if (reader_alone(r, &t->u.node, &a->photos, &a->alone, &why) == -1) {
		task_fail(t, ERROR_FAILED, "%s", why.text);
		return;
	}
	view_answer_node(t->view, &t->u.node, &a->node);
	task_encode(t, &q);
}

/* ---- doing it ---------------------------------------------------------- */

static void
tell(struct answers *a, const struct forgetting *f, uint32_t type)
{
	struct question q = {.type = type, .request = f->request};
	size_t bytes = 0;
	uint8_t *frame = encode_frame(&q, &bytes);

	answers_send(a, f->client, f->request, frame, bytes,
		     type == CLIENT_DONE);
}

static void
begin(struct answers *a, uint64_t client, uint32_t request,
      const struct node_id *node)
{
	struct forgetting *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		answers_send(a, client, request, NULL, 0, true);
		return;
	}
	f->client = client;
	f->request = request;
	f->node = *node;
	f->next = a->forgettings;
	a->forgettings = f;
	driver_forget(a->config.driver, node);
}

void
forget_ask(struct answers *a, uint64_t client, uint32_t request,
	   const struct question_forget *q)
{
	struct task *t = task_new(a, client, request);
	const struct view_node *n;

	if (t == NULL)
		return;
	if (!task_choose_node(t, q->node, &t->u.node)) {
		task_free(t);
		return;
	}
	n = view_find(t->view, &t->u.node);
	if (n->is.self) {
		answers_refuse(a, client, request, ERROR_REFUSED,
			       "%s is the daemon that was asked: ask another "
			       "one, with -p PORT", n->shown);
	} else if (view_live(n)) {
		answers_refuse(a, client, request, ERROR_REFUSED,
			       "%s is live; stop it first (photo leave)",
			       n->shown);
	} else if (!q->sure) {
		t->make = forget_make;
		task_submit(t);
		return;
	} else {
		begin(a, client, request, &t->u.node);
	}
	task_free(t);
}

void
forget_forget(struct answers *a, uint64_t client)
{
	struct forgetting **at = &a->forgettings;

	while (*at != NULL) {
		struct forgetting *f = *at;

		if (client != 0 && f->client != client) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
}

/* True when nothing more is to be said. */
static bool
look(struct answers *a, const struct forgetting *f)
{
	const struct mesh *m = driver_mesh(a->config.driver);
	struct node_view v;

	for (uint32_t i = 0; i < mesh_node_count(m); i++) {
		mesh_node_view(m, i, 0, &v);
		if (!node_id_equal(&v.node, &f->node))
			continue;
		if (v.state == NODE_STATE_GONE || v.state == NODE_STATE_LEFT) {
			tell(a, f, CLIENT_PROGRESS);
			return false;
		}
		answers_refuse(a, f->client, f->request, ERROR_REFUSED,
			       "%s has just returned; stop it first (photo "
			       "leave)", v.name);
		return true;
	}
	tell(a, f, CLIENT_DONE);
	return true;
}

void
forget_tick(struct answers *a)
{
	struct forgetting **at = &a->forgettings;

	while (*at != NULL) {
		struct forgetting *f = *at;

		if (!look(a, f)) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
}
