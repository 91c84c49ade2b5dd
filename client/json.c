#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "text.h"
#include "utf8.h"

void
json_init(struct json *j, FILE *f)
{
	j->f = f;
	j->comma = false;
}

/* Bytes as the inside of a JSON string. */
static void
put_string(FILE *f, const uint8_t *bytes, size_t count)
{
	uint32_t c;
	size_t length;

	for (size_t i = 0; i < count; i += length) {
		length = utf8_decode(bytes + i, count - i, &c);
		if (length == 0) {
			fputs("\xef\xbf\xbd", f);
			length = 1;
		} else if (c == '"' || c == '\\') {
			putc('\\', f);
			putc((int)c, f);
		} else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
			   c == 0x2029) {
			/* C1 and DEL too: the line may end on a terminal. */
			fprintf(f, "\\u%04x", c);
		} else {
			fwrite(bytes + i, 1, length, f);
		}
	}
}

static void
put_key(struct json *j, const char *key)
{
	if (j->comma)
		putc(',', j->f);
	j->comma = true;
	if (key != NULL)
		fprintf(j->f, "\"%s\":", key);
}

void
json_open(struct json *j, const char *key, char bracket)
{
	put_key(j, key);
	putc(bracket, j->f);
	j->comma = false;
}

void
json_close(struct json *j, char bracket)
{
	putc(bracket, j->f);
	j->comma = true;
}

void
json_line(struct json *j)
{
	putc('\n', j->f);
	j->comma = false;
}

void
json_null(struct json *j, const char *key)
{
	put_key(j, key);
	fputs("null", j->f);
}

void
json_bool(struct json *j, const char *key, bool v)
{
	put_key(j, key);
	fputs(v ? "true" : "false", j->f);
}

void
json_uint(struct json *j, const char *key, uint64_t v)
{
	put_key(j, key);
	fprintf(j->f, "%" PRIu64, v);
}

void
json_uint_known(struct json *j, const char *key, uint64_t v)
{
	if (v == 0)
		json_null(j, key);
	else
		json_uint(j, key, v);
}

void
json_number(struct json *j, const char *key, double v)
{
	put_key(j, key);
	fprintf(j->f, "%.10g", v); /* main sets no LC_NUMERIC: a point */
}

void
json_str(struct json *j, const char *key, const char *text)
{
	put_key(j, key);
	putc('"', j->f);
	put_string(j->f, (const uint8_t *)text, strlen(text));
	putc('"', j->f);
}

void
json_str_known(struct json *j, const char *key, const char *text)
{
	if (*text == '\0')
		json_null(j, key);
	else
		json_str(j, key, text);
}

void
json_bytes(struct json *j, const char *key, const void *bytes, size_t count)
{
	put_key(j, key);
	putc('"', j->f);
	put_string(j->f, bytes, count);
	putc('"', j->f);
	if (!utf8_valid(bytes, count)) {
		char key_hex[64];

		snprintf(key_hex, sizeof(key_hex), "%s_hex", key);
		json_hex(j, key_hex, bytes, count);
	}
}

void
json_hex(struct json *j, const char *key, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	put_key(j, key);
	putc('"', j->f);
	for (size_t i = 0; i < count; i++) {
		putc(digits[bytes[i] >> 4], j->f);
		putc(digits[bytes[i] & 15], j->f);
	}
	putc('"', j->f);
}

void
json_time(struct json *j, const char *key, int64_t ms)
{
	char text[TEXT_TIME_MAX];

	if (text_time_utc(ms, true, text))
		json_str(j, key, text);
	else
		json_null(j, key);
}

void
json_time_known(struct json *j, const char *key, int64_t ms)
{
	if (ms == 0)
		json_null(j, key);
	else
		json_time(j, key, ms);
}
