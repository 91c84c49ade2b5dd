/*
 * replica.h: pulling what others hold, page by page, and serving ours.
 *
 * From the owner while it is linked: rows after our cursor.  Otherwise from
 * any relay: rows after our base.  One PULL outstanding per stream; the next
 * goes out as soon as a page was heard, with few pages unstored.
 */
#ifndef PHOTOMESH_REPLICA_H
#define PHOTOMESH_REPLICA_H

#include "streams.h"

#define PULL_ANSWER_MS   5000u
#define PULL_SHUN_MS     10000u
#define PULL_BUSY_MS     1000u
#define PULL_BACKOFF_MIN 1000u
#define PULL_BACKOFF_MAX 30000u
#define UNANSWERED_MAX   3u /* a phantom's stream is asked for so often */
#define CANCELLED_MAX    64u
#define SERVING_MAX      8u

enum pull_mode {
	PULL_OWNER,
	PULL_REBUILD, /* from it or who hears it, beside the old one */
	PULL_RELAY,
	PULL_MERGE, /* from a relay, everything */
};

struct pull {
	bool active;
	enum pull_mode mode;
	uint16_t stream; /* index */
	uint64_t generation;
	uint8_t slot;
	mesh_link link;
	uint32_t request;
	bool outstanding; /* a PULL awaits its BATCH */
	bool ended;       /* no further PULL: complete or given up */
	bool complete;    /* the last page was heard */
	bool failed;      /* a page was not stored, or not to be */
	bool first;       /* no page heard yet */
	bool fell_short;  /* the last page ended below what was announced */
	bool moved;       /* a record came */
	uint64_t asked_ms;
	uint64_t head_asked; /* the cursor announced when the PULL went out */
	struct point began;  /* what was held at the beginning */
	uint64_t after;      /* of the outstanding or next PULL */
	uint64_t base_first; /* the relay's base as of the first page */
	struct point point;  /* with all pages heard so far */
	uint32_t unstored;
	uint64_t stores[PULL_UNSTORED_MAX];
};

struct replica {
	uint64_t store_last;
	uint32_t next_stream; /* fairness: where to look first */
	uint64_t retry_ms;    /* earliest back-off that ends */
	struct pull pulls[PULL_STREAMS_MAX];
	uint32_t cancelled_next;
	struct {
		mesh_link link;
		uint32_t request;
	} cancelled[CANCELLED_MAX];
};

void replica_init(struct replica *r);
/* Both may hang up; then `l` is invalid. */
void replica_batch_heard(struct mesh *m, struct link *l, uint32_t request,
			 const struct message_batch *batch);
void replica_error_heard(struct mesh *m, struct link *l, uint32_t request,
			 uint32_t code);
void replica_stored(struct mesh *m, uint64_t store, bool failed,
		    const struct stream_report *report);
void replica_link_lost(struct mesh *m, mesh_link link);
/* The stream is going away. */
void replica_abort(struct mesh *m, struct stream *s);

void replica_pull_heard(struct mesh *m, struct link *l, uint32_t request,
			const struct message_pull *pull);
void replica_page_read(struct mesh *m, mesh_link link, uint32_t request,
		       bool found);

/* End of step: time-outs, then start what can be started. */
void replica_review(struct mesh *m);
void replica_wake(const struct mesh *m, uint64_t *wake_ms);

#endif
