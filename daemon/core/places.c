/*
 * places.c: what is known of each address, whoever listens there: when it is
 * worth a dial again, and whom it led to.  See discovery.h.
 */
#include <assert.h>
#include <string.h>

#include "mesh_private.h"

#define STRANGER_MS_MIN   30000u
#define STRANGER_MS_MAX   600000u
#define RESET_MS_MIN      2000u
#define FOUND_NUMBERS_MAX 2u /* told of one node: there is to be room for names */

struct place *
place_find(struct mesh *m, const struct address *a)
{
	struct discovery *d = &m->discovery;

	assert(d->place_count <= PLACES_MAX);
	for (uint32_t i = 0; i < d->place_count; i++)
		if (address_equal(&d->places[i].address, a))
			return &d->places[i];
	return NULL;
}

/* Find or make; when full, the one whose back-off ends first gives way. */
static struct place *
place_get(struct mesh *m, const struct address *a)
{
	struct discovery *d = &m->discovery;
	struct place *p = place_find(m, a);

	if (p != NULL)
		return p;
	if (d->place_count < PLACES_MAX) {
		p = &d->places[d->place_count++];
	} else {
		p = &d->places[0];
		for (uint32_t i = 1; i < PLACES_MAX; i++)
			if (p->self || (!d->places[i].self &&
					d->places[i].until_ms < p->until_ms))
				p = &d->places[i];
	}
	memset(p, 0, sizeof(*p));
	p->address = *a;
	p->node = NODE_NONE;
	return p;
}

static void
place_avoid(struct mesh *m, const struct address *a, uint64_t min_ms,
	    uint64_t max_ms)
{
	struct place *p = place_get(m, a);

	p->backoff_ms = p->backoff_ms == 0 ? min_ms : p->backoff_ms * 2;
	if (p->backoff_ms < min_ms)
		p->backoff_ms = min_ms;
	if (p->backoff_ms > max_ms)
		p->backoff_ms = max_ms;
	p->until_ms = m->now_ms + p->backoff_ms +
		      mesh_random(m, p->backoff_ms / 8 + 1);
	p->silent = false;
}

/*
 * It closes before it has said who it is.  So does a line to a member that is
 * away, which is open before it has found out: it is tried for ever, nearly as
 * often as an address at which nobody listens.
 */
static void
found_closed(struct mesh *m, const struct address *a)
{
	const struct place *p = place_find(m, a);
	bool line = p != NULL && p->node != NODE_NONE;

	for (uint32_t i = 0; i < m->config.join_count && !line; i++)
		line = address_equal(&m->config.joins[i], a);
	place_avoid(m, a, RESET_MS_MIN, line ? REDIAL_MS_MAX
					     : STRANGER_MS_MAX);
}

bool
discovery_leads_to(struct mesh *m, uint16_t node, const struct address *a)
{
	const struct node *n = mesh_node(m, node);
	const struct place *p = place_find(m, a);

	if (p != NULL && p->node == node)
		return true;
	if (address_is_loopback(a))
		return n->port == a->port &&
		       host_id_equal(&n->host, &m->config.host);
	for (uint32_t k = 0; k < n->address_count; k++)
		if (address_equal(&n->addresses[k], a))
			return true;
	return false;
}

/*
 * Somebody accepts and says nothing.  A stranger is left alone for long; but a
 * member that is asleep, or whose answer came while we slept ourselves, must be
 * met again soon: its own back-off is enough.
 */
static void
found_silent(struct mesh *m, const struct address *a)
{
	if (m->now_ms < m->stale_until_ms)
		return;
	for (uint32_t i = 1; i < m->roster.count; i++)
		if (m->roster.nodes[i].standing == STANDING_LIVE &&
		    discovery_leads_to(m, (uint16_t)i, a))
			return;
	place_avoid(m, a, STRANGER_MS_MIN, STRANGER_MS_MAX);
	place_get(m, a)->silent = true;
}

