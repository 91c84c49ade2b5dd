/*
 * main.c: photo-decode: a question, an answer, and again, in a sandbox.
 *
 * Started by photod with a socket as descriptor 0; for people it is of no use.
 * It may be killed at any time, and ends by itself when photod does.
 */
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"
#include "sandbox.h"

/* Longer than photod waits: this is for when there is no photod any more. */
#define ANSWER_S 15

static struct answer answer;
static struct answer cut_short; /* written before it is needed */

static bool
say(const struct answer *a)
{
	size_t at = 0;

	while (at < a->bytes) {
		ssize_t n = write(STDIN_FILENO, a->frame + at, a->bytes - at);

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/*
 * A mapped file has become shorter, or its disk gives it back no more.  That is
 * no crime of the file's, so it is said; but where this struck nobody knows what
 * was half done, so it is the end.
 */
static void
on_bus_error(int signal)
{
	(void)signal;
	(void)say(&cut_short);
	_exit(0);
}

/* One question with its descriptor; false at the end, or on anything odd. */
static bool
hear(enum decode_question *q, uint64_t *file_bytes, int *fd)
{
	uint8_t ask[DECODE_ASK_FRAME_BYTES];
	struct iovec v = {.iov_base = ask, .iov_len = sizeof(ask)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control.room,
			   .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c;
	struct frame f;

	/* It is written at once, so it comes at once. */
	if (recvmsg(STDIN_FILENO, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC) !=
	    (ssize_t)sizeof(ask))
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return false;
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return frame_peek(ask, sizeof(ask), DECODE_ASK_BYTES, &f) ==
		       FRAME_READY &&
	       decode_ask_parse(f.body, f.body_bytes, q, file_bytes);
}

static void
serve(void)
{
	enum decode_question q;
	uint64_t file_bytes;
	int fd;

	answer_ready(&answer);
	while (say(&answer) && hear(&q, &file_bytes, &fd)) {
		alarm(ANSWER_S);
		answer_question(&answer, q, fd, file_bytes);
		alarm(0);
		close(fd);
	}
}

int
main(void)
{
	struct sigaction bus = {.sa_handler = on_bus_error};
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == -1 || !S_ISSOCK(st.st_mode)) {
		fputs("photo-decode is started by photod, and reads pictures "
		      "for it.\n", stderr);
		return 2;
	}
	sandbox_prepare();
	/* Each arena takes 64 MiB of the address space there is. */
	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_DFL);
	answer_unreadable(&cut_short);
	if (answer_start() == -1 || sigaction(SIGBUS, &bus, NULL) == -1 ||
	    sandbox_enter() == -1)
		return 1;
	serve();
	/* Not through exit(): there is nothing to tidy that the kernel does not. */
	_exit(0);
}
