/*
 * failure.h: who is well, judged from what is heard.
 *
 * Cheap decisions fast (suspect: not eligible), costly ones slow (gone).  When
 * our own clock jumps, it is we who were away, and nobody is blamed.  What a link
 * that ended proves is lost.h's.
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
#define LATE_MS           200u
#define LATE_ROW_MAX      10u
#define STUCK_MS          10000u
#define STALE_MS          1000u /* to read all that came, or waited, meanwhile ... */
#define STALE_MS_MAX      10000u /* ... of which there is no more: others hang up */

/* Any frame counts. */
void failure_heard(struct mesh *m, const struct link *l);
/* Not eligible until it has been heard again for a while; it is not suspect yet. */
void failure_suspect(struct mesh *m, struct node *n);
/* This step came so much later than promised. */
void failure_late(struct mesh *m, uint64_t late_ms);
/* What is heard on that link in this step was said no earlier than this. */
uint64_t failure_said_ms(const struct mesh *m, const struct link *l);
void failure_tick(struct mesh *m);
void failure_wake(const struct mesh *m, uint64_t *wake_ms);
/* How often heartbeats are sent now. */
uint32_t failure_period_ms(const struct mesh *m);

#endif
