/*
 * watch: how long until a dropped photo is in another daemon's list?
 *
 * Photos are dropped into the folder of one daemon, one after the other, and
 * the `photo-added` event of another one is awaited, which it tells behind the
 * commit.  Beside it, in the same run and after each drop, the parts that no
 * design can do without, each by itself: the kernel's waking of whoever watches
 * a folder, reading and hashing the photo, a record made durable by either
 * daemon, a question and its answer over TCP.  What remains is ours.
 *
 * Usage: watch PHOTOD [PHOTOS [BYTES]]
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stats.h"
#include "watch_parts.h"
#include "world.h"

#define FILES_EACH 200u
#define PAUSE_MS   40
#define PATIENCE_MS 10000.0

struct watch_bench {
	struct world w;
	struct parts *parts;
	uint8_t *photo; /* the next one */
	size_t photo_bytes;
	struct stats listed, wake, hash, commit, trip, sum;
};

/* ---- the photos ------------------------------------------------------- */

/* Something that is taken for a photo, and is none that was before. */
static void
next_photo(struct watch_bench *b, unsigned n)
{
	uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t k = 0; k < b->photo_bytes; k++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		b->photo[k] = (uint8_t)x;
	}
	memcpy(b->photo, "\xff\xd8\xff\xe0", 4);
	memcpy(b->photo + b->photo_bytes - 2, "\xff\xd9", 2);
}

/* Returns when the file was complete. */
static double
drop(struct watch_bench *b, const char *folder, unsigned n)
{
	char path[128];
	double closed;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/drop-%u.jpg", b->w.dir, folder, n);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 ||
	    write(fd, b->photo, b->photo_bytes) != (ssize_t)b->photo_bytes)
		err(1, "%s", path);
	closed = stats_now_ms();
	close(fd);
	return closed;
}

/* ---- ours ------------------------------------------------------------- */

static void
await_event(struct watch_bench *b, int fd, unsigned n)
{
	const double deadline = stats_now_ms() + PATIENCE_MS;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct question q;
	char name[32];

	snprintf(name, sizeof(name), "drop-%u.jpg", n);
	do {
		if (stats_now_ms() > deadline ||
		    poll(&p, 1, (int)PATIENCE_MS) != 1)
			errx(1, "%s is not listed; see %s", name, b->w.dir);
		if (!world_answer(&b->w, fd, &q))
			errx(1, "the daemon hung up");
	} while (q.type != CLIENT_EVENT ||
		 strcmp(q.u.event.event, "photo-added") != 0 ||
		 strcmp(q.u.event.photo_name, name) != 0);
}

static uint64_t
photos_listed(struct watch_bench *b, int fd)
{
	struct question q;

	world_ask(fd, CLIENT_STATUS);
	if (!world_answer(&b->w, fd, &q) || q.type != CLIENT_STATUS_IS)
		errx(1, "no answer to a question");
	return q.u.status.photos;
}

static int
watch_node(struct watch_bench *b, unsigned node)
{
	int fd = world_connect(&b->w, world_port(&b->w, node));
	struct question q;

	if (fd == -1)
		errx(1, "cannot connect to node %u", node);
	world_ask(fd, CLIENT_WATCH);
	/* Behind it, so its answer shows that the watch stands. */
	world_ask(fd, CLIENT_STATUS);
	do {
		if (!world_answer(&b->w, fd, &q))
			errx(1, "node %u hung up", node);
	} while (q.type != CLIENT_STATUS_IS);
	return fd;
}

/* ---- telling ---------------------------------------------------------- */

static void
tell(const char *what, struct stats *s)
{
	printf("  %-48s %8.3f %8.3f %8.3f\n", what, stats_quantile(s, 0.5),
	       stats_quantile(s, 0.99), stats_quantile(s, 1));
}

static void
tell_all(struct watch_bench *b, unsigned photos)
{
	printf("%u photos of %zu bytes dropped, two daemons with %u files each:\n",
	       photos, b->photo_bytes, FILES_EACH);
	printf("  %-48s %8s %8s %8s\n", "milliseconds", "median", "99th",
	       "max");
	tell("closed, to listed by the other daemon", &b->listed);
	tell("the kernel's waking of whoever watches", &b->wake);
	tell("opening, reading and hashing it", &b->hash);
	tell("a record made durable, twice", &b->commit);
	tell("a question and its answer over TCP", &b->trip);
	tell("the sum of these parts", &b->sum);
	printf("  ratio of the medians, listed / sum of the parts: %.1f\n",
	       stats_quantile(&b->listed, 0.5) /
		       (stats_quantile(&b->sum, 0.5) + 1e-9));
}

static void
measure_parts(struct watch_bench *b, unsigned n)
{
	char path[128];
	double wake, hash, commit, trip;

	snprintf(path, sizeof(path), "%s/parts/drop-%u.jpg", b->w.dir, n);
	parts_arm(b->parts);
	wake = parts_woken(b->parts, drop(b, "parts", n));
	hash = parts_hash(b->parts, path);
	commit = parts_commit(b->parts, n);
	trip = parts_trip(b->parts);
	stats_add(&b->wake, wake);
	stats_add(&b->hash, hash);
	stats_add(&b->commit, commit);
	stats_add(&b->trip, trip);
	stats_add(&b->sum, wake + hash + commit + trip);
}

static void
measure(struct watch_bench *b, unsigned photos)
{
	uint64_t before;
	int events, asking;

	world_start(&b->w, 0);
	world_start(&b->w, 1);
	world_settle(&b->w, world_port(&b->w, 0));
	events = watch_node(b, 1);
	asking = world_connect(&b->w, world_port(&b->w, 1));
	if (asking == -1)
		errx(1, "cannot connect to node 1");
	before = photos_listed(b, asking);
	for (unsigned n = 0; n < photos; n++) {
		double closed;

		next_photo(b, n);
		closed = drop(b, "folder0", n);
		await_event(b, events, n);
		stats_add(&b->listed, stats_now_ms() - closed);
		if (photos_listed(b, asking) != before + n + 1)
			errx(1, "told of, and not in the list");
		measure_parts(b, n);
		/* Not in step with anything of theirs. */
		poll(NULL, 0, PAUSE_MS + (int)(n % 7));
	}
	close(events);
	close(asking);
}

int
main(int argc, char **argv)
{
	static struct watch_bench b;
	unsigned photos = argc > 2 ? (unsigned)atoi(argv[2]) : 300;

	b.photo_bytes = argc > 3 ? (size_t)atoi(argv[3]) : 40000;
	if (argc < 2 || photos == 0 || b.photo_bytes < 64)
		errx(2, "usage: watch PHOTOD [PHOTOS [BYTES]]");
	signal(SIGPIPE, SIG_IGN);
	if ((b.photo = malloc(b.photo_bytes)) == NULL)
		errx(1, "out of memory");
	world_init(&b.w, argv[1], 2, FILES_EACH);
	b.parts = parts_new(b.w.dir);
	measure(&b, photos);
	parts_free(b.parts);
	tell_all(&b, photos);
	world_release(&b.w);
	free(b.photo);
	return 0;
}
