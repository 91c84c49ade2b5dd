/*
 * question.h: what a client asks its daemon, and the answers, typed.
 *
 * The same frames as on links, other types.  The daemon packs answers row by
 * row (question_pack_*), the client reads them into structs; both sides see
 * the same bounds.  PROTOCOL.md, "Clients", is normative.
 */
#ifndef PHOTOMESH_QUESTION_H
#define PHOTOMESH_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "ident.h"
#include "limits.h"
#include "message.h"
#include "meta.h"
#include "photo_id.h"
#include "question_parts.h"
#include "question_transfer.h"

enum question_type {
	CLIENT_HELLO = 32,   /* {"vmin","vmax","soft"} first, always */
	CLIENT_WELCOME = 33, /* {"version","node","name","port","soft"} */
	CLIENT_LIST = 34,
	CLIENT_PHOTOS = 35, /* answers LIST and SHOW */
	CLIENT_SHOW = 36,   /* {"id": str as typed} */
	CLIENT_PEERS = 37,  /* {} */
	CLIENT_PEER_LIST = 38,
	CLIENT_STATUS = 39, /* {} */
	CLIENT_STATUS_IS = 40,
	CLIENT_WATCH = 41, /* {}: EVENTs with this request id from now on */
	CLIENT_EVENT = 42,
	CLIENT_VERIFY = 43, /* {} */
	CLIENT_TABLE = 44,
	CLIENT_RESCAN = 45, /* PROGRESS..., then DONE */
	CLIENT_PROGRESS = 46,
	CLIENT_DONE = 47, /* {}: also answers LEAVE and FORGET */
	CLIENT_DUPES = 48, /* answered by PHOTOS with "wasted" */
	CLIENT_PROBLEMS = 49,
	CLIENT_PROBLEM_LIST = 50,
	CLIENT_LEAVE = 51, /* {}: stop; from a Unix socket only */
	CLIENT_FORGET = 52, /* {"node","sure"}; from a Unix socket only */
	/* Moving photos: the structs are in question_transfer.h. */
	CLIENT_GET = 53, /* with a descriptor: GETTING..., then GOT */
	CLIENT_GETTING = 54,
	CLIENT_GOT = 55,
	CLIENT_HAVE = 56,
	CLIENT_HOLDINGS = 57,
	CLIENT_PROVE_HELD = 58,
	CLIENT_PROOFS = 59,
	CLIENT_ROOTS = 60, /* {}: from a Unix socket only */
	CLIENT_ROOT_LIST = 61,
	CLIENT_REQUESTS = 62, /* {} */
	CLIENT_REQUEST_LIST = 63,
	CLIENT_DECIDE = 64, /* from a Unix socket only */
	CLIENT_DECIDED = 65,
	CLIENT_FORGET_IS = 66, /* what FORGET would do, when not sure */
	CLIENT_TIMELINE = 67,
	CLIENT_TIMES = 68,
	CLIENT_LOOK = 69, /* {}, with a descriptor; from a Unix socket only */
	CLIENT_LOOKED = 70,
	CLIENT_THUMB = 71,
	CLIENT_THUMB_IS = 72,
	/* MESSAGE_ERROR answers whatever cannot be answered. */
};

#define CURSOR_BYTES_MAX  512u
/* One of PROBLEMS holds a whole path, whatever its length. */
#define PROBLEM_CURSOR_BYTES_MAX (64u + RECORD_KEY_MAX)
#define EVENT_NAME_MAX    31u
#define QUESTION_ITEMS_MAX 262144u /* msgpack items in one answer */
#define TABLE_ROWS_MAX    3584u /* rows of 256 bytes at most: always fits */

struct question_hello {
	uint32_t version_min, version_max;
	char software[32];
};

struct answer_welcome {
	uint32_t version;
	struct node_id node;
	char name[NODE_NAME_BYTES_MAX + 1];
	uint16_t port;
	char software[32];
};

/* {"text","node","sort","reverse","limit","after","zones"}; text: a query, see
 * search.h; zones: for search_set_clock, absent when there are none; sort: 0
 * taken 1 name 2 size 3 added; node: a NODE as typed, "" for all; after: bin,
 * "" at first */
