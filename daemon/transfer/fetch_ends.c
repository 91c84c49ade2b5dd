/*
 * fetch_ends.c: what has become of a GET, in words and numbers; its life.
 */
#include "fetch_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define LAZY_MS 10000u /* no frame for so long, while another is free */
#define SLOW_MS 20000u /* no whole piece for so long, while another is free */

/* ---- the world ----------------------------------------------------------- */

struct fetch_world *
fetch_world_new(uint32_t count)
{
	struct fetch_world *w =
		calloc(1, sizeof(*w) + count * sizeof(w->peers[0]));

	if (w != NULL) {
		w->refs = 1;
		w->count = count;
	}
	return w;
}

void
fetch_world_hold(struct fetch_world *w)
{
	__atomic_add_fetch(&w->refs, 1, __ATOMIC_RELAXED);
}

void
fetch_world_drop(struct fetch_world *w)
{
	if (w != NULL && __atomic_sub_fetch(&w->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(w);
}

/* ---- seen from the threads ----------------------------------------------- */

void
fetch_show(struct fetch *f, enum getting_state state,
	   const struct node_id *node, const char *name)
{
	pthread_mutex_lock(&f->lock);
	atomic_store(&f->state, state);
	if (node != NULL)
		f->whom = *node;
	else
		memset(&f->whom, 0, sizeof(f->whom));
	snprintf(f->whom_name, sizeof(f->whom_name), "%s", name);
	pthread_mutex_unlock(&f->lock);
}

void
fetch_broke(struct fetch *f, const struct trouble *why)
{
	if (!f->failed)
		f->trouble = *why;
	f->failed = true;
}

int
fetch_put(struct fetch *f, struct part_piece *piece, const uint8_t *bytes,
	  size_t count, struct trouble *why)
{
	while (count > 0) {
		ssize_t n = pwrite(f->fd, bytes, count,
				   (off_t)(piece->offset + piece->got));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return trouble_errno(why, n == 0 ? EIO : errno,
					     "cannot write the file");
		piece->got += (uint64_t)n;
		bytes += n;
		count -= (size_t)n;
	}
	return 0;
}

/* From whom the most came. */
static void
show_giver(struct fetch *f)
{
	const struct fetch_peer *p = &f->world->peers[0];
	uint64_t most = f->own_bytes;
	bool any = most > 0;

	for (uint32_t h = 0; h < f->holder_count; h++)
		if (f->holders[h].bytes > most) {
			most = f->holders[h].bytes;
			p = &f->world->peers[f->holders[h].peer];
			any = true;
		}
	fetch_show(f, GETTING_FILLING, any ? &p->node : NULL,
		   any ? p->name : "");
}

static void
deliver(struct letter *l)
{
	struct fetch *f = (struct fetch *)((char *)l -
					   offsetof(struct fetch, letter));

	if (!atomic_load(&f->cancelled))
		f->ended(f->arg, f);
	fetch_drop(f);
}

void
fetch_end(struct fetch *f, enum fetch_outcome outcome, uint32_t code,
	  const char *format, ...)
{
	va_list ap;

	pthread_mutex_lock(&f->lock);
	f->outcome = outcome;
	f->code = code;
	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
	pthread_mutex_unlock(&f->lock);
	if (outcome == FETCH_GOT)
		show_giver(f);
	if (outcome == FETCH_GOT || outcome == FETCH_FAILED) {
		part_free(f->part);
		f->part = NULL;
		close(f->fd); /* before anybody is told */
		f->fd = -1;
	}
	f->letter.deliver = deliver;
	mailbox_post(f->all->config.ends, &f->letter);
}

/* The names of those set aside for `why`, as many as fit. */
static uint32_t
name_them(const struct fetch *f, enum plan_aside why, char *out, size_t max,
	  const struct fetch_peer **first)
{
	uint32_t count = 0;
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t h = 0; h < f->holder_count; h++) {
		const struct fetch_peer *p =
			&f->world->peers[f->holders[h].peer];
		int n;

		if (plan_why(f->plan, h) != why)
			continue;
		if (count++ == 0)
			*first = p;
		n = snprintf(out + used, max - used, "%s%s",
			     count > 1 ? ", " : "",
			     f->holders[h].peer == 0 ? "a node not seen now"
						     : p->name);
		if (n > 0 && (size_t)n < max - used)
			used += (size_t)n;
		else
			out[used] = '\0'; /* whole names only */
	}
	return count;
}

/* Is one of those that fell silent midway live all the same? */
static bool
is_there(const struct fetch *f)
{
	for (uint32_t h = 0; h < f->holder_count; h++)
		if (f->holders[h].silent &&
		    plan_why(f->plan, h) == PLAN_AWAY &&
		    fetch_peer_reachable(&f->world->peers[f->holders[h].peer]))
			return true;
	return false;
}

/* Those who hold it are away, or as good as that. */
static void
end_away(struct fetch *f, const struct fetch_peer *first, const char *names)
{
	/* Nobody was there to begin with: waiting is for people. */
	enum fetch_outcome o = f->was_live ? FETCH_NOBODY : FETCH_FAILED;
	bool there = is_there(f);

	pthread_mutex_lock(&f->lock);
	f->there = there;
	pthread_mutex_unlock(&f->lock);
	fetch_show(f, GETTING_NOBODY, NULL, "");
	if (first->live && !fetch_peer_reachable(first))
		fetch_end(f, o, ERROR_UNREACHABLE,
			  "reached on its own machine only (see photod "
			  "--listen): %.70s",
			  names);
	else
		fetch_end(f, o, ERROR_UNREACHABLE, "%s: %s",
			  there ? "silent" : "away", names);
}

void
fetch_give_up(struct fetch *f)
{
	const struct fetch_peer *p = NULL;
	char names[REASON_BYTES_MAX - 40];

	if (name_them(f, PLAN_WAITING, names, sizeof(names), &p) > 0) {
		fetch_show(f, GETTING_CONSENT, &p->node, p->name);
		fetch_end(f, FETCH_CONSENT, 0, "waiting for %s", names);
	} else if (name_them(f, PLAN_AWAY, names, sizeof(names), &p) > 0) {
		end_away(f, p, names);
	} else if (f->wrong) {
		fetch_end(f, FETCH_FAILED, ERROR_DAMAGED,
			  "what was sent is not the photo");
	} else if (name_them(f, PLAN_DENIED, names, sizeof(names), &p) > 0) {
		fetch_end(f, FETCH_FAILED, ERROR_REFUSED,
			  "not shared by %s", names);
	} else {
		fetch_end(f, FETCH_FAILED, ERROR_UNREACHABLE,
			  "nobody can read it at present");
	}
}

/* ---- seen from the loop thread ------------------------------------------- */

struct fetch *
fetching_get(struct fetching *all, const struct question_get *what, int fd,
	     struct fetch_world *world, void (*ended)(void *, struct fetch *),
	     void *arg)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		close(fd);
		return NULL;
	}
	f->work.run = fetch_run;
	f->all = all;
	f->what = *what;
	f->whole = what->offset == 0 && what->length == 0;
	f->fd = fd;
	f->ended = ended;
	f->arg = arg;
	atomic_init(&f->refs, 2);
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->plan_lock, NULL);
	fetch_world_hold(world);
	f->world = world;
	atomic_fetch_add(&all->refs, 1);
	fetching_submit(all, &f->work);
	return f;
}

