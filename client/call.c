/*
 * call.c: asking the daemon found, and waiting for it.
 *
 * call_look.c finds the daemon, call_hear.c judges what it says; here the call
 * begins and ends, questions get their numbers, and a wait ends with an
 * answer, with silence or with Ctrl-C.
 */
#include "call_private.h"

#include <errno.h>
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
	struct sigaction sa = {.sa_handler = on_interrupt};

	sigaction(SIGINT, &sa, NULL); /* no SA_RESTART: waits must end */
}

bool
call_interrupted(void)
{
	return interrupted != 0;
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

/* ---- asking and waiting ----------------------------------------------- */

int
call_pack(struct call *c, const struct question *q, uint8_t *out, size_t max,
	  size_t *count, struct failure *why)
{
	struct question numbered = *q;

	numbered.request = ++c->request;
	if ((*count = question_encode(&numbered, out, max)) == 0)
		return failure_set(why, ENDING_USAGE,
				   "the question is too long");
	return 0;
}

int
call_ask(struct call *c, const struct question *q, struct failure *why)
{
	uint8_t bytes[QUESTION_BYTES_MAX];
	size_t count;

	if (call_pack(c, q, bytes, sizeof(bytes), &count, why) == -1)
		return -1;
	if (!lane_send(&c->lane, bytes, count))
		return failure_set(why, ENDING_FAILED, "out of memory");
	c->heard_ms = call_now_ms();
	return 0;
}

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

/* Wait for bytes of the daemon found. */
static int
await_bytes(struct call *c, struct failure *why)
{
	struct pollfd p = call_pollfd(&c->lane);
	int64_t wait = -1;

	if (c->lane.state != LANE_OPEN)
		return failure_set(why, ENDING_NO_DAEMON,
				   "the daemon on port %u ended before it had "
				   "answered; ask again",
				   call_port(c));
	if (c->settings.silence_ms >= 0) {
		wait = c->heard_ms + c->settings.silence_ms - call_now_ms();
		if (wait <= 0)
			return call_timed_out(c, call_port(c), why);
		if (wait > POLL_MS_MAX)
			wait = POLL_MS_MAX;
	}
	if (poll(&p, 1, (int)wait) < 0 && errno != EINTR)
		return failure_set(why, ENDING_FAILED, "poll: %s",
				   strerror(errno));
	if (call_interrupted())
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	call_polled(c, &c->lane, p.revents);
	return 0;
}

int
call_await(struct call *c, struct question *answer, struct failure *why)
{
	for (;;) {
		switch (call_hear(c, &c->lane, answer, why)) {
		case HEARD_NOTHING:
		case HEARD_WELCOME:
			break;
		case HEARD_FAILURE:
			return -1;
		case HEARD_ANSWER:
			if (answer->type == MESSAGE_ERROR)
				return call_refused(answer, call_port(c), why);
			return 0;
		}
		if (await_bytes(c, why) == -1)
			return -1;
	}
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
