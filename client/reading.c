#include "reading.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "photo_hash.h"
#include "sum.h"

#define READ_BYTES (256u * 1024u)

struct reading {
	struct photo_hash *hash; /* owned */
	struct sum *sum;         /* owned; NULL until one is wanted */
	uint8_t buffer[READ_BYTES];
};

struct reading *
reading_new(void)
{
	struct reading *r = malloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->sum = NULL;
	if ((r->hash = photo_hash_new()) == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
reading_free(struct reading *r)
{
	if (r == NULL)
		return;
	photo_hash_free(r->hash);
	sum_free(r->sum);
	free(r);
}

bool
write_fully(int fd, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = write(fd, bytes, count);

		if (n < 0 && errno == EINTR && !call_interrupted())
			continue;
		if (n < 0 && errno == EAGAIN &&
		    poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1,
			 -1) == 1)
			continue; /* a pipe that its other end made so */
		if (n < 0)
			return false;
		bytes += n;
		count -= (size_t)n;
	}
	return true;
}

/* As much as there is, up to a buffer; -1 with errno. */
static ssize_t
read_piece(struct reading *r, int fd, off_t at)
{
	size_t have = 0;

	while (have < READ_BYTES) {
		ssize_t n = pread(fd, r->buffer + have, READ_BYTES - have,
				  at + (off_t)have);

		if (n < 0 && errno == EINTR && !call_interrupted())
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* One piece, into everything that wants it. */
static enum reading_verdict
feed(struct reading *r, const struct reading_wish *wish, off_t at, size_t count,
     struct reading_result *out)
{
	photo_hash_add(r->hash, r->buffer, count);
	if (wish->nonce != NULL && !sum_add(r->sum, r->buffer, count))
		return READING_FAILED;
	if (at == 0) {
		out->head_bytes = count < sizeof(out->head)
					  ? count
					  : sizeof(out->head);
		memcpy(out->head, r->buffer, out->head_bytes);
	}
	if (wish->copy_to != -1 && !write_fully(wish->copy_to, r->buffer, count))
		return call_interrupted() ? READING_STOPPED
					  : READING_COPY_FAILED;
	if (wish->on_bytes != NULL)
		wish->on_bytes(wish->arg, count);
	return READING_DONE;
}

static bool
begin_sum(struct reading *r, const uint8_t *nonce)
{
	return (r->sum != NULL || (r->sum = sum_new()) != NULL) &&
	       sum_begin(r->sum) && sum_add(r->sum, nonce, PROOF_NONCE_BYTES);
}

enum reading_verdict
reading_run(struct reading *r, int fd, const struct reading_wish *wish,
	    struct reading_result *out)
{
	enum reading_verdict v;
	off_t at = 0;
	ssize_t n;

	out->head_bytes = 0;
	photo_hash_begin(r->hash);
	if (wish->nonce != NULL && !begin_sum(r, wish->nonce))
		return READING_FAILED;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	do {
		n = read_piece(r, fd, at);
		if (call_interrupted())
			return READING_STOPPED;
		if (n < 0)
			return READING_FAILED;
		v = feed(r, wish, at, (size_t)n, out);
		if (v != READING_DONE)
			return v;
		at += n;
	} while (n == (ssize_t)READ_BYTES);
	photo_hash_end(r->hash, &out->photo);
	if (wish->nonce != NULL && !sum_end(r->sum, out->sum))
		return READING_FAILED;
	return READING_DONE;
}

bool
reading_is(struct reading *r, int fd, const struct photo_id *photo)
{
	const struct reading_wish wish = {.copy_to = -1};
	struct reading_result result;
	struct stat st;

	/* The size is cheap, and mostly settles it. */
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == photo->size &&
	       reading_run(r, fd, &wish, &result) == READING_DONE &&
	       photo_id_compare(&result.photo, photo) == 0;
}
