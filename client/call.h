/*
 * call.h: finding a daemon, asking it, awaiting its answers.
 *
 * It is one of this machine, or the one at a given HOST:PORT.
 * Sockets lie in $PHOTOMESH_RUNTIME/photomesh, and only there if that is set;
 * else in $XDG_RUNTIME_DIR/photomesh, /run/user/UID/photomesh and
 * /tmp/photomesh-UID.  Without a chosen port the lowest is asked, after half
 * a second without an answer the next one too, and the first answer wins: a
 * stopped coordinator must not hang anybody.  Nothing here knows what the
 * questions mean.
 */
#ifndef PHOTO_CALL_H
#define PHOTO_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "question.h"

struct failure;
struct call; /* one run's way to a daemon */

struct call_settings {
	uint16_t port;       /* 0: any, lowest first */
	const char *connect; /* HOST:PORT, by the key in `key`; NULL: here */
	const char *key;     /* NULL: the usual file */
	int64_t silence_ms; /* heard nothing for so long: timed out; -1 never */
};

/* NULL: out of memory. */
struct call *call_new(const struct call_settings *settings);
void call_free(struct call *c);

/*
 * Find a daemon.  With a `first` question every daemon tried is asked it at
 * once and *answer is what came first; without one (questions with effects,
 * slow ones, watching) the first to say welcome is taken.
 */
int call_open(struct call *c, const struct question *first,
	      struct question *answer, struct failure *why);

/* A question to the daemon found, and the only one that is open then: what
 * comes for earlier ones is passed over. */
int call_ask(struct call *c, const struct question *q, struct failure *why);
/*
 * The next answer to the last question, borrowed until the next call_await or
 * call_open.  An ERROR of the daemon comes back as -1 with its meaning; a
 * lost connection as ENDING_NO_DAEMON.
 */
int call_await(struct call *c, struct question *answer, struct failure *why);

/*
 * The next part of an answer that comes in parts, from whoever has it: `q` to
 * the daemon found; where none was chosen and that one hangs up or is silent
 * for CALL_SILENT_MS, to all there are, as call_open does.  For questions that
 * do nothing and mean the same to every daemon.
 */
#define CALL_SILENT_MS 2000
int call_ask_on(struct call *c, const struct question *q,
		struct question *answer, struct failure *why);

/*
 * Several questions at once: one more, open until call_close, at most
 * CALL_OPEN_MAX.  With `fd` (or -1) a descriptor goes with it; it stays the
 * caller's, who may close it at once.  *request names it in the answers.
 */
#define CALL_OPEN_MAX 16u
int call_send(struct call *c, const struct question *q, int fd,
	      uint32_t *request, struct failure *why);
unsigned call_open_count(const struct call *c);
/* From now on its answers are passed over; those of all questions. */
void call_close(struct call *c, uint32_t request);
void call_close_all(struct call *c);
/*
 * The next answer to any open question, borrowed until the next call: 1, or 0
 * when none came for wait_ms (-1: any time), or -1.  An ERROR is an answer here
 * and closes its question; call_failure has its meaning.
 */
int call_next(struct call *c, int64_t wait_ms, struct question *answer,
	      struct failure *why);
int call_failure(const struct call *c, const struct question *error,
		 struct failure *why);
/*
 * Some answers take as long as other people do.  From now on, when the daemon
 * has been silent for a third of the time allowed, it is asked `q`, and is
 * only given up when it leaves that unanswered, too.  `q` is copied.
 */
void call_be_patient(struct call *c, const struct question *q);
/* We were busy ourselves: silence is counted from now. */
void call_touch(struct call *c);

/* The most frequent shape: open, one answer of type `want`. */
int call_once(struct call *c, const struct question *q, uint32_t want,
	      struct question *answer, struct failure *why);
/* ENDING_FAILED unless the answer is of this type. */
int call_expect(const struct question *answer, uint32_t want,
		struct failure *why);

uint16_t call_port(const struct call *c); /* of the daemon found; 0: remote */
/* The daemon found, for sentences: "port 5000", "desk.local:5000". */
const char *call_name(const struct call *c);
/* A lower port that gave no answer in time before another did; 0: none. */
uint16_t call_silent_port(const struct call *c);
const struct answer_welcome *call_welcome(const struct call *c);
/* Has the last call_open met anybody at all, even one who hung up? */
bool call_reached(const struct call *c);

/* Adopt a connected socket: for tests. */
int call_adopt_fd(struct call *c, int fd, uint16_t port);

/* Ctrl-C ends a wait with ENDING_INTERRUPTED; so do SIGTERM and the closing of
 * the terminal, which shall leave no more behind than Ctrl-C does. */
void call_catch_interrupt(void);
bool call_interrupted(void);
/* Until there is something to be read, or the end of it: 0; Ctrl-C: -1. */
int call_await_input(int fd);
int64_t call_now_ms(void); /* monotonic */

#endif
