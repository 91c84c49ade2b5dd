/*
 * clients_out.c: what one client is told, as its socket takes it.
 *
 * The threads that make answers send them to a client of the Unix socket
 * themselves (outlet.h).  So what is said here goes to the socket only while
 * the loop thread has the outlet, which it keeps as long as anything is queued
 * in the bufferevent; else it is held until the letter of the answer that is
 * going out.  Frames stay whole; in what order those of different questions
 * come was never promised.  To who came by TLS only the loop thread speaks.
 */
#include "clients_private.h"

#include <stdio.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "outlet.h"

#define EVENT_FRAME_BYTES 1024u

int
client_out_init(struct client *c)
{
	if (c->outlet == NULL)
		return 0;
	c->held = evbuffer_new();
	return c->held != NULL ? 0 : -1;
}

void
client_out_release(struct client *c)
{
	if (c->held != NULL)
		evbuffer_free(c->held);
	outlet_end(c->outlet);
	c->held = NULL;
	c->outlet = NULL;
}

static size_t
in_bufferevent(const struct client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

size_t
client_queued(const struct client *c)
{
	return in_bufferevent(c) +
	       (c->held != NULL ? evbuffer_get_length(c->held) : 0);
}

/* ---- whose turn it is --------------------------------------------------- */

/* To be had by the loop thread; then what was held is on its way. */
static bool
take_turn(struct client *c)
{
	if (c->outlet == NULL)
		return true;
	if (!outlet_take(c->outlet))
		return false;
	if (evbuffer_get_length(c->held) > 0 &&
	    bufferevent_write_buffer(c->bev, c->held) == -1)
		client_doom(c);
	return true;
}

static void
end_turn(struct client *c)
{
	if (c->outlet != NULL && in_bufferevent(c) == 0)
		outlet_leave(c->outlet);
}

void
client_said(struct client *c, const uint8_t *rest, size_t rest_bytes)
{
	outlet_heard(c->outlet, rest_bytes == 0);
	if (rest_bytes > 0 &&
	    bufferevent_write(c->bev, rest, rest_bytes) == -1)
		client_doom(c);
	if (evbuffer_get_length(c->held) > 0 && take_turn(c))
		end_turn(c);
}

void
client_written(struct client *c)
{
	if (take_turn(c))
		end_turn(c);
}

/* ---- saying something --------------------------------------------------- */

/*
 * What its socket takes at once needs no round of the loop to be written, and
 * most answers are taken whole.  How many bytes; when that fails, whoever
 * writes the rest will see why.
 */
static size_t
send_at_once(struct client *c, const uint8_t *frame, size_t frame_bytes)
{
	ssize_t n;

	if (c->remote || in_bufferevent(c) > 0)
		return 0;
	n = send(bufferevent_getfd(c->bev), frame, frame_bytes,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	return n > 0 ? (size_t)n : 0;
}

void
client_write(struct client *c, const uint8_t *frame, size_t frame_bytes)
{
	size_t sent;

	if (c->doomed)
		return;
	if (!take_turn(c)) {
		if (evbuffer_add(c->held, frame, frame_bytes) == -1)
			client_doom(c);
		return;
	}
	sent = send_at_once(c, frame, frame_bytes);
	if (sent < frame_bytes &&
	    bufferevent_write(c->bev, frame + sent, frame_bytes - sent) == -1)
		client_doom(c);
	end_turn(c);
}

void
client_say(struct client *c, const struct question *q)
{
	uint8_t frame[EVENT_FRAME_BYTES];
	size_t n = question_encode(q, frame, sizeof(frame));

	if (n > 0)
		client_write(c, frame, n);
}

void
client_refuse(struct client *c, uint32_t request, enum error_code code,
	      const char *text)
{
	struct question q = {.type = MESSAGE_ERROR, .request = request};

	q.u.error.code = code;
	snprintf(q.u.error.text, sizeof(q.u.error.text), "%s", text);
	client_say(c, &q);
}
