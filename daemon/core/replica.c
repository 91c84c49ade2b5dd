/* replica.c: see replica.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"
#include "mutant.h"

void
replica_init(struct replica *r)
{
	memset(r, 0, sizeof(*r));
	r->retry_ms = NEVER_MS;
}

/* ---- requests nobody waits for any more ------------------------------ */

static void
cancelled_add(struct replica *r, mesh_link link, uint32_t request)
{
	r->cancelled[r->cancelled_next].link = link;
	r->cancelled[r->cancelled_next].request = request;
	r->cancelled_next = (r->cancelled_next + 1) % CANCELLED_MAX;
}

/* True once per cancelled request. */
static bool
cancelled_take(struct replica *r, mesh_link link, uint32_t request)
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

static struct stream *
pull_stream(struct mesh *m, const struct pull *p)
{
	assert(p->stream < STREAM_SLOTS);
	return &m->streams.list[p->stream];
}

static void
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
		     m->roster.slot_node[p->slot] != streams_node(m, s)))
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

static void
pull_maybe_finish(struct mesh *m, struct pull *p)
{
	if (p->active && p->ended && p->unstored == 0)
		pull_finish(m, p);
}

/* Ask no more; what is stored already stays. */
static void
pull_stop(struct mesh *m, struct pull *p)
{
	assert(p->active);
	if (p->outstanding && links_find(&m->links, p->link) != NULL)
		cancelled_add(&m->replica, p->link, p->request);
	p->outstanding = false;
	p->ended = true;
	pull_maybe_finish(m, p);
}

/* A stream of somebody never met, that whoever speaks of it does not give: it
 * is none, until somebody else speaks of it. */
static void
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

void
replica_abort(struct mesh *m, struct stream *s)
{
	struct pull *p;

	assert(s->pull < PULL_STREAMS_MAX);
	p = &m->replica.pulls[s->pull];
	assert(p->active);
	s->pull = PULL_NONE;
	pull_stop(m, p);
}

void
replica_link_lost(struct mesh *m, mesh_link link)
{
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++) {
		struct pull *p = &m->replica.pulls[i];

		if (p->active && p->link == link)
			pull_stop(m, p);
	}
}

/* ---- pages ----------------------------------------------------------- */

static struct pull *
pull_answered(struct mesh *m, mesh_link link, uint32_t request)
{
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++) {
		struct pull *p = &m->replica.pulls[i];

		if (p->active && p->outstanding && p->link == link &&
		    p->request == request)
			return p;
	}
	return NULL;
}

static bool
from_owner(const struct pull *p)
{
	return p->mode == PULL_OWNER || p->mode == PULL_REBUILD;
}

/* Is it what was asked for? */
static bool
batch_lawful(struct mesh *m, const struct pull *p,
	     const struct message_batch *b)
{
	struct stream_id id;

	streams_id(m, pull_stream(m, p), &id);
	if (p->generation != id.generation)
		return false;
	return stream_id_equal(&b->stream, &id) && b->after == p->after &&
	       b->through <= b->point.cursor &&
	       b->point.base <= b->point.cursor &&
	       (b->record_count > 0 || b->through == b->point.cursor) &&
	       b->records_bytes <= PULL_CREDIT_DEFAULT &&
	       (!from_owner(p) || b->point.base == b->point.cursor);
}

/* Where the replica will be once this page is in. */
static void
pull_advance(struct pull *p, const struct message_batch *b)
{
	bool last = b->through == b->point.cursor;

	if (p->first)
		p->base_first = b->point.base;
	p->first = false;
	if (b->through > p->point.cursor)
		p->point.cursor = b->through;
	if (!last && !MUTANT(WHOLE_TOO_EARLY))
		return;
	if (from_owner(p) || MUTANT(RELAY_IS_WHOLE)) {
		p->point.base = p->point.cursor;
	} else if (p->base_first > p->point.base) {
		p->point.base = p->base_first;
	}
	if (p->point.base > p->point.cursor)
		p->point.base = p->point.cursor;
	assert(p->point.base <= p->point.cursor);
}

