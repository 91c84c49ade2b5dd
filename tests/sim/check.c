/*
 * check.c: what must never be, judged after every step.
 */
#include "sim.h"

#include <string.h>

#define STEPS_PER_MS_MAX 4000u

/* ---- safety: after a step ---------------------------------------------- */

static void
check_views(struct world *w, struct slot *s)
{
	static struct node_view v;
	struct rank best, best_live, now;
	bool eligible = false, live = false;
	uint32_t count = mesh_node_count(s->mesh);
	uint64_t at = node_now_ms(w);

	memset(&best, 0, sizeof best);
	memset(&best_live, 0, sizeof best_live);
	for (uint32_t i = 0; i < count; i++) {
		struct rank r;

		mesh_node_view(s->mesh, i, at, &v);
		if (v.self != (i == 0))
			world_fail(w, "%s: view %u is%s itself", s->name, i,
				   v.self ? "" : " not");
		if (v.state == NODE_STATE_GONE || v.state == NODE_STATE_LEFT) {
			if (v.self)
				world_fail(w, "%s thinks itself dead", s->name);
			if (v.linked)
				world_fail(w, "%s has a link to %s and thinks "
					      "it gone",
					   s->name, world_name(w, &v.node));
			check_left(w, s, &v);
			continue;
		}
		check_silence(w, s, &v);
		check_fresh(w, s, &v);
		r.port = v.port;
		r.host = v.host;
		r.node = v.node;
		if (!live || rank_compare(&r, &best_live) < 0)
			best_live = r;
		live = true;
		if (v.state != NODE_STATE_LIVE)
			continue;
		if (!eligible || rank_compare(&r, &best) < 0)
			best = r;
		eligible = true;
	}
	mesh_coordinator(s->mesh, &now);
	if (node_id_is_zero(&now.node)) {
		if (mesh_synced(s->mesh))
			world_fail(w, "%s is synced and follows nobody",
				   s->name);
		return;
	}
	if (!eligible)
		best = best_live;
	if (rank_compare(&now, &best) != 0)
		world_fail(w, "%s follows %s, but %s is the lowest it sees",
			   s->name, world_name(w, &now.node),
			   world_name(w, &best.node));
}

void
check_step(struct world *w, struct slot *s, const struct mesh_effects *out,
	   bool thorough)
{
	uint64_t ms = w->now_us / 1000;

	if (s->step_ms != ms) {
		s->step_ms = ms;
		s->step_count = 0;
	}
	if (++s->step_count > STEPS_PER_MS_MAX)
		world_fail(w, "%s is busy with nothing: %u steps in one ms",
			   s->name, s->step_count);
	if (out->count > MESH_EFFECTS_MAX)
		world_fail(w, "%s: %u effects", s->name, out->count);
	if (thorough && !s->leaving)
		check_views(w, s);
}

/* Others know more of that life: it may number other rows like theirs, and what
 * it told of those they would take in the place of what they have. */
static void
check_ending(struct world *w, struct slot *s, const struct stream_report *r)
{
	if (s->ending_life == r->stream.generation &&
	    s->told_own == r->stream.generation &&
	    r->point.cursor > s->own_told)
		world_fail(w, "%s tells more of a life that others know more "
			      "of: %llu, and %llu before",
			   s->name, (unsigned long long)r->point.cursor,
			   (unsigned long long)s->own_told);
	s->told_own = r->stream.generation;
	s->own_told = r->point.cursor;
}

void
check_streams(struct world *w, struct slot *s,
	      const struct message_streams *said)
{
	for (uint32_t i = 0; i < said->count; i++) {
		const struct stream_report *r = &said->reports[i];
		const struct replica *held = disk_find(s->disk, &r->stream);
		const struct truth *t = truth_of(w, &r->stream);
		bool own = node_id_equal(&r->stream.node, &s->config.self);

		if (own && r->stream.generation > s->disk->own_generation)
			world_fail(w, "%s speaks of a life that it has yet to "
				      "live", s->name);
		if (own && r->stream.generation == s->disk->own_generation)
			check_ending(w, s, r);
		if (t == NULL || t->forked || (held == NULL && !own))
			continue; /* let go a moment ago */
		if (liar_smeared(w, &r->stream.node))
			continue;
		if (held == NULL &&
		    r->stream.generation < s->disk->own_generation)
			continue;
		if (held == NULL ||
		    held->report.point.cursor < r->point.cursor)
			world_fail(w, "%s announces %s at %llu before it is "
				      "durable",
				   s->name, world_name(w, &r->stream.node),
				   (unsigned long long)r->point.cursor);
	}
}

static void
print_streams(struct world *w, const struct slot *s,
	      const struct message_streams *said)
{
	for (uint32_t i = 0; i < said->count; i++) {
		const struct stream_report *r = &said->reports[i];

		world_trace(w, "  %s:%s of %s gen %llu %llu/%llu %04x", s->name,
			    said->full ? " full" : "",
			    world_name(w, &r->stream.node),
			    (unsigned long long)r->stream.generation,
			    (unsigned long long)r->point.base,
			    (unsigned long long)r->point.cursor,
			    (unsigned)(r->digest.low & 0xffff));
	}
}

void
check_print_message(struct world *w, const struct slot *s,
		    const struct message *m)
{
	if (!w->trace)
		return;
	if (m->type == MESSAGE_STREAMS)
		print_streams(w, s, &m->u.streams);
	if (m->type == MESSAGE_PULL)
		world_trace(w, "  %s: after %llu of %s gen %llu", s->name,
			    (unsigned long long)m->u.pull.after,
			    world_name(w, &m->u.pull.stream.node),
			    (unsigned long long)m->u.pull.stream.generation);
	if (m->type != MESSAGE_NODES && m->type != MESSAGE_WELCOME)
		return;
	for (uint32_t i = 0; i < m->u.nodes.count; i++) {
		const struct node_report *r = &m->u.nodes.reports[i];

		world_trace(w, "  %s: %s run %04llx flags %x age %lld", s->name,
			    world_name(w, &r->node),
			    (unsigned long long)r->run & 0xffff,
			    (unsigned)r->flags, (long long)r->silent_ms);
	}
}

void
check_print(struct world *w, struct slot *s)
{
	static const char *const words[] = {"live", "syncing", "suspect",
					    "gone", "left"};
	static struct node_view v;

	for (uint32_t i = 0; i < mesh_node_count(s->mesh); i++) {
		mesh_node_view(s->mesh, i, node_now_ms(w), &v);
		world_trace(w, "view of %s: %s (%u) run %04llx %s%s%s",
			    s->name, world_name(w, &v.node), v.port,
			    (unsigned long long)v.run & 0xffff, words[v.state],
			    v.linked ? ", linked" : "",
			    v.coordinator ? ", coordinator" : "");
	}
}
