/*
 * message.h: what nodes say to each other on a link, typed.
 *
 * A body is [type, request, map].  Encoding writes a whole frame (header
 * included) into the caller's buffer; decoding judges everything that can be
 * judged from the bytes alone, so whoever gets a struct message may trust its
 * bounds.  What clients say is in question.h.  PROTOCOL.md is normative.
 */
#ifndef PHOTOMESH_MESSAGE_H
#define PHOTOMESH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ident.h"
#include "limits.h"
#include "record.h"

#define PUBLIC_KEY_BYTES 32u
#define SIGNATURE_BYTES  64u

/* Records in one BATCH: so many stay within the walk's items. */
#define BATCH_RECORDS_MAX 8192u

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_GOODBYE = 2,
	MESSAGE_ERROR = 3, /* also to clients */
	MESSAGE_JOIN = 4,
	MESSAGE_WELCOME = 5,
	MESSAGE_NODES = 6,
	MESSAGE_HEARTBEAT = 7,
	MESSAGE_STREAMS = 8,
	MESSAGE_PULL = 9,
	MESSAGE_BATCH = 10,
	MESSAGE_VERIFY = 11,
	MESSAGE_VERIFIED = 12,
	/* 13 to 18: channels, see bulk.h */
	/* 32 and up: clients, see question.h */
};

/* {"vmin","vmax","key","sig","run","up","name","port","addrs","host","soft"} */
struct message_hello {
	uint32_t version_min, version_max;
	uint8_t key[PUBLIC_KEY_BYTES];      /* filled and checked by the link */
	uint8_t signature[SIGNATURE_BYTES]; /* filled and checked by the link */
	struct node_id node; /* not on the wire: SHA-256(key), by the link */
	uint64_t run;        /* random, 64 bits */
	uint64_t uptime_ms;
	char name[NODE_NAME_BYTES_MAX + 1];
	uint16_t port;
	uint32_t address_count; /* besides 127.0.0.1:port */
	struct address addresses[NODE_ADDRESSES_MAX];
	struct host_id host;
	char software[32];
	bool pads; /* what may lie unread tells nothing; false: not said */
};

enum goodbye_reason {
	GOODBYE_LEAVING = 1,   /* the node stops; it may come back */
	GOODBYE_TWIN = 2,      /* your node id runs twice and you are later */
	GOODBYE_FULL = 3,      /* mesh full */
	GOODBYE_VERSION = 4,   /* no common version */
	GOODBYE_DUPLICATE = 5, /* another link of this pair is kept */
	GOODBYE_SELF = 6,      /* you dialled yourself */
};

/* {"why"} */
struct message_goodbye {
	uint32_t why; /* enum goodbye_reason; others read as LEAVING */
};

enum error_code {
	ERROR_UNKNOWN_TYPE = 1,
	ERROR_BUSY = 2,
	ERROR_NO_STREAM = 3, /* PULL of a stream this node does not hold */
	ERROR_FAILED = 4,
	/* on channels, see bulk.h */
	ERROR_NOT_HERE = 5, /* no copy that can be read now */
	ERROR_CHANGED = 6,  /* the file is not what was indexed any more */
	ERROR_WAITING = 7,  /* the owner has been asked for consent */
	ERROR_DENIED = 8,   /* the owner does not share it */
	/* to clients */
	ERROR_USAGE = 16,
	ERROR_NOT_FOUND = 17,
	ERROR_AMBIGUOUS = 18,
	ERROR_VERSION = 19,
	ERROR_REFUSED = 20, /* not from here; or its owner does not share it */
	ERROR_UNREACHABLE = 21, /* those who hold it are away */
	ERROR_DAMAGED = 22, /* what the holders sent is not the photo */
};

/* {"code","text"} */
struct message_error {
	uint32_t code;
	char text[REASON_BYTES_MAX + 1];
};

/* One node as the sender sees it: an entry of NODES and WELCOME.
 * [id, run, name, host, port, [[host, port]...], flags, silent_ms] */
enum node_flag {
	NODE_LINKED = 1,  /* the sender has a link to it (or is it) */
	NODE_SYNCED = 2,  /* it has said so */
	NODE_SUSPECT = 4, /* the sender suspects it, or holds it */
	NODE_LEFT = 8,    /* it said goodbye */
	NODE_SELF = 16,   /* the sender */
};
struct node_report {
	struct node_id node;
	uint64_t run;
	char name[NODE_NAME_BYTES_MAX + 1];
	struct host_id host;
	uint16_t port; /* 0: the sender does not know it */
	uint32_t address_count;
	struct address addresses[NODE_ADDRESSES_MAX];
	uint32_t flags;     /* enum node_flag, or-ed; unknown bits ignored */
	uint64_t silent_ms; /* since the sender last heard of it; 0 = now */
};

/* {"nodes"}: everything the sender knows, the sender itself included. */
struct message_nodes {
	uint32_t count; /* <= MESH_KNOWN_MAX */
	const struct node_report *reports;
};

