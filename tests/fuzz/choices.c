/*
 * choices.c: see choices.h.
 */
#include "choices.h"

#include <stdio.h>
#include <string.h>

#define WALL_MS UINT64_C(1800000000000) /* where the shell's clock begins */
#define DAY_MS  UINT64_C(86400000)

unsigned
choose(struct choices *c)
{
	if (c->left == 0)
		return 0;
	c->left--;
	return *c->at++;
}

const uint8_t *
choices_bytes(struct choices *c, size_t *bytes)
{
	const uint8_t *from = c->at;

	if (*bytes > c->left)
		*bytes = c->left;
	c->at += *bytes;
	c->left -= *bytes;
	return from;
}

void
choices_node(unsigned who, struct node_id *out)
{
	memset(out, 0, sizeof(*out));
	if (who > SELF_CHOICE && who < 16)
		who = SELF_CHOICE;
	/* Some are lower than we are, some are higher. */
	out->bytes[0] = (uint8_t)(who * 37 + 1);
	out->bytes[1] = (uint8_t)(who < 16 ? 1 : 2);
	out->bytes[2] = (uint8_t)who;
}

void
choices_address(unsigned which, struct address *out)
{
	memset(out, 0, sizeof(*out));
	out->port = (uint16_t)(5000 + which % 8);
	if (which % 32 < 8)
		strcpy(out->host, "127.0.0.1");
	else if (which >= 192)
		snprintf(out->host, sizeof(out->host), "host%u.lan", which);
	else
		snprintf(out->host, sizeof(out->host), "10.0.0.%u", which / 8);
}

static uint64_t
generation(unsigned which)
{
	static const uint64_t some[] = {
		WALL_MS - 1000, WALL_MS - 2000, WALL_MS - 3000, WALL_MS - 500,
		WALL_MS, WALL_MS + 1, WALL_MS + 3600000, WALL_MS + DAY_MS,
		WALL_MS + 200 * DAY_MS, WALL_MS + 365 * DAY_MS,
		WALL_MS + 367 * DAY_MS, 1, 2, GENERATION_MAX - 1,
		GENERATION_MAX, WALL_MS - 999};

	return some[which % 16];
}

void
choices_stream(struct choices *c, unsigned who, struct stream_id *out)
{
	choices_node(who, &out->node);
	out->generation = generation(choose(c));
}

static uint64_t
number(unsigned which)
{
	if (which < 240)
		return which % 32;
	return which < 248 ? UINT64_C(1) << (which - 240) * 7
			   : SEQ_MAX - (which - 248);
}

static void
point(struct choices *c, struct point *out)
{
	unsigned how = choose(c);

	out->cursor = number(choose(c));
	out->base = how % 4 == 0 ? out->cursor / 2 :
		    how % 4 == 1 ? 0 : out->cursor;
}

static void
report(struct choices *c, const struct stream_id *stream,
       struct stream_report *out)
{
	unsigned how = choose(c);

	memset(out, 0, sizeof(*out));
	out->stream = *stream;
	point(c, &out->point);
	out->digest.low = out->point.cursor * 5 + how % 2;
	out->rows = how % 8 == 7 ? 0 : out->point.cursor;
}

void
choices_hello(struct choices *c, unsigned who, struct message_hello *out)
{
	unsigned how = choose(c);

	memset(out, 0, sizeof(*out));
	out->version_min = how >= 250 ? 2 : 1;
	out->version_max = how >= 250 ? 3 : 1;
	out->run = how >= 244 && how < 250 ? 77 : 100 + who * 4 + how % 4;
	out->uptime_ms = how % 8 < 4 ? 500 : UINT64_C(1) << how % 64;
	out->port = (uint16_t)(5000 + (who + how / 64) % 8);
	snprintf(out->name, sizeof(out->name), "n%u", who);
	out->host.bytes[0] = (uint8_t)(1 + who % 3);
	if (how & 16) {
		out->address_count = 1 + how % NODE_ADDRESSES_MAX;
		for (unsigned i = 0; i < out->address_count; i++)
			choices_address(choose(c), &out->addresses[i]);
	}
	strcpy(out->software, "fuzz");
}

