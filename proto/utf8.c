#include "utf8.h"

size_t
utf8_decode(const uint8_t *bytes, size_t count, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length;
	uint32_t c;

	if (count == 0)
		return 0;
	c = bytes[0];
	if (c < 0x80) {
		*code = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf)
		length = 2;
	else if ((c & 0xf0) == 0xe0)
		length = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		length = 4;
	else
		return 0;
	if (count < length)
		return 0;
	c &= 0x7fu >> length;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (bytes[i] & 0x3fu);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return length;
}

bool
utf8_valid(const uint8_t *bytes, size_t count)
{
	uint32_t code;
	size_t length;

	for (size_t i = 0; i < count; i += length) {
		if ((length = utf8_decode(bytes + i, count - i, &code)) == 0)
			return false;
	}
	return true;
}

bool
utf8_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

bool
utf8_plain(const char *text, size_t bytes)
{
	const uint8_t *b = (const uint8_t *)text;
	uint32_t code;
	size_t length;

	for (size_t i = 0; i < bytes; i += length) {
		if ((length = utf8_decode(b + i, bytes - i, &code)) == 0 ||
		    utf8_is_control(code))
			return false;
	}
	return true;
}
