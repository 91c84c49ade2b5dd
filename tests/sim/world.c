/*
 * world.c: the virtual clock, what happens when, and luck.
 */
#include "sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const slot_names[SIM_SLOTS] = {
	"alice", "bob",   "carol", "dave", "erin",
	"frank", "grace", "heidi", "ivan", "judy",
};

struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof *w);

	assert(w != NULL);
	w->truths = calloc(SIM_TRUTHS, sizeof *w->truths);
	w->effects = calloc(1, sizeof *w->effects);
	w->out = stdout;
	w->decoder = message_decoder_new();
	assert(w->truths != NULL);
	assert(w->effects != NULL);
	assert(w->decoder != NULL);
	w->event_room = 4096;
	w->events = calloc(w->event_room, sizeof *w->events);
	assert(w->events != NULL);
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		struct slot *s = &w->slots[i];

		s->mesh = calloc(1, mesh_bytes());
		s->disk = calloc(1, sizeof *s->disk);
		s->saved = calloc(1, sizeof *s->saved);
		assert(s->mesh != NULL);
		assert(s->disk != NULL);
		assert(s->saved != NULL);
	}
	return w;
}

/* What an event carries dies with it. */
void
event_drop(const struct event *e)
{
	switch (e->kind) {
	case EVENT_NEWS:
		news_free(e->p);
		break;
	case EVENT_COMMIT:
		disk_op_free(e->p);
		break;
	case EVENT_READ:
		free(e->p);
		break;
	case EVENT_WIRE:
	case EVENT_TIMEOUT:
	case EVENT_PUMP:
	case EVENT_TICK:
	case EVENT_WORK:
	case EVENT_FAULT:
	case EVENT_RESTART:
	case EVENT_CONT:
	case EVENT_HEAL:
	case EVENT_SPEED:
		break;
	}
}

static void
world_empty(struct world *w)
{
	for (uint32_t i = 0; i < SIM_SLOTS; i++)
		if (w->slots[i].running)
			node_kill(w, &w->slots[i], false);
	for (uint32_t i = 0; i < w->event_count; i++)
		event_drop(&w->events[i]);
	w->event_count = 0;
	for (uint32_t i = 0; i < w->wire_end; i++) {
		for (unsigned side = 0; w->wires[i].used && side < 2; side++) {
			struct wire_end *end = &w->wires[i].end[side];

			while (end->head != NULL) {
				struct news *n = end->head;

				end->head = n->next;
				news_free(n);
			}
		}
		w->wires[i].used = false;
	}
}

void
world_free(struct world *w)
{
	world_empty(w);
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		free(w->slots[i].mesh);
		free(w->slots[i].disk);
		free(w->slots[i].saved);
	}
	message_decoder_free(w->decoder);
	free(w->effects);
	free(w->events);
	free(w->truths);
	free(w);
}

void
world_reset(struct world *w, uint64_t seed)
{
	world_empty(w);
	w->seed = seed;
	w->now_us = SEC(1);
	w->order = 0;
	w->random[0] = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w->random[1] = seed ^ UINT64_C(0xd1b54a32d192ed03);
	for (unsigned i = 0; i < 8; i++)
		(void)world_random(w);
	w->hash = seed;
	w->step_count = 0;
	w->failed = false;
	w->failure[0] = '\0';
	w->weather = STORM;
	w->slot_count = 0;
	w->host_count = 1;
	memset(w->cut, 0, sizeof w->cut);
	memset(w->cut_for_good, 0, sizeof w->cut_for_good);
	w->cut_us = 0;
	memset(w->stranger, 0, sizeof w->stranger);
	w->steady_offset_ms = 0;
	w->wall_ms = UINT64_C(1790000000000);
	w->page_rows_max = 1000;
	w->base_delay_us = 30;
	w->own_rate_ms = 0;
	w->identity_count = 0;
	memset(w->ordered, 0, sizeof w->ordered);
	for (uint32_t i = 0; i < w->truth_count; i++)
		memset(&w->truths[i], 0, sizeof w->truths[i]);
	w->truth_count = 0;
	w->kept_count = 0;
	w->crowns = 0;
	w->peaceful = false;
	w->napping = false;
	w->equal_delays = false;
	w->lies_many = false;
	w->smeared_count = 0;
	w->own_burst = 5;
	w->thorough = false;
	w->resting = false;
	w->tick_late_us = 0;
	w->single = false;
	w->input_us = 2;
	w->ports = SIM_PORTS;
	w->wire_end = 0;
	w->wire_free_count = 0;
	for (uint32_t i = SIM_WIRES; i-- > 0;)
		w->wire_free[w->wire_free_count++] = (uint16_t)i;
	for (uint32_t i = 0; i < SIM_HOSTS; i++) {
		memset(&w->hosts[i], 0, sizeof w->hosts[i]);
		w->hosts[i].bytes[0] = (uint8_t)('A' + i);
	}
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		struct slot *s = &w->slots[i], fresh;

		memset(&fresh, 0, sizeof fresh);
		fresh.mesh = s->mesh;
		fresh.disk = s->disk;
		fresh.saved = s->saved;
		fresh.index = i;
		fresh.name = slot_names[i];
		*s = fresh;
		s->inbox_tail = &s->inbox;
	}
}

