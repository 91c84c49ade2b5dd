/* discovery.c: see discovery.h. */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"

#define DIAL_MS            300u
#define DIAL_FAR_MS        3000u
#define HANDSHAKE_MS       3000u
#define ROUND_SECOND_MS    1000u
#define ROUND_MS           30000u
#define REDIAL_MS_MIN      250u
#define DIALS_MAX          400u /* links of any kind before dialling stops */

struct link *
discovery_dial(struct mesh *m, const struct address *address)
{
	struct link *l;

	assert(address->port != 0);
	if (m->links.count >= DIALS_MAX || !effects_room_for_dial(m))
		return NULL;
	l = links_add(&m->links, links_next_dial(&m->links));
	assert(l != NULL);
	l->phase = LINK_DIALLING;
	l->address = *address;
	l->loopback = address_is_loopback(address);
	l->round_until_ms = m->now_ms + DIAL_MS;
	l->deadline_ms = m->now_ms + (l->loopback ? DIAL_MS : DIAL_FAR_MS);
	effect_dial(m, l->id, address);
	return l;
}

/* Is a peer on this host and port linked already? */
static bool
port_linked(const struct mesh *m, uint16_t port)
{
	for (uint32_t i = 1; i < m->roster.count; i++) {
		const struct node *n = &m->roster.nodes[i];

		if (n->link_count > 0 && n->port == port &&
		    host_id_equal(&n->host, &m->config.host))
			return true;
	}
	return false;
}

/* Does this address lead to a peer that is linked, by all we know? */
static bool
address_linked(const struct mesh *m, const struct address *address)
{
	if (address_is_loopback(address))
		return port_linked(m, address->port);
	for (uint32_t i = 1; i < m->roster.count; i++) {
		const struct node *n = &m->roster.nodes[i];

		for (uint32_t k = 0; n->link_count > 0 &&
				     k < n->address_count; k++)
			if (address_equal(&n->addresses[k], address))
				return true;
	}
	return false;
}

/* Did this place lead to a peer that is linked?  Within one run, a node listens
 * at one port; begun anew, it may have left its own to somebody else. */
static bool
place_linked(const struct mesh *m, const struct place *p)
{
	return p->node != NODE_NONE && roster_linked(&m->roster, p->node) &&
	       m->roster.nodes[p->node].run == p->run;
}

/* Dial unless it is pointless; part of the round or not. */
static void
probe(struct mesh *m, const struct address *address, bool round)
{
	struct link *l;
	struct place *p;

	if (address->port == 0 || address->host[0] == '\0' ||
	    address_linked(m, address))
		return;
	l = links_dialling(&m->links, address);
	if (l == NULL) {
		p = place_find(m, address);
		if (p != NULL && (p->self || m->now_ms < p->until_ms ||
				  place_linked(m, p)))
			return;
		l = discovery_dial(m, address);
	}
	if (l != NULL && round)
		l->round = true;
}

void
discovery_hint(struct mesh *m, const struct node_id *node,
	       const struct address *address)
{
	struct discovery *d = &m->discovery;
	uint16_t index = roster_find(&m->roster, node);
	uint32_t links = m->links.count;

	if (node_id_equal(node, &m->config.self) ||
	    (index != NODE_NONE &&
	     (mesh_node(m, index)->link_count > 0 ||
	      m->now_ms < mesh_node(m, index)->penalty_until_ms)))
		return;
	if (m->now_ms >= d->hint_ms + HINT_MS) {
		d->hint_ms = m->now_ms;
		d->hint_count = 0;
	}
	if (d->hint_count == HINTS_MAX)
		return;
	probe(m, address, false);
	if (m->links.count > links)
		d->hint_count++;
}

static void
dial_node(struct mesh *m, uint16_t index, bool round)
{
	const struct node *n = mesh_node(m, index);
	struct address a;

	assert(n->link_count == 0);
	if (host_id_equal(&n->host, &m->config.host) && n->port != 0 &&
	    n->port != m->config.port) {
		address_loopback(&a, n->port);
		probe(m, &a, round);
	}
	for (uint32_t i = 0; i < n->address_count; i++)
		probe(m, &n->addresses[i], round);
	for (uint32_t i = 0; i < m->discovery.place_count; i++) {
		const struct place *p = &m->discovery.places[i];

		if (p->node == index && !address_is_loopback(&p->address)) {
			a = p->address; /* probe() may move places */
			probe(m, &a, round);
		}
	}
}

