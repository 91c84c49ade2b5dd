/*
 * serving_private.h: one channel that is being served, for serving*.c only.
 */
#ifndef PHOTOMESH_SERVING_PRIVATE_H
#define PHOTOMESH_SERVING_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "channel.h"
#include "hatch.h"
#include "holdings.h"
#include "serving.h"

/* One that is asked for photos. */
struct served {
	TAILQ_ENTRY(served) in_set;
	struct serving *serving;
	pthread_t thread;
	struct channel *channel; /* its thread's; cut from others under lock */
	uint32_t request;        /* of CHANNEL */
	/* Kept from one FETCH to the next; its thread's. */
	bool open;
	struct photo_id photo;
	struct holding_file file;
	uint8_t *room; /* BULK_CHUNK_HEAD_MAX, then CHUNK_BYTES_MAX */
	struct hatch hatch;
};

TAILQ_HEAD(served_list, served);

struct serving {
	struct serving_config config;
	struct rate rate;
	unsigned idle_ms; /* nothing asked, or nothing taken */
	atomic_uint_fast64_t bytes;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stopping;
	serving_maker *make; /* NULL: nobody */
	void *make_arg;
	uint32_t count;
	struct served_list live, ended; /* ended: only to be joined */
};

/* serving_requests.c: answer one request.  False: the channel is to end. */
bool serving_answer(struct served *c, const struct bulk *m);
/* Nothing is asked just now: let go of file and memory. */
void serving_rest(struct served *c);

/* c->room; false: out of memory. */
bool serving_have_room(struct served *c);
/* serving_thumbs.c: THUMBS, likewise. */
bool serving_answer_thumbs(struct served *c, uint32_t request,
			   const struct bulk_thumbs *t);

/* serving.c: are files handed over? */
bool serving_hands(const struct serving *s);
/* Sleep, unless all is to stop; then false. */
bool serving_sleep(struct serving *s, uint64_t ms);

#endif
