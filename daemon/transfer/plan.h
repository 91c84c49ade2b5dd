/*
 * plan.h: which part of a photo is asked of whom next.
 *
 * Pure: no clock, no socket, no file.  A photo is cut into pieces of
 * FETCH_BYTES_MAX; holders are taken up best first; a piece that a holder does
 * not bring goes back and is given to another.  Never more than
 * CREDIT_BYTES_MAX are on their way, so that an interruption costs no more.
 * No piece is asked of two at once: both would write the same place of one
 * file, and what lies there in the end would be nobody's word.  Who is too slow
 * while another is free is given up instead.
 */
#ifndef PHOTOMESH_PLAN_H
#define PHOTOMESH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

#define PLAN_HOLDERS_MAX MESH_LIVE_MAX
#define PLAN_LANES_MAX   4u       /* holders asked at the same time */
#define PLAN_PIECES_MAX  (4u << 20) /* 4 TiB: more is no photo */
#define PLAN_FLIGHTS_MAX (CREDIT_BYTES_MAX / FETCH_BYTES_MAX)
#define PLAN_NOBODY      UINT32_MAX

struct plan;

/* Borrowed for the call. */
struct plan_holder {
	bool near;  /* on this host */
	bool asks;  /* its owner is asked for consent first */
	uint64_t rate; /* bytes per second seen of it; 0: not known */
};

/* Why a holder is given up for this photo; the last word counts. */
enum plan_aside {
	PLAN_GOOD = 0,
	PLAN_NOT_HERE, /* has it no more, or changed, or cannot read it */
	PLAN_AWAY,     /* not to be reached, stalled, or hung up */
	PLAN_WAITING,  /* its owner has been asked */
	PLAN_DENIED,   /* its owner says no */
	PLAN_WRONG,    /* sent what is not the photo */
};

struct plan_piece {
	uint32_t index;
	uint64_t offset, length;
};

/* NULL: out of memory, or more than PLAN_PIECES_MAX pieces. */
struct plan *plan_new(uint64_t size);
void plan_free(struct plan *p);
uint32_t plan_pieces(const struct plan *p); /* at least 1 */
void plan_piece(const struct plan *p, uint32_t index, struct plan_piece *out);

/* Its number, from 0; PLAN_NOBODY when there are too many. */
uint32_t plan_add(struct plan *p, const struct plan_holder *h);
/* It came from an earlier try, or from this node's own copy. */
void plan_have(struct plan *p, uint32_t index);
bool plan_has(const struct plan *p, uint32_t index);

/* The best holder that nobody asks yet and that is good, now taken; PLAN_NOBODY
 * when there is none, enough are asked, or one more would find nothing to do. */
uint32_t plan_take(struct plan *p);
/* Would it give anybody? */
bool plan_takes(const struct plan *p);
/* Is somebody good asked by nobody? */
bool plan_spare(const struct plan *p);
/* Nobody asks it any more; its pieces must have come or failed. */
void plan_release(struct plan *p, uint32_t holder);
void plan_set_aside(struct plan *p, uint32_t holder, enum plan_aside why);
enum plan_aside plan_why(const struct plan *p, uint32_t holder);
/* Those set aside for `why` are good again (a wait is over). */
void plan_forgive(struct plan *p, enum plan_aside why);

/* A piece for it to bring, now on its way; false: none at present. */
bool plan_next(struct plan *p, uint32_t holder, struct plan_piece *out);
/* It has come. */
void plan_done(struct plan *p, uint32_t holder, uint32_t index);
/* It will not come from there. */
void plan_failed(struct plan *p, uint32_t holder, uint32_t index);

bool plan_complete(const struct plan *p);
/* Nothing is on its way, nobody is taken, and nobody is good. */
bool plan_stuck(const struct plan *p);

/*
 * The whole is not the photo.  All that anybody sent is taken back, and from
 * now on one holder at a time sends everything: then the next wrong whole has
 * one to blame.  With only one who sent it, that one is set aside as WRONG.
 * False when nobody good is left.
 */
bool plan_wrong(struct plan *p);

#endif
