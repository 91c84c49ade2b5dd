#include "name_date.h"

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

/* Digits of a fraction may follow, and anything else. */
static bool
take_time(struct rest *r, int64_t *seconds)
{
	int hour, minute, second;
	char between;

	skip_to_time(r);
	if (!take_number(r, 2, &hour) || hour > 23)
		return false;
	between = take_one_of(r, "-_.:");
	if (!take_number(r, 2, &minute) || minute > 59 ||
	    !take_same(r, between) || !take_number(r, 2, &second) ||
	    second > 59)
		return false;
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