struct question_list {
	char text[QUERY_BYTES_MAX + 1];
	uint32_t zone_count;
	int32_t zones[QUERY_DAYS_MAX]; /* s east of UTC; see QUERY_ZONE_S_MAX */
	char node[SHOWN_NAME_MAX + 1];
	uint32_t sort;
	bool reverse;
	uint32_t limit; /* 1..LIST_PAGE_MAX */
	uint8_t after[CURSOR_BYTES_MAX];
	size_t after_bytes;
};

/* {"meta": bin|nil}: the value of a meta record; nil: nothing is known */
struct answer_looked {
	const uint8_t *meta; /* borrowed; NULL: nothing */
	size_t meta_bytes;
};

/* {"photo","pixels"} */
struct question_thumb {
	struct photo_id photo;
	bool pixels; /* what it shows, rather than its bytes */
};

/* {"image": bin|nil, "width","height","pixels": bin|nil}; both nil: there is
 * none, or none yet */
struct answer_thumb {
	const uint8_t *image; /* borrowed; NULL: none.  Lawful by thumb.h, or it
			       * is refused */
	size_t image_bytes;
	uint32_t width, height; /* of pixels; 1..THUMB_SIDE */
	const uint8_t *pixels;  /* borrowed; NULL: none.  Rows from the top, red,
				 * green and blue bytes: width * height * 3 */
};

/* {"text","zones","by","zone"}; text and zones as in LIST, the rest of `query`
 * is of no use; zone: s east of UTC for dates that are in UTC */
enum timeline_period { TIMELINE_YEARS = 0, TIMELINE_MONTHS = 1, TIMELINE_DAYS = 2 };
struct question_timeline {
	struct question_list query;
	uint32_t by; /* enum timeline_period */
	int32_t zone_s;
};

/* {"times": [[day, photos, bytes]...], "more","complete","age","scanning",
 *  "syncing"}, newest first */
#define TIMES_MAX 36600u /* days of a century; always fits */
struct answer_time {
	int32_t day; /* the first one, since 1970 */
	uint64_t photos, bytes;
};
struct answer_times {
	struct answer_fresh fresh;
	uint32_t count;
	const struct answer_time *times;
	bool more; /* older ones are left out */
};

struct question_show {
	char id[PHOTO_ID_TEXT_MAX];
};

/* {"limit","after"}, as in LIST */
struct question_dupes {
	uint32_t limit;
	uint8_t after[CURSOR_BYTES_MAX];
	size_t after_bytes;
};

/* {"node","limit","after"}, as in LIST but for the cursor's bytes */
struct question_problems {
	char node[SHOWN_NAME_MAX + 1];
	uint32_t limit; /* 1..LIST_PAGE_MAX */
	uint8_t after[PROBLEM_CURSOR_BYTES_MAX];
	size_t after_bytes;
};

/* {"node": a NODE as typed, "sure": really} */
struct question_forget {
	char node[SHOWN_NAME_MAX + 1];
	bool sure;
};

/* [node index, label bin, path bin, mtime_ns, online] */
struct answer_copy {
	uint32_t node; /* index into nodes */
	const uint8_t *label;
	size_t label_bytes;
	const uint8_t *path;
	size_t path_bytes;
	int64_t mtime_ns;
	bool online; /* node live and root online */
};

/* [id, type, name bin, mtime_ns, added_ms, copies, taken, width, height,
 *  [copy...], date_ms, dated, meta]; taken str|nil, width and height uint|nil,
 *  meta bin|nil; a daemon that knows no dates ends with the copies */
struct answer_photo {
	struct photo_id id;
	char type[MEDIA_TYPE_MAX + 1];
	const uint8_t *name;
	size_t name_bytes;
	int64_t mtime_ns; /* oldest of its copies */
	int64_t added_ms;
	uint32_t copies; /* counted once per (host, file) */
	char taken[40];  /* "" when not known */
	uint32_t width, height; /* 0 when not known */
	uint32_t copy_count;
	const struct answer_copy *rows;
	int64_t date_ms; /* when it was taken, as well as that is known */
	uint8_t dated;   /* by meta.h's enum meta_source, DATE_NAME (these two a
			  * clock without a zone, as if in UTC), DATE_MTIME (UTC) */
	const uint8_t *meta; /* SHOW: its meta record; NULL: none */
	size_t meta_bytes;
};

