#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"
#include "reading.h"
#include "rename.h"
#include "text.h"

#define SYNC_EVERY      64u
#define ROOM_SPARE_BYTES (1024u * 1024u)

/* ---- the folder ------------------------------------------------------- */

static mode_t
file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int
fail_folder(const char *path, int code, struct failure *why)
{
	return failure_set(why, ENDING_FAILED,
			   "the folder %.200s cannot be used: %s", path,
			   strerror(code));
}

int
place_open(struct place *p, const char *path, bool make, struct failure *why)
{
	if (strlen(path) >= sizeof(p->path))
		return fail_folder(path, ENAMETOOLONG, why);
	if (make && mkdir(path, 0777) == -1 && errno != EEXIST)
		return fail_folder(path, errno, why);
	p->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd == -1)
		return fail_folder(path, errno, why);
	snprintf(p->path, sizeof(p->path), "%s", path);
	p->mode = file_mode();
	p->unsynced = 0;
	return 0;
}

int
place_open_below(struct place *p, const struct place *above, const char *name,
		 struct failure *why)
{
	place_shown(above, name, p->path);
	if (mkdirat(above->fd, name, 0777) == 0)
		fsync(above->fd);
	else if (errno != EEXIST)
		return fail_folder(p->path, errno, why);
	p->fd = openat(above->fd, name,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->fd == -1)
		return fail_folder(p->path, errno, why);
	p->mode = above->mode;
	p->unsynced = 0;
	return 0;
}

int
place_sync(struct place *p, struct failure *why)
{
	if (p->unsynced == 0)
		return 0;
	p->unsynced = 0;
	/* Some file systems cannot, and need not. */
	if (fsync(p->fd) == 0 || errno == EINVAL || errno == EROFS)
		return 0;
	return fail_folder(p->path, errno, why);
}

void
place_close(struct place *p)
{
	struct failure why;

	if (p->fd == -1)
		return;
	place_sync(p, &why);
	close(p->fd);
	p->fd = -1;
}

void
place_shown(const struct place *p, const char *name, char out[PLACE_PATH_MAX])
{
	size_t count = strlen(p->path);

	if (strcmp(p->path, ".") == 0)
		snprintf(out, PLACE_PATH_MAX, "%s", name);
	else
		snprintf(out, PLACE_PATH_MAX, "%.*s%s%s",
			 (int)(PLACE_PATH_MAX - NAME_BYTES_MAX - 2), p->path,
			 count > 0 && p->path[count - 1] == '/' ? "" : "/",
			 name);
}

int
place_has_room(const struct place *p, uint64_t bytes, struct failure *why)
{
	char need[TEXT_SIZE_MAX], have[TEXT_SIZE_MAX];
	struct statvfs v;
	uint64_t left;

	if (fstatvfs(p->fd, &v) == -1 || v.f_blocks == 0)
		return 0; /* writing will tell */
	left = (uint64_t)v.f_bavail * v.f_frsize;
	if (left >= bytes && left - bytes >= ROOM_SPARE_BYTES)
		return 0;
	text_size(bytes, need);
	text_size(left, have);
	return failure_set(why, ENDING_FAILED,
			   "there is no room in %.200s: %s are needed, %s are "
			   "free",
			   p->path, need, have);
}

/* ---- final names ------------------------------------------------------ */

/* The file system has no such names: FAT, NTFS and SMB take no ':', some take
 * only UTF-8, or less than 255 bytes.  Some say that there is no such file. */
static bool
is_refused(int code)
{
	return code == EINVAL || code == EILSEQ || code == ENAMETOOLONG ||
	       code == ENOENT;
}

static enum place_verdict
fail_name(const struct place *p, const char *name, int code,
	  struct failure *why)
{
	if (code != ENOENT && is_refused(code))
		failure_set(why, ENDING_FAILED,
			    "no file in %.200s can be called %.255s: %s",
			    p->path, name, strerror(code));
	else
		fail_folder(p->path, code, why);
	return PLACE_FAILED;
}

/* What stands under a name: nothing, the photo, or something else.  What cannot
 * be known for this name (*code) cannot for the next one either. */
static enum place_verdict
judge_name(const struct place *p, struct reading *r, const char *name,
	   const struct photo_id *id, int *code)
{
	struct stat st;
	bool same;
	int fd;

	if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		*code = errno;
		return errno == ENOENT ? PLACE_FREE : PLACE_FAILED;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != id->size)
		return PLACE_TAKEN;
	fd = openat(p->fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return PLACE_TAKEN;
	same = reading_is(r, fd, id);
	close(fd);
	return same ? PLACE_THERE : PLACE_TAKEN;
}

