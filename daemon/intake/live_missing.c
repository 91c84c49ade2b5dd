/*
 * live_missing.c: withdrawing what is no longer found at its path.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "live_private.h"
#include "log.h"
#include "trouble.h"

#define MISSING_MAX  65536u
#define QUIET_MS     250u  /* nothing more is found missing for so long */
#define HOLD_MS_MAX  5000u /* but no longer than this */

void
missing_clear(struct live *l)
{
	struct missing *m;

	while ((m = l->first) != NULL) {
		l->first = m->next;
		free(m);
	}
	l->last = &l->first;
	l->count = 0;
}

void
missing_add(struct intake *i, const struct pending_item *item)
{
	struct live *l = i->live;
	struct missing *m = NULL;
	bool moved = (item->flags & LOOK_MOVED) != 0;

	if (l->count < MISSING_MAX)
		m = malloc(sizeof(*m) + item->path_bytes + 1);
	if (m == NULL) {
		scan_again(i);
		return;
	}
	m->next = NULL;
	m->index = item->root;
	m->flags = item->flags & (LOOK_BELOW | LOOK_MOVED);
	m->counted = false;
	m->photos = 0;
	m->path_bytes = item->path_bytes;
	memcpy(m->path, item->path, item->path_bytes + 1);
	*l->last = m;
	l->last = &m->next;
	l->last_ms = clock_steady_ms();
	if (l->count++ == 0) {
		l->first_ms = l->last_ms;
		l->moved_only = true;
	}
	l->moved_only = l->moved_only && moved;
	pthread_mutex_lock(&i->lock);
	l->serial = i->serial;
	pthread_mutex_unlock(&i->lock);
}

uint64_t
missing_due(struct intake *i)
{
	const struct live *l = i->live;
	uint64_t due, latest;
	bool read;

	if (l->count == 0)
		return UINT64_MAX;
	/* What was moved may still be being read at its new place; the end of
	 * that stirs us. */
	pthread_mutex_lock(&i->lock);
	read = jobs_ended(i, l->serial);
	pthread_mutex_unlock(&i->lock);
	if (!read)
		return UINT64_MAX;
	if (l->moved_only)
		return l->last_ms;
	due = l->last_ms + QUIET_MS;
	latest = l->first_ms + HOLD_MS_MAX;
	return due < latest ? due : latest;
}

/* ---- what is known below a directory ----------------------------------- */

struct below {
	struct scan_root *root;
	size_t count;
	struct {
		char *path; /* owned */
		size_t path_bytes;
		bool photo;
	} all[GONE_AT_ONCE];
};

static bool
note_below(void *arg, const struct known_file *f, const char *path,
	   size_t path_bytes)
{
	struct below *b = arg;

	if ((b->all[b->count].path = strndup(path, path_bytes)) == NULL)
		return false;
	b->all[b->count].path_bytes = path_bytes;
	b->all[b->count].photo = f->verdict == OWN_COPY;
	return ++b->count < GONE_AT_ONCE;
}

/* Do `each` with everything known below, some thousands at a time, with no
 * read transaction open. */
static void
each_below(struct scan_root *s, const char *path, size_t path_bytes,
	   bool (*each)(struct scan_root *s, const char *path, size_t bytes,
			bool photo, void *arg),
	   void *arg)
{
	struct below *b = calloc(1, sizeof(*b));
	char after[PATH_BYTES_MAX];
	size_t after_bytes = 0;
	struct trouble why;
	bool go_on = b != NULL;

	/* What was just found there must be known. */
	while (go_on && outbox_flush(s->intake->outbox)) {
		b->count = 0;
		if (reader_known_below(s->intake->reader, &s->root->id, path,
				       path_bytes,
				       after_bytes > 0 ? after : NULL,
				       after_bytes, note_below, b,
				       &why) == -1) {
			log_error("%s: cannot read what is known: %s",
				  s->root->path, why.text);
			scan_again(s->intake);
		}
		go_on = b->count == GONE_AT_ONCE;
		for (size_t k = 0; k < b->count; k++) {
			if (k == b->count - 1) {
				after_bytes = b->all[k].path_bytes;
				memcpy(after, b->all[k].path, after_bytes);
			}
			if (!each(s, b->all[k].path, b->all[k].path_bytes,
				  b->all[k].photo, arg))
				go_on = false;
			free(b->all[k].path);
		}
	}
	free(b);
}

