#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level threshold = LOG_INFO;

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
	/* A log that cannot be written is no reason to stop serving. */
	if (write(STDERR_FILENO, line, used) == -1)
		return;
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
