/*
 * driver_verify.c: asking everybody to recompute, and being asked.
 *
 * Recomputing reads every row there is, so it happens in the query pool, once
 * at a time for each link.
 */
#include "driver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "driver_private.h"
#include "pool.h"
#include "trouble.h"

/* Our requests live above those of the mesh. */
#define VERIFY_REQUEST_FIRST 0x80000000u

/* ---- being asked ------------------------------------------------------------ */

struct verify_job {
	struct job job;
	struct driver *driver;
	mesh_link link;
	uint32_t request;
	struct message_verified verified;
	struct stream_report *reports; /* MESH_STREAMS_MAX */
	bool failed;
	struct trouble why;
};

static void
each_report(void *arg, const struct stream_report *s)
{
	struct verify_job *j = arg;

	if (j->verified.count < MESH_STREAMS_MAX)
		j->reports[j->verified.count++] = *s;
}

static void
verify_work(struct job *job, unsigned slot)
{
	struct verify_job *j = (struct verify_job *)(void *)job;
	struct reader *r = catalogue_reader(j->driver->config.catalogue, slot);

	j->failed = reader_verify_streams(r, each_report, j, &j->why) == -1 ||
		    reader_verify_merged(r, &j->verified.merged,
					 &j->verified.photos, &j->why) == -1;
	j->verified.reports = j->reports;
}

static void
answer_error(struct driver *d, struct wire *w, uint32_t request, uint32_t code,
	     const char *text)
{
	struct message m = {
		.type = MESSAGE_ERROR,
		.request = request,
		.u.error.code = code,
	};

	strncpy(m.u.error.text, text, REASON_BYTES_MAX);
	driver_say(d, w, &m);
}

static void
verify_end(struct letter *letter)
{
	struct verify_job *j = (struct verify_job *)(void *)letter;
	struct driver *d = j->driver;
	struct wire *w = wires_find(d->wires, j->link);
	const struct message m = {
		.type = MESSAGE_VERIFIED,
		.request = j->request,
		.u.verified = j->verified,
	};

	d->jobs--;
	if (w != NULL && !d->stopped) {
		wire_notes(w)->verifying = false;
		if (j->failed) {
			log_error("cannot verify: %s", j->why.text);
			answer_error(d, w, j->request, ERROR_FAILED,
				     "cannot read the catalogue");
		} else {
			driver_say(d, w, &m);
		}
	}
	free(j->reports);
	free(j);
}

void
driver_verify_asked(struct driver *d, struct wire *w, uint32_t request)
{
	struct wire_notes *n = wire_notes(w);
	struct verify_job *j;

	/* The mesh has heard it too, and hangs up on those out of turn. */
	if (!n->hello_sent || !n->hello_heard)
		return;
	if (n->verifying || d->jobs >= DRIVER_JOBS_MAX) {
		answer_error(d, w, request, ERROR_BUSY, "still verifying");
		return;
	}
	j = calloc(1, sizeof(*j));
	if (j == NULL || (j->reports = calloc(MESH_STREAMS_MAX,
					      sizeof(*j->reports))) == NULL) {
		free(j);
		answer_error(d, w, request, ERROR_FAILED, "out of memory");
		return;
	}
	j->job.letter.deliver = verify_end;
	j->job.work = verify_work;
	j->job.slow = true;
	j->driver = d;
	j->link = wire_id(w);
	j->request = request;
	n->verifying = true;
	d->jobs++;
	catalogue_ask(d->config.catalogue, &j->job);
}

/* ---- asking ------------------------------------------------------------------ */

static void
finish(struct verification *v)
{
	struct node_id silent[MESH_LIVE_MAX];
	uint32_t count = 0;

	TAILQ_REMOVE(&v->driver->verifications, v, in_driver);
	for (uint32_t i = 0; i < v->count; i++) {
		if (!v->asked[i].answered)
			silent[count++] = v->asked[i].node;
	}
	v->done(v->arg, silent, count);
	event_free(v->timer);
	free(v);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg);
}

/* Not from here: whoever looks on may hold the list. */
static void
finish_soon(struct verification *v)
{
	static const struct timeval now = {0, 0};

	(void)evtimer_add(v->timer, &now);
}

void
driver_verify(struct driver *d, uint32_t timeout_ms,
	      void (*each)(void *arg, const struct node_id *at,
			   const struct message_verified *v),
	      void (*done)(void *arg, const struct node_id *silent,
			   uint32_t silent_count),
	      void *arg)
{
	const struct timeval tv = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000,
	};
	struct message m = {.type = MESSAGE_VERIFY};
	struct verification *v;
	struct wire *w, *next;
	bool held = d->running;

	if (d->stopped) {
		done(arg, NULL, 0);
		return;
	}
	v = calloc(1, sizeof(*v));
	if (v == NULL || (v->timer = evtimer_new(d->config.base, on_timer,
						 v)) == NULL) {
		free(v);
		done(arg, NULL, 0);
		return;
	}
	v->driver = d;
	v->each = each;
	v->done = done;
	v->arg = arg;
	v->request = VERIFY_REQUEST_FIRST | (++d->verify_request & 0xffffffu);
	m.request = v->request;
	TAILQ_INSERT_TAIL(&d->verifications, v, in_driver);
	/* While inputs are held back no link can end but the one that is
	 * written to: the walk goes over all of them. */
	d->running = true;
	for (w = wires_first(d->wires); w != NULL && v->count < MESH_LIVE_MAX;
	     w = next) {
		const struct wire_notes *n = wire_notes(w);

		next = wire_next(w);
		if (!n->hello_sent || !n->hello_heard)
			continue;
		v->asked[v->count].link = wire_id(w);
		v->asked[v->count].node = n->node;
		v->count++;
		v->outstanding++;
		driver_say(d, w, &m);
	}
	(void)evtimer_add(v->timer, &tv);
	if (v->outstanding == 0)
		finish_soon(v);
	if (!held)
		driver_run(d);
}

void
driver_verify_heard(struct driver *d, struct wire *w, const struct message *m)
{
	struct verification *v;

	TAILQ_FOREACH(v, &d->verifications, in_driver) {
		if (v->request != m->request)
			continue;
		for (uint32_t i = 0; i < v->count; i++) {
			if (v->asked[i].link != wire_id(w) ||
			    v->asked[i].answered || v->asked[i].lost)
				continue;
			if (m->type == MESSAGE_VERIFIED) {
				v->asked[i].answered = true;
				v->each(v->arg, &v->asked[i].node,
					&m->u.verified);
			} else {
				v->asked[i].lost = true;
			}
			if (--v->outstanding == 0)
				finish_soon(v);
			return;
		}
	}
}

void
driver_verify_lost(struct driver *d, mesh_link link)
{
	struct verification *v;

	TAILQ_FOREACH(v, &d->verifications, in_driver) {
		for (uint32_t i = 0; i < v->count; i++) {
			if (v->asked[i].link != link || v->asked[i].answered ||
			    v->asked[i].lost)
				continue;
			v->asked[i].lost = true;
			if (--v->outstanding == 0)
				finish_soon(v);
		}
	}
}

void
driver_verify_end_all(struct driver *d)
{
	struct verification *v;

	while ((v = TAILQ_FIRST(&d->verifications)) != NULL)
		finish(v);
}
