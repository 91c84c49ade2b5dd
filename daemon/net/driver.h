/*
 * driver.h: the world around the mesh.
 *
 * Owns the links and one struct mesh.  Turns what happens on sockets and in
 * the catalogue into inputs, performs the effects in order, keeps one timer
 * at mesh_wake_ms.  It decides nothing.  Loop thread only.
 */
#ifndef PHOTOMESH_DRIVER_H
#define PHOTOMESH_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "catalogue.h"
#include "mesh.h"
#include "state.h"
#include "tls.h"

struct bufferevent;
struct event_base;
struct mailbox;
struct trouble;
struct driver;

struct driver_config {
	struct event_base *base;
	struct mesh_config mesh;    /* port already claimed */
	const struct state *state;  /* borrowed */
	struct tls *tls;            /* borrowed */
	struct catalogue *catalogue; /* borrowed */
	struct mailbox *ends;        /* borrowed; must never be freed, as a
				      * host name may still be looked up */
	/* Listening sockets, adopted; [0] is 127.0.0.1, [1] --listen's. */
	uint32_t listener_count;
	int listeners[2];
	/* What people are told; any may be NULL. */
	void (*on_crown)(void *arg, const struct rank *now,
			 const struct rank *was);
	void (*on_news)(void *arg, enum mesh_news what,
			const struct node_id *node, const char *text);
	/* Photos came or went, by own changes or a peer's page. */
	void (*on_photos)(void *arg, const struct photo_news *news,
			  uint32_t count, bool lost_some);
	/* Rows of another node were stored, of whatever kind. */
	void (*on_stored)(void *arg);
	/* Our own rows began a new life, in which no root is complete before a
	 * scan has ended. */
	void (*on_new_life)(void *arg);
	/*
	 * `node` has dialled a channel, and proven that it did.  The callee's:
	 * the session, and the socket, which is non-blocking and out of the
	 * loop; it owes CHANNEL_OPEN or ERROR, with this request id.  Must not
	 * block.  NULL: channels are refused.
	 */
	void (*on_channel)(void *arg, SSL *ssl, int fd,
			   const struct node_id *node, uint32_t request);
	/*
	 * Somebody with the mesh key says CLIENT_HELLO, which lies in the input
	 * of `bev` still.  All three are the callee's, see wire.h.  NULL:
	 * clients are refused.
	 */
	void (*on_client)(void *arg, struct bufferevent *bev, SSL *ssl,
			  int fd);
	/* A twin runs: new identity is needed, then a new process. */
	void (*on_new_identity)(void *arg);
	void *arg;
};

/* Reads the remembered streams and nodes from the catalogue's writer, starts
 * the mesh.  NULL on failure. */
struct driver *driver_new(const struct driver_config *config,
			  struct trouble *why);
void driver_free(struct driver *d);
/* No more inputs, no more effects; what the catalogue still has to say is
 * dropped.  Before the catalogue is closed. */
void driver_stop(struct driver *d);

/* For looking only. */
const struct mesh *driver_mesh(const struct driver *d);
/* A catalogue_written for own changes made outside the driver (intake, main):
 * arg is the driver. */
void driver_own_written(void *driver, bool failed,
			const struct write_result *result,
			const struct trouble *why);

/* Our user: this node will not return.  Nothing happens if it is live; else it
 * vanishes from the mesh when that is durable. */
void driver_forget(struct driver *d, const struct node_id *node);

/* A driver_beacon for beacon.h: arg is the driver. */
void driver_beacon(void *driver, const struct node_id *node,
		   const struct address *address);

/*
 * Ask every linked node to recompute (VERIFY).  `each` once per answer (the
 * verified message is borrowed for the call), then `done` once, after all
 * have answered or timeout_ms passed; silent: linked nodes that did not.
 */
void driver_verify(struct driver *d, uint32_t timeout_ms,
		   void (*each)(void *arg, const struct node_id *at,
				const struct message_verified *v),
		   void (*done)(void *arg, const struct node_id *silent,
				uint32_t silent_count),
		   void *arg);

/* Goodbye to everybody; `done` when it has been sent or 1 s has passed. */
void driver_leave(struct driver *d, void (*done)(void *arg), void *arg);

#endif
