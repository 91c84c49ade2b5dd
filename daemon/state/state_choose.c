/*
 * state_choose.c: which of a user's state directories a start uses, and
 * whether it has been copied.
 */
#include "state_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "birth.h"
#include "log.h"
#include "trouble.h"

#define PLACE_BYTES_MAX 160u

/* ---- place: has this directory been copied? -------------------------- */

static size_t
place_text(int dir_fd, const struct host_id *host, char out[PLACE_BYTES_MAX])
{
	char hex[2 * HOST_ID_BYTES + 1];
	struct stat st;
	struct birth born;

	if (fstat(dir_fd, &st) == -1 || !birth_of(dir_fd, "", &born))
		return 0;
	hex_encode(host->bytes, HOST_ID_BYTES, hex);
	return (size_t)snprintf(out, PLACE_BYTES_MAX,
				"place %" PRIu64 " %" PRIu64 " %" PRIu64
				".%09" PRIu64 " %s\n",
				(uint64_t)st.st_dev, born.inode, born.s,
				born.ns, hex);
}

bool
place_kept(int dir_fd, const struct host_id *host)
{
	char now[PLACE_BYTES_MAX];
	uint8_t then[PLACE_BYTES_MAX];
	size_t n = place_text(dir_fd, host, now), m;

	return n > 0 &&
	       file_read(dir_fd, "place", then, sizeof(then), &m) == 0 &&
	       m == n && memcmp(now, then, n) == 0;
}

int
place_write(int dir_fd, const char *dir, const struct host_id *host,
	    struct trouble *why)
{
	char now[PLACE_BYTES_MAX];
	size_t n = place_text(dir_fd, host, now);

	if (n == 0 || file_replace(dir_fd, "place", now, n) == -1)
		return trouble_errno(why, errno, "cannot write %s/place", dir);
	return 0;
}

/* ---- choosing among the state directories of one user ---------------- */

/* How well the state directory `name` fits `f`; 0: not at all. */
static unsigned
fit_of(int base_fd, const char *name, const struct folder *f,
       const struct host_id *host)
{
	struct trouble trouble;
	struct state_root *root;
	struct roots roots;
	unsigned fit = 0;
	int fd;

	fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	if (roots_read(fd, &roots, &trouble) == -1) {
		log_warn("state directory %s: %s", name, trouble.text);
	} else {
		root = find_root(roots.all, roots.count, f);
		if (root != NULL)
			fit = strcmp(root->path, f->path) == 0 ? 4 : 2;
		/* Of a directory and its copy, the original. */
		if (fit > 0 && place_kept(fd, host))
			fit++;
		roots_release(&roots);
	}
	close(fd);
	return fit;
}

char *
state_choose(int base_fd, const struct folder *f, const struct host_id *host,
       const char *except)
{
	unsigned best_fit = 0, fit;
	char *best = NULL;
	struct dirent *e;
	DIR *d;
	int fd;

	fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (d = fdopendir(fd)) == NULL) {
		if (fd != -1)
			close(fd);
		return NULL;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    (except != NULL && strcmp(e->d_name, except) == 0))
			continue;
		fit = fit_of(base_fd, e->d_name, f, host);
		if (fit == 0 || fit < best_fit ||
		    (fit == best_fit && strcmp(e->d_name, best) > 0))
			continue;
		best_fit = fit;
		free(best);
		best = strdup(e->d_name);
		if (best == NULL)
			break;
	}
	closedir(d);
	return best;
}

/* A new directory, named after the folder; its name, owned by the caller. */
static char *
make_new(int base_fd, const char *base, const char *path, struct trouble *why)
{
	const char *from = strrchr(path, '/') + 1;
	char hex[9], name[64];
	uint8_t random[4];
	size_t n = 0;

	for (; *from != '\0' && n < 40; from++) {
		bool plain = (*from >= 'a' && *from <= 'z') ||
			     (*from >= 'A' && *from <= 'Z') ||
			     (*from >= '0' && *from <= '9') || *from == '_' ||
			     (n > 0 && (*from == '.' || *from == '-'));

		name[n++] = plain ? *from : '_';
	}
	if (n == 0)
		name[n++] = '_';
	if (random_bytes(random, sizeof(random), why) == -1)
		return NULL;
	hex_encode(random, sizeof(random), hex);
	snprintf(name + n, sizeof(name) - n, "-%s", hex);
	if (mkdirat(base_fd, name, 0700) == -1) {
		trouble_errno(why, errno, "cannot make the directory %s/%s",
			      base, name);
		return NULL;
	}
	return strdup(name);
}

int
settle_dir(struct state *s, const struct folder *first, int *base_fd,
	   char **name, struct trouble *why)
{
	char *base;
	int r = -1;

	base = user_directory("XDG_STATE_HOME", ".local/state", why);
	if (base == NULL)
		return -1;
	if (make_directories(base) == -1 ||
	    (*base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1) {
		trouble_errno(why, errno, "cannot make the directory %s", base);
		goto out;
	}
	while (flock(*base_fd, LOCK_EX) == -1) {
		if (errno != EINTR)
			break; /* Without locks we are merely less safe. */
	}
	*name = state_choose(*base_fd, first, &s->host, NULL);
	if (*name == NULL && !first->there) {
		folder_missing(first, why);
		goto out;
	}
	if (*name == NULL)
		*name = make_new(*base_fd, base, first->path, why);
	if (*name == NULL)
		goto out;
	if (asprintf(&s->dir, "%s/%s", base, *name) == -1) {
		s->dir = NULL;
		trouble_set(why, ENOMEM, "out of memory");
		goto out;
	}
	r = 0;
out:
	free(base);
	return r;
}
