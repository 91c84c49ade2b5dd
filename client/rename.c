#include "rename.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only an empty file is there, as we have made it. */
static bool
is_empty_file(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == 0;
}

/*
 * For file systems that know no other way (FAT by FUSE, telephones): the name
 * is taken by an empty file of our own, which fails where something is, and
 * that is what is replaced.
 */
static int
rename_to_own(int folder, const char *from, const char *to)
{
	int code, fd;

	fd = openat(folder, to,
		    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return errno;
	close(fd);
	if (!is_empty_file(folder, to))
		return EEXIST; /* somebody has taken it for his own */
	if (renameat(folder, from, folder, to) == 0)
		return 0;
	code = errno;
	if (is_empty_file(folder, to))
		unlinkat(folder, to, 0);
	return code;
}

int
rename_to_nothing(int folder, const char *from, const char *to)
{
	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
		return errno;
	/* A file system that cannot: a second name, then away with the first */
	if (linkat(folder, from, folder, to, 0) == 0)
		return unlinkat(folder, from, 0) == -1 ? errno : 0;
	return errno == EEXIST ? EEXIST : rename_to_own(folder, from, to);
}

bool
knows_no_modes(int code)
{
	return code == EPERM || code == EINVAL || code == ENOSYS ||
	       code == ENOTSUP;
}
