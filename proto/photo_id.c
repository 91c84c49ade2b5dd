#include "photo_id.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ident.h"

#define PHOTO_HEX_DIGITS 32u

void
photo_id_pack(const struct photo_id *id, uint8_t out[PHOTO_ID_BYTES])
{
	memcpy(out, id->hash, PHOTO_HASH_BYTES);
	for (unsigned n = 0; n < 8; n++)
		out[PHOTO_HASH_BYTES + n] = (uint8_t)(id->size >> (56 - 8 * n));
}

void
photo_id_unpack(const uint8_t in[PHOTO_ID_BYTES], struct photo_id *out)
{
	memcpy(out->hash, in, PHOTO_HASH_BYTES);
	out->size = 0;
	for (unsigned n = 0; n < 8; n++)
		out->size = out->size << 8 | in[PHOTO_HASH_BYTES + n];
}

int
photo_id_compare(const struct photo_id *a, const struct photo_id *b)
{
	int order = memcmp(a->hash, b->hash, PHOTO_HASH_BYTES);

	if (order != 0)
		return order;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return 0;
}

void
photo_id_hex(const struct photo_id *id, char out[33])
{
	hex_encode(id->hash, PHOTO_HASH_BYTES, out);
}

void
photo_id_hex_size(const struct photo_id *id, char out[PHOTO_ID_TEXT_MAX])
{
	photo_id_hex(id, out);
	snprintf(out + PHOTO_HEX_DIGITS, PHOTO_ID_TEXT_MAX - PHOTO_HEX_DIGITS,
		 "+%" PRIu64, id->size);
}

/* Decimal digits, at least one, that fit 64 bits. */
static bool
parse_size(const char *text, size_t text_bytes, uint64_t *out)
{
	uint64_t v = 0;

	if (text_bytes == 0)
		return false;
	for (size_t n = 0; n < text_bytes; n++) {
		uint64_t digit;

		if (text[n] < '0' || text[n] > '9')
			return false;
		digit = (uint64_t)(text[n] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

bool
photo_prefix_parse(const char *text, size_t text_bytes,
		   struct photo_prefix *out)
{
	size_t n;

	*out = (struct photo_prefix){.digits = 0};
	for (n = 0; n < text_bytes && n < PHOTO_HEX_DIGITS; n++) {
		int v = hex_value(text[n]);

		if (v == -1)
			return false;
		out->hash[n / 2] |= (uint8_t)(n % 2 == 0 ? v << 4 : v);
	}
	out->digits = (unsigned)n;
	if (n == text_bytes)
		return n > 0;
	assert(n == PHOTO_HEX_DIGITS);
	if (text[n] != '+')
		return false;
	out->sized = true;
	return parse_size(text + n + 1, text_bytes - n - 1, &out->size);
}

void
photo_prefix_of(const struct photo_id *id, struct photo_prefix *out)
{
	*out = (struct photo_prefix){.digits = 2 * PHOTO_HASH_BYTES,
				     .sized = true, .size = id->size};
	memcpy(out->hash, id->hash, sizeof(out->hash));
}

bool
photo_prefix_matches(const struct photo_prefix *p, const struct photo_id *id)
{
	size_t whole = p->digits / 2;

	assert(p->digits <= PHOTO_HEX_DIGITS);
	if (memcmp(p->hash, id->hash, whole) != 0)
		return false;
	if (p->digits % 2 == 1 && p->hash[whole] >> 4 != id->hash[whole] >> 4)
		return false;
	return !p->sized || p->size == id->size;
}
