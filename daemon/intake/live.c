/*
 * live.c: what a watcher tells, looked at as soon as it may be.
 *
 * The watcher's thread only notes paths.  The scanner's thread looks at them,
 * between scans and in the midst of them, so that all decisions about a path
 * are made by one thread, one after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "live_private.h"
#include "log.h"
#include "trouble.h"
#include "watcher.h"

#define LOOKS_AT_ONCE 256u
#define SOON_MS       25u
#define TURN_MS       250u /* so often in the midst of a scan */

/* ---- on the watcher's thread ------------------------------------------- */

static unsigned
flags_of(enum watch_kind kind)
{
	switch (kind) {
	case WATCH_BEGUN:
	case WATCH_TOUCHED:
		return LOOK_WHEN_QUIET;
	case WATCH_TREE:
	case WATCH_TREE_GONE:
		return LOOK_BELOW;
	case WATCH_MOVED:
		return LOOK_MOVED;
	case WATCH_TREE_MOVED:
		return LOOK_MOVED | LOOK_BELOW;
	case WATCH_WHOLE:
	case WATCH_GONE:
	case WATCH_ROOT:
	case WATCH_MOUNTS:
	case WATCH_LOST:
		return 0;
	}
	return 0;
}

/* The lock is held. */
static void
note_change(struct intake *i, const struct watch_change *c)
{
	switch (c->kind) {
	case WATCH_LOST:
		log_info("more has changed than could be told: looking at "
			 "everything again");
		i->young = true;
		return;
	case WATCH_MOUNTS:
		i->mounts = true;
		return;
	case WATCH_ROOT:
		i->suspect |= UINT64_C(1) << c->root;
		i->wanted = true;
		return;
	case WATCH_TOUCHED:
		look_later(i, c->root, c->path, c->path_bytes);
		return;
	case WATCH_WHOLE:
	case WATCH_BEGUN:
	case WATCH_TREE:
	case WATCH_GONE:
	case WATCH_TREE_GONE:
	case WATCH_MOVED:
	case WATCH_TREE_MOVED:
		break;
	}
	if (!pending_put(i->pending, c->root, c->path, c->path_bytes,
			 flags_of(c->kind), 0))
		i->young = true;
	atomic_store(&i->ready, true);
}

static void
on_changed(void *arg, const struct watch_change *changes, size_t count)
{
	struct intake *i = arg;

	pthread_mutex_lock(&i->lock);
	for (size_t k = 0; k < count; k++)
		note_change(i, &changes[k]);
	i->stirred = true;
	intake_stir(i);
	pthread_mutex_unlock(&i->lock);
}

/* ---- on anybody's ------------------------------------------------------ */

void
intake_look(struct intake *i, const struct root_id *root, const char *path,
	    size_t path_bytes)
{
	const struct state *state = i->config.state;
	uint32_t index = 0;

	while (index < state->root_count &&
	       memcmp(&state->roots[index].id, root, sizeof(*root)) != 0)
		index++;
	if (index == state->root_count)
		return;
	pthread_mutex_lock(&i->lock);
	if (!pending_put(i->pending, index, path, path_bytes, 0, 0))
		i->young = true;
	atomic_store(&i->ready, true);
	i->stirred = true;
	intake_stir(i);
	pthread_mutex_unlock(&i->lock);
}

/* ---- on the scanner's thread -------------------------------------------- */

struct scan_root *
live_root(struct intake *i, unsigned index)
{
	struct scan_root *s = &i->live->roots[index];
	struct root_now *now = &i->now[index];
	char reason[300];
	bool suspect;

	pthread_mutex_lock(&i->lock);
	suspect = (i->suspect >> index & 1) != 0;
	pthread_mutex_unlock(&i->lock);
	if (now->online && !i->scanning && !suspect && now->fd == -1)
		now->fd = open_root(s, reason, sizeof(reason));
	s->fd = now->fd;
	if (s->fd != -1 && !suspect)
		return s;
	scan_again(i);
	return NULL;
}

static void
close_roots(struct intake *i)
{
	if (i->scanning)
		return; /* they are the scan's */
	for (uint32_t k = 0; k < i->config.state->root_count; k++) {
		if (i->now[k].fd != -1)
			close(i->now[k].fd);
		i->now[k].fd = -1;
	}
}

static bool
note_any(void *arg, const struct known_file *f, const char *path,
	 size_t path_bytes)
{
	bool *any = arg;

	(void)f;
	(void)path;
	(void)path_bytes;
	*any = true;
	return false;
}

/* Is anything known below that directory, or a file that it has replaced? */
static bool
knows_below(struct scan_root *s, const struct pending_item *item)
{
	struct known_file known;
	bool any = false;

	if ((item->flags & LOOK_BELOW) == 0)
		return false;
	(void)reader_known_file(s->intake->reader, &s->root->id, item->path,
				item->path_bytes, &known, &any, NULL);
	if (!any)
		(void)reader_known_below(s->intake->reader, &s->root->id,
					 item->path, item->path_bytes, NULL, 0,
					 note_any, &any, NULL);
	return any;
}

