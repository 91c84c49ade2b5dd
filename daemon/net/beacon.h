/*
 * beacon.h: finding nodes of the same local network (--discover).
 *
 * Sends a beacon by IPv4 multicast on every card through which this node can
 * be reached, at the start and about every 30 s, and hears those of others; it
 * neither dials nor knows who is known already.  Cards come and go: they are
 * looked for anew each time.  Loop thread only.
 */
#ifndef PHOTOMESH_BEACON_H
#define PHOTOMESH_BEACON_H

#include <stdbool.h>
#include <stdint.h>

#include "beacon_frame.h"

struct beacon;
struct claim;
struct event_base;
struct trouble;

#define BEACON_GROUP "239.255.80.77"
#define BEACON_PORT  48656

struct beacon_config {
	struct event_base *base;
	struct beacon_key key;
	struct node_id self;
	const struct claim *claim; /* borrowed: where this node listens */
	/* A node of the mesh says that it listens there; not this one. */
	void (*on_heard)(void *arg, const struct node_id *node,
			 const struct address *address);
	void *arg;
};

/* NULL on failure. */
struct beacon *beacon_new(const struct beacon_config *config,
			  struct trouble *why);
void beacon_free(struct beacon *b);

#endif
