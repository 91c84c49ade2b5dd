#include "message.h"

#include <assert.h>
#include <string.h>

#include "bulk.h"
#include "message_private.h"

/* Room for everything in a BATCH before its first record. */
#define BATCH_HEAD_BYTES_MAX 256u

static_assert(BATCH_HEAD_BYTES_MAX + PULL_CREDIT_MAX <= LINK_BODY_BYTES_MAX,
	      "a BATCH that uses its whole credit fits a link");
static_assert(RECORD_BYTES_MAX + 32 <= PULL_CREDIT_MIN,
	      "the smallest credit lets the largest record through");
static_assert(BATCH_RECORDS_MAX * 6u + 64u <= WALK_ITEMS_MAX,
	      "the walk lets the fullest BATCH through");

bool
message_batch_span_lawful(const struct message_batch *b)
{
	if (b->through > b->point.cursor)
		return false;
	if (b->record_count == 0)
		return b->through == b->point.cursor;
	return b->after < b->through;
}

void
batch_writer_init(struct batch_writer *w, uint8_t *out, size_t max,
		  size_t credit_bytes)
{
	assert(max >= BATCH_HEAD_BYTES_MAX);
	*w = (struct batch_writer){
		.out = out,
		.max = max,
		.credit_bytes = credit_bytes < PULL_CREDIT_MAX
					? credit_bytes
					: PULL_CREDIT_MAX,
	};
}

static bool
batch_writer_pack(struct batch_writer *w, const struct record *r)
{
	size_t begin = BATCH_HEAD_BYTES_MAX + w->records_bytes;
	struct pack p;

	if (w->record_count == BATCH_RECORDS_MAX || begin > w->max)
		return false;
	pack_init(&p, w->out + begin, w->max - begin);
	record_pack(&p, r);
	if (p.overflow || p.used > w->credit_bytes - w->records_bytes)
		return false;
	w->records_bytes += p.used;
	w->record_count++;
	return true;
}

bool
batch_writer_add(struct batch_writer *w, const struct record *r)
{
	assert(record_lawful(r));
	assert(r->seq >= w->through);
	if (r->seq != w->through) {
		w->whole_bytes = w->records_bytes;
		w->whole_count = w->record_count;
		w->whole_through = w->through;
	}
	if (batch_writer_pack(w, r)) {
		w->through = r->seq;
		return true;
	}
	if (r->seq == w->through && w->whole_count > 0) {
		w->records_bytes = w->whole_bytes;
		w->record_count = w->whole_count;
		w->through = w->whole_through;
	}
	return false;
}

size_t
batch_writer_end(struct batch_writer *w, uint32_t request,
		 const struct message_batch *head)
{
	struct message_batch counted = *head;
	struct pack p;

	counted.record_count = w->record_count;
	assert(message_batch_span_lawful(&counted));
	/* The records wait behind the largest head; draw them up to ours. */
	pack_frame_begin(&p, w->out, BATCH_HEAD_BYTES_MAX, MESSAGE_BATCH,
			 request);
	message_put_batch_head(&p, head, w->record_count);
	assert(!p.overflow);
	memmove(w->out + p.used, w->out + BATCH_HEAD_BYTES_MAX,
		w->records_bytes);
	p.used += w->records_bytes;
	p.capacity = w->max;
	return pack_frame_end(&p);
}

const char *
message_type_text(uint32_t type)
{
	static const char *const names[] = {
		[MESSAGE_HELLO] = "HELLO",
		[MESSAGE_GOODBYE] = "GOODBYE",
		[MESSAGE_ERROR] = "ERROR",
		[MESSAGE_JOIN] = "JOIN",
		[MESSAGE_WELCOME] = "WELCOME",
		[MESSAGE_NODES] = "NODES",
		[MESSAGE_HEARTBEAT] = "HEARTBEAT",
		[MESSAGE_STREAMS] = "STREAMS",
		[MESSAGE_PULL] = "PULL",
		[MESSAGE_BATCH] = "BATCH",
		[MESSAGE_VERIFY] = "VERIFY",
		[MESSAGE_VERIFIED] = "VERIFIED",
		[BULK_CHANNEL] = "CHANNEL",
		[BULK_CHANNEL_OPEN] = "CHANNEL_OPEN",
		[BULK_THUMBS] = "THUMBS",
		[BULK_THUMB] = "THUMB",
		[BULK_FETCH] = "FETCH",
		[BULK_CHUNK] = "CHUNK",
		[BULK_PROVE] = "PROVE",
		[BULK_PROOF] = "PROOF",
		[BULK_HATCH] = "HATCH",
		[BULK_HATCH_IS] = "HATCH_IS",
		[BULK_HAND] = "HAND",
		[BULK_HANDED] = "HANDED",
	};

	if (type >= sizeof(names) / sizeof(names[0]) || names[type] == NULL)
		return "?";
	return names[type];
}
