/*
 * library_mesh.c: a newcomer adopts what a mesh knows.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "library.h"
#include "writer.h"

#define PATIENCE_MS 1800000.0
#define PAGE        100u

static void
pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* A node that has never read a file, with a catalogue full of records. */
static void
make_member(struct library *l, unsigned member)
{
	unsigned node = NODE_MEMBER + member;
	struct question q;
	char dir[160];
	int fd;

	l->w.first = node; /* nobody else is here */
	world_start(&l->w, node);
	if ((fd = world_connect(&l->w, world_port(&l->w, node))) == -1)
		errx(1, "cannot connect to node %u", node);
	world_ask(fd, CLIENT_STATUS);
	if (!world_answer(&l->w, fd, &q) || q.type != CLIENT_STATUS_IS)
		errx(1, "node %u does not answer", node);
	close(fd);
	world_stop(&l->w, node);
	world_state(&l->w, node, dir, sizeof(dir));
	bulk_member(dir, &q.u.status.node, member, l->records);
}

/* Is the first page what it must be, once everything is there? */
static bool
page_right(struct library *l, int fd)
{
	struct own_file f;
	struct question q;
	char path[64];

	world_list(fd, PAGE);
	if (!world_answer(&l->w, fd, &q) || q.type != CLIENT_PHOTOS)
		errx(1, "no page of the list");
	if (q.u.photos.photo_count != PAGE)
		return false;
	for (unsigned i = 1; i < PAGE; i++) {
		if (q.u.photos.photos[i].mtime_ns >
		    q.u.photos.photos[i - 1].mtime_ns)
			return false;
	}
	/* A shared photo counts from its oldest copy, the first member's. */
	bulk_file((l->records - 1) % 5 == 4 ? 0 : MEMBERS - 1, l->records - 1,
		  &f, path);
	return q.u.photos.photos[0].mtime_ns == f.mtime_ns;
}

/* Milliseconds since `began`; how long a first page takes meanwhile goes into
 * l->stats. */
static double
await_adopted(struct library *l, unsigned node, double began)
{
	int fd = world_connect(&l->w, world_port(&l->w, node));
	uint64_t photos = bulk_photos(l->records);
	struct question q;
	double asked;
	bool right;

	if (fd == -1)
		errx(1, "cannot connect to node %u", node);
	for (;;) {
		asked = stats_now_ms();
		right = page_right(l, fd);
		stats_add(&l->stats, stats_now_ms() - asked);
		world_ask(fd, CLIENT_STATUS);
		if (!world_answer(&l->w, fd, &q) || q.type != CLIENT_STATUS_IS)
			errx(1, "node %u does not answer", node);
		if (right && q.u.status.synced &&
		    !q.u.status.fresh.syncing && q.u.status.photos == photos)
			break;
		if (stats_now_ms() > began + PATIENCE_MS)
			errx(1, "node %u has %llu photos of %llu; see %s",
			     node, (unsigned long long)q.u.status.photos,
			     (unsigned long long)photos, l->w.dir);
		pause_ms(10);
	}
	close(fd);
	return stats_now_ms() - began;
}

/* By write(2) and its like, until now; its sockets are not of them. */
static double
written_mb(pid_t pid)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "wchar: %llu", &bytes) == 1)
			break;
	}
	fclose(f);
	return (double)bytes / 1e6;
}

void
bench_mesh(struct library *l)
{
	double load, took, mib, written, loaded;
	char what[80], dir[96], photos[24];

	for (unsigned m = 0; m < MEMBERS; m++)
		make_member(l, m);
	l->w.first = NODE_MEMBER;
	for (unsigned m = 0; m < MEMBERS; m++)
		world_start(&l->w, NODE_MEMBER + m);
	for (unsigned m = 0; m < MEMBERS; m++)
		(void)await_adopted(l, NODE_MEMBER + m, stats_now_ms());
	memset(&l->stats, 0, sizeof(l->stats));
	world_start(&l->w, NODE_NEWCOMER);
	took = await_adopted(l, NODE_NEWCOMER, stats_now_ms());
	mib = node_mib(l, NODE_NEWCOMER);
	written = written_mb(l->w.pids[NODE_NEWCOMER]);
	loaded = written_mb(getpid());
	snprintf(dir, sizeof(dir), "%s/bulk", l->w.dir);
	load = bulk_load(dir, l->records);
	loaded = written_mb(getpid()) - loaded;
	snprintf(what, sizeof(what), "a newcomer adopts %u x %u records",
		 MEMBERS, l->records);
	tell_ratio(what, "ms", took, "one bulk load of the rows", load, false, 2);
	/* Of a million it was once four times as much, and 56 times the file. */
	tell_ratio("  written for that", "MB", written, "for the bulk load",
		   loaded, false, 3);
	tell_fixed("  first page meanwhile, 99th percentile", "ms",
		  stats_quantile(&l->stats, 0.99), 5);
	snprintf(photos, sizeof(photos), "%llu",
		 (unsigned long long)bulk_photos(l->records));
	bench_page(l, NODE_NEWCOMER, photos);
	bench_search(l, NODE_NEWCOMER, bulk_photos(l->records));
	tell_beside("our RssAnon when it had adopted", "MiB", mib);
	snprintf(what, sizeof(what), "RssAnon at rest, %s photos known",
		 photos);
	tell_fixed(what, "MiB", node_mib_at_rest(l, NODE_NEWCOMER), 96);
	for (unsigned m = 0; m <= MEMBERS; m++)
		world_stop(&l->w, NODE_MEMBER + m);
}
