/* failure.c: see failure.h. */
#include <assert.h>

#include "mesh_private.h"
#include "mutant.h"

uint32_t
failure_period_ms(const struct mesh *m)
{
	uint32_t live = m->roster.live_count;
	uint32_t period = live <= 16 ? HEARTBEAT_MS_MIN : 16 * live;

	assert(live >= 1);
	if (period < HEARTBEAT_MS_MIN)
		period = HEARTBEAT_MS_MIN;
	return period > HEARTBEAT_MS_MAX ? HEARTBEAT_MS_MAX : period;
}

uint64_t
failure_said_ms(const struct mesh *m, const struct link *l)
{
	const struct node *n = &m->roster.nodes[l->node];
	uint64_t said_ms = m->since_ms;

	if (m->now_ms < m->stale_until_ms && l->waited &&
	    m->stale_from_ms < said_ms)
		said_ms = m->stale_from_ms;
	if (m->now_ms < n->stale_until_ms && n->heard_ms < said_ms)
		said_ms = n->heard_ms;
	return said_ms;
}

/*
 * Whoever is heard is there; but how old is what it said?  What came while we
 * were away lay about until now, and what follows a silence may be what a cut
 * line has held back.
 */
void
failure_heard(struct mesh *m, const struct link *l)
{
	struct node *n = mesh_node(m, l->node);
	uint64_t said_ms;

	assert(l->node != NODE_SELF_INDEX);
	if (n->suspect)
		n->stale_until_ms = m->now_ms + STALE_MS;
	said_ms = failure_said_ms(m, l);
	if (m->came_ms > n->quiet_ms)
		n->quiet_ms = m->came_ms;
	if (said_ms > n->heard_ms) {
		n->heard_ms = said_ms;
		n->heard_wall_ms = m->wall_ms - (m->now_ms - said_ms);
	}
	if (n->suspect) {
		n->suspect = false;
		n->held = true;
		n->held_until_ms = m->now_ms +
				   (MUTANT(FORGIVES_AT_ONCE) ? 0 : n->hold_ms);
	}
}

void
failure_suspect(struct mesh *m, struct node *n)
{
	bool again = n->held || (n->hold_ms != 0 &&
				 m->now_ms < n->hold_forget_ms);

	assert(!n->suspect);
	n->hold_ms = again ? n->hold_ms * 2 : HOLD_MS_MIN;
	if (n->hold_ms > HOLD_MS_MAX)
		n->hold_ms = HOLD_MS_MAX;
	n->suspect = true;
	n->held = false;
	m->reports.dirty = true;
	effect_news(m, NEWS_PEER_SUSPECT, &n->id, NULL);
}

static void
become_well(struct mesh *m, struct node *n)
{
	assert(n->suspect || n->held);
	n->suspect = false;
	n->held = false;
	n->hold_forget_ms = m->now_ms + HOLD_FORGET_MS;
	m->reports.dirty = true;
	effect_news(m, NEWS_PEER_WELL, &n->id, NULL);
}

/* When the next judgement of somebody's silence is due. */
static uint64_t
judgement_ms(const struct node *n)
{
	uint64_t due_ms = n->quiet_ms +
			  (uint64_t)n->period_ms *
				  (n->suspect && !MUTANT(SUSPECT_IS_GONE)
					   ? GONE_PERIODS
					   : SUSPECT_PERIODS);

	/* Who vouched for it may be about to do so again. */
	if (n->link_count == 0 && n->vouched && due_ms < n->lost_ms + LOST_MS)
		return n->lost_ms + LOST_MS;
	return due_ms;
}

