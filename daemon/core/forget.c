/* forget.c: nodes that will not return; see forget.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"
#include "mutant.h"

/* ---- the table ------------------------------------------------------- */

static struct forgotten *
entry_find(const struct mesh *m, const struct node_id *node)
{
	for (uint32_t i = 0; i < m->forget.end; i++)
		if (node_id_equal(&m->forget.list[i].node, node))
			return (struct forgotten *)&m->forget.list[i];
	return NULL;
}

/* The oldest of those that mean nothing here; NULL: all mean something. */
static struct forgotten *
entry_evict(struct mesh *m)
{
	struct forgotten *best = NULL;

	for (uint32_t i = 0; i < m->forget.end; i++) {
		struct forgotten *e = &m->forget.list[i];

		if (e->index == NODE_NONE && e->asked_ms == NEVER_MS &&
		    (best == NULL || e->generation < best->generation))
			best = e;
	}
	return best;
}

/* Find or make.  NULL: no room for it; it would be forgotten in vain. */
static struct forgotten *
entry_get(struct mesh *m, const struct node_id *node, bool matters)
{
	struct forget *f = &m->forget;
	struct forgotten *e = entry_find(m, node);

	if (e != NULL)
		return e;
	if (f->end < (matters ? FORGOTTEN_MAX : FORGOTTEN_UNKNOWN_MAX))
		e = &f->list[f->end++];
	else if (matters)
		e = entry_evict(m);
	if (e == NULL)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->node = *node;
	e->index = roster_find(&m->roster, node);
	e->asked_ms = NEVER_MS;
	e->contested_ms = NEVER_MS;
	return e;
}

uint64_t
forget_ended(const struct mesh *m, const struct node_id *node)
{
	const struct forgotten *e = entry_find(m, node);

	return e == NULL || e->overruled ? 0 : e->ended;
}

bool
forget_knows(const struct mesh *m, const struct node_id *node)
{
	return entry_find(m, node) != NULL;
}

void
forget_met(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	for (uint32_t i = 0; i < m->forget.end; i++) {
		struct forgotten *e = &m->forget.list[i];

		if (e->index == index)
			e->index = NODE_NONE;
		if (!node_id_equal(&e->node, &n->id))
			continue;
		e->index = index;
		n->ended = e->ended;
	}
}

/* ---- what is known of one node --------------------------------------- */

static bool
is_live(const struct mesh *m, const struct forgotten *e)
{
	return e->index != NODE_NONE &&
	       m->roster.nodes[e->index].standing == STANDING_LIVE;
}

/* The highest generation anybody speaks of. */
static uint64_t
highest_known(struct mesh *m, uint16_t index)
{
	const struct node *n = mesh_node(m, index);
	uint64_t highest = n->ended;

	if (n->owner_generation > highest)
		highest = n->owner_generation;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s = streams_at(m, index, k);

		if (s->generation > highest)
			highest = s->generation;
	}
	return highest;
}

/* A life beyond the ended ones: held, or to be had. */
static bool
lives_on(struct mesh *m, const struct forgotten *e)
{
	for (uint32_t k = 0; e->index != NODE_NONE && k < STREAMS_PER_NODE;
	     k++) {
		const struct stream *s = streams_at(m, e->index, k);

		if (s->generation > e->generation &&
		    (s->held || s->pull != PULL_NONE || s->announced != 0))
			return true;
	}
	return false;
}

/*
 * Such a life is here, with nothing missing: who is live has returned.  Whoever
 * is linked must say itself that it lives so far on, or a forged life would end
 * the true one.
 */
static bool
is_replaced(struct mesh *m, const struct forgotten *e)
{
	if (roster_direct(&m->roster, e->index) &&
	    mesh_node(m, e->index)->owner_generation <= e->generation)
		return false;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s = streams_at(m, e->index, k);

		if (s->held && s->generation > e->generation &&
		    s->point.base == s->point.cursor)
			return true;
	}
	return false;
}

static bool
holds_ended(struct mesh *m, const struct forgotten *e)
{
	for (uint32_t k = 0; e->index != NODE_NONE && k < STREAMS_PER_NODE;
	     k++) {
		const struct stream *s = streams_at(m, e->index, k);

		if (s->held && !s->own && s->generation <= e->generation)
			return true;
	}
	return false;
}

/* ---- inputs ---------------------------------------------------------- */

void
forget_remember(struct mesh *m, const struct node_id *node,
		uint64_t generation)
{
	struct forgotten *e;

	assert(!m->started);
	if (node_id_is_zero(node) || node_id_equal(node, &m->config.self) ||
	    generation == 0)
		return;
	e = entry_get(m, node, true);
	if (e == NULL || generation <= e->generation)
		return;
	e->generation = generation;
	e->ended = generation;
	if (e->index != NODE_NONE && mesh_node(m, e->index)->ended < generation)
		mesh_node(m, e->index)->ended = generation;
}

void
forget_heard(struct mesh *m, const struct node_id *node, uint64_t generation)
{
	uint16_t index = roster_find(&m->roster, node);
	struct forgotten *e;

	if (node_id_is_zero(node) || generation == 0)
		return;
	/* Who knows such a life need not believe in it. */
	if (!streams_believable(m, index, generation) &&
	    (index == NODE_NONE || generation > highest_known(m, index)))
		return;
	e = entry_get(m, node, index != NODE_NONE);
	if (e != NULL && e->generation < generation)
		e->generation = generation;
}

void
forget_order(struct mesh *m, const struct node_id *node)
{
	uint16_t index = roster_find(&m->roster, node);
	struct forgotten *e;
	uint64_t generation;

	if (index == NODE_NONE || index == NODE_SELF_INDEX ||
	    mesh_node(m, index)->standing == STANDING_LIVE)
		return;
	e = entry_get(m, node, true);
	if (e == NULL)
		return;
	generation = highest_known(m, index);
	if (generation == 0)
		generation = 1; /* nothing to end but what is known of it */
	if (e->generation < generation)
		e->generation = generation;
	e->ordered = true;
}

