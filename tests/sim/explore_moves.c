/*
 * explore_moves.c: what may happen next, and its happening.
 */
#include "explore.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STOP_US MS(1300) /* beyond four heartbeats */

static const char letters[MOVE_KINDS + 1] = "dcfntkKsbxhzlqo";

/* ---- looking ------------------------------------------------------------- */

/* The first event to come of this kind and place; or none (UINT32_MAX). */
static uint32_t
first_event(const struct world *w, enum event_kind kind, uint32_t a)
{
	uint32_t first = UINT32_MAX;

	for (uint32_t i = 0; i < w->event_count; i++) {
		const struct event *e = &w->events[i];

		if (e->kind == kind && e->a == a && !world_stale(w, e) &&
		    (first == UINT32_MAX || event_before(e, &w->events[first])))
			first = i;
	}
	return first;
}

/* A process is woken early when its deadline has moved on since: it looks, and
 * sleeps again. */
static bool
wakes_for_nothing(const struct world *w, const struct event *e)
{
	return e->kind == EVENT_TICK &&
	       mesh_wake_ms(w->slots[e->a].mesh) >
		       e->at_us / 1000 + w->steady_offset_ms;
}

static uint64_t
deadline_us(const struct world *w, const struct event *e)
{
	return wakes_for_nothing(w, e)
		       ? (mesh_wake_ms(w->slots[e->a].mesh) -
			  w->steady_offset_ms) *
				 1000
		       : e->at_us;
}

/* The next deadline of anybody: when it is. */
static bool
next_deadline(const struct world *w, uint64_t *at_us)
{
	bool any = false;

	for (uint32_t i = 0; i < w->event_count; i++) {
		const struct event *e = &w->events[i];

		if (e->kind == EVENT_WIRE || e->kind == EVENT_NEWS ||
		    e->kind == EVENT_COMMIT || e->kind == EVENT_READ ||
		    world_stale(w, e))
			continue;
		if (!any || deadline_us(w, e) < *at_us)
			*at_us = deadline_us(w, e);
		any = true;
	}
	return any;
}

static uint32_t
first_deadline(const struct world *w)
{
	uint32_t first = UINT32_MAX;

	for (uint32_t i = 0; i < w->event_count; i++) {
		const struct event *e = &w->events[i];

		if (e->kind == EVENT_WIRE || e->kind == EVENT_NEWS ||
		    e->kind == EVENT_COMMIT || e->kind == EVENT_READ ||
		    world_stale(w, e))
			continue;
		if (first == UINT32_MAX || event_before(e, &w->events[first]))
			first = i;
	}
	return first;
}

static bool
is_cut(const struct world *w, const struct wire *wire, uint32_t side)
{
	int32_t from = wire->end[1 - side].slot, to = wire->end[side].slot;

	return from >= 0 && to >= 0 && !wire->loopback &&
	       !wire_connected(w, w->slots[from].host, w->slots[to].host);
}

static bool
can_arrive(const struct world *w, const struct wire *wire, uint32_t side)
{
	return wire->used && wire->end[side].due > 0 && !is_cut(w, wire, side);
}

/* Nobody hears it, or it is but a part of a handshake. */
static bool
arrives_at_once(const struct world *w, const struct wire_end *end)
{
	const struct slot *s = end->slot >= 0 ? &w->slots[end->slot] : NULL;

	return s == NULL || !end->open || !s->running ||
	       s->life != end->life || end->head->kind == TOLD_CONNECTED ||
	       end->head->kind == TOLD_CLIENT_HELLO ||
	       (end->head->kind == TOLD_FRAME && end->head->failed);
}

static bool
is_member_wire(const struct wire *wire)
{
	return wire->used && wire->end[0].open && wire->end[1].open &&
	       wire->end[0].hello_heard && wire->end[1].hello_heard;
}

/* ---- what may happen ----------------------------------------------------- */

static uint32_t
add(struct move *out, uint32_t n, enum move_kind kind, uint32_t a, uint32_t b)
{
	assert(n < MOVES_MAX);
	out[n] = (struct move){(uint8_t)kind, (uint8_t)b, (uint16_t)a};
	return n + 1;
}

