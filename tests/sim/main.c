/*
 * main.c: sim_mesh, see usage().
 */
#include "sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A node held for repeated silence waits up to 60 s; redials up to 30 s. */
#define CALM_BOUND_US SEC(95)
#define CALM_FIRST_US MS(1600) /* whoever hangs comes back */
#define CALM_LOOK_US  MS(500)
#define CALM_STAYS_US MS(1500)
#define QUIET_STEPS(n) ((uint64_t)(n) * (60 + 12 * (uint64_t)(n)))
#define LINKED_US     MS(1500) /* in peace every pair is linked by then */

/* What one seed is played as: a storm and its calm, or dials. */
struct play {
	uint64_t (*play)(struct world *w, uint64_t seed, uint64_t *calm_us);
	const char *option, *what; /* to ask for it; of it in the report */
};

struct totals {
	uint64_t seeds, failed, steps, virtual_us, longest_calm_us;
	uint64_t longest_seed;
};

static void
usage(void)
{
	fputs("usage: sim_mesh [--dials] --seeds FROM COUNT [--twice] [--tap]\n"
	      "       sim_mesh [--dials] --seed N [--trace] [--twice]\n"
	      "       sim_mesh --story NAME|all [--check DIR] [--tap]\n"
	      "A storm and a calm for every seed; with --dials, nodes that dial\n"
	      "each other at one instant; or a story told in prose.\n",
	      stderr);
}

/* An assertion of the core has failed: say in which seed. */
static uint64_t seed_running;
static const char *program = "sim_mesh";
static const struct play *playing;

static void
on_abort(int number)
{
	printf("FAIL %s%s --seed %" PRIu64 " --trace: aborted\n", program,
	       playing->option, seed_running);
	(void)fflush(stdout);
	(void)signal(number, SIG_DFL);
}

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
			quiet = 2 * QUIET_STEPS(w->slot_count);
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
 * One storm and its calm; the hash of all that happened.  Whoever hears of the
 * survivor of two twins through others only, may lose sight of it once more for
 * some seconds; nothing else may come undone, and that only once.
 */
static uint64_t
weather(struct world *w, uint64_t seed, uint64_t *calm_us)
{
	char why[256] = "nothing";
	uint64_t calm_at, until;

	*calm_us = 0;
	world_reset(w, seed);
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
	world_run(w, w->now_us + CALM_FIRST_US);
	if (!converge(w, calm_at))
		return w->hash;
	if (!stays(w) && !w->failed && converge(w, calm_at) && !stays(w))
		world_fail(w, "convergence does not last");
	*calm_us = w->now_us - calm_at;
	return w->hash;
}

static const struct play storms = {weather, "", "storm and calm"};
static const struct play dials = {
	dials_play, " --dials", "dialling at one instant: one link in a second"};

static bool
one_seed(struct world *w, uint64_t seed, bool twice, struct totals *t)
{
	uint64_t calm_us, hash;

	seed_running = seed;
	w->poison = 0;
	hash = playing->play(w, seed, &calm_us);
	t->seeds++;
	t->steps += w->step_count;
	t->virtual_us += w->now_us - SEC(1);
	if (calm_us > t->longest_calm_us) {
		t->longest_calm_us = calm_us;
		t->longest_seed = seed;
	}
	if (!w->failed && twice) {
		w->poison = 0xa5;
		if (playing->play(w, seed, &calm_us) != hash)
			world_fail(w, "the second run was different");
	}
	if (!w->failed)
		return true;
	printf("FAIL %s%s --seed %" PRIu64 " --trace: %s\n", program,
	       playing->option, seed, w->failure);
	(void)fflush(stdout);
	t->failed++;
	return false;
}

static void
many_seeds(struct world *w, uint64_t from, uint64_t count, bool twice,
	   bool tap, struct totals *t)
{
	if (tap)
		printf("1..1\n");
	for (uint64_t seed = from; seed < from + count; seed++)
		(void)one_seed(w, seed, twice, t);
	if (tap)
		printf("%sok 1 - %s, seeds %" PRIu64 " to %" PRIu64 "%s\n",
		       t->failed > 0 ? "not " : "", playing->what, from,
		       from + count - 1, twice ? ", twice" : "");
	printf("%ssim: %" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64
	       " steps, %" PRIu64 " virtual seconds, longest calm %.1f s "
	       "(seed %" PRIu64 ")\n",
	       tap ? "# " : "", t->seeds, t->failed, t->steps,
	       t->virtual_us / SEC(1), (double)t->longest_calm_us / 1e6,
	       t->longest_seed);
}

int
main(int argc, char **argv)
{
	struct totals t = {0};
	struct world *w;
	uint64_t from = 0, count = 0;
	bool twice = false, tap = false, trace = false;
	const char *story = NULL, *check = NULL;
	int failures = 0;

	if (argc > 0)
		program = argv[0];
	playing = &storms;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seeds") == 0 && i + 2 < argc) {
			from = strtoull(argv[++i], NULL, 10);
			count = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
			from = strtoull(argv[++i], NULL, 10);
			count = 1;
		} else if (strcmp(argv[i], "--story") == 0 && i + 1 < argc) {
			story = argv[++i];
		} else if (strcmp(argv[i], "--check") == 0 && i + 1 < argc) {
			check = argv[++i];
		} else if (strcmp(argv[i], "--dials") == 0) {
			playing = &dials;
		} else if (strcmp(argv[i], "--twice") == 0) {
			twice = true;
		} else if (strcmp(argv[i], "--tap") == 0) {
			tap = true;
		} else if (strcmp(argv[i], "--trace") == 0) {
			trace = true;
		} else {
			usage();
			return 2;
		}
	}
	if (story == NULL && count == 0) {
		usage();
		return 2;
	}
	(void)signal(SIGABRT, on_abort);
	w = world_new();
	w->trace = trace && story == NULL;
	if (story != NULL) {
		if (tap && check != NULL)
			printf("1..%u\n", strcmp(story, "all") == 0 ? STORY_COUNT
								    : 1u);
		failures = story_run(w, story, check, tap);
		if (failures < 0)
			usage();
	} else {
		many_seeds(w, from, count, twice, tap, &t);
		failures = t.failed > 0;
	}
	world_free(w);
	return failures == 0 ? 0 : failures < 0 ? 2 : 1;
}
