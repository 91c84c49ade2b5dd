/*
 * wire.c: connections between processes.
 *
 * What TCP and TLS do as far as the mesh can see it: dialling, a handshake of
 * three flights, bytes in order, end of stream.  A cut delays everything until
 * it heals; a stopped process still has a kernel that accepts.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_US_MAX SEC(5) /* the driver's patience */

/* No cut in this direction. */
bool
wire_connected(const struct world *w, uint32_t from, uint32_t to)
{
	return !w->cut[from][to];
}

static void
end_init(struct wire_end *end, const struct slot *s, mesh_link link)
{
	memset(end, 0, sizeof *end);
	end->slot = s != NULL ? (int32_t)s->index : -1;
	end->life = s != NULL ? s->life : 0;
	if (s != NULL)
		end->who = s->config.self;
	end->link = link;
	end->open = s != NULL;
	end->tail = &end->head;
}

static uint32_t
wire_new(struct world *w, struct slot *dialler, mesh_link link)
{
	uint32_t index;
	struct wire *wire;

	assert(w->wire_free_count > 0);
	index = w->wire_free[--w->wire_free_count];
	wire = &w->wires[index];
	wire->used = true;
	wire->serial++;
	if (w->wire_end <= index)
		w->wire_end = index + 1;
	wire->delay_us = w->base_delay_us / 2 +
			 world_below(w, w->base_delay_us + 1);
	wire->jitter_us = world_chance(w, 20) ? 2000 : 20;
	if (w->equal_delays) {
		wire->delay_us = w->base_delay_us;
		wire->jitter_us = 1;
	}
	wire->loopback = false;
	end_init(&wire->end[0], dialler, link);
	end_init(&wire->end[1], NULL, MESH_LINK_NONE);
	assert(dialler->open_count < SIM_OPEN);
	dialler->open[dialler->open_count++] = index * 2;
	return index;
}

static void
wire_retire(struct world *w, uint32_t index)
{
	struct wire *wire = &w->wires[index];

	if (wire->end[0].open || wire->end[1].open)
		return;
	for (unsigned side = 0; side < 2; side++)
		if (wire->end[side].due > 0 || wire->end[side].missed > 0)
			return;
	assert(wire->end[0].head == NULL);
	assert(wire->end[1].head == NULL);
	wire->used = false;
	w->wire_free[w->wire_free_count++] = (uint16_t)index;
}

static void
open_forget(struct slot *s, uint32_t key)
{
	for (uint32_t i = 0; i < s->open_count; i++)
		if (s->open[i] == key) {
			s->open[i] = s->open[--s->open_count];
			return;
		}
}

struct wire_end *
wire_find(struct world *w, struct slot *s, mesh_link link, uint32_t *wire,
	  uint32_t *side)
{
	for (uint32_t i = 0; i < s->open_count; i++) {
		uint32_t key = s->open[i];
		struct wire_end *end = &w->wires[key / 2].end[key % 2];

		if (end->link == link) {
			*wire = key / 2;
			*side = key % 2;
			return end;
		}
	}
	return NULL;
}

/* Put news on its way to end `to`, after everything sent before it. */
static void
wire_post(struct world *w, uint32_t index, uint32_t to, struct news *n,
	  uint64_t after_us)
{
	struct wire *wire = &w->wires[index];
	struct wire_end *end = &wire->end[to];
	uint64_t at = w->now_us + after_us;

	if (at < end->last_us)
		at = end->last_us;
	end->last_us = at;
	n->wire = (int32_t)index;
	n->side = to;
	n->serial = wire->serial;
	n->next = NULL;
	*end->tail = n;
	end->tail = &n->next;
	end->due++;
	world_at(w, at, EVENT_WIRE, index * 2 + to, 0, NULL);
}

static uint64_t
flight_us(struct world *w, const struct wire *wire)
{
	return wire->delay_us + world_below(w, wire->jitter_us);
}

void
wire_send(struct world *w, uint32_t index, uint32_t from, enum news_kind kind,
	  struct frame_buf *frame, enum link_end end)
{
	struct wire *wire = &w->wires[index];
	struct news *n = news_new(kind);

	n->end = end;
	n->frame = frame;
	if (frame != NULL)
		frame->refs++;
	wire_post(w, index, 1 - from, n, flight_us(w, wire));
}

