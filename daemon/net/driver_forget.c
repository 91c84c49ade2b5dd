/*
 * driver_forget.c: forgotten nodes, between the mesh and the catalogue.
 */
#include "driver.h"

#include <stdlib.h>

#include "driver_private.h"
#include "dying.h"
#include "trouble.h"

void
driver_forget(struct driver *d, const struct node_id *node)
{
	const struct mesh_input in = {.kind = MESH_FORGET, .u.forget = *node};

	driver_feed(d, &in);
}

struct ending {
	struct driver *driver;
	struct stream_id ended; /* node zero: only what a former run left */
	bool said; /* our own stream is told */
};

/* A step of it is written.  Failed: the mesh will ask again. */
static void
on_ended(void *arg, bool failed, const struct write_result *result,
	 const struct trouble *why)
{
	struct ending *e = arg;
	struct driver *d = e->driver;
	const struct mesh_input in = {.kind = MESH_FORGOT,
				      .u.ended = e->ended};
	const struct mesh_input own = {.kind = MESH_OWN,
				       .u.own = result->own};

	if (failed) {
		driver_complain(d, "cannot forget a node", why);
		free(e);
		return;
	}
	dying("ended");
	if (!e->said)
		driver_feed(d, &own);
	e->said = true;
	driver_tell_result(d, result);
	if (result->more && !d->stopped) {
		catalogue_clear(d->config.catalogue, on_ended, e);
		return;
	}
	if (!node_id_is_zero(&e->ended.node))
		driver_feed(d, &in);
	free(e);
}

void
driver_end(struct driver *d, const struct mesh_effect *effect)
{
	struct ending *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return; /* asked for again */
	e->driver = d;
	e->ended = effect->u.end.stream;
	catalogue_end(d->config.catalogue, &e->ended, effect->u.end.vanishes,
		      effect->u.end.ordered, on_ended, e);
}

static void
each_forgotten(void *arg, const struct stream_id *ended, bool own)
{
	const struct mesh_input in = {.kind = MESH_FORGOTTEN,
				      .u.ended = *ended};

	if (!own)
		driver_feed(arg, &in);
}

int
driver_recall_forgotten(struct driver *d, struct trouble *why)
{
	struct writer *w = catalogue_writer(d->config.catalogue);
	struct ending *e;

	if (writer_each_forgotten(w, each_forgotten, d, why) == -1)
		return -1;
	if (!writer_clearing(w) || (e = calloc(1, sizeof(*e))) == NULL)
		return 0;
	e->driver = d;
	catalogue_clear(d->config.catalogue, on_ended, e);
	return 0;
}
