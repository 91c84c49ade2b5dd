/* pull.c: see pull.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"
#include "pull.h"

/* ---- requests nobody waits for any more ------------------------------ */

static void
cancelled_add(struct replica *r, mesh_link link, uint32_t request)
{
	r->cancelled[r->cancelled_next].link = link;
	r->cancelled[r->cancelled_next].request = request;
	r->cancelled_next = (r->cancelled_next + 1) % CANCELLED_MAX;
}

bool
pull_cancelled(struct replica *r, mesh_link link, uint32_t request)
{
	for (uint32_t i = 0; i < CANCELLED_MAX; i++)
		if (r->cancelled[i].link == link &&
		    r->cancelled[i].request == request) {
			r->cancelled[i].link = MESH_LINK_NONE;
			return true;
		}
	return false;
}

/* ---- the life of one pull -------------------------------------------- */

struct stream *
pull_stream(struct mesh *m, const struct pull *p)
{
	assert(p->stream < STREAM_SLOTS);
	return &m->streams.list[p->stream];
}

void
pull_ask(struct mesh *m, struct pull *p)
{
	struct link *l = links_find(&m->links, p->link);
	struct message *msg;

	assert(l != NULL);
	assert(l->phase == LINK_MEMBER);
	assert(!p->outstanding && !p->ended);
	p->request = ++l->request_last;
	p->outstanding = true;
	p->asked_ms = m->now_ms;
	p->head_asked = m->streams.table[p->stream][p->slot].point.cursor;
	msg = effect_send(m, l->id, MESSAGE_PULL, p->request);
	streams_id(m, pull_stream(m, p), &msg->u.pull.stream);
	msg->u.pull.after = p->after;
	msg->u.pull.credit_bytes = PULL_CREDIT_DEFAULT;
}

static void
back_off(struct mesh *m, struct stream *s)
{
	s->backoff_ms = s->backoff_ms == 0 ? PULL_BACKOFF_MIN
					   : s->backoff_ms * 2;
	if (s->backoff_ms > PULL_BACKOFF_MAX)
		s->backoff_ms = PULL_BACKOFF_MAX;
	s->retry_ms = m->now_ms + s->backoff_ms;
}

static bool
moved_on(const struct pull *p, const struct stream *s)
{
	return s->point.base != p->began.base ||
	       s->point.cursor != p->began.cursor;
}

/* Nothing is outstanding and every page came back: draw the conclusions. */
static void
pull_finish(struct mesh *m, struct pull *p)
{
	struct stream *s = pull_stream(m, p);
	struct announced *a = &m->streams.table[p->stream][p->slot];
	uint8_t slot;

	assert(p->ended && !p->outstanding);
	assert(p->unstored == 0);
	p->active = false;
	if (s->generation != p->generation ||
	    s->pull != (uint8_t)(p - m->replica.pulls))
		return; /* dropped meanwhile */
	s->pull = PULL_NONE;
	if (p->failed) {
		back_off(m, s);
	} else if (p->complete) {
		if (p->mode == PULL_MERGE) {
			a->tried = source_mix(&s->digest, &a->digest);
			s->tried |= UINT64_C(1) << p->slot;
		}
		/* Rebuilding again and again must slow down, also by what
		 * several say who contradict each other; and so must asking
		 * for what is announced but not given. */
		if (p->mode == PULL_REBUILD &&
		    (!digest_equal(&s->digest, &a->digest) ||
		     (pull_from_relay(m, p) && !source_owner(m, s, &slot))))
			back_off(m, s);
		else if (p->fell_short && !p->moved)
			back_off(m, s);
		else if (p->mode == PULL_RELAY && !moved_on(p, s))
			back_off(m, s);
		else if (p->fell_short)
			return; /* at once, but not with a clean slate */
		else if (p->mode == PULL_REBUILD || !s->unequal)
			s->backoff_ms = 0;
	}
}

void
pull_maybe_finish(struct mesh *m, struct pull *p)
{
	if (p->active && p->ended && p->unstored == 0)
		pull_finish(m, p);
}

void
pull_stop(struct mesh *m, struct pull *p)
{
	assert(p->active);
	if (p->outstanding && links_find(&m->links, p->link) != NULL)
		cancelled_add(&m->replica, p->link, p->request);
	p->outstanding = false;
	p->ended = true;
	pull_maybe_finish(m, p);
}

void
pull_unanswered(struct mesh *m, struct pull *p)
{
	struct stream *s = pull_stream(m, p);
	uint64_t bit = UINT64_C(1) << p->slot;

	if (s->held || mesh_node(m, streams_node(m, s))->met ||
	    ++s->unanswered < UNANSWERED_MAX)
		return;
	s->unanswered = 0;
	s->mute |= bit;
	s->announced &= ~bit;
	s->first &= ~bit;
}

bool
pull_as_owner(const struct pull *p)
{
	return p->mode == PULL_OWNER || p->mode == PULL_REBUILD;
}

bool
pull_from_relay(struct mesh *m, const struct pull *p)
{
	return m->roster.slot_node[p->slot] !=
	       streams_node(m, pull_stream(m, p));
}

void
pull_begin(struct mesh *m, struct stream *s, struct pull *p,
	   const struct source *c)
{
	struct link *l = links_of_node(&m->links,
				       m->roster.slot_node[c->slot]);

	assert(!p->active);
	assert(l != NULL);
	memset(p, 0, sizeof(*p));
	p->active = true;
	p->mode = c->mode;
	p->stream = streams_index(m, s);
	p->generation = s->generation;
	p->slot = c->slot;
	p->link = l->id;
	p->first = true;
	p->after = c->after;
	if (s->held)
		p->began = s->point;
	if (c->mode != PULL_REBUILD)
		p->point = p->began;
	s->pull = (uint8_t)(p - m->replica.pulls);
	pull_ask(m, p);
}
