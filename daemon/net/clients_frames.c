/*
 * clients_frames.c: one client's connection, its frames and its ceilings.
 *
 * What one client can cost is bounded.  Frames are read only while the
 * answers they may bring still fit under the ceiling, so one who asks and
 * does not read waits in its own socket buffer.  Only the reaper frees a
 * client: whoever finds that it must go dooms it and walks on.  How bytes come
 * in is clients_read.c's affair, how they go out clients_out.c's, what a frame
 * means clients_questions.c's.
 */
#include "clients_private.h"

#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "clock.h"
#include "frame.h"

#define CLIENT_FRAMES_PER_WAKE 16u
#define CLIENT_OUT_LOW         ((size_t)128 << 10) /* reading goes on below */
#define ANSWER_BYTES_MAX                                                       \
	(FRAME_HEADER_BYTES + (size_t)ANSWER_BODY_BYTES_MAX)
#define PART_MS           1000

/* ---- what goes out ------------------------------------------------------ */

void
client_doom(struct client *c)
{
	if (c->doomed)
		return;
	c->doomed = true;
	client_reading(c, false);
	bufferevent_disable(c->bev, EV_WRITE);
	event_active(c->clients->reaper, EV_TIMEOUT, 0);
}

/*
 * All is said.  Closing a TCP connection over bytes that were not read sends a
 * reset, which can overtake the last words: so they are told that it was all,
 * and what they still send is passed over, for a second.
 */
static void
part(struct client *c)
{
	static const struct timeval patience = {PART_MS / 1000, 0};

	if (c->ssl == NULL) {
		client_doom(c);
		return;
	}
	if (c->parting)
		return;
	c->parting = true;
	c->part_ms = clock_steady_ms() + PART_MS;
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl);
	(void)shutdown(c->fd, SHUT_WR);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	bufferevent_set_timeouts(c->bev, &patience, NULL);
	client_reading(c, true);
}

/* What comes while parting is worth nothing. */
static void
pass_over(struct client *c)
{
	struct evbuffer *in = client_input(c);

	(void)evbuffer_drain(in, evbuffer_get_length(in));
	if (clock_steady_ms() > c->part_ms)
		client_doom(c);
}

void
client_close(struct client *c)
{
	c->closing = true;
	client_reading(c, false);
	if (client_queued(c) == 0)
		part(c);
	else
		bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
}

/*
 * The end of the daemon is the end of all its connections: the answer must be
 * out before.  The connection stays: its end tells the client that the daemon
 * has stopped.  Only its own user may stop a daemon, not everybody with the
 * key.
 */
void
client_take_leave(struct client *c, uint32_t request)
{
	struct question q = {.type = CLIENT_DONE, .request = request};

	if (c->remote || c->clients->config.on_leave == NULL) {
		client_refuse(c, request, ERROR_REFUSED,
			      "a daemon is stopped from its own machine only");
		return;
	}
	client_say(c, &q);
	c->leaving = true;
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	/* Perhaps it is out already; not in here, who called has not done. */
	bufferevent_trigger(c->bev, EV_WRITE,
			    BEV_TRIG_IGNORE_WATERMARKS |
				    BEV_TRIG_DEFER_CALLBACKS);
}

/* The answers that one more question may bring still fit. */
static bool
has_room(const struct client *c)
{
	size_t bytes = client_queued(c) + ANSWER_BYTES_MAX;

	for (uint32_t i = 0; i < c->open; i++)
		bytes += c->asked[i].large ? ANSWER_BYTES_MAX : 0;
	return bytes <= CLIENT_OUT_MAX;
}

static void
answered(struct client *c, uint32_t request)
{
	for (uint32_t i = 0; i < c->open; i++)
		if (c->asked[i].request == request) {
			c->asked[i] = c->asked[--c->open];
			return;
		}
}

void
client_wake(struct client *c)
{
	bufferevent_trigger(c->bev, EV_READ,
			    BEV_TRIG_IGNORE_WATERMARKS |
				    BEV_TRIG_DEFER_CALLBACKS);
}

