/*
 * What question_decode accepts, question_encode can write, and decoding that
 * gives the same bytes once more.  (A page of PHOTOS may be too full to be
 * written by us: we keep room that others need not.)
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "question.h"

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
	static uint8_t one[FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX];
	static uint8_t two[FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX];
	static struct question_decoder *d;
	size_t one_bytes, two_bytes;
	struct question q;
	const char *why = NULL;

	if (d == NULL)
		d = question_decoder_new();
	must(d != NULL);
	switch (question_decode(d, data, size, &q, &why)) {
	case MESSAGE_BROKEN:
		must(why != NULL);
		return 0;
	case MESSAGE_UNKNOWN:
		return 0;
	case MESSAGE_OK:
		break;
	}
	one_bytes = question_encode(&q, one, sizeof(one));
	if (one_bytes == 0) {
		must(q.type == CLIENT_PHOTOS);
		return 0;
	}
	must(question_decode(d, one + FRAME_HEADER_BYTES,
			     one_bytes - FRAME_HEADER_BYTES, &q,
			     &why) == MESSAGE_OK);
	two_bytes = question_encode(&q, two, sizeof(two));
	must(two_bytes == one_bytes && memcmp(one, two, one_bytes) == 0);
	return 0;
}
