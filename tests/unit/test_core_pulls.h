/*
 * test_core_pulls.h: what somebody shares, asked for and given page by page.
 *
 * Beside test_core_kit.h, for tests of replicas; the core never looks into a page.
 */
#ifndef PHOTOMESH_TEST_CORE_PULLS_H
#define PHOTOMESH_TEST_CORE_PULLS_H

#include "test_core_kit.h"

#define GEN (WALL - 5)

static inline void
begin(void)
{
	struct stream_report own = kit_report(2, GEN, 3, 3, 33);

	kit_holding(&own);
}

static inline const struct message *
pulled(mesh_link l)
{
	const struct mesh_effect *e = kit_sent(l, MESSAGE_PULL);

	return e == NULL ? NULL : &e->u.message;
}

static size_t batch_bytes = 100;

static inline void
batch(mesh_link l, const struct message *pull, uint64_t through, uint64_t base,
      uint64_t cursor, uint64_t digest)
{
	struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_BATCH;
	msg.request = pull->request;
	msg.u.batch.stream = pull->u.pull.stream;
	msg.u.batch.after = pull->u.pull.after;
	msg.u.batch.through = through;
	msg.u.batch.point.base = base;
	msg.u.batch.point.cursor = cursor;
	msg.u.batch.digest.low = digest;
	/* The core counts records and never looks at them. */
	msg.u.batch.record_count = through > msg.u.batch.after ? 1 : 0;
	msg.u.batch.records_bytes = batch_bytes;
	kit_heard(l, &msg);
}

static inline void
stored(uint64_t store, const struct stream_report *r)
{
	struct mesh_input in = { .kind = MESH_STORED };

	in.u.stored.store = store;
	in.u.stored.report = *r;
	kit_step(&in);
}

#endif
