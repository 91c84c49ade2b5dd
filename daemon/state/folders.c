/*
 * folders.c: the folders of the command line as they are found now, and which
 * recorded roots they are.
 */
#include "state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trouble.h"

int
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

void
folder_release(struct folder *f)
{
	free(f->path);
	free(f->inner);
}

int
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

struct state_root *
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

/* ---- roots ----------------------------------------------------------- */

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
	    (other = state_choose(base_fd, f, &s->host, name)) != NULL) {
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

int
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
