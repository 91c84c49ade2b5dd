/*
 * silence.c: what a core concludes from what it hears, and from what it does
 * not: whom it suspects, gives up, sees again; when it is synced.
 */
#include "sim.h"

#include "core_state.h"

#define STALLED_US SEC(20) /* who gives nothing for so long is not waited for */
#define SILENT_US        MS(1500) /* 4 heartbeats, and some */
#define GONE_US          MS(9998) /* of silence: 40 heartbeats */
#define AWAY_US          MS(9200) /* ... and the last one was before that */
#define KNOWN_US         SEC(5)   /* by then all know of it */
#define LATE_STEP_MS     200u     /* beyond this a core blames itself */
/* ---- who is heard -------------------------------------------------------- */

uint32_t
number_of(const struct node_id *node)
{
	return node->bytes[2] < SIM_KNOWN ? node->bytes[2] : 0;
}

void
check_heard(struct world *w, struct slot *s, const struct wire_end *from)
{
	s->heard_life[number_of(&from->who)] = from->life;
	s->heard_us[number_of(&from->who)] = w->now_us;
}

void
check_away(struct world *w, struct slot *s)
{
	if (w->now_us >= s->stopped_us + AWAY_US)
		s->away_us = w->now_us;
}

void
check_hung_up(struct world *w, struct slot *s, const struct wire_end *on)
{
	s->hung_step[number_of(&on->who)] = w->step_count;
}

void
check_punctual(struct world *w, struct slot *s)
{
	uint64_t wake = mesh_wake_ms(s->mesh);

	if (wake != UINT64_MAX && node_now_ms(w) > wake + LATE_STEP_MS)
		s->late_us = w->now_us;
}

const struct slot *
only_one(const struct world *w, const struct node_id *whom)
{
	const struct slot *found = NULL;

	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *o = &w->slots[i];

		if (!o->used || !node_id_equal(&o->disk->identity, whom))
			continue;
		if (found != NULL || o->disk->shared)
			return NULL;
		found = o;
	}
	return found;
}

/* What it knows of that node; false: nothing. */
bool
check_view(struct world *w, const struct slot *s, const struct node_id *whom,
	struct node_view *v)
{
	for (uint32_t n = 0; n < mesh_node_count(s->mesh); n++) {
		mesh_node_view(s->mesh, n, node_now_ms(w), v);
		if (node_id_equal(&v->node, whom))
			return true;
	}
	return false;
}

/* In which run it knows that node; 0: in none. */
static uint64_t
run_known(struct world *w, const struct slot *s, const struct node_id *whom)
{
	struct node_view v;

	return check_view(w, s, whom, &v) ? v.run : 0;
}

static bool
is_cut_off(const struct world *w)
{
	for (uint32_t a = 0; a < w->host_count; a++)
		for (uint32_t b = 0; b < w->host_count; b++)
			if (w->cut[a][b])
				return true;
	return w->cut_us != 0 && w->now_us < w->cut_us + KNOWN_US;
}

/* Whoever is there, and has stood still for less than that, is not gone, whatever
 * befell the links with it and those who spoke of it. */
static void
check_still_there(struct world *w, const struct slot *s,
		  const struct node_id *whom)
{
	const struct slot *o = only_one(w, whom);
	struct node_view v;

	/* Also another run of it that it meets in this step. */
	if (o == NULL || !o->running || o->leaving || is_cut_off(w) ||
	    !check_view(w, s, whom, &v) || v.state != NODE_STATE_GONE ||
	    v.run != o->config.run)
		return;
	if ((o->stopped && w->now_us >= o->stopped_us + AWAY_US) ||
	    (o->away_us != 0 && w->now_us < o->away_us + KNOWN_US))
		return;
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].liar)
			return;
	world_fail(w, "%s calls %s gone, which is there", s->name, o->name);
}

void
check_gone(struct world *w, struct slot *s, const struct node_id *whom,
	   bool refused)
{
	uint32_t number = number_of(whom);
	const struct slot *o = only_one(w, whom);

	check_still_there(w, s, whom);
	if (s->hung_step[number] == w->step_count &&
	    w->now_us < s->heard_us[number] + GONE_US)
		world_fail(w, "%s gives %s up, which was heard %u ms ago",
			   s->name, world_name(w, whom),
			   (unsigned)((w->now_us - s->heard_us[number]) /
				      1000));
	/* Proof is against the process that it has met, the last one. */
	s->dead_life[number] = refused && o != NULL && !o->running &&
					       o->life ==
						       s->heard_life[number] + 1
				       ? o->life
				       : 0;
	s->dead_run[number] = run_known(w, s, whom);
}

