/*
 * verify.c: do all nodes hold the same index?
 *
 * Recomputes here on the query pool while the others are asked to do the
 * same, then compares, again on the pool.  Reading every row keeps a reader
 * busy, so there is one verification at a time: who asks meanwhile joins it.
 */
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "driver.h"
#include "task.h"

#define VERIFY_TIMEOUT_MS 8000u
#define WAITERS_MAX       64u

struct waiter {
	uint64_t client; /* 0: went away */
	uint32_t request;
	uint8_t *frame;
	size_t frame_bytes;
};

struct verify {
	struct job job; /* first; used twice: recompute, then compare */
	struct answers *answers;
	bool here_done, there_done, failed;
	struct trouble why;
	uint32_t waiter_count;
	struct waiter waiters[WAITERS_MAX];
	uint32_t party_count; /* [0] is oneself */
	struct party parties[MESH_LIVE_MAX];
	struct view *view; /* when all have answered */
};

static void
verify_free(struct verify *v)
{
	if (v->answers->verify == v)
		v->answers->verify = NULL;
	answers_drop(v->answers);
	for (uint32_t i = 0; i < v->waiter_count; i++)
		free(v->waiters[i].frame);
	for (uint32_t i = 0; i < v->party_count; i++)
		free(v->parties[i].reports);
	free(v->view);
	free(v);
}

static void
refuse_all(struct verify *v, const char *text)
{
	for (uint32_t i = 0; i < v->waiter_count; i++)
		if (v->waiters[i].client != 0)
			answers_refuse(v->answers, v->waiters[i].client,
				       v->waiters[i].request, ERROR_FAILED,
				       "%s", text);
	verify_free(v);
}

/* ---- comparing --------------------------------------------------------- */

static void
compare_work(struct job *j, unsigned slot)
{
	struct verify *v = (struct verify *)j;
	struct question q = {.type = CLIENT_TABLE};

	(void)slot;
	if (!table_compare(v->view, v->parties, v->party_count, &q.u.table))
		return; /* no frames: out of memory */
	for (uint32_t i = 0; i < v->waiter_count; i++) {
		struct waiter *w = &v->waiters[i];

		q.request = w->request;
		w->frame = encode_frame(&q, &w->frame_bytes);
	}
	table_release(&q.u.table);
}

static void
compare_end(struct letter *l)
{
	struct verify *v = (struct verify *)l;

	for (uint32_t i = 0; i < v->waiter_count; i++) {
		struct waiter *w = &v->waiters[i];
		uint8_t *frame = w->frame;

		w->frame = NULL;
		if (w->client == 0)
			free(frame);
		else
			answers_send(v->answers, w->client, w->request, frame,
				     w->frame_bytes, true);
	}
	verify_free(v);
}

/* When both halves are there.  Frees v unless it goes on. */
static void
go_on(struct verify *v)
{
	struct answers *a = v->answers;
	struct scan_progress scan;

	if (!v->here_done || !v->there_done)
		return;
	if (a->closed) {
		verify_free(v);
		return;
	}
	if (a->verify == v)
		a->verify = NULL; /* too late to join */
	if (v->failed) {
		refuse_all(v, v->why.text);
		return;
	}
	if ((v->view = answers_view(a, &scan)) == NULL) {
		refuse_all(v, "out of memory");
		return;
	}
	v->job.work = compare_work;
	v->job.slow = false;
	v->job.letter.deliver = compare_end;
	catalogue_ask(a->config.catalogue, &v->job);
}

/* ---- here -------------------------------------------------------------- */

static void
on_stream(void *arg, const struct stream_report *s)
{
	struct party *p = arg;

	if (p->count < MESH_STREAMS_MAX)
		p->reports[p->count++] = *s;
}

static void
here_work(struct job *j, unsigned slot)
{
	struct verify *v = (struct verify *)j;
	struct party *p = &v->parties[0];
	struct reader *r =
		catalogue_reader(v->answers->config.catalogue, slot);

	v->failed = reader_verify_streams(r, on_stream, p, &v->why) == -1 ||
		    reader_verify_merged(r, &p->merged, &p->photos,
					 &v->why) == -1;
}

static void
here_end(struct letter *l)
{
	struct verify *v = (struct verify *)l;

	v->here_done = true;
	go_on(v);
}

/* ---- there ------------------------------------------------------------- */

static void
on_verified(void *arg, const struct node_id *at,
	    const struct message_verified *m)
{
	struct verify *v = arg;
	struct party *p = &v->parties[v->party_count];
	size_t bytes = m->count * sizeof(*p->reports);

	if (v->party_count == MESH_LIVE_MAX)
		return;
	for (uint32_t i = 0; i < v->party_count; i++)
		if (node_id_equal(&v->parties[i].at, at))
			return; /* once is enough */
	if ((p->reports = malloc(bytes + 1)) == NULL)
		return; /* counted among the silent */
	if (bytes > 0)
		memcpy(p->reports, m->reports, bytes);
	p->count = m->count;
	p->at = *at;
	p->merged = m->merged;
	p->photos = m->photos;
	v->party_count++;
}

static void
on_all(void *arg, const struct node_id *silent, uint32_t silent_count)
{
	struct verify *v = arg;

	/* Who is live and did not answer is seen from the mesh, which also
	 * knows of those that could not be asked. */
	(void)silent;
	(void)silent_count;
	v->there_done = true;
	go_on(v);
}

/* ---- asking ------------------------------------------------------------ */

static bool
join(struct verify *v, uint64_t client, uint32_t request)
{
	if (v->waiter_count == WAITERS_MAX)
		return false;
	v->waiters[v->waiter_count].client = client;
	v->waiters[v->waiter_count++].request = request;
	return true;
}

void
verify_ask(struct answers *a, uint64_t client, uint32_t request)
{
	struct verify *v = a->verify;
	struct node_view self;

	if (v != NULL) {
		if (!join(v, client, request))
			answers_refuse(a, client, request, ERROR_BUSY,
				       "too many wait for a verification");
		return;
	}
	if ((v = calloc(1, sizeof(*v))) == NULL ||
	    (v->parties[0].reports = calloc(MESH_STREAMS_MAX,
					    sizeof(*v->parties[0].reports))) ==
		    NULL) {
		free(v);
		answers_send(a, client, request, NULL, 0, true);
		return;
	}
	mesh_node_view(driver_mesh(a->config.driver), 0, 0, &self);
	v->parties[0].at = self.node;
	v->party_count = 1;
	v->answers = a;
	answers_hold(a);
	a->verify = v;
	join(v, client, request);
	v->job.work = here_work;
	v->job.slow = true;
	v->job.letter.deliver = here_end;
	catalogue_ask(a->config.catalogue, &v->job);
	driver_verify(a->config.driver, VERIFY_TIMEOUT_MS, on_verified, on_all,
		      v);
}

void
verify_forget(struct answers *a, uint64_t client)
{
	struct verify *v = a->verify;

	for (uint32_t i = 0; v != NULL && i < v->waiter_count; i++)
		if (v->waiters[i].client == client)
			v->waiters[i].client = 0;
}
