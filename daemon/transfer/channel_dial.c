/*
 * channel_dial.c: how a channel comes to be, at the asker's end.
 *
 * TCP, TLS, then the holder's HELLO, which says whom one has met, then CHANNEL
 * and its answer.  All of it by one deadline.
 */
#include "channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "channel_private.h"
#include "clock.h"
#include "lookup.h"
#include "message.h"
#include "resolve.h"
#include "state.h"
#include "tls.h"
#include "trouble.h"

#define READ_BUFFER_BYTES (64u * 1024u) /* some TLS records at a time */
#define OPEN_REQUEST      1u

struct channel_stop {
	int fd; /* readable once pulled */
};

struct channel_stop *
channel_stop_new(void)
{
	struct channel_stop *s = malloc(sizeof(*s));

	if (s != NULL && (s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
		free(s);
		return NULL;
	}
	return s;
}

void
channel_stop_free(struct channel_stop *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s);
}

void
channel_stop_pull(struct channel_stop *s)
{
	const uint64_t one = 1;

	/* It can only be full, which is pulled. */
	if (write(s->fd, &one, sizeof(one)) == -1)
		return;
}

/* ---- one step after the other ---------------------------------------- */

/* A dial that is under way. */
struct dialling {
	const struct channel_self *self;
	struct channel *c;
	uint8_t exporter[HELLO_EXPORTER_BYTES];
	struct trouble *why;
};

static unsigned
time_left(const struct dialling *d)
{
	uint64_t now = clock_steady_ms();

	return now < d->c->end_ms ? (unsigned)(d->c->end_ms - now) : 0;
}

/* They were too slow, or we were told to stop, or it broke. */
static int
not_waited(struct dialling *d, enum channel_waited waited)
{
	struct pollfd stop = {.fd = d->c->stop_fd, .events = POLLIN};

	if (waited == WAITED_LATE)
		return trouble_set(d->why, ETIMEDOUT, "no answer in time");
	if (poll(&stop, 1, 0) == 1)
		return trouble_set(d->why, ECANCELED, "not wanted any more");
	return trouble_set(d->why, ECONNRESET, "the connection was ended");
}

static int
not_heard(struct dialling *d, enum channel_heard heard)
{
	switch (heard) {
	case CHANNEL_SILENT:
		return not_waited(d, WAITED_LATE);
	case CHANNEL_HEARD:
	case CHANNEL_BROKEN:
		return trouble_set(d->why, EPROTO,
				   "the other end speaks nonsense");
	case CHANNEL_ENDED:
		break;
	}
	return not_waited(d, WAITED_STOPPED);
}

