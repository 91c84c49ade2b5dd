/*
 * answers.h: from a client's question to its answer.
 *
 * Knows the mesh, the catalogue and the intake; knows nothing of sockets:
 * frames go out through `send`, to a client named by a number that is never
 * used again, or before that through the client's outlet, from the thread of
 * the query pool that did the work.  All else is for the loop thread only.
 */
#ifndef PHOTOMESH_ANSWERS_H
#define PHOTOMESH_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "question.h"

struct answers;
struct catalogue;
struct consent;
struct driver;
struct fetching;
struct intake;
struct outlet;
struct state;

/*
 * Looks into a file: takes fd, and calls `done` once, on the loop thread, with a
 * record_meta value or NULL; false: it cannot now, fd is still the caller's.
 */
typedef void answers_looked(void *arg, const uint8_t *meta, size_t bytes);
typedef bool answers_looker(void *arg, int fd, answers_looked *done,
			    void *done_arg);

/*
 * What a photo shows, small: calls `done` once, on the loop thread; false: it
 * cannot now.
 */
struct answers_thumb {
	bool listed;          /* the mesh knows the photo */
	struct answer_thumb is;
};
typedef void answers_shown(void *arg, const struct answers_thumb *thumb);
typedef bool answers_shower(void *arg, const struct question_thumb *what,
			    answers_shown *done, void *done_arg);
/* Thumbnails kept, and made since the start; on the query threads. */
typedef void answers_thumb_count(void *arg, uint64_t *kept, uint64_t *made);

struct answers_config {
	struct driver *driver;       /* borrowed */
	struct catalogue *catalogue; /* borrowed */
	struct intake *intake;       /* borrowed; may be NULL until set */
	struct fetching *fetching;   /* borrowed; NULL: nothing is fetched */
	const struct state *state;   /* borrowed; the roots; may be NULL */
	struct consent *consent;     /* borrowed; NULL: it cannot be asked */
	answers_looker *look; /* NULL until set: nobody does */
	void *look_arg;
	answers_shower *show; /* likewise, and these three go together */
	answers_thumb_count *thumb_count;
	void *thumb_arg;
	/* One frame for `client`, if it is still there.  `frame` is malloced
	 * and now the receiver's; of it, said_bytes went out through the
	 * client's outlet.  last: the question is answered.  It never calls
	 * back into answers: whoever is lost by it is told of later. */
	void (*send)(void *arg, uint64_t client, uint32_t request,
		     uint8_t *frame, size_t frame_bytes, size_t said_bytes,
		     bool last);
	/* Where an answer to `client` may go out from the thread that has made
	 * it, held for the caller; NULL: nowhere. */
	struct outlet *(*outlet)(void *arg, uint64_t client);
	void *arg;
};

struct answers *answers_new(const struct answers_config *config);
/* Work under way ends unheard; what it needs lives until then. */
void answers_free(struct answers *a);
void answers_set_intake(struct answers *a, struct intake *intake);
void answers_set_look(struct answers *a, answers_looker *look, void *arg);
void answers_set_thumbs(struct answers *a, answers_shower *show,
			answers_thumb_count *count, void *arg);

/* LIST, DUPES, PROBLEMS, SHOW, PEERS, STATUS, VERIFY, RESCAN, HAVE, PROVE_HELD,
 * ROOTS, REQUESTS, DECIDE, FORGET or THUMB; `q` is borrowed.  Each ends in one `send`
 * with `last`, perhaps before this returns. */
void answers_ask(struct answers *a, uint64_t client, const struct question *q);
/* GET; `fd` is what came with it, and now the callee's. */
void answers_get(struct answers *a, uint64_t client, uint32_t request,
		 const struct question_get *q, int fd);
/* LOOK; likewise. */
void answers_look(struct answers *a, uint64_t client, uint32_t request, int fd);
/* Nobody waits for its answers any more. */
void answers_forget(struct answers *a, uint64_t client);

/* To be called every ANSWERS_TICK_MS while answers_ticking(). */
#define ANSWERS_TICK_MS 100u
bool answers_ticking(const struct answers *a);
void answers_tick(struct answers *a);

/* An ERROR frame, malloced; NULL when out of memory. */
uint8_t *answers_error(uint32_t request, enum error_code code,
		       size_t *frame_bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
