/*
 * channels_serve.c: askers of every kind, against a server of channels that
 * lives.
 *
 * Each answer is held against what was asked (channels_judge.h).  A channel ends
 * only for who gave cause.
 */
#include "channels_judge.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "fields.h"
#include "frame.h"
#include "pack.h"
#include "serving.h"
#include "tls.h"
#include "trouble.h"

#define EVENTS_MAX 60u
#define ASKERS     3u
#define HEAR_MS    60000
#define IN_MAX     (FRAME_HEADER_BYTES + (size_t)CHANNEL_BODY_BYTES_MAX)

static struct asker askers[ASKERS];
static struct serving *serving;
static struct unpack *unpack;

/* ---- coming and going ---------------------------------------------------- */

static void
leave(struct asker *a)
{
	if (a->fd == -1)
		return;
	SSL_free(a->ssl);
	close(a->fd);
	if (a->hatch != -1)
		close(a->hatch);
	a->fd = a->hatch = -1;
}

static SSL *
session(struct world *w, int fd, bool dialling)
{
	SSL *ssl = tls_session(w->tls, dialling);

	fuzz_must(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "no session");
	if (dialling)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	return ssl;
}

static void
shake(SSL *one, SSL *two)
{
	int a = 0, b = 0;

	for (unsigned n = 0; n < 20 && (a != 1 || b != 1); n++) {
		ERR_clear_error();
		a = SSL_do_handshake(one);
		ERR_clear_error();
		b = SSL_do_handshake(two);
	}
	fuzz_must(a == 1 && b == 1, "no handshake");
}

static void
come(struct asker *a, unsigned who)
{
	struct world *w = world_get();
	uint8_t *in = a->in;
	int fds[2];
	SSL *theirs;

	leave(a);
	memset(a, 0, sizeof(*a));
	a->in = in;
	a->hatch = -1;
	a->who = 1 + who % (PEOPLE - 1);
	fuzz_must(socketpair(AF_UNIX,
			      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			      fds) == 0, "no sockets");
	a->fd = fds[0];
	a->ssl = session(w, fds[0], true);
	theirs = session(w, fds[1], false);
	shake(a->ssl, theirs);
	a->owed[0] = (struct owed){.type = BULK_CHANNEL, .request = 9};
	a->owed_count = 1;
	serving_adopt(serving, theirs, fds[1], &w->people[a->who].node, 9);
}

/* ---- asking -------------------------------------------------------------- */

static void
say(struct asker *a, const uint8_t *bytes, size_t count)
{
	if (count == 0)
		return;
	ERR_clear_error();
	/* What is not taken has been ended by them. */
	if (SSL_write(a->ssl, bytes, (int)count) != (int)count)
		a->strange = true;
}

static void
photo_of(unsigned n, struct photo_id *out)
{
	struct world *w = world_get();

	*out = w->photos[n < PHOTOS ? n : 0].id;
	if (n >= PHOTOS)
		out->hash[3] ^= 1;
}

static void
fill_fetch(struct choices *c, struct bulk *m, struct owed *o)
{
	struct bulk_fetch *f = &m->u.fetch;
	unsigned how = choose(c);

	photo_of(o->photo, &f->photo);
	f->length = f->photo.size;
	if (how % 4 == 1) {
		f->offset = choose(c) * f->photo.size / 256;
		f->length = choose(c) * f->photo.size / 256 + 1;
	} else if (how % 4 == 2) {
		f->offset = choose(c) * 1000;
		f->length = choose(c) * 1000;
	} else if (how >= 240) {
		f->offset = UINT64_MAX - choose(c);
	}
	o->at = f->offset;
	o->end = f->offset + f->length;
}

static void
fill_thumbs(struct choices *c, struct bulk *m, struct owed *o)
{
	static uint8_t ids[THUMBS_ASK_MAX * PHOTO_ID_BYTES];
	uint32_t count = 1 + choose(c) % THUMBS_ASK_MAX;
	struct photo_id id;

	o->thumbs = count;
	for (uint32_t i = 0; i < count; i++) {
		photo_of((o->photo + i) % (PHOTOS + 1), &id);
		photo_id_pack(&id, ids + i * PHOTO_ID_BYTES);
	}
	o->first_thumb = (uint8_t)o->photo;
	m->u.thumbs = (struct bulk_thumbs){ids, count, choose(c) % 2};
}

/* bulk_encode does not write what may not be asked. */
static size_t
unlawful(const struct bulk *m, uint8_t *out, size_t max)
{
	uint8_t id[PHOTO_ID_BYTES];
	struct pack p;

	pack_frame_begin(&p, out, max, m->type, m->request);
	if (m->type != BULK_FETCH) {
		pack_map(&p, 0);
		return pack_frame_end(&p);
	}
	photo_id_pack(&m->u.fetch.photo, id);
	pack_map(&p, 3);
	pack_key_bin(&p, "photo", id, sizeof(id));
	pack_key_uint(&p, "offset", m->u.fetch.offset);
	pack_key_uint(&p, "length", m->u.fetch.length);
	return pack_frame_end(&p);
}