static void
learn_from_page(struct mesh *m, const struct pull *p,
		const struct message_batch *b)
{
	struct stream *s = pull_stream(m, p);
	struct announced *a = &m->streams.table[p->stream][p->slot];

	if ((s->announced >> p->slot & 1u) == 0)
		return;
	if (from_owner(p) && a->point.cursor > b->point.cursor)
		return;
	a->point = b->point;
	a->digest = b->digest;
	a->rows = b->rows;
}

static void
page_heard(struct mesh *m, struct pull *p, const struct message_batch *b)
{
	bool last = b->through == b->point.cursor;
	struct mesh_store store;

	assert(p->unstored < PULL_UNSTORED_MAX);
	p->outstanding = false;
	pull_stream(m, p)->unanswered = 0;
	p->moved = p->moved || b->record_count > 0;
	p->fell_short = from_owner(p) && last &&
			b->point.cursor < p->head_asked;
	learn_from_page(m, p, b);
	if (from_owner(p) && b->point.cursor < p->point.cursor) {
		/* It was restored and will renumber itself: wait. */
		p->ended = true;
		p->failed = true;
		pull_maybe_finish(m, p);
		return;
	}
	pull_advance(p, b);
	memset(&store, 0, sizeof(store));
	store.store = ++m->replica.store_last;
	store.stream = b->stream;
	store.rebuild = p->mode == PULL_REBUILD;
	store.at_head = last && p->mode == PULL_REBUILD;
	if (!store.rebuild)
		store.at_head = last && p->point.base == p->point.cursor;
	store.point = p->point;
	p->stores[p->unstored++] = store.store;
	effect_store(m, p->link, &store);
	if (MUTANT(ANNOUNCES_EARLY)) {
		pull_stream(m, p)->point = store.point;
		pull_stream(m, p)->dirty = m->streams.any_dirty = true;
	}
	p->after = b->through + (MUTANT(SKIPS_A_ROW) && !last);
	if (last) {
		p->ended = true;
		p->complete = true;
	} else if (p->unstored < PULL_UNSTORED_MAX) {
		pull_ask(m, p);
	}
}

void
replica_batch_heard(struct mesh *m, struct link *l, uint32_t request,
		    const struct message_batch *batch)
{
	struct pull *p = pull_answered(m, l->id, request);

	if (p == NULL) {
		if (!cancelled_take(&m->replica, l->id, request))
			member_punish(m, l, "records nobody asked for");
		return;
	}
	if (!batch_lawful(m, p, batch)) {
		member_punish(m, l, "records other than asked for");
		return;
	}
	page_heard(m, p, batch);
}

void
replica_error_heard(struct mesh *m, struct link *l, uint32_t request,
		    uint32_t code)
{
	struct pull *p = pull_answered(m, l->id, request);
	struct stream *s;

	if (p == NULL) {
		/* To something else that was said: no harm done. */
		(void)cancelled_take(&m->replica, l->id, request);
		return;
	}
	s = pull_stream(m, p);
	p->outstanding = false;
	if (code == ERROR_NO_STREAM)
		s->announced &= ~(UINT64_C(1) << p->slot);
	s->shun |= UINT64_C(1) << p->slot;
	s->shun_until_ms = m->now_ms +
			   (code == ERROR_BUSY ? PULL_BUSY_MS : PULL_SHUN_MS);
	pull_unanswered(m, p);
	pull_stop(m, p);
}

