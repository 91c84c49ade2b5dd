#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "resolve.h"
#include "trouble.h"
#include "wire_private.h"

#define WRITE_SLICE_BYTES (64u * 1024u)

/* ---- life ------------------------------------------------------------ */

struct wire *
wire_new(struct wires *s, mesh_link id, bool accepted)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->set = s;
	w->id = id;
	w->accepted = accepted;
	w->fd = -1;
	w->state = WIRE_STATE_NAMED;
	if ((w->timer = evtimer_new(s->base, wire_on_timer, w)) == NULL)
		goto free_wire;
	if ((w->resume = evtimer_new(s->base, wire_on_resume, w)) == NULL)
		goto free_timer;
	TAILQ_INSERT_TAIL(&s->live, w, in_set);
	if (accepted)
		s->strangers++;
	return w;
free_timer:
	event_free(w->timer);
free_wire:
	free(w);
	return NULL;
}

void
wire_free(struct wire *w)
{
	event_free(w->timer);
	event_free(w->resume);
	if (w->roused != NULL)
		event_free(w->roused);
	if (w->connecting != NULL)
		event_free(w->connecting);
	/* Takes the descriptor out of the loop at once.  What libevent puts
	 * off touches neither it nor the session. */
	if (w->bev != NULL)
		bufferevent_free(w->bev);
	SSL_free(w->ssl);
	if (w->fd != -1)
		close(w->fd);
	free(w);
}

void
wire_set_timer(struct wire *w, unsigned ms)
{
	const struct timeval tv = {
		.tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000) * 1000,
	};

	(void)evtimer_add(w->timer, &tv);
}

struct wires *
wires_new(struct event_base *base, struct tls *tls, struct mailbox *ends,
	  const struct wire_events *events, void *arg, struct trouble *why)
{
	struct wires *s = malloc(sizeof(*s));

	if (s == NULL)
		goto fail;
	/* Not calloc: the body buffer need not be touched. */
	memset(s, 0, offsetof(struct wires, body));
	if ((s->resolver = resolver_new(ends)) == NULL)
		goto fail;
	s->base = base;
	s->tls = tls;
	s->events = events;
	s->arg = arg;
	s->next_odd = 1;
	TAILQ_INIT(&s->live);
	TAILQ_INIT(&s->dying);
	return s;
fail:
	free(s);
	trouble_set(why, ENOMEM, "out of memory");
	return NULL;
}

void
wires_free(struct wires *s)
{
	struct wire *w;

	if (s == NULL)
		return;
	while ((w = TAILQ_FIRST(&s->live)) != NULL) {
		TAILQ_REMOVE(&s->live, w, in_set);
		wire_free(w);
	}
	while ((w = TAILQ_FIRST(&s->dying)) != NULL) {
		TAILQ_REMOVE(&s->dying, w, in_set);
		wire_free(w);
	}
	resolver_free(s->resolver);
	free(s);
}

/* ---- saying ---------------------------------------------------------- */

bool
wire_send(struct wire *w, const uint8_t *frame, size_t bytes)
{
	struct evbuffer *out;
	int failed = 0;

	if (w->state != WIRE_STATE_OPEN)
		return false;
	out = bufferevent_get_output(w->bev);
	if (evbuffer_get_length(out) + bytes > WIRE_OUTPUT_BYTES_MAX) {
		log_warn("%s does not read what we send; hung up", w->where);
		wire_finish(w, LINK_CLOGGED);
		return false;
	}
	/* libevent writes at once, and while at it may find the link ended or
	 * read: what it then reports must wait, as the caller's frame would be
	 * overwritten with what is answered. */
	w->saying = true;
	while (bytes > 0 && failed == 0) {
		size_t slice = bytes < WRITE_SLICE_BYTES ? bytes
							 : WRITE_SLICE_BYTES;

		failed = bufferevent_write(w->bev, frame, slice);
		frame += slice;
		bytes -= slice;
	}
	w->saying = false;
	if (failed != 0)
		wire_finish(w, LINK_CLOGGED);
	return w->state == WIRE_STATE_OPEN;
}

void
wire_admit(struct wire *w, bool pads)
{
	w->pads = pads;
	/* One that has ended is no stranger any more, and needs its timer. */
	if (w->admitted || w->state != WIRE_STATE_OPEN)
		return;
	w->admitted = true;
	wire_pad(w);
	if (w->accepted) {
		w->set->strangers--;
		(void)event_del(w->timer);
	}
}

/* ---- looking --------------------------------------------------------- */

struct wire *
wires_find(const struct wires *s, mesh_link id)
{
	struct wire *w;

	TAILQ_FOREACH(w, &s->live, in_set) {
		if (w->id == id)
			return w;
	}
	return NULL;
}

struct wire *
wires_first(const struct wires *s)
{
	return TAILQ_FIRST(&s->live);
}

struct wire *
wire_next(const struct wire *w)
{
	/* One that ended meanwhile is in the other list. */
	return w->state < WIRE_STATE_LINGERING ? TAILQ_NEXT(w, in_set) : NULL;
}

unsigned
wires_lingering(const struct wires *s)
{
	return s->lingering;
}

mesh_link
wire_id(const struct wire *w)
{
	return w->id;
}

bool
wire_accepted(const struct wire *w)
{
	return w->accepted;
}

bool
wire_loopback(const struct wire *w)
{
	return w->loopback;
}

const char *
wire_where(const struct wire *w)
{
	return w->where;
}

bool
wire_exporter(const struct wire *w, uint8_t out[HELLO_EXPORTER_BYTES])
{
	return w->ssl != NULL && tls_exporter(w->ssl, out);
}

struct wire_notes *
wire_notes(struct wire *w)
{
	return &w->notes;
}