static void
resume(struct client *c)
{
	if (!c->paused || c->doomed || c->closing || !has_room(c))
		return;
	c->paused = false;
	client_reading(c, true);
	client_wake(c);
}

void
client_answer(struct client *c, uint32_t request, const uint8_t *frame,
	      size_t frame_bytes, size_t said_bytes, bool last)
{
	if (last)
		answered(c, request);
	/* Progress is no use to one who does not read. */
	if (said_bytes > 0)
		client_said(c, frame + said_bytes, frame_bytes - said_bytes);
	else if (last || client_queued(c) < WATCH_OUT_MAX)
		client_write(c, frame, frame_bytes);
	resume(c);
}

/* ---- what comes in ------------------------------------------------------ */

/* The frame at the front; READY lies in one piece. */
static enum frame_verdict
peek(const struct client *c, struct evbuffer *in, struct frame *f)
{
	size_t body_max = c->greeted ? CLIENT_BODY_BYTES_MAX
				     : HELLO_BODY_BYTES_MAX;
	size_t have = evbuffer_get_length(in);
	uint8_t head[FRAME_HEADER_BYTES];
	enum frame_verdict v;

	evbuffer_copyout(in, head, sizeof(head));
	v = frame_peek(head, have < sizeof(head) ? have : sizeof(head),
		       body_max, f);
	if (v != FRAME_PARTIAL || have < f->want_bytes ||
	    f->want_bytes <= sizeof(head))
		return v;
	return frame_peek(evbuffer_pullup(in, (ev_ssize_t)f->want_bytes),
			  f->want_bytes, body_max, f);
}

/* Take whole frames while their answers fit; others get their turn too. */
static void
read_on(struct client *c)
{
	struct evbuffer *in = client_input(c);
	struct frame f;

	for (unsigned n = 0; !c->doomed && !c->closing; n++) {
		if (!has_room(c)) {
			c->paused = true;
			client_reading(c, false);
			return;
		}
		if (n == CLIENT_FRAMES_PER_WAKE) {
			client_wake(c);
			return;
		}
		switch (peek(c, in, &f)) {
		case FRAME_PARTIAL:
			client_await(c, f.want_bytes);
			return;
		case FRAME_BROKEN:
			client_refuse(c, 0, ERROR_USAGE, "no frame");
			client_close(c);
			return;
		case FRAME_READY:
			client_heard(c, &f);
			if (!c->doomed)
				evbuffer_drain(in, f.want_bytes);
			break;
		}
	}
}

void
client_readable(struct client *c)
{
	if (c->parting && !c->doomed)
		pass_over(c);
	if (c->doomed || c->closing || c->paused)
		return;
	read_on(c);
	/* What was full has room again. */
	if (!c->doomed)
		client_reading(c, c->reads);
}

/* ---- from libevent ------------------------------------------------------ */

static void
on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_readable(arg);
}

static void
leave(struct client *c)
{
	struct clients *all = c->clients;

	c->leaving = false;
	bufferevent_setwatermark(c->bev, EV_WRITE, CLIENT_OUT_LOW, 0);
	all->config.on_leave(all->config.arg);
}

static void
on_writable(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (c->doomed)
		return;
	client_written(c);
	if (c->closing) {
		if (client_queued(c) == 0)
			part(c);
		return;
	}
	if (c->leaving && client_queued(c) == 0)
		leave(c);
	client_tell_lost(c);
	resume(c);
}

void
client_ended(struct client *c)
{
	if (c->leaving) /* it was asked, whether anybody waits or not */
		leave(c);
	client_doom(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		client_ended(arg);
}

void
client_start(struct client *c)
{
	bufferevent_setcb(c->bev, on_readable, on_writable, on_event, c);
	client_await(c, FRAME_HEADER_BYTES);
	bufferevent_setwatermark(c->bev, EV_WRITE, CLIENT_OUT_LOW, 0);
	bufferevent_enable(c->bev, EV_WRITE);
	client_reading(c, true);
}
