/*
 * wire_read.c: from the bytes of a link to whole frames, a few at a time.
 */
#include "wire.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "frame.h"
#include "wire_private.h"

_Static_assert(WIRE_READ_HIGH_BYTES > FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX,
	       "the read watermark must hold the largest frame");

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
			wire_rested(w);
			if (w->over)
				wire_finish(w, LINK_CLOSED);
			else
				bufferevent_setwatermark(w->bev, EV_READ,
							 f.want_bytes,
							 WIRE_READ_HIGH_BYTES);
			return; /* Every quiet exit passes here. */
		case FRAME_BROKEN:
			wire_break(w);
			return;
		case FRAME_READY:
			w->taken += f.want_bytes;
			s->events->heard(s->arg, w, f.body, f.body_bytes);
			if (w->state != WIRE_STATE_OPEN)
				return;
		}
	}
	resume_soon(w);
}

/* Nothing is heard by those who are just performing, or saying something. */
void
wire_hear(struct wire *w)
{
	if (w->saying || w->set->events->busy(w->set->arg))
		resume_soon(w);
	else
		pump(w);
}

void
wire_on_readable(struct bufferevent *bev, void *arg)
{
	struct wire *w = arg;

	if (w->state == WIRE_STATE_LINGERING) {
		struct evbuffer *in = bufferevent_get_input(bev);

		(void)evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (w->state != WIRE_STATE_OPEN || w->paused)
		return;
	wire_rouse(w);
	wire_hear(w);
}

void
wire_on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	(void)fd;
	(void)what;
	w->paused = false;
	if (w->state != WIRE_STATE_OPEN)
		return;
	wire_hear(w);
	if (w->state == WIRE_STATE_OPEN && !w->paused)
		(void)bufferevent_enable(w->bev, EV_READ);
}

void
wire_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct wire *w = arg;

	(void)bev;
	switch (w->state) {
	case WIRE_STATE_SHAKING:
		wire_shaken(w, what);
		return;
	case WIRE_STATE_OPEN:
		if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
			return;
		/* Whole frames may have come with the end: GOODBYE does. */
		w->over = true;
		if (w->paused)
			return;
		wire_hear(w);
		return;
	case WIRE_STATE_LINGERING:
		if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
			wire_lingered(w);
		return;
	case WIRE_STATE_NAMED:
	case WIRE_STATE_CONNECTING:
	case WIRE_STATE_PARTING:
	case WIRE_STATE_DEAD:
		return;
	}
}
