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

#include "log.h"
#include "trouble.h"

#define PLACE_BYTES_MAX 96u

/* One folder of the command line, as it is found now. */
struct folder {
	char *path;  /* owned */
	char *inner; /* owned; NULL if the folder is not there */
	bool there;
	int missing; /* errno, if not there */
	uint8_t volume[VOLUME_BYTES_MAX];
	uint8_t volume_bytes;
};

/* ---- folders --------------------------------------------------------- */

static int
folder_look(struct folder *f, const char *given, const struct host_id *host,
	    struct trouble *why)
{
	int fd, r = 0;

	memset(f, 0, sizeof(*f));
	if ((f->path = path_absolute(given)) == NULL)
		return trouble_errno(why, errno, "no such folder: %s", given);
	if (strlen(f->path) >= PATH_BYTES_MAX)
		return trouble_set(why, ENAMETOOLONG,
				   "the path of a folder is too long");
	fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		f->missing = errno;
		return 0;
	}
	f->there = true;
	r = volume_identity(fd, host, f->volume, &f->volume_bytes, why);
	if (r == 0 && (f->inner = volume_inner(fd)) == NULL &&
	    (f->inner = strdup(f->path)) == NULL)
		r = trouble_set(why, ENOMEM, "out of memory");
	close(fd);
	return r;
}

static void
folder_release(struct folder *f)
{
	free(f->path);
	free(f->inner);
}

static int
folder_missing(const struct folder *f, struct trouble *why)
{
	if (f->missing == ENOTDIR)
		return trouble_set(why, ENOTDIR, "%s is not a folder", f->path);
	if (f->missing == ENOENT)
		return trouble_set(why, ENOENT, "no such folder: %s", f->path);
	return trouble_errno(why, f->missing, "cannot open the folder %s",
			     f->path);
}

static bool
same_place(const struct state_root *r, const struct folder *f)
{
	return f->there && r->volume_bytes == f->volume_bytes &&
	       memcmp(r->volume, f->volume, r->volume_bytes) == 0 &&
	       strcmp(r->inner, f->inner) == 0;
}

/* The root that `f` is: by path, else by place on its volume. */
static struct state_root *
find_root(struct state_root *roots, uint32_t count, const struct folder *f)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(roots[i].path, f->path) == 0)
			return &roots[i];
	}
	for (uint32_t i = 0; i < count; i++) {
		if (same_place(&roots[i], f))
			return &roots[i];
	}
	return NULL;
}

/* ---- place: has this directory been copied? -------------------------- */

static size_t
place_text(int dir_fd, const struct host_id *host, char out[PLACE_BYTES_MAX])
{
	char hex[2 * HOST_ID_BYTES + 1];
	struct stat st;

	if (fstat(dir_fd, &st) == -1)
		return 0;
	hex_encode(host->bytes, HOST_ID_BYTES, hex);
	return (size_t)snprintf(out, PLACE_BYTES_MAX,
				"place %" PRIu64 " %" PRIu64 " %s\n",
				(uint64_t)st.st_dev, (uint64_t)st.st_ino, hex);
}

static bool
place_kept(int dir_fd, const struct host_id *host)
{
	char now[PLACE_BYTES_MAX];
	uint8_t then[PLACE_BYTES_MAX];
	size_t n = place_text(dir_fd, host, now), m;

	return n > 0 &&
	       file_read(dir_fd, "place", then, sizeof(then), &m) == 0 &&
	       m == n && memcmp(now, then, n) == 0;
}

static int
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

