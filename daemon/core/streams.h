/*
 * streams.h: who holds how much of which stream, as announced; generations.
 *
 * Each roster entry has room for five generations of its node: the catalogue
 * keeps two, a third until all have reached their heads, and lets go of one
 * when a fourth comes; it alone judges which (MESH_DROPPED).  A place notes
 * what was let go until a newer one needs it, and the fifth that a newer one
 * is there.  What its owner, being linked, does not live is let go by us
 * (MESH_DROP).  What linked peers announced is one bit and one entry per slot.
 */
#ifndef PHOTOMESH_STREAMS_H
#define PHOTOMESH_STREAMS_H

#include "links.h"

#define STREAMS_PER_NODE 5u
#define STREAM_SLOTS     (MESH_KNOWN_MAX * STREAMS_PER_NODE)
#define STREAM_NONE      UINT16_MAX
#define PULL_NONE        UINT8_MAX

struct announced {
	struct point point;
	struct digest digest;
	uint64_t rows;
	uint64_t target; /* cursor to reach before we are synced */
	uint64_t tried;  /* mix of both digests when we last merged */
};

struct stream {
	uint64_t generation; /* 0: free */
	bool held;
	bool own;      /* our own current generation */
	bool dirty;    /* to be announced to everybody */
	bool unequal;  /* told the humans */
	bool disowned; /* being let go at its owner's word */
	bool let_go;   /* not held: the catalogue has let go of it ... */
	bool crowded;  /* ... for want of room, and ... */
	uint64_t beside; /* ... this stands for what it held instead */
	uint64_t again_ms; /* how long it waits if it is to be had again */
	struct point point; /* held: durable; let go: as `judged` */
	struct point judged; /* the most that it was let go of with */
	struct digest digest;
	uint64_t rows;
	uint64_t stored_ms; /* when it last moved in this run */
	uint64_t announced; /* slots that announce it */
	uint64_t first;     /* slots whose first STREAMS set a target */
	uint64_t tried;     /* slots whose announced.tried is set */
	uint64_t contested_ms; /* its linked owner has been told and announces
				* a lower one since; NEVER_MS: not so */
	uint32_t unanswered; /* pulls in a row, while nothing is held */
	uint64_t mute;       /* slots that announced it and gave nothing */
	uint64_t shun;      /* slots not to be asked ... */
	uint64_t shun_until_ms; /* ... until then */
	uint64_t retry_ms;  /* do not pull before */
	uint64_t backoff_ms;
	uint8_t pull; /* index of its pull, or PULL_NONE */
};

struct streams {
	uint64_t told; /* slots whose first full STREAMS has been heard */
	bool begin_pending;
	bool ending; /* others know more of it: no more is told of our life */
	uint64_t begin_ms; /* not before: the last one could not be written */
	uint64_t began_generation; /* of our own, when this run began */
	uint64_t owners_generation; /* highest that owners said of their own */
	uint64_t seen_generation; /* of our own, highest reported */
	uint64_t seen_cursor;     /* ... and its highest cursor */
	bool full_due;  /* something vanished: say everything again */
	bool any_dirty;
	uint64_t due_ms; /* next announcement of third parties, at most */
	/* Sync, part (b). */
	bool gated;    /* the round has ended: targets are fixed */
	uint64_t gate; /* slots whose targets count */
	uint64_t gate_ms; /* since when they do */
	struct stream list[STREAM_SLOTS]; /* node index * 5 + k */
	struct announced table[STREAM_SLOTS][SLOTS];
	struct stream_report full[MESH_STREAMS_MAX];
	struct stream_report part[MESH_STREAMS_MAX];
	struct stream_report own;
};

void streams_clear(struct stream *s);
/* Called for every roster index that comes into use. */
void streams_clear_node(struct mesh *m, uint16_t node);
struct stream *streams_at(struct mesh *m, uint32_t node, uint32_t k);
/*
 * Find or make; the lowest that nobody here holds gives way to a greater one,
 * and when `must`, to any.  NULL: no room.
 */
struct stream *streams_get(struct mesh *m, uint16_t node, uint64_t generation,
			   bool must);
/* The stream, or NULL. */
struct stream *streams_find(struct mesh *m, uint16_t node,
			    uint64_t generation);
/* Our own current stream, or NULL when not yet known. */
const struct stream *streams_own(const struct mesh *m);
uint16_t streams_index(const struct mesh *m, const struct stream *s);
uint16_t streams_node(const struct mesh *m, const struct stream *s);
void streams_id(const struct mesh *m, const struct stream *s,
		struct stream_id *out);

void streams_remember(struct mesh *m, uint16_t node,
		      const struct stream_report *held);
void streams_own_moved(struct mesh *m, const struct stream_report *own);
/* The catalogue has let go of it: it has nothing to tell, or there was no room
 * (`crowded`). */
void streams_dropped(struct mesh *m, const struct stream_id *stream,
		     bool crowded);
/* Let go of, and would be judged otherwise now: more of it is announced by who may
 * be asked, or other lives are held in its place. */
bool streams_again(const struct mesh *m, const struct stream *s);
/* A new life of ours, or the end of a disowned one, that could not be written
 * (a full disk): to be asked for again. */
void streams_undone(struct mesh *m, const struct stream_id *stream);
/* It is ended: not held any more, whatever is on its way to the catalogue. */
void streams_let_go(struct mesh *m, struct stream *s);
/* May a clock have said so?  NODE_NONE is a third node. */
bool streams_believable(struct mesh *m, uint16_t node, uint64_t generation);
/* May hang up; then `l` is invalid. */
void streams_heard(struct mesh *m, struct link *l,
		   const struct message_streams *said);
/* A slot lost its last link / is being released. */
void streams_slot_lost(struct mesh *m, uint8_t slot);
void streams_slot_released(struct mesh *m, uint8_t slot);

/* Look around afresh: nothing is a target until the round ends. */
void streams_ungate(struct mesh *m);
/* The round has ended: targets are what was first said by these slots. */
void streams_gate(struct mesh *m);
bool streams_targets_reached(struct mesh *m);

/* We were away for so long: to tell owners, and to hear them. */
void streams_away(struct mesh *m, uint64_t away_ms);
/* End of step. */
void streams_review(struct mesh *m);
void streams_flush(struct mesh *m);
void streams_greet(struct mesh *m, mesh_link link);
void streams_wake(const struct mesh *m, uint64_t *wake_ms);

#endif
