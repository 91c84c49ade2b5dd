/*
 * clone.c: a world copied.
 *
 * Its tables are large and hardly filled, so only what counts say is in use is
 * copied: some 100 KB of 30 MB.
 */
#include "sim.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core_state.h"

static void
disk_copy(struct disk *to, const struct disk *from)
{
	memcpy(to, from, offsetof(struct disk, held));
	for (uint32_t i = 0; i < SIM_STREAMS; i++)
		if (from->held[i].used)
			to->held[i] = from->held[i];
		else
			to->held[i].used = false;
	memcpy(to->beside, from->beside, sizeof to->beside);
	to->memory_count = from->memory_count;
	memcpy(to->memory, from->memory,
	       from->memory_count * sizeof to->memory[0]);
}

static void
truths_copy(struct world *to, const struct world *from, uint32_t had)
{
	for (uint32_t i = 0; i < from->truth_count; i++) {
		const struct truth *t = &from->truths[i];

		memcpy(&to->truths[i], t, offsetof(struct truth, at));
		memcpy(to->truths[i].at, t->at,
		       ((size_t)t->head + 1) * sizeof t->at[0]);
		memcpy(to->truths[i].boundary, t->boundary, sizeof t->boundary);
		memcpy(to->truths[i].told_us, t->told_us,
		       ((size_t)t->head + 1) * sizeof t->told_us[0]);
	}
	for (uint32_t i = from->truth_count; i < had; i++)
		memset(&to->truths[i], 0, sizeof to->truths[i]);
}

static struct news *
news_copy(const struct news *from)
{
	struct news *n = news_new(from->kind);

	*n = *from;
	n->next = NULL;
	if (n->frame != NULL) /* its bytes are shared */
		n->frame->refs += n->frame->refs == 0 ? 2 : 1;
	return n;
}

static void
wires_copy(struct world *to, const struct world *from, uint32_t had)
{
	for (uint32_t i = 0; i < from->wire_end; i++) {
		struct wire *wire = &to->wires[i];

		*wire = from->wires[i];
		for (unsigned side = 0; wire->used && side < 2; side++) {
			struct wire_end *end = &wire->end[side];
			const struct news *n = end->head;

			end->head = NULL;
			end->tail = &end->head;
			for (; n != NULL; n = n->next) {
				*end->tail = news_copy(n);
				end->tail = &(*end->tail)->next;
			}
		}
	}
	for (uint32_t i = from->wire_end; i < had; i++)
		to->wires[i].used = false;
	to->wire_end = from->wire_end;
	to->wire_free_count = from->wire_free_count;
	memcpy(to->wire_free, from->wire_free,
	       from->wire_free_count * sizeof to->wire_free[0]);
}

static void
events_copy(struct world *to, const struct world *from)
{
	while (to->event_room < from->event_count) {
		to->event_room *= 2;
		to->events = realloc(to->events,
				     to->event_room * sizeof *to->events);
		assert(to->events != NULL);
	}
	for (uint32_t i = 0; i < from->event_count; i++) {
		struct event *e = &to->events[i];

		*e = from->events[i];
		if (e->kind == EVENT_NEWS) {
			e->p = news_copy(e->p);
		} else if (e->kind == EVENT_COMMIT) {
			e->p = disk_op_copy(e->p);
		} else if (e->kind == EVENT_READ) {
			struct mesh_effect *asked = malloc(sizeof *asked);

			assert(asked != NULL);
			*asked = *(const struct mesh_effect *)e->p;
			e->p = asked;
		}
	}
	to->event_count = from->event_count;
}

/* What it has allocated goes. */
static void
world_clear(struct world *w)
{
	for (uint32_t i = 0; i < w->event_count; i++)
		event_drop(&w->events[i]);
	w->event_count = 0;
	for (uint32_t i = 0; i < w->wire_end; i++)
		for (unsigned side = 0; w->wires[i].used && side < 2; side++) {
			struct wire_end *end = &w->wires[i].end[side];

			while (end->head != NULL) {
				struct news *n = end->head;

				end->head = n->next;
				news_free(n);
			}
		}
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		for (uint32_t k = 0; k < s->page_count; k++)
			frame_buf_drop(s->pages[k].frame);
		s->page_count = 0;
		while (s->inbox != NULL) {
			struct news *n = s->inbox;

			s->inbox = n->next;
			news_free(n);
		}
	}
}

static void
slot_copy(struct slot *s, const struct slot *from, const struct slot *own)
{
	s->mesh = own->mesh;
	s->disk = own->disk;
	s->saved = own->saved;
	s->inbox = NULL;
	s->inbox_tail = &s->inbox;
	assert(from->inbox == NULL);
	for (uint32_t k = 0; k < s->page_count; k++)
		s->pages[k].frame->refs++;
	if (!s->used)
		return;
	disk_copy(s->disk, from->disk);
	if (s->has_saved)
		disk_copy(s->saved, from->saved);
	if (s->running)
		core_copy(s->mesh, from->mesh);
}

void
world_copy(struct world *to, const struct world *from)
{
	static struct slot slots[SIM_SLOTS];
	struct event *events = to->events;
	uint32_t room = to->event_room, truths_had = to->truth_count;
	struct truth *truths = to->truths;
	struct message_decoder *decoder = to->decoder;
	struct mesh_effects *effects = to->effects;

	assert(to != from);
	world_clear(to);
	memcpy(slots, to->slots, sizeof slots);
	memcpy(to, from, offsetof(struct world, kept_count));
	to->events = events;
	to->event_room = room;
	to->truths = truths;
	to->decoder = decoder;
	to->effects = effects;
	to->kept_count = from->kept_count;
	memcpy(to->kept, from->kept, from->kept_count * sizeof to->kept[0]);
	truths_copy(to, from, truths_had);
	wires_copy(to, from, to->wire_end);
	events_copy(to, from);
	for (uint32_t i = 0; i < SIM_SLOTS; i++)
		slot_copy(&to->slots[i], &from->slots[i], &slots[i]);
}
