/*
 * mail.c: bytes of messages, and what processes are told.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

struct frame_buf *
frame_buf_of(const uint8_t *bytes, size_t count, uint32_t type)
{
	struct frame_buf *f = malloc(sizeof *f + count);

	assert(f != NULL);
	f->refs = 0;
	f->print = 0;
	f->bytes = (uint32_t)count;
	f->type = type;
	memcpy(f->data, bytes, count);
	return f;
}

struct frame_buf *
frame_buf_new(const struct message *m)
{
	static uint8_t space[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct frame_buf *f;
	size_t bytes = message_encode(m, space, sizeof space);

	if (bytes == 0)
		return NULL;
	f = frame_buf_of(space, bytes, m->type);
	if (m->type == MESSAGE_HEARTBEAT)
		f->heartbeat = m->u.heartbeat;
	return f;
}

void
frame_buf_drop(struct frame_buf *f)
{
	if (f->refs <= 1)
		free(f);
	else
		f->refs--;
}

struct news *
news_new(enum news_kind kind)
{
	struct news *n = calloc(1, sizeof *n);

	assert(n != NULL);
	n->kind = kind;
	n->wire = -1;
	return n;
}

void
news_free(struct news *n)
{
	if (n->frame != NULL)
		frame_buf_drop(n->frame);
	free(n);
}
