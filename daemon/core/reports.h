/*
 * reports.h: NODES, WELCOME and HEARTBEAT: what we and others say of nodes.
 */
#ifndef PHOTOMESH_REPORTS_H
#define PHOTOMESH_REPORTS_H

#include "links.h"

struct reports {
	bool dirty;            /* NODES to everybody at the end of the step */
	mesh_link greet;       /* a new member: tell it everything */
	mesh_link welcome;     /* a JOIN to answer */
	uint32_t welcome_request;
	uint64_t heartbeat_ms; /* when the next one is due */
	bool heartbeat_now;    /* in whatever step */
	uint32_t count;
	struct node_report list[MESH_KNOWN_MAX];
};

void reports_heard(struct mesh *m, const struct link *l,
		   const struct message_nodes *nodes);
void reports_heartbeat_heard(struct mesh *m, const struct link *l,
			     const struct message_heartbeat *heartbeat);
/*
 * An unlinked node may have begun a new run that only others have met: believe
 * the first such report.  True if it did.  Unless it is the peer in slot
 * `speaking` who says so right now, that peer is asked where the node is.
 */
bool reports_adopt(struct mesh *m, uint16_t node, uint8_t speaking);
/* The next heartbeat is due in this very step. */
void reports_heartbeat_now(struct mesh *m);
/* End of step: what a new member hears first, on its link. */
void reports_greet(struct mesh *m);
/* End of step: send what is owed. */
void reports_flush(struct mesh *m);
void reports_wake(const struct mesh *m, uint64_t *wake_ms);

#endif
