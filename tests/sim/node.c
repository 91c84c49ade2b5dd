/*
 * node.c: one process.  Turns news into inputs of the core and has its effects
 * performed in order, as daemon/net/driver does over real sockets.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

uint64_t
node_now_ms(const struct world *w)
{
	return w->now_us / 1000 + w->steady_offset_ms;
}

uint64_t
node_wall_ms(const struct world *w, const struct slot *s)
{
	return (uint64_t)((int64_t)(w->wall_ms + w->now_us / 1000) +
			  s->wall_offset_ms);
}

/* ---- inputs ---------------------------------------------------------- */

static void
arm_tick(struct world *w, struct slot *s)
{
	uint64_t wake = mesh_wake_ms(s->mesh), at;

	if (wake == UINT64_MAX)
		return;
	at = wake <= w->steady_offset_ms
		     ? 0
		     : (wake - w->steady_offset_ms) * 1000;
	if (at < w->now_us)
		at = w->now_us;
	at += w->tick_late_us;
	if (s->tick_at_us != 0 && s->tick_at_us <= at)
		return; /* look again then */
	s->tick_at_us = at;
	world_at(w, at, EVENT_TICK, s->index, s->life, NULL);
}

static void
step(struct world *w, struct slot *s, struct mesh_input *in)
{
	uint32_t life = s->life;
	bool plain = in->kind == MESH_TICK ||
		     (in->kind == MESH_HEARD &&
		      in->u.message->type == MESSAGE_HEARTBEAT);

	in->now_ms = node_now_ms(w);
	in->wall_ms = node_wall_ms(w, s);
	w->step_count++;
	w->refused = in->kind == MESH_LINK_DOWN && in->u.end == LINK_REFUSED;
	check_punctual(w, s);
	world_mix(w, ((uint64_t)in->kind << 56) ^ (in->now_ms << 8) ^ s->index);
	mesh_step(s->mesh, in, w->effects);
	for (uint32_t i = 0; i < w->effects->count; i++)
		if (!effect_perform(w, s, &w->effects->list[i]) || w->failed)
			break;
	if (!s->running || s->life != life || w->failed)
		return;
	/* Before its tick that is half a step. */
	if (!s->liar && in->came_ms == 0)
		check_step(w, s, w->effects,
			   !plain || w->thorough || w->step_count % 16 == 0);
	arm_tick(w, s);
}

/* ---- news -------------------------------------------------------------- */

/* Nothing new in it: it lies in the socket until a tick. */
static bool
left_unread(struct world *w, const struct frame_buf *frame,
	    struct wire_end *end)
{
	const struct message_heartbeat *now = &frame->heartbeat;
	const struct message_heartbeat *was = &end->beat;
	bool same = now->period_ms == was->period_ms &&
		    now->synced == was->synced &&
		    node_id_equal(&now->follows, &was->follows);

	end->beat = *now;
	end->rests = w->resting && same;
	if (end->rests)
		end->came_ms = node_now_ms(w);
	return end->rests;
}

/* A tick is due: what lies unread is heard before, or seen to be there. */
static void
look(struct world *w, struct slot *s)
{
	static struct message heartbeat;
	uint32_t life = s->life;

	heartbeat.type = MESSAGE_HEARTBEAT;
	for (uint32_t i = 0; s->running && s->life == life && !w->failed &&
			     i < s->open_count; i++) {
		struct wire_end *end =
			&w->wires[s->open[i] / 2].end[s->open[i] % 2];
		struct mesh_input in = {.kind = MESH_ALIVE,
					.link = end->link,
					.came_ms = end->came_ms};

		if (!end->rests)
			continue;
		end->rests = false;
		if (w->step_count % 4 == 0) {
			heartbeat.u.heartbeat = end->beat;
			in.kind = MESH_HEARD;
			in.u.message = &heartbeat;
		}
		step(w, s, &in);
	}
}

static void
hear_frame(struct world *w, struct slot *s, struct news *n,
	   struct wire_end *end)
{
	static struct message heartbeat;
	struct mesh_input in = {.kind = MESH_HEARD, .link = end->link};
	struct message m;
	const char *why = "?";

