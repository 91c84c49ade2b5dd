#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Above whatever is opened to be closed in order, listeners before all. */
#define OWN_FD_MIN 100

static enum log_level threshold = LOG_INFO;
/* The lock is that of what follows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out_fd = -1;
static unsigned long lost;
static bool torn; /* the last line has no end */

void
log_init(enum log_level level)
{
	threshold = level;
}

bool
log_level_parse(const char *text, enum log_level *out)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* A terminal may have room for the half of a line, and then wait for ever: it
 * is opened once more, so that we alone do not wait. */
static int
choose_fd(void)
{
	int fd, high;

	if (!isatty(STDERR_FILENO))
		return STDERR_FILENO;
	fd = open("/proc/self/fd/2",
		  O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return STDERR_FILENO;
	high = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FD_MIN);
	close(fd);
	return high != -1 ? high : STDERR_FILENO;
}

/* Who has stopped reading it, with Ctrl-S or a frozen line, must not stop us:
 * what does not go is left out.  (A pipe with room has it for a whole line.) */
static void
put_line(const char *line, size_t bytes)
{
	struct pollfd room = {.events = POLLOUT};
	char gap[64];
	ssize_t n;

	if (out_fd == -1)
		out_fd = choose_fd();
	room.fd = out_fd;
	if (poll(&room, 1, 0) == 0) {
		lost++;
		return;
	}
	if (lost > 0) {
		n = snprintf(gap, sizeof(gap),
			     "%s(%lu lines of the log were lost here)\n",
			     torn ? "\n" : "", lost);
		if (write(out_fd, gap, (size_t)n) != n) {
			lost++;
			return;
		}
		torn = false;
		lost = 0; /* it is said */
		if (poll(&room, 1, 0) == 0) {
			lost++;
			return;
		}
	}
	/* A log that cannot be written is no reason to stop serving; and what
	 * a terminal took half of has not been said. */
	n = write(out_fd, line, bytes);
	torn = n > 0 && n < (ssize_t)bytes;
	lost += n != (ssize_t)bytes;
}

void
log_line(enum log_level level, const char *format, ...)
{
	static const char mark[] = "EWID";
	char raw[900], line[2048];
	struct timespec now;
	struct tm tm;
	va_list ap;
	size_t used;

	if (level > threshold)
		return;
	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	used = strftime(line, sizeof(line), "%H:%M:%S", &tm);
	used += (size_t)snprintf(line + used, sizeof(line) - used,
				 ".%03ld %c ", now.tv_nsec / 1000000,
				 mark[level]);
	for (const char *c = raw; *c != '\0' && used < sizeof(line) - 6; c++) {
		unsigned char u = (unsigned char)*c;

		if (u >= 0x20 && u != 0x7f)
			line[used++] = *c;
		else
			used += (size_t)snprintf(line + used, 5, "\\x%02x", u);
	}
	line[used++] = '\n';
	pthread_mutex_lock(&lock);
	put_line(line, used);
	pthread_mutex_unlock(&lock);
}

bool
log_gate_pass(struct log_gate *gate, uint64_t now_ms, uint64_t period_ms,
	      uint64_t *muffled)
{
	if (now_ms < gate->open_again_ms) {
		gate->muffled++;
		return false;
	}
	gate->open_again_ms = now_ms + period_ms;
	*muffled = gate->muffled;
	gate->muffled = 0;
	return true;
}
