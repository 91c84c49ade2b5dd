#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FROM_NOBODY UINT8_MAX       /* not here */
#define FROM_BEFORE (UINT8_MAX - 1u) /* here from an earlier try */

struct flight {
	uint32_t index;
	uint32_t holder;
};

struct holder {
	struct plan_holder is;
	enum plan_aside aside;
	bool taken;
};

struct plan {
	uint64_t size;
	uint32_t pieces, done;
	uint32_t next; /* every piece below is here or on its way */
	uint32_t holder_count, taken_count;
	uint32_t lanes_max; /* PLAN_LANES_MAX, or 1 when somebody is to blame */
	uint32_t flight_count;
	struct flight flights[PLAN_FLIGHTS_MAX];
	struct holder holders[PLAN_HOLDERS_MAX];
	uint8_t from[]; /* of each piece: who brought it */
};

_Static_assert(PLAN_HOLDERS_MAX < FROM_BEFORE, "a holder's number fits");
_Static_assert(PLAN_LANES_MAX <= PLAN_FLIGHTS_MAX, "each lane has a piece");

struct plan *
plan_new(uint64_t size)
{
	uint64_t pieces = size / FETCH_BYTES_MAX +
			  (size % FETCH_BYTES_MAX != 0 ? 1 : 0);
	struct plan *p;

	if (pieces == 0)
		pieces = 1; /* of no bytes */
	if (pieces > PLAN_PIECES_MAX)
		return NULL;
	p = malloc(sizeof(*p) + pieces);
	if (p == NULL)
		return NULL;
	memset(p, 0, sizeof(*p));
	memset(p->from, FROM_NOBODY, pieces);
	p->size = size;
	p->pieces = (uint32_t)pieces;
	p->lanes_max = PLAN_LANES_MAX;
	return p;
}

void
plan_free(struct plan *p)
{
	free(p);
}

uint32_t
plan_pieces(const struct plan *p)
{
	return p->pieces;
}

void
plan_piece(const struct plan *p, uint32_t index, struct plan_piece *out)
{
	assert(index < p->pieces);
	out->index = index;
	out->offset = (uint64_t)index * FETCH_BYTES_MAX;
	out->length = p->size - out->offset;
	if (out->length > FETCH_BYTES_MAX)
		out->length = FETCH_BYTES_MAX;
}

/* ---- holders --------------------------------------------------------- */

uint32_t
plan_add(struct plan *p, const struct plan_holder *h)
{
	if (p->holder_count == PLAN_HOLDERS_MAX)
		return PLAN_NOBODY;
	p->holders[p->holder_count] = (struct holder){.is = *h};
	return p->holder_count++;
}

/* Is a to be asked before b? */
static bool
better(const struct plan_holder *a, const struct plan_holder *b)
{
	if (a->asks != b->asks)
		return b->asks;
	if (a->near != b->near)
		return a->near;
	return a->rate > b->rate;
}

/* Pieces that are neither here nor on their way. */
static uint32_t
unasked(const struct plan *p)
{
	assert(p->done + p->flight_count <= p->pieces);
	return p->pieces - p->done - p->flight_count;
}

static uint32_t
best_free(const struct plan *p)
{
	uint32_t best = PLAN_NOBODY;

	if (p->taken_count >= p->lanes_max || plan_complete(p) ||
	    p->flight_count == PLAN_FLIGHTS_MAX)
		return PLAN_NOBODY;
	/* One more lane is worth its while when there is more than what those
	 * already asked take up at once. */
	if (p->taken_count > 0 && unasked(p) < p->taken_count + 1)
		return PLAN_NOBODY;
	for (uint32_t h = 0; h < p->holder_count; h++)
		if (!p->holders[h].taken && p->holders[h].aside == PLAN_GOOD &&
		    (best == PLAN_NOBODY ||
		     better(&p->holders[h].is, &p->holders[best].is)))
			best = h;
	return best;
}

bool
plan_spare(const struct plan *p)
{
	for (uint32_t h = 0; h < p->holder_count; h++)
		if (!p->holders[h].taken && p->holders[h].aside == PLAN_GOOD)
			return true;
	return false;
}

bool
plan_takes(const struct plan *p)
{
	return best_free(p) != PLAN_NOBODY;
}

uint32_t
plan_take(struct plan *p)
{
	uint32_t best = best_free(p);

	if (best != PLAN_NOBODY) {
		p->holders[best].taken = true;
		p->taken_count++;
	}
	return best;
}

void
plan_release(struct plan *p, uint32_t holder)
{
	assert(holder < p->holder_count);
	assert(p->holders[holder].taken);
	for (uint32_t f = 0; f < p->flight_count; f++)
		assert(p->flights[f].holder != holder);
	p->holders[holder].taken = false;
	p->taken_count--;
}

