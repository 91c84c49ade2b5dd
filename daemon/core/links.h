/*
 * links.h: the table of link handles and how far each has come.
 *
 * dialling -> connected -> up (awaiting HELLO) -> member; accepted ones start
 * at up.  The table knows nothing of nodes but an index; removing an entry
 * moves another, so nobody keeps a pointer across a removal: keep handles.
 */
#ifndef PHOTOMESH_LINKS_H
#define PHOTOMESH_LINKS_H

#include "mesh.h"
#include "roster.h"

enum link_phase {
	LINK_DIALLING,  /* no socket yet */
	LINK_CONNECTED, /* TLS under way */
	LINK_UP,        /* we have said HELLO, they have not */
	LINK_MEMBER,    /* HELLO both ways */
};

struct link {
	mesh_link id;
	enum link_phase phase;
	bool accepted;
	bool loopback;
	struct address address; /* dialled; unless accepted */
	bool round;             /* the discovery round waits for it ... */
	uint64_t round_until_ms; /* ... no longer than this */
	uint64_t deadline_ms;   /* hang up then; NEVER_MS for members */
	uint16_t evidence;      /* node whose death this dial may prove ... */
	uint64_t evidence_run;  /* ... in this run of it */
	uint64_t hello_uptime_ms; /* as we said it on this very link */

	uint16_t node;  /* MEMBER */
	uint64_t order; /* MEMBER: greater is newer */
	uint32_t request_last;
	uint32_t serving; /* pages being read for it */
	bool refused_told;
	bool waited; /* it was there when we were away ourselves */
	bool told; /* its first full STREAMS has been heard on this one */
	uint64_t owner_generation, owner_cursor; /* its last word on its own */
};

struct links {
	uint32_t count;
	mesh_link next_dial;
	uint64_t order_last;
	struct link list[MESH_LINKS_MAX];
};

void links_init(struct links *t);
/* NULL when not there. */
struct link *links_find(struct links *t, mesh_link id);
/* NULL when the table is full. */
struct link *links_add(struct links *t, mesh_link id);
void links_remove(struct links *t, mesh_link id);
/* A fresh even handle. */
mesh_link links_next_dial(struct links *t);
/* The newest link past HELLO with this node, or NULL. */
struct link *links_of_node(struct links *t, uint16_t node);
/* The first link not yet member that dials this address, or NULL. */
struct link *links_dialling(struct links *t, const struct address *address);

bool link_may_move(enum link_phase from, enum link_phase to);
void link_become(struct link *l, enum link_phase to);

#endif
