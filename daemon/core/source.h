/*
 * source.h: what to pull next of one stream, and from whom.
 *
 * Pure judgement over what is held and what was announced: the linked owner
 * first, else the relay that is furthest ahead, else one to merge with.
 */
#ifndef PHOTOMESH_SOURCE_H
#define PHOTOMESH_SOURCE_H

#include "replica.h"

struct source {
	bool found;
	enum pull_mode mode;
	uint8_t slot;
	uint64_t after;
};

/* May this generation be pulled at all: the newest, and two before it, but not
 * what was let go of and would be judged as before. */
bool source_wanted(const struct mesh *m, const struct stream *s);
/* The slot of the linked owner that announces this very life, if any. */
bool source_owner(const struct mesh *m, const struct stream *s, uint8_t *slot);
/* The slots of all who announce it and may be asked for it, now or later. */
uint64_t source_among(const struct mesh *m, const struct stream *s);
void source_choose(struct mesh *m, struct stream *s, struct source *out);
/* Two digests as one number: which merge was tried. */
uint64_t source_mix(const struct digest *a, const struct digest *b);

#endif