static void
round_begin(struct mesh *m)
{
	struct discovery *d = &m->discovery;
	struct address a;
	uint64_t jitter = mesh_random(m, ROUND_MS / 5);

	d->round = true;
	d->rounds++;
	d->next_ms = m->now_ms + (d->rounds == 1 ?
				  ROUND_SECOND_MS :
				  ROUND_MS - ROUND_MS / 10 + jitter);
	for (uint32_t i = 0; i < m->config.port_count; i++) {
		uint16_t port = (uint16_t)(m->config.base_port + i);

		if (port == 0 || port == m->config.port ||
		    port_linked(m, port))
			continue;
		address_loopback(&a, port);
		probe(m, &a, true);
	}
	for (uint32_t i = 0; i < m->config.join_count; i++)
		probe(m, &m->config.joins[i], true);
	for (uint32_t i = 1; i < m->roster.count; i++)
		if (m->roster.nodes[i].link_count == 0)
			dial_node(m, (uint16_t)i, true);
}

void
discovery_start(struct mesh *m)
{
	struct discovery *d = &m->discovery;

	assert(!d->round);
	assert(d->rounds == 0);
	for (uint32_t i = 0; i < m->config.join_count; i++) {
		d->join_backoff_ms[i] = ROUND_SECOND_MS;
		d->join_ms[i] = m->now_ms + ROUND_SECOND_MS;
	}
	round_begin(m);
}

void
discovery_start_over(struct mesh *m)
{
	m->discovery.rounds = 0;
	m->discovery.round = false;
	for (uint32_t i = 0; i < m->links.count; i++)
		m->links.list[i].round = false;
	m->discovery.next_ms = m->now_ms;
}

void
discovery_soon(struct mesh *m)
{
	m->discovery.next_ms = m->now_ms;
}

static uint64_t
backed_off(struct mesh *m, uint64_t *backoff_ms, uint64_t min_ms)
{
	uint64_t wait = *backoff_ms < min_ms ? min_ms : *backoff_ms;

	*backoff_ms = wait * 2 > REDIAL_MS_MAX ? REDIAL_MS_MAX : wait * 2;
	return m->now_ms + wait + mesh_random(m, wait / 4 + 1);
}

static void
redial(struct mesh *m)
{
	struct discovery *d = &m->discovery;

	for (uint32_t i = 1; i < m->roster.count; i++) {
		struct node *n = mesh_node(m, (uint16_t)i);

		if (n->dial_ms > m->now_ms)
			continue;
		n->dial_ms = NEVER_MS;
		if (n->link_count > 0)
			continue;
		n->dial_ms = backed_off(m, &n->dial_backoff_ms, REDIAL_MS_MIN);
		if (m->now_ms >= n->penalty_until_ms)
			dial_node(m, (uint16_t)i, false);
	}
	for (uint32_t i = 0; i < m->config.join_count; i++) {
		if (d->join_ms[i] > m->now_ms)
			continue;
		d->join_ms[i] = backed_off(m, &d->join_backoff_ms[i],
					   ROUND_SECOND_MS);
		probe(m, &m->config.joins[i], false);
	}
}

void
discovery_tick(struct mesh *m)
{
	struct discovery *d = &m->discovery;
	bool pending = false;

	redial(m);
	for (uint32_t i = 0; i < m->links.count; i++) {
		struct link *l = &m->links.list[i];

		if (l->round && (l->phase == LINK_MEMBER ||
				 m->now_ms >= l->round_until_ms))
			l->round = false;
		pending = pending || l->round;
	}
	if (d->round && !pending) {
		d->round = false;
		d->first_done = true;
		if (m->sync == SYNC_LOOKING && d->rounds > 0) {
			m->sync = SYNC_CATCHING;
			streams_gate(m);
		}
	}
	if (!d->round && m->now_ms >= d->next_ms)
		round_begin(m);
}

void
discovery_wake(const struct mesh *m, uint64_t *wake_ms)
{
	const struct discovery *d = &m->discovery;
	bool pending = false;

	for (uint32_t i = 0; i < m->links.count; i++) {
		if (!m->links.list[i].round)
			continue;
		wake_at(wake_ms, m->links.list[i].round_until_ms);
		pending = true;
	}
	if (!d->round)
		wake_at(wake_ms, d->next_ms);
	else if (!pending)
		wake_at(wake_ms, m->now_ms);
	for (uint32_t i = 1; i < m->roster.count; i++)
		wake_at(wake_ms, m->roster.nodes[i].dial_ms);
	for (uint32_t i = 0; i < m->config.join_count; i++)
		wake_at(wake_ms, d->join_ms[i]);
}
