/*
 * test_catalogue_play.h: one scenario for a catalogue whose disk is on trial.
 *
 * It begins in one of several ways, each prepared once and copied for every
 * play; its steps are what a node does in a life.  What is reported after each
 * step of a play in peace is the only truth there is.
 */
#ifndef TEST_CATALOGUE_PLAY_H
#define TEST_CATALOGUE_PLAY_H

#include "test_catalogue_kit.h"

enum start {
	START_KEPT,     /* as it was left */
	START_NEW,      /* nothing is there */
	START_OLDER,    /* of the format before */
	START_RESTORED, /* the database is not the one of the last run */
	START_ADOPTED,  /* it was somebody else's */
	STARTS,
};

enum step {
	STEP_OPEN,
	STEP_ADD,
	STEP_PAGE,
	STEP_CHANGE,
	STEP_PAGE_AGAIN,
	STEP_CHECKPOINT,
	STEP_LEARN, /* what is in photos; a node to be remembered */
	STEP_VERIFY,
	STEP_GENERATION,
	STEP_ADD_MORE,
	STEP_FORGET, /* the other node, and its rows at once */
	STEP_CLEAR,
	STEP_AGAIN, /* closed and opened */
	STEP_LAST,
	STEPS,
};

struct state {
	struct stream_report own, held;
};

extern struct state play_peace[STARTS][STEPS];
/* Of the own stream before the play, or 0. */
extern uint64_t play_generation[STARTS];

/* Once: the copies, and each play in peace. */
void play_prepare(void);
/* Beginnings that differ only there are played no further. */
enum step play_end(enum start s);

/* A box on a fresh copy, to be opened by STEP_OPEN. */
void play_begin(struct box *b, enum start s);
void play_finish(struct box *b);
/* 0 when it is done, -1 when the disk would not. */
int play(struct box *b, enum step step);
void play_look(struct box *b, struct state *out);
bool play_same(const struct stream_report *a, const struct stream_report *b);
/* Everything agrees, and the file is whole. */
void play_check(struct box *b);

#endif
