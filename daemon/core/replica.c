/* replica.c: pages heard and stored, and what is pulled next; see replica.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"
#include "mutant.h"
#include "pull.h"

void
replica_init(struct replica *r)
{
	memset(r, 0, sizeof(*r));
	r->retry_ms = NEVER_MS;
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
	       (!pull_as_owner(p) || pull_from_relay(m, p) ||
		b->point.base == b->point.cursor);
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
	if (pull_as_owner(p) || MUTANT(RELAY_IS_WHOLE)) {
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
	if (pull_as_owner(p) && a->point.cursor > b->point.cursor)
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
	p->fell_short = pull_as_owner(p) && last &&
			b->point.cursor < p->head_asked;
	learn_from_page(m, p, b);
	if (pull_as_owner(p) && (b->point.cursor < p->point.cursor ||
				 b->point.base < b->point.cursor)) {
		/* It was restored and will renumber itself, or it is no owner,
		 * and hears more of it just now: wait. */
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
		if (!pull_cancelled(&m->replica, l->id, request))
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
		(void)pull_cancelled(&m->replica, l->id, request);
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
		} else if (source_owner(m, s, &slot) && slot != p->slot) {
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