/* What is under way: messages, transactions, news of one's own threads. */
static uint32_t
moves_under_way(const struct world *w, struct move *out, uint32_t n)
{
	for (uint32_t i = 0; i < w->wire_end; i++)
		for (uint32_t side = 0; side < 2; side++)
			if (can_arrive(w, &w->wires[i], side))
				n = add(out, n, MOVE_DELIVER, i, side);
	for (uint32_t i = 0; i < w->slot_count; i++) {
		if (first_event(w, EVENT_COMMIT, i) != UINT32_MAX)
			n = add(out, n, MOVE_COMMIT, i, 0);
		if (first_event(w, EVENT_NEWS, i) != UINT32_MAX)
			n = add(out, n, MOVE_NEWS, i, 0);
	}
	return n;
}

/* Whom the user of `s` may give up for good: who does not run. */
static uint32_t
moves_of_user(const struct scene *at, const struct slot *s, struct move *out,
	      uint32_t n)
{
	for (uint32_t i = 0; at->left.forgets > 0 && i < at->w->slot_count; i++)
		if (at->w->slots[i].used && !at->w->slots[i].running)
			n = add(out, n, MOVE_FORGET, s->index, i);
	return n;
}

static uint32_t
moves_of_slot(const struct scene *at, const struct slot *s, struct move *out,
	      uint32_t n)
{
	const struct budget *left = &at->left;

	if (!s->running)
		return add(out, n, MOVE_START, s->index, 0);
	if (left->any > 0 && left->kills > 0) {
		n = add(out, n, MOVE_KILL, s->index, 0);
		n = add(out, n, MOVE_RESET, s->index, 0);
	}
	if (left->changes > 0)
		n = add(out, n, MOVE_CHANGE, s->index, 0);
	if (left->any > 0 && left->stops > 0)
		n = add(out, n, MOVE_STOP, s->index, 0);
	if (left->any > 0 && left->leaves > 0)
		n = add(out, n, MOVE_LEAVE, s->index, 0);
	if (left->any > 0 &&
	    first_event(at->w, EVENT_COMMIT, s->index) != UINT32_MAX)
		n = add(out, n, MOVE_FAIL, s->index, 0);
	return moves_of_user(at, s, out, n);
}

static uint32_t
moves_of_hosts(const struct scene *at, struct move *out, uint32_t n)
{
	const struct world *w = at->w;

	for (uint32_t a = 0; a < w->host_count; a++)
		for (uint32_t b = 0; b < w->host_count; b++) {
			if (a == b)
				continue;
			if (w->cut[a][b])
				n = add(out, n, MOVE_HEAL, a, b);
			else if (at->left.any > 0 && at->left.cuts > 0)
				n = add(out, n, MOVE_CUT, a, b);
		}
	return n;
}

uint32_t
moves_of(const struct scene *at, struct move out[MOVES_MAX])
{
	const struct world *w = at->w;
	uint32_t n = moves_under_way(w, out, 0);
	uint64_t deadline_at;

	if (next_deadline(w, &deadline_at) &&
	    (n == 0 || at->left.slow > 0 || deadline_at <= w->now_us))
		n = add(out, n, MOVE_TIME, 0, 0);
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].used)
			n = moves_of_slot(at, &w->slots[i], out, n);
	for (uint32_t i = 0; i < w->wire_end; i++)
		if (at->left.any > 0 && at->left.breaks > 0 &&
		    is_member_wire(&w->wires[i]))
			n = add(out, n, MOVE_BREAK, i, 0);
	return moves_of_hosts(at, out, n);
}

/* ---- its happening ------------------------------------------------------- */

/* Luck is the same for the same process, whatever others did before: so two
 * moves of two processes come to the same in either order. */
static void
draw_luck(struct world *w, const struct move *m)
{
	uint64_t of = 0;

	if (m->kind == MOVE_DELIVER || m->kind == MOVE_BREAK)
		of = 1; /* nothing but delays, and they are not kept to */
	else if (m->kind != MOVE_TIME && m->a < w->slot_count)
		of = 2 + m->a + SIM_SLOTS * (uint64_t)w->slots[m->a].life;
	w->random[0] = (of + 1) * UINT64_C(0x9e3779b97f4a7c15);
	w->random[1] = of ^ UINT64_C(0xd1b54a32d192ed03);
	for (unsigned i = 0; i < 4; i++)
		(void)world_random(w);
}

