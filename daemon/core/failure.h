/*
 * failure.h: who is well, judged from what is heard.
 *
 * Cheap decisions fast (suspect: not eligible), costly ones slow (gone).  A
 * link lost on loopback is followed by redials whose refusal proves death.
 * When our own clock jumps, it is we who were away, and nobody is blamed.
 */
#ifndef PHOTOMESH_FAILURE_H
#define PHOTOMESH_FAILURE_H

#include "links.h"

#define HEARTBEAT_MS_MIN  250u
#define HEARTBEAT_MS_MAX  1100u
#define SUSPECT_PERIODS   4u
#define GONE_PERIODS      40u
/* By then whoever reports a node linked must have noticed its end. */
#define NOTICED_PERIODS   (GONE_PERIODS + 4u)
#define HOLD_MS_MIN       1000u
#define HOLD_MS_MAX       60000u
#define HOLD_FORGET_MS    300000u
#define LOST_MS           2000u
#define LATE_MS           200u
#define LATE_ROW_MAX      10u
#define STUCK_MS          10000u
#define STALE_MS          1000u /* to read all that came, or waited, meanwhile ... */
#define STALE_MS_MAX      10000u /* ... of which there is no more: others hang up */
#define LOSSES_MS         1000u
#define LOSSES_QUICK      3u
#define LOSSES_WAIT_MS    250u
#define EVIDENCE_DIALS    4u

/* Any frame counts. */
void failure_heard(struct mesh *m, const struct link *l);
/* The last link with this node went. */
void failure_lost(struct mesh *m, uint16_t node, bool evidence);
/* Nobody reports it linked any more. */
void failure_unvouched(struct mesh *m, uint16_t node);
/* The last link with who vouched for others went.  Its word on them is as good
 * as it was: who is known by it alone may be silent for as long as a neighbour. */
void failure_voucher_lost(struct mesh *m, uint16_t by);
/* A dial was accepted: whoever listens there exists, and may just stand still.  Then
 * a lost link is no proof of anything, and it may be silent as if it were linked. */
void failure_accepted(struct mesh *m, const struct link *l);
/* ... and then something came of it: whoever answers does not stand still, and is
 * linked with, or somebody else. */
void failure_answered(struct mesh *m, const struct link *l);
/* A dial ended before HELLO. */
void failure_dial_ended(struct mesh *m, const struct link *l, enum link_end end);
/* Is the node that this redial was made for still lost, in the same run?  Else it
 * was found again meanwhile, or judged already. */
bool failure_may_prove(const struct mesh *m, const struct link *l);
/* What became of a redial made as evidence. */
void failure_evidence(struct mesh *m, const struct link *l, enum link_end end);
/* Proven dead: gone, and this run returns only by HELLO. */
void failure_dead(struct mesh *m, uint16_t node);
/* This step came so much later than promised. */
void failure_late(struct mesh *m, uint64_t late_ms);
/* What is heard on that link in this step was said no earlier than this. */
uint64_t failure_said_ms(const struct mesh *m, const struct link *l);
void failure_tick(struct mesh *m);
void failure_wake(const struct mesh *m, uint64_t *wake_ms);
/* How often heartbeats are sent now. */
uint32_t failure_period_ms(const struct mesh *m);

#endif
