/*
 * call_look.c: finding a daemon, by trying all there are.
 *
 * A race with staggered starts: the lowest port first, the next one when that
 * is silent for a while or gone, and whoever gives the first answer wins.  The
 * first question goes out behind HELLO, so that a daemon that only greets
 * cannot win.
 */
#include "call_private.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "find.h"
#include "tunnel.h"

#define NEXT_AFTER_MS 500
#define KNOCK_MS      50
#define TUNNEL_MS     10000 /* for who waits without end afterwards */

struct greeting {
	uint8_t bytes[QUESTION_BYTES_MAX];
	size_t count;
};

/* HELLO, and the first question behind it. */
static int
write_greeting(struct call *c, const struct question *first, struct greeting *g,
	       struct failure *why)
{
	struct question q = {.type = CLIENT_HELLO, .request = HELLO_REQUEST};
	size_t n;

	q.u.hello.version_min = PROTOCOL_VERSION_MIN;
	q.u.hello.version_max = PROTOCOL_VERSION_MAX;
	snprintf(q.u.hello.software, sizeof(q.u.hello.software), "%s",
		 "photo " PHOTOMESH_VERSION);
	g->count = question_encode(&q, g->bytes, sizeof(g->bytes));
	c->request = HELLO_REQUEST;
	c->open_count = 0;
	c->nudged = 0;
	if (first == NULL)
		return 0;
	if (call_pack(c, first, g->bytes + g->count,
		      sizeof(g->bytes) - g->count, &n, why) == -1)
		return -1;
	g->count += n;
	return 0;
}

/* ---- the lanes -------------------------------------------------------- */

/* Try the next socket; false when all have been. */
static bool
start_lane(struct call *c, const struct greeting *g)
{
	struct lane *l;

	if (c->lane_count == c->socket_count)
		return false;
	l = &c->lanes[c->lane_count];
	lane_init(l, &c->sockets[c->lane_count]);
	c->lane_count++;
	if (l->state == LANE_OPEN)
		lane_send(l, g->bytes, g->count);
	return true;
}

static bool
any_alive(const struct call *c)
{
	for (size_t i = 0; i < c->lane_count; i++) {
		if (c->lanes[i].state != LANE_CLOSED)
			return true;
	}
	return false;
}

/* Try again where the queue of callers was full; when to look next. */
static int64_t
knock_again(struct lane *l, const struct greeting *g, int64_t until_ms)
{
	int64_t next_ms;

	lane_knock(l);
	if (l->state == LANE_OPEN) {
		lane_send(l, g->bytes, g->count);
		return until_ms;
	}
	next_ms = call_now_ms() + KNOCK_MS;
	return next_ms < until_ms ? next_ms : until_ms;
}

/* Wait until a lane has news, or until `until_ms`. */
static void
poll_lanes(struct call *c, const struct greeting *g, int64_t until_ms)
{
	struct pollfd fds[FOUND_MAX];
	struct lane *of[FOUND_MAX];
	nfds_t count = 0;
	int64_t wait;

	for (size_t i = 0; i < c->lane_count; i++) {
		struct lane *l = &c->lanes[i];

		if (l->state == LANE_KNOCKING)
			until_ms = knock_again(l, g, until_ms);
		if (lane_pending(l)) {
			call_polled(c, l, POLLIN);
			return;
		}
		if (l->state != LANE_OPEN)
			continue;
		fds[count] = call_pollfd(l);
		of[count++] = l;
	}
	wait = until_ms - call_now_ms();
	wait = wait < 0 ? 0 : wait > POLL_MS_MAX ? POLL_MS_MAX : wait;
	if (poll(fds, count, (int)wait) <= 0)
		return;
	for (nfds_t i = 0; i < count; i++)
		call_polled(c, of[i], fds[i].revents);
}

/* The lane that wins is moved out of the race. */
static void
win(struct call *c, struct lane *l)
{
	for (struct lane *other = c->lanes; other < l; other++) {
		if (other->state != LANE_CLOSED && c->silent_port == 0)
			c->silent_port = other->where.port;
	}
	lane_release(&c->lane);
	c->lane = *l;
	c->found = c->reached = true;
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->state = LANE_CLOSED;
	call_stop_looking(c);
}

/*
 * Read the lanes in order.  1: one has won; 0: none yet; a lane that failed
 * leaves its reason in *why, for the case that nobody does better.
 */
