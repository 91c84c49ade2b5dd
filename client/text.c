#include "text.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "ident.h"
#include "utf8.h"

/* Characters that change how the rest of the line reads. */
static bool
turns_the_line(uint32_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f || c == 0x2028 ||
	       c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/*
 * Columns of a character beyond ASCII; -1: it cannot be shown.  Names are UTF-8
 * nearly everywhere, so widths must not depend on LANG=C.  The locale is read at
 * the first such character and not before: most lists go without, and it takes
 * a good part of their time.
 */
static int
columns_of(uint32_t c)
{
	static bool chosen;

	if (!chosen) {
		chosen = true;
		if (setlocale(LC_CTYPE, "") == NULL ||
		    strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
			setlocale(LC_CTYPE, "C.UTF-8");
	}
	return wcwidth((wchar_t)c);
}

/* How many bytes from here on stand for themselves, a column each. */
static size_t
plain_run(const uint8_t *bytes, size_t count)
{
	size_t n = 0;

	while (n < count && bytes[n] >= 0x20 && bytes[n] < 0x7f &&
	       bytes[n] != '\\')
		n++;
	return n;
}

/*
 * One step through the bytes: how many were taken, and what stands for them.
 * `piece` gets the text (NUL-terminated), *width its columns.
 */
static size_t
piece_at(const uint8_t *bytes, size_t count, bool reversible, char piece[16],
	 unsigned *width)
{
	uint32_t c = 0;
	size_t length = utf8_decode(bytes, count, &c);
	int columns;

	if (length == 0 || c < 0x20 || c == 0x7f) {
		length = 1;
		switch (bytes[0]) {
		case '\n':
			snprintf(piece, 16, "%s", "\\n");
			break;
		case '\t':
			snprintf(piece, 16, "%s", "\\t");
			break;
		case '\r':
			snprintf(piece, 16, "%s", "\\r");
			break;
		default:
			snprintf(piece, 16, "\\x%02x", bytes[0]);
		}
		*width = (unsigned)strlen(piece);
		return length;
	}
	if (reversible && c == '\\') {
		snprintf(piece, 16, "%s", "\\\\");
		*width = 2;
		return length;
	}
	if (c < 0x7f)
		columns = 1;
	else if (c < 0xa0 || turns_the_line(c))
		columns = -1;
	else if (reversible)
		columns = 1; /* nobody lays this out */
	else
		columns = columns_of(c);
	if (columns < 0) {
		snprintf(piece, 16, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
		*width = (unsigned)strlen(piece);
		return length;
	}
	memcpy(piece, bytes, length);
	piece[length] = '\0';
	*width = (unsigned)columns;
	return length;
}

unsigned
text_shown_width(const void *bytes, size_t count)
{
	const uint8_t *b = bytes;
	unsigned sum = 0, width;
	char piece[16];

	for (size_t i = 0; i < count;) {
		if ((width = (unsigned)plain_run(b + i, count - i)) > 0)
			i += width;
		else
			i += piece_at(b + i, count - i, false, piece, &width);
		sum += width;
	}
	return sum;
}

unsigned
text_put_shown(FILE *f, const void *bytes, size_t count, unsigned width_max)
{
	const uint8_t *b = bytes;
	unsigned used = 0, width, room = width_max;
	char piece[16];

	/* An ellipsis needs its column only if something will be cut. */
	if (width_max != UINT_MAX &&
	    text_shown_width(bytes, count) > width_max) {
		if (width_max == 0)
			return 0;
		room = width_max - 1;
	}
	for (size_t i = 0; i < count;) {
		i += piece_at(b + i, count - i, false, piece, &width);
		if (width > room - used) {
			fputs("\xe2\x80\xa6", f);
			return used + 1;
		}
		fputs(piece, f);
		used += width;
	}
	return used;
}

void
text_put_column(FILE *f, const void *bytes, size_t count)
{
	const uint8_t *b = bytes;
	unsigned width;
	char piece[16];

	for (size_t i = 0, run; i < count;) {
		if ((run = plain_run(b + i, count - i)) > 0) {
			fwrite(b + i, 1, run, f);
			i += run;
			continue;
		}
		i += piece_at(b + i, count - i, true, piece, &width);
		fputs(piece, f);
	}
}

void
text_size(uint64_t bytes, char out[TEXT_SIZE_MAX])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(out, TEXT_SIZE_MAX, "%u B", (unsigned)bytes);
		return;
	}
	while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1000;
		unit++;
	}
	snprintf(out, TEXT_SIZE_MAX, "%.1f %s", value, units[unit]);
}

int64_t
text_ns_of(const struct timespec *t)
{
	const int64_t a_second = 1000000000;

	if (t->tv_sec >= INT64_MAX / a_second)
		return INT64_MAX;
	if (t->tv_sec <= -INT64_MAX / a_second)
		return -INT64_MAX;
	return (int64_t)t->tv_sec * a_second + t->tv_nsec;
}

int64_t
text_ms_of_ns(int64_t ns)
{
	return ns / 1000000 - (ns % 1000000 < 0);
}

bool
text_time_utc(int64_t ms, bool with_ms, char out[TEXT_TIME_MAX])
{
	int64_t rest = ms % 1000 < 0 ? ms % 1000 + 1000 : ms % 1000;
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm tm;
	size_t used;

	if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < -1899 ||
	    tm.tm_year > 8099) {
		snprintf(out, TEXT_TIME_MAX, "-");
		return false;
	}
	used = (size_t)snprintf(
		out, TEXT_TIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02u",
		(unsigned)(tm.tm_year + 1900) % 10000u,
		(unsigned)(tm.tm_mon + 1) % 100u, (unsigned)tm.tm_mday % 100u,
		(unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
		(unsigned)tm.tm_sec % 100u);
	if (with_ms)
		used += (size_t)snprintf(out + used, TEXT_TIME_MAX - used,
					 ".%03u", (unsigned)rest % 1000u);
	snprintf(out + used, TEXT_TIME_MAX - used, "Z");
	return true;
}

void
text_time_local(int64_t ms, bool with_seconds, char out[TEXT_TIME_MAX])
{
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL || tm.tm_year < -1899 ||
	    tm.tm_year > 8099 ||
	    strftime(out, TEXT_TIME_MAX,
		     with_seconds ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M",
		     &tm) == 0)
		snprintf(out, TEXT_TIME_MAX, "-");
}

void
text_age(int64_t age_ms, char out[TEXT_TIME_MAX])
{
	int64_t s = age_ms / 1000;

	if (s < 2)
		snprintf(out, TEXT_TIME_MAX, "just now");
	else if (s < 120)
		snprintf(out, TEXT_TIME_MAX, "%d s ago", (int)s);
	else if (s < 120 * 60)
		snprintf(out, TEXT_TIME_MAX, "%d min ago", (int)(s / 60));
	else if (s < 48 * 3600)
		snprintf(out, TEXT_TIME_MAX, "%d h ago", (int)(s / 3600));
	else
		snprintf(out, TEXT_TIME_MAX, "%lld days ago",
			 (long long)(s / 86400));
}

bool
text_hex_decode(const char *text, uint8_t *out, size_t max, size_t *count)
{
	size_t n = strlen(text);

	if (n % 2 != 0 || n / 2 > max)
		return false;
	*count = n / 2;
	return hex_decode(text, out, n / 2);
}
