/*
 * fake_decode.c: a photo-decode that does whatever the file tells it to, good
 * or bad.  For test_pictures_workers.c.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "meta_samples.h"
#include "questions.h"
#include "thumb_sample.h"

static void
say(enum decode_reply reply, const void *bytes, size_t count)
{
	uint8_t frame[FRAME_HEADER_BYTES + DECODE_ANSWER_BYTES_MAX];

	frame_header((uint32_t)(1 + count), frame);
	frame[FRAME_HEADER_BYTES] = (uint8_t)reply;
	if (count > 0)
		memcpy(frame + FRAME_HEADER_BYTES + 1, bytes, count);
	if (write(0, frame, FRAME_HEADER_BYTES + 1 + count) == -1)
		_exit(3);
}

/* The question's descriptor; -1 at the end. */
static int
hear(enum decode_question *q)
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
	uint64_t bytes;
	int fd;

	if (recvmsg(0, &m, MSG_WAITALL) != (ssize_t)sizeof(ask) ||
	    CMSG_FIRSTHDR(&m) == NULL ||
	    !decode_ask_parse(ask + FRAME_HEADER_BYTES, DECODE_ASK_BYTES, q,
			      &bytes))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void
answer_meta(void)
{
	struct record_meta m = meta_sample();
	uint8_t value[META_BYTES_MAX];

	m.decoder = META_DECODER;
	say(DECODE_REPLY_DONE, value,
	    record_meta_pack(&m, value, sizeof(value)));
}

/* A record of a later version, which would outlast all that is found out by
 * this one; and one that has something behind what this version writes. */
static void
answer_newer(void)
{
	struct record_meta m = meta_sample();
	uint8_t value[META_BYTES_MAX];

	m.decoder = UINT32_MAX;
	say(DECODE_REPLY_DONE, value,
	    record_meta_pack(&m, value, sizeof(value)));
}

static void
answer_longer(void)
{
	struct record_meta m = meta_sample();
	uint8_t value[META_BYTES_MAX + 1];
	size_t bytes;

	m.decoder = META_DECODER;
	bytes = record_meta_pack(&m, value, META_BYTES_MAX);
	value[2]++; /* dc 00 16: the number of items */
	value[bytes++] = 0xc0;
	say(DECODE_REPLY_DONE, value, bytes);
}

/* A thumbnail for whoever only looks at its head: a number behind it. */
static void
answer_number(unsigned long number)
{
	uint8_t thumb[128];
	size_t count = thumb_sample(thumb, 1, 1, (uint32_t)number, 9);

	say(DECODE_REPLY_DONE, thumb, count);
}

static unsigned long
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned long count = 0;

	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count - 3; /* ., .. and the directory itself */
}

static void
flood(void)
{
	uint8_t bytes[4096];

	memset(bytes, 0, sizeof(bytes));
	for (;;)
		if (write(0, bytes, sizeof(bytes)) == -1)
			_exit(3);
}

/* A frame of 16 KiB, some bytes now and then. */
static void
trickle(void)
{
	static const uint8_t head[FRAME_HEADER_BYTES] = {0, 0, 0x40, 0};

	if (write(0, head, sizeof(head)) == -1)
		_exit(3);
	for (;;) {
		usleep(10000);
		if (write(0, head, sizeof(head)) == -1)
			_exit(3);
	}
}

static void
obey(const char *order)
{
	if (strcmp(order, "meta") == 0) {
		answer_meta();
	} else if (strcmp(order, "pid") == 0) {
		answer_number((unsigned long)getpid());
	} else if (strcmp(order, "fds") == 0) {
		answer_number(open_descriptors());
	} else if (strcmp(order, "refuse") == 0) {
		say(DECODE_REPLY_REFUSED, "no picture", 10);
	} else if (strcmp(order, "refuse badly") == 0) {
		say(DECODE_REPLY_REFUSED, "\x1b[2J", 4);
	} else if (strcmp(order, "refuse at length") == 0) {
		char text[DECODE_REASON_MAX + 1];

		memset(text, 'x', sizeof(text));
		say(DECODE_REPLY_REFUSED, text, sizeof(text));
	} else if (strcmp(order, "unreadable") == 0) {
		say(DECODE_REPLY_UNREADABLE, "a bad disk", 10);
	} else if (strcmp(order, "hang") == 0) {
		pause();
	} else if (strcmp(order, "die") == 0) {
		raise(SIGKILL);
	} else if (strcmp(order, "exit") == 0) {
		_exit(0);
	} else if (strcmp(order, "flood") == 0) {
		flood();
	} else if (strcmp(order, "trickle") == 0) {
		trickle();
	} else if (strcmp(order, "huge") == 0) {
		if (write(0, "\xff\xff\xff\xff", 4) == -1)
			_exit(3);
		pause();
	} else if (strcmp(order, "cut") == 0) {
		if (write(0, "\0\0\0\x20\x02", 5) == -1)
			_exit(3);
		_exit(0);
	} else if (strcmp(order, "lie") == 0) {
		say(DECODE_REPLY_DONE, "no record", 9);
	} else if (strcmp(order, "newer") == 0) {
		answer_newer();
	} else if (strcmp(order, "longer") == 0) {
		answer_longer();
	} else if (strcmp(order, "ready") == 0) {
		say(DECODE_REPLY_READY, NULL, 0);
	} else if (strcmp(order, "unasked") == 0) {
		answer_meta();
		answer_meta();
	} else if (strcmp(order, "last words") == 0) {
		answer_meta();
		_exit(0);
	}
}

int
main(int argc, char **argv)
{
	enum decode_question q;
	int fd;

	(void)argc;
	if (strstr(argv[0], "mute") != NULL)
		return 1;
	say(DECODE_REPLY_READY, NULL, 0);
	while ((fd = hear(&q)) != -1) {
		char order[64] = "";
		ssize_t bytes = pread(fd, order, sizeof(order) - 1, 0);

		if (bytes >= 0)
			obey(order);
		close(fd);
	}
	return 0;
}
