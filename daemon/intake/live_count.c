/*
 * live_count.c: how much of a root is gone, and may it be withdrawn?
 *
 * Nothing that cannot be looked at just now is gone, and what was not counted
 * is not withdrawn: a scan tells.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "live_private.h"

struct count {
	struct gone *gone;
	bool all; /* the directory is gone, and everything with it */
};

static bool
count_one(struct scan_root *s, const char *path, size_t path_bytes, bool photo,
	  void *arg)
{
	struct count *c = arg;
	enum path_found found = PATH_MISSING;

	if (!photo)
		return true;
	if (!c->all)
		found = find_path(s, path, path_bytes);
	if (found == PATH_MISSING) {
		c->gone->withdrawn++;
		c->gone->photos += !held_elsewhere(s, path, path_bytes);
	}
	return found != PATH_UNKNOWN;
}

/* What is back by now is not gone.  False: it cannot be told what is. */
static bool
count_photos(struct scan_root *s, struct missing *m, struct gone *gone)
{
	struct count c = {.gone = gone, .all = true};
	struct known_file known;
	bool there = false;

	if (m->flags & LOOK_MOVED || m->counted)
		return true;
	m->found = find_path(s, m->path, m->path_bytes);
	if (m->found == PATH_UNKNOWN)
		return false;
	if (m->found != PATH_FILE) {
		if (reader_known_file(s->intake->reader, &s->root->id, m->path,
				      m->path_bytes, &known, &there,
				      NULL) == -1)
			return false;
		m->photo = there && known.verdict == OWN_COPY;
		count_one(s, m->path, m->path_bytes, m->photo, &c);
	}
	c.all = m->found != PATH_DIRECTORY;
	return (m->flags & LOOK_BELOW) == 0 ||
	       each_below(s, m->path, m->path_bytes, count_one, &c);
}

/* By path, what lies in a directory right behind it. */
static int
by_path(const void *one, const void *two)
{
	const struct missing *a = *(struct missing *const *)one;
	const struct missing *b = *(struct missing *const *)two;
	const char *x = a->path, *y = b->path;

	while (*x == *y && *x != '\0') {
		x++;
		y++;
	}
	if (*x == *y) /* the one that tells of more goes first */
		return (int)(b->flags & LOOK_BELOW) -
		       (int)(a->flags & LOOK_BELOW);
	if (*x == '\0' || *y == '\0')
		return *x == '\0' ? -1 : 1;
	if (*x == '/' || *y == '/')
		return *x == '/' ? -1 : 1;
	return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
}

static bool
tells_of(const struct missing *m, const struct missing *other)
{
	size_t n = m->path_bytes;

	if (other->path_bytes < n || memcmp(other->path, m->path, n) != 0)
		return false;
	return other->path_bytes == n ||
	       (m->flags & LOOK_BELOW && (n == 0 || other->path[n] == '/'));
}

/* What was told of twice, or with its directory, is gone once.  False: out of
 * memory. */
static bool
count_once(struct live *l, unsigned index)
{
	struct missing **all = calloc(l->count, sizeof(struct missing *));
	struct missing *last = NULL;
	size_t count = 0;

	if (all == NULL)
		return false;
	for (struct missing *m = l->first; m != NULL; m = m->next)
		if (m->index == index && (m->flags & LOOK_MOVED) == 0)
			all[count++] = m;
	qsort(all, count, sizeof(struct missing *), by_path);
	for (size_t i = 0; i < count; i++) {
		if (last != NULL && tells_of(last, all[i]))
			all[i]->counted = true;
		else
			last = all[i];
	}
	free(all);
	return true;
}

bool
gone_count(struct intake *i, unsigned index, struct scan_root **root,
	   struct gone *out)
{
	struct missing *m;

	*root = NULL;
	for (m = i->live->first; m != NULL; m = m->next) {
		if (m->index != index)
			continue;
		if (*root == NULL &&
		    ((*root = live_root(i, index)) == NULL ||
		     !count_once(i->live, index)))
			return false;
		if (!count_photos(*root, m, out))
			return false;
	}
	return true;
}

/* ---- the brake --------------------------------------------------------- */

static bool
count_held(void *arg, const struct known_file *f, const char *path,
	   size_t path_bytes)
{
	uint64_t *left = arg;

	(void)path;
	(void)path_bytes;
	return f->verdict != OWN_COPY || --*left > 0;
}

/* Photos known of the root, counted up to `max`. */
static uint64_t
photos_known(struct scan_root *s, uint64_t max)
{
	uint64_t left = max;

	if (max > 0)
		(void)reader_known_below(s->intake->reader, &s->root->id, "", 0,
					 NULL, 0, count_held, &left, NULL);
	return max - left;
}

bool
gone_allowed(struct scan_root *s, uint64_t gone)
{
	uint64_t now = clock_steady_ms(), window = window_sum(s->now, now), held;

	if (gone == 0)
		return true;
	/* Enough to tell whether any is left; all, if that decides. */
	held = photos_known(s, gone + 1);
	if (brake_allows(s->now, gone + window, 0, held > gone ? held - gone : 0))
		return true;
	held = photos_known(s, UINT64_MAX);
	if (brake_allows(s->now, gone + window, held + window,
			 held > gone ? held - gone : 0))
		return true;
	if (s->intake->scanning) {
		/* Its brake is the scan's; but what it has passed already only
		 * another one misses. */
		scan_again(s->intake);
		return false;
	}
	brake(s, gone + window, held + window);
	state_review(s->intake);
	return false;
}