/* {"nodes","photos","after","ambiguous","complete","age","scanning",
 *  "syncing","wasted"}; after is nil on the last page, wasted is there in the
 *  answer to DUPES only */
struct answer_photos {
	struct answer_fresh fresh;
	bool ambiguous; /* SHOW: several match; these are candidates */
	uint32_t node_count;
	const struct answer_node *nodes;
	uint32_t photo_count;
	const struct answer_photo *photos;
	const uint8_t *after; /* borrowed; NULL: no more */
	size_t after_bytes;
	bool has_wasted;
	uint64_t wasted_bytes; /* by all photos, not only those of the page */
};

/* [node, shown name, label bin, path bin, code, message] */
struct answer_problem {
	struct node_id node;
	char name[SHOWN_NAME_MAX + 1];
	const uint8_t *label;
	size_t label_bytes;
	const uint8_t *path;
	size_t path_bytes;
	uint8_t code; /* enum problem_code, or a newer one */
	char message[MESSAGE_BYTES_MAX + 1];
};
/* {"problems": [...], "after","complete","age","scanning","syncing"} */
struct answer_problems {
	struct answer_fresh fresh;
	uint32_t count;
	const struct answer_problem *problems;
	const uint8_t *after; /* borrowed; NULL: no more */
	size_t after_bytes;
};

/* {"peers": [map...]} */
enum peer_state {
	PEER_LIVE = 0,
	PEER_SYNCING = 1,
	PEER_SUSPECT = 2,
	PEER_GONE = 3,
	PEER_LEFT = 4,
};
struct answer_peer {
	struct answer_node node;
	uint32_t state; /* enum peer_state */
	bool self, coordinator;
	struct node_id follows; /* zero when not known */
	uint16_t follows_port;
	uint64_t photos, copies, bytes;
	uint64_t generation, head; /* of its stream, as held here */
};
struct answer_peers {
	uint32_t count;
	const struct answer_peer *peers;
};

/* one map */
struct answer_status {
	struct node_id node;
	char name[SHOWN_NAME_MAX + 1];
	uint16_t port;
	struct node_id coordinator; /* zero: unknown */
	uint16_t coordinator_port;
	char coordinator_name[SHOWN_NAME_MAX + 1];
	uint32_t nodes, live;
	uint64_t photos, copies, bytes, unique_bytes;
	uint32_t scan; /* 0 idle, 1 scanning, 2 offline */
	uint64_t files, scanned_bytes, total_files, total_bytes;
	uint64_t eta_ms; /* 0: not known */
	uint64_t read_files, read_bytes; /* since the daemon started */
	bool synced;
	uint64_t known_meta;  /* photos of which a meta record tells */
	uint64_t thumbs;      /* thumbnails kept here */
	uint64_t thumbs_made; /* by this node, since it was started */
	struct answer_fresh fresh;
};

/* {"event","node","name","port","was","was_port","photo","photo_name" bin,
 * "count","at"}; only what the event has is there */
struct answer_event {
	char event[EVENT_NAME_MAX + 1]; /* as in the command line contract */
	bool has_node, has_was, has_photo;
	struct node_id node;
	char name[SHOWN_NAME_MAX + 1]; /* of the node */
	uint16_t port;
	struct node_id was; /* the former coordinator; zero: none */
	uint16_t was_port;
	struct photo_id photo;
	char photo_name[256]; /* may hold any byte but NUL */
	uint64_t count;       /* photos, files or events concerned; or 0 */
	int64_t at_ms;        /* wall clock */
};

/* {"rows":[[stream, stream name, at, at name, generation, base, cursor,
 *  at_head, rows, digest, equal]...], "left_out", "merged":[[at, at name,
 *  photos, digest, equal]...], "silent":[[node, name]...],
 *  "absent":[[node, name]...]} */
