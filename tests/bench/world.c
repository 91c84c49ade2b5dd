#include "world.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "stats.h"

#define PATIENCE_MS 60000.0

extern char **environ;

static void
pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* The first of 64 ports that nobody listens on. */
static uint16_t
free_block(void)
{
	for (unsigned base = 32000 - 64; base > 20000; base -= 64) {
		unsigned port;

		for (port = base; port < base + 64; port++) {
			struct sockaddr_in a = {.sin_family = AF_INET};
			int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			int one = 1, r;

			a.sin_port = htons((uint16_t)port);
			a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
				   sizeof(one));
			r = bind(fd, (struct sockaddr *)&a, sizeof(a));
			close(fd);
			if (r == -1)
				break;
		}
		if (port == base + 64)
			return (uint16_t)base;
	}
	errx(1, "no free block of ports");
}

static void
make_folder(const struct world *w, unsigned n, unsigned files)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/folder%u", w->dir, n);
	if (mkdir(path, 0700) == -1)
		err(1, "%s", path);
	for (unsigned i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "%s/folder%u/%05u.gif", w->dir, n,
			 i);
		if ((f = fopen(path, "w")) == NULL)
			err(1, "%s", path);
		/* Every fifth photo is held by all. */
		fprintf(f, "GIF89a%u:%u............", i % 5 == 0 ? 99u : n, i);
		fclose(f);
	}
}

static struct world *begun; /* to be ended if the bench fails */

/* A daemon that outlived a failed bench would load what is measured next, and
 * hold whatever lock the bench was started under. */
static void
end_begun(void)
{
	for (unsigned n = 0; begun != NULL && n < begun->count; n++)
		if (begun->pids[n] != 0)
			kill(begun->pids[n], SIGKILL);
}

void
world_init(struct world *w, const char *photod, unsigned nodes,
	   unsigned files_each)
{
	char path[128];

	memset(w, 0, sizeof(*w));
	if (nodes > WORLD_NODES_MAX)
		errx(1, "at most %u nodes", WORLD_NODES_MAX);
	w->photod = photod;
	w->count = nodes;
	if (begun == NULL)
		(void)atexit(end_begun);
	begun = w;
	w->base_port = free_block();
	/* Of memory where there is such a place: no disk is measured here. */
	snprintf(w->dir, sizeof(w->dir), "%s/photomesh-bench.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(w->dir) == NULL)
		err(1, "%s", w->dir);
	snprintf(path, sizeof(path), "%s/run", w->dir);
	if (mkdir(path, 0700) == -1)
		err(1, "%s", path);
	setenv("PHOTOMESH_RUNTIME", path, 1);
	snprintf(path, sizeof(path), "%s/state", w->dir);
	setenv("XDG_STATE_HOME", path, 1);
	snprintf(path, sizeof(path), "%s/config", w->dir);
	setenv("XDG_CONFIG_HOME", path, 1);
	for (unsigned n = 0; n < nodes; n++)
		make_folder(w, n, files_each);
	if ((w->decoder = question_decoder_new()) == NULL)
		errx(1, "out of memory");
}

uint16_t
world_port(const struct world *w, unsigned n)
{
	return (uint16_t)(w->base_port + n - w->first);
}

void
world_start(struct world *w, unsigned n)
{
	posix_spawn_file_actions_t act;
	char port[8], folder[96], log[96], name[16], line[256];
	int out[2];
	ssize_t got;
	int r;

	snprintf(port, sizeof(port), "%u", w->base_port);
	snprintf(folder, sizeof(folder), "%s/folder%u", w->dir, n);
	snprintf(log, sizeof(log), "%s/log%u", w->dir, n);
	snprintf(name, sizeof(name), "node%u", n);
	/* What a bench makes are no pictures: nobody is to look into them. */
	char *argv[] = {(char *)(uintptr_t)w->photod, "-p", port, "--name",
			name, "--decoders", "0", folder,
			(char *)(uintptr_t)w->options[n][0],
			(char *)(uintptr_t)w->options[n][1], NULL};

	if (pipe2(out, O_CLOEXEC) == -1)
		err(1, "pipe");
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, out[1], 1);
	posix_spawn_file_actions_addopen(&act, 2, log,
					 O_WRONLY | O_CREAT | O_APPEND, 0600);
	r = posix_spawn(&w->pids[n], w->photod, &act, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&act);
	if (r != 0) {
		errno = r;
		err(1, "%s", w->photod);
	}
	close(out[1]);
	got = read(out[0], line, sizeof(line) - 1);
	close(out[0]);
	if (got <= 0)
		errx(1, "node %u did not start; see %s", n, log);
	line[got] = '\0';
	snprintf(port, sizeof(port), ":%u ", world_port(w, n));
	if (strstr(line, port) == NULL)
		errx(1, "node %u is not on its port: %s", n, line);
}

void
world_kill(struct world *w, unsigned n)
{
	kill(w->pids[n], SIGKILL);
	waitpid(w->pids[n], NULL, 0);
	w->pids[n] = 0;
}

