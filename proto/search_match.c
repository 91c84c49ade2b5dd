/*
 * search_match.c: does a pattern match?
 *
 * Pure, and safe with any bytes: names are a stranger's, patterns a client's.
 * A * is tried again only from where the last one stood, so no pattern takes
 * more than its length times that of the name.
 */
#include <string.h>

#include "search.h"

static unsigned char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) :
				      (unsigned char)c;
}

static bool
equal(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	if (a_bytes != b_bytes)
		return false;
	for (size_t i = 0; i < a_bytes; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

bool
search_part(const char *part, size_t part_bytes, const char *text,
	    size_t text_bytes)
{
	if (part_bytes == 0)
		return true;
	for (size_t at = 0; at + part_bytes <= text_bytes; at++)
		if (fold(text[at]) == fold(part[0]) &&
		    equal(part, part_bytes, text + at, part_bytes))
			return true;
	return false;
}

const char *
search_base_name(const char *path, size_t *bytes)
{
	size_t at = *bytes;

	while (at > 0 && path[at - 1] != '/')
		at--;
	*bytes -= at;
	return path + at;
}

/* ---- patterns ---------------------------------------------------------- */

#define NO_CHARACTER 0x110000u /* above all: with the byte behind it */

/* The character at the front of at least one byte: its length and *code. */
static size_t
character(const char *text, size_t bytes, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = (uint8_t)text[0];
	size_t length = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 :
			c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	*code = NO_CHARACTER + c;
	if (length == 1)
		*code = c;
	if (length < 2 || length > bytes)
		return 1;
	c &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++) {
		if (((uint8_t)text[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | ((uint8_t)text[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*code = c;
	return length;
}

static bool
within(uint32_t low, uint32_t code, uint32_t high)
{
	uint32_t other = code >= 'a' && code <= 'z' ? code - 32 :
			 code >= 'A' && code <= 'Z' ? code + 32 : code;

	return (low <= code && code <= high) || (low <= other && other <= high);
}

/* The set at the front, against one character; its length, 0: not closed. */
static size_t
set_match(const char *set, size_t bytes, uint32_t code, bool *match)
{
	size_t i = 1, first;
	bool none = bytes > 1 && (set[1] == '!' || set[1] == '^');

	*match = false;
	if (none)
		i++;
	for (first = i; i < bytes && (set[i] != ']' || i == first);) {
		uint32_t low, high;

		i += character(set + i, bytes - i, &low);
		high = low;
		if (i + 1 < bytes && set[i] == '-' && set[i + 1] != ']')
			i += 1 + character(set + i + 1, bytes - i - 1, &high);
		*match = *match || within(low, code, high);
	}
	if (i >= bytes)
		return 0;
	*match = *match != none;
	return i + 1;
}

/* One character of text against one of the pattern (no *); the pattern's
 * length, 0: no. */
static size_t
one_match(const char *pattern, size_t pattern_bytes, const char *text,
	  size_t text_bytes, size_t *taken)
{
	uint32_t code, want;
	bool match;
	size_t n;

	if (pattern_bytes == 0)
		return 0;
	*taken = character(text, text_bytes, &code);
	if (pattern[0] == '?')
		return 1;
	if (pattern[0] == '[') {
		n = set_match(pattern, pattern_bytes, code, &match);
		return match ? n : 0;
	}
	n = character(pattern, pattern_bytes, &want);
	return within(want, code, want) ? n : 0;
}

bool
search_glob(const char *pattern, size_t pattern_bytes, const char *text,
	    size_t text_bytes)
{
	size_t p = 0, t = 0, star = SIZE_MAX, star_t = 0;

	while (t < text_bytes) {
		size_t taken = 0, n;
		uint32_t code;

		if (p < pattern_bytes && pattern[p] == '*') {
			star = ++p;
			star_t = t;
			continue;
		}
		n = one_match(pattern + p, pattern_bytes - p, text + t,
			      text_bytes - t, &taken);
		if (n > 0) {
			p += n;
			t += taken;
			continue;
		}
		if (star == SIZE_MAX)
			return false;
		p = star;
		star_t += character(text + star_t, text_bytes - star_t, &code);
		t = star_t;
	}
	while (p < pattern_bytes && pattern[p] == '*')
		p++;
	return p == pattern_bytes;
}

/* ---- media types ------------------------------------------------------- */

static bool
one_of(const char *const *words, const char *text, size_t bytes)
{
	for (; *words != NULL; words++)
		if (equal(*words, strlen(*words), text, bytes))
			return true;
	return false;
}

/* What people say for the part behind the slash. */
static const char *
said_for(const char *name, size_t bytes)
{
	static const struct {
		const char *said, *type;
	} names[] = {
		{"jpg", "jpeg"},  {"tif", "tiff"},     {"mov", "quicktime"},
		{"qt", "quicktime"}, {"mkv", "matroska"}, {"avi", "msvideo"},
		{"mpg", "mpeg"},  {"ts", "mp2t"},      {"3gp", "3gpp"},
		{"photo", "image"}, {"3g2", "3gpp2"}, {"hif", "heif"},     {"dib", "bmp"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (equal(names[i].said, strlen(names[i].said), name, bytes))
			return names[i].type;
	return NULL;
}

bool
search_type(const char *name, size_t name_bytes, const char *type,
	    size_t type_bytes)
{
	const char *slash = type_bytes > 0 ? memchr(type, '/', type_bytes) :
					     NULL;
	const char *said = said_for(name, name_bytes), *behind;
	size_t major, bytes;

	if (equal(name, name_bytes, type, type_bytes))
		return true;
	if (slash == NULL)
		return false;
	if (said != NULL) {
		name = said;
		name_bytes = strlen(said);
	}
	major = (size_t)(slash - type);
	behind = slash + 1;
	bytes = type_bytes - major - 1;
	if (equal(name, name_bytes, behind, bytes) ||
	    equal(name, name_bytes, type, major))
		return true;
	return bytes > name_bytes && behind[bytes - name_bytes - 1] == '-' &&
	       equal(name, name_bytes, behind + bytes - name_bytes, name_bytes);
}

bool
search_type_raw(const char *type, size_t type_bytes)
{
	static const char *const raw[] = {
		"image/x-canon-cr2", "image/x-canon-cr3", "image/x-canon-crw",
		"image/x-olympus-orf", "image/x-panasonic-rw2",
		"image/x-fuji-raf", "image/x-minolta-mrw",
		"image/x-sigma-x3f", NULL};

	return one_of(raw, type, type_bytes);
}

bool
search_name_raw(const char *path, size_t path_bytes)
{
	static const char *const raw[] = {"dng", "nef", "nrw", "arw", "srf",
					  "sr2", "pef", "srw", "dcr", "kdc",
					  "erf", "mef", "mos", "iiq", "3fr",
					  "fff", "rwl", "raw", NULL};
	size_t bytes = path_bytes, at;
	const char *name = search_base_name(path, &bytes);

	for (at = bytes; at > 1 && name[at - 1] != '.';)
		at--;
	return at > 1 && one_of(raw, name + at, bytes - at);
}
