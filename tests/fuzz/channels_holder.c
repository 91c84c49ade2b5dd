/*
 * channels_holder.c: see channels_holder.h.
 */
#include "channels_holder.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "channel.h"
#include "frame.h"
#include "hatch.h"
#include "message.h"
#include "tls.h"

#define HEAR_MS 20000u

/* One who has come. */
struct guest {
	struct holder *h;
	struct channel *c;
	struct hatch hatch;
	uint8_t room[BULK_CHUNK_HEAD_MAX + CHUNK_BYTES_MAX + 1];
};

/* What to do next: 0 is the right thing. */
static unsigned
whim(struct holder *h)
{
	return h->c.left == 0 && !h->honest ? 255 : choose(&h->c);
}

/* ---- the first words ----------------------------------------------------- */

static bool
say_hello(struct holder *h, SSL *ssl, const uint8_t *exporter)
{
	uint8_t frame[FRAME_HEADER_BYTES + HELLO_BODY_BYTES_MAX];
	uint8_t said[HELLO_SIGNED_BYTES];
	struct message m = {.type = MESSAGE_HELLO};
	const struct state *me = &world_get()->people[h->who];
	unsigned how = whim(h);
	size_t bytes;

	if (how == 255)
		return false;
	if (how >= 240) /* another */
		me = &world_get()->people[0];
	m.u.hello.version_min = m.u.hello.version_max = 1 + (how == 239);
	m.u.hello.run = 9;
	m.u.hello.port = 5000;
	strcpy(m.u.hello.name, "holder");
	memcpy(m.u.hello.key, me->public_key, PUBLIC_KEY_BYTES);
	bytes = hello_signed_bytes(HELLO_LISTENER, exporter, 9, said);
	fuzz_must(state_sign(me, said, bytes, m.u.hello.signature) == 0,
		   "no signature");
	if (how == 238)
		m.u.hello.signature[3] ^= 1;
	bytes = message_encode(&m, frame, sizeof(frame));
	if (how == 237)
		frame[FRAME_HEADER_BYTES + choose(&h->c) % 64] ^= 0x41;
	return SSL_write(ssl, frame, (int)bytes) == (int)bytes;
}

static bool
open_channel(struct guest *g)
{
	struct bulk m;
	unsigned how;

	if (channel_hear(g->c, CHANNEL_ASK_BYTES_MAX, HEAR_MS, &m) !=
		    CHANNEL_HEARD ||
	    m.type != BULK_CHANNEL)
		return false;
	how = whim(g->h);
	m.type = BULK_CHANNEL_OPEN;
	memset(&m.u, 0, sizeof(m.u));
	m.u.open = (struct bulk_open){
		.version = 1,
		.hatch = how % 2 == 0,
		.thumbs = how % 4 < 2,
	};
	if (how >= 248)
		m.request++;
	if (how >= 240 && how < 248) {
		m.type = MESSAGE_ERROR;
		m.u.error.code = ERROR_BUSY + how % 2;
	}
	return how != 255 && channel_say_bulk(g->c, &m, HEAR_MS) && how < 240;
}

/* ---- answers -------------------------------------------------------------- */

static const struct photo *
find_photo(const struct photo_id *id)
{
	struct world *w = world_get();

	for (unsigned n = 0; n < PHOTOS; n++)
		if (photo_id_compare(&w->photos[n].id, id) == 0)
			return &w->photos[n];
	fuzz_must(false, "asked for a photo that nobody knows");
	return NULL;
}

static bool
say_error(struct guest *g, uint32_t request, unsigned code)
{
	struct bulk m = {.type = MESSAGE_ERROR, .request = request};

	m.u.error.code = code;
	return channel_say_bulk(g->c, &m, HEAR_MS);
}

static bool
say_chunk(struct guest *g, uint32_t request, const uint8_t *from, size_t count,
	  bool wrong)
{
	uint8_t *data = g->room + BULK_CHUNK_HEAD_MAX;
	size_t head = bulk_chunk_head(request, count, data);

	memcpy(data, from, count);
	if (wrong && count > 0)
		data[count / 2] ^= 1;
	return channel_say(g->c, data - head, head + count, HEAR_MS);
}

