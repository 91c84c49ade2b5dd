/*
 * wire_rest.c: what is small is left in the socket until it is time to look.
 *
 * An idle daemon does nothing but say that it is there, and hear that others
 * are; to be woken by each of them each time is most of what that costs.  So a
 * link on which nothing is half read *rests*: the kernel does not tell of
 * fewer than LINK_REST_BYTES (SO_RCVLOWAT), which only a record that has time
 * is small enough for, and whoever says something at regular times looks then.
 * The end of a connection is told of as ever.
 */
#include "wire.h"

#include <linux/tcp.h> /* more of tcp_info than netinet/tcp.h has */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "clock.h"
#include "frame.h"
#include "wire_private.h"

/* Of a record of TLS 1.3: its header, the type within, AES-GCM's tag. */
#define RECORD_HEADER_BYTES 5u
#define RECORD_TYPE_BYTES   1u
#define RECORD_TAG_BYTES    16u
#define RECORD_BYTES \
	(RECORD_HEADER_BYTES + RECORD_TYPE_BYTES + RECORD_TAG_BYTES)
#define RECORD_PLAIN_MAX 16384u

/* Records in a row that are not read; they, and the next, may rest. */
#define SIGNS_MAX       3u
#define QUIET_BYTES_MAX ((LINK_REST_BYTES - 1u) / (SIGNS_MAX + 1u))
/* By as much the kernel may be wrong about when something came. */
#define JIFFY_MS 10u

/* The header may have been read by the one who then lets the link rest. */
_Static_assert(LINK_LOUD_BYTES - RECORD_HEADER_BYTES >= LINK_REST_BYTES,
	       "what must be heard at once might rest");
_Static_assert(sizeof(((struct wires *)0)->body) >= RECORD_PLAIN_MAX,
	       "a record must be read as a whole");

/* ---- saying ---------------------------------------------------------- */

/* How much to add to a record; `bytes` with its type. */
static size_t
padding(SSL *ssl, int type, size_t bytes, void *arg)
{
	const size_t least = LINK_LOUD_BYTES - RECORD_BYTES + RECORD_TYPE_BYTES;
	const struct wire *w = arg;

	(void)ssl;
	(void)type;
	return w->quietly || bytes >= least ? 0 : least - bytes;
}

void
wire_pad(struct wire *w)
{
	SSL_set_record_padding_callback(w->ssl, padding);
	SSL_set_record_padding_callback_arg(w->ssl, w);
}

bool
wire_send_quietly(struct wire *w, const uint8_t *frame, size_t bytes)
{
	int sent;

	if (w->state == WIRE_STATE_OPEN && w->admitted && !w->over &&
	    bytes + RECORD_BYTES <= QUIET_BYTES_MAX &&
	    evbuffer_get_length(bufferevent_get_output(w->bev)) == 0) {
		w->quietly = true;
		sent = SSL_write(w->ssl, frame, (int)bytes);
		w->quietly = false;
		if (sent == (int)bytes)
			return true;
		ERR_clear_error();
	}
	/* The same bytes again, as OpenSSL asks for.  Whatever stands in their
	 * way, libevent will find out. */
	return wire_send(w, frame, bytes);
}

/* ---- resting --------------------------------------------------------- */