/* The name of the best state directory, `except` left out; NULL: none. */
static char *
choose(int base_fd, const struct folder *f, const struct host_id *host,
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

/*
 * Settle s->dir under the user's state directories.  *base_fd is left locked:
 * two first starts over one folder must not make two states.
 */
static int
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
	*name = choose(*base_fd, first, &s->host, NULL);
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

/* ---- opening --------------------------------------------------------- */

static int
take_lock(struct state *s, int dir_fd, const char *folder, struct trouble *why)
{
	s->lock_fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd == -1)
		return trouble_errno(why, errno, "cannot write %s/lock",
				     s->dir);
	while (flock(s->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return trouble_set(why, EWOULDBLOCK,
					   "another photod is serving %s: its "
					   "state directory %s is in use",
					   folder, s->dir);
		return trouble_errno(why, errno, "cannot lock %s/lock", s->dir);
	}
	return 0;
}

static int
add_root(struct state *s, struct folder *f, struct trouble *why)
{
	struct state_root *r = &s->roots[s->root_count];
	const char *base = strrchr(f->path, '/') + 1;

	if (s->root_count == STATE_ROOTS_MAX)
		return trouble_set(why, 0,
				   "more than %u folders for one daemon",
				   STATE_ROOTS_MAX);
	memset(r, 0, sizeof(*r));
	if (random_bytes(r->id.bytes, ROOT_ID_BYTES, why) == -1)
		return -1;
	r->path = strdup(f->path);
	r->inner = strdup(f->inner);
	r->label = strdup(*base == '\0' ? "/" : base);
	s->root_count++; /* state_close frees what is there */
	if (r->path == NULL || r->inner == NULL || r->label == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	memcpy(r->volume, f->volume, sizeof(r->volume));
	r->volume_bytes = f->volume_bytes;
	r->named = true;
	return 0;
}

/* The folder has moved, or its volume is mounted elsewhere: note it. */
static int
update_root(struct state_root *r, const struct folder *f, bool *changed,
	    struct trouble *why)
{
	const char *base = strrchr(f->path, '/') + 1;
	char *path, *inner, *label;

	/* Another volume at the recorded path is not ours: the root is
	 * offline, and what was recorded stays. */
	if (!f->there || r->volume_bytes != f->volume_bytes ||
	    memcmp(r->volume, f->volume, r->volume_bytes) != 0)
		return 0;
	if (strcmp(r->path, f->path) == 0 && strcmp(r->inner, f->inner) == 0)
		return 0;
	path = strdup(f->path);
	inner = strdup(f->inner);
	label = strdup(*base == '\0' ? "/" : base);
	if (path == NULL || inner == NULL || label == NULL) {
		free(path);
		free(inner);
		free(label);
		return trouble_set(why, ENOMEM, "out of memory");
	}
	free(r->path);
	free(r->inner);
	free(r->label);
	r->path = path;
	r->inner = inner;
	r->label = label;
	*changed = true;
	return 0;
}

/* `base_fd` is -1 when --state says where to look, and nowhere else. */
static int
name_root(struct state *s, struct folder *f, int base_fd, const char *name,
	  bool *changed, struct trouble *why)
{
	struct state_root *r = find_root(s->roots, s->root_count, f);
	char *other;

	if (r != NULL) {
		r->named = true;
		return update_root(r, f, changed, why);
	}
	if (!f->there)
		return folder_missing(f, why);
	if (base_fd != -1 &&
	    (other = choose(base_fd, f, &s->host, name)) != NULL) {
		trouble_set(why, 0,
			    "%s belongs to another node (state %s): serve it "
			    "with a photod of its own, naming it first",
			    f->path, other);
		free(other);
		return -1;
	}
	*changed = true;
	return add_root(s, f, why);
}

static int
load_roots(struct state *s, int dir_fd, struct folder *folders, uint32_t count,
	   int base_fd, const char *name, struct trouble *why)
{
	struct trouble trouble;
	bool changed = false;
	struct roots roots;

	if (roots_read(dir_fd, &roots, &trouble) == -1)
		return trouble_set(why, trouble.code, "%s in %s", trouble.text,
				   s->dir);
	memcpy(s->roots, roots.all, sizeof(s->roots)); /* ownership moves */
	s->root_count = roots.count;
	for (uint32_t i = 0; i < count; i++) {
		if (name_root(s, &folders[i], base_fd, name, &changed, why) ==
		    -1)
			return -1;
	}
	if (!changed)
		return 0;
	return roots_write(dir_fd, s->roots, s->root_count, why);
}

static int
load_life(struct state *s, int dir_fd, struct trouble *why)
{
	bool made, kept = place_kept(dir_fd, &s->host);

	if (identity_load(dir_fd, s->dir, s, &made, why) == -1)
		return -1;
	if (!kept && place_write(dir_fd, s->dir, &s->host, why) == -1)
		return -1;
	s->new_life = !made && !kept;
	do {
		if (random_bytes(&s->run, sizeof(s->run), why) == -1)
			return -1;
	} while (s->run == 0);
	return 0;
}

/* With s->dir settled: everything in it. */
static int
open_inside(struct state *s, struct folder *folders, uint32_t count,
	    int base_fd, const char *name, struct trouble *why)
{
	int dir_fd, r;

	dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd == -1)
		return trouble_errno(why, errno,
				     "cannot open the state directory %s",
				     s->dir);
	r = take_lock(s, dir_fd, folders[0].path, why);
	if (r == 0)
		r = load_roots(s, dir_fd, folders, count, base_fd, name, why);
	if (r == 0)
		r = load_life(s, dir_fd, why);
	close(dir_fd);
	return r;
}

static int
open_given(struct state *s, const char *dir, struct folder *folders,
	   uint32_t count, struct trouble *why)
{
	struct stat st;
	bool fresh = stat(dir, &st) == -1;

	/* No directory is left behind for a mistyped folder. */
	if (fresh && !folders[0].there)
		return folder_missing(&folders[0], why);
	if (make_directories(dir) == -1)
		return trouble_errno(why, errno,
				     "cannot make the state directory %s", dir);
	if ((s->dir = path_absolute(dir)) == NULL)
		return trouble_errno(why, errno,
				     "cannot use the state directory %s", dir);
	return open_inside(s, folders, count, -1, NULL, why);
}

struct state *
state_open(const char *dir, const char *const *folders, uint32_t folder_count,
	   struct trouble *why)
{
	struct folder *found = NULL;
	struct state *s = NULL;
	char *name = NULL;
	int base_fd = -1, r = -1;

	if (folder_count == 0 || folder_count > STATE_ROOTS_MAX) {
		trouble_set(why, 0, "one to %u folders can be served",
			    STATE_ROOTS_MAX);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	found = calloc(folder_count, sizeof(*found));
	if (s == NULL || found == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		goto out;
	}
	s->lock_fd = -1;
	if (host_id_load(&s->host, why) == -1)
		goto out;
	for (uint32_t i = 0; i < folder_count; i++) {
		if (folder_look(&found[i], folders[i], &s->host, why) == -1)
			goto out;
	}
	if (dir != NULL)
		r = open_given(s, dir, found, folder_count, why);
	else if (settle_dir(s, &found[0], &base_fd, &name, why) == 0)
		r = open_inside(s, found, folder_count, base_fd, name, why);
out:
	if (base_fd != -1)
		close(base_fd);
	free(name);
	for (uint32_t i = 0; found != NULL && i < folder_count; i++)
		folder_release(&found[i]);
	free(found);
	if (r == 0)
		return s;
	state_close(s);
	return NULL;
}

void
state_close(struct state *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->root_count; i++) {
		free(s->roots[i].path);
		free(s->roots[i].label);
		free(s->roots[i].inner);
	}
	EVP_PKEY_free(s->identity);
	if (s->lock_fd != -1)
		close(s->lock_fd);
	free(s->dir);
	free(s);
}