/* ---- dialling --------------------------------------------------------- */

/* The host of `to` as seen from s; SIM_HOSTS if there is none. */
static uint32_t
host_of(const struct world *w, const struct slot *s, const struct address *to)
{
	unsigned number;

	if (address_is_loopback(to))
		return s->host;
	if (sscanf(to->host, "10.0.0.%u", &number) != 1 ||
	    number >= w->host_count)
		return SIM_HOSTS;
	return number;
}

static struct slot *
listener_on(struct world *w, uint32_t host, uint16_t port, bool *dying)
{
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->used || s->host != host || s->port != port)
			continue;
		*dying = !s->running;
		if (s->running || s->listener_until_us > w->now_us)
			return s;
	}
	return NULL;
}

static void
dial_fails(struct world *w, uint32_t index, enum link_end why, uint64_t after)
{
	struct news *n = news_new(TOLD_DOWN);

	n->end = why;
	wire_post(w, index, 0, n, after);
}

/* For stories: once per process that died, who learns it by a refused dial. */
static void
tell_refusal(struct world *w, const struct slot *s, uint32_t host,
	     uint16_t port)
{
	for (uint32_t i = 0; w->story && i < w->slot_count; i++) {
		struct slot *dead = &w->slots[i];
		uint32_t bit = 1u << s->index;

		if (dead->running || dead->host != host ||
		    dead->port != port || (dead->refused & bit) != 0)
			continue;
		dead->refused |= bit;
		world_tell(w, "%s redials %u, where %s was: refused", s->name,
			   port, dead->name);
	}
}

static void
dial_connects(struct world *w, uint32_t index, uint64_t after)
{
	wire_post(w, index, 0, news_new(TOLD_CONNECTED), after);
}

void
wire_dial(struct world *w, struct slot *s, mesh_link link,
	  const struct address *to)
{
	uint32_t index = wire_new(w, s, link);
	struct wire *wire = &w->wires[index];
	uint32_t host = host_of(w, s, to);
	struct slot *other;
	bool dying = false;
	uint32_t stranger;

	wire->loopback = address_is_loopback(to);
	if (host == SIM_HOSTS) {
		dial_fails(w, index, LINK_SILENT, SEC(3));
		return;
	}
	if (host != s->host) {
		wire->delay_us += 400;
		if (!wire_connected(w, s->host, host) ||
		    !wire_connected(w, host, s->host)) {
			dial_fails(w, index, LINK_SILENT, SEC(3));
			return;
		}
	}
	other = listener_on(w, host, to->port, &dying);
	if (other == NULL) {
		stranger = to->port >= SIM_BASE &&
					   to->port < SIM_BASE + SIM_PORTS
				   ? w->stranger[host][to->port - SIM_BASE]
				   : 0;
		if (stranger == 0) {
			tell_refusal(w, s, host, to->port);
			dial_fails(w, index, LINK_REFUSED, wire->delay_us);
			return;
		}
		dial_connects(w, index, wire->delay_us);
		if (stranger == 1)
			dial_fails(w, index, LINK_STRANGER, 2000);
		else
			dial_fails(w, index, LINK_SILENT, HANDSHAKE_US_MAX);
		return;
	}
	dial_connects(w, index, 2 * flight_us(w, wire));
	if (dying) { /* its kernel has not come to the listener yet */
		dial_fails(w, index, LINK_RESET,
			   other->listener_until_us - w->now_us + 10);
		return;
	}
	end_init(&wire->end[1], other, MESH_LINK_NONE);
	if (other->open_count == SIM_OPEN) {
		world_fail(w, "%s has %u sockets open", other->name, SIM_OPEN);
		return;
	}
	other->open[other->open_count++] = index * 2 + 1;
	wire_post(w, index, 1, news_new(TOLD_CLIENT_HELLO),
		  3 * flight_us(w, wire));
	world_at(w, w->now_us + HANDSHAKE_US_MAX, EVENT_TIMEOUT, index,
		 wire->serial, NULL);
}

