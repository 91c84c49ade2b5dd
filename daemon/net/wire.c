#include "wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <openssl/err.h>

#include "clock.h"
#include "frame.h"
#include "wire_private.h"
#include "resolve.h"
#include "trouble.h"

/* Reading stalls for ever if a whole frame does not fit below it. */
#define READ_HIGH_BYTES (256u * 1024u)
_Static_assert(READ_HIGH_BYTES > FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX,
	       "the read watermark must hold the largest frame");
#define WRITE_SLICE_BYTES (64u * 1024u)
#define LOG_PERIOD_MS     60000u

static void on_timer(evutil_socket_t fd, short what, void *arg);
static void on_resume(evutil_socket_t fd, short what, void *arg);
static void on_readable(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

/* ---- life -------------------------------------------------------------- */

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
	if ((w->timer = evtimer_new(s->base, on_timer, w)) == NULL)
		goto free_wire;
	if ((w->resume = evtimer_new(s->base, on_resume, w)) == NULL)
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

static void
wire_free(struct wire *w)
{
	event_free(w->timer);
	event_free(w->resume);
	if (w->connecting != NULL)
		event_free(w->connecting);
	if (w->bev != NULL)
		bufferevent_free(w->bev);
	else if (w->fd != -1)
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

/* No longer to be found; only its own timer still knows it. */
static void
retire(struct wire *w, enum wire_state state)
{
	struct wires *s = w->set;

	assert(w->state < WIRE_STATE_LINGERING);
	if (w->accepted && !w->admitted)
		s->strangers--;
	TAILQ_REMOVE(&s->live, w, in_set);
	TAILQ_INSERT_TAIL(&s->dying, w, in_set);
	w->state = state;
	(void)event_del(w->resume);
	if (w->connecting != NULL)
		(void)event_del(w->connecting);
}

static void
be_dead(struct wire *w)
{
	w->state = WIRE_STATE_DEAD;
	if (w->bev != NULL) {
		bufferevent_setcb(w->bev, NULL, NULL, NULL, NULL);
		(void)bufferevent_disable(w->bev, EV_READ | EV_WRITE);
	} else if (w->fd != -1) {
		/* A round of probes must not hold 60 descriptors. */
		close(w->fd);
		w->fd = -1;
	}
	/* A caller further up the stack may hold it: freed by the loop. */
	wire_set_timer(w, 0);
}

void
wire_finish(struct wire *w, enum link_end end)
{
	struct wires *s = w->set;
	bool known = !w->accepted || w->state == WIRE_STATE_OPEN;

	if (w->state >= WIRE_STATE_LINGERING)
		return;
	retire(w, WIRE_STATE_DEAD);
	be_dead(w);
	if (known)
		s->events->down(s->arg, w->id, end);
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

/* ---- TLS ----------------------------------------------------------------- */

bool
wire_shake(struct wire *w)
{
	struct wires *s = w->set;
	SSL *ssl = tls_session(s->tls, !w->accepted);

	if (ssl == NULL)
		return false;
	w->bev = bufferevent_openssl_socket_new(
		s->base, w->fd, ssl,
		w->accepted ? BUFFEREVENT_SSL_ACCEPTING
			    : BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE);
	if (w->bev == NULL) {
		SSL_free(ssl);
		return false;
	}
	if (w->connecting != NULL) {
		event_free(w->connecting);
		w->connecting = NULL;
	}
	w->state = WIRE_STATE_SHAKING;
	bufferevent_setcb(w->bev, on_readable, NULL, on_event, w);
	bufferevent_setwatermark(w->bev, EV_READ, FRAME_HEADER_BYTES,
				 READ_HIGH_BYTES);
	(void)bufferevent_enable(w->bev, EV_READ | EV_WRITE);
	return true;
}

/* Why a handshake failed: by what they said, or by what TCP did. */
static enum link_end
shake_end(struct wire *w, short what)
{
	unsigned long code, first = 0;

	while ((code = bufferevent_get_openssl_error(w->bev)) != 0) {
		if (first == 0)
			first = code;
	}
	if ((what & BEV_EVENT_EOF) != 0 || first == 0 ||
	    ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return LINK_RESET;
	return LINK_STRANGER;
}

static void
shaken(struct wire *w, short what)
{
	struct wires *s = w->set;
	enum link_end end;
	uint64_t muffled;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		if (tls_proven(bufferevent_openssl_get_ssl(w->bev))) {
			w->state = WIRE_STATE_OPEN;
			if (w->accepted)
				wire_set_timer(w, WIRE_HELLO_MS);
			s->events->up(s->arg, w);
			return;
		}
		end = LINK_STRANGER;
	} else {
		end = shake_end(w, what);
	}
	if (w->accepted && end == LINK_STRANGER &&
	    log_gate_pass(&s->shake_gate, clock_steady_ms(), LOG_PERIOD_MS,
			  &muffled))
		log_info("%s does not hold our mesh key; refused (%llu more "
			 "since the last such line)",
			 w->where, (unsigned long long)muffled);
	wire_finish(w, end);
}

/* ---- reading --------------------------------------------------------------- */

/* Later: others first, and no new bytes may come to wake us. */
static void
resume_soon(struct wire *w)
{
	const struct timeval now = {0, 0};

	/* Input may stand above the watermark: without this libevent would
	 * call again and again. */
	w->paused = true;
	(void)bufferevent_disable(w->bev, EV_READ);
	(void)evtimer_add(w->resume, &now);
}

static enum frame_verdict
take_frame(struct wire *w, struct frame *f)
{
	struct evbuffer *in = bufferevent_get_input(w->bev);
	size_t limit = w->admitted ? LINK_BODY_BYTES_MAX : HELLO_BODY_BYTES_MAX;
	size_t held = evbuffer_get_length(in);
	uint8_t head[FRAME_HEADER_BYTES];
	enum frame_verdict v;

	/* The bytes of the body are not looked at, only counted. */
	(void)evbuffer_copyout(in, head, sizeof(head));
	v = frame_peek(head, held, limit, f);
	if (v != FRAME_READY)
		return v;
	/* Copied out: last words of a TLS connection can be read, and move
	 * what the buffer holds, while the frame is being heard. */
	(void)evbuffer_drain(in, FRAME_HEADER_BYTES);
	if (evbuffer_remove(in, w->set->body, f->body_bytes) !=
	    (int)f->body_bytes)
		return FRAME_BROKEN;
	f->body = w->set->body;
	return v;
}

/* Hand up every whole frame, then let libevent wait. */
static void
pump(struct wire *w)
{
	struct wires *s = w->set;
	struct frame f;

	for (unsigned n = 0; n < WIRE_FRAMES_PER_WAKE; n++) {
		switch (take_frame(w, &f)) {
		case FRAME_PARTIAL:
			if (w->over)
				wire_finish(w, LINK_CLOSED);
			else
				bufferevent_setwatermark(w->bev, EV_READ,
							 f.want_bytes,
							 READ_HIGH_BYTES);
			return; /* Every quiet exit passes here. */
		case FRAME_BROKEN:
			wire_break(w);
			return;
		case FRAME_READY:
			s->events->heard(s->arg, w, f.body, f.body_bytes);
			if (w->state != WIRE_STATE_OPEN)
				return;
		}
	}
	resume_soon(w);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct wire *w = arg;

	if (w->state == WIRE_STATE_LINGERING) {
		struct evbuffer *in = bufferevent_get_input(bev);

		(void)evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (w->state != WIRE_STATE_OPEN || w->paused)
		return;
	if (w->set->events->busy(w->set->arg))
		resume_soon(w);
	else
		pump(w);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	(void)fd;
	(void)what;
	w->paused = false;
	if (w->state != WIRE_STATE_OPEN)
		return;
	if (w->set->events->busy(w->set->arg))
		resume_soon(w);
	else
		pump(w);
	if (w->state == WIRE_STATE_OPEN && !w->paused)
		(void)bufferevent_enable(w->bev, EV_READ);
}

/* ---- ends ------------------------------------------------------------------ */

/* LINGERING, and everything is in the kernel's hands: say that it was all,
 * then wait for their end, as closing over unread bytes would send a reset
 * which can overtake our last words. */
static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct wire *w = arg;

	if (w->said_all || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	w->said_all = true;
	ERR_clear_error();
	(void)SSL_shutdown(bufferevent_openssl_get_ssl(bev));
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
lingered(struct wire *w)
{
	w->set->lingering--;
	be_dead(w);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct wire *w = arg;

	(void)bev;
	switch (w->state) {
	case WIRE_STATE_SHAKING:
		shaken(w, what);
		return;
	case WIRE_STATE_OPEN:
		if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
			return;
		/* Whole frames may have come with the end: GOODBYE does. */
		w->over = true;
		if (w->paused)
			return;
		if (w->set->events->busy(w->set->arg))
			resume_soon(w);
		else
			pump(w);
		return;
	case WIRE_STATE_LINGERING:
		if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
			lingered(w);
		return;
	case WIRE_STATE_NAMED:
	case WIRE_STATE_CONNECTING:
	case WIRE_STATE_DEAD:
		return;
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	(void)fd;
	(void)what;
	switch (w->state) {
	case WIRE_STATE_DEAD:
		TAILQ_REMOVE(&w->set->dying, w, in_set);
		wire_free(w);
		return;
	case WIRE_STATE_LINGERING:
		lingered(w);
		return;
	case WIRE_STATE_NAMED:
	case WIRE_STATE_CONNECTING:
	case WIRE_STATE_SHAKING:
	case WIRE_STATE_OPEN:
		/* Accepted, and slow with TLS or HELLO. */
		log_debug("%s said nothing in time", w->where);
		wire_finish(w, LINK_SILENT);
		return;
	}
}

void
wire_break(struct wire *w)
{
	struct wires *s = w->set;
	uint64_t muffled;

	if (log_gate_pass(&s->break_gate, clock_steady_ms(), LOG_PERIOD_MS,
			  &muffled))
		log_warn("%s sent nonsense; hung up (%llu more since the last "
			 "such line)",
			 w->where, (unsigned long long)muffled);
	wire_finish(w, LINK_BROKEN);
}

void
wire_hang_up(struct wire *w)
{
	if (w->state >= WIRE_STATE_LINGERING)
		return;
	if (w->state != WIRE_STATE_OPEN || w->over) {
		retire(w, WIRE_STATE_DEAD);
		be_dead(w);
		return;
	}
	retire(w, WIRE_STATE_LINGERING);
	w->set->lingering++;
	wire_set_timer(w, WIRE_LINGER_MS);
	bufferevent_setcb(w->bev, on_readable, on_drained, on_event, w);
	bufferevent_setwatermark(w->bev, EV_READ, 0, READ_HIGH_BYTES);
	(void)evbuffer_drain(bufferevent_get_input(w->bev),
			     evbuffer_get_length(bufferevent_get_input(w->bev)));
	(void)bufferevent_enable(w->bev, EV_READ);
	if (w->state == WIRE_STATE_LINGERING)
		on_drained(w->bev, w);
}

/* ---- saying ---------------------------------------------------------------- */

bool
wire_send(struct wire *w, const uint8_t *frame, size_t bytes)
{
	struct evbuffer *out;

	if (w->state != WIRE_STATE_OPEN)
		return false;
	out = bufferevent_get_output(w->bev);
	if (evbuffer_get_length(out) + bytes > WIRE_OUTPUT_BYTES_MAX) {
		log_warn("%s does not read what we send; hung up", w->where);
		wire_finish(w, LINK_CLOGGED);
		return false;
	}
	while (bytes > 0) {
		size_t slice = bytes < WRITE_SLICE_BYTES ? bytes
							 : WRITE_SLICE_BYTES;

		if (bufferevent_write(w->bev, frame, slice) == -1) {
			wire_finish(w, LINK_CLOGGED);
			return false;
		}
		frame += slice;
		bytes -= slice;
	}
	return w->state == WIRE_STATE_OPEN;
}

void
wire_admit(struct wire *w)
{
	if (w->admitted)
		return;
	w->admitted = true;
	if (w->accepted) {
		w->set->strangers--;
		(void)event_del(w->timer);
	}
}

/* ---- looking --------------------------------------------------------------- */

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
	return w->bev != NULL &&
	       tls_exporter(bufferevent_openssl_get_ssl(w->bev), out);
}

struct wire_notes *
wire_notes(struct wire *w)
{
	return &w->notes;
}
