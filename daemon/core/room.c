/*
 * room.c: who gets a place in the tables of the known and of the live, and who
 * gives way; see member.h.
 */
#include <assert.h>

#include "mesh_private.h"

/* Live, or something of it is held or under way. */
static bool
in_use(const struct mesh *m, uint32_t index)
{
	if (m->roster.nodes[index].standing == STANDING_LIVE)
		return true;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s =
			&m->streams.list[index * STREAMS_PER_NODE + k];

		if (s->held || s->pull != PULL_NONE)
			return true;
	}
	return false;
}

/* The oldest absent node of which nothing is held gives way. */
static uint16_t
replaceable(const struct mesh *m)
{
	uint16_t best = NODE_NONE;
	uint64_t best_wall = 0;

	for (uint32_t i = 1; i < m->roster.count; i++) {
		const struct node *n = &m->roster.nodes[i];

		if (in_use(m, i) || (best != NODE_NONE &&
				     n->heard_wall_ms >= best_wall))
			continue;
		best = (uint16_t)i;
		best_wall = n->heard_wall_ms;
	}
	return best;
}

static void
replace(struct mesh *m, uint16_t index, const struct node_id *id)
{
	assert(mesh_node(m, index)->slot == SLOT_NONE);
	discovery_forget_node(m, index);
	roster_reset(mesh_node(m, index), id);
}

/*
 * Room for one more name from this slot: at the cost of names that nobody
 * linked has told us of, else of whoever has told us of the most.
 */
static uint16_t
overnamed(const struct mesh *m, uint8_t slot)
{
	uint16_t count[SLOTS] = { 0 }, last[SLOTS];
	uint8_t most = slot;

	for (uint32_t i = 1; i < m->roster.count; i++) {
		const struct node *n = &m->roster.nodes[i];

		if (n->met || in_use(m, i))
			continue;
		if (n->named_by == SLOT_NONE)
			return (uint16_t)i;
		assert(n->named_by < SLOTS);
		count[n->named_by]++;
		last[n->named_by] = (uint16_t)i;
	}
	for (uint8_t s = 0; s < SLOTS; s++)
		if (count[s] > count[most])
			most = s;
	/* Not to and fro among two. */
	return count[most] > count[slot] + 1 ? last[most] : NODE_NONE;
}

uint16_t
member_named(struct mesh *m, const struct node_id *id, uint8_t slot)
{
	uint16_t index = roster_append(&m->roster, id);

	assert(slot < SLOTS);
	if (index == NODE_NONE) {
		index = overnamed(m, slot);
		if (index == NODE_NONE)
			return NODE_NONE;
		replace(m, index, id);
	}
	mesh_node(m, index)->named_by = slot;
	streams_clear_node(m, index);
	m->reports.dirty = true;
	return index;
}

uint16_t
member_admit(struct mesh *m, const struct node_id *id)
{
	uint16_t index = roster_find(&m->roster, id);

	if (index != NODE_NONE)
		return index;
	index = roster_append(&m->roster, id);
	if (index == NODE_NONE) {
		index = replaceable(m);
		if (index == NODE_NONE)
			return NODE_NONE;
		replace(m, index, id);
	}
	streams_clear_node(m, index);
	return index;
}

bool
member_live_room(struct mesh *m)
{
	for (uint32_t i = 1; i < m->roster.count &&
			     m->roster.live_count >= MESH_LIVE_MAX; i++) {
		const struct node *n = &m->roster.nodes[i];

		if (n->standing == STANDING_LIVE && !n->met)
			node_become(m, (uint16_t)i, STANDING_GONE);
	}
	return m->roster.live_count < MESH_LIVE_MAX;
}
