#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"

#define NAME_BYTES_MAX 255u

struct tree {
	const struct tree_visitor *v;
	dev_t device;
	size_t path_bytes;
	char path[PATH_BYTES_MAX + 1];
};

static bool walk_directory(struct tree *t, int fd, unsigned depth);

static void
tell_unlisted(struct tree *t, int error)
{
	t->v->unlisted(t->v->arg, t->path, t->path_bytes, error);
}

/* What systems keep at the top of a disk for themselves. */
static bool
is_of_system(const char *name)
{
	return strcmp(name, "lost+found") == 0 ||
	       strcmp(name, "$RECYCLE.BIN") == 0 ||
	       strcmp(name, "System Volume Information") == 0;
}

static bool
is_never_taken(const char *name, unsigned depth)
{
	return name[0] == '.' || (depth == 0 && is_of_system(name));
}

static bool
is_excluded(const struct tree *t, const char *name)
{
	for (uint32_t i = 0; i < t->v->exclude_count; i++) {
		if (fnmatch(t->v->excludes[i], name, 0) == 0 ||
		    fnmatch(t->v->excludes[i], t->path, 0) == 0)
			return true;
	}
	return false;
}

/* Add `name` to the path.  False when that is longer than a record's key. */
static bool
push(struct tree *t, const char *name)
{
	size_t n = strlen(name), slash = t->path_bytes > 0 ? 1 : 0;

	if (t->path_bytes + slash + n > PATH_BYTES_MAX)
		return false;
	if (slash)
		t->path[t->path_bytes++] = '/';
	memcpy(t->path + t->path_bytes, name, n + 1);
	t->path_bytes += n;
	return true;
}

static bool
enter(struct tree *t, int parent_fd, const char *name, unsigned depth)
{
	struct stat st;
	bool go_on = true;
	int fd;

	if (depth == TREE_DEPTH_MAX) {
		tell_unlisted(t, ELOOP);
		return true;
	}
	fd = openat(parent_fd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		/* Gone, or no directory any more, since it was listed. */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			tell_unlisted(t, errno);
		return true;
	}
	if (fstat(fd, &st) == -1) {
		tell_unlisted(t, errno);
		close(fd);
	} else if (st.st_dev != t->device) {
		/* Another volume is another root, if the user says so.  What
		 * it may hide of this one is not gone. */
		tell_unlisted(t, EXDEV);
		close(fd);
	} else {
		go_on = walk_directory(t, fd, depth);
	}
	return go_on;
}

int
tree_open_file(int dir_fd, const char *name)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
			  O_CLOEXEC;
	int fd = openat(dir_fd, name, flags | O_NOATIME);

	/* Only the owner may leave the access time alone. */
	if (fd == -1 && errno == EPERM)
		fd = openat(dir_fd, name, flags);
	return fd;
}

/* What was listed as a file, open; -1: it must be looked at by its name. */
static int
open_listed(int dir_fd, const char *name, struct stat *st)
{
	int fd = tree_open_file(dir_fd, name);

	if (fd == -1 || (fstat(fd, st) == 0 && S_ISREG(st->st_mode)))
		return fd;
	close(fd);
	return -1;
}

static bool
visit_file(struct tree *t, int dir_fd, const char *name, int fd,
	   const struct stat *st)
{
	const struct tree_file f = {
		.path = t->path, .path_bytes = t->path_bytes,
		.name = name, .dir_fd = dir_fd, .fd = &fd, .stat = st,
	};
	bool go_on = t->v->file(t->v->arg, &f);

	if (fd != -1)
		close(fd);
	return go_on;
}

static bool
visit(struct tree *t, int dir_fd, const char *name, unsigned char type,
      unsigned depth)
{
	struct stat st;
	int fd = -1;

	if (type != DT_REG && type != DT_DIR && type != DT_UNKNOWN)
		return true;
	if (is_excluded(t, name))
		return true;
	if (type == DT_DIR)
		return enter(t, dir_fd, name, depth + 1);
	if (type == DT_REG && t->v->open)
		fd = open_listed(dir_fd, name, &st);
	if (fd != -1)
		return visit_file(t, dir_fd, name, fd, &st);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno != ENOENT)
			tell_unlisted(t, errno);
		return true;
	}
	if (S_ISDIR(st.st_mode))
		return enter(t, dir_fd, name, depth + 1);
	if (!S_ISREG(st.st_mode))
		return true;
	return visit_file(t, dir_fd, name, -1, &st);
}