static void
judge(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);
	/* Others hear it. */
	bool excused = n->link_count == 0 &&
		       roster_reported(&m->roster, index);

	if (n->lost_ms != NEVER_MS && (m->now_ms >= lost_until_ms(m, n) ||
				       (n->vouched && excused)))
		lost_no_more(n);
	if (!roster_direct(&m->roster, index)) {
		/* Others hear it: it is for them to judge.  Else it is gone
		 * in this very step, see member_review(). */
		if (excused && (n->held || (n->suspect &&
					    !roster_doubted(&m->roster, index))))
			become_well(m, n);
		return;
	}
	if (!excused && m->now_ms >= judgement_ms(n)) {
		if (!n->suspect)
			failure_suspect(m, n);
		if (n->link_count > 0 && m->now_ms >= judgement_ms(n)) {
			member_hang_up_all(m, index, 0);
			n->silenced = true;
			if (!roster_reported(&m->roster, index))
				node_become(m, index, STANDING_GONE);
			return;
		}
	}
	if (n->held && m->now_ms >= n->held_until_ms)
		become_well(m, n);
}

void
failure_tick(struct mesh *m)
{
	for (uint32_t i = 1; i < m->roster.count; i++) {
		if (m->roster.nodes[i].standing != STANDING_LIVE)
			continue;
		lost_tick(m, (uint16_t)i);
		/* What else comes may come before what lies unread. */
		if (m->tick && !m->late)
			judge(m, (uint16_t)i);
	}
}

/*
 * What was said meanwhile lies in the links that there were, and is read in no
 * more time than it took to be said.
 */
static void
stale(struct mesh *m, uint64_t late_ms)
{
	uint64_t ms = late_ms < STALE_MS_MAX ? late_ms : STALE_MS_MAX;
	uint64_t from_ms = m->now_ms - late_ms;

	for (uint32_t i = 0; i < m->links.count; i++)
		m->links.list[i].waited = true;
	if (m->now_ms < m->stale_until_ms) { /* that is to be read as well */
		m->stale_until_ms += ms;
		if (m->stale_until_ms > m->now_ms + STALE_MS_MAX)
			m->stale_until_ms = m->now_ms + STALE_MS_MAX;
	} else {
		m->stale_from_ms = from_ms;
		m->stale_until_ms = m->now_ms + (ms < STALE_MS ? STALE_MS : ms);
	}
	/* What a cut line had held back of somebody still is to be read. */
	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *n = mesh_node(m, (uint16_t)i);

		if (n->stale_until_ms > from_ms &&
		    n->stale_until_ms < m->stale_until_ms)
			n->stale_until_ms = m->stale_until_ms;
	}
}

/*
 * While we were away nobody could be heard: that time does not count, and
 * everybody gets one more period, so that what was sent to us meanwhile can
 * arrive first.  A loop that is late for ever must not excuse for ever.
 */
void
failure_late(struct mesh *m, uint64_t late_ms)
{
	stale(m, late_ms);
	if (m->late_row >= LATE_ROW_MAX || MUTANT(BLAMES_OTHERS))
		return;
	m->late_row++;
	m->late = true;
	streams_away(m, late_ms);
	forget_away(m, late_ms);
	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *n = mesh_node(m, (uint16_t)i);

		if (!roster_direct(&m->roster, (uint16_t)i))
			continue;
		n->quiet_ms += late_ms + n->period_ms;
		if (n->quiet_ms > m->now_ms)
			n->quiet_ms = m->now_ms;
		if (n->lost_ms != NEVER_MS)
			n->lost_ms += late_ms;
		if (n->word_ms != 0)
			n->word_ms += late_ms;
		if (n->held)
			n->held_until_ms += late_ms;
	}
}

void
failure_wake(const struct mesh *m, uint64_t *wake_ms)
{
	for (uint32_t i = 1; i < m->roster.count; i++) {
		const struct node *n = &m->roster.nodes[i];

		if (n->standing != STANDING_LIVE)
			continue;
		lost_wake(m, (uint16_t)i, wake_ms);
		if (n->link_count > 0 ||
		    (n->lost_ms != NEVER_MS && !n->suspect &&
		     !roster_reported(&m->roster, (uint16_t)i)))
			wake_at(wake_ms, judgement_ms(n));
		if (n->held)
			wake_at(wake_ms, n->held_until_ms);
	}
}
