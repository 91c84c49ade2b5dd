/*
 * fetching.c: the threads that fetch, and what they have to do.
 *
 * First come, first served; a thread that finds nothing waiting helps a large
 * photo that is being fetched already, if another holder of it is free.
 */
#include "fetch_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "catalogue.h"
#include "clock.h"
#include "state.h"

#define NICENESS     5
#define SWEEP_MS     5000u
#define LOOK_MS      20u /* again at a fetch that was just being planned */
#define NAP_MS        50u

/* ---- what one thread does ------------------------------------------------ */

/* A fetch that is under way and not yet asked of as many as it might be.
 * *wait_ms: when to look again. */
static struct fetch *
find_helpless(struct fetching *f, unsigned *wait_ms)
{
	*wait_ms = SWEEP_MS;
	for (struct fetch *r = f->running; r != NULL; r = r->next_running) {
		bool more;

		if (r->lanes >= PLAN_LANES_MAX || r->holder_count < 2 ||
		    atomic_load(&r->cancelled))
			continue;
		/* Whoever has it may be reading back what has come: the loop
		 * thread, which wants our lock, must not wait for that. */
		if (pthread_mutex_trylock(&r->plan_lock) != 0) {
			*wait_ms = LOOK_MS;
			continue;
		}
		more = !r->failed && plan_takes(r->plan);
		pthread_mutex_unlock(&r->plan_lock);
		if (more)
			return r;
	}
	return NULL;
}

static void
leave_running(struct fetching *f, struct fetch *r)
{
	struct fetch **at = &f->running;

	while (*at != r)
		at = &(*at)->next_running;
	*at = r->next_running;
}

/* One lane of a fetch; the last one to leave sees what has become of it. */
static void
run_lane(struct fetching *f, struct fetch *r)
{
	bool last;

	do {
		lane_run(r);
		pthread_mutex_lock(&f->lock);
		last = --r->lanes == 0;
		if (last)
			leave_running(f, r);
		pthread_mutex_unlock(&f->lock);
		if (!last || !fetch_settle(r))
			return;
		pthread_mutex_lock(&f->lock);
		r->lanes = 1;
		r->next_running = f->running;
		f->running = r;
		pthread_mutex_unlock(&f->lock);
	} while (true);
}

void
fetch_go(struct fetch *r)
{
	struct fetching *f = r->all;

	pthread_mutex_lock(&f->lock);
	r->lanes = 1;
	r->next_running = f->running;
	f->running = r;
	if (r->holder_count > 1 && plan_pieces(r->plan) > 1)
		pthread_cond_broadcast(&f->news); /* who is free may help */
	pthread_mutex_unlock(&f->lock);
	run_lane(f, r);
}

/* ---- buffers ------------------------------------------------------------- */

uint8_t *
fetching_lend(struct fetching *f)
{
	uint8_t *buffer = NULL;

	pthread_mutex_lock(&f->lock);
	if (f->buffer_count > 0)
		buffer = f->buffers[--f->buffer_count];
	pthread_mutex_unlock(&f->lock);
	return buffer != NULL ? buffer : malloc(COPY_BYTES);
}

void
fetching_give_back(struct fetching *f, uint8_t *buffer)
{
	pthread_mutex_lock(&f->lock);
	if (buffer != NULL && f->buffer_count < FETCH_THREADS) {
		f->buffers[f->buffer_count++] = buffer;
		buffer = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	free(buffer);
}

/*
 * Of those who copy files that are here, as many at once as there are
 * processors, and not more than half of our threads: the others may be needed
 * for what comes from elsewhere when a disk hangs.
 */
static unsigned
copiers_max(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors > (long)FETCH_THREADS / 2)
		return FETCH_THREADS / 2;
	return processors > 2 ? (unsigned)processors : 2;
}

static void
free_buffers(struct fetching *f)
{
	uint8_t *buffer = NULL;

	do {
		free(buffer);
		buffer = NULL;
		pthread_mutex_lock(&f->lock);
		if (f->buffer_count > 0)
			buffer = f->buffers[--f->buffer_count];
		pthread_mutex_unlock(&f->lock);
	} while (buffer != NULL);
}

/* ---- threads ------------------------------------------------------------- */

/* Nobody to help, and nothing kept that would be let go in time: the threads
 * need not wake up to see that. */
static bool
is_at_rest(const struct fetching *f)
{
	return f->running == NULL && f->idle_count == 0 &&
	       f->buffer_count == 0;
}

/* False: there was none for so long. */
static bool
wait_for_news(struct fetching *f, unsigned ms)
{
	struct timespec until;

	if (is_at_rest(f))
		return pthread_cond_wait(&f->news, &f->lock) == 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&f->news, &f->lock, &until) == 0;
}

static void
push(struct fetch_queue *q, struct fetch_work *w)
{
	w->next = NULL;
	*q->last = w;
	q->last = &w->next;
}

static struct fetch_work *
pop(struct fetch_queue *q)
{
	struct fetch_work *w = q->first;

	if (w != NULL && (q->first = w->next) == NULL)
		q->last = &q->first;
	return w;
}

/* The lock is held before and after.  Proofs first: there are never so many
 * under way that all threads were at them.  False: there is nothing to do. */
static bool
do_one(struct fetching *f)
{
	bool proof = f->proofs.first != NULL && f->proving < PROVERS_MAX;
	struct fetch_work *w = pop(proof ? &f->proofs : &f->work);

	if (w == NULL)
		return false;
	f->proving += proof;
	pthread_mutex_unlock(&f->lock);
	w->run(f, w);
	pthread_mutex_lock(&f->lock);
	f->proving -= proof;
	return true;
}

