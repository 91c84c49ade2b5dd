/*
 * channel_private.h: the inside of a channel, for channel*.c only.
 */
#ifndef PHOTOMESH_CHANNEL_PRIVATE_H
#define PHOTOMESH_CHANNEL_PRIVATE_H

#include <stdatomic.h>

#include "channel.h"

struct unpack;

struct channel {
	SSL *ssl;
	int fd;
	int stop_fd; /* readable: give up (dialling only), else -1; borrowed */
	uint64_t end_ms; /* nothing is waited for beyond it */
	struct node_id node;
	struct unpack *unpack;
	/* The asker's: what channel_hand needs. */
	bool hatch_offered; /* CHANNEL_OPEN said so, and it was not tried yet */
	bool thumbs_offered; /* CHANNEL_OPEN said so */
	int hatch;          /* -1: none */
	uint32_t hand_request;
	atomic_bool cut;
	bool failed;
	uint8_t *in; /* header and body of the frame that is being heard */
	size_t in_room, in_used;
};

/* Takes over both; NULL without memory (both freed). */
struct channel *channel_new(SSL *ssl, int fd);

/* What waiting may come to. */
enum channel_waited { WAITED_READY, WAITED_LATE, WAITED_STOPPED };
/* Until OpenSSL can go on after it returned `r`; WAITED_STOPPED also when it
 * never can. */
enum channel_waited channel_wait_ssl(struct channel *c, int r,
				     uint64_t until_ms);
/* Until fd is ready for `events`, at most until then (steady clock). */
enum channel_waited channel_wait(struct channel *c, short events,
				 uint64_t until_ms);

/* The next frame's body, still packed; in c->in. */
enum channel_heard channel_hear_body(struct channel *c, size_t body_bytes_max,
				     unsigned timeout_ms, const uint8_t **body,
				     size_t *body_bytes);

#endif
