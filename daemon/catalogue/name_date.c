#include "name_date.h"

#include <string.h>

#include "civil.h"

#define YEAR_MIN 1990
#define YEAR_MAX 2099

/* What is left of a name. */
struct rest {
	const char *at, *end;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
next_is_digit(const struct rest *r)
{
	return r->at < r->end && is_digit(*r->at);
}

/* So many digits. */
static bool
take_number(struct rest *r, unsigned digits, int *out)
{
	*out = 0;
	for (; digits > 0; digits--) {
		if (!next_is_digit(r))
			return false;
		*out = *out * 10 + (*r->at++ - '0');
	}
	return true;
}

/* One of these, or nothing: 0. */
static char
take_one_of(struct rest *r, const char *which)
{
	if (r->at == r->end)
		return 0;
	for (; *which != '\0'; which++)
		if (*r->at == *which)
			return *r->at++;
	return 0;
}

static bool
take_same(struct rest *r, char c)
{
	if (c == 0)
		return true;
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool
take_date(struct rest *r, int64_t *days)
{
	int year, month, day;
	char between;

	if (!take_number(r, 4, &year) || year < YEAR_MIN || year > YEAR_MAX)
		return false;
	between = take_one_of(r, "-_.");
	if (!take_number(r, 2, &month) || month < 1 || month > 12 ||
	    !take_same(r, between) || !take_number(r, 2, &day) || day < 1 ||
	    day > civil_days_in(year, month))
		return false;
	*days = civil_day(year, month, day);
	return true;
}

/* " at ", as some systems name what they took of a screen. */
static void
skip_to_time(struct rest *r)
{
	if (r->end - r->at > 4 && r->at[0] == ' ' && r->at[1] == 'a' &&
	    r->at[2] == 't' && r->at[3] == ' ')
		r->at += 4;
	else
		take_one_of(r, "_- T");
}

/* A blank, plain or one of those that never end a line. */
static void
skip_blank(struct rest *r)
{
	static const char *const blanks[] = {" ", "_", "\xc2\xa0",
					     "\xe2\x80\xaf"};

	for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++) {
		size_t bytes = strlen(blanks[i]);

		if ((size_t)(r->end - r->at) >= bytes &&
		    memcmp(r->at, blanks[i], bytes) == 0) {
			r->at += bytes;
			return;
		}
	}
}

/* "10.15.30 PM": the half of the day, 'a' or 'p'; 0 where the clock has 24. */
static char
half_of_day(struct rest r)
{
	char half;

	skip_blank(&r);
	half = take_one_of(&r, "aApP");
	if (half == 0 || take_one_of(&r, "mM") == 0 ||
	    (r.at < r.end && is_letter(*r.at)))
		return 0;
	return (char)(half | 0x20);
}

static bool
take_hour(struct rest *r, int *hour, bool *short_hour)
{
	/* One digit: the only one, and then of a clock of twelve. */
	*short_hour = r->end - r->at > 1 && is_digit(r->at[0]) &&
		      !is_digit(r->at[1]);
	return take_number(r, *short_hour ? 1 : 2, hour) && *hour <= 23;
}

/* Digits of a fraction may follow, and anything else. */
static bool
take_time(struct rest *r, int64_t *seconds)
{
	int hour, minute, second;
	bool short_hour;
	char between, half;

	skip_to_time(r);
	if (!take_hour(r, &hour, &short_hour))
		return false;
	between = take_one_of(r, "-_.:");
	if (!take_number(r, 2, &minute) || minute > 59 ||
	    !take_same(r, between) || !take_number(r, 2, &second) ||
	    second > 59)
		return false;
	half = hour >= 1 && hour <= 12 ? half_of_day(*r) : 0;
	if (half == 0 && short_hour)
		return false;
	if (half != 0)
		hour = hour % 12 + (half == 'p' ? 12 : 0);
	*seconds = (hour * 60 + minute) * 60 + second;
	return true;
}

bool
name_date(const char *name, size_t bytes, int64_t *ms)
{
	for (size_t i = 0; i + 8 <= bytes; i++) {
		struct rest r = {name + i, name + bytes}, time;
		int64_t days, seconds = 0;

		if (!is_digit(name[i]) || (i > 0 && is_digit(name[i - 1])) ||
		    !take_date(&r, &days))
			continue;
		time = r;
		if (!take_time(&time, &seconds)) {
			if (next_is_digit(&r))
				continue; /* a longer number */
			seconds = 0;
		}
		*ms = days * CIVIL_DAY_MS + seconds * 1000;
		return true;
	}
	return false;
}
