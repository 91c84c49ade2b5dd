/* reports.c: see reports.h. */
#include <assert.h>
#include <string.h>

#include "age.h"
#include "mesh_private.h"
#include "mutant.h"

/* Of what others say of a time, so much may be theirs: who is heard after its
 * goodbye by less has only left. */
#define GOODBYE_MS 2000u

/* What we say. */

/* Its own goodbye was heard here.  What is known by hearsay is not passed on: two
 * who tell each other would never stop. */
static bool
left_for_certain(const struct node *n)
{
	return n->standing == STANDING_LEFT && n->barred &&
	       n->barred_until_ms == NEVER_MS;
}

static void
report_fill(const struct mesh *m, uint16_t index, struct node_report *out)
{
	const struct node *n = &m->roster.nodes[index];

	memset(out, 0, sizeof(*out));
	out->node = n->id;
	out->run = n->run;
	memcpy(out->name, n->name, sizeof(out->name));
	out->host = n->host;
	out->port = n->port;
	out->address_count = n->address_count;
	memcpy(out->addresses, n->addresses, sizeof(out->addresses));
	if (index == NODE_SELF_INDEX)
		out->flags = NODE_SELF | NODE_LINKED |
			     (n->synced ? NODE_SYNCED : 0u);
	else
		out->flags = (n->link_count > 0 ? NODE_LINKED : 0u) |
			     (n->synced ? NODE_SYNCED : 0u) |
			     (n->suspect || n->held ? NODE_SUSPECT : 0u) |
			     (left_for_certain(n) ? NODE_LEFT : 0u);
	if (index != NODE_SELF_INDEX)
		out->silent_ms = age_ms_of(n, m->now_ms);
}

/* Every node ever heard of; built once per step, at its end. */
static void
reports_build(struct mesh *m)
{
	assert(m->roster.count <= MESH_KNOWN_MAX);
	m->reports.count = 0;
	for (uint32_t i = 0; i < m->roster.count; i++)
		if (!roster_is_free(&m->roster, (uint16_t)i))
			report_fill(m, (uint16_t)i,
				    &m->reports.list[m->reports.count++]);
}

static void
say_nodes(struct mesh *m, mesh_link link, uint32_t type, uint32_t request)
{
	struct message *msg = effect_send(m, link, type, request);

	msg->u.nodes.count = m->reports.count;
	msg->u.nodes.reports = m->reports.list;
}

static void
say_heartbeat(struct mesh *m, mesh_link link)
{
	struct message *msg = effect_send(m, link, MESSAGE_HEARTBEAT, 0);
	struct rank rank;

	mesh_coordinator(m, &rank);
	msg->u.heartbeat.period_ms = failure_period_ms(m);
	msg->u.heartbeat.follows = rank.node;
	msg->u.heartbeat.synced = m->sync == SYNC_DONE;
}

/* What is said to everybody is said on the new link, too, behind this. */
void
reports_greet(struct mesh *m)
{
	struct reports *r = &m->reports;

	if (r->greet != MESH_LINK_NONE &&
	    links_find(&m->links, r->greet) != NULL) {
		reports_build(m);
		say_nodes(m, r->greet, MESSAGE_NODES, 0);
		streams_greet(m, r->greet);
		say_heartbeat(m, r->greet);
	}
	r->greet = MESH_LINK_NONE;
}

void
reports_flush(struct mesh *m)
{
	struct reports *r = &m->reports;
	bool linked = m->roster.slots_linked != 0;
	bool welcome = r->welcome != MESH_LINK_NONE &&
		       links_find(&m->links, r->welcome) != NULL;

	if (welcome || (r->dirty && linked))
		reports_build(m);
	if (r->dirty && linked)
		say_nodes(m, MESH_LINK_ALL, MESSAGE_NODES, 0);
	if (welcome) {
		say_nodes(m, r->welcome, MESSAGE_WELCOME, r->welcome_request);
		if (!MUTANT(LATE_WORD_STAYS))
			streams_greet(m, r->welcome);
	}
	/* When it is due anyway, others are looked at as well: in a TICK. */
	if (m->now_ms >= r->heartbeat_ms && (m->tick || r->heartbeat_now)) {
		if (linked)
			say_heartbeat(m, MESH_LINK_ALL);
		r->heartbeat_ms = m->now_ms + failure_period_ms(m);
	}
	r->heartbeat_now = false;
	r->dirty = false;
	r->welcome = MESH_LINK_NONE;
}

void
reports_heartbeat_now(struct mesh *m)
{
	m->reports.heartbeat_ms = m->now_ms;
	m->reports.heartbeat_now = true;
}

