/*
 * wire.h: connections between nodes, from the first SYN to the last FIN.
 *
 * Dials and accepts, does TLS, finds frames, keeps the bounds that protect
 * the process from strangers and from peers that will not read.  What is said
 * in the frames is somebody else's business.  Loop thread only.
 *
 * Below a link of the mesh (core/links.h) lies a wire, named by the same
 * handle.  A struct wire borrowed from here stays valid until the event loop
 * is entered again, even when it ends meanwhile.
 */
#ifndef PHOTOMESH_WIRE_H
#define PHOTOMESH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh.h"
#include "tls.h"

struct bufferevent;
struct event_base;
struct mailbox;
struct trouble;
struct wire;
struct wires;

#define WIRE_OUTPUT_BYTES_MAX (4u * 1024u * 1024u)
#define WIRE_STRANGERS_MAX    256u /* accepted, no HELLO yet */
#define WIRE_SHAKE_MS         3000u /* accepted: TLS must be done */
#define WIRE_HELLO_MS         3000u /* accepted: then HELLO */
#define WIRE_LINGER_MS        1000u /* hung up: for the last words */
#define WIRE_FRAMES_PER_WAKE  16u

/*
 * What a link reports.  connected, up and down may come while a function of
 * this file is being called; heard never does, and never while busy() says
 * so.  Of an accepted link nothing is reported before up.
 */
struct wire_events {
	void (*connected)(void *arg, mesh_link id);
	void (*up)(void *arg, struct wire *w);
	void (*down)(void *arg, mesh_link id, enum link_end end);
	/* `body` is good for the call. */
	void (*heard)(void *arg, struct wire *w, const uint8_t *body,
		      size_t body_bytes);
	/* Something that was sent quietly has come, and is read later. */
	void (*alive)(void *arg, struct wire *w);
	bool (*busy)(void *arg);
	/* After wire_part, from the loop: both are the callee's.  The socket is
	 * non-blocking; `w` is good for the call. */
	void (*parted)(void *arg, struct wire *w, SSL *ssl, int fd);
	/* The same after wire_part_whole; all three are the callee's, to be freed
	 * in this order.  `bev` frees neither of the others. */
	void (*parted_whole)(void *arg, struct bufferevent *bev, SSL *ssl,
			     int fd);
};

/* `tls` and `events` borrowed; NULL on failure. */
struct wires *wires_new(struct event_base *base, struct tls *tls,
			struct mailbox *ends, const struct wire_events *events,
			void *arg, struct trouble *why);
/* Drops whatever is left, without last words. */
void wires_free(struct wires *s);

/* Open `address` as `id` (even); all failures arrive by down. */
void wires_dial(struct wires *s, mesh_link id, const struct address *address);
/* Take over a socket that was accepted; numbered here (odd). */
void wires_adopt_fd(struct wires *s, int fd);

struct wire *wires_find(const struct wires *s, mesh_link id);
struct wire *wires_first(const struct wires *s);
struct wire *wire_next(const struct wire *w);
/* Links hung up whose last words are still on their way. */
unsigned wires_lingering(const struct wires *s);

mesh_link wire_id(const struct wire *w);
bool wire_accepted(const struct wire *w);
/* Either end is 127.0.0.1. */
bool wire_loopback(const struct wire *w);
/* The other end in print, for the log; borrowed. */
const char *wire_where(const struct wire *w);
bool wire_exporter(const struct wire *w, uint8_t out[HELLO_EXPORTER_BYTES]);

/* Queue whole frames.  False: not open, or they would not read and the link
 * has ended (LINK_CLOGGED). */
bool wire_send(struct wire *w, const uint8_t *frame, size_t bytes);
/* The same of a frame that may lie in their socket until they look.  If it is
 * small, and nothing else is under way, it goes out so that it does. */
bool wire_send_quietly(struct wire *w, const uint8_t *frame, size_t bytes);
/* A good HELLO came: larger bodies are welcome now.  `pads`: it says that small
 * records, from now on, tell nothing but that their sender is there. */
void wire_admit(struct wire *w, bool pads);
/* They sent nonsense: ends with LINK_BROKEN. */
void wire_break(struct wire *w);
/* Flush, then close.  Nothing more is reported. */
void wire_hang_up(struct wire *w);

/* It is no link: an accepted connection, not admitted, will be given away by
 * parted().  Reports down (LINK_CLOSED).  False: that cannot be, as it is over
 * or bytes of either side still lie here; nothing has changed. */
bool wire_part(struct wire *w);
/* The same with all that lies here, by parted_whole; `body`, the frame being
 * heard, is put back in front of the input. */
bool wire_part_whole(struct wire *w, const uint8_t *body, size_t body_bytes);

/*
 * From now on, until something else comes, what was sent quietly lies in the
 * sockets.  To be said again after every look.
 */
void wires_rest(struct wires *s);
/* Hear what lies there.  Not while busy() says so. */
void wires_look(struct wires *s);
/* While that is heard, when it came, by the steady clock, rather too early
 * than too late; otherwise 0. */
uint64_t wire_came_ms(const struct wire *w);
/* While a frame is heard that may have rested, or the beginning of which may
 * have been followed by more: it did not come before this.  0: it came just now,
 * or when wire_came_ms says. */
uint64_t wire_since_ms(const struct wire *w);

/* A place for the driver's own notes; zero at first, no more than bytes. */
struct wire_notes {
	struct node_id node; /* once hello_heard, or CHANNEL was */
	uint32_t request;    /* of CHANNEL */
	bool hello_sent, hello_heard;
	bool verifying; /* a VERIFY of theirs is being worked on */
};
struct wire_notes *wire_notes(struct wire *w);

#endif
