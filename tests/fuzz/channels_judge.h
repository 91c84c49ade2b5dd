/*
 * channels_judge.h: one who asks a server of channels, and what it may answer.
 *
 * A photo's own bytes, all that were asked for and not one more, or a refusal
 * that has its reason; nothing to whom the owner has not said yes.
 */
#ifndef PHOTOMESH_FUZZ_CHANNELS_JUDGE_H
#define PHOTOMESH_FUZZ_CHANNELS_JUDGE_H

#include <openssl/ssl.h>

#include "bulk.h"
#include "channels_world.h"

#define OWED_MAX 6u

/* What is to be answered. */
struct owed {
	uint32_t type, request; /* enum bulk_type of the question */
	unsigned photo;         /* PHOTOS: one that nobody has */
	uint64_t at, end;       /* FETCH: the next byte, and where it ends */
	uint32_t thumbs;        /* still to come */
	uint8_t first_thumb;
	uint8_t nonce[PROOF_NONCE_BYTES];
};

struct asker {
	int fd; /* -1: none */
	SSL *ssl;
	unsigned who;
	bool strange; /* they may end it, whatever is owed */
	int hatch;    /* claimed; -1 */
	uint32_t owed_count;
	struct owed owed[OWED_MAX];
	size_t heard;
	uint8_t *in; /* IN_MAX */
};

/* An answer, to what is owed first; that is done with once all of it is there. */
void asker_judge(struct asker *a, const struct bulk *m);

#endif
