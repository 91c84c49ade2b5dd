/*
 * options.h: the command line, read once, for every command.
 *
 * Options may stand before or behind the command; each command says which of
 * the options that are not everybody's it takes.  Long options are never
 * abbreviated: an abbreviation in somebody's script would forbid us a name.
 */
#ifndef PHOTO_OPTIONS_H
#define PHOTO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct failure;
struct output;
struct options;

/* Options that only some commands take, as bits. */
enum verb_takes {
	TAKES_NODE = 1,
	TAKES_SORT = 2,
	TAKES_REVERSE = 4,
	TAKES_LIMIT = 8,
	TAKES_AFTER = 16,
	TAKES_MAX_AGE = 32,
	TAKES_OUTPUT = 64,
	TAKES_DRY_RUN = 128,
	TAKES_ROOT = 256,
	TAKES_COPIES = 512,
	TAKES_ALWAYS = 1024,
	TAKES_QUERY = 2048, /* no option: words may begin with a - */
	TAKES_YES = 4096,
	TAKES_ACCEPT_MISSING = 8192,
	TAKES_BY = 32768,
	TAKES_NO_PICTURE = 65536,
	ONLY_HERE = 16384, /* no option: not with --connect */
};

struct verb {
	const char *name;
	const char *alias;    /* or NULL */
	const char *summary;  /* one line for photo --help */
	const char *synopsis; /* "list [QUERY] [--node NODE] ..." */
	const char *help;     /* options and examples */
	unsigned takes;       /* enum verb_takes, or-ed */
	unsigned arguments_min, arguments_max;
	/* 0, or -1 with *why filled; answers go to `o`. */
	int (*run)(const struct options *p, struct output *o,
		   struct failure *why);
};

#define ARGUMENTS_MAX UINT32_MAX /* as many as the system hands over */

struct options {
	const struct verb *verb; /* NULL with help, version or a failure */
	bool help, version, json, quiet, reverse, yes, accept_missing;
	uint16_t port;      /* 0: not chosen */
	int64_t timeout_ms; /* 10 s by default */
	bool timeout_given;
	const char *connect, *key; /* NULL: of this machine; the usual file */
	const char *node;
	uint32_t sort;          /* as in question_list */
	uint32_t by;            /* enum timeline_period; months by default */
	uint64_t limit;         /* 0: none */
	const char *after;      /* hex; NULL: from the start */
	int64_t max_age_ms;     /* -1: any */
	const char *output;     /* of get: FILE, DIR or "-"; NULL: here */
	bool dry_run, always, no_picture;
	const char *root;       /* a label; NULL: not chosen */
	uint64_t copies;        /* what counts as safe; 1 by default */
	const char **arguments; /* borrowed until the next options_parse */
	unsigned argument_count;
};

/*
 * `verbs` ends with NULL.  Returns 0, or -1 with ENDING_USAGE, or _REFUSED for
 * a command that does not go with --connect; `json` and
 * `quiet` are right even then, so that the failure is told in the right form.
 */
int options_parse(int argc, char *const *argv, const struct verb *const *verbs,
		  struct options *out, struct failure *why);

/* The command of that name or alias; NULL: none. */
const struct verb *verb_find(const struct verb *const *verbs, const char *name);

#endif
