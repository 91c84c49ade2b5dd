/*
 * The brake and the estimate, in numbers: how much may go of how many, within
 * which time; how long the rest of a scan takes, at a pace that changes.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "eta.h"
#include "scan_private.h"

static struct root_now now;

/* So many may go of so many, and not one more. */
static void
at_most(uint64_t gone, uint64_t held)
{
	assert(brake_allows(&now, gone, held, held - gone));
	assert(!brake_allows(&now, gone + 1, held, held - gone - 1));
}

/* A hundred, or a fifth of them all; never all. */
static void
test_share(void)
{
	static const struct {
		uint64_t held, gone;
	} cases[] = {
		{101, 100}, {153, 100}, {500, 100}, {504, 100}, {505, 101},
		{1000, 200}, {1004, 200}, {100000, 20000}, {5000000, 1000000},
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
		at_most(cases[k].gone, cases[k].held);
	assert(brake_allows(&now, 0, 0, 0));
	for (uint64_t held = 1; held < 300; held++)
		assert(!brake_allows(&now, held, held, 0));
}

/* Once it has gone off, more than half of what was missing must be back. */
static void
test_release(void)
{
	now.braked = true;
	now.missing = 1000;
	at_most(200, 1000);
	now.missing = 150;
	at_most(75, 1000);
	now.missing = 1;
	assert(!brake_allows(&now, 1, 1000, 999));
	now.braked = false;
}

static void
test_window(void)
{
	const uint64_t t = 5000000;

	memset(&now, 0, sizeof(now));
	assert(window_sum(&now, t) == 0);
	window_add(&now, 60, t);
	window_add(&now, 30, t + 500);
	window_add(&now, 7, t + 30000);
	assert(window_sum(&now, t + 30000) == 97);
	/* To the second, each by itself. */
	assert(window_sum(&now, t + 59000) == 97);
	assert(window_sum(&now, t + 60000) == 7);
	assert(window_sum(&now, t + 89000) == 7);
	assert(window_sum(&now, t + 90000) == 0);
	window_add(&now, 5, t + 3600000);
	assert(window_sum(&now, t + 3600000) == 5);
	/* A second of each for hours is a minute's. */
	for (uint64_t k = 0; k < 10000; k++)
		window_add(&now, 2, t + 7200000 + k * 1000);
	assert(window_sum(&now, t + 7200000 + 9999 * 1000) == 120);
}

/* Is it within a tenth of what it will be? */
static void
about(const struct eta *e, uint64_t files, uint64_t bytes, uint64_t ms)
{
	uint64_t said = eta_ms(e, files, bytes);

	if (said < ms - ms / 10 || said > ms + ms / 10) {
		fprintf(stderr, "%llu ms for %llu\n", (unsigned long long)said,
			(unsigned long long)ms);
		assert(!"an honest estimate");
	}
}

static void
test_eta(void)
{
	struct eta e = {0};
	uint64_t t = 1000, files = 0, bytes = 0;

	assert(eta_ms(&e, 10, 1000000) == 0); /* nobody knows */
	eta_note(&e, 0, 0, t);
	assert(eta_ms(&e, 10, 1000000) == 0);
	/* Known ones, a thousand in 100 ms. */
	for (unsigned k = 0; k < 100; k++)
		eta_note(&e, files += 1000, bytes += 3000000000, t += 100);
	about(&e, 20000, 60000000000, 2000);
	/* And then what must be read, 10 in a second: soon it is known. */
	for (unsigned k = 0; k < 200; k++)
		eta_note(&e, files += 1, bytes += 3000000, t += 100);
	about(&e, 100, 300000000, 10000);
	/* Few large ones are as long as many small ones of as much. */
	about(&e, 1, 300000000 + 99 * ETA_FILE_BYTES, 10000);
	assert(eta_ms(&e, 0, 0) == 0);
}

int
main(void)
{
	test_share();
	test_release();
	test_window();
	test_eta();
	puts("ok 1 - the brake and the estimate\n1..1");
	return 0;
}
