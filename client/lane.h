/*
 * lane.h: one connection to one daemon, while several may be tried at once.
 *
 * Bytes out, frames in, never blocking; who waits, for how long and for whom
 * is call*.c's affair.
 */
#ifndef PHOTO_LANE_H
#define PHOTO_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "find.h"
#include "frame.h"

#define LANE_FDS_MAX  CLIENT_FDS_MAX
#define LANE_NAME_MAX 79u

struct tunnel;

enum lane_state {
	LANE_KNOCKING, /* its queue of callers is full: try again soon */
	LANE_OPEN,
	LANE_CLOSED, /* nobody there, or it hung up */
};

struct lane {
	enum lane_state state;
	int fd; /* -1 when closed */
	struct found where;
	char name[LANE_NAME_MAX + 1]; /* for sentences: "port 5000" */
	struct tunnel *tunnel;        /* owned, with its fd; NULL: a socket */
	bool welcomed;
	bool reached; /* was open once */
	uint8_t *in;  /* owned */
	size_t in_used, in_capacity;
	size_t taken; /* at the front, handed out as a frame */
	uint8_t *out; /* owned */
	size_t out_used, out_sent;
	/* Descriptors on their way, oldest first: each goes with the byte of
	 * `out` at which its frame begins. */
	struct lane_fd {
		int fd; /* owned */
		size_t at;
	} fds[LANE_FDS_MAX];
	unsigned fd_count;
};

void lane_init(struct lane *l, const struct found *where);
void lane_adopt(struct lane *l, int fd, uint16_t port);
/* The same through a tunnel to a daemon called `name`; the lane's from now on.
 * No descriptor can travel there. */
void lane_adopt_tunnel(struct lane *l, struct tunnel *t, const char *name);
void lane_release(struct lane *l);

/* Connect, or try again. */
void lane_knock(struct lane *l);
/* Queue bytes and send what can be sent.  False: out of memory. */
bool lane_send(struct lane *l, const uint8_t *bytes, size_t count);
/* The same, with a descriptor that goes with the first of them; it is the
 * caller's still, who may close it at once.  False also when LANE_FDS_MAX are
 * waiting to go. */
bool lane_send_fd(struct lane *l, const uint8_t *bytes, size_t count, int fd);
bool lane_wants_to_write(const struct lane *l);
void lane_write(struct lane *l);
/* There is something to be read of which poll() knows nothing. */
bool lane_pending(const struct lane *l);
/* Read what there is; true if anything came. */
bool lane_read(struct lane *l);
/*
 * The next whole frame, borrowed until the next lane call.  FRAME_BROKEN
 * closes the lane.
 */
enum frame_verdict lane_take(struct lane *l, struct frame *out);

#endif
