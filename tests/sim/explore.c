/*
 * explore.c: the search, and its options.
 *
 * Breadth first: level by level, so that what fails is a shortest path.  A state
 * is kept as the move that led to it from its parent; worlds are kept for one
 * path only, and made again by walking down the tree of moves, which costs a
 * copy a step.  Forking a process for each state was ten times slower, and
 * playing each path from the beginning more so.
 */
#include "explore.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core_state.h"

#define DEPTH_MAX   200u
#define NOTHING     UINT32_MAX
#define WALK_MOVES  120u
#define LUCKS       3u /* first without any luck, then with one stroke of it */
#define PRINTS_SEED UINT64_C(0x9e3779b97f4a7c15)

/* One state: how it came from its parent, which is known by the walk. */
struct leaf {
	uint32_t child, next; /* first child, next sibling; NOTHING */
	struct move move;
};

struct search {
	const struct situation *from;
	uint32_t states_max, depth_max, settle_every, walks;
	uint32_t leaf_count;
	struct leaf *leaves;
	uint32_t depth; /* of the level that is being expanded */
	uint64_t *prints;
	uint64_t prints_mask;
	uint64_t states, moves, settled, walked;
	bool full; /* of states */
	uint32_t depths[LUCKS];
	bool whole[LUCKS]; /* there is nothing beyond */
	struct scene path[DEPTH_MAX + 1];
	struct move made[DEPTH_MAX + 1];
	struct scene settling;
	char failure[1024];
	char trace[MOVE_TEXT_BYTES * (DEPTH_MAX + 2)];
};

/* ---- states seen --------------------------------------------------------- */

/* True the first time. */
static bool
is_new(struct search *s, uint64_t print)
{
	uint64_t i;

	print |= 1;
	for (i = print >> 8 & s->prints_mask; s->prints[i] != 0;
	     i = (i + 1) & s->prints_mask)
		if (s->prints[i] == print)
			return false;
	s->prints[i] = print;
	return true;
}

static uint64_t
scene_print(const struct scene *at)
{
	return MIX(world_print(at->w), at->left);
}

static void
scene_copy(struct scene *to, const struct scene *from)
{
	if (to->w == NULL)
		to->w = world_new();
	to->left = from->left;
	world_copy(to->w, from->w);
}

/* ---- what fails ---------------------------------------------------------- */

static void
note_failure(struct search *s, const struct world *w, uint32_t moves)
{
	size_t at = 0;

	if (s->failure[0] != '\0')
		return;
	(void)snprintf(s->failure, sizeof s->failure, "%s", w->failure);
	s->trace[0] = '\0';
	for (uint32_t i = 0; i < moves; i++) {
		move_write(&s->made[i], s->trace + at);
		at += strlen(s->trace + at);
		if (i + 1 < moves)
			s->trace[at++] = ',';
		s->trace[at] = '\0';
	}
}

/* Left alone, all comes out well. */
static bool
settle(struct search *s, const struct scene *from, uint32_t moves)
{
	scene_copy(&s->settling, from);
	s->settled++;
	faults_calm(s->settling.w);
	weather_settle(s->settling.w);
	if (s->settling.w->failed)
		note_failure(s, s->settling.w, moves);
	return s->failure[0] == '\0';
}

/* ---- level by level ------------------------------------------------------ */

static void
expand(struct search *s, uint32_t leaf)
{
	const struct scene *at = &s->path[s->depth];
	struct scene *next = &s->path[s->depth + 1];
	struct move moves[MOVES_MAX];
	uint32_t count = moves_of(at, moves);

	for (uint32_t i = 0; i < count && s->failure[0] == '\0'; i++) {
		struct leaf *l;

		scene_copy(next, at);
		s->made[s->depth] = moves[i];
		move_make(next, &moves[i]);
		s->moves++;
		if (next->w->failed) {
			note_failure(s, next->w, s->depth + 1);
			return;
		}
		if (!is_new(s, scene_print(next)))
			continue;
		if (s->leaf_count == s->states_max) {
			s->full = true;
			return;
		}
		l = &s->leaves[s->leaf_count];
		l->move = moves[i];
		l->child = NOTHING;
		l->next = s->leaves[leaf].child;
		s->leaves[leaf].child = s->leaf_count++;
		if (s->leaf_count % s->settle_every == 0)
			(void)settle(s, next, s->depth + 1);
	}
}

/* All below this leaf that are at the level; `at` is where it lies itself. */
static bool
descend(struct search *s, uint32_t leaf, uint32_t at)
{
	bool any = false;

	if (at == s->depth) {
		expand(s, leaf);
		return s->leaves[leaf].child != NOTHING;
	}
	for (uint32_t *link = &s->leaves[leaf].child;
	     *link != NOTHING && s->failure[0] == '\0' && !s->full;) {
		struct leaf *child = &s->leaves[*link];

		scene_copy(&s->path[at + 1], &s->path[at]);
		s->made[at] = child->move;
		move_make(&s->path[at + 1], &child->move);
		if (descend(s, *link, at + 1)) {
			any = true;
			link = &child->next;
		} else {
			*link = child->next; /* nothing new below it */
		}
	}
	return any;
}

