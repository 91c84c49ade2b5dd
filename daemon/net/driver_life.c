/*
 * driver_life.c: the driver from its start to its goodbye.
 */
#include "driver.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "clock.h"
#include "driver_private.h"
#include "fields.h"
#include "trouble.h"

#define LEAVE_MS      1000u
#define LEAVE_LOOK_MS 5

/* ---- start and stop -------------------------------------------------- */

static void
each_stream(void *arg, const struct stream_report *s)
{
	mesh_remember_stream(arg, s);
}

static void
each_node(void *arg, const struct mesh_memory *n)
{
	mesh_remember_node(arg, n);
}

static void
each_forgotten(void *arg, const struct stream_id *ended, bool own)
{
	if (own)
		mesh_remember_forgotten(arg, &ended->node, ended->generation);
}

static int
remember(struct driver *d, struct trouble *why)
{
	struct writer *w = catalogue_writer(d->config.catalogue);

	if (writer_each_forgotten(w, each_forgotten, d->mesh, why) == -1)
		return -1;
	if (writer_each_node(w, each_node, d->mesh, why) == -1)
		return -1;
	return writer_each_stream(w, each_stream, d->mesh, why);
}

struct driver *
driver_new(const struct driver_config *config, struct trouble *why)
{
	const struct mesh_input start = {.kind = MESH_START};
	struct driver *d = calloc(1, sizeof(*d));

	if (d == NULL)
		goto no_memory;
	d->config = *config;
	d->tick_ms = UINT64_MAX;
	TAILQ_INIT(&d->dials);
	TAILQ_INIT(&d->pages);
	TAILQ_INIT(&d->verifications);
	d->mesh = calloc(1, mesh_bytes());
	d->effects = malloc(sizeof(*d->effects));
	d->decoder = message_decoder_new();
	d->unpack = unpack_new();
	d->tick = evtimer_new(config->base, driver_on_tick, d);
	d->dial_more = evtimer_new(config->base, driver_on_dial_more, d);
	if (d->mesh == NULL || d->effects == NULL || d->decoder == NULL ||
	    d->unpack == NULL || d->tick == NULL || d->dial_more == NULL)
		goto no_memory;
	d->effects->count = 0;
	d->wires = wires_new(config->base, config->tls, config->ends,
			     &driver_wire_events, d, why);
	if (d->wires == NULL)
		goto free_driver;
	mesh_init(d->mesh, &config->mesh);
	if (remember(d, why) == -1)
		goto free_driver;
	if (driver_listen(d) == -1)
		goto no_memory;
	/* Nothing runs before the writer has been read from. */
	d->running = true;
	driver_feed(d, &start);
	if (driver_recall_forgotten(d, why) == -1)
		goto free_driver;
	driver_run(d);
	catalogue_catch_up(d->config.catalogue, driver_caught_up, d);
	return d;
no_memory:
	trouble_set(why, ENOMEM, "out of memory");
free_driver:
	driver_free(d);
	return NULL;
}

static void
forget_dials(struct driver *d)
{
	struct dial *w;

	(void)event_del(d->dial_more);
	while ((w = TAILQ_FIRST(&d->dials)) != NULL) {
		TAILQ_REMOVE(&d->dials, w, in_driver);
		free(w);
	}
}

void
driver_stop(struct driver *d)
{
	if (d == NULL || d->stopped)
		return;
	d->stopped = true;
	(void)event_del(d->tick);
	(void)event_del(d->dial_more);
	if (d->leaving != NULL)
		(void)event_del(d->leaving);
	driver_verify_end_all(d);
	driver_unlisten(d);
}

void
driver_free(struct driver *d)
{
	struct page *p;

	if (d == NULL)
		return;
	assert(d->jobs == 0);
	d->stopped = true;
	driver_verify_end_all(d);
	driver_unlisten(d);
	wires_free(d->wires);
	while ((p = TAILQ_FIRST(&d->pages)) != NULL) {
		TAILQ_REMOVE(&d->pages, p, in_driver);
		free(p->frame);
		free(p);
	}
	if (d->dial_more != NULL) {
		forget_dials(d);
		event_free(d->dial_more);
	}
	if (d->accept_again != NULL)
		event_free(d->accept_again);
	if (d->leaving != NULL)
		event_free(d->leaving);
	if (d->tick != NULL)
		event_free(d->tick);
	message_decoder_free(d->decoder);
	unpack_free(d->unpack);
	free(d->effects);
	free(d->mesh);
	free(d->queue);
	free(d);
}

const struct mesh *
driver_mesh(const struct driver *d)
{
	return d->mesh;
}

/* ---- goodbye --------------------------------------------------------- */

static void
on_leaving(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = {0, LEAVE_LOOK_MS * 1000};
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (wires_lingering(d->wires) > 0 &&
	    clock_steady_ms() < d->leave_until_ms) {
		(void)evtimer_add(d->leaving, &again);
		return;
	}
	d->left(d->left_arg);
}

void
driver_leave(struct driver *d, void (*done)(void *arg), void *arg)
{
	const struct mesh_input in = {.kind = MESH_LEAVE};
	struct wire *w, *next;

	if (d->left != NULL)
		return;
	d->left = done;
	d->left_arg = arg;
	/* Nobody new: and a peer that redials shall be refused. */
	driver_unlisten(d);
	driver_feed(d, &in);
	/* The mesh has said goodbye; what it left open, or still meant to
	 * open, ends now. */
	forget_dials(d);
	for (w = wires_first(d->wires); w != NULL; w = next) {
		next = wire_next(w);
		wire_hang_up(w);
	}
	d->leave_until_ms = clock_steady_ms() + LEAVE_MS;
	d->leaving = evtimer_new(d->config.base, on_leaving, d);
	if (d->leaving == NULL)
		done(arg);
	else
		on_leaving(-1, 0, d);
}
