#include "sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"

struct walk {
	struct sources *s;
	struct failure *why;
	char path[SOURCE_PATH_MAX], real[SOURCE_PATH_MAX];
	size_t path_bytes, real_bytes;
};

static int walk_folder(struct walk *w, int fd, unsigned depth);

/* Folders that systems keep on every disk: nobody's photos. */
static bool
is_of_system(const char *name)
{
	static const char *const names[] = {"lost+found", "$RECYCLE.BIN",
					    "System Volume Information"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* One name more behind a path; false: it is too long. */
static bool
append(char path[SOURCE_PATH_MAX], size_t *bytes, const char *name)
{
	const char *slash = *bytes > 0 && path[*bytes - 1] == '/' ? "" : "/";
	int n = snprintf(path + *bytes, SOURCE_PATH_MAX - *bytes, "%s%s", slash,
			 name);

	if ((size_t)n >= SOURCE_PATH_MAX - *bytes) {
		path[*bytes] = '\0';
		return false;
	}
	*bytes += (size_t)n;
	return true;
}

/* Takes `fd`: whatever was opened under the path. */
static int
visit(struct walk *w, int fd, unsigned depth)
{
	struct source_file f = {.fd = fd, .path = w->path, .real = w->real};
	int r = 0;

	if (fstat(fd, &f.stat) == -1) {
		w->s->on_trouble(w->s->arg, w->path, strerror(errno));
	} else if (S_ISDIR(f.stat.st_mode)) {
		if (w->s->may_enter == NULL ||
		    w->s->may_enter(w->s->arg, w->path, w->real))
			return walk_folder(w, fd, depth);
	} else if (S_ISREG(f.stat.st_mode)) {
		if (depth > 0 || w->s->may_enter == NULL ||
		    w->s->may_enter(w->s->arg, w->path, w->real))
			r = w->s->on_file(w->s->arg, &f, w->why);
	} else if (depth == 0) {
		w->s->on_trouble(w->s->arg, w->path,
				 "it is neither a file nor a folder");
	}
	close(fd);
	return r;
}

static int
visit_below(struct walk *w, int folder, const char *name, unsigned depth)
{
	const size_t path_bytes = w->path_bytes, real_bytes = w->real_bytes;
	int r = 0, fd;

	if (!append(w->path, &w->path_bytes, name) ||
	    !append(w->real, &w->real_bytes, name)) {
		w->s->on_trouble(w->s->arg, w->path, "its path is too long");
		goto back;
	}
	fd = openat(folder, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1)
		r = visit(w, fd, depth);
	else if (errno != ELOOP && errno != ENXIO) /* a link, a socket */
		w->s->on_trouble(w->s->arg, w->path, strerror(errno));
back:
	w->path[w->path_bytes = path_bytes] = '\0';
	w->real[w->real_bytes = real_bytes] = '\0';
	return r;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **list; /* owned, as are its strings */
	size_t count, capacity;
};

static bool
keep_name(struct names *n, const char *name)
{
	if (n->count == n->capacity) {
		size_t capacity = 2 * n->capacity + 64;
		char **list = realloc(n->list, capacity * sizeof(*list));

		if (list == NULL)
			return false;
		n->list = list;
		n->capacity = capacity;
	}
	if ((n->list[n->count] = strdup(name)) == NULL)
		return false;
	n->count++;
	return true;
}

static bool
is_wanted(struct walk *w, const struct dirent *e, unsigned depth)
{
	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return false;
	if (e->d_name[0] == '.' || (depth == 0 && is_of_system(e->d_name))) {
		w->s->hidden++;
		return false;
	}
	/* What is there to open may have effects when it is opened. */
	return e->d_type == DT_REG || e->d_type == DT_DIR ||
	       e->d_type == DT_UNKNOWN;
}

/* Takes `fd`. */
static int
walk_folder(struct walk *w, int fd, unsigned depth)
{
	struct names n = {0};
	struct dirent *e;
	DIR *d = fdopendir(fd);
	int r = 0;

	if (d == NULL) {
		close(fd);
		return failure_set(w->why, ENDING_FAILED, "out of memory");
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		if (is_wanted(w, e, depth) && !keep_name(&n, e->d_name))
			r = failure_set(w->why, ENDING_FAILED,
					"out of memory");
	}
	if (r == 0 && errno != 0)
		w->s->on_trouble(w->s->arg, w->path, strerror(errno));
	if (n.count > 0)
		qsort(n.list, n.count, sizeof(*n.list), by_name);
	for (size_t i = 0; i < n.count; i++) {
		if (r == 0 && call_interrupted())
			r = failure_set(w->why, ENDING_INTERRUPTED, "%s", "");
		if (r == 0)
			r = visit_below(w, dirfd(d), n.list[i], depth + 1);
		free(n.list[i]);
	}
	free(n.list);
	closedir(d);
	return r;
}

static int
walk_named(struct walk *w, const char *name)
{
	char *real = realpath(name, NULL);
	int fd;

	if (real == NULL || strlen(name) >= SOURCE_PATH_MAX ||
	    strlen(real) >= SOURCE_PATH_MAX) {
		w->s->on_trouble(w->s->arg, name,
				 real == NULL ? strerror(errno)
					      : "its path is too long");
		free(real);
		return 0;
	}
	w->path_bytes = (size_t)snprintf(w->path, SOURCE_PATH_MAX, "%s", name);
	w->real_bytes = (size_t)snprintf(w->real, SOURCE_PATH_MAX, "%s", real);
	free(real);
	fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1)
		return visit(w, fd, 0);
	w->s->on_trouble(w->s->arg, name, strerror(errno));
	return 0;
}

int
sources_walk(struct sources *s, const char *const *names, unsigned count,
	     struct failure *why)
{
	struct walk *w = malloc(sizeof(*w));
	int r = 0;

	if (w == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	w->s = s;
	w->why = why;
	for (unsigned i = 0; i < count && r == 0; i++)
		r = walk_named(w, names[i]);
	free(w);
	return r;
}
