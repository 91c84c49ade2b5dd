/*
 * hatch.h: a Unix connection beside a channel, through which open files go.
 *
 * To encipher a photo for another process of the same user on the same kernel
 * is work for nothing: who may have it is decided on the channel, and then the
 * open file is handed through here.  The holder opens a hatch under a name that
 * nobody can guess and tells it on the channel, with a ticket that is good for
 * one claim; whoever claims it must be a process of the holder's own user, as
 * the kernel says.  Nothing here waits.
 */
#ifndef PHOTOMESH_HATCH_H
#define PHOTOMESH_HATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bulk.h"

/* ---- the holder's side --------------------------------------------------- */

struct hatch {
	int listener; /* until it is claimed; -1 */
	int fd;       /* once it is; -1 */
	uint8_t ticket[HATCH_TICKET_BYTES];
};

void hatch_init(struct hatch *h);
/* A new one instead of any before; *where: what to tell.  False: the system
 * will not. */
bool hatch_open(struct hatch *h, struct bulk_hatch *where);
/* Hand `fd`, which stays the caller's, as the answer to this request.  False:
 * nobody has claimed the hatch, or they leave lie what they were handed. */
bool hatch_hand(struct hatch *h, uint32_t request, int fd);
/* Nobody has claimed it by now: then nobody may. */
void hatch_rest(struct hatch *h);
void hatch_close(struct hatch *h);

/* ---- the asker's side ---------------------------------------------------- */

/* A descriptor to take from, the caller's; -1: there is no such hatch here, or
 * it is another user's. */
int hatch_claim(const struct bulk_hatch *where);
/* What was handed in answer to this request, the caller's; -1: nothing, or not
 * one descriptor alone.  Whatever it is has still to be looked at. */
int hatch_take(int hatch, uint32_t request);

#endif
