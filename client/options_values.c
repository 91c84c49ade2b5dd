/*
 * options_values.c: each option, what it is called and what it takes.
 */
#include "options_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "limits.h"

#define LIMIT_MAX 1000000000u

/* An option that is just kept: set or not, or a text as it was typed. */
#define FLAG(field) false, offsetof(struct options, field)
#define TEXT(field) true, offsetof(struct options, field)
#define JUDGED      true, 0 /* by option_set */

const struct option_spec option_specs[] = {
	{OPTION_PORT, 'p', "port", 0, JUDGED},
	{OPTION_KEPT, 0, "connect", 0, TEXT(connect)},
	{OPTION_KEPT, 0, "key", 0, TEXT(key)},
	{OPTION_KEPT, 0, "json", 0, FLAG(json)},
	{OPTION_KEPT, 'q', "quiet", 0, FLAG(quiet)},
	{OPTION_TIMEOUT, 0, "timeout", 0, JUDGED},
	{OPTION_KEPT, 'h', "help", 0, FLAG(help)},
	{OPTION_KEPT, 0, "version", 0, FLAG(version)},
	{OPTION_NODE, 0, "node", TAKES_NODE, JUDGED},
	{OPTION_SORT, 0, "sort", TAKES_SORT, JUDGED},
	{OPTION_BY, 0, "by", TAKES_BY, JUDGED},
	{OPTION_KEPT, 'r', "reverse", TAKES_REVERSE, FLAG(reverse)},
	{OPTION_LIMIT, 'n', "limit", TAKES_LIMIT, JUDGED},
	{OPTION_KEPT, 0, "after", TAKES_AFTER, TEXT(after)},
	{OPTION_MAX_AGE, 0, "max-age", TAKES_MAX_AGE, JUDGED},
	{OPTION_OUTPUT, 'o', "output", TAKES_OUTPUT, JUDGED},
	{OPTION_KEPT, 0, "dry-run", TAKES_DRY_RUN, FLAG(dry_run)},
	{OPTION_KEPT, 0, "root", TAKES_ROOT, TEXT(root)},
	{OPTION_COPIES, 0, "copies", TAKES_COPIES, JUDGED},
	{OPTION_KEPT, 0, "always", TAKES_ALWAYS, FLAG(always)},
	{OPTION_KEPT, 0, "no-picture", TAKES_NO_PICTURE, FLAG(no_picture)},
	{OPTION_KEPT, 0, "yes", TAKES_YES, FLAG(yes)},
	{OPTION_KEPT, 0, "accept-missing", TAKES_ACCEPT_MISSING,
	 FLAG(accept_missing)},
};
const size_t option_spec_count =
	sizeof(option_specs) / sizeof(*option_specs);

/* Decimal digits only: strtoull alone takes blanks, signs and wrap-around. */
static bool
parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || v > max / 10)
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = v;
	return v >= min && v <= max;
}

int
option_parse_port(const char *text, const char *where, uint16_t *out,
		  struct failure *why)
{
	uint64_t v;

	if (!parse_number(text, 1, 65535, &v))
		return failure_set(why, ENDING_USAGE,
				   "%s is no port: '%s' (1 to 65535)", where,
				   text);
	*out = (uint16_t)v;
	return 0;
}

static int
parse_timeout(const char *text, int64_t *out, struct failure *why)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    !(v >= 0.001) || v > 86400)
		return failure_set(why, ENDING_USAGE,
				   "--timeout takes seconds (0.001 to 86400), "
				   "not '%s'",
				   text);
	*out = (int64_t)(v * 1000);
	return 0;
}

/* One of these, by its place; false: none. */
static bool
parse_word(const char *text, const char *const *words, uint32_t *out)
{
	for (uint32_t i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static int
parse_sort(const char *text, uint32_t *out, struct failure *why)
{
	static const char *const names[] = {"taken", "name", "size", "added",
					    NULL};

	if (parse_word(text, names, out))
		return 0;
	return failure_set(why, ENDING_USAGE,
			   "--sort takes taken, name, size or added, not '%s'",
			   text);
}

static int
parse_by(const char *text, uint32_t *out, struct failure *why)
{
	static const char *const names[] = {"year", "month", "day", NULL};

	if (parse_word(text, names, out))
		return 0;
	return failure_set(why, ENDING_USAGE,
			   "--by takes year, month or day, not '%s'", text);
}

static void
keep(struct options *o, const struct option_spec *s, const char *value)
{
	void *field = (char *)o + s->field;

	if (s->has_value)
		*(const char **)field = value;
	else
		*(bool *)field = true;
}

static int
keep_filled(const char *value, const char **out, const char *sentence,
	    struct failure *why)
{
	if (*value == '\0')
		return failure_set(why, ENDING_USAGE, "%s", sentence);
	*out = value;
	return 0;
}

int
option_set(struct options *o, const struct option_spec *s, const char *value,
	   struct failure *why)
{
	uint64_t v;

	switch (s->id) {
	case OPTION_KEPT:
		keep(o, s, value);
		return 0;
	case OPTION_PORT:
		return option_parse_port(value, "--port", &o->port, why);
	case OPTION_TIMEOUT:
		o->timeout_given = true;
		return parse_timeout(value, &o->timeout_ms, why);
	case OPTION_NODE:
		return keep_filled(value, &o->node,
				   "--node takes a name, a port or the "
				   "beginning of a node id", why);
	case OPTION_SORT:
		return parse_sort(value, &o->sort, why);
	case OPTION_BY:
		return parse_by(value, &o->by, why);
	case OPTION_LIMIT:
		if (!parse_number(value, 1, LIMIT_MAX, &o->limit))
			return failure_set(why, ENDING_USAGE,
					   "--limit takes a number from 1, "
					   "not '%s'",
					   value);
		return 0;
	case OPTION_MAX_AGE:
		if (!parse_number(value, 0, INT64_MAX / 2, &v))
			return failure_set(why, ENDING_USAGE,
					   "--max-age takes milliseconds, "
					   "not '%s'",
					   value);
		o->max_age_ms = (int64_t)v;
		return 0;
	case OPTION_OUTPUT:
		return keep_filled(value, &o->output,
				   "--output takes a file, a folder or - for "
				   "standard output", why);
	case OPTION_COPIES:
		if (!parse_number(value, 1, MESH_KNOWN_MAX, &o->copies))
			return failure_set(why, ENDING_USAGE,
					   "--copies takes a number of nodes "
					   "from 1, not '%s'",
					   value);
		return 0;
	}
	return -1;
}