static bool
withdraw_one(struct scan_root *s, const char *path, size_t path_bytes,
	     bool photo, void *arg)
{
	const bool *all = arg;

	(void)photo;
	if (!*all && find_path(s, path, path_bytes) != PATH_MISSING)
		return true;
	return put_gone(s, path, path_bytes);
}

void
withdraw_below(struct scan_root *s, const char *path, size_t path_bytes,
	       bool all)
{
	each_below(s, path, path_bytes, withdraw_one, &all);
}

/* ---- the brake --------------------------------------------------------- */

struct count {
	uint64_t photos;
	bool all; /* the directory is gone, and everything with it */
};

static bool
count_one(struct scan_root *s, const char *path, size_t path_bytes, bool photo,
	  void *arg)
{
	struct count *c = arg;

	if (photo && !held_elsewhere(s, path, path_bytes) &&
	    (c->all || find_path(s, path, path_bytes) == PATH_MISSING))
		c->photos++;
	return true;
}

/* What is back by now is not gone. */
static void
count_photos(struct scan_root *s, struct missing *m)
{
	enum path_found found;
	struct known_file known;
	struct count c = {.all = true};
	bool there = false;

	if (m->flags & LOOK_MOVED || m->counted ||
	    (found = find_path(s, m->path, m->path_bytes)) == PATH_UNKNOWN)
		return;
	if (found != PATH_FILE &&
	    reader_known_file(s->intake->reader, &s->root->id, m->path,
			      m->path_bytes, &known, &there, NULL) == 0 &&
	    there)
		count_one(s, m->path, m->path_bytes, known.verdict == OWN_COPY,
			  &c);
	c.all = found != PATH_DIRECTORY;
	if (m->flags & LOOK_BELOW)
		each_below(s, m->path, m->path_bytes, count_one, &c);
	m->photos = c.photos;
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

/* May all of a root that is missing go?  If not, the root is offline now. */
static bool
brake_live(struct scan_root *s, uint64_t gone)
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

/* ---- withdrawing ------------------------------------------------------- */

/* It may have come back meanwhile; then it has been looked at. */
static void
withdraw_missing(struct scan_root *s, const struct missing *m)
{
	enum path_found found = find_path(s, m->path, m->path_bytes);

	if (found == PATH_UNKNOWN)
		return;
	if (found != PATH_FILE)
		put_gone(s, m->path, m->path_bytes);
	if (m->flags & LOOK_BELOW)
		withdraw_below(s, m->path, m->path_bytes,
			       found != PATH_DIRECTORY);
}

static void
withdraw_root(struct intake *i, unsigned index)
{
	struct scan_root *s = NULL;
	struct missing *m;
	uint64_t gone = 0;

	for (m = i->live->first; m != NULL; m = m->next) {
		if (m->index != index)
			continue;
		if (s == NULL && ((s = live_root(i, index)) == NULL ||
				  !count_once(i->live, index))) {
			scan_again(i);
			return; /* a scan will tell */
		}
		count_photos(s, m);
		gone += m->photos;
	}
	if (s == NULL || !brake_live(s, gone))
		return;
	window_add(s->now, gone, clock_steady_ms());
	for (m = i->live->first; m != NULL; m = m->next) {
		if (m->index == index)
			withdraw_missing(s, m);
	}
}

void
missing_withdraw(struct intake *i)
{
	uint32_t roots = i->config.state->root_count;

	/* Nothing may be withdrawn when what was found is not written, or was
	 * not found for want of means, until a scan has found it; and to
	 * tell what is nowhere else it must be written. */
	if ((!i->live->moved_only && !outbox_flush(i->outbox)) ||
	    scan_doubts(i) != i->settled) {
		scan_again(i);
	} else {
		/* What lies in another root is not gone: they must be open. */
		for (uint32_t k = 0; k < roots && !i->live->moved_only; k++)
			if (i->now[k].online)
				(void)live_root(i, k);
		for (uint32_t k = 0; k < roots; k++)
			withdraw_root(i, k);
	}
	missing_clear(i->live);
}
