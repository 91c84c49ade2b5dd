/*
 * election.h: who coordinates, judged from one node's own view.
 *
 * There is no ballot.  The coordinator is the node of lowest rank among those
 * this node believes eligible, itself included; failing these, the lowest
 * among the live.  During a partition each side has its own, which is why
 * nothing that would lose data may hang on being coordinator.
 */
#ifndef PHOTOMESH_ELECTION_H
#define PHOTOMESH_ELECTION_H

#include "roster.h"

/* Live, synced, and suspected by nobody whose word counts. */
bool election_eligible(const struct roster *r, uint16_t index);

/* The function of the roster.  There always is one: oneself is live. */
void election_judge(const struct roster *r, struct rank *out);

#endif
