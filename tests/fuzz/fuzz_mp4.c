/*
 * Whatever a film's boxes say: few reads, and a record that is lawful.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meta.h"
#include "mp4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	const uint8_t *bytes;
	size_t count;
	unsigned reads;
};

static bool
read_memory(void *arg, uint64_t at, void *out, size_t count)
{
	struct memory *m = arg;

	if (++m->reads > 20000)
		abort();
	if (at > m->count || m->count - at < count)
		return false;
	memcpy(out, m->bytes + at, count);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = {.bytes = data, .count = size};
	struct mp4_file f = {
		.read = read_memory, .arg = &memory, .bytes = size};
	uint8_t out[META_BYTES_MAX];
	struct record_meta m;

	memset(&m, 0, sizeof(m));
	m.decoder = m.orientation = 1;
	(void)mp4_read(&f, &m);
	if (record_meta_pack(&m, out, sizeof(out)) == 0)
		abort();
	memory.reads = 0;
	f.bytes = UINT64_MAX;
	(void)mp4_read(&f, &m);
	return 0;
}
