/*
 * question_encode_transfer.c: packing the questions about moving photos, and
 * their answers.
 */
#include "question_private.h"

#include <assert.h>

static void
pack_node_id(struct pack *p, const struct node_id *id)
{
	pack_bin(p, id->bytes, NODE_ID_BYTES);
}

static void
pack_photo(struct pack *p, const struct photo_id *id)
{
	pack_str(p, "photo");
	question_pack_photo_id(p, id);
}

/* From whom, or for whom one waits. */
static void
pack_whom(struct pack *p, const struct node_id *node, const char *name)
{
	pack_key_bin(p, "node", node->bytes, NODE_ID_BYTES);
	pack_key_str(p, "name", name);
}

static void
get_pack(struct pack *p, const struct question_get *g)
{
	bool part = g->offset != 0 || g->length != 0;

	pack_map(p, part ? 3 : 1);
	pack_photo(p, &g->photo);
	if (part) {
		pack_key_uint(p, "offset", g->offset);
		pack_key_uint(p, "length", g->length);
	}
}

static void
getting_pack(struct pack *p, const struct answer_getting *a)
{
	pack_map(p, 6);
	pack_key_uint(p, "bytes", a->bytes);
	pack_key_uint(p, "total", a->total);
	pack_key_uint(p, "fetched", a->fetched);
	pack_key_uint(p, "state", a->state);
	pack_whom(p, &a->node, a->name);
}

static void
got_pack(struct pack *p, const struct answer_got *a)
{
	pack_map(p, 5);
	pack_key_uint(p, "bytes", a->bytes);
	pack_key_uint(p, "fetched", a->fetched);
	pack_key_uint(p, "resumed", a->resumed);
	pack_whom(p, &a->node, a->name);
}

static void
have_pack(struct pack *p, const struct question_have *h)
{
	assert(h->count <= HAVE_FILES_MAX);
	pack_map(p, 1);
	pack_str(p, "files");
	pack_array(p, h->count);
	for (uint32_t n = 0; n < h->count; n++) {
		pack_array(p, 2);
		question_pack_photo_id(p, &h->files[n].photo);
		pack_bin(p, h->files[n].head, h->files[n].head_bytes);
	}
}

static void
holdings_pack(struct pack *p, const struct answer_holdings *a)
{
	assert(a->count <= HAVE_FILES_MAX);
	assert(a->node_count <= MESH_KNOWN_MAX);
	pack_map(p, 2 + FRESH_PAIRS);
	pack_str(p, "files");
	pack_array(p, a->count);
	for (uint32_t n = 0; n < a->count; n++) {
		const struct holding *h = &a->files[n];

		assert(h->holder_count <= MESH_LIVE_MAX);
		pack_array(p, 3);
		pack_str(p, h->type);
		pack_bool(p, h->known);
		pack_array(p, h->holder_count);
		for (uint32_t m = 0; m < h->holder_count; m++)
			pack_uint(p, h->holders[m]);
	}
	pack_str(p, "nodes");
	pack_array(p, a->node_count);
	for (uint32_t n = 0; n < a->node_count; n++)
		question_pack_node(p, &a->nodes[n]);
	question_pack_fresh(p, &a->fresh);
}

static void
prove_pack(struct pack *p, const struct question_prove *q)
{
	pack_map(p, 2);
	pack_photo(p, &q->photo);
	pack_key_bin(p, "nonce", q->nonce, PROOF_NONCE_BYTES);
}

static void
proofs_pack(struct pack *p, const struct answer_proofs *a)
{
	assert(a->count <= MESH_LIVE_MAX);
	pack_map(p, 1);
	pack_str(p, "proofs");
	pack_array(p, a->count);
	for (uint32_t n = 0; n < a->count; n++) {
		pack_array(p, 3);
		question_pack_node(p, &a->proofs[n].node);
		pack_uint(p, a->proofs[n].code);
		pack_bin(p, a->proofs[n].sum, PROOF_BYTES);
	}
}

static void
roots_pack(struct pack *p, const struct answer_roots *a)
{
	assert(a->count <= ROOTS_SHOWN_MAX);
	pack_map(p, 1);
	pack_str(p, "roots");
	pack_array(p, a->count);
	for (uint32_t n = 0; n < a->count; n++) {
		const struct answer_root *r = &a->roots[n];

		pack_array(p, 5);
		pack_bin(p, r->root.bytes, ROOT_ID_BYTES);
		pack_bin(p, r->label, r->label_bytes);
		pack_bin(p, r->path, r->path_bytes);
		pack_bool(p, r->online);
		pack_uint(p, r->free_bytes);
	}
}

static void
pack_request(struct pack *p, const struct answer_request *r)
{
	pack_array(p, 8);
	pack_uint(p, r->number);
	pack_node_id(p, &r->node);
	pack_str(p, r->node_name);
	question_pack_photo_id(p, &r->photo);
	pack_bin(p, r->name, r->name_bytes);
	pack_uint(p, r->state);
	pack_int(p, r->at_ms);
	pack_int(p, r->until_ms);
}

static void
requests_pack(struct pack *p, const struct answer_requests *a)
{
	assert(a->count <= CONSENT_WAITING_MAX);
	assert(a->rule_count <= CONSENT_RULES_MAX);
	pack_map(p, 3);
	pack_str(p, "requests");
	pack_array(p, a->count);
	for (uint32_t n = 0; n < a->count; n++)
		pack_request(p, &a->requests[n]);
	pack_str(p, "rules");
	pack_array(p, a->rule_count);
	for (uint32_t n = 0; n < a->rule_count; n++) {
		pack_array(p, 3);
		pack_node_id(p, &a->rules[n].node);
		pack_str(p, a->rules[n].node_name);
		pack_bool(p, a->rules[n].allow);
	}
	pack_key_uint(p, "share", a->share);
}

static void
decide_pack(struct pack *p, const struct question_decide *q)
{
	pack_map(p, 3);
	pack_key_str(p, "what", q->what);
	pack_key_bool(p, "allow", q->allow);
	pack_key_bool(p, "always", q->always);
}

bool
question_pack_transfer(struct pack *p, const struct question *q)
{
	switch (q->type) {
	case CLIENT_GET:
		get_pack(p, &q->u.get);
		return true;
	case CLIENT_GETTING:
		getting_pack(p, &q->u.getting);
		return true;
	case CLIENT_GOT:
		got_pack(p, &q->u.got);
		return true;
	case CLIENT_HAVE:
		have_pack(p, &q->u.have);
		return true;
	case CLIENT_HOLDINGS:
		holdings_pack(p, &q->u.holdings);
		return true;
	case CLIENT_PROVE_HELD:
		prove_pack(p, &q->u.prove);
		return true;
	case CLIENT_PROOFS:
		proofs_pack(p, &q->u.proofs);
		return true;
	case CLIENT_ROOTS:
	case CLIENT_REQUESTS:
		pack_map(p, 0);
		return true;
	case CLIENT_ROOT_LIST:
		roots_pack(p, &q->u.roots);
		return true;
	case CLIENT_REQUEST_LIST:
		requests_pack(p, &q->u.requests);
		return true;
	case CLIENT_DECIDE:
		decide_pack(p, &q->u.decide);
		return true;
	case CLIENT_DECIDED:
		pack_map(p, 1);
		pack_key_uint(p, "count", q->u.decided);
		return true;
	}
	return false;
}
