/*
 * main.c: sim_mesh, see usage().
 */
#include "sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

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
	      "       sim_mesh --explore ...: every order of events; --explore\n"
	      "           alone says how\n"
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

static const struct play storms = {weather_play, "", "storm and calm"};
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
	if (argc > 1 && strcmp(argv[1], "--explore") == 0)
		return explore_main(argc - 2, argv + 2);
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
