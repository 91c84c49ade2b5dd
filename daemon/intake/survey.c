/*
 * survey.c: how much there is, counted while a long first scan goes on.
 *
 * A scan walks no faster than it reads, so it does not know what is ahead.  When
 * it takes more than a moment, a thread of its own walks through the folders,
 * reads nothing, and counts what has the name of a photo or video.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "pool.h"
#include "scan_private.h"
#include "sniff.h"

#define AFTER_MS 1500u /* most scans are over by then */

struct survey {
	struct intake *intake;
	pthread_t thread;
	bool running;
	uint64_t due_ms;
	atomic_bool stop;
	uint64_t files, bytes;
	uint32_t count;
	int fds[STATE_ROOTS_MAX]; /* owned */
};

static bool
count_file(void *arg, const struct tree_file *f)
{
	struct survey *y = arg;

	if (media_name(f->path, f->path_bytes)) {
		y->files++;
		y->bytes += (uint64_t)f->stat->st_size;
	}
	return !atomic_load(&y->stop) && !atomic_load(&y->intake->stop);
}

static void
pass_over(void *arg, const char *path, size_t path_bytes, int error)
{
	(void)arg;
	(void)path;
	(void)path_bytes;
	(void)error;
}

static void *
survey_main(void *arg)
{
	struct survey *y = arg;
	struct intake *i = y->intake;
	const struct tree_visitor v = {
		.excludes = i->config.excludes,
		.exclude_count = i->config.exclude_count,
		.file = count_file,
		.unlisted = pass_over,
		.arg = y,
	};
	bool whole = true;

	pthread_setname_np(pthread_self(), "survey");
	thread_lower_priority();
	for (uint32_t k = 0; k < y->count; k++)
		whole = tree_walk(y->fds[k], &v) && whole;
	if (!whole)
		return NULL;
	pthread_mutex_lock(&i->lock);
	i->surveyed = true;
	if (i->progress.total_files < y->files)
		i->progress.total_files = y->files;
	if (i->progress.total_bytes < y->bytes)
		i->progress.total_bytes = y->bytes;
	pthread_mutex_unlock(&i->lock);
	return NULL;
}

struct survey *
survey_new(struct intake *i)
{
	struct survey *y = calloc(1, sizeof(*y));

	if (y == NULL)
		return NULL; /* then nobody knows how long it takes */
	y->intake = i;
	y->due_ms = clock_steady_ms() + AFTER_MS;
	atomic_init(&y->stop, false);
	return y;
}

void
survey_turn(struct survey *y)
{
	struct intake *i;
	int fd;

	if (y == NULL || y->running || clock_steady_ms() < y->due_ms)
		return;
	i = y->intake;
	y->due_ms = UINT64_MAX;
	for (uint32_t k = 0; k < i->config.state->root_count; k++)
		if (i->now[k].fd != -1 &&
		    (fd = fcntl(i->now[k].fd, F_DUPFD_CLOEXEC, 0)) != -1)
			y->fds[y->count++] = fd;
	y->running = pthread_create(&y->thread, NULL, survey_main, y) == 0;
}

void
survey_free(struct survey *y)
{
	if (y == NULL)
		return;
	atomic_store(&y->stop, true);
	if (y->running)
		pthread_join(y->thread, NULL);
	for (uint32_t k = 0; k < y->count; k++)
		close(y->fds[k]);
	free(y);
}
