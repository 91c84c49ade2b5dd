/* channels_judge.c: see channels_judge.h. */
#include "channels_judge.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "hatch.h"

static bool
is_ours(const struct owed *o)
{
	return o->photo < OWN_PHOTOS;
}

static void
judge_error(struct asker *a, const struct owed *o, uint32_t code)
{
	bool moved = is_ours(o) && world_is_changed(o->photo);
	bool bytes = o->type == BULK_FETCH || o->type == BULK_HAND;

	switch (code) {
	case ERROR_BUSY:
		fuzz_must(o->type == BULK_CHANNEL, "busy, when it has begun");
		a->strange = true; /* and ended */
		return;
	case ERROR_NOT_HERE:
		fuzz_must(!is_ours(o), "a photo that is there is not here");
		return;
	case ERROR_CHANGED:
		fuzz_must(moved, "a photo is as it was, and has changed");
		return;
	case ERROR_WAITING:
		fuzz_must(bytes && a->who == 2, "nobody needs to be asked");
		return;
	case ERROR_DENIED:
		fuzz_must(bytes && a->who == 3, "nobody has said no");
		return;
	case ERROR_FAILED:
		/* A hatch that nobody has claimed, or has in time. */
		fuzz_must(moved || o->type == BULK_HAND,
			   "it fails for nothing");
		return;
	default:
		fuzz_must(false, "an error that nobody has thought of");
	}
}

static void
judge_chunk(const struct asker *a, struct owed *o, const struct bulk_chunk *k)
{
	const struct photo *p = &world_get()->photos[o->photo];

	fuzz_must(o->type == BULK_FETCH && is_ours(o) && a->who == 1,
		   "bytes for whom they are not for");
	fuzz_must(k->data_bytes <= o->end - o->at &&
		   (k->data_bytes > 0 || o->end == o->at),
		   "not as many bytes as were asked for");
	fuzz_must(memcmp(k->data, p->bytes + o->at, k->data_bytes) == 0,
		   "other bytes than the photo's");
	o->at += k->data_bytes;
}

static void
judge_thumb(struct owed *o, const struct bulk_chunk *k)
{
	struct world *w = world_get();
	bool any = o->first_thumb == THUMB_PHOTO;

	fuzz_must(o->type == BULK_THUMBS && o->thumbs > 0,
		   "thumbnails that nobody has asked for");
	fuzz_must(any ? k->data_bytes == w->thumb_bytes &&
				 memcmp(k->data, w->thumb, w->thumb_bytes) == 0
		       : k->data_bytes == 0, "not the thumbnail of that photo");
	o->first_thumb = (uint8_t)((o->first_thumb + 1) % (PHOTOS + 1));
	o->thumbs--;
}

static void
judge_proof(const struct owed *o, const uint8_t proof[PROOF_BYTES])
{
	const struct photo *p = &world_get()->photos[o->photo];
	uint8_t sum[SHA256_DIGEST_LENGTH];
	uint8_t *all;

	fuzz_must(o->type == BULK_PROVE && is_ours(o),
		   "a proof of what is not held");
	all = malloc(PROOF_NONCE_BYTES + p->id.size);
	fuzz_must(all != NULL, "out of memory");
	memcpy(all, o->nonce, PROOF_NONCE_BYTES);
	memcpy(all + PROOF_NONCE_BYTES, p->bytes, p->id.size);
	SHA256(all, PROOF_NONCE_BYTES + p->id.size, sum);
	free(all);
	fuzz_must(memcmp(sum, proof, PROOF_BYTES) == 0, "a wrong proof");
}

/* It is the photo, to be read and nothing else. */
static void
judge_handed(struct asker *a, const struct owed *o)
{
	const struct photo *p = &world_get()->photos[o->photo];
	uint8_t byte;
	int fd = a->hatch == -1 ? -1 : hatch_take(a->hatch, o->request);

	fuzz_must(o->type == BULK_HAND && is_ours(o) && a->who == 1,
		   "handed to whom it is not for");
	fuzz_must(fd != -1, "handed, but it is not there");
	fuzz_must((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY,
		   "an original that can be written");
	fuzz_must(pread(fd, &byte, 1, (off_t)p->id.size - 1) == 1 &&
		   byte == p->bytes[p->id.size - 1], "another file is handed");
	close(fd);
}

static void
claim(struct asker *a, const struct bulk_hatch *where)
{
	if (a->hatch != -1)
		close(a->hatch);
	a->hatch = hatch_claim(where);
}

/* By the code alone: what they said is the first answer. */
void
asker_judge(struct asker *a, const struct bulk *m)
{
	struct owed *o = &a->owed[0];

	fuzz_must(a->owed_count > 0 || a->strange,
		   "an answer that nobody has asked for");
	if (a->owed_count == 0)
		return; /* to what the fuzzer wrote itself */
	fuzz_must(m->request == o->request, "an answer of another request");
	switch (m->type) {
	case MESSAGE_ERROR:
		judge_error(a, o, m->u.error.code);
		break;
	case BULK_CHANNEL_OPEN:
		fuzz_must(o->type == BULK_CHANNEL && m->u.open.version == 1,
			   "opened twice");
		break;
	case BULK_CHUNK:
		judge_chunk(a, o, &m->u.chunk);
		if (o->at < o->end)
			return;
		break;
	case BULK_THUMB:
		judge_thumb(o, &m->u.chunk);
		if (o->thumbs > 0)
			return;
		break;
	case BULK_PROOF:
		judge_proof(o, m->u.proof);
		break;
	case BULK_HATCH_IS:
		fuzz_must(o->type == BULK_HATCH, "a hatch for nobody");
		claim(a, &m->u.hatch);
		break;
	case BULK_HANDED:
		judge_handed(a, o);
		break;
	default:
		fuzz_must(false, "no answer at all");
	}
	memmove(a->owed, a->owed + 1, --a->owed_count * sizeof(a->owed[0]));
}
