/*
 * json.h: writing JSON Lines, valid whatever the bytes.
 *
 * A thin emitter: the caller opens and closes, the commas come by themselves.
 * Strings are always valid UTF-8; bytes that are none become U+FFFD, and then
 * json_bytes adds KEY_hex so that nothing is lost.  Key NULL: inside an array,
 * or the outermost object.
 */
#ifndef PHOTO_JSON_H
#define PHOTO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *f; /* borrowed */
	bool comma;
};

void json_init(struct json *j, FILE *f);
void json_open(struct json *j, const char *key, char bracket); /* { or [ */
void json_close(struct json *j, char bracket);                 /* } or ] */
void json_line(struct json *j); /* the object is closed: end the line */

void json_null(struct json *j, const char *key);
void json_bool(struct json *j, const char *key, bool v);
void json_uint(struct json *j, const char *key, uint64_t v);
/* 0 means unknown: null. */
void json_uint_known(struct json *j, const char *key, uint64_t v);
/* As short as it can be without losing digits; not for NaN and infinities. */
void json_number(struct json *j, const char *key, double v);
void json_str(struct json *j, const char *key, const char *text);
/* "" means unknown: null. */
void json_str_known(struct json *j, const char *key, const char *text);
void json_bytes(struct json *j, const char *key, const void *bytes,
		size_t count);
void json_hex(struct json *j, const char *key, const uint8_t *bytes,
	      size_t count);
/* RFC 3339 UTC; null where that cannot be written. */
void json_time(struct json *j, const char *key, int64_t ms);
/* 0 means never: null. */
void json_time_known(struct json *j, const char *key, int64_t ms);

#endif