/* {"period","follows","synced"} */
struct message_heartbeat {
	uint32_t period_ms;     /* 250..1100 */
	struct node_id follows; /* whom the sender takes for coordinator */
	bool synced;
};

/* One stream as the sender holds it.  [node, generation, base, cursor,
 * digest, rows]; for the sender's own stream base == cursor == head. */
struct stream_report {
	struct stream_id stream;
	struct point point;
	struct digest digest;
	uint64_t rows;
};

/*
 * {"full","streams"}: full replaces all that was said before; otherwise the
 * entries replace what was said of these streams.
 */
struct message_streams {
	bool full;
	uint32_t count; /* <= MESH_STREAMS_MAX */
	const struct stream_report *reports;
};

/* {"node","gen","after","credit"}: answered by one BATCH, or ERROR. */
struct message_pull {
	struct stream_id stream;
	uint64_t after;
	uint32_t credit_bytes; /* records bytes the asker will take */
};

/*
 * {"node","gen","after","through","base","cursor","digest","rows","records"}
 * Every row the sender holds with after < seq <= through, rising.  point,
 * digest and rows are from the same read transaction.  through == cursor on
 * the page that reaches the sender's point.
 */
struct message_batch {
	struct stream_id stream;
	uint64_t after, through;
	struct point point;
	struct digest digest;
	uint64_t rows; /* in the whole replica, tombstones included */
	uint32_t record_count;
	const struct record *records; /* rising seq, all in (after, through] */
	size_t records_bytes; /* decoding: packed, by shortest forms */
};

/* VERIFY {} -> VERIFIED {"merged","photos","streams"}: recomputed. */
struct message_verified {
	struct digest merged; /* of the merged list, see PROTOCOL.md */
	uint64_t photos;
	uint32_t count;
	const struct stream_report *reports;
};

struct message {
	uint32_t type; /* enum message_type, or a type nobody here knows */
	uint32_t request;
	union {
		struct message_hello hello;
		struct message_goodbye goodbye;
		struct message_error error;
		struct message_nodes nodes; /* NODES and WELCOME */
		struct message_heartbeat heartbeat;
		struct message_streams streams;
		struct message_pull pull;
		struct message_batch batch;
		struct message_verified verified;
	} u;
};

/*
 * Write the whole frame of `m`.  Returns its bytes, or 0 if it does not fit
 * in `max` or in LINK_BODY_BYTES_MAX.  Asserts on values that this program
 * must never send.
 */
size_t message_encode(const struct message *m, uint8_t *out, size_t max);

/*
 * May a BATCH look so?  after <= through <= cursor, and an empty one is the
 * last; only that may stop below `after`, when the holder's cursor is lower.
 */
bool message_batch_span_lawful(const struct message_batch *b);

/*
 * BATCH is packed record by record while rows are read: begin, add until it
 * says no, end.  The header is written last, so it may be learnt last.
 */
struct batch_writer {
	uint8_t *out;
	size_t max;
	size_t records_bytes;  /* packed so far */
	size_t credit_bytes;   /* not to be exceeded */
	uint32_t record_count;
	uint64_t through; /* 0, or: every row added up to this seq is in it */
	/* As it was before the first row of the seq added last. */
	size_t whole_bytes;
	uint32_t whole_count;
	uint64_t whole_through;
};
/* `out` must hold FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX. */
void batch_writer_init(struct batch_writer *w, uint8_t *out, size_t max,
		       size_t credit_bytes);
/*
 * In the order of record_compare.  False when the credit does not allow one
 * more; then nothing may be added any more.  A page has all rows of a number or
 * none, so what it had of the number of `r` is taken out again, unless that is
 * all there is in it.
 */
bool batch_writer_add(struct batch_writer *w, const struct record *r);
/* `head` gives everything but the records.  Returns frame bytes; 0: no fit. */
size_t batch_writer_end(struct batch_writer *w, uint32_t request,
			const struct message_batch *head);

enum message_verdict {
	MESSAGE_OK,
	MESSAGE_UNKNOWN, /* well-formed envelope, type not known: answer ERROR */
	MESSAGE_BROKEN,  /* hang up */
};

/*
 * Holds the zone and the arrays that decoded messages point into (about
 * 1 MB).  One per thread; a decoded message is borrowed from it and from the
 * body until the next decode.
 */
struct message_decoder;
struct message_decoder *message_decoder_new(void); /* NULL: out of memory */
void message_decoder_free(struct message_decoder *d);

/*
 * Decode one body.  On MESSAGE_OK every bound stated above holds; on
 * MESSAGE_UNKNOWN type and request are set; on MESSAGE_BROKEN *why, if given,
 * is a short constant for the log.
 */
enum message_verdict message_decode(struct message_decoder *d,
				    const uint8_t *body, size_t body_bytes,
				    struct message *out, const char **why);

/* "HELLO", "BATCH", ...; "?" otherwise. */
const char *message_type_text(uint32_t type);

#endif
