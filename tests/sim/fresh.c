/*
 * fresh.c: what a core says of an index is as old as it says.
 *
 * "All of it, as of so long ago" is a claim against the truth: by then the
 * owner's core knew a head, and what is held reaches that far.
 */
#include "sim.h"

#define LATE_US SEC(3) /* on the way, and in the queues of slow processes */

/* A head beyond `held` that its owner knew of at that time; 0: none. */
static uint64_t
head_beyond(const struct truth *t, uint64_t held, uint64_t at_us)
{
	for (uint64_t n = held + 1; n <= t->head && n < SIM_SEQS; n++)
		if (t->told_us[n] != 0 && t->told_us[n] <= at_us)
			return n;
	return 0;
}

void
check_fresh(struct world *w, struct slot *s, const struct node_view *v)
{
	const struct slot *o = only_one(w, &v->node);
	const struct truth *t;
	struct stream_id id = {.node = v->node};
	uint64_t age_us, at_us, beyond;

	if (v->self || !v->at_head || o == NULL || w->lies_many ||
	    v->age_ms == UINT64_MAX || liar_smeared(w, &v->node))
		return;
	age_us = v->age_ms * 1000;
	if (w->now_us < age_us + LATE_US)
		return;
	at_us = w->now_us - age_us - LATE_US;
	id.generation = o->disk->own_generation;
	t = truth_of(w, &id);
	if (t == NULL || t->forked ||
	    ended_truth(w, &id.node) >= id.generation ||
	    v->held.stream.generation > id.generation)
		return;
	beyond = head_beyond(
		t, v->held.stream.generation == id.generation
			   ? v->held.point.cursor : 0, at_us);
	if (beyond != 0)
		world_fail(w, "%s has all that %s had %u ms ago, up to %llu "
			      "of gen %llu, and lacks %llu of gen %llu",
			   s->name, o->name, (unsigned)v->age_ms,
			   (unsigned long long)v->held.point.cursor,
			   (unsigned long long)v->held.stream.generation % 100000,
			   (unsigned long long)beyond,
			   (unsigned long long)id.generation % 100000);
}
