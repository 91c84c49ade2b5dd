/*
 * trouble.h: how a failure of the world travels to whoever can tell it.
 *
 * A fixed-size sentence and a code.  Functions that can fail for reasons
 * outside the program return -1 and fill it; on success it is untouched, so
 * calls chain.  Filling it cannot fail.
 */
#ifndef PHOTOMESH_TROUBLE_H
#define PHOTOMESH_TROUBLE_H

#define TROUBLE_TEXT_MAX 256

struct trouble {
	int code; /* errno, or 0 where none applies */
	char text[TROUBLE_TEXT_MAX];
};

/* Fill `t` (NULL is allowed) and return -1. */
int trouble_set(struct trouble *t, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with ": strerror(code)" behind it. */
int trouble_errno(struct trouble *t, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
