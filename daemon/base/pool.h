/*
 * pool.h: threads that do what the loop thread must not wait for.
 *
 * A job's work runs on one of the pool's threads, then its letter is posted
 * to the mailbox, so that its end runs on the loop thread.  A pool of one
 * thread does its jobs in the order given.
 */
#ifndef PHOTOMESH_POOL_H
#define PHOTOMESH_POOL_H

#include <signal.h>
#include <stdbool.h>

#include "mailbox.h"

struct trouble;
struct pool;

struct job {
	struct letter letter; /* deliver: the end, on the loop thread */
	struct job *next;
	/* It may take long: one thread is always kept for those that do not. */
	bool slow;
	/* `slot` is the thread's number, 0 .. threads - 1, for things there is
	 * one of per thread (database connections, decoders). */
	void (*work)(struct job *j, unsigned slot);
};

/* Threads made from now on are not for signals of the process, which belong to
 * the loop thread; but what a thread does to itself (SIGSEGV and its like) must
 * reach whoever reports it.  *old is for pthread_sigmask afterwards. */
void pool_mask_signals(sigset_t *old);

/* How its threads share processors and disks with others. */
enum pool_manner {
	POOL_PLAIN,
	POOL_POLITE, /* thread_lower_priority */
	POOL_PROMPT, /* thread_run_soon */
};
/* `name` (15 bytes) is what debuggers show.  NULL on failure. */
struct pool *pool_new(const char *name, unsigned threads,
		      enum pool_manner manner,
		      struct mailbox *ends, struct trouble *why);
/* `idle` runs on each of its threads that has had nothing to do for POOL_IDLE_MS
 * since its last job, once: to give back what only work needs.  To be said
 * before the first job. */
#define POOL_IDLE_MS 2000u
void pool_on_idle(struct pool *p, void (*idle)(void *arg, unsigned slot),
		  void *arg);
/* Finishes what is queued, joins the threads; the ends still wait in the
 * mailbox. */
void pool_free(struct pool *p);
/* Takes ownership of j until its end. */
void pool_submit(struct pool *p, struct job *j);

/* The calling thread gives way to others, for the processor and the disk. */
void thread_lower_priority(void);
/* It has no more time than others, but begins sooner when it has something to do,
 * and goes on in smaller pieces: for those that somebody waits for. */
void thread_run_soon(void);

#endif
