/*
 * about.h: when a photo was taken, and what else its bytes say, as shown.
 *
 * All of it was written by whoever made the file: texts pass through text.h
 * or json.h like names.
 */
#ifndef PHOTO_ABOUT_H
#define PHOTO_ABOUT_H

#include "question.h"

struct json;
struct output;

/* "2019-07-04 10:15" or, with seconds, 2019-07-04T10:15:30+02:00: the camera's
 * own clock where that is known, else what a name says, else the oldest time
 * of modification: for people in local time, in columns in UTC. */
#define ABOUT_DATE_MAX 48u
void about_date_shown(const struct answer_photo *p, char out[ABOUT_DATE_MAX]);
void about_date_column(const struct answer_photo *p, char out[ABOUT_DATE_MAX]);

/* "exif", "container", "name", "mtime", ... */
const char *about_date_source(const struct answer_photo *p);

/* The lines of show below the size: date, camera, exposure, place, ... */
void about_put(struct output *o, const struct answer_photo *p);

/* "date" and "date_source"; and, where there is a meta record, "meta": {...}. */
void about_json_date(struct json *j, const struct answer_photo *p);
void about_json(struct json *j, const struct answer_photo *p);

#endif
