#include "name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "text.h"
#include "utf8.h"

#define EXTENSION_BYTES_MAX 16u /* its dot included */
#define PLAIN_BYTES_MAX	    128u

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
join(const char *name, size_t count, const char *between, size_t max,
     char out[NAME_BYTES_MAX + 1])
{
	size_t dot = extension_at(name, count), stem;

	stem = whole_characters(name, dot,
				max - strlen(between) - (count - dot));
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
	join(all, used, "", NAME_BYTES_MAX, out);
}

/* CON, COM1.jpg and their like are no files on Windows. */
static bool
names_device(const char *name)
{
	static const char *const devices[] = {"CON", "PRN", "AUX", "NUL"};
	size_t count = strcspn(name, ".");

	if (count == 4 && name[3] >= '0' && name[3] <= '9')
		return strncasecmp(name, "COM", 3) == 0 ||
		       strncasecmp(name, "LPT", 3) == 0;
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		if (count == 3 && strncasecmp(name, devices[i], 3) == 0)
			return true;
	return false;
}

bool
name_plain(const char *name, char out[NAME_BYTES_MAX + 1])
{
	char all[NAME_BYTES_MAX + 2];
	size_t count = strlen(name), used = 0, length;
	uint32_t c;

	if (names_device(name))
		all[used++] = '_';
	for (size_t i = 0; i < count && used < NAME_BYTES_MAX; i += length) {
		length = utf8_decode((const uint8_t *)name + i, count - i, &c);
		if (length == 0 || strchr("\"*:<>?\\|", name[i]) != NULL) {
			all[used++] = '_';
			length = 1;
		} else if (used + length <= NAME_BYTES_MAX) {
			memcpy(all + used, name + i, length);
			used += length;
		}
	}
	all[used] = '\0';
	join(all, used, "", PLAIN_BYTES_MAX, out);
	for (size_t i = strlen(out); i > 0 && strchr(". ", out[i - 1]); i--)
		out[i - 1] = '_';
	return strcmp(out, name) == 0;
}

void
name_numbered(const char *name, unsigned number, char out[NAME_BYTES_MAX + 1])
{
	char between[16] = "";

	if (number > 0)
		snprintf(between, sizeof(between), " (%u)", number);
	join(name, strlen(name), between, NAME_BYTES_MAX, out);
}
