/*
 * search_value.c: amounts, dates and places in a query, and what they mean.
 *
 * The first two have one shape: an operator and one of them, or two with .. between,
 * where either may be missing.  One of them is a stretch already (2019 is 365
 * days), so that > means behind its end and >= from its beginning.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "search.h"

enum sign { OF, ABOVE, FROM, BELOW, UPTO, RANGE };

struct operands {
	enum sign sign;
	struct search_piece a, b; /* b: RANGE only; empty where it is open */
};

bool
search_fail(struct search_error *why, const struct search_piece *where,
	    const char *format, ...)
{
	va_list ap;

	why->at = where->at;
	why->bytes = where->bytes;
	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	return false;
}

static struct search_piece
cut(const struct search_piece *p, size_t from, size_t to)
{
	return (struct search_piece){p->text + from, p->at + from, to - from};
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
split(const struct search_piece *v, struct operands *o,
      struct search_error *why)
{
	size_t skip = 0;

	for (size_t i = 0; i + 1 < v->bytes; i++) {
		if (v->text[i] != '.' || v->text[i + 1] != '.')
			continue;
		o->sign = RANGE;
		o->a = cut(v, 0, i);
		o->b = cut(v, i + 2, v->bytes);
		if (o->a.bytes == 0 && o->b.bytes == 0)
			return search_fail(why, v,
					   "a range needs an end: 1..5, 1.. "
					   "or ..5");
		return true;
	}
	o->sign = OF;
	if (v->text[0] == '>' || v->text[0] == '<' || v->text[0] == '=') {
		bool up = v->text[0] == '>';

		skip = 1;
		if (v->text[0] != '=' && v->bytes > 1 && v->text[1] == '=') {
			skip = 2;
			o->sign = up ? FROM : UPTO;
		} else if (v->text[0] != '=') {
			o->sign = up ? ABOVE : BELOW;
		}
	}
	o->a = cut(v, skip, v->bytes);
	o->b = cut(v, v->bytes, v->bytes);
	if (o->a.bytes == 0)
		return search_fail(why, v, "nothing follows the sign");
	return true;
}

/* ---- amounts ----------------------------------------------------------- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* "", "B", "k", "KB", "MiB": how many bytes; 0: no unit. */
static uint64_t
unit_of(const char *text, size_t bytes)
{
	static const char letters[] = "kmgt";
	const char *letter;
	uint64_t base = 1000, unit = 1;

	if (bytes > 0 && lower(text[bytes - 1]) == 'b')
		bytes--;
	if (bytes == 0)
		return 1;
	letter = memchr(letters, lower(text[0]), sizeof(letters) - 1);
	if (letter == NULL || bytes > 2 ||
	    (bytes == 2 && lower(text[1]) != 'i'))
		return 0;
	if (bytes == 2)
		base = 1024;
	for (ptrdiff_t n = letter - letters; n >= 0; n--)
		unit *= base;
	return unit;
}

/* *number = *number * by + plus; false beyond what a database counts to. */
static bool
scale(uint64_t *number, uint64_t by, uint64_t plus)
{
	if (plus > INT64_MAX || *number > (INT64_MAX - plus) / by)
		return false;
	*number = *number * by + plus;
	return true;
}

/* 10, 1.5M: whole bytes, what is left of a byte dropped. */
static bool
read_amount(const struct search_piece *p, bool units, uint64_t *out,
	    struct search_error *why)
{
	uint64_t whole = 0, part = 0, tenths = 1, unit = 1;
	bool fits = true;
	size_t i = 0, dot;

	for (; i < p->bytes && is_digit(p->text[i]); i++)
		fits = fits && scale(&whole, 10, (uint64_t)(p->text[i] - '0'));
	dot = i;
	if (units && i > 0 && i < p->bytes && p->text[i] == '.')
		for (i++; i < p->bytes && is_digit(p->text[i]); i++) {
			if (i - dot > 3)
				continue; /* less than anybody means */
			part = part * 10 + (uint64_t)(p->text[i] - '0');
			tenths *= 10;
		}
	if (units)
		unit = unit_of(p->text + i, p->bytes - i);
	else if (i < p->bytes)
		unit = 0;
	if (dot == 0 || i == dot + 1 || unit == 0)
		return search_fail(why, p, units ?
				   "not a size: 500, 10M, 1.5GB, 64KiB" :
				   "not a number");
	if (!fits || !scale(&whole, unit, part * (unit / tenths) +
					  part * (unit % tenths) / tenths))
		return search_fail(why, p, "that is too much");
	*out = whole;
	return true;
}

static bool
amount_value(const struct search_piece *v, struct search_term *t,
	     struct search_error *why)
{
	bool units = t->kind == SEARCH_SIZE;
	uint64_t a = 0, b = INT64_MAX;
	struct operands o;

	if (!split(v, &o, why) ||
	    (o.a.bytes > 0 && !read_amount(&o.a, units, &a, why)) ||
	    (o.b.bytes > 0 && !read_amount(&o.b, units, &b, why)))
		return false;
	t->min = 0;
	t->max = INT64_MAX;
	switch (o.sign) {
	case OF:
		t->min = t->max = a;
		return true;
	case ABOVE:
		if (a == INT64_MAX)
			return search_fail(why, &o.a, "that is too much");
		t->min = a + 1;
		return true;
	case FROM:
		t->min = a;
		return true;
	case BELOW:
		if (a == 0)
			return search_fail(why, v, "nothing is less than 0");
		t->max = a - 1;
		return true;
	case UPTO:
		t->max = a;
		return true;
	case RANGE:
		t->min = a;
		t->max = b;
		if (a > b)
			return search_fail(why, v,
					   "the range is the wrong way round");
		return true;
	}
	return false;
}

/* ---- dates ------------------------------------------------------------- */

/* `count` digits; -1: there are not so many. */
static int32_t
digits(const struct search_piece *p, size_t from, size_t count)
{
	int32_t v = 0;

	if (p->bytes < from + count)
		return -1;
	for (size_t i = from; i < from + count; i++) {
		if (!is_digit(p->text[i]))
			return -1;
		v = v * 10 + (p->text[i] - '0');
	}
	return v;
}

/* 2019, 2019-07, 2019-07-04: from the first day to that behind the last. */
static bool
read_date(const struct search_piece *p, int32_t *from, int32_t *until,
	  struct search_error *why)
{
	int32_t year = digits(p, 0, 4), month = 1, day = 1, next;
	bool good = year > 0 && (p->bytes == 4 || p->bytes == 7 ||
				 p->bytes == 10);

	if (good && p->bytes >= 7)
		good = p->text[4] == '-' && (month = digits(p, 5, 2)) > 0;
	if (good && p->bytes == 10)
		good = p->text[7] == '-' && (day = digits(p, 8, 2)) > 0;
	if (!good)
		return search_fail(why, p, "not a date: 2019, 2019-07, "
				   "2019-07-04; or an age: 7d 2w 3m 1y");
	if (month > 12)
		return search_fail(why, p, "there are 12 months");
	next = civil_day(year, month, 1) + civil_days_in(year, month);
	*from = civil_day(year, month, day);
	*until = p->bytes == 10 ? *from + 1 :
		 p->bytes == 7	? next :
				  civil_day(year + 1, 1, 1);
	if (*from >= next)
		return search_fail(why, p, "that month has %d days",
				   (int)civil_days_in(year, month));
	return true;
}

/* 7d, 2w, 3m, 1y; 0: it is none. */
static uint32_t
age_of(const struct search_piece *p)
{
	static const struct {
		char letter;
		uint32_t days;
	} units[] = {{'d', 1}, {'w', 7}, {'m', 30}, {'y', 365}};
	int32_t count;

	if (p->bytes < 2 || p->bytes > 5)
		return 0;
	count = digits(p, 0, p->bytes - 1);
	for (size_t i = 0; count > 0 && i < 4; i++)
		if (lower(p->text[p->bytes - 1]) == units[i].letter)
			return (uint32_t)count * units[i].days;
	return 0;
}

static bool
date_value(const struct search_piece *v, struct search_term *t,
	   struct search_error *why)
{
	struct search_time *s = &t->time;
	int32_t a = 0, a_until = 0, b, b_until = 0;
	struct operands o;

	if ((s->age_days = age_of(v)) > 0)
		return true;
	if (!split(v, &o, why))
		return false;
	if (age_of(&o.a) > 0 || age_of(&o.b) > 0)
		return search_fail(why, v, "an age stands alone: 1y; older "
				   "than that is -added:1y");
	if ((o.a.bytes > 0 && !read_date(&o.a, &a, &a_until, why)) ||
	    (o.b.bytes > 0 && !read_date(&o.b, &b, &b_until, why)))
		return false;
	s->has_from = o.sign == OF || o.sign == ABOVE || o.sign == FROM ||
		      (o.sign == RANGE && o.a.bytes > 0);
	s->has_until = o.sign == OF || o.sign == BELOW || o.sign == UPTO ||
		       (o.sign == RANGE && o.b.bytes > 0);
	s->from_day = o.sign == ABOVE ? a_until : a;
	s->until_day = o.sign == BELOW ? a :
		       o.sign == RANGE ? b_until :
					    a_until;
	if (s->has_from && s->has_until && s->from_day >= s->until_day)
		return search_fail(why, v, "the range is the wrong way round");
	return true;
}

/* ---- places ------------------------------------------------------------ */

/* The number up to the next comma or the end, times `scale` (a power of ten);
 * false: it is none, or beyond +-max. */
static bool
read_number(struct search_piece *p, int64_t scale, int64_t max, int64_t *out)
{
	bool below = p->bytes > 0 && p->text[0] == '-', dot = false, any = false;
	size_t i = below || (p->bytes > 0 && p->text[0] == '+');
	int64_t v = 0, left = scale;

	for (; i < p->bytes && p->text[i] != ','; i++) {
		if (p->text[i] == '.' && !dot) {
			dot = true;
			continue;
		}
		if (!is_digit(p->text[i]))
			return false;
		any = true;
		if (dot && left == 1)
			continue; /* finer than anything is measured */
		if (dot)
			left /= 10;
		v = v * 10 + (p->text[i] - '0');
		if (v > max)
			return false;
	}
	if (!any || v > max / left)
		return false;
	v *= left;
	*out = below ? -v : v;
	*p = cut(p, i < p->bytes ? i + 1 : i, p->bytes);
	return true;
}

#define NEAR_KM_MAX 20100 /* half around the earth */

/* LAT,LON,KM */
static bool
near_value(const struct search_piece *v, struct search_term *t,
	   struct search_error *why)
{
	struct search_piece rest = *v;
	int64_t latitude, longitude, metres;

	if (!read_number(&rest, 10000000, 90 * INT64_C(10000000), &latitude) ||
	    !read_number(&rest, 10000000, 180 * INT64_C(10000000),
			 &longitude) ||
	    !read_number(&rest, 1000, NEAR_KM_MAX * 1000, &metres) ||
	    rest.bytes > 0 || metres < 0)
		return search_fail(why, v, "not a place: near:LAT,LON,KM in "
				   "degrees, as in near:47.37,8.54,5");
	t->latitude_e7 = (int32_t)latitude;
	t->longitude_e7 = (int32_t)longitude;
	t->max = (uint64_t)metres;
	return true;
}

bool
search_value(const struct search_piece *value, struct search_term *t,
	     struct search_error *why)
{
	switch (t->kind) {
	case SEARCH_SIZE:
	case SEARCH_COPIES:
	case SEARCH_ISO:
		return amount_value(value, t, why);
	case SEARCH_NEAR:
		return near_value(value, t, why);
	default: /* TAKEN, ADDED */
		return date_value(value, t, why);
	}
}

/* ---- clocks ------------------------------------------------------------ */

uint32_t
search_days(const struct search *s, int32_t days[QUERY_DAYS_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct search_term *t = &s->terms[i];

		if (t->kind != SEARCH_TAKEN && t->kind != SEARCH_ADDED)
			continue;
		if (t->time.has_from && t->time.age_days == 0)
			days[count++] = t->time.from_day;
		if (t->time.has_until)
			days[count++] = t->time.until_day;
	}
	return count;
}

static int64_t
day_ms(int32_t day, const int32_t *zones, uint32_t zone_count, uint32_t *used)
{
	int64_t zone = *used < zone_count ? zones[*used] : 0;

	++*used;
	if (zone > (int64_t)QUERY_ZONE_S_MAX)
		zone = QUERY_ZONE_S_MAX;
	if (zone < -(int64_t)QUERY_ZONE_S_MAX)
		zone = -(int64_t)QUERY_ZONE_S_MAX;
	return ((int64_t)day * 86400 - zone) * 1000;
}

void
search_civil(const struct search_time *t, int64_t *from_ms, int64_t *until_ms)
{
	bool days = t->age_days == 0;

	*from_ms = days ? t->from_day * CIVIL_DAY_MS : t->from_ms;
	*until_ms = days ? t->until_day * CIVIL_DAY_MS : t->until_ms;
}

void
search_set_clock(struct search *s, int64_t now_ms, const int32_t *zones,
		 uint32_t zone_count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct search_time *t = &s->terms[i].time;

		if (s->terms[i].kind != SEARCH_TAKEN &&
		    s->terms[i].kind != SEARCH_ADDED)
			continue;
		if (t->age_days > 0) {
			t->has_from = true;
			t->from_ms = now_ms - (int64_t)t->age_days * 86400000;
			continue;
		}
		if (t->has_from)
			t->from_ms = day_ms(t->from_day, zones, zone_count,
					    &used);
		if (t->has_until)
			t->until_ms = day_ms(t->until_day, zones, zone_count,
					     &used);
	}
}
