/*
 * announced.c: STREAMS as heard, and what must be reached before this node
 * calls itself synced; see streams.h.
 */
#include <assert.h>

#include "mesh_private.h"

static bool
absurd(struct mesh *m, uint64_t generation)
{
	const struct stream *own = streams_own(m);
	uint64_t base = m->wall_ms;

	if (own != NULL && own->generation > base)
		base = own->generation;
	return generation > GENERATION_MAX ||
	       (generation > base &&
		generation - base > GENERATION_AHEAD_MS_MAX);
}

/* What a peer knows of our own stream. */
static void
heard_of_own(struct mesh *m, const struct stream_report *r)
{
	struct streams *t = &m->streams;

	if (r->stream.generation > t->seen_generation) {
		t->seen_generation = r->stream.generation;
		t->seen_cursor = 0;
	}
	if (r->stream.generation == t->seen_generation &&
	    r->point.cursor > t->seen_cursor)
		t->seen_cursor = r->point.cursor;
}

/* The owner's word on its own stream must never go back on one link. */
static bool
owner_lawful(struct link *l, const struct stream_report *r)
{
	if (r->stream.generation < l->owner_generation)
		return true; /* a former life: a replica like any other */
	if (r->stream.generation == l->owner_generation &&
	    r->point.cursor < l->owner_cursor)
		return false;
	l->owner_generation = r->stream.generation;
	l->owner_cursor = r->point.cursor;
	return true;
}

static void
announce(struct mesh *m, struct stream *s, uint8_t slot, bool owner,
	 bool first, const struct stream_report *r)
{
	struct announced *a = &m->streams.table[streams_index(m, s)][slot];
	uint64_t bit = UINT64_C(1) << slot;

	/* A page may have told us more of the owner than this message. */
	if (!(owner && (s->announced & bit) &&
	      a->point.cursor > r->point.cursor)) {
		a->point = r->point;
		a->digest = r->digest;
		a->rows = r->rows;
	}
	s->announced |= bit;
	if (first) {
		s->first |= bit;
		a->target = r->point.cursor;
	}
}

/* One entry.  False: the link must end. */
static bool
heard_of_stream(struct mesh *m, struct link *l, bool first,
		const struct stream_report *r)
{
	uint8_t slot = mesh_node(m, l->node)->slot;
	uint16_t node;
	struct stream *s;
	bool owner;

	if (r->stream.generation == 0 || r->point.base > r->point.cursor ||
	    node_id_is_zero(&r->stream.node))
		return true;
	node = roster_find(&m->roster, &r->stream.node);
	owner = node == l->node;
	if (absurd(m, r->stream.generation)) {
		if (owner)
			return false;
		if (!l->refused_told)
			effect_news(m, NEWS_REFUSED,
				    &mesh_node(m, l->node)->id,
				    "a generation far in the future");
		l->refused_told = true;
		return true;
	}
	if (owner && !owner_lawful(l, r))
		return false;
	if (node == NODE_SELF_INDEX)
		heard_of_own(m, r);
	if (node == NODE_NONE) {
		node = roster_append(&m->roster, &r->stream.node);
		if (node == NODE_NONE)
			return true;
		streams_clear_node(m, node);
		m->reports.dirty = true;
	}
	if (r->stream.generation <= mesh_node(m, node)->ended)
		return true;
	s = streams_get(m, node, r->stream.generation, false);
	if (s != NULL)
		announce(m, s, slot, owner, first, r);
	return true;
}

void
streams_heard(struct mesh *m, struct link *l,
	      const struct message_streams *said)
{
	struct streams *t = &m->streams;
	uint8_t slot = mesh_node(m, l->node)->slot;
	uint64_t bit;
	bool first;

	assert(l->phase == LINK_MEMBER);
	assert(slot < SLOTS);
	bit = UINT64_C(1) << slot;
	first = said->full && (t->told & bit) == 0;
	if (said->full)
		for (uint32_t i = 0;
		     i < m->roster.count * STREAMS_PER_NODE; i++)
			t->list[i].announced &= ~bit;
	for (uint32_t i = 0; i < said->count; i++) {
		if (heard_of_stream(m, l, first, &said->reports[i]))
			continue;
		member_punish(m, l, "an unlawful word on its own stream");
		return;
	}
	if (said->full)
		t->told |= bit;
}

void
streams_slot_lost(struct mesh *m, uint8_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;

	assert(slot < SLOTS);
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++)
		m->streams.list[i].announced &= ~bit;
}

void
streams_slot_released(struct mesh *m, uint8_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;

	streams_slot_lost(m, slot);
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++) {
		m->streams.list[i].first &= ~bit;
		m->streams.list[i].tried &= ~bit;
		m->streams.list[i].shun &= ~bit;
	}
	m->streams.told &= ~bit;
	m->streams.gate &= ~bit;
}

/* ---- synced, part (b) ------------------------------------------------ */

void
streams_ungate(struct mesh *m)
{
	m->streams.gated = false;
	m->streams.gate = 0;
}

void
streams_gate(struct mesh *m)
{
	m->streams.gated = true;
	m->streams.gate = m->roster.slots_linked;
}

static bool
target_reached(struct mesh *m, uint16_t node, const struct stream *s,
	       uint64_t target)
{
	if (node == NODE_SELF_INDEX ||
	    s->generation <= mesh_node(m, node)->ended)
		return true;
	if (s->held && s->point.cursor >= target)
		return true;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *o = streams_at(m, node, k);

		if (o->held && o->generation > s->generation &&
		    o->point.base == o->point.cursor)
			return true;
	}
	return false;
}

bool
streams_targets_reached(struct mesh *m)
{
	struct streams *t = &m->streams;
	bool all = true;

	if (!t->gated ||
	    (t->gate & m->roster.slots_linked & ~t->told) != 0)
		return false;
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++) {
		struct stream *s = &t->list[i];
		uint64_t left = s->first & t->gate;

		for (uint8_t slot = 0; slot < SLOTS && left >> slot != 0;
		     slot++) {
			if ((left >> slot & 1u) == 0)
				continue;
			if (target_reached(m, streams_node(m, s), s,
					   t->table[i][slot].target))
				s->first &= ~(UINT64_C(1) << slot);
			else
				all = false;
		}
	}
	return all;
}
