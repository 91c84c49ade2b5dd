/*
 * test_net_kit.h: two ends in one process, over real loopback sockets.
 */
#ifndef PHOTOMESH_TEST_NET_KIT_H
#define PHOTOMESH_TEST_NET_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire.h"

struct event;
struct mailbox;

/* What an end has been told, and how it is to behave. */
struct end {
	struct tls *tls;
	struct wires *wires;
	unsigned connected, up, down, heard, alive;
	mesh_link up_id;
	enum link_end end;
	bool admit, busy, hang_up_when_heard, part_when_heard;
	size_t heard_bytes; /* of the last body */
	uint8_t first;      /* of the last body */
	uint64_t came_ms;   /* the same, if it had rested; else 0 */
	bool pads;          /* does it take the other end for one that pads? */
	uint64_t since_ms[4]; /* of the first bodies */
	uint8_t exporter[HELLO_EXPORTER_BYTES];
	bool accepted, loopback;
	/* Given away: the last one's; the test's from then on. */
	unsigned parted, not_parted;
	SSL *ssl;
	int fd;
};

/* The dialling end knows links by even ids, the listening one by odd ones. */
struct world {
	struct event_base *base;
	struct mailbox *ends;
	struct end dialler, listener;
	int fd;
	uint16_t port;
	struct event *acceptable;
};

/* Each end with a key of its own, 32 times this byte. */
void world_init(struct world *w, uint8_t dialler_key, uint8_t listener_key);
void world_release(struct world *w);

/* Around the loop until *count reaches n: at most 5 s. */
void wait_for(struct world *w, const unsigned *count, unsigned n);
/* A few turns in which nothing is expected to happen. */
void turn(struct world *w);

/* As when its process is killed: sockets are closed as they are. */
void dialler_dies(struct world *w);

void dial(struct world *w, mesh_link id);
/* Dialled as 2, and up at both ends. */
void link_both(struct world *w);
/* Either end of the link that came up last; NULL once it has ended. */
struct wire *dialled(struct world *w);
struct wire *accepted(struct world *w);
/* A frame of `bytes` body, the first of them `first`. */
bool say(struct wire *wire, uint8_t first, size_t bytes);

#endif