struct answer_stream {
	struct node_id stream, at;
	char stream_name[SHOWN_NAME_MAX + 1], at_name[SHOWN_NAME_MAX + 1];
	uint64_t generation;
	struct point point;
	bool at_head;
	uint64_t rows;
	struct digest digest;
	bool equal;
};
struct answer_merged {
	struct node_id at;
	char at_name[SHOWN_NAME_MAX + 1];
	uint64_t photos;
	struct digest digest;
	bool equal;
};
struct answer_name {
	struct node_id node;
	char name[SHOWN_NAME_MAX + 1];
};
struct answer_table {
	uint32_t row_count, merged_count, silent_count, absent_count;
	const struct answer_stream *rows;
	const struct answer_merged *merged;
	const struct answer_name *silent; /* live, did not answer in time */
	const struct answer_name *absent; /* owners that are not live */
	uint32_t left_out; /* equal rows that did not fit; unequal ones and
			    * those below head come first */
};

/* {"node": as in PHOTOS, "photos", "alone"} */
struct answer_forget {
	struct answer_node node;
	uint64_t photos; /* of that node */
	uint64_t alone;  /* ... that nobody else has: they leave the list */
};

/* {"accept_missing"} */
struct question_rescan {
	bool accept_missing; /* withdraw whatever is missing, however much */
};

/* {"files","total_files","bytes","total_bytes","eta"} */
struct answer_progress {
	uint64_t files, total_files, bytes, total_bytes, eta_ms;
};

struct question {
	uint32_t type; /* enum question_type or MESSAGE_ERROR */
	uint32_t request;
	union {
		struct question_hello hello;
		struct answer_welcome welcome;
		struct question_list list;
		struct question_show show;
		struct question_dupes dupes;
		struct question_problems asked_problems;
		struct question_forget forget;
		struct question_rescan rescan;
		struct answer_photos photos;
		struct answer_problems problems;
		struct answer_peers peers;
		struct answer_status status;
		struct answer_event event;
		struct answer_table table;
		struct answer_progress progress;
		struct question_get get;
		struct answer_getting getting;
		struct answer_got got;
		struct question_have have;
		struct answer_holdings holdings;
		struct question_prove prove;
		struct answer_proofs proofs;
		struct answer_roots roots;
		struct answer_requests requests;
		struct question_decide decide;
		uint64_t decided; /* DECIDED: requests that changed */
		struct answer_forget forgotten;
		struct question_timeline timeline;
		struct answer_times times;
		struct answer_looked looked;
		struct question_thumb thumb;
		struct answer_thumb thumb_is;
		struct message_error error;
	} u;
};

/*
 * Write the whole frame of `q` (questions and answers alike).  Returns its
 * bytes, or 0 if it does not fit in `max`.  For PHOTOS see the writer below.
 */
size_t question_encode(const struct question *q, uint8_t *out, size_t max);

/*
 * PHOTOS, photo by photo: `out` holds FRAME_HEADER_BYTES +
 * ANSWER_BODY_BYTES_MAX.  add says false when one more does not fit (bytes or
 * items): end the page there and give its cursor as `after`.
 */
struct photos_writer {
	struct pack pack;
	uint8_t *out;
	size_t max;
	size_t room_bytes; /* kept for the nodes and the rest */
	uint32_t photo_count, items;
};
void photos_writer_init(struct photos_writer *w, uint8_t *out, size_t max);
bool photos_writer_add(struct photos_writer *w, const struct answer_photo *p);
/* It goes on in `out`, where what was written is already; `max` is greater. */
void photos_writer_move(struct photos_writer *w, uint8_t *out, size_t max);
/* `rest`: everything but photos. */
size_t photos_writer_end(struct photos_writer *w, uint32_t request,
			 const struct answer_photos *rest);

/*
 * Decode one body: the daemon decodes questions (strict about their bounds),
 * the client answers.  Borrowed from decoder and body until the next decode.
 */
struct question_decoder;
struct question_decoder *question_decoder_new(void);
void question_decoder_free(struct question_decoder *d);
enum message_verdict question_decode(struct question_decoder *d,
				     const uint8_t *body, size_t body_bytes,
				     struct question *out, const char **why);

#endif
