/*
 * effects.h: writing down what shall be done.
 *
 * One function per effect.  The list is bounded; overflowing it is our bug.
 */
#ifndef PHOTOMESH_EFFECTS_H
#define PHOTOMESH_EFFECTS_H

#include "mesh.h"

/* Room kept for everything but dials. */
#define EFFECTS_RESERVE 600u

void effect_dial(struct mesh *m, mesh_link link, const struct address *to);
void effect_hang_up(struct mesh *m, mesh_link link);
/* A message to fill in: type and request set, the rest zero. */
struct message *effect_send(struct mesh *m, mesh_link link, uint32_t type,
			    uint32_t request);
void effect_goodbye(struct mesh *m, mesh_link link, uint32_t why);
void effect_error(struct mesh *m, mesh_link link, uint32_t request,
		  uint32_t code, const char *text);
void effect_store(struct mesh *m, mesh_link link,
		  const struct mesh_store *store);
void effect_read_page(struct mesh *m, mesh_link link, uint32_t request,
		      const struct message_pull *pull);
void effect_send_page(struct mesh *m, mesh_link link, uint32_t request);
void effect_begin_generation(struct mesh *m, uint64_t generation);
/* Only at its owner's word; see streams.c. */
void effect_drop(struct mesh *m, const struct node_id *node,
		 uint64_t generation);
/* A node is forgotten; see forget.c. */
void effect_end(struct mesh *m, const struct node_id *node,
		uint64_t generation, bool vanishes, bool ordered);
void effect_remember(struct mesh *m, const struct node_id *node);
void effect_new_identity(struct mesh *m);
void effect_crown(struct mesh *m, const struct rank *now,
		  const struct rank *was);
void effect_news(struct mesh *m, enum mesh_news what,
		 const struct node_id *node, const char *text);
/* May one more dial be written down in this step? */
bool effects_room_for_dial(const struct mesh *m);

#endif
