#include "pace.h"

#include <time.h>

#define SLEEP_US_MAX 100000u /* whoever is told to stop, stops that soon */
/* A pause is not made up for by reading faster later, but for this. */
#define BURST_US     100000u
#define NOTE_MS      250u
#define FORGET_MS    4000.0 /* so long a new rate takes to count for most */

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void
pace_init(struct pace *p, uint64_t bytes_per_second)
{
	p->bytes_per_second = bytes_per_second;
	p->free_us = 0;
	pthread_mutex_init(&p->lock, NULL);
}

void
pace_release(struct pace *p)
{
	pthread_mutex_destroy(&p->lock);
}

void
pace_take(struct pace *p, uint64_t bytes, const atomic_bool *stop)
{
	uint64_t now = now_us(), mine;

	if (p->bytes_per_second == 0)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->free_us + BURST_US < now)
		p->free_us = now - BURST_US;
	mine = p->free_us;
	p->free_us += (uint64_t)((double)bytes * 1e6 /
				 (double)p->bytes_per_second);
	pthread_mutex_unlock(&p->lock);
	while ((now = now_us()) < mine && !atomic_load(stop)) {
		uint64_t us = mine - now < SLEEP_US_MAX ? mine - now
							: SLEEP_US_MAX;
		struct timespec t = {.tv_nsec = (long)us * 1000};

		nanosleep(&t, NULL);
	}
}

/* ---- how long yet ------------------------------------------------------ */

static uint64_t
work_of(uint64_t files, uint64_t bytes)
{
	return files * ETA_FILE_BYTES + bytes;
}

void
eta_note(struct eta *e, uint64_t files, uint64_t bytes, uint64_t now_ms)
{
	uint64_t work = work_of(files, bytes), spent;
	double rate, weight;

	if (e->began_ms == 0) {
		e->began_ms = e->noted_ms = now_ms;
		e->noted = work;
		return;
	}
	spent = now_ms - e->noted_ms;
	if (spent < NOTE_MS || work < e->noted)
		return;
	rate = (double)(work - e->noted) / (double)spent;
	/* What was known already is passed at another speed than what must be
	 * read, so the past is soon forgotten. */
	weight = (double)spent / FORGET_MS;
	if (e->per_ms == 0 || weight > 1)
		weight = 1;
	e->per_ms += weight * (rate - e->per_ms);
	e->noted = work;
	e->noted_ms = now_ms;
}

uint64_t
eta_ms(const struct eta *e, uint64_t files, uint64_t bytes)
{
	double ms;

	if (e->per_ms <= 0)
		return 0;
	ms = (double)work_of(files, bytes) / e->per_ms;
	/* Beyond a year nobody counts. */
	return ms < 3.2e10 ? (uint64_t)ms : 0;
}
