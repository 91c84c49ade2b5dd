/*
 * calm.c: what must have come about once nothing disturbs the mesh any more.
 */
#include "sim.h"

#include <string.h>

bool
must_live(const struct slot *s)
{
	return s->used && !s->for_good;
}

static uint32_t
links_between(struct world *w, const struct slot *a, const struct slot *b)
{
	uint32_t links = 0;

	for (uint32_t i = 0; i < a->open_count; i++) {
		const struct wire *wire = &w->wires[a->open[i] / 2];
		const struct wire_end *here = &wire->end[a->open[i] % 2];
		const struct wire_end *there = &wire->end[1 - a->open[i] % 2];

		links += there->slot == (int32_t)b->index &&
			 here->hello_heard && here->hello_sent &&
			 there->open && there->hello_heard &&
			 there->hello_sent;
	}
	return links;
}

bool
check_linked(struct world *w, const struct slot *a, const struct slot *b)
{
	return links_between(w, a, b) > 0;
}

/* The lowest among those who live. */
static void
true_coordinator(const struct world *w, struct rank *out)
{
	bool any = false;

	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *s = &w->slots[i];
		struct rank r = {s->port, s->config.host, s->config.self};

		if (!must_live(s))
			continue;
		if (!any || rank_compare(&r, out) < 0)
			*out = r;
		any = true;
	}
}

static bool
views_agree(struct world *w, struct slot *s, char *why, size_t n)
{
	static struct node_view v;
	struct rank truth, mine;
	uint32_t count = mesh_node_count(s->mesh), live = 0, wanted = 0;

	true_coordinator(w, &truth);
	mesh_coordinator(s->mesh, &mine);
	if (rank_compare(&truth, &mine) != 0) {
		snprintf(why, n, "%s follows %s instead of %s", s->name,
			 world_name(w, &mine.node),
			 world_name(w, &truth.node));
		return false;
	}
	if (!mesh_synced(s->mesh)) {
		snprintf(why, n, "%s is not synced", s->name);
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		mesh_node_view(s->mesh, i, node_now_ms(w), &v);
		if (v.state == NODE_STATE_GONE || v.state == NODE_STATE_LEFT)
			continue;
		live++;
		if (v.state != NODE_STATE_LIVE) {
			snprintf(why, n, "%s: %s is %s", s->name,
				 world_name(w, &v.node),
				 v.state == NODE_STATE_SUSPECT ? "suspect"
							       : "syncing");
			return false;
		}
	}
	for (uint32_t i = 0; i < w->slot_count; i++)
		wanted += must_live(&w->slots[i]);
	if (live != wanted) {
		snprintf(why, n, "%s sees %u live nodes, there are %u", s->name,
			 live, wanted);
		return false;
	}
	return true;
}

static bool
links_are_single(struct world *w, const struct slot *a, char *why, size_t n)
{
	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *b = &w->slots[i];
		uint32_t links, wanted = 1;

		if (!must_live(b) || a == b)
			continue;
		if (w->cut_for_good[a->host][b->host])
			wanted = 0;
		links = links_between(w, a, b);
		if (links == wanted)
			continue;
		snprintf(why, n, "%s and %s have %u links", a->name, b->name,
			 links);
		return false;
	}
	return true;
}

/*
 * A former life that has nothing to tell, or is beside a newer one that is scanned,
 * where one of the two is not at head and nobody is left to bring it there.  The
 * catalogue swaps at heads only, so nodes that saw the head earlier have let go of
 * it.  Nor is there one to bring a third life to its head: where it was, it was one
 * too many.
 */
static bool
is_leftover(struct slot *s, const struct replica *r)
{
	bool partial = r->report.point.base != r->report.point.cursor;
	uint32_t others = 0;

	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct replica *o = &s->disk->held[i];

		if (o->used &&
		    (o->rows[0].value == 1 || !life_tells(s->disk, r)) &&
		    (partial ||
		     o->report.point.base != o->report.point.cursor) &&
		    o->report.stream.generation >
			    r->report.stream.generation &&
		    node_id_equal(&o->report.stream.node,
				  &r->report.stream.node))
			return true;
		others += o->used && o != r &&
			  node_id_equal(&o->report.stream.node,
					&r->report.stream.node);
	}
	return partial && others >= 2;
}

/* Four lives and more of an owner that died before it had scanned again: each
 * node keeps the newest and one that it happened to meet. */
static bool
is_crowded(struct world *w, const struct stream_id *id)
{
	uint32_t lives = 0;
	bool newest = true;

	for (uint32_t i = 0; i < w->truth_count; i++)
		if (node_id_equal(&w->truths[i].stream.node, &id->node)) {
			lives++;
			newest = newest && w->truths[i].stream.generation <=
						   id->generation;
		}
	return lives > 3 && !newest;
}

/* Whom a cut that stays keeps from an owner hears of it through others only,
 * and they may have lied. */
static bool
hears(const struct world *w, const struct slot *s, const struct slot *owner)
{
	return !w->cut_for_good[s->host][owner->host] &&
	       !w->cut_for_good[owner->host][s->host];
}

/* The present life of somebody who is here, and both hear of it. */
static bool
is_owners_word(const struct world *w, const struct slot *a,
	       const struct slot *b, const struct stream_id *id)
{
	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *s = &w->slots[i];

		if (must_live(s) &&
		    node_id_equal(&s->disk->identity, &id->node))
			return hears(w, a, s) && hears(w, b, s) &&
			       s->disk->own_generation == id->generation;
	}
	return false;
}

