/*
 * catalogue_private.h: the catalogue's threads and queues, for catalogue*.c only.
 */
#ifndef PHOTOMESH_CATALOGUE_PRIVATE_H
#define PHOTOMESH_CATALOGUE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "catalogue.h"

struct damage;
struct write_job; /* catalogue_write.c */

struct catalogue {
	struct writer *writer;
	struct mailbox *ends;
	struct damage *damage; /* owned until it is told */
	atomic_bool ending;
	_Atomic(struct reader *) checking; /* NULL: no check is running */
	atomic_bool sound; /* a check came to its end and found nothing */
	struct pool *writing, *asking;
	struct reader *readers[CATALOGUE_READERS];
	unsigned reader_count;
	struct message_decoder *decoder; /* of the writer's thread */
	catalogue_written *caught_up; /* with the lock; NULL: nobody cares */
	void *caught_up_arg;
	pthread_mutex_t lock;
	struct write_job *first, **last; /* waiting, in the pool's order */
};

/* Once, for as long as somebody wants to know; from any thread. */
void tell_damage(struct catalogue *c, const struct trouble *what);

/* On the writer's thread, when it has nothing to do. */
void catch_up(struct catalogue *c);

#endif
