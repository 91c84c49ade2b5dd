/*
 * get.c: a photo for a client, put where its descriptor says.
 *
 * transfer/ does it; here it is begun, its progress told, and what has to wait
 * is tried again: for an owner's consent as long as the client stays, for
 * holders that went away midway for a while.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "driver.h"
#include "fetching.h"
#include "task.h"

#define RETRY_MS         1000u
#define PATIENCE_MS      10000u /* without a byte, when nobody answers */
/* The same, of one that is live and had begun to send: its disk, or what is
 * between, stands still, and the heartbeats go on. */
#define PATIENCE_LIVE_MS 60000u
#define TELL_MS          1000u /* though nothing has changed */

struct get {
	struct get *next;
	struct answers *answers;
	uint64_t client;
	uint32_t request;
	struct fetch *fetch;
	bool parked;
	uint64_t retry_ms;   /* when parked */
	uint64_t patient_ms; /* since when nothing came; 0: not so */
	uint64_t patient_bytes; /* of pieces that were whole, so nobody can
				 * keep us waiting with halves */
	struct answer_getting told;
	uint64_t told_ms;
};

/* ---- the mesh, for other threads ----------------------------------------- */

static struct fetch_world *
world_of(const struct view *v)
{
	struct fetch_world *w = fetch_world_new(v->count);

	for (uint32_t i = 0; w != NULL && i < v->count; i++) {
		const struct node_view *n = &v->nodes[i].is;
		struct fetch_peer *p = &w->peers[i];

		p->node = n->node;
		p->live = view_live(&v->nodes[i]);
		p->near = host_id_equal(&n->host, &v->nodes[0].is.host);
		p->port = n->port;
		p->address_count = n->address_count;
		memcpy(p->addresses, n->addresses, sizeof(p->addresses));
		memcpy(p->name, v->nodes[i].shown, sizeof(p->name));
	}
	return w;
}

struct fetch_world *
answers_world(struct answers *a)
{
	uint64_t now = clock_steady_ms();
	struct view *v;

	if (a->world == NULL || now != a->world_ms) {
		fetch_world_drop(a->world);
		a->world = NULL;
		if ((v = view_take(driver_mesh(a->config.driver), false)) !=
		    NULL)
			a->world = world_of(v);
		a->world_ms = now;
		free(v);
	}
	if (a->world != NULL)
		fetch_world_hold(a->world);
	return a->world;
}

/* ---- one of them --------------------------------------------------------- */

static void
get_remove(struct get *g)
{
	struct get **at = &g->answers->gets;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	fetch_free(g->fetch);
	free(g);
}

static void
got(struct get *g, const struct fetch_seen *s)
{
	struct question q = {.type = CLIENT_GOT, .request = g->request};
	size_t bytes = 0;
	uint8_t *frame;

	q.u.got.bytes = s->progress.total;
	q.u.got.fetched = s->progress.fetched;
	q.u.got.resumed = s->resumed;
	q.u.got.node = s->progress.node;
	memcpy(q.u.got.name, s->progress.name, sizeof(q.u.got.name));
	frame = encode_frame(&q, &bytes);
	answers_send(g->answers, g->client, g->request, frame, bytes, true);
	get_remove(g);
}

static void
fail(struct get *g, const struct fetch_seen *s)
{
	answers_refuse(g->answers, g->client, g->request,
		       (enum error_code)s->code, "%s", s->text);
	get_remove(g);
}

/* It has left the threads. */
static void
on_ended(void *arg, struct fetch *f)
{
	struct get *g = arg;
	struct fetch_seen s;

	fetch_look(f, &s);
	g->parked = true;
	g->retry_ms = clock_steady_ms() + RETRY_MS;
	switch (s.outcome) {
	case FETCH_GOT:
		got(g, &s);
		return;
	case FETCH_FAILED:
		fail(g, &s);
		return;
	case FETCH_CONSENT:
		g->patient_ms = 0;
		return;
	case FETCH_NOBODY:
		if (g->patient_ms == 0 || s.progress.bytes > g->patient_bytes) {
			g->patient_ms = clock_steady_ms();
			g->patient_bytes = s.progress.bytes;
		} else if (clock_steady_ms() - g->patient_ms >=
			   (s.there ? PATIENCE_LIVE_MS : PATIENCE_MS)) {
			fail(g, &s);
		}
		return;
	}
}

static void
tell(struct get *g, uint64_t now)
{
	struct question q = {.type = CLIENT_GETTING, .request = g->request};
	struct fetch_seen s;
	size_t bytes = 0;
	uint8_t *frame;

	fetch_look(g->fetch, &s);
	if (memcmp(&s.progress, &g->told, sizeof(g->told)) == 0 &&
	    now - g->told_ms < TELL_MS)
		return;
	g->told = s.progress;
	g->told_ms = now;
	q.u.getting = s.progress;
	if ((frame = encode_frame(&q, &bytes)) != NULL)
		answers_send(g->answers, g->client, g->request, frame, bytes,
			     false);
}

static void
retry(struct get *g, uint64_t now)
{
	struct fetch_world *w = answers_world(g->answers);

	g->retry_ms = now + RETRY_MS;
	if (w == NULL)
		return; /* later, perhaps */
	g->parked = false;
	fetch_retry(g->fetch, w);
	fetch_world_drop(w);
}

/* ---- all of them --------------------------------------------------------- */

void
get_tick(struct answers *a)
{
	uint64_t now = clock_steady_ms();

	for (struct get *g = a->gets, *next; g != NULL; g = next) {
		next = g->next;
		tell(g, now);
		if (g->parked && now >= g->retry_ms)
			retry(g, now);
	}
}

void
get_forget(struct answers *a, uint64_t client)
{
	for (struct get *g = a->gets, *next; g != NULL; g = next) {
		next = g->next;
		if (g->client == client)
			get_remove(g);
	}
}

void
get_end(struct answers *a)
{
	while (a->gets != NULL)
		get_remove(a->gets);
	fetch_world_drop(a->world);
	a->world = NULL;
}

/* A range lies in the photo, and is not empty. */
static bool
range_lawful(const struct question_get *q)
{
	if (q->offset == 0 && q->length == 0)
		return true;
	return q->length > 0 && q->offset <= q->photo.size &&
	       q->length <= q->photo.size - q->offset;
}

void
answers_get(struct answers *a, uint64_t client, uint32_t request,
	    const struct question_get *q, int fd)
{
	struct fetch_world *w;
	struct get *g;

	if (a->config.fetching == NULL) {
		close(fd);
		answers_refuse(a, client, request, ERROR_BUSY,
			       "nothing is fetched here");
		return;
	}
	if (!range_lawful(q)) {
		close(fd);
		answers_refuse(a, client, request, ERROR_USAGE,
			       "the photo has no such range");
		return;
	}
	g = calloc(1, sizeof(*g));
	w = answers_world(a);
	if (g == NULL || w == NULL) {
		close(fd);
		goto no_memory;
	}
	g->answers = a;
	g->client = client;
	g->request = request;
	g->fetch = fetching_get(a->config.fetching, q, fd, w, on_ended, g);
	if (g->fetch == NULL)
		goto no_memory;
	fetch_world_drop(w);
	g->next = a->gets;
	a->gets = g;
	return;
no_memory:
	fetch_world_drop(w);
	free(g);
	answers_send(a, client, request, NULL, 0, true);
}
