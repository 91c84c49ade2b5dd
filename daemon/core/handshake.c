/*
 * handshake.c: the first and the last words on a link; see member.h.
 *
 * HELLO makes the member, unless it comes from ourselves, from a twin, from a
 * run that was replaced, or finds the mesh full.  GOODBYE ends it.
 */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"
#include "mutant.h"

#define DUPLICATE_WAIT_MS 100u
#define UPTIME_MS_MAX     (INT64_C(1) << 53) /* nobody runs for so long */

/* Any number may stand in a HELLO. */
static int64_t
uptime_of(const struct message_hello *h)
{
	return h->uptime_ms < (uint64_t)UPTIME_MS_MAX ? (int64_t)h->uptime_ms
						      : UPTIME_MS_MAX;
}

/* A HELLO with our own node id. */
static void
hello_from_own_id(struct mesh *m, struct link *l,
		  const struct message_hello *h)
{
	bool they_are_later;

	assert(node_id_equal(&h->node, &m->config.self));
	if (h->run == m->config.run) {
		if (!l->accepted)
			discovery_led_to_self(m, l);
		member_drop(m, l->id, GOODBYE_SELF);
		return;
	}
	/* Both ends compare the same two numbers, so they agree. */
	they_are_later = h->uptime_ms != l->hello_uptime_ms
				 ? h->uptime_ms < l->hello_uptime_ms
				 : h->run > m->config.run;
	if (they_are_later) {
		member_drop(m, l->id, GOODBYE_TWIN);
		return;
	}
	effect_new_identity(m);
	m->over = true;
}

/*
 * A HELLO of a node known with another run.  True when the new run is (now)
 * the one to believe in; false when the link was dropped.
 */
static bool
run_change(struct mesh *m, struct link *l, uint16_t index,
	   const struct message_hello *h)
{
	struct node *n = mesh_node(m, index);
	int64_t now = (int64_t)m->now_ms;
	int64_t started = now - uptime_of(h);
	const struct past_run *past = roster_past(n, h->run);
	bool direct = roster_direct(&m->roster, index);
	uint32_t why = 0;

	assert(n->run != h->run);
	if (past != NULL && past->started_ms < started)
		started = past->started_ms;
	if (direct && past != NULL) {
		/* Said after it was replaced?  Then both are alive, and the
		 * one that started later must become somebody else. */
		if (started + uptime_of(h) <= past->replaced_ms) {
			member_drop(m, l->id, 0);
			return false;
		}
		if (started <= n->started_ms) {
			why = GOODBYE_TWIN;
		} else {
			member_drop(m, l->id, GOODBYE_TWIN);
			return false;
		}
	} else if (direct && started < n->started_ms) {
		/* The older one; perhaps its last words before it died. */
		roster_past_push(n, h->run, started, now);
		member_drop(m, l->id, 0);
		return false;
	}
	if (n->run != 0)
		roster_past_push(n, n->run, n->started_ms, now);
	member_hang_up_all(m, index, why);
	if (n->slot != SLOT_NONE) {
		streams_slot_released(m, n->slot);
		roster_slot_release(&m->roster, index);
	}
	n->synced = false;
	n->suspect = false;
	n->held = false;
	n->hold_ms = 0;
	n->penalty_until_ms = 0;
	n->penalty_ms = 0;
	return true;
}

static void
node_learn(struct mesh *m, struct node *n, const struct message_hello *h)
{
	int64_t started = (int64_t)m->now_ms - uptime_of(h);

	assert(h->address_count <= NODE_ADDRESSES_MAX);
	if (n->run != h->run || started < n->started_ms)
		n->started_ms = started;
	n->run = h->run;
	memcpy(n->name, h->name, sizeof(n->name));
	n->host = h->host;
	n->port = h->port;
	n->address_count = h->address_count;
	memcpy(n->addresses, h->addresses, sizeof(n->addresses));
}

static void
refuse_full(struct mesh *m, struct link *l, const struct node_id *id)
{
	effect_news(m, NEWS_MESH_FULL, id, NULL);
	member_drop(m, l->id, GOODBYE_FULL);
}

/* Within a run of both, the lower id alone keeps the newest link. */
static void
judge_duplicates(struct mesh *m, uint16_t index, mesh_link keep)
{
	uint32_t i = 0;

	if (node_id_compare(&m->config.self, &mesh_node(m, index)->id) >= 0 &&
	    !MUTANT(BOTH_CLOSE))
		return;
	while (i < m->links.count) {
		const struct link *o = &m->links.list[i];

		if (o->phase == LINK_MEMBER && o->node == index &&
		    o->id != keep)
			member_drop(m, o->id, GOODBYE_DUPLICATE);
		else
			i++;
	}
}

