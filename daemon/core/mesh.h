/*
 * mesh.h: what one node of the mesh does next, as a function.
 *
 * One input goes in; the new state and a short list of effects come out.  The
 * mesh opens nothing, reads no clock, owns no thread and allocates nothing:
 * time arrives inside the input, randomness from a seed.  The driver (net/)
 * performs the effects in order and feeds the world back; the simulator
 * (tests/sim/) does the same with a world of its own.
 *
 * What is inside: roster (who is there), membership (HELLO, JOIN, one link
 * per pair, failure detection), election (a pure function of the roster),
 * replica (points, generations, pulling).  PROTOCOL.md has the rules that
 * peers can see.
 */
#ifndef PHOTOMESH_MESH_H
#define PHOTOMESH_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ident.h"
#include "limits.h"
#include "message.h"

#define MESH_JOIN_MAX    16u  /* --join addresses */
#define MESH_EFFECTS_MAX 1024u
#define MESH_LINKS_MAX   512u /* open, opening and not yet known to be a node */

/*
 * Links are handles, never reused.  The mesh numbers those it dials (even,
 * from 2), the driver those it accepts (odd, from 1).
 */
typedef uint64_t mesh_link;
#define MESH_LINK_NONE 0u
#define MESH_LINK_ALL  UINT64_MAX /* every link past HELLO, both ways */

struct mesh_config {
	struct node_id self;
	uint64_t run;  /* this life of the process; random, not 0 */
	bool remembers; /* all that self ever told of is at hand: nobody else
			 * needs to tell of its former lives */
	uint64_t seed; /* for jitter */
	char name[NODE_NAME_BYTES_MAX + 1];
	char software[32];
	struct host_id host;
	uint16_t port;       /* the one claimed */
	uint16_t base_port;  /* probing goes from here ... */
	uint16_t port_count; /* ... over so many, at most MESH_PORTS */
	uint32_t address_count; /* where else this node listens */
	struct address addresses[NODE_ADDRESSES_MAX];
	uint32_t join_count;
	struct address joins[MESH_JOIN_MAX];
};

/* ---- inputs ---------------------------------------------------------- */

enum mesh_input_kind {
	MESH_START,          /* Once, first. */
	MESH_TICK,           /* The clock moved.  Heartbeats that are due, and
			      * judgements of silence, are made in it alone:
			      * what lies unread is heard before. */
	MESH_LINK_CONNECTED, /* A dialled socket is open; TLS has begun. */
	MESH_LINK_UP,        /* TLS is done, by us or by them. */
	MESH_LINK_DOWN,      /* It closed, failed, or never opened. */
	MESH_HEARD,          /* One well-formed message arrived. */
	MESH_ALIVE,          /* Something did that will be read later. */
	MESH_STORED,         /* A page of a replica is in the catalogue, or not. */
	MESH_PAGE_READ,      /* The page of records we asked for is in hand. */
	MESH_OWN,            /* Our own stream moved, durably (also: new life). */
	MESH_DROPPED,        /* The catalogue let go of a stream. */
	MESH_UNDONE,         /* BEGIN_GENERATION or DROP could not be written. */
	MESH_LEAVE,          /* Say goodbye to everybody. */
	MESH_FORGET,         /* Our user: a node that will not return. */
	MESH_FORGOTTEN,      /* A record says so; also one of a former run. */
	MESH_FORGOT,         /* The catalogue has carried out MESH_END. */
	MESH_BEACON,         /* Of the local network: a node, and where it is. */
};

enum link_end {
	LINK_REFUSED,  /* nobody listens */
	LINK_SILENT,   /* no answer in time: connect or TLS */
	LINK_STRANGER, /* the TLS handshake failed: somebody else's port */
	LINK_RESET,    /* reset or end of stream before LINK_UP */
	LINK_CLOSED,   /* reset or end of stream after LINK_UP */
	LINK_BROKEN,   /* they sent nonsense, or false signature; we hung up */
	LINK_CLOGGED,  /* they would not read; we hung up */
};

struct mesh_dropped {
	struct stream_id stream;
	bool crowded; /* for want of room: it still tells something */
};