void
world_stop(struct world *w, unsigned n)
{
	kill(w->pids[n], SIGTERM);
	waitpid(w->pids[n], NULL, 0);
	w->pids[n] = 0;
}

static void
remove_all(char *path)
{
	char *argv[] = {"rm", "-rf", path, NULL};
	pid_t pid;

	if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
}

void
world_state(const struct world *w, unsigned n, char *out, size_t out_bytes)
{
	char pattern[128];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/state/photomesh/folder%u-*",
		 w->dir, n);
	if (glob(pattern, 0, NULL, &g) != 0 || g.gl_pathc != 1)
		errx(1, "no state directory of node %u", n);
	snprintf(out, out_bytes, "%s", g.gl_pathv[0]);
	globfree(&g);
}

void
world_forget(const struct world *w)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/state", w->dir);
	remove_all(path);
}

void
world_release(struct world *w)
{
	for (unsigned n = 0; n < w->count; n++) {
		if (w->pids[n] != 0)
			kill(w->pids[n], SIGTERM);
	}
	for (unsigned n = 0; n < w->count; n++) {
		if (w->pids[n] != 0)
			waitpid(w->pids[n], NULL, 0);
	}
	if (begun == w)
		begun = NULL;
	remove_all(w->dir);
	question_decoder_free(w->decoder);
}

static bool
send_question(int fd, const struct question *q)
{
	uint8_t frame[2048];
	size_t bytes = question_encode(q, frame, sizeof(frame));

	return bytes > 0 && write(fd, frame, bytes) == (ssize_t)bytes;
}

void
world_ask(int fd, uint32_t type)
{
	struct question q = {.type = type, .request = 1};

	if (!send_question(fd, &q))
		errx(1, "cannot ask");
}

void
world_list(int fd, uint32_t limit)
{
	struct question q = {.type = CLIENT_LIST, .request = 1};

	q.u.list.limit = limit;
	if (!send_question(fd, &q))
		errx(1, "cannot ask");
}

static bool
read_whole(int fd, uint8_t *out, size_t want)
{
	while (want > 0) {
		ssize_t got = read(fd, out, want);

		if (got <= 0)
			return false;
		out += got;
		want -= (size_t)got;
	}
	return true;
}

static uint8_t answer_body[ANSWER_BODY_BYTES_MAX];

size_t
world_answer_bytes(int fd)
{
	uint8_t head[FRAME_HEADER_BYTES];
	size_t bytes;

	if (!read_whole(fd, head, sizeof(head)))
		return 0;
	bytes = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
		(size_t)head[2] << 8 | head[3];
	if (bytes > sizeof(answer_body) ||
	    !read_whole(fd, answer_body, bytes))
		return 0;
	return bytes;
}

bool
world_answer(struct world *w, int fd, struct question *out)
{
	size_t bytes = world_answer_bytes(fd);

	return bytes > 0 && question_decode(w->decoder, answer_body, bytes,
					    out, NULL) == MESSAGE_OK;
}

int
world_connect(struct world *w, uint16_t port)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct question q = {.type = CLIENT_HELLO, .request = 1};
	int fd;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/run/photomesh/%u.sock",
		 w->dir, port);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		close(fd);
		return -1;
	}
	q.u.hello.version_min = PROTOCOL_VERSION_MIN;
	q.u.hello.version_max = PROTOCOL_VERSION_MAX;
	snprintf(q.u.hello.software, sizeof(q.u.hello.software), "bench");
	if (!send_question(fd, &q) || !world_answer(w, fd, &q) ||
	    q.type != CLIENT_WELCOME) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
settled(struct world *w, unsigned n, uint16_t leader, unsigned running)
{
	struct question q;
	int fd = world_connect(w, world_port(w, n));
	bool yes;

	if (fd == -1)
		return false;
	world_ask(fd, CLIENT_STATUS);
	yes = world_answer(w, fd, &q) && q.type == CLIENT_STATUS_IS &&
	      q.u.status.coordinator_port == leader &&
	      q.u.status.live == running && q.u.status.synced &&
	      q.u.status.scan != 1 && !q.u.status.fresh.syncing &&
	      (running < w->count || q.u.status.fresh.complete);
	close(fd);
	return yes;
}

void
world_settle(struct world *w, uint16_t leader)
{
	double deadline = stats_now_ms() + PATIENCE_MS;
	unsigned running = 0;

	for (unsigned n = 0; n < w->count; n++)
		running += w->pids[n] != 0;
	for (unsigned n = 0; n < w->count; n++) {
		while (w->pids[n] != 0 && !settled(w, n, leader, running)) {
			if (stats_now_ms() > deadline)
				errx(1, "node %u does not settle; see %s", n,
				     w->dir);
			pause_ms(20);
		}
	}
}

size_t
world_rss(pid_t pid)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %lu", &kib) == 1)
			break;
	}
	fclose(f);
	return (size_t)kib * 1024;
}
