#include "outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "trouble.h"

#define BATCH_FILES_MAX 4096u
#define BATCH_AGE_MS    50u
#define UNWRITTEN_MAX   3u /* transactions */
#define SPARE_FILES_MIN 256u /* smaller ones are not worth keeping */

struct delivery {
	struct own_delivery own; /* first: release casts back */
	struct outbox *outbox;   /* counted */
	struct own_file *files;  /* owned */
	size_t count, room;
	/* Their paths, each with a NUL, one behind the other; owned.  A file has
	 * its own only when the delivery is handed over: until then they move. */
	char *paths;
	size_t path_bytes, path_room;
	uint64_t since_ms;
	struct delivery *next; /* among those that are spare */
};

struct told {
	struct letter letter; /* first: deliver casts back */
	struct outbox *outbox; /* counted */
	struct scan_progress progress;
};

struct outbox {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned references; /* the intake, deliveries and letters under way */
	bool closed;         /* the intake is gone (and with it `stop`) */
	bool failed;         /* a write failed since the last settling */
	uint64_t failures;   /* ever */
	unsigned unwritten;
	struct delivery *current; /* being filled; NULL: empty */
	/* Delivered, to be filled again while a scan goes on: fresh memory for
	 * each would cost its pages anew. */
	struct delivery *spare;
	const atomic_bool *stop;
	struct catalogue *catalogue;
	struct mailbox *ends;
	catalogue_written *written;
	void (*on_scan)(void *arg, const struct scan_progress *p);
	void *arg;
	void (*on_failure)(void *arg); /* both the loop thread's */
	void *failure_arg;
};

struct outbox *
outbox_new(const struct intake_config *config, const atomic_bool *stop)
{
	struct outbox *o = calloc(1, sizeof(*o));
	pthread_condattr_t attr;

	if (o == NULL)
		return NULL;
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->moved, &attr);
	pthread_condattr_destroy(&attr);
	o->references = 1;
	o->stop = stop;
	o->catalogue = config->catalogue;
	o->ends = config->ends;
	o->written = config->written;
	o->on_scan = config->on_scan;
	o->arg = config->arg;
	return o;
}

/* Gives back one reference; the lock is held, and let go. */
static void
drop_reference(struct outbox *o)
{
	bool last = --o->references == 0;

	pthread_mutex_unlock(&o->lock);
	if (!last)
		return;
	pthread_cond_destroy(&o->moved);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static void
delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	free(d->paths);
	free(d->files);
	free(d);
}

/* The lock is held. */
static void
free_spare(struct outbox *o)
{
	struct delivery *d;

	while ((d = o->spare) != NULL) {
		o->spare = d->next;
		delivery_free(d);
	}
}

/* One to be filled; the lock is held. */
static struct delivery *
delivery_new(struct outbox *o)
{
	struct delivery *d = o->spare;

	if (d == NULL)
		return calloc(1, sizeof(*d));
	o->spare = d->next;
	memset(&d->own, 0, sizeof(d->own));
	d->count = 0;
	d->path_bytes = 0;
	return d;
}

void
outbox_free(struct outbox *o)
{
	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	free_spare(o);
	delivery_free(o->current);
	o->current = NULL;
	o->closed = true;
	drop_reference(o);
}

static void
on_written(void *arg, bool failed, const struct write_result *result,
	   const struct trouble *why)
{
	struct delivery *d = arg;
	struct outbox *o = d->outbox;

	if (failed)
		log_error("cannot record what was found: %s",
			  why == NULL ? "?" : why->text);
	pthread_mutex_lock(&o->lock);
	o->unwritten--;
	if (failed) {
		o->failed = true;
		o->failures++;
	}
	pthread_cond_broadcast(&o->moved);
	pthread_mutex_unlock(&o->lock);
	if (failed && !o->closed && o->on_failure != NULL)
		o->on_failure(o->failure_arg);
	if (o->written != NULL)
		o->written(o->arg, failed, result, why);
}

static void
on_release(struct own_delivery *own)
{
	struct delivery *d = (struct delivery *)own;
	struct outbox *o = d->outbox;

	pthread_mutex_lock(&o->lock);
	if (!o->closed && d->room >= SPARE_FILES_MIN) {
		d->next = o->spare;
		o->spare = d;
		d = NULL;
	}
	drop_reference(o);
	delivery_free(d);
}

/* Wait for something to move, 50 ms at most.  The lock is held. */
static void
wait_a_little(struct outbox *o)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += BATCH_AGE_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&o->moved, &o->lock, &until);
}

/* So many bytes more of paths, the first time enough for some. */
static bool
make_path_room(struct delivery *d, size_t bytes)
{
	size_t room = d->path_room == 0 ? 1024 : d->path_room;
	char *more;

	while (room - d->path_bytes < bytes)
		room *= 2;
	if (room == d->path_room)
		return true;
	if ((more = realloc(d->paths, room)) == NULL)
		return false;
	d->paths = more;
	d->path_room = room;
	return true;
}

static bool
make_room(struct outbox *o, size_t path_bytes)
{
	struct delivery *d = o->current;
	struct own_file *more;
	size_t room;

	if (d == NULL) {
		if ((d = delivery_new(o)) == NULL)
			return false;
		d->since_ms = clock_steady_ms();
		o->current = d;
	}
	if (!make_path_room(d, path_bytes))
		return false;
	if (d->count < d->room)
		return true;
	room = d->room == 0 ? 16 : 2 * d->room;
	if ((more = realloc(d->files, room * sizeof(*more))) == NULL)
		return false;
	d->files = more;
	d->room = room;
	return true;
}

