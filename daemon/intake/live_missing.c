/*
 * live_missing.c: withdrawing what is no longer found at its path.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dying.h"
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
	l->again_ms = 0;
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
	m->counted = m->photo = false;
	m->looks = 0;
	m->away = true;
	m->found = PATH_MISSING;
	m->path_bytes = item->path_bytes;
	memcpy(m->path, item->path, item->path_bytes + 1);
	*l->last = m;
	l->last = &m->next;
	m->added_ms = l->last_ms = clock_steady_ms();
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
	due = l->moved_only ? l->last_ms : l->last_ms + QUIET_MS;
	latest = l->first_ms + HOLD_MS_MAX;
	due = due < latest ? due : latest;
	return due > l->again_ms ? due : l->again_ms;
}

/* ---- what is known below a directory ----------------------------------- */

struct below {
	bool failed;
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

	if ((b->all[b->count].path = strndup(path, path_bytes)) == NULL) {
		b->failed = true;
		return false;
	}
	b->all[b->count].path_bytes = path_bytes;
	b->all[b->count].photo = f->verdict == OWN_COPY;
	return ++b->count < GONE_AT_ONCE;
}

bool
each_below(struct scan_root *s, const char *path, size_t path_bytes,
	   bool (*each)(struct scan_root *s, const char *path, size_t bytes,
			bool photo, void *arg),
	   void *arg)
{
	struct below *b = calloc(1, sizeof(*b));
	char after[PATH_BYTES_MAX];
	size_t after_bytes = 0;
	struct trouble why;
	bool whole = b != NULL, more = whole;

	while (more) {
		b->count = 0;
		/* What was just found there must be known. */
		if (!outbox_flush(s->intake->outbox)) {
			b->failed = true;
		} else if (reader_known_below(s->intake->reader, &s->root->id,
					      path, path_bytes,
					      after_bytes > 0 ? after : NULL,
					      after_bytes, note_below, b,
					      &why) == -1) {
			log_error("%s: cannot read what is known: %s",
				  s->root->path, why.text);
			b->failed = true;
		}
		more = b->count == GONE_AT_ONCE;
		whole = whole && !b->failed;
		for (size_t k = 0; k < b->count; k++) {
			if (k == b->count - 1) {
				after_bytes = b->all[k].path_bytes;
				memcpy(after, b->all[k].path, after_bytes);
			}
			if (whole && !each(s, b->all[k].path,
					   b->all[k].path_bytes,
					   b->all[k].photo, arg))
				whole = false;
			free(b->all[k].path);
		}
		more = more && whole;
	}
	free(b);
	return whole;
}

/* ---- withdrawing ------------------------------------------------------- */

struct withdrawal {
	bool all;       /* the directory is gone, and everything with it */
	bool sure;      /* it lies nowhere that nobody has looked yet */
	uint64_t *left; /* so many photos more the brake knows of; NULL: what was
			 * moved, which it does not judge */
};

/* What has gone since it was counted, nobody has judged yet. */
static bool
may_go(struct scan_root *s, bool photo, struct withdrawal *w)
{
	if (!photo || w->left == NULL)
		return true;
	if (*w->left > 0) {
		--*w->left;
		return true;
	}
	scan_again(s->intake);
	return false;
}

/* It is not there; but it may have come to where nobody has looked yet, when
 * something moves to and fro.  Then it must be known where it lies. */
static bool
is_lost(struct scan_root *s, const char *path, size_t path_bytes, bool sure)
{
	struct known_file known;
	bool found = true;

	if (sure || live_told(s->intake) ||
	    (reader_known_file(s->intake->reader, &s->root->id, path,
			       path_bytes, &known, &found, NULL) == 0 &&
	     (!found || known.verdict != OWN_COPY)) ||
	    held_elsewhere(s, path, path_bytes))
		return true;
	scan_again(s->intake);
	return false;
}

static bool
withdraw_one(struct scan_root *s, const char *path, size_t path_bytes,
	     bool photo, void *arg)
{
	struct withdrawal *w = arg;

	if (!w->all && find_path(s, path, path_bytes) != PATH_MISSING)
		return true;
	if (photo && !is_lost(s, path, path_bytes, w->sure && w->all))
		return true;
	return may_go(s, photo, w) && put_gone(s, path, path_bytes);
}