static int
judge_lanes(struct call *c, bool asked, struct question *answer,
	    struct failure *why, bool *failed)
{
	for (size_t i = 0; i < c->lane_count; i++) {
		struct lane *l = &c->lanes[i];
		enum heard h = HEARD_NOTHING;

		if (l->in_used == 0)
			continue;
		h = call_hear(c, l, answer, why);
		if (h == HEARD_WELCOME) {
			c->welcome = answer->u.welcome;
			if (asked)
				h = call_hear(c, l, answer, why);
		}
		switch (h) {
		case HEARD_NOTHING:
			break;
		case HEARD_WELCOME:
		case HEARD_ANSWER:
			win(c, l);
			return 1;
		case HEARD_FAILURE:
			*failed = true;
			lane_release(l);
			l->in_used = l->taken = 0;
			break;
		}
	}
	return 0;
}

void
call_stop_looking(struct call *c)
{
	for (size_t i = 0; i < c->lane_count; i++) {
		c->reached |= c->lanes[i].reached;
		lane_release(&c->lanes[i]);
	}
	free(c->lanes);
	free(c->sockets);
	c->lanes = NULL;
	c->sockets = NULL;
	c->lane_count = c->socket_count = 0;
}

/* ---- the race --------------------------------------------------------- */

static int
fail_no_daemon(const struct call *c, struct failure *why)
{
	if (c->settings.connect != NULL)
		return failure_set(why, ENDING_NO_DAEMON,
				   "the daemon on %s hung up; ask again",
				   c->settings.connect);
	if (c->settings.port != 0)
		return failure_set(why, ENDING_NO_DAEMON,
				   "no daemon answers on port %u; start one "
				   "with: photod FOLDER",
				   c->settings.port);
	return failure_set(why, ENDING_NO_DAEMON,
			   "no daemon answers on port 5000 or any other; "
			   "start one with: photod FOLDER");
}

static int
look(struct call *c, const struct greeting *g, bool asked,
     struct question *answer, struct failure *why)
{
	int64_t next_ms = call_now_ms();
	bool failed = false;

	c->heard_ms = next_ms;
	for (;;) {
		int64_t now, until;

		while (!any_alive(c)) {
			if (!start_lane(c, g))
				return failed ? -1 : fail_no_daemon(c, why);
			next_ms = call_now_ms() + NEXT_AFTER_MS;
		}
		now = call_now_ms();
		if (now >= next_ms) {
			start_lane(c, g);
			next_ms = now + NEXT_AFTER_MS;
		}
		until = c->lane_count < c->socket_count ? next_ms : INT64_MAX;
		if (c->settings.silence_ms >= 0) {
			if (now - c->heard_ms >= c->settings.silence_ms)
				return call_timed_out(c, &c->lanes[0], why);
			if (until > c->heard_ms + c->settings.silence_ms)
				until = c->heard_ms + c->settings.silence_ms;
		}
		poll_lanes(c, g, until);
		if (call_interrupted())
			return failure_set(why, ENDING_INTERRUPTED, "%s", "");
		if (judge_lanes(c, asked, answer, why, &failed) == 1)
			return 0;
	}
}

/* The only lane there is leads elsewhere. */
static int
dig(struct call *c, const struct greeting *g, struct failure *why)
{
	const struct call_settings *s = &c->settings;
	int64_t patience = s->silence_ms >= 0 ? s->silence_ms : TUNNEL_MS;
	struct tunnel *t;

	if ((c->lanes = calloc(1, sizeof(*c->lanes))) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	t = tunnel_open(s->connect, s->key, call_now_ms() + patience, why);
	if (t == NULL)
		return -1;
	lane_adopt_tunnel(&c->lanes[0], t, s->connect);
	c->lane_count = c->socket_count = 1;
	if (!lane_send(&c->lanes[0], g->bytes, g->count))
		return failure_set(why, ENDING_FAILED, "out of memory");
	return 0;
}

static int
find_lanes(struct call *c, struct failure *why)
{
	if ((c->sockets = calloc(FOUND_MAX, sizeof(*c->sockets))) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	c->socket_count = find_sockets(c->settings.port, c->sockets, FOUND_MAX);
	c->lanes = calloc(c->socket_count + 1, sizeof(*c->lanes));
	if (c->lanes == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	return 0;
}

int
call_open(struct call *c, const struct question *first, struct question *answer,
	  struct failure *why)
{
	struct greeting g;
	struct question mine;
	int r;

	c->found = c->reached = false;
	c->silent_port = 0;
	if (write_greeting(c, first, &g, why) == -1)
		return -1;
	if ((c->settings.connect != NULL ? dig(c, &g, why)
					 : find_lanes(c, why)) == -1) {
		call_stop_looking(c);
		return -1;
	}
	r = look(c, &g, first != NULL, answer != NULL ? answer : &mine, why);
	call_stop_looking(c);
	if (r == 0 && first != NULL && answer->type == MESSAGE_ERROR)
		return call_refused(answer, &c->lane, why);
	return r;
}
