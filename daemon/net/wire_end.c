/*
 * wire_end.c: how a connection ends, by them, by us, or for want of time.
 */
#include "wire.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <openssl/err.h>

#include "clock.h"
#include "frame.h"
#include "wire_private.h"

/* No longer to be found; only its own timer still knows it. */
static void
retire(struct wire *w, enum wire_state state)
{
	struct wires *s = w->set;

	assert(w->state < WIRE_STATE_LINGERING);
	wire_rouse(w);
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

void
wire_break(struct wire *w)
{
	struct wires *s = w->set;
	uint64_t muffled;

	if (log_gate_pass(&s->break_gate, clock_steady_ms(), WIRE_LOG_PERIOD_MS,
			  &muffled))
		log_warn("%s sent nonsense; hung up (%llu more since the last "
			 "such line)",
			 w->where, (unsigned long long)muffled);
	wire_finish(w, LINK_BROKEN);
}

/* ---- last words ------------------------------------------------------ */

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
	(void)SSL_shutdown(w->ssl);
	(void)shutdown(w->fd, SHUT_WR);
}

void
wire_lingered(struct wire *w)
{
	w->set->lingering--;
	be_dead(w);
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
	bufferevent_setcb(w->bev, wire_on_readable, on_drained, wire_on_event,
			  w);
	bufferevent_setwatermark(w->bev, EV_READ, 0, WIRE_READ_HIGH_BYTES);
	(void)evbuffer_drain(bufferevent_get_input(w->bev),
			     evbuffer_get_length(bufferevent_get_input(w->bev)));
	(void)bufferevent_enable(w->bev, EV_READ);
	if (w->state == WIRE_STATE_LINGERING)
		on_drained(w->bev, w);
}

/* ---- given away ------------------------------------------------------ */

static bool
may_part(const struct wire *w)
{
	return w->state == WIRE_STATE_OPEN && !w->over && w->accepted &&
	       !w->admitted;
}

static void
part(struct wire *w)
{
	struct wires *s = w->set;

	retire(w, WIRE_STATE_PARTING);
	bufferevent_setcb(w->bev, NULL, NULL, NULL, NULL);
	(void)bufferevent_disable(w->bev, EV_READ | EV_WRITE);
	/* Not at once: libevent is on the stack, in the midst of reading. */
	wire_set_timer(w, 0);
	s->events->down(s->arg, w->id, LINK_CLOSED);
}

bool
wire_part(struct wire *w)
{
	/* What libevent has buffered cannot be given away: with an honest peer
	 * there is nothing, as it has read our HELLO and awaits an answer. */
	if (!may_part(w) ||
	    evbuffer_get_length(bufferevent_get_input(w->bev)) > 0 ||
	    evbuffer_get_length(bufferevent_get_output(w->bev)) > 0)
		return false;
	part(w);
	return true;
}

bool
wire_part_whole(struct wire *w, const uint8_t *body, size_t body_bytes)
{
	uint8_t head[FRAME_HEADER_BYTES];
	struct evbuffer *in;

	if (!may_part(w))
		return false;
	in = bufferevent_get_input(w->bev);
	frame_header((uint32_t)body_bytes, head);
	if (evbuffer_prepend(in, body, body_bytes) == -1 ||
	    evbuffer_prepend(in, head, sizeof(head)) == -1)
		return false;
	w->whole = true;
	part(w);
	return true;
}

static void
give_away(struct wire *w)
{
	struct wires *s = w->set;
	struct bufferevent *bev = w->bev;
	SSL *ssl = w->ssl;
	int fd = w->fd;

	w->bev = NULL;
	w->ssl = NULL;
	w->fd = -1;
	if (w->whole) {
		s->events->parted_whole(s->arg, bev, ssl, fd);
		return;
	}
	/* Out of the loop, before another thread has it. */
	bufferevent_free(bev);
	s->events->parted(s->arg, w, ssl, fd);
}

/* ---- deadlines ------------------------------------------------------- */

void
wire_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	(void)fd;
	(void)what;
	switch (w->state) {
	case WIRE_STATE_PARTING:
		give_away(w);
		/* fallthrough */
	case WIRE_STATE_DEAD:
		TAILQ_REMOVE(&w->set->dying, w, in_set);
		wire_free(w);
		return;
	case WIRE_STATE_LINGERING:
		wire_lingered(w);
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
