/*
 * name_date.h: the date that a file's name tells.
 *
 * Telephones, cameras and messengers put it there: IMG_20190704_101530,
 * PXL_20210101_093015123, 2019-07-04 10.15.30, IMG-20190704-WA0007, Screenshot
 * 2019-07-04 at 10.15.30.  Pure; any bytes will do.
 */
#ifndef PHOTOMESH_NAME_DATE_H
#define PHOTOMESH_NAME_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first date in it, 1990 to 2099, in ms since 1970 of a clock without a
 * zone, midnight when the name has no time.  False: it has none. */
bool name_date(const char *name, size_t bytes, int64_t *ms);

#endif
