/*
 * wire_open.c: how a connection comes to be: names, connect, accept, TLS.
 *
 * The connect is our own and not libevent's, because its exact outcome is
 * evidence: a refused redial on loopback proves a death.
 */
#include "wire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include <openssl/err.h>

#include "clock.h"
#include "frame.h"
#include "resolve.h"
#include "wire_private.h"

static enum link_end
end_of_errno(int code)
{
	switch (code) {
	case ECONNREFUSED:
		return LINK_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return LINK_RESET;
	default:
		/* Unreachable, timed out, out of descriptors: proves nothing
		 * about the other end. */
		return LINK_SILENT;
	}
}

static bool
is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;

	return a->ss_family == AF_INET &&
	       v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

/* Look at both ends of a connected socket.  False: it is connected to itself
 * (a port among the ephemeral ones may do that when nobody listens). */
static bool
note_ends(struct wire *w)
{
	struct sockaddr_storage ours, theirs;
	socklen_t ours_bytes = sizeof(ours), theirs_bytes = sizeof(theirs);
	const int on = 1;

	memset(&ours, 0, sizeof(ours));
	memset(&theirs, 0, sizeof(theirs));
	if (getsockname(w->fd, (struct sockaddr *)&ours, &ours_bytes) == -1 ||
	    getpeername(w->fd, (struct sockaddr *)&theirs, &theirs_bytes) == -1)
		return true; /* already reset: TLS will find out */
	w->loopback = is_loopback(&ours) || is_loopback(&theirs);
	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return ours_bytes != theirs_bytes ||
	       memcmp(&ours, &theirs, ours_bytes) != 0;
}

/* ---- TLS ------------------------------------------------------------- */

bool
wire_shake(struct wire *w)
{
	struct wires *s = w->set;

	if ((w->ssl = tls_session(s->tls, !w->accepted)) == NULL)
		return false;
	w->bev = bufferevent_openssl_socket_new(
		s->base, w->fd, w->ssl,
		w->accepted ? BUFFEREVENT_SSL_ACCEPTING
			    : BUFFEREVENT_SSL_CONNECTING,
		0);
	if (w->bev == NULL)
		return false;
	if (w->connecting != NULL) {
		event_free(w->connecting);
		w->connecting = NULL;
	}
	w->state = WIRE_STATE_SHAKING;
	bufferevent_setcb(w->bev, wire_on_readable, NULL, wire_on_event, w);
	bufferevent_setwatermark(w->bev, EV_READ, FRAME_HEADER_BYTES,
				 WIRE_READ_HIGH_BYTES);
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
	/* A connection that broke is told by the bare SSL_ERROR_ number. */
	if ((what & BEV_EVENT_EOF) != 0 || first == 0 ||
	    first == SSL_ERROR_SYSCALL ||
	    ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return LINK_RESET;
	return LINK_STRANGER;
}

void
wire_shaken(struct wire *w, short what)
{
	struct wires *s = w->set;
	enum link_end end;
	uint64_t muffled;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		if (tls_proven(w->ssl)) {
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
	    log_gate_pass(&s->shake_gate, clock_steady_ms(), WIRE_LOG_PERIOD_MS,
			  &muffled))
		log_info("%s does not hold our mesh key; refused (%llu more "
			 "since the last such line)",
			 w->where, (unsigned long long)muffled);
	wire_finish(w, end);
}

/* ---- dialling -------------------------------------------------------- */

/* TCP has an outcome. */
static void
connect_done(struct wire *w)
{
	int code = 0;
	socklen_t bytes = sizeof(code);

	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &code, &bytes) == -1)
		code = errno;
	if (code == 0 && !note_ends(w))
		code = ECONNREFUSED;
	if (code != 0) {
		wire_finish(w, end_of_errno(code));
		return;
	}
	if (!wire_shake(w)) {
		wire_finish(w, LINK_SILENT);
		return;
	}
	w->set->events->connected(w->set->arg, w->id);
}

