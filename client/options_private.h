/*
 * options_private.h: the options there are, for options*.c only.
 */
#ifndef PHOTO_OPTIONS_PRIVATE_H
#define PHOTO_OPTIONS_PRIVATE_H

#include <stddef.h>

#include "options.h"

#define TIMEOUT_MS_DEFAULT 10000

enum option_id {
	OPTION_KEPT, /* there is nothing to judge about it */
	OPTION_PORT,
	OPTION_TIMEOUT,
	OPTION_NODE,
	OPTION_SORT,
	OPTION_BY,
	OPTION_LIMIT,
	OPTION_MAX_AGE,
	OPTION_OUTPUT,
	OPTION_COPIES,
};

struct option_spec {
	enum option_id id;
	char letter;
	const char *name;
	unsigned takes; /* enum verb_takes; 0: everybody's */
	bool has_value;
	size_t field; /* KEPT: where in struct options, a bool or a string */
};
extern const struct option_spec option_specs[];
extern const size_t option_spec_count;

/* What it is worth, into *o; 0, or -1 with the sentence. */
int option_set(struct options *o, const struct option_spec *s, const char *value,
	       struct failure *why);
int option_parse_port(const char *text, const char *where, uint16_t *out,
		      struct failure *why);

#endif
