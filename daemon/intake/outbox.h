/*
 * outbox.h: own changes on their way to the catalogue.
 *
 * Any thread puts in what it found out about a file; the scanner thread alone
 * sends, in transactions of at most 4096 files or 50 ms, and never lets more
 * than a few of them be unwritten.  What is under way outlives the intake.
 */
#ifndef PHOTOMESH_OUTBOX_H
#define PHOTOMESH_OUTBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "catalogue.h"
#include "intake.h"

struct outbox;

/* `stop` is borrowed: once true, nothing here waits any more. */
struct outbox *outbox_new(const struct intake_config *config,
			  const atomic_bool *stop);
/* Tell whoever looks for failures that there is one; on the loop thread. */
void outbox_on_failure(struct outbox *o, void (*failed)(void *arg), void *arg);
/* What was not sent is dropped.  On the loop thread. */
void outbox_free(struct outbox *o);

/* The path is copied.  Waits while the box is full.  False when stopped or out
 * of memory: then nothing was put in.  *full: now it is, and nobody can put in
 * more before the scanner has sent.  Not for the scanner thread. */
bool outbox_put(struct outbox *o, const struct own_file *f, bool *full);

/* The rest is for the scanner thread. */

/* The same, sending when full. */
bool outbox_put_self(struct outbox *o, const struct own_file *f);
/* Send if that is due, or at once.  False when stopped. */
bool outbox_send(struct outbox *o, bool at_once);
/* Send a root's record behind everything put in so far. */
bool outbox_send_root(struct outbox *o, const struct root_id *id,
		      const struct record_root *root);
/* Send, and wait until everything is written.  False when stopped, or when
 * something could not be written since the last settling. */
bool outbox_settle(struct outbox *o);
/* The same, but the next settling tells again what could not be written. */
bool outbox_flush(struct outbox *o);
/* Has something not been written since the last settling? */
bool outbox_failed(struct outbox *o);
/* How often something could not be written, ever; first what is under way is
 * waited for.  What is not sent yet stays, to share a transaction. */
uint64_t outbox_failures(struct outbox *o);
/* Tell the loop thread how the scan goes. */
void outbox_tell(struct outbox *o, const struct scan_progress *p);

#endif