/* Takes `fd`. */
static bool
walk_directory(struct tree *t, int fd, unsigned depth)
{
	const size_t before = t->path_bytes;
	bool go_on = true;
	struct dirent *e;
	DIR *d;

	if ((d = fdopendir(fd)) == NULL) {
		tell_unlisted(t, errno);
		close(fd);
		return true;
	}
	if (t->v->directory != NULL)
		t->v->directory(t->v->arg, t->path, t->path_bytes, dirfd(d));
	while (go_on) {
		errno = 0;
		if ((e = readdir(d)) == NULL) {
			if (errno != 0)
				tell_unlisted(t, errno);
			break;
		}
		if (is_never_taken(e->d_name, depth))
			continue;
		if (!push(t, e->d_name)) {
			log_warn("left out, its path is longer than %u bytes: "
				 "%.200s/.../%s",
				 PATH_BYTES_MAX, t->path, e->d_name);
			continue;
		}
		go_on = visit(t, dirfd(d), e->d_name, e->d_type, depth);
		t->path_bytes = before;
		t->path[before] = '\0';
	}
	closedir(d);
	return go_on;
}

/* A description of our own: the directory's position is not shared. */
static int
begin(struct tree *t, int folder_fd, const struct tree_visitor *v)
{
	struct stat st;
	int fd;

	t->v = v;
	t->path_bytes = 0;
	t->path[0] = '\0';
	fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		tell_unlisted(t, errno);
		return -1;
	}
	if (fstat(fd, &st) == -1) {
		tell_unlisted(t, errno);
		close(fd);
		return -1;
	}
	t->device = st.st_dev;
	return fd;
}

bool
tree_walk(int folder_fd, const struct tree_visitor *v)
{
	struct tree t;
	int fd = begin(&t, folder_fd, v);

	return fd == -1 || walk_directory(&t, fd, 0);
}

/* ---- one path --------------------------------------------------------- */

/* What an error on the way says. */
static enum tree_found
not_found(struct tree *t, int error)
{
	if (error == ENOENT || error == ENOTDIR || error == ELOOP)
		return TREE_MISSING;
	tell_unlisted(t, error);
	return TREE_LEFT_OUT;
}

/* Add the next name of `path`, if a walk would take it. */
static bool
step(struct tree *t, const char *path, size_t bytes, unsigned depth,
     char name[NAME_BYTES_MAX + 1])
{
	if (bytes == 0 || bytes > NAME_BYTES_MAX)
		return false;
	memcpy(name, path, bytes);
	name[bytes] = '\0';
	return !is_never_taken(name, depth) && push(t, name) &&
	       !is_excluded(t, name);
}

bool
tree_excludes(const struct tree_visitor *v, const char *path,
	      size_t path_bytes)
{
	const char *end = path + path_bytes, *slash;
	char name[NAME_BYTES_MAX + 1];
	struct tree t = {.v = v};

	for (; path < end; path = slash + 1) {
		slash = memchr(path, '/', (size_t)(end - path));
		if (slash == NULL)
			slash = end;
		if ((size_t)(slash - path) > NAME_BYTES_MAX)
			return false;
		memcpy(name, path, (size_t)(slash - path));
		name[slash - path] = '\0';
		if (!push(&t, name))
			return false;
		if (is_excluded(&t, name))
			return true;
	}
	return false;
}

/* From the directory `fd` into `name`; takes fd, gives the new one. */
static int
descend(struct tree *t, int fd, const char *name, enum tree_found *found)
{
	int below = openat(fd, name,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (below == -1)
		*found = not_found(t, errno);
	close(fd);
	if (below == -1)
		return -1;
	if (fstat(below, &st) == -1 || st.st_dev != t->device) {
		tell_unlisted(t, EXDEV);
		close(below);
		*found = TREE_LEFT_OUT;
		return -1;
	}
	return below;
}

static enum tree_found
visit_one(struct tree *t, int dir_fd, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return not_found(t, errno);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return TREE_MISSING;
	if (S_ISDIR(st.st_mode) && t->v->shallow)
		return TREE_THERE;
	return visit(t, dir_fd, name, S_ISDIR(st.st_mode) ? DT_DIR : DT_REG,
		     depth) ? TREE_THERE : TREE_STOPPED;
}

enum tree_found
tree_look(int folder_fd, const struct tree_visitor *v, const char *path,
	  size_t path_bytes)
{
	const char *end = path + path_bytes, *slash;
	char name[NAME_BYTES_MAX + 1];
	enum tree_found found;
	unsigned depth = 0;
	struct tree t;
	int fd = begin(&t, folder_fd, v);

	if (fd == -1)
		return TREE_LEFT_OUT;
	if (path_bytes == 0)
		return walk_directory(&t, fd, 0) ? TREE_THERE : TREE_STOPPED;
	while ((slash = memchr(path, '/', (size_t)(end - path))) != NULL) {
		if (!step(&t, path, (size_t)(slash - path), depth, name)) {
			close(fd);
			return TREE_LEFT_OUT;
		}
		if ((fd = descend(&t, fd, name, &found)) == -1)
			return found;
		path = slash + 1;
		depth++;
	}
	found = TREE_LEFT_OUT;
	if (step(&t, path, (size_t)(end - path), depth, name))
		found = visit_one(&t, fd, name, depth);
	close(fd);
	return found;
}
