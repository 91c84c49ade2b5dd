/*
 * clock.h: the two clocks, named by what they are good for.
 */
#ifndef PHOTOMESH_CLOCK_H
#define PHOTOMESH_CLOCK_H

#include <stdint.h>

/* Never goes back; for timers and ages.  CLOCK_MONOTONIC, milliseconds. */
uint64_t clock_steady_ms(void);
/* What people's clocks say; for stamps only.  Milliseconds since 1970 UTC. */
int64_t clock_wall_ms(void);

#endif