void
fetch_retry(struct fetch *f, struct fetch_world *world)
{
	fetch_world_hold(world);
	fetch_world_drop(f->world);
	f->world = world;
	f->was_live = true; /* patience is for who asks */
	atomic_fetch_add(&f->refs, 1);
	fetching_submit(f->all, &f->work);
}

/* Is there somebody else to ask?  Bytes that trickle keep a lane from seeing
 * that it is stalled; it is ended for another only. */
static bool
has_spare(struct fetch *f)
{
	bool spare;

	if (pthread_mutex_trylock(&f->plan_lock) != 0)
		return false;
	spare = plan_spare(f->plan);
	pthread_mutex_unlock(&f->plan_lock);
	return spare;
}

/* Frames with a byte each are no progress.  Where we are who is slow, by
 * --fetch-rate, each has the time in which all that may be under way comes. */
static bool
is_slow(const struct fetch *f, const struct fetch_line *line, uint64_t now)
{
	uint64_t rate = f->all->config.rate, ours = 0;

	if (rate > 0)
		ours = FETCH_THREADS * (CREDIT_BYTES_MAX * UINT64_C(1000) /
					rate);
	return now > line->heard_ms + LAZY_MS + ours ||
	       now > line->landed_ms + SLOW_MS + ours;
}

void
fetch_look(struct fetch *f, struct fetch_seen *out)
{
	uint64_t now = clock_steady_ms();

	memset(out, 0, sizeof(*out));
	out->progress.bytes = atomic_load(&f->bytes);
	out->progress.fetched = atomic_load(&f->fetched);
	out->progress.total = f->whole ? f->what.photo.size : f->what.length;
	out->resumed = atomic_load(&f->resumed);
	pthread_mutex_lock(&f->lock);
	out->outcome = f->outcome;
	out->code = f->code;
	memcpy(out->text, f->text, sizeof(out->text));
	out->there = f->there;
	out->progress.state = atomic_load(&f->state);
	out->progress.node = f->whom;
	memcpy(out->progress.name, f->whom_name, sizeof(f->whom_name));
	for (unsigned i = 0; i < PLAN_LANES_MAX; i++)
		if (f->lines[i].channel != NULL &&
		    is_slow(f, &f->lines[i], now) && has_spare(f))
			channel_cut(f->lines[i].channel);
	pthread_mutex_unlock(&f->lock);
}

void
fetch_stop(struct fetch *f)
{
	atomic_store(&f->cancelled, true);
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < PLAN_LANES_MAX; i++)
		line_end(&f->lines[i]);
	pthread_mutex_unlock(&f->lock);
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	fetch_stop(f);
	fetch_drop(f);
}

/* To close a file may take as long as its disk does. */
static void
bury(struct fetching *all, struct fetch_work *w)
{
	struct fetch *f = (struct fetch *)w;

	part_free(f->part);
	plan_free(f->plan);
	if (f->fd != -1)
		close(f->fd);
	fetch_world_drop(f->world);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->plan_lock);
	free(f);
	fetching_drop(all);
}

void
fetch_drop(struct fetch *f)
{
	if (atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	f->work.run = bury;
	fetching_hand_off(f->all, &f->work);
}
