/*
 * mesh_private.h: struct mesh laid open, for the core's own modules and for
 * tests, which may place one in static storage and print it.
 */
#ifndef PHOTOMESH_MESH_PRIVATE_H
#define PHOTOMESH_MESH_PRIVATE_H

#include "discovery.h"
#include "effects.h"
#include "election.h"
#include "failure.h"
#include "forget.h"
#include "links.h"
#include "lost.h"
#include "member.h"
#include "mesh.h"
#include "replica.h"
#include "reports.h"
#include "roster.h"
#include "source.h"
#include "streams.h"

enum sync_state {
	SYNC_LOOKING,  /* the discovery round is under way */
	SYNC_CATCHING, /* reaching what was first announced */
	SYNC_DONE,
};

struct mesh {
	struct mesh_config config;
	uint64_t random;
	bool started;
	bool over; /* left, or becoming somebody else: nothing more happens */

	/* Of the step under way. */
	uint64_t now_ms, wall_ms;
	uint64_t came_ms; /* what is heard in it; at most now_ms */
	uint64_t since_ms; /* the same as to what it says; at most came_ms */
	bool late; /* this step came late: judge nobody in it */
	bool lagging; /* the same, whether or not that excuses anybody */
	bool looking; /* what lay unread is heard; a TICK follows */
	bool tick;    /* this step is one: what lay unread has been heard */
	struct mesh_effects *out;

	uint64_t start_ms;
	uint64_t wake_ms; /* promised */
	uint32_t late_row;
	/* What is heard until then may have waited for us since then, on links
	 * that there were. */
	uint64_t stale_until_ms, stale_from_ms;
	enum sync_state sync;
	bool had_links; /* since we last looked around afresh */
	bool crowned;
	struct rank coordinator; /* good when crowned */
	struct forget forget;

	struct roster roster;
	struct links links;
	struct discovery discovery;
	struct membership membership;
	struct reports reports;
	struct replica replica;
	struct streams streams; /* large: never cleared as a whole */
};

static inline struct node *
mesh_node(struct mesh *m, uint16_t index)
{
	return &m->roster.nodes[index];
}

static inline void
wake_at(uint64_t *wake_ms, uint64_t at_ms)
{
	if (at_ms < *wake_ms)
		*wake_ms = at_ms;
}

/* Uniform in [0, below). */
uint64_t mesh_random(struct mesh *m, uint64_t below);
bool mesh_coordinator_known(const struct mesh *m);
/* Not synced any more: look around afresh. */
void mesh_unsync(struct mesh *m);

#endif