void
world_fail(struct world *w, const char *format, ...)
{
	va_list ap;
	int at;

	if (w->failed)
		return;
	w->failed = true;
	at = snprintf(w->failure, sizeof w->failure, "%.3f: ",
		      (double)(w->now_us - SEC(1)) / 1e6);
	va_start(ap, format);
	(void)vsnprintf(w->failure + at, sizeof w->failure - (size_t)at,
			format, ap);
	va_end(ap);
	for (uint32_t i = 0; w->trace && i < w->slot_count; i++)
		if (w->slots[i].running)
			disk_print(w, &w->slots[i]);
	for (uint32_t i = 0; w->trace && i < w->slot_count; i++)
		if (w->slots[i].running)
			check_print(w, &w->slots[i]);
	if (w->trace)
		fprintf(w->out, "FAIL %s\n", w->failure);
}

static void
say(struct world *w, const char *format, va_list ap)
{
	fprintf(w->out, "%.3f ", (double)(w->now_us - SEC(1)) / 1e6);
	(void)vfprintf(w->out, format, ap);
	(void)fputc('\n', w->out);
}

void
world_trace(struct world *w, const char *format, ...)
{
	va_list ap;

	if (!w->trace)
		return;
	va_start(ap, format);
	say(w, format, ap);
	va_end(ap);
}

void
world_tell(struct world *w, const char *format, ...)
{
	va_list ap;

	if (!w->trace && !w->story)
		return;
	va_start(ap, format);
	say(w, format, ap);
	va_end(ap);
}

const char *
world_name(const struct world *w, const struct node_id *node)
{
	const char *former = NULL;

	if (node_id_is_zero(node))
		return "nobody";
	for (uint32_t i = 0; i < w->slot_count; i++) {
		if (node_id_equal(&w->slots[i].disk->identity, node))
			return w->slots[i].name;
		if (w->slots[i].used && node->bytes[1] == i)
			former = w->slots[i].name;
	}
	return former != NULL ? "(a former identity)" : "(unknown)";
}

/* ---- luck ------------------------------------------------------------- */

/* xorshift128+ */
uint64_t
world_random(struct world *w)
{
	uint64_t a = w->random[0], b = w->random[1];

	w->random[0] = b;
	a ^= a << 23;
	w->random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
	return w->random[1] + b;
}

uint32_t
world_below(struct world *w, uint32_t bound)
{
	assert(bound > 0);
	return (uint32_t)((world_random(w) >> 11) % bound);
}

uint32_t
world_between(struct world *w, uint32_t low, uint32_t high)
{
	assert(low <= high);
	return low + world_below(w, high - low + 1);
}

bool
world_chance(struct world *w, uint32_t percent)
{
	return world_below(w, 100) < percent;
}

void
world_mix(struct world *w, uint64_t value)
{
	w->hash = (w->hash ^ value) * UINT64_C(0x9fb21c651e98df25);
	w->hash ^= w->hash >> 32;
}

/* ---- what happens when: a binary heap over (time, order) --------------- */

bool
event_before(const struct event *a, const struct event *b)
{
	if (a->at_us != b->at_us)
		return a->at_us < b->at_us;
	return a->order < b->order;
}

void
world_at(struct world *w, uint64_t at_us, enum event_kind kind, uint32_t a,
	 uint32_t life, void *p)
{
	struct event e = {at_us, w->order++, kind, a, life, p};
	uint32_t i;

	assert(at_us >= w->now_us);
	if (w->event_count == w->event_room) {
		w->event_room *= 2;
		w->events = realloc(w->events,
				    w->event_room * sizeof *w->events);
		assert(w->events != NULL);
	}
	for (i = w->event_count++; i > 0; i = (i - 1) / 2) {
		if (!event_before(&e, &w->events[(i - 1) / 2]))
			break;
		w->events[i] = w->events[(i - 1) / 2];
	}
	w->events[i] = e;
}

