#include "rate.h"

#define PARTS_PER_SECOND 8u
#define PART_BYTES_MIN   1024u

void
rate_init(struct rate *r, uint64_t bytes_per_second)
{
	*r = (struct rate){.bytes_per_second = bytes_per_second};
	pthread_mutex_init(&r->lock, NULL);
}

void
rate_release(struct rate *r)
{
	pthread_mutex_destroy(&r->lock);
}

size_t
rate_part(const struct rate *r, size_t max)
{
	uint64_t part = r->bytes_per_second / PARTS_PER_SECOND;

	if (r->bytes_per_second == 0 || part >= max)
		return max;
	if (part < PART_BYTES_MIN)
		part = PART_BYTES_MIN;
	return part < max ? (size_t)part : max;
}

uint64_t
rate_reserve(struct rate *r, uint64_t bytes, uint64_t now_ms)
{
	const uint64_t burst_us = RATE_BURST_MS * 1000u;
	uint64_t now_us = now_ms * 1000, wait_us;

	if (r->bytes_per_second == 0)
		return 0;
	pthread_mutex_lock(&r->lock);
	/* Idle time is saved up to a bound. */
	if (r->free_us + burst_us < now_us)
		r->free_us = now_us - burst_us;
	wait_us = r->free_us > now_us ? r->free_us - now_us : 0;
	r->free_us += bytes * 1000000 / r->bytes_per_second;
	pthread_mutex_unlock(&r->lock);
	return (wait_us + 999) / 1000;
}
