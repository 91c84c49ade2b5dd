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

const struct option_spec option_specs[] = {
	{OPTION_PORT, 'p', "port", true, 0},
	{OPTION_CONNECT, 0, "connect", true, 0},
	{OPTION_KEY, 0, "key", true, 0},
	{OPTION_JSON, 0, "json", false, 0},
	{OPTION_QUIET, 'q', "quiet", false, 0},
	{OPTION_TIMEOUT, 0, "timeout", true, 0},
	{OPTION_HELP, 'h', "help", false, 0},
	{OPTION_VERSION, 0, "version", false, 0},
	{OPTION_NODE, 0, "node", true, TAKES_NODE},
	{OPTION_SORT, 0, "sort", true, TAKES_SORT},
	{OPTION_REVERSE, 'r', "reverse", false, TAKES_REVERSE},
	{OPTION_LIMIT, 'n', "limit", true, TAKES_LIMIT},
	{OPTION_AFTER, 0, "after", true, TAKES_AFTER},
	{OPTION_MAX_AGE, 0, "max-age", true, TAKES_MAX_AGE},
	{OPTION_OUTPUT, 'o', "output", true, TAKES_OUTPUT},
	{OPTION_DRY_RUN, 0, "dry-run", false, TAKES_DRY_RUN},
	{OPTION_ROOT, 0, "root", true, TAKES_ROOT},
	{OPTION_COPIES, 0, "copies", true, TAKES_COPIES},
	{OPTION_ALWAYS, 0, "always", false, TAKES_ALWAYS},
	{OPTION_YES, 0, "yes", false, TAKES_YES},
	{OPTION_ACCEPT_MISSING, 0, "accept-missing", false,
	 TAKES_ACCEPT_MISSING},
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

static int
parse_sort(const char *text, uint32_t *out, struct failure *why)
{
	static const char *const names[] = {"taken", "name", "size", "added"};

	for (uint32_t i = 0; i < 4; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return failure_set(why, ENDING_USAGE,
			   "--sort takes taken, name, size or added, not '%s'",
			   text);
}

int
option_set(struct options *o, enum option_id id, const char *value,
	   struct failure *why)
{
	uint64_t v;

	switch (id) {
	case OPTION_PORT:
		return option_parse_port(value, "--port", &o->port, why);
	case OPTION_CONNECT:
		o->connect = value;
		return 0;
	case OPTION_KEY:
		o->key = value;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_QUIET:
		o->quiet = true;
		return 0;
	case OPTION_TIMEOUT:
		o->timeout_given = true;
		return parse_timeout(value, &o->timeout_ms, why);
	case OPTION_HELP:
		o->help = true;
		return 0;
	case OPTION_VERSION:
		o->version = true;
		return 0;
	case OPTION_NODE:
		if (*value == '\0')
			return failure_set(why, ENDING_USAGE,
					   "--node takes a name, a port or "
					   "the beginning of a node id");
		o->node = value;
		return 0;
	case OPTION_SORT:
		return parse_sort(value, &o->sort, why);
	case OPTION_REVERSE:
		o->reverse = true;
		return 0;
	case OPTION_LIMIT:
		if (!parse_number(value, 1, LIMIT_MAX, &o->limit))
			return failure_set(why, ENDING_USAGE,
					   "--limit takes a number from 1, "
					   "not '%s'",
					   value);
		return 0;
	case OPTION_AFTER:
		o->after = value;
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
		if (*value == '\0')
			return failure_set(why, ENDING_USAGE,
					   "--output takes a file, a folder or "
					   "- for standard output");
		o->output = value;
		return 0;
	case OPTION_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPTION_ROOT:
		o->root = value;
		return 0;
	case OPTION_COPIES:
		if (!parse_number(value, 1, MESH_KNOWN_MAX, &o->copies))
			return failure_set(why, ENDING_USAGE,
					   "--copies takes a number of nodes "
					   "from 1, not '%s'",
					   value);
		return 0;
	case OPTION_ALWAYS:
		o->always = true;
		return 0;
	case OPTION_YES:
		o->yes = true;
		return 0;
	case OPTION_ACCEPT_MISSING:
		o->accept_missing = true;
		return 0;
	}
	return -1;
}
