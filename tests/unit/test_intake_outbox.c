/*
 * The outbox is full: whoever fills it knows, and the scanner, who alone can send,
 * does not wait.  Hashers wait for it then, so nothing else would wake it.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "intake_private.h"

#define BATCH 4096u

static void
last_one_tells(void)
{
	static const struct intake_config config;
	atomic_bool stop = false;
	struct outbox *o = outbox_new(&config, &stop);
	struct own_file f = {.path = "a.jpg", .path_bytes = 5};
	bool full = true;

	assert(o != NULL);
	for (unsigned n = 1; n < BATCH; n++) {
		assert(outbox_put(o, &f, &full));
		assert(!full);
	}
	assert(outbox_put(o, &f, &full));
	assert(full);
	/* Told to stop, nobody waits any more, and nothing is put in. */
	atomic_store(&stop, true);
	assert(!outbox_put(o, &f, &full));
	assert(!full);
	outbox_free(o);
	puts("ok 1 - the last one that fits tells");
}

static void
scanner_goes_on(void)
{
	static struct intake i;
	uint64_t began = clock_steady_ms();
	pthread_condattr_t attr;

	pthread_mutex_init(&i.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&i.moved, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&i.lock);
	i.full = true;
	intake_wait(&i, 3600000); /* or this test takes an hour */
	assert(!i.full);
	/* Once only: the next time it waits. */
	intake_wait(&i, 20);
	assert(clock_steady_ms() - began >= 19);
	pthread_mutex_unlock(&i.lock);
	pthread_cond_destroy(&i.moved);
	pthread_mutex_destroy(&i.lock);
	puts("ok 2 - the scanner does not wait while it is full");
}

int
main(void)
{
	puts("1..2");
	last_one_tells();
	scanner_goes_on();
	return 0;
}