/* All of it, or as it pleases. */
static bool
give(struct guest *g, const struct bulk *m, unsigned how)
{
	const struct bulk_fetch *f = &m->u.fetch;
	const struct photo *p = find_photo(&f->photo);
	uint64_t at = f->offset, end = at + f->length;
	size_t most = how % 8 == 3 ? 1 + f->length / 5 : CHUNK_BYTES_MAX;

	if (how % 8 == 4) /* not the last byte */
		end -= f->length > 0;
	while (at < end) {
		size_t n = end - at < most ? (size_t)(end - at) : most;

		if (!say_chunk(g, m->request, p->bytes + at, n, how % 8 == 5))
			return false;
		at += n;
	}
	if (how % 8 == 6) /* and one more */
		return say_chunk(g, m->request, p->bytes, 1, false);
	if (how % 8 == 7) /* or none at all */
		return say_chunk(g, m->request, p->bytes, 0, false);
	return how % 8 != 4 || say_error(g, m->request, how / 8);
}

static bool
give_thumbs(struct guest *g, const struct bulk *m, unsigned how)
{
	struct world *w = world_get();
	uint8_t *data = g->room + BULK_CHUNK_HEAD_MAX;
	uint32_t count = m->u.thumbs.count + (how % 8 == 3);
	size_t head;

	for (uint32_t i = 0; i < count; i++) {
		size_t n = i % 2 == 0 || how % 2 ? w->thumb_bytes : 0;

		memcpy(data, w->thumb, n);
		if (how % 8 == 5 && n > 0)
			data[choose(&g->h->c) % n] ^= 0x10;
		if (how % 8 == 7 && n > 0)
			data[n++] = 0; /* something behind its end */
		head = bulk_thumb_head(m->request, n, data);
		if (!channel_say(g->c, data - head, head + n, HEAR_MS))
			return false;
	}
	return true;
}

static bool
prove(struct guest *g, const struct bulk *m, unsigned how)
{
	struct bulk answer = {.type = BULK_PROOF, .request = m->request};

	memset(answer.u.proof, (int)how, PROOF_BYTES);
	return channel_say_bulk(g->c, &answer, HEAR_MS) &&
	       (how % 8 != 7 || channel_say_bulk(g->c, &answer, HEAR_MS));
}

static bool
show_hatch(struct guest *g, const struct bulk *m, unsigned how)
{
	struct bulk answer = {.type = BULK_HATCH_IS, .request = m->request};

	memset(&answer.u.hatch, (int)how, sizeof(answer.u.hatch));
	if (how % 8 < 6)
		fuzz_must(hatch_open(&g->hatch, &answer.u.hatch), "no hatch");
	return channel_say_bulk(g->c, &answer, HEAR_MS);
}

/* A file of the photo's size, or of another; open for more than it should be. */
static int
make_file(const struct photo *p, unsigned how)
{
	int fd = memfd_create("handed", MFD_CLOEXEC), other;
	char path[64];
	uint8_t byte = 0;

	fuzz_must(fd != -1 && write(fd, p->bytes, p->id.size) ==
				       (ssize_t)p->id.size, "no file");
	if (how % 8 == 3)
		(void)pwrite(fd, &byte, 1, (off_t)p->id.size / 2);
	if (how % 8 == 4)
		(void)ftruncate(fd, (off_t)p->id.size + 1);
	if (how % 8 == 5)
		return fd;
	if (how % 8 == 6) {
		close(fd);
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, (how % 8 == 7 ? O_PATH : O_RDONLY) | O_CLOEXEC);
	fuzz_must(other != -1, "no file");
	close(fd);
	return other;
}

static bool
hand(struct guest *g, const struct bulk *m, unsigned how)
{
	struct bulk answer = {.type = BULK_HANDED, .request = m->request};
	int fd = make_file(find_photo(&m->u.hand), how);

	if (how % 16 != 8)
		(void)hatch_hand(&g->hatch, m->request + (how % 16 == 9), fd);
	if (how % 16 == 10)
		(void)hatch_hand(&g->hatch, m->request, fd);
	close(fd);
	return channel_say_bulk(g->c, &answer, HEAR_MS);
}

