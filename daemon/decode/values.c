#include "values.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------ */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly `count` digits, behind which *at is then. */
static bool
digits(const char **at, unsigned count, unsigned *out)
{
	unsigned v = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!is_digit((*at)[i]))
			return false;
		v = v * 10 + (unsigned)((*at)[i] - '0');
	}
	*at += count;
	*out = v;
	return true;
}

static bool
skip(const char **at, const char *any_of)
{
	if (**at == '\0' || strchr(any_of, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

/* As many digits as there are, at most 18 of them; and those behind a point.
 * Not strtod: that knows locales, exponents and "nan". */
static bool
decimal(const char **at, double *out)
{
	double v = 0, unit = 1;
	unsigned count = 0;

	for (; is_digit(**at) && count < 18; (*at)++, count++)
		v = v * 10 + (**at - '0');
	if (count == 0 || is_digit(**at))
		return false;
	if (**at == '.') {
		for ((*at)++; is_digit(**at); (*at)++) {
			unit /= 10;
			if (unit > 1e-15)
				v += unit * (**at - '0');
		}
	}
	*out = v;
	return true;
}

/* "a/b" or "a"; never negative. */
static bool
fraction(const char **at, double *out)
{
	double a, b = 1;

	if (!decimal(at, &a))
		return false;
	if (**at == '/') {
		(*at)++;
		if (!decimal(at, &b) || b == 0)
			return false;
	}
	*out = a / b;
	return true;
}

bool
value_fraction(const char *text, uint64_t scale, uint64_t max, uint64_t *out)
{
	double v;

	if (!fraction(&text, &v))
		return false;
	v = v * (double)scale + 0.5;
	if (!(v >= 0) || v >= (double)max)
		return false;
	*out = (uint64_t)v;
	return true;
}

bool
value_number(const char *text, uint64_t max, uint64_t *out)
{
	double v;

	if (!decimal(&text, &v) || v > (double)max || v > 1e15)
		return false;
	*out = (uint64_t)v;
	return true;
}

/* ---- times ------------------------------------------------------ */

/* Days since 1970-01-01 in the Gregorian calendar, for any year from 1 on. */
static int64_t
days_since_1970(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 +
			   day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static unsigned
days_of_month(int64_t year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

bool
value_civil(int64_t year, unsigned month, unsigned day, unsigned hour,
	    unsigned minute, unsigned second, int64_t *ms)
{
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month) || hour > 23 || minute > 59 ||
	    second > 60)
		return false;
	if (second == 60) /* a leap second, or a camera that counts badly */
		second = 59;
	*ms = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) *
		      60000 +
	      (int64_t)second * 1000;
	return true;
}

bool
value_exif_time(const char *text, int64_t *ms)
{
	unsigned y, mo, d, h, mi, s = 0;

	if (!digits(&text, 4, &y) || !skip(&text, ":-/") ||
	    !digits(&text, 2, &mo) || !skip(&text, ":-/") ||
	    !digits(&text, 2, &d) || !skip(&text, " T") ||
	    !digits(&text, 2, &h) || !skip(&text, ":") ||
	    !digits(&text, 2, &mi))
		return false;
	if (skip(&text, ":") && !digits(&text, 2, &s))
		return false;
	return value_civil(y, mo, d, h, mi, s, ms);
}

bool
value_subsec(const char *text, uint32_t *ms)
{
	uint32_t v = 0, unit = 100;

	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++, unit /= 10)
		v += unit * (uint32_t)(*text - '0');
	*ms = v;
	return true;
}

bool
value_offset(const char *text, int32_t *minutes)
{
	bool west = *text == '-';
	unsigned h, m = 0;

	if (*text == 'Z' || *text == 'z') {
		*minutes = 0;
		return true;
	}
	if (!skip(&text, "+-") || !digits(&text, 2, &h))
		return false;
	(void)skip(&text, ":");
	if (is_digit(*text) && !digits(&text, 2, &m))
		return false;
	if (h > 14 || m > 59)
		return false;
	*minutes = (int32_t)(h * 60 + m) * (west ? -1 : 1);
	return true;
}

bool
value_iso_time(const char *text, int64_t *ms, bool *has_offset,
	       int32_t *minutes)
{
	unsigned y, mo, d, h = 0, mi = 0, s = 0;
	uint32_t fine = 0;
	int64_t whole;

	if (!digits(&text, 4, &y) || !skip(&text, "-:") ||
	    !digits(&text, 2, &mo) || !skip(&text, "-:") ||
	    !digits(&text, 2, &d))
		return false;
	if (skip(&text, "T ")) {
		if (!digits(&text, 2, &h) || !skip(&text, ":") ||
		    !digits(&text, 2, &mi))
			return false;
		if (skip(&text, ":") && !digits(&text, 2, &s))
			return false;
		if (skip(&text, ".,") && value_subsec(text, &fine))
			while (is_digit(*text))
				text++;
	}
	if (!value_civil(y, mo, d, h, mi, s, &whole))
		return false;
	*ms = whole + fine;
	*has_offset = value_offset(text, minutes);
	return true;
}

/* ---- places ------------------------------------------------------ */

/* Degrees as a number with its sign; *limit is 90 or 180. */
static bool
to_e7(double degrees, bool negative, double limit, int32_t *e7)
{
	if (!(degrees >= 0) || degrees > limit)
		return false;
	*e7 = (int32_t)(degrees * 1e7 + 0.5) * (negative ? -1 : 1);
	return true;
}

static bool
by_letter(double degrees, char letter, int32_t *e7)
{
	switch (letter) {
	case 'N':
	case 'n':
		return to_e7(degrees, false, 90, e7);
	case 'S':
	case 's':
		return to_e7(degrees, true, 90, e7);
	case 'E':
	case 'e':
		return to_e7(degrees, false, 180, e7);
	case 'W':
	case 'w':
		return to_e7(degrees, true, 180, e7);
	default: /* any byte at all */
		return false;
	}
}

bool
value_gps(const char *degrees, const char *letter, int32_t *e7)
{
	double d, m = 0, s = 0;

	if (!fraction(&degrees, &d))
		return false;
	/* Some write 0/0 where there is no such part. */
	if (skip(&degrees, " ") && fraction(&degrees, &m) &&
	    skip(&degrees, " "))
		(void)fraction(&degrees, &s);
	if (m >= 60.0001 || s >= 60.0001)
		return false;
	return by_letter(d + m / 60 + s / 3600, *letter, e7);
}

bool
value_xmp_gps(const char *text, int32_t *e7)
{
	double d, m, s = 0;

	if (!decimal(&text, &d) || !skip(&text, ",") || !decimal(&text, &m))
		return false;
	if (skip(&text, ",") && !decimal(&text, &s))
		return false;
	if (m >= 60.0001 || s >= 60.0001)
		return false;
	return by_letter(d + m / 60 + s / 3600, *text, e7);
}

/* Sign, digits, point: +48.8577, or with minutes +4851.5, +485130.1.  *whole
 * is how many digits stand before the point. */
static bool
signed_decimal(const char **at, bool *negative, double *out, unsigned *whole)
{
	*negative = **at == '-';
	if (!skip(at, "+-"))
		return false;
	for (*whole = 0; is_digit((*at)[*whole]); (*whole)++)
		;
	return decimal(at, out);
}

/* Degrees, by how many digits were written: D, DM or DMS. */
static double
unfolded(double v, unsigned whole, unsigned degree_digits)
{
	double d, m;

	if (whole <= degree_digits)
		return v;
	if (whole <= degree_digits + 2) {
		d = floor(v / 100);
		return d + (v - d * 100) / 60;
	}
	d = floor(v / 10000);
	m = floor((v - d * 10000) / 100);
	return d + m / 60 + (v - d * 10000 - m * 100) / 3600;
}

bool
value_iso6709(const char *text, int32_t *latitude_e7, int32_t *longitude_e7,
	      bool *has_altitude, int32_t *altitude_mm)
{
	double latitude, longitude, altitude;
	unsigned latitude_whole, longitude_whole, whole;
	bool south, west, under;
	int32_t la, lo;

	if (!signed_decimal(&text, &south, &latitude, &latitude_whole) ||
	    !signed_decimal(&text, &west, &longitude, &longitude_whole) ||
	    !to_e7(unfolded(latitude, latitude_whole, 2), south, 90, &la) ||
	    !to_e7(unfolded(longitude, longitude_whole, 3), west, 180, &lo))
		return false;
	*latitude_e7 = la;
	*longitude_e7 = lo;
	*has_altitude = signed_decimal(&text, &under, &altitude, &whole) &&
			altitude < 2000000;
	if (*has_altitude)
		*altitude_mm = (int32_t)(altitude * 1000 + 0.5) *
			       (under ? -1 : 1);
	return true;
}
