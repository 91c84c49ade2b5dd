#include <stdlib.h>

#include "fields.h"
#include "message.h"
#include "message_private.h"

struct message_decoder {
	struct unpack *unpack;
	struct node_report nodes[MESH_KNOWN_MAX];
	struct stream_report streams[MESH_STREAMS_MAX];
	struct record records[BATCH_RECORDS_MAX];
};

struct message_decoder *
message_decoder_new(void)
{
	struct message_decoder *d = malloc(sizeof(*d));

	if (d == NULL)
		return NULL;
	if ((d->unpack = unpack_new()) == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
message_decoder_free(struct message_decoder *d)
{
	if (d == NULL)
		return;
	unpack_free(d->unpack);
	free(d);
}

/*
 * Each get_ fills what it is given and says whether all of it was lawful.
 * Reading goes on after a fault, on defaults, so faults are looked at once.
 */

static uint16_t
items_port(struct items *i)
{
	uint16_t port = (uint16_t)items_uint(i, UINT16_MAX);

	if (port == 0)
		i->broken = true;
	return port;
}

static struct digest
fields_digest(struct fields *f, const char *key)
{
	uint8_t bytes[DIGEST_BYTES];
	struct digest d;

	fields_bin_exact(f, key, bytes, sizeof(bytes));
	digest_unpack(bytes, &d);
	return d;
}

static struct stream_id
fields_stream(struct fields *f)
{
	struct stream_id s;

	fields_bin_exact(f, "node", s.node.bytes, NODE_ID_BYTES);
	s.generation = fields_uint(f, "gen", GENERATION_MAX);
	if (!stream_id_lawful(&s))
		f->broken = true;
	return s;
}

static bool
get_addresses(const msgpack_object_array *a, struct address *out,
	      uint32_t *count)
{
	*count = 0;
	if (a == NULL || a->size > NODE_ADDRESSES_MAX)
		return false;
	for (uint32_t n = 0; n < a->size; n++) {
		struct items i;

		items_init(&i, &a->ptr[n], 2);
		items_str(&i, out[n].host, ADDRESS_HOST_MAX);
		out[n].port = items_port(&i);
		if (i.broken || out[n].host[0] == '\0')
			return false;
	}
	*count = a->size;
	return true;
}

static bool
get_hello(struct fields *f, struct message_hello *h)
{
	const msgpack_object_array *addresses;

	*h = (struct message_hello){.version_min = 0};
	h->version_min = (uint32_t)fields_uint(f, "vmin", UINT32_MAX);
	h->version_max = (uint32_t)fields_uint(f, "vmax", UINT32_MAX);
	fields_bin_exact(f, "key", h->key, PUBLIC_KEY_BYTES);
	fields_bin_exact(f, "sig", h->signature, SIGNATURE_BYTES);
	h->run = fields_uint(f, "run", UINT64_MAX);
	h->uptime_ms = fields_uint(f, "up", UINT64_MAX);
	fields_str(f, "name", h->name, NODE_NAME_BYTES_MAX);
	h->port = (uint16_t)fields_uint(f, "port", UINT16_MAX);
	addresses = fields_array(f, "addrs", NODE_ADDRESSES_MAX);
	fields_bin_exact(f, "host", h->host.bytes, HOST_ID_BYTES);
	fields_str(f, "soft", h->software, sizeof(h->software) - 1);
	h->pads = fields_bool_or(f, "pads", false);
	return get_addresses(addresses, h->addresses, &h->address_count) &&
	       h->version_min >= 1 && h->version_min <= h->version_max &&
	       h->port != 0;
}

static bool
get_report(const msgpack_object *o, struct node_report *r)
{
	const msgpack_object *addresses;
	struct items i;

	items_init(&i, o, 8);
	items_bin_exact(&i, r->node.bytes, NODE_ID_BYTES);
	r->run = items_uint(&i, UINT64_MAX);
	items_str(&i, r->name, NODE_NAME_BYTES_MAX);
	items_bin_exact(&i, r->host.bytes, HOST_ID_BYTES);
	r->port = (uint16_t)items_uint(&i, UINT16_MAX); /* 0: not known */
	addresses = items_object(&i);
	r->flags = (uint32_t)items_uint(&i, UINT32_MAX);
	r->silent_ms = items_uint(&i, UINT64_MAX);
	if (i.broken || addresses->type != MSGPACK_OBJECT_ARRAY)
		return false;
	return get_addresses(&addresses->via.array, r->addresses,
			     &r->address_count);
}

static bool
get_nodes(struct message_decoder *d, struct fields *f, struct message_nodes *m)
{
	const msgpack_object_array *a =
		fields_array(f, "nodes", MESH_KNOWN_MAX);

	if (a == NULL)
		return false;
	for (uint32_t n = 0; n < a->size; n++)
		if (!get_report(&a->ptr[n], &d->nodes[n]))
			return false;
	m->count = a->size;
	m->reports = d->nodes;
	return true;
}

static bool
get_heartbeat(struct fields *f, struct message_heartbeat *h)
{
	h->period_ms =
		(uint32_t)fields_uint(f, "period", HEARTBEAT_PERIOD_MS_MAX);
	fields_bin_exact(f, "follows", h->follows.bytes, NODE_ID_BYTES);
	h->synced = fields_bool(f, "synced");
	return h->period_ms >= HEARTBEAT_PERIOD_MS_MIN;
}

static bool
get_stream(const msgpack_object *o, struct stream_report *r)
{
	uint8_t digest[DIGEST_BYTES];
	struct items i;

	items_init(&i, o, 6);
	items_bin_exact(&i, r->stream.node.bytes, NODE_ID_BYTES);
	r->stream.generation = items_uint(&i, GENERATION_MAX);
	r->point.base = items_uint(&i, SEQ_MAX);
	r->point.cursor = items_uint(&i, SEQ_MAX);
	items_bin_exact(&i, digest, sizeof(digest));
	digest_unpack(digest, &r->digest);
	r->rows = items_uint(&i, SEQ_MAX);
	return !i.broken && stream_id_lawful(&r->stream) &&
	       point_lawful(&r->point);
}

static bool
get_streams(struct message_decoder *d, struct fields *f,
	    const struct stream_report **reports, uint32_t *count)
{
	const msgpack_object_array *a =
		fields_array(f, "streams", MESH_STREAMS_MAX);

	if (a == NULL)
		return false;
	for (uint32_t n = 0; n < a->size; n++)
		if (!get_stream(&a->ptr[n], &d->streams[n]))
			return false;
	*count = a->size;
	*reports = d->streams;
	return true;
}

static bool
get_pull(struct fields *f, struct message_pull *m)
{
	m->stream = fields_stream(f);
	m->after = fields_uint(f, "after", SEQ_MAX);
	m->credit_bytes = (uint32_t)fields_uint(f, "credit", PULL_CREDIT_MAX);
	return m->credit_bytes >= PULL_CREDIT_MIN;
}

static bool
get_record(const msgpack_object *o, struct record *r)
{
	struct items i;

	items_init(&i, o, 5);
	r->seq = items_uint(&i, SEQ_MAX);
	r->kind = (uint8_t)items_uint(&i, UINT8_MAX);
	r->key = items_bin(&i, RECORD_KEY_MAX, &r->key_bytes);
	r->value = items_bin(&i, RECORD_BYTES_MAX, &r->value_bytes);
	r->dead = items_bool(&i);
	return !i.broken && record_lawful(r);
}

/* Lengths and numbers in their shortest forms. */
static size_t
uint_bytes(uint64_t n)
{
	if (n < 128)
		return 1;
	if (n <= UINT8_MAX)
		return 2;
	if (n <= UINT16_MAX)
		return 3;
	return n <= UINT32_MAX ? 5 : 9;
}

static size_t
bin_bytes(size_t n)
{
	return n + (n <= UINT8_MAX ? 2u : n <= UINT16_MAX ? 3u : 5u);
}

static size_t
record_bytes(const struct record *r)
{
	return 1 + uint_bytes(r->seq) + uint_bytes(r->kind) +
	       bin_bytes(r->key_bytes) + bin_bytes(r->value_bytes) + 1;
}

static bool
get_batch(struct message_decoder *d, struct fields *f, struct message_batch *m)
{
	const msgpack_object_array *a;

	m->stream = fields_stream(f);
	m->after = fields_uint(f, "after", SEQ_MAX);
	m->through = fields_uint(f, "through", SEQ_MAX);
	m->point.base = fields_uint(f, "base", SEQ_MAX);
	m->point.cursor = fields_uint(f, "cursor", SEQ_MAX);
	m->digest = fields_digest(f, "digest");
	m->rows = fields_uint(f, "rows", SEQ_MAX);
	a = fields_array(f, "records", BATCH_RECORDS_MAX);
	if (a == NULL)
		return false;
	m->records_bytes = 0;
	for (uint32_t n = 0; n < a->size; n++) {
		struct record *r = &d->records[n];

		if (!get_record(&a->ptr[n], r) || r->seq <= m->after ||
		    r->seq > m->through ||
		    (n > 0 && record_compare(r - 1, r) >= 0))
			return false;
		m->records_bytes += record_bytes(r);
	}
	m->record_count = a->size;
	m->records = d->records;
	return point_lawful(&m->point) && message_batch_span_lawful(m);
}

static bool
get_verified(struct message_decoder *d, struct fields *f,
	     struct message_verified *m)
{
	m->merged = fields_digest(f, "merged");
	m->photos = fields_uint(f, "photos", SEQ_MAX);
	return get_streams(d, f, &m->reports, &m->count);
}

/* Fill out->u for a type that is known. */
static bool
get_map(struct message_decoder *d, struct fields *f, struct message *out)
{
	switch ((enum message_type)out->type) {
	case MESSAGE_HELLO:
		return get_hello(f, &out->u.hello);
	case MESSAGE_GOODBYE:
		out->u.goodbye.why =
			(uint32_t)fields_uint(f, "why", UINT32_MAX);
		return true;
	case MESSAGE_ERROR:
		out->u.error.code =
			(uint32_t)fields_uint(f, "code", UINT32_MAX);
		fields_str(f, "text", out->u.error.text, REASON_BYTES_MAX);
		return true;
	case MESSAGE_JOIN:
	case MESSAGE_VERIFY:
		return true;
	case MESSAGE_WELCOME:
	case MESSAGE_NODES:
		return get_nodes(d, f, &out->u.nodes);
	case MESSAGE_HEARTBEAT:
		return get_heartbeat(f, &out->u.heartbeat);
	case MESSAGE_STREAMS:
		out->u.streams.full = fields_bool(f, "full");
		return get_streams(d, f, &out->u.streams.reports,
				   &out->u.streams.count);
	case MESSAGE_PULL:
		return get_pull(f, &out->u.pull);
	case MESSAGE_BATCH:
		return get_batch(d, f, &out->u.batch);
	case MESSAGE_VERIFIED:
		return get_verified(d, f, &out->u.verified);
	}
	return false;
}

enum message_verdict
message_decode(struct message_decoder *d, const uint8_t *body,
	       size_t body_bytes, struct message *out, const char **why)
{
	const msgpack_object *object, *map;
	const char *ignored;
	struct fields f;
	bool lawful;

	if (why == NULL)
		why = &ignored;
	out->type = out->request = 0;
	if (body_bytes > LINK_BODY_BYTES_MAX) {
		*why = "a body that is too long";
		return MESSAGE_BROKEN;
	}
	object = unpack_body(d->unpack, body, body_bytes, &walk_limits_default,
			     why);
	if (object == NULL)
		return MESSAGE_BROKEN;
	if (!unpack_envelope(object, &out->type, &out->request, &map)) {
		*why = "not [type, request, map]";
		return MESSAGE_BROKEN;
	}
	if (out->type < MESSAGE_HELLO || out->type > MESSAGE_VERIFIED)
		return MESSAGE_UNKNOWN;
	if (out->type == MESSAGE_HELLO && body_bytes > HELLO_BODY_BYTES_MAX) {
		*why = "a HELLO that is too long";
		return MESSAGE_BROKEN;
	}
	fields_init(&f, map);
	lawful = get_map(d, &f, out);
	if (f.broken || !lawful) {
		*why = "a field that is missing or out of bounds";
		return MESSAGE_BROKEN;
	}
	return MESSAGE_OK;
}
