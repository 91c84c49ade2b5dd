#include "ident.h"

#include <string.h>

static const char loopback[] = "127.0.0.1";

int
node_id_compare(const struct node_id *a, const struct node_id *b)
{
	return memcmp(a->bytes, b->bytes, NODE_ID_BYTES);
}

bool
node_id_equal(const struct node_id *a, const struct node_id *b)
{
	return node_id_compare(a, b) == 0;
}

bool
node_id_is_zero(const struct node_id *a)
{
	static const struct node_id zero;

	return node_id_equal(a, &zero);
}

bool
host_id_equal(const struct host_id *a, const struct host_id *b)
{
	return memcmp(a->bytes, b->bytes, HOST_ID_BYTES) == 0;
}

int
rank_compare(const struct rank *a, const struct rank *b)
{
	int order;

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	order = memcmp(a->host.bytes, b->host.bytes, HOST_ID_BYTES);
	if (order != 0)
		return order;
	return node_id_compare(&a->node, &b->node);
}

bool
stream_id_equal(const struct stream_id *a, const struct stream_id *b)
{
	return a->generation == b->generation &&
	       node_id_equal(&a->node, &b->node);
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool
address_is_loopback(const struct address *a)
{
	return strcmp(a->host, loopback) == 0;
}

bool
address_is_name(const struct address *a)
{
	bool letters = false;

	for (const char *c = a->host; *c != '\0'; c++) {
		if (*c == ':')
			return false;
		letters = letters || (*c != '.' && (*c < '0' || *c > '9'));
	}
	return letters;
}

void
address_loopback(struct address *out, uint16_t port)
{
	*out = (struct address){.port = port};
	memcpy(out->host, loopback, sizeof(loopback));
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return a->high == b->high && a->low == b->low;
}

void
digest_add(struct digest *sum, const struct digest *row)
{
	uint64_t low = sum->low + row->low;

	sum->high += row->high + (low < row->low ? 1u : 0u);
	sum->low = low;
}

void
digest_subtract(struct digest *sum, const struct digest *row)
{
	uint64_t borrow = sum->low < row->low ? 1u : 0u;

	sum->high -= row->high + borrow;
	sum->low -= row->low;
}

void
digest_pack(const struct digest *d, uint8_t out[DIGEST_BYTES])
{
	for (unsigned n = 0; n < 8; n++) {
		out[n] = (uint8_t)(d->high >> (56 - 8 * n));
		out[8 + n] = (uint8_t)(d->low >> (56 - 8 * n));
	}
}

void
digest_unpack(const uint8_t in[DIGEST_BYTES], struct digest *out)
{
	*out = (struct digest){0, 0};
	for (unsigned n = 0; n < 8; n++) {
		out->high = out->high << 8 | in[n];
		out->low = out->low << 8 | in[8 + n];
	}
}

void
hex_encode(const uint8_t *bytes, size_t count, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t n = 0; n < count; n++) {
		*out++ = digits[bytes[n] >> 4];
		*out++ = digits[bytes[n] & 15];
	}
	*out = '\0';
}

int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_decode(const char *text, uint8_t *out, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		int high = hex_value(text[2 * n]);
		int low = high < 0 ? -1 : hex_value(text[2 * n + 1]);

		if (low < 0)
			return false;
		out[n] = (uint8_t)(high << 4 | low);
	}
	return true;
}
