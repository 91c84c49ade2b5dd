/*
 * test_catalogue_faulty.h: a disk under SQLite that fails when told to.
 *
 * A VFS of our own stands before the usual one and counts the calls that
 * reach a file while it is armed.  The chosen call is refused, or ends the
 * process before it is done: as kill -9 would, or as a power cut would, when
 * also what was not yet synced is undone, wholly or in part.
 */
#ifndef TEST_CATALOGUE_FAULTY_H
#define TEST_CATALOGUE_FAULTY_H

#include <stdbool.h>

enum faulty_mode {
	FAULTY_COUNT, /* nothing happens */
	/* Refused: every kind of call counts, reads and locks, too. */
	FAULTY_ERROR, /* an I/O error, once */
	FAULTY_FULL,  /* no room, once */
	FAULTY_FULL_ON, /* no room, and from then on */
	FAULTY_SHORT, /* half of what is written has landed; then no room */
	/* Death: what changes a file counts. */
	FAULTY_KILL,  /* _exit(FAULTY_EXIT) */
	FAULTY_TORN,  /* the same, in the middle of a write */
	FAULTY_POWER, /* the same, and what was not synced is lost */
	/* The same, and of what was not synced some is lost, some has landed,
	 * in any order, and some of that only in part: by the number chosen. */
	FAULTY_POWER_PART,
};
#define FAULTY_EXIT 77

/* Once, before any database is opened. */
void faulty_install(void);
/* From now on the nth call (1..) is the one. */
void faulty_arm(enum faulty_mode mode, unsigned nth);
/* How many calls there were since; and no more of it. */
unsigned faulty_disarm(void);
/* Count on (true), or let what follows pass uncounted. */
void faulty_watch(bool on);

#endif
