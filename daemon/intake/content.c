#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>
#if defined(__x86_64__) || defined(__i386__)
#include <xxh_x86dispatch.h>
#endif

#include "sniff.h"

#define NS_PER_S        INT64_C(1000000000)
#define READ_BYTES      (256u * 1024u)
#define ONCE_BYTES      (64u * 1024u) /* up to here all of it at once */
#define TRIES           3u
#define TAIL_BYTES      (1024u * 1024u)
#define LAST_BYTES      4096u /* where an end is looked for first */
#define JPEG_SEGMENTS   512u
#define STREAM_MIN_BYTES (64 * 1024 * 1024) /* not worth keeping in the cache */

struct content_reader {
	XXH3_state_t *state;
	size_t whole; /* the buffer holds all of the file: so many bytes */
	uint8_t buffer[READ_BYTES];
};

struct content_reader *
content_reader_new(void)
{
	struct content_reader *r = malloc(sizeof(*r));

	if (r != NULL && (r->state = XXH3_createState()) == NULL) {
		free(r);
		r = NULL;
	}
	return r;
}

void
content_reader_free(struct content_reader *r)
{
	if (r == NULL)
		return;
	XXH3_freeState(r->state);
	free(r);
}

/* What lies before 1678 or after 2262 counts as their ends. */
static int64_t
in_ns(const struct timespec *t)
{
	if (t->tv_sec >= INT64_MAX / NS_PER_S)
		return INT64_MAX;
	if (t->tv_sec <= -INT64_MAX / NS_PER_S)
		return -INT64_MAX; /* which has a negative, too */
	return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

int64_t
stat_mtime_ns(const struct stat *st)
{
	return in_ns(&st->st_mtim);
}

int64_t
stat_ctime_ns(const struct stat *st)
{
	return in_ns(&st->st_ctim);
}

bool
stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       stat_mtime_ns(a) == stat_mtime_ns(b) &&
	       stat_ctime_ns(a) == stat_ctime_ns(b);
}

/* As much as there is, up to count; -1 with errno. */
static ssize_t
read_at(int fd, uint8_t *out, size_t count, off_t at)
{
	size_t have = 0;
	ssize_t n;

	while (have < count) {
		n = pread(fd, out + have, count - have, at + (off_t)have);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* How much the next read will bring, from what is known of the size. */
static size_t
next_bytes(const struct content *c, off_t at)
{
	off_t left = c->stat.st_size - at;

	return left < 0 ? 0 : left < (off_t)READ_BYTES ? (size_t)left
						       : READ_BYTES;
}

static void
say_hash(struct content *out, XXH128_hash_t hash, uint64_t size)
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, hash);
	memcpy(out->photo.hash, canonical.digest, PHOTO_HASH_BYTES);
	out->photo.size = size;
}

/*
 * The rest of a file that fits into the buffer, behind the `have` bytes that
 * are there, so that it is read once, whatever is asked of it then: most photos
 * are small, and a system call costs more than hashing some of their bytes.
 * What it grew by meanwhile is left: the second look will see that it changed.
 * False when out->verdict says why not.
 */
static bool
keep_whole(struct content_reader *r, int fd, size_t have, struct content *out)
{
	size_t size = (size_t)out->stat.st_size;
	ssize_t n = 0;

	if (have == SNIFF_BYTES && have < size)
		n = read_at(fd, r->buffer + have, size - have, (off_t)have);
	if (n == -1) {
		out->verdict = CONTENT_UNREADABLE;
		out->error = errno;
		return false;
	}
	r->whole = have + (size_t)n;
	return true;
}

/* Hash the whole file, of which `have` bytes were sniffed at.  False when
 * out->verdict says why not. */
static bool
hash_file(struct content_reader *r, int fd, size_t have,
	  bool (*go_on)(void *arg, size_t bytes), void *arg,
	  struct content *out)
{
	off_t at = 0;
	ssize_t n;

