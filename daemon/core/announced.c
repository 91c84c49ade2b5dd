/*
 * announced.c: STREAMS as heard, and what must be reached before this node
 * calls itself synced; see streams.h.
 */
#include <assert.h>

#include "mesh_private.h"
#include "mutant.h"

#define TARGETS_STALL_MS 20000u

static bool
too_far(uint64_t generation, uint64_t base)
{
	return generation > base && generation - base > GENERATION_AHEAD_MS_MAX;
}

/*
 * Of our own we believe no more than a year beyond what this run began with,
 * or step by step we could be led anywhere.  Of others it is enough that some
 * clock may have said so: ours, or the owner's who told us of itself.
 */
bool
streams_believable(struct mesh *m, uint16_t node, uint64_t generation)
{
	const struct streams *t = &m->streams;
	const struct stream *own = streams_own(m);
	uint64_t base = m->wall_ms;

	if (base < t->began_generation)
		base = t->began_generation;
	if (node != NODE_SELF_INDEX) {
		if (own != NULL && own->generation > base)
			base = own->generation;
		if (base < t->owners_generation)
			base = t->owners_generation;
	}
	return !too_far(generation, base);
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

/* The owner's word on its own stream: at head, and never back on one link. */
static bool
owner_lawful(struct link *l, const struct stream_report *r)
{
	if (r->point.base != r->point.cursor ||
	    (r->stream.generation == l->owner_generation &&
	     r->point.cursor < l->owner_cursor))
		return false;
	l->owner_generation = r->stream.generation;
	l->owner_cursor = r->point.cursor;
	return true;
}

/* Which of its lives is the present one: the greatest it speaks of. */
static uint64_t
owner_present(const struct mesh *m, const struct link *l,
	      const struct message_streams *said)
{
	uint64_t present = said->full ? 0 : l->owner_generation;

	for (uint32_t i = 0; i < said->count; i++) {
		const struct stream_report *r = &said->reports[i];

		if (r->stream.generation > present &&
		    node_id_equal(&r->stream.node,
				  &m->roster.nodes[l->node].id))
			present = r->stream.generation;
	}
	return present;
}

enum word {
	WORD_FIRST, /* of all there is: a target */
	WORD_NEXT,
	WORD_LATE, /* on an older link: it takes nothing back */
};

static void
announce(struct mesh *m, struct stream *s, uint8_t slot, bool owner,
	 enum word word, const struct stream_report *r)
{
	struct announced *a = &m->streams.table[streams_index(m, s)][slot];
	uint64_t bit = UINT64_C(1) << slot;
	bool more = a->point.cursor > r->point.cursor ||
		    (word == WORD_LATE && a->point.cursor == r->point.cursor);

	/* A page may have told us more of the owner than this message. */
	if (!((s->announced & bit) && (owner || word == WORD_LATE) && more)) {
		a->point = r->point;
		a->digest = r->digest;
		a->rows = r->rows;
	}
	s->announced |= bit;
	if (word == WORD_FIRST && owner) {
		s->retry_ms = 0; /* what relays did is past */
		s->backoff_ms = 0;
	}
	if (word == WORD_FIRST) {
		s->first |= bit;
		a->target = r->point.cursor;
	}
}

/* One entry.  False: the link must end. */
static bool
heard_of_stream(struct mesh *m, struct link *l, enum word word,
		uint64_t present, const struct stream_report *r)
{
	uint8_t slot = mesh_node(m, l->node)->slot;
	uint64_t bit = UINT64_C(1) << slot;
	uint16_t node;
	struct stream *s;
	bool owner;

	if (r->stream.generation == 0 || r->point.base > r->point.cursor ||
	    node_id_is_zero(&r->stream.node))
		return true;
	node = roster_find(&m->roster, &r->stream.node);
	/* A former life of the speaker is a replica like any other. */
	owner = node == l->node && r->stream.generation == present;
	if (!owner && !streams_believable(m, node, r->stream.generation)) {
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
		if (r->stream.generation <= forget_ended(m, &r->stream.node))
			return true;
		node = member_named(m, &r->stream.node, slot);
		if (node == NODE_NONE)
			return true;
	}
	if (owner) {
		struct node *n = mesh_node(m, node);

		if (n->owner_generation < present)
			n->owner_generation = present;
		if (m->streams.owners_generation < present)
			m->streams.owners_generation = present;
	} else if (r->stream.generation <= mesh_node(m, node)->ended) {
		return true;
	}
	s = streams_get(m, node, r->stream.generation, owner);
	if (s != NULL && (s->mute & bit) == 0)
		announce(m, s, slot, owner, word, r);
	return true;
}

/* What its announcer has let go of since need not be reached any more. */
static void
targets_void(struct mesh *m, uint64_t bit)
{
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++)
		if ((m->streams.list[i].announced & bit) == 0)
			m->streams.list[i].first &= ~bit;
}

