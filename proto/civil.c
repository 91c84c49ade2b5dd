#include "civil.h"

int32_t
civil_day(int32_t year, int32_t month, int32_t day)
{
	/* Years that begin in March have their odd day at the end. */
	int32_t y = month <= 2 ? year - 1 : year; /* never below 0 */
	int32_t m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	       719469;
}

int32_t
civil_days_in(int32_t year, int32_t month)
{
	int32_t next = month == 12 ? civil_day(year + 1, 1, 1) :
				     civil_day(year, month + 1, 1);

	return next - civil_day(year, month, 1);
}

/* Rounded down, also below zero. */
static int64_t
divide(int64_t a, int64_t b, int64_t *rest)
{
	int64_t n = a / b;

	*rest = a % b;
	if (*rest < 0) {
		*rest += b;
		n--;
	}
	return n;
}

struct civil
civil_of(int64_t ms)
{
	int64_t of_day, of_era, days = divide(ms, CIVIL_DAY_MS, &of_day);
	/* Eras of 400 years, the first day being the 1st of March, year 0. */
	int64_t era = divide(days + 719468, 146097, &of_era);
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 -
			of_era / 146096) / 365;
	int64_t of_year = of_era - (year * 365 + year / 4 - year / 100);
	int64_t m = (5 * of_year + 2) / 153;
	struct civil c;

	c.day = (int32_t)(of_year - (153 * m + 2) / 5 + 1);
	c.month = (int32_t)(m < 10 ? m + 3 : m - 9);
	c.year = (int32_t)(year + era * 400 + (c.month <= 2));
	c.hour = (int32_t)(of_day / 3600000);
	c.minute = (int32_t)(of_day / 60000 % 60);
	c.second = (int32_t)(of_day / 1000 % 60);
	c.milli = (int32_t)(of_day % 1000);
	return c;
}