	if (r->whole == 0 && out->stat.st_size < (off_t)READ_BYTES) {
		if (go_on != NULL && !go_on(arg, next_bytes(out, at))) {
			out->verdict = CONTENT_STOPPED;
			return false;
		}
		if (!keep_whole(r, fd, have, out))
			return false;
	}
	if (r->whole > 0) {
		say_hash(out, XXH3_128bits(r->buffer, r->whole), r->whole);
		return true;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	XXH3_128bits_reset(r->state);
	do {
		if (go_on != NULL && !go_on(arg, next_bytes(out, at))) {
			out->verdict = CONTENT_STOPPED;
			return false;
		}
		if ((n = read_at(fd, r->buffer, READ_BYTES, at)) == -1) {
			out->verdict = CONTENT_UNREADABLE;
			out->error = errno;
			return false;
		}
		XXH3_128bits_update(r->state, r->buffer, (size_t)n);
		at += n;
		/* A file that grows faster than it is read must not hold a
		 * thread for ever; the second look will see that it changed. */
	} while (n == (ssize_t)READ_BYTES && at <= out->stat.st_size);
	say_hash(out, XXH3_128bits_digest(r->state), (uint64_t)at);
	return true;
}

/* As read_at, from the buffer where that holds everything. */
static ssize_t
look_at(const struct content_reader *r, int fd, uint8_t *out, size_t count,
	off_t at)
{
	size_t left;

	if (r->whole == 0)
		return read_at(fd, out, count, at);
	left = (size_t)at < r->whole ? r->whole - (size_t)at : 0;
	if (count > left)
		count = left;
	if (count > 0)
		memcpy(out, r->buffer + at, count);
	return (ssize_t)count;
}

/* Do they occur?  The very end is where it is likeliest, and to search those 4096
 * bytes costs more than to hash as many. */
static bool
has(const uint8_t *in, size_t n, const char *bytes, size_t count)
{
	size_t last = n < LAST_BYTES ? n : LAST_BYTES;

	if (n >= count && memcmp(in + n - count, bytes, count) == 0)
		return true;
	return memmem(in + n - last, last, bytes, count) != NULL ||
	       (n > last && memmem(in, n, bytes, count) != NULL);
}

/* Do these bytes occur in [from, size), looked for in its last MiB only? */
static bool
tail_has(struct content_reader *r, int fd, off_t from, off_t size,
	 const char *bytes, size_t count)
{
	off_t end = size, start, window = LAST_BYTES;
	ssize_t n;

	if (r->whole > 0)
		return (size_t)from < r->whole &&
		       has(r->buffer + from, r->whole - (size_t)from, bytes,
			   count);
	if (from < size - (off_t)TAIL_BYTES)
		from = size - (off_t)TAIL_BYTES;
	while (end - from >= (off_t)count) {
		start = end - window;
		window = READ_BYTES;
		if (start < from)
			start = from;
		n = read_at(fd, r->buffer, (size_t)(end - start), start);
		/* Trouble here is no verdict on the content. */
		if (n != end - start ||
		    has(r->buffer, (size_t)n, bytes, count))
			return true;
		if (start == from)
			return false;
		end = start + (off_t)count - 1;
	}
	return false;
}

/*
 * Where a JPEG's compressed data begin.  0: it ends before that; -1: not to be
 * judged.  Walking the segments matters: the thumbnail inside one of them has
 * an end marker of its own.
 */
static off_t
jpeg_scan_start(const struct content_reader *r, int fd, off_t size)
{
	uint8_t b[4];
	off_t at = 2;

	for (unsigned i = 0; i < JPEG_SEGMENTS; i++) {
		ssize_t n = look_at(r, fd, b, sizeof(b), at);

		if (n == -1)
			return -1;
		if (n < (ssize_t)sizeof(b))
			return 0;
		if (b[0] != 0xff)
			return -1;
		if (b[1] == 0xff) { /* fill byte */
			at++;
			continue;
		}
		if (b[1] == 0xda)
			return at;
		if (b[1] == 0xd9 || b[1] == 0x01 ||
		    (b[1] >= 0xd0 && b[1] <= 0xd8))
			return -1;
		at += 2 + ((off_t)b[2] << 8 | b[3]);
		if (at >= size)
			return 0;
	}
	return -1;
}

static bool
is_truncated(struct content_reader *r, int fd, const struct content *c)
{
	off_t size = c->stat.st_size, start;

	if (strcmp(c->type, "image/jpeg") == 0) {
		start = jpeg_scan_start(r, fd, size);
		if (start <= 0)
			return start == 0;
		return !tail_has(r, fd, start, size, "\xff\xd9", 2);
	}
	if (strcmp(c->type, "image/png") == 0)
		return !tail_has(r, fd, 8, size, "IEND", 4);
	return false;
}

/* What is sniffed at, and the rest of a small file with it: a system call less.
 * -1 when out->verdict says why not. */
static ssize_t
read_first(struct content_reader *r, int fd,
	   bool (*go_on)(void *arg, size_t bytes), void *arg,
	   struct content *out)
{
	const off_t size = out->stat.st_size;
	bool once = size > (off_t)SNIFF_BYTES && size <= (off_t)ONCE_BYTES;
	ssize_t n;

	if (once && go_on != NULL && !go_on(arg, (size_t)size)) {
		out->verdict = CONTENT_STOPPED;
		return -1;
	}
	n = read_at(fd, r->buffer, once ? (size_t)size : SNIFF_BYTES, 0);
	if (n == -1) {
		out->verdict = CONTENT_UNREADABLE;
		out->error = errno;
		return -1;
	}
	if (once)
		r->whole = (size_t)n;
	return n < (ssize_t)SNIFF_BYTES ? n : (ssize_t)SNIFF_BYTES;
}

/* One try, of what looked like `before`, or is looked at first.  False when the
 * file changed under it. */
static bool
read_once(struct content_reader *r, int fd, const struct stat *before,
	  bool (*go_on)(void *arg, size_t bytes), void *arg,
	  struct content *out)
{
	struct stat after;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	r->whole = 0;
	if (before != NULL) {
		out->stat = *before;
	} else if (fstat(fd, &out->stat) == -1) {
		out->verdict = CONTENT_UNREADABLE;
		out->error = errno;
		return true;
	}
	if ((n = read_first(r, fd, go_on, arg, out)) == -1)
		return true;
	out->verdict = CONTENT_OTHER;
	if ((out->type = sniff(r->buffer, (size_t)n)) != NULL) {
		out->verdict = CONTENT_MEDIA;
		if (!hash_file(r, fd, (size_t)n, go_on, arg, out))
			return true;
		out->truncated = is_truncated(r, fd, out);
	}
	if (fstat(fd, &after) == -1) {
		out->verdict = CONTENT_UNREADABLE;
		out->error = errno;
		return true;
	}
	if (!stat_same(&out->stat, &after))
		return false;
	out->stat = after; /* and whether it has a name yet */
	return out->verdict != CONTENT_MEDIA ||
	       out->photo.size == (uint64_t)after.st_size;
}

void
content_read(struct content_reader *r, int fd, const struct stat *before,
	     bool (*go_on)(void *arg, size_t bytes), void *arg,
	     struct content *out)
{
	unsigned tries = 0;

	while (!read_once(r, fd, before, go_on, arg, out)) {
		before = NULL;
		if (++tries == TRIES) {
			out->verdict = CONTENT_UNSTABLE;
			break;
		}
	}
	/* A long film must not push everything else out of the cache. */
	if (out->stat.st_size >= STREAM_MIN_BYTES)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}