void
discovery_ended(struct mesh *m, const struct link *l, enum link_end end)
{
	assert(!l->accepted);
	assert(l->phase != LINK_MEMBER);
	switch (end) {
	case LINK_REFUSED:
		return;
	case LINK_STRANGER:
		place_avoid(m, &l->address, STRANGER_MS_MIN,
			    STRANGER_MS_MAX);
		return;
	case LINK_SILENT:
		if (l->phase == LINK_CONNECTED)
			found_silent(m, &l->address);
		return;
	case LINK_RESET:
	case LINK_CLOSED:
		found_closed(m, &l->address);
		return;
	case LINK_BROKEN:
	case LINK_CLOGGED:
		place_avoid(m, &l->address, RESET_MS_MIN, STRANGER_MS_MAX);
		return;
	}
}

void
discovery_vouched(struct mesh *m, uint16_t node)
{
	struct discovery *d = &m->discovery;

	for (uint32_t i = 0; i < d->place_count; i++)
		if (d->places[i].silent &&
		    discovery_leads_to(m, node, &d->places[i].address))
			d->places[i].until_ms = 0;
}

void
discovery_led_to(struct mesh *m, const struct link *l, uint16_t node)
{
	struct place *p;

	assert(!l->accepted);
	assert(node != NODE_NONE);
	p = place_find(m, &l->address);
	/* Loopback ports are probed anyway. */
	if (p == NULL && l->loopback)
		return;
	p = place_get(m, &l->address);
	p->node = l->loopback ? NODE_NONE : node;
	p->run = mesh_node(m, node)->run;
	p->until_ms = 0;
	p->backoff_ms = 0;
	for (uint32_t i = 0; i < m->config.join_count; i++)
		if (address_equal(&m->config.joins[i], &l->address))
			m->discovery.join_backoff_ms[i] = 0;
}

void
discovery_led_to_self(struct mesh *m, const struct link *l)
{
	assert(!l->accepted);
	place_get(m, &l->address)->self = true;
}

void
discovery_recall(struct mesh *m, uint16_t node)
{
	const struct node *n = mesh_node(m, node);

	/* Its own words at the next HELLO replace the numbers; a name that
	 * somebody has typed is never said again. */
	for (uint32_t i = 0; i < n->address_count; i++)
		if (address_is_name(&n->addresses[i]))
			place_get(m, &n->addresses[i])->node = node;
}

static uint32_t
add_address(struct address *out, uint32_t count, uint32_t max,
	    const struct address *a)
{
	for (uint32_t i = 0; i < count; i++)
		if (address_equal(&out[i], a))
			return count;
	if (count < max)
		out[count++] = *a;
	return count;
}

static uint32_t
add_places(const struct mesh *m, uint16_t node, bool names,
	   struct address *out, uint32_t count, uint32_t max)
{
	for (uint32_t i = 0; i < m->discovery.place_count; i++) {
		const struct place *p = &m->discovery.places[i];

		if (p->node == node && !address_is_loopback(&p->address) &&
		    address_is_name(&p->address) == names)
			count = add_address(out, count, max, &p->address);
	}
	return count;
}

uint32_t
discovery_addresses(const struct mesh *m, uint16_t node,
		    struct address out[NODE_ADDRESSES_MAX])
{
	const struct node *n = &m->roster.nodes[node];
	uint32_t count = add_places(m, node, false, out, 0, FOUND_NUMBERS_MAX);

	count = add_places(m, node, true, out, count, NODE_ADDRESSES_MAX);
	for (uint32_t i = 0; i < n->address_count; i++)
		count = add_address(out, count, NODE_ADDRESSES_MAX,
				    &n->addresses[i]);
	return count;
}

void
discovery_forget_node(struct mesh *m, uint16_t node)
{
	for (uint32_t i = 0; i < m->discovery.place_count; i++)
		if (m->discovery.places[i].node == node)
			m->discovery.places[i].node = NODE_NONE;
	for (uint32_t i = 0; i < m->links.count; i++)
		if (m->links.list[i].evidence == node)
			m->links.list[i].evidence = NODE_NONE;
}
