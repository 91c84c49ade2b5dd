/*
 * daemon_events.c: what happens to a running photod, handed to those whom it
 * concerns; and how it comes to its end.
 */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "clients.h"
#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "fetching.h"
#include "pictures.h"
#include "serving.h"
#include "thumb_store.h"
#include "thumbs.h"
#include "trouble.h"

/* ---- what people are told -------------------------------------------------- */

void
on_crown(void *arg, const struct rank *now, const struct rank *was)
{
	struct daemon *d = arg;

	if (d->clients != NULL)
		clients_crown(d->clients, now, was);
}

bool
on_look(void *arg, int fd, answers_looked *done, void *done_arg)
{
	struct daemon *d = arg;

	return pictures_look_at(d->pictures, fd, done, done_arg);
}

struct shown {
	answers_shown *done;
	void *arg;
};

static void
on_seen(void *arg, const struct thumb_seen *seen)
{
	struct shown *s = arg;
	struct answers_thumb thumb = {
		.listed = seen->listed,
		.is = {.image = seen->image,
		       .image_bytes = seen->image_bytes,
		       .width = seen->width,
		       .height = seen->height,
		       .pixels = seen->pixels},
	};

	s->done(s->arg, &thumb);
	free(s);
}

bool
on_show(void *arg, const struct question_thumb *what, answers_shown *done,
	void *done_arg)
{
	struct daemon *d = arg;
	struct shown *s = malloc(sizeof(*s));

	if (s == NULL)
		return false;
	*s = (struct shown){done, done_arg};
	if (thumbs_ask(d->thumbs, &what->photo, what->pixels, on_seen, s))
		return true;
	free(s);
	return false;
}

void
on_thumb_count(void *arg, uint64_t *kept, uint64_t *made)
{
	struct daemon *d = arg;

	thumb_store_count(d->thumb_store, kept, made);
}

static bool
is_live(const struct node_view *v)
{
	return v->state == NODE_STATE_LIVE || v->state == NODE_STATE_SYNCING ||
	       v->state == NODE_STATE_SUSPECT;
}

/* One reference; NULL: out of memory. */
static struct fetch_world *
world_of(const struct mesh *m, uint64_t now)
{
	struct fetch_world *w = fetch_world_new(mesh_node_count(m));
	struct host_id here;
	struct node_view v;

	for (uint32_t i = 0; w != NULL && i < w->count; i++) {
		struct fetch_peer *p = &w->peers[i];

		mesh_node_view(m, i, now, &v);
		if (i == 0)
			here = v.host;
		p->node = v.node;
		p->live = is_live(&v);
		p->near = host_id_equal(&v.host, &here);
		p->port = v.port;
		p->address_count = v.address_count;
		memcpy(p->addresses, v.addresses, sizeof(p->addresses));
		memcpy(p->name, v.name, sizeof(v.name));
	}
	return w;
}

void
tell_who_is_live(struct daemon *d)
{
	const struct mesh *m = driver_mesh(d->driver);
	struct node_id live[MESH_KNOWN_MAX];
	struct fetch_world *world;
	uint32_t count = 0;

	/* Before that, others may have told what is not here yet. */
	if (!mesh_synced(m) ||
	    (world = world_of(m, clock_steady_ms())) == NULL)
		return;
	for (uint32_t i = 0; i < world->count && i < MESH_KNOWN_MAX; i++)
		if (world->peers[i].live)
			live[count++] = world->peers[i].node;
	if (d->pictures != NULL)
		pictures_live(d->pictures, live, count);
	if (d->thumbs != NULL)
		thumbs_world(d->thumbs, world);
	fetch_world_drop(world);
}

void
on_news(void *arg, enum mesh_news what, const struct node_id *node,
	const char *text)
{
	struct daemon *d = arg;

	if (d->clients != NULL)
		clients_news(d->clients, what, node, text);
	if (d->pictures != NULL || d->thumbs != NULL)
		tell_who_is_live(d);
}

