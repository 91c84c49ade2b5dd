/*
 * driver_private.h: the inside of the driver, for driver*.c only.
 */
#ifndef PHOTOMESH_DRIVER_PRIVATE_H
#define PHOTOMESH_DRIVER_PRIVATE_H

#include <event2/util.h>
#include <sys/queue.h>

#include "driver.h"
#include "log.h"
#include "wire.h"

#define DRIVER_LOG_PERIOD_MS 60000u
#define DRIVER_PAGES_MAX     8u /* per link; no mesh asks for more at a time */
/* Jobs outlive their link: who comes and goes must not pile them up. */
#define DRIVER_JOBS_MAX      (MESH_LIVE_MAX * DRIVER_PAGES_MAX)

struct event;
struct unpack;

/* A page read for a link, until MESH_SEND_PAGE asks for it. */
struct page {
	TAILQ_ENTRY(page) in_driver;
	mesh_link link;
	uint32_t request;
	uint8_t *frame; /* owned */
	size_t bytes;
};

/* A dial that can wait for the next turn of the loop. */
struct dial {
	TAILQ_ENTRY(dial) in_driver;
	mesh_link link;
	struct address address;
};

/* A question to all linked nodes: what do you find when you recompute? */
struct verification {
	TAILQ_ENTRY(verification) in_driver;
	struct driver *driver;
	uint32_t request;
	struct event *timer;
	void (*each)(void *arg, const struct node_id *at,
		     const struct message_verified *v);
	void (*done)(void *arg, const struct node_id *silent,
		     uint32_t silent_count);
	void *arg;
	uint32_t count, outstanding;
	struct {
		mesh_link link;
		struct node_id node;
		bool answered, lost;
	} asked[MESH_LIVE_MAX];
};

struct listener {
	struct driver *driver;
	int fd;
	struct event *readable;
};

struct driver {
	struct driver_config config;
	struct mesh *mesh;
	struct mesh_effects *effects;
	struct wires *wires;
	struct message_decoder *decoder;
	struct unpack *unpack; /* for CHANNEL */

	/* Inputs wait here while a step is being performed: a step never
	 * re-enters. */
	struct mesh_input *queue;
	size_t queue_room, queue_count, queue_first;
	bool running, stopped;

	struct event *tick;
	uint64_t tick_ms; /* when it is set for; UINT64_MAX: not set */
	bool tick_deferred;

	struct listener listeners[2];
	struct event *accept_again;
	struct log_gate accept_gate, hello_gate, store_gate;

	/* The HEARTBEAT that was said last to all, as a frame. */
	uint8_t beat[LINK_REST_BYTES];
	size_t beat_bytes;

	/* The frame being heard, for MESH_STORE. */
	const uint8_t *heard;
	size_t heard_bytes;

	/*
	 * When the roster shrinks, all ports are probed again: 60 dials of
	 * 20 us each would stand between a death and those who want to know.
	 */
	TAILQ_HEAD(, dial) dials;
	struct event *dial_more;
	unsigned dials_now; /* allowed yet in this step */
	uint64_t listening; /* ports from base_port, good until listening_ms */
	uint64_t listening_ms;

	TAILQ_HEAD(, page) pages;
	TAILQ_HEAD(, verification) verifications;
	uint32_t verify_request;
	unsigned jobs; /* under way in the query pool */

	void (*left)(void *arg);
	void *left_arg;
	struct event *leaving;
	uint64_t leave_until_ms;

	uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
};

/* driver.c: queue an input, and take all that wait unless that is going on
 * already. */
void driver_feed(struct driver *d, const struct mesh_input *in);
/* One input at once, out of turn; for MESH_HEARD, which cannot be queued. */
void driver_step(struct driver *d, struct mesh_input *in);
/* Take all that wait.  Who sets `running` holds inputs back until this. */
void driver_run(struct driver *d);
void driver_on_tick(evutil_socket_t fd, short what, void *arg);

/* driver_links.c */
extern const struct wire_events driver_wire_events;
int driver_listen(struct driver *d);
/* Closes the listening sockets; a second time does nothing. */
void driver_unlisten(struct driver *d);

/* driver_effects.c: one effect */
void driver_perform(struct driver *d, struct mesh_effect *e);
/* Encode and send to one link. */
void driver_say(struct driver *d, struct wire *w, const struct message *m);
/* Dial some of those that wait. */
void driver_on_dial_more(evutil_socket_t fd, short what, void *arg);

/* driver_store.c: what goes to the catalogue and comes back */
void driver_store(struct driver *d, const struct mesh_store *store);
void driver_read_page(struct driver *d, const struct mesh_effect *e);
void driver_send_page(struct driver *d, mesh_link link, uint32_t request);
void driver_begin_generation(struct driver *d, uint64_t generation);
void driver_drop(struct driver *d, const struct stream_id *stream);
void driver_remember(struct driver *d, const struct node_id *node);
/* The pages kept for a link that is no more. */
void driver_forget_pages(struct driver *d, mesh_link link);

/* Once a minute. */
void driver_complain(struct driver *d, const char *what,
		     const struct trouble *why);
/* What any write may have brought along, to the mesh and to clients. */
void driver_tell_result(struct driver *d, const struct write_result *r);
void driver_caught_up(void *driver, bool failed,
		      const struct write_result *result,
		      const struct trouble *why);

/* driver_forget.c */
void driver_end(struct driver *d, const struct mesh_effect *e);
/* After MESH_START: what records of others say, and what a former run has
 * left half done. */
int driver_recall_forgotten(struct driver *d, struct trouble *why);

/* driver_verify.c */
void driver_verify_asked(struct driver *d, struct wire *w, uint32_t request);
/* VERIFIED, or the ERROR instead of it. */
void driver_verify_heard(struct driver *d, struct wire *w,
			 const struct message *m);
void driver_verify_lost(struct driver *d, mesh_link link);
void driver_verify_end_all(struct driver *d);

#endif