static void
search_levels(struct search *s)
{
	for (s->depth = 0; s->depth < s->depth_max && s->failure[0] == '\0';
	     s->depth++) {
		uint32_t before = s->leaf_count;

		(void)descend(s, 0, 0);
		if (s->full || s->leaf_count == before)
			break;
	}
}

/* ---- further, at random --------------------------------------------------- */

static uint64_t
draw(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 11;
}

/* The clock moves on seldom while something is under way. */
static uint32_t
choose(const struct move *moves, uint32_t count, uint64_t *luck)
{
	uint32_t choice = (uint32_t)(draw(luck) % count);

	if (moves[choice].kind > MOVE_NEWS && draw(luck) % 4 != 0)
		choice = (uint32_t)(draw(luck) % count);
	return choice;
}

static void
walk(struct search *s, uint64_t number)
{
	struct scene *at = &s->path[1];
	uint64_t luck = (number + 1) * PRINTS_SEED;
	uint32_t moves_left = 20 + (uint32_t)(draw(&luck) % WALK_MOVES), n;

	scene_copy(at, &s->path[0]);
	for (n = 0; n < moves_left; n++) {
		struct move moves[MOVES_MAX];
		uint32_t count = moves_of(at, moves);

		if (count == 0)
			break;
		s->made[n] = moves[choose(moves, count, &luck)];
		move_make(at, &s->made[n]);
		s->walked++;
		if (at->w->failed) {
			note_failure(s, at->w, n + 1);
			return;
		}
	}
	(void)settle(s, at, n);
}

/* ---- one situation -------------------------------------------------------- */

static void
search_begin(struct search *s, uint8_t luck)
{
	struct budget *left = &s->path[0].left;

	memset(s->prints, 0, (s->prints_mask + 1) * sizeof *s->prints);
	s->leaves[0] = (struct leaf){NOTHING, NOTHING, {0, 0, 0}};
	s->leaf_count = 1;
	s->full = false;
	s->depth = 0;
	if (s->path[0].w == NULL)
		s->path[0].w = world_new();
	situation_begin(s->from, &s->path[0]);
	left->any = left->any > luck ? luck : left->any;
	left->changes = left->changes > luck ? luck : left->changes;
	left->slow = left->slow > luck ? luck : left->slow;
	left->forgets = left->forgets > luck ? luck : left->forgets;
}

static void
search_note(struct search *s, uint32_t nth)
{
	s->states += s->leaf_count;
	s->depths[nth] = s->depth;
	s->whole[nth] = !s->full && s->failure[0] == '\0';
}

/* True when nothing fails. */
static bool
explore(struct search *s, uint64_t first_walk)
{
	static const uint8_t lucks[LUCKS] = {0, 1, UINT8_MAX};

	s->moves = s->settled = s->walked = s->states = 0;
	memset(s->depths, 0, sizeof s->depths);
	memset(s->whole, 0, sizeof s->whole);
	s->failure[0] = '\0';
	for (uint32_t i = 0; i < LUCKS && s->failure[0] == '\0'; i++) {
		search_begin(s, lucks[i]);
		if (s->path[0].w->failed)
			note_failure(s, s->path[0].w, 0);
		else if (settle(s, &s->path[0], 0))
			search_levels(s);
		search_note(s, i);
	}
	for (uint32_t i = 0; i < s->walks && s->failure[0] == '\0'; i++)
		walk(s, first_walk + i);
	return s->failure[0] == '\0';
}

static struct search *
search_new(void)
{
	struct search *s = calloc(1, sizeof *s);

	assert(s != NULL);
	s->states_max = 4000;
	s->depth_max = DEPTH_MAX - 1;
	s->settle_every = 60;
	s->walks = 200;
	return s;
}

static void
search_room(struct search *s)
{
	uint64_t room = 1024;

	while (room < 2 * (uint64_t)s->states_max)
		room *= 2;
	s->prints = calloc(room, sizeof *s->prints);
	s->prints_mask = room - 1;
	s->leaves = calloc(s->states_max, sizeof *s->leaves);
	assert(s->prints != NULL);
	assert(s->leaves != NULL);
}

static void
search_free(struct search *s)
{
	free(s->prints);
	free(s->leaves);
	for (uint32_t i = 0; i <= DEPTH_MAX; i++)
		if (s->path[i].w != NULL)
			world_free(s->path[i].w);
	if (s->settling.w != NULL)
		world_free(s->settling.w);
	free(s);
}

/* ---- a path again --------------------------------------------------------- */

