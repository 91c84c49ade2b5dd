/*
 * fold.c: text as it is searched for.
 *
 * Names are a stranger's.  utf8proc sorts the marks behind a letter by their
 * class with a square of their number in steps, so of no more than MARKS_MAX
 * together; Unicode's stream-safe text (UAX 15) has that bound, too.
 */
#include "fold.h"

#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#include "utf8.h"

#define MARKS_MAX 30u
/* Characters without one of ASCII between them, as taken at a time: more than
 * a name of 255 bytes can have.  Each is four at most when it is taken apart. */
#define RUN_MAX    1024u
#define PARTS_MAX  (4u * (RUN_MAX + 1))

struct folded {
	char *room;
	size_t bytes;
};

static void
put(struct folded *out, const void *bytes, size_t count)
{
	if (count > FOLD_ROOM - out->bytes)
		count = FOLD_ROOM - out->bytes;
	memcpy(out->room + out->bytes, bytes, count);
	out->bytes += count;
}

static bool
is_ascii(char c)
{
	return (unsigned char)c < 0x80;
}

static bool
is_mark(uint32_t code)
{
	return utf8proc_get_property((utf8proc_int32_t)code)->combining_class
	       != 0;
}

/* How much of the text goes together: up to the next byte of ASCII, for nothing
 * combines with what is before that; the first may be one. */
static size_t
run_bytes(const char *text, size_t bytes)
{
	size_t at = is_ascii(text[0]), length;
	unsigned characters = 0, marks = 0;
	uint32_t code;

	while (at < bytes && !is_ascii(text[at]) && characters < RUN_MAX) {
		length = utf8_decode((const uint8_t *)text + at, bytes - at,
				     &code);
		if (length == 0)
			break;
		marks = is_mark(code) ? marks + 1 : 0;
		if (marks > MARKS_MAX)
			break;
		at += length;
		characters++;
	}
	return at;
}

/* All of it taken apart, so that é in either form goes the same way; then every
 * letter in one case, which some have only by themselves (ς is σ by way of Σ);
 * then put together.  A to Z only with what follows: in a pattern like [A-z]
 * their case has a meaning. */
static void
put_run(struct folded *out, const char *text, size_t bytes)
{
	utf8proc_int32_t parts[PARTS_MAX + 1];
	utf8proc_uint8_t character[4];
	utf8proc_ssize_t count;

	count = utf8proc_decompose((const utf8proc_uint8_t *)text,
				   (utf8proc_ssize_t)bytes, parts, PARTS_MAX,
				   UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
	if (count < 0 || count > (utf8proc_ssize_t)PARTS_MAX) {
		put(out, text, bytes);
		return;
	}
	for (utf8proc_ssize_t i = 0; i < count; i++)
		if (parts[i] >= 0x80 || (i + 1 < count && parts[i + 1] >= 0x80))
			parts[i] = utf8proc_tolower(utf8proc_toupper(parts[i]));
	count = utf8proc_normalize_utf32(parts, count,
					 UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	for (utf8proc_ssize_t i = 0; i < count; i++)
		put(out, character, (size_t)utf8proc_encode_char(parts[i],
								 character));
}

const char *
fold(const char *text, size_t *bytes, char room[FOLD_ROOM])
{
	struct folded out = {room, 0};
	size_t at = 0, run;

	while (at < *bytes && is_ascii(text[at]))
		at++;
	if (at == *bytes)
		return text;
	at = at > 0 ? at - 1 : 0;
	put(&out, text, at);
	while (at < *bytes) {
		run = 1;
		if (is_ascii(text[at]) &&
		    (at + 1 == *bytes || is_ascii(text[at + 1])))
			put(&out, text + at, 1);
		else if ((run = run_bytes(text + at, *bytes - at)) > 0)
			put_run(&out, text + at, run);
		else /* no UTF-8 */
			put(&out, text + at, run = 1);
		at += run;
	}
	*bytes = out.bytes;
	return room;
}
