/*
 * driver_links.c: where links come from, and what they report, as inputs.
 */
#include "driver.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "bulk.h"
#include "clock.h"
#include "driver_private.h"
#include "hello.h"
#include "question.h"

#define ACCEPTS_PER_WAKE 16u
#define ACCEPT_PAUSE_MS  100

/* ---- coming and going ------------------------------------------------ */

static void
on_connected(void *arg, mesh_link id)
{
	const struct mesh_input in = {.kind = MESH_LINK_CONNECTED, .link = id};

	driver_feed(arg, &in);
}

static void
on_up(void *arg, struct wire *w)
{
	const struct mesh_input in = {
		.kind = MESH_LINK_UP,
		.link = wire_id(w),
		.u.up = {.accepted = wire_accepted(w),
			 .loopback = wire_loopback(w)},
	};

	driver_feed(arg, &in);
}

static void
on_down(void *arg, mesh_link id, enum link_end end)
{
	struct driver *d = arg;
	const struct mesh_input in = {
		.kind = MESH_LINK_DOWN,
		.link = id,
		.u.end = end,
	};

	driver_forget_pages(d, id);
	driver_verify_lost(d, id);
	driver_feed(d, &in);
}

/* ---- speaking -------------------------------------------------------- */

static void
tell_false_signature(struct driver *d, const struct wire *w)
{
	uint64_t muffled;

	if (log_gate_pass(&d->hello_gate, clock_steady_ms(),
			  DRIVER_LOG_PERIOD_MS, &muffled))
		log_warn("%s showed a false signature; hung up", wire_where(w));
}

/* Is this HELLO signed by the key it shows, for this very connection? */
static bool
hello_good(struct driver *d, struct wire *w, struct message_hello *h)
{
	uint8_t exporter[HELLO_EXPORTER_BYTES], said[HELLO_SIGNED_BYTES];
	enum hello_side theirs =
		wire_accepted(w) ? HELLO_DIALLER : HELLO_LISTENER;
	size_t bytes;

	if (wire_exporter(w, exporter)) {
		bytes = hello_signed_bytes(theirs, exporter, h->run, said);
		if (identity_check(h->key, said, bytes, h->signature)) {
			identity_node_id(h->key, &h->node);
			return true;
		}
	}
	tell_false_signature(d, w);
	return false;
}

static void
answer_unknown(struct driver *d, struct wire *w, uint32_t request)
{
	const struct message m = {
		.type = MESSAGE_ERROR,
		.request = request,
		.u.error = {.code = ERROR_UNKNOWN_TYPE,
			    .text = "unknown type of message"},
	};

	driver_say(d, w, &m);
}

/* ---- channels: connections that are to be no links ------------------- */

/* The same of CHANNEL. */
static bool
channel_good(struct driver *d, struct wire *w, const struct bulk *m)
{
	const struct bulk_channel *c = &m->u.channel;
	uint8_t exporter[HELLO_EXPORTER_BYTES], said[BULK_SIGNED_BYTES];
	size_t bytes;

	if (m->request == 0 || c->version_min > PROTOCOL_VERSION_MAX ||
	    c->version_max < PROTOCOL_VERSION_MIN)
		return false;
	if (wire_exporter(w, exporter)) {
		bytes = bulk_signed_bytes(exporter, c->run, said);
		if (identity_check(c->key, said, bytes, c->signature))
			return true;
	}
	tell_false_signature(d, w);
	return false;
}

/* The first frame is CHANNEL: give the connection away, or end it. */
static void
channel_heard(struct driver *d, struct wire *w, const uint8_t *body,
	      size_t body_bytes)
{
	struct wire_notes *notes = wire_notes(w);
	struct bulk m;

	if (!wire_accepted(w) || notes->hello_heard ||
	    d->config.on_channel == NULL ||
	    bulk_decode(d->unpack, body, body_bytes, &m, NULL) != MESSAGE_OK ||
	    m.type != BULK_CHANNEL || !channel_good(d, w, &m)) {
		wire_break(w);
		return;
	}
	identity_node_id(m.u.channel.key, &notes->node);
	notes->request = m.request;
	if (!wire_part(w))
		wire_break(w);
}

static void
on_parted(void *arg, struct wire *w, SSL *ssl, int fd)
{
	struct driver *d = arg;
	const struct wire_notes *notes = wire_notes(w);

	if (d->stopped || d->left != NULL) {
		SSL_free(ssl);
		close(fd);
		return;
	}
	d->config.on_channel(d->config.arg, ssl, fd, &notes->node,
			     notes->request);
}

/* ---- clients: neither links nor channels ------------------------------ */

/* The first frame is CLIENT_HELLO; whether it is a good one is judged by whom
 * it is given to. */
static void
client_heard(struct driver *d, struct wire *w, const uint8_t *body,
	     size_t body_bytes)
{
	if (!wire_accepted(w) || wire_notes(w)->hello_heard ||
	    d->config.on_client == NULL ||
	    !wire_part_whole(w, body, body_bytes))
		wire_break(w);
}

static void
on_parted_whole(void *arg, struct bufferevent *bev, SSL *ssl, int fd)
{
	struct driver *d = arg;

	if (d->stopped || d->left != NULL) {
		bufferevent_free(bev);
		SSL_free(ssl);
		close(fd);
		return;
	}
	d->config.on_client(d->config.arg, bev, ssl, fd);
}