struct mesh_input {
	enum mesh_input_kind kind;
	uint64_t now_ms;  /* steady clock; never goes back */
	uint64_t wall_ms; /* wall clock; may jump */
	mesh_link link;   /* LINK_*, HEARD, ALIVE, PAGE_READ */
	/* ALIVE; HEARD of what lay unread until a TICK was due: when the last
	 * of it came.  That TICK follows.  HEARD of what came just now: 0. */
	uint64_t came_ms;
	/* HEARD: this message may have come as early as that, and its sender
	 * have said more since.  0: no earlier than the above. */
	uint64_t since_ms;
	union {
		/* LINK_UP.  loopback: either end of the socket is on
		 * 127.0.0.1, so a refused redial proves death. */
		struct {
			bool accepted;
			bool loopback;
		} up;
		enum link_end end; /* LINK_DOWN */
		/* HEARD; borrowed for the step.  In a HELLO `node` is set and
		 * the signature has been checked by the driver. */
		const struct message *message;
		/* STORED, for the MESH_STORE with this `store` number, in the
		 * order of the effects. */
		struct {
			uint64_t store;
			bool failed;
			struct stream_report report; /* as it stands now */
		} stored;
		/* PAGE_READ for MESH_READ_PAGE on `link` */
		struct {
			uint32_t request;
			bool found; /* the catalogue holds that stream */
		} page;
		struct stream_report own;  /* OWN */
		struct mesh_dropped dropped; /* DROPPED */
		struct stream_id undone;  /* UNDONE: as it was to be */
		struct node_id forget;    /* FORGET */
		struct stream_id ended;   /* FORGOTTEN, FORGOT: up to this */
		struct {                  /* BEACON */
			struct node_id node;
			struct address address;
		} beacon;
	} u;
};

/* ---- effects --------------------------------------------------------- */

enum mesh_effect_kind {
	MESH_DIAL,      /* Open a connection to `address` as `link`. */
	MESH_HANG_UP,   /* Flush, close `link`; expect no LINK_DOWN in answer. */
	MESH_SEND,      /* Queue `message` on `link`, or on all. */
	MESH_STORE,     /* Store the BATCH of this very input, then STORED. */
	MESH_READ_PAGE, /* Read a page of records, then PAGE_READ. */
	MESH_SEND_PAGE, /* Queue the BATCH frame read for (link, request). */
	MESH_BEGIN_GENERATION, /* Renumber our own rows under a new life, then
				* OWN. */
	MESH_DROP,             /* Delete a replica; then DROPPED. */
	MESH_END, /* A node is forgotten: say so in our own stream, delete its
		   * replicas up to a generation; then FORGOT. */
	MESH_REMEMBER,         /* Keep what we know of `node` for later starts. */
	MESH_NEW_IDENTITY,     /* We are the later twin: become somebody else.
				* The mesh does nothing after this. */
	MESH_CROWN,            /* The coordinator is now `node`: tell the humans. */
	MESH_NEWS,             /* Something else for the humans. */
};

enum mesh_news {
	NEWS_PEER_LIVE,
	NEWS_PEER_SUSPECT, /* also when held again */
	NEWS_PEER_WELL,    /* no longer suspect nor held */
	NEWS_PEER_GONE,
	NEWS_PEER_LEFT,
	NEWS_PEER_FORGOTTEN, /* about to vanish: its name is still known */
	NEWS_SYNCED,    /* this node has become synced */
	NEWS_UNSYNCED,  /* this node looks around afresh */
	NEWS_UNEQUAL,   /* equal points at head, unequal digests: `node`'s stream */
	NEWS_MESH_FULL, /* `node` was refused */
	NEWS_REFUSED,   /* a peer told us something unlawful: `text` */
};

struct mesh_store {
	uint64_t store; /* number, for STORED */
	struct stream_id stream;
	bool rebuild; /* into a replica built afresh beside the old one ... */
	bool at_head; /* ... which this page completes: base == cursor after */
	struct point point; /* of the replica once the page is in */
};