void
replica_stored(struct mesh *m, uint64_t store, bool failed,
	       const struct stream_report *report)
{
	struct pull *p = NULL;
	struct stream_id id;
	struct stream *s;

	for (uint32_t i = 0; i < PULL_STREAMS_MAX && p == NULL; i++) {
		struct pull *q = &m->replica.pulls[i];

		for (uint32_t k = 0; q->active && k < q->unstored; k++)
			if (q->stores[k] == store)
				p = q;
	}
	if (p == NULL)
		return;
	assert(p->unstored > 0);
	for (uint32_t k = 0, to = 0; k < p->unstored; k++)
		if (p->stores[k] != store)
			p->stores[to++] = p->stores[k];
	p->unstored--;
	s = pull_stream(m, p);
	streams_id(m, s, &id);
	if (failed && !MUTANT(FAILURE_IGNORED)) {
		p->failed = true;
		if (!p->ended)
			pull_stop(m, p);
	} else if (s->generation == p->generation && !s->own &&
		   stream_id_equal(&report->stream, &id) &&
		   (p->mode != PULL_REBUILD ||
		    (p->complete && p->unstored == 0))) {
		s->held = true;
		s->let_go = false;
		s->point = report->point;
		s->digest = report->digest;
		s->rows = report->rows;
		s->dirty = true;
		s->stored_ms = m->now_ms;
		m->streams.any_dirty = true;
	}
	if (p->active && !p->ended && !p->outstanding && !p->failed)
		pull_ask(m, p);
	pull_maybe_finish(m, p);
}

/* ---- end of step ----------------------------------------------------- */

static void
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

/* Time-outs, and relays overtaken by a link to the owner. */
static void
review_pulls(struct mesh *m)
{
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++) {
		struct pull *p = &m->replica.pulls[i];
		struct stream *s;
		uint8_t slot;

		if (!p->active || p->ended)
			continue;
		s = pull_stream(m, p);
		if (s->generation != p->generation || s->own)
			continue;
		if (p->outstanding && !m->late &&
		    m->now_ms >= p->asked_ms + PULL_ANSWER_MS) {
			s->shun |= UINT64_C(1) << p->slot;
			s->shun_until_ms = m->now_ms + PULL_SHUN_MS;
			pull_unanswered(m, p);
			pull_stop(m, p);
		} else if (!from_owner(p) && source_owner(m, s, &slot)) {
			pull_stop(m, p);
		} else if (!source_wanted(m, s)) {
			pull_stop(m, p);
		}
	}
}

static struct pull *
pull_free(struct mesh *m)
{
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++)
		if (!m->replica.pulls[i].active)
			return &m->replica.pulls[i];
	return NULL;
}

void
replica_review(struct mesh *m)
{
	struct replica *r = &m->replica;
	uint32_t total = m->roster.count * STREAMS_PER_NODE;

	review_pulls(m);
	r->retry_ms = NEVER_MS;
	for (uint32_t k = 0; k < total; k++) {
		uint32_t i = (r->next_stream + k) % total;
		struct stream *s = &m->streams.list[i];
		struct pull *p;
		struct source c;

		if (s->generation == 0)
			continue;
		if (s->shun != 0 && m->now_ms >= s->shun_until_ms)
			s->shun = 0;
		if (s->shun != 0)
			wake_at(&r->retry_ms, s->shun_until_ms);
		if (s->pull != PULL_NONE || s->announced == 0 ||
		    !source_wanted(m, s))
			continue;
		if (m->now_ms < s->retry_ms) {
			wake_at(&r->retry_ms, s->retry_ms);
			continue;
		}
		p = pull_free(m);
		if (p == NULL)
			continue;
		source_choose(m, s, &c);
		if (!c.found)
			continue;
		pull_begin(m, s, p, &c);
		r->next_stream = (i + 1) % total;
	}
}

void
replica_wake(const struct mesh *m, uint64_t *wake_ms)
{
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++) {
		const struct pull *p = &m->replica.pulls[i];

		if (p->active && p->outstanding)
			wake_at(wake_ms, p->asked_ms + PULL_ANSWER_MS);
	}
	wake_at(wake_ms, m->replica.retry_ms);
}
