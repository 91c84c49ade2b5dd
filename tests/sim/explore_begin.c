/*
 * explore_begin.c: the situations that exploring begins from.
 */
#include "explore.h"

#include <string.h>

/* Three nodes with a root and a photo or two each; scanned, none running. */
static void
trio(struct world *w, uint32_t hosts)
{
	world_reset(w, 0);
	w->weather = CALM;
	w->thorough = true;
	w->single = true;
	w->input_us = 0;
	w->ports = EXPLORE_NODES;
	w->page_rows_max = 2;
	w->host_count = hosts;
	w->slot_count = EXPLORE_NODES;
	for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
		struct slot *s = &w->slots[i];

		s->used = true;
		s->host = i % hosts;
		disk_create(w, s->disk);
		s->disk->identity.bytes[0] = (uint8_t)(0x10 * (i + 1));
		ended_number(&s->disk->identity);
		memset(s->disk->held, 0, sizeof s->disk->held);
		disk_lose(w, s->disk, s->disk->own_generation);
		s->disk->remembers = true;
		for (uint32_t key = 1; key <= 1 + i % 2; key++)
			s->disk->wanted[key] = 1 + key;
		while (!disk_scanned(s->disk))
			disk_live_alone(w, s);
	}
}

static void
start(struct world *w, uint32_t nodes)
{
	for (uint32_t i = 0; i < nodes; i++)
		node_start(w, &w->slots[i]);
}

/* Until the first so many have come to rest; the others are not in sight. */
static void
rest(struct world *w, uint32_t nodes)
{
	uint64_t until = w->now_us + SEC(20);
	char why[256] = "nothing";

	w->slot_count = nodes;
	do {
		world_run(w, w->now_us + MS(100));
	} while (!w->failed && w->now_us < until &&
		 !check_converged(w, why, sizeof why));
	w->slot_count = EXPLORE_NODES;
	if (w->now_us >= until)
		world_fail(w, "no rest: %s", why);
}

static void
joined(struct world *w)
{
	trio(w, 1);
	start(w, EXPLORE_NODES);
	rest(w, EXPLORE_NODES);
}

static void
strangers(struct world *w)
{
	trio(w, 1);
	start(w, EXPLORE_NODES);
}

static void
absent(struct world *w)
{
	trio(w, 1);
	start(w, 2);
	rest(w, 2);
}

static void
dead(struct world *w)
{
	joined(w);
	node_kill(w, &w->slots[0], false);
}

/* One photo less and one more, everywhere; not yet written. */
static void
alter(struct world *w)
{
	for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
		w->slots[i].disk->wanted[1] = 0;
		w->slots[i].disk->wanted[3] = 9;
		w->slots[i].disk->since_us[3] = w->now_us;
		disk_queue_own(w, &w->slots[i]);
	}
}

static void
changed(struct world *w)
{
	joined(w);
	alter(w);
}

/* All links are lost at once, so all dial each other. */
static void
scattered(struct world *w)
{
	joined(w);
	for (uint32_t i = 0; i < w->wire_end; i++)
		if (w->wires[i].used)
			wire_break(w, i);
}

/* Carol's database is out of yesterday, and nobody has noticed. */
static void
restored(struct world *w)
{
	struct slot *carol;

	joined(w);
	carol = &w->slots[2];
	w->single = false;
	*carol->saved = *carol->disk;
	carol->has_saved = true;
	carol->disk->wanted[2] = 7;
	carol->disk->since_us[2] = w->now_us;
	disk_queue_own(w, carol);
	world_run(w, w->now_us + MS(100));
	rest(w, EXPLORE_NODES);
	node_kill(w, carol, false);
	disk_restore(carol->disk, carol->saved);
	truth_restored(w, disk_own(carol->disk));
	world_run(w, w->now_us + MS(500));
	node_start(w, carol);
}

/* Carol has lost its database, and begins another life. */
static void
lost(struct world *w)
{
	struct slot *carol;

	joined(w);
	carol = &w->slots[2];
	node_kill(w, carol, false);
	disk_lose(w, carol->disk, carol->disk->own_generation + 5);
	world_run(w, w->now_us + MS(500));
	node_start(w, carol);
	disk_queue_own(w, carol);
}

/* Carol is away, and the others have noticed. */
static void
away(struct world *w)
{
	joined(w);
	node_kill(w, &w->slots[2], false);
	world_run(w, w->now_us + MS(500));
	rest(w, 2);
}

/* Alice is told to forget carol while bob, who knows carol, is not linked. */
static void
forgotten(struct world *w)
{
	away(w);
	for (uint32_t i = 0; i < w->wire_end; i++)
		if (w->wires[i].used)
			wire_break(w, i);
	w->slots[2].for_good = true;
	ended_order(w, &w->slots[0], &w->slots[2]);
}

/* Each on a host of its own. */
static void
hosts(struct world *w)
{
	trio(w, 3);
	start(w, EXPLORE_NODES);
	rest(w, EXPLORE_NODES);
	alter(w);
}

const struct situation situations[] = {
	{"strangers", "three that have never met start at one instant",
	 strangers,
	 {.any = 1, .kills = 1, .changes = 1, .slow = 1}},
	{"joined", "all are linked and at rest", joined,
	 {.any = 2, .kills = 1, .breaks = 1, .stops = 1, .leaves = 1,
	  .changes = 1, .slow = 1}},
	{"absent", "carol has never been there", absent,
	 {.any = 1, .kills = 1, .changes = 1, .slow = 1}},
	{"dead", "the coordinator has died this instant", dead,
	 {.any = 1, .kills = 1, .stops = 1, .slow = 1}},
	{"changed", "all have something new, and have taken something away",
	 changed,
	 {.any = 1, .kills = 1, .breaks = 1, .slow = 1}},
	{"scattered", "all links are lost at one instant", scattered,
	 {.any = 1, .kills = 1, .breaks = 1, .slow = 1}},
	{"restored", "carol's database is out of yesterday", restored,
	 {.any = 1, .kills = 1, .breaks = 1, .slow = 1}},
	{"lost", "carol has lost its database and begins anew", lost,
	 {.any = 1, .kills = 1, .breaks = 1, .slow = 1}},
	{"away", "carol is away, and may be forgotten", away,
	 {.any = 1, .kills = 1, .breaks = 1, .changes = 1, .slow = 1,
	  .forgets = 2}},
	{"forgotten", "carol is being forgotten, and bob has not heard of it",
	 forgotten, {.any = 1, .kills = 1, .breaks = 1, .slow = 1}},
	{"hosts", "each on a host of its own, and wires can be cut", hosts,
	 {.any = 2, .kills = 1, .breaks = 1, .cuts = 2, .slow = 1}},
};
const uint32_t situation_count = sizeof situations / sizeof situations[0];

const struct situation *
situation_find(const char *name)
{
	for (uint32_t i = 0; i < situation_count; i++)
		if (strcmp(situations[i].name, name) == 0)
			return &situations[i];
	return NULL;
}

void
situation_begin(const struct situation *s, struct scene *out)
{
	out->left = s->budget;
	s->begin(out->w);
}