	if (n->frame->type == MESSAGE_HEARTBEAT && w->step_count % 32 != 0) {
		heartbeat.type = MESSAGE_HEARTBEAT;
		heartbeat.u.heartbeat = n->frame->heartbeat;
		in.u.message = &heartbeat;
	} else {
		if (message_decode(w->decoder,
				   n->frame->data + FRAME_HEADER_BYTES,
				   n->frame->bytes - FRAME_HEADER_BYTES, &m,
				   &why) != MESSAGE_OK) {
			world_fail(w, "%s cannot read %s: %s", s->name,
				   message_type_text(n->frame->type), why);
			return;
		}
		in.u.message = &m;
		if (m.type == MESSAGE_HELLO) {
			memcpy(m.u.hello.node.bytes, m.u.hello.key,
			       NODE_ID_BYTES);
			end->hello_heard = true;
		}
		if (m.type != MESSAGE_HEARTBEAT)
			world_trace(w, "%s hears %s on %llu", s->name,
				    message_type_text(m.type),
				    (unsigned long long)end->link);
		check_print_message(w, s, &m);
		if (s->liar && liar_answers(w, s, &m, (uint32_t)n->wire,
					    n->side))
			return;
	}
	if (w->wires[n->wire].end[1 - n->side].slot >= 0) {
		const struct wire_end *there =
			&w->wires[n->wire].end[1 - n->side];

		check_heard(w, s, there);
		if (in.u.message->type == MESSAGE_STREAMS)
			check_told(s, &there->who, &in.u.message->u.streams);
	}
	if (n->frame->type == MESSAGE_HEARTBEAT &&
	    left_unread(w, n->frame, end))
		return;
	w->hearing = in.u.message;
	step(w, s, &in);
	w->hearing = NULL;
}

/* News of a connection, if it is still ours. */
static void
tell_wire(struct world *w, struct slot *s, struct news *n)
{
	struct wire *wire = &w->wires[n->wire];
	struct wire_end *end = &wire->end[n->side];
	struct mesh_input in;

	if (!wire->used || wire->serial != n->serial || !end->open)
		return;
	memset(&in, 0, sizeof in);
	in.link = end->link;
	switch (n->kind) {
	case TOLD_CONNECTED:
		in.kind = MESH_LINK_CONNECTED;
		step(w, s, &in);
		break;
	case TOLD_CLIENT_HELLO:
		wire_send(w, (uint32_t)n->wire, 1, TOLD_SERVER_FLIGHT, NULL,
			  LINK_CLOSED);
		break;
	case TOLD_SERVER_FLIGHT:
		end->up = true;
		wire_send(w, (uint32_t)n->wire, 0, TOLD_FINISHED, NULL,
			  LINK_CLOSED);
		in.kind = MESH_LINK_UP;
		in.u.up.loopback = wire->loopback;
		step(w, s, &in);
		break;
	case TOLD_FINISHED:
		end->up = true;
		end->link = s->next_accept;
		s->next_accept += 2;
		in.link = end->link;
		in.kind = MESH_LINK_UP;
		in.u.up.accepted = true;
		in.u.up.loopback = wire->loopback;
		world_trace(w, "%s has accepted %llu", s->name,
			    (unsigned long long)end->link);
		step(w, s, &in);
		break;
	case TOLD_FRAME:
		hear_frame(w, s, n, end);
		break;
	case TOLD_DOWN: {
		bool known = n->side == 0 || end->up;

		in.kind = MESH_LINK_DOWN;
		in.u.end = n->end == LINK_CLOSED && !end->up ? LINK_RESET
							     : n->end;
		if (end->up)
			world_trace(w, "%s: link %llu is down", s->name,
				    (unsigned long long)end->link);
		wire_close(w, (uint32_t)n->wire, n->side, true);
		if (known)
			step(w, s, &in);
		break;
	}
	case TOLD_START:
	case TOLD_TICK:
	case TOLD_STORED:
	case TOLD_PAGE:
	case TOLD_OWN:
	case TOLD_DROPPED:
	case TOLD_UNDONE:
	case TOLD_LEAVE:
	case TOLD_FORGET:
	case TOLD_FORGOTTEN:
	case TOLD_FORGOT:
		assert(!"not about a wire");
	}
}

static void
tell_page(struct world *w, struct slot *s, struct news *n)
{
	struct mesh_input in;

	memset(&in, 0, sizeof in);
	in.kind = MESH_PAGE_READ;
	in.link = n->link;
	in.u.page.request = n->request;
	in.u.page.found = !n->failed;
	if (n->frame != NULL) {
		assert(s->page_count < 64);
		n->frame->refs += n->frame->refs == 0;
		s->pages[s->page_count++] =
			(struct page){n->link, n->request, n->frame};
		n->frame = NULL;
	}
	step(w, s, &in);
	/* Nobody is left who wanted it. */
	for (uint32_t i = 0; s->running && i < s->page_count; i++)
		if (s->pages[i].link == n->link &&
		    s->pages[i].request == n->request) {
			frame_buf_drop(s->pages[i].frame);
			s->pages[i] = s->pages[--s->page_count];
			break;
		}
}

