/* view.c: looking at the mesh from outside; see mesh.h. */
#include <assert.h>
#include <string.h>

#include "age.h"
#include "mesh_private.h"

uint32_t
mesh_node_count(const struct mesh *m)
{
	assert(m->roster.free_count < m->roster.count);
	return m->roster.count - m->roster.free_count;
}

/* The place of the node that is the nth to be looked at. */
static uint32_t
nth_node(const struct mesh *m, uint32_t nth)
{
	/* Looking at all of many nodes shall not cost the square of it. */
	if (m->roster.free_count == 0 && nth < m->roster.count)
		return nth;
	for (uint32_t i = 0; i < m->roster.count; i++)
		if (!roster_is_free(&m->roster, (uint16_t)i) && nth-- == 0)
			return i;
	assert(!"no such node");
	return NODE_SELF_INDEX;
}

bool
mesh_synced(const struct mesh *m)
{
	return m->sync == SYNC_DONE;
}

void
mesh_coordinator(const struct mesh *m, struct rank *out)
{
	memset(out, 0, sizeof(*out));
	if (m->crowned)
		*out = m->coordinator;
}

const char *
mesh_name_of(const struct mesh *m, const struct node_id *node)
{
	uint16_t index = roster_find(&m->roster, node);

	if (index == NODE_NONE || m->roster.nodes[index].name[0] == '\0')
		return "?";
	return m->roster.nodes[index].name;
}

static enum node_state
state_of(const struct mesh *m, uint16_t index)
{
	const struct node *n = &m->roster.nodes[index];

	switch (n->standing) {
	case STANDING_GONE:
		return NODE_STATE_GONE;
	case STANDING_LEFT:
		return NODE_STATE_LEFT;
	case STANDING_LIVE:
		break;
	}
	if (roster_suspected(&m->roster, index))
		return NODE_STATE_SUSPECT;
	return n->synced ? NODE_STATE_LIVE : NODE_STATE_SYNCING;
}

/* What the linked owner says, else the furthest that anybody says. */
static bool
announced_of(const struct mesh *m, uint16_t index, const struct stream *s,
	     struct stream_report *out)
{
	const struct node *n = &m->roster.nodes[index];
	const struct announced *best = NULL;
	uint16_t k = streams_index(m, s);

	for (uint8_t slot = 0; slot < SLOTS && s->announced >> slot != 0;
	     slot++) {
		const struct announced *a = &m->streams.table[k][slot];

		if ((s->announced >> slot & 1u) == 0)
			continue;
		if (n->slot == slot) {
			best = a;
			break;
		}
		if (best == NULL || a->point.cursor > best->point.cursor)
			best = a;
	}
	if (best == NULL)
		return false;
	out->point = best->point;
	out->digest = best->digest;
	out->rows = best->rows;
	return true;
}

/* Live by the word of who has gone since: nobody here hears it. */
static bool
unheard(const struct mesh *m, const struct node *n)
{
	return n->standing == STANDING_LIVE && n->link_count == 0 &&
	       n->lost_ms != NEVER_MS && m->now_ms >= n->lost_ms + LOST_MS;
}

static void
view_stream(const struct mesh *m, uint16_t index, struct node_view *out)
{
	const struct stream *newest = NULL;
	bool own = index == NODE_SELF_INDEX;

	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s =
			&m->streams.list[index * STREAMS_PER_NODE + k];

		if (s->generation == 0 || (own && !s->own) ||
		    (!s->held && s->announced == 0))
			continue;
		if (newest == NULL || s->generation > newest->generation)
			newest = s;
	}
	if (newest == NULL)
		return;
	streams_id(m, newest, &out->announced.stream);
	out->held.stream = out->announced.stream;
	if (newest->held) {
		out->held.point = newest->point;
		out->held.digest = newest->digest;
		out->held.rows = newest->rows;
	}
	if (own || !announced_of(m, index, newest, &out->announced) ||
	    (out->announced.point.cursor < out->held.point.cursor &&
	     m->roster.nodes[index].link_count == 0)) {
		struct stream_id id = out->announced.stream;

		out->announced = out->held;
		out->announced.stream = id;
	}
	out->at_head = newest->held && age_settled(m, index) &&
		       !unheard(m, &m->roster.nodes[index]) &&
		       out->held.point.base == out->held.point.cursor &&
		       out->held.point.cursor == out->announced.point.cursor;
}

void
mesh_node_view(const struct mesh *m, uint32_t nth, uint64_t now_ms,
	       struct node_view *out)
{
	uint32_t index = nth_node(m, nth);
	const struct node *n = &m->roster.nodes[index];
	bool self = index == NODE_SELF_INDEX;

	memset(out, 0, sizeof(*out));
	out->node = n->id;
	out->run = n->run;
	memcpy(out->name, n->name, sizeof(out->name));
	out->host = n->host;
	out->port = n->port;
	out->address_count = discovery_addresses(m, (uint16_t)index,
						 out->addresses);
	out->state = state_of(m, (uint16_t)index);
	out->self = self;
	out->linked = n->link_count > 0;
	out->coordinator = m->crowned &&
			   node_id_equal(&m->coordinator.node, &n->id);
	out->follows = self && m->crowned ? m->coordinator.node : n->follows;
	/* What was so in another run only the wall clock can tell; and of
	 * whom was heard, but not yet all, that is no less than this run. */
	out->age_ms = self ? 0 : age_ms_of(n, now_ms);
	if (out->age_ms == UINT64_MAX && n->heard_ms != 0)
		out->age_ms = now_ms - m->start_ms;
	out->last_heard_wall_ms = self ? m->wall_ms : n->heard_wall_ms;
	view_stream(m, (uint16_t)index, out);
}
