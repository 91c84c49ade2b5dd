/*
 * print.c: a number for the state of a world.
 *
 * Whatever can still make a difference counts: cores, disks, what is under way.
 * What is said on a connection has an order, connections among each other have
 * none, so that two orders of events that come to the same give one number.
 */
#include "sim.h"

#include <stddef.h>

#include "core_state.h"

/* ---- disks --------------------------------------------------------------- */

static uint64_t
replicas_print(const struct replica *list, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		if (list[i].used)
			sum += MIX(7, list[i]);
	return sum;
}

static uint64_t
disk_print_of(const struct disk *d)
{
	uint64_t h = mix_bytes(2, d, offsetof(struct disk, since_us));

	h = mix(h, replicas_print(d->held, SIM_STREAMS));
	h = mix(h, replicas_print(d->beside, 4));
	return mix_bytes(h, d->memory,
			 d->memory_count * sizeof d->memory[0]);
}

/* ---- what is under way --------------------------------------------------- */

static uint64_t
news_print(uint64_t h, const struct news *n)
{
	h = mix(h, n->kind | (uint64_t)n->end << 8 |
			   (uint64_t)n->failed << 16 |
			   (uint64_t)n->crowded << 17);
	h = mix(mix(mix(h, n->store), n->request), n->link);
	h = MIX(h, n->report);
	if (n->frame == NULL)
		return h;
	if (n->frame->print == 0)
		n->frame->print =
			mix_bytes(3, n->frame->data, n->frame->bytes) | 1;
	return mix(h, n->frame->print);
}

static uint64_t
end_print(uint64_t h, const struct wire_end *end)
{
	h = mix(mix(h, (uint64_t)end->slot), end->link);
	h = mix(h, end->open | end->up << 1 | end->hello_sent << 2 |
			   end->hello_heard << 3 |
			   end->streams_sent << 4);
	h = mix(h, mix(end->due, end->missed));
	for (const struct news *n = end->head; n != NULL; n = n->next)
		h = news_print(h, n);
	return h;
}

/* A queue of one process: in order; the sum over all of them: in none. */
static uint64_t
event_print(const struct world *w, const struct event *e, uint64_t nth)
{
	uint64_t h = mix(mix(5, e->kind), mix(e->a, nth));
	const void *bytes;
	size_t count;

	switch (e->kind) {
	case EVENT_NEWS:
		return news_print(h, e->p);
	case EVENT_COMMIT:
		bytes = disk_op_bytes(e->p, &count);
		return mix_bytes(h, bytes, count);
	case EVENT_READ:
		return mix(h, ((const struct mesh_effect *)e->p)->link);
	case EVENT_WORK:
	case EVENT_RESTART:
	case EVENT_CONT:
	case EVENT_HEAL:
	case EVENT_SPEED:
		return mix(h, e->at_us);
	case EVENT_WIRE:
	case EVENT_TIMEOUT:
	case EVENT_TICK:
	case EVENT_PUMP:
	case EVENT_FAULT:
		break;
	}
	(void)w;
	return 0;
}

/* How many of its kind and process come before it. */
static uint64_t
event_place(const struct world *w, const struct event *e)
{
	uint64_t before = 0;

	for (uint32_t i = 0; i < w->event_count; i++) {
		const struct event *o = &w->events[i];

		before += o->kind == e->kind && o->a == e->a &&
			  !world_stale(w, o) && event_before(o, e);
	}
	return before;
}

uint64_t
world_print(const struct world *w)
{
	uint64_t h = mix(4, w->now_us), sum = 0;

	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *s = &w->slots[i];

		h = mix(h, s->used | s->running << 1 | s->stopped << 2 |
				   s->for_good << 3);
		h = mix(h, s->life | (uint64_t)s->port << 32);
		h = mix(h, disk_print_of(s->disk));
		if (s->running)
			h = mix(h, core_print(s->mesh));
		else
			h = mix(h, s->listener_until_us > w->now_us
					   ? s->listener_until_us
					   : 0);
	}
	h = MIX(h, w->cut);
	for (uint32_t i = 0; i < w->wire_end; i++)
		if (w->wires[i].used)
			sum += end_print(end_print(6, &w->wires[i].end[0]),
					 &w->wires[i].end[1]);
	for (uint32_t i = 0; i < w->event_count; i++) {
		const struct event *e = &w->events[i];

		if (e->kind != EVENT_WIRE && e->kind != EVENT_TICK &&
		    !world_stale(w, e))
			sum += event_print(w, e, event_place(w, e));
	}
	return mix(h, sum);
}
