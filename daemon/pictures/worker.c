/*
 * worker.c: one photo-decode process, from its start to its end.
 *
 * It is started by posix_spawn, which is safe in a program of many threads, with
 * nothing but a socket: all our descriptors are close-on-exec, and it closes
 * what it does not know.  It ends by SIGKILL, by its number, and is waited for
 * at once, so there are neither strangers hit nor zombies.  When this process
 * dies the socket's end tells it.  (Not PR_SET_PDEATHSIG: that is sent when the
 * *thread* that started it ends, and job threads come and go.)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "trouble.h"
#include "workers_private.h"

/* Nothing of our environment concerns it but where libraries are. */
#define PASSED_ON_MAX 4

static void
environment(const char *out[PASSED_ON_MAX + 2], char room[PASSED_ON_MAX][512])
{
	static const char *const names[PASSED_ON_MAX] = {
		"LD_LIBRARY_PATH",
#ifdef PHOTOMESH_TEST_HOOKS
		"ASAN_OPTIONS", "UBSAN_OPTIONS", "PHOTOMESH_DECODE_LOG",
#endif
	};
	unsigned used = 0;

	out[used++] = "LC_ALL=C.UTF-8";
	for (unsigned i = 0; i < PASSED_ON_MAX && names[i] != NULL; i++) {
		const char *value = getenv(names[i]);

		if (value == NULL ||
		    snprintf(room[i], sizeof(room[i]), "%s=%s", names[i],
			     value) >= (int)sizeof(room[i]))
			continue;
		out[used++] = room[i];
	}
	out[used] = NULL;
}

/* Whoever asks may have blocked every signal, as the pools' threads do. */
static int
spawn_attributes(posix_spawnattr_t *a)
{
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	if ((r = posix_spawnattr_init(a)) != 0)
		return r;
	(void)posix_spawnattr_setsigmask(a, &none);
	(void)posix_spawnattr_setsigdefault(a, &usual);
	/* A group of its own: Ctrl-C is for us, and no fault of a file. */
	(void)posix_spawnattr_setpgroup(a, 0);
	(void)posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF |
						  POSIX_SPAWN_SETPGROUP);
	return 0;
}

static int
spawn(const char *program, int socket, pid_t *pid)
{
	static const char nowhere[] = "/dev/null";
	const char *argv[] = {program, NULL}, *env[PASSED_ON_MAX + 2];
	char room[PASSED_ON_MAX][512];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r;

	environment(env, room);
	if ((r = posix_spawn_file_actions_init(&files)) != 0)
		return r;
	if ((r = spawn_attributes(&attributes)) != 0)
		goto destroy_files;
	r = posix_spawn_file_actions_adddup2(&files, socket, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO,
						     nowhere, O_WRONLY, 0);
#ifdef PHOTOMESH_TEST_HOOKS
	if (getenv("PHOTOMESH_DECODE_LOG") == NULL)
#endif
	/* What libraries have to say is a stranger's doing. */
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&files, STDERR_FILENO,
						     nowhere, O_WRONLY, 0);
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
	/* Ours are close-on-exec; those that somebody left us may not be.  (It
	 * closes them itself as well, but somewhat later.) */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, 3);
#endif
#endif
	if (r == 0)
		r = posix_spawn(pid, program, &files, &attributes,
				(char *const *)argv, (char *const *)env);
	posix_spawnattr_destroy(&attributes);
destroy_files:
	posix_spawn_file_actions_destroy(&files);
	return r;
}

/* A process that has not said anything yet. */
static int
worker_start(struct worker *k, struct trouble *why)
{
	struct workers *w = k->pool;
	int ends[2], r;
	bool closing;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return trouble_errno(why, errno, "no socket for photo-decode");
	r = spawn(w->program, ends[1], &pid);
	close(ends[1]);
	if (r != 0) {
		close(ends[0]);
		return trouble_errno(why, r, "cannot start %s", w->program);
	}
	k->fd = ends[0];
	k->asked = 0;
	k->busy_ms = 0;
	k->frame_bytes = 0;
	pthread_mutex_lock(&w->lock);
	k->pid = pid;
	closing = w->closing;
	pthread_mutex_unlock(&w->lock);
	if (!closing)
		return 0;
	worker_end(k, NULL);
	return trouble_set(why, 0, "the daemon is stopping");
}

