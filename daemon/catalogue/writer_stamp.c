/*
 * writer_stamp.c: the file `run` beside a database, by which the two know each
 * other again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dying.h"
#include "writer_private.h"

uint64_t
stamp_run_read(const char *dir)
{
	char path[4200], text[32] = "";
	uint64_t run_number = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/run", dir);
	/* NONBLOCK: a FIFO in the place of a file must not hang a start. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return 0;
	do {
		n = read(fd, text, sizeof(text) - 1);
	} while (n == -1 && errno == EINTR);
	close(fd);
	if (n <= 0 || sscanf(text, "%16" SCNx64, &run_number) != 1)
		return 0;
	return run_number;
}

int
stamp_run_write(const char *dir, uint64_t run_number, struct trouble *why)
{
	char path[4200], fresh[4200], text[32];
	int fd, bytes;

	snprintf(path, sizeof(path), "%s/run", dir);
	snprintf(fresh, sizeof(fresh), "%s/run.new", dir);
	bytes = snprintf(text, sizeof(text), "%016" PRIx64 "\n", run_number);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK |
			 O_NOCTTY, 0600);
	if (fd == -1)
		return trouble_errno(why, errno, "cannot write %s", fresh);
	if (write(fd, text, (size_t)bytes) != bytes || fsync(fd) == -1) {
		int code = errno;

		close(fd);
		return trouble_errno(why, code, "cannot write %s", fresh);
	}
	close(fd);
	dying("run");
	if (rename(fresh, path) == -1)
		return trouble_errno(why, errno, "cannot write %s", path);
	return 0;
}
