#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double
stats_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void
stats_add(struct stats *s, double ms)
{
	if (s->count < STATS_MAX)
		s->ms[s->count++] = ms;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
stats_quantile(struct stats *s, double q)
{
	size_t at;

	if (s->count == 0)
		return 0;
	qsort(s->ms, s->count, sizeof(s->ms[0]), compare);
	at = (size_t)(q * (double)(s->count - 1) + 0.5);
	return s->ms[at];
}

void
stats_print(const char *what, struct stats *s)
{
	printf("  %-46s %8.3f %8.3f %8.3f   n=%zu\n", what,
	       stats_quantile(s, 0), stats_quantile(s, 0.5),
	       stats_quantile(s, 0.99), s->count);
	fflush(stdout);
}
