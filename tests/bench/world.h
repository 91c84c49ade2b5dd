/*
 * world.h: real daemons for a bench, in a scratch directory of their own.
 *
 * Starts photod on folders it makes, asks through the client protocol, and
 * ends only what it started.  Failing is fatal: a bench without its world has
 * nothing to say.
 */
#ifndef PHOTOMESH_BENCH_WORLD_H
#define PHOTOMESH_BENCH_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "question.h"

#define WORLD_NODES_MAX 16u

struct world {
	char dir[64];
	const char *photod;
	uint16_t base_port;
	unsigned count;
	unsigned first; /* the node that has base_port, while it runs */
	pid_t pids[WORLD_NODES_MAX]; /* 0: not running */
	/* Of each, one option with its value; NULL: none.  Borrowed. */
	const char *options[WORLD_NODES_MAX][2];
	struct question_decoder *decoder;
};

void world_init(struct world *w, const char *photod, unsigned nodes,
		unsigned files_each);
/* Starts node n and waits for its ready line; those from `first` on must run
 * already. */
void world_start(struct world *w, unsigned n);
void world_kill(struct world *w, unsigned n);
/* Asks it to end, and waits until it has. */
void world_stop(struct world *w, unsigned n);
void world_release(struct world *w);
uint16_t world_port(const struct world *w, unsigned n);

/* A client connection past CLIENT_WELCOME, or -1. */
int world_connect(struct world *w, uint16_t port);
void world_ask(int fd, uint32_t type);
/* The same for the first `limit` photos of the list. */
void world_list(int fd, uint32_t limit);
/* Reads one whole answer; borrowed until the next.  False at the end. */
bool world_answer(struct world *w, int fd, struct question *out);
/* The same without looking into it: its bytes, or 0 at the end. */
size_t world_answer_bytes(int fd);
/* Until every running node follows `leader`, sees all of them live and has
 * no scan or sync going on. */
void world_settle(struct world *w, uint16_t leader);
/* The state directory of node n, once it has been started. */
void world_state(const struct world *w, unsigned n, char *out,
		 size_t out_bytes);
/* All of them are as if they had never been started; none may be running. */
void world_forget(const struct world *w);
/* RssAnon of a process in bytes. */
size_t world_rss(pid_t pid);

#endif
