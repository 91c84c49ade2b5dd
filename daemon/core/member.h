/*
 * member.h: how a link becomes a member, and how it ends.
 *
 * HELLO, twins, one link per pair, JOIN.  Here is node_become(), the only
 * way a node's standing changes.
 */
#ifndef PHOTOMESH_MEMBER_H
#define PHOTOMESH_MEMBER_H

#include "links.h"

struct membership {
	bool joined;
	mesh_link join_link; /* asked and not yet answered */
	uint32_t join_request;
	uint64_t join_ms; /* when it was asked */
	uint16_t join_node; /* whom we asked last */
};

/* The one transition function; entry actions inside. */
void node_become(struct mesh *m, uint16_t node, enum standing to);

void member_link_up(struct mesh *m, mesh_link id, bool accepted,
		    bool loopback);
void member_link_connected(struct mesh *m, mesh_link id);
/* The link ended: told by the driver, or by a deadline of ours. */
void member_link_ended(struct mesh *m, mesh_link id, enum link_end end);
/* A message before HELLO. */
void member_first_heard(struct mesh *m, struct link *l,
			const struct message *message);
void member_goodbye_heard(struct mesh *m, struct link *l, uint32_t why);
/* Unlawful: hang up, and not so soon again.  Invalidates `l`. */
void member_punish(struct mesh *m, struct link *l, const char *text);
/* Hang up one link (`why` 0: without a word) and forget it; what the loss means
 * for its node is the caller's business. */
void member_drop(struct mesh *m, mesh_link id, uint32_t why);
/* Close every link with this node; `why` 0: without a word. */
void member_hang_up_all(struct mesh *m, uint16_t node, uint32_t why);
/* A roster index for this id, making room if need be; NODE_NONE: full. */
uint16_t member_admit(struct mesh *m, const struct node_id *id);
/* The same for somebody not in the roster whom only the peer of a slot has told
 * us of: nobody met, live or held gives way to that. */
uint16_t member_named(struct mesh *m, const struct node_id *id, uint8_t slot);
/* May one more be live?  Whoever is only spoken of, and was never met, gives
 * way to one that is here. */
bool member_live_room(struct mesh *m);
void member_leave(struct mesh *m);
/* Have this linked node tell its whole roster again. */
void member_ask(struct mesh *m, uint16_t node);
/* This peer no longer vouches for everybody it did. */
void member_unvouched(struct mesh *m, uint16_t by);
void member_welcome_heard(struct mesh *m, struct link *l, uint32_t request);
/* Link deadlines, JOIN, and who is live by report. */
void member_tick(struct mesh *m);
void member_review(struct mesh *m);
void member_wake(const struct mesh *m, uint64_t *wake_ms);

#endif