void
worker_end(struct worker *k, int *status)
{
	struct workers *w = k->pool;
	pid_t pid;
	int how = 0;

	pthread_mutex_lock(&w->lock);
	pid = k->pid;
	k->pid = 0; /* from here on nobody else kills this number */
	pthread_mutex_unlock(&w->lock);
	if (status != NULL)
		*status = 0;
	if (pid == 0)
		return;
	close(k->fd);
	k->fd = -1;
	/* One that is dying of something keeps that as its cause. */
	kill(pid, SIGKILL);
	while (waitpid(pid, &how, 0) == -1 && errno == EINTR)
		;
	if (status != NULL)
		*status = how;
}

/* Between questions a worker is silent; one that is not is no good. */
static bool
worker_quiet(const struct worker *k)
{
	char byte;

	return recv(k->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	       errno == EAGAIN;
}

static int
worker_await_ready(struct worker *k, struct trouble *why)
{
	uint64_t deadline = clock_steady_ms() + DECODE_DEADLINE_MS;
	size_t bytes;

	if (worker_hear(k, deadline, &bytes) == WORKER_SAID && bytes == 1 &&
	    k->frame[FRAME_HEADER_BYTES] == DECODE_REPLY_READY)
		return 0;
	worker_end(k, NULL);
	return trouble_set(why, 0, "%s does not work here", k->pool->program);
}

int
worker_ready(struct worker *k, struct trouble *why)
{
	struct workers *w = k->pool;
	bool paused;

	if (k->pid != 0 && (k->asked >= w->questions_max ||
			    k->busy_ms >= WORKER_BUSY_MS_MAX ||
			    !worker_quiet(k)))
		worker_end(k, NULL);
	if (k->pid != 0)
		return 0;
	pthread_mutex_lock(&w->lock);
	paused = clock_steady_ms() < w->not_before_ms;
	pthread_mutex_unlock(&w->lock);
	if (paused)
		return trouble_set(why, 0, "%s could not be started",
				   w->program);
	if (worker_start(k, why) == 0 && worker_await_ready(k, why) == 0)
		return 0;
	pthread_mutex_lock(&w->lock);
	w->not_before_ms = clock_steady_ms() + WORKER_PAUSE_MS;
	pthread_mutex_unlock(&w->lock);
	return -1;
}

/* ---- talking ------------------------------------------------------------ */

int
worker_send(struct worker *k, enum decode_question q, int fd,
	    uint64_t file_bytes)
{
	uint8_t frame[DECODE_ASK_FRAME_BYTES];
	struct iovec v = {.iov_base = frame, .iov_len = sizeof(frame)};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control.room,
			   .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t sent;

	decode_ask_pack(q, file_bytes, frame);
	memset(control.room, 0, sizeof(control.room));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	k->frame_bytes = 0;
	/* A socket that nobody has written to takes 13 bytes. */
	do
		sent = sendmsg(k->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent == -1 && errno == EINTR);
	return sent == (ssize_t)sizeof(frame) ? 0 : -1;
}

/* Not a byte more is read than the frame that is due has; descriptors that a
 * worker might send are dropped by the kernel, as nobody makes room for them. */
enum worker_heard
worker_hear(struct worker *k, uint64_t deadline, size_t *body_bytes)
{
	struct frame f;

	for (;;) {
		struct pollfd p = {.fd = k->fd, .events = POLLIN};
		enum frame_verdict v =
			frame_peek(k->frame, k->frame_bytes,
				   DECODE_ANSWER_BYTES_MAX, &f);
		uint64_t now = clock_steady_ms();
		ssize_t got;

		if (v == FRAME_BROKEN)
			return WORKER_NONSENSE;
		if (v == FRAME_READY) {
			*body_bytes = f.body_bytes;
			return WORKER_SAID;
		}
		if (now >= deadline)
			return WORKER_SILENT;
		if (poll(&p, 1, (int)(deadline - now)) <= 0)
			continue; /* a signal, or the deadline */
		got = read(k->fd, k->frame + k->frame_bytes,
			   f.want_bytes - k->frame_bytes);
		if (got == 0 || (got == -1 && errno != EINTR))
			return WORKER_ENDED;
		if (got > 0)
			k->frame_bytes += (size_t)got;
	}
}
