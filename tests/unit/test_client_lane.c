/*
 * Several questions on one connection, descriptors among them.  What is proved:
 * answers are matched by request id in whatever order, closed questions are
 * passed over, a slow answer is awaited while the daemon answers a nudge and
 * no longer, and each descriptor arrives with its own frame although the socket
 * takes only a few bytes at a time.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "call.h"
#include "failure.h"
#include "frame.h"
#include "lane.h"

static int ours, theirs;

static int
setup(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == -1)
		return -1;
	ours = pair[0];
	theirs = pair[1];
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return close(theirs);
}

static struct call *
new_call(int64_t silence_ms)
{
	struct call_settings s = {.silence_ms = silence_ms};
	struct call *c = call_new(&s);

	assert_non_null(c);
	assert_int_equal(call_adopt_fd(c, ours, 24010), 0);
	return c;
}

/* The daemon says: files = `mark`, or an error. */
static void
say(uint32_t request, uint32_t type, uint64_t mark)
{
	struct question a = {.type = type, .request = request};
	uint8_t out[512];
	size_t n;

	if (type == MESSAGE_ERROR)
		a.u.error.code = ERROR_NOT_FOUND;
	else
		a.u.progress.files = mark;
	n = question_encode(&a, out, sizeof(out));
	assert_true(n > 0);
	assert_int_equal(send(theirs, out, n, 0), n);
}

static uint32_t
ask(struct call *c, int fd)
{
	struct question q = {.type = CLIENT_RESCAN};
	struct failure why;
	uint32_t request;

	assert_int_equal(call_send(c, &q, fd, &request, &why), 0);
	return request;
}

static void
test_answers_find_their_questions(void **state)
{
	struct call *c = new_call(1000);
	struct question a;
	struct failure why;
	uint32_t x = ask(c, -1), y = ask(c, -1), z = ask(c, -1);

	(void)state;
	assert_int_equal(call_open_count(c), 3);
	say(z, CLIENT_PROGRESS, 1);
	say(77, CLIENT_PROGRESS, 2); /* nobody asked */
	say(x, CLIENT_PROGRESS, 3);
	say(z, MESSAGE_ERROR, 0);
	say(z, CLIENT_PROGRESS, 4); /* after its end */
	say(y, CLIENT_PROGRESS, 5);
	assert_int_equal(call_next(c, 0, &a, &why), 1);
	assert_int_equal(a.request, z);
	assert_int_equal(call_next(c, 0, &a, &why), 1);
	assert_int_equal(a.request, x);
	assert_int_equal(a.u.progress.files, 3);
	assert_int_equal(call_next(c, 0, &a, &why), 1);
	assert_int_equal(a.type, MESSAGE_ERROR);
	assert_int_equal(call_failure(c, &a, &why), -1);
	assert_int_equal(why.ending, ENDING_NOT_FOUND);
	call_close(c, y);
	assert_int_equal(call_next(c, 0, &a, &why), 0);
	assert_int_equal(call_open_count(c), 1);
	call_free(c);
}

static void
test_no_more_than_may_be_open(void **state)
{
	struct call *c = new_call(1000);
	struct question q = {.type = CLIENT_RESCAN};
	struct failure why;
	uint32_t request = 0;

	(void)state;
	for (unsigned i = 0; i < CALL_OPEN_MAX; i++)
		request = ask(c, -1);
	assert_int_equal(call_send(c, &q, -1, &request, &why), -1);
	call_close(c, request);
	ask(c, -1);
	call_free(c);
}

