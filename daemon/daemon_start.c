/*
 * daemon_start.c: puts a photod together, and takes it apart.
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <event2/event.h>

#include "beacon.h"
#include "catalogue.h"
#include "clients.h"
#include "clock.h"
#include "consent.h"
#include "fetching.h"
#include "holdings.h"
#include "log.h"
#include "mailbox.h"
#include "pictures.h"
#include "serving.h"
#include "thumb_store.h"
#include "thumbs.h"
#include "tls.h"
#include "trouble.h"
#include "workers.h"

#ifndef PHOTOMESH_VERSION
#define PHOTOMESH_VERSION "0.1.0"
#endif

/* The base name of the first folder, fit to be shown and sent. */
static void
choose_name(struct daemon *d)
{
	const char *base = d->options.name;
	char *real = NULL;
	size_t used;

	if (base == NULL) {
		char *slash;

		real = realpath(d->options.folders[0], NULL);
		if (real == NULL)
			real = strdup(d->options.folders[0]);
		if (real == NULL)
			real = strdup("photos");
		for (used = strlen(real); used > 1 && real[used - 1] == '/';)
			real[--used] = '\0';
		slash = strrchr(real, '/');
		base = slash != NULL ? slash + 1 : real;
		if (base[0] == '\0')
			base = "photos";
	}
	for (used = 0; base[used] != '\0' && used < NODE_NAME_BYTES_MAX;
	     used++) {
		unsigned char c = (unsigned char)base[used];

		d->name[used] = c < 0x20 || c == 0x7f ? '_' : (char)c;
	}
	/* Not half a character at the cut. */
	if (base[used] != '\0') {
		while (used > 1 && ((unsigned char)base[used] & 0xc0) == 0x80)
			used--;
	}
	d->name[used] = '\0';
	free(real);
}

