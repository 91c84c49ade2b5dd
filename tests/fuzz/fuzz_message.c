/*
 * What message_decode accepts, message_encode can write (it asserts its own
 * bounds), and decoding that gives the same bytes once more.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

/* Values are opaque to the decoder, so give each to its reader. */
static void
read_values(const struct message_batch *b)
{
	for (uint32_t n = 0; n < b->record_count; n++) {
		const struct record *r = &b->records[n];
		union {
			struct record_node node;
			struct record_root root;
			struct record_copy copy;
			struct record_problem problem;
			struct record_forgotten forgotten;
		} v;

		must(record_lawful(r));
		(void)record_node_parse(r->value, r->value_bytes, &v.node);
		(void)record_root_parse(r->value, r->value_bytes, &v.root);
		(void)record_copy_parse(r->value, r->value_bytes, &v.copy);
		(void)record_problem_parse(r->value, r->value_bytes,
					   &v.problem);
		(void)record_forgotten_parse(r->value, r->value_bytes,
					     &v.forgotten);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t one[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	static uint8_t two[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	static struct message_decoder *d;
	size_t one_bytes, two_bytes;
	struct message m;
	const char *why = NULL;

	if (d == NULL)
		d = message_decoder_new();
	must(d != NULL);
	switch (message_decode(d, data, size, &m, &why)) {
	case MESSAGE_BROKEN:
		must(why != NULL);
		return 0;
	case MESSAGE_UNKNOWN:
		return 0;
	case MESSAGE_OK:
		break;
	}
	if (m.type == MESSAGE_BATCH)
		read_values(&m.u.batch);
	one_bytes = message_encode(&m, one, sizeof(one));
	/* The shortest form is never longer than what came. */
	must(one_bytes > 0 && one_bytes <= FRAME_HEADER_BYTES + size);
	must(message_decode(d, one + FRAME_HEADER_BYTES,
			    one_bytes - FRAME_HEADER_BYTES, &m,
			    &why) == MESSAGE_OK);
	two_bytes = message_encode(&m, two, sizeof(two));
	must(two_bytes == one_bytes && memcmp(one, two, one_bytes) == 0);
	return 0;
}