/* The fuzzer's own bytes; whoever waits for more of them is hung up on. */
static bool
say_own(struct guest *g, unsigned how)
{
	size_t count = (size_t)how * 2;
	const uint8_t *bytes = choices_bytes(&g->h->c, &count);
	uint8_t header[FRAME_HEADER_BYTES];

	frame_header((uint32_t)(count > 0 ? count : 1), header);
	if (how % 2 == 0)
		(void)channel_say(g->c, header, sizeof(header), HEAR_MS);
	(void)channel_say(g->c, bytes, count, HEAR_MS);
	return false;
}

/* False: end the channel. */
static bool
answer(struct guest *g, const struct bulk *asked)
{
	struct bulk m = *asked;
	unsigned how = whim(g->h);

	fuzz_must(bulk_lawful(&m), "asked for what may not be asked");
	if (how == 255)
		return false;
	if (how >= 248)
		m.request += how % 3;
	if (how >= 236 && how < 248)
		return say_own(g, choose(&g->h->c));
	if (how >= 216 && how < 236)
		return say_error(g, m.request, (how - 216) % 10);
	if (how >= 208) /* the answer to something else */
		return prove(g, &m, how) && asked->type == BULK_PROVE;
	switch (m.type) {
	case BULK_FETCH:
		return give(g, &m, how);
	case BULK_THUMBS:
		return give_thumbs(g, &m, how);
	case BULK_PROVE:
		return prove(g, &m, how);
	case BULK_HATCH:
		return show_hatch(g, &m, how);
	case BULK_HAND:
		return hand(g, &m, how);
	default:
		fuzz_must(false, "asked what nobody may be asked");
		return false;
	}
}

/* ---- its life ------------------------------------------------------------ */

static void
serve(struct guest *g, SSL *ssl, int fd, const uint8_t *exporter)
{
	struct bulk m;

	if (!say_hello(g->h, ssl, exporter)) {
		SSL_free(ssl);
		close(fd);
		return;
	}
	g->c = channel_adopt(ssl, fd, &world_get()->people[0].node);
	fuzz_must(g->c != NULL, "out of memory");
	if (open_channel(g))
		while (channel_hear(g->c, CHANNEL_ASK_BYTES_MAX, HEAR_MS,
				    &m) == CHANNEL_HEARD &&
		       answer(g, &m))
			continue;
	channel_free(g->c);
}

static void
welcome(struct holder *h, struct guest *g, int fd)
{
	static const struct timeval patience = {.tv_sec = 20};
	struct world *w = world_get();
	uint8_t exporter[HELLO_EXPORTER_BYTES];
	unsigned how = whim(h);
	SSL *ssl;

	g->h = h;
	g->c = NULL;
	hatch_init(&g->hatch);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience));
	if (how >= 240 && how < 246)
		(void)send(fd, "HTTP/1.0 400 Bad Request\r\n\r\n", 28,
			   MSG_NOSIGNAL);
	ssl = tls_session(how >= 246 && how < 252 ? w->strange : w->tls, false);
	fuzz_must(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "no session");
	if ((how < 240 || how >= 246) && how < 252 && SSL_accept(ssl) == 1 &&
	    tls_exporter(ssl, exporter)) {
		serve(g, ssl, fd, exporter);
	} else {
		SSL_free(ssl);
		close(fd);
	}
	hatch_close(&g->hatch);
}

static void *
holder_main(void *arg)
{
	struct holder *h = arg;
	struct guest *g = malloc(sizeof(*g));
	int fd;

	fuzz_must(g != NULL, "out of memory");
	while ((fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC)) != -1)
		welcome(h, g, fd);
	free(g);
	return NULL;
}

void
holder_begin(struct holder *h, unsigned who, bool honest, const uint8_t *bytes,
	     size_t count)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t room = sizeof(a);

	*h = (struct holder){.c = {bytes, count}, .who = who, .honest = honest};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_must(h->listener != -1 &&
		   bind(h->listener, (struct sockaddr *)&a, room) == 0 &&
		   listen(h->listener, 8) == 0 &&
		   getsockname(h->listener, (struct sockaddr *)&a, &room) == 0,
		   "no listener");
	h->port = ntohs(a.sin_port);
	fuzz_must(pthread_create(&h->thread, NULL, holder_main, h) == 0,
		   "no thread");
}

void
holder_end(struct holder *h)
{
	(void)shutdown(h->listener, SHUT_RDWR); /* accept ends */
	pthread_join(h->thread, NULL);
	close(h->listener);
}
