/*
 * fetch_private.h: the inside of fetching, for fetch*.c and lane.c only.
 */
#ifndef PHOTOMESH_FETCH_PRIVATE_H
#define PHOTOMESH_FETCH_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "channel.h"
#include "copiers.h"
#include "fetching.h"
#include "mailbox.h"
#include "message.h"
#include "part.h"
#include "plan.h"
#include "rate.h"
#include "trouble.h"

#define FETCH_THREADS  8u
#define FETCH_STALL_MS 3000u /* no byte for so long: another holder */
#define DIAL_MS        3000u
#define IDLE_CHANNELS  16u
#define COPY_BYTES     (256u * 1024u)

#define PROVERS_MAX    (FETCH_THREADS / 2u) /* a proof takes as long as a disk */

/* Something for one thread to do. */
struct fetch_work {
	struct fetch_work *next;
	void (*run)(struct fetching *f, struct fetch_work *w);
};
struct fetch_queue {
	struct fetch_work *first, **last;
};

/* What can be ended from another thread: a lane on its channel, or dialling. */
struct fetch_line {
	struct channel *channel;
	struct channel_stop *stop;
	uint64_t heard_ms; /* steady; when the last frame came */
	uint64_t landed_ms; /* when it began, or brought a whole piece */
	bool used;
	bool ended; /* whatever comes here next is not wanted */
};
/* fetch_channels.c; with the lock that guards the line. */
void line_end(struct fetch_line *line);

/* A holder of one photo; its number is the plan's. */
struct fetch_holder {
	uint32_t peer; /* index into the world */
	struct node_id node;
	uint64_t bytes; /* that it sent */
	bool sent;   /* bytes of this photo, whatever became of them */
	bool silent; /* after that fell silent */
};

struct fetch {
	struct fetch_work work; /* first */
	struct letter letter;
	struct fetching *all;
	struct fetch *next_running; /* all->lock, as is lanes */
	uint32_t lanes;
	atomic_uint refs; /* who began it, and the threads */
	atomic_bool cancelled;
	struct question_get what;
	bool whole;
	int fd;
	void (*ended)(void *arg, struct fetch *f);
	void *arg;
	/* While it is with the threads it is theirs. */
	struct fetch_world *world;
	bool prepared, was_live;
	bool wrong; /* a whole was in, and was not the photo */
	bool there; /* as in fetch_seen; lock */
	struct part *part; /* NULL for a range */
	struct plan *plan;
	uint32_t holder_count;
	struct fetch_holder holders[PLAN_HOLDERS_MAX];
	pthread_mutex_t plan_lock; /* plan, part, holders' bytes, trouble */
	bool failed;               /* nothing can be written: trouble */
	struct trouble trouble;
	enum fetch_outcome outcome;
	uint32_t code;
	char text[REASON_BYTES_MAX + 1];
	uint64_t own_bytes; /* from this node's own copy */
	/* Looked at from the loop thread. */
	pthread_mutex_t lock; /* lines, whom */
	struct fetch_line lines[PLAN_LANES_MAX];
	struct node_id whom;
	char whom_name[SHOWN_NAME_MAX + 1];
	atomic_uint state; /* enum getting_state */
	_Atomic uint64_t bytes, fetched, resumed;
};

struct fetching {
	atomic_uint refs; /* who made it, and each fetch */
	struct fetching_config config;
	struct channel_self self;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct fetch_queue work, proofs;
	uint32_t proving; /* threads at work of `proofs` */
	struct fetch *running; /* prepared; another lane may find work */
	bool ending;
	bool gone; /* only memory is left, for those who still refer to it */
	unsigned thread_count;
	pthread_t threads[FETCH_THREADS];
	struct idle_channel {
		struct channel *channel;
		uint64_t since_ms;
	} idle[IDLE_CHANNELS];
	uint32_t idle_count;
	struct copiers copiers; /* who reads a file that is here */
	/* Of COPY_BYTES each, between two uses; lock. */
	uint8_t *buffers[FETCH_THREADS];
	uint32_t buffer_count;
	struct rate rate; /* --fetch-rate */
	/* What was seen of each node, to ask the fastest first. */
	struct seen_rate {
		struct node_id node;
		uint64_t rate;
	} rates[MESH_LIVE_MAX];
	uint32_t rate_count;
	struct proving *provings; /* under way; lock */
	pthread_mutex_t reader_lock;
	struct reader *reader;
};