/* The parts of handshakes, and reading a page, are one with what led there. */
static void
follow_up(struct world *w)
{
	for (uint32_t i = 0; i < w->event_count && !w->failed; i++) {
		const struct event *e = &w->events[i];
		const struct wire *wire = &w->wires[e->a / 2];

		if (e->kind == EVENT_READ ||
		    (e->kind == EVENT_WIRE &&
		     can_arrive(w, wire, e->a % 2) &&
		     arrives_at_once(w, &wire->end[e->a % 2]))) {
			world_happen(w, i, false);
			i = UINT32_MAX; /* indices have moved: once more */
		}
	}
}

/* The user adds a photo, then takes one away, then puts it back. */
static void
change(struct world *w, struct slot *s)
{
	struct disk *d = s->disk;
	uint32_t key = d->wanted[2] == 0 ? 2 : 1;

	d->wanted[key] = d->wanted[key] == 0 ? 100 + s->index : 0;
	if (d->wanted[key] != 0)
		d->since_us[key] = w->now_us;
	disk_queue_own(w, s);
}

static void
kill_it(struct world *w, struct slot *s, bool reset)
{
	/* Luck decides what is lost: draw until it does what was chosen. */
	for (;;) {
		uint64_t was[2] = {w->random[0], w->random[1]};
		bool lingers = !world_chance(w, 50), lost;

		if (lingers)
			(void)world_below(w, 300);
		lost = world_chance(w, 50);
		if (lost == reset) {
			memcpy(w->random, was, sizeof was);
			break;
		}
	}
	node_kill(w, s, false);
}

static void
stand_still(struct world *w, struct slot *s)
{
	node_stop(w, s);
	world_run(w, w->now_us + STOP_US);
	if (w->failed)
		return;
	node_continue(w, s);
	s->pump_due = false; /* now, not in an instant */
	node_pump(w, s);
}

static void
happen(struct world *w, enum event_kind kind, uint32_t a)
{
	uint32_t event = first_event(w, kind, a);

	assert(event != UINT32_MAX);
	world_happen(w, event, false);
}

static void
leave(struct world *w, struct slot *s)
{
	s->leaving = true;
	node_deliver(w, s, news_new(TOLD_LEAVE));
	if (s->running && !w->failed)
		node_kill(w, s, true);
}

static void
pass_time(struct scene *at)
{
	struct world *w = at->w;
	struct move under_way[MOVES_MAX];
	uint64_t deadline_at = 0;
	bool for_nothing;

	(void)next_deadline(w, &deadline_at);
	if (deadline_at > w->now_us && moves_under_way(w, under_way, 0) > 0)
		at->left.slow--;
	do {
		uint32_t event = first_deadline(w);

		assert(event != UINT32_MAX);
		for_nothing = wakes_for_nothing(w, &w->events[event]);
		world_happen(w, event, true);
	} while (for_nothing);
}

void
move_make(struct scene *at, const struct move *m)
{
	struct world *w = at->w;
	struct slot *s = &w->slots[m->a < SIM_SLOTS ? m->a : 0];
	uint32_t event;

	draw_luck(w, m);
	switch ((enum move_kind)m->kind) {
	case MOVE_DELIVER:
		happen(w, EVENT_WIRE, m->a * 2u + m->b);
		break;
	case MOVE_FAIL:
		at->left.any--;
		event = first_event(w, EVENT_COMMIT, m->a);
		assert(event != UINT32_MAX);
		disk_op_fail(w->events[event].p);
		world_happen(w, event, false);
		break;
	case MOVE_COMMIT:
		happen(w, EVENT_COMMIT, m->a);
		break;
	case MOVE_NEWS:
		happen(w, EVENT_NEWS, m->a);
		break;
	case MOVE_TIME:
		pass_time(at);
		break;
	case MOVE_KILL:
	case MOVE_RESET:
		at->left.any--;
		at->left.kills--;
		kill_it(w, s, m->kind == MOVE_RESET);
		break;
	case MOVE_START:
		s->for_good = false;
		node_start(w, s);
		break;
	case MOVE_BREAK:
		at->left.any--;
		at->left.breaks--;
		wire_break(w, m->a);
		break;
	case MOVE_CUT:
		at->left.any--;
		at->left.cuts--;
		w->cut[m->a][m->b] = true;
		break;
	case MOVE_HEAL:
		wire_heal(w, m->a, m->b);
		break;
	case MOVE_STOP:
		at->left.any--;
		at->left.stops--;
		stand_still(w, s);
		break;
	case MOVE_CHANGE:
		at->left.changes--;
		change(w, s);
		break;
	case MOVE_LEAVE:
		at->left.any--;
		at->left.leaves--;
		leave(w, s);
		break;
	case MOVE_FORGET:
		at->left.forgets--;
		/* Unless it starts once more on this path, it never will. */
		w->slots[m->b].for_good = true;
		ended_order(w, s, &w->slots[m->b]);
		break;
	case MOVE_KINDS:
		assert(!"no move");
	}
	follow_up(w);
}