void
streams_heard(struct mesh *m, struct link *l,
	      const struct message_streams *said)
{
	struct streams *t = &m->streams;
	uint8_t slot = mesh_node(m, l->node)->slot;
	const struct link *newest = links_of_node(&m->links, l->node);
	enum word word = WORD_NEXT;
	uint64_t bit, present;
	bool full;

	assert(l->phase == LINK_MEMBER);
	assert(slot < SLOTS);
	/* A part of we do not know what: the owner's present life is the
	 * greatest of all that it speaks of. */
	if (!said->full && !l->told)
		return;
	bit = UINT64_C(1) << slot;
	if (newest != l && newest->told)
		word = WORD_LATE;
	else if (said->full && (t->told & bit) == 0)
		word = WORD_FIRST;
	full = said->full && word != WORD_LATE;
	present = owner_present(m, l, said);
	if (present < l->owner_generation) {
		member_punish(m, l, "an unlawful word on its own stream");
		return;
	}
	if (full)
		for (uint32_t i = 0;
		     i < m->roster.count * STREAMS_PER_NODE; i++)
			t->list[i].announced &= ~bit;
	for (uint32_t i = 0; i < said->count; i++) {
		if (heard_of_stream(m, l, word, present, &said->reports[i]))
			continue;
		member_punish(m, l, "an unlawful word on its own stream");
		return;
	}
	if (full) {
		targets_void(m, bit);
		t->told |= bit;
	}
	l->told = l->told || said->full;
}

void
streams_slot_lost(struct mesh *m, uint8_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;

	assert(slot < SLOTS);
	mesh_node(m, m->roster.slot_node[slot])->owner_generation = 0;
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
		m->streams.list[i].mute &= ~bit;
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
	m->streams.gate_ms = m->now_ms;
}

static bool
target_reached(struct mesh *m, uint16_t node, const struct stream *s,
	       uint64_t target)
{
	const struct node *n = mesh_node(m, node);

	if (node == NODE_SELF_INDEX || s->generation <= n->ended)
		return true;
	/* Its owner knows nothing of it: not to be had. */
	if (n->owner_generation != 0 && s->generation > n->owner_generation)
		return true;
	if ((s->held || s->let_go) && s->point.cursor >= target)
		return true;
	if (s->let_go && !source_wanted(m, s))
		return true;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *o = streams_at(m, node, k);

		if (o->held && o->generation > s->generation &&
		    o->point.base == o->point.cursor)
			return true;
	}
	return false;
}

/*
 * Nothing that is still to be reached has moved for long: whoever announced
 * it cannot give it.  Nobody may keep us from being synced by a word alone.
 */
static bool
targets_stalled(const struct mesh *m)
{
	const struct streams *t = &m->streams;
	uint64_t moved = t->gate_ms;

	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++)
		if ((t->list[i].first & t->gate) != 0 &&
		    t->list[i].stored_ms > moved)
			moved = t->list[i].stored_ms;
	return m->now_ms >= moved + TARGETS_STALL_MS;
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
	return all || targets_stalled(m) || MUTANT(SYNCED_AT_ONCE);
}