/* Among the names made of this one; *code as in judge_name, or 0. */
static enum place_verdict
look_among(const struct place *p, struct reading *r, const char *wanted,
	   bool exact, const struct photo_id *id, char out[NAME_BYTES_MAX + 1],
	   int *code, struct failure *why)
{
	enum place_verdict v = PLACE_TAKEN;

	*code = 0;
	for (unsigned n = 0; v == PLACE_TAKEN; n++) {
		name_numbered(wanted, n, out);
		v = judge_name(p, r, out, id, code);
		if (v == PLACE_FAILED)
			return fail_name(p, out, *code, why);
		if (v == PLACE_TAKEN && call_interrupted()) {
			failure_set(why, ENDING_INTERRUPTED, "%s", "");
			return PLACE_FAILED;
		}
		if (exact && v == PLACE_TAKEN)
			failure_set(why, ENDING_REFUSED,
				    "there is another %.300s already, and "
				    "nothing is ever overwritten",
				    wanted);
		if (exact)
			break;
	}
	return v;
}

/* Where a name is refused the photo gets a plain one: so it may be there under
 * that, whatever is to be said of the other. */
enum place_verdict
place_look(struct place *p, struct reading *r, const char *wanted, bool exact,
	   const struct photo_id *id, char out[NAME_BYTES_MAX + 1],
	   struct failure *why)
{
	char plain[NAME_BYTES_MAX + 1], other[NAME_BYTES_MAX + 1];
	enum place_verdict v, instead;
	int code;

	v = look_among(p, r, wanted, exact, id, out, &code, why);
	if (exact || name_plain(wanted, plain))
		return v;
	if (v == PLACE_FAILED && is_refused(code))
		return look_among(p, r, plain, false, id, out, &code, why);
	if (v != PLACE_FREE)
		return v;
	instead = look_among(p, r, plain, false, id, other, &code, why);
	if (instead == PLACE_THERE)
		memcpy(out, other, sizeof(other));
	return instead == PLACE_THERE ? PLACE_THERE : v;
}

static int
dress(const struct place *p, int fd, int64_t mtime_ns, struct failure *why)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}};

	t[1].tv_sec = mtime_ns / 1000000000 - (mtime_ns % 1000000000 < 0);
	t[1].tv_nsec = mtime_ns % 1000000000;
	if (t[1].tv_nsec < 0)
		t[1].tv_nsec += 1000000000;
	/* A file system without modes or times must not cost the photo. */
	if (fchmod(fd, p->mode) == -1 && !knows_no_modes(errno))
		return fail_folder(p->path, errno, why);
	if (futimens(fd, t) == -1 && !knows_no_modes(errno))
		return fail_folder(p->path, errno, why);
	if (fsync(fd) == -1 && errno != EINVAL)
		return fail_folder(p->path, errno, why);
	return 0;
}

/* Under the first name of `wanted` that nobody has. */
static enum place_verdict
put_among(struct place *p, struct reading *r, const char *temporary,
	  const char *wanted, bool exact, const struct photo_id *id,
	  char out[NAME_BYTES_MAX + 1], struct failure *why)
{
	char plain[NAME_BYTES_MAX + 1];
	bool is_plain = exact || name_plain(wanted, plain);
	enum place_verdict v;
	int error;

	for (;;) {
		v = place_look(p, r, wanted, exact, id, out, why);
		if (v == PLACE_THERE)
			unlinkat(p->fd, temporary, 0);
		if (v != PLACE_FREE)
			return v;
		error = rename_to_nothing(p->fd, temporary, out);
		if (error == 0)
			return PLACE_FREE;
		if (is_refused(error) && !is_plain) {
			wanted = plain;
			is_plain = true;
		} else if (error != EEXIST) {
			return fail_name(p, out, error, why);
		} else if (call_interrupted()) {
			failure_set(why, ENDING_INTERRUPTED, "%s", "");
			return PLACE_FAILED;
		} /* else somebody was faster: again */
	}
}

enum place_verdict
place_put(struct place *p, struct reading *r, const char *temporary, int fd,
	  int64_t mtime_ns, const char *wanted, bool exact,
	  const struct photo_id *id, char out[NAME_BYTES_MAX + 1],
	  struct failure *why)
{
	enum place_verdict v;

	if (dress(p, fd, mtime_ns, why) == -1)
		return PLACE_FAILED;
	v = put_among(p, r, temporary, wanted, exact, id, out, why);
	if (v == PLACE_FREE && ++p->unsynced >= SYNC_EVERY &&
	    place_sync(p, why) == -1)
		return PLACE_FAILED;
	return v;
}