void
reports_wake(const struct mesh *m, uint64_t *wake_ms)
{
	if (m->roster.slots_linked != 0)
		wake_at(wake_ms, m->reports.heartbeat_ms);
}

/* What they say. */

static void
learn_place(struct mesh *m, struct node *n, const struct node_report *said)
{
	uint32_t count = said->address_count;

	if (count > NODE_ADDRESSES_MAX)
		count = NODE_ADDRESSES_MAX;
	if (n->port == said->port && n->address_count == count &&
	    host_id_equal(&n->host, &said->host) &&
	    strcmp(n->name, said->name) == 0) {
		bool same = true;

		for (uint32_t i = 0; i < count; i++)
			same = same && address_equal(&n->addresses[i],
						     &said->addresses[i]);
		if (same)
			return;
	}
	memcpy(n->name, said->name, sizeof(n->name));
	n->name[NODE_NAME_BYTES_MAX] = '\0';
	n->host = said->host;
	n->port = said->port;
	n->address_count = count;
	memcpy(n->addresses, said->addresses, count * sizeof(said->addresses[0]));
	m->reports.dirty = true;
	effect_remember(m, &n->id);
}

/* Said by the node of itself. */
static void
heard_of_itself(struct mesh *m, struct node *n, const struct node_report *said)
{
	bool synced = (said->flags & NODE_SYNCED) != 0;

	if (said->run != n->run)
		return;
	learn_place(m, n, said);
	if (n->synced != synced) {
		n->synced = synced;
		m->reports.dirty = true;
	}
}

/* What was known of the run before it does not hold for this one. */
static void
begin_run(struct mesh *m, struct node *n, uint64_t run)
{
	assert(n->link_count == 0);
	if (n->run != 0)
		roster_past_push(n, n->run, n->started_ms,
				 (int64_t)m->now_ms);
	if (n->slot != SLOT_NONE) {
		streams_slot_released(m, n->slot);
		roster_slot_release(&m->roster, (uint16_t)(n - m->roster.nodes));
	}
	n->run = run;
	n->started_ms = (int64_t)m->now_ms;
	n->barred = false;
	n->silenced = false;
	n->synced = false;
	age_forget(n);
	n->suspect = false;
	n->held = false;
	lost_forget(n);
}

/* A run that was replaced, and is reported linked long after everybody must
 * have noticed had it died: it was the replacement that went (a twin). */
static bool
outlived(const struct mesh *m, const struct past_run *past)
{
	return (int64_t)m->now_ms - past->replaced_ms >
	       (int64_t)NOTICED_PERIODS * failure_period_ms(m);
}

bool
reports_adopt(struct mesh *m, uint16_t index, uint8_t speaking)
{
	struct node *n = mesh_node(m, index);
	uint64_t said = n->said_linked & m->roster.slots_linked;

	assert(index != NODE_SELF_INDEX);
	assert(n->link_count == 0);
	for (uint32_t s = 0; s < SLOTS && said >> s != 0; s++) {
		uint64_t run = n->said_run[s];
		const struct past_run *past = roster_past(n, run);

		if ((said >> s & 1u) == 0 || run == 0 || run == n->run ||
		    (past != NULL && !outlived(m, past)))
			continue;
		begin_run(m, n, run);
		/* Where it is now was said in a message that is gone. */
		if (s != speaking)
			member_ask(m, m->roster.slot_node[s]);
		return true;
	}
	return false;
}

/* It said goodbye, and was heard after that in another run, by somebody who does
 * not hear it any more: it came back where we could not see it, and was lost. */
static bool
lost_since(const struct mesh *m, const struct node *n,
	   const struct node_report *said, uint64_t said_ms)
{
	uint64_t ago_ms = m->now_ms - said_ms;

	if (n->standing != STANDING_LEFT || said->run == 0 ||
	    said->run == n->run || roster_past(n, said->run) != NULL ||
	    (said->flags & (NODE_LINKED | NODE_LEFT)) != 0 ||
	    said->silent_ms > m->wall_ms - ago_ms || MUTANT(LEFT_FOR_GOOD))
		return false;
	return m->wall_ms - ago_ms - said->silent_ms >
	       (n->heard_wall_ms > n->left_wall_ms ? n->heard_wall_ms
						   : n->left_wall_ms) +
		       GOODBYE_MS;
}

/* Somebody else heard its goodbye, when he last heard it. */
static void
left_by_report(struct mesh *m, uint16_t index, const struct node_report *said,
	       uint64_t said_ms)
{
	struct node *n = mesh_node(m, index);
	uint64_t ago_ms = m->now_ms - said_ms;

	node_become(m, index, STANDING_LEFT);
	n->barred_until_ms = m->now_ms + (uint64_t)NOTICED_PERIODS *
						 failure_period_ms(m);
	n->left_wall_ms = m->wall_ms - ago_ms;
	if (said->silent_ms < n->left_wall_ms)
		n->left_wall_ms -= said->silent_ms;
}

