/*
 * dials.c: both ends dial at one instant, over wires that are equally slow.
 *
 * Two to five nodes start in the same microsecond, and later lose all their
 * links in the same one; nothing else happens.  Each time every two of them
 * have exactly one link within a second, and keep it: that they close each
 * other's for ever is what this rules out.
 */
#include "sim.h"

#define WITHIN_US SEC(1)
#define STAYS_US  MS(700) /* past the probes that come a second later */

static void
must_be_single(struct world *w, const char *when)
{
	char why[256] = "nothing";

	if (!w->failed && !check_links(w, why, sizeof why))
		world_fail(w, "%s, %s", when, why);
}

static void
watch_links(struct world *w, const char *after)
{
	char when[64];

	world_run(w, w->now_us + WITHIN_US);
	snprintf(when, sizeof when, "a second after %s", after);
	must_be_single(w, when);
	world_run(w, w->now_us + STAYS_US);
	snprintf(when, sizeof when, "when all is said after %s", after);
	must_be_single(w, when);
}

uint64_t
dials_play(struct world *w, uint64_t seed, uint64_t *calm_us)
{
	*calm_us = WITHIN_US;
	world_reset(w, seed);
	w->weather = CALM;
	w->equal_delays = true;
	w->base_delay_us = world_between(w, 1, 20000);
	w->slot_count = world_chance(w, 60) ? 2 : world_between(w, 3, 5);
	for (uint32_t i = 0; i < w->slot_count; i++) {
		w->slots[i].used = true;
		disk_create(w, w->slots[i].disk);
		world_at(w, w->now_us, EVENT_RESTART, i, RESTART_KEPT, NULL);
	}
	watch_links(w, "the start");
	for (uint32_t i = 0; i < w->wire_end && !w->failed; i++)
		if (w->wires[i].used)
			wire_break(w, i);
	watch_links(w, "the loss");
	return w->hash;
}
