/*
 * shown.c: what a list made of a disk shows of a node.
 *
 * Nothing blinks: what is in the owner's folder, and was when the newest life
 * that a disk knows of it began, is never shown and then not.
 */
#include "sim.h"

#include <string.h>

static bool
is_of(const struct replica *r, const struct node_id *node)
{
	return r->used && node_id_equal(&r->report.stream.node, node);
}

bool
life_takes(const struct replica *newer, bool root_b)
{
	const struct row *root = &newer->rows[root_b ? SIM_ROOT_B : 0];

	return root->seq != 0 && root->value == 1 &&
	       root->seq <= newer->report.point.base;
}

/* It has looked into the root to the end, or has found something there. */
static bool
tells_of(const struct replica *r, bool root_b)
{
	const struct row *root = &r->rows[root_b ? SIM_ROOT_B : 0];

	if (root->seq != 0 && root->value == 1)
		return true;
	for (uint32_t key = 1; key < SIM_ROOT_B; key++)
		if (r->rows[key].seq != 0 && !r->rows[key].dead &&
		    r->rows[key].b == root_b)
			return true;
	return false;
}

bool
life_tells(const struct disk *d, const struct replica *r)
{
	return (tells_of(r, false) && !life_is_taken(d, r, false)) ||
	       (tells_of(r, true) && !life_is_taken(d, r, true));
}

bool
life_is_taken(const struct disk *d, const struct replica *r, bool root_b)
{
	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct replica *o = &d->held[i];

		if (is_of(o, &r->report.stream.node) && life_takes(o, root_b) &&
		    o->report.stream.generation > r->report.stream.generation)
			return true;
	}
	return false;
}

uint32_t
shown_keys(struct disk *d, const struct node_id *node, bool out[SIM_KEYS])
{
	uint32_t lives = 0;

	memset(out, 0, SIM_KEYS * sizeof out[0]);
	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct replica *r = &d->held[i];
		bool taken[2];

		if (!is_of(r, node))
			continue;
		taken[false] = life_is_taken(d, r, false);
		taken[true] = life_is_taken(d, r, true);
		lives++;
		for (uint32_t key = 1; key < SIM_ROOT_B; key++) {
			const struct row *row = &r->rows[key];

			if (!taken[row->b] &&
			    (r->leaving[key] || (row->seq != 0 && !row->dead)))
				out[key] = true;
		}
	}
	return lives;
}

/* The one disk of this node; NULL when copies of it went their own ways. */
static const struct disk *
only_disk(struct world *w, const struct node_id *node)
{
	const struct disk *found = NULL;

	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->used || !node_id_equal(&s->disk->identity, node))
			continue;
		if (found != NULL || s->disk->shared)
			return NULL;
		found = s->disk;
	}
	return found;
}

/* When the newest life of the node that is known here began; 0: never, or it
 * went on from an older state of itself. */
static uint64_t
newest_began_us(struct world *w, struct disk *d, const struct node_id *node)
{
	const struct replica *newest = NULL;
	const struct truth *t;

	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct replica *r = &d->held[i];

		if (is_of(r, node) &&
		    (newest == NULL || r->report.stream.generation >
					       newest->report.stream.generation))
			newest = r;
	}
	t = newest != NULL ? truth_of(w, &newest->report.stream) : NULL;
	return t != NULL && !t->forked ? t->began_us : 0;
}

/* Its owner said so, in a life that is held: it may have come back since. */
static bool
is_withdrawn(const struct disk *d, const struct node_id *node, uint32_t key)
{
	for (uint32_t i = 0; i < SIM_STREAMS; i++)
		if (is_of(&d->held[i], node) && d->held[i].rows[key].seq != 0 &&
		    d->held[i].rows[key].dead)
			return true;
	return false;
}

void
shown_judge(struct world *w, const struct slot *s, const struct node_id *node,
	    const bool before[SIM_KEYS])
{
	const struct disk *owner = only_disk(w, node);
	uint64_t began_us;
	bool now[SIM_KEYS];

	if (owner == NULL || w->failed || liar_smeared(w, node))
		return;
	began_us = newest_began_us(w, s->disk, node);
	shown_keys(s->disk, node, now);
	for (uint32_t key = 1; key < SIM_ROOT_B; key++)
		if (before[key] && !now[key] && owner->wanted[key] != 0 &&
		    owner->since_us[key] < began_us &&
		    !is_withdrawn(s->disk, node, key))
			world_fail(w, "%s lists photo %u of %s no more, and it "
				      "is still there",
				   s->name, key, world_name(w, node));
}
