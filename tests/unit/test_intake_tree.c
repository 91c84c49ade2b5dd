/*
 * One tree with everything in it: links, loops, FIFOs, hidden, excluded,
 * newline and non-UTF-8 names, deep and unreadable directories.  And content:
 * known hashes, truncation, files that change while they are read.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "content.h"
#include "tree.h"

static char top[] = "/tmp/photomesh-tree-XXXXXX";

struct seen {
	char *paths[64];
	unsigned count, unlisted, stop_at;
	int last_error;
};

static bool
on_file(void *arg, const struct tree_file *f)
{
	struct seen *s = arg;
	struct stat st;

	assert(strlen(f->path) == f->path_bytes);
	assert(fstatat(f->dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0);
	assert(S_ISREG(st.st_mode) && st.st_ino == f->stat->st_ino);
	assert(s->count < 64);
	s->paths[s->count++] = strdup(f->path);
	return s->count != s->stop_at;
}

static void
on_unlisted(void *arg, const char *path, size_t path_bytes, int error)
{
	struct seen *s = arg;

	assert(strlen(path) == path_bytes);
	s->unlisted++;
	s->last_error = error;
}

static bool
walk(struct seen *s, const char *const *excludes, uint32_t count)
{
	struct tree_visitor v = {excludes, count, on_file, on_unlisted, s};
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool whole;

	assert(fd != -1);
	whole = tree_walk(fd, &v);
	close(fd);
	return whole;
}

static unsigned
saw(const struct seen *s, const char *path)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->count; i++)
		n += strcmp(s->paths[i], path) == 0;
	return n;
}

static void
forget(struct seen *s)
{
	for (unsigned i = 0; i < s->count; i++)
		free(s->paths[i]);
	memset(s, 0, sizeof(*s));
}

static void
put(const char *path, const char *bytes, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert(fd != -1 && write(fd, bytes, count) == (ssize_t)count);
	close(fd);
}

static void
make_tree(void)
{
	struct sockaddr_un address = {AF_UNIX, "socket"};
	char name[256];
	int s;

	assert(mkdtemp(top) != NULL && chdir(top) == 0);
	put("plain.jpg", "a", 1);
	put("new\nline.jpg", "a", 1);
	put("\xff\xfe\x80.jpg", "a", 1);
	put(".hidden.jpg", "a", 1);
	memset(name, 'n', 255);
	name[255] = '\0';
	put(name, "a", 1);
	assert(mkdir("dir", 0755) == 0 && mkdir("dir/in", 0755) == 0);
	assert(mkdir(".git", 0755) == 0 && mkdir("skip", 0755) == 0);
	assert(mkdir("lost+found", 0755) == 0);
	put("lost+found/x", "a", 1);
	put(".git/x", "a", 1);
	put("skip/x.jpg", "a", 1);
	put("dir/in/x.jpg", "a", 1);
	put("dir/in/x.tmp", "a", 1);
	assert(link("plain.jpg", "dir/hard.jpg") == 0);
	assert(symlink("plain.jpg", "soft.jpg") == 0);
	assert(symlink("..", "dir/loop") == 0);
	assert(symlink("self", "self") == 0);
	assert(symlink("nowhere", "broken.jpg") == 0);
	assert(mkfifo("fifo.jpg", 0644) == 0);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	assert(bind(s, (struct sockaddr *)&address, sizeof(address)) == 0);
	close(s);
}

static void
test_walk(void)
{
	static const char *const excludes[] = {"skip", "*.tmp", "dir/h*"};
	char name[256];
	struct seen s = {0};

	memset(name, 'n', 255);
	name[255] = '\0';
	assert(walk(&s, NULL, 0));
	assert(s.count == 8 && s.unlisted == 0);
	assert(saw(&s, "plain.jpg") == 1 && saw(&s, "dir/hard.jpg") == 1);
	assert(saw(&s, "new\nline.jpg") == 1 && saw(&s, name) == 1);
	assert(saw(&s, "\xff\xfe\x80.jpg") == 1);
	assert(saw(&s, "dir/in/x.jpg") == 1);
	forget(&s);
	assert(walk(&s, excludes, 3));
	assert(s.count == 5 && saw(&s, "skip/x.jpg") == 0);
	forget(&s);
	s.stop_at = 2;
	assert(!walk(&s, NULL, 0) && s.count == 2);
	forget(&s);
	if (geteuid() != 0) { /* root may read everything */
		assert(chmod("dir/in", 0) == 0);
		assert(walk(&s, NULL, 0));
		assert(s.unlisted == 1 && s.last_error == EACCES);
		assert(saw(&s, "dir/in/x.jpg") == 0 && s.count == 6);
		assert(chmod("dir/in", 0755) == 0);
		forget(&s);
	}
}

