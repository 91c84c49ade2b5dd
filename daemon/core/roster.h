/*
 * roster.h: what this node believes about every node it ever heard of.
 *
 * A fixed array; index 0 is oneself; places of forgotten nodes are free, and
 * look like a node without a name that is gone.  A node's standing moves only through
 * roster_move(), which knows the lawful moves; the mesh wraps it in
 * node_become() (member.h), where the entry actions are.
 *
 * Nodes that are linked (or were a moment ago) own a slot, a number below 64:
 * what such peers say about others is kept as one bit per slot, and counts
 * only while the slot is linked.
 */
#ifndef PHOTOMESH_ROSTER_H
#define PHOTOMESH_ROSTER_H

#include "ident.h"
#include "limits.h"
#include "mesh.h"

#define NODE_SELF_INDEX 0u
#define NODE_NONE       UINT16_MAX
#define SLOT_NONE       UINT8_MAX
#define SLOTS           MESH_LIVE_MAX
#define NEVER_MS        UINT64_MAX
#define PAST_RUNS       4u

enum standing {
	STANDING_GONE, /* known, not live: also never met */
	STANDING_LIVE,
	STANDING_LEFT, /* said goodbye */
};

/* A run that was replaced, or lost against another one. */
struct past_run {
	uint64_t run;
	int64_t started_ms;  /* on our clock, estimated */
	int64_t replaced_ms; /* when it was put here */
};

struct node {
	struct node_id id;
	uint64_t run; /* 0: not known */
	int64_t started_ms;
	char name[NODE_NAME_BYTES_MAX + 1];
	struct host_id host;
	uint16_t port;
	uint32_t address_count;
	struct address addresses[NODE_ADDRESSES_MAX];

	enum standing standing; /* written by roster_move() only */
	bool barred;   /* certainly dead, or left: this run returns by HELLO */
	uint64_t barred_until_ms; /* left, but only by report; NEVER_MS */
	bool silenced; /* gone by silence: reports count only if unsuspected */
	uint8_t slot;
	uint32_t link_count; /* links past HELLO */
	bool synced;
	struct node_id follows;
	uint32_t past_count;
	struct past_run past[PAST_RUNS];

	/* Failure detection. */
	uint64_t heard_ms;      /* in truth; 0: not in this run of ours */
	uint64_t quiet_ms;      /* silence is judged from here: later, by as
				 * long as we were away ourselves */
	uint64_t stale_until_ms; /* it was silent: until then what is heard
				  * may have been said long ago */
	uint64_t heard_wall_ms; /* 0: never */
	uint64_t left_wall_ms;  /* its goodbye, by report; 0: of none */
	uint32_t period_ms;
	bool suspect, held;
	uint64_t held_until_ms;
	uint64_t hold_ms;        /* of the latest offence; 0: none yet */
	uint64_t hold_forget_ms; /* when a new offence starts over at 1 s */
	uint64_t lost_ms;        /* the last link went; NEVER_MS otherwise */
	bool vouched; /* never lost by us: its last voucher was */
	bool doubted; /* known by report only: suspect, by that */
	uint64_t word_ms; /* not linked: when whoever vouched for it, and
			   * went, was heard last; 0: nobody did */
	mesh_link there; /* not linked: the last dial that its kernel accepted,
			  * and nothing else came of; MESH_LINK_NONE */
	bool there_loopback;
	uint32_t evidence_next;  /* next redial to make; EVIDENCE_DIALS: none */
	uint64_t evidence_ms;    /* when the redials begin */
	uint64_t lost_last_ms;   /* the loss before this one ... */
	uint32_t losses;         /* ... and how many came in quick succession */
	uint64_t dial_ms;        /* next dial; NEVER_MS */
	uint64_t dial_backoff_ms;
	uint64_t penalty_until_ms, penalty_ms; /* after unlawful behaviour */

	/* What linked peers say: a bit per slot, for the run in said_run. */
	uint64_t said_linked, said_suspect, said_synced;
	uint64_t said_run[SLOTS];

	bool met; /* it said HELLO to us, in this run or an earlier one */
	uint8_t named_by; /* the slot that first told us of it; SLOT_NONE */

	/* Streams. */
	uint64_t owner_generation; /* of its own, while linked; 0: none yet */
	uint64_t ended; /* forgotten up to this generation */

	/* How fresh what is held of it is; see age.h. */
	uint64_t owed_generation; /* announced when it was last heard ... */
	uint64_t owed_cursor;     /* ... up to here; generation 0: nothing */
	uint64_t owed_ms;
	uint8_t told_slot; /* who said as of when he has it; SLOT_NONE ... */
	uint64_t told_ms;
	uint64_t told_generation, told_cursor; /* ... and what he had then */
	uint64_t whole_ms; /* as of then all is held; 0: not in this run */
};

struct roster {
	uint32_t count; /* >= 1 once initialised */
	uint32_t live_count;
	uint32_t free_count; /* places of forgotten nodes, below `count` */
	uint64_t slots_used, slots_linked;
	uint16_t slot_node[SLOTS];
	struct node nodes[MESH_KNOWN_MAX];
};

void roster_init(struct roster *r, const struct node_id *self);
/* Index, or NODE_NONE. */
uint16_t roster_find(const struct roster *r, const struct node_id *id);
/* Enter an unknown node as gone; NODE_NONE when the roster is full. */
uint16_t roster_append(struct roster *r, const struct node_id *id);
/* Take an absent node out; its place is free until somebody new needs it. */
void roster_free(struct roster *r, uint16_t index);
bool roster_is_free(const struct roster *r, uint16_t index);
/* Reset one entry to "never met". */
void roster_reset(struct node *n, const struct node_id *id);
/* Is this move lawful? */
bool roster_may_move(enum standing from, enum standing to);
void roster_move(struct roster *r, uint16_t index, enum standing to);

void roster_slot_take(struct roster *r, uint16_t index);
void roster_slot_release(struct roster *r, uint16_t index);

bool roster_linked(const struct roster *r, uint16_t index);
/* Linked, or lost so recently that nothing has changed yet. */
bool roster_direct(const struct roster *r, uint16_t index);
/* Does a live linked peer report it linked, in a way that counts? */
bool roster_reported(const struct roster *r, uint16_t index);
/* Does the peer of this slot, in a way that counts? */
bool roster_reported_by(const struct roster *r, uint16_t index, uint8_t slot);
/* Does a live linked peer that is linked with this run of it call it synced? */
bool roster_said_synced(const struct roster *r, uint16_t index);
/* Does one of them that is linked with this run of it call it suspect? */
bool roster_doubted(const struct roster *r, uint16_t index);
/* Suspect or held, by us or by a live linked peer. */
bool roster_suspected(const struct roster *r, uint16_t index);
void roster_rank(const struct roster *r, uint16_t index, struct rank *out);

const struct past_run *roster_past(const struct node *n, uint64_t run);
void roster_past_push(struct node *n, uint64_t run, int64_t started_ms,
		      int64_t now_ms);

#endif
