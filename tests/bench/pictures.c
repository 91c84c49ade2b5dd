/*
 * pictures: what the sandbox costs.
 *
 * Thumbnails: the pool with one worker, beside vips called in this process with
 * the same settings, file by file in turn.  Metadata: the pool, beside one run of
 * the exiv2 command and one of exiftool over the same files, all at the same low
 * priority; by the clock, where each question is handed over and back, and by
 * processor time; and with two askers and workers a core, so that a hand-over
 * keeps nobody waiting.  Then this process's memory: what photod carries of it.
 *
 * Usage: pictures PHOTO-DECODE [ROUNDS] [PICTURE...]
 * Without pictures twelve megapixels are made of a gradient and noise.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vips/vips.h>

#include "stats.h"
#include "trouble.h"
#include "workers.h"

#define LINKS      2000u
#define ASKERS_MAX 16u

static char scratch[] = "/tmp/photomesh-pictures.XXXXXX";

static long
resident_kib(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	long kib = 0;

	if (f == NULL)
		err(1, "/proc/self/status");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void
run(const char *format, const char *argument)
{
	char command[512];

	snprintf(command, sizeof(command), format, argument);
	if (system(command) != 0)
		errx(1, "failed: %s", command);
}

/* Twelve megapixels that are neither flat nor mere noise. */
static const char *
made_picture(void)
{
	static char path[64];
	VipsImage *lines, *noise, *sum, *rgb, *bytes;

	snprintf(path, sizeof(path), "%s/made.jpg", scratch);
	if (vips_sines(&lines, 4000, 3000, "hfreq", 7.0, "vfreq", 5.0, NULL) ||
	    vips_gaussnoise(&noise, 4000, 3000, "sigma", 8.0, "mean", 128.0,
			    NULL) ||
	    vips_linear1(lines, &sum, 60, 0, NULL) ||
	    vips_add(sum, noise, &rgb, NULL) ||
	    vips_bandjoin((VipsImage *[]){rgb, rgb, noise}, &bytes, 3, NULL) ||
	    vips_cast(bytes, &sum, VIPS_FORMAT_UCHAR, NULL) ||
	    vips_jpegsave(sum, path, "Q", 88, NULL))
		errx(1, "%s", vips_error_buffer());
	return path;
}

/* ---- thumbnails ---------------------------------------------------------------- */

static double
in_process(const char *path)
{
	double began = stats_now_ms();
	VipsImage *small;
	void *bytes = NULL;
	size_t count;

	if (vips_thumbnail(path, &small, 256, "height", 256, "size",
			   VIPS_SIZE_DOWN, NULL) ||
	    vips_jpegsave_buffer(small, &bytes, &count, "Q", 78, "strip", TRUE,
				 "optimize_coding", TRUE, NULL))
		errx(1, "%s: %s", path, vips_error_buffer());
	g_free(bytes);
	g_object_unref(small);
	return stats_now_ms() - began;
}

static double
by_worker(struct workers *w, enum decode_question q, const char *path)
{
	double began = stats_now_ms();
	struct decode_answer a;
	struct trouble why = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		err(1, "%s", path);
	if (workers_ask(w, q, fd, &a, &why) != DECODE_DONE)
		errx(1, "%s: %s", path, why.text);
	decode_answer_release(&a);
	close(fd);
	return stats_now_ms() - began;
}

static void
thumbnails(struct workers *w, unsigned rounds, char *const *paths,
	   unsigned count)
{
	static struct stats ours, theirs, ratio;

	for (unsigned n = 0; n < rounds + 2; n++) {
		double us = 0, them = 0;

		for (unsigned i = 0; i < count; i++) {
			us += by_worker(w, DECODE_THUMB, paths[i]);
			them += in_process(paths[i]);
		}
		if (n < 2)
			continue; /* both must have begun */
		stats_add(&ours, us / count);
		stats_add(&theirs, them / count);
		stats_add(&ratio, them / us);
	}
	stats_print("thumbnail by a worker, ms", &ours);
	stats_print("thumbnail by vips in process, ms", &theirs);
	stats_print("rate, times that of vips in process", &ratio);
}

/* ---- metadata ------------------------------------------------------------------- */

/* Of this process and of all that have ended. */
static double
processor_ms(void)
{
	double ms = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage r;

		getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &r);
		ms += (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 +
		      (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
	}
	return ms;
}

/* A copy of each, which gives its place in the scratch directory many names. */
static void
link_pictures(char *const *paths, unsigned count)
{
	char command[8400], from[64], to[64];

	for (unsigned i = 0; i < LINKS; i++) {
		snprintf(to, sizeof(to), "%s/m/%04u.jpg", scratch, i);
		snprintf(from, sizeof(from), "%s/m/%04u.jpg", scratch,
			 i % count);
		if (i < count) {
			snprintf(command, sizeof(command), "cp '%s' '%s'",
				 paths[i], to);
			if (system(command) != 0)
				errx(1, "%s", paths[i]);
		} else if (link(from, to) == -1) {
			err(1, "%s", to);
		}
	}
}

/* As photod asks: several at once, so that none waits for a hand-over. */
struct asker {
	struct workers *w;
	unsigned from, step, count;
	pthread_t thread;
};

