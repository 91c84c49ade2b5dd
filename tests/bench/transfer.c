/*
 * transfer: how fast photos come from another daemon, and from the own one.
 *
 * Two daemons, one with photos: BIG (files of 4 to 8 MB) and SMALL (20 to 60
 * KB), in memory where the machine has such a place.  `photo get` as a whole
 * process, from start to end, stands beside what is done without us in the same
 * run: a plain copy with fsync, and a bare copier over TLS.  Meanwhile a client
 * asks the fetching daemon for the first page of its list again and again, and
 * both daemons' memory is watched.
 *
 * Usage: transfer PHOTOD PHOTO [BIG-FILES [SMALL-FILES]]
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"
#include "transfer.h"
#include "world.h"

extern char **environ;

static uint64_t made_bytes[2]; /* BIG, SMALL */
static const char *const prefixes[2] = {"big-", "small-"};

/* ---- the photos --------------------------------------------------------- */

static void
make_photos(const struct world *w, unsigned which, unsigned files, size_t least,
	    size_t most)
{
	static uint8_t bytes[8u << 20];
	uint64_t x = 88172645463325252u + which;

	for (size_t i = 0; i < sizeof(bytes); i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(bytes + i, &x, 8);
	}
	memcpy(bytes, "GIF89a", 6);
	for (unsigned i = 0; i < files; i++) {
		size_t count = least + (size_t)(i * 7919u) % (most - least);
		char path[160];
		int fd;

		memcpy(bytes + 8, &i, sizeof(i));
		snprintf(path, sizeof(path), "%s/folder0/%s%05u.gif", w->dir,
			 prefixes[which], i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd == -1 || write(fd, bytes, count) != (ssize_t)count)
			err(1, "%s", path);
		close(fd);
		made_bytes[which] += count;
	}
}

/* ---- what goes on meanwhile ---------------------------------------------- */

struct meanwhile {
	struct world *w;
	atomic_bool stop;
	struct stats lists;
	size_t rss[2]; /* the greatest seen */
	pthread_t thread;
};

static void *
look(void *arg)
{
	struct meanwhile *m = arg;
	int fd = world_connect(m->w, world_port(m->w, 1));
	const struct timespec pause = {0, 5000000};
	struct question q;

	if (fd == -1)
		errx(1, "cannot ask for the list");
	while (!atomic_load(&m->stop)) {
		double began = stats_now_ms();

		world_list(fd, 100);
		if (!world_answer(m->w, fd, &q) || q.type != CLIENT_PHOTOS)
			errx(1, "no list");
		stats_add(&m->lists, stats_now_ms() - began);
		for (unsigned n = 0; n < 2; n++) {
			size_t rss = world_rss(m->w->pids[n]);

			if (rss > m->rss[n])
				m->rss[n] = rss;
		}
		nanosleep(&pause, NULL);
	}
	close(fd);
	return NULL;
}

/* ---- photo get ------------------------------------------------------------ */

static void
empty(const char *dir)
{
	char *argv[] = {"rm", "-rf", (char *)(uintptr_t)dir, NULL};
	pid_t pid;

	if (posix_spawnp(&pid, "rm", NULL, NULL, argv, environ) != 0)
		err(1, "rm");
	waitpid(pid, NULL, 0);
	if (mkdir(dir, 0700) == -1)
		err(1, "%s", dir);
}

static double
get(struct world *w, const char *photo, unsigned node, const char *prefix,
    const char *to)
{
	posix_spawn_file_actions_t act;
	char port[8];
	double began = stats_now_ms();
	int status;
	pid_t pid;

	snprintf(port, sizeof(port), "%u", world_port(w, node));
	char *argv[] = {(char *)(uintptr_t)photo, "-p", port, "-q", "get",
			(char *)(uintptr_t)prefix, "-o",
			(char *)(uintptr_t)to, NULL};

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, photo, &act, NULL, argv, environ) != 0)
		err(1, "%s", photo);
	posix_spawn_file_actions_destroy(&act);
	if (waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "photo get %s ended with %d", prefix, status);
	return stats_now_ms() - began;
}

static void
tell(const char *what, uint64_t bytes, double ms, const char *beside,
     double beside_ms)
{
	printf("  %-34s %8.0f MB/s", what, (double)bytes / ms / 1000);
	if (beside != NULL)
		printf("   %.2f of %s", beside_ms / ms, beside);
	printf("\n");
}

static void
measure(struct world *w, const char *photo, unsigned which)
{
	static struct meanwhile m;
	const char *prefix = prefixes[which];
	uint64_t bytes = made_bytes[which];
	char from[96], to[96];
	double copy, tls, far, near;

	snprintf(from, sizeof(from), "%s/folder0", w->dir);
	snprintf(to, sizeof(to), "%s/got", w->dir);
	empty(to);
	copy = peers_copy(from, prefix, to);
	empty(to);
	tls = peers_tls(from, prefix, to);
	empty(to);
	memset(&m, 0, sizeof(m));
	m.w = w;
	if (pthread_create(&m.thread, NULL, look, &m) != 0)
		err(1, "thread");
	far = get(w, photo, 1, prefix, to);
	atomic_store(&m.stop, true);
	pthread_join(m.thread, NULL);
	empty(to);
	near = get(w, photo, 0, prefix, to);
	empty(to);

	printf("%s, %.0f MB:\n", which == 0 ? "BIG" : "SMALL",
	       (double)bytes / 1e6);
	tell("plain copy with fsync", bytes, copy, NULL, 0);
	tell("bare copier over TLS", bytes, tls, NULL, 0);
	tell("photo get, from another daemon", bytes, far, "the TLS copier",
	     tls);
	tell("photo get, from the own daemon", bytes, near, "the plain copy",
	     copy);
	printf("  meanwhile: RssAnon holder %.1f MiB, fetcher %.1f MiB; "
	       "first page of the list\n"
	       "  median %.2f ms, 99th %.2f ms (%zu asked)\n",
	       (double)m.rss[0] / (1 << 20), (double)m.rss[1] / (1 << 20),
	       stats_quantile(&m.lists, 0.5), stats_quantile(&m.lists, 0.99),
	       m.lists.count);
}

int
main(int argc, char **argv)
{
	static struct world w;
	unsigned big = argc > 3 ? (unsigned)atoi(argv[3]) : 350;
	unsigned small = argc > 4 ? (unsigned)atoi(argv[4]) : 20000;

	if (argc < 3)
		errx(2, "usage: transfer PHOTOD PHOTO [BIG-FILES "
			"[SMALL-FILES]]");
	signal(SIGPIPE, SIG_IGN);
	world_init(&w, argv[1], 2, 0);
	make_photos(&w, 0, big, 4000000, 8000000);
	make_photos(&w, 1, small, 20000, 60000);
	world_start(&w, 0);
	world_start(&w, 1);
	world_settle(&w, world_port(&w, 0));
	measure(&w, argv[2], 0);
	measure(&w, argv[2], 1);
	world_release(&w);
	return 0;
}
