#include "serving.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "serving_private.h"
#include "trouble.h"

/* Catalogue, TLS and SHA-256 need a tenth of it; sanitizers more. */
#define STACK_BYTES (256u * 1024u)
#define NICE        5
#define REST_MS     1000u

struct serving *
serving_new(const struct serving_config *config, struct trouble *why)
{
	struct serving *s = calloc(1, sizeof(*s));
	pthread_condattr_t steady;

	if (s == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	s->config = *config;
	s->idle_ms = CHANNEL_IDLE_MS;
#ifdef PHOTOMESH_TEST_HOOKS
	if (getenv("PHOTOMESH_CHANNEL_IDLE_MS") != NULL)
		s->idle_ms = (unsigned)strtoul(
			getenv("PHOTOMESH_CHANNEL_IDLE_MS"), NULL, 10);
#endif
	rate_init(&s->rate, config->bytes_per_second);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stopped, &steady);
	pthread_condattr_destroy(&steady);
	TAILQ_INIT(&s->live);
	TAILQ_INIT(&s->ended);
	return s;
}

/* Those whose threads are through, or as good as. */
static void
join_ended(struct serving *s)
{
	struct served *c;

	pthread_mutex_lock(&s->lock);
	while ((c = TAILQ_FIRST(&s->ended)) != NULL) {
		TAILQ_REMOVE(&s->ended, c, in_set);
		pthread_mutex_unlock(&s->lock);
		pthread_join(c->thread, NULL);
		free(c);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
}

void
serving_free(struct serving *s)
{
	struct served *c;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->stopped);
	TAILQ_FOREACH(c, &s->live, in_set)
		channel_cut(c->channel);
	while (s->count > 0)
		pthread_cond_wait(&s->stopped, &s->lock);
	pthread_mutex_unlock(&s->lock);
	join_ended(s);
	rate_release(&s->rate);
	pthread_cond_destroy(&s->stopped);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool
serving_sleep(struct serving *s, uint64_t ms)
{
	struct timespec until;
	bool go_on;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->lock);
	while (!s->stopping && ms > 0 && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&s->stopped, &s->lock, &until);
	go_on = !s->stopping;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

void
serving_set_maker(struct serving *s, serving_maker *make, void *arg)
{
	pthread_mutex_lock(&s->lock);
	s->make = make;
	s->make_arg = arg;
	pthread_mutex_unlock(&s->lock);
}

/* At whose pace a file is read that was handed over, nobody can say. */
bool
serving_hands(const struct serving *s)
{
	return s->config.bytes_per_second == 0;
}

void
serving_count(struct serving *s, uint32_t *channels, uint64_t *bytes)
{
	pthread_mutex_lock(&s->lock);
	*channels = s->count;
	pthread_mutex_unlock(&s->lock);
	*bytes = atomic_load(&s->bytes);
}

/* ---- one channel ----------------------------------------------------- */

/* The next request, whole by the end of idle_ms, however its bytes come; false:
 * there will be none. */
static bool
await_request(struct served *c, struct bulk *m)
{
	uint64_t now = clock_steady_ms(), end = now + c->serving->idle_ms;

	channel_end_by(c->channel, end);
	for (; now < end; now = clock_steady_ms()) {
		uint64_t left = end - now;

		switch (channel_hear(c->channel, CHANNEL_ASK_BYTES_MAX,
				     (unsigned)(left < REST_MS ? left
							       : REST_MS),
				     m)) {
		case CHANNEL_HEARD:
			channel_end_by(c->channel, UINT64_MAX);
			return true;
		case CHANNEL_SILENT:
			serving_rest(c);
			continue;
		case CHANNEL_ENDED:
		case CHANNEL_BROKEN:
			return false;
		}
	}
	return false;
}

static void *
served_main(void *arg)
{
	struct served *c = arg;
	struct serving *s = c->serving;
	struct bulk m = {.type = BULK_CHANNEL_OPEN, .request = c->request};

	pthread_setname_np(pthread_self(), "serving");
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	m.u.open = (struct bulk_open){.version = PROTOCOL_VERSION_MAX,
				      .hatch = serving_hands(s),
				      .thumbs = s->config.thumbs != NULL};
	if (channel_say_bulk(c->channel, &m, s->idle_ms)) {
		while (await_request(c, &m) && serving_answer(c, &m))
			continue;
	}
	serving_rest(c);
	hatch_close(&c->hatch);
	pthread_mutex_lock(&s->lock);
	TAILQ_REMOVE(&s->live, c, in_set);
	pthread_mutex_unlock(&s->lock);
	/* Nobody else can cut it any more. */
	channel_free(c->channel);
	pthread_mutex_lock(&s->lock);
	TAILQ_INSERT_TAIL(&s->ended, c, in_set);
	s->count--;
	pthread_cond_broadcast(&s->stopped);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int
start_thread(struct served *c)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* Signals belong to the loop thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&c->thread, &attr, served_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

/* May one more of `node` be served?  Under lock. */
static bool
has_room(const struct serving *s, const struct node_id *node)
{
	const struct served *c;
	uint32_t of_one = 0;

	TAILQ_FOREACH(c, &s->live, in_set)
		of_one += node_id_equal(channel_node(c->channel), node);
	return !s->stopping && s->count < CHANNELS_SERVED_MAX &&
	       of_one < CHANNELS_OF_ONE_MAX;
}

static void
refuse(struct channel *channel, uint32_t request)
{
	const struct bulk m = {
		.type = MESSAGE_ERROR,
		.request = request,
		.u.error = {.code = ERROR_BUSY, .text = "too many channels"},
	};

	/* There is room for it: nothing but HELLO was ever sent. */
	(void)channel_say_bulk(channel, &m, 0);
	channel_free(channel);
}

void
serving_adopt(struct serving *s, SSL *ssl, int fd, const struct node_id *node,
	      uint32_t request)
{
	struct channel *channel = channel_adopt(ssl, fd, node);
	struct served *c;
	bool room;

	if (channel == NULL)
		return;
	join_ended(s);
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		refuse(channel, request);
		return;
	}
	c->serving = s;
	c->channel = channel;
	c->request = request;
	hatch_init(&c->hatch);
	pthread_mutex_lock(&s->lock);
	if ((room = has_room(s, node))) {
		TAILQ_INSERT_TAIL(&s->live, c, in_set);
		s->count++;
		/* Started under lock, so that it cannot end unnoticed. */
		if (start_thread(c) != 0) {
			TAILQ_REMOVE(&s->live, c, in_set);
			s->count--;
			room = false;
		}
	}
	pthread_mutex_unlock(&s->lock);
	if (!room) {
		free(c);
		refuse(channel, request);
	}
}
