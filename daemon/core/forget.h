/*
 * forget.h: nodes that will not return, and which of their lives are ended.
 *
 * Whoever forgets a node says so in its own stream (the record `forgotten`),
 * and whoever hears it does the same and says it too: so it outlives the one
 * who said it first.  Carrying it out takes two: we let go of the replicas and
 * of the roster's entry, the catalogue of the rows (MESH_END).
 *
 * Never at a mere word against a node that can be reached: it will hear of it
 * and begin a life beyond what is ended.  Only when that one is here, whole,
 * do the ended ones go.
 */
#ifndef PHOTOMESH_FORGET_H
#define PHOTOMESH_FORGET_H

#include "links.h"

#define FORGOTTEN_MAX         256u
#define FORGOTTEN_UNKNOWN_MAX 128u /* of nodes that mean nothing here */
#define FORGETTING_MAX        4u   /* asked of the catalogue at a time */
#define FORGET_AGAIN_MS       30000u
#define FORGET_LAST_WORD_MS   60000u

struct forgotten {
	struct node_id node;
	uint16_t index;        /* in the roster, or NODE_NONE */
	uint64_t generation;   /* highest one ended, as anybody says */
	uint64_t ended;        /* what of it we have carried out, or asked for */
	uint64_t asked_ms;     /* NEVER_MS: the catalogue is not at it */
	uint64_t contested_ms; /* it is linked and lives such a life since */
	bool overruled;        /* ... for so long that we believe it instead */
	bool ordered;          /* by our own user */
	bool told;             /* the humans: forgotten, and not seen since */
};

struct forget {
	uint32_t end; /* entries in use are below */
	struct forgotten list[FORGOTTEN_MAX];
};

/* Before the start: a record of our own stream. */
void forget_remember(struct mesh *m, const struct node_id *node,
		     uint64_t generation);
/* A record says so, of anybody, ourselves included; never our own user. */
void forget_heard(struct mesh *m, const struct node_id *node,
		  uint64_t generation);
/* Our user says so.  Nothing happens if the node is live, or not known. */
void forget_order(struct mesh *m, const struct node_id *node);
/* The catalogue has carried out a MESH_END. */
void forget_done(struct mesh *m, const struct node_id *node,
		 uint64_t generation);

/* The highest ended generation of a node, 0 if none, and whether any is. */
uint64_t forget_ended(const struct mesh *m, const struct node_id *node);
bool forget_knows(const struct mesh *m, const struct node_id *node);
/* A roster entry has come into use, or is another's now. */
void forget_met(struct mesh *m, uint16_t index);

/* We were away for so long: nobody was told, or heard. */
void forget_away(struct mesh *m, uint64_t away_ms);
/* End of step. */
void forget_review(struct mesh *m);
void forget_wake(const struct mesh *m, uint64_t *wake_ms);

#endif
