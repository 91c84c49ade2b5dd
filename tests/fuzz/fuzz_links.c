/*
 * Sequences of what comes over the network, driven into a live driver with its
 * core and its catalogue: connections by the mesh key, by another or by none,
 * HELLO signed well or badly, frames of members and of strangers, whole, in pieces
 * and malformed, channels, clients from elsewhere, ends at any moment.  Whatever it
 * says must be a frame that decodes, to a stranger nothing but who it is, and its
 * tables must be in order after every turn.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "bulk.h"
#include "choices.h"
#include "frame.h"
#include "links_world.h"
#include "question.h"
#include "tls.h"

#define EVENTS_MAX 80u
#define LINKS      5u
#define IN_MAX     (FRAME_HEADER_BYTES + (size_t)LINK_BODY_BYTES_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct link_end {
	int fd; /* -1: none */
	SSL *ssl; /* NULL: no TLS on it */
	bool greeted; /* a good HELLO has been said */
	bool asked;
	uint32_t request;
	struct message_pull pull;
	size_t heard;
	uint8_t *in; /* IN_MAX */
};

static struct link_end links[LINKS];
static uint8_t frame[IN_MAX];

static void
hang_up(struct link_end *l)
{
	SSL_free(l->ssl);
	l->ssl = NULL;
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
}

static void
come(struct link_end *l, unsigned how)
{
	uint8_t *in = l->in;

	hang_up(l);
	memset(l, 0, sizeof(*l));
	l->in = in;
	if ((l->fd = world_dial()) == -1)
		return;
	if (how >= 240)
		return; /* plain */
	world_turn();
	if ((l->ssl = world_shake(l->fd, how < 224)) == NULL)
		hang_up(l);
	else
		fuzz_must(how < 224, "another key was good enough");
}