static void
tell(struct world *w, struct slot *s, struct news *n)
{
	struct mesh_input in;
	uint32_t life = s->life;

	if (n->wire >= 0) {
		tell_wire(w, s, n);
		return;
	}
	memset(&in, 0, sizeof in);
	switch (n->kind) {
	case TOLD_START:
		in.kind = MESH_START;
		break;
	case TOLD_TICK:
		look(w, s);
		if (!s->running || s->life != life || w->failed)
			return;
		in.kind = MESH_TICK;
		break;
	case TOLD_STORED:
		in.kind = MESH_STORED;
		in.u.stored.store = n->store;
		in.u.stored.failed = n->failed;
		in.u.stored.report = n->report;
		break;
	case TOLD_PAGE:
		tell_page(w, s, n);
		return;
	case TOLD_OWN:
		in.kind = MESH_OWN;
		in.u.own = n->report;
		truth_told(w, &n->report);
		break;
	case TOLD_UNDONE:
		in.kind = MESH_UNDONE;
		in.u.undone = n->report.stream;
		break;
	case TOLD_DROPPED:
		in.kind = MESH_DROPPED;
		in.u.dropped.stream = n->report.stream;
		in.u.dropped.crowded = n->crowded;
		break;
	case TOLD_LEAVE:
		in.kind = MESH_LEAVE;
		break;
	case TOLD_FORGET:
		in.kind = MESH_FORGET;
		in.u.forget = n->report.stream.node;
		break;
	case TOLD_FORGOTTEN:
		in.kind = MESH_FORGOTTEN;
		in.u.ended = n->report.stream;
		break;
	case TOLD_FORGOT:
		in.kind = MESH_FORGOT;
		in.u.ended = n->report.stream;
		break;
	case TOLD_CONNECTED:
	case TOLD_CLIENT_HELLO:
	case TOLD_SERVER_FLIGHT:
	case TOLD_FINISHED:
	case TOLD_FRAME:
	case TOLD_DOWN:
		assert(!"about a wire");
	}
	step(w, s, &in);
}

/* ---- the process ------------------------------------------------------- */

void
node_deliver(struct world *w, struct slot *s, struct news *n)
{
	n->next = NULL;
	*s->inbox_tail = n;
	s->inbox_tail = &n->next;
	if (!s->stopped && !s->pump_due)
		node_pump(w, s);
}

void
node_pump(struct world *w, struct slot *s)
{
	uint32_t life = s->life;

	while (s->running && s->life == life && !s->stopped && !w->failed &&
	       s->inbox != NULL) {
		struct news *n = s->inbox;

		if (s->busy_until_us > w->now_us) {
			if (!s->pump_due) {
				s->pump_due = true;
				world_at(w, s->busy_until_us, EVENT_PUMP,
					 s->index, life, NULL);
			}
			return;
		}
		s->inbox = n->next;
		if (s->inbox == NULL)
			s->inbox_tail = &s->inbox;
		s->busy_until_us = w->now_us + s->input_us;
		tell(w, s, n);
		news_free(n);
	}
}

void
node_tick(struct world *w, struct slot *s)
{
	if (s->tick_at_us != w->now_us || s->stopped)
		return;
	s->tick_at_us = 0;
	if (mesh_wake_ms(s->mesh) > node_now_ms(w)) {
		arm_tick(w, s);
		return;
	}
	node_deliver(w, s, news_new(TOLD_TICK));
}

void
node_stop(struct world *w, struct slot *s)
{
	world_tell(w, "%s stops", s->name);
	world_mix(w, UINT64_C(0x5109) + s->index);
	s->stopped = true;
	s->stopped_us = w->now_us;
}

void
node_continue(struct world *w, struct slot *s)
{
	if (!s->stopped)
		return;
	world_tell(w, "%s goes on", s->name);
	check_away(w, s);
	s->stopped = false;
	s->tick_at_us = 0;
	if (world_chance(w, 50))
		arm_tick(w, s);
	if (!s->pump_due) {
		s->pump_due = true;
		world_at(w, w->now_us, EVENT_PUMP, s->index, s->life, NULL);
	}
	if (s->tick_at_us == 0)
		arm_tick(w, s);
}

