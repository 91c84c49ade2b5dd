#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "limits.h"

#define TIMEOUT_MS_DEFAULT 10000
#define LIMIT_MAX          1000000000u

enum option_id {
	OPTION_PORT,
	OPTION_CONNECT,
	OPTION_KEY,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_TIMEOUT,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_NODE,
	OPTION_SORT,
	OPTION_REVERSE,
	OPTION_LIMIT,
	OPTION_AFTER,
	OPTION_MAX_AGE,
	OPTION_ACCEPT_MISSING,
};

static const struct option_spec {
	enum option_id id;
	char letter;
	const char *name;
	bool has_value;
	unsigned takes; /* 0: everybody's */
} specs[] = {
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
	{OPTION_ACCEPT_MISSING, 0, "accept-missing", false,
	 TAKES_ACCEPT_MISSING},
};
#define SPEC_COUNT (sizeof(specs) / sizeof(*specs))

struct parse {
	const struct verb *const *verbs;
	struct options *out;
	unsigned taken; /* enum verb_takes of the options met */
	struct failure *why;
};

const struct verb *
verb_find(const struct verb *const *verbs, const char *name)
{
	for (; *verbs != NULL; verbs++) {
		if (strcmp(name, (*verbs)->name) == 0 ||
		    ((*verbs)->alias != NULL &&
		     strcmp(name, (*verbs)->alias) == 0))
			return *verbs;
	}
	return NULL;
}

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

static int
parse_port(const char *text, const char *where, uint16_t *out,
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

static int
set_option(struct parse *p, const struct option_spec *s, const char *value)
{
	struct options *o = p->out;
	uint64_t v;

	p->taken |= s->takes;
	switch (s->id) {
	case OPTION_PORT:
		return parse_port(value, "--port", &o->port, p->why);
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
		return parse_timeout(value, &o->timeout_ms, p->why);
	case OPTION_HELP:
		o->help = true;
		return 0;
	case OPTION_VERSION:
		o->version = true;
		return 0;
	case OPTION_NODE:
		if (*value == '\0')
			return failure_set(p->why, ENDING_USAGE,
					   "--node takes a name, a port or "
					   "the beginning of a node id");
		o->node = value;
		return 0;
	case OPTION_SORT:
		return parse_sort(value, &o->sort, p->why);
	case OPTION_REVERSE:
		o->reverse = true;
		return 0;
	case OPTION_ACCEPT_MISSING:
		o->accept_missing = true;
		return 0;
	case OPTION_LIMIT:
		if (!parse_number(value, 1, LIMIT_MAX, &o->limit))
			return failure_set(p->why, ENDING_USAGE,
					   "--limit takes a number from 1, "
					   "not '%s'",
					   value);
		return 0;
	case OPTION_AFTER:
		o->after = value;
		return 0;
	case OPTION_MAX_AGE:
		if (!parse_number(value, 0, INT64_MAX / 2, &v))
			return failure_set(p->why, ENDING_USAGE,
					   "--max-age takes milliseconds, "
					   "not '%s'",
					   value);
		o->max_age_ms = (int64_t)v;
		return 0;
	}
	return -1;
}

/* "--name", "--name=value", "--name value"; eats *next where it is needed. */
static int
parse_long(struct parse *p, const char *text, char *const *argv, int argc,
	   int *next)
{
	size_t length = strcspn(text, "=");
	const char *value = text[length] == '=' ? text + length + 1 : NULL;

	for (size_t i = 0; i < SPEC_COUNT; i++) {
		const struct option_spec *s = &specs[i];

		if (strlen(s->name) != length ||
		    memcmp(s->name, text, length) != 0)
			continue;
		if (!s->has_value && value != NULL)
			return failure_set(p->why, ENDING_USAGE,
					   "--%s takes no value", s->name);
		if (s->has_value && value == NULL) {
			if (*next == argc)
				return failure_set(p->why, ENDING_USAGE,
						   "--%s needs a value",
						   s->name);
			value = argv[(*next)++];
		}
		return set_option(p, s, value);
	}
	return failure_set(p->why, ENDING_USAGE,
			   "unknown option --%.*s; see: photo --help",
			   (int)length, text);
}

/* "-q", "-p5001", "-p 5001", "-qr". */
static int
parse_letters(struct parse *p, const char *text, char *const *argv, int argc,
	      int *next)
{
	for (; *text != '\0'; text++) {
		const struct option_spec *s = NULL;
		const char *value = NULL;

		for (size_t i = 0; i < SPEC_COUNT && s == NULL; i++) {
			if (specs[i].letter == *text)
				s = &specs[i];
		}
		if (s == NULL)
			return failure_set(p->why, ENDING_USAGE,
					   "unknown option -%c; see: photo "
					   "--help",
					   *text);
		if (s->has_value) {
			if (text[1] != '\0')
				value = text + 1;
			else if (*next < argc)
				value = argv[(*next)++];
			else
				return failure_set(p->why, ENDING_USAGE,
						   "-%c needs a value", *text);
		}
		if (set_option(p, s, value) == -1)
			return -1;
		if (s->has_value)
			break;
	}
	return 0;
}

/* How many letters to add, drop, change or swap: enough for short words. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[2][32];
	size_t n = strlen(b);

	if (strlen(a) > 30 || n > 30)
		return 99;
	for (unsigned j = 0; j <= n; j++)
		row[0][j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned *now = row[i & 1], *before = row[~i & 1];

		now[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned v = before[j - 1] + (a[i - 1] != b[j - 1]);

			if (before[j] + 1 < v)
				v = before[j] + 1;
			if (now[j - 1] + 1 < v)
				v = now[j - 1] + 1;
			now[j] = v;
		}
	}
	return row[strlen(a) & 1][n];
}

static int
fail_unknown_verb(const struct verb *const *verbs, const char *name,
		  struct failure *why)
{
	const struct verb *best = NULL;
	unsigned best_distance = 3;
	char all[256] = "";
	size_t used = 0;

	for (; *verbs != NULL; verbs++) {
		const struct verb *v = *verbs;
		unsigned d = distance(name, v->name);

		if (d < best_distance) {
			best_distance = d;
			best = v;
		}
		if (used < sizeof(all))
			used += (size_t)snprintf(all + used, sizeof(all) - used,
						 "%s%s", used > 0 ? ", " : "",
						 v->name);
	}
	if (best != NULL)
		return failure_set(why, ENDING_USAGE,
				   "unknown command '%.64s'; did you mean %s? "
				   "There are: %s",
				   name, best->name, all);
	return failure_set(why, ENDING_USAGE,
			   "unknown command '%.64s'; there are: %s", name, all);
}

static int
add_word(struct parse *p, const char *word)
{
	struct options *o = p->out;

	if (o->verb == NULL && !(o->help && o->argument_count > 0)) {
		if (strcmp(word, "help") == 0 && !o->help) {
			o->help = true; /* photo help [COMMAND] */
			return 0;
		}
		if ((o->verb = verb_find(p->verbs, word)) == NULL)
			return fail_unknown_verb(p->verbs, word, p->why);
		return 0;
	}
	if (o->argument_count == ARGUMENTS_MAX)
		return failure_set(p->why, ENDING_USAGE, "too many words");
	o->arguments[o->argument_count++] = word;
	return 0;
}

