/*
 * driver_effects.c: the effects, one by one.
 */
#include "driver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "driver_private.h"
#include "dying.h"
#include "hello.h"
#include "listening.h"

/* Further dials of one step; see DIALS_PER_STEP. */
#define DIALS_PER_TURN 8u
#define LISTENING_MS   50u
#define NOT_TOLD_MS    60000u /* each time the kernel may look for a module */

/* A HELLO is signed for the one connection it goes out on. */
static bool
sign_hello(struct driver *d, struct wire *w, struct message_hello *h)
{
	uint8_t exporter[HELLO_EXPORTER_BYTES], said[HELLO_SIGNED_BYTES];
	enum hello_side ours =
		wire_accepted(w) ? HELLO_LISTENER : HELLO_DIALLER;
	size_t bytes;

	if (!wire_exporter(w, exporter))
		return false;
	bytes = hello_signed_bytes(ours, exporter, h->run, said);
	memcpy(h->key, d->config.state->public_key, sizeof(h->key));
	h->pads = true; /* wire_rest.c does */
	return state_sign(d->config.state, said, bytes, h->signature) == 0;
}

void
driver_say(struct driver *d, struct wire *w, const struct message *m)
{
	size_t bytes = message_encode(m, d->frame, sizeof(d->frame));

	assert(bytes > 0);
	(void)wire_send(w, d->frame, bytes);
}

/* Is it a HEARTBEAT that tells nothing but that we are here? */
static bool
no_news(struct driver *d, const struct message *m, size_t bytes)
{
	if (m->type != MESSAGE_HEARTBEAT || bytes > sizeof(d->beat))
		return false;
	if (bytes == d->beat_bytes && memcmp(d->beat, d->frame, bytes) == 0)
		return true;
	memcpy(d->beat, d->frame, bytes);
	d->beat_bytes = bytes;
	return false;
}

static void
say_to_all(struct driver *d, const struct message *m)
{
	size_t bytes = message_encode(m, d->frame, sizeof(d->frame));
	struct wire *w, *next;
	bool quietly;

	assert(bytes > 0);
	quietly = no_news(d, m, bytes);
	assert(m->type != MESSAGE_HELLO);
	if (m->type == MESSAGE_STREAMS)
		dying("before_announce");
	for (w = wires_first(d->wires); w != NULL; w = next) {
		const struct wire_notes *n = wire_notes(w);

		next = wire_next(w);
		if (!n->hello_sent || !n->hello_heard)
			continue;
		if (quietly)
			(void)wire_send_quietly(w, d->frame, bytes);
		else
			(void)wire_send(w, d->frame, bytes);
	}
	if (m->type == MESSAGE_STREAMS)
		dying("after_announce");
}

static void
send_message(struct driver *d, mesh_link link, struct message *m)
{
	struct wire *w;

	if (link == MESH_LINK_ALL) {
		say_to_all(d, m);
		return;
	}
	/* Its end may wait in the queue. */
	if ((w = wires_find(d->wires, link)) == NULL)
		return;
	if (m->type == MESSAGE_HELLO) {
		if (!sign_hello(d, w, &m->u.hello)) {
			log_error("cannot sign our greeting");
			return;
		}
		wire_notes(w)->hello_sent = true;
	}
	driver_say(d, w, m);
}

static struct dial *
find_dial(const struct driver *d, mesh_link link)
{
	struct dial *p;

	TAILQ_FOREACH(p, &d->dials, in_driver) {
		if (p->link == link)
			return p;
	}
	return NULL;
}

static void
dial(struct driver *d, mesh_link link, const struct address *address)
{
	static const struct timeval soon = {0, 0};
	struct dial *p;

	if (d->dials_now > 0 || (p = malloc(sizeof(*p))) == NULL) {
		if (d->dials_now > 0)
			d->dials_now--;
		wires_dial(d->wires, link, address);
		return;
	}
	p->link = link;
	p->address = *address;
	TAILQ_INSERT_TAIL(&d->dials, p, in_driver);
	(void)evtimer_add(d->dial_more, &soon);
}

/* Nobody there, by what the kernel says of all ports at once.  A little old
 * at most: who has just come dials us. */
static bool
refused(struct driver *d, const struct address *a)
{
	const struct mesh_config *m = &d->config.mesh;
	uint64_t now = clock_steady_ms();

	if (!listening_rules_out(0, m->base_port, a, m->joins, m->join_count))
		return false;
	if (now > d->listening_ms) {
		bool told = listening_ports(m->base_port, m->port,
					    &d->listening);

		if (!told)
			d->listening = UINT64_MAX;
		d->listening_ms = now + (told ? LISTENING_MS : NOT_TOLD_MS);
	}
	return listening_rules_out(d->listening, m->base_port, a, m->joins,
				   m->join_count);
}