static struct event
event_take(struct world *w, uint32_t at)
{
	struct event taken = w->events[at];
	struct event last = w->events[--w->event_count];
	uint32_t i = at;

	if (at == w->event_count)
		return taken;
	for (; i > 0 && event_before(&last, &w->events[(i - 1) / 2]);
	     i = (i - 1) / 2)
		w->events[i] = w->events[(i - 1) / 2];
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= w->event_count)
			break;
		if (child + 1 < w->event_count &&
		    event_before(&w->events[child + 1], &w->events[child]))
			child++;
		if (!event_before(&w->events[child], &last))
			break;
		w->events[i] = w->events[child];
		i = child;
	}
	w->events[i] = last;
	return taken;
}

/* News for a process that is no more goes nowhere. */
static void
event_happen(struct world *w, const struct event *e)
{
	struct slot *s = e->a < SIM_SLOTS ? &w->slots[e->a] : NULL;
	bool alive = s != NULL && s->running && s->life == e->life;

	switch (e->kind) {
	case EVENT_WIRE:
		wire_arrive(w, e->a / 2, e->a % 2);
		break;
	case EVENT_TIMEOUT:
		wire_timeout(w, e->a, e->life);
		break;
	case EVENT_NEWS:
		if (alive)
			node_deliver(w, s, e->p);
		else
			event_drop(e);
		break;
	case EVENT_PUMP:
		if (alive) {
			s->pump_due = false;
			node_pump(w, s);
		}
		break;
	case EVENT_TICK:
		if (alive)
			node_tick(w, s);
		break;
	case EVENT_COMMIT:
		if (alive)
			disk_commit(w, s, e->p);
		event_drop(e);
		break;
	case EVENT_READ:
		if (alive)
			disk_read(w, s, e->p);
		event_drop(e);
		break;
	case EVENT_WORK:
		faults_work(w, s);
		break;
	case EVENT_FAULT:
		faults_strike(w, e->a, e->life);
		break;
	case EVENT_RESTART:
		if (!s->running && !s->for_good)
			faults_restart(w, s, e->life);
		break;
	case EVENT_CONT:
		if (alive)
			node_continue(w, s);
		break;
	case EVENT_HEAL:
		wire_heal(w, e->a / SIM_HOSTS, e->a % SIM_HOSTS);
		break;
	case EVENT_SPEED:
		if (alive) {
			s->input_us = 2;
			s->disk_us = 300;
		}
		break;
	}
}

bool
world_stale(const struct world *w, const struct event *e)
{
	const struct slot *s = e->a < SIM_SLOTS ? &w->slots[e->a] : NULL;

	switch (e->kind) {
	case EVENT_TICK:
		return !s->running || s->life != e->life ||
		       s->tick_at_us != e->at_us;
	case EVENT_TIMEOUT:
		return !w->wires[e->a].used ||
		       w->wires[e->a].serial != e->life ||
		       ((!w->wires[e->a].end[0].open ||
			 w->wires[e->a].end[0].up) &&
			(!w->wires[e->a].end[1].open ||
			 w->wires[e->a].end[1].up));
	case EVENT_PUMP:
		return !s->running || s->life != e->life || !s->pump_due;
	case EVENT_NEWS:
	case EVENT_COMMIT:
	case EVENT_READ:
	case EVENT_CONT:
	case EVENT_SPEED:
		return !s->running || s->life != e->life;
	case EVENT_WIRE:
	case EVENT_WORK:
	case EVENT_FAULT:
	case EVENT_RESTART:
	case EVENT_HEAL:
		break;
	}
	return false;
}

void
world_happen(struct world *w, uint32_t event, bool in_time)
{
	struct event e = event_take(w, event);

	if (in_time && e.at_us > w->now_us)
		w->now_us = e.at_us;
	event_happen(w, &e);
}

void
world_run(struct world *w, uint64_t until_us)
{
	while (!w->failed && w->event_count > 0 &&
	       w->events[0].at_us <= until_us)
		world_happen(w, 0, true);
	if (!w->failed && w->now_us < until_us)
		w->now_us = until_us;
}
