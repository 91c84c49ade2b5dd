/*
 * choices.h: from the bytes of a fuzzer to values that mean something.
 *
 * Few names, few numbers: so that two messages speak of the same node, stream
 * or row more often than not.  Whatever is made here can be written by
 * message_encode; bytes that cannot are the fuzzer's own, given as they are.
 */
#ifndef PHOTOMESH_FUZZ_CHOICES_H
#define PHOTOMESH_FUZZ_CHOICES_H

#include "message.h"

#define SELF_CHOICE 12u /* choices_node: oneself; below are the usual members */

struct choices {
	const uint8_t *at;
	size_t left;
};

/* The next byte; 0 behind the end. */
unsigned choose(struct choices *c);
/* At most *bytes as they are; *bytes is how many there were. */
const uint8_t *choices_bytes(struct choices *c, size_t *bytes);

void choices_node(unsigned who, struct node_id *out);
void choices_address(unsigned which, struct address *out);
/* A life of `who`: now, before, tomorrow, never. */
void choices_stream(struct choices *c, unsigned who, struct stream_id *out);

void choices_hello(struct choices *c, unsigned who, struct message_hello *out);
/* Lists are good until the next call. */
void choices_nodes(struct choices *c, struct message_nodes *out);
void choices_streams(struct choices *c, const struct node_id *speaker,
		     struct message_streams *out);
void choices_heartbeat(struct choices *c, struct message_heartbeat *out);
void choices_pull(struct choices *c, const struct stream_id *own,
		  struct message_pull *out);
void choices_batch(struct choices *c, struct message_batch *out);
/* A page that answers `pull`, or nearly. */
void choices_answer(struct choices *c, const struct message_pull *pull,
		    struct message_batch *out);

#endif
