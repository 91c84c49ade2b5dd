/*
 * call.c: asking the daemon found, and waiting for it.
 *
 * call_look.c finds the daemon, call_hear.c judges what it says; here the call
 * begins and ends, questions get their numbers, and a wait ends with an
 * answer, with silence or with Ctrl-C.
 */
#include "call_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the clock and Ctrl-C --------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void
call_catch_interrupt(void)
{
	struct sigaction sa = {.sa_handler = on_interrupt}, was;

	sigaction(SIGINT, &sa, NULL); /* no SA_RESTART: waits must end */
	sa.sa_flags = SA_RESETHAND;   /* at the latest the second one ends it */
	sigaction(SIGTERM, &sa, NULL);
	/* Under nohup it is nothing. */
	if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
}

bool
call_interrupted(void)
{
	return interrupted != 0;
}

int
call_await_input(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	sigset_t with, before;
	int r = -1;

	/* Blocked, or a Ctrl-C between the look and the wait would be lost. */
	sigemptyset(&with);
	sigaddset(&with, SIGINT);
	sigaddset(&with, SIGTERM);
	sigaddset(&with, SIGHUP);
	sigprocmask(SIG_BLOCK, &with, &before);
	while (!call_interrupted() &&
	       (r = ppoll(&p, 1, NULL, &before)) == -1 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r == 1 && !call_interrupted() ? 0 : -1;
}

int64_t
call_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the call --------------------------------------------------------- */

struct call *
call_new(const struct call_settings *settings)
{
	struct call *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->settings = *settings;
	c->request = HELLO_REQUEST;
	c->lane.fd = -1;
	if ((c->decoder = question_decoder_new()) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void
call_free(struct call *c)
{
	if (c == NULL)
		return;
	call_stop_looking(c);
	lane_release(&c->lane);
	question_decoder_free(c->decoder);
	free(c);
}

int
call_adopt_fd(struct call *c, int fd, uint16_t port)
{
	lane_release(&c->lane);
	lane_adopt(&c->lane, fd, port);
	c->found = true;
	c->heard_ms = call_now_ms();
	return 0;
}

uint16_t
call_port(const struct call *c)
{
	return c->lane.where.port;
}

const char *
call_name(const struct call *c)
{
	return c->lane.name;
}

uint16_t
call_silent_port(const struct call *c)
{
	return c->silent_port;
}

const struct answer_welcome *
call_welcome(const struct call *c)
{
	return &c->welcome;
}

bool
call_reached(const struct call *c)
{
	return c->reached;
}

/* ---- asking ----------------------------------------------------------- */

bool
call_is_open(const struct call *c, uint32_t request)
{
	for (unsigned i = 0; i < c->open_count; i++) {
		if (c->open[i] == request)
			return true;
	}
	return false;
}

unsigned
call_open_count(const struct call *c)
{
	return c->open_count - (c->nudged != 0);
}

void
call_close(struct call *c, uint32_t request)
{
	for (unsigned i = 0; i < c->open_count; i++) {
		if (c->open[i] == request) {
			c->open[i] = c->open[--c->open_count];
			return;
		}
	}
}

void
call_close_all(struct call *c)
{
	c->open_count = 0;
	c->nudged = 0;
}

int
call_pack(struct call *c, const struct question *q, uint8_t *out, size_t max,
	  size_t *count, struct failure *why)
{
	struct question numbered = *q;

	numbered.request = ++c->request;
	if ((*count = question_encode(&numbered, out, max)) == 0)
		return failure_set(why, ENDING_USAGE,
				   "the question is too long");
	c->open[c->open_count++] = numbered.request;
	return 0;
}

/* Small questions are packed on the stack, the others on the heap. */
static int
send_question(struct call *c, const struct question *q, int fd,
	      struct failure *why)
{
	uint8_t small[QUESTION_BYTES_MAX], *bytes = small;
	size_t max = sizeof(small), count;
	bool sent;
	int r = -1;

	if (q->type == CLIENT_HAVE) {
		max = FRAME_HEADER_BYTES + CLIENT_BODY_BYTES_MAX;
		if ((bytes = malloc(max)) == NULL)
			return failure_set(why, ENDING_FAILED, "out of memory");
	}
	if (call_pack(c, q, bytes, max, &count, why) == -1)
		goto free_bytes;
	sent = fd == -1 ? lane_send(&c->lane, bytes, count)
			: lane_send_fd(&c->lane, bytes, count, fd);
	if (!sent) {
		call_close(c, c->request);
		failure_set(why, ENDING_FAILED,
			    "the question could not be sent: %s",
			    strerror(errno));
		goto free_bytes;
	}
	r = 0;
free_bytes:
	if (bytes != small)
		free(bytes);
	return r;
}

int
call_ask(struct call *c, const struct question *q, struct failure *why)
{
	call_close_all(c);
	c->heard_ms = call_now_ms();
	return send_question(c, q, -1, why);
}

int
call_send(struct call *c, const struct question *q, int fd, uint32_t *request,
	  struct failure *why)
{
	if (call_open_count(c) == CALL_OPEN_MAX)
		return failure_set(why, ENDING_FAILED, "too many questions");
	if (call_open_count(c) == 0)
		c->heard_ms = call_now_ms();
	if (send_question(c, q, fd, why) == -1)
		return -1;
	*request = c->request;
	return 0;
}

void
call_be_patient(struct call *c, const struct question *q)
{
	c->nudge = *q;
}

void
call_touch(struct call *c)
{
	c->heard_ms = call_now_ms();
}

/* ---- waiting ---------------------------------------------------------- */

struct pollfd
call_pollfd(const struct lane *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	if (lane_wants_to_write(l))
		p.events |= POLLOUT;
	return p;
}

void
call_polled(struct call *c, struct lane *l, short revents)
{
	if ((revents & POLLOUT) != 0)
		lane_write(l);
	if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 && lane_read(l))
		c->heard_ms = call_now_ms();
}

/* Silent for long: a question that any living daemon answers at once. */
static int
nudge(struct call *c, int64_t now, int64_t *until, struct failure *why)
{
	int64_t at = c->heard_ms + c->settings.silence_ms / 3;

	if (c->nudge.type == 0 || c->nudged != 0)
		return 0;
	if (now < at) {
		if (at < *until)
			*until = at;
		return 0;
	}
	if (send_question(c, &c->nudge, -1, why) == -1)
		return -1;
	c->nudged = c->request;
	return 0;
}

/* Wait for bytes of the daemon found, not longer than until_ms. */
static int
await_bytes(struct call *c, int64_t until_ms, struct failure *why)
{
	int64_t now = call_now_ms(), silent_ms = INT64_MAX, wait;
	struct pollfd p;
	int n;

	if (c->lane.state != LANE_OPEN)
		return failure_set(why, ENDING_NO_DAEMON,
				   "the daemon on %s ended before it had "
				   "answered; ask again",
				   call_name(c));
	if (c->settings.silence_ms >= 0) {
		silent_ms = c->heard_ms + c->settings.silence_ms;
		if (silent_ms < until_ms)
			until_ms = silent_ms;
		if (nudge(c, now, &until_ms, why) == -1)
			return -1;
	}
	if (lane_pending(&c->lane)) {
		call_polled(c, &c->lane, POLLIN);
		return 0;
	}
	p = call_pollfd(&c->lane);
	wait = until_ms - now;
	wait = wait < 0 ? 0 : wait > POLL_MS_MAX ? POLL_MS_MAX : wait;
	n = poll(&p, 1, (int)wait);
	if (n < 0 && errno != EINTR)
		return failure_set(why, ENDING_FAILED, "poll: %s",
				   strerror(errno));
	if (call_interrupted())
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	if (n > 0)
		call_polled(c, &c->lane, p.revents);
	else if (n == 0 && call_now_ms() >= silent_ms)
		return call_timed_out(c, &c->lane, why);
	return 0;
}

/* Was it the answer to our nudge?  Then it has served. */
static bool
was_nudge(struct call *c, const struct question *answer)
{
	if (c->nudged == 0 || answer->request != c->nudged)
		return false;
	call_close(c, c->nudged);
	c->nudged = 0;
	return true;
}

int
call_next(struct call *c, int64_t wait_ms, struct question *answer,
	  struct failure *why)
{
	int64_t until = wait_ms < 0 ? INT64_MAX : call_now_ms() + wait_ms;
	bool waited = false;

	for (;;) {
		switch (call_hear(c, &c->lane, answer, why)) {
		case HEARD_WELCOME:
			continue;
		case HEARD_NOTHING:
			break;
		case HEARD_FAILURE:
			return -1;
		case HEARD_ANSWER:
			if (was_nudge(c, answer))
				continue;
			if (answer->type == MESSAGE_ERROR)
				call_close(c, answer->request);
			return 1;
		}
		if (waited && call_now_ms() >= until)
			return 0;
		waited = true;
		if (await_bytes(c, until, why) == -1)
			return -1;
	}
}

int
call_await(struct call *c, struct question *answer, struct failure *why)
{
	if (call_next(c, -1, answer, why) == -1)
		return -1;
	return answer->type == MESSAGE_ERROR ? call_failure(c, answer, why) : 0;
}

int
call_ask_on(struct call *c, const struct question *q, struct question *answer,
	    struct failure *why)
{
	bool chosen = c->settings.port != 0 || c->settings.connect != NULL;
	int r = call_ask(c, q, why);

	if (r == 0)
		r = call_next(c, chosen ? -1 : CALL_SILENT_MS, answer, why);
	if (r == 1)
		return answer->type == MESSAGE_ERROR
			       ? call_failure(c, answer, why)
			       : 0;
	if (r == -1 && (chosen || c->lane.state != LANE_CLOSED))
		return -1;
	return call_open(c, q, answer, why);
}

int
call_failure(const struct call *c, const struct question *error,
	     struct failure *why)
{
	return call_refused(error, &c->lane, why);
}

int
call_expect(const struct question *answer, uint32_t want, struct failure *why)
{
	if (answer->type == want)
		return 0;
	return failure_set(why, ENDING_FAILED,
			   "the daemon answered with a message of type %u, "
			   "not %u",
			   answer->type, want);
}

int
call_once(struct call *c, const struct question *q, uint32_t want,
	  struct question *answer, struct failure *why)
{
	if (call_open(c, q, answer, why) == -1)
		return -1;
	return call_expect(answer, want, why);
}
