/*
 * options_private.h: the options there are, for options*.c only.
 */
#ifndef PHOTO_OPTIONS_PRIVATE_H
#define PHOTO_OPTIONS_PRIVATE_H

#include <stddef.h>

#include "options.h"

#define TIMEOUT_MS_DEFAULT 10000

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
	OPTION_OUTPUT,
	OPTION_DRY_RUN,
	OPTION_ROOT,
	OPTION_COPIES,
	OPTION_ALWAYS,
	OPTION_YES,
	OPTION_ACCEPT_MISSING,
};

struct option_spec {
	enum option_id id;
	char letter;
	const char *name;
	bool has_value;
	unsigned takes; /* enum verb_takes; 0: everybody's */
};
extern const struct option_spec option_specs[];
extern const size_t option_spec_count;

/* What it is worth, into *o; 0, or -1 with the sentence. */
int option_set(struct options *o, enum option_id id, const char *value,
	       struct failure *why);
int option_parse_port(const char *text, const char *where, uint16_t *out,
		      struct failure *why);

#endif
