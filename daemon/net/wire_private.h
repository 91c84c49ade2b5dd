/*
 * wire_private.h: the inside of a link, for wire*.c only.
 */
#ifndef PHOTOMESH_WIRE_PRIVATE_H
#define PHOTOMESH_WIRE_PRIVATE_H

#include <event2/util.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "log.h"
#include "wire.h"

struct bufferevent;
struct event;
struct resolver;

/* Reading stalls for ever if a whole frame does not fit below it. */
#define WIRE_READ_HIGH_BYTES (256u * 1024u)
#define WIRE_LOG_PERIOD_MS   60000u

enum wire_state {
	WIRE_STATE_NAMED,      /* dialled; its name is being looked up */
	WIRE_STATE_CONNECTING, /* dialled; TCP is under way */
	WIRE_STATE_SHAKING,    /* TLS is under way */
	WIRE_STATE_OPEN,       /* TLS is done: reported up */
	WIRE_STATE_LINGERING,  /* hung up, last words on their way */
	WIRE_STATE_PARTING,    /* waits for the loop to be given away in */
	WIRE_STATE_DEAD,       /* waits for the loop to be freed in */
};

struct wire {
	TAILQ_ENTRY(wire) in_set;
	struct wires *set;
	mesh_link id;
	enum wire_state state;
	bool accepted, loopback;
	bool admitted;  /* HELLO was good: the large body limit */
	bool pads;      /* what is small says nothing new */
	bool paused;    /* reading is off until `resume` fires */
	bool saying;    /* inside wire_send: nothing is heard meanwhile */
	bool quietly;   /* inside wire_send_quietly: add nothing to the record */
	bool resting;   /* the kernel tells of large things only */
	bool said_all;  /* LINGERING: our FIN is out, theirs is awaited */
	bool over;      /* OPEN: they ended; frames may still lie in the input */
	bool whole;     /* PARTING: with its bufferevent and what lies in it */
	int fd;
	SSL *ssl;                /* from SHAKING on; freed with the wire */
	struct bufferevent *bev; /* from SHAKING on; closes and frees neither,
				  * as both may go to another thread */
	struct event *connecting; /* CONNECTING: fd became writable */
	struct event *timer;      /* deadlines; PARTING, DEAD: at once */
	struct event *resume;
	struct event *roused; /* made with the first rest; set while resting */
	uint64_t looked_ms;   /* resting: all that came before is counted */
	/* All that came before has been heard.  0: so has what came since, but
	 * for a frame that is not yet whole. */
	uint64_t read_ms;
	uint64_t taken;       /* bytes of the frames heard since then */
	uint64_t came_ms;     /* what is being heard has rested; or 0 */
	uint64_t received;    /* resting: bytes since the link began */
	uint64_t beat_bytes;  /* of the last small record, in TLS */
	uint32_t signs;       /* since something was read */
	uint32_t looks;       /* wires_look: done with, this time */
	struct wire_notes notes;
	char where[ADDRESS_HOST_MAX + 10];
};

TAILQ_HEAD(wire_list, wire);

struct wires {
	struct event_base *base;
	struct tls *tls;
	struct resolver *resolver;
	const struct wire_events *events;
	void *arg;
	struct wire_list live;
	struct wire_list dying; /* LINGERING, PARTING and DEAD */
	unsigned strangers;     /* accepted and not admitted, in live */
	unsigned lingering;
	mesh_link next_odd;
	uint32_t looks; /* counted, so that each link is looked at once */
	struct log_gate shake_gate, break_gate, fd_gate;
	uint8_t body[LINK_BODY_BYTES_MAX]; /* the frame being heard */
};

/* wire.c */
struct wire *wire_new(struct wires *s, mesh_link id, bool accepted);
void wire_free(struct wire *w);
void wire_set_timer(struct wire *w, unsigned ms);

/* wire_open.c: give w->fd to a TLS bufferevent.  False: out of memory; the
 * descriptor is still w's. */
bool wire_shake(struct wire *w);
/* SHAKING came to an end, a good one or not. */
void wire_shaken(struct wire *w, short what);

/* wire_read.c: what libevent calls */
void wire_on_readable(struct bufferevent *bev, void *arg);
void wire_on_resume(evutil_socket_t fd, short what, void *arg);
void wire_on_event(struct bufferevent *bev, short what, void *arg);
/* Hand up every whole frame: now, or soon if nothing may be heard now. */
void wire_hear(struct wire *w);

/* wire_rest.c: small records are padded from now on. */
void wire_pad(struct wire *w);
/* It rests no more. */
void wire_rouse(struct wire *w);
/* All whole frames that are here have been heard: has all that had rested? */
void wire_rested(struct wire *w);

/* wire_end.c: it is over.  Reported, unless it was accepted and never came
 * up. */
void wire_finish(struct wire *w, enum link_end end);
/* LINGERING came to an end. */
void wire_lingered(struct wire *w);
void wire_on_timer(evutil_socket_t fd, short what, void *arg);

#endif
