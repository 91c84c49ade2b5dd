/*
 * answer.h: from the frame of a question to the frame of its answer.
 *
 * All that photo-decode does with a stranger's bytes is behind this call, so
 * that a fuzzer can drive it without a process, a socket or a sandbox.
 */
#ifndef PHOTOMESH_DECODE_ANSWER_H
#define PHOTOMESH_DECODE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "questions.h"

struct answer {
	size_t bytes; /* of the frame */
	uint8_t frame[FRAME_HEADER_BYTES + DECODE_ANSWER_BYTES_MAX];
};

/* Once, before everything else; -1 when the libraries cannot be had. */
int answer_start(void);

/* fd is borrowed. */
void answer_question(struct answer *a, enum decode_question q, int fd,
		     uint64_t file_bytes);

/* A frame of one reply.  Text that is too long is cut. */
void answer_ready(struct answer *a);
void answer_refuse(struct answer *a, const char *reason);
void answer_unreadable(struct answer *a);

#endif
