#include "intake_private.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "pool.h"
#include "trouble.h"
#include "watcher.h"

/* Files just modified are looked at again after this, then ever later while
 * something keeps being modified. */
#define AGAIN_MS        2000u
#define AGAIN_DOUBLINGS 5u
/* Folders that are not told of are looked at so often, and no more than one
 * part in so many of the time. */
#define POLL_MS    60000u
#define POLL_SHARE 20u
#define AWAY_MS    5000u /* folders that are away are looked for */

void
intake_wait(struct intake *i, uint64_t ms_max)
{
	intake_wait_on(i, &i->moved, ms_max);
}

void
intake_stir(struct intake *i)
{
	pthread_cond_broadcast(&i->moved);
	pthread_cond_broadcast(&i->room);
}

void
intake_wait_on(struct intake *i, pthread_cond_t *condition, uint64_t ms_max)
{
	struct timespec until;

	if (i->full) {
		i->full = false;
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms_max / 1000);
	until.tv_nsec += (long)(ms_max % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(condition, &i->lock, &until);
}

/* What a scan begins with; the lock is held. */
static void
begin_scan(struct intake *i, bool *asked)
{
	struct scan_progress was = i->progress;

	*asked = i->wanted;
	i->accepting = i->wanted && i->accept;
	i->wanted = i->accept = false;
	i->young = false;
	i->suspect = 0;
	memset(&i->progress, 0, sizeof(i->progress));
	i->progress.scan = was.scan;
	i->progress.read_files = was.read_files;
	i->progress.read_bytes = was.read_bytes;
	i->progress.state = SCAN_RUNNING;
	memset(&i->eta, 0, sizeof(i->eta));
	note_progress(i);
	i->surveyed = false;
}

static uint64_t
earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A cheap look whether the folders are those that were scanned. */
static void
look_for_roots(struct intake *i)
{
	bool changed;

	pthread_mutex_lock(&i->lock);
	i->mounts = false;
	pthread_mutex_unlock(&i->lock);
	changed = roots_changed(i);
	pthread_mutex_lock(&i->lock);
	i->wanted = i->wanted || changed;
	pthread_mutex_unlock(&i->lock);
}

/*
 * Look at single paths until there is a reason to scan; false when it is to
 * stop.  Scans for what was young, or otherwise left over, come ever later
 * while one leads to the next.
 */
static bool
wait_wanted(struct intake *i, uint64_t due_ms, bool *asked)
{
	uint64_t again = UINT64_MAX, live = 0, poll = UINT64_MAX, now, till;
	bool go = false, mounts = false;

	if (i->away)
		poll = clock_steady_ms() + AWAY_MS;
	while (!go && !atomic_load(&i->stop)) {
		pthread_mutex_lock(&i->lock);
		now = clock_steady_ms();
		if (i->young && again == UINT64_MAX)
			again = now + ((uint64_t)AGAIN_MS << i->doublings);
		till = earliest(earliest(due_ms, again), earliest(live, poll));
		go = i->wanted || now >= earliest(due_ms, again);
		if (go)
			begin_scan(i, asked);
		else if (!i->stirred && now < till)
			intake_wait(i, earliest(till - now, 3600000));
		mounts = i->mounts;
		pthread_mutex_unlock(&i->lock);
		if (!go && (mounts || clock_steady_ms() >= poll)) {
			if (poll != UINT64_MAX)
				poll = clock_steady_ms() + AWAY_MS;
			look_for_roots(i);
		}
		if (!go)
			live = live_turn(i);
	}
	/* Only our own further looks come ever later: whoever asks often must
	 * not put off the look that ends a change. */
	if (again == UINT64_MAX || *asked)
		i->doublings = 0;
	else if (i->doublings < AGAIN_DOUBLINGS)
		i->doublings++;
	return !atomic_load(&i->stop);
}

static void
tell(struct intake *i)
{
	struct scan_progress p;

	intake_progress(i, &p);
	outbox_tell(i->outbox, &p);
}

/* How long to wait before what is not watched is looked at again, so that
 * looking never takes more than a small part of the time. */
static uint64_t
poll_ms(uint64_t took_ms)
{
	uint64_t ms = POLL_MS;
#ifdef PHOTOMESH_TEST_HOOKS
	const char *text = getenv("PHOTOMESH_POLL_MS");

	if (text != NULL)
		ms = strtoull(text, NULL, 10);
#endif
	return ms > POLL_SHARE * took_ms ? ms : POLL_SHARE * took_ms;
}

/* The scan is over; returns when the next one is due. */
static uint64_t
end_scan(struct intake *i, bool online, uint64_t took_ms)
{
	const uint64_t every_ms = (uint64_t)i->config.interval_seconds * 1000;
	struct scan_progress *p = &i->progress;
	bool polled = false;

	pthread_mutex_lock(&i->lock);
	p->state = online ? SCAN_IDLE : SCAN_OFFLINE;
	p->scan++;
	/* What was expected and did not come is not there. */
	p->total_files = p->files;
	p->total_bytes = p->bytes;
	pthread_mutex_unlock(&i->lock);
	if (every_ms == 0)
		return UINT64_MAX;
	for (uint32_t k = 0; k < i->config.state->root_count; k++)
		polled = polled || (i->now[k].online && i->now[k].polled);
	return clock_steady_ms() +
	       (polled ? earliest(every_ms, poll_ms(took_ms)) : every_ms);
}

static void *
scanner_main(void *arg)
{
	struct intake *i = arg;
	uint64_t due = 0, took;
	bool online, asked = false;

	pthread_setname_np(pthread_self(), "scanner");
	thread_lower_priority();
	while (wait_wanted(i, due, &asked)) {
		uint64_t began = clock_steady_ms();

		tell(i);
		i->scanning = true;
		online = scan_all(i);
		i->scanning = false;
		if (atomic_load(&i->stop))
			break;
		took = clock_steady_ms() - began;
		due = end_scan(i, online, took);
		log_info("scan: %" PRIu64 " photos and videos, %" PRIu64
			 " read, in %" PRIu64 " ms",
			 i->progress.files, i->progress.hashed_files, took);
		tell(i);
	}
	return NULL;
}

struct recall {
	const struct state *state;
	struct intake_roots *out;
};

static void
note_root(void *arg, const struct root_id *id, const struct record_root *r)
{
	struct recall *c = arg;

	for (uint32_t k = 0; k < c->state->root_count; k++) {
		if (memcmp(&c->state->roots[k].id, id, sizeof(*id)) == 0) {
			c->out->recorded[k] = true;
			c->out->roots[k] = *r;
		}
	}
}

int
intake_recall(struct intake_roots *out, const struct state *state,
	      struct catalogue *catalogue, struct trouble *why)
{
	struct recall c = {state, out};

	memset(out, 0, sizeof(*out));
	return writer_each_own_root(catalogue_writer(catalogue), note_root, &c,
				    why);
}

static int
start_threads(struct intake *i, struct trouble *why)
{
	unsigned wanted = i->config.hashers;
	sigset_t old;
	long cores;
	int r = 0;

	if (wanted == 0) {
		cores = sysconf(_SC_NPROCESSORS_ONLN);
		wanted = cores < 1 ? 1 : (unsigned)cores;
	}
	if (wanted > HASHERS_MAX)
		wanted = HASHERS_MAX;
	pool_mask_signals(&old);
	while (r == 0 && i->hasher_count < wanted) {
		r = pthread_create(&i->hashers[i->hasher_count], NULL,
				   hasher_main, i);
		if (r == 0)
			i->hasher_count++;
	}
	if (r == 0) {
		r = pthread_create(&i->scanner, NULL, scanner_main, i);
		i->has_scanner = r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return trouble_errno(why, r, "cannot start a thread");
	return 0;
}

struct intake *
intake_new(const struct intake_config *config, struct trouble *why)
{
	struct intake *i = calloc(1, sizeof(*i));
	pthread_condattr_t attr;

	if (i == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	i->config = *config;
	i->last = &i->first;
	i->wanted = true;
	atomic_init(&i->stop, false);
	pthread_mutex_init(&i->lock, NULL);
	rate_init(&i->rate, config->read_rate);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&i->moved, &attr);
	pthread_cond_init(&i->work, &attr);
	pthread_cond_init(&i->room, &attr);
	pthread_condattr_destroy(&attr);
	if ((i->outbox = outbox_new(config, &i->stop)) == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		goto fail;
	}
	outbox_on_failure(i->outbox, live_on_failure, i);
	if (config->recalled != NULL)
		i->said = *config->recalled;
	else if (intake_recall(&i->said, config->state, config->catalogue,
			       why) == -1)
		goto fail;
	if ((i->reader = reader_open(config->state->dir, why)) == NULL)
		goto fail;
	catalogue_watch(config->catalogue, i->reader);
	/* A walk goes through what is known from one end to the other. */
	reader_be_small(i->reader);
	if (live_init(i, why) == -1)
		goto fail;
	if (start_threads(i, why) == -1)
		goto fail;
	return i;
fail:
	intake_free(i);
	return NULL;
}

void
intake_free(struct intake *i)
{
	struct hash_job *j;

	if (i == NULL)
		return;
	atomic_store(&i->stop, true);
	pthread_mutex_lock(&i->lock);
	intake_stir(i);
	pthread_cond_broadcast(&i->work);
	pthread_mutex_unlock(&i->lock);
	if (i->has_scanner)
		pthread_join(i->scanner, NULL);
	watcher_free(i->watch);
	for (unsigned k = 0; k < i->hasher_count; k++)
		pthread_join(i->hashers[k], NULL);
	while ((j = i->first) != NULL) {
		i->first = j->next;
		close(j->fd);
		free(j);
	}
	if (i->reader != NULL)
		reader_close(i->reader);
	live_release(i);
	outbox_free(i->outbox);
	pthread_cond_destroy(&i->moved);
	pthread_cond_destroy(&i->work);
	pthread_cond_destroy(&i->room);
	pthread_mutex_destroy(&i->lock);
	rate_release(&i->rate);
	free(i);
}

uint64_t
intake_rescan(struct intake *i, bool accept_missing)
{
	uint64_t scan;

	pthread_mutex_lock(&i->lock);
	i->wanted = true;
	i->accept = i->accept || accept_missing;
	scan = i->progress.scan +
	       (i->progress.state == SCAN_RUNNING ? 2 : 1);
	intake_stir(i);
	pthread_mutex_unlock(&i->lock);
	return scan;
}

void
note_progress(struct intake *i)
{
	eta_note(&i->eta, i->progress.files, i->progress.bytes,
		 clock_steady_ms());
}

void
intake_progress(struct intake *i, struct scan_progress *out)
{
	pthread_mutex_lock(&i->lock);
	*out = i->progress;
	if (out->state == SCAN_RUNNING && i->surveyed)
		out->eta_ms = eta_ms(&i->eta, out->total_files - out->files,
				     out->total_bytes - out->bytes);
	pthread_mutex_unlock(&i->lock);
	/* Until the first scan has ended, nobody may think that this is all. */
	if (out->scan == 0)
		out->state = SCAN_RUNNING;
}
