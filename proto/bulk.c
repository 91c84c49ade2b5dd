#include "bulk.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "fields.h"
#include "frame.h"
#include "head.h"
#include "pack.h"

/* [16, request, {"data": bin of 32-bit length}], frame header included. */
#define CHUNK_HEAD_BYTES_MAX (FRAME_HEADER_BYTES + 1u + 1u + 5u + 1u + 5u + 5u)

static_assert(CHUNK_HEAD_BYTES_MAX <= BULK_CHUNK_HEAD_MAX,
	      "what is reserved before the data holds the longest head");
static_assert(CHUNK_BYTES_MAX + CHUNK_HEAD_BYTES_MAX - FRAME_HEADER_BYTES <=
		      CHANNEL_BODY_BYTES_MAX,
	      "the largest CHUNK may be said");

size_t
bulk_signed_bytes(const uint8_t exporter[HELLO_EXPORTER_BYTES], uint64_t run,
		  uint8_t out[BULK_SIGNED_BYTES])
{
	static const char purpose[] = "photomesh channel 1";
	uint8_t *at = out;

	put_bytes(&at, purpose, sizeof(purpose) - 1);
	put_be(&at, HELLO_DIALLER, 1);
	put_bytes(&at, exporter, HELLO_EXPORTER_BYTES);
	put_be(&at, run, 8);
	assert(at == out + BULK_SIGNED_BYTES);
	return BULK_SIGNED_BYTES;
}

bool
bulk_lawful(const struct bulk *m)
{
	const struct bulk_fetch *f = &m->u.fetch;

	if (m->request == 0)
		return false;
	switch (m->type) {
	case BULK_FETCH:
		/* Nothing is asked for only where there is nothing. */
		if (f->length == 0)
			return f->offset == 0 && f->photo.size == 0;
		return f->length <= FETCH_BYTES_MAX &&
		       f->offset <= f->photo.size &&
		       f->length <= f->photo.size - f->offset;
	case BULK_PROVE:
	case BULK_HATCH:
	case BULK_HAND:
		return true;
	case BULK_THUMBS:
		return m->u.thumbs.count >= 1 &&
		       m->u.thumbs.count <= THUMBS_ASK_MAX;
	default:
		return false; /* not a request */
	}
}

/* ---- writing --------------------------------------------------------- */

static void
put_photo(struct pack *p, const struct photo_id *photo)
{
	uint8_t id[PHOTO_ID_BYTES];

	photo_id_pack(photo, id);
	pack_key_bin(p, "photo", id, sizeof(id));
}

static void
put_map(struct pack *p, const struct bulk *m)
{
	switch (m->type) {
	case BULK_CHANNEL:
		assert(m->u.channel.version_min >= 1);
		assert(m->u.channel.version_min <= m->u.channel.version_max);
		pack_map(p, 5);
		pack_key_uint(p, "vmin", m->u.channel.version_min);
		pack_key_uint(p, "vmax", m->u.channel.version_max);
		pack_key_bin(p, "key", m->u.channel.key, PUBLIC_KEY_BYTES);
		pack_key_bin(p, "sig", m->u.channel.signature, SIGNATURE_BYTES);
		pack_key_uint(p, "run", m->u.channel.run);
		return;
	case BULK_CHANNEL_OPEN:
		pack_map(p, 1u + m->u.open.hatch + m->u.open.thumbs);
		pack_key_uint(p, "version", m->u.open.version);
		if (m->u.open.hatch)
			pack_key_bool(p, "hatch", true);
		if (m->u.open.thumbs)
			pack_key_bool(p, "thumbs", true);
		return;
	case BULK_FETCH:
		assert(bulk_lawful(m));
		pack_map(p, 3);
		put_photo(p, &m->u.fetch.photo);
		pack_key_uint(p, "offset", m->u.fetch.offset);
		pack_key_uint(p, "length", m->u.fetch.length);
		return;
	case BULK_PROVE:
		assert(bulk_lawful(m));
		pack_map(p, 2);
		put_photo(p, &m->u.prove.photo);
		pack_key_bin(p, "nonce", m->u.prove.nonce, PROOF_NONCE_BYTES);
		return;
	case BULK_PROOF:
		pack_map(p, 1);
		pack_key_bin(p, "sum", m->u.proof, PROOF_BYTES);
		return;
	case BULK_HATCH:
	case BULK_HANDED:
		pack_map(p, 0);
		return;
	case BULK_HATCH_IS:
		pack_map(p, 2);
		pack_key_bin(p, "at", m->u.hatch.at, HATCH_AT_BYTES);
		pack_key_bin(p, "ticket", m->u.hatch.ticket,
			     HATCH_TICKET_BYTES);
		return;
	case BULK_HAND:
		pack_map(p, 1);
		put_photo(p, &m->u.hand);
		return;
	case BULK_THUMBS:
		assert(bulk_lawful(m));
		pack_map(p, m->u.thumbs.make ? 2 : 1);
		pack_key_bin(p, "photos", m->u.thumbs.ids,
			     (size_t)m->u.thumbs.count * PHOTO_ID_BYTES);
		if (m->u.thumbs.make)
			pack_key_bool(p, "make", true);
		return;
	case MESSAGE_ERROR:
		pack_map(p, 2);
		pack_key_uint(p, "code", m->u.error.code);
		pack_key_str(p, "text", m->u.error.text);
		return;
	default:
		assert(!"a type for bulk_encode");
	}
}

