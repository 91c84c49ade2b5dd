/* age.c: see age.h. */
#include <assert.h>

#include "age.h"
#include "mutant.h"

/* The newest life that this slot announces of the node, or NULL. */
static const struct stream *
announced_by(const struct mesh *m, uint16_t index, uint8_t slot)
{
	const struct stream *newest = NULL;

	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s =
			&m->streams.list[index * STREAMS_PER_NODE + k];

		if (s->generation != 0 && (s->announced >> slot & 1u) != 0 &&
		    (newest == NULL || s->generation > newest->generation))
			newest = s;
	}
	return newest;
}

/* Is that life of it held as far as that, or a later one in whole? */
static bool
held_to(const struct mesh *m, uint16_t index, uint64_t generation,
	uint64_t cursor)
{
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s =
			&m->streams.list[index * STREAMS_PER_NODE + k];

		if (s->generation >= generation && s->held &&
		    s->point.base == s->point.cursor &&
		    (s->generation > generation || s->point.cursor >= cursor))
			return true;
	}
	return false;
}

void
age_heard(struct mesh *m, uint16_t index, uint64_t said_ms)
{
	struct node *n = mesh_node(m, index);
	const struct stream *s;
	uint64_t cursor;

	if (n->slot == SLOT_NONE)
		return;
	s = announced_by(m, index, n->slot);
	if (s == NULL)
		return; /* its first word on it is still to come */
	cursor = m->streams.table[streams_index(m, s)][n->slot].point.cursor;
	/* What may be older than the last word takes nothing back. */
	if (n->owed_generation != 0 && said_ms < n->owed_ms &&
	    (s->generation < n->owed_generation ||
	     (s->generation == n->owed_generation && cursor < n->owed_cursor)))
		return;
	n->owed_generation = s->generation;
	n->owed_cursor = cursor;
	if (n->owed_ms < said_ms)
		n->owed_ms = said_ms;
}

void
age_told(struct mesh *m, uint16_t index, uint8_t slot, uint64_t told_ms)
{
	struct node *n = mesh_node(m, index);
	const struct stream *s = announced_by(m, index, slot);

	if (s == NULL || (n->told_slot != SLOT_NONE && n->told_slot != slot &&
			  n->told_ms >= told_ms))
		return;
	n->told_slot = slot;
	n->told_ms = told_ms;
	n->told_generation = s->generation;
	n->told_cursor =
		m->streams.table[streams_index(m, s)][slot].point.cursor;
}

void
age_forget(struct node *n)
{
	n->owed_generation = 0;
	n->owed_ms = 0;
	n->told_slot = SLOT_NONE;
}

static bool
nothing_owed(const struct mesh *m, uint16_t index)
{
	const struct node *n = &m->roster.nodes[index];

	return n->owed_generation == 0 || MUTANT(NOTHING_OWED) ||
	       held_to(m, index, n->owed_generation, n->owed_cursor);
}

bool
age_settled(const struct mesh *m, uint16_t index)
{
	const struct node *n = &m->roster.nodes[index];

	/* Who is here has something to say, and has not said it yet. */
	if (n->standing == STANDING_LIVE && n->whole_ms == 0 &&
	    !MUTANT(FRESH_AT_ONCE))
		return false;
	return nothing_owed(m, index);
}

static void
whole(struct mesh *m, struct node *n, uint64_t as_of_ms)
{
	/* Others can call it whole by our word only from now on. */
	if (n->whole_ms == 0)
		m->reports.dirty = true;
	n->whole_ms = as_of_ms;
}

static void
review(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	if (n->owed_generation != 0 && n->owed_ms > n->whole_ms &&
	    nothing_owed(m, index))
		whole(m, n, n->owed_ms);
	if (n->told_slot != SLOT_NONE && n->told_ms > n->whole_ms &&
	    held_to(m, index, n->told_generation, n->told_cursor))
		whole(m, n, n->told_ms);
}

void
age_review(struct mesh *m)
{
	for (uint32_t i = 1; i < m->roster.count; i++)
		if (m->roster.nodes[i].standing == STANDING_LIVE)
			review(m, (uint16_t)i);
}

uint64_t
age_ms_of(const struct node *n, uint64_t now_ms)
{
	if (n->whole_ms == 0)
		return UINT64_MAX;
	return now_ms > n->whole_ms ? now_ms - n->whole_ms : 0;
}
