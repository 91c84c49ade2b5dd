/* peers.c: every node that is known, and what it holds. */
#include <stdlib.h>

#include "task.h"

static int
by_rank(const void *a, const void *b)
{
	const struct answer_peer *x = a, *y = b;
	struct rank rx = {x->node.port, x->node.host, x->node.node};
	struct rank ry = {y->node.port, y->node.host, y->node.node};

	return rank_compare(&rx, &ry);
}

static uint32_t
peer_state_of(enum node_state s)
{
	switch (s) {
	case NODE_STATE_LIVE:
		return PEER_LIVE;
	case NODE_STATE_SYNCING:
		return PEER_SYNCING;
	case NODE_STATE_SUSPECT:
		return PEER_SUSPECT;
	case NODE_STATE_GONE:
		return PEER_GONE;
	case NODE_STATE_LEFT:
		return PEER_LEFT;
	}
	return PEER_GONE;
}

static int
fill(const struct view *v, const struct view_node *n, struct reader *r,
     struct answer_peer *out, struct trouble *why)
{
	const struct view_node *follows = view_find(v, &n->is.follows);
	struct totals totals = {0};

	if (reader_node_totals(r, &n->is.node, &totals, why) == -1)
		return -1;
	view_answer_node(v, &n->is.node, &out->node);
	out->state = peer_state_of(n->is.state);
	out->self = n->is.self;
	out->coordinator = n->is.coordinator;
	out->follows = n->is.follows;
	out->follows_port = follows != NULL ? follows->is.port : 0;
	out->photos = totals.photos;
	out->copies = totals.copies;
	out->bytes = totals.bytes;
	out->generation = n->is.held.stream.generation;
	out->head = n->is.held.point.cursor;
	return 0;
}

static void
peers_make(struct task *t, struct reader *r)
{
	const struct view *v = t->view;
	struct question q = {.type = CLIENT_PEER_LIST};
	struct trouble why = {0};
	struct answer_peer *list;
	uint32_t count = v->count < MESH_KNOWN_MAX ? v->count : MESH_KNOWN_MAX;

	if ((list = calloc(count + 1, sizeof(*list))) == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (fill(v, &v->nodes[i], r, &list[i], &why) == -1) {
			task_fail(t, ERROR_FAILED, "%s", why.text);
			free(list);
			return;
		}
	qsort(list, count, sizeof(*list), by_rank);
	q.u.peers.count = count;
	q.u.peers.peers = list;
	task_encode(t, &q);
	free(list);
}

void
peers_ask(struct answers *a, uint64_t client, uint32_t request)
{
	struct task *t = task_new(a, client, request);

	if (t == NULL)
		return;
	t->make = peers_make;
	task_submit(t);
}