void
check_forgotten(struct slot *s, const struct node_id *whom)
{
	s->dead_life[number_of(whom)] = 0;
}

void
check_live(struct world *w, struct slot *s, const struct node_id *whom)
{
	const struct slot *o = only_one(w, whom);
	uint32_t life = s->dead_life[number_of(whom)];

	/* But by its own HELLO, which may have been under way; or in another
	 * run: of a former one, which it never met itself, somebody may say so
	 * who has not noticed yet. */
	if (w->hearing != NULL && w->hearing->type == MESSAGE_HELLO)
		return;
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].liar)
			return;
	if (o != NULL && !o->running && life != 0 && o->life == life &&
	    run_known(w, s, whom) == s->dead_run[number_of(whom)])
		world_fail(w, "%s sees %s, of whose death it has proof",
			   s->name, o->name);
}

/* A core that is on time itself suspects whoever says nothing on its link. */
void
check_silence(struct world *w, struct slot *s, const struct node_view *v)
{
	uint32_t number = number_of(&v->node);

	/* Among hundreds of phantoms heartbeats are rare; and whoever has a tick
	 * before it judges then. */
	if (mesh_wake_ms(s->mesh) <= node_now_ms(w) || w->lies_many ||
	    v->self || !v->linked || v->state == NODE_STATE_SUSPECT ||
	    liar_phantom(&v->node) || w->now_us < s->late_us + SILENT_US ||
	    w->now_us < s->heard_us[number] + SILENT_US)
		return;
	world_fail(w, "%s trusts %s, silent for %u ms", s->name,
		   world_name(w, &v->node),
		   (unsigned)((w->now_us - s->heard_us[number]) / 1000));
}

/* Nobody is suspected whose heartbeats have come, and lie unread. */
void
check_suspect(struct world *w, struct slot *s, const struct node_id *whom)
{
	for (uint32_t i = 0; i < s->open_count; i++) {
		const struct wire *wire = &w->wires[s->open[i] / 2];
		const struct wire_end *end = &wire->end[s->open[i] % 2];
		const struct wire_end *other = &wire->end[1 - s->open[i] % 2];

		if (end->rests && node_id_equal(&other->who, whom) &&
		    end->came_ms * 1000 + SILENT_US / 2 >
			    (uint64_t)node_now_ms(w) * 1000)
			world_fail(w, "%s suspects %s, which it has not read",
				   s->name, world_name(w, whom));
	}
}

/* ---- synced --------------------------------------------------------------- */

void
check_told(struct slot *s, const struct node_id *from,
	   const struct message_streams *said)
{
	uint32_t number = number_of(from);
	bool first = s->told_life[number] == 0;

	for (uint32_t i = 0; first && i < said->count; i++) {
		const struct stream_report *r = &said->reports[i];

		if (!node_id_equal(&r->stream.node, from) ||
		    r->stream.generation < s->told_life[number])
			continue;
		s->told_life[number] = r->stream.generation;
		s->told[number] = r->point;
	}
}

/* Who has told us first of a stream that still is its own, and waits for
 * nothing else: then we hold it that far. */
void
check_synced(struct world *w, struct slot *s)
{
	for (uint32_t i = 0; i < w->slot_count; i++) {
		const struct slot *o = only_one(w, &w->slots[i].disk->identity);
		const struct replica *r;
		struct stream_id id;
		uint32_t number;

		if (o != &w->slots[i] || o == s || !o->running ||
		    liar_smeared(w, &o->disk->identity) ||
		    !core_awaits(s->mesh, &o->disk->identity) ||
		    w->now_us > s->started_us + STALLED_US)
			continue;
		number = number_of(&o->disk->identity);
		id.node = o->disk->identity;
		id.generation = o->disk->own_generation;
		/* Nobody waits for a life that it was told to forget, also
		 * while that is not yet written. */
		if (s->told_life[number] != id.generation ||
		    ended_truth(w, &id.node) >= id.generation ||
		    w->ordered[ended_key(&id.node)] >= id.generation)
			continue;
		r = disk_find(s->disk, &id);
		if (r == NULL ||
		    r->report.point.cursor < s->told[number].cursor)
			world_fail(w, "%s is synced, and has %llu of %llu of %s",
				   s->name,
				   r == NULL ? 0
					     : (unsigned long long)
						       r->report.point.cursor,
				   (unsigned long long)s->told[number].cursor,
				   o->name);
	}
}
