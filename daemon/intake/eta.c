#include "eta.h"

#define NOTE_MS 250u

static uint64_t
work_of(uint64_t files, uint64_t bytes)
{
	return files * ETA_FILE_BYTES + bytes;
}

void
eta_note(struct eta *e, uint64_t files, uint64_t bytes, uint64_t now_ms)
{
	uint64_t work = work_of(files, bytes), last;

	if (e->count > 0) {
		last = (e->count - 1) % ETA_NOTES;
		if (now_ms < e->notes[last].ms + NOTE_MS ||
		    work < e->notes[last].work)
			return;
	}
	e->notes[e->count % ETA_NOTES].ms = now_ms;
	e->notes[e->count % ETA_NOTES].work = work;
	e->count++;
}

/*
 * What was known already is passed a thousand times as fast as what must be
 * read: of a pace that fades away a hundredth part would still be ten times
 * the truth.  So what is older than the notes counts for nothing at all.
 */
uint64_t
eta_ms(const struct eta *e, uint64_t files, uint64_t bytes)
{
	uint64_t first, last;
	double done, spent, ms;

	if (e->count < 2)
		return 0;
	last = (e->count - 1) % ETA_NOTES;
	first = e->count > ETA_NOTES ? e->count % ETA_NOTES : 0;
	done = (double)(e->notes[last].work - e->notes[first].work);
	spent = (double)(e->notes[last].ms - e->notes[first].ms);
	if (done <= 0)
		return 0;
	ms = (double)work_of(files, bytes) * spent / done;
	/* Beyond a year nobody counts. */
	return ms < 3.2e10 ? (uint64_t)ms : 0;
}