void
choices_nodes(struct choices *c, struct message_nodes *out)
{
	static struct node_report list[MESH_KNOWN_MAX];
	unsigned count = choose(c), first = choose(c), flags = choose(c);

	memset(list, 0, sizeof(list));
	out->reports = list;
	/* A few in detail, or a great many. */
	out->count = count < 192 ? count % 6 : MESH_KNOWN_MAX - (count - 192);
	for (unsigned i = 0; i < out->count; i++) {
		struct node_report *r = &list[i];
		unsigned who = (first + i) & 0xffu;
		unsigned how = out->count < 8 ? choose(c) : who;

		if (out->count < 8)
			who = choose(c);
		choices_node(who, &r->node);
		r->run = 100 + who * 4 + how % 4;
		snprintf(r->name, sizeof(r->name), "n%u", who);
		r->host.bytes[0] = (uint8_t)(1 + who % 3);
		r->port = (uint16_t)(how % 16 == 15 ? 0 : 5000 + who % 8);
		r->flags = (flags ^ how >> 2) & 31;
		r->silent_ms = how >= 240 ? UINT64_C(1) << (how - 240) * 4
					  : how % 3;
		if (how % 16 == 7) {
			r->address_count = 1;
			choices_address(how, &r->addresses[0]);
		}
	}
}

void
choices_streams(struct choices *c, const struct node_id *speaker,
		struct message_streams *out)
{
	static struct stream_report list[MESH_STREAMS_MAX];
	unsigned count = choose(c);
	struct stream_id id;

	out->full = count & 1;
	out->reports = list;
	out->count = count < 224 ? count / 2 % 6 : MESH_STREAMS_MAX;
	for (unsigned i = 0; i < out->count; i++) {
		struct choices none = {0};
		unsigned who = out->count < 8 ? choose(c) : i / 2;

		choices_stream(out->count < 8 ? c : &none, who, &id);
		if (out->count > 8)
			id.generation = generation(i % 2 + count % 8);
		if (who >= 128 && out->count < 8)
			id.node = *speaker;
		if (node_id_is_zero(&id.node))
			choices_node(1, &id.node);
		report(out->count < 8 ? c : &none, &id, &list[i]);
	}
}

void
choices_heartbeat(struct choices *c, struct message_heartbeat *out)
{
	unsigned how = choose(c);

	memset(out, 0, sizeof(*out));
	out->period_ms = how & 2 ? 250 : 1100;
	out->synced = how & 1;
	if (how & 4)
		choices_node(how / 8, &out->follows);
}

void
choices_pull(struct choices *c, const struct stream_id *own,
	     struct message_pull *out)
{
	unsigned who = choose(c);

	choices_stream(c, who, &out->stream);
	if (who >= 128 && own->generation != 0)
		out->stream = *own;
	out->after = number(choose(c));
	out->credit_bytes = PULL_CREDIT_MIN;
}

static void
fill(unsigned count, bool sparse, struct message_batch *out)
{
	static struct record list[64];
	static uint8_t key[9] = {1, 2, 3, 4, 5, 6, 7, 8, 'x'};

	out->records = list;
	out->record_count = 0;
	for (unsigned i = 0; i < count && i < 64; i++) {
		uint64_t seq = out->after + 1 + (sparse ? i * 3 : i);

		if (seq > out->through)
			break;
		list[out->record_count++] = (struct record){
			.seq = seq, .kind = 200, .key = key,
			.key_bytes = sizeof(key), .dead = i % 4 == 3};
	}
}

void
choices_batch(struct choices *c, struct message_batch *out)
{
	memset(out, 0, sizeof(*out));
	choices_stream(c, choose(c), &out->stream);
	out->after = number(choose(c) % 32);
	out->through = out->after + choose(c) % 8;
	out->point.cursor = out->through;
	out->point.base = choose(c) % 2 ? out->through : 0;
	out->rows = out->through;
	fill(8, false, out);
}

void
choices_answer(struct choices *c, const struct message_pull *pull,
	       struct message_batch *out)
{
	unsigned how = choose(c), more = choose(c) % 32;

	memset(out, 0, sizeof(*out));
	out->stream = pull->stream;
	out->after = pull->after;
	if (how >= 248)
		out->stream.generation ^= 1;
	if (out->stream.generation == 0)
		out->stream.generation = 1;
	if (how >= 240 && how < 248)
		out->after += 3;
	if (out->after > SEQ_MAX - 64)
		more = 0;
	out->through = out->after + more;
	out->point.cursor = out->through;
	if (how % 4 == 1 && more > 0) /* and there is more to come */
		out->point.cursor += 1 + how % 8;
	if (how % 16 == 2 && out->through > 0) { /* it has less than was asked for */
		out->through = out->point.cursor = out->through / 2;
		more = 0;
	}
	out->point.base = how % 8 == 3 ? out->point.cursor / 2
				       : out->point.cursor;
	out->digest.low = out->point.cursor * 5 + (how >> 4) % 2;
	out->rows = out->point.cursor;
	fill(more, how & 8, out);
	/* A page that is not the last has something in it. */
	if (out->record_count == 0 && out->through != out->point.cursor)
		out->through = out->point.cursor;
}
