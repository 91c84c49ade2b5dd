#include "holdings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catalogue.h"
#include "content.h"
#include "intake.h"
#include "state.h"
#include "trouble.h"
#include "unchanged.h"

#define FILES_TRIED_MAX 64u /* of one photo; nobody has more of use */
#define OPEN_TRIES      3u
#define OPEN_FLAGS \
	(O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

struct holdings {
	const struct state *state;
	pthread_mutex_t lock; /* of all below */
	struct reader *reader;
	struct intake *intake; /* NULL: not yet */
};

/* Where a copy was when it was read. */
struct place {
	struct root_id root;
	char *path; /* owned; NUL-terminated */
	struct known_file known;
};

struct places {
	uint32_t count;
	struct place list[FILES_TRIED_MAX];
};

struct holdings *
holdings_new(const struct state *state, struct catalogue *catalogue,
	     struct trouble *why)
{
	struct holdings *h = calloc(1, sizeof(*h));

	if (h == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	h->state = state;
	if ((h->reader = reader_open(state->dir, why)) == NULL) {
		free(h);
		return NULL;
	}
	if (catalogue != NULL)
		catalogue_watch(catalogue, h->reader);
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void
holdings_free(struct holdings *h)
{
	if (h == NULL)
		return;
	reader_close(h->reader);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void
holdings_set_intake(struct holdings *h, struct intake *intake)
{
	pthread_mutex_lock(&h->lock);
	h->intake = intake;
	pthread_mutex_unlock(&h->lock);
}

/* It is not as it is listed.  Asking often costs no more than asking once: what
 * has been looked at is listed as what it is. */
static void
look_again(struct holdings *h, const struct place *p)
{
	pthread_mutex_lock(&h->lock);
	if (h->intake != NULL)
		intake_look(h->intake, &p->root, p->path, strlen(p->path));
	pthread_mutex_unlock(&h->lock);
}

/* ---- opening one ----------------------------------------------------- */

/* The same as openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, where the
 * kernel cannot: each part by itself, none of them a link, none of them
 * "..".  (The catalogue's paths have no such part; nothing hangs on it.) */
static int
open_by_parts(int root_fd, const char *path)
{
	char part[NAME_MAX + 1];
	int at = root_fd, next;

	for (;;) {
		size_t n = strcspn(path, "/");
		bool last = path[n] == '\0';

		if (n == 0 || n > NAME_MAX || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.')) {
			errno = ENOENT;
			next = -1;
		} else {
			memcpy(part, path, n);
			part[n] = '\0';
			next = openat(at, part,
				      last ? OPEN_FLAGS
					   : OPEN_FLAGS | O_DIRECTORY);
		}
		if (at != root_fd) {
			int saved = errno;

			close(at);
			errno = saved;
		}
		if (next == -1 || last)
			return next;
		at = next;
		path += n + 1;
	}
}

static int
open_beneath(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};

	for (unsigned n = 0; n < OPEN_TRIES; n++) {
		long fd = syscall(SYS_openat2, root_fd, path, &how,
				  sizeof(how));

		if (fd != -1)
			return (int)fd;
		if (errno == EAGAIN || errno == EINTR)
			continue; /* something was renamed meanwhile */
		if (errno != ENOSYS && errno != EPERM && errno != ENAMETOOLONG)
			return -1;
		/* An old kernel, or a sandbox that does not know it; or a path
		 * of the greatest length, which is one byte more than the
		 * kernel takes at once. */
		break;
	}
	return open_by_parts(root_fd, path);
}

/*
 * By the rule by which intake does not read it again: were this one stricter, a
 * file could be refused that looking again never mends.  But a file that was
 * read just after a change is to be read again (its ctime is negated), and is
 * given out until then, or nobody could have a new photo for its first seconds.
 * Should it have changed once more within the same tick of the kernel's clock,
 * its bytes do not hash to the id: the asker finds out, and intake soon after.
 */
static bool
is_as_known(int fd, const struct stat *st, const struct known_file *k)
{
	struct known_file was = *k;

	if (!S_ISREG(st->st_mode))
		return false;
	if (was.ctime_ns < 0)
		was.ctime_ns = -was.ctime_ns;
	return file_unchanged(&was, st, true) ||
	       ((volume_traits(fd) & VOLUME_UNSTABLE) != 0 &&
		file_unchanged(&was, st, false));
}

static const struct state_root *
find_root(const struct holdings *h, const struct root_id *id)
{
	for (uint32_t i = 0; i < h->state->root_count; i++) {
		const struct state_root *r = &h->state->roots[i];

		if (r->named &&
		    memcmp(r->id.bytes, id->bytes, ROOT_ID_BYTES) == 0)
			return r;
	}
	return NULL;
}

static enum holding_verdict
open_place(struct holdings *h, const struct place *p,
	   const struct photo_id *photo, struct holding_file *out,
	   struct trouble *why)
{
	const struct state_root *root = find_root(h, &p->root);
	const char *slash;
	int root_fd;

	/* Offline roots: not here just now, and nothing to look at again. */
	if (root == NULL)
		return HOLDING_NONE;
	root_fd = open(root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd == -1)
		return HOLDING_NONE;
	out->fd = open_beneath(root_fd, p->path);
	if (out->fd == -1) {
		int code = errno;

		close(root_fd);
		if (code == ENOENT || code == ENOTDIR || code == ELOOP ||
		    code == EXDEV)
			return HOLDING_CHANGED;
		trouble_errno(why, code, "cannot be read");
		return HOLDING_FAILED;
	}
	close(root_fd);
	if (fstat(out->fd, &out->stat) == -1 ||
	    !is_as_known(out->fd, &out->stat, &p->known) ||
	    (uint64_t)out->stat.st_size != photo->size) {
		close(out->fd);
		out->fd = -1;
		return HOLDING_CHANGED;
	}
	slash = strrchr(p->path, '/');
	slash = slash != NULL ? slash + 1 : p->path;
	memset(out->name, 0, sizeof(out->name));
	strncpy(out->name, slash, sizeof(out->name) - 1);
	return HOLDING_OPEN;
}

/* ---- finding them ---------------------------------------------------- */

static bool
note_place(void *arg, const struct root_id *root, const char *path,
	   size_t path_bytes, const struct known_file *f)
{
	struct places *all = arg;
	struct place *p = &all->list[all->count];

	if ((p->path = strndup(path, path_bytes)) == NULL)
		return false;
	p->root = *root;
	p->known = *f;
	return ++all->count < FILES_TRIED_MAX;
}

static int
find_places(struct holdings *h, const struct photo_id *photo,
	    struct places *all, struct trouble *why)
{
	int r;

	all->count = 0;
	/* Disks are waited for without the lock. */
	pthread_mutex_lock(&h->lock);
	r = reader_each_holding(h->reader, photo, note_place, all, why);
	pthread_mutex_unlock(&h->lock);
	return r;
}

static void
forget_places(struct places *all)
{
	for (uint32_t i = 0; i < all->count; i++)
		free(all->list[i].path);
	all->count = 0;
}

/* The best of what the copies came to: the first that opens; else a change,
 * which will be mended; else a failure. */
static enum holding_verdict
open_first(struct holdings *h, const struct places *all,
	   const struct photo_id *photo, struct holding_file *out,
	   struct trouble *why)
{
	bool changed = false, failed = false;

	for (uint32_t i = 0; i < all->count; i++) {
		const struct place *p = &all->list[i];

		switch (open_place(h, p, photo, out, why)) {
		case HOLDING_OPEN:
			return HOLDING_OPEN;
		case HOLDING_CHANGED:
			changed = true;
			look_again(h, p);
			break;
		case HOLDING_FAILED:
			failed = true;
			break;
		case HOLDING_NONE:
			break;
		}
	}
	return changed ? HOLDING_CHANGED
		       : failed ? HOLDING_FAILED : HOLDING_NONE;
}

enum holding_verdict
holdings_open(struct holdings *h, const struct photo_id *photo,
	      struct holding_file *out, struct trouble *why)
{
	struct places *all = malloc(sizeof(*all));
	enum holding_verdict verdict = HOLDING_FAILED;

	out->fd = -1;
	if (all == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return HOLDING_FAILED;
	}
	if (find_places(h, photo, all, why) == 0)
		verdict = open_first(h, all, photo, out, why);
	forget_places(all);
	free(all);
	return verdict;
}

/* Which of the places is not as it was, the descriptor does not say; it may
 * also have been renamed, and be known at its new path already. */
static void
look_at_changed(struct holdings *h, const struct photo_id *photo)
{
	struct places *all = malloc(sizeof(*all));
	struct holding_file file;
	struct trouble why;

	if (all == NULL)
		return;
	(void)find_places(h, photo, all, &why);
	for (uint32_t i = 0; i < all->count; i++) {
		switch (open_place(h, &all->list[i], photo, &file, &why)) {
		case HOLDING_OPEN:
			close(file.fd);
			break;
		case HOLDING_CHANGED:
			look_again(h, &all->list[i]);
			break;
		case HOLDING_FAILED:
		case HOLDING_NONE:
			break;
		}
	}
	forget_places(all);
	free(all);
}

bool
holdings_still(struct holdings *h, const struct photo_id *photo,
	       const struct holding_file *f)
{
	struct stat now;

	if (fstat(f->fd, &now) == 0 && stat_same(&now, &f->stat) &&
	    (uint64_t)now.st_size == photo->size)
		return true;
	look_at_changed(h, photo);
	return false;
}