static void
heard_of_other(struct mesh *m, uint16_t index, const struct link *l,
	       const struct node_report *said)
{
	struct node *n = mesh_node(m, index);
	uint8_t slot = mesh_node(m, l->node)->slot;
	uint64_t bit = UINT64_C(1) << slot;
	uint64_t said_ms = failure_said_ms(m, l);

	n->said_run[slot] = said->run;
	if (said->flags & NODE_LINKED)
		n->said_linked |= bit;
	if (said->flags & NODE_SUSPECT)
		n->said_suspect |= bit;
	if ((said->flags & NODE_SYNCED) && (said->flags & NODE_LINKED))
		n->said_synced |= bit;
	if (index == NODE_SELF_INDEX)
		return;
	if (n->link_count == 0 && !roster_reported(&m->roster, index))
		(void)reports_adopt(m, index, slot);
	if (n->link_count == 0 && lost_since(m, n, said, said_ms)) {
		begin_run(m, n, said->run);
		node_become(m, index, STANDING_GONE);
	}
	if (said->run != n->run && n->run != 0)
		return;
	if (l->told && said->silent_ms < said_ms &&
	    (said->flags & NODE_LINKED))
		age_told(m, index, slot, said_ms - said->silent_ms);
	if (MUTANT(HEARSAY_COUNTS) && (said->flags & NODE_LINKED))
		n->quiet_ms = m->now_ms;
	if (n->link_count > 0)
		return;
	/* Only whoever is linked to it knows better; else gossip never ends. */
	if ((said->flags & NODE_LINKED) || n->port == 0)
		learn_place(m, n, said);
	if ((said->flags & NODE_LEFT) && n->standing != STANDING_LEFT &&
	    said->run == n->run && said->run != 0)
		left_by_report(m, index, said, said_ms);
}

void
reports_heard(struct mesh *m, const struct link *l,
	      const struct message_nodes *nodes)
{
	uint16_t from = l->node;
	uint8_t slot = mesh_node(m, from)->slot;
	bool vouched[MESH_KNOWN_MAX];
	uint32_t count = m->roster.count;
	uint64_t bit;

	assert(l->phase == LINK_MEMBER);
	assert(slot != SLOT_NONE);
	bit = UINT64_C(1) << slot;
	for (uint32_t i = 0; i < count; i++) {
		vouched[i] = roster_reported_by(&m->roster, (uint16_t)i, slot);
		m->roster.nodes[i].said_linked &= ~bit;
		m->roster.nodes[i].said_suspect &= ~bit;
		m->roster.nodes[i].said_synced &= ~bit;
	}
	for (uint32_t i = 0; i < nodes->count; i++) {
		const struct node_report *said = &nodes->reports[i];
		uint16_t index;

		if (node_id_is_zero(&said->node))
			continue;
		index = roster_find(&m->roster, &said->node);
		if (index == from) {
			heard_of_itself(m, mesh_node(m, from), said);
			continue;
		}
		if (index == NODE_NONE) {
			/* It may have returned, but not by hearsay. */
			if (!(said->flags & NODE_LINKED) &&
			    forget_knows(m, &said->node))
				continue;
			index = member_named(m, &said->node, slot);
			if (index == NODE_NONE)
				continue;
			mesh_node(m, index)->run = said->run;
			/* No later than now; HELLO will say better. */
			mesh_node(m, index)->started_ms = (int64_t)m->now_ms;
		}
		heard_of_other(m, index, l, said);
	}
	/* This is news of whom it vouched for: later than what others had said
	 * who are gone. */
	for (uint32_t i = 1; i < count; i++)
		if (vouched[i] &&
		    !roster_reported_by(&m->roster, (uint16_t)i, slot))
			mesh_node(m, (uint16_t)i)->word_ms = 0;
	member_unvouched(m, from);
}

void
reports_heartbeat_heard(struct mesh *m, const struct link *l,
			const struct message_heartbeat *heartbeat)
{
	struct node *n = mesh_node(m, l->node);
	uint32_t period = heartbeat->period_ms;

	assert(l->phase == LINK_MEMBER);
	if (period < HEARTBEAT_MS_MIN)
		period = HEARTBEAT_MS_MIN;
	if (period > HEARTBEAT_MS_MAX)
		period = HEARTBEAT_MS_MAX;
	n->period_ms = period;
	n->follows = heartbeat->follows;
	if (n->synced != heartbeat->synced) {
		n->synced = heartbeat->synced;
		m->reports.dirty = true;
	}
}
