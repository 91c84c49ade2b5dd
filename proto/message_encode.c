#include <assert.h>

#include "message.h"
#include "message_private.h"

static void
put_addresses(struct pack *p, const struct address *addresses, uint32_t count)
{
	assert(count <= NODE_ADDRESSES_MAX);
	pack_array(p, count);
	for (uint32_t n = 0; n < count; n++) {
		assert(addresses[n].port != 0);
		assert(addresses[n].host[0] != '\0');
		pack_array(p, 2);
		pack_str(p, addresses[n].host);
		pack_uint(p, addresses[n].port);
	}
}

static void
put_digest(struct pack *p, const struct digest *d)
{
	uint8_t bytes[DIGEST_BYTES];

	digest_pack(d, bytes);
	pack_bin(p, bytes, sizeof(bytes));
}

static void
put_hello(struct pack *p, const struct message_hello *h)
{
	assert(h->version_min >= 1);
	assert(h->version_min <= h->version_max);
	assert(h->port != 0);
	pack_map(p, h->pads ? 12 : 11);
	pack_key_uint(p, "vmin", h->version_min);
	pack_key_uint(p, "vmax", h->version_max);
	pack_key_bin(p, "key", h->key, PUBLIC_KEY_BYTES);
	pack_key_bin(p, "sig", h->signature, SIGNATURE_BYTES);
	pack_key_uint(p, "run", h->run);
	pack_key_uint(p, "up", h->uptime_ms);
	pack_key_str(p, "name", h->name);
	pack_key_uint(p, "port", h->port);
	pack_str(p, "addrs");
	put_addresses(p, h->addresses, h->address_count);
	pack_key_bin(p, "host", h->host.bytes, HOST_ID_BYTES);
	pack_key_str(p, "soft", h->software);
	if (h->pads)
		pack_key_bool(p, "pads", true);
}

static void
put_nodes(struct pack *p, const struct message_nodes *m)
{
	assert(m->count <= MESH_KNOWN_MAX);
	pack_map(p, 1);
	pack_str(p, "nodes");
	pack_array(p, m->count);
	for (uint32_t n = 0; n < m->count; n++) {
		const struct node_report *r = &m->reports[n];

		pack_array(p, 8);
		pack_bin(p, r->node.bytes, NODE_ID_BYTES);
		pack_uint(p, r->run);
		pack_str(p, r->name);
		pack_bin(p, r->host.bytes, HOST_ID_BYTES);
		pack_uint(p, r->port);
		put_addresses(p, r->addresses, r->address_count);
		pack_uint(p, r->flags);
		pack_uint(p, r->silent_ms);
	}
}

static void
put_heartbeat(struct pack *p, const struct message_heartbeat *h)
{
	assert(h->period_ms >= HEARTBEAT_PERIOD_MS_MIN);
	assert(h->period_ms <= HEARTBEAT_PERIOD_MS_MAX);
	pack_map(p, 3);
	pack_key_uint(p, "period", h->period_ms);
	pack_key_bin(p, "follows", h->follows.bytes, NODE_ID_BYTES);
	pack_key_bool(p, "synced", h->synced);
}

static void
put_streams(struct pack *p, const struct stream_report *reports, uint32_t count)
{
	assert(count <= MESH_STREAMS_MAX);
	pack_str(p, "streams");
	pack_array(p, count);
	for (uint32_t n = 0; n < count; n++) {
		const struct stream_report *r = &reports[n];

		assert(stream_id_lawful(&r->stream));
		assert(point_lawful(&r->point));
		assert(r->rows <= SEQ_MAX);
		pack_array(p, 6);
		pack_bin(p, r->stream.node.bytes, NODE_ID_BYTES);
		pack_uint(p, r->stream.generation);
		pack_uint(p, r->point.base);
		pack_uint(p, r->point.cursor);
		put_digest(p, &r->digest);
		pack_uint(p, r->rows);
	}
}