/* Then the end of a session is to be nothing to us. */
static bool
under_nohup(void)
{
	struct sigaction now;

	return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static int
make_base(struct daemon *d, struct trouble *why)
{
	struct event_config *config = event_config_new();

	if (config != NULL) {
		/* One thread owns it.  Precise: redials come 1 ms apart. */
		(void)event_config_set_flag(config,
					    EVENT_BASE_FLAG_NOLOCK |
						    EVENT_BASE_FLAG_PRECISE_TIMER);
		d->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (d->base == NULL)
		return trouble_set(why, 0, "cannot make an event loop");
	if ((d->ends = mailbox_new(why)) == NULL)
		return -1;
	d->letters = event_new(d->base, mailbox_fd(d->ends),
			       EV_READ | EV_PERSIST, on_letters, d);
	d->on_int = evsignal_new(d->base, SIGINT, on_signal, d);
	d->on_term = evsignal_new(d->base, SIGTERM, on_signal, d);
	d->on_hup = evsignal_new(d->base, SIGHUP, on_signal, d);
	if (d->letters == NULL || d->on_int == NULL || d->on_term == NULL ||
	    d->on_hup == NULL || event_add(d->letters, NULL) == -1 ||
	    event_add(d->on_int, NULL) == -1 ||
	    event_add(d->on_term, NULL) == -1 ||
	    (!under_nohup() && event_add(d->on_hup, NULL) == -1))
		return trouble_set(why, 0, "cannot watch for signals");
#ifdef PHOTOMESH_TEST_HOOKS
	d->on_block = evsignal_new(d->base, SIGUSR2, on_block, d);
	if (d->on_block == NULL || event_add(d->on_block, NULL) == -1)
		return trouble_set(why, 0, "cannot watch for signals");
#endif
	return 0;
}

/* With the mesh key; which is then kept by TLS alone, and in what beacons are
 * sealed with. */
static int
make_tls(struct daemon *d, struct trouble *why)
{
	const struct options *o = &d->options;
	uint8_t key[MESH_KEY_BYTES];
	bool made = true;

	/* A key that nobody else has leads to nobody elsewhere. */
	if (mesh_key_load(o->key_file, o->listen == NULL && !o->discover, key,
			  why) == -1)
		return -1;
	if (o->discover)
		made = beacon_key_make(key, &d->beacon_key);
	d->tls = tls_new(key, why);
	explicit_bzero(key, sizeof(key));
	if (!made)
		return trouble_set(why, 0, "cannot make a key for beacons");
	return d->tls != NULL ? 0 : -1;
}

#define LOOK_MS 20u

/* While the loop does not run yet, signals are all that can come by it. */
static bool
is_leaving(void *arg)
{
	struct daemon *d = arg;
	uint64_t now_ms = clock_steady_ms();

	if (!d->leaving && now_ms - d->looked_ms >= LOOK_MS) {
		d->looked_ms = now_ms;
		(void)event_base_loop(d->base, EVLOOP_NONBLOCK);
	}
	return d->leaving;
}

static int
open_catalogue(struct daemon *d, struct trouble *why)
{
	const struct writer_config config = {
		.dir = d->state->dir,
		.self = d->state->node,
		.run = d->state->run,
		.wall_ms = (uint64_t)clock_wall_ms(),
		.new_life = d->state->new_life,
		.newborn = d->state->newborn,
		.given_up = is_leaving,
		.arg = d,
	};
	enum writer_found found;

	d->catalogue = catalogue_open(&config, d->ends, &found, why);
	if (d->catalogue == NULL || d->leaving)
		return -1;
	switch (found) {
	case WRITER_NEW:
	case WRITER_KEPT:
		break;
	case WRITER_MOVED:
		log_warn("the catalogue in %s was damaged: it has been moved "
			 "aside and is made afresh from the folders",
			 d->state->dir);
		break;
	case WRITER_ADOPTED:
		log_info("the catalogue goes on under a new identity");
		break;
	}
	/* Now, while nobody else uses the writer. */
	return intake_recall(&d->recalled, d->state, d->catalogue, why);
}

/* Before the driver, which hands channels on. */
static int
start_serving(struct daemon *d, struct trouble *why)
{
	const struct consent_config consent = {
		.state = d->state,
		.share = d->options.share,
		.ends = d->ends,
		.on_request = on_request,
		.arg = d,
	};
	struct serving_config config = {
		.bytes_per_second = d->options.serve_rate,
	};

	if ((d->consent = consent_new(&consent, why)) == NULL)
		return -1;
	d->holdings = holdings_new(d->state, d->catalogue, why);
	if (d->holdings == NULL)
		return -1;
	d->thumb_store = thumb_store_new(d->state->dir, d->options.cache_bytes);
	if (d->thumb_store == NULL)
		return trouble_set(why, 0, "out of memory");
	config.consent = d->consent;
	config.holdings = d->holdings;
	config.thumbs = d->thumb_store;
	d->serving = serving_new(&config, why);
	return d->serving != NULL ? 0 : -1;
}

static int
start_driver(struct daemon *d, struct trouble *why)
{
	const struct options *o = &d->options;
	struct driver_config config = {
		.base = d->base,
		.mesh = {.self = d->state->node,
			 .run = d->state->run,
			 .remembers = writer_remembers(
				 catalogue_writer(d->catalogue)),
			 .software = "photod " PHOTOMESH_VERSION,
			 .host = d->state->host,
			 .port = d->claim.port,
			 .base_port = o->base_port,
			 .port_count = MESH_PORTS,
			 .address_count = d->claim.address_count,
			 .join_count = o->join_count},
		.state = d->state,
		.tls = d->tls,
		.catalogue = d->catalogue,
		.ends = d->ends,
		.listener_count = d->claim.listener_count,
		.listeners = {d->claim.listeners[0], d->claim.listeners[1]},
		.on_crown = on_crown,
		.on_news = on_news,
		.on_photos = on_photos,
		.on_stored = on_stored,
		.on_new_life = on_new_life,
		.on_channel = on_channel,
		.on_client = on_client,
		.on_new_identity = on_new_identity,
		.arg = d,
	};

	if (o->base_port > UINT16_MAX - MESH_PORTS + 1)
		config.mesh.port_count =
			(uint16_t)(UINT16_MAX - o->base_port + 1);
	memcpy(config.mesh.name, d->name, sizeof(config.mesh.name));
	memcpy(config.mesh.addresses, d->claim.addresses,
	       sizeof(config.mesh.addresses));
	memcpy(config.mesh.joins, o->joins, sizeof(config.mesh.joins));
	if (getrandom(&config.mesh.seed, sizeof(config.mesh.seed), 0) !=
	    sizeof(config.mesh.seed))
		config.mesh.seed = d->state->run;
	d->driver = driver_new(&config, why);
	return d->driver != NULL ? 0 : -1;
}

static int
start_fetching(struct daemon *d, struct trouble *why)
{
	const struct fetching_config config = {
		.tls = d->tls,
		.state = d->state,
		.catalogue = d->catalogue,
		.holdings = d->holdings,
		.ends = d->ends,
		.rate = d->options.fetch_rate,
	};

	d->fetching = fetching_new(&config, why);
	return d->fetching != NULL ? 0 : -1;
}

static int
start_clients(struct daemon *d, struct trouble *why)
{
	struct clients_config config = {
		.base = d->base,
		.runtime_dir = d->runtime,
		.port = d->claim.port,
		.driver = d->driver,
		.catalogue = d->catalogue,
		.fetching = d->fetching,
		.state = d->state,
		.consent = d->consent,
		.on_leave = on_leave,
		.arg = d,
	};

	if (runtime_dir(d->runtime, sizeof(d->runtime), why) == -1)
		return -1;
	d->clients = clients_new(&config, why);
	return d->clients != NULL ? 0 : -1;
}

static int
start_beacon(struct daemon *d, struct trouble *why)
{
	const struct beacon_config config = {
		.base = d->base,
		.key = d->beacon_key,
		.self = d->state->node,
		.claim = &d->claim,
		.on_heard = driver_beacon,
		.arg = d->driver,
	};

	if (!d->options.discover)
		return 0;
	d->beacon = beacon_new(&config, why);
	return d->beacon != NULL ? 0 : -1;
}

static void
say_ready(const struct daemon *d)
{
	struct rank first;

	mesh_coordinator(driver_mesh(d->driver), &first);
	if (node_id_is_zero(&first.node))
		printf("photod: %s ready on 127.0.0.1:%u "
		       "(coordinator unknown)\n",
		       d->name, (unsigned)d->claim.port);
	else
		printf("photod: %s ready on 127.0.0.1:%u (coordinator %u)\n",
		       d->name, (unsigned)d->claim.port, (unsigned)first.port);
	fflush(stdout);
}

int
daemon_start(struct daemon *d, struct trouble *why)
{
	const struct options *o = &d->options;

	choose_name(d);
	/* The port first: its descriptors must be the lowest (claim.h). */
	if (claim_port(&d->claim, o->base_port, MESH_PORTS, o->listen, why) ==
		    -1 ||
	    make_base(d, why) == -1 || make_tls(d, why) == -1)
		return -1;
	d->state = state_open(o->state_dir, o->folders, o->folder_count, why);
	if (d->state == NULL || open_catalogue(d, why) == -1 ||
	    start_serving(d, why) == -1 || start_driver(d, why) == -1 ||
	    start_fetching(d, why) == -1 || start_clients(d, why) == -1 ||
	    start_beacon(d, why) == -1)
		return -1;
	say_ready(d);
	if (daemon_work(d, why) == -1)
		return -1;
	catalogue_check(d->catalogue, on_damage, d);
	return 0;
}

/* Peers and clients first: nobody shall wait for a disk to finish. */
void
daemon_stop(struct daemon *d)
{
	struct thumbs *thumbs = d->thumbs;

	beacon_free(d->beacon);
	driver_stop(d->driver);
	clients_free(d->clients);
	d->clients = NULL;
	d->thumbs = NULL;
	thumbs_stop(thumbs);
	pictures_free(d->pictures);
	d->pictures = NULL;
	fetching_free(d->fetching);
	serving_free(d->serving); /* some of it may be making thumbnails */
	thumbs_free(thumbs);
	workers_close(d->workers);
	d->workers = NULL;
	holdings_free(d->holdings);
	intake_free(d->intake);
	d->intake = NULL;
	if (d->catalogue != NULL)
		catalogue_close(d->catalogue);
	thumb_store_free(d->thumb_store); /* query threads counted in it */
	if (d->ends != NULL)
		mailbox_deliver(d->ends);
	consent_free(d->consent); /* jobs of the catalogue used it */
	driver_free(d->driver);
	tls_free(d->tls);
	if (d->letters != NULL)
		event_free(d->letters);
	if (d->on_int != NULL)
		event_free(d->on_int);
	if (d->on_term != NULL)
		event_free(d->on_term);
	if (d->on_hup != NULL)
		event_free(d->on_hup);
	if (d->on_block != NULL)
		event_free(d->on_block);
	if (d->base != NULL) {
		/* What was woken and then freed, libevent has put off to its
		 * next turn; event_base_free would forget that, and leave the
		 * connection with all that lies in its input. */
		(void)event_base_loop(d->base, EVLOOP_NONBLOCK);
		event_base_free(d->base);
	}
}