static void *
thread_main(void *arg)
{
	struct fetching *f = arg;

	pthread_setname_np(pthread_self(), "fetch");
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
	pthread_mutex_lock(&f->lock);
	while (!f->ending) {
		struct fetch *r;
		unsigned wait_ms;

		if (do_one(f))
			continue;
		if ((r = find_helpless(f, &wait_ms)) != NULL) {
			r->lanes++;
			pthread_mutex_unlock(&f->lock);
			run_lane(f, r);
		} else {
			bool any = wait_for_news(f, wait_ms);

			pthread_mutex_unlock(&f->lock);
			channels_sweep(f, false);
			if (!any && wait_ms == SWEEP_MS)
				free_buffers(f);
		}
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

void
fetching_submit(struct fetching *f, struct fetch_work *w)
{
	pthread_mutex_lock(&f->lock);
	push(&f->work, w);
	pthread_cond_signal(&f->news);
	pthread_mutex_unlock(&f->lock);
}

void
fetching_submit_proof(struct fetching *f, struct fetch_work *w)
{
	pthread_mutex_lock(&f->lock);
	push(&f->proofs, w);
	pthread_cond_signal(&f->news);
	pthread_mutex_unlock(&f->lock);
}

void
fetching_hand_off(struct fetching *f, struct fetch_work *w)
{
	/* Only the loop thread says that it is gone. */
	if (f->gone)
		w->run(f, w);
	else
		fetching_submit(f, w);
}

bool
fetching_ending(struct fetching *f)
{
	bool ending;

	pthread_mutex_lock(&f->lock);
	ending = f->ending;
	pthread_mutex_unlock(&f->lock);
	return ending;
}

/* ---- rates --------------------------------------------------------------- */

bool
fetching_pay(struct fetching *f, uint64_t bytes, const atomic_bool *cancelled)
{
	uint64_t now = clock_steady_ms();
	uint64_t until = now + rate_reserve(&f->rate, bytes, now);

	while ((now = clock_steady_ms()) < until) {
		uint64_t nap = until - now < NAP_MS ? until - now : NAP_MS;
		struct timespec t = {.tv_nsec = (long)nap * 1000000};

		if (atomic_load(cancelled) || fetching_ending(f))
			return false;
		nanosleep(&t, NULL);
	}
	return !atomic_load(cancelled);
}

uint64_t
fetching_rate(struct fetching *f, const struct node_id *node)
{
	uint64_t rate = 0;

	pthread_mutex_lock(&f->lock);
	for (uint32_t i = 0; i < f->rate_count; i++)
		if (node_id_equal(&f->rates[i].node, node))
			rate = f->rates[i].rate;
	pthread_mutex_unlock(&f->lock);
	return rate;
}

/* Half of what was, half of what is: a rate that follows, and does not jump. */
void
fetching_saw_rate(struct fetching *f, const struct node_id *node, uint64_t rate)
{
	uint32_t i = 0;

	pthread_mutex_lock(&f->lock);
	while (i < f->rate_count && !node_id_equal(&f->rates[i].node, node))
		i++;
	if (i == f->rate_count && i == MESH_LIVE_MAX)
		i = (uint32_t)(rate % MESH_LIVE_MAX); /* somebody is forgotten */
	else if (i == f->rate_count)
		f->rate_count++;
	if (!node_id_equal(&f->rates[i].node, node))
		f->rates[i] = (struct seen_rate){*node, rate};
	else
		f->rates[i].rate = (f->rates[i].rate + rate) / 2;
	pthread_mutex_unlock(&f->lock);
}

/* ---- life ---------------------------------------------------------------- */

static int
start_threads(struct fetching *f, struct trouble *why)
{
	sigset_t all, old;
	int r = 0;

	/* Signals belong to the loop thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < FETCH_THREADS && r == 0; i++) {
		r = pthread_create(&f->threads[i], NULL, thread_main, f);
		if (r == 0)
			f->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r == 0 ? 0 : trouble_errno(why, r, "cannot start a thread");
}

struct fetching *
fetching_new(const struct fetching_config *config, struct trouble *why)
{
	struct fetching *f = calloc(1, sizeof(*f));
	pthread_condattr_t steady;

	if (f == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	f->config = *config;
	f->self = (struct channel_self){.tls = config->tls,
					.state = config->state,
					.run = config->state->run};
	atomic_init(&f->refs, 1);
	f->work.last = &f->work.first;
	f->proofs.last = &f->proofs.first;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->reader_lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&f->news, &steady);
	pthread_condattr_destroy(&steady);
	copiers_init(&f->copiers, copiers_max());
	rate_init(&f->rate, config->rate);
	f->reader = reader_open(config->state->dir, why);
	if (f->reader == NULL || start_threads(f, why) == -1) {
		fetching_free(f);
		return NULL;
	}
	reader_be_small(f->reader);
	catalogue_watch(config->catalogue, f->reader);
	return f;
}

/* Whoever began something has cancelled it before, or will never look again. */
void
fetching_free(struct fetching *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->ending = true;
	for (struct fetch *r = f->running; r != NULL; r = r->next_running)
		fetch_stop(r);
	proofs_stop(f);
	pthread_cond_broadcast(&f->news);
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->thread_count; i++)
		pthread_join(f->threads[i], NULL);
	/* What nobody has begun ends by seeing that all of it ends. */
	pthread_mutex_lock(&f->lock);
	while (do_one(f))
		continue;
	pthread_mutex_unlock(&f->lock);
	f->gone = true;
	channels_sweep(f, true);
	free_buffers(f);
	rate_release(&f->rate);
	reader_close(f->reader);
	f->reader = NULL;
	fetching_drop(f);
}

void
fetching_drop(struct fetching *f)
{
	if (atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	pthread_cond_destroy(&f->news);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->reader_lock);
	copiers_release(&f->copiers);
	free(f);
}
