/*
 * slow_sync.c: a disk that takes its time, for tests.
 *
 * Loaded before the C library, it makes fsync and fdatasync take SLOW_SYNC_MS
 * longer while the file that SLOW_SYNC names is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
wait_for_the_disk(void)
{
	const char *name = getenv("SLOW_SYNC"), *text = getenv("SLOW_SYNC_MS");
	long ms = text != NULL ? strtol(text, NULL, 10) : 5000;
	struct timespec left = {.tv_sec = ms / 1000,
				.tv_nsec = ms % 1000 * 1000000};

	if (name == NULL || access(name, F_OK) == -1)
		return;
	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		continue;
}

int
fsync(int fd)
{
	wait_for_the_disk();
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	wait_for_the_disk();
	return (int)syscall(SYS_fdatasync, fd);
}