static void
ask(struct choices *c, struct asker *a)
{
	static const uint32_t types[] = {BULK_FETCH, BULK_FETCH, BULK_HATCH,
					 BULK_HAND, BULK_THUMBS, BULK_PROVE};
	uint8_t frame[FRAME_HEADER_BYTES + CHANNEL_ASK_BYTES_MAX];
	struct owed o = {.type = types[choose(c) % 6],
			 .request = choose(c), .photo = choose(c) % 7};
	struct bulk m = {.type = o.type, .request = o.request};

	switch (o.type) {
	case BULK_FETCH:
		fill_fetch(c, &m, &o);
		break;
	case BULK_HAND:
		photo_of(o.photo, &m.u.hand);
		break;
	case BULK_THUMBS:
		fill_thumbs(c, &m, &o);
		break;
	case BULK_PROVE:
		photo_of(o.photo, &m.u.prove.photo);
		memset(m.u.prove.nonce, (int)choose(c), PROOF_NONCE_BYTES);
		memcpy(o.nonce, m.u.prove.nonce, PROOF_NONCE_BYTES);
		break;
	default:
		break;
	}
	if (!bulk_lawful(&m)) {
		a->strange = true;
		say(a, frame, unlawful(&m, frame, sizeof(frame)));
		return;
	}
	if (!a->strange)
		a->owed[a->owed_count++] = o;
	say(a, frame, bulk_encode(&m, frame, sizeof(frame)));
}

static void
say_own(struct choices *c, struct asker *a, bool framed)
{
	uint8_t header[FRAME_HEADER_BYTES];
	size_t count = (size_t)choose(c) * 5;
	const uint8_t *bytes = choices_bytes(c, &count);

	if (count == 0)
		return;
	a->strange = true;
	if (framed) {
		frame_header((uint32_t)count, header);
		say(a, header, sizeof(header));
	}
	say(a, bytes, count);
}

/* ---- what is answered ---------------------------------------------------- */

static void
take_frames(struct asker *a)
{
	const char *why = "";
	struct frame f;
	struct bulk m;

	while (a->heard >= FRAME_HEADER_BYTES) {
		switch (frame_peek(a->in, a->heard, CHANNEL_BODY_BYTES_MAX,
				   &f)) {
		case FRAME_PARTIAL:
			return;
		case FRAME_BROKEN:
			fuzz_must(false, "the holder says no frame");
			return;
		case FRAME_READY:
			break;
		}
		if (bulk_decode(unpack, f.body, f.body_bytes, &m, &why) !=
		    MESSAGE_OK)
			fuzz_must(false, why);
		asker_judge(a, &m);
		a->heard -= f.want_bytes;
		memmove(a->in, a->in + f.want_bytes, a->heard);
	}
}

/* Until nothing is owed or they have ended it; without `all`, only what is there
 * already. */
static void
hear(struct asker *a, bool all)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	while (a->fd != -1) {
		int n;

		ERR_clear_error();
		n = SSL_read(a->ssl, a->in + a->heard,
			     (int)(IN_MAX - a->heard));
		if (n > 0) {
			a->heard += (size_t)n;
			take_frames(a);
			continue;
		}
		if (SSL_get_error(a->ssl, n) != SSL_ERROR_WANT_READ) {
			fuzz_must(a->strange, "ended for nothing");
			leave(a);
			return;
		}
		/* Whoever was not understood need not be answered. */
		if (!all || a->owed_count == 0 || a->strange)
			return;
		fuzz_must(poll(&p, 1, HEAR_MS) == 1, "no answer for a minute");
	}
}

/* ---- events -------------------------------------------------------------- */

/* So that whatever is asked next is answered by what will then be there. */
static void
hear_all(void)
{
	for (unsigned i = 0; i < ASKERS; i++) {
		hear(&askers[i], true);
		if (askers[i].fd != -1 && askers[i].strange)
			leave(&askers[i]); /* it may be answered late */
	}
}

static void
event(struct choices *c)
{
	unsigned what = choose(c) % 16;
	struct asker *a = &askers[choose(c) % ASKERS];

	if (what < 11 && a->fd == -1)
		what = 11;
	if (what < 6 && a->owed_count == OWED_MAX)
		what = 9;
	switch (what) {
	case 0: case 1: case 2: case 3: case 4: case 5:
		ask(c, a);
		return;
	case 6:
	case 7:
		say_own(c, a, what == 6);
		return;
	case 8:
		hear(a, false);
		return;
	case 9:
		hear(a, true);
		return;
	case 10:
		a->strange = true;
		(void)shutdown(a->fd, choose(c) % 2 ? SHUT_WR : SHUT_RDWR);
		return;
	case 11:
		come(a, choose(c));
		return;
	case 12:
		leave(a);
		return;
	case 13:
		hear_all();
		world_change(choose(c) % OWN_PHOTOS, choose(c));
		return;
	case 14:
		hear_all();
		world_mend();
		return;
	default:
		world_turn();
		return;
	}
}

void
channels_serve(struct choices *c)
{
	struct world *w = world_get();
	struct serving_config config = {.holdings = w->holdings,
					.consent = w->consent,
					.thumbs = w->thumbs};
	struct trouble why = {0};

	if (unpack == NULL)
		unpack = unpack_new();
	serving = serving_new(&config, &why);
	fuzz_must(serving != NULL && unpack != NULL, "out of memory");
	for (unsigned i = 0; i < ASKERS; i++) {
		askers[i].fd = -1;
		if (askers[i].in == NULL)
			askers[i].in = malloc(IN_MAX);
		fuzz_must(askers[i].in != NULL, "out of memory");
	}
	for (unsigned n = 0; n < EVENTS_MAX && c->left > 0; n++)
		event(c);
	for (unsigned i = 0; i < ASKERS; i++) {
		hear(&askers[i], true);
		leave(&askers[i]);
	}
	serving_free(serving);
	world_turn();
	world_mend();
}