void
plan_set_aside(struct plan *p, uint32_t holder, enum plan_aside why)
{
	assert(holder < p->holder_count);
	p->holders[holder].aside = why;
}

enum plan_aside
plan_why(const struct plan *p, uint32_t holder)
{
	assert(holder < p->holder_count);
	return p->holders[holder].aside;
}

void
plan_forgive(struct plan *p, enum plan_aside why)
{
	for (uint32_t h = 0; h < p->holder_count; h++)
		if (p->holders[h].aside == why)
			p->holders[h].aside = PLAN_GOOD;
}

/* ---- pieces ---------------------------------------------------------- */

void
plan_have(struct plan *p, uint32_t index)
{
	assert(index < p->pieces);
	if (p->from[index] == FROM_NOBODY) {
		p->from[index] = FROM_BEFORE;
		p->done++;
	}
}

bool
plan_has(const struct plan *p, uint32_t index)
{
	assert(index < p->pieces);
	return p->from[index] != FROM_NOBODY;
}

static bool
is_flying(const struct plan *p, uint32_t index)
{
	for (uint32_t f = 0; f < p->flight_count; f++)
		if (p->flights[f].index == index)
			return true;
	return false;
}

/* The first piece that nobody has asked for; p->pieces if there is none. */
static uint32_t
first_unasked(struct plan *p)
{
	uint32_t i = p->next;

	while (i < p->pieces &&
	       (p->from[i] != FROM_NOBODY || is_flying(p, i)))
		i++;
	p->next = i;
	return i;
}

/* What is on its way is shared by all who may be asked. */
static uint32_t
share_of(const struct plan *p)
{
	uint32_t good = 0;

	for (uint32_t h = 0; h < p->holder_count; h++)
		if (p->holders[h].aside == PLAN_GOOD && good < p->lanes_max)
			good++;
	return good == 0 ? PLAN_FLIGHTS_MAX : PLAN_FLIGHTS_MAX / good;
}

static uint32_t
flights_of(const struct plan *p, uint32_t holder)
{
	uint32_t count = 0;

	for (uint32_t f = 0; f < p->flight_count; f++)
		count += p->flights[f].holder == holder ? 1 : 0;
	return count;
}

bool
plan_next(struct plan *p, uint32_t holder, struct plan_piece *out)
{
	uint32_t i;

	assert(holder < p->holder_count);
	assert(p->holders[holder].taken);
	if (p->flight_count == PLAN_FLIGHTS_MAX ||
	    p->holders[holder].aside != PLAN_GOOD ||
	    flights_of(p, holder) >= share_of(p))
		return false;
	if ((i = first_unasked(p)) == p->pieces)
		return false;
	p->flights[p->flight_count++] =
		(struct flight){.index = i, .holder = holder};
	plan_piece(p, i, out);
	return true;
}

static void
land(struct plan *p, uint32_t holder, uint32_t index)
{
	uint32_t f = 0;

	while (f < p->flight_count && (p->flights[f].holder != holder ||
				       p->flights[f].index != index))
		f++;
	assert(f < p->flight_count);
	p->flights[f] = p->flights[--p->flight_count];
}

void
plan_done(struct plan *p, uint32_t holder, uint32_t index)
{
	land(p, holder, index);
	assert(p->from[index] == FROM_NOBODY);
	p->from[index] = (uint8_t)holder;
	p->done++;
}

void
plan_failed(struct plan *p, uint32_t holder, uint32_t index)
{
	land(p, holder, index);
	if (index < p->next)
		p->next = index;
}

bool
plan_complete(const struct plan *p)
{
	return p->done == p->pieces;
}

static bool
anybody_good(const struct plan *p)
{
	for (uint32_t h = 0; h < p->holder_count; h++)
		if (p->holders[h].aside == PLAN_GOOD)
			return true;
	return false;
}

bool
plan_stuck(const struct plan *p)
{
	return !plan_complete(p) && p->taken_count == 0 &&
	       p->flight_count == 0 && !anybody_good(p);
}

bool
plan_wrong(struct plan *p)
{
	uint8_t only = FROM_NOBODY;
	bool several = false;

	assert(p->flight_count == 0);
	for (uint32_t i = 0; i < p->pieces; i++) {
		if (p->from[i] == FROM_NOBODY)
			continue;
		several |= only != FROM_NOBODY && only != p->from[i];
		only = p->from[i];
	}
	/* What an earlier try left behind may be to blame as well. */
	if (!several && only < p->holder_count)
		p->holders[only].aside = PLAN_WRONG;
	memset(p->from, FROM_NOBODY, p->pieces);
	p->done = 0;
	p->next = 0;
	p->lanes_max = 1;
	return anybody_good(p);
}
