/*
 * daemon_events.c: what happens to a running photod, handed to those whom it
 * concerns; and how it comes to its end.
 */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "clients.h"
#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "pictures.h"
#include "serving.h"
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

void
tell_who_is_live(struct daemon *d)
{
	const struct mesh *m = driver_mesh(d->driver);
	struct node_id live[MESH_KNOWN_MAX];
	uint64_t now = clock_steady_ms();
	struct node_view v;
	uint32_t count = 0;

	/* Before that, others may have told what is not here yet. */
	if (!mesh_synced(m))
		return;
	for (uint32_t i = 0; i < mesh_node_count(m) && i < MESH_KNOWN_MAX; i++) {
		mesh_node_view(m, i, now, &v);
		if (v.state == NODE_STATE_LIVE || v.state == NODE_STATE_SYNCING ||
		    v.state == NODE_STATE_SUSPECT)
			live[count++] = v.node;
	}
	pictures_live(d->pictures, live, count);
}

void
on_news(void *arg, enum mesh_news what, const struct node_id *node,
	const char *text)
{
	struct daemon *d = arg;

	if (d->clients != NULL)
		clients_news(d->clients, what, node, text);
	if (d->pictures != NULL)
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
