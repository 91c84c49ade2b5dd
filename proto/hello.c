#include "hello.h"

#include <assert.h>

#include "bytes.h"

size_t
hello_signed_bytes(enum hello_side side,
		   const uint8_t exporter[HELLO_EXPORTER_BYTES], uint64_t run,
		   uint8_t out[HELLO_SIGNED_BYTES])
{
	static const char purpose[] = "photomesh hello 1";
	uint8_t *at = out;

	assert(side == HELLO_DIALLER || side == HELLO_LISTENER);
	put_bytes(&at, purpose, sizeof(purpose) - 1);
	put_be(&at, (uint64_t)side, 1);
	put_bytes(&at, exporter, HELLO_EXPORTER_BYTES);
	put_be(&at, run, 8);
	assert(at == out + HELLO_SIGNED_BYTES);
	return HELLO_SIGNED_BYTES;
}
