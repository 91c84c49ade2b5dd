/*
 * state_dir.c: opening a state directory: its lock, its roots, its identity.
 */
#include "state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trouble.h"

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

/*
 * Copied or restored, its own rows are to begin a new life.  Whoever dies before
 * the catalogue has done so must not be taken for its old self the next time, as
 * `place` would say by then: where `run` is missing, a life begins anew.
 */
static int
forget_run(int dir_fd, const char *dir, struct trouble *why)
{
	if (unlinkat(dir_fd, "run", 0) == -1 && errno != ENOENT)
		return trouble_errno(why, errno, "cannot remove %s/run", dir);
	/* Some filesystems cannot sync a directory. */
	if (fsync(dir_fd) == -1 && errno != EINVAL)
		return trouble_errno(why, errno, "cannot write %s", dir);
	return 0;
}

static int
load_life(struct state *s, int dir_fd, struct trouble *why)
{
	bool made, kept = place_kept(dir_fd, &s->host);

	if (identity_load(dir_fd, s->dir, s, &made, why) == -1)
		return -1;
	if (!made && !kept && forget_run(dir_fd, s->dir, why) == -1)
		return -1;
	if (!kept && place_write(dir_fd, s->dir, &s->host, why) == -1)
		return -1;
	s->newborn = made;
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
		files_tidy(dir_fd);
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
