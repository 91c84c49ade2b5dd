/*
 * fresh.c: what a core says of an index is as old as it says.
 *
 * "All of it, as of so long ago" is a claim against the truth: by then the
 * owner's core knew a head, and what is held reaches that far.  Of whom has left
 * nothing is owed, so that is not said of who came back and died.
 */
#include "sim.h"

#define LATE_US SEC(3) /* on the way, and in the queues of slow processes */
#define TOLD_US SEC(6) /* by then a neighbour has said what it knows */

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

/* Does this neighbour know of another run of it, seen later, that went without a
 * word?  Clocks on the wall are each their own. */
static bool
knows_better(struct world *w, struct slot *s, struct slot *o,
	     const struct node_view *v)
{
	struct node_view theirs;
	uint64_t ago;

	if (o == s || !o->running || o->stopped || o->leaving || o->liar ||
	    !check_linked(w, s, o) || !check_view(w, o, &v->node, &theirs) ||
	    theirs.state != NODE_STATE_GONE || theirs.age_ms == UINT64_MAX ||
	    theirs.run == v->run)
		return false;
	ago = theirs.age_ms + LATE_US / 1000;
	return node_wall_ms(w, s) > ago + v->last_heard_wall_ms;
}

void
check_left(struct world *w, struct slot *s, const struct node_view *v)
{
	const struct slot *gone = only_one(w, &v->node);
	uint64_t *since = &s->left_us[number_of(&v->node)];
	bool better = false;

	if (gone == NULL || gone->running || w->lies_many ||
	    v->state != NODE_STATE_LEFT) {
		*since = 0;
		return;
	}
	for (uint32_t i = 0; i < w->slot_count && !better; i++)
		better = knows_better(w, s, &w->slots[i], v);
	if (!better)
		*since = 0;
	else if (*since == 0 || s->late_us > *since)
		*since = w->now_us;
	else if (w->now_us > *since + TOLD_US)
		world_fail(w, "%s says that %s left, which came back and died",
			   s->name, gone->name);
}
