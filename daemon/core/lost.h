/*
 * lost.h: nodes that nobody is linked with any more, and what proves their end.
 *
 * `lost_ms` of a node says since when: its last link with us went, or (`vouched`)
 * the last report of it.  It stays live for a while, for links are exchanged and
 * words come again; where somebody accepts and says nothing, or vouched for it
 * and is gone, for as long as it might be silent on a link.  A link lost on
 * loopback is followed by redials whose refusal proves death.
 */
#ifndef PHOTOMESH_LOST_H
#define PHOTOMESH_LOST_H

#include "links.h"

#define LOST_MS        2000u
#define LOSSES_MS      1000u
#define LOSSES_QUICK   3u
#define LOSSES_WAIT_MS 250u
#define EVIDENCE_DIALS 4u

/* The last link with this node went. */
void lost_link(struct mesh *m, uint16_t node, bool evidence);
/* Nobody reports it linked any more. */
void lost_word(struct mesh *m, uint16_t node);
/* The last link with who vouched for others went.  Its word on them is as good
 * as it was: who is known by it alone may be silent for as long as a neighbour. */
void lost_voucher(struct mesh *m, uint16_t by);
/* A dial was accepted: whoever listens there exists, and may just stand still.  Then
 * a lost link is no proof of anything, and it may be silent as if it were linked. */
void lost_accepted(struct mesh *m, const struct link *l);
/* ... and then something came of it: whoever answers does not stand still, and is
 * linked with, or somebody else. */
void lost_answered(struct mesh *m, const struct link *l);
/* A dial ended before HELLO. */
void lost_dial_ended(struct mesh *m, const struct link *l, enum link_end end);
/* Is the node that this redial was made for still lost, in the same run?  Else it
 * was found again meanwhile, or judged already. */
bool lost_may_prove(const struct mesh *m, const struct link *l);
/* What became of a redial made as evidence. */
void lost_evidence(struct mesh *m, const struct link *l, enum link_end end);
/* Proven dead: gone, and this run returns only by HELLO. */
void lost_dead(struct mesh *m, uint16_t node);
/* By then a lost one must have been linked or reported again. */
uint64_t lost_until_ms(const struct mesh *m, const struct node *n);
/* That has passed, or it is reported again; see failure.c. */
void lost_no_more(struct node *n);
/* It is linked with, absent, or in another run: nothing of all this holds. */
void lost_forget(struct node *n);
/* Redials that are due. */
void lost_tick(struct mesh *m, uint16_t node);
void lost_wake(const struct mesh *m, uint16_t node, uint64_t *wake_ms);

#endif
