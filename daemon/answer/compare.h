/*
 * compare.h: what several nodes recomputed, held against each other.
 *
 * The judge is a stream's owner where it answered, else what most of those
 * say who are furthest.  A row below its judge's head is incomplete, not
 * damaged: at_head is then false.  A function of its arguments.
 */
#ifndef PHOTOMESH_COMPARE_H
#define PHOTOMESH_COMPARE_H

#include "view.h"

/* One node's answer. */
struct party {
	struct node_id at;
	struct digest merged;
	uint64_t photos;
	uint32_t count;
	struct stream_report *reports;
};

/*
 * Parties[0] is oneself.  The lists of `out` are malloced, released by
 * table_release.  False when out of memory.
 */
bool table_compare(const struct view *v, const struct party *parties,
		   uint32_t count, struct answer_table *out);
void table_release(struct answer_table *t);

#endif
