/* member.c: see member.h. */
#include <assert.h>
#include <string.h>

#include "age.h"
#include "mesh_private.h"

#define HELLO_MS       3000u
#define JOIN_MS        1000u
#define PENALTY_MS_MIN 2000u
#define PENALTY_MS_MAX 60000u

/* ---- standing -------------------------------------------------------- */

static bool
has_far_address(const struct mesh *m, const struct node *n)
{
	for (uint32_t i = 0; i < n->address_count; i++)
		if (!address_is_loopback(&n->addresses[i]))
			return true;
	return !host_id_equal(&n->host, &m->config.host);
}

static void
enter_absent(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	assert(n->link_count == 0);
	if (n->slot != SLOT_NONE) {
		streams_slot_released(m, n->slot);
		roster_slot_release(&m->roster, index);
	}
	n->synced = false;
	n->suspect = false;
	n->held = false;
	lost_forget(n);
	n->dial_ms = has_far_address(m, n) ? m->now_ms + 250 : NEVER_MS;
	n->dial_backoff_ms = 0;
	memset(&n->follows, 0, sizeof(n->follows));
	discovery_soon(m);
}

void
node_become(struct mesh *m, uint16_t index, enum standing to)
{
	struct node *n = mesh_node(m, index);
	bool was_live = n->standing == STANDING_LIVE;

	roster_move(&m->roster, index, to);
	m->reports.dirty = true;
	switch (to) {
	case STANDING_LIVE:
		n->barred = false;
		n->barred_until_ms = NEVER_MS;
		effect_news(m, NEWS_PEER_LIVE, &n->id, NULL);
		break;
	case STANDING_GONE:
		enter_absent(m, index);
		if (was_live)
			effect_news(m, NEWS_PEER_GONE, &n->id, NULL);
		break;
	case STANDING_LEFT:
		age_forget(n);
		n->barred = true;
		n->barred_until_ms = NEVER_MS;
		enter_absent(m, index);
		if (was_live)
			effect_news(m, NEWS_PEER_LEFT, &n->id, NULL);
		break;
	}
	effect_remember(m, &n->id);
}

/* ---- links come and go ----------------------------------------------- */

static void
say_hello(struct mesh *m, struct link *l)
{
	const struct mesh_config *c = &m->config;
	struct message_hello *h =
		&effect_send(m, l->id, MESSAGE_HELLO, 0)->u.hello;

	assert(l->phase == LINK_UP);
	l->hello_uptime_ms = m->now_ms - m->start_ms;
	h->version_min = PROTOCOL_VERSION_MIN;
	h->version_max = PROTOCOL_VERSION_MAX;
	h->node = c->self;
	h->run = c->run;
	h->uptime_ms = l->hello_uptime_ms;
	memcpy(h->name, c->name, sizeof(h->name));
	h->port = c->port;
	h->address_count = c->address_count;
	memcpy(h->addresses, c->addresses, sizeof(h->addresses));
	h->host = c->host;
	memcpy(h->software, c->software, sizeof(h->software));
}

void
member_link_connected(struct mesh *m, mesh_link id)
{
	struct link *l = links_find(&m->links, id);

	if (l == NULL || l->phase != LINK_DIALLING)
		return;
	link_become(l, LINK_CONNECTED);
	l->deadline_ms = m->now_ms + HELLO_MS;
	l->round_until_ms = l->deadline_ms;
	lost_accepted(m, l);
}

void
member_link_up(struct mesh *m, mesh_link id, bool accepted, bool loopback)
{
	struct link *l = links_find(&m->links, id);

	if (accepted) {
		assert(l == NULL);
		l = links_add(&m->links, id);
		if (l == NULL) {
			effect_hang_up(m, id);
			return;
		}
		l->accepted = true;
		l->phase = LINK_UP;
	} else {
		if (l == NULL)
			return; /* given up meanwhile */
		link_become(l, LINK_UP);
	}
	l->loopback = loopback;
	l->deadline_ms = m->now_ms + HELLO_MS;
	l->round_until_ms = l->deadline_ms;
	say_hello(m, l);
}

/* Whom only this peer vouched for may be vouched for again: links are exchanged
 * for newer ones all the time while a mesh forms. */
