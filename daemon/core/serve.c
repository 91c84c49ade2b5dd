/* serve.c: giving out the streams held here; see replica.h. */
#include <assert.h>

#include "mesh_private.h"

void
replica_pull_heard(struct mesh *m, struct link *l, uint32_t request,
		   const struct message_pull *pull)
{
	uint16_t node = roster_find(&m->roster, &pull->stream.node);
	const struct stream *s = NULL;

	assert(l->phase == LINK_MEMBER);
	if (node != NODE_NONE && pull->stream.generation != 0)
		s = streams_find(m, node, pull->stream.generation);
	if (s == NULL || !s->held) {
		effect_error(m, l->id, request, ERROR_NO_STREAM,
			     "no such stream here");
		return;
	}
	if (l->serving >= SERVING_MAX) {
		effect_error(m, l->id, request, ERROR_BUSY,
			     "too many unanswered pulls");
		return;
	}
	l->serving++;
	effect_read_page(m, l->id, request, pull);
}

void
replica_page_read(struct mesh *m, mesh_link link, uint32_t request, bool found)
{
	struct link *l = links_find(&m->links, link);

	if (l == NULL)
		return; /* gone meanwhile */
	assert(l->phase == LINK_MEMBER);
	assert(l->serving > 0);
	l->serving--;
	if (found)
		effect_send_page(m, link, request);
	else
		effect_error(m, link, request, ERROR_NO_STREAM,
			     "no such stream here");
}
