/*
 * lane_private.h: one lane of a fetch, for lane*.c only.
 */
#ifndef PHOTOMESH_LANE_PRIVATE_H
#define PHOTOMESH_LANE_PRIVATE_H

#include "fetch_private.h"

#define LANE_AT_ONCE 2u

/* A piece on its way. */
struct flight {
	struct part_piece piece; /* of a range: hash is NULL */
	uint32_t request;
	uint64_t began_ms;
};

struct lane {
	struct fetch *f;
	const struct fetch_peer *peer;
	uint32_t holder; /* the plan's number */
	struct fetch_line *line;
	struct channel *c;
	bool was_idle, heard_any;
	bool asked; /* anything of this holder */
	bool sent;  /* its holder has been noted as one that sends */
	uint32_t last_request;
	uint32_t count;
	struct flight flights[LANE_AT_ONCE]; /* in the order asked */
};

/* lane.c: one more piece is on its way; false: there is none to be had. */
bool lane_take_piece(struct lane *l);
/* The first flight has come whole, or will not come. */
void lane_land(struct lane *l);
void lane_lose(struct lane *l);
/* The holder is given up. */
void lane_set_aside(struct lane *l, enum plan_aside why);
/* It said no, with this code. */
void lane_refused(struct lane *l, uint32_t code);
/* Something came of it. */
void lane_heard(struct lane *l);
/* Has nobody cancelled it, and can what comes be written? */
bool lane_wanted(struct fetch *f);

/* lane_handed.c: what can be had by being handed the file, before anything is
 * asked for in pieces.  False: the channel is good for nothing more. */
bool lane_handed(struct lane *l);

#endif