void
member_unvouched(struct mesh *m, uint16_t by)
{
	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *o = mesh_node(m, (uint16_t)i);

		if (o->standing == STANDING_LIVE && o->link_count == 0 &&
		    o->lost_ms == NEVER_MS && i != by &&
		    !roster_reported(&m->roster, (uint16_t)i))
			lost_word(m, (uint16_t)i);
	}
}

/* Have this linked node tell its whole roster again. */
void
member_ask(struct mesh *m, uint16_t node)
{
	struct link *l = links_of_node(&m->links, node);

	assert(l != NULL);
	effect_send(m, l->id, MESSAGE_JOIN, ++l->request_last);
}

/* Bookkeeping for a member link that is no longer in the table. */
static void
member_unlink(struct mesh *m, const struct link *l)
{
	struct node *n = mesh_node(m, l->node);

	assert(l->phase == LINK_MEMBER);
	assert(n->link_count > 0);
	n->link_count--;
	replica_link_lost(m, l->id);
	if (m->membership.join_link == l->id)
		m->membership.join_link = MESH_LINK_NONE;
	if (n->link_count > 0) {
		/* What it said on that one was the last word on nodes, and
		 * may be lost with it. */
		member_ask(m, l->node);
		return;
	}
	assert(n->slot != SLOT_NONE);
	m->roster.slots_linked &= ~(UINT64_C(1) << n->slot);
	lost_voucher(m, l->node);
	streams_slot_lost(m, n->slot);
	m->reports.dirty = true;
	member_unvouched(m, l->node);
}

/* Take a link out; a member's node is told by the caller what to make of it. */
void
member_drop(struct mesh *m, mesh_link id, uint32_t why)
{
	struct link *found = links_find(&m->links, id);
	struct link l;

	assert(found != NULL);
	l = *found;
	if (why != 0)
		effect_goodbye(m, id, why);
	effect_hang_up(m, id);
	links_remove(&m->links, id);
	if (l.phase == LINK_MEMBER)
		member_unlink(m, &l);
}

void
member_hang_up_all(struct mesh *m, uint16_t node, uint32_t why)
{
	struct link *l;

	while ((l = links_of_node(&m->links, node)) != NULL)
		member_drop(m, l->id, why);
	assert(!roster_linked(&m->roster, node));
}

/* No link with it for a while. */
static void
penalise(struct mesh *m, uint16_t index)
{
	struct node *n = mesh_node(m, index);

	member_hang_up_all(m, index, 0);
	n->penalty_ms = n->penalty_ms == 0 ? PENALTY_MS_MIN
					   : n->penalty_ms * 2;
	if (n->penalty_ms > PENALTY_MS_MAX)
		n->penalty_ms = PENALTY_MS_MAX;
	n->penalty_until_ms = m->now_ms + n->penalty_ms;
	if (n->standing == STANDING_LIVE) {
		lost_link(m, index, false);
		n->dial_ms = n->penalty_until_ms;
	}
}

void
member_link_ended(struct mesh *m, mesh_link id, enum link_end end)
{
	struct link *found = links_find(&m->links, id);
	struct link l;

	if (found == NULL)
		return;
	l = *found;
	links_remove(&m->links, id);
	if (l.phase == LINK_MEMBER) {
		member_unlink(m, &l);
		if (end == LINK_BROKEN)
			penalise(m, l.node);
		else if (!roster_linked(&m->roster, l.node) &&
			 mesh_node(m, l.node)->standing == STANDING_LIVE)
			lost_link(m, l.node,
				  end == LINK_CLOSED && l.loopback);
		return;
	}
	if (!l.accepted)
		lost_dial_ended(m, &l, end);
	if (l.evidence != NODE_NONE)
		lost_evidence(m, &l, end);
	else if (!l.accepted)
		discovery_ended(m, &l, end);
}

void
member_punish(struct mesh *m, struct link *l, const char *text)
{
	uint16_t index = l->node;

	if (l->phase != LINK_MEMBER) {
		member_drop(m, l->id, 0);
		return;
	}
	effect_news(m, NEWS_REFUSED, &mesh_node(m, index)->id, text);
	penalise(m, index);
}
void
member_leave(struct mesh *m)
{
	for (uint32_t i = 0; i < m->links.count; i++) {
		const struct link *l = &m->links.list[i];

		if (l->phase == LINK_MEMBER)
			effect_goodbye(m, l->id, GOODBYE_LEAVING);
		effect_hang_up(m, l->id);
	}
	m->links.count = 0;
	m->over = true;
}

