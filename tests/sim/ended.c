/*
 * ended.c: forgotten nodes: what records say, what goes with them, and what
 * must have come about.
 */
#include "sim.h"

#include <assert.h>
#include <string.h>

/* By the number in an identity; the same in every world. */
static struct node_id known[SIM_KEYS];

void
ended_number(const struct node_id *node)
{
	uint32_t key = ended_key(node);

	if (key != 0)
		known[key] = *node;
}

uint32_t
ended_key(const struct node_id *node)
{
	uint32_t key = SIM_FILES + node->bytes[2];

	return key < SIM_KEYS && !liar_phantom(node) ? key : 0;
}

const struct node_id *
ended_node(uint32_t key)
{
	assert(key >= SIM_FILES && key < SIM_KEYS);
	return &known[key];
}

static void
tell(struct world *w, struct slot *s, enum news_kind kind,
     const struct node_id *node, uint64_t generation, uint64_t after_us)
{
	struct news *n = news_new(kind);

	n->report.stream.node = *node;
	n->report.stream.generation = generation;
	world_at(w, w->now_us + after_us, EVENT_NEWS, s->index, s->life, n);
}

void
ended_stored(struct world *w, struct slot *s, const struct stream_id *stream,
	      uint32_t key, const struct row *row)
{
	if (key < SIM_FILES || row->dead ||
	    node_id_equal(&stream->node, ended_node(key)))
		return;
	tell(w, s, TOLD_FORGOTTEN, ended_node(key), row->ended, 20);
}

void
ended_remember(struct world *w, struct slot *s)
{
	struct replica *own = disk_own(s->disk);

	for (uint32_t i = 0; i < SIM_STREAMS; i++)
		for (uint32_t key = SIM_FILES; key < SIM_KEYS; key++) {
			const struct replica *r = &s->disk->held[i];
			const struct row *row = &r->rows[key];

			if (!r->used || row->seq == 0)
				continue;
			if (r == own)
				mesh_remember_forgotten(s->mesh,
							ended_node(key),
							row->ended);
			else
				ended_stored(w, s, &r->report.stream, key,
					      row);
		}
}

/* ---- while it happens -------------------------------------------------- */

/* Whoever is linked is heard: its present life is nobody's to end. */
void
ended_judge(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	const struct stream_id *ended = &e->u.end.stream;
	uint32_t key = ended_key(&ended->node);

	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *o = &w->slots[i];

		if (o == s || !o->running || liar_is(w, &ended->node) ||
		    !node_id_equal(&o->config.self, &ended->node) ||
		    o->disk->own_generation > ended->generation ||
		    !check_linked(w, s, o))
			continue;
		world_fail(w, "%s ends the life of %s, which is linked",
			   s->name, o->name);
	}
	if (node_id_equal(&ended->node, &s->disk->identity) &&
	    s->disk->own_generation <= ended->generation)
		world_fail(w, "%s ends its own life", s->name);
	if (key == 0 || s->liar)
		return;
	if (e->u.end.ordered && w->ordered[key] < ended->generation)
		w->ordered[key] = ended->generation;
	if (w->ordered[key] < ended->generation &&
	    !liar_smeared(w, &ended->node))
		world_fail(w, "%s ends more of %s than anybody said", s->name,
			   world_name(w, &ended->node));
}

/* What it has said itself to be ended it takes up again from nobody; only who
 * runs may still contest it. */
void
ended_judge_stored(struct world *w, const struct slot *s,
		   const struct stream_id *stream)
{
	uint32_t key = ended_key(&stream->node);

	if (key == 0 || s->liar || liar_smeared(w, &stream->node) ||
	    disk_own(s->disk)->rows[key].ended < stream->generation)
		return;
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].running &&
		    node_id_equal(&w->slots[i].disk->identity, &stream->node))
			return;
	world_fail(w, "%s takes up gen %llu of %s again, which it has ended",
		   s->name, (unsigned long long)stream->generation,
		   world_name(w, &stream->node));
}

static void
memory_cut(struct disk *d, const struct node_id *node)
{
	for (uint32_t i = 0; i < d->memory_count; i++)
		if (node_id_equal(&d->memory[i].node, node)) {
			d->memory[i] = d->memory[--d->memory_count];
			return;
		}
}

void
ended_commit(struct world *w, struct slot *s, const struct stream_id *ended,
	      bool vanishes, bool ordered)
{
	struct disk *d = s->disk;
	struct replica *own = disk_own(d);
	uint32_t key = ended_key(&ended->node);
	struct row row = {.ended = ended->generation};

	(void)ordered;
	if (key != 0 && !node_id_equal(&ended->node, &d->identity) &&
	    own->rows[key].ended < ended->generation &&
	    own->report.point.cursor + 2 < SIM_SEQS)
		disk_own_row(own, key, &row);
	if (vanishes)
		memory_cut(d, &ended->node);
	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		struct replica *r = &d->held[i];

		if (!r->used || r == own ||
		    r->report.stream.generation > ended->generation ||
		    !node_id_equal(&r->report.stream.node, &ended->node))
			continue;
		world_trace(w, "%s ends %s gen %llu", s->name,
			    world_name(w, &ended->node),
			    (unsigned long long)r->report.stream.generation);
		r->used = false;
	}
	for (uint32_t i = 0; i < 4; i++)
		if (d->beside[i].used &&
		    d->beside[i].report.stream.generation <=
			    ended->generation &&
		    node_id_equal(&d->beside[i].report.stream.node,
				  &ended->node))
			d->beside[i].used = false;
}

