/*
 * told_sync.c: what a program makes durable, and in which order, for tests.
 *
 * Loaded before the C library, it appends to the file that TOLD_SYNC names a
 * line for each fsync, "sync INODE", and for each name that is given, "name
 * INODE NAME".  While a file TOLD_SYNC-fail is there, an fsync of a regular
 * file is an input/output error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
tell(const char *line, int count)
{
	const char *name = getenv("TOLD_SYNC");
	int fd = name == NULL ? -1
			      : open(name, O_WRONLY | O_APPEND | O_CREAT |
						   O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, line, (size_t)count) != count)
		abort();
	close(fd);
}

static int
synced(int fd)
{
	char line[64], fail[4096];
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	snprintf(fail, sizeof(fail), "%s-fail", getenv("TOLD_SYNC"));
	if (S_ISREG(st.st_mode) && access(fail, F_OK) == 0) {
		errno = EIO;
		return -1;
	}
	tell(line, snprintf(line, sizeof(line), "sync %lu\n",
			    (unsigned long)st.st_ino));
	return 0;
}

int
fsync(int fd)
{
	return synced(fd) == -1 ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return synced(fd) == -1 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
renameat2(int from_fd, const char *from, int to_fd, const char *to,
	  unsigned flags)
{
	char line[400];
	struct stat st;

	if (fstatat(from_fd, from, &st, AT_SYMLINK_NOFOLLOW) == 0)
		tell(line, snprintf(line, sizeof(line), "name %lu %.300s\n",
				    (unsigned long)st.st_ino, to));
	return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}
