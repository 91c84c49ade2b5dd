/*
 * log.h: one line per event on stderr, for people who look after a daemon.
 *
 * Control bytes are escaped, because names come from strangers.  Safe from
 * any thread; a line is one write.  Nobody waits for a reader that has stopped:
 * lines are left out then, and how many is said where it goes on.
 */
#ifndef PHOTOMESH_LOG_H
#define PHOTOMESH_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Before any thread starts. */
void log_init(enum log_level level);
/* "error", "warn", "info", "debug"; false if none of them. */
bool log_level_parse(const char *text, enum log_level *out);

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/*
 * At most one line a period: strangers must not be able to fill a disk.
 * `gate` is 0 at first.  True when the caller may log now; *muffled is how
 * many were kept back since the last time.
 */
struct log_gate {
	uint64_t open_again_ms;
	uint64_t muffled;
};
bool log_gate_pass(struct log_gate *gate, uint64_t now_ms, uint64_t period_ms,
		   uint64_t *muffled);

#endif
