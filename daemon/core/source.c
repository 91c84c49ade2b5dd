/* source.c: see source.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"

uint64_t
source_mix(const struct digest *a, const struct digest *b)
{
	uint64_t x = a->high * UINT64_C(0x9e3779b97f4a7c15) ^ a->low;
	uint64_t y = b->high * UINT64_C(0xc2b2ae3d27d4eb4f) ^ b->low;

	x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ (y * UINT64_C(0x94d049bb133111eb) + (y >> 31));
}

/*
 * The newest generation, and two before it: the catalogue keeps one of these,
 * the same everywhere if it has seen the same.
 */
#define LIVES_WANTED 3u

bool
source_wanted(const struct mesh *m, const struct stream *s)
{
	uint16_t node = streams_node(m, s);
	const struct stream *own = streams_own(m);
	uint32_t newer = 0, held = 0;

	if (s->generation == 0 || s->own || s->disowned ||
	    s->generation <= m->roster.nodes[node].ended ||
	    (s->let_go && !streams_again(m, s)))
		return false;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *o =
			&m->streams.list[node * STREAMS_PER_NODE + k];

		if (o == s || o->generation == 0)
			continue;
		if (o->held || o->pull != PULL_NONE)
			held++;
		if (o->generation > s->generation &&
		    (o->held || (o->announced != 0 && !o->let_go)))
			newer++;
	}
	/* Of our own only former lives: the greatest that we hold is taken for
	 * the present one by everybody. */
	if (node == NODE_SELF_INDEX &&
	    (m->config.remembers || m->streams.begin_pending || own == NULL ||
	     s->generation > own->generation))
		return false;
	/* No future lives of one that is here and could tell of them. */
	if (m->roster.nodes[node].owner_generation != 0 &&
	    s->generation > m->roster.nodes[node].owner_generation)
		return false;
	if (s->held)
		return true;
	return newer == 0 || (held < LIVES_WANTED && newer < LIVES_WANTED);
}

static void
choose_owner(struct mesh *m, struct stream *s, uint8_t slot,
	     struct source *out)
{
	const struct announced *a =
		&m->streams.table[streams_index(m, s)][slot];

	out->slot = slot;
	out->mode = PULL_OWNER;
	if (!s->held) {
		out->found = true;
		out->after = 0;
		return;
	}
	if (s->point.cursor > a->point.cursor)
		return; /* restored; it will begin a new generation */
	if (s->point.base < s->point.cursor ||
	    s->point.cursor < a->point.cursor) {
		out->found = true;
		out->after = s->point.cursor;
		return;
	}
	if (digest_equal(&s->digest, &a->digest)) {
		s->unequal = false;
		return;
	}
	if (!s->unequal) {
		struct stream_id id;

		streams_id(m, s, &id);
		effect_news(m, NEWS_UNEQUAL, &id.node, NULL);
	}
	s->unequal = true;
	out->found = true;
	out->mode = PULL_REBUILD;
	out->after = 0;
}

/* Does this peer hear the owner, and say that it has all of this life?  So it has
 * what the owner has; of former lives it may know no more than we do. */
static bool
is_right(const struct mesh *m, const struct stream *s, uint8_t slot)
{
	const struct announced *a =
		&m->streams.table[streams_index(m, s)][slot];
	uint16_t node = streams_node(m, s);

	if (node == NODE_SELF_INDEX || a->point.base != a->point.cursor ||
	    !roster_reported_by(&m->roster, node, slot))
		return false;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *o =
			&m->streams.list[node * STREAMS_PER_NODE + k];

		if (o->generation > s->generation &&
		    (o->held || o->announced != 0))
			return false;
	}
	return true;
}

/* As far as we are, and of other rows: who hears the owner is right, whatever was
 * tried before; else each may have what the other lacks. */
static void
choose_unequal(const struct mesh *m, const struct stream *s, uint8_t slot,
	       struct source *out)
{
	const struct announced *a =
		&m->streams.table[streams_index(m, s)][slot];
	bool right = is_right(m, s, slot);

	if (!right && (s->tried >> slot & 1u) &&
	    a->tried == source_mix(&s->digest, &a->digest))
		return;
	if (out->found && !(right && out->mode == PULL_MERGE))
		return;
	out->found = true;
	out->mode = right ? PULL_REBUILD : PULL_MERGE;
	out->slot = slot;
	out->after = 0;
}

uint64_t
source_among(const struct mesh *m, const struct stream *s)
{
	const struct node *n = &m->roster.nodes[streams_node(m, s)];
	uint64_t among = s->announced & m->roster.slots_linked;

	/* Former lives of one that is here: it has what it needs of them. */
	if (n->link_count > 0 && s->generation < n->owner_generation)
		among &= UINT64_C(1) << n->slot;
	return among;
}

static void
choose_relay(struct mesh *m, struct stream *s, struct source *out)
{
	uint16_t index = streams_index(m, s);
	uint64_t among = source_among(m, s);
	struct point best = { 0, 0 };
	bool agreed = false;

	for (uint8_t slot = 0; slot < SLOTS && among >> slot != 0; slot++) {
		const struct announced *a = &m->streams.table[index][slot];
		bool shunned = (s->shun >> slot & 1u) != 0;
		bool more, level, equal;

		if ((among >> slot & 1u) == 0)
			continue;
		more = !s->held || a->point.base > s->point.base ||
		       a->point.cursor > s->point.cursor;
		level = s->held && a->point.base == s->point.base &&
			a->point.cursor == s->point.cursor;
		equal = level && digest_equal(&a->digest, &s->digest);
		if (equal && is_right(m, s, slot))
			agreed = true;
		if (shunned)
			continue;
		if (more && (!out->found || out->mode != PULL_RELAY ||
			     a->point.cursor > best.cursor ||
			     (a->point.cursor == best.cursor &&
			      a->point.base > best.base))) {
			out->found = true;
			out->mode = PULL_RELAY;
			out->slot = slot;
			out->after = s->held ? s->point.base : 0;
			best = a->point;
		} else if (level && !equal) {
			choose_unequal(m, s, slot, out);
		}
	}
	/* Or we would go to and fro between that one and all others. */
	if (agreed && out->mode != PULL_RELAY)
		out->found = false;
}

/* The slot of the linked owner that announces this very life, if any. */
bool
source_owner(const struct mesh *m, const struct stream *s, uint8_t *slot)
{
	uint16_t node = streams_node(m, s);
	const struct node *n = &m->roster.nodes[node];

	if (node == NODE_SELF_INDEX || n->link_count == 0)
		return false;
	assert(n->slot < SLOTS);
	*slot = n->slot;
	return (s->announced >> n->slot & 1u) != 0 &&
	       s->generation == n->owner_generation;
}

void
source_choose(struct mesh *m, struct stream *s, struct source *out)
{
	const struct node *n = &m->roster.nodes[streams_node(m, s)];
	uint8_t slot;

	memset(out, 0, sizeof(*out));
	if (source_owner(m, s, &slot)) {
		if ((s->shun >> slot & 1u) == 0)
			choose_owner(m, s, slot, out);
		return;
	}
	/* A linked owner that has yet to speak will do so at once. */
	if (n->link_count > 0 && (m->streams.told >> n->slot & 1u) == 0)
		return;
	choose_relay(m, s, out);
}
