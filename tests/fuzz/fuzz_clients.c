/*
 * Sequences of what clients can do to a daemon, driven into the real dispatcher
 * of clients, with real sockets, a real catalogue and its query threads: to
 * connect (here, or as from elsewhere), greet or not, ask lawfully or not, in
 * pieces, with descriptors, without reading, and to leave at any moment, while
 * news comes.  Whatever the daemon says must be a frame that decodes; to a stranger
 * it says nothing but that he must greet; and no question has two last answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "choices.h"
#include "clients_world.h"
#include "frame.h"
#include "question.h"

#define EVENTS_MAX 200u
#define PEOPLE     6u
#define HEARD_MAX  (FRAME_HEADER_BYTES + (size_t)ANSWER_BODY_BYTES_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct person {
	int fd; /* -1: nobody */
	bool greeted; /* it has said CLIENT_HELLO, or bytes that may be one */
	unsigned asked, answered, strange; /* strange: bytes of no frame */
	size_t heard;
	uint8_t *in; /* HEARD_MAX */
};

static struct person people[PEOPLE];

/* ---- saying ------------------------------------------------------------- */

static void
leave(struct person *p)
{
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
}

static void
come(struct person *p, bool far)
{
	uint8_t *in = p->in;

	leave(p);
	memset(p, 0, sizeof(*p));
	p->in = in;
	p->fd = far ? world_dial_far() : world_dial();
}

