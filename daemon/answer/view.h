/*
 * view.h: the mesh as it was when a question came, for use on other threads.
 *
 * Taken on the loop thread, then owned by one job and never changed.  Knows
 * how nodes are shown to people, whom a NODE on the command line means, and
 * how fresh what the catalogue says is.
 */
#ifndef PHOTOMESH_VIEW_H
#define PHOTOMESH_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh.h"
#include "question.h"

struct view_node {
	struct node_view is;
	char shown[SHOWN_NAME_MAX + 1]; /* name, or name~1a2b */
};

struct view {
	int64_t wall_ms; /* when it was taken */
	bool synced, scanning;
	struct rank coordinator;
	uint32_t count;
	struct view_node nodes[]; /* [0] is oneself */
};

/* Owned by the caller, freed by free(); NULL when out of memory. */
struct view *view_take(const struct mesh *m, bool scanning);
/* The same over nodes given; `shown` is filled in. */
struct view *view_make(const struct node_view *nodes, uint32_t count);

/* NULL when not known. */
const struct view_node *view_find(const struct view *v,
				  const struct node_id *node);
/* Its shown name; the first hex digits of its id when not known. */
void view_name(const struct view *v, const struct node_id *node,
	       char out[SHOWN_NAME_MAX + 1]);
bool view_live(const struct view_node *n); /* live, syncing or suspect */
bool view_online(const struct view *v, const struct node_id *node);
int64_t view_last_seen_ms(const struct view *v, const struct view_node *n);
void view_answer_node(const struct view *v, const struct node_id *node,
		      struct answer_node *out);
void view_fresh(const struct view *v, struct answer_fresh *out);

/*
 * Whom a person means by `text`: a name or shown name, else a port (of this
 * host, of a live node, where several have it), else a prefix of at least 4
 * hex digits of a node id.  How many nodes it may mean; *out when one.
 */
uint32_t view_resolve(const struct view *v, const char *text,
		      const struct view_node **out);

#endif
