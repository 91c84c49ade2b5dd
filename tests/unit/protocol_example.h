/*
 * The worked examples of PROTOCOL.md.  One is the fenced block behind
 * `<!-- hex NAME -->`: hex digits, notes after `;`.
 */
#ifndef PROTOCOL_EXAMPLE_H
#define PROTOCOL_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ident.h"

/* The bytes of a line of one, behind the `used` bytes there are. */
static inline size_t
example_line(const char *line, uint8_t *out, size_t used, size_t max)
{
	for (const char *c = line; *c != '\0' && *c != ';'; c++) {
		if (hex_value(*c) == -1)
			continue;
		assert_true(used < max);
		assert_true(hex_decode(c, &out[used++], 1));
		c++;
	}
	return used;
}

/* The bytes of the example called `name`, at most `max`; how many.  Fails the
 * test if there is none. */
static inline size_t
example_read(const char *document, const char *name, uint8_t *out, size_t max)
{
	char line[256], marker[64];
	FILE *f = fopen(document, "r");
	bool found = false, fenced = false;
	size_t used = 0;

	if (f == NULL)
		fail_msg("cannot open %s", document);
	snprintf(marker, sizeof(marker), "<!-- hex %s -->", name);
	while (fgets(line, sizeof(line), f) != NULL) {
		bool fence = strncmp(line, "```", 3) == 0;

		if (!found)
			found = strncmp(line, marker, strlen(marker)) == 0;
		else if (fence && fenced)
			break;
		else if (fence)
			fenced = true;
		else if (fenced)
			used = example_line(line, out, used, max);
	}
	fclose(f);
	if (used == 0)
		fail_msg("%s has no example %s", document, name);
	return used;
}

#endif
