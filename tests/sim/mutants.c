/*
 * mutants.c: sim_mutants: does the simulator notice mistakes in the core?
 *
 * For each mistake of core/mutant.h two processes look for it, one by seeds, one
 * by exploring, each with an effort that the core without a mistake passes.
 * One of them has to find it; with --both it is seen what either does.
 *
 * sim_mutants NAME [OPTIONS OF --explore] looks at one of them closely.
 */
#include "sim.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutant.h"

#define SEEDS     700u
#define DIALS     60u
#define STATES    "2000"
#define WALKS     "120"
#define TRY_S_MAX 120u /* a mistake may make it go round and round */

enum mutant mutant_chosen;

static const struct {
	const char *name, *what;
} mutants[MUTANT_COUNT] = {
	{"NONE", "no mistake"},
#define X(name, what) {#name, what},
	MUTANTS(X)
#undef X
};

/* ---- the two that look -------------------------------------------------- */

static uint64_t seed;

static void
on_abort(int number)
{
	printf("seed %" PRIu64 ": an assertion\n", seed);
	(void)fflush(stdout);
	(void)signal(number, SIG_DFL);
}

static int
by_seeds(void)
{
	struct world *w = world_new();
	uint64_t calm_us;
	int found = 0;

	(void)signal(SIGABRT, on_abort);
	for (seed = 1; seed <= DIALS && found == 0; seed++) {
		(void)dials_play(w, seed, &calm_us);
		found = w->failed;
	}
	if (found != 0)
		printf("seed %" PRIu64 " of dials: %s\n", seed - 1, w->failure);
	for (seed = 1; seed <= SEEDS && found == 0; seed++) {
		(void)weather_play(w, seed, &calm_us);
		found = w->failed ? 2 : 0;
	}
	if (found == 2)
		printf("seed %" PRIu64 ": %s\n", seed - 1, w->failure);
	world_free(w);
	return found;
}

static int
by_exploring(void)
{
	char *args[] = {"all", "--states", STATES, "--walks", WALKS, NULL};

	return explore_main(5, args);
}

/* ---- trying -------------------------------------------------------------- */

struct try {
	pid_t pid;
	FILE *says;
	bool found;
	bool stopped; /* by us */
	char text[256]; /* what it has found */
};

static void
try_begin(struct try *t, int (*look)(void))
{
	int ends[2];

	if (pipe(ends) != 0)
		abort();
	(void)fflush(stdout);
	t->pid = fork();
	if (t->pid < 0)
		abort();
	if (t->pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)alarm(TRY_S_MAX);
		exit(look());
	}
	(void)close(ends[1]);
	t->says = fdopen(ends[0], "r");
	assert(t->says != NULL);
}

static void
try_read(struct try *t)
{
	char line[4096], where[64] = "";

	t->text[0] = '\0';
	while (fgets(line, sizeof line, t->says) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, " states, ") != NULL)
			(void)snprintf(where, sizeof where, "%.*s: ",
				       (int)strcspn(line, ","), line);
		if (t->text[0] == '\0' &&
		    (strncmp(line, "seed", 4) == 0 ||
		     strncmp(line, "FAIL", 4) == 0 ||
		     strstr(line, "Assertion") != NULL))
			(void)snprintf(t->text, sizeof t->text, "%s%.180s",
				       where, line);
	}
	(void)fclose(t->says);
}

/* Whatever ends it but the end of its work has found something. */
static void
try_ended(struct try *t, int status)
{
	t->found = !t->stopped && status != 0;
	try_read(t);
	if (t->stopped)
		(void)snprintf(t->text, sizeof t->text, "not waited for");
	else if (!t->found)
		(void)snprintf(t->text, sizeof t->text, "nothing");
	else if (t->text[0] == '\0')
		(void)snprintf(t->text, sizeof t->text, "%s %d",
			       WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status)
						   : WEXITSTATUS(status));
}

/* Side by side; one that finds is enough, unless both are asked for. */
static void
try_both(struct try two[2], bool both)
{
	for (unsigned left = 2; left > 0;) {
		int status;
		pid_t pid = wait(&status);
		struct try *t = pid == two[0].pid ? &two[0] : &two[1];
		struct try *other = t == &two[0] ? &two[1] : &two[0];

		if (pid < 0)
			abort();
		try_ended(t, status);
		left--;
		if (left == 1 && t->found && !both) {
			other->stopped = true;
			(void)kill(other->pid, SIGKILL);
		}
	}
}

static bool
try_mutant(enum mutant which, bool both)
{
	struct try two[2] = {{0}, {0}};
	bool well;

	mutant_chosen = which;
	try_begin(&two[0], by_seeds);
	try_begin(&two[1], by_exploring);
	try_both(two, both);
	well = (two[0].found || two[1].found) == (which != MUTANT_NONE);
	printf("%sok %u - %s: %s\n#   seeds: %s\n#   exploring: %s\n",
	       well ? "" : "not ", (unsigned)which + both, mutants[which].name,
	       mutants[which].what, two[0].text, two[1].text);
	return well;
}

int
main(int argc, char **argv)
{
	bool both = argc == 2 && strcmp(argv[1], "--both") == 0;
	unsigned failures = 0, which;

	if (argc > 1 && !both) { /* one of them, to look at it closely */
		for (which = 0; which < MUTANT_COUNT; which++)
			if (strcmp(mutants[which].name, argv[1]) == 0)
				mutant_chosen = (enum mutant)which;
		return argc > 2 ? explore_main(argc - 2, argv + 2)
				: !try_mutant(mutant_chosen, true);
	}
	/* That there is nothing to find without a mistake, the other tests of
	 * this suite see at length. */
	printf("1..%u\n", (unsigned)MUTANT_COUNT - !both);
	for (which = !both; which < MUTANT_COUNT; which++)
		failures += !try_mutant((enum mutant)which, both);
	return failures > 0;
}