void
wire_timeout(struct world *w, uint32_t index, uint32_t serial)
{
	struct wire *wire = &w->wires[index];

	if (!wire->used || wire->serial != serial)
		return;
	for (unsigned side = 0; side < 2; side++) {
		struct wire_end *end = &wire->end[side];
		struct news *n;

		if (!end->open || end->up)
			continue;
		if (side == 1) { /* the core never heard of it */
			wire_close(w, index, side, true);
			return;
		}
		n = news_new(TOLD_DOWN);
		n->end = LINK_SILENT;
		n->wire = (int32_t)index;
		n->side = side;
		n->serial = serial;
		node_deliver(w, &w->slots[end->slot], n);
	}
}

/* ---- arriving --------------------------------------------------------- */

static struct news *
end_take(struct wire_end *end)
{
	struct news *n = end->head;

	assert(n != NULL);
	end->head = n->next;
	if (end->head == NULL)
		end->tail = &end->head;
	n->next = NULL;
	return n;
}

void
wire_arrive(struct world *w, uint32_t index, uint32_t to)
{
	struct wire *wire = &w->wires[index];
	struct wire_end *end = &wire->end[to], *from = &wire->end[1 - to];
	struct news *n;
	struct slot *s;

	assert(end->due > 0);
	end->due--;
	if (end->slot >= 0 && from->slot >= 0 && !wire->loopback &&
	    !wire_connected(w, w->slots[from->slot].host,
			    w->slots[end->slot].host)) {
		end->missed++;
		return;
	}
	n = end_take(end);
	s = end->slot >= 0 ? &w->slots[end->slot] : NULL;
	if (s == NULL || !end->open || !s->running || s->life != end->life ||
	    (n->kind == TOLD_FRAME && n->failed)) {
		news_free(n);
		wire_retire(w, index);
		return;
	}
	node_deliver(w, s, n);
}

/* What met the cut comes now, in order. */
void
wire_heal(struct world *w, uint32_t from, uint32_t to)
{
	if (w->cut_for_good[from][to])
		return;
	if (w->cut[from][to])
		world_trace(w, "hosts %u -> %u: healed", from, to);
	if (w->cut[from][to])
		w->cut_us = w->now_us;
	w->cut[from][to] = false;
	for (uint32_t i = 0; i < w->wire_end; i++) {
		struct wire *wire = &w->wires[i];

		for (unsigned side = 0; wire->used && side < 2; side++) {
			struct wire_end *end = &wire->end[side];
			uint64_t at = w->now_us +
				      (end->missed > 0 ? world_below(w, 600000)
						       : 0);

			if (end->missed == 0 ||
			    w->slots[wire->end[1 - side].slot].host != from ||
			    w->slots[end->slot].host != to)
				continue;
			if (end->last_us < at)
				end->last_us = at;
			for (; end->missed > 0; end->missed--) {
				end->due++;
				world_at(w, at, EVENT_WIRE, i * 2 + side, 0,
					 NULL);
			}
		}
	}
}

/* ---- the end ---------------------------------------------------------- */

/* Whatever is still on its way to this end finds it closed. */
static void
end_close(struct world *w, uint32_t index, uint32_t side)
{
	struct wire_end *end = &w->wires[index].end[side];

	end->open = false;
	for (; end->missed > 0; end->missed--)
		news_free(end_take(end));
	if (end->slot >= 0)
		open_forget(&w->slots[end->slot], index * 2 + side);
}

void
wire_close(struct world *w, uint32_t index, uint32_t side, bool flush)
{
	struct wire *wire = &w->wires[index];
	struct wire_end *other = &wire->end[1 - side];

	if (!wire->end[side].open)
		return;
	end_close(w, index, side);
	if (other->open) {
		if (!flush && world_chance(w, 50)) /* a reset drops data */
			for (struct news *n = other->head; n != NULL;
			     n = n->next)
				n->failed = n->kind == TOLD_FRAME;
		wire_send(w, index, side, TOLD_DOWN, NULL, LINK_CLOSED);
	}
	wire_retire(w, index);
}

void
wire_break(struct world *w, uint32_t index)
{
	for (uint32_t side = 0; side < 2; side++)
		if (w->wires[index].end[side].open)
			wire_send(w, index, side, TOLD_DOWN, NULL, LINK_CLOSED);
}

void
wire_abandon(struct world *w, struct slot *s)
{
	while (s->open_count > 0) {
		uint32_t key = s->open[s->open_count - 1];

		wire_close(w, key / 2, key % 2, false);
	}
}
