/*
 * Whatever a member says of a photo: what is taken can be said again, and means
 * the same then.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_meta m, again;
	uint8_t out[META_BYTES_MAX];
	size_t used;

	if (!record_meta_parse(data, size, &m))
		return 0;
	used = record_meta_pack(&m, out, sizeof(out));
	must(used > 0);
	must(record_meta_parse(out, used, &again));
	must(memcmp(&m, &again, sizeof(m)) == 0);
	return 0;
}
