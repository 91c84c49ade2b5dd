/*
 * query_about.c: functions for SQL that look into meta records.
 *
 * Each gets the value of the record that counts for a photo, or NULL where
 * there is none: then nothing matches.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fold.h"
#include "query_private.h"

/* What it says; NULL: nothing. */
static const struct record_meta *
read_meta(sqlite3_context *c, sqlite3_value *v)
{
	struct reader *r = sqlite3_user_data(c);
	struct read_about *a = &r->about;
	const void *value = sqlite3_value_blob(v);
	size_t bytes = (size_t)sqlite3_value_bytes(v);

	if (sqlite3_value_type(v) != SQLITE_BLOB || bytes == 0)
		return NULL;
	if (a->bytes == bytes && memcmp(a->raw, value, bytes) == 0)
		return a->sound ? &a->m : NULL;
	a->sound = record_meta_parse(value, bytes, &a->m);
	/* One of a later version may be longer: it is read each time. */
	a->bytes = bytes <= sizeof(a->raw) ? bytes : 0;
	memcpy(a->raw, value, a->bytes);
	return a->sound ? &a->m : NULL;
}

enum extent { A_PART, A_WHOLE, A_PATTERN };

static bool
matches(const char *text, sqlite3_value *want, enum extent how)
{
	const char *w = sqlite3_value_blob(want);
	size_t want_bytes = (size_t)sqlite3_value_bytes(want);
	size_t bytes = strlen(text);
	char room[FOLD_ROOM];

	text = fold(text, &bytes, room);
	if (how == A_PATTERN)
		return search_glob(w, want_bytes, text, bytes);
	/* A part as long as the whole is the whole. */
	return (how == A_PART || bytes == want_bytes) &&
	       search_part(w, want_bytes, text, bytes);
}

/* (record, what is looked for, is it a pattern) */
static void
camera_is(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);
	char both[2 * META_TEXT_MAX + 2];
	bool glob = sqlite3_value_int(v[2]) != 0, yes = false;
	enum extent how = glob ? A_PATTERN : A_PART;

	(void)count;
	if (m != NULL) {
		snprintf(both, sizeof(both), "%s%s%s", m->make,
			 m->make[0] != '\0' && m->model[0] != '\0' ? " " : "",
			 m->model);
		/* A pattern may mean all of the model alone. */
		yes = (both[0] != '\0' && matches(both, v[1], how)) ||
		      (glob && matches(m->model, v[1], how));
	}
	sqlite3_result_int(c, yes);
}

static void
lens_is(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);
	bool glob = sqlite3_value_int(v[2]) != 0;

	(void)count;
	sqlite3_result_int(c, m != NULL && m->lens[0] != '\0' &&
			      matches(m->lens, v[1],
				      glob ? A_PATTERN : A_PART));
}

static void
has_keyword(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);
	bool glob = sqlite3_value_int(v[2]) != 0, yes = false;

	(void)count;
	if (m != NULL)
		for (uint32_t i = 0; i < m->keyword_count && !yes; i++)
			yes = matches(m->keywords[i], v[1],
				      glob ? A_PATTERN : A_WHOLE);
	sqlite3_result_int(c, yes);
}

/* (record, from, to) */
static void
iso_within(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);

	(void)count;
	sqlite3_result_int(c, m != NULL &&
			      (m->has & META_HAS_ISO) != 0 &&
			      m->iso >= sqlite3_value_int64(v[1]) &&
			      m->iso <= sqlite3_value_int64(v[2]));
}

static void
has_place(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);

	(void)count;
	sqlite3_result_int(c, m != NULL &&
			      (m->has & META_HAS_PLACE) != 0);
}

/*
 * The way between two places on a sphere as large as the earth, by the
 * haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky and
 * Telescope 68, 1984), good to half a percent.
 */
static double
metres_between(int64_t lat1_e7, int64_t lon1_e7, int64_t lat2_e7,
	       int64_t lon2_e7)
{
	const double radian = 3.14159265358979323846 / 180e7;
	double a = sin((double)(lat2_e7 - lat1_e7) * radian / 2);
	double b = sin((double)(lon2_e7 - lon1_e7) * radian / 2);
	double h = a * a + cos((double)lat1_e7 * radian) *
				   cos((double)lat2_e7 * radian) * b * b;

	return 2 * 6371008.8 * asin(sqrt(h < 1 ? h : 1));
}

/* (record, latitude, longitude, metres) */
static void
is_near(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);

	(void)count;
	sqlite3_result_int(c, m != NULL &&
			      (m->has & META_HAS_PLACE) != 0 &&
			      metres_between(sqlite3_value_int64(v[1]),
					     sqlite3_value_int64(v[2]),
					     m->latitude_e7, m->longitude_e7) <=
				      (double)sqlite3_value_int64(v[3]));
}

/* (record, kind of media); nothing where the record knows of none. */
static void
media_is(sqlite3_context *c, int count, sqlite3_value **v)
{
	const struct record_meta *m = read_meta(c, v[0]);

	(void)count;
	if (m != NULL && m->media != META_OTHER)
		sqlite3_result_int(c, m->media == sqlite3_value_int(v[1]));
}

const struct sql_function about_functions[ABOUT_FUNCTIONS] = {
	{"camera_is", 3, true, camera_is},
	{"lens_is", 3, true, lens_is},
	{"has_keyword", 3, true, has_keyword},
	{"iso_within", 3, true, iso_within},
	{"has_place", 1, true, has_place},
	{"is_near", 4, true, is_near},
	{"media_is", 2, true, media_is},
};