static void
say(struct link_end *l, const uint8_t *bytes, size_t count)
{
	if (l->fd == -1 || count == 0)
		return;
	if (l->ssl == NULL)
		(void)send(l->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		(void)SSL_write(l->ssl, bytes, (int)count);
}

static void
say_message(struct link_end *l, const struct message *m)
{
	say(l, frame, message_encode(m, frame, sizeof(frame)));
}

/* ---- first words -------------------------------------------------------------- */

static void
say_hello(struct choices *c, struct link_end *l, unsigned who)
{
	struct message m = {.type = MESSAGE_HELLO};
	uint8_t exporter[HELLO_EXPORTER_BYTES] = {0}, said[HELLO_SIGNED_BYTES];
	struct message_hello *h = &m.u.hello;
	size_t bytes;

	choices_hello(c, who % WORLD_PEERS, h);
	h->port = world_port();
	h->address_count = 0;
	if (l->ssl != NULL)
		(void)tls_exporter(l->ssl, exporter);
	bytes = hello_signed_bytes(HELLO_DIALLER, exporter, h->run, said);
	world_sign(who, said, bytes, h->key, h->signature);
	if (who >= 240)
		h->signature[5] ^= 1;
	else
		l->greeted = true;
	say_message(l, &m);
}

static void
say_channel(struct choices *c, struct link_end *l, unsigned who)
{
	struct bulk m = {.type = BULK_CHANNEL, .request = choose(c) % 3};
	uint8_t exporter[HELLO_EXPORTER_BYTES] = {0}, said[BULK_SIGNED_BYTES];
	size_t bytes;

	m.u.channel.version_min = m.u.channel.version_max = 1;
	m.u.channel.run = who;
	if (l->ssl != NULL)
		(void)tls_exporter(l->ssl, exporter);
	bytes = bulk_signed_bytes(exporter, who, said);
	world_sign(who, said, bytes, m.u.channel.key, m.u.channel.signature);
	if (who >= 240)
		m.u.channel.signature[5] ^= 1;
	say(l, frame, bulk_encode(&m, frame, sizeof(frame)));
}

static void
say_client(struct link_end *l)
{
	struct question q = {.type = CLIENT_HELLO, .request = 1};

	q.u.hello.version_min = q.u.hello.version_max = 1;
	say(l, frame, question_encode(&q, frame, sizeof(frame)));
}

/* ---- later ones ---------------------------------------------------------------- */

/* Names of those who can sign come up more often than others. */
static void
familiar(unsigned how, struct node_id *node)
{
	if (how % 2 == 0)
		world_node(how / 2, node);
}

static void
say_something(struct choices *c, struct link_end *l)
{
	static const uint8_t types[] = {
		MESSAGE_NODES, MESSAGE_HEARTBEAT, MESSAGE_STREAMS, MESSAGE_PULL,
		MESSAGE_WELCOME, MESSAGE_JOIN, MESSAGE_ERROR, MESSAGE_GOODBYE,
		MESSAGE_STREAMS, MESSAGE_VERIFY, MESSAGE_VERIFIED,
		MESSAGE_BATCH};
	struct message m = {.type = types[choose(c) % sizeof(types)]};
	struct node_report *nodes;
	struct stream_report *streams;
	struct node_id speaker;
	struct stream_id own;

	m.request = choose(c) % 4;
	world_node(1, &speaker);
	world_own(&own);
	switch ((enum message_type)m.type) {
	case MESSAGE_NODES:
	case MESSAGE_WELCOME:
		choices_nodes(c, &m.u.nodes);
		nodes = (struct node_report *)m.u.nodes.reports;
		for (uint32_t i = 0; i < m.u.nodes.count; i++) {
			familiar(choose(c), &nodes[i].node);
			nodes[i].port = world_port();
			nodes[i].address_count = 0;
		}
		break;
	case MESSAGE_STREAMS:
		choices_streams(c, &speaker, &m.u.streams);
		streams = (struct stream_report *)m.u.streams.reports;
		for (uint32_t i = 0; i < m.u.streams.count; i++)
			familiar(choose(c), &streams[i].stream.node);
		break;
	case MESSAGE_HEARTBEAT:
		choices_heartbeat(c, &m.u.heartbeat);
		break;
	case MESSAGE_PULL:
		choices_pull(c, &own, &m.u.pull);
		break;
	case MESSAGE_BATCH:
		choices_batch(c, &m.u.batch);
		break;
	case MESSAGE_ERROR:
		m.u.error.code = 1 + choose(c) % 6;
		break;
	case MESSAGE_GOODBYE:
		m.u.goodbye.why = 1 + choose(c) % 7;
		break;
	default:
		break;
	}
	say_message(l, &m);
}

static void
say_page(struct choices *c, struct link_end *l)
{
	struct message m = {.type = MESSAGE_BATCH, .request = l->request};

	if (!l->asked)
		return;
	choices_answer(c, &l->pull, &m.u.batch);
	say_message(l, &m);
	l->asked = false;
}

static void
say_own(struct choices *c, struct link_end *l, bool framed)
{
	size_t count = (size_t)choose(c) * 4 + choose(c) % 4;
	const uint8_t *bytes = choices_bytes(c, &count);

	if (framed && count > 0) {
		frame_header((uint32_t)count, frame);
		memcpy(frame + FRAME_HEADER_BYTES, bytes, count);
		say(l, frame, FRAME_HEADER_BYTES + count);
	} else {
		say(l, bytes, count);
	}
}

/* ---- hearing ------------------------------------------------------------------- */

static void
judge(struct link_end *l, const uint8_t *body, size_t count)
{
	static struct message_decoder *decoder;
	struct message m;
	const char *why = "";

	if (decoder == NULL)
		decoder = message_decoder_new();
	fuzz_must(decoder != NULL, "out of memory");
	/* On a channel, or to a client, others answer. */
	if (message_decode(decoder, body, count, &m, &why) != MESSAGE_OK)
		fuzz_must(false, why);
	fuzz_must(l->greeted || m.type == MESSAGE_HELLO ||
		   m.type == MESSAGE_GOODBYE || m.type == MESSAGE_ERROR,
		   "a stranger is told of us");
	if (m.type != MESSAGE_PULL)
		return;
	l->asked = true;
	l->request = m.request;
	l->pull = m.u.pull;
}

static void
hear(struct link_end *l)
{
	struct frame f;
	int n;

	if (l->fd == -1 || l->ssl == NULL)
		return;
	ERR_clear_error();
	n = SSL_read(l->ssl, l->in + l->heard, (int)(IN_MAX - l->heard));
	if (n > 0)
		l->heard += (size_t)n;
	else if (SSL_get_error(l->ssl, n) != SSL_ERROR_WANT_READ)
		hang_up(l);
	while (l->heard >= FRAME_HEADER_BYTES) {
		switch (frame_peek(l->in, l->heard, LINK_BODY_BYTES_MAX, &f)) {
		case FRAME_PARTIAL:
			return;
		case FRAME_BROKEN:
			fuzz_must(false, "the driver says no frame");
			return;
		case FRAME_READY:
			judge(l, f.body, f.body_bytes);
			l->heard -= f.want_bytes;
			memmove(l->in, l->in + f.want_bytes, l->heard);
		}
	}
}

/* ---- events -------------------------------------------------------------------- */

static void
on_link(struct choices *c, struct link_end *l, unsigned what)
{
	switch (what) {
	case 0:
		say_hello(c, l, choose(c));
		return;
	case 1:
	case 2:
	case 3:
		say_something(c, l);
		return;
	case 4:
	case 5:
		hear(l);
		say_page(c, l);
		return;
	case 6:
	case 7:
		say_own(c, l, what == 6);
		return;
	case 8:
		if (choose(c) % 2)
			say_client(l);
		else
			say_channel(c, l, choose(c));
		return;
	default:
		if (choose(c) % 2)
			(void)shutdown(l->fd, SHUT_WR);
		else
			hang_up(l);
		return;
	}
}

static void
event(struct choices *c)
{
	unsigned what = choose(c) % 16;
	struct link_end *l = &links[choose(c) % LINKS];
	struct node_id node;

	if (what < 11 && l->fd == -1)
		what = 11;
	if (what < 11) {
		on_link(c, l, what);
		return;
	}
	switch (what) {
	case 11:
		come(l, choose(c));
		if (choose(c) % 8 != 0 && l->fd != -1)
			say_hello(c, l, choose(c));
		return;
	case 12:
		world_node(choose(c), &node);
		world_forget(&node);
		return;
	case 13:
		world_own_change(choose(c));
		return;
	case 14:
		world_verify();
		return;
	default:
		return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices c = {.at = data, .left = size};

	world_begin();
	for (unsigned i = 0; i < LINKS; i++) {
		links[i].fd = -1;
		if (links[i].in == NULL)
			links[i].in = malloc(IN_MAX);
		fuzz_must(links[i].in != NULL, "out of memory");
	}
	for (unsigned n = 0; n < EVENTS_MAX && c.left > 0; n++) {
		event(&c);
		world_turn();
	}
	for (unsigned i = 0; i < LINKS; i++) {
		hear(&links[i]);
		hang_up(&links[i]);
	}
	world_end();
	return 0;
}