static bool
was_never_there(const struct missing *m)
{
	return m->away && m->looks >= MISSING_LOOKS;
}

/* It may have come back meanwhile; then it has been looked at. */
static void
withdraw_missing(struct scan_root *s, const struct missing *m, uint64_t *left)
{
	bool moved = (m->flags & LOOK_MOVED) != 0;
	struct withdrawal w = {.left = moved ? NULL : left,
			       .sure = was_never_there(m)};
	enum path_found found;

	if (m->counted)
		return;
	found = find_path(s, m->path, m->path_bytes);
	/* What was there when it was counted is judged by a scan. */
	if (found == PATH_UNKNOWN ||
	    (m->found != PATH_MISSING && m->found != found)) {
		scan_again(s->intake);
		return;
	}
	if (found != PATH_FILE && is_lost(s, m->path, m->path_bytes, w.sure) &&
	    may_go(s, m->photo, &w))
		put_gone(s, m->path, m->path_bytes);
	w.all = found != PATH_DIRECTORY;
	if (m->flags & LOOK_BELOW &&
	    !each_below(s, m->path, m->path_bytes, withdraw_one, &w))
		scan_again(s->intake);
}

/* ---- does it move to and fro? ------------------------------------------- */

/* It is looked for once more; is it known where it lies now? */
static bool
look_for(struct intake *i, struct missing *m, bool known)
{
	struct scan_root *s = live_root(i, m->index);
	bool missing = s != NULL && find_path(s, m->path, m->path_bytes) ==
					    PATH_MISSING;

	m->away = m->away && missing;
	m->looks++;
	return known && missing && (m->flags & LOOK_BELOW) == 0 &&
	       held_elsewhere(s, m->path, m->path_bytes);
}

/* What was not looked for often enough waits; it is returned. */
static struct missing *
set_aside(struct live *l, size_t *count)
{
	struct missing *m, *aside = NULL, **last = &aside, **at = &l->first;

	*count = 0;
	while ((m = *at) != NULL) {
		if (m->looks >= MISSING_LOOKS) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		m->next = NULL;
		*last = m;
		last = &m->next;
		++*count;
	}
	l->last = at;
	l->count -= *count;
	return aside;
}

static void
put_back(struct live *l, struct missing *aside, size_t count)
{
	missing_clear(l);
	l->first = aside;
	l->count = count;
	l->moved_only = true;
	for (struct missing *m = aside; m != NULL; m = m->next) {
		l->last = &m->next;
		l->moved_only = l->moved_only && (m->flags & LOOK_MOVED) != 0;
	}
	if (aside != NULL)
		l->first_ms = aside->added_ms;
}

/*
 * Where nothing more is to be told, what is not there is lost.  But there are
 * folders in which somebody writes all the time: in those it is what was not
 * there at any of many moments, as nothing is that moves to and fro.  False:
 * later.
 */
static bool
make_sure(struct intake *i, struct missing **aside, size_t *aside_count)
{
	struct live *l = i->live;
	bool known = l->moved_only;

	*aside = NULL;
	*aside_count = 0;
	for (struct missing *m = l->first; m != NULL; m = m->next)
		known = look_for(i, m, known);
	/* Each is judged when its turn comes: much can move until then. */
	if (known || live_told(i))
		return true;
	if (l->first->looks < MISSING_LOOKS) {
		l->again_ms = clock_steady_ms() + MISSING_LOOK_MS;
		return false;
	}
	*aside = set_aside(l, aside_count);
	return true;
}

static void
withdraw_root(struct intake *i, unsigned index)
{
	struct scan_root *s = NULL;
	struct gone gone = {0};

	if (!gone_count(i, index, &s, &gone)) {
		scan_again(i);
		return; /* a scan will tell */
	}
	if (s == NULL || !gone_allowed(s, gone.photos))
		return;
	window_add(s->now, gone.photos, clock_steady_ms());
	stopping("counted");
	for (struct missing *m = i->live->first; m != NULL; m = m->next) {
		if (m->index == index)
			withdraw_missing(s, m, &gone.withdrawn);
	}
}

void
missing_withdraw(struct intake *i)
{
	uint32_t roots = i->config.state->root_count;
	struct missing *aside;
	size_t aside_count;

	if (!make_sure(i, &aside, &aside_count))
		return;
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
	put_back(i->live, aside, aside_count);
}
