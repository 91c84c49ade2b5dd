#include "eta.h"

#define NOTE_MS   250u
#define FORGET_MS 4000.0 /* so long a new rate takes to count for most */

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

	if (e->noted_ms == 0) {
		e->noted_ms = now_ms;
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
