/*
 * brake.c: when so much of a root is gone at once that its disk is likelier to
 * be missing than its photos.
 *
 * What still lies elsewhere in the folders of this node is not gone: folders
 * may be renamed and tidied at will.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "scan_private.h"
#include "trouble.h"

#define ALWAYS_MAX  100u /* photos that may always go */
#define SHARE       5u   /* or this part of them all: a fifth */
#define PLACES_MAX  64u
/* So often it is counted where something moves; and more often while that takes
 * no longer than this. */
#define BRAKE_LOOKS       4u
#define BRAKE_LOOK_MS_MAX 2000u

bool
brake_allows(const struct root_now *now, uint64_t gone, uint64_t held,
	     uint64_t left)
{
	uint64_t max = held / SHARE > ALWAYS_MAX ? held / SHARE : ALWAYS_MAX;

	/* Once it has gone off, most of what was missing must be back. */
	if (now->braked && now->missing / 2 < max)
		max = now->missing / 2;
	/* A folder emptied is a mount point, until somebody says otherwise. */
	return gone <= max && (gone == 0 || left > 0);
}

void
brake(struct scan_root *s, uint64_t gone, uint64_t held)
{
	char reason[160];

	if (!s->now->braked || s->now->missing < gone)
		s->now->missing = gone;
	s->now->braked = true;
	snprintf(reason, sizeof(reason),
		 "%" PRIu64 " of %" PRIu64 " photos are missing at once, as if "
		 "its disk were; if they are really gone, say so with: photo "
		 "rescan --accept-missing", gone, held);
	put_problem(s, "", 0, NULL, PROBLEM_OFFLINE, reason);
	set_offline(s, reason);
}

/* ---- within 60 seconds ------------------------------------------------- */

static void
window_turn(struct root_now *now, uint64_t second)
{
	if (second - now->gone_second >= WINDOW_SECONDS) {
		memset(now->gone, 0, sizeof(now->gone));
		now->gone_second = second;
	}
	while (now->gone_second < second)
		now->gone[++now->gone_second % WINDOW_SECONDS] = 0;
}

void
window_add(struct root_now *now, uint64_t gone, uint64_t now_ms)
{
	window_turn(now, now_ms / 1000);
	now->gone[now->gone_second % WINDOW_SECONDS] += (uint32_t)gone;
}

uint64_t
window_sum(struct root_now *now, uint64_t now_ms)
{
	uint64_t sum = 0;

	window_turn(now, now_ms / 1000);
	for (unsigned k = 0; k < WINDOW_SECONDS; k++)
		sum += now->gone[k];
	return sum;
}

/* ---- is it elsewhere? -------------------------------------------------- */

struct places {
	unsigned count;
	struct place {
		struct root_id root;
		char *path; /* owned */
		size_t path_bytes;
	} all[PLACES_MAX];
};

static bool
note_place(void *arg, const struct root_id *root, const char *path,
	   size_t path_bytes)
{
	struct places *p = arg;
	struct place *to = &p->all[p->count];

	to->root = *root;
	to->path_bytes = path_bytes;
	to->path = strndup(path, path_bytes);
	return to->path != NULL && ++p->count < PLACES_MAX;
}

static bool
still_there(struct intake *i, const struct place *p)
{
	const struct state *state = i->config.state;

	for (uint32_t k = 0; k < state->root_count; k++) {
		struct scan_root there = {.intake = i, .index = k,
					  .root = &state->roots[k],
					  .now = &i->now[k],
					  .fd = i->now[k].fd, .live = true};

		if (memcmp(&state->roots[k].id, &p->root, sizeof(p->root)) == 0)
			return there.fd != -1 &&
			       find_path(&there, p->path, p->path_bytes) ==
				       PATH_FILE;
	}
	return false;
}

bool
held_elsewhere(struct scan_root *s, const char *path, size_t path_bytes)
{
	struct places places = {0};
	bool found = false;

	(void)reader_beside(s->intake->reader, &s->root->id, path, path_bytes,
			    note_place, &places, NULL);
	for (unsigned k = 0; k < places.count; k++) {
		found = found || still_there(s->intake, &places.all[k]);
		free(places.all[k].path);
	}
	return found;
}

/* ---- a whole scan ------------------------------------------------------ */

struct tally {
	struct scan_root *root;
	uint64_t gone, excluded;
	bool exact; /* count only what is nowhere, there or elsewhere */
};

/* The scan has not met it; but it may have moved there and back meanwhile, and
 * been passed where it was then. */
static bool
is_back(struct scan_root *s, const char *path, size_t path_bytes)
{
	enum path_found now = find_path(s, path, path_bytes);

	return now != PATH_MISSING && now != PATH_DIRECTORY;
}

static bool
count_gone(void *arg, const struct known_file *f, const char *path,
	   size_t path_bytes)
{
	struct tally *t = arg;
	const struct intake_config *c = &t->root->intake->config;
	const struct tree_visitor v = {.excludes = c->excludes,
				       .exclude_count = c->exclude_count};

	if (f->verdict != OWN_COPY || !is_gone(t->root, f, path, path_bytes))
		return !atomic_load(&t->root->intake->stop);
	/* What is left out now was so by its owner's word, be its disk there
	 * or not. */
	if (tree_excludes(&v, path, path_bytes))
		t->excluded++;
	else if (!(t->exact && (is_back(t->root, path, path_bytes) ||
				held_elsewhere(t->root, path, path_bytes))))
		t->gone++;
	return !atomic_load(&t->root->intake->stop);
}

/* False: it could not be told, so nothing may be withdrawn. */
static bool
tally(struct tally *t)
{
	struct trouble why;

	t->gone = t->excluded = 0;
	if (reader_each_known(t->root->intake->reader, &t->root->root->id,
			      count_gone, t, &why) == 0)
		return true;
	log_error("%s: cannot read what is known: %s", t->root->root->path,
		  why.text);
	t->root->broken = true;
	return false;
}

void
brake_emptied(struct scan_root *s)
{
	struct tally t = {.root = s};
	uint64_t held;

	if (s->media > 0 || s->known_media == 0 || s->intake->accepting ||
	    !tally(&t))
		return;
	held = s->known_media - t.excluded;
	if (held > 0)
		brake(s, held, held);
}

static bool
is_too_much(struct tally *t)
{
	const struct scan_root *s = t->root;

	return tally(t) && !brake_allows(s->now, t->gone,
					 s->known_media - t->excluded,
					 s->media);
}

bool
brake_scan(struct scan_root *s)
{
	const uint64_t end = clock_steady_ms() + BRAKE_LOOK_MS_MAX;
	struct tally t = {.root = s};

	if (s->intake->accepting || !is_too_much(&t))
		return false;
	t.exact = true;
	if (!is_too_much(&t))
		return false;
	/* What moves to and fro is not gone at each of many moments. */
	for (unsigned n = 0; n < MISSING_LOOKS && !live_quiet(s->intake) &&
			     (n < BRAKE_LOOKS || clock_steady_ms() < end);
	     n++) {
		scan_pause(s->intake);
		if (atomic_load(&s->intake->stop))
			return true;
		if (!is_too_much(&t))
			return false;
	}
	brake(s, t.gone, s->known_media - t.excluded);
	return true;
}
