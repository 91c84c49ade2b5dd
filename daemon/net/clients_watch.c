/*
 * clients_watch.c: events for the clients that watch.
 *
 * Photo events come by the thousand and a client that does not read loses
 * them first, but is told how many; events that are few and that people wait
 * for are queued past that, and only whoever lets even those pile up is hung
 * up on.
 */
#include "clients_private.h"

#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "view.h"
#include "watch.h"

void
client_watch(struct client *c, uint32_t request)
{
	if (c->watching) {
		client_refuse(c, request, ERROR_BUSY, "watching already");
		return;
	}
	c->watching = true;
	c->watch_request = request;
	c->clients->watchers++;
}

static void
say_event(struct client *c, const struct answer_event *e)
{
	struct question q = {.type = CLIENT_EVENT,
			     .request = c->watch_request};

	q.u.event = *e;
	client_say(c, &q);
}

void
client_tell_lost(struct client *c)
{
	struct answer_event e;

	if ((c->lost == 0 && !c->lost_some) ||
	    client_queued(c) >= WATCH_OUT_MAX)
		return;
	watch_lagged(c->lost_some ? 0 : c->lost, clock_wall_ms(), &e);
	c->lost = 0;
	c->lost_some = false;
	say_event(c, &e);
}

static bool
listens(const struct client *c)
{
	return c->watching && !c->doomed && !c->closing;
}

/* Events that are few and that people wait for. */
static void
tell_watchers(struct clients *all, const struct answer_event *e)
{
	struct client *c;

	TAILQ_FOREACH(c, &all->list, next) {
		if (!listens(c))
			continue;
		if (client_queued(c) > CLIENT_OUT_MAX) {
			log_debug("a client that does not read is hung up on");
			client_doom(c);
			continue;
		}
		client_tell_lost(c);
		say_event(c, e);
	}
}

static struct view *
view_of(struct clients *c)
{
	return view_take(driver_mesh(c->config.driver), false);
}

void
clients_crown(struct clients *c, const struct rank *now, const struct rank *was)
{
	struct answer_event e;
	struct view *v;

	if (c->watchers == 0 || (v = view_of(c)) == NULL)
		return;
	watch_crown(v, now, was, &e);
	tell_watchers(c, &e);
	free(v);
}

void
clients_news(struct clients *c, enum mesh_news what, const struct node_id *node,
	     const char *text)
{
	struct answer_event e;
	struct view *v;

	(void)text;
	if (c->watchers == 0 || (v = view_of(c)) == NULL)
		return;
	if (watch_news(v, what, node, &e))
		tell_watchers(c, &e);
	free(v);
}

void
clients_scan(struct clients *c, const struct scan_progress *p)
{
	struct answer_event e;
	struct view *v;

	if (c->watchers == 0 || (v = view_of(c)) == NULL)
		return;
	watch_scan(v, p, &e);
	tell_watchers(c, &e);
	free(v);
}

void
clients_request(struct clients *c, const struct consent_request *r)
{
	struct answer_event e;
	struct view *v;

	if (c->watchers == 0 || (v = view_of(c)) == NULL)
		return;
	watch_request(v, r, &e);
	tell_watchers(c, &e);
	free(v);
}

void
clients_photos(struct clients *c, const struct photo_news *news, uint32_t count,
	       bool lost_some)
{
	int64_t at_ms = clock_wall_ms();
	struct answer_event e;
	struct client *w;

	if (c->watchers == 0)
		return;
	TAILQ_FOREACH(w, &c->list, next) {
		if (!listens(w))
			continue;
		client_tell_lost(w);
		for (uint32_t i = 0; i < count && !w->doomed; i++) {
			if (client_queued(w) >= WATCH_OUT_MAX) {
				w->lost += count - i;
				break;
			}
			watch_photo(&news[i], at_ms, &e);
			say_event(w, &e);
		}
		if (lost_some) {
			w->lost_some = true;
			client_tell_lost(w);
		}
	}
}
