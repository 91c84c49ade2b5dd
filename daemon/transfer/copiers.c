#include "copiers.h"

#include <errno.h>
#include <semaphore.h>
#include <time.h>

/* One that waits; on its own stack.  A place is handed to the first, not laid
 * out for the quickest: who reads a film would take it again each time. */
struct copier {
	struct copier *next; /* c->lock */
	bool waits;
	sem_t go;
};

void
copiers_init(struct copiers *c, unsigned places)
{
	pthread_mutex_init(&c->lock, NULL);
	c->places = places;
	c->first = NULL;
	c->last = &c->first;
}

void
copiers_release(struct copiers *c)
{
	pthread_mutex_destroy(&c->lock);
}

static void
take_out(struct copiers *c, struct copier *me)
{
	struct copier **at = &c->first;

	while (*at != me)
		at = &(*at)->next;
	*at = me->next;
	if (me->next == NULL)
		c->last = at;
	me->waits = false;
}

static void
await_turn(struct copier *me, unsigned timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (sem_clockwait(&me->go, CLOCK_MONOTONIC, &until) == -1 &&
	       errno == EINTR)
		continue;
}

bool
copiers_enter(struct copiers *c, unsigned timeout_ms)
{
	struct copier me = {.waits = true};
	bool entered;

	pthread_mutex_lock(&c->lock);
	if (c->places > 0) {
		c->places--;
		pthread_mutex_unlock(&c->lock);
		return true;
	}
	sem_init(&me.go, 0, 0);
	*c->last = &me;
	c->last = &me.next;
	pthread_mutex_unlock(&c->lock);
	await_turn(&me, timeout_ms);
	/* Under the lock, so whoever said go has done with `me`. */
	pthread_mutex_lock(&c->lock);
	entered = !me.waits;
	if (me.waits)
		take_out(c, &me);
	pthread_mutex_unlock(&c->lock);
	sem_destroy(&me.go);
	return entered;
}

void
copiers_leave(struct copiers *c)
{
	struct copier *next;

	pthread_mutex_lock(&c->lock);
	if ((next = c->first) != NULL) {
		take_out(c, next);
		sem_post(&next->go);
	} else {
		c->places++;
	}
	pthread_mutex_unlock(&c->lock);
}
