/*
 * weather.c: a storm that a seed decides, the calm after it, and what must have
 * come about in that calm, and last.
 */
#include "sim.h"

/* A node held for repeated silence waits up to 60 s; redials up to 30 s. */
#define CALM_BOUND_US SEC(95)
#define CALM_FIRST_US MS(1600) /* whoever hangs comes back */
#define CALM_LOOK_US  MS(500)
#define CALM_STAYS_US MS(1500)
#define QUIET_STEPS(n) ((uint64_t)(n) * (60 + 12 * (uint64_t)(n)))
#define LINKED_US     MS(1500) /* in peace every pair is linked by then */

/* Run until all has come about; false when it has not in time. */
static bool
converge(struct world *w, uint64_t calm_at)
{
	char why[256] = "nothing";

	while (!w->failed && !check_converged(w, why, sizeof why)) {
		if (w->now_us > calm_at + CALM_BOUND_US)
			world_fail(w, "no convergence: %s", why);
		world_run(w, w->now_us + CALM_LOOK_US);
	}
	return !w->failed;
}

/* Does it last?  True also when a pair is just exchanging one link for a newer
 * one. */
static bool
stays(struct world *w)
{
	uint64_t steps = w->step_count, quiet = QUIET_STEPS(w->slot_count);
	uint32_t crowns = w->crowns;
	char why[256];

	world_run(w, w->now_us + CALM_STAYS_US);
	/* Heartbeats, a round of probes, redials of the dead; no more. */
	/* Streams a liar has spoken of may differ, and may still be merging. */
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].liar)
			quiet = 6 * QUIET_STEPS(w->slot_count);
	if (!w->failed && w->step_count - steps > quiet)
		world_fail(w, "%u nodes take %u steps in a calm",
			   w->slot_count, (unsigned)(w->step_count - steps));
	if (!w->failed && w->crowns != crowns)
		world_fail(w, "the coordinator changes in a calm");
	for (unsigned tries = 0; !w->failed && tries < 5; tries++) {
		if (check_converged(w, why, sizeof why))
			return true;
		world_run(w, w->now_us + MS(100));
	}
	return false;
}

/*
 * Whoever hears of the survivor of two twins through others only, may lose
 * sight of it once more for some seconds; nothing else may come undone, and that
 * only once.
 */
void
weather_settle(struct world *w)
{
	uint64_t calm_at = w->now_us;

	world_run(w, w->now_us + CALM_FIRST_US);
	if (!converge(w, calm_at))
		return;
	if (!stays(w) && !w->failed && converge(w, calm_at) && !stays(w))
		world_fail(w, "convergence does not last");
}

/* One storm and its calm; the hash of all that happened. */
uint64_t
weather_play(struct world *w, uint64_t seed, uint64_t *calm_us)
{
	char why[256] = "nothing";
	uint64_t calm_at, until;

	*calm_us = 0;
	world_reset(w, seed);
	w->resting = seed % 2 != 0;
	w->tick_late_us = seed % 8 == 1 ? (uint32_t)MS(30) : 0;
	until = w->now_us + faults_begin(w);
	if (w->peaceful) {
		world_run(w, w->all_started_us + LINKED_US);
		if (!w->failed && !check_links(w, why, sizeof why))
			world_fail(w, "in peace %s", why);
	}
	world_run(w, until);
	if (w->failed)
		return w->hash;
	faults_calm(w);
	calm_at = w->now_us;
	weather_settle(w);
	*calm_us = w->now_us - calm_at;
	return w->hash;
}
