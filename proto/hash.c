#include "hash.h"

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

struct digest
hash_bytes(const void *bytes, size_t count)
{
	XXH128_hash_t h = XXH3_128bits(bytes, count);

	return (struct digest){.high = h.high64, .low = h.low64};
}
