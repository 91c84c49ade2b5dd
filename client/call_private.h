/*
 * call_private.h: the inside of a call, for call*.c only.
 */
#ifndef PHOTO_CALL_PRIVATE_H
#define PHOTO_CALL_PRIVATE_H

#include <poll.h>
#include <stddef.h>

#include "call.h"
#include "failure.h"
#include "lane.h"

#define POLL_MS_MAX        60000
#define QUESTION_BYTES_MAX (8u * 1024u)
#define HELLO_REQUEST      1u

struct call {
	struct call_settings settings;
	struct question_decoder *decoder; /* owned */
	uint32_t request;                 /* of the last question */
	uint32_t open[CALL_OPEN_MAX + 1]; /* those waited for, and a nudge */
	unsigned open_count;
	struct question nudge; /* type 0: none; see call_be_patient */
	uint32_t nudged;       /* its request while it is open, else 0 */
	struct lane lane;                 /* of the daemon found */
	bool found;
	bool reached; /* by any lane of the last look */
	uint16_t silent_port;
	struct answer_welcome welcome;
	int64_t heard_ms;
	/* While looking: everybody tried so far. */
	struct found *sockets; /* owned */
	size_t socket_count;
	struct lane *lanes; /* owned, socket_count */
	size_t lane_count;
};

enum heard {
	HEARD_NOTHING, /* no whole frame yet, or one for nobody */
	HEARD_WELCOME,
	HEARD_ANSWER,
	HEARD_FAILURE, /* *why says what; the lane is of no more use */
};

/* call.c: the question with the next request id, packed and open; 0 or -1. */
int call_pack(struct call *c, const struct question *q, uint8_t *out,
	      size_t max, size_t *count, struct failure *why);
bool call_is_open(const struct call *c, uint32_t request);
/* What an open lane waits for, and what to do when poll() has said. */
struct pollfd call_pollfd(const struct lane *l);
void call_polled(struct call *c, struct lane *l, short revents);

/* call_look.c: let go of everybody tried but the daemon found. */
void call_stop_looking(struct call *c);

/* call_hear.c: the next frame of a lane that matters. */
enum heard call_hear(struct call *c, struct lane *l, struct question *q,
		     struct failure *why);
/* Sentences for *why; always -1. */
int call_timed_out(const struct call *c, const struct lane *l,
		   struct failure *why);
int call_refused(const struct question *q, const struct lane *l,
		 struct failure *why);

#endif
