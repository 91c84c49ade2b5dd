/*
 * claim.h: the port of this daemon, by taking it.
 *
 * bind and listen are the claim; there is no check before.  Called before
 * anything else is opened: descriptors are closed in rising order when a
 * process dies, so that a peer which sees its link end finds the port closed
 * already.
 */
#ifndef PHOTOMESH_CLAIM_H
#define PHOTOMESH_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "ident.h"

struct trouble;

struct claim {
	uint16_t port;
	uint32_t listener_count;
	int listeners[2]; /* [0] serves 127.0.0.1, [1] --listen's address */
	/* Where others reach this node, besides 127.0.0.1. */
	uint32_t address_count;
	struct address addresses[NODE_ADDRESSES_MAX];
	bool everywhere; /* 0.0.0.0: also at IPv4 addresses to come */
};

/*
 * The first free of `port_count` ports from `base` upward.  `listen_host` may
 * be NULL; a port counts as free only if it is so there as well.  -1 with one
 * sentence and the remedy.
 */
int claim_port(struct claim *out, uint16_t base, uint16_t port_count,
	       const char *listen_host, struct trouble *why);

#endif
