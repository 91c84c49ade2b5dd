/* lost.c: see lost.h. */
#include <assert.h>

#include "mesh_private.h"
#include "mutant.h"

static const uint64_t evidence_at_ms[EVIDENCE_DIALS] = { 0, 1, 5, 20 };

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

static struct node *
lose(struct mesh *m, uint16_t index, bool vouched)
{
	struct node *n = mesh_node(m, index);

	assert(n->link_count == 0);
	assert(n->standing == STANDING_LIVE);
	n->lost_ms = m->now_ms;
	n->vouched = vouched;
	find_there(m, index);
	return n;
}

void
lost_link(struct mesh *m, uint16_t index, bool evidence)
{
	struct node *n = lose(m, index, false);

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
lost_word(struct mesh *m, uint16_t index)
{
	struct node *n;

	assert(mesh_node(m, index)->lost_ms == NEVER_MS);
	n = lose(m, index, true);
	if (n->doubted && !n->suspect)
		failure_suspect(m, n);
}

void
lost_voucher(struct mesh *m, uint16_t by)
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

uint64_t
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
lost_accepted(struct mesh *m, const struct link *l)
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
lost_answered(struct mesh *m, const struct link *l)
{
	assert(!l->accepted);
	for (uint32_t i = 1; i < m->roster.count; i++)
		if (m->roster.nodes[i].there == l->id)
			mesh_node(m, (uint16_t)i)->there = MESH_LINK_NONE;
}

void
lost_dial_ended(struct mesh *m, const struct link *l, enum link_end end)
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
lost_dead(struct mesh *m, uint16_t index)
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
lost_may_prove(const struct mesh *m, const struct link *l)
{
	const struct node *n = &m->roster.nodes[l->evidence];

	return n->lost_ms != NEVER_MS && (n->run == l->evidence_run ||
					  MUTANT(FORMER_PORT_PROVES));
}

void
lost_evidence(struct mesh *m, const struct link *l, enum link_end end)
{
	uint16_t index = l->evidence;

	assert(index != NODE_NONE);
	if (!lost_may_prove(m, l))
		return;
	switch (end) {
	case LINK_REFUSED:
	case LINK_RESET:
	case LINK_STRANGER:
	case LINK_CLOSED: /* before HELLO */
		lost_dead(m, index);
		return;
	case LINK_SILENT:
	case LINK_BROKEN:
	case LINK_CLOGGED:
		return;
	}
}

void
lost_tick(struct mesh *m, uint16_t index)
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

void
lost_no_more(struct node *n)
{
	n->lost_ms = NEVER_MS;
	n->vouched = false;
	n->evidence_next = EVIDENCE_DIALS;
}

void
lost_forget(struct node *n)
{
	lost_no_more(n);
	n->doubted = false;
	n->word_ms = 0;
	n->there = MESH_LINK_NONE;
}

void
lost_wake(const struct mesh *m, uint16_t index, uint64_t *wake_ms)
{
	const struct node *n = &m->roster.nodes[index];

	if (n->lost_ms == NEVER_MS)
		return;
	wake_at(wake_ms, lost_until_ms(m, n));
	if (n->evidence_next < EVIDENCE_DIALS)
		wake_at(wake_ms,
			n->evidence_ms + evidence_at_ms[n->evidence_next]);
}
