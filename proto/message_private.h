/*
 * message_private.h: what the two halves of message.h share.
 */
#ifndef PHOTOMESH_MESSAGE_PRIVATE_H
#define PHOTOMESH_MESSAGE_PRIVATE_H

#include <stdbool.h>

#include "message.h"
#include "pack.h"

#define HEARTBEAT_PERIOD_MS_MIN 250u
#define HEARTBEAT_PERIOD_MS_MAX 1100u

static inline bool
stream_id_lawful(const struct stream_id *s)
{
	return s->generation >= 1 && s->generation <= GENERATION_MAX;
}

static inline bool
point_lawful(const struct point *p)
{
	return p->base <= p->cursor && p->cursor <= SEQ_MAX;
}

/* The map of a BATCH up to and with the head of its array of records. */
void message_put_batch_head(struct pack *p, const struct message_batch *m,
			    uint32_t record_count);

#endif
