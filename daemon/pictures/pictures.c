/*
 * pictures.c: the threads, and what they do next.
 */
#include "pictures_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "pool.h"
#include "trouble.h"
#include "workers.h"

static bool
is_resting(struct pictures *p)
{
	if (p->rest_ms != 0 && clock_steady_ms() >= p->rest_ms)
		p->rest_ms = 0;
	return p->rest_ms != 0;
}

static bool
plan_is_due(const struct pictures *p)
{
	return !p->planning && p->count == 0 && p->live_count > 0 &&
	       (p->poked || p->walking ||
		(p->grace_ms != 0 && clock_steady_ms() >= p->grace_ms));
}

/* The next photo; those that killed a worker when all others are done. */
static bool
take(struct pictures *p, struct photo_id *photo, bool *again)
{
	*again = false;
	if (p->count > 0) {
		*photo = p->queue[p->first];
		p->first = (p->first + 1) % PICTURES_QUEUE_MAX;
		p->count--;
		return true;
	}
	if (p->suspect_count == 0 || p->busy > 0 || p->planning || p->walking)
		return false;
	*again = true;
	*photo = p->suspects[--p->suspect_count];
	return true;
}

/* The earliest moment at which there may be something to do without a poke. */
static uint64_t
next_moment(const struct pictures *p, uint64_t now)
{
	uint64_t at = UINT64_MAX;

	if (p->rest_ms != 0)
		return p->rest_ms;
	if (!p->planning && p->grace_ms != 0)
		at = p->grace_ms;
	if (!p->idle && p->busy == 0 && now + PICTURES_IDLE_MS < at)
		at = now + PICTURES_IDLE_MS;
	return at;
}

/* Until something changes, or it is time; and who has waited for nothing long
 * enough, ends the workers. */
static void
wait_for_work(struct pictures *p)
{
	uint64_t now = clock_steady_ms(), at = next_moment(p, now);
	struct timespec until = {.tv_sec = (time_t)(at / 1000),
				 .tv_nsec = (long)(at % 1000) * 1000000};

	if (at == UINT64_MAX) {
		pthread_cond_wait(&p->wake, &p->lock);
		return;
	}
	if (pthread_cond_timedwait(&p->wake, &p->lock, &until) != ETIMEDOUT ||
	    p->stopping || p->busy > 0 || p->planning || p->count > 0 ||
	    p->rest_ms != 0 || p->idle)
		return;
	p->idle = p->planning = true;
	pthread_mutex_unlock(&p->lock);
	workers_rest(p->config.workers);
	reader_rest(p->reader);
	pthread_mutex_lock(&p->path_lock);
	reader_rest(p->paths);
	pthread_mutex_unlock(&p->path_lock);
	pthread_mutex_lock(&p->lock);
	p->planning = false;
	pthread_cond_broadcast(&p->wake);
}

static void *
thread_main(void *arg)
{
	struct pictures *p = arg;
	struct pictures_batch *batch = NULL;
	struct photo_id photo;
	struct guest *guest;
	bool again, more;

	thread_lower_priority();
	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		if ((guest = guest_take(p)) != NULL) {
			p->busy++;
			p->idle = false;
			pthread_mutex_unlock(&p->lock);
			guest_look(p, guest);
			pthread_mutex_lock(&p->lock);
			if (--p->busy == 0)
				pthread_cond_broadcast(&p->wake);
		} else if (!is_resting(p) && take(p, &photo, &again)) {
			p->busy++;
			p->idle = false;
			pthread_mutex_unlock(&p->lock);
			pictures_look(p, &photo, again, &batch);
			if (pictures_due(batch))
				pictures_flush(p, &batch);
			pthread_mutex_lock(&p->lock);
			if (--p->busy == 0)
				pthread_cond_broadcast(&p->wake);
		} else if (batch != NULL) {
			pthread_mutex_unlock(&p->lock);
			pictures_flush(p, &batch);
			pthread_mutex_lock(&p->lock);
		} else if (!is_resting(p) && plan_is_due(p)) {
			p->planning = true;
			p->poked = false;
			pthread_mutex_unlock(&p->lock);
			more = pictures_plan(p);
			pthread_mutex_lock(&p->lock);
			p->planning = false;
			p->poked = p->poked || more;
			pthread_cond_broadcast(&p->wake);
		} else if (p->spares > 0) {
			p->spares--;
			p->busy++;
			p->idle = false;
			pthread_mutex_unlock(&p->lock);
			p->spare(p->spare_arg);
			pthread_mutex_lock(&p->lock);
			if (--p->busy == 0)
				pthread_cond_broadcast(&p->wake);
		} else {
			wait_for_work(p);
		}
	}
	pthread_mutex_unlock(&p->lock);
	pictures_flush(p, &batch);
	return NULL;
}

