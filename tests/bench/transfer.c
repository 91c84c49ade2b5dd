/*
 * transfer: how fast photos come from another daemon, and from the own one.
 *
 * One daemon with photos and two without, in memory where the machine has such
 * a place: one of the two is handed the open files, as any daemon of the same
 * user on the same machine is; the other fetches over TLS, as from another
 * machine (--fetch-rate, with a rate beyond all machines, makes it).  BIG (files
 * of 4 to 8 MB); then SMALL (20 to 60 KB) as well.  `photo get` as a
 * whole process, from start to end, stands beside what is done without us in
 * the same run: a plain copy with fsync, a bare copier over TLS, and where they
 * are installed nginx with curl, and Syncthing (beside.py).  Everything is done
 * ROUNDS times and the best taken, after a copy that is not counted: the first
 * touch of memory may cost more than all else.
 *
 * Meanwhile, for either of the two, a client asks the fetching daemon for the first page of its list
 * again and again, both daemons for how long they have not heard of the other
 * (no longer than a heartbeat's period, but for what delays them), and both
 * daemons' memory is watched.
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

#define ROUNDS        3u
#define QUIET_SECONDS 3
#define PERIOD_MS     250u /* of heartbeats, among few nodes */

extern char **environ;

enum { HOLDER, HANDED_TO, TLS_ONLY, NODES };

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
	unsigned asker;
	atomic_bool stop;
	struct stats lists;
	size_t rss[2];      /* the greatest seen */
	uint64_t silent_ms; /* the longest that one had not heard the other */
	pthread_t thread;
};

static int
connect_to(struct world *w, unsigned node)
{
	int fd = world_connect(w, world_port(w, node));

	if (fd == -1)
		errx(1, "cannot ask node %u", node);
	return fd;
}

static uint64_t
silence(struct world *w, int fd)
{
	struct question q;

	world_ask(fd, CLIENT_STATUS);
	if (!world_answer(w, fd, &q) || q.type != CLIENT_STATUS_IS)
		errx(1, "no status");
	return q.u.status.fresh.oldest_age_ms;
}

static void *
look(void *arg)
{
	struct meanwhile *m = arg;
	const unsigned nodes[2] = {HOLDER, m->asker};
	const int fds[2] = {connect_to(m->w, HOLDER),
			    connect_to(m->w, m->asker)};
	const struct timespec pause = {0, 5000000};
	struct question q;

	while (!atomic_load(&m->stop)) {
		double began = stats_now_ms();

		world_list(fds[1], 100);
		if (!world_answer(m->w, fds[1], &q) || q.type != CLIENT_PHOTOS)
			errx(1, "no list");
		stats_add(&m->lists, stats_now_ms() - began);
		for (unsigned n = 0; n < 2; n++) {
			size_t rss = world_rss(m->w->pids[nodes[n]]);
			uint64_t ms = silence(m->w, fds[n]);

			if (rss > m->rss[n])
				m->rss[n] = rss;
			if (ms > m->silent_ms)
				m->silent_ms = ms;
		}
		nanosleep(&pause, NULL);
	}
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

static void
start_looking(struct meanwhile *m)
{
	atomic_store(&m->stop, false);
	if (pthread_create(&m->thread, NULL, look, m) != 0)
		err(1, "thread");
}

static void
stop_looking(struct meanwhile *m)
{
	atomic_store(&m->stop, true);
	pthread_join(m->thread, NULL);
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

/* Run to its end, quietly; milliseconds. */
static double
run(char *const argv[])
{
	posix_spawn_file_actions_t act;
	double began = stats_now_ms();
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, argv[0], &act, NULL, argv, environ) != 0)
		err(1, "%s", argv[0]);
	posix_spawn_file_actions_destroy(&act);
	if (waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "photo %s %s ended with %d", argv[4], argv[5], status);
	return stats_now_ms() - began;
}

static double
get(struct world *w, const char *photo, unsigned node, const char *prefix,
    const char *to)
{
	char port[8];

	snprintf(port, sizeof(port), "%u", world_port(w, node));
	char *argv[] = {(char *)(uintptr_t)photo, "-p", port, "-q", "get",
			(char *)(uintptr_t)prefix, "-o",
			(char *)(uintptr_t)to, NULL};
	return run(argv);
}

static void
rescan(struct world *w, const char *photo)
{
	char port[8];

	snprintf(port, sizeof(port), "%u", world_port(w, 0));
	char *argv[] = {(char *)(uintptr_t)photo, "-p", port, "-q", "rescan",
			NULL, NULL};
	(void)run(argv);
}

/* ---- telling -------------------------------------------------------------- */

enum { COPY, TLS, HANDED, FETCHED, OWN, WAYS };

static void
tell(const char *what, uint64_t bytes, double ms, const char *beside,
     double beside_ms)
{
	printf("  %-34s %8.0f MB/s", what, (double)bytes / ms / 1000);
	if (beside != NULL)
		printf("   %.2f of %s", beside_ms / ms, beside);
	printf("\n");
}

/* `before`: nothing was fetched, so that is the machine, and what else goes on
 * in it. */
