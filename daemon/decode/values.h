/*
 * values.h: times, places and fractions, as cameras write them.
 *
 * Pure.  Everything is text of a stranger, NUL-terminated; what is not as it
 * should be is not known, never guessed.  False leaves the outputs alone.
 */
#ifndef PHOTOMESH_DECODE_VALUES_H
#define PHOTOMESH_DECODE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970 of a clock that reads so, as if it were UTC. */
bool value_civil(int64_t year, unsigned month, unsigned day, unsigned hour,
		 unsigned minute, unsigned second, int64_t *ms);

/* EXIF: "2019:07:04 10:15:30"; blanks and zeros mean that it is not known. */
bool value_exif_time(const char *text, int64_t *ms);
/* EXIF: the digits behind the seconds' point. */
bool value_subsec(const char *text, uint32_t *ms);
/* "+02:00", "-0330", "Z": minutes east of UTC. */
bool value_offset(const char *text, int32_t *minutes);
/* XMP, IPTC, QuickTime: "2019-07-04T10:15:30.25+02:00"; a day at least. */
bool value_iso_time(const char *text, int64_t *ms, bool *has_offset,
		    int32_t *minutes);

/* "1/250", or a plain number: times `scale`, rounded; at most `max`. */
bool value_fraction(const char *text, uint64_t scale, uint64_t max,
		    uint64_t *out);
/* A whole number at the front, as in "100" and "100 0". */
bool value_number(const char *text, uint64_t max, uint64_t *out);

/* EXIF: "48/1 51/1 3012/100" and the letter N, S, E or W. */
bool value_gps(const char *degrees, const char *letter, int32_t *e7);
/* XMP: "48,51.502N" or "48,51,30N". */
bool value_xmp_gps(const char *text, int32_t *e7);
/* QuickTime: "+48.8577+002.295+035.00/"; *has_altitude if there is one. */
bool value_iso6709(const char *text, int32_t *latitude_e7,
		   int32_t *longitude_e7, bool *has_altitude,
		   int32_t *altitude_mm);

#endif
