/*
 * reading.h: reading a file once, for all that is wanted of its bytes.
 *
 * One pass gives the photo id, on wish a sum that proves possession, the first
 * bytes, and a copy elsewhere.  Only reads what it is given; Ctrl-C ends it.
 */
#ifndef PHOTO_READING_H
#define PHOTO_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "photo_id.h"

struct reading; /* buffers and states, for one file after another */

/* NULL: out of memory. */
struct reading *reading_new(void);
void reading_free(struct reading *r);

struct reading_wish {
	const uint8_t *nonce; /* PROOF_NONCE_BYTES, or NULL: no sum */
	int copy_to;          /* written from its position on; -1: nowhere */
	/* Told after each piece; may be NULL. */
	void (*on_bytes)(void *arg, size_t count);
	void *arg;
};

enum reading_verdict {
	READING_DONE,
	READING_FAILED,      /* errno says why the file cannot be read */
	READING_COPY_FAILED, /* errno says why the copy cannot be written */
	READING_STOPPED,     /* Ctrl-C */
};

struct reading_result {
	struct photo_id photo;
	uint8_t sum[PROOF_BYTES]; /* SHA-256 of nonce and bytes, on wish */
	uint8_t head[HAVE_HEAD_BYTES_MAX];
	size_t head_bytes;
};

/* From byte 0 to the end, by offset: the position of `fd` is left alone. */
enum reading_verdict reading_run(struct reading *r, int fd,
				 const struct reading_wish *wish,
				 struct reading_result *out);

/* Is the file of exactly these bytes?  False also when it cannot be read. */
bool reading_is(struct reading *r, int fd, const struct photo_id *photo);

/* All of it, through EINTR and short writes; false with errno. */
bool write_fully(int fd, const uint8_t *bytes, size_t count);

#endif