/* Nobody knows a later life of s than s itself. */
static bool
none_later(struct world *w, const struct slot *s, char *why, size_t n)
{
	for (uint32_t i = 0; i < w->slot_count; i++)
		for (uint32_t k = 0; k < SIM_STREAMS; k++) {
			const struct replica *r = &w->slots[i].disk->held[k];

			if (!must_live(&w->slots[i]) || !r->used ||
			    !hears(w, &w->slots[i], s) ||
			    !node_id_equal(&r->report.stream.node,
					   &s->disk->identity) ||
			    r->report.stream.generation <=
				    s->disk->own_generation)
				continue;
			snprintf(why, n, "%s holds a later life of %s",
				 w->slots[i].name, s->name);
			return false;
		}
	return true;
}

/* Everything s holds, b holds too, and the same. */
static bool
disks_agree(struct world *w, struct slot *s, struct slot *b, char *why,
	    size_t n)
{
	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct replica *mine = &s->disk->held[i];
		const struct replica *theirs;
		const char *whose;

		if (!mine->used)
			continue;
		whose = world_name(w, &mine->report.stream.node);
		if (liar_smeared(w, &mine->report.stream.node) &&
		    !is_owners_word(w, s, b, &mine->report.stream))
			continue;
		theirs = disk_find(b->disk, &mine->report.stream);
		if (is_crowded(w, &mine->report.stream))
			continue;
		if (is_leftover(s, mine) &&
		    (theirs == NULL || is_leftover(b, theirs)))
			continue;
		if (theirs == NULL) {
			snprintf(why, n, "%s holds %s gen %llu, %s does not",
				 s->name, whose,
				 (unsigned long long)
					 mine->report.stream.generation,
				 b->name);
			return false;
		}
		if (mine->report.point.base == theirs->report.point.base &&
		    mine->report.point.cursor == theirs->report.point.cursor &&
		    digest_equal(&mine->report.digest, &theirs->report.digest))
			continue;
		snprintf(why, n,
			 "%s holds %s gen %llu at %llu/%llu, %s at %llu/%llu"
			 ", digests %s",
			 s->name, whose,
			 (unsigned long long)mine->report.stream.generation,
			 (unsigned long long)mine->report.point.base,
			 (unsigned long long)mine->report.point.cursor, b->name,
			 (unsigned long long)theirs->report.point.base,
			 (unsigned long long)theirs->report.point.cursor,
			 digest_equal(&mine->report.digest,
				      &theirs->report.digest)
				 ? "equal"
				 : "differ");
		return false;
	}
	return true;
}

/* ---- nothing is lost in a calm ------------------------------------------ */

void
check_keep(struct world *w)
{
	w->kept_count = 0;
	for (uint32_t i = 0; i < w->slot_count; i++)
		for (uint32_t k = 0; k < SIM_STREAMS; k++)
			if (must_live(&w->slots[i]) &&
			    w->slots[i].disk->held[k].used)
				w->kept[w->kept_count++] =
					w->slots[i].disk->held[k].report;
}

static bool
kept_on(struct world *w, const struct slot *s, char *why, size_t n)
{
	for (uint32_t i = 0; i < w->kept_count; i++) {
		const struct stream_report *kept = &w->kept[i];
		const struct truth *t = truth_of(w, &kept->stream);
		bool found = liar_smeared(w, &kept->stream.node) ||
			     kept->stream.generation <=
				     ended_truth(w, &kept->stream.node);

		for (uint32_t k = 0; !found && k < SIM_STREAMS; k++) {
			const struct stream_report *r =
				&s->disk->held[k].report;

			if (!s->disk->held[k].used ||
			    !node_id_equal(&r->stream.node,
					   &kept->stream.node))
				continue;
			found = r->stream.generation >
					kept->stream.generation ||
				(r->stream.generation ==
					 kept->stream.generation &&
				 (r->point.cursor >= kept->point.cursor ||
				  (t != NULL && t->forked)));
		}
		if (found)
			continue;
		snprintf(why, n, "%s has lost %s gen %llu up to %llu", s->name,
			 world_name(w, &kept->stream.node),
			 (unsigned long long)kept->stream.generation,
			 (unsigned long long)kept->point.cursor);
		return false;
	}
	return true;
}

bool
check_links(struct world *w, char *why, size_t n)
{
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (must_live(&w->slots[i]) &&
		    !links_are_single(w, &w->slots[i], why, n))
			return false;
	return true;
}

bool
check_converged(struct world *w, char *why, size_t n)
{
	struct slot *first = NULL;

	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!must_live(s))
			continue;
		if (!s->running) {
			snprintf(why, n, "%s does not run", s->name);
			return false;
		}
		if (!disk_scanned(s->disk)) {
			snprintf(why, n, "%s is still scanning", s->name);
			return false;
		}
		if (!views_agree(w, s, why, n) ||
		    !links_are_single(w, s, why, n) ||
		    !kept_on(w, s, why, n) || !none_later(w, s, why, n) ||
		    !ended_converged(w, s, why, n))
			return false;
		if (first == NULL)
			first = s;
		else if (!disks_agree(w, first, s, why, n) ||
			 !disks_agree(w, s, first, why, n))
			return false;
	}
	return true;
}
