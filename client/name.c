#include "name.h"

#include <stdio.h>
#include <string.h>

#include "text.h"
#include "utf8.h"

#define EXTENSION_BYTES_MAX 16u /* its dot included */

/* Where the extension begins; `count` when there is none. */
static size_t
extension_at(const char *name, size_t count)
{
	for (size_t i = count; i > 1 && count - i < EXTENSION_BYTES_MAX; i--) {
		if (name[i - 1] == '.')
			return i - 1;
	}
	return count;
}

/* The greatest cut <= max that does not fall into a character. */
static size_t
whole_characters(const char *bytes, size_t count, size_t max)
{
	size_t at = 0, length;
	uint32_t code;

	while (at < count) {
		length = utf8_decode((const uint8_t *)bytes + at, count - at,
				     &code);
		if (length == 0)
			length = 1;
		if (at + length > max)
			break;
		at += length;
	}
	return at;
}

/* Stem, something between, extension: cut so that all of it fits. */
static void
join(const char *name, size_t count, const char *between,
     char out[NAME_BYTES_MAX + 1])
{
	size_t dot = extension_at(name, count), stem;

	stem = whole_characters(name, dot,
				NAME_BYTES_MAX - strlen(between) -
					(count - dot));
	snprintf(out, NAME_BYTES_MAX + 1, "%.*s%s%.*s", (int)stem, name,
		 between, (int)(count - dot), name + dot);
}

void
name_safe(const void *bytes, size_t count, char out[NAME_BYTES_MAX + 1])
{
	char all[4096 + 1]; /* PATH_BYTES_MAX: longer ones lose their front */
	const char *b = bytes;
	size_t used = 0, length;
	uint32_t c;

	for (size_t i = count; i > 0; i--) {
		if (b[i - 1] == '/' || count - i == sizeof(all) - 1) {
			b += i;
			count -= i;
			break;
		}
	}
	for (size_t i = 0; i < count; i += length) {
		length = utf8_decode((const uint8_t *)b + i, count - i, &c);
		if (length == 0) {
			all[used++] = b[i];
			length = 1;
		} else if (c < 0x20 || (c >= 0x7f && c < 0xa0) ||
			   c == 0x2028 || c == 0x2029) {
			all[used++] = '_';
		} else {
			memcpy(all + used, b + i, length);
			used += length;
		}
	}
	all[used] = '\0';
	if (all[0] == '.')
		all[0] = '_';
	if (used == 0)
		used = (size_t)snprintf(all, sizeof(all), "photo");
	join(all, used, "", out);
}

void
name_numbered(const char *name, unsigned number, char out[NAME_BYTES_MAX + 1])
{
	char between[16] = "";

	if (number > 0)
		snprintf(between, sizeof(between), " (%u)", number);
	join(name, strlen(name), between, out);
}
