/*
 * proto_samples.h: one valid message of each type, shared by the codec tests,
 * the worked examples of PROTOCOL.md and the seeds of the fuzz corpus.
 */
#ifndef PHOTOMESH_PROTO_SAMPLES_H
#define PHOTOMESH_PROTO_SAMPLES_H

#include <stdint.h>
#include <string.h>

#include "message.h"

#define SAMPLE_TYPES 12u

struct samples {
	uint8_t value[256];
	uint8_t key[64];
	struct record records[2];
	struct node_report nodes[2];
	struct stream_report streams[2];
};

static inline void
sample_fill(void *out, size_t count, uint8_t first)
{
	for (size_t n = 0; n < count; n++)
		((uint8_t *)out)[n] = (uint8_t)(first + n);
}

static inline void
sample_hello(struct message_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->version_min = PROTOCOL_VERSION_MIN;
	h->version_max = PROTOCOL_VERSION_MAX;
	sample_fill(h->key, sizeof(h->key), 0x00);
	sample_fill(h->signature, sizeof(h->signature), 0x40);
	h->run = UINT64_C(0x0123456789abcdef);
	h->uptime_ms = 1500;
	strcpy(h->name, "laptop");
	h->port = 5001;
	h->address_count = 1;
	strcpy(h->addresses[0].host, "192.168.1.20");
	h->addresses[0].port = 5001;
	sample_fill(h->host.bytes, sizeof(h->host.bytes), 0xa0);
	strcpy(h->software, "photomesh 1.0");
}

/* Two records: a copy of "a/b.jpg" of the empty photo, then a dead root. */
static inline void
sample_batch(struct samples *s, struct message_batch *b)
{
	static const uint8_t empty[PHOTO_HASH_BYTES] = {
		0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
		0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
	struct record_copy copy;

	memset(b, 0, sizeof(*b));
	memset(&copy, 0, sizeof(copy));
	memcpy(copy.photo.hash, empty, sizeof(empty));
	copy.photo.size = 0;
	copy.mtime_ns = INT64_C(1700000000123456789);
	copy.added_ms = INT64_C(1700000001000);
	sample_fill(copy.file, sizeof(copy.file), 0xf0);
	strcpy(copy.type, "image/jpeg");
	sample_fill(s->key, ROOT_ID_BYTES, 0xb0);
	memcpy(s->key + ROOT_ID_BYTES, "a/b.jpg", 7);
	s->records[0] = (struct record){
		.seq = 41,
		.kind = RECORD_COPY,
		.key = s->key,
		.key_bytes = ROOT_ID_BYTES + 7,
		.value = s->value,
		.value_bytes =
			record_copy_pack(&copy, s->value, sizeof(s->value)),
	};
	s->records[1] = (struct record){
		.seq = 300,
		.kind = RECORD_ROOT,
		.dead = true,
		.key = s->key,
		.key_bytes = ROOT_ID_BYTES,
		.value = s->value,
		.value_bytes = 0,
	};
	sample_fill(b->stream.node.bytes, NODE_ID_BYTES, 0xc0);
	b->stream.generation = UINT64_C(1700000000000);
	b->after = 40;
	b->through = 300;
	b->point = (struct point){.base = 300, .cursor = 300};
	for (unsigned n = 0; n < 2; n++) {
		struct digest d;

		record_digest(&b->stream, &s->records[n], &d);
		digest_add(&b->digest, &d);
	}
	b->rows = 2;
	b->record_count = 2;
	b->records = s->records;
}

static inline void
sample_nodes(struct samples *s, struct message_nodes *m)
{
	memset(s->nodes, 0, sizeof(s->nodes));
	for (unsigned n = 0; n < 2; n++) {
		struct node_report *r = &s->nodes[n];

		sample_fill(r->node.bytes, NODE_ID_BYTES, (uint8_t)(n * 16));
		r->run = UINT64_MAX - n;
		strcpy(r->name, n == 0 ? "laptop" : "");
		r->port = (uint16_t)(5001 - n * 5001); /* 0: not known */
		r->flags = n == 0 ? NODE_LINKED | NODE_SELF | NODE_SYNCED
				  : NODE_SUSPECT;
		r->silent_ms = n * 70000u;
		r->address_count = n * NODE_ADDRESSES_MAX;
		for (unsigned a = 0; a < r->address_count; a++) {
			strcpy(r->addresses[a].host, "fe80::1");
			r->addresses[a].port = (uint16_t)(65535 - a);
		}
	}
	*m = (struct message_nodes){.count = 2, .reports = s->nodes};
}

static inline const struct stream_report *
sample_streams(struct samples *s)
{
	memset(s->streams, 0, sizeof(s->streams));
	for (unsigned n = 0; n < 2; n++) {
		struct stream_report *r = &s->streams[n];

		sample_fill(r->stream.node.bytes, NODE_ID_BYTES, 0xc0);
		r->stream.generation = GENERATION_MAX - n;
		r->point.base = n * 7;
		r->point.cursor = n * SEQ_MAX;
		r->digest.high = UINT64_MAX - n;
		r->digest.low = n;
		r->rows = n * 300;
	}
	return s->streams;
}

/* A valid message of `type`, 1..SAMPLE_TYPES, borrowing from `s`. */
static inline void
sample_message(struct samples *s, uint32_t type, struct message *m)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	m->request = type * 1000;
	switch ((enum message_type)type) {
	case MESSAGE_HELLO:
		m->request = 0;
		sample_hello(&m->u.hello);
		break;
	case MESSAGE_GOODBYE:
		m->u.goodbye.why = GOODBYE_TWIN;
		break;
	case MESSAGE_ERROR:
		m->u.error.code = ERROR_NO_STREAM;
		strcpy(m->u.error.text, "no such stream");
		break;
	case MESSAGE_JOIN:
	case MESSAGE_VERIFY:
		break;
	case MESSAGE_WELCOME:
	case MESSAGE_NODES:
		sample_nodes(s, &m->u.nodes);
		break;
	case MESSAGE_HEARTBEAT:
		m->u.heartbeat.period_ms = 250;
		sample_fill(m->u.heartbeat.follows.bytes, NODE_ID_BYTES, 9);
		m->u.heartbeat.synced = true;
		break;
	case MESSAGE_STREAMS:
		m->u.streams.full = true;
		m->u.streams.count = 2;
		m->u.streams.reports = sample_streams(s);
		break;
	case MESSAGE_PULL:
		sample_fill(m->u.pull.stream.node.bytes, NODE_ID_BYTES, 0xc0);
		m->u.pull.stream.generation = 1;
		m->u.pull.after = 40;
		m->u.pull.credit_bytes = PULL_CREDIT_DEFAULT;
		break;
	case MESSAGE_BATCH:
		m->request = 7;
		sample_batch(s, &m->u.batch);
		break;
	case MESSAGE_VERIFIED:
		m->u.verified.merged.high = 1;
		m->u.verified.photos = 812;
		m->u.verified.count = 2;
		m->u.verified.reports = sample_streams(s);
		break;
	}
}

#endif
