/*
 * library_rest.c: a page for a connected client, the client as a process, and
 * daemons that have nothing to do.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "library.h"
#include "query.h"
#include "trouble.h"

#define ASKED     1000u
#define SPAWNED   200u
#define PAGE      100u
#define ASK_BYTES 64u

extern char **environ;

double
run_program(char *const *argv, bool *there)
{
	posix_spawn_file_actions_t act;
	double began = stats_now_ms();
	int status = 0, r;
	pid_t pid;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&pid, argv[0], &act, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&act);
	*there = r == 0;
	if (r == ENOENT)
		return 0;
	if (r != 0 || waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "%s failed", argv[0]);
	return stats_now_ms() - began;
}

/* ---- memory ----------------------------------------------------------- */

double
node_mib(const struct library *l, unsigned node)
{
	return (double)world_rss(l->w.pids[node]) / 1048576;
}

double
node_mib_at_rest(const struct library *l, unsigned node)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	double before = 0, now = node_mib(l, node);
	unsigned same = 0;

	for (unsigned i = 0; i < 30 * 10 && same < 3 * 10; i++) {
		nanosleep(&pause, NULL);
		before = now;
		now = node_mib(l, node);
		same = now > before - 0.1 && now < before + 0.1 ? same + 1 : 0;
	}
	return now;
}

/* ---- a page ----------------------------------------------------------- */

struct echo {
	int fd;
	size_t bytes; /* of an answer */
	char *answer;
};

static void
write_whole(int fd, const char *bytes, size_t count)
{
	for (ssize_t n; count > 0; bytes += n, count -= (size_t)n) {
		if ((n = write(fd, bytes, count)) <= 0)
			err(1, "there and back");
	}
}

static void *
answer(void *arg)
{
	struct echo *e = arg;
	char ask[ASK_BYTES];

	while (recv(e->fd, ask, sizeof(ask), MSG_WAITALL) ==
	       (ssize_t)sizeof(ask))
		write_whole(e->fd, e->answer, e->bytes);
	return NULL;
}

/* A question there, an answer of that size back. */
static void
trips(struct stats *s, size_t bytes)
{
	char ask[ASK_BYTES] = {0}, *into = malloc(bytes);
	struct echo e = {.bytes = bytes, .answer = calloc(1, bytes)};
	pthread_t other;
	int ends[2];

	if (into == NULL || e.answer == NULL)
		errx(1, "out of memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		err(1, "socketpair");
	e.fd = ends[1];
	if (pthread_create(&other, NULL, answer, &e) != 0)
		errx(1, "cannot start a thread");
	for (unsigned i = 0; i < ASKED; i++) {
		double began = stats_now_ms();

		write_whole(ends[0], ask, sizeof(ask));
		if (recv(ends[0], into, bytes, MSG_WAITALL) != (ssize_t)bytes)
			err(1, "there and back");
		stats_add(s, stats_now_ms() - began);
	}
	close(ends[0]);
	pthread_join(other, NULL);
	close(ends[1]);
	free(e.answer);
	free(into);
}

static bool
count_row(void *arg, const struct photo_row *row)
{
	*(unsigned *)arg += row->copy_count > 0;
	return true;
}

static void
in_process(const struct library *l, unsigned node, struct stats *s)
{
	static struct list_query q;
	struct trouble why;
	struct reader *r;
	char dir[160];

	world_state(&l->w, node, dir, sizeof(dir));
	if ((r = reader_open(dir, &why)) == NULL)
		errx(1, "%s", why.text);
	q.limit = PAGE;
	for (unsigned i = 0; i < ASKED; i++) {
		double began = stats_now_ms();
		unsigned count = 0;

		if (reader_list(r, &q, count_row, &count, &why) == -1)
			errx(1, "%s", why.text);
		if (count != PAGE)
			errx(1, "a page of %u", count);
		stats_add(s, stats_now_ms() - began);
	}
	reader_close(r);
}

void
bench_search(struct library *l, unsigned node, uint64_t photos)
{
	static struct list_query q = {.limit = PAGE};
	struct trouble why;
	struct reader *r;
	unsigned count = 0;
	double began;
	char dir[160];

	world_state(&l->w, node, dir, sizeof(dir));
	if ((r = reader_open(dir, &why)) == NULL)
		errx(1, "%s", why.text);
	if (!search_parse("xyzzy", 5, &q.search, NULL))
		errx(1, "that is a query");
	began = stats_now_ms();
	if (reader_list(r, &q, count_row, &count, &why) == -1 || count > 0)
		errx(1, "a search that should find nothing: %s", why.text);
	tell_fixed("a search that finds nothing, per 100 000 photos", "ms",
		  (stats_now_ms() - began) * 1e5 / (double)photos, 100);
	reader_close(r);
}

void
bench_page(struct library *l, unsigned node, const char *photos)
{
	static struct stats trip, alone;
	int fd = world_connect(&l->w, world_port(&l->w, node));
	size_t bytes = 0;
	char what[64];

	if (fd == -1)
		errx(1, "cannot connect to node %u", node);
	trip.count = alone.count = l->stats.count = 0;
	for (unsigned i = 0; i < ASKED; i++) {
		double began = stats_now_ms();

		world_list(fd, PAGE);
		if ((bytes = world_answer_bytes(fd)) == 0)
			errx(1, "no page of the list");
		stats_add(&l->stats, stats_now_ms() - began);
	}
	close(fd);
	in_process(l, node, &alone);
	trips(&trip, bytes);
	snprintf(what, sizeof(what), "first page of %u of %s photos", PAGE,
		 photos);
	tell_ratio(what, "ms", stats_quantile(&l->stats, 0.5),
	    "same in process, one trip",
	    stats_quantile(&alone, 0.5) + stats_quantile(&trip, 0.5), false,
	    2);
	tell_beside("  of that the trip", "ms", stats_quantile(&trip, 0.5));
	tell_fixed("  99th percentile", "ms", stats_quantile(&l->stats, 0.99),
		  5);
}

/* ---- a process -------------------------------------------------------- */

static double
spawned(struct stats *s, char *const *argv)
{
	bool there;

	s->count = 0;
	for (unsigned i = 0; i < SPAWNED; i++)
		stats_add(s, run_program(argv, &there));
	return stats_quantile(s, 0.5);
}

void
bench_process(struct library *l, unsigned node)
{
	char port[8];
	char *list[] = {(char *)(uintptr_t)l->photo, "-q", "-p", port, "list",
			"--limit", "100", NULL};
	char *nothing[] = {(char *)(uintptr_t)l->self, NOTHING, NULL};

	snprintf(port, sizeof(port), "%u", world_port(&l->w, node));
	tell_fixed("photo list --limit 100, as a process", "ms",
		  spawned(&l->stats, list), 3);
	tell_beside("an empty process", "ms", spawned(&l->stats, nothing));
}

/* ---- nothing to do ---------------------------------------------------- */

struct worked {
	double cpu_s;
	double switches;
};

static double
read_number(const char *path, const char *format)
{
	char line[256];
	uint64_t value = 0;
	double sum = 0;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return 0; /* a thread that has ended */
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, format, &value) == 1)
			sum += (double)value;
	}
	fclose(f);
	return sum;
}

