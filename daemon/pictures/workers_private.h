/*
 * workers_private.h: the pool, and one process of it.
 */
#ifndef PHOTOMESH_WORKERS_PRIVATE_H
#define PHOTOMESH_WORKERS_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "frame.h"
#include "workers.h"

/* A worker that has done this much gives way to a fresh one, so that what a
 * library loses does not add up, nor what a hostile file may have left there.  A
 * start takes as long as a thousand short questions: hence not after a few. */
#define WORKER_QUESTIONS_MAX 8192u
#define WORKER_BUSY_MS_MAX   100000u
/* After a start that failed, nobody tries again for so long. */
#define WORKER_PAUSE_MS 5000u

/* One process, used by one asker at a time. */
struct worker {
	struct workers *pool;
	bool taken; /* by an asker; with pid under the pool's lock */
	pid_t pid;  /* 0: none */
	int fd;     /* our end; -1 without a process */
	unsigned asked;
	uint64_t busy_ms;
	size_t frame_bytes; /* what of a frame has come */
	uint8_t frame[FRAME_HEADER_BYTES + DECODE_ANSWER_BYTES_MAX];
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	bool closing;
	unsigned guests; /* threads within workers_ask or workers_rest */
	uint64_t not_before_ms; /* clock_steady_ms: the pause after a failed start */
	unsigned deadline_ms, questions_max;
	char *program; /* owned */
	unsigned count;
	struct worker slots[];
};

/* worker.c: the process.  None of them takes longer than its deadline. */

/* Have one that waits for a question; -1: none could be started. */
int worker_ready(struct worker *k, struct trouble *why);
/* 0, or -1 when it is gone. */
int worker_send(struct worker *k, enum decode_question q, int fd,
		uint64_t file_bytes);
/* One frame, until clock_steady_ms is deadline.  Its body is in k->frame. */
enum worker_heard {
	WORKER_SAID,     /* *body_bytes of it, at least 1 */
	WORKER_ENDED,    /* end of file: it is dead, or wants to be */
	WORKER_SILENT,   /* the deadline has passed */
	WORKER_NONSENSE, /* no frame of ours */
} worker_hear(struct worker *k, uint64_t deadline, size_t *body_bytes);
/* Kills it, waits for it; *status as of waitpid, 0 if there was none. */
void worker_end(struct worker *k, int *status);

#endif
