#include "texts.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "utf8.h"

/* A Latin-1 byte as UTF-8; C1 is what Windows has letters for, and no loss. */
static size_t
from_latin1(uint8_t byte, char out[2])
{
	out[0] = (char)(0xc0 | byte >> 6);
	out[1] = (char)(0x80 | (byte & 0x3f));
	return 2;
}

size_t
text_clean(const char *text, size_t bytes, char *out, size_t max)
{
	const uint8_t *b = (const uint8_t *)text;
	bool latin1, space = false;
	size_t used = 0, taken;

	/* What stands behind a NUL is padding. */
	bytes = strnlen(text, bytes);
	latin1 = !utf8_valid(b, bytes);
	for (size_t at = 0; at < bytes; at += taken) {
		char pair[2];
		const char *from = text + at;
		size_t length;
		uint32_t code = b[at];

		taken = length = 1;
		if (!latin1)
			taken = length = utf8_decode(b + at, bytes - at,
						     &code);
		if (code == ' ' || utf8_is_control(code)) {
			space = used > 0;
			continue;
		}
		if (latin1 && b[at] >= 0x80) {
			length = from_latin1(b[at], pair);
			from = pair;
		}
		if (used + space + length > max)
			break;
		if (space)
			out[used++] = ' ';
		space = false;
		memcpy(out + used, from, length);
		used += length;
	}
	out[used] = '\0';
	return used;
}
