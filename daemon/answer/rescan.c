/* rescan.c: look at the folders again now, and say how far that is. */
#include <stdlib.h>

#include "task.h"

static void
tell(struct answers *a, const struct rescan *r, const struct scan_progress *p)
{
	struct question q = {.type = CLIENT_PROGRESS, .request = r->request};
	size_t bytes = 0;
	uint8_t *frame;

	q.u.progress.files = p->files;
	q.u.progress.total_files = p->total_files;
	q.u.progress.bytes = p->bytes;
	q.u.progress.total_bytes = p->total_bytes;
	q.u.progress.eta_ms = p->eta_ms;
	if ((frame = encode_frame(&q, &bytes)) != NULL)
		answers_send(a, r->client, r->request, frame, bytes, false);
}

static void
finish(struct answers *a, const struct rescan *r)
{
	struct question q = {.type = CLIENT_DONE, .request = r->request};
	size_t bytes = 0;
	uint8_t *frame = encode_frame(&q, &bytes);

	answers_send(a, r->client, r->request, frame, bytes, true);
}

void
rescan_ask(struct answers *a, uint64_t client, uint32_t request,
	   const struct question_rescan *q)
{
	struct rescan *r;

	if (a->config.intake == NULL) {
		answers_refuse(a, client, request, ERROR_BUSY,
			       "the daemon is still starting, or ending");
		return;
	}
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		answers_send(a, client, request, NULL, 0, true);
		return;
	}
	r->client = client;
	r->request = request;
	r->until = intake_rescan(a->config.intake, q->accept_missing);
	r->next = a->rescans;
	a->rescans = r;
}

void
rescan_forget(struct answers *a, uint64_t client)
{
	struct rescan **at = &a->rescans;

	while (*at != NULL) {
		struct rescan *r = *at;

		if (r->client != client) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		free(r);
	}
}

void
rescan_tick(struct answers *a)
{
	struct rescan **at = &a->rescans;
	struct scan_progress p;

	if (a->config.intake == NULL || *at == NULL)
		return;
	intake_progress(a->config.intake, &p);
	while (*at != NULL) {
		struct rescan *r = *at;

		tell(a, r, &p);
		if (p.scan < r->until) {
			at = &r->next;
			continue;
		}
		finish(a, r);
		*at = r->next;
		free(r);
	}
}