static bool
is_full(const struct outbox *o)
{
	return o->current != NULL && o->current->count >= BATCH_FILES_MAX;
}

/* The lock is held. */
static bool
put(struct outbox *o, const struct own_file *f)
{
	struct delivery *d;
	char *path;

	if (!make_room(o, f->path_bytes + 1)) {
		log_error("out of memory: a file is left for the next scan");
		o->failed = true;
		o->failures++;
		return false;
	}
	d = o->current;
	path = d->paths + d->path_bytes;
	memcpy(path, f->path, f->path_bytes);
	path[f->path_bytes] = '\0';
	d->path_bytes += f->path_bytes + 1;
	d->files[d->count] = *f;
	d->files[d->count++].path = NULL;
	return true;
}

bool
outbox_put(struct outbox *o, const struct own_file *f, bool *full)
{
	bool done = false;

	pthread_mutex_lock(&o->lock);
	while (is_full(o) && !atomic_load(o->stop))
		wait_a_little(o);
	if (!atomic_load(o->stop))
		done = put(o, f);
	*full = done && is_full(o);
	pthread_mutex_unlock(&o->lock);
	return done;
}

bool
outbox_put_self(struct outbox *o, const struct own_file *f)
{
	bool done = false, full;

	do {
		if (!outbox_send(o, false))
			return false;
		pthread_mutex_lock(&o->lock);
		/* Hashers may have filled it again. */
		if (!(full = is_full(o)))
			done = put(o, f);
		pthread_mutex_unlock(&o->lock);
	} while (full);
	return done;
}

/* Hand `d` over; the lock is not held. */
static void
hand_over(struct outbox *o, struct delivery *d)
{
	const char *path = d->paths;

	for (size_t k = 0; k < d->count; k++) {
		d->files[k].path = path;
		path += d->files[k].path_bytes + 1;
	}
	d->outbox = o;
	d->own.batch.files = d->files;
	d->own.batch.file_count = d->count;
	d->own.release = on_release;
	d->own.written = on_written;
	d->own.arg = d;
	catalogue_own(o->catalogue, &d->own);
}

bool
outbox_send(struct outbox *o, bool at_once)
{
	struct delivery *d = NULL;

	pthread_mutex_lock(&o->lock);
	/* No batch may outgrow its bound while we wait: hashers wait as well,
	 * and the scanner thread puts nothing in before it has sent. */
	if (o->current != NULL &&
	    (at_once || is_full(o) ||
	     clock_steady_ms() - o->current->since_ms >= BATCH_AGE_MS)) {
		while (o->unwritten >= UNWRITTEN_MAX && !atomic_load(o->stop))
			wait_a_little(o);
		if (!atomic_load(o->stop)) {
			d = o->current;
			o->current = NULL;
			o->unwritten++;
			o->references++;
			pthread_cond_broadcast(&o->moved);
		}
	}
	pthread_mutex_unlock(&o->lock);
	if (d != NULL)
		hand_over(o, d);
	return !atomic_load(o->stop);
}

bool
outbox_send_root(struct outbox *o, const struct root_id *id,
		 const struct record_root *root)
{
	struct delivery *d;

	if (!outbox_send(o, true))
		return false;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return false;
	d->own.batch.has_root = true;
	d->own.batch.root_id = *id;
	d->own.batch.root = *root;
	pthread_mutex_lock(&o->lock);
	o->unwritten++;
	o->references++;
	pthread_mutex_unlock(&o->lock);
	hand_over(o, d);
	return true;
}

void
outbox_on_failure(struct outbox *o, void (*failed)(void *arg), void *arg)
{
	o->on_failure = failed;
	o->failure_arg = arg;
}

static bool
wait_written(struct outbox *o, bool settle)
{
	bool good = outbox_send(o, true);

	pthread_mutex_lock(&o->lock);
	while (o->unwritten > 0 && !atomic_load(o->stop))
		wait_a_little(o);
	if (o->failed || atomic_load(o->stop))
		good = false;
	if (settle) {
		o->failed = false;
		free_spare(o);
	}
	pthread_mutex_unlock(&o->lock);
	return good;
}

bool
outbox_settle(struct outbox *o)
{
	return wait_written(o, true);
}

bool
outbox_flush(struct outbox *o)
{
	return wait_written(o, false);
}

bool
outbox_failed(struct outbox *o)
{
	bool failed;

	pthread_mutex_lock(&o->lock);
	failed = o->failed;
	pthread_mutex_unlock(&o->lock);
	return failed;
}

uint64_t
outbox_failures(struct outbox *o)
{
	uint64_t failures;

	pthread_mutex_lock(&o->lock);
	while (o->unwritten > 0 && !atomic_load(o->stop))
		wait_a_little(o);
	failures = o->failures;
	pthread_mutex_unlock(&o->lock);
	return failures;
}

static void
on_told(struct letter *l)
{
	struct told *t = (struct told *)l;
	struct outbox *o = t->outbox;

	if (!o->closed && o->on_scan != NULL)
		o->on_scan(o->arg, &t->progress);
	free(t);
	pthread_mutex_lock(&o->lock);
	drop_reference(o);
}

void
outbox_tell(struct outbox *o, const struct scan_progress *p)
{
	struct told *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return;
	t->letter.deliver = on_told;
	t->outbox = o;
	t->progress = *p;
	pthread_mutex_lock(&o->lock);
	o->references++;
	pthread_mutex_unlock(&o->lock);
	mailbox_post(o->ends, &t->letter);
}
