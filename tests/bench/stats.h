/*
 * stats.h: times collected in a bench, and how they are told.
 */
#ifndef PHOTOMESH_BENCH_STATS_H
#define PHOTOMESH_BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_MAX 65536u

struct stats {
	size_t count;
	double ms[STATS_MAX];
};

/* CLOCK_MONOTONIC in milliseconds with a fraction. */
double stats_now_ms(void);
void stats_add(struct stats *s, double ms);
/* The q-th quantile (0..1), by nearest rank; 0 when empty.  Sorts. */
double stats_quantile(struct stats *s, double q);
/* "  what                 min     median  99th pct  count" */
void stats_print(const char *what, struct stats *s);

#endif