static void
put_pull(struct pack *p, const struct message_pull *m)
{
	assert(stream_id_lawful(&m->stream));
	assert(m->after <= SEQ_MAX);
	assert(m->credit_bytes >= PULL_CREDIT_MIN);
	assert(m->credit_bytes <= PULL_CREDIT_MAX);
	pack_map(p, 4);
	pack_key_bin(p, "node", m->stream.node.bytes, NODE_ID_BYTES);
	pack_key_uint(p, "gen", m->stream.generation);
	pack_key_uint(p, "after", m->after);
	pack_key_uint(p, "credit", m->credit_bytes);
}

void
message_put_batch_head(struct pack *p, const struct message_batch *m,
		       uint32_t record_count)
{
	assert(stream_id_lawful(&m->stream));
	assert(point_lawful(&m->point));
	assert(m->after <= SEQ_MAX);
	assert(m->rows <= SEQ_MAX);
	assert(record_count <= BATCH_RECORDS_MAX);
	pack_map(p, 9);
	pack_key_bin(p, "node", m->stream.node.bytes, NODE_ID_BYTES);
	pack_key_uint(p, "gen", m->stream.generation);
	pack_key_uint(p, "after", m->after);
	pack_key_uint(p, "through", m->through);
	pack_key_uint(p, "base", m->point.base);
	pack_key_uint(p, "cursor", m->point.cursor);
	pack_str(p, "digest");
	put_digest(p, &m->digest);
	pack_key_uint(p, "rows", m->rows);
	pack_str(p, "records");
	pack_array(p, record_count);
}

static void
put_batch(struct pack *p, const struct message_batch *m)
{
	assert(message_batch_span_lawful(m));
	message_put_batch_head(p, m, m->record_count);
	for (uint32_t n = 0; n < m->record_count; n++) {
		const struct record *r = &m->records[n];

		assert(record_lawful(r));
		assert(r->seq > m->after);
		assert(n == 0 || record_compare(r - 1, r) < 0);
		assert(r->seq <= m->through);
		record_pack(p, r);
	}
}

static void
put_verified(struct pack *p, const struct message_verified *m)
{
	assert(m->photos <= SEQ_MAX);
	pack_map(p, 3);
	pack_str(p, "merged");
	put_digest(p, &m->merged);
	pack_key_uint(p, "photos", m->photos);
	put_streams(p, m->reports, m->count);
}

static void
put_map(struct pack *p, const struct message *m)
{
	switch ((enum message_type)m->type) {
	case MESSAGE_HELLO:
		put_hello(p, &m->u.hello);
		return;
	case MESSAGE_GOODBYE:
		pack_map(p, 1);
		pack_key_uint(p, "why", m->u.goodbye.why);
		return;
	case MESSAGE_ERROR:
		pack_map(p, 2);
		pack_key_uint(p, "code", m->u.error.code);
		pack_key_str(p, "text", m->u.error.text);
		return;
	case MESSAGE_JOIN:
	case MESSAGE_VERIFY:
		pack_map(p, 0);
		return;
	case MESSAGE_WELCOME:
	case MESSAGE_NODES:
		put_nodes(p, &m->u.nodes);
		return;
	case MESSAGE_HEARTBEAT:
		put_heartbeat(p, &m->u.heartbeat);
		return;
	case MESSAGE_STREAMS:
		pack_map(p, 2);
		pack_key_bool(p, "full", m->u.streams.full);
		put_streams(p, m->u.streams.reports, m->u.streams.count);
		return;
	case MESSAGE_PULL:
		put_pull(p, &m->u.pull);
		return;
	case MESSAGE_BATCH:
		put_batch(p, &m->u.batch);
		return;
	case MESSAGE_VERIFIED:
		put_verified(p, &m->u.verified);
		return;
	}
	assert(!"a message type of ours");
}

size_t
message_encode(const struct message *m, uint8_t *out, size_t max)
{
	size_t frame_max = FRAME_HEADER_BYTES + (m->type == MESSAGE_HELLO
							 ? HELLO_BODY_BYTES_MAX
							 : LINK_BODY_BYTES_MAX);
	struct pack p;

	if (max > frame_max)
		max = frame_max;
	pack_frame_begin(&p, out, max, m->type, m->request);
	put_map(&p, m);
	return pack_frame_end(&p);
}
