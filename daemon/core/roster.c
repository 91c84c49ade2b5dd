/* roster.c: see roster.h. */
#include <assert.h>
#include <string.h>

#include "mutant.h"
#include "roster.h"

void
roster_reset(struct node *n, const struct node_id *id)
{
	assert(n != NULL);
	memset(n, 0, sizeof(*n));
	n->id = *id;
	n->standing = STANDING_GONE;
	n->slot = SLOT_NONE;
	n->named_by = SLOT_NONE;
	n->told_slot = SLOT_NONE;
	n->there = MESH_LINK_NONE;
	n->period_ms = 250;
	n->lost_ms = NEVER_MS;
	n->evidence_next = UINT32_MAX;
	n->dial_ms = NEVER_MS;
	n->barred_until_ms = NEVER_MS;
}

void
roster_init(struct roster *r, const struct node_id *self)
{
	r->count = 1;
	r->live_count = 1;
	r->free_count = 0;
	r->slots_used = 0;
	r->slots_linked = 0;
	for (uint32_t s = 0; s < SLOTS; s++)
		r->slot_node[s] = NODE_NONE;
	roster_reset(&r->nodes[NODE_SELF_INDEX], self);
	r->nodes[NODE_SELF_INDEX].standing = STANDING_LIVE;
}

uint16_t
roster_find(const struct roster *r, const struct node_id *id)
{
	assert(r->count >= 1);
	assert(r->count <= MESH_KNOWN_MAX);
	if (node_id_is_zero(id))
		return NODE_NONE;
	for (uint32_t i = 0; i < r->count; i++)
		if (node_id_equal(&r->nodes[i].id, id))
			return (uint16_t)i;
	return NODE_NONE;
}

uint16_t
roster_append(struct roster *r, const struct node_id *id)
{
	assert(roster_find(r, id) == NODE_NONE);
	for (uint32_t i = 1; r->free_count > 0 && i < r->count; i++) {
		if (!roster_is_free(r, (uint16_t)i))
			continue;
		roster_reset(&r->nodes[i], id);
		r->free_count--;
		return (uint16_t)i;
	}
	if (r->count == MESH_KNOWN_MAX)
		return NODE_NONE;
	roster_reset(&r->nodes[r->count], id);
	return (uint16_t)r->count++;
}

bool
roster_is_free(const struct roster *r, uint16_t index)
{
	return node_id_is_zero(&r->nodes[index].id);
}

void
roster_free(struct roster *r, uint16_t index)
{
	static const struct node_id nobody;

	assert(index != NODE_SELF_INDEX);
	assert(index < r->count);
	assert(r->nodes[index].standing != STANDING_LIVE);
	assert(r->nodes[index].slot == SLOT_NONE);
	assert(r->nodes[index].link_count == 0);
	assert(!roster_is_free(r, index));
	roster_reset(&r->nodes[index], &nobody);
	r->free_count++;
}

/* [from][to] */
static const bool moves[3][3] = {
	[STANDING_GONE] = { [STANDING_LIVE] = true, [STANDING_LEFT] = true },
	[STANDING_LIVE] = { [STANDING_GONE] = true, [STANDING_LEFT] = true },
	/* Gone: it came back meanwhile, and was lost. */
	[STANDING_LEFT] = { [STANDING_LIVE] = true, [STANDING_GONE] = true },
};

bool
roster_may_move(enum standing from, enum standing to)
{
	return moves[from][to];
}

void
roster_move(struct roster *r, uint16_t index, enum standing to)
{
	struct node *n = &r->nodes[index];

	assert(index < r->count);
	assert(index != NODE_SELF_INDEX);
	assert(roster_may_move(n->standing, to));
	assert(to == STANDING_LIVE || n->link_count == 0);
	if (to == STANDING_LIVE)
		r->live_count++;
	else if (n->standing == STANDING_LIVE)
		r->live_count--;
	assert(r->live_count >= 1);
	assert(r->live_count <= MESH_LIVE_MAX);
	n->standing = to;
}

void
roster_slot_take(struct roster *r, uint16_t index)
{
	struct node *n = &r->nodes[index];

	assert(n->standing == STANDING_LIVE);
	assert(index != NODE_SELF_INDEX);
	if (n->slot == SLOT_NONE) {
		uint8_t s = 0;

		/* Live nodes hold the slots, and oneself needs none. */
		while (s < SLOTS - 1 && (r->slots_used >> s & 1u))
			s++;
		assert((r->slots_used >> s & 1u) == 0);
		n->slot = s;
		r->slots_used |= UINT64_C(1) << s;
		r->slot_node[s] = index;
	}
	r->slots_linked |= UINT64_C(1) << n->slot;
}