static void
look(struct intake *i, const struct pending_item *item)
{
	struct scan_root *s;
	struct tree_visitor v;
	bool below;

	if (job_again(i, item->root, item->path, item->path_bytes,
		      item->flags) ||
	    (s = live_root(i, item->root)) == NULL)
		return;
	below = knows_below(s, item);
	s->quiet = (item->flags & LOOK_WHEN_QUIET) != 0;
	s->broken = false;
	visitor_init(s, &v);
	switch (tree_look(s->fd, &v, item->path, item->path_bytes)) {
	case TREE_MISSING:
		missing_add(i, item);
		break;
	case TREE_THERE:
		/* Another directory may have come in the place of one, or
		 * of a file. */
		if (below)
			missing_add(i, item);
		break;
	case TREE_LEFT_OUT:
	case TREE_STOPPED:
		break;
	}
	for (uint32_t k = 0; k < s->unlisted_count; k++)
		free(s->unlisted[k]);
	s->unlisted_count = 0;
	if (s->broken)
		scan_again(i);
}

static struct pending_item *
take(struct intake *i)
{
	struct pending_item *item;

	pthread_mutex_lock(&i->lock);
	item = pending_take(i->pending, clock_steady_ms());
	if (!pending_ready(i->pending))
		atomic_store(&i->ready, false);
	pthread_mutex_unlock(&i->lock);
	return item;
}

/* Whatever was sent last may have failed when nothing else is to be waited for. */
void
live_on_failure(void *arg)
{
	struct intake *i = arg;

	pthread_mutex_lock(&i->lock);
	i->stirred = true;
	intake_stir(i);
	pthread_mutex_unlock(&i->lock);
}

/* Something found goes at once when nothing more is to be expected. */
static uint64_t
send(struct intake *i)
{
	bool idle, more;
	uint64_t due;

	pthread_mutex_lock(&i->lock);
	due = pending_due(i->pending);
	more = pending_ready(i->pending);
	idle = i->waiting == 0 && i->busy == 0;
	pthread_mutex_unlock(&i->lock);
	(void)outbox_send(i->outbox, idle && !more && !i->scanning);
	if (idle)
		return due;
	return due < clock_steady_ms() + SOON_MS ? due
						 : clock_steady_ms() + SOON_MS;
}

uint64_t
live_turn(struct intake *i)
{
	struct pending_item *item;
	uint64_t due, missing;

	pthread_mutex_lock(&i->lock);
	i->stirred = false;
	pthread_mutex_unlock(&i->lock);
	for (unsigned n = 0; n < LOOKS_AT_ONCE; n++) {
		if (atomic_load(&i->stop) || (item = take(i)) == NULL)
			break;
		look(i, item);
		free(item);
	}
	if (missing_due(i) <= clock_steady_ms())
		missing_withdraw(i);
	close_roots(i);
	due = send(i);
	missing = missing_due(i);
	/* What could not be written is found again by a scan. */
	if (!i->scanning && outbox_failed(i->outbox))
		scan_again(i);
	i->live->turned_ms = clock_steady_ms();
	return due < missing ? due : missing;
}

bool
live_told(struct intake *i)
{
	bool told;

	if (i->watch != NULL && !watcher_quiet(i->watch))
		return false;
	pthread_mutex_lock(&i->lock);
	told = !pending_ready(i->pending);
	pthread_mutex_unlock(&i->lock);
	return told;
}

bool
live_quiet(struct intake *i)
{
	bool quiet;

	if (i->live->count > 0 || !live_told(i))
		return false;
	pthread_mutex_lock(&i->lock);
	quiet = i->waiting == 0 && i->busy == 0;
	pthread_mutex_unlock(&i->lock);
	return quiet;
}

/* What waits for its time is not told of when that comes; so now and then. */
bool
live_wanted(const struct intake *i)
{
	return atomic_load(&i->ready) ||
	       clock_steady_ms() >= i->live->turned_ms + TURN_MS;
}

/* ---- beginning and end -------------------------------------------------- */

int
live_init(struct intake *i, struct trouble *why)
{
	const struct watcher_config config = {.changed = on_changed, .arg = i};
	struct trouble unwatched;
	struct live *l = calloc(1, sizeof(*l));

	if (l == NULL || (i->pending = pending_new()) == NULL) {
		free(l);
		return trouble_set(why, ENOMEM, "out of memory");
	}
	i->live = l;
	l->last = &l->first;
	for (uint32_t k = 0; k < i->config.state->root_count; k++) {
		i->now[k].fd = -1;
		i->now[k].stable = true;
		l->roots[k].intake = i;
		l->roots[k].index = k;
		l->roots[k].now = &i->now[k];
		l->roots[k].root = &i->config.state->roots[k];
		l->roots[k].said = &i->said.recorded[k];
		l->roots[k].record = &i->said.roots[k];
		l->roots[k].live = true;
		l->roots[k].fd = -1;
	}
	i->watch = watcher_new(&config, &unwatched);
	if (i->watch == NULL)
		log_warn("folders cannot be watched, so they are looked at "
			 "from time to time: %s", unwatched.text);
	return 0;
}

void
live_release(struct intake *i)
{
	if (i->live != NULL)
		missing_clear(i->live);
	free(i->live);
	pending_free(i->pending);
}