static void
wake_at_bytes(const struct wire *w, int bytes)
{
	(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

void
wire_rouse(struct wire *w)
{
	if (!w->resting)
		return;
	w->resting = false;
	(void)event_del(w->roused);
	wake_at_bytes(w, 1);
}

/* More has come than may rest.  libevent is about to read it, or has, and
 * perhaps not all: whatever is missing must wake us, be it a single byte. */
static void
on_roused(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wire_rouse(arg);
}

/* Nothing half read lies here, in cipher or in plain. */
static bool
may_rest(const struct wire *w)
{
	return w->state == WIRE_STATE_OPEN && w->admitted && !w->over &&
	       !w->paused &&
	       evbuffer_get_length(bufferevent_get_input(w->bev)) == 0 &&
	       !SSL_has_pending(w->ssl);
}

static void
rest(struct wire *w)
{
	int unread;

	/* libevent is about to be told of that. */
	if (ioctl(w->fd, FIONREAD, &unread) == -1 || unread > 0)
		return;
	if (w->roused == NULL) {
		/* Memory for records is kept: it is needed all the time. */
		SSL_clear_mode(w->ssl, SSL_MODE_RELEASE_BUFFERS);
		w->roused = event_new(w->set->base, w->fd, EV_READ, on_roused,
				      w);
	}
	if (w->roused == NULL || event_add(w->roused, NULL) == -1)
		return;
	w->resting = true;
	w->received = 0; /* not known: the next look reads */
	w->signs = 0;
	w->taken = 0;
	w->looked_ms = w->read_ms = clock_steady_ms();
	wake_at_bytes(w, LINK_REST_BYTES);
}

void
wires_rest(struct wires *s)
{
	struct wire *w;

	TAILQ_FOREACH(w, &s->live, in_set) {
		if (!may_rest(w))
			wire_rouse(w);
		else if (!w->resting)
			rest(w);
	}
}

/* ---- looking --------------------------------------------------------- */

/* What the kernel knows of a link; false if it does not tell. */
static bool
arrivals(const struct wire *w, uint64_t *received, uint64_t *came_ms)
{
	uint64_t now = clock_steady_ms(), ago;
	struct tcp_info info;
	socklen_t bytes = sizeof(info);

	if (getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) == -1 ||
	    bytes < offsetof(struct tcp_info, tcpi_bytes_received) +
			    sizeof(info.tcpi_bytes_received))
		return false;
	*received = info.tcpi_bytes_received;
	/* Rather too early: what is said is only the older for it. */
	ago = info.tcpi_last_data_recv + JIFFY_MS;
	*came_ms = now > ago ? now - ago : 1;
	return true;
}

/* One whole frame, and nothing before it: the way of all heartbeats. */
static bool
hear_whole(struct wire *w, const uint8_t *record, size_t bytes)
{
	struct frame f;

	if (bytes < FRAME_HEADER_BYTES || w->paused ||
	    evbuffer_get_length(bufferevent_get_input(w->bev)) > 0 ||
	    frame_peek(record, bytes, LINK_BODY_BYTES_MAX, &f) != FRAME_READY ||
	    f.want_bytes != bytes)
		return false;
	w->beat_bytes = bytes + RECORD_BYTES;
	w->set->events->heard(w->set->arg, w, f.body, f.body_bytes);
	return true;
}

static void
hear_record(struct wire *w, const uint8_t *record, size_t bytes)
{
	if (hear_whole(w, record, bytes))
		return;
	if (evbuffer_add(bufferevent_get_input(w->bev), record, bytes) == -1)
		wire_finish(w, LINK_CLOGGED);
	else if (!w->paused)
		wire_hear(w);
}

/*
 * All that lies in the socket, by one call of the kernel: on a link that rests
 * it is less than OpenSSL reads ahead, or libevent is about to be called for
 * it.  libevent itself must not read ahead: it does not see what lies there.
 */
static void
read_all(struct wire *w)
{
	uint64_t now = clock_steady_ms();
	uint8_t *record = w->set->body;
	int bytes;

	w->signs = 0;
	SSL_set_read_ahead(w->ssl, 1);
	do {
		bytes = SSL_read(w->ssl, record, (int)sizeof(w->set->body));
		SSL_set_read_ahead(w->ssl, 0);
		if (bytes > 0)
			hear_record(w, record, (size_t)bytes);
	} while (bytes > 0 && w->state == WIRE_STATE_OPEN &&
		 SSL_has_pending(w->ssl));
	if (w->resting) {
		w->read_ms = now;
		w->taken = 0;
	}
	if (bytes > 0)
		return;
	ERR_clear_error();
	/* They ended it in TLS, or sent nonsense.  What TCP has to tell is
	 * told by the loop. */
	if (!SSL_want_read(w->ssl))
		wire_on_event(w->bev, BEV_EVENT_READING | BEV_EVENT_EOF, w);
}

/*
 * As many bytes as the record before had, which said nothing but that they are
 * there: so does this one, of who pads all others.  To read several at once costs
 * little more than to read one, and a forged one ends the link when it is read.
 */
static void
look(struct wire *w)
{
	uint64_t received;

	w->came_ms = w->looked_ms;
	if (!arrivals(w, &received, &w->came_ms)) {
		read_all(w);
	} else if (received != w->received) {
		bool sign = w->pads &&
			    received - w->received == w->beat_bytes &&
			    w->signs < SIGNS_MAX;

		w->received = received;
		if (sign) {
			w->signs++;
			w->set->events->alive(w->set->arg, w);
		} else {
			read_all(w);
		}
	}
	w->came_ms = 0;
	w->looked_ms = clock_steady_ms();
}

void
wires_look(struct wires *s)
{
	struct wire *w;

	s->looks++;
	do {
		/* What is heard may end any of them: from the first again. */
		TAILQ_FOREACH(w, &s->live, in_set) {
			if (w->resting && w->looks != s->looks)
				break;
		}
		if (w != NULL) {
			w->looks = s->looks;
			look(w);
		}
	} while (w != NULL);
}

uint64_t
wire_came_ms(const struct wire *w)
{
	return w->came_ms;
}

/* Is there more than what has been taken from the input? */
static bool
more_unread(const struct wire *w)
{
	int unread;

	if (evbuffer_get_length(bufferevent_get_input(w->bev)) > 0 ||
	    SSL_has_pending(w->ssl))
		return true;
	/* A look reads all there is; libevent a record or two. */
	return w->came_ms == 0 &&
	       (ioctl(w->fd, FIONREAD, &unread) == -1 || unread > 0);
}

void
wire_rested(struct wire *w)
{
	if (w->read_ms != 0 && !w->resting &&
	    (w->taken >= LINK_REST_BYTES || !more_unread(w)))
		w->read_ms = 0;
}

/*
 * The kernel knows when the last byte came, and of no other.  That is when a
 * frame came if all that is here ends with it.  One that more follows, be it a
 * part of a frame, may have lain here since we last read; and what follows may
 * be news without which the former is no longer all that there is to know.  What
 * is more than may rest has come since it woke us.
 */
uint64_t
wire_since_ms(const struct wire *w)
{
	if (w->read_ms == 0 ||
	    (w->came_ms == 0 && w->taken >= LINK_REST_BYTES) ||
	    !more_unread(w))
		return 0;
	return w->read_ms;
}