/* ---- hearing --------------------------------------------------------- */

static void
on_heard(void *arg, struct wire *w, const uint8_t *body, size_t body_bytes)
{
	struct driver *d = arg;
	struct message m;
	struct mesh_input in = {.kind = MESH_HEARD, .link = wire_id(w)};
	const char *what = "";

	assert(!d->running);
	if (d->stopped)
		return;
	/* Whatever is said below may end links: those wait their turn. */
	d->running = true;
	switch (message_decode(d->decoder, body, body_bytes, &m, &what)) {
	case MESSAGE_BROKEN:
		log_debug("%s: malformed message: %s", wire_where(w), what);
		wire_break(w);
		goto out;
	case MESSAGE_UNKNOWN:
		if (m.type >= BULK_CHANNEL && m.type <= BULK_HANDED) {
			channel_heard(d, w, body, body_bytes);
			goto out;
		}
		if (m.type == CLIENT_HELLO) {
			client_heard(d, w, body, body_bytes);
			goto out;
		}
		answer_unknown(d, w, m.request);
		break;
	case MESSAGE_OK:
		break;
	}
	if (m.type == MESSAGE_HELLO) {
		if (!hello_good(d, w, &m.u.hello)) {
			wire_break(w);
			goto out;
		}
		wire_admit(w, m.u.hello.pads);
		wire_notes(w)->node = m.u.hello.node;
		wire_notes(w)->hello_heard = true;
	}
	d->heard = body;
	d->heard_bytes = body_bytes;
	in.u.message = &m;
	in.came_ms = wire_came_ms(w);
	in.since_ms = wire_since_ms(w);
	driver_step(d, &in);
	d->heard = NULL;
	if (m.type == MESSAGE_VERIFY)
		driver_verify_asked(d, w, m.request);
	else if (m.type == MESSAGE_VERIFIED || m.type == MESSAGE_ERROR)
		driver_verify_heard(d, w, &m);
out:
	driver_run(d);
}

static void
on_alive(void *arg, struct wire *w)
{
	const struct mesh_input in = {
		.kind = MESH_ALIVE,
		.link = wire_id(w),
		.came_ms = wire_came_ms(w),
	};

	driver_feed(arg, &in);
}

static bool
is_busy(void *arg)
{
	const struct driver *d = arg;

	return d->running;
}

const struct wire_events driver_wire_events = {
	.connected = on_connected,
	.up = on_up,
	.down = on_down,
	.heard = on_heard,
	.alive = on_alive,
	.busy = is_busy,
	.parted = on_parted,
	.parted_whole = on_parted_whole,
};

void
driver_beacon(void *driver, const struct node_id *node,
	      const struct address *address)
{
	struct mesh_input in = {.kind = MESH_BEACON};

	in.u.beacon.node = *node;
	in.u.beacon.address = *address;
	driver_feed(driver, &in);
}

/* ---- listening ------------------------------------------------------- */

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = {0, ACCEPT_PAUSE_MS * 1000};
	struct listener *l = arg;
	struct driver *d = l->driver;
	uint64_t muffled;
	int peer;

	(void)what;
	for (unsigned n = 0; n < ACCEPTS_PER_WAKE; n++) {
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer != -1) {
			wires_adopt_fd(d->wires, peer);
			continue;
		}
		switch (errno) {
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			/* The caller stays in the queue and the descriptor
			 * readable: look away, or the loop spins. */
			if (log_gate_pass(&d->accept_gate, clock_steady_ms(),
					  DRIVER_LOG_PERIOD_MS, &muffled))
				log_warn("cannot accept connections: %s",
					 strerror(errno));
			for (unsigned i = 0; i < d->config.listener_count; i++)
				(void)event_del(d->listeners[i].readable);
			(void)evtimer_add(d->accept_again, &pause);
			return;
		case EINTR:
		case ECONNABORTED:
			continue;
		default:
			return;
		}
	}
}

static void
on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < d->config.listener_count; i++)
		(void)event_add(d->listeners[i].readable, NULL);
}

int
driver_listen(struct driver *d)
{
	d->accept_again = evtimer_new(d->config.base, on_accept_again, d);
	if (d->accept_again == NULL)
		return -1;
	for (unsigned i = 0; i < d->config.listener_count; i++) {
		struct listener *l = &d->listeners[i];

		l->driver = d;
		l->fd = d->config.listeners[i];
		l->readable = event_new(d->config.base, l->fd,
					EV_READ | EV_PERSIST, on_acceptable, l);
		if (l->readable == NULL || event_add(l->readable, NULL) == -1)
			return -1;
	}
	return 0;
}

void
driver_unlisten(struct driver *d)
{
	for (unsigned i = 0; i < d->config.listener_count; i++) {
		struct listener *l = &d->listeners[i];

		if (l->readable != NULL)
			event_free(l->readable);
		l->readable = NULL;
		if (d->config.listeners[i] != -1)
			close(d->config.listeners[i]);
		d->config.listeners[i] = -1;
	}
	if (d->accept_again != NULL)
		(void)event_del(d->accept_again);
}
