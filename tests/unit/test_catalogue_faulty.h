/*
 * test_catalogue_faulty.h: a disk under SQLite that fails when told to.
 *
 * A VFS of our own stands before the usual one and counts the calls that
 * reach a file while it is armed.  The chosen call is refused, or ends the
 * process before it is done: as kill -9 would, or as a power cut would, when
 * also everything not yet synced is undone.
 */
#ifndef TEST_CATALOGUE_FAULTY_H
#define TEST_CATALOGUE_FAULTY_H

#include <stdbool.h>

enum faulty_mode {
	FAULTY_COUNT, /* nothing happens */
	FAULTY_ERROR, /* SQLITE_IOERR, once; reads count too */
	FAULTY_KILL,  /* _exit(FAULTY_EXIT) */
	FAULTY_POWER, /* the same, and what was not synced is lost */
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