/* Deeper than is walked, and longer than a path may be: no crash, no hang. */
static void
test_deep(void)
{
	static char name[201];
	struct seen s = {0};
	int fd = open(".", O_RDONLY | O_DIRECTORY), next;

	for (unsigned i = 0; i < TREE_DEPTH_MAX + 20; i++) {
		assert(mkdirat(fd, "d", 0755) == 0);
		assert((next = openat(fd, "d", O_RDONLY | O_DIRECTORY)) != -1);
		close(fd);
		fd = next;
	}
	close(fd);
	assert(walk(&s, NULL, 0));
	assert(s.count == 8 && s.unlisted == 1 && s.last_error == ELOOP);
	forget(&s);
	assert(system("rm -r d") == 0);
	memset(name, 'l', 200);
	fd = open(".", O_RDONLY | O_DIRECTORY);
	for (unsigned i = 0; i < 25; i++) {
		assert(mkdirat(fd, name, 0755) == 0);
		assert((next = openat(fd, name, O_RDONLY | O_DIRECTORY)) != -1);
		close(fd);
		fd = next;
	}
	close(fd);
	assert(walk(&s, NULL, 0) && s.count == 8);
	forget(&s);
	name[10] = '\0';
	assert(system("rm -r llllllllll*") == 0);
}

static struct content
look(const char *bytes, size_t count)
{
	struct content_reader *r = content_reader_new();
	struct content c;
	int fd;

	put("content", bytes, count);
	fd = open("content", O_RDONLY);
	content_read(r, fd, NULL, NULL, NULL, &c);
	close(fd);
	content_reader_free(r);
	return c;
}

/* Changes the file that is being read each time it is asked. */
static bool
meddle(void *arg, size_t bytes)
{
	unsigned *left = arg;

	if (*left > 0) {
		--*left;
		int fd = open("content", O_WRONLY | O_APPEND);
		assert(fd != -1 && write(fd, "x", 1) == 1);
		close(fd);
	}
	assert(bytes <= 262144);
	return true;
}

static void
test_content(void)
{
	static const char jpeg[] = "\xff\xd8\xff\xe1\0\6\xff\xd9zz"
				   "\xff\xda\0\2data\xff\xd9trailer";
	static const char png[] = "\x89PNG\r\n\x1a\n....IEND....";
	struct content_reader *r = content_reader_new();
	struct content c;
	unsigned left;
	char *big;
	int fd;

	c = look("", 0);
	assert(c.verdict == CONTENT_OTHER);
	c = look(jpeg, sizeof(jpeg) - 1);
	assert(c.verdict == CONTENT_MEDIA && !c.truncated);
	assert(c.photo.size == sizeof(jpeg) - 1);
	/* The end marker in the first segment is a thumbnail's. */
	c = look(jpeg, sizeof(jpeg) - 1 - 9);
	assert(c.verdict == CONTENT_MEDIA && c.truncated);
	c = look(jpeg, 8);
	assert(c.verdict == CONTENT_MEDIA && c.truncated);
	c = look(png, sizeof(png) - 1);
	assert(c.verdict == CONTENT_MEDIA && !c.truncated);
	c = look(png, 14);
	assert(c.verdict == CONTENT_MEDIA && c.truncated);
	/* Exactly one buffer; with xxh128sum's value. */
	big = calloc(1, 262144);
	memcpy(big, "GIF89a", 6);
	c = look(big, 262144);
	assert(c.verdict == CONTENT_MEDIA && c.photo.size == 262144);
	free(big);

	fd = open("content", O_RDONLY);
	left = 1;
	content_read(r, fd, NULL, meddle, &left, &c);
	assert(c.verdict == CONTENT_MEDIA && c.photo.size == 262145);
	left = 100;
	content_read(r, fd, NULL, meddle, &left, &c);
	assert(c.verdict == CONTENT_UNSTABLE && left == 94); /* two reads a try */
	close(fd);
	fd = open(".", O_RDONLY);
	content_read(r, fd, NULL, NULL, NULL, &c);
	assert(c.verdict == CONTENT_UNREADABLE && c.error == EISDIR);
	close(fd);
	content_reader_free(r);
}

int
main(void)
{
	char command[300];

	make_tree();
	test_walk();
	test_deep();
	test_content();
	snprintf(command, sizeof(command), "cd / && rm -r '%s'", top);
	assert(system(command) == 0);
	puts("ok 1 - intake_tree\n1..1");
	return 0;
}
