/* election.c: see election.h. */
#include <assert.h>

#include "election.h"
#include "mutant.h"

bool
election_eligible(const struct roster *r, uint16_t index)
{
	const struct node *n = &r->nodes[index];

	assert(index < r->count);
	return n->standing == STANDING_LIVE &&
	       (n->synced || MUTANT(UNSYNCED_LEADS)) &&
	       !roster_suspected(r, index);
}

void
election_judge(const struct roster *r, struct rank *out)
{
	struct rank best, rank;
	bool found = false, eligible = false;

	assert(r->count >= 1);
	assert(r->nodes[NODE_SELF_INDEX].standing == STANDING_LIVE);
	for (uint32_t i = 0; i < r->count; i++) {
		uint16_t index = (uint16_t)i;
		bool e;

		if (r->nodes[i].standing != STANDING_LIVE)
			continue;
		e = election_eligible(r, index);
		if (eligible && !e)
			continue;
		roster_rank(r, index, &rank);
		if (!found || (e && !eligible) ||
		    rank_compare(&rank, &best) < 0)
			best = rank;
		found = true;
		eligible = eligible || e;
	}
	assert(found);
	*out = best;
}
