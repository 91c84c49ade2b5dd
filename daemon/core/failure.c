/* failure.c: see failure.h. */
#include <assert.h>

#include "mesh_private.h"
#include "mutant.h"

static const uint64_t evidence_at_ms[EVIDENCE_DIALS] = { 0, 1, 5, 20 };

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

static void
become_suspect(struct mesh *m, struct node *n)
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

/* It may be silent where a dial of ours was accepted before it was missed. */
static void
find_there(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	for (uint32_t i = 0; i < m->links.count; i++) {
		const struct link *l = &m->links.list[i];

		if (l->accepted || l->phase == LINK_DIALLING ||
		    l->phase == LINK_MEMBER ||
		    !discovery_leads_to(m, index, &l->address))
			continue;
		n->there = l->id;
		n->there_loopback = l->loopback;
	}
}

void
failure_lost(struct mesh *m, uint16_t index, bool evidence)
{
	struct node *n = mesh_node(m, index);

	assert(n->link_count == 0);
	assert(n->standing == STANDING_LIVE);
	n->lost_ms = m->now_ms;
	n->vouched = false;
	find_there(m, index);
	n->dial_backoff_ms = 0;
	n->evidence_next = evidence && n->port != 0 ? 0 : EVIDENCE_DIALS;
	/* A peer that lets us in and closes again must not be dialled in a
	 * tight loop: death is then proven a little later. */
	if (n->losses > 0 && m->now_ms < n->lost_last_ms + LOSSES_MS)
		n->losses++;
	else
		n->losses = 1;
	n->lost_last_ms = m->now_ms;
	n->evidence_ms = m->now_ms +
			 (n->losses > LOSSES_QUICK ? LOSSES_WAIT_MS : 0);
	/* Evidence dials are dials; others need not wait longer. */
	n->dial_ms = n->evidence_ms + (n->evidence_next == 0 ? 100 : 0);
}

void
failure_unvouched(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	assert(n->link_count == 0);
	assert(n->lost_ms == NEVER_MS);
	n->lost_ms = m->now_ms;
	n->vouched = true;
	find_there(m, index);
	if (n->doubted && !n->suspect)
		become_suspect(m, n);
}

void
failure_voucher_lost(struct mesh *m, uint16_t by)
{
	const struct node *v = &m->roster.nodes[by];

	assert(v->slot != SLOT_NONE);
	assert((m->roster.slots_linked >> v->slot & 1u) == 0);
	if (MUTANT(WORD_GOES_WITH_ITS_GIVER))
		return;
	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *n = mesh_node(m, (uint16_t)i);

		if (n->standing == STANDING_LIVE && n->link_count == 0 &&
		    i != by && n->word_ms < v->quiet_ms &&
		    roster_reported_by(&m->roster, (uint16_t)i, v->slot))
			n->word_ms = v->quiet_ms;
	}
}

/* By then it must have been linked or reported again. */
static uint64_t
lost_until_ms(const struct mesh *m, const struct node *n)
{
	/* It may never have said how often it speaks. */
	uint32_t period_ms = failure_period_ms(m) > n->period_ms
				     ? failure_period_ms(m)
				     : n->period_ms;
	uint64_t gone_ms = (uint64_t)period_ms * GONE_PERIODS;
	uint64_t until_ms = n->lost_ms + LOST_MS, there_ms;

	if (MUTANT(WORD_GOES_WITH_ITS_GIVER) && n->vouched)
		return until_ms;
	if (n->word_ms != 0 && n->word_ms + gone_ms > until_ms)
		until_ms = n->word_ms + gone_ms;
	if (n->there != MESH_LINK_NONE && !MUTANT(LOST_IS_GONE)) {
		there_ms = n->vouched ? n->lost_ms : n->quiet_ms;
		if (there_ms + gone_ms > until_ms)
			until_ms = there_ms + gone_ms;
	}
	return until_ms;
}

void
failure_accepted(struct mesh *m, const struct link *l)
{
	assert(!l->accepted);
	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *n = mesh_node(m, (uint16_t)i);

		if (n->standing != STANDING_LIVE || n->link_count > 0 ||
		    !discovery_leads_to(m, (uint16_t)i, &l->address))
			continue;
		n->there = l->id;
		n->there_loopback = l->loopback;
	}
}

void
failure_answered(struct mesh *m, const struct link *l)
{
	assert(!l->accepted);
	for (uint32_t i = 1; i < m->roster.count; i++)
		if (m->roster.nodes[i].there == l->id)
			mesh_node(m, (uint16_t)i)->there = MESH_LINK_NONE;
}

void
failure_dial_ended(struct mesh *m, const struct link *l, enum link_end end)
{
	assert(!l->accepted);
	if (end == LINK_SILENT && l->phase != LINK_DIALLING)
		return; /* as before: its kernel accepts, and it is silent */
	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *n = mesh_node(m, (uint16_t)i);

		if (n->there == l->id ||
		    (n->there != MESH_LINK_NONE && n->there_loopback &&
		     l->loopback && end == LINK_REFUSED &&
		     l->address.port == n->port))
			n->there = MESH_LINK_NONE;
	}
}

void
failure_dead(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	assert(index != NODE_SELF_INDEX);
	n->evidence_next = EVIDENCE_DIALS;
	n->losses = 0; /* the dead close nothing again and again */
	if (n->standing != STANDING_LIVE || n->link_count > 0)
		return;
	n->barred = true;
	n->lost_ms = NEVER_MS;
	node_become(m, index, STANDING_GONE);
}

bool
failure_may_prove(const struct mesh *m, const struct link *l)
{
	const struct node *n = &m->roster.nodes[l->evidence];

	return n->lost_ms != NEVER_MS && (n->run == l->evidence_run ||
					  MUTANT(FORMER_PORT_PROVES));
}

void
failure_evidence(struct mesh *m, const struct link *l, enum link_end end)
{
	uint16_t index = l->evidence;

	assert(index != NODE_NONE);
	if (!failure_may_prove(m, l))
		return;
	switch (end) {
	case LINK_REFUSED:
	case LINK_RESET:
	case LINK_STRANGER:
	case LINK_CLOSED: /* before HELLO */
		failure_dead(m, index);
		return;
	case LINK_SILENT:
	case LINK_BROKEN:
	case LINK_CLOGGED:
		return;
	}
}

static void
evidence_tick(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	while (n->lost_ms != NEVER_MS && n->evidence_next < EVIDENCE_DIALS &&
	       m->now_ms >= n->evidence_ms + evidence_at_ms[n->evidence_next]) {
		struct address a;
		struct link *l;

		n->evidence_next++;
		address_loopback(&a, n->port);
		l = discovery_dial(m, &a);
		if (l != NULL) {
			l->evidence = index;
			l->evidence_run = n->run;
		}
	}
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
				       (n->vouched && excused))) {
		n->lost_ms = NEVER_MS;
		n->vouched = false;
		n->evidence_next = EVIDENCE_DIALS;
	}
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
			become_suspect(m, n);
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
		evidence_tick(m, (uint16_t)i);
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
		if (n->lost_ms != NEVER_MS) {
			wake_at(wake_ms, lost_until_ms(m, n));
			if (n->evidence_next < EVIDENCE_DIALS)
				wake_at(wake_ms,
					n->evidence_ms +
					evidence_at_ms[n->evidence_next]);
		}
		if (n->link_count > 0 ||
		    (n->lost_ms != NEVER_MS && !n->suspect &&
		     !roster_reported(&m->roster, (uint16_t)i)))
			wake_at(wake_ms, judgement_ms(n));
		if (n->held)
			wake_at(wake_ms, n->held_until_ms);
	}
}
