#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "options_private.h"
#include "question.h"
#include "tunnel.h"

struct parse {
	const struct verb *const *verbs;
	struct options *out;
	unsigned taken; /* enum verb_takes of the options met */
	struct failure *why;
};

/* It is met: what it takes, and its value. */
static int
set_option(struct parse *p, const struct option_spec *s, const char *value)
{
	p->taken |= s->takes;
	return option_set(p->out, s, value, p->why);
}

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

/* "--name", "--name=value", "--name value"; eats *next where it is needed. */
static int
parse_long(struct parse *p, const char *text, char *const *argv, int argc,
	   int *next)
{
	size_t length = strcspn(text, "=");
	const char *value = text[length] == '=' ? text + length + 1 : NULL;

	for (size_t i = 0; i < option_spec_count; i++) {
		const struct option_spec *s = &option_specs[i];

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

static int
fail_unknown_letter(const struct parse *p, char letter)
{
	const struct verb *v = p->out->verb;

	if (v != NULL && (v->takes & TAKES_QUERY) != 0)
		return failure_set(p->why, ENDING_USAGE,
				   "unknown option -%c; a word to leave out is "
				   "written !word, or -word behind --",
				   letter);
	return failure_set(p->why, ENDING_USAGE,
			   "unknown option -%c; see: photo --help", letter);
}

/* "-q", "-p5001", "-p 5001", "-qr". */
static int
parse_letters(struct parse *p, const char *text, char *const *argv, int argc,
	      int *next)
{
	for (; *text != '\0'; text++) {
		const struct option_spec *s = NULL;
		const char *value = NULL;

		for (size_t i = 0; i < option_spec_count && s == NULL; i++) {
			if (option_specs[i].letter == *text)
				s = &option_specs[i];
		}
		if (s == NULL)
			return fail_unknown_letter(p, *text);
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
	o->arguments[o->argument_count++] = word;
	return 0;
}

/* Elsewhere one can look; to take, to change and to stop is for who is there. */
static int
judge_connect(struct parse *p)
{
	const struct options *o = p->out;
	char host[TUNNEL_HOST_MAX + 1], port[6];

	if (o->connect == NULL && o->key != NULL)
		return failure_set(p->why, ENDING_USAGE,
				   "--key goes with --connect; a daemon of this "
				   "machine is asked without it");
	if (o->connect == NULL)
		return 0;
	if (!tunnel_parse(o->connect, host, port))
		return failure_set(p->why, ENDING_USAGE,
				   "--connect takes HOST:PORT, such as "
				   "desktop.local:5000, not '%.100s'",
				   o->connect);
	if (o->port != 0)
		return failure_set(p->why, ENDING_USAGE,
				   "--connect and -p exclude each other: the "
				   "port of another machine stands in "
				   "HOST:PORT");
	if ((o->verb->takes & ONLY_HERE) != 0 || o->accept_missing)
		return failure_set(p->why, ENDING_REFUSED,
				   "%s%s is between you and a daemon of your "
				   "own machine: run it there, for instance by "
				   "ssh",
				   o->verb->name,
				   o->accept_missing ? " --accept-missing" : "");
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
	for (size_t i = 0; i < option_spec_count; i++) {
		if ((option_specs[i].takes & p->taken & ~v->takes) != 0)
			return failure_set(p->why, ENDING_USAGE,
					   "%s takes no --%s; see: "
					   "photo %s --help",
					   v->name, option_specs[i].name, v->name);
	}
	if (o->argument_count < v->arguments_min)
		return failure_set(p->why, ENDING_USAGE,
				   "something is missing: photo %s",
				   v->synopsis);
	if (o->argument_count > v->arguments_max)
		return failure_set(p->why, ENDING_USAGE,
				   "'%s' is too much; usage: photo %s",
				   o->arguments[v->arguments_max], v->synopsis);
	return judge_connect(p);
}

static int
read_environment(struct options *o, struct failure *why)
{
	const char *port = getenv("PHOTO_PORT");

	if (o->port != 0 || o->connect != NULL || port == NULL ||
	    *port == '\0')
		return 0;
	return option_parse_port(port, "$PHOTO_PORT", &o->port, why);
}

int
options_parse(int argc, char *const *argv, const struct verb *const *verbs,
	      struct options *out, struct failure *why)
{
	static const char **words; /* a run parses once; tests, often */
	struct parse p = {.verbs = verbs, .out = out, .why = why};
	bool words_only = false;

	memset(out, 0, sizeof(*out));
	out->timeout_ms = TIMEOUT_MS_DEFAULT;
	out->by = TIMELINE_MONTHS;
	out->max_age_ms = -1;
	out->copies = 1;
	/* Not more words than argv has. */
	free(words);
	if ((words = calloc((size_t)argc + 1, sizeof(*words))) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	out->arguments = words;
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
