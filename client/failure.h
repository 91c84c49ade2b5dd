/*
 * failure.h: how a run of `photo` ends, and the one sentence that says why.
 *
 * The exit codes are a contract with scripts: numbers are never reused.  A
 * function that can fail returns -1 and fills a struct failure; main prints
 * it, once.  An empty message ends the run without a word (the reader of our
 * output went away; Ctrl-C).
 */
#ifndef PHOTO_FAILURE_H
#define PHOTO_FAILURE_H

#include <stdint.h>

enum ending {
	ENDING_DONE = 0, /* also "nothing to do" */
	ENDING_FAILED = 1,
	ENDING_USAGE = 2,
	ENDING_NOT_FOUND = 3,
	ENDING_AMBIGUOUS = 4,
	ENDING_NO_DAEMON = 5,
	ENDING_INCOMPLETE = 6,
	ENDING_REFUSED = 7,
	ENDING_TIMED_OUT = 8,
	ENDING_DAMAGED = 9,
	ENDING_INCOMPATIBLE = 10,
	ENDING_INTERRUPTED = 130,
};

struct failure {
	enum ending ending;
	char message[512];
};

/* Fill it; returns -1, so that `return failure_set(...)` reads well. */
int failure_set(struct failure *f, enum ending ending, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "not-found", ...: the value of "error" in JSON. */
const char *ending_text(enum ending e);

/* What an ERROR of the daemon (enum error_code) means to whoever asked. */
enum ending ending_of_error(uint32_t code);

#endif