/* ---- as text ------------------------------------------------------------- */

static bool
has_two(enum move_kind kind)
{
	return kind == MOVE_DELIVER || kind == MOVE_CUT || kind == MOVE_HEAL ||
	       kind == MOVE_FORGET;
}

void
move_write(const struct move *m, char text[MOVE_TEXT_BYTES])
{
	char letter = letters[m->kind];

	if (m->kind == MOVE_TIME)
		(void)snprintf(text, MOVE_TEXT_BYTES, "%c", letter);
	else if (has_two(m->kind))
		(void)snprintf(text, MOVE_TEXT_BYTES, "%c%u.%u", letter, m->a,
			       m->b);
	else
		(void)snprintf(text, MOVE_TEXT_BYTES, "%c%u", letter, m->a);
}

bool
move_read(const char **text, struct move *out)
{
	const char *p = *text, *found;
	char *end;

	if (*p == '\0' || (found = strchr(letters, *p)) == NULL)
		return false;
	memset(out, 0, sizeof *out);
	out->kind = (uint8_t)(found - letters);
	p++;
	if (out->kind != MOVE_TIME) {
		out->a = (uint16_t)strtoul(p, &end, 10);
		p = end;
	}
	if (has_two(out->kind) && *p == '.') {
		out->b = (uint8_t)strtoul(p + 1, &end, 10);
		p = end;
	}
	*text = *p == ',' ? p + 1 : p;
	return *p == ',' || *p == '\0';
}

static const char *
name_of_end(const struct world *w, const struct wire_end *end)
{
	return end->slot >= 0 ? w->slots[end->slot].name : "nobody";
}

void
move_tell(const struct scene *at, const struct move *m, FILE *f)
{
	static const char *const words[MOVE_KINDS] = {
		[MOVE_COMMIT] = "has ended a transaction",
		[MOVE_FAIL] = "could not store",
		[MOVE_NEWS] = "hears of its own threads",
		[MOVE_KILL] = "is killed",
		[MOVE_RESET] = "is killed, and its last words are lost",
		[MOVE_START] = "starts",
		[MOVE_STOP] = "stands still for a while",
		[MOVE_CHANGE] = "has a change in its folder",
		[MOVE_LEAVE] = "leaves",
	};
	const struct world *w = at->w;
	const struct wire *wire = &w->wires[m->a];
	char text[MOVE_TEXT_BYTES];

	move_write(m, text);
	fprintf(f, "%-6s %.3f ", text, (double)(w->now_us - SEC(1)) / 1e6);
	if (m->kind == MOVE_DELIVER) {
		const struct news *n = wire->end[m->b].head;

		fprintf(f, "%s hears %s of %s\n",
			name_of_end(w, &wire->end[m->b]),
			n->kind == TOLD_FRAME ? message_type_text(n->frame->type)
			: n->kind == TOLD_DOWN ? "the end"
					       : "the handshake",
			name_of_end(w, &wire->end[1 - m->b]));
	} else if (m->kind == MOVE_BREAK) {
		fprintf(f, "%s and %s lose a link\n",
			name_of_end(w, &wire->end[0]),
			name_of_end(w, &wire->end[1]));
	} else if (m->kind == MOVE_CUT || m->kind == MOVE_HEAL) {
		fprintf(f, "hosts %u -> %u: %s\n", m->a, m->b,
			m->kind == MOVE_CUT ? "cut" : "healed");
	} else if (m->kind == MOVE_TIME) {
		fprintf(f, "time passes\n");
	} else if (m->kind == MOVE_FORGET) {
		fprintf(f, "%s is told to forget %s\n", w->slots[m->a].name,
			w->slots[m->b].name);
	} else {
		fprintf(f, "%s %s\n", w->slots[m->a].name, words[m->kind]);
	}
}