size_t
bulk_encode(const struct bulk *m, uint8_t *out, size_t max)
{
	struct pack p;

	/* All of it fits the smaller of the two limits. */
	if (max > FRAME_HEADER_BYTES + CHANNEL_ASK_BYTES_MAX)
		max = FRAME_HEADER_BYTES + CHANNEL_ASK_BYTES_MAX;
	pack_frame_begin(&p, out, max, m->type, m->request);
	put_map(&p, m);
	return pack_frame_end(&p);
}

static size_t
data_head(enum bulk_type type, uint32_t request, size_t data_bytes,
	  uint8_t *data)
{
	uint8_t head[BULK_CHUNK_HEAD_MAX], *at;
	struct pack p;
	unsigned width;

	pack_frame_begin(&p, head, sizeof(head), type, request);
	pack_map(&p, 1);
	pack_str(&p, "data");
	assert(!p.overflow && p.used + 5 <= sizeof(head));
	/* The head of a bin, in its shortest form. */
	at = head + p.used;
	width = data_bytes <= UINT8_MAX ? 1 : data_bytes <= UINT16_MAX ? 2 : 4;
	put_be(&at, width == 1 ? 0xc4 : width == 2 ? 0xc5 : 0xc6, 1);
	put_be(&at, data_bytes, width);
	p.used = (size_t)(at - head);
	frame_header((uint32_t)(p.used - FRAME_HEADER_BYTES + data_bytes),
		     head);
	memcpy(data - p.used, head, p.used);
	return p.used;
}

size_t
bulk_chunk_head(uint32_t request, size_t data_bytes, uint8_t *data)
{
	assert(data_bytes <= CHUNK_BYTES_MAX);
	return data_head(BULK_CHUNK, request, data_bytes, data);
}

size_t
bulk_thumb_head(uint32_t request, size_t data_bytes, uint8_t *data)
{
	assert(data_bytes <= THUMB_BYTES_MAX);
	return data_head(BULK_THUMB, request, data_bytes, data);
}

/* ---- reading --------------------------------------------------------- */

static bool
next_is(const uint8_t *body, size_t body_bytes, size_t *at,
	enum head_kind kind, struct head *h)
{
	return *at < body_bytes &&
	       head_read(body, body_bytes, at, h) == WALK_OK && h->kind == kind;
}

/*
 * A CHUNK as everybody writes it, data and nothing else: true, and all is
 * said.  Whatever differs, be it lawful or not, is left to the common way.
 */
static bool
take_chunk(const uint8_t *body, size_t body_bytes, struct bulk *out)
{
	static const char key[] = "data";
	struct head h;
	uint64_t request;
	size_t at = 0;

	if (!next_is(body, body_bytes, &at, HEAD_ARRAY, &h) || h.count != 3 ||
	    !next_is(body, body_bytes, &at, HEAD_UINT, &h) ||
	    h.value != BULK_CHUNK ||
	    !next_is(body, body_bytes, &at, HEAD_UINT, &h) ||
	    h.value > UINT32_MAX)
		return false;
	request = h.value;
	if (!next_is(body, body_bytes, &at, HEAD_MAP, &h) || h.count != 1 ||
	    !next_is(body, body_bytes, &at, HEAD_STR, &h) ||
	    h.bytes != sizeof(key) - 1 || body_bytes - at < h.bytes ||
	    memcmp(body + at, key, sizeof(key) - 1) != 0)
		return false;
	at += sizeof(key) - 1;
	if (!next_is(body, body_bytes, &at, HEAD_BIN, &h) ||
	    h.bytes != body_bytes - at || h.bytes > CHUNK_BYTES_MAX)
		return false;
	out->type = BULK_CHUNK;
	out->request = (uint32_t)request;
	out->u.chunk.data = body + at;
	out->u.chunk.data_bytes = (size_t)h.bytes;
	return true;
}