static void
on_connect(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	(void)fd;
	(void)what;
	if (w->state == WIRE_STATE_CONNECTING)
		connect_done(w);
}

static void
dial(struct wire *w, const struct sockaddr_storage *to, socklen_t bytes)
{
	struct wires *s = w->set;
	struct pollfd now;
	uint64_t muffled;

	w->state = WIRE_STATE_CONNECTING;
	w->fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (w->fd == -1) {
		if (log_gate_pass(&s->fd_gate, clock_steady_ms(),
				  WIRE_LOG_PERIOD_MS, &muffled))
			log_warn("cannot make a socket: %s", strerror(errno));
		wire_finish(w, LINK_SILENT);
		return;
	}
	if (connect(w->fd, (const struct sockaddr *)to, bytes) == -1 &&
	    errno != EINPROGRESS) {
		wire_finish(w, end_of_errno(errno));
		return;
	}
	/* On loopback the kernel has the outcome already, though it says
	 * EINPROGRESS: look at once, so that a refused redial costs no trip
	 * through the loop. */
	now = (struct pollfd){.fd = w->fd, .events = POLLOUT};
	if (poll(&now, 1, 0) == 1) {
		connect_done(w);
		return;
	}
	w->connecting = event_new(s->base, w->fd, EV_WRITE, on_connect, w);
	if (w->connecting == NULL || event_add(w->connecting, NULL) == -1)
		wire_finish(w, LINK_SILENT);
}

static void
on_named(void *arg, uint64_t id, const struct sockaddr_storage *to,
	 socklen_t bytes)
{
	struct wire *w = wires_find(arg, id);

	if (w == NULL || w->state != WIRE_STATE_NAMED)
		return;
	if (bytes == 0) {
		log_debug("%s: no such host", w->where);
		wire_finish(w, LINK_SILENT);
		return;
	}
	dial(w, to, bytes);
}

void
wires_dial(struct wires *s, mesh_link id, const struct address *address)
{
	struct sockaddr_storage to;
	socklen_t bytes;
	struct wire *w;

	assert(id != MESH_LINK_NONE && id % 2 == 0);
	if ((w = wire_new(s, id, false)) == NULL) {
		s->events->down(s->arg, id, LINK_SILENT);
		return;
	}
	snprintf(w->where, sizeof(w->where), "%s:%u", address->host,
		 (unsigned)address->port);
	memset(&to, 0, sizeof(to));
	if (resolve_number(address, &to, &bytes))
		dial(w, &to, bytes);
	else if (!resolver_ask(s->resolver, address, id, on_named, s))
		wire_finish(w, LINK_SILENT);
}

/* ---- accepting ------------------------------------------------------- */

/* Somebody fills the door: the one who has stood there longest goes. */
static void
drop_oldest_stranger(struct wires *s)
{
	struct wire *w;

	TAILQ_FOREACH(w, &s->live, in_set) {
		if (w->accepted && !w->admitted) {
			wire_finish(w, LINK_SILENT);
			return;
		}
	}
}

void
wires_adopt_fd(struct wires *s, int fd)
{
	struct sockaddr_storage theirs;
	socklen_t bytes = sizeof(theirs);
	struct wire *w;
	char host[ADDRESS_HOST_MAX + 1] = "?", port[8] = "?";

	if (s->strangers >= WIRE_STRANGERS_MAX)
		drop_oldest_stranger(s);
	if ((w = wire_new(s, s->next_odd, true)) == NULL) {
		close(fd);
		return;
	}
	s->next_odd += 2;
	w->fd = fd;
	if (getpeername(fd, (struct sockaddr *)&theirs, &bytes) == 0)
		(void)getnameinfo((struct sockaddr *)&theirs, bytes, host,
				  sizeof(host), port, sizeof(port),
				  NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(w->where, sizeof(w->where), "%s:%s", host, port);
	(void)note_ends(w);
	if (!wire_shake(w)) {
		wire_finish(w, LINK_SILENT);
		return;
	}
	wire_set_timer(w, WIRE_SHAKE_MS);
}
