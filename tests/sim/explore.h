/*
 * explore.h: every order of events of three nodes, to a bounded depth.
 *
 * A *move* is one thing that happens next: the first message on a connection is
 * heard, a transaction ends, the clock goes on to the next deadline, or bad luck
 * strikes, of which each path has a small budget.  Moves take no time; only the
 * clock's own do.  From a *situation* all states within so many moves are
 * visited, each once (explore.c), then paths are drawn at random that go
 * further.  Every step is judged as in a storm; and of many states it is seen
 * that, left alone, all comes out well.
 *
 * What is not explored: two messages of one connection out of order (TCP keeps
 * it); a handshake in more than two parts; a page read later than it was asked.
 */
#ifndef PHOTOMESH_SIM_EXPLORE_H
#define PHOTOMESH_SIM_EXPLORE_H

#include "sim.h"

#define EXPLORE_NODES 3u
#define MOVES_MAX     128u

enum move_kind {
	MOVE_DELIVER, /* a: wire, b: end */
	MOVE_COMMIT,  /* a: slot; its first transaction ends */
	MOVE_FAIL,    /* a: slot; its first transaction fails, if it stores */
	MOVE_NEWS,    /* a: slot; the core hears what its own threads have done */
	MOVE_TIME,    /* to the next deadline of anybody */
	MOVE_KILL,    /* a: slot; what it has sent arrives */
	MOVE_RESET,   /* a: slot; killed, and what is on its way is lost */
	MOVE_START,   /* a: slot */
	MOVE_BREAK,   /* a: wire; both ends lose it */
	MOVE_CUT,     /* a -> b: hosts */
	MOVE_HEAL,    /* a -> b: hosts */
	MOVE_STOP,    /* a: slot; stands still for STOP_US, the others go on */
	MOVE_CHANGE,  /* a: slot; its folder changes */
	MOVE_LEAVE,   /* a: slot; says goodbye and ends */
	MOVE_FORGET,  /* a: slot; its user forgets b, a slot that does not run */
	MOVE_KINDS,
};

struct move {
	uint8_t kind, b;
	uint16_t a;
};

/* How much of each may still strike, on one path. */
struct budget {
	uint8_t any; /* of kills, breaks, cuts, stops, fails and leaves */
	uint8_t kills, breaks, cuts, stops, leaves;
	uint8_t changes;
	uint8_t slow; /* deadlines that come before what is under way */
	uint8_t forgets;
};

struct scene {
	struct world *w;
	struct budget left;
};

struct situation {
	const char *name, *what;
	void (*begin)(struct world *w);
	struct budget budget;
};

/* explore_begin.c */
extern const struct situation situations[];
extern const uint32_t situation_count;
/* NULL when there is none of that name. */
const struct situation *situation_find(const char *name);
/* The world as the situation has it; it may fail before the first move. */
void situation_begin(const struct situation *s, struct scene *out);

/* explore_moves.c */
/* What may happen now, in an order that the state alone decides. */
uint32_t moves_of(const struct scene *at, struct move out[MOVES_MAX]);
/* One of these happens, and what must follow at once. */
void move_make(struct scene *at, const struct move *m);
/* `text`: letter and numbers, as --replay takes them. */
#define MOVE_TEXT_BYTES 16u
void move_write(const struct move *m, char text[MOVE_TEXT_BYTES]);
/* Reads one move and steps beyond it and a comma; false: it is none. */
bool move_read(const char **text, struct move *out);
/* In prose, before it is made. */
void move_tell(const struct scene *at, const struct move *m, FILE *f);

#endif
