/*
 * question_transfer.h: the questions about moving photos, and their answers.
 *
 * A part of question.h, which has the envelope and the two codecs.
 */
#ifndef PHOTOMESH_QUESTION_TRANSFER_H
#define PHOTOMESH_QUESTION_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "photo_id.h"
#include "question_parts.h"

/* {"photo","offset","length"}; 0, 0: the whole photo */
struct question_get {
	struct photo_id photo;
	uint64_t offset, length; /* length <= GET_RANGE_BYTES_MAX */
};

enum getting_state {
	GETTING_QUEUED = 0,  /* waits for its turn */
	GETTING_FILLING = 1, /* from `node` */
	GETTING_CONSENT = 2, /* waits for the owner of `node` to say yes */
	GETTING_NOBODY = 3,  /* nobody who holds it answers just now */
};
/* {"bytes","total","fetched","state","node","name"} */
struct answer_getting {
	uint64_t bytes, total; /* of the photo */
	uint64_t fetched;      /* from other nodes, in this GET */
	uint32_t state;        /* enum getting_state */
	struct node_id node;   /* zero: nobody */
	char name[SHOWN_NAME_MAX + 1];
};

/* {"bytes","fetched","resumed","node","name"} */
struct answer_got {
	uint64_t bytes, fetched, resumed;
	struct node_id node; /* from whom the most came */
	char name[SHOWN_NAME_MAX + 1];
};

/* [photo id, head bin] */
struct have_file {
	struct photo_id photo;
	const uint8_t *head; /* borrowed; may be empty */
	size_t head_bytes;   /* <= HAVE_HEAD_BYTES_MAX */
};
/* {"files"} */
struct question_have {
	uint32_t count; /* 1..HAVE_FILES_MAX */
	const struct have_file *files;
};

/* [type str, known bool, [node index...]] */
struct holding {
	char type[MEDIA_TYPE_MAX + 1]; /* by its head; "" no photo or video */
	bool known;                    /* the mesh lists it */
	uint32_t holder_count;         /* <= MESH_LIVE_MAX */
	uint32_t holders[MESH_LIVE_MAX]; /* indexes into nodes */
};
/* {"files","nodes","complete","age","scanning","syncing"} */
struct answer_holdings {
	struct answer_fresh fresh;
	uint32_t count;
	const struct holding *files;
	uint32_t node_count; /* <= MESH_KNOWN_MAX */
	const struct answer_node *nodes;
};

/* {"photo","nonce"} */
struct question_prove {
	struct photo_id photo;
	uint8_t nonce[PROOF_NONCE_BYTES];
};
/* [node, code, sum] */
struct answer_proof {
	struct answer_node node;
	uint32_t code; /* 0, an ERROR of a channel, or ERROR_UNREACHABLE */
	uint8_t sum[PROOF_BYTES];
};
/* {"proofs"} */
struct answer_proofs {
	uint32_t count; /* <= MESH_LIVE_MAX */
	const struct answer_proof *proofs;
};

/* [root id, label bin, path bin, online, free] */
struct answer_root {
	struct root_id root;
	const uint8_t *label;
	size_t label_bytes;
	const uint8_t *path; /* absolute */
	size_t path_bytes;
	bool online;
	uint64_t free_bytes;
};
#define ROOTS_SHOWN_MAX 64u
/* {"roots"} */
struct answer_roots {
	uint32_t count; /* <= ROOTS_SHOWN_MAX */
	const struct answer_root *roots;
};

enum consent_state {
	CONSENT_WAITING = 0,
	CONSENT_APPROVED = 1,
	CONSENT_DENIED = 2,
};
/* [number, node, shown name, photo id, photo name bin, state, at, until] */
struct answer_request {
	uint64_t number;
	struct node_id node;
	char node_name[SHOWN_NAME_MAX + 1];
	struct photo_id photo;
	const uint8_t *name;
	size_t name_bytes; /* <= 255 */
	uint32_t state;    /* enum consent_state */
	int64_t at_ms, until_ms;
};
/* [node, shown name, allow] */
struct answer_rule {
	struct node_id node;
	char node_name[SHOWN_NAME_MAX + 1];
	bool allow;
};
/* {"requests","rules","share"} */
struct answer_requests {
	uint32_t count; /* <= CONSENT_WAITING_MAX */
	const struct answer_request *requests;
	uint32_t rule_count; /* <= CONSENT_RULES_MAX */
	const struct answer_rule *rules;
	uint32_t share; /* enum record_share */
};

/* {"what","allow","always"} */
struct question_decide {
	char what[SHOWN_NAME_MAX + 1]; /* a number or a NODE, as typed */
	bool allow, always;
};

#endif