static struct reader *
small_reader(const struct pictures_config *config, struct trouble *why)
{
	struct reader *r = reader_open(config->dir, why);

	if (r != NULL) {
		reader_be_small(r);
		catalogue_watch(config->catalogue, r);
	}
	return r;
}

static int
start_threads(struct pictures *p, struct trouble *why)
{
	char name[16];

	p->threads = calloc(p->config.threads, sizeof(*p->threads));
	if (p->threads == NULL)
		return trouble_set(why, 0, "out of memory");
	while (p->thread_count < p->config.threads) {
		pthread_t *t = &p->threads[p->thread_count];

		if (pthread_create(t, NULL, thread_main, p) != 0)
			return trouble_set(why, 0, "cannot start a thread");
		snprintf(name, sizeof(name), "pictures-%u", p->thread_count);
		(void)pthread_setname_np(*t, name);
		p->thread_count++;
	}
	return 0;
}

struct pictures *
pictures_new(const struct pictures_config *config, struct trouble *why)
{
	struct pictures *p = calloc(1, sizeof(*p));
	pthread_condattr_t steady;

	if (p == NULL) {
		trouble_set(why, 0, "out of memory");
		return NULL;
	}
	p->config = *config;
	if (p->config.grace_ms == 0)
		p->config.grace_ms = PICTURES_GRACE_MS;
	p->poked = true;
	p->guests_end = &p->guests;
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->path_lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &steady);
	pthread_condattr_destroy(&steady);
	if ((p->reader = small_reader(config, why)) != NULL &&
	    (p->paths = small_reader(config, why)) != NULL &&
	    start_threads(p, why) == 0)
		return p;
	pictures_free(p);
	return NULL;
}

void
pictures_free(struct pictures *p)
{
	struct guest *guest;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	workers_stop(p->config.workers);
	for (unsigned i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	while ((guest = guest_take(p)) != NULL)
		guest_look(p, guest); /* in vain: the workers have stopped */
	free(p->threads);
	reader_close(p->reader);
	reader_close(p->paths);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->path_lock);
	free(p);
}

void
pictures_set_spare(struct pictures *p, void (*spare)(void *arg), void *arg)
{
	pthread_mutex_lock(&p->lock);
	p->spare = spare;
	p->spare_arg = arg;
	pthread_mutex_unlock(&p->lock);
}

void
pictures_spare(struct pictures *p)
{
	pthread_mutex_lock(&p->lock);
	p->spares++;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void
pictures_poke(struct pictures *p)
{
	pthread_mutex_lock(&p->lock);
	if (!p->poked) {
		p->poked = true;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
}

void
pictures_again(struct pictures *p)
{
	pthread_mutex_lock(&p->lock);
	p->rest_ms = clock_steady_ms() + PICTURES_REST_MS;
	p->again = p->poked = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void
pictures_live(struct pictures *p, const struct node_id *live, uint32_t count)
{
	if (count > MESH_KNOWN_MAX)
		count = MESH_KNOWN_MAX;
	pthread_mutex_lock(&p->lock);
	memcpy(p->live, live, count * sizeof(*live));
	p->live_count = count;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}