static void
become_member(struct mesh *m, mesh_link id, uint16_t index,
	      const struct message_hello *h)
{
	struct link *l = links_find(&m->links, id);
	struct node *n = mesh_node(m, index);

	assert(l != NULL);
	link_become(l, LINK_MEMBER);
	l->node = index;
	l->order = ++m->links.order_last;
	l->deadline_ms = NEVER_MS;
	l->round = false;
	l->evidence = NODE_NONE;
	node_learn(m, n, h);
	n->met = true;
	lost_forget(n);
	n->dial_ms = NEVER_MS;
	n->dial_backoff_ms = 0;
	n->silenced = false;
	n->barred = false;
	n->link_count++;
	if (n->standing != STANDING_LIVE)
		node_become(m, index, STANDING_LIVE);
	else
		effect_remember(m, &n->id);
	roster_slot_take(&m->roster, index);
	failure_heard(m, l);
	if (!l->accepted)
		discovery_led_to(m, l, index);
	m->had_links = true;
	m->reports.dirty = true;
	m->reports.greet = id;
	judge_duplicates(m, index, id);
}

static void
hello_heard(struct mesh *m, struct link *l, const struct message_hello *h)
{
	mesh_link id = l->id;
	uint16_t index;
	struct node *n;

	if (h->version_min > PROTOCOL_VERSION_MAX ||
	    h->version_max < PROTOCOL_VERSION_MIN) {
		member_drop(m, id, GOODBYE_VERSION);
		return;
	}
	if (l->evidence != NODE_NONE) {
		uint16_t lost = l->evidence;
		bool proves = lost_may_prove(m, l);

		n = mesh_node(m, lost);
		l->evidence = NODE_NONE;
		if (proves &&
		    (!node_id_equal(&n->id, &h->node) || n->run != h->run))
			lost_dead(m, lost);
	}
	if (node_id_equal(&h->node, &m->config.self)) {
		hello_from_own_id(m, l, h);
		return;
	}
	index = member_admit(m, &h->node);
	if (index == NODE_NONE) {
		refuse_full(m, l, &h->node);
		return;
	}
	n = mesh_node(m, index);
	if (n->run == h->run && m->now_ms < n->penalty_until_ms) {
		/* No room for it now: it waits before it comes again. */
		member_drop(m, id, GOODBYE_FULL);
		return;
	}
	if (n->standing != STANDING_LIVE && !member_live_room(m)) {
		refuse_full(m, l, &h->node);
		return;
	}
	if (n->run != h->run && !run_change(m, l, index, h))
		return;
	become_member(m, id, index, h);
}

void
member_first_heard(struct mesh *m, struct link *l,
		   const struct message *message)
{
	assert(l->phase != LINK_MEMBER);
	if (!l->accepted)
		lost_answered(m, l);
	if (l->phase == LINK_UP && message->type == MESSAGE_HELLO)
		hello_heard(m, l, &message->u.hello);
	else if (message->type == MESSAGE_GOODBYE)
		member_goodbye_heard(m, l, message->u.goodbye.why);
	else if (message->type != MESSAGE_ERROR)
		member_drop(m, l->id, 0);
}

void
member_goodbye_heard(struct mesh *m, struct link *l, uint32_t why)
{
	struct link copy = *l;
	struct node *n;

	if (why == GOODBYE_TWIN) {
		effect_new_identity(m);
		m->over = true;
		return;
	}
	if (copy.phase != LINK_MEMBER) {
		if (why == GOODBYE_SELF && !copy.accepted)
			discovery_led_to_self(m, &copy);
		else if (!copy.accepted && copy.evidence == NODE_NONE)
			discovery_ended(m, &copy, why == GOODBYE_FULL ?
					LINK_STRANGER : LINK_CLOSED);
		member_drop(m, copy.id, 0);
		return;
	}
	n = mesh_node(m, copy.node);
	if (why == GOODBYE_DUPLICATE) {
		member_drop(m, copy.id, 0);
		if (n->link_count == 0) {
			/* The one that is kept is about to say HELLO. */
			lost_link(m, copy.node, false);
			n->dial_ms = m->now_ms + DUPLICATE_WAIT_MS;
		}
		return;
	}
	if (why == GOODBYE_FULL || why == GOODBYE_VERSION ||
	    why == GOODBYE_SELF) {
		member_drop(m, copy.id, 0);
		if (n->link_count == 0) {
			lost_link(m, copy.node, false);
			n->dial_ms = m->now_ms + LOST_MS;
		}
		return;
	}
	member_hang_up_all(m, copy.node, 0);
	node_become(m, copy.node, STANDING_LEFT);
}
