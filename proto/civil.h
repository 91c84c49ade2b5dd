/*
 * civil.h: days of the Gregorian calendar, before it began too.
 *
 * Without time zones and leap seconds: a civil clock read as if it were UTC.
 */
#ifndef PHOTOMESH_CIVIL_H
#define PHOTOMESH_CIVIL_H

#include <stdint.h>

#define CIVIL_DAY_MS INT64_C(86400000)

/* Days since 1970-01-01; year 1..9999, month 1..12, any day. */
int32_t civil_day(int32_t year, int32_t month, int32_t day);
/* 28..31 */
int32_t civil_days_in(int32_t year, int32_t month);

struct civil {
	int32_t year, month, day; /* month 1..12, day 1..31 */
	int32_t hour, minute, second, milli;
};
/* From ms since 1970, of the years -5000000 to 5000000. */
struct civil civil_of(int64_t ms);

#endif
