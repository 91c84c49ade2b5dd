/*
 * copiers.h: how many threads may be reading files at once, in the order in
 * which they came, and never for ever.
 *
 * A read of a disk that hangs cannot be ended.  So that the threads which fetch
 * do not all end up in one, few of them read at the same time, and who waits
 * too long for a place does without.
 */
#ifndef PHOTOMESH_COPIERS_H
#define PHOTOMESH_COPIERS_H

#include <pthread.h>
#include <stdbool.h>

struct copier;

struct copiers {
	pthread_mutex_t lock;
	unsigned places; /* free; then nobody waits */
	struct copier *first, **last;
};

void copiers_init(struct copiers *c, unsigned places);
void copiers_release(struct copiers *c);
/* Any thread.  False: there was no place for so long. */
bool copiers_enter(struct copiers *c, unsigned timeout_ms);
void copiers_leave(struct copiers *c);

#endif
