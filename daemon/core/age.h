/*
 * age.h: up to when a node's index is known here in whole.
 *
 * An answer says "all of it, as of so long ago".  A node heard just now has
 * said what there is of it with its first STREAMS on that link at the latest,
 * and before each later message; so what it had announced when it was last
 * heard is owed, even when the link has ended since, and its index is whole as
 * of then once that is held.  Somebody who is linked with it may say, in
 * NODES, as of when he has all of it himself: so do we, once we hold what he
 * announces.  Purely from what was heard and stored; no timers.
 */
#ifndef PHOTOMESH_AGE_H
#define PHOTOMESH_AGE_H

#include "mesh_private.h"

/* A message of this node, said no earlier than this, has been dealt with. */
void age_heard(struct mesh *m, uint16_t index, uint64_t said_ms);
/* The peer in this slot has said that it had all of it at told_ms. */
void age_told(struct mesh *m, uint16_t index, uint8_t slot,
		uint64_t told_ms);
/* It has said goodbye, or is another one now: nothing is owed. */
void age_forget(struct node *n);
/* End of a step: what has become whole by it. */
void age_review(struct mesh *m);
/* Is nothing owed of what it announced when it was heard? */
bool age_settled(const struct mesh *m, uint16_t index);
/* Milliseconds since it was whole, UINT64_MAX: not in this run of ours. */
uint64_t age_ms_of(const struct node *n, uint64_t now_ms);

#endif
