/*
 * daemon_work.c: what begins behind the ready line: this node's folders are
 * read, its pictures looked into, thumbnails made.
 */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "clients.h"
#include "holdings.h"
#include "log.h"
#include "means.h"
#include "pictures.h"
#include "serving.h"
#include "thumbs.h"
#include "trouble.h"
#include "workers.h"

#ifndef PHOTOMESH_VERSION
#define PHOTOMESH_VERSION "0.1.0"
#endif

static void
release_delivery(struct own_delivery *delivery)
{
	free(delivery);
}

/* What this node says of itself; written only when it has changed. */
static void
stamp_node(struct daemon *d)
{
	struct own_delivery *delivery = calloc(1, sizeof(*delivery));
	struct record_node *node;

	if (delivery == NULL)
		return;
	node = &delivery->batch.node;
	delivery->batch.has_node = true;
	memcpy(node->name, d->name, sizeof(node->name));
	node->host = d->state->host;
	strncpy(node->version, PHOTOMESH_VERSION, sizeof(node->version) - 1);
	node->share = (uint8_t)d->options.share;
	delivery->release = release_delivery;
	delivery->written = on_own_written;
	delivery->arg = d;
	catalogue_own(d->catalogue, delivery);
}

static int
start_intake(struct daemon *d, struct trouble *why)
{
	const struct intake_config config = {
		.state = d->state,
		.catalogue = d->catalogue,
		.ends = d->ends,
		.excludes = d->options.excludes,
		.exclude_count = d->options.exclude_count,
		.interval_seconds = d->options.rescan_seconds,
		.hashers = d->options.readers,
		.read_rate = d->options.read_rate,
		.recalled = &d->recalled,
		.written = on_own_written,
		.on_scan = on_scan,
		.arg = d,
	};

	d->intake = intake_new(&config, why);
	if (d->intake == NULL)
		return -1;
	clients_set_intake(d->clients, d->intake);
	holdings_set_intake(d->holdings, d->intake);
	return 0;
}

/* Behind the intake: what is not known of pictures is no reason not to serve. */
static void
start_pictures(struct daemon *d)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned count = d->options.decoders;
	struct pictures_config config = {
		.dir = d->state->dir,
		.self = d->state->node,
		.catalogue = d->catalogue,
		.holdings = d->holdings,
		.ends = d->ends,
		.written = on_own_written,
		.arg = d,
	};
	struct trouble why = {0};
	char program[PATH_MAX];

#ifdef PHOTOMESH_TEST_HOOKS
	if (getenv("PHOTOMESH_GRACE_MS") != NULL)
		config.grace_ms = (unsigned)atoi(getenv("PHOTOMESH_GRACE_MS"));
#endif
	if (count == 0)
		return;
	if (count == OPTIONS_DECODERS_PER_CORE)
		count = cores > 0 && cores < (long)OPTIONS_THREADS_MAX ?
				(unsigned)cores : 1;
	if (workers_find(program, sizeof(program), &why) == -1) {
		log_info("dates, cameras and sizes of pictures stay unknown "
			 "here: %s", why.text);
		return;
	}
	config.threads = count;
	config.workers = d->workers = workers_open(program, count, &why);
	if (d->workers != NULL)
		d->pictures = pictures_new(&config, &why);
	if (d->pictures == NULL) {
		log_warn("nobody looks into pictures: %s", why.text);
		return;
	}
	clients_set_look(d->clients, on_look, d);
}

/* Behind pictures; also where nobody looks into any. */
static void
start_thumbs(struct daemon *d)
{
	struct thumbs_config config = {
		.dir = d->state->dir,
		.self = d->state->node,
		.catalogue = d->catalogue,
		.holdings = d->holdings,
		.fetching = d->fetching,
		.store = d->thumb_store,
		.ends = d->ends,
		.workers = d->workers,
		.pictures = d->pictures,
		.keeps = d->options.cache_bytes > 0,
	};
	struct trouble why = {0};

	if (descriptors_few()) {
		log_warn("there are no thumbnails: at most %u files may be "
			 "open at once", DESCRIPTORS_FEW);
		return;
	}
#ifdef PHOTOMESH_TEST_HOOKS
	if (getenv("PHOTOMESH_GRACE_MS") != NULL)
		config.grace_ms = (unsigned)atoi(getenv("PHOTOMESH_GRACE_MS"));
#endif
	if ((d->thumbs = thumbs_new(&config, &why)) == NULL) {
		log_warn("there are no thumbnails: %s", why.text);
		return;
	}
	clients_set_thumbs(d->clients, on_show, on_thumb_count, d);
	if (d->workers != NULL)
		serving_set_maker(d->serving, thumbs_make, d->thumbs);
}

int
daemon_work(struct daemon *d, struct trouble *why)
{
	stamp_node(d);
	if (start_intake(d, why) == -1)
		return -1;
	start_pictures(d);
	start_thumbs(d);
	tell_who_is_live(d);
	return 0;
}
