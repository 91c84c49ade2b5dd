/*
 * paced.h: standard output as a stream that Ctrl-C always ends.
 *
 * stdio begins each piece anew that was interrupted, so a program that writes
 * to a reader who has stopped reading (a pager, a terminal held by Ctrl-S)
 * hangs for ever in the next piece.  Here nothing that was interrupted waits
 * for its reader any more, and what has failed once fails at once.
 */
#ifndef PHOTO_PACED_H
#define PHOTO_PACED_H

#include <stdio.h>

/* The stream, for as long as the program runs; NULL with errno. */
FILE *paced_stdout(void);

#endif
