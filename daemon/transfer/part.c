#include "part.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#if defined(__x86_64__) || defined(__i386__)
#include <xxh_x86dispatch.h>
#endif

#include "bytes.h"
#include "limits.h"
#include "trouble.h"

#define READ_BYTES  (256u * 1024u)
#define HEAD_BYTES  64u
#define MARK_BYTES  16u
#define NOTE_BYTES  8u
#define NOTES_READ  4096u /* of them at once */
#define PIECES_MAX  (4u << 20)

static const char mark[MARK_BYTES + 1] = "photomesh part 1";

struct part {
	int fd;
	struct photo_id photo;
	uint32_t pieces;
	uint32_t prefix;  /* every piece below is in `whole` ... */
	bool leading;     /* ... and this one is on its way into it */
	XXH3_state_t *whole, *before; /* before: without the leading piece */
	uint8_t *buffer;  /* READ_BYTES, once something is read back */
	uint8_t here[];   /* of each piece */
};

/* ---- reading and writing --------------------------------------------- */

static int
write_at(int fd, const uint8_t *bytes, size_t count, uint64_t at,
	 struct trouble *why)
{
	while (count > 0) {
		ssize_t n = pwrite(fd, bytes, count, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return trouble_errno(why, n == 0 ? EIO : errno,
					     "cannot write the file");
		bytes += n;
		count -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* As much as there is, up to count; -1 with `why`. */
static ssize_t
read_at(int fd, uint8_t *out, size_t count, uint64_t at, struct trouble *why)
{
	size_t have = 0;

	while (have < count) {
		ssize_t n = pread(fd, out + have, count - have,
				  (off_t)(at + have));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return trouble_errno(why, errno,
					     "cannot read the file back");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static uint64_t
piece_offset(uint32_t index)
{
	return (uint64_t)index * FETCH_BYTES_MAX;
}

static uint64_t
piece_length(const struct part *p, uint32_t index)
{
	uint64_t left = p->photo.size - piece_offset(index);

	return left < FETCH_BYTES_MAX ? left : FETCH_BYTES_MAX;
}

static uint64_t
note_offset(const struct part *p, uint32_t index)
{
	return p->photo.size + HEAD_BYTES + (uint64_t)index * NOTE_BYTES;
}

/* Hash what the file has of a piece into `state`; 0 also when it is short, then
 * *shorter. */
static int
hash_piece(struct part *p, uint32_t index, XXH3_state_t *state, bool wide,
	   bool *shorter, struct trouble *why)
{
	uint64_t at = piece_offset(index), left = piece_length(p, index);

	*shorter = false;
	if (p->buffer == NULL && (p->buffer = malloc(READ_BYTES)) == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	while (left > 0) {
		size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES;
		ssize_t n = read_at(p->fd, p->buffer, want, at, why);

		if (n == -1)
			return -1;
		if ((size_t)n < want) {
			*shorter = true;
			return 0;
		}
		if (wide)
			(void)XXH3_128bits_update(state, p->buffer, want);
		else
			(void)XXH3_64bits_update(state, p->buffer, want);
		at += want;
		left -= want;
	}
	return 0;
}

/* ---- the note -------------------------------------------------------- */

static void
make_head(const struct part *p, uint8_t out[HEAD_BYTES])
{
	uint8_t *at = out;

	memset(out, 0, HEAD_BYTES);
	put_bytes(&at, mark, MARK_BYTES);
	photo_id_pack(&p->photo, at);
	at += PHOTO_ID_BYTES;
	put_be(&at, FETCH_BYTES_MAX, 4);
}

static uint64_t
get_note(const uint8_t *at)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < NOTE_BYTES; i++)
		v = v << 8 | at[i];
	return v;
}

/* Is the note of a piece borne out by its bytes? */
static int
believe(struct part *p, uint32_t index, uint64_t note, struct trouble *why)
{
	bool shorter;

	(void)XXH3_64bits_reset(p->before);
	if (hash_piece(p, index, p->before, false, &shorter, why) == -1)
		return -1;
	return !shorter && XXH3_64bits_digest(p->before) == note;
}

static int
look(struct part *p, void (*each)(void *arg, uint32_t index), void *arg,
     uint64_t *resumed_bytes, struct trouble *why)
{
	uint8_t *notes = malloc((size_t)NOTES_READ * NOTE_BYTES);
	int r = 0;

	if (notes == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < p->pieces && r == 0; i += NOTES_READ) {
		ssize_t n = read_at(p->fd, notes,
				    (size_t)NOTES_READ * NOTE_BYTES,
				    note_offset(p, i), why);
		uint32_t count = n <= 0 ? 0 : (uint32_t)n / NOTE_BYTES;

		if (n == -1)
			r = -1;
		for (uint32_t k = 0; k < count && i + k < p->pieces; k++) {
			uint64_t note = get_note(notes + k * NOTE_BYTES);
			int good;

			if (note == 0)
				continue;
			if ((good = believe(p, i + k, note, why)) == -1) {
				r = -1;
				break;
			}
			if (good == 0)
				continue;
			p->here[i + k] = 1;
			*resumed_bytes += piece_length(p, i + k);
			each(arg, i + k);
		}
	}
	free(notes);
	return r;
}

/* What is one piece only is whole or not begun: a note would save nothing, and
 * cost a small photo more than its bytes do. */
static bool
is_noted(const struct part *p)
{
	return p->pieces > 1;
}

/* The note is ours, or made afresh over whatever was there. */
static int
settle_head(struct part *p, bool *ours, struct trouble *why)
{
	uint8_t want[HEAD_BYTES], have[HEAD_BYTES];
	uint64_t end = note_offset(p, p->pieces);
	struct stat st;
	ssize_t n;

	*ours = false;
	if (fstat(p->fd, &st) == -1)
		return trouble_errno(why, errno, "cannot look at the file");
	if (!is_noted(p)) {
		if (st.st_size > 0 && ftruncate(p->fd, 0) == -1)
			return trouble_errno(why, errno,
					     "cannot empty the file");
		return 0;
	}
	make_head(p, want);
	n = read_at(p->fd, have, sizeof(have), p->photo.size, why);
	if (n == -1)
		return -1;
	*ours = n == HEAD_BYTES && memcmp(want, have, HEAD_BYTES) == 0;
	if (*ours && (uint64_t)st.st_size == end)
		return 0;
	if (!*ours && ftruncate(p->fd, 0) == -1)
		return trouble_errno(why, errno, "cannot empty the file");
	if (ftruncate(p->fd, (off_t)end) == -1)
		return trouble_errno(why, errno, "cannot make room in the file");
	return write_at(p->fd, want, sizeof(want), p->photo.size, why);
}

/* ---- life ------------------------------------------------------------ */

/* Pieces that lie ready at the front go into the running hash. */
static int
absorb(struct part *p, struct trouble *why)
{
	bool shorter;

	while (!p->leading && p->prefix < p->pieces && p->here[p->prefix]) {
		if (hash_piece(p, p->prefix, p->whole, true, &shorter, why) ==
		    -1)
			return -1;
		if (shorter)
			return trouble_set(why, EIO,
					   "the file has become shorter");
		p->prefix++;
	}
	return 0;
}

struct part *
part_open(int fd, const struct photo_id *photo,
	  void (*each)(void *arg, uint32_t index), void *arg,
	  uint64_t *resumed_bytes, struct trouble *why)
{
	uint64_t pieces = photo->size / FETCH_BYTES_MAX +
			  (photo->size % FETCH_BYTES_MAX != 0 ? 1 : 0);
	struct part *p;
	bool ours;

	*resumed_bytes = 0;
	if (pieces == 0)
		pieces = 1;
	if (pieces > PIECES_MAX) {
		trouble_set(why, EFBIG, "the photo is too large");
		return NULL;
	}
	if ((p = calloc(1, sizeof(*p) + pieces)) == NULL)
		goto no_memory;
	p->fd = fd;
	p->photo = *photo;
	p->pieces = (uint32_t)pieces;
	p->whole = XXH3_createState();
	p->before = XXH3_createState();
	if (p->whole == NULL || p->before == NULL)
		goto no_memory;
	(void)XXH3_128bits_reset(p->whole);
	if (settle_head(p, &ours, why) == -1 ||
	    (ours && look(p, each, arg, resumed_bytes, why) == -1) ||
	    absorb(p, why) == -1)
		goto fail;
	return p;
no_memory:
	trouble_set(why, ENOMEM, "out of memory");
fail:
	part_free(p);
	return NULL;
}

void
part_free(struct part *p)
{
	if (p == NULL)
		return;
	if (p->whole != NULL)
		XXH3_freeState(p->whole);
	if (p->before != NULL)
		XXH3_freeState(p->before);
	free(p->buffer);
	free(p);
}

/* ---- pieces ---------------------------------------------------------- */

int
part_begin(struct part *p, uint32_t index, struct part_piece *out,
	   struct trouble *why)
{
	XXH3_state_t *hash = XXH3_createState();

	assert(index < p->pieces);
	if (hash == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	(void)XXH3_64bits_reset(hash);
	*out = (struct part_piece){
		.index = index,
		.offset = piece_offset(index),
		.length = piece_length(p, index),
		.hash = hash,
		.leads = !p->leading && index == p->prefix,
	};
	if (out->leads) {
		p->leading = true;
		XXH3_copyState(p->before, p->whole);
	}
	return 0;
}

int
part_put(struct part *p, struct part_piece *piece, const uint8_t *bytes,
	 size_t count, struct trouble *why)
{
	assert(count <= piece->length - piece->got);
	if (write_at(p->fd, bytes, count, piece->offset + piece->got, why) ==
	    -1)
		return -1;
	if (is_noted(p))
		(void)XXH3_64bits_update(piece->hash, bytes, count);
	if (piece->leads) /* nobody else touches it meanwhile */
		(void)XXH3_128bits_update(p->whole, bytes, count);
	piece->got += count;
	return 0;
}

int
part_end(struct part *p, struct part_piece *piece, struct trouble *why)
{
	uint8_t note[NOTE_BYTES], *at = note;

	assert(piece->got == piece->length);
	put_be(&at, XXH3_64bits_digest(piece->hash), NOTE_BYTES);
	if (is_noted(p) && write_at(p->fd, note, NOTE_BYTES,
				    note_offset(p, piece->index), why) == -1)
		return -1;
	XXH3_freeState(piece->hash);
	piece->hash = NULL;
	p->here[piece->index] = 1;
	if (piece->leads) {
		piece->leads = false;
		p->leading = false;
		p->prefix++;
	}
	return absorb(p, why);
}

void
part_abandon(struct part *p, struct part_piece *piece)
{
	if (piece->hash == NULL)
		return;
	XXH3_freeState(piece->hash);
	piece->hash = NULL;
	if (piece->leads) {
		XXH3_copyState(p->whole, p->before);
		piece->leads = false;
		p->leading = false;
	}
}

int
part_forget(struct part *p, struct trouble *why)
{
	bool ours;

	assert(!p->leading);
	memset(p->here, 0, p->pieces);
	p->prefix = 0;
	(void)XXH3_128bits_reset(p->whole);
	if (ftruncate(p->fd, 0) == -1)
		return trouble_errno(why, errno, "cannot empty the file");
	return settle_head(p, &ours, why);
}

int
part_whole(struct part *p, struct trouble *why)
{
	XXH128_canonical_t hash;

	if (absorb(p, why) == -1)
		return -1;
	assert(p->prefix == p->pieces);
	XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(p->whole));
	if (memcmp(hash.digest, p->photo.hash, PHOTO_HASH_BYTES) != 0)
		return 0;
	if (ftruncate(p->fd, (off_t)p->photo.size) == -1)
		return trouble_errno(why, errno, "cannot cut the file");
	return 1;
}