static void *
ask_some(void *arg)
{
	struct asker *a = arg;
	char path[64];

	for (unsigned i = a->from; i < a->count; i += a->step) {
		snprintf(path, sizeof(path), "%s/m/%04u.jpg", scratch, i);
		by_worker(a->w, DECODE_META, path);
	}
	return NULL;
}

static void
ask_all(struct workers *w, unsigned askers, unsigned count)
{
	struct asker a[ASKERS_MAX];

	for (unsigned i = 0; i < askers; i++) {
		a[i] = (struct asker){w, i, askers, count, 0};
		if (pthread_create(&a[i].thread, NULL, ask_some, &a[i]) != 0)
			errx(1, "no thread");
	}
	for (unsigned i = 0; i < askers; i++)
		pthread_join(a[i].thread, NULL);
}

struct cost {
	double wall, processor; /* ms, of one file */
};

/* Of workers that have started: their start is taken off. */
static struct cost
cost_of_workers(struct workers *w, unsigned askers)
{
	static double start = 1e9; /* the least seen: what is more is noise */
	double begun, ready, once;
	struct cost c;

	workers_rest(w);
	begun = processor_ms();
	ask_all(w, 1, 1);
	workers_rest(w);
	once = processor_ms() - begun;
	if (once < start)
		start = once;
	ask_all(w, askers, 4 * askers);
	begun = processor_ms();
	ready = stats_now_ms();
	ask_all(w, askers, LINKS);
	c.wall = (stats_now_ms() - ready) / LINKS;
	workers_rest(w);
	/* their starts came to the account with their ends */
	c.processor = (processor_ms() - begun - start * askers) / LINKS;
	return c;
}

static struct cost
cost_of_command(const char *command, unsigned files)
{
	double wall = stats_now_ms(), processor = processor_ms();
	struct cost c;

	run(command, scratch);
	c.wall = (stats_now_ms() - wall) / files;
	c.processor = (processor_ms() - processor) / files;
	return c;
}

static void
metadata(struct workers *w, struct workers *many, unsigned askers,
	 unsigned rounds)
{
	static struct stats ours, pool, exiv2, exiftool, wall[3], processor[2];

	for (unsigned n = 0; n < rounds + 1; n++) {
		struct cost us = cost_of_workers(w, 1);
		struct cost all = cost_of_workers(many, askers);
		/* 253: some file had no EXIF, which is no failure here */
		struct cost a = cost_of_command(
			"exiv2 -q pr %s/m/*.jpg >/dev/null 2>&1 || true",
			LINKS);
		struct cost b = cost_of_command(
			"exiftool -q %s/m/0[0-4]*.jpg >/dev/null 2>&1", 500);

		if (n < 1)
			continue;
		stats_add(&ours, us.wall);
		stats_add(&pool, all.wall);
		stats_add(&exiv2, a.wall);
		stats_add(&exiftool, b.wall);
		stats_add(&wall[0], a.wall / us.wall);
		stats_add(&wall[1], b.wall / us.wall);
		stats_add(&wall[2], a.wall / all.wall);
		stats_add(&processor[0], a.processor / us.processor);
		stats_add(&processor[1], b.processor / us.processor);
	}
	stats_print("metadata by a worker, ms", &ours);
	stats_print("metadata by a pool of two a core, ms", &pool);
	stats_print("metadata by the exiv2 command, ms", &exiv2);
	stats_print("metadata by exiftool, ms", &exiftool);
	stats_print("rate, times that of the exiv2 command", &wall[0]);
	stats_print("the same, by processor time", &processor[0]);
	stats_print("the same, by a pool of two a core", &wall[2]);
	stats_print("rate, times that of exiftool", &wall[1]);
	stats_print("the same, by processor time", &processor[1]);
}

int
main(int argc, char **argv)
{
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 15;
	char *made[1], **paths = argv + 3;
	unsigned count = argc > 3 ? (unsigned)argc - 3 : 0;
	char room[64];
	struct workers *w, *many;
	unsigned askers = 2 * (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	long before;

	if (argc < 2 || rounds == 0)
		errx(2, "usage: pictures PHOTO-DECODE [ROUNDS] [PICTURE...]");
	(void)setpriority(PRIO_PROCESS, 0, 10);
	if (askers > ASKERS_MAX)
		askers = ASKERS_MAX;
	w = workers_open(argv[1], 1, NULL);
	many = workers_open(argv[1], askers, NULL);
	if (w == NULL || many == NULL || mkdtemp(scratch) == NULL)
		err(1, "%s", scratch);
	snprintf(room, sizeof(room), "%s/m", scratch);
	if (mkdir(room, 0700) == -1 || VIPS_INIT(argv[0]) != 0)
		err(1, "%s", room);
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	if (count == 0) {
		made[0] = (char *)made_picture();
		paths = made;
		count = 1;
	}
	printf("  %-46s %8s %8s %8s\n", "", "min", "median", "99th pct");
	before = resident_kib();
	for (unsigned i = 0; i < 50; i++)
		by_worker(w, DECODE_THUMB, paths[i % count]);
	printf("  this process grew by %ld KiB over 50 thumbnails\n",
	       resident_kib() - before);
	thumbnails(w, rounds, paths, count);
	link_pictures(paths, count);
	metadata(w, many, askers, rounds / 3 + 1);
	workers_close(many);
	workers_close(w);
	run("rm -r %s", scratch);
	return 0;
}