static int
replay(struct search *s, const char *path)
{
	struct scene *at = &s->path[0];
	struct move moves[MOVES_MAX];
	uint32_t count;

	search_begin(s, UINT8_MAX);
	while (!at->w->failed && *path != '\0') {
		struct move m;
		bool lawful = false;

		if (!move_read(&path, &m)) {
			fprintf(stderr, "no move: %s\n", path);
			return 2;
		}
		count = moves_of(at, moves);
		for (uint32_t i = 0; i < count; i++)
			lawful = lawful || memcmp(&moves[i], &m, sizeof m) == 0;
		if (!lawful) {
			fprintf(stderr, "cannot happen now: before %s\n", path);
			return 2;
		}
		move_tell(at, &m, stdout);
		at->w->trace = true;
		move_make(at, &m);
		at->w->trace = false;
	}
	at->w->trace = true;
	if (!at->w->failed) {
		faults_calm(at->w);
		weather_settle(at->w);
	}
	printf("%s%s\n", at->w->failed ? "FAIL " : "all is well",
	       at->w->failure);
	return at->w->failed;
}

/* ---- options --------------------------------------------------------------- */

static int
usage(void)
{
	fputs("usage: sim_mesh --explore SITUATION|all [--states N] [--depth N]\n"
	      "           [--walks N] [--from N] [--settle EVERY] [--tap]\n"
	      "       sim_mesh --explore SITUATION --replay MOVES\n"
	      "Level by level until there are so many states: without luck, with\n"
	      "a stroke of it, with all of the situation's; then so many paths at\n"
	      "random, numbered from N.  Situations:\n",
	      stderr);
	for (uint32_t i = 0; i < situation_count; i++)
		fprintf(stderr, "  %-10s %s\n", situations[i].name,
			situations[i].what);
	return 2;
}

static void
report(const struct search *s, uint32_t number, bool tap)
{
	const char *name = s->from->name, *mark = tap ? "# " : "";
	bool well = s->failure[0] == '\0';

	if (tap)
		printf("%sok %u - exploring: %s\n", well ? "" : "not ", number,
		       name);
	printf("%s%s: %" PRIu64 " states, %" PRIu64 " moves, all to depth",
	       mark, name, s->states, s->moves);
	for (uint32_t i = 0; i < LUCKS; i++)
		printf("%s %u%s", i > 0 ? "," : "", s->depths[i],
		       s->whole[i] ? " (the end)" : "");
	printf(" by luck; %u walks of %" PRIu64 " moves; %" PRIu64
	       " settled\n",
	       s->walks, s->walked, s->settled);
	if (!well)
		printf("%sFAIL %s\n%sagain: sim_mesh --explore %s --replay %s\n",
		       mark, s->failure, mark, name, s->trace);
	(void)fflush(stdout);
}

/* False when it is none of ours. */
static bool
option(struct search *s, const char *name, const char *value, uint64_t *from,
       const char **path)
{
	static const struct {
		const char *name;
		size_t at;
	} numbers[] = {
		{"--states", offsetof(struct search, states_max)},
		{"--depth", offsetof(struct search, depth_max)},
		{"--walks", offsetof(struct search, walks)},
		{"--settle", offsetof(struct search, settle_every)},
	};

	if (strcmp(name, "--from") == 0)
		*from = strtoull(value, NULL, 10);
	else if (strcmp(name, "--replay") == 0)
		*path = value;
	else
		for (unsigned i = 0; i < 4; i++)
			if (strcmp(name, numbers[i].name) == 0) {
				*(uint32_t *)((char *)s + numbers[i].at) =
					(uint32_t)strtoul(value, NULL, 10);
				return true;
			}
	return *path == value || strcmp(name, "--from") == 0;
}

int
explore_main(int argc, char **argv)
{
	struct search *s = search_new();
	const char *path = NULL;
	uint64_t from = 0;
	bool tap = false, all = argc > 0 && strcmp(argv[0], "all") == 0;
	bool lawful = argc > 0;
	int failures = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--tap") == 0) {
			tap = true;
			continue;
		}
		lawful = lawful && i + 1 < argc &&
			 option(s, argv[i], argv[i + 1], &from, &path);
		i++;
	}
	s->from = lawful && !all ? situation_find(argv[0]) : &situations[0];
	if (!lawful || s->from == NULL || s->settle_every == 0 ||
	    s->states_max < 2 || s->depth_max >= DEPTH_MAX ||
	    (all && path != NULL)) {
		search_free(s);
		return usage();
	}
	search_room(s);
	if (path != NULL) {
		failures = replay(s, path);
		search_free(s);
		return failures;
	}
	if (tap)
		printf("1..%u\n", all ? situation_count : 1);
	for (uint32_t i = 0; i < (all ? situation_count : 1); i++) {
		if (all)
			s->from = &situations[i];
		failures += !explore(s, from);
		report(s, i + 1, tap);
	}
	search_free(s);
	return failures > 0;
}