void
driver_on_dial_more(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = {0, 0};
	struct driver *d = arg;
	struct dial *p;

	(void)fd;
	(void)what;
	for (unsigned n = 0; n < DIALS_PER_TURN && !d->stopped &&
			     (p = TAILQ_FIRST(&d->dials)) != NULL; n++) {
		TAILQ_REMOVE(&d->dials, p, in_driver);
		if (refused(d, &p->address))
			driver_wire_events.down(d, p->link, LINK_REFUSED);
		else
			wires_dial(d->wires, p->link, &p->address);
		free(p);
	}
	if (!TAILQ_EMPTY(&d->dials) && !d->stopped)
		(void)evtimer_add(d->dial_more, &soon);
}

static void
hang_up(struct driver *d, mesh_link link)
{
	struct wire *w = wires_find(d->wires, link);
	struct dial *p = find_dial(d, link);

	if (p != NULL) {
		TAILQ_REMOVE(&d->dials, p, in_driver);
		free(p);
		return;
	}
	driver_forget_pages(d, link);
	driver_verify_lost(d, link);
	if (w != NULL)
		wire_hang_up(w);
}

static void
tell_crown(struct driver *d, const struct rank *now, const struct rank *was)
{
	if (node_id_is_zero(&now->node))
		log_info("the coordinator is not known for now");
	else
		log_info("the coordinator is %s on port %u",
			 mesh_name_of(d->mesh, &now->node),
			 (unsigned)now->port);
	if (d->config.on_crown != NULL)
		d->config.on_crown(d->config.arg, now, was);
}

static void
log_news(struct driver *d, enum mesh_news what, const struct node_id *node,
	 const char *text)
{
	const char *name = mesh_name_of(d->mesh, node);

	switch (what) {
	case NEWS_PEER_LIVE:
		log_info("%s is here", name);
		return;
	case NEWS_PEER_SUSPECT:
		log_info("%s does not answer", name);
		return;
	case NEWS_PEER_WELL:
		log_info("%s is well again", name);
		return;
	case NEWS_PEER_GONE:
		log_info("%s is gone", name);
		return;
	case NEWS_PEER_LEFT:
		log_info("%s said goodbye", name);
		return;
	case NEWS_PEER_FORGOTTEN:
		log_info("%s is forgotten", name);
		return;
	case NEWS_SYNCED:
		log_info("in step with everybody who is here");
		return;
	case NEWS_UNSYNCED:
		log_info("looking around afresh");
		return;
	case NEWS_UNEQUAL:
		log_warn("our replica of what %s shares differs; mending it",
			 name);
		return;
	case NEWS_MESH_FULL:
		log_warn("the mesh is full; %s was refused", name);
		return;
	case NEWS_REFUSED:
		log_warn("%s said something unlawful: %s", name,
			 text != NULL ? text : "?");
		return;
	}
}

void
driver_perform(struct driver *d, struct mesh_effect *e)
{
	switch (e->kind) {
	case MESH_DIAL:
		dial(d, e->link, &e->u.address);
		return;
	case MESH_HANG_UP:
		hang_up(d, e->link);
		return;
	case MESH_SEND:
		send_message(d, e->link, &e->u.message);
		return;
	case MESH_STORE:
		driver_store(d, &e->u.store);
		return;
	case MESH_READ_PAGE:
		driver_read_page(d, e);
		return;
	case MESH_SEND_PAGE:
		driver_send_page(d, e->link, e->u.page.request);
		return;
	case MESH_BEGIN_GENERATION:
		driver_begin_generation(d, e->u.generation);
		return;
	case MESH_DROP:
		driver_drop(d, &e->u.stream);
		return;
	case MESH_END:
		driver_end(d, e);
		return;
	case MESH_REMEMBER:
		driver_remember(d, &e->u.node);
		return;
	case MESH_NEW_IDENTITY:
		log_warn("another daemon runs with our identity; "
			 "taking a new one");
		if (d->config.on_new_identity != NULL)
			d->config.on_new_identity(d->config.arg);
		return;
	case MESH_CROWN:
		tell_crown(d, &e->u.crown.now, &e->u.crown.was);
		return;
	case MESH_NEWS:
		log_news(d, e->u.news.what, &e->u.news.node, e->u.news.text);
		if (d->config.on_news != NULL)
			d->config.on_news(d->config.arg, e->u.news.what,
					  &e->u.news.node, e->u.news.text);
		return;
	}
}
