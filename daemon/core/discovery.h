/*
 * discovery.h: finding the others, again and again.
 *
 * A round dials every loopback port, every unlinked address of the roster
 * and every --join address; it ends when each is refused, linked or silent.
 * Between rounds, nodes elsewhere are redialled one by one with back-off.
 * Strangers are remembered per address and left alone for longer and longer.
 */
#ifndef PHOTOMESH_DISCOVERY_H
#define PHOTOMESH_DISCOVERY_H

#include "links.h"

#define PLACES_MAX 192u

/* What is known about one address, whoever listens there. */
struct place {
	struct address address;
	bool self; /* it is ourselves: never again in this run */
	bool silent; /* nothing worse than that: it may have been asleep */
	uint64_t until_ms;   /* do not dial before */
	uint64_t backoff_ms; /* 0: none */
	uint16_t node;       /* whom it led to last, or NODE_NONE */
	uint64_t run;        /* ... in which run */
};

struct discovery {
	bool round;      /* one is under way */
	bool first_done; /* since START */
	uint32_t rounds; /* begun since the last start-over */
	uint64_t next_ms;
	uint64_t join_ms[MESH_JOIN_MAX];
	uint64_t join_backoff_ms[MESH_JOIN_MAX];
	uint64_t hint_ms;    /* when the hints were last counted from 0 */
	uint32_t hint_count; /* dialled since */
	uint32_t place_count;
	struct place places[PLACES_MAX];
};

void discovery_start(struct mesh *m);
/* Look around afresh, now: after a long sleep or the loss of everybody. */
void discovery_start_over(struct mesh *m);
/* The roster shrank: a round at the next opportunity. */
void discovery_soon(struct mesh *m);
/* Deadlines; also notices the end of the round. */
void discovery_tick(struct mesh *m);
void discovery_wake(const struct mesh *m, uint64_t *wake_ms);

/*
 * Somebody says that this node can be dialled there.  It may be an old word
 * sent again by anybody, so it is only worth a dial, and of those at most
 * HINTS_MAX in HINT_MS.
 */
#define HINTS_MAX 16u
#define HINT_MS   30000u
void discovery_hint(struct mesh *m, const struct node_id *node,
		    const struct address *address);
/* Dial one address for a reason of the caller's.  NULL: no room. */
struct link *discovery_dial(struct mesh *m, const struct address *address);

/* ---- places.c: addresses, and what was found there ---------------------- */

#define REDIAL_MS_MAX 30000u /* how seldom a member's address is dialled */
/* NULL: nothing is known of it. */
struct place *place_find(struct mesh *m, const struct address *a);
/* A dialled link ended before HELLO. */
void discovery_ended(struct mesh *m, const struct link *l, enum link_end end);
/* Is this where that node listens, or a line to it, by all we know? */
bool discovery_leads_to(struct mesh *m, uint16_t node,
			const struct address *address);
/* Others are linked with this node: it sleeps no more. */
void discovery_vouched(struct mesh *m, uint16_t node);
/* A dialled link led to this node. */
void discovery_led_to(struct mesh *m, const struct link *l, uint16_t node);
/* ... or to ourselves. */
void discovery_led_to_self(struct mesh *m, const struct link *l);
/* It is remembered from an earlier run: by which names, too. */
void discovery_recall(struct mesh *m, uint16_t node);
/* Where it can be dialled by all we know, now and in a later run: numbers it
 * was found at, names it was found by, then its own words. */
uint32_t discovery_addresses(const struct mesh *m, uint16_t node,
			     struct address out[NODE_ADDRESSES_MAX]);
/* A roster entry is being reused. */
void discovery_forget_node(struct mesh *m, uint16_t node);

#endif