/* ---- end of step ----------------------------------------------------- */

/* Nothing is left to be told of it: no ghost stays in the roster. */
static bool
is_to_vanish(struct mesh *m, const struct forgotten *e)
{
	return e->index != NODE_NONE && e->index != NODE_SELF_INDEX &&
	       !is_live(m, e) && !lives_on(m, e);
}

void
forget_done(struct mesh *m, const struct node_id *node, uint64_t generation)
{
	struct forgotten *e = entry_find(m, node);
	uint16_t index;

	if (e == NULL)
		return;
	e->asked_ms = NEVER_MS;
	if (generation < e->generation || holds_ended(m, e) ||
	    !is_to_vanish(m, e))
		return;
	index = e->index;
	assert(mesh_node(m, index)->slot == SLOT_NONE);
	if (!e->told) /* it came and went while that was written */
		effect_news(m, NEWS_PEER_FORGOTTEN, node, NULL);
	discovery_forget_node(m, index);
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++)
		streams_let_go(m, streams_at(m, index, k));
	roster_free(&m->roster, index);
	e->index = NODE_NONE;
	m->reports.dirty = true;
}

static void
carry_out(struct mesh *m, struct forgotten *e)
{
	bool vanishes = e->index == NODE_NONE || is_to_vanish(m, e);

	if (e->index != NODE_NONE) {
		struct node *n = mesh_node(m, e->index);

		if (vanishes)
			effect_news(m, NEWS_PEER_FORGOTTEN, &n->id, NULL);
		e->told = vanishes;
		if (n->ended < e->generation)
			n->ended = e->generation;
		for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
			struct stream *s = streams_at(m, e->index, k);

			if (s->generation <= e->generation && !s->own)
				streams_let_go(m, s);
		}
	}
	e->ended = e->generation;
	e->asked_ms = m->now_ms;
	effect_end(m, &e->node, e->generation, vanishes, e->ordered);
}

/*
 * It is linked, has had time to hear that it was forgotten, and still lives a
 * life that was ended: it cannot believe it.  Then its own word counts, for as
 * long as it can be reached; what it may have said while we were away is still
 * to be read.
 */
static void
review_contested(struct mesh *m, struct forgotten *e)
{
	struct node *n = mesh_node(m, e->index);

	if (n->link_count == 0 || n->suspect || n->held ||
	    n->owner_generation == 0 ||
	    n->owner_generation > e->generation) {
		e->contested_ms = NEVER_MS;
		return;
	}
	if (e->contested_ms == NEVER_MS)
		e->contested_ms = m->now_ms;
	if (e->overruled || m->late ||
	    n->heard_ms < e->contested_ms + FORGET_LAST_WORD_MS)
		return;
	e->overruled = true;
	if (n->ended >= n->owner_generation)
		n->ended = n->owner_generation - 1;
}

/* Of ourselves: begin a life beyond the ended ones, let go of those. */
static bool
review_self(struct mesh *m, struct forgotten *e)
{
	const struct stream *own = streams_own(m);
	struct streams *t = &m->streams;

	if (own == NULL)
		return false;
	if (own->generation > e->generation) {
		if (mesh_node(m, NODE_SELF_INDEX)->ended < e->generation)
			mesh_node(m, NODE_SELF_INDEX)->ended = e->generation;
		return holds_ended(m, e);
	}
	if (t->seen_generation <= e->generation) {
		t->seen_generation = e->generation;
		t->seen_cursor = UINT64_MAX;
	}
	return false;
}

/* Is there something to be carried out, now? */
static bool
is_due(struct mesh *m, struct forgotten *e)
{
	if (e->asked_ms != NEVER_MS)
		return false;
	if (e->index == NODE_SELF_INDEX)
		return review_self(m, e);
	if (is_live(m, e) && !MUTANT(ENDS_THE_LIVING)) {
		review_contested(m, e);
		if (!is_replaced(m, e))
			return false;
	} else {
		e->contested_ms = NEVER_MS;
		e->overruled = false;
	}
	return e->ended < e->generation || holds_ended(m, e) ||
	       is_to_vanish(m, e);
}

void
forget_away(struct mesh *m, uint64_t away_ms)
{
	for (uint32_t i = 0; i < m->forget.end; i++)
		if (m->forget.list[i].contested_ms != NEVER_MS)
			m->forget.list[i].contested_ms += away_ms;
}

void
forget_review(struct mesh *m)
{
	uint32_t under_way = 0;

	for (uint32_t i = 0; i < m->forget.end; i++) {
		struct forgotten *e = &m->forget.list[i];

		/* Not written, for want of room perhaps: try again. */
		if (e->asked_ms != NEVER_MS &&
		    m->now_ms >= e->asked_ms + FORGET_AGAIN_MS)
			e->asked_ms = NEVER_MS;
		under_way += e->asked_ms != NEVER_MS;
		if (is_live(m, e))
			e->told = false;
	}
	for (uint32_t i = 0; i < m->forget.end; i++) {
		struct forgotten *e = &m->forget.list[i];

		if (!is_due(m, e) || under_way >= FORGETTING_MAX)
			continue;
		under_way++;
		carry_out(m, e);
	}
}

void
forget_wake(const struct mesh *m, uint64_t *wake_ms)
{
	for (uint32_t i = 0; i < m->forget.end; i++) {
		const struct forgotten *e = &m->forget.list[i];

		if (e->asked_ms != NEVER_MS)
			wake_at(wake_ms, e->asked_ms + FORGET_AGAIN_MS);
	}
}