static int
connect_socket(struct dialling *d, const struct sockaddr_storage *to,
	       socklen_t to_bytes)
{
	const int on = 1;
	enum channel_waited waited;
	int code = 0;
	socklen_t bytes = sizeof(code);

	if (connect(d->c->fd, (const struct sockaddr *)to, to_bytes) == -1) {
		if (errno != EINPROGRESS)
			return trouble_errno(d->why, errno, "cannot connect");
		waited = channel_wait(d->c, POLLOUT, UINT64_MAX);
		if (waited != WAITED_READY)
			return not_waited(d, waited);
		if (getsockopt(d->c->fd, SOL_SOCKET, SO_ERROR, &code, &bytes) ==
		    -1)
			code = errno;
		if (code != 0)
			return trouble_errno(d->why, code, "cannot connect");
	}
	(void)setsockopt(d->c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

static int
shake_hands(struct dialling *d)
{
	SSL *ssl = d->c->ssl;
	enum channel_waited waited;
	int r;

	if (SSL_set_fd(ssl, d->c->fd) != 1)
		return trouble_set(d->why, ENOMEM, "out of memory");
	/* Fewer and larger reads; bulk comes this way. */
	SSL_set_read_ahead(ssl, 1);
	SSL_set_default_read_buffer_len(ssl, READ_BUFFER_BYTES);
	for (;;) {
		ERR_clear_error();
		if ((r = SSL_connect(ssl)) == 1)
			break;
		if (SSL_get_error(ssl, r) == SSL_ERROR_SSL &&
		    ERR_GET_REASON(ERR_peek_error()) !=
			    SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return trouble_set(d->why, EACCES,
					   "the other end does not hold our "
					   "mesh key");
		waited = channel_wait_ssl(d->c, r, UINT64_MAX);
		if (waited != WAITED_READY)
			return not_waited(d, waited);
	}
	if (!tls_proven(ssl) || !tls_exporter(ssl, d->exporter))
		return trouble_set(d->why, EACCES,
				   "the other end does not hold our mesh key");
	return 0;
}

/* Whom have we met?  Heard and checked before a word is said. */
static int
meet(struct dialling *d, const struct node_id *expected)
{
	uint8_t said[HELLO_SIGNED_BYTES];
	const uint8_t *body;
	size_t body_bytes, bytes;
	struct message_decoder *decoder;
	enum message_verdict verdict;
	enum channel_heard heard;
	struct message m;

	heard = channel_hear_body(d->c, HELLO_BODY_BYTES_MAX, time_left(d),
				  &body, &body_bytes);
	if (heard != CHANNEL_HEARD)
		return not_heard(d, heard);
	if ((decoder = message_decoder_new()) == NULL)
		return trouble_set(d->why, ENOMEM, "out of memory");
	verdict = message_decode(decoder, body, body_bytes, &m, NULL);
	message_decoder_free(decoder); /* a HELLO borrows nothing from it */
	if (verdict != MESSAGE_OK || m.type != MESSAGE_HELLO)
		return not_heard(d, CHANNEL_BROKEN);
	bytes = hello_signed_bytes(HELLO_LISTENER, d->exporter, m.u.hello.run,
				   said);
	if (!identity_check(m.u.hello.key, said, bytes, m.u.hello.signature))
		return trouble_set(d->why, EPROTO,
				   "the other end showed a false signature");
	identity_node_id(m.u.hello.key, &d->c->node);
	if (!node_id_equal(&d->c->node, expected))
		return trouble_set(d->why, EHOSTUNREACH,
				   "another node answers there");
	if (m.u.hello.version_min > PROTOCOL_VERSION_MAX ||
	    m.u.hello.version_max < PROTOCOL_VERSION_MIN)
		return trouble_set(d->why, EPROTONOSUPPORT,
				   "no common version of the protocol");
	return 0;
}

static int
introduce(struct dialling *d)
{
	struct bulk m = {.type = BULK_CHANNEL, .request = OPEN_REQUEST};
	uint8_t said[BULK_SIGNED_BYTES];
	size_t bytes;
	enum channel_heard heard;

	m.u.channel.version_min = PROTOCOL_VERSION_MIN;
	m.u.channel.version_max = PROTOCOL_VERSION_MAX;
	m.u.channel.run = d->self->run;
	memcpy(m.u.channel.key, d->self->state->public_key, PUBLIC_KEY_BYTES);
	bytes = bulk_signed_bytes(d->exporter, d->self->run, said);
	if (state_sign(d->self->state, said, bytes, m.u.channel.signature) ==
	    -1)
		return trouble_set(d->why, ENOMEM, "cannot sign");
	if (!channel_say_bulk(d->c, &m, time_left(d)))
		return not_waited(d, WAITED_STOPPED);
	heard = channel_hear(d->c, CHANNEL_ASK_BYTES_MAX, time_left(d), &m);
	if (heard != CHANNEL_HEARD)
		return not_heard(d, heard);
	if (m.request == OPEN_REQUEST && m.type == MESSAGE_ERROR)
		return trouble_set(d->why,
				   m.u.error.code == ERROR_BUSY ? EBUSY
								: EPROTO,
				   "refused: %.127s", m.u.error.text);
	if (m.request != OPEN_REQUEST || m.type != BULK_CHANNEL_OPEN ||
	    m.u.open.version < PROTOCOL_VERSION_MIN ||
	    m.u.open.version > PROTOCOL_VERSION_MAX)
		return not_heard(d, CHANNEL_BROKEN);
	d->c->hatch_offered = m.u.open.hatch;
	d->c->thumbs_offered = m.u.open.thumbs;
	return 0;
}

static int
find_host(const struct address *to, uint64_t end_ms,
	  const struct channel_stop *stop, struct sockaddr_storage *out,
	  socklen_t *bytes, struct trouble *why)
{
	int code;

	if (resolve_number(to, out, bytes))
		return 0;
	code = lookup_host(to, end_ms, stop != NULL ? stop->fd : -1, out,
			   bytes);
	switch (code) {
	case 0:
		return 0;
	case EADDRNOTAVAIL:
		return trouble_set(why, code, "%s: no such host", to->host);
	case ECANCELED:
		return trouble_set(why, code, "not wanted any more");
	case ETIMEDOUT:
		return trouble_set(why, code, "%s: no name server answers",
				   to->host);
	}
	/* EBUSY is a holder's word. */
	return trouble_errno(why, code == EBUSY ? EAGAIN : code,
			     "%s: cannot be looked up", to->host);
}

struct channel *
channel_dial(const struct channel_self *self, const struct address *to,
	     const struct node_id *node, unsigned timeout_ms,
	     struct channel_stop *stop, struct trouble *why)
{
	struct dialling d = {
		.self = self,
		.why = why,
	};
	uint64_t end_ms = clock_steady_ms() + timeout_ms;
	struct sockaddr_storage address;
	socklen_t bytes;
	SSL *ssl;
	int fd;

	memset(&address, 0, sizeof(address));
	if (find_host(to, end_ms, stop, &address, &bytes, why) == -1)
		return NULL;
	fd = socket(address.ss_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		trouble_errno(why, errno, "cannot make a socket");
		return NULL;
	}
	if ((ssl = tls_session(self->tls, true)) == NULL)
		close(fd);
	else
		d.c = channel_new(ssl, fd);
	if (d.c == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	d.c->stop_fd = stop != NULL ? stop->fd : -1;
	d.c->end_ms = end_ms;
	if (connect_socket(&d, &address, bytes) == -1 ||
	    shake_hands(&d) == -1 || meet(&d, node) == -1 ||
	    introduce(&d) == -1) {
		d.c->failed = true; /* no last words */
		channel_free(d.c);
		return NULL;
	}
	d.c->stop_fd = -1;
	d.c->end_ms = UINT64_MAX;
	return d.c;
}