struct mesh_effect {
	enum mesh_effect_kind kind;
	mesh_link link;
	union {
		struct address address; /* DIAL */
		/* SEND; lists inside point into the mesh and are good until
		 * the next step. */
		struct message message;
		struct mesh_store store;
		/* READ_PAGE; SEND_PAGE uses request only */
		struct {
			uint32_t request;
			struct stream_id stream;
			uint64_t after;
			uint32_t credit_bytes;
		} page;
		uint64_t generation;     /* BEGIN_GENERATION */
		struct stream_id stream; /* DROP */
		struct {                 /* END */
			struct stream_id stream; /* up to this generation */
			bool vanishes; /* what is remembered of it goes too */
			bool ordered;  /* by our own user */
		} end;
		struct node_id node;     /* REMEMBER */
		struct {                 /* CROWN */
			struct rank now, was;
		} crown;
		struct {
			enum mesh_news what;
			struct node_id node;
			const char *text; /* a constant, or NULL */
		} news;
	} u;
};

struct mesh_effects {
	uint32_t count;
	struct mesh_effect list[MESH_EFFECTS_MAX];
};

/* ---- the function ---------------------------------------------------- */

struct mesh; /* visible in mesh_private.h, for tests */

/* For storage the caller owns, aligned for any type. */
size_t mesh_bytes(void);
void mesh_init(struct mesh *m, const struct mesh_config *config);

/*
 * What was known before this start; between init and MESH_START.  The own
 * stream (its node is `self`) must be among the streams, or be told by OWN.
 */
struct mesh_memory {
	struct node_id node;
	char name[NODE_NAME_BYTES_MAX + 1];
	struct host_id host;
	uint16_t port;
	uint32_t address_count;
	struct address addresses[NODE_ADDRESSES_MAX];
	uint64_t last_heard_wall_ms;
	bool left;
};
void mesh_remember_node(struct mesh *m, const struct mesh_memory *node);
void mesh_remember_stream(struct mesh *m, const struct stream_report *held);
/* A record `forgotten` of the own stream.  What others' say comes by FORGOTTEN,
 * after MESH_START. */
void mesh_remember_forgotten(struct mesh *m, const struct node_id *node,
			     uint64_t generation);

/* Advance by exactly one input.  Cannot fail, block, allocate or look around.
 * `out` is emptied first. */
void mesh_step(struct mesh *m, const struct mesh_input *in,
	       struct mesh_effects *out);
/* When the next MESH_TICK is owed; UINT64_MAX if never. */
uint64_t mesh_wake_ms(const struct mesh *m);

/* ---- looking at it --------------------------------------------------- */

enum node_state {
	NODE_STATE_LIVE,
	NODE_STATE_SYNCING, /* live, not yet synced */
	NODE_STATE_SUSPECT, /* live; suspect or held, here or by a live peer */
	NODE_STATE_GONE,
	NODE_STATE_LEFT,
};

struct node_view {
	struct node_id node;
	uint64_t run;
	char name[NODE_NAME_BYTES_MAX + 1];
	struct host_id host;
	uint16_t port;
	/* Where it can be dialled from here, but for its own loopback: more
	 * than what it says of itself. */
	uint32_t address_count;
	struct address addresses[NODE_ADDRESSES_MAX];
	enum node_state state;
	bool self, linked, coordinator;
	struct node_id follows; /* zero when not known */
	uint64_t age_ms; /* since all that it had was held here, as far as
			  * was heard of it, directly or by report;
			  * UINT64_MAX: not in this run */
	uint64_t last_heard_wall_ms; /* 0 when never in this run nor before */
	/* The newest generation known of its stream: what the owner last
	 * announced (or the highest point known) and what is held here. */
	struct stream_report announced, held;
	bool at_head; /* held is all the owner has announced, and it is not
		       * live by the word of somebody alone who has gone */
};

/* Nodes known, oneself included; index 0 is oneself. */
uint32_t mesh_node_count(const struct mesh *m);
void mesh_node_view(const struct mesh *m, uint32_t index, uint64_t now_ms,
		    struct node_view *out);
bool mesh_synced(const struct mesh *m);
/* Zero id while still looking ("coordinator unknown"). */
void mesh_coordinator(const struct mesh *m, struct rank *out);
/* Name of a node for log lines; "?" when unknown.  Borrowed until a step. */
const char *mesh_name_of(const struct mesh *m, const struct node_id *node);

#endif
