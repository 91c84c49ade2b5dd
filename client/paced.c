#include "paced.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include "call.h"

#define LAST_MS 100 /* for the last words of a run that was interrupted */

static int failed; /* an errno; 0: not yet */

/* How much may be written now without waiting too long; 0: nothing. */
static size_t
room(size_t count)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (!call_interrupted())
		return count;
	/* A terminal has room for how much? */
	if (isatty(STDOUT_FILENO) || poll(&p, 1, LAST_MS) != 1)
		return 0;
	return count < PIPE_BUF ? count : PIPE_BUF;
}

/* All of it, or 0 for an error, as stdio wants it. */
static ssize_t
put(void *arg, const char *bytes, size_t count)
{
	size_t done = 0, now;

	(void)arg;
	while (failed == 0 && done < count) {
		ssize_t n = 0;

		if ((now = room(count - done)) > 0)
			n = write(STDOUT_FILENO, bytes + done, now);
		if (n > 0)
			done += (size_t)n;
		else if (now == 0)
			failed = EINTR;
		else if (n == 0 || errno != EINTR)
			failed = n == 0 ? EIO : errno;
	}
	if (failed == 0)
		return (ssize_t)done;
	errno = failed;
	return 0;
}

FILE *
paced_stdout(void)
{
	const cookie_io_functions_t functions = {.write = put};

	return fopencookie(NULL, "w", functions);
}
