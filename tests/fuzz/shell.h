/*
 * shell.h: a driver for the real core that has no world, only a list of what
 * is owed to it, and judges everything that the core says and wants.
 *
 * A fuzz target decides what happens; here is kept what could lawfully happen:
 * which links are open and how far, which pages were asked for, what waits for
 * the disk and what is on it.  Anything that a real driver, catalogue or peer
 * would be harmed by ends the process.
 */
#ifndef PHOTOMESH_FUZZ_SHELL_H
#define PHOTOMESH_FUZZ_SHELL_H

#include "mesh_private.h"
#include "must.h"

#define SHELL_LINKS   128u
#define SHELL_JOBS    512u
#define SHELL_READS   (SERVING_MAX * SHELL_LINKS)
#define SHELL_STREAMS 96u
#define SHELL_START_MS UINT64_C(1000000)
#define SHELL_WALL_MS  UINT64_C(1800000000000)

enum wire_state {
	WIRE_NONE,
	WIRE_DIALLED,
	WIRE_CONNECTED,
	WIRE_UP,
};

struct wire {
	mesh_link id;
	enum wire_state state;
	bool hello_sent, hello_heard;
	struct node_id node; /* once it has been heard */
	bool asked;          /* the last PULL, not answered yet ... */
	uint32_t request;
	struct message_pull pull;
	bool joined; /* the last JOIN */
	uint32_t join_request;
};

/* A replica, or our own stream, as the disk has it. */
struct kept {
	bool used, beside; /* beside: being built afresh */
	struct stream_report report;
};

/* What was asked of the one who writes; done in this order. */
struct work {
	enum mesh_effect_kind kind;
	struct mesh_store store;
	struct digest digest; /* of the page's head */
	uint64_t rows;
	uint64_t generation;
	struct stream_id stream;
};

struct reading {
	mesh_link link;
	uint32_t request;
	struct stream_id stream;
};

struct shell {
	struct mesh *mesh;
	struct mesh_effects *effects;
	uint64_t now_ms, wall_ms;
	bool over; /* left, or to become somebody else */
	struct mesh_config config;
	mesh_link next_accept;
	struct wire wires[SHELL_LINKS];
	uint32_t work_count;
	struct work work[SHELL_JOBS];
	uint32_t reading_count;
	struct reading reading[SHELL_READS];
	bool page_ready; /* SEND_PAGE is lawful for this one */
	struct reading page;
	struct kept kept[SHELL_STREAMS];
	struct stream_id own;
	uint64_t own_head;
	/* Of the step under way. */
	const struct message *hearing;
	struct wire *hearing_on;
	bool stranger; /* it comes from nobody we know */
};

/* Ends the process with a word when `truth` does not hold. */

void shell_begin(struct shell *s, const struct mesh_config *config);
/* One input; kind and union are set.  Everything owed is judged. */
void shell_step(struct shell *s, struct mesh_input *in);
/* Let time pass; at most `ms`, and so that every tick is on time when `punctual`. */
void shell_pass(struct shell *s, uint64_t ms, bool punctual);

/* The n-th open link in that state, or NULL. */
struct wire *shell_wire(struct shell *s, unsigned n, enum wire_state at_least);
/* NULL when there is no room for one more. */
struct wire *shell_wire_new(struct shell *s, mesh_link id);
void shell_accept(struct shell *s, bool loopback);
void shell_end(struct shell *s, struct wire *w, enum link_end end);
/* A body has come: what the driver would do with it. */
void shell_hear(struct shell *s, struct wire *w, const uint8_t *body,
		size_t body_bytes, const struct node_id *speaker);

struct kept *shell_kept(struct shell *s, const struct stream_id *id,
			bool beside);
/* NULL when there is no room. */
struct kept *shell_keep(struct shell *s, const struct stream_id *id,
			bool beside);
void shell_own_moved(struct shell *s, uint64_t by);
/* The oldest of what waits for the disk is done, or has failed. */
void shell_work(struct shell *s, bool failed);
void shell_read(struct shell *s, bool found);

/* shell_effects.c: everything the last step wants. */
void shell_perform(struct shell *s);
/* shell_check.c: what must hold after any step. */
void shell_check(struct shell *s);
/* What takes longer to find out. */
void shell_check_all(struct shell *s);
/* What can be said of any core, also behind a real driver. */
void shell_check_mesh(const struct mesh *m);

#endif
