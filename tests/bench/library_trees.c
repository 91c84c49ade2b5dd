#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#if defined(__x86_64__) || defined(__i386__)
#include <xxh_x86dispatch.h>
#endif

#include "library.h"

#define PER_DIRECTORY 200u
#define READ_BYTES    (256u * 1024u)
#define NOISE_BYTES   (1u << 20)

/* ---- making them ------------------------------------------------------ */

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static FILE *
open_new(const struct library *l, unsigned node, unsigned n, const char *type)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/folder%u/%04u", l->w.dir, node,
		 n / PER_DIRECTORY);
	if (n % PER_DIRECTORY == 0 && mkdir(path, 0700) == -1)
		err(1, "%s", path);
	snprintf(path, sizeof(path), "%s/folder%u/%04u/img_%06u.%s", l->w.dir,
		 node, n / PER_DIRECTORY, n, type);
	if ((f = fopen(path, "wx")) == NULL)
		err(1, "%s", path);
	return f;
}

/* What is taken for a JPEG, and a whole one: a comment that makes it one of its
 * kind, where the compressed data would begin, noise, the end. */
static void
write_photo(FILE *f, unsigned mark, const uint8_t *noise, size_t bytes)
{
	uint8_t head[12] = {0xff, 0xd8, 0xff, 0xfe, 0x00, 0x06,
			    0, 0, 0, 0, 0xff, 0xda};
	size_t left = bytes - sizeof(head) - 2, n;

	memcpy(head + 6, &mark, sizeof(mark));
	fwrite(head, 1, sizeof(head), f);
	for (; left > 0; left -= n) {
		n = left < NOISE_BYTES ? left : NOISE_BYTES;
		fwrite(noise, 1, n, f);
	}
	fwrite("\xff\xd9", 1, 2, f);
	if (ferror(f) || fclose(f) != 0)
		err(1, "a photo");
}

double
tree_photos(const struct library *l, unsigned node, unsigned files,
	    size_t bytes_min, size_t bytes_max, bool twice)
{
	static uint8_t noise[NOISE_BYTES];
	uint64_t x = 88172645463325252u + node;
	size_t bytes = bytes_min;
	double sum = 0;

	for (size_t k = 0; k < sizeof(noise); k++)
		noise[k] = (uint8_t)next_random(&x);
	for (unsigned n = 0; n < files; n++) {
		bool again = twice && n % 5 == 4;

		if (!again)
			bytes = bytes_min +
				next_random(&x) % (bytes_max - bytes_min + 1);
		write_photo(open_new(l, node, n, "jpg"), again ? n - 1 : n,
			    noise, bytes);
		sum += (double)bytes;
	}
	return sum;
}

void
tree_tiny(const struct library *l, unsigned node, unsigned files)
{
	for (unsigned n = 0; n < files; n++) {
		FILE *f = open_new(l, node, n, "gif");

		fprintf(f, "GIF89a%u:%u............", node, n);
		if (ferror(f) || fclose(f) != 0)
			err(1, "a photo");
	}
}

void
tree_folder(const struct library *l, unsigned node)
{
	char folder[96];

	snprintf(folder, sizeof(folder), "%s/folder%u", l->w.dir, node);
	if (mkdir(folder, 0700) == -1 && errno != EEXIST)
		err(1, "%s", folder);
}

void
tree_remove(const struct library *l, unsigned node)
{
	char folder[96], *argv[] = {"rm", "-rf", folder, NULL};
	bool there;

	snprintf(folder, sizeof(folder), "%s/folder%u", l->w.dir, node);
	(void)run_program(argv, &there);
}

/* ---- the limit -------------------------------------------------------- */

struct limit {
	pthread_mutex_t lock;
	pthread_cond_t more;
	char **paths; /* owned */
	size_t count, room, next;
	bool walked;
	double bytes;
};

static void
found(struct limit *t, char *path)
{
	pthread_mutex_lock(&t->lock);
	if (t->count == t->room) {
		t->room = t->room == 0 ? 1024 : 2 * t->room;
		t->paths = realloc(t->paths, t->room * sizeof(*t->paths));
	}
	if (t->paths == NULL || path == NULL)
		errx(1, "out of memory");
	t->paths[t->count++] = path;
	pthread_cond_signal(&t->more);
	pthread_mutex_unlock(&t->lock);
}

static void
walk(struct limit *t, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[600];

	if (d == NULL)
		err(1, "%s", dir);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR)
			walk(t, path);
		else
			found(t, strdup(path));
	}
	closedir(d);
}

static char *
next_path(struct limit *t)
{
	char *path = NULL;

	pthread_mutex_lock(&t->lock);
	while (t->next == t->count && !t->walked)
		pthread_cond_wait(&t->more, &t->lock);
	if (t->next < t->count)
		path = t->paths[t->next++];
	pthread_mutex_unlock(&t->lock);
	return path;
}

static void *
read_and_hash(void *arg)
{
	XXH3_state_t *state = XXH3_createState();
	uint8_t *buffer = malloc(READ_BYTES);
	struct limit *t = arg;
	volatile uint64_t kept = 0; /* a hash that nobody wants is not made */
	double bytes = 0;
	char *path;
	ssize_t n;
	int fd;

	if (state == NULL || buffer == NULL)
		errx(1, "out of memory");
	while ((path = next_path(t)) != NULL) {
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			err(1, "%s", path);
		XXH3_128bits_reset(state);
		while ((n = read(fd, buffer, READ_BYTES)) > 0) {
			XXH3_128bits_update(state, buffer, (size_t)n);
			bytes += (double)n;
		}
		kept ^= XXH3_128bits_digest(state).low64;
		close(fd);
		free(path);
	}
	XXH3_freeState(state);
	free(buffer);
	pthread_mutex_lock(&t->lock);
	t->bytes += bytes;
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

double
tree_limit(const struct library *l, unsigned node, double bytes)
{
	struct limit t = {.lock = PTHREAD_MUTEX_INITIALIZER,
			  .more = PTHREAD_COND_INITIALIZER};
	double began = stats_now_ms(), took;
	pthread_t other;
	char dir[96];

	snprintf(dir, sizeof(dir), "%s/folder%u", l->w.dir, node);
	if (pthread_create(&other, NULL, read_and_hash, &t) != 0)
		errx(1, "cannot start a thread");
	walk(&t, dir);
	pthread_mutex_lock(&t.lock);
	t.walked = true;
	pthread_cond_broadcast(&t.more);
	pthread_mutex_unlock(&t.lock);
	read_and_hash(&t);
	pthread_join(other, NULL);
	took = stats_now_ms() - began;
	if (t.bytes != bytes)
		errx(1, "%s: %.0f bytes read of %.0f", dir, t.bytes, bytes);
	free(t.paths);
	return took;
}
