#include "thumbs_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pictures.h"
#include "trouble.h"
#include "workers.h"

static struct reader *
small_reader(const struct thumbs_config *config, struct trouble *why)
{
	struct reader *r = reader_open(config->dir, why);

	if (r != NULL) {
		reader_be_small(r);
		catalogue_watch(config->catalogue, r);
	}
	return r;
}

static int
start_thread(pthread_t *out, const char *name, void *(*main)(void *),
	     void *arg, struct trouble *why)
{
	if (pthread_create(out, NULL, main, arg) != 0)
		return trouble_set(why, 0, "cannot start a thread");
	(void)pthread_setname_np(*out, name);
	return 0;
}

static int
start_threads(struct thumbs *t, struct trouble *why)
{
	while (t->server_count < THUMBS_ASKERS) {
		struct thumb_server *s = &t->servers[t->server_count];

		s->thumbs = t;
		if ((s->line = thumb_asker_new(t->config.fetching)) == NULL)
			return trouble_set(why, 0, "out of memory");
		if (start_thread(&s->thread, "thumb-ask", thumbs_answerer, s,
				 why) == -1) {
			thumb_asker_free(s->line);
			return -1;
		}
		t->server_count++;
	}
	if (!t->config.keeps)
		return 0;
	if ((t->reader = small_reader(&t->config, why)) == NULL)
		return -1;
	if ((t->asker = thumb_asker_new(t->config.fetching)) == NULL)
		return trouble_set(why, 0, "out of memory");
	if (start_thread(&t->planner, "thumbs", thumbs_planner, t, why) == -1)
		return -1;
	t->planning = true;
	return 0;
}

struct thumbs *
thumbs_new(const struct thumbs_config *config, struct trouble *why)
{
	struct thumbs *t = calloc(1, sizeof(*t));
	pthread_condattr_t steady;

	if (t == NULL) {
		trouble_set(why, 0, "out of memory");
		return NULL;
	}
	t->config = *config;
	if (t->config.grace_ms == 0)
		t->config.grace_ms = PICTURES_GRACE_MS;
	t->asks_end = &t->asks;
	t->pause_ms = THUMBS_SOON_MS;
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->date_lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &steady);
	pthread_condattr_destroy(&steady);
	if ((t->dates = small_reader(config, why)) != NULL &&
	    start_threads(t, why) == 0) {
		if (config->pictures != NULL)
			pictures_set_spare(config->pictures, thumbs_spare, t);
		return t;
	}
	thumbs_stop(t);
	thumbs_free(t);
	return NULL;
}

void
thumbs_stop(struct thumbs *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->config.workers != NULL)
		workers_stop(t->config.workers);
	if (t->asker != NULL)
		thumb_asker_stop(t->asker);
	for (uint32_t i = 0; i < t->server_count; i++)
		thumb_asker_stop(t->servers[i].line);
	if (t->planning)
		pthread_join(t->planner, NULL);
	t->planning = false;
	for (uint32_t i = 0; i < t->server_count; i++) {
		pthread_join(t->servers[i].thread, NULL);
		thumb_asker_free(t->servers[i].line);
	}
	t->server_count = 0;
	thumb_asker_free(t->asker);
	t->asker = NULL;
	thumbs_asks_end(t);
}

void
thumbs_free(struct thumbs *t)
{
	if (t == NULL)
		return;
	fetch_world_drop(t->world);
	reader_close(t->reader);
	reader_close(t->dates);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->date_lock);
	free(t);
}

void
thumbs_poke(struct thumbs *t)
{
	pthread_mutex_lock(&t->lock);
	if (!t->poked) {
		t->poked = true;
		t->poked_ms = clock_steady_ms();
		pthread_cond_broadcast(&t->wake);
	}
	pthread_mutex_unlock(&t->lock);
}

void
thumbs_world(struct thumbs *t, struct fetch_world *world)
{
	struct fetch_world *old;

	fetch_world_hold(world);
	pthread_mutex_lock(&t->lock);
	old = t->world;
	t->world = world;
	if (!t->poked)
		t->poked_ms = clock_steady_ms();
	t->poked = true;
	/* Without a world also news were not minded. */
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
	fetch_world_drop(old);
}

bool
thumbs_stopping(struct thumbs *t)
{
	bool stopping;

	pthread_mutex_lock(&t->lock);
	stopping = t->stopping;
	pthread_mutex_unlock(&t->lock);
	return stopping;
}

bool
thumbs_date(struct thumbs *t, const struct photo_id *photo, int64_t *date)
{
	struct trouble why;
	bool found = false;

	pthread_mutex_lock(&t->date_lock);
	(void)reader_date(t->dates, photo, date, &found, &why);
	pthread_mutex_unlock(&t->date_lock);
	return found;
}
