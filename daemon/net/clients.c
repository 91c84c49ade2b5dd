/*
 * clients.c: who is connected to `photo`'s socket.
 *
 * The set of clients: a place for each, at most so many, the idlest one giving
 * way; the reaper, who alone frees those that must go; and the life of it all.
 * Where they come from is clients_socket.c, what is said to one of them
 * clients_frames.c, what is meant by it clients_questions.c, and what is told
 * to them unasked clients_watch.c.
 */
#include "clients_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include <openssl/ssl.h>

#include "answers.h"
#include "clock.h"
#include "outlet.h"
#include "trouble.h"

#define CLIENTS_MAX        256u
#define CLIENTS_REMOTE_MAX 64u /* of these; whoever sits here goes first */
#define KEEP_ALIVE_SECONDS 60  /* then 4 times every 15: gone in 2 minutes */
#define KEEP_ALIVE_AGAIN   15
#define KEEP_ALIVE_COUNT   4

/* ---- coming and going --------------------------------------------------- */

/* What lies below a bufferevent that does not own it. */
static void
let_go(SSL *ssl, int fd)
{
	SSL_free(ssl);
	if (fd != -1)
		close(fd);
}

static void
client_free(struct client *c)
{
	struct clients *all = c->clients;

	TAILQ_REMOVE(&all->list, c, next);
	all->count--;
	if (c->remote)
		all->remote_count--;
	if (c->watching)
		all->watchers--;
	answers_forget(all->answers, c->id);
	client_read_release(c);
	bufferevent_free(c->bev);
	client_out_release(c);
	let_go(c->ssl, c->fd);
	free(c);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct clients *all = arg;
	struct client *c, *after;

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&all->list); c != NULL; c = after) {
		after = TAILQ_NEXT(c, next);
		if (c->doomed)
			client_free(c);
	}
}

/* The one longest without a word of those who wait for nothing. */
static struct client *
idlest(struct clients *all, bool of_remote)
{
	struct client *c, *best = NULL;

	TAILQ_FOREACH(c, &all->list, next) {
		if (c->doomed || c->open > 0 || c->watching ||
		    (of_remote && !c->remote))
			continue;
		if (best == NULL || c->active_ms < best->active_ms)
			best = c;
	}
	return best;
}

struct client *
clients_admit(struct clients *all, struct bufferevent *bev,
	      struct outlet *outlet)
{
	bool remote = outlet == NULL;
	bool crowd = remote && all->remote_count >= CLIENTS_REMOTE_MAX;
	struct client *c, *idle;

	if (crowd || all->count >= CLIENTS_MAX) {
		if ((idle = idlest(all, remote)) == NULL)
			goto free_bev;
		client_free(idle);
	}
	if ((c = calloc(1, sizeof(*c))) == NULL)
		goto free_bev;
	c->bev = bev;
	c->clients = all;
	c->remote = remote;
	c->outlet = outlet;
	c->fd = -1;
	if (client_read_init(c) == -1)
		goto free_client;
	if (client_out_init(c) == -1)
		goto release_read;
	c->id = ++all->last_id;
	c->active_ms = clock_steady_ms();
	TAILQ_INSERT_TAIL(&all->list, c, next);
	all->count++;
	if (remote)
		all->remote_count++;
	client_start(c);
	return c;
release_read:
	client_read_release(c);
free_client:
	free(c);
free_bev:
	bufferevent_free(bev);
	outlet_drop(outlet);
	return NULL;
}

/* A machine that was switched off says nothing: its client, which may be
 * watching, must not stay for ever. */
static void
keep_alive(int fd)
{
	static const int on = 1, idle = KEEP_ALIVE_SECONDS,
			 again = KEEP_ALIVE_AGAIN, count = KEEP_ALIVE_COUNT;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again,
			 sizeof(again));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

void
clients_adopt(struct clients *c, struct bufferevent *bev, SSL *ssl, int fd)
{
	struct client *adopted = clients_admit(c, bev, NULL);

	if (adopted == NULL) {
		let_go(ssl, fd);
		return;
	}
	adopted->ssl = ssl;
	adopted->fd = fd;
	if (fd != -1)
		keep_alive(fd);
	client_wake(adopted);
}

/* ---- all of them -------------------------------------------------------- */

static int
make_parts(struct clients *c, struct trouble *why)
{
	c->reaper = evtimer_new(c->config.base, on_reap, c);
	if (c->reaper == NULL || clients_make_answers(c) == -1)
		return trouble_set(why, ENOMEM, "out of memory");
	return 0;
}

struct clients *
clients_new(const struct clients_config *config, struct trouble *why)
{
	struct clients *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	c->config = *config;
	c->path_fd = c->path_watch = -1;
	TAILQ_INIT(&c->list);
	if (make_parts(c, why) == -1 || clients_listen(c, why) == -1) {
		clients_free(c);
		return NULL;
	}
	return c;
}

void
clients_free(struct clients *c)
{
	struct client *next;

	if (c == NULL)
		return;
	clients_unlisten(c);
	while ((next = TAILQ_FIRST(&c->list)) != NULL)
		client_free(next);
	if (c->reaper != NULL)
		event_free(c->reaper);
	clients_free_answers(c);
	free(c);
}
