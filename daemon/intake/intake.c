#include "intake_private.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "trouble.h"

/* From the kernel's ioprio.h, which user space has no header for. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_BE    2
#define IOPRIO_LOWEST      7
#define IOPRIO_CLASS_SHIFT 13

/* Files just modified are looked at again after this, then ever later while
 * something keeps being modified. */
#define AGAIN_MS        2000u
#define AGAIN_DOUBLINGS 5u

void
lower_priority(void)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	/* Politeness is a wish: failing to be polite is not an error. */
	(void)setpriority(PRIO_PROCESS, (id_t)tid, 10);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid,
		      IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | IOPRIO_LOWEST);
}

void
intake_wait(struct intake *i, uint64_t ms_max)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms_max / 1000);
	until.tv_nsec += (long)(ms_max % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&i->moved, &i->lock, &until);
}

/* Wait for a reason to scan.  False when it is to stop. */
static bool
wait_wanted(struct intake *i, uint64_t due_ms, bool *asked)
{
	uint64_t now;
	bool go;

	pthread_mutex_lock(&i->lock);
	while (!atomic_load(&i->stop) && !i->wanted &&
	       (now = clock_steady_ms()) < due_ms)
		intake_wait(i, due_ms - now < 3600000 ? due_ms - now : 3600000);
	go = !atomic_load(&i->stop);
	if (go) {
		uint64_t scan = i->progress.scan;

		*asked = i->wanted;
		i->wanted = false;
		i->young = false;
		memset(&i->progress, 0, sizeof(i->progress));
		i->progress.scan = scan;
		i->progress.state = SCAN_RUNNING;
	}
	pthread_mutex_unlock(&i->lock);
	return go;
}

static void
tell(struct intake *i)
{
	struct scan_progress p;

	intake_progress(i, &p);
	outbox_tell(i->outbox, &p);
}

/* The scan is over; returns when the next one is due. */
static uint64_t
end_scan(struct intake *i, bool online, unsigned *doublings)
{
	struct scan_progress *p = &i->progress;
	uint64_t now = clock_steady_ms(), due = UINT64_MAX, again;
	bool young;

	pthread_mutex_lock(&i->lock);
	p->state = online ? SCAN_IDLE : SCAN_OFFLINE;
	p->scan++;
	/* What was expected and did not come is not there. */
	p->total_files = p->files;
	p->total_bytes = p->bytes;
	young = i->young;
	pthread_mutex_unlock(&i->lock);
	if (i->config.interval_seconds > 0)
		due = now + (uint64_t)i->config.interval_seconds * 1000;
	if (young) {
		again = now + ((uint64_t)AGAIN_MS << *doublings);
		due = due < again ? due : again;
		if (*doublings < AGAIN_DOUBLINGS)
			++*doublings;
	} else {
		*doublings = 0;
	}
	return due;
}

static void *
scanner_main(void *arg)
{
	struct intake *i = arg;
	unsigned doublings = 0;
	uint64_t due = 0;
	bool online, asked;

	pthread_setname_np(pthread_self(), "scanner");
	lower_priority();
	while (wait_wanted(i, due, &asked)) {
		uint64_t began = clock_steady_ms();

		/* Only our own second looks come ever later: whoever asks
		 * often must not put off the look that ends a change. */
		if (asked)
			doublings = 0;

		tell(i);
		online = scan_all(i);
		if (atomic_load(&i->stop))
			break;
		due = end_scan(i, online, &doublings);
		log_info("scan: %" PRIu64 " photos and videos, %" PRIu64
			 " read, in %" PRIu64 " ms",
			 i->progress.files, i->progress.hashed_files,
			 clock_steady_ms() - began);
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
	sigset_t all, old;
	long cores;
	int r = 0;

	if (wanted == 0) {
		cores = sysconf(_SC_NPROCESSORS_ONLN);
		wanted = cores < 1 ? 1 : (unsigned)cores;
	}
	if (wanted > HASHERS_MAX)
		wanted = HASHERS_MAX;
	/* Signals belong to the loop thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
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
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&i->moved, &attr);
	pthread_condattr_destroy(&attr);
	if ((i->outbox = outbox_new(config, &i->stop)) == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		goto fail;
	}
	if (config->recalled != NULL)
		i->said = *config->recalled;
	else if (intake_recall(&i->said, config->state, config->catalogue,
			       why) == -1)
		goto fail;
	if ((i->reader = reader_open(config->state->dir, why)) == NULL)
		goto fail;
	catalogue_watch(config->catalogue, i->reader);
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
	pthread_cond_broadcast(&i->moved);
	pthread_mutex_unlock(&i->lock);
	if (i->has_scanner)
		pthread_join(i->scanner, NULL);
	for (unsigned k = 0; k < i->hasher_count; k++)
		pthread_join(i->hashers[k], NULL);
	while ((j = i->first) != NULL) {
		i->first = j->next;
		close(j->fd);
		free(j);
	}
	if (i->reader != NULL)
		reader_close(i->reader);
	outbox_free(i->outbox);
	pthread_cond_destroy(&i->moved);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

uint64_t
intake_rescan(struct intake *i)
{
	uint64_t scan;

	pthread_mutex_lock(&i->lock);
	i->wanted = true;
	scan = i->progress.scan +
	       (i->progress.state == SCAN_RUNNING ? 2 : 1);
	pthread_cond_broadcast(&i->moved);
	pthread_mutex_unlock(&i->lock);
	return scan;
}

void
intake_progress(struct intake *i, struct scan_progress *out)
{
	pthread_mutex_lock(&i->lock);
	*out = i->progress;
	pthread_mutex_unlock(&i->lock);
	/* Until the first scan has ended, nobody may think that this is all. */
	if (out->scan == 0)
		out->state = SCAN_RUNNING;
}
