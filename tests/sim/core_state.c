/*
 * core_state.c: see core_state.h.
 */
#include "core_state.h"

#include <assert.h>

#include "mesh_private.h"

#define NODES_MAX 8u /* known to one core, identities counted */
#define SPANS_MAX 12u

struct mesh_span {
	size_t at, bytes;
};

/* All but the pulls and the table of what was announced. */
static uint32_t
mesh_spans(const struct mesh *m, struct mesh_span out[SPANS_MAX])
{
	const uint8_t *base = (const uint8_t *)m;
	uint32_t n = 0;

	assert(m->roster.count <= NODES_MAX);
	assert(m->roster.slots_used >> NODES_MAX == 0);
#define SPAN(from, to)                                                   \
	(out[n++] = (struct mesh_span){                                  \
		 (size_t)((const uint8_t *)(from) - base),               \
		 (size_t)((const uint8_t *)(to) - (const uint8_t *)(from))})
	SPAN(m, &m->out);
	SPAN(&m->start_ms, &m->forget.list[m->forget.end]);
	SPAN(&m->roster, &m->roster.nodes[m->roster.count]);
	SPAN(&m->links, &m->links.list[m->links.count]);
	SPAN(&m->discovery, &m->discovery.places[m->discovery.place_count]);
	SPAN(&m->membership, &m->membership + 1);
	SPAN(&m->reports, &m->reports.list[0]);
	SPAN(&m->streams,
	     &m->streams.list[m->roster.count * STREAMS_PER_NODE]);
#undef SPAN
	assert(n <= SPANS_MAX);
	return n;
}

void
core_copy(struct mesh *to, const struct mesh *from)
{
	struct mesh_span spans[SPANS_MAX];
	uint32_t count = mesh_spans(from, spans);

	for (uint32_t i = 0; i < count; i++)
		memcpy((uint8_t *)to + spans[i].at,
		       (const uint8_t *)from + spans[i].at, spans[i].bytes);
	to->out = NULL;
	to->replica = from->replica;
	for (uint32_t i = 0; i < from->roster.count * STREAMS_PER_NODE; i++)
		memcpy(to->streams.table[i], from->streams.table[i],
		       NODES_MAX * sizeof from->streams.table[i][0]);
}

uint64_t
core_print(const struct mesh *m)
{
	struct mesh_span spans[SPANS_MAX];
	uint32_t count = mesh_spans(m, spans);
	const struct replica *r = &m->replica;
	uint64_t h = 1, told;

	for (uint32_t i = 0; i < count; i++)
		h = mix_bytes(h, (const uint8_t *)m + spans[i].at,
			      spans[i].bytes);
	h = mix(mix(h, r->store_last), r->next_stream);
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++)
		if (r->pulls[i].active)
			h = MIX(mix(h, i), r->pulls[i]);
	for (uint32_t i = 0; i < CANCELLED_MAX; i++)
		if (r->cancelled[i].link != MESH_LINK_NONE)
			h = MIX(h, r->cancelled[i]);
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++) {
		const struct stream *s = &m->streams.list[i];

		told = s->announced | s->first | s->tried;
		for (uint32_t slot = 0; told >> slot != 0; slot++)
			if (told >> slot & 1u)
				h = MIX(h, m->streams.table[i][slot]);
	}
	return h;
}

bool
core_awaits(const struct mesh *m, const struct node_id *node)
{
	uint16_t index = roster_find(&m->roster, node);
	uint8_t slot = index == NODE_NONE ? SLOT_NONE
					  : m->roster.nodes[index].slot;

	return slot != SLOT_NONE && m->roster.nodes[index].link_count > 0 &&
	       (m->streams.gate >> slot & 1u) != 0;
}