/* fetching.c */
void fetching_submit(struct fetching *f, struct fetch_work *w);
/* The same, but never more than PROVERS_MAX of these are done at once. */
void fetching_submit_proof(struct fetching *f, struct fetch_work *w);
/* For the loop thread: done by a thread while there are any, else at once. */
void fetching_hand_off(struct fetching *f, struct fetch_work *w);
void fetching_drop(struct fetching *f);
/* Wait as long as --fetch-rate says after so many bytes; false: cancelled. */
bool fetching_pay(struct fetching *f, uint64_t bytes,
		  const atomic_bool *cancelled);
/* COPY_BYTES to read into, to be given back; NULL: out of memory.  (Fresh from
 * the kernel each time, they cost more than copying a small photo does.) */
uint8_t *fetching_lend(struct fetching *f);
void fetching_give_back(struct fetching *f, uint8_t *buffer);
uint64_t fetching_rate(struct fetching *f, const struct node_id *node);
void fetching_saw_rate(struct fetching *f, const struct node_id *node,
		       uint64_t rate);
bool fetching_ending(struct fetching *f);
/* `r` is prepared: be its first lane. */
void fetch_go(struct fetch *r);

/* fetch_channels.c: a channel to `peer`, an idle one or a new one.  `line` is
 * where it can be ended; NULL with `why`. */
struct channel *channels_take(struct fetching *f, const struct fetch_peer *peer,
			      bool fresh, pthread_mutex_t *line_lock,
			      struct fetch_line *line, bool *was_idle,
			      struct trouble *why);
/* Nothing is under way on it: keep it for the next. */
void channels_give(struct fetching *f, struct channel *c);
/* Those idle for too long; all: of any age. */
void channels_sweep(struct fetching *f, bool all);

/* fetch_holders.c: who holds it, as the catalogue says */
struct found_holder {
	struct node_id node;
	bool root_online;
	uint32_t share; /* enum share_policy */
};
/* At most `max`; -1 with `why`.  *known: the mesh lists the photo. */
int holders_find(struct fetching *f, const struct photo_id *photo,
		 struct found_holder *out, uint32_t max, uint32_t *count,
		 bool *known, struct trouble *why);

/* fetch_job.c, fetch_ends.c */
void fetch_run(struct fetching *f, struct fetch_work *w);
/* The last thread has left it: what now?  True: once more. */
bool fetch_settle(struct fetch *f);
void fetch_drop(struct fetch *f);
/* The next bytes of a piece of a range, which has no part. */
int fetch_put(struct fetch *f, struct part_piece *piece, const uint8_t *bytes,
	      size_t count, struct trouble *why);
/* The rest of a piece, out of a file that is open here, by a buffer of
 * COPY_BYTES.  1; 0: the file is too short or cannot be read, or too many wait
 * for a disk; -1 with `why`: what it goes to cannot be written. */
int fetch_copy(struct fetch *f, int from, struct part_piece *piece,
	       uint8_t *buffer, struct trouble *why);
/* Cancelled; from any thread.  What it is at ends soon. */
void fetch_stop(struct fetch *f);
/* Back to the loop thread, with an outcome. */
void fetch_end(struct fetch *f, enum fetch_outcome outcome, uint32_t code,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Nothing more will come: why?  Ends it. */
void fetch_give_up(struct fetch *f);
void fetch_show(struct fetch *f, enum getting_state state,
		const struct node_id *node, const char *name);
/* What is written to failed; under plan_lock. */
void fetch_broke(struct fetch *f, const struct trouble *why);

/* prove.c: whatever proofs wait for ends; under f->lock */
void proofs_stop(struct fetching *f);

/* lane.c: fetch with holders of the plan, until there is nothing to do */
void lane_run(struct fetch *f);

#endif