/* What all threads of a process have used until now. */
static void
add_worked(pid_t pid, double sign, struct worked *w)
{
	char path[400], dir[64];
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	if ((d = opendir(dir)) == NULL)
		err(1, "%s", dir);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/schedstat", dir, e->d_name);
		w->cpu_s += sign * read_number(path, "%" SCNu64) / 1e9;
		snprintf(path, sizeof(path), "%s/%s/status", dir, e->d_name);
		w->switches += sign *
			       read_number(path, "voluntary_ctxt_switches: "
						 "%" SCNu64);
		w->switches += sign *
			       read_number(path, "nonvoluntary_ctxt_switches: "
						 "%" SCNu64);
	}
	closedir(d);
}

void
bench_idle(struct library *l)
{
	const unsigned nodes[2] = {NODE_TINY, NODE_OTHER};
	const struct timespec pause = {.tv_sec = (time_t)l->idle_s};
	struct worked w = {0};
	double per_minute = 60.0 / l->idle_s;

	/* A folder that had other files in it would be taken for offline. */
	world_forget(&l->w);
	l->w.first = nodes[0];
	for (unsigned i = 0; i < 2; i++) {
		tree_folder(l, nodes[i]);
		tree_tiny(l, nodes[i], SMALL_FILES);
		world_start(&l->w, nodes[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		(void)await_photos(l, nodes[i], 2u * SMALL_FILES,
				   stats_now_ms());
	/* What is young is looked at again, and over. */
	nanosleep(&(struct timespec){.tv_sec = 10}, NULL);
	for (unsigned i = 0; i < 2; i++)
		add_worked(l->w.pids[nodes[i]], -1, &w);
	nanosleep(&pause, NULL);
	for (unsigned i = 0; i < 2; i++)
		add_worked(l->w.pids[nodes[i]], 1, &w);
	tell_fixed("idle, two with 20000 files: CPU each, a minute", "s",
		  w.cpu_s / 2 * per_minute, 0.03);
	tell_fixed("  context switches each, a second", "",
		  w.switches / 2 / l->idle_s, 13);
	for (unsigned i = 0; i < 2; i++) {
		world_stop(&l->w, nodes[i]);
		tree_remove(l, nodes[i]);
	}
}