/* What can be judged only when everything has been read. */
static int
judge(struct parse *p)
{
	struct options *o = p->out;
	const struct verb *v = o->verb;

	if (o->help || o->version)
		return 0;
	if (v == NULL)
		return failure_set(p->why, ENDING_USAGE,
				   "say what to do, for instance: photo list; "
				   "see: photo --help");
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		if ((specs[i].takes & p->taken & ~v->takes) != 0)
			return failure_set(p->why, ENDING_USAGE,
					   "%s takes no --%s; see: "
					   "photo %s --help",
					   v->name, specs[i].name, v->name);
	}
	if (o->argument_count < v->arguments_min)
		return failure_set(p->why, ENDING_USAGE,
				   "something is missing: photo %s",
				   v->synopsis);
	if (o->argument_count > v->arguments_max)
		return failure_set(p->why, ENDING_USAGE,
				   "'%s' is too much; usage: photo %s",
				   o->arguments[v->arguments_max], v->synopsis);
	if (o->connect != NULL)
		return failure_set(p->why, ENDING_USAGE,
				   "--connect is not available yet; ask a "
				   "daemon on this machine instead: -p PORT");
	if (o->key != NULL)
		return failure_set(p->why, ENDING_USAGE,
				   "--key goes with --connect, which is not "
				   "available yet; leave both out");
	return 0;
}

static int
read_environment(struct options *o, struct failure *why)
{
	const char *port = getenv("PHOTO_PORT");

	if (o->port != 0 || port == NULL || *port == '\0')
		return 0;
	return parse_port(port, "$PHOTO_PORT", &o->port, why);
}

int
options_parse(int argc, char *const *argv, const struct verb *const *verbs,
	      struct options *out, struct failure *why)
{
	struct parse p = {.verbs = verbs, .out = out, .why = why};
	bool words_only = false;

	memset(out, 0, sizeof(*out));
	out->timeout_ms = TIMEOUT_MS_DEFAULT;
	out->max_age_ms = -1;
	/* A mistake further left must be told in the form asked for. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		out->json |= strcmp(argv[i], "--json") == 0;
	for (int i = 1; i < argc;) {
		const char *a = argv[i++];
		int r;

		if (words_only || a[0] != '-' || a[1] == '\0')
			r = add_word(&p, a);
		else if (strcmp(a, "--") == 0)
			r = 0, words_only = true;
		else if (a[1] == '-')
			r = parse_long(&p, a + 2, argv, argc, &i);
		else
			r = parse_letters(&p, a + 1, argv, argc, &i);
		if (r == -1)
			return -1;
	}
	if (judge(&p) == -1)
		return -1;
	return out->help || out->version ? 0 : read_environment(out, why);
}
