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

/*
 * Only a file of our own with this name alone: through a second name, which
 * somebody may have planted, we would write into another file.
 */
static bool
is_private(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       st->st_nlink == 1;
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
			close(out->fd);
			out->fd = -1;
			return PART_LOCKED;
		}
		if (fstat(out->fd, &st) == 0 &&
		    fstatat(p->fd, out->name, &named, AT_SYMLINK_NOFOLLOW) ==
			    0 &&
		    st.st_dev == named.st_dev && st.st_ino == named.st_ino) {
			if (is_private(&st))
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