/* ---- JOIN ------------------------------------------------------------ */

void
member_welcome_heard(struct mesh *m, struct link *l, uint32_t request)
{
	struct membership *s = &m->membership;

	if (s->join_link == l->id && s->join_request == request) {
		s->joined = true;
		s->join_link = MESH_LINK_NONE;
	}
}

/* The coordinator if linked, else the next linked node after the last asked. */
static uint16_t
whom_to_join(struct mesh *m)
{
	struct membership *s = &m->membership;
	struct rank rank;
	uint16_t index;

	election_judge(&m->roster, &rank);
	index = roster_find(&m->roster, &rank.node);
	if (s->join_node == NODE_NONE && index != NODE_NONE &&
	    index != NODE_SELF_INDEX && roster_linked(&m->roster, index))
		return index;
	for (uint32_t k = 0; k < m->roster.count; k++) {
		uint32_t from = s->join_node == NODE_NONE ? 0 : s->join_node;

		index = (uint16_t)((from + 1 + k) % m->roster.count);
		if (index != NODE_SELF_INDEX &&
		    roster_linked(&m->roster, index))
			return index;
	}
	return NODE_NONE;
}

static void
join_tick(struct mesh *m)
{
	struct membership *s = &m->membership;
	struct link *l;
	uint16_t index;

	if (m->roster.slots_linked == 0) {
		s->joined = false;
		s->join_node = NODE_NONE;
	}
	if (s->joined || m->roster.slots_linked == 0)
		return;
	if (s->join_link != MESH_LINK_NONE && m->now_ms < s->join_ms + JOIN_MS)
		return;
	index = whom_to_join(m);
	assert(index != NODE_NONE);
	l = links_of_node(&m->links, index);
	assert(l != NULL);
	s->join_node = index;
	s->join_link = l->id;
	s->join_request = ++l->request_last;
	s->join_ms = m->now_ms;
	effect_send(m, l->id, MESSAGE_JOIN, s->join_request);
}

/* ---- time and review ------------------------------------------------- */

static void
links_tick(struct mesh *m)
{
	uint32_t i = 0;

	while (i < m->links.count) {
		mesh_link id = m->links.list[i].id;

		/* What finds no room now is due at once in the next step. */
		if (m->now_ms < m->links.list[i].deadline_ms ||
		    !effects_room_for_dial(m)) {
			i++;
			continue;
		}
		assert(m->links.list[i].phase != LINK_MEMBER);
		effect_hang_up(m, id);
		member_link_ended(m, id, LINK_SILENT);
	}
}

void
member_tick(struct mesh *m)
{
	if (!m->late)
		links_tick(m);
}

void
member_review(struct mesh *m)
{
	for (uint32_t i = 1; i < m->roster.count; i++) {
		uint16_t index = (uint16_t)i;
		struct node *n = mesh_node(m, index);
		bool direct = roster_direct(&m->roster, index);
		bool reported;

		if (m->now_ms >= n->barred_until_ms) {
			n->barred_until_ms = NEVER_MS;
			n->barred = false;
		}
		reported = !direct &&
			   (roster_reported(&m->roster, index) ||
			    reports_adopt(m, index, SLOT_NONE));

		if (n->standing == STANDING_LIVE && !direct && !reported) {
			node_become(m, index, STANDING_GONE);
		} else if (n->standing != STANDING_LIVE && reported &&
			   m->roster.live_count < MESH_LIVE_MAX) {
			node_become(m, index, STANDING_LIVE);
			n->dial_ms = m->now_ms;
			n->dial_backoff_ms = 0;
			discovery_vouched(m, index);
		}
		if (n->standing == STANDING_LIVE && !direct) {
			bool synced = roster_said_synced(&m->roster, index);

			n->doubted = roster_doubted(&m->roster, index);
			if (synced != n->synced)
				m->reports.dirty = true;
			n->synced = synced;
			if (n->dial_ms == NEVER_MS)
				n->dial_ms = m->now_ms;
		}
	}
	join_tick(m);
}

void
member_wake(const struct mesh *m, uint64_t *wake_ms)
{
	const struct membership *s = &m->membership;

	for (uint32_t i = 0; i < m->links.count; i++)
		wake_at(wake_ms, m->links.list[i].deadline_ms);
	if (s->join_link != MESH_LINK_NONE)
		wake_at(wake_ms, s->join_ms + JOIN_MS);
}
