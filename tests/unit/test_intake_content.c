/*
 * What a file's bytes are: the same hash, size and judgement whether it fits
 * into the buffer or not, never more reading than was asked for, and never an id
 * of bytes that were not in it at one time.
 */
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "content.h"

#define MAX (1024u * 1024u)

static uint8_t bytes[MAX];
static struct content_reader *reader;
static int fd;

static bool
take(void *arg, size_t count)
{
	*(size_t *)arg += count;
	return true;
}

static bool
refuse(void *arg, size_t count)
{
	(void)arg;
	(void)count;
	return false;
}

static void
fill(size_t count)
{
	assert(ftruncate(fd, 0) == 0);
	assert(pwrite(fd, bytes, count, 0) == (ssize_t)count);
}

static void
expect(size_t count, bool truncated)
{
	XXH128_canonical_t canonical;
	struct content c;
	size_t asked = 0;

	fill(count);
	content_read(reader, fd, NULL, take, &asked, &c);
	assert(c.verdict == CONTENT_MEDIA);
	assert(c.photo.size == count);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, count));
	assert(memcmp(c.photo.hash, canonical.digest, PHOTO_HASH_BYTES) == 0);
	if (c.truncated != truncated) {
		fprintf(stderr, "%zu bytes: truncated: %d\n", count,
			c.truncated);
		abort();
	}
	assert(asked == count);
	content_read(reader, fd, NULL, refuse, NULL, &c);
	assert(c.verdict == CONTENT_STOPPED);
}

#define NO_END ((size_t)-1)

/* A segment with an end marker of its own, then compressed data, and perhaps
 * the end, with so much behind it. */
static void
jpeg(size_t count, size_t behind)
{
	memset(bytes, 'x', count);
	memcpy(bytes, "\xff\xd8\xff\xe1\x00\x08" "..\xff\xd9..\xff\xda", 14);
	if (behind != NO_END)
		memcpy(bytes + count - behind - 2, "\xff\xd9", 2);
	expect(count, behind == NO_END);
}

static void
png(size_t count, bool ends)
{
	memset(bytes, 'x', count);
	memcpy(bytes, "\x89PNG\r\n\x1a\n", 8);
	if (ends)
		memcpy(bytes + count - 8, "IEND1234", 8);
	expect(count, !ends);
}

/* How it looked before counts only if it looks so afterwards. */
static void
look_before(const char *path)
{
	struct stat before;
	struct content c;

	jpeg(40000, 5);
	assert(fstat(fd, &before) == 0);
	content_read(reader, fd, &before, NULL, NULL, &c);
	assert(c.verdict == CONTENT_MEDIA && c.photo.size == 40000);
	assert(c.stat.st_nlink == 1 && stat_same(&c.stat, &before));
	for (size_t count = 30000; count <= 50000; count += 20000) {
		fill(count);
		content_read(reader, fd, &before, NULL, NULL, &c);
		assert(c.verdict == CONTENT_MEDIA && c.photo.size == count);
		assert(c.stat.st_size == (off_t)count);
	}
	assert(fstat(fd, &before) == 0 && unlink(path) == 0);
	content_read(reader, fd, &before, NULL, NULL, &c);
	assert(c.verdict == CONTENT_MEDIA && c.stat.st_nlink == 0);
}

struct rewriting {
	unsigned left, asked; /* how often yet; so often there was a question */
};

/* Somebody writes what has been read already, between two blocks. */
static bool
rewrite(void *arg, size_t count)
{
	struct rewriting *w = arg;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	(void)count;
	/* Clocks of file systems tick slowly: each time is one of its own. */
	times[1].tv_sec = 1000000000 + w->asked++;
	if (w->left == 0 || w->asked % 2 != 0)
		return true;
	w->left--;
	bytes[100]++;
	assert(pwrite(fd, bytes, 4096, 0) == 4096);
	assert(futimens(fd, times) == 0);
	return true;
}

/* The same size before and behind, and yet no such file ever was: it is read
 * again, or said to be unstable. */
static void
changed_while_read(void)
{
	const size_t count = 400000; /* two blocks */
	struct rewriting w = {.left = 1};
	XXH128_canonical_t canonical;
	struct stat now;
	struct content c;

	jpeg(count, 0);
	content_read(reader, fd, NULL, rewrite, &w, &c);
	assert(w.left == 0 && c.verdict == CONTENT_MEDIA);
	assert(fstat(fd, &now) == 0 && stat_same(&c.stat, &now));
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, count));
	assert(memcmp(c.photo.hash, canonical.digest, PHOTO_HASH_BYTES) == 0);
	w = (struct rewriting){.left = UINT_MAX, .asked = 100};
	content_read(reader, fd, NULL, rewrite, &w, &c);
	assert(c.verdict == CONTENT_UNSTABLE);
}

int
main(void)
{
	static const size_t sizes[] = {
		64, 4095, 4096, 4097, 40000, 262143, 262144, 262145, 524288,
		524289, MAX,
	};
	char path[] = "/tmp/photomesh-content-XXXXXX";
	struct content c;

	fd = mkstemp(path);
	assert(fd != -1);
	assert((reader = content_reader_new()) != NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		jpeg(sizes[i], 0);
		jpeg(sizes[i], 5);
		jpeg(sizes[i], NO_END);
		/* Half of it stands before the last bytes. */
		if (sizes[i] > 5000) {
			jpeg(sizes[i], 4095);
			jpeg(sizes[i], 4900);
		}
		png(sizes[i], true);
		png(sizes[i], false);
	}
	changed_while_read();
	look_before(path);
	/* It ends within its segments, and just behind its first mark. */
	memcpy(bytes, "\xff\xd8\xff\xe1\x10\x00", 6);
	expect(64, true);
	expect(4, true);
	memset(bytes, 'x', 100000);
	fill(100000);
	content_read(reader, fd, NULL, NULL, NULL, &c);
	assert(c.verdict == CONTENT_OTHER);
	fill(0);
	content_read(reader, fd, NULL, NULL, NULL, &c);
	assert(c.verdict == CONTENT_OTHER);
	content_reader_free(reader);
	close(fd);
	puts("ok 1 - intake_content\n1..1");
	return 0;
}