void
on_photos(void *arg, const struct photo_news *news, uint32_t count,
	  bool lost_some)
{
	struct daemon *d = arg;

	if (d->clients != NULL)
		clients_photos(d->clients, news, count, lost_some);
}

void
on_stored(void *arg)
{
	struct daemon *d = arg;

	if (d->thumbs != NULL)
		thumbs_poke(d->thumbs);
}

void
on_scan(void *arg, const struct scan_progress *p)
{
	struct daemon *d = arg;

	if (d->clients != NULL)
		clients_scan(d->clients, p);
}

void
on_own_written(void *arg, bool failed, const struct write_result *result,
	       const struct trouble *why)
{
	struct daemon *d = arg;

	if (d->driver != NULL)
		driver_own_written(d->driver, failed, result, why);
	if (d->pictures != NULL && failed)
		pictures_again(d->pictures);
	else if (d->pictures != NULL && result->changed)
		pictures_poke(d->pictures);
	if (d->thumbs != NULL && !failed && result->changed)
		thumbs_poke(d->thumbs);
}

void
on_request(void *arg, const struct consent_request *r)
{
	struct daemon *d = arg;

	if (d->clients != NULL)
		clients_request(d->clients, r);
}

void
on_channel(void *arg, SSL *ssl, int fd, const struct node_id *node,
	   uint32_t request)
{
	struct daemon *d = arg;

	serving_adopt(d->serving, ssl, fd, node, request);
}

void
on_client(void *arg, struct bufferevent *bev, SSL *ssl, int fd)
{
	struct daemon *d = arg;

	if (d->clients != NULL) {
		clients_adopt(d->clients, bev, ssl, fd);
		return;
	}
	bufferevent_free(bev);
	SSL_free(ssl);
	close(fd);
}

void
on_letters(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	mailbox_deliver(d->ends);
}

/* ---- the end ------------------------------------------------------------------ */

static void
on_left(void *arg)
{
	struct daemon *d = arg;

	(void)event_base_loopbreak(d->base);
}

static void
leave(struct daemon *d)
{
	if (d->leaving)
		return;
	d->leaving = true;
	if (d->driver == NULL) {
		log_info("the start is given up");
		return; /* see daemon_start */
	}
	log_info("saying goodbye");
	driver_leave(d->driver, on_left, d);
}

void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (number == SIGINT && d->leaving)
		_exit(128 + SIGINT);
	d->damaged = d->reborn = false; /* whoever wants an end gets one */
	leave(d);
}

void
on_leave(void *arg)
{
	struct daemon *d = arg;

	d->damaged = false;
	leave(d);
}

/* Only a scan that ends says of a root that all of it is told again. */
void
on_new_life(void *arg)
{
	struct daemon *d = arg;

	if (d->intake != NULL)
		(void)intake_rescan(d->intake, false);
}

void
on_new_identity(void *arg)
{
	struct daemon *d = arg;

	d->reborn = true;
	(void)event_base_loopbreak(d->base);
}

/* Everything in it can be had again: from the folders, and from the peers. */
void
on_damage(void *arg, const struct trouble *what)
{
	struct daemon *d = arg;

	log_error("the catalogue in %s is damaged (%s)", d->state->dir,
		  what->text);
	if (d->leaving)
		return; /* the next start finds it again */
	d->damaged = true;
	leave(d);
}

#ifdef PHOTOMESH_TEST_HOOKS
/* A hung loop, for tests: everything stops, the kernel still acknowledges. */
void
on_block(evutil_socket_t number, short what, void *arg)
{
	const char *text = getenv("PHOTOMESH_BLOCK_MS");
	long ms = text != NULL ? strtol(text, NULL, 10) : 10000;
	struct timespec left = {.tv_sec = ms / 1000,
				.tv_nsec = ms % 1000 * 1000000};

	(void)number;
	(void)what;
	(void)arg;
	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}
#endif
