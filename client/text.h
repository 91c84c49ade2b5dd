/*
 * text.h: bytes from strangers, and numbers, made fit to be read.
 *
 * File names, node names and tags are bytes.  On a terminal they could move
 * the cursor, reverse the reading order or worse; in a table they could break
 * a row.  Everything that came from outside passes through here before it is
 * printed.  Widths are terminal columns; main sets a UTF-8 LC_CTYPE.
 */
#ifndef PHOTO_TEXT_H
#define PHOTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct timespec;

/*
 * For people: control characters as \n, \t, \x1b, characters that turn the
 * reading direction as \u202e, bytes that are no UTF-8 as \xff.  A backslash
 * stays what it is.  Returns the columns taken; never more than `width_max`
 * (then the last one is an ellipsis).
 */
unsigned text_put_shown(FILE *f, const void *bytes, size_t count,
			unsigned width_max);
unsigned text_shown_width(const void *bytes, size_t count);

/*
 * For tab-separated columns: the same escapes, and a backslash doubled, so
 * that printf %b gives the bytes back and a row stays a row.
 */
void text_put_column(FILE *f, const void *bytes, size_t count);

#define TEXT_SIZE_MAX 16
/* "999 B", "1.2 MB", "3.4 TB". */
void text_size(uint64_t bytes, char out[TEXT_SIZE_MAX]);

#define TEXT_TIME_MAX 32
/*
 * Milliseconds since 1970 as RFC 3339 UTC, to the millisecond or the second.
 * False (and "-") where the year has not four digits.
 */
bool text_time_utc(int64_t ms, bool with_ms, char out[TEXT_TIME_MAX]);
/* "2023-07-01 12:00" in local time, or with seconds behind. */
void text_time_local(int64_t ms, bool with_seconds, char out[TEXT_TIME_MAX]);
/* "just now", "12 s ago", "2 min ago", "3 h ago", "4 days ago". */
void text_age(int64_t age_ms, char out[TEXT_TIME_MAX]);
/* Floor division: times before 1970 round down like the others. */
int64_t text_ms_of_ns(int64_t ns);
/* What lies before 1678 or after 2262 counts as their ends. */
int64_t text_ns_of(const struct timespec *t);

/* Hex of either case to at most `max` bytes; false when it is anything else. */
bool text_hex_decode(const char *text, uint8_t *out, size_t max, size_t *count);

#endif
