/*
 * search.h: the words by which photos are looked for (QUERY).
 *
 * One grammar for people, the client and the daemon; PROTOCOL.md, "Queries",
 * is normative.  Text goes in, at most QUERY_TERMS_MAX terms come out, or the
 * place of the mistake: so the client can point at it, and the daemon believe
 * nobody.  Knows no clock and no time zone: a date is a civil day until
 * search_set_clock, a node what somebody typed.  How terms are asked of a
 * database is the catalogue's business; what a single pattern matches is here.
 */
#ifndef PHOTOMESH_SEARCH_H
#define PHOTOMESH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "photo_id.h"

enum search_kind {
	SEARCH_PATH,   /* of some copy: a part, or a pattern for all of it */
	SEARCH_NAME,   /* the same of the base name */
	SEARCH_NODE,   /* some copy is there */
	SEARCH_TYPE,   /* the media type: search_type */
	SEARCH_RAW,    /* a camera's raw format: search_type_raw, or a TIFF of
			* which a meta record says so; where there is none,
			* TIFF and search_name_raw */
	SEARCH_SIZE,
	SEARCH_TAKEN,
	SEARCH_ADDED,
	SEARCH_COPIES,
	SEARCH_ONLINE, /* some copy is at hand; negated, all are away */
	SEARCH_ID,
	/* What the bytes say, as far as that is known: */
	SEARCH_CAMERA,  /* make and model, with a blank between */
	SEARCH_LENS,
	SEARCH_KEYWORD, /* all of a keyword */
	SEARCH_ISO,
	SEARCH_NEAR, /* at most `max` metres from a place */
	SEARCH_GPS,  /* it is known where it was taken */
};

/* A stretch of time, open where it has no bound. */
struct search_time {
	bool has_from, has_until;
	uint32_t age_days;           /* not 0: not older than that; no days */
	int32_t from_day, until_day; /* days since 1970: from it, until before it */
	int64_t from_ms, until_ms;   /* the same, by search_set_clock */
};

struct search_term {
	enum search_kind kind;
	bool negated;
	bool glob;                    /* what has a text, but NODE: a pattern */
	uint16_t at, bytes;           /* the term in the query as typed */
	uint16_t text_at, text_bytes; /* PATH, NAME, NODE, TYPE, CAMERA, LENS,
				       * KEYWORD: see search_text */
	uint64_t min, max;            /* SIZE, COPIES, ISO: both included */
	int32_t latitude_e7, longitude_e7; /* NEAR: degrees * 10^7 */
	struct search_time time;      /* TAKEN, ADDED */
	struct photo_prefix prefix;   /* ID */
};

struct search {
	uint32_t count; /* 0: everything */
	struct search_term terms[QUERY_TERMS_MAX];
	/* private: what the terms look for, without quotes, each with a NUL */
	uint16_t text_bytes;
	char text[QUERY_BYTES_MAX + 1];
};

/* What is wrong, and where: bytes from the beginning, and how many. */
struct search_error {
	size_t at, bytes;
	char text[128]; /* half a sentence, without anything of the query */
};

/* False: *why says what is wrong, and *out is of no use. */
bool search_parse(const char *text, size_t bytes, struct search *out,
		  struct search_error *why);

/* What a term looks for; NUL-terminated, without a NUL inside. */
const char *search_text(const struct search *s, const struct search_term *t);

/*
 * The civil days that bound some term, in the order of the terms, `from`
 * before `until`: what a zone is wanted for.  Returns their number.
 */
uint32_t search_days(const struct search *s, int32_t days[QUERY_DAYS_MAX]);
/* A day as a clock without a zone has it, or the same bounds when the term has no
 * days: what a camera's own clock is held against. */
void search_civil(const struct search_time *t, int64_t *from_ms,
		  int64_t *until_ms);
/*
 * From days to milliseconds since 1970.  zones[i] is by how many seconds the
 * asker's clock was ahead of UTC when the i-th of search_days began; 0 where
 * there are fewer.  Of another size than QUERY_ZONE_S_MAX allows, it is cut.
 */
void search_set_clock(struct search *s, int64_t now_ms, const int32_t *zones,
		      uint32_t zone_count);

/* ---- what a pattern matches ------------------------------------------- */

/* Case counts nowhere, for the letters A to Z; what else is one text to people is
 * brought into one form by the caller.  Any bytes will do. */
bool search_part(const char *part, size_t part_bytes, const char *text,
		 size_t text_bytes);
/*
 * All of `text`: * is any run of characters (/ is one), ? a character, [a-z]
 * one of these, [!a-z] or [^a-z] none of them.  A character is one of UTF-8,
 * or a byte that is none.  Steps at most pattern_bytes * text_bytes.
 */
bool search_glob(const char *pattern, size_t pattern_bytes, const char *text,
		 size_t text_bytes);
/* The base name in a path. */
const char *search_base_name(const char *path, size_t *bytes);
/*
 * Does a media type answer to `name`: "image" ("photo") or "video"; the part behind the
 * slash, or behind its last hyphen (cr2: image/x-canon-cr2); the extension
 * that people say instead (jpg, mov, mkv, ...); or the whole type.
 */
bool search_type(const char *name, size_t name_bytes, const char *type,
		 size_t type_bytes);
bool search_type_raw(const char *type, size_t type_bytes);
/* Raw formats that are TIFF to their first bytes are told by their names. */
bool search_name_raw(const char *path, size_t path_bytes);

/* ---- private: search_value.c ------------------------------------------ */

/* Half a term: bytes of the query, `at` where they lie in it. */
struct search_piece {
	const char *text;
	size_t at, bytes;
};
bool search_fail(struct search_error *why, const struct search_piece *where,
		 const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* SIZE, COPIES, ISO, TAKEN, ADDED, NEAR by t->kind; the value is not empty. */
bool search_value(const struct search_piece *value, struct search_term *t,
		  struct search_error *why);

#endif