static void
tell_meanwhile(const char *when, struct meanwhile *m)
{
	printf("  %s: first page of the list median %.2f ms, 99th %.2f ms "
	       "(%zu asked);\n    RssAnon holder %.1f MiB, fetcher %.1f MiB; "
	       "longest without a heartbeat %u ms,\n    %.2f periods\n",
	       when, stats_quantile(&m->lists, 0.5),
	       stats_quantile(&m->lists, 0.99), m->lists.count,
	       (double)m->rss[0] / (1 << 20), (double)m->rss[1] / (1 << 20),
	       (unsigned)m->silent_ms, (double)m->silent_ms / PERIOD_MS);
}

/* What other programs do with the same files; they tell it themselves. */
static void
tell_others(const struct world *w, const char *prefix)
{
	char from[96], scratch[96], port[8];
	int status;
	pid_t pid;

	snprintf(from, sizeof(from), "%s/folder0", w->dir);
	snprintf(scratch, sizeof(scratch), "%s/others", w->dir);
	snprintf(port, sizeof(port), "%u", world_port(w, 60));
	char *argv[] = {"python3", BESIDE, from, (char *)(uintptr_t)prefix,
			scratch, port, NULL};

	fflush(stdout);
	if (posix_spawnp(&pid, "python3", NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) == -1 || status != 0)
		printf("  (nothing beside it: %s failed)\n", BESIDE);
	empty(scratch);
}

/* One of WAYS, from an empty folder to a full one. */
static double
go(struct meanwhile *m, const char *photo, unsigned way, const char *prefix)
{
	char from[96], to[96];
	double ms = 0;

	snprintf(from, sizeof(from), "%s/folder0", m->w->dir);
	snprintf(to, sizeof(to), "%s/got", m->w->dir);
	empty(to);
	switch (way) {
	case COPY:
		ms = peers_copy(from, prefix, to);
		break;
	case TLS:
		ms = peers_tls(from, prefix, to);
		break;
	case HANDED:
	case FETCHED:
		start_looking(m);
		ms = get(m->w, photo, m->asker, prefix, to);
		stop_looking(m);
		break;
	case OWN:
		ms = get(m->w, photo, HOLDER, prefix, to);
		break;
	}
	empty(to);
	return ms;
}

static void
measure(struct world *w, const char *photo, unsigned which)
{
	static struct meanwhile handed, fetched, before;
	double best[WAYS] = {0};
	uint64_t bytes = made_bytes[which];

	handed = (struct meanwhile){.w = w, .asker = HANDED_TO};
	fetched = (struct meanwhile){.w = w, .asker = TLS_ONLY};
	before = (struct meanwhile){.w = w, .asker = HANDED_TO};
	start_looking(&before);
	nanosleep(&(struct timespec){.tv_sec = QUIET_SECONDS}, NULL);
	stop_looking(&before);
	(void)go(&handed, photo, COPY, prefixes[which]);
	for (unsigned n = 0; n < ROUNDS * WAYS; n++) {
		double ms = go(n % WAYS == FETCHED ? &fetched : &handed, photo,
			       n % WAYS, prefixes[which]);

		if (best[n % WAYS] == 0 || ms < best[n % WAYS])
			best[n % WAYS] = ms;
	}
	printf("%s, %.0f MB:\n", which == 0 ? "BIG" : "SMALL",
	       (double)bytes / 1e6);
	tell("plain copy with fsync", bytes, best[COPY], NULL, 0);
	tell("bare copier over TLS", bytes, best[TLS], NULL, 0);
	tell("photo get, handed over", bytes, best[HANDED], "the plain copy",
	     best[COPY]);
	tell("photo get, over TLS", bytes, best[FETCHED], "the TLS copier",
	     best[TLS]);
	tell("photo get, from the own daemon", bytes, best[OWN],
	     "the plain copy", best[COPY]);
	tell_meanwhile("before", &before);
	tell_meanwhile("meanwhile, handed over", &handed);
	tell_meanwhile("meanwhile, over TLS", &fetched);
	tell_others(w, prefixes[which]);
}

int
main(int argc, char **argv)
{
	static struct world w;
	unsigned big = argc > 3 ? (unsigned)atoi(argv[3]) : 500;
	unsigned small = argc > 4 ? (unsigned)atoi(argv[4]) : 20000;

	if (argc < 3)
		errx(2, "usage: transfer PHOTOD PHOTO [BIG-FILES "
			"[SMALL-FILES]]");
	signal(SIGPIPE, SIG_IGN);
	world_init(&w, argv[1], NODES, 0);
	w.options[TLS_ONLY][0] = "--fetch-rate";
	w.options[TLS_ONLY][1] = "1000G";
	make_photos(&w, 0, big, 4000000, 8000000);
	for (unsigned n = 0; n < NODES; n++)
		world_start(&w, n);
	world_settle(&w, world_port(&w, 0));
	measure(&w, argv[2], 0);
	make_photos(&w, 1, small, 20000, 60000);
	rescan(&w, argv[2]);
	world_settle(&w, world_port(&w, 0));
	measure(&w, argv[2], 1);
	world_release(&w);
	return 0;
}
