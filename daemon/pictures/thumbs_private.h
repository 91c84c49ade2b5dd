/*
 * thumbs_private.h: what the files behind thumbs.h share.
 */
#ifndef PHOTOMESH_THUMBS_PRIVATE_H
#define PHOTOMESH_THUMBS_PRIVATE_H

#include <pthread.h>

#include "catalogue.h"
#include "fetching.h"
#include "thumbs.h"

#define THUMBS_ASKERS   2u
#define THUMBS_TODO_MAX 64u  /* to be made, not begun */
#define THUMBS_PAGE_MAX 256u /* lacking, in one step of a walk */
#define THUMBS_PEERS_MAX 64u /* asked in one walk: a bit each */
#define THUMBS_KILLERS_MAX 64u

/* When a walk begins after news; doubled each time one brings nothing. */
#define THUMBS_SOON_MS  250u
#define THUMBS_LATE_MS  600000u
/* A walk with news behind it begins again from the newest photo. */
#define THUMBS_RESTART_MS 30000u
/* A walk costs this part of the time at most. */
#define THUMBS_WALK_SHARE 20u
/* While a walk brings nothing it rests: after so long, so many times as long. */
#define THUMBS_REST_AFTER_MS 5u
#define THUMBS_REST_TIMES    3u

struct thumb_todo {
	struct photo_id photo;
	int64_t date;
};

/* A node that is not asked for a while, or less often. */
struct thumb_peer {
	struct node_id node;
	uint64_t shunned_ms; /* steady; until then */
	uint32_t empty;      /* questions in a row that brought nothing */
	uint32_t skip;       /* that many are left out now */
};

struct thumb_ask;

struct thumbs {
	struct thumbs_config config;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* the planner's and the askers' */
	bool stopping;
	/* under the lock */
	bool poked;
	uint64_t poked_ms;
	struct fetch_world *world; /* owned reference; NULL: not told yet */
	struct thumb_todo todo[THUMBS_TODO_MAX]; /* a ring */
	uint32_t first, count, making;
	uint64_t made_walk;   /* made in this walk */
	uint32_t failed_walk; /* not made, and to be tried again */
	struct photo_id killers[THUMBS_KILLERS_MAX]; /* a ring */
	uint32_t killer_count;
	uint64_t rest_ms; /* steady; nothing is made until then */
	struct thumb_ask *asks, **asks_end; /* owned, in order */
	uint32_t ask_count;
	/* under date_lock */
	pthread_mutex_t date_lock;
	struct reader *dates;
	/* the planner's */
	struct reader *reader;
	struct thumb_asker *asker;
	bool walking, for_all;
	struct bare_place place;
	uint64_t begun_ms, scanned_ms; /* of this walk; spent looking */
	uint64_t rested_ms; /* scanned_ms when it last rested, or brought some */
	uint32_t rested_got; /* had from others by then */
	uint64_t next_ms;  /* when the next begins; UINT64_MAX: with news */
	uint64_t pause_ms; /* between this and the next that brings nothing */
	uint64_t grace_ms; /* when others' share is done here; 0: not due */
	uint32_t left, got; /* lacking still; had from others, in this walk */
	uint32_t turn;      /* which of the others is asked first */
	struct thumb_peer peers[MESH_KNOWN_MAX];
	uint32_t peer_count;
	/* threads */
	pthread_t planner;
	struct thumb_server {
		struct thumbs *thumbs;
		struct thumb_asker *line; /* owned */
		pthread_t thread;
	} servers[THUMBS_ASKERS]; /* of clients */
	uint32_t server_count;
	bool planning; /* there is a planner */
};

/* ---- thumbs_plan.c -------------------------------------------------------- */

void *thumbs_planner(void *arg);

/* ---- thumbs_pull.c: the planner's step ------------------------------------- */

struct thumb_lack {
	struct photo_id photo;
	int64_t date;
	uint64_t holders; /* bits: of `live` */
	bool held, mine;  /* by this node; its turn */
	bool had;
};
/* The world and, of it, who may be asked. */
struct thumb_mesh {
	struct fetch_world *world; /* a reference of the caller's */
	uint32_t count;
	uint32_t live[THUMBS_PEERS_MAX]; /* indexes into the world */
};
/* Asks others for what is lacking; how much came. */
uint32_t thumbs_pull(struct thumbs *t, const struct thumb_mesh *m,
		     struct thumb_lack *lack, uint32_t count);
bool thumbs_stopping(struct thumbs *t);
/* Behind whoever waits for a photo; false: stopping. */
bool thumbs_give_way(struct thumbs *t);

/* ---- thumbs_make.c ---------------------------------------------------------- */

/* For pictures.c: makes one of `todo`. */
void thumbs_spare(void *arg);
/* Made from the file, kept, and into out if that is given; its bytes or 0. */
size_t thumbs_make_one(struct thumbs *t, const struct photo_id *photo,
		       int64_t date, uint8_t *out);
/* How new a photo is; false: it is not listed. */
bool thumbs_date(struct thumbs *t, const struct photo_id *photo, int64_t *date);

/* ---- thumbs_ask.c ----------------------------------------------------------- */

/* arg is a struct thumb_server. */
void *thumbs_answerer(void *arg);
/* All that wait are told that there is nothing. */
void thumbs_asks_end(struct thumbs *t);

#endif