/* What does not fit into the socket is not said. */
static void
say_bytes(struct person *p, const uint8_t *bytes, size_t count)
{
	if (count > 0)
		(void)send(p->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
say_frame(struct person *p, const uint8_t *body, size_t count)
{
	uint8_t head[FRAME_HEADER_BYTES];

	frame_header((uint32_t)count, head);
	p->asked++;
	say_bytes(p, head, sizeof(head));
	say_bytes(p, body, count);
}

static void
greet(struct person *p, unsigned how)
{
	struct question q = {.type = CLIENT_HELLO, .request = 1};
	uint8_t out[256];
	size_t n;

	q.u.hello.version_min = how < 240 ? 1 : 2;
	q.u.hello.version_max = how < 240 ? 1 : 2;
	n = question_encode(&q, out, sizeof(out));
	p->asked++;
	p->greeted = true;
	say_bytes(p, out, n);
}

static size_t
put_text(uint8_t *to, const char *text, size_t count)
{
	to[0] = (uint8_t)(0xa0 | (count & 31));
	memcpy(to + 1, text, count & 31);
	return 1 + (count & 31);
}

static size_t
put_value(struct choices *c, uint8_t *to)
{
	static const char *const texts[] = {
		"aa", "name", "beach", "p1", "node:alice", "type:video",
		"2023", "year", "-p2", "camera:x", "photos/2023/p1.jpg", ""};
	unsigned how = choose(c);
	size_t n;

	switch (how % 8) {
	case 0:
		to[0] = (uint8_t)(how >> 3);
		return 1;
	case 1:
		to[0] = how & 8 ? 0xc2 : 0xc3;
		return 1;
	case 2:
		to[0] = 0xc0;
		return 1;
	case 3: /* an id, a node, a cursor */
		n = how & 8 ? 24 : how & 16 ? 16 : choose(c) % 40;
		to[0] = 0xc4;
		to[1] = (uint8_t)n;
		memset(to + 2, how & 32 ? 0x5a : 0, n);
		to[2] = (uint8_t)(how & 64 ? 0xaa : how);
		return 2 + (n > 0 ? n : 0);
	case 4:
		to[0] = 0xcd;
		to[1] = (uint8_t)choose(c);
		to[2] = (uint8_t)choose(c);
		return 3;
	case 5:
		to[0] = 0x91; /* an array of one text */
		return 1 + put_text(to + 1, texts[(how >> 3) % 12],
				    strlen(texts[(how >> 3) % 12]));
	case 6:
		to[0] = 0x90;
		return 1;
	default:
		return put_text(to, texts[(how >> 3) % 12],
				strlen(texts[(how >> 3) % 12]));
	}
}

/* A question with some of the keys that questions have. */
static void
ask(struct choices *c, struct person *p)
{
	static const char *const keys[] = {
		"limit", "after", "sort", "reverse", "id", "node", "sure",
		"photo", "photos", "files", "offset", "length", "nonce",
		"query", "by", "unit", "zone", "accept_missing", "allow",
		"always", "name", "bytes", "what", "vmin", "vmax", "terms"};
	uint8_t body[512] = {0x93};
	size_t n = 1;
	unsigned type = 33 + choose(c) % 43, count = choose(c) % 6;

	if (type > 127 - 32)
		body[n++] = 0xcc;
	body[n++] = (uint8_t)type;
	body[n++] = (uint8_t)(choose(c) % 100);
	body[n++] = (uint8_t)(0x80 | count);
	for (unsigned i = 0; i < count; i++) {
		const char *key = keys[choose(c) % 26];

		n += put_text(body + n, key, strlen(key));
		n += put_value(c, body + n);
	}
	say_frame(p, body, n);
}

static void
say_own(struct choices *c, struct person *p, bool framed)
{
	size_t count = (size_t)choose(c) * 2 + choose(c) % 2;
	const uint8_t *bytes = choices_bytes(c, &count);

	if (framed && count > 0)
		say_frame(p, bytes, count);
	else
		say_bytes(p, bytes, count);
	p->greeted = true;
	p->strange += !framed;
}

/* So many frames at once that they cannot all be answered. */
static void
ask_a_lot(struct choices *c, struct person *p)
{
	static const uint8_t list[] = {0x93, CLIENT_LIST, 5, 0x80};
	unsigned count = choose(c);

	for (unsigned i = 0; i < count; i++)
		say_frame(p, list, sizeof(list));
}

static void
send_descriptors(struct choices *c, struct person *p)
{
	unsigned count = 1 + choose(c) % 3;
	int fds[3] = {STDIN_FILENO, STDIN_FILENO, STDIN_FILENO};
	char room[CMSG_SPACE(sizeof(fds))] = {0}, byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(h), fds, count * sizeof(int));
	(void)sendmsg(p->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	p->strange++;
}

/* ---- hearing ------------------------------------------------------------ */

static void
judge(struct person *p, const uint8_t *body, size_t count)
{
	static struct question_decoder *decoder;
	struct question q;
	const char *why = "";

	if (decoder == NULL)
		decoder = question_decoder_new();
	fuzz_must(decoder != NULL, "out of memory");
	if (question_decode(decoder, body, count, &q, &why) != MESSAGE_OK)
		fuzz_must(false, why);
	fuzz_must(p->greeted || q.type == MESSAGE_ERROR,
		   "a stranger is told something");
	switch (q.type) {
	case CLIENT_EVENT:
	case CLIENT_PROGRESS:
	case CLIENT_GETTING:
		return;
	default:
		/* One more: that what was said was no frame. */
		fuzz_must(++p->answered <= p->asked + p->strange + 1,
			   "more answers than questions");
	}
}

static void
hear(struct person *p, size_t max)
{
	struct frame f;
	ssize_t n;

	if (max > HEARD_MAX - p->heard)
		max = HEARD_MAX - p->heard;
	n = recv(p->fd, p->in + p->heard, max, MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN)) {
		leave(p);
		return;
	}
	if (n > 0)
		p->heard += (size_t)n;
	while (p->heard >= FRAME_HEADER_BYTES) {
		switch (frame_peek(p->in, p->heard, ANSWER_BODY_BYTES_MAX,
				   &f)) {
		case FRAME_PARTIAL:
			return;
		case FRAME_BROKEN:
			fuzz_must(false, "the daemon says no frame");
			return;
		case FRAME_READY:
			judge(p, f.body, f.body_bytes);
			p->heard -= f.want_bytes;
			memmove(p->in, p->in + f.want_bytes, p->heard);
		}
	}
}

/* ---- events ------------------------------------------------------------- */

static void
person_does(struct choices *c, struct person *p, unsigned what)
{
	switch (what) {
	case 0:
		greet(p, choose(c));
		return;
	case 1:
	case 2:
		ask(c, p);
		return;
	case 3:
		say_own(c, p, true);
		return;
	case 4:
		say_own(c, p, false);
		return;
	case 5:
		ask_a_lot(c, p);
		return;
	case 6:
		send_descriptors(c, p);
		return;
	case 7:
		hear(p, (size_t)1 << choose(c) % 21);
		return;
	case 8:
		(void)shutdown(p->fd, choose(c) % 2 ? SHUT_WR : SHUT_RD);
		return;
	default:
		leave(p);
		return;
	}
}

static void
event(struct choices *c)
{
	unsigned what = choose(c) % 16;
	struct person *p = &people[choose(c) % PEOPLE];

	if (what < 11 && p->fd == -1)
		what = 11;
	if (what < 10) {
		person_does(c, p, what);
		return;
	}
	switch (what) {
	case 10:
	case 11:
		come(p, choose(c) % 4 == 3);
		if (choose(c) % 4 != 0)
			greet(p, choose(c));
		return;
	case 12:
		world_news(choose(c));
		return;
	default:
		world_turn();
		return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices c = {.at = data, .left = size};

	world_begin();
	for (unsigned i = 0; i < PEOPLE; i++) {
		people[i].fd = -1;
		if (people[i].in == NULL)
			people[i].in = malloc(HEARD_MAX);
		fuzz_must(people[i].in != NULL, "out of memory");
	}
	for (unsigned n = 0; n < EVENTS_MAX && c.left > 0; n++)
		event(&c);
	world_settle();
	for (unsigned i = 0; i < PEOPLE; i++) {
		if (people[i].fd != -1)
			hear(&people[i], HEARD_MAX);
		leave(&people[i]);
	}
	world_end();
	return 0;
}