static void
get_photo(struct fields *f, struct photo_id *photo)
{
	uint8_t id[PHOTO_ID_BYTES];

	fields_bin_exact(f, "photo", id, sizeof(id));
	photo_id_unpack(id, photo);
}

static void
get_channel(struct fields *f, struct bulk_channel *c)
{
	c->version_min = (uint32_t)fields_uint(f, "vmin", UINT32_MAX);
	c->version_max = (uint32_t)fields_uint(f, "vmax", UINT32_MAX);
	fields_bin_exact(f, "key", c->key, PUBLIC_KEY_BYTES);
	fields_bin_exact(f, "sig", c->signature, SIGNATURE_BYTES);
	c->run = fields_uint(f, "run", UINT64_MAX);
	if (c->version_min < 1 || c->version_min > c->version_max)
		f->broken = true;
}

static void
get_thumbs(struct fields *f, struct bulk_thumbs *t)
{
	size_t bytes = 0;

	t->ids = fields_bin(f, "photos", THUMBS_ASK_MAX * PHOTO_ID_BYTES,
			    &bytes);
	t->make = fields_bool_or(f, "make", false);
	if (bytes == 0 || bytes % PHOTO_ID_BYTES != 0)
		f->broken = true;
	t->count = (uint32_t)(bytes / PHOTO_ID_BYTES);
}

/* False: not a type that is said here. */
static bool
get_map(struct fields *f, struct bulk *out)
{
	struct message_error *e = &out->u.error;

	switch (out->type) {
	case BULK_CHANNEL:
		get_channel(f, &out->u.channel);
		return true;
	case BULK_CHANNEL_OPEN:
		out->u.open.version =
			(uint32_t)fields_uint(f, "version", UINT32_MAX);
		out->u.open.hatch = fields_bool_or(f, "hatch", false);
		out->u.open.thumbs = fields_bool_or(f, "thumbs", false);
		return true;
	case BULK_FETCH:
		get_photo(f, &out->u.fetch.photo);
		out->u.fetch.offset = fields_uint(f, "offset", UINT64_MAX);
		out->u.fetch.length = fields_uint(f, "length", UINT64_MAX);
		return true;
	case BULK_CHUNK:
		out->u.chunk.data = fields_bin(f, "data", CHUNK_BYTES_MAX,
					       &out->u.chunk.data_bytes);
		return true;
	case BULK_THUMBS:
		get_thumbs(f, &out->u.thumbs);
		return true;
	case BULK_THUMB:
		out->u.chunk.data = fields_bin(f, "data", THUMB_BYTES_MAX,
					       &out->u.chunk.data_bytes);
		return true;
	case BULK_PROVE:
		get_photo(f, &out->u.prove.photo);
		fields_bin_exact(f, "nonce", out->u.prove.nonce,
				 PROOF_NONCE_BYTES);
		return true;
	case BULK_PROOF:
		fields_bin_exact(f, "sum", out->u.proof, PROOF_BYTES);
		return true;
	case BULK_HATCH:
	case BULK_HANDED:
		return true;
	case BULK_HATCH_IS:
		fields_bin_exact(f, "at", out->u.hatch.at, HATCH_AT_BYTES);
		fields_bin_exact(f, "ticket", out->u.hatch.ticket,
				 HATCH_TICKET_BYTES);
		return true;
	case BULK_HAND:
		get_photo(f, &out->u.hand);
		return true;
	case MESSAGE_ERROR:
		e->code = (uint32_t)fields_uint(f, "code", UINT32_MAX);
		fields_str(f, "text", e->text, REASON_BYTES_MAX);
		return true;
	default:
		return false;
	}
}

enum message_verdict
bulk_decode(struct unpack *unpack, const uint8_t *body, size_t body_bytes,
	    struct bulk *out, const char **why)
{
	const msgpack_object *object, *map;
	const char *ignored;
	struct fields f;

	if (why == NULL)
		why = &ignored;
	out->type = out->request = 0;
	if (body_bytes > CHANNEL_BODY_BYTES_MAX) {
		*why = "a body that is too long";
		return MESSAGE_BROKEN;
	}
	if (take_chunk(body, body_bytes, out))
		return MESSAGE_OK;
	object = unpack_body(unpack, body, body_bytes, &walk_limits_default,
			     why);
	if (object == NULL)
		return MESSAGE_BROKEN;
	if (!unpack_envelope(object, &out->type, &out->request, &map)) {
		*why = "not [type, request, map]";
		return MESSAGE_BROKEN;
	}
	fields_init(&f, map);
	if (!get_map(&f, out))
		return MESSAGE_UNKNOWN;
	if (f.broken) {
		*why = "a field that is missing or out of bounds";
		return MESSAGE_BROKEN;
	}
	return MESSAGE_OK;
}
