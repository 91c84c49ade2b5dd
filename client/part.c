/*
 * part.c: the file in which a photo grows, from one run to the next.
 *
 * The lock belongs to the open file, which the daemon shares once it was handed
 * over: so it lasts until the daemon, too, has let go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "place.h"

#define TRIES 8u

static enum part_verdict
fail_part(const struct place *p, const char *name, const char *what,
	  struct failure *why)
{
	char shown[PLACE_PATH_MAX];

	place_shown(p, name, shown);
	failure_set(why, ENDING_FAILED, "%.300s cannot be written: %s", shown,
		    what);
	return PART_FAILED;
}

/* Whose are the files that we make there?  Where a server or a mount says so,
 * all are somebody else's. */
static bool
makes_files_of(const struct place *p, uid_t uid)
{
	char name[PART_NAME_MAX];
	struct stat st;
	bool same;
	int fd;

	snprintf(name, sizeof(name), ".photomesh-whose-%ld", (long)getpid());
	fd = openat(p->fd, name,
		    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	same = fstat(fd, &st) == 0 && st.st_uid == uid;
	close(fd);
	unlinkat(p->fd, name, 0);
	return same;
}

/*
 * Only a file of our own with this name alone: through a second name, which
 * somebody may have planted, we would write into another file.
 */
static bool
is_private(const struct place *p, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink <= 1 &&
	       (st->st_uid == geteuid() || makes_files_of(p, st->st_uid));
}

enum part_verdict
part_open(struct place *p, const struct photo_id *id, struct part *out,
	  struct failure *why)
{
	struct stat st, named;
	char hex[33];

	photo_id_hex(id, hex);
	snprintf(out->name, sizeof(out->name), ".photomesh-%s.part", hex);
	for (unsigned i = 0; i < TRIES; i++) {
		out->fd = openat(p->fd, out->name,
				 O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK |
					 O_CLOEXEC,
				 0600);
		if (out->fd == -1)
			return fail_part(p, out->name, strerror(errno), why);
		if (flock(out->fd, LOCK_EX | LOCK_NB) == -1) {
			int code = errno;

			part_close(out);
			if (code == EWOULDBLOCK)
				return PART_LOCKED;
			return fail_part(p, out->name, strerror(code), why);
		}
		if (fstat(out->fd, &st) == 0 &&
		    fstatat(p->fd, out->name, &named, AT_SYMLINK_NOFOLLOW) ==
			    0 &&
		    st.st_dev == named.st_dev && st.st_ino == named.st_ino) {
			if (is_private(p, &st))
				return PART_OPEN;
			part_close(out);
			return fail_part(p, out->name,
					 "it is not a file of your own", why);
		}
		part_close(out); /* whoever had it has just renamed it */
	}
	return PART_LOCKED;
}

void
part_close(struct part *part)
{
	if (part->fd != -1)
		close(part->fd);
	part->fd = -1;
}

void
part_drop(struct place *p, struct part *part)
{
	if (part->fd != -1)
		unlinkat(p->fd, part->name, 0);
	part_close(part);
}
