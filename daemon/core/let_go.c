/*
 * let_go.c: lives that are held no more, and when one is had again; see
 * streams.h.
 */
#include <assert.h>

#include "mesh_private.h"

/* Until a life that was let go is had again, if it is to be. */
#define AGAIN_MS_MIN 1000u
#define AGAIN_MS_MAX 900000u

/* A number for the former lives that are held of a node, and how much of them:
 * the newest goes on, and makes no room by that. */
static uint64_t
held_number(const struct mesh *m, uint16_t node)
{
	const struct stream *lives = &m->streams.list[node * STREAMS_PER_NODE];
	uint64_t sum = 0, newest = 0;

	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++)
		if (lives[k].held && lives[k].generation > newest)
			newest = lives[k].generation;
	for (uint32_t k = 0; k < STREAMS_PER_NODE; k++) {
		const struct stream *s = &lives[k];
		const struct digest at = { s->generation, s->point.base };

		if (s->held && s->generation < newest)
			sum += source_mix(&at, &s->digest);
	}
	return sum;
}

/* What a linked owner announces stays announced. */
static void
stream_let_go(struct stream *s, bool announced)
{
	struct stream was = *s;

	streams_clear(s);
	if (!announced)
		return;
	s->generation = was.generation;
	s->announced = was.announced;
	s->first = was.first;
	s->retry_ms = was.retry_ms;
	s->backoff_ms = was.backoff_ms;
}

void
streams_let_go(struct mesh *m, struct stream *s)
{
	uint16_t node = streams_node(m, s);

	assert(!s->own);
	if (s->generation == 0)
		return;
	if (s->pull != PULL_NONE) {
		/* What is being stored goes with it. */
		m->replica.pulls[s->pull].generation = 0;
		replica_abort(m, s);
	}
	if (s->held)
		m->streams.full_due = true;
	stream_let_go(s, s->generation ==
				 mesh_node(m, node)->owner_generation);
}

/* Judged by what it held then, or once before, and beside what: it may come to be
 * judged again, but ever more slowly, for its owner may go on and on. */
static void
stream_judged(struct mesh *m, struct stream *s, bool crowded)
{
	struct stream was = *s;

	stream_let_go(s, true);
	s->let_go = true;
	s->judged = was.judged;
	if (was.point.base > s->judged.base)
		s->judged.base = was.point.base;
	if (was.point.cursor > s->judged.cursor)
		s->judged.cursor = was.point.cursor;
	s->point = s->judged;
	s->crowded = crowded;
	if (crowded)
		s->beside = held_number(m, streams_node(m, s));
	s->again_ms = was.again_ms == 0 ? AGAIN_MS_MIN : was.again_ms * 2;
	if (s->again_ms > AGAIN_MS_MAX)
		s->again_ms = AGAIN_MS_MAX;
	s->retry_ms = m->now_ms + s->again_ms;
}

void
streams_dropped(struct mesh *m, const struct stream_id *stream, bool crowded)
{
	uint16_t node = roster_find(&m->roster, &stream->node);
	struct stream *s;

	if (node == NODE_NONE || stream->generation == 0)
		return;
	s = streams_find(m, node, stream->generation);
	if (s == NULL || s->own || !s->held)
		return;
	if (s->pull != PULL_NONE)
		replica_abort(m, s);
	m->streams.full_due = true;
	if (s->disowned) {
		/* No judgement of a life: its owner never had it. */
		assert(node != NODE_SELF_INDEX);
		stream_let_go(s, s->generation ==
					 mesh_node(m, node)->owner_generation);
	} else {
		stream_judged(m, s, crowded);
	}
}

bool
streams_again(const struct mesh *m, const struct stream *s)
{
	const struct announced *a = m->streams.table[streams_index(m, s)];
	uint64_t among = source_among(m, s);

	assert(s->let_go);
	if (s->crowded && s->beside != held_number(m, streams_node(m, s)))
		return true;
	for (uint8_t slot = 0; slot < SLOTS && among >> slot != 0; slot++)
		if ((among >> slot & 1u) != 0 &&
		    (a[slot].point.cursor > s->point.cursor ||
		     a[slot].point.base > s->point.base))
			return true;
	return false;
}