static bool
port_free(const struct world *w, uint32_t host, uint32_t port)
{
	if (w->stranger[host][port - SIM_BASE] != 0)
		return false;
	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *s = &w->slots[i];

		if (s->used && s->host == host && s->port == port &&
		    (s->running || s->listener_until_us > w->now_us))
			return false;
	}
	return true;
}

static void
configure(struct world *w, struct slot *s, struct mesh_config *c)
{
	memset(c, 0, sizeof *c);
	c->self = s->disk->identity;
	c->run = world_random(w) | 1;
	c->remembers = s->disk->remembers;
	c->seed = world_random(w);
	(void)snprintf(c->name, sizeof c->name, "%s", s->name);
	(void)snprintf(c->software, sizeof c->software, "sim");
	c->host = w->hosts[s->host];
	c->base_port = SIM_BASE;
	c->port_count = (uint16_t)w->ports;
	for (uint32_t p = SIM_BASE; p < SIM_BASE + w->ports; p++)
		if (port_free(w, s->host, p)) {
			c->port = (uint16_t)p;
			break;
		}
	if (w->host_count < 2)
		return;
	c->address_count = 1;
	(void)snprintf(c->addresses[0].host, sizeof c->addresses[0].host,
		       "10.0.0.%u", s->host);
	c->addresses[0].port = c->port;
	for (uint32_t h = 0; h < w->host_count; h++)
		for (uint32_t p = 0;
		     h != s->host && p < w->ports &&
		     p < MESH_JOIN_MAX / (w->host_count - 1);
		     p++) {
			struct address *a = &c->joins[c->join_count++];

			(void)snprintf(a->host, sizeof a->host, "10.0.0.%u", h);
			a->port = (uint16_t)(SIM_BASE + p);
		}
}

void
node_start(struct world *w, struct slot *s)
{
	struct mesh_config config;

	assert(!s->running);
	configure(w, s, &config);
	if (config.port == 0)
		return; /* no port is free */
	s->config = config;
	s->port = config.port;
	s->running = true;
	s->stopped = false;
	s->leaving = false;
	s->life++;
	s->started_us = w->now_us;
	s->busy_until_us = w->now_us;
	s->writer_free_us = w->now_us;
	s->tick_at_us = 0;
	s->pump_due = false;
	s->next_accept = 1;
	s->page_count = 0;
	s->refused = 0;
	memset(s->suspect_us, 0, sizeof s->suspect_us);
	memset(s->well_us, 0, sizeof s->well_us);
	memset(s->left_us, 0, sizeof s->left_us);
	memset(s->heard_us, 0, sizeof s->heard_us);
	memset(s->hung_step, 0, sizeof s->hung_step);
	memset(s->heard_life, 0, sizeof s->heard_life);
	memset(s->dead_life, 0, sizeof s->dead_life);
	memset(s->told_life, 0, sizeof s->told_life);
	s->told_own = 0;
	s->ending_life = 0;
	s->late_us = w->now_us;
	s->away_us = 0;
	s->step_count = 0;
	s->input_us = w->input_us;
	s->disk_us = 300;
	memset(&s->coordinator, 0, sizeof s->coordinator);
	memset(s->disk->beside, 0, sizeof s->disk->beside);
	world_tell(w, "%s (%u) starts", s->name, s->port);
	if (w->poison != 0) /* what mesh_init leaves out must not matter */
		memset(s->mesh, w->poison, mesh_bytes());
	mesh_init(s->mesh, &s->config);
	for (uint32_t i = 0; i < s->disk->memory_count; i++)
		mesh_remember_node(s->mesh, &s->disk->memory[i]);
	for (uint32_t i = 0; i < SIM_STREAMS; i++)
		if (s->disk->held[i].used)
			mesh_remember_stream(s->mesh,
					     &s->disk->held[i].report);
	/* Told behind the start. */
	ended_remember(w, s);
	node_deliver(w, s, news_new(TOLD_START));
}

void
node_kill(struct world *w, struct slot *s, bool politely)
{
	world_mix(w, UINT64_C(0xdead) + s->index);
	if (!politely)
		world_trace(w, "%s dies", s->name);
	s->running = false;
	s->stopped = false;
	s->life++;
	s->listener_until_us =
		w->now_us + (world_chance(w, 50) ? 0 : world_below(w, 300));
	while (s->inbox != NULL) {
		struct news *n = s->inbox;

		s->inbox = n->next;
		news_free(n);
	}
	s->inbox_tail = &s->inbox;
	for (uint32_t i = 0; i < s->page_count; i++)
		frame_buf_drop(s->pages[i].frame);
	s->page_count = 0;
	wire_abandon(w, s);
}
