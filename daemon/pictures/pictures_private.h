/*
 * pictures_private.h: what the files behind pictures.h share.
 */
#ifndef PHOTOMESH_PICTURES_PRIVATE_H
#define PHOTOMESH_PICTURES_PRIVATE_H

#include <pthread.h>

#include "pictures.h"

/* What is asked for at once in a walk; see reader_bare. */
#define PICTURES_QUEUE_MAX 4096u
/* Killed a worker once, to be tried again behind all others. */
#define PICTURES_SUSPECTS_MAX 64u
/* In one transaction, for at most so long. */
#define PICTURES_BATCH_MAX 32u
#define PICTURES_BATCH_MS  1000
/* When no worker can be had. */
#define PICTURES_REST_MS   60000u
/* Workers without work are ended. */
#define PICTURES_IDLE_MS   5000u

struct pictures {
	struct pictures_config config;
	struct reader *reader; /* the planner's */
	pthread_mutex_t path_lock;
	struct reader *paths; /* under it: where a photo lies */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t *threads; /* owned */
	unsigned thread_count;
	bool stopping;
	/* under the lock */
	struct guest *guests, **guests_end; /* owned, in order */
	unsigned guest_count;
	void (*spare)(void *arg); /* set once */
	void *spare_arg;
	unsigned spares; /* to be called so often */
	bool poked, planning; /* planning: what is the planner's is not read */
	unsigned busy; /* threads that are looking into something */
	uint64_t rest_ms; /* steady; nothing is begun until then; 0 */
	bool again;       /* the next plan is a walk */
	bool idle;        /* the workers have been ended */
	struct photo_id queue[PICTURES_QUEUE_MAX]; /* a ring */
	size_t first, count;
	struct photo_id suspects[PICTURES_SUSPECTS_MAX];
	size_t suspect_count;
	struct node_id live[MESH_KNOWN_MAX];
	uint32_t live_count;
	/* the planner's */
	bool walking;
	struct bare_place place;
	uint64_t generation, seq; /* all before was planned, or is walked over */
	bool for_all;             /* this walk does others' share too */
	uint64_t grace_ms;        /* steady; when to walk so; 0: not due */
};

/* ---- pictures_plan.c: what is to be looked into ------------------------- */

/* Fills the queue, which is empty; without the lock, on the thread that has set
 * `planning`.  True: more may have come meanwhile. */
bool pictures_plan(struct pictures *p);

/* ---- pictures_guests.c: files of others ---------------------------------- */

struct guest;
/* With the lock; NULL: none waits. */
struct guest *guest_take(struct pictures *p);
/* Without it. */
void guest_look(struct pictures *p, struct guest *g);

/* ---- pictures_look.c: looking into one ----------------------------------- */

struct pictures_batch;

/* `again`: it killed a worker before. */
void pictures_look(struct pictures *p, const struct photo_id *photo,
		   bool again, struct pictures_batch **batch);
/* Hands what was found to the catalogue. */
void pictures_flush(struct pictures *p, struct pictures_batch **batch);
/* Is it full, or has it waited long enough? */
bool pictures_due(const struct pictures_batch *batch);

#endif
