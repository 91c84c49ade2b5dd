/*
 * liar.c: a member that knows the key and says what is not so.
 *
 * It runs the real core, so that its links are lawful; what leaves it is
 * changed on the way: it forges lives of others, speaks of nodes that never
 * were, gives pages with holes and heads that it does not have.  It is gone
 * before the calm.  Owners whose streams it has touched are *smeared*: only
 * what they say themselves is held against what others hold.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "frame.h"

#define PHANTOM_MARK 0xeeu
#define DAY_MS       UINT64_C(86400000)

bool
liar_is(const struct world *w, const struct node_id *node)
{
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].liar &&
		    node_id_equal(&w->slots[i].disk->identity, node))
			return true;
	return false;
}

bool
liar_phantom(const struct node_id *node)
{
	return node->bytes[1] == PHANTOM_MARK;
}

bool
liar_smeared(const struct world *w, const struct node_id *node)
{
	for (uint32_t i = 0; i < w->smeared_count; i++)
		if (node_id_equal(&w->smeared[i], node))
			return true;
	return liar_is(w, node) || liar_phantom(node);
}

void
liar_smear(struct world *w, const struct node_id *node)
{
	if (!liar_smeared(w, node) && w->smeared_count < SIM_KNOWN)
		w->smeared[w->smeared_count++] = *node;
}

static struct node_id
phantom(struct world *w)
{
	struct node_id id;

	memset(&id, 0, sizeof id);
	id.bytes[1] = PHANTOM_MARK;
	id.bytes[2] = 0xff;
	id.bytes[3] = (uint8_t)world_below(w, w->lies_many ? 256 : 3);
	id.bytes[4] = (uint8_t)world_below(w, 2);
	return id;
}

/* A life of somebody that never was: soon, next year, or never. */
static struct stream_id
forge(struct world *w)
{
	static const uint64_t ahead[] = {1,	       1000,	     3600000,
					 200 * DAY_MS, 365 * DAY_MS, 367 * DAY_MS,
					 9999 * DAY_MS};
	struct disk *d = w->slots[world_below(w, w->slot_count)].disk;
	struct stream_id id;

	memset(&id, 0, sizeof id);
	id.node = d->identity;
	id.generation = d->own_generation + ahead[world_below(w, 7)] * 2 + 1;
	liar_smear(w, &id.node);
	return id;
}

static void
lie_streams(struct world *w, struct message *m)
{
	static struct stream_report list[MESH_STREAMS_MAX];
	struct message_streams *said = &m->u.streams;
	uint32_t count = said->count, more = world_below(w, 4);

	memcpy(list, said->reports, count * sizeof list[0]);
	for (uint32_t i = 0; i < count; i++) {
		struct stream_report *r = &list[i];

		if (!world_chance(w, 10))
			continue;
		liar_smear(w, &r->stream.node);
		r->point.cursor += world_below(w, 50);
		if (world_chance(w, 80))
			r->point.base = r->point.cursor;
		r->digest.low ^= world_below(w, 2);
	}
	for (; more > 0 && count < MESH_STREAMS_MAX; more--) {
		struct stream_report *r = &list[count++];

		memset(r, 0, sizeof *r);
		r->stream = forge(w);
		if (world_chance(w, 30))
			r->stream.node = phantom(w);
		r->point.cursor = 1 + world_below(w, 9);
		r->point.base = world_below(w, 2) * r->point.cursor;
		r->rows = r->point.cursor;
	}
	said->reports = list;
	said->count = count;
}

static void
lie_nodes(struct world *w, struct message *m)
{
	static struct node_report list[MESH_KNOWN_MAX];
	struct message_nodes *said = &m->u.nodes;
	uint32_t count = said->count;
	uint32_t more = world_below(w, w->lies_many ? 250 : 4);

	memcpy(list, said->reports, count * sizeof list[0]);
	for (uint32_t i = 0; i < count; i++) {
		if (world_chance(w, 5))
			list[i].flags ^= 1u << world_below(w, 4);
		if (world_chance(w, 3))
			list[i].run++;
	}
	for (; more > 0 && count < MESH_KNOWN_MAX; more--) {
		struct node_report *r = &list[count++];

		memset(r, 0, sizeof *r);
		r->node = phantom(w);
		r->run = world_random(w);
		r->host = w->hosts[world_below(w, w->host_count)];
		r->port = (uint16_t)(SIM_BASE + world_below(w, SIM_PORTS));
		r->flags = world_below(w, 16);
	}
	said->reports = list;
	said->count = count;
}

void
liar_says(struct world *w, struct message *m)
{
	if (m->type == MESSAGE_STREAMS && world_chance(w, 60))
		lie_streams(w, m);
	else if ((m->type == MESSAGE_NODES || m->type == MESSAGE_WELCOME) &&
		 world_chance(w, 60))
		lie_nodes(w, m);
	else if (m->type == MESSAGE_HEARTBEAT && world_chance(w, 10))
		m->u.heartbeat.synced = !m->u.heartbeat.synced;
}

/* What it gives of a stream: rows left out, changed, the point as it likes. */
const struct replica *
liar_page(struct world *w, const struct replica *r)
{
	static struct replica false_one;

	if (world_chance(w, 50))
		return r;
	false_one = *r;
	liar_smear(w, &r->report.stream.node);
	for (uint32_t key = 0; key < SIM_KEYS; key++) {
		struct row *row = &false_one.rows[key];

		if (row->seq == 0 || !world_chance(w, 20))
			continue;
		if (world_chance(w, 50))
			memset(row, 0, sizeof *row);
		else if (!row->dead)
			row->value++;
	}
	if (world_chance(w, 40) && false_one.report.point.cursor > 2) {
		false_one.report.point.cursor -= 2;
		false_one.report.point.base = false_one.report.point.cursor;
		for (uint32_t key = 0; key < SIM_KEYS; key++)
			if (false_one.rows[key].seq >
			    false_one.report.point.cursor)
				memset(&false_one.rows[key], 0,
				       sizeof false_one.rows[key]);
	}
	return &false_one;
}

/* Asked for what it made up: a root that says complete, and one copy. */
bool
liar_answers(struct world *w, struct slot *s, const struct message *m,
	     uint32_t wire, uint32_t side)
{
	static struct replica made_up;
	struct mesh_effect asked;
	struct frame_buf *f;

	if (m->type != MESSAGE_PULL ||
	    disk_find(s->disk, &m->u.pull.stream) != NULL)
		return false;
	if (liar_phantom(&m->u.pull.stream.node) || world_chance(w, 20))
		return true; /* not a word */
	memset(&made_up, 0, sizeof made_up);
	made_up.report.stream = m->u.pull.stream;
	disk_own_write(&made_up, 1, 4711, false);
	disk_own_write(&made_up, 0, 1, false);
	memset(&asked, 0, sizeof asked);
	asked.u.page.request = m->request;
	asked.u.page.stream = m->u.pull.stream;
	asked.u.page.after = m->u.pull.after;
	asked.u.page.credit_bytes = m->u.pull.credit_bytes;
	f = disk_page(w, &made_up, &asked);
	if (f == NULL)
		return true;
	f->refs = 1;
	wire_send(w, wire, side, TOLD_FRAME, f, LINK_CLOSED);
	frame_buf_drop(f);
	return true;
}