/* Three nudges answered, then silence. */
static void
test_patience(void **state)
{
	struct call *c = new_call(300);
	struct question nudge = {.type = CLIENT_STATUS}, a, q;
	struct question_decoder *d = question_decoder_new();
	struct failure why;
	unsigned nudges = 0;
	uint8_t in[4096];
	int r;

	(void)state;
	call_be_patient(c, &nudge);
	ask(c, -1);
	while ((r = call_next(c, 20, &a, &why)) == 0) {
		ssize_t n = recv(theirs, in, sizeof(in), 0);
		struct frame f;

		for (size_t at = 0; n > 0 && at < (size_t)n;
		     at += f.want_bytes) {
			assert_int_equal(frame_peek(in + at, (size_t)n - at,
						    CLIENT_BODY_BYTES_MAX, &f),
					 FRAME_READY);
			assert_int_equal(question_decode(d, f.body,
							 f.body_bytes, &q,
							 NULL),
					 MESSAGE_OK);
			if (q.type == CLIENT_STATUS && ++nudges <= 3)
				say(q.request, CLIENT_PROGRESS, 0);
		}
	}
	assert_int_equal(r, -1);
	assert_int_equal(why.ending, ENDING_TIMED_OUT);
	assert_int_equal(nudges, 4);
	question_decoder_free(d);
	call_free(c);
}

/* A frame whose body is all `mark`, and a descriptor that holds `mark`. */
static void
send_marked(struct lane *l, uint8_t mark, bool with_fd)
{
	uint8_t frame[1000] = {0, 0, 0x03, 0xe4};
	int fd;

	memset(frame + 4, mark, sizeof(frame) - 4);
	if (!with_fd) {
		assert_true(lane_send(l, frame, sizeof(frame)));
		return;
	}
	fd = memfd_create("t", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &mark, 1), 1);
	assert_true(lane_send_fd(l, frame, sizeof(frame), fd));
	close(fd);
}

/* Read a little; how much.  A descriptor that came is held against `at`. */
static size_t
receive(size_t at, unsigned *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[97], mark = 0;
	struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(theirs, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *h;
	int fd;

	if (n <= 0) {
		assert_int_equal(errno, EAGAIN);
		return 0;
	}
	assert_false(m.msg_flags & MSG_CTRUNC);
	if ((h = CMSG_FIRSTHDR(&m)) != NULL) {
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
		assert_int_equal(pread(fd, &mark, 1, 0), 1);
		close(fd);
		/* Its frame's first byte is among these. */
		assert_in_range(mark * 1000u, at, at + (size_t)n - 1);
		++*fds;
	}
	return (size_t)n;
}

static void
test_descriptors_go_with_their_frames(void **state)
{
	struct lane l;
	int small = 1; /* the kernel makes some 4 KiB of it */
	unsigned fds = 0;
	size_t at = 0, got;

	(void)state;
	setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	lane_adopt(&l, ours, 24010);
	for (uint8_t i = 0; i < LANE_FDS_MAX; i++)
		send_marked(&l, i, i % 4 != 3);
	assert_true(lane_wants_to_write(&l));
	assert_true(l.fd_count > 0);
	while (at < LANE_FDS_MAX * 1000) {
		got = receive(at, &fds);
		at += got;
		if (got == 0) {
			assert_true(lane_wants_to_write(&l));
			lane_write(&l);
		} else if (at % 3 == 0) {
			lane_write(&l);
		}
	}
	assert_int_equal(fds, LANE_FDS_MAX - LANE_FDS_MAX / 4);
	assert_int_equal(l.fd_count, 0);
	lane_release(&l);
}

static void
test_descriptors_are_let_go_of(void **state)
{
	struct lane l;
	int small = 1, before = dup(0), after;
	bool full = false;

	(void)state;
	close(before);
	setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	lane_adopt(&l, ours, 24010);
	for (unsigned i = 0; i < 64 && !full; i++) {
		uint8_t frame[1000] = {0};

		full = !lane_send_fd(&l, frame, sizeof(frame), theirs);
	}
	assert_true(full); /* never more than that wait */
	assert_int_equal(l.fd_count, LANE_FDS_MAX);
	lane_release(&l);
	after = dup(0); /* the lowest free one: `ours` itself at most */
	close(after);
	assert_true(after <= before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_find_their_questions),
		TEST(test_no_more_than_may_be_open),
		TEST(test_patience),
		TEST(test_descriptors_go_with_their_frames),
		TEST(test_descriptors_are_let_go_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
