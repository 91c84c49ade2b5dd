/* status.c: this node, the mesh and the scan on one screen. */
#include <stdio.h>
#include <string.h>

#include "task.h"

static uint32_t
scan_of(enum scan_state s)
{
	switch (s) {
	case SCAN_IDLE:
		return 0;
	case SCAN_RUNNING:
		return 1;
	case SCAN_OFFLINE:
		return 2;
	}
	return 0;
}

static void
status_make(struct task *t, struct reader *r)
{
	const struct view *v = t->view;
	struct question q = {.type = CLIENT_STATUS_IS};
	struct answer_status *s = &q.u.status;
	struct trouble why = {0};
	struct totals totals = {0};

	if (reader_totals(r, &totals, &why) == -1) {
		task_fail(t, ERROR_FAILED, "%s", why.text);
		return;
	}
	if (v->count > 0) {
		s->node = v->nodes[0].is.node;
		s->port = v->nodes[0].is.port;
		memcpy(s->name, v->nodes[0].shown, sizeof(s->name));
	}
	s->coordinator = v->coordinator.node;
	s->coordinator_port = v->coordinator.port;
	if (!node_id_is_zero(&v->coordinator.node))
		view_name(v, &v->coordinator.node, s->coordinator_name);
	for (uint32_t i = 0; i < v->count; i++) {
		s->nodes += v->nodes[i].is.state != NODE_STATE_LEFT;
		s->live += view_live(&v->nodes[i]);
	}
	s->photos = totals.photos;
	s->copies = totals.copies;
	s->bytes = totals.bytes;
	s->unique_bytes = totals.unique_bytes;
	s->scan = scan_of(t->scan.state);
	s->files = t->scan.files;
	s->scanned_bytes = t->scan.bytes;
	s->total_files = t->scan.total_files;
	s->total_bytes = t->scan.total_bytes;
	s->eta_ms = t->scan.eta_ms;
	s->read_files = t->scan.read_files;
	s->read_bytes = t->scan.read_bytes;
	s->synced = v->synced;
	s->known_meta = totals.told;
	if (t->u.status.thumbs != NULL)
		t->u.status.thumbs(t->u.status.arg, &s->thumbs,
				   &s->thumbs_made);
	view_fresh(v, &s->fresh);
	task_encode(t, &q);
}

void
status_ask(struct answers *a, uint64_t client, uint32_t request)
{
	struct task *t = task_new(a, client, request);

	if (t == NULL)
		return;
	t->u.status.thumbs = a->config.thumb_count;
	t->u.status.arg = a->config.thumb_arg;
	t->make = status_make;
	task_submit(t);
}
