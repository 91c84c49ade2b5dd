/*
 * library_scan.c: first scans, restarts and rescans.
 */
#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "library.h"

#define RUNS        3u
#define YOUNG_MS    2100.0 /* whatever is younger is looked at again later */
#define PATIENCE_MS 300000.0

extern char **environ;

/* Until nothing in the tree, complete since `made`, is young any more. */
static void
grow_old(double made)
{
	double left = made + YOUNG_MS - stats_now_ms();
	struct timespec t = {(time_t)(left / 1e3),
			     (long)((long long)(left * 1e6) % 1000000000)};

	if (left > 0)
		nanosleep(&t, NULL);
}

double
await_photos(struct library *l, unsigned node, uint64_t photos, double began)
{
	/* Asking costs those that are measured: seldom enough. */
	const struct timespec pause = {.tv_nsec = 4000000};
	int fd = world_connect(&l->w, world_port(&l->w, node));
	struct question q;

	if (fd == -1)
		errx(1, "cannot connect to node %u", node);
	for (;;) {
		world_ask(fd, CLIENT_STATUS);
		if (!world_answer(&l->w, fd, &q) || q.type != CLIENT_STATUS_IS)
			errx(1, "node %u does not answer", node);
		if (q.u.status.scan == 0 && q.u.status.photos == photos)
			break;
		if (stats_now_ms() > began + PATIENCE_MS)
			errx(1, "node %u has %llu photos of %llu; see %s",
			     node, (unsigned long long)q.u.status.photos,
			     (unsigned long long)photos, l->w.dir);
		nanosleep(&pause, NULL);
	}
	close(fd);
	return stats_now_ms() - began;
}

/* From the ready line on. */
static double
start_and_scan(struct library *l, unsigned node, uint64_t photos)
{
	l->w.first = node;
	world_start(&l->w, node);
	return await_photos(l, node, photos, stats_now_ms());
}

static double
median(const double *values)
{
	struct stats *s = &(struct stats){0};

	for (unsigned i = 0; i < RUNS; i++)
		stats_add(s, values[i]);
	return stats_quantile(s, 0.5);
}

/* First scans, each of a node that was never started before. */
static void
first_scans(struct library *l, unsigned node, uint64_t photos, double bytes,
	    double *ours, double *limit)
{
	double took[RUNS], least[RUNS];

	for (unsigned i = 0; i < RUNS; i++) {
		least[i] = tree_limit(l, node, bytes);
		world_forget(&l->w);
		took[i] = start_and_scan(l, node, photos);
		if (i + 1 < RUNS)
			world_stop(&l->w, node);
	}
	*ours = median(took);
	*limit = median(least);
}

static double
find_all(struct library *l, unsigned node)
{
	char folder[96], *argv[] = {"find", folder, "-printf",
				    "%p %s %i %T@ %C@\\n", NULL};
	double took[RUNS];
	bool there;

	snprintf(folder, sizeof(folder), "%s/folder%u", l->w.dir, node);
	for (unsigned i = 0; i < RUNS; i++) {
		took[i] = run_program(argv, &there);
		if (!there)
			errx(1, "find is not installed");
	}
	return median(took);
}

/* Syncthing, where it is installed: with our daemons at rest or away. */
static void
beside_syncthing(struct library *l, unsigned node)
{
	char folder[96], scratch[96], files[16], port[8], seconds[16];
	char *argv[] = {"python3", BESIDE, folder, files, scratch, port,
			seconds, NULL};
	int status;
	pid_t pid;

	snprintf(folder, sizeof(folder), "%s/folder%u", l->w.dir, node);
	snprintf(scratch, sizeof(scratch), "%s/others", l->w.dir);
	snprintf(files, sizeof(files), "%u", SMALL_FILES);
	snprintf(port, sizeof(port), "%u", l->w.base_port + 60u);
	snprintf(seconds, sizeof(seconds), "%u", l->idle_s);
	fflush(stdout);
	if (posix_spawnp(&pid, "python3", NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) == -1 || status != 0)
		printf("  (nothing beside it: %s failed)\n", BESIDE);
}