void
roster_slot_release(struct roster *r, uint16_t index)
{
	struct node *n = &r->nodes[index];
	uint8_t slot = n->slot;
	uint64_t bit;

	if (slot == SLOT_NONE)
		return;
	bit = UINT64_C(1) << slot;
	assert(r->slots_used & bit);
	assert(n->link_count == 0);
	r->slots_used &= ~bit;
	r->slots_linked &= ~bit;
	r->slot_node[slot] = NODE_NONE;
	n->slot = SLOT_NONE;
	for (uint32_t i = 0; i < r->count; i++) {
		r->nodes[i].said_linked &= ~bit;
		r->nodes[i].said_suspect &= ~bit;
		r->nodes[i].said_synced &= ~bit;
		if (r->nodes[i].named_by == slot)
			r->nodes[i].named_by = SLOT_NONE;
		if (r->nodes[i].told_slot == slot)
			r->nodes[i].told_slot = SLOT_NONE;
	}
}

bool
roster_linked(const struct roster *r, uint16_t index)
{
	assert(index < r->count);
	return r->nodes[index].link_count > 0;
}

bool
roster_direct(const struct roster *r, uint16_t index)
{
	const struct node *n = &r->nodes[index];

	return n->link_count > 0 || n->lost_ms != NEVER_MS;
}

/* Is one of these slots' words about the run that is known? */
static bool
said_of_run(const struct node *n, uint64_t said)
{
	for (uint32_t s = 0; s < SLOTS && said >> s != 0; s++)
		if ((said >> s & 1u) && n->said_run[s] == n->run)
			return true;
	return false;
}

static bool
reported_by(const struct node *n, uint64_t slots)
{
	uint64_t said = n->said_linked & slots;

	if ((n->barred && !MUTANT(HEARSAY_REVIVES)) || said == 0)
		return false;
	if (n->silenced)
		said &= ~n->said_suspect;
	return said_of_run(n, said);
}

bool
roster_reported(const struct roster *r, uint16_t index)
{
	return reported_by(&r->nodes[index], r->slots_linked);
}

bool
roster_reported_by(const struct roster *r, uint16_t index, uint8_t slot)
{
	return reported_by(&r->nodes[index], UINT64_C(1) << slot);
}

bool
roster_said_synced(const struct roster *r, uint16_t index)
{
	const struct node *n = &r->nodes[index];

	/* Whoever sleeps may still say so of a former run. */
	return said_of_run(n, n->said_synced & r->slots_linked);
}

bool
roster_doubted(const struct roster *r, uint16_t index)
{
	const struct node *n = &r->nodes[index];

	return said_of_run(n, n->said_suspect & n->said_linked &
				      r->slots_linked);
}

bool
roster_suspected(const struct roster *r, uint16_t index)
{
	const struct node *n = &r->nodes[index];
	uint64_t said = n->said_suspect & r->slots_linked;

	return n->suspect || n->held || said_of_run(n, said);
}

void
roster_rank(const struct roster *r, uint16_t index, struct rank *out)
{
	const struct node *n = &r->nodes[index];

	memset(out, 0, sizeof(*out));
	out->port = MUTANT(RANK_WITHOUT_PORT) ? 0 : n->port;
	out->host = n->host;
	out->node = n->id;
}

const struct past_run *
roster_past(const struct node *n, uint64_t run)
{
	assert(n->past_count <= PAST_RUNS);
	for (uint32_t i = 0; i < n->past_count; i++)
		if (n->past[i].run == run)
			return &n->past[i];
	return NULL;
}

void
roster_past_push(struct node *n, uint64_t run, int64_t started_ms,
		 int64_t now_ms)
{
	struct past_run *p = NULL;

	assert(n->past_count <= PAST_RUNS);
	for (uint32_t i = 0; i < n->past_count; i++)
		if (n->past[i].run == run)
			p = &n->past[i];
	if (p == NULL && n->past_count < PAST_RUNS)
		p = &n->past[n->past_count++];
	if (p == NULL) {
		for (uint32_t i = 1; i < PAST_RUNS; i++)
			n->past[i - 1] = n->past[i];
		p = &n->past[PAST_RUNS - 1];
	}
	p->run = run;
	p->started_ms = started_ms;
	p->replaced_ms = now_ms;
}
