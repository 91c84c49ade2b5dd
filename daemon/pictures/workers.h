/*
 * workers.h: asking photo-decode what a file's bytes mean.
 *
 * No picture is parsed in this process.  A pool of photo-decode processes, each
 * in its sandbox, gets a read-only descriptor and a question, one at a time.
 * Whatever a file does to one of them ends there: it is killed at its deadline,
 * waited for and replaced.  Nothing is started before the first question.
 *
 * Safe from any thread but the loop's: asking blocks, for DECODE_DEADLINE_MS
 * and a start of a worker at most once it has one, and waits for a free one
 * before that.
 */
#ifndef PHOTOMESH_WORKERS_H
#define PHOTOMESH_WORKERS_H

#include <stddef.h>
#include <stdint.h>

#include "questions.h"

struct trouble;
struct workers;

#define DECODE_DEADLINE_MS 10000u

enum decode_outcome {
	DECODE_DONE,        /* the answer is there */
	DECODE_REFUSED,     /* the bytes are not understood, or too much */
	DECODE_UNREADABLE,  /* so far nobody knows: the disk does not give them
			     * back, or not all that there were */
	DECODE_KILLED,      /* the file cost a worker its life, or its deadline */
	DECODE_UNAVAILABLE, /* no fault of the file: ask again later */
};

struct decode_answer {
	uint8_t *bytes; /* owned: decode_answer_release */
	size_t count;
};

/*
 * Where photo-decode is: beside this program, else where Meson installs it;
 * under test_hooks $PHOTOMESH_DECODE before both.  -1 when it is nowhere.
 */
int workers_find(char *out, size_t max, struct trouble *why);

/* `program` is copied; `count` processes at most, at least one.  Two a core, with
 * as many threads that ask, keep the cores busy over short questions, which are
 * mostly hand-over; for thumbnails one is enough.  NULL when there is no memory: a
 * program that cannot be started is found out by asking. */
struct workers *workers_open(const char *program, unsigned count,
			     struct trouble *why);
/* As above, with limits of one's own: for tests. */
struct workers *workers_open_limited(const char *program, unsigned count,
				     unsigned deadline_ms,
				     unsigned questions_max,
				     struct trouble *why);
/* Ends the workers that have nothing to do: each holds some 40 MiB.  The next
 * question starts one again. */
void workers_rest(struct workers *w);
/* Ends every worker: those who ask, now or later, are answered
 * DECODE_UNAVAILABLE. */
void workers_stop(struct workers *w);
/* Stops them, waits for those who ask, and nobody may begin to ask any more.
 * NULL is allowed. */
void workers_close(struct workers *w);

/*
 * DONE:    DECODE_META:  a record_meta value, which parses, as it goes into a
 *          record; DECODE_THUMB: a thumbnail, lawful by thumb.h,
 *          upright and sRGB if the worker is sound; DECODE_PIXELS: as many
 *          bytes as its size says.
 * Else out is empty and why says in a sentence what it was; for REFUSED
 * and UNREADABLE in words fit for a problem record (no path, plain text).
 * fd stays the caller's, its offset untouched; it must be open for reading only
 * (else DECODE_UNAVAILABLE: whoever parses must not be able to write).
 */
enum decode_outcome workers_ask(struct workers *w, enum decode_question q,
				int fd, struct decode_answer *out,
				struct trouble *why);
void decode_answer_release(struct decode_answer *a);

#endif
