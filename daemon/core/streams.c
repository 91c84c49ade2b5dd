/* streams.c: see streams.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"
#include "mutant.h"

#define ANNOUNCE_MS  1000u
#define LAST_WORD_MS 10000u
/* Three tries, with time left over, before that is over for the others. */
#define UNDONE_MS    3000u

void
streams_clear(struct stream *s)
{
	memset(s, 0, sizeof(*s));
	s->contested_ms = NEVER_MS;
	s->pull = PULL_NONE;
}

struct stream *
streams_at(struct mesh *m, uint32_t node, uint32_t k)
{
	assert(node < m->roster.count);
	assert(k < STREAMS_PER_NODE);
	return &m->streams.list[node * STREAMS_PER_NODE + k];
}

uint16_t
streams_index(const struct mesh *m, const struct stream *s)
{
	return (uint16_t)(s - m->streams.list);
}

uint16_t
streams_node(const struct mesh *m, const struct stream *s)
{
	return (uint16_t)(streams_index(m, s) / STREAMS_PER_NODE);
}

void
streams_id(const struct mesh *m, const struct stream *s, struct stream_id *out)
{
	memset(out, 0, sizeof(*out));
	out->node = m->roster.nodes[streams_node(m, s)].id;
	out->generation = s->generation;
}

void
streams_clear_node(struct mesh *m, uint16_t node)
{
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++)
		streams_clear(streams_at(m, node, k));
	forget_met(m, node);
}

struct stream *
streams_find(struct mesh *m, uint16_t node, uint64_t generation)
{
	assert(generation != 0);
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		struct stream *s = streams_at(m, node, k);

		if (s->generation == generation)
			return s;
	}
	return NULL;
}

const struct stream *
streams_own(const struct mesh *m)
{
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s =
			&m->streams.list[NODE_SELF_INDEX * STREAMS_PER_NODE + k];

		if (s->own)
			return s;
	}
	return NULL;
}

/* Find or make; the lowest that nobody here holds gives way to a greater, but
 * what a linked owner says of itself to nobody. */
struct stream *
streams_get(struct mesh *m, uint16_t node, uint64_t generation, bool must)
{
	struct stream *s = streams_find(m, node, generation), *room = NULL;

	if (s != NULL)
		return s;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		s = streams_at(m, node, k);
		if (s->generation != 0 &&
		    (s->held || s->own || s->pull != PULL_NONE ||
		     s->generation == mesh_node(m, node)->owner_generation))
			continue;
		if (room == NULL || s->generation < room->generation)
			room = s;
	}
	if (room == NULL ||
	    (!must && room->generation > generation))
		return NULL;
	streams_clear(room);
	room->generation = generation;
	return room;
}

/* ---- what this node holds -------------------------------------------- */

static struct stream *
own_stream(struct mesh *m)
{
	const struct stream *own = streams_own(m);

	return own == NULL ? NULL : &m->streams.list[streams_index(m, own)];
}

static void
stream_held(struct stream *s, const struct stream_report *r)
{
	assert(s->generation == r->stream.generation);
	s->held = true;
	s->let_go = false;
	s->point = r->point;
	s->digest = r->digest;
	s->rows = r->rows;
}

void
streams_remember(struct mesh *m, uint16_t node,
		 const struct stream_report *held)
{
	struct stream *s, *own;

	assert(!m->started);
	assert(held->stream.generation != 0);
	s = streams_get(m, node, held->stream.generation, true);
	if (s == NULL)
		return;
	stream_held(s, held);
	if (node != NODE_SELF_INDEX)
		return;
	own = own_stream(m);
	if (own == NULL || own->generation < s->generation) {
		if (own != NULL)
			own->own = false;
		s->own = true;
		m->streams.began_generation = s->generation;
	}
}

void
streams_own_moved(struct mesh *m, const struct stream_report *report)
{
	struct stream *own = own_stream(m);
	struct stream *s;
	struct message *msg;

	assert(node_id_equal(&report->stream.node, &m->config.self));
	assert(report->stream.generation != 0);
	if (own == NULL || own->generation != report->stream.generation) {
		/* A new life: the rows of the old one were renumbered. */
		if (own != NULL) {
			own->own = false;
			own->held = false;
		}
		s = streams_find(m, NODE_SELF_INDEX,
				 report->stream.generation);
		if (s != NULL && s->pull != PULL_NONE)
			replica_abort(m, s);
		own = streams_get(m, NODE_SELF_INDEX,
				 report->stream.generation, true);
		if (own == NULL) {
			/* All are in use: the catalogue will let one go. */
			own = streams_at(m, NODE_SELF_INDEX, 0);
			if (own->pull != PULL_NONE)
				replica_abort(m, own);
			streams_clear(own);
			own->generation = report->stream.generation;
		}
		own->own = true;
		if (m->streams.began_generation == 0)
			m->streams.began_generation = own->generation;
		m->streams.begin_pending = false;
		m->streams.ending = false;
	} else if (m->streams.ending && !MUTANT(LIFE_GOES_ON)) {
		/* Numbered as others number other rows: at their head they
		 * would take these in the place of all that they have, which
		 * may be the last that is known of a root. */
		return;
	}
	stream_held(own, report);
	own->dirty = false;
	if (m->roster.slots_linked == 0)
		return;
	m->streams.own = *report;
	msg = effect_send(m, MESH_LINK_ALL, MESSAGE_STREAMS, 0);
	msg->u.streams.full = false;
	msg->u.streams.count = 1;
	msg->u.streams.reports = &m->streams.own;
}