/* ---- who is forgotten -------------------------------------------------- */

void
ended_order(struct world *w, struct slot *by, const struct slot *whom)
{
	world_tell(w, "%s is told to forget %s", by->name, whom->name);
	tell(w, by, TOLD_FORGET, &whom->disk->identity, 0, 20);
}

/* The user of a node that runs forgets one that does not. */
void
ended_strike(struct world *w)
{
	struct slot *by = NULL, *whom = NULL;

	for (unsigned tries = 0; tries < 16; tries++) {
		struct slot *s = &w->slots[world_below(w, w->slot_count)];

		if (!s->used || s->liar || s->stopped)
			continue;
		if (s->running && by == NULL)
			by = s;
		else if (!s->running && (whom == NULL || s->for_good))
			whom = s;
	}
	if (by == NULL || whom == NULL ||
	    node_id_equal(&by->disk->identity, &whom->disk->identity))
		return;
	ended_order(w, by, whom);
}

/* A liar says it of anybody, and of lives that nobody has lived. */
void
ended_lie(struct world *w, struct slot *s)
{
	static const uint64_t ahead[] = {0, 0, 1, 3600000,
					 UINT64_C(31000000000),
					 UINT64_C(99000000000)};
	struct slot *whom = &w->slots[world_below(w, w->slot_count)];
	uint32_t key = ended_key(&whom->disk->identity);
	struct row row = {0};

	if (whom == s || key == 0 || !world_chance(w, 30))
		return;
	row.ended = whom->disk->own_generation + ahead[world_below(w, 6)];
	liar_smear(w, &whom->disk->identity);
	disk_own_row(disk_own(s->disk), key, &row);
}

/* ---- what must have come about ----------------------------------------- */

uint64_t
ended_truth(const struct world *w, const struct node_id *node)
{
	uint32_t key = ended_key(node);
	uint64_t highest = 0;

	for (uint32_t i = 0; key != 0 && i < w->slot_count; i++) {
		const struct slot *s = &w->slots[i];
		const struct row *row;

		if (!must_live(s))
			continue;
		row = &disk_own(s->disk)->rows[key];
		if (row->ended > highest)
			highest = row->ended;
	}
	return highest;
}

static const struct slot *
owner_to_live(const struct world *w, const struct node_id *node)
{
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (must_live(&w->slots[i]) &&
		    node_id_equal(&w->slots[i].disk->identity, node))
			return &w->slots[i];
	return NULL;
}

static bool
is_remembered(struct world *w, const struct slot *s, const struct node_id *node)
{
	static struct node_view v;

	for (uint32_t i = 0; i < mesh_node_count(s->mesh); i++) {
		mesh_node_view(s->mesh, i, node_now_ms(w), &v);
		if (node_id_equal(&v.node, node))
			return true;
	}
	for (uint32_t i = 0; i < s->disk->memory_count; i++)
		if (node_id_equal(&s->disk->memory[i].node, node))
			return true;
	return false;
}

/* One forgotten node, as s sees it: nothing of what was ended is left, it says
 * so itself, and no ghost is in sight. */
static bool
is_forgotten(struct world *w, struct slot *s, uint32_t key, uint64_t ended,
	     char *why, size_t n)
{
	const struct node_id *node = ended_node(key);
	const struct slot *owner = owner_to_live(w, node);
	bool later = false;

	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct stream_id *id = &s->disk->held[i].report.stream;

		if (!s->disk->held[i].used || !node_id_equal(&id->node, node))
			continue;
		later = later || id->generation > ended;
		if (id->generation > ended)
			continue;
		snprintf(why, n, "%s holds %s gen %llu, which is ended",
			 s->name, world_name(w, node),
			 (unsigned long long)id->generation);
		return false;
	}
	if (owner != NULL && owner->disk->own_generation <= ended) {
		snprintf(why, n, "%s lives on in an ended life", owner->name);
		return false;
	}
	if (owner != s && disk_own(s->disk)->rows[key].ended < ended) {
		snprintf(why, n, "%s does not say that %s is forgotten",
			 s->name, world_name(w, node));
		return false;
	}
	if (owner == NULL && !later && is_remembered(w, s, node)) {
		snprintf(why, n, "%s still knows of %s, which is forgotten",
			 s->name, world_name(w, node));
		return false;
	}
	return true;
}

bool
ended_converged(struct world *w, struct slot *s, char *why, size_t n)
{
	for (uint32_t key = SIM_FILES; key < SIM_KEYS; key++) {
		uint64_t ended = ended_truth(w, ended_node(key));

		if (ended == 0 || liar_smeared(w, ended_node(key)))
			continue;
		if (!is_forgotten(w, s, key, ended, why, n))
			return false;
	}
	return true;
}
