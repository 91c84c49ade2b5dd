/*
 * pull.h: the life of one pull: begun, asked for page after page, and ended, by
 * its last page or before; for replica.c, which hears the pages.
 *
 * A pull is active until it has ended and every page that came is stored, or
 * could not be; then conclusions are drawn, and its place is free.  There are
 * PULL_STREAMS_MAX of them, in struct replica; a stream has one at most.  Of
 * requests that nobody waits for any more the last CANCELLED_MAX are known, so
 * that their answers are no offence.
 */
#ifndef PHOTOMESH_PULL_H
#define PHOTOMESH_PULL_H

#include "source.h"

/* `p` is free; the first page is asked for. */
void pull_begin(struct mesh *m, struct stream *s, struct pull *p,
		const struct source *c);
struct stream *pull_stream(struct mesh *m, const struct pull *p);
/* Of who has all that there is: the owner, or, to rebuild, who hears it. */
bool pull_as_owner(const struct pull *p);
/* Of somebody else than the owner, whatever it has. */
bool pull_from_relay(struct mesh *m, const struct pull *p);
/* For the page behind the last one; nothing is outstanding. */
void pull_ask(struct mesh *m, struct pull *p);
/* Ask no more; what is stored already stays. */
void pull_stop(struct mesh *m, struct pull *p);
/* Whenever it has ended, or a page of it was stored or not. */
void pull_maybe_finish(struct mesh *m, struct pull *p);
/* A stream of somebody never met, that whoever speaks of it does not give: it
 * is none, until somebody else speaks of it. */
void pull_unanswered(struct mesh *m, struct pull *p);
/* True once per cancelled request. */
bool pull_cancelled(struct replica *r, mesh_link link, uint32_t request);

#endif