void
streams_undone(struct mesh *m, const struct stream_id *stream)
{
	uint16_t node = roster_find(&m->roster, &stream->node);
	struct stream *s;

	if (node == NODE_NONE || stream->generation == 0)
		return;
	if (node == NODE_SELF_INDEX) {
		m->streams.begin_pending = false;
		m->streams.begin_ms = m->now_ms + UNDONE_MS;
		return;
	}
	s = streams_find(m, node, stream->generation);
	if (s == NULL || !s->disowned)
		return;
	/* Its owner may have come to live it, and has its say again. */
	s->disowned = false;
	s->contested_ms = NEVER_MS;
}

/* ---- end of step ----------------------------------------------------- */

/* A peer knows more of us than we do: begin anew. */
static void
review_own(struct mesh *m)
{
	struct streams *t = &m->streams;
	const struct stream *own = streams_own(m);
	uint64_t generation;

	if (own == NULL || t->begin_pending || t->seen_generation == 0 ||
	    m->now_ms < t->begin_ms || MUTANT(LIFE_IGNORED))
		return;
	t->begin_ms = 0;
	if (t->seen_generation < own->generation ||
	    (t->seen_generation == own->generation &&
	     t->seen_cursor <= own->point.cursor))
		return;
	generation = m->wall_ms;
	if (generation < t->seen_generation)
		generation = t->seen_generation;
	if (generation < own->generation)
		generation = own->generation;
	if (generation >= GENERATION_MAX)
		return;
	t->begin_pending = true;
	t->ending = true;
	effect_begin_generation(m, generation + 1);
}

/*
 * The owner has the last word.  Once it has been told of a greater generation
 * it begins a greater one still, unless it cannot believe in it: then whatever
 * was said in its name is let go.  Silence is no word, and what was said while
 * we were away is still to be read: only what it is heard to say in the end
 * counts, so there is nothing to wake up for.
 */
static void
review_contested(struct mesh *m, uint16_t node, struct stream *s)
{
	struct node *n = mesh_node(m, node);

	if (!s->held || s->disowned)
		return;
	if (n->link_count == 0 || n->owner_generation == 0 || s->dirty ||
	    n->suspect || n->held || s->generation <= n->owner_generation) {
		s->contested_ms = NEVER_MS;
		return;
	}
	if (s->contested_ms == NEVER_MS)
		s->contested_ms = m->now_ms;
	if ((n->heard_ms < s->contested_ms + LAST_WORD_MS &&
	     !MUTANT(LAST_WORD_AT_ONCE)) ||
	    m->late)
		return;
	s->disowned = true;
	/* What was let go for its sake comes back. */
	if (n->ended >= n->owner_generation)
		n->ended = n->owner_generation - 1;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++)
		streams_at(m, node, k)->let_go = false;
	if (s->pull != PULL_NONE)
		replica_abort(m, s);
	effect_drop(m, &n->id, s->generation);
}

void
streams_away(struct mesh *m, uint64_t away_ms)
{
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++)
		if (m->streams.list[i].contested_ms != NEVER_MS)
			m->streams.list[i].contested_ms += away_ms;
}

void
streams_review(struct mesh *m)
{
	review_own(m);
	for (uint32_t i = 1; i < m->roster.count; i++)
		for (uint32_t k = 0; k < STREAMS_PER_NODE; k++)
			review_contested(m, (uint16_t)i,
					 streams_at(m, i, k));
}

static uint32_t
list_held(struct mesh *m, bool dirty_only, struct stream_report *out)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++) {
		const struct stream *s = &m->streams.list[i];

		if (s->generation == 0 || !s->held ||
		    (dirty_only && !s->dirty) || count == MESH_STREAMS_MAX)
			continue;
		memset(&out[count], 0, sizeof(out[count]));
		streams_id(m, s, &out[count].stream);
		out[count].point = s->point;
		out[count].digest = s->digest;
		out[count].rows = s->rows;
		count++;
	}
	return count;
}

void
streams_greet(struct mesh *m, mesh_link link)
{
	struct message *msg = effect_send(m, link, MESSAGE_STREAMS, 0);

	msg->u.streams.full = true;
	msg->u.streams.count = list_held(m, false, m->streams.full);
	msg->u.streams.reports = m->streams.full;
}

void
streams_flush(struct mesh *m)
{
	struct streams *t = &m->streams;
	struct message *msg;

	if (!(t->any_dirty || t->full_due))
		return;
	/* What NODES says of ages is of what has been announced before it. */
	if (m->now_ms < t->due_ms && !m->reports.dirty &&
	    m->reports.welcome == MESH_LINK_NONE)
		return;
	if (m->roster.slots_linked != 0) {
		msg = effect_send(m, MESH_LINK_ALL, MESSAGE_STREAMS, 0);
		msg->u.streams.full = t->full_due;
		msg->u.streams.count = list_held(m, !t->full_due, t->part);
		msg->u.streams.reports = t->part;
		t->due_ms = m->now_ms + ANNOUNCE_MS;
	}
	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++)
		t->list[i].dirty = false;
	t->any_dirty = false;
	t->full_due = false;
}

void
streams_wake(const struct mesh *m, uint64_t *wake_ms)
{
	if (m->streams.any_dirty || m->streams.full_due)
		wake_at(wake_ms, m->streams.due_ms);
	if (m->streams.begin_ms != 0)
		wake_at(wake_ms, m->streams.begin_ms);
}