static void
beside(struct library *l, unsigned node)
{
	char folder[96];
	char *jdupes[] = {"jdupes", "-r", "-q", "-m", folder, NULL};
	bool there;
	double took;

	snprintf(folder, sizeof(folder), "%s/folder%u", l->w.dir, node);
	took = run_program(jdupes, &there);
	if (there)
		tell_beside("jdupes -r -m", "ms", took);
}

void
bench_small(struct library *l)
{
	double bytes = tree_photos(l, NODE_SMALL, SMALL_FILES, 20000, 60000,
				   true);
	double made = stats_now_ms(), ours, limit, took[RUNS];

	grow_old(made);
	first_scans(l, NODE_SMALL, SMALL_PHOTOS, bytes, &ours, &limit);
	tell_ratio("first scan of SMALL: 20000 files of 20-60 KB", "ms", ours,
	    "walk, read, hash; 2 threads", limit, false, 2);
	beside(l, NODE_SMALL);
	tell_beside("our RssAnon at once", "MiB", node_mib(l, NODE_SMALL));
	bench_process(l, NODE_SMALL);
	bench_page(l, NODE_SMALL, "16000");
	tell_fixed("RssAnon at rest, 20000 files known", "MiB",
		   node_mib_at_rest(l, NODE_SMALL), 24);
	for (unsigned i = 0; i < RUNS; i++) {
		world_stop(&l->w, NODE_SMALL);
		took[i] = start_and_scan(l, NODE_SMALL, SMALL_PHOTOS);
	}
	tell_ratio("restart on unchanged SMALL", "ms", median(took), "find -printf",
	    find_all(l, NODE_SMALL), false, 2);
	tell_fixed("RssAnon at once", "MiB", node_mib(l, NODE_SMALL), 24);
	world_stop(&l->w, NODE_SMALL);
	beside_syncthing(l, NODE_SMALL);
}

void
bench_big(struct library *l)
{
	double bytes = tree_photos(l, NODE_BIG, BIG_FILES, 4000000, 8000000,
				   false);
	double made = stats_now_ms(), ours, limit;

	grow_old(made);
	first_scans(l, NODE_BIG, BIG_FILES, bytes, &ours, &limit);
	tell_ratio("first scan of BIG: 500 files of 4-8 MB", "GB/s",
	    bytes / ours / 1e6, "walk, read, hash; 2 threads",
	    bytes / limit / 1e6, true, 0.9);
	world_stop(&l->w, NODE_BIG);
	tree_remove(l, NODE_BIG);
}

/* What a rescan asked for by a client takes, from the question to DONE. */
static double
rescan(struct library *l, unsigned node)
{
	int fd = world_connect(&l->w, world_port(&l->w, node));
	double began = stats_now_ms();
	struct question q;

	if (fd == -1)
		errx(1, "cannot connect to node %u", node);
	world_ask(fd, CLIENT_RESCAN);
	do {
		if (!world_answer(&l->w, fd, &q) || q.type == MESSAGE_ERROR)
			errx(1, "node %u does not rescan", node);
	} while (q.type != CLIENT_DONE);
	close(fd);
	return stats_now_ms() - began;
}

void
bench_rescan(struct library *l)
{
	double made, took[RUNS];
	char what[64];

	tree_tiny(l, NODE_TINY, l->tiny);
	made = stats_now_ms();
	grow_old(made);
	(void)start_and_scan(l, NODE_TINY, l->tiny);
	for (unsigned i = 0; i < RUNS; i++)
		took[i] = rescan(l, NODE_TINY);
	snprintf(what, sizeof(what), "rescan of %u unchanged files", l->tiny);
	tell_ratio(what, "ms", median(took), "find -printf", find_all(l, NODE_TINY),
	    false, 2);
	tell_beside("our RssAnon at once", "MiB", node_mib(l, NODE_TINY));
	tell_beside("  and at rest", "MiB", node_mib_at_rest(l, NODE_TINY));
	world_stop(&l->w, NODE_TINY);
	tree_remove(l, NODE_TINY);
}
