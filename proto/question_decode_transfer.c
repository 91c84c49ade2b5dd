/*
 * question_decode_transfer.c: the questions about moving photos, and their
 * answers, out of bytes.
 *
 * Every list has a bound of its own, and the fullest lawful answer fits into
 * one frame, so nothing here is paged.  A HAVE is bounded by what a client may
 * send before its count is: heads are as long as the client likes.
 */
#include "question_private.h"

/* ---- parts ------------------------------------------------------------- */

static void
read_photo_id(struct fields *f, struct photo_id *out)
{
	uint8_t id[PHOTO_ID_BYTES] = {0};

	fields_bin_exact(f, "photo", id, sizeof(id));
	photo_id_unpack(id, out);
}

static void
items_photo_id(struct items *i, struct photo_id *out)
{
	uint8_t id[PHOTO_ID_BYTES] = {0};

	items_bin_exact(i, id, sizeof(id));
	photo_id_unpack(id, out);
}

/*
 * The array under `key` of at most max items, each put by `read` into an item
 * of the list that is returned; NULL when anything of it is not lawful.
 */
typedef bool read_item(const msgpack_object *o, void *out);

static const void *
read_list(struct question_decoder *d, const char *key, uint32_t max,
	  size_t item_bytes, read_item *read, uint32_t *count)
{
	const msgpack_object_array *array =
		fields_array(&d->fields, key, max);
	uint8_t *list;

	if (d->fields.broken ||
	    (list = question_list(d, array->size, item_bytes)) == NULL)
		return NULL;
	for (uint32_t n = 0; n < array->size; n++)
		if (!read(&array->ptr[n], list + n * item_bytes)) {
			d->fields.broken = true;
			return NULL;
		}
	*count = array->size;
	return list;
}

static bool
read_node(const msgpack_object *o, void *out)
{
	return question_read_node(o, out);
}

/* ---- GET --------------------------------------------------------------- */

static void
get_read(struct fields *f, struct question_get *out)
{
	read_photo_id(f, &out->photo);
	out->offset = fields_uint_or(f, "offset", UINT64_MAX, 0);
	out->length = fields_uint_or(f, "length", GET_RANGE_BYTES_MAX, 0);
}

static void
getting_read(struct fields *f, struct answer_getting *out)
{
	out->bytes = fields_uint(f, "bytes", UINT64_MAX);
	out->total = fields_uint(f, "total", UINT64_MAX);
	out->fetched = fields_uint(f, "fetched", UINT64_MAX);
	out->state = (uint32_t)fields_uint(f, "state", UINT32_MAX);
	fields_node_id(f, "node", &out->node);
	fields_str(f, "name", out->name, SHOWN_NAME_MAX);
}

static void
got_read(struct fields *f, struct answer_got *out)
{
	out->bytes = fields_uint(f, "bytes", UINT64_MAX);
	out->fetched = fields_uint(f, "fetched", UINT64_MAX);
	out->resumed = fields_uint(f, "resumed", UINT64_MAX);
	fields_node_id(f, "node", &out->node);
	fields_str(f, "name", out->name, SHOWN_NAME_MAX);
}

/* ---- HAVE, PROVE_HELD -------------------------------------------------- */

static bool
read_have_file(const msgpack_object *o, void *arg)
{
	struct have_file *out = arg;
	struct items i;

	items_init(&i, o, 2);
	items_photo_id(&i, &out->photo);
	out->head = items_bin(&i, HAVE_HEAD_BYTES_MAX, &out->head_bytes);
	return !i.broken;
}

static void
have_read(struct question_decoder *d, struct question_have *out)
{
	out->files = read_list(d, "files", HAVE_FILES_MAX,
			       sizeof(*out->files), read_have_file,
			       &out->count);
	if (out->count == 0)
		d->fields.broken = true;
}

static bool
read_holding(const msgpack_object *o, void *arg)
{
	struct holding *out = arg;
	const msgpack_object *holders;
	struct items i, h;

	items_init(&i, o, 3);
	items_str(&i, out->type, MEDIA_TYPE_MAX);
	out->known = items_bool(&i);
	holders = items_object(&i);
	if (i.broken)
		return false;
	items_init(&h, holders, 0);
	if (h.broken || h.array->size > MESH_LIVE_MAX)
		return false;
	out->holder_count = h.array->size;
	for (uint32_t n = 0; n < out->holder_count; n++)
		out->holders[n] = (uint32_t)items_uint(&h, MESH_KNOWN_MAX - 1);
	return !h.broken;
}

/* Indexes of nodes that are there, each once. */
static bool
holders_lawful(const struct holding *h, uint32_t node_count)
{
	bool named[MESH_KNOWN_MAX] = {false};

	for (uint32_t n = 0; n < h->holder_count; n++) {
		if (h->holders[n] >= node_count || named[h->holders[n]])
			return false;
		named[h->holders[n]] = true;
	}
	return true;
}

static void
holdings_read(struct question_decoder *d, struct answer_holdings *out)
{
	question_read_fresh(&d->fields, &out->fresh);
	out->nodes = read_list(d, "nodes", MESH_KNOWN_MAX, sizeof(*out->nodes),
			       read_node, &out->node_count);
	out->files = read_list(d, "files", HAVE_FILES_MAX, sizeof(*out->files),
			       read_holding, &out->count);
	for (uint32_t n = 0; n < out->count; n++)
		if (!holders_lawful(&out->files[n], out->node_count))
			d->fields.broken = true;
}

static bool
read_proof(const msgpack_object *o, void *arg)
{
	struct answer_proof *out = arg;
	const msgpack_object *node;
	struct items i;

	items_init(&i, o, 3);
	node = items_object(&i);
	out->code = (uint32_t)items_uint(&i, UINT32_MAX);
	items_bin_exact(&i, out->sum, sizeof(out->sum));
	return !i.broken && question_read_node(node, &out->node);
}

/* ---- ROOTS, REQUESTS, DECIDE ------------------------------------------- */

static bool
read_root(const msgpack_object *o, void *arg)
{
	struct answer_root *out = arg;
	struct items i;

	items_init(&i, o, 5);
	items_bin_exact(&i, out->root.bytes, ROOT_ID_BYTES);
	out->label = items_bin(&i, LABEL_BYTES_MAX, &out->label_bytes);
	out->path = items_bin(&i, PATH_BYTES_MAX, &out->path_bytes);
	out->online = items_bool(&i);
	out->free_bytes = items_uint(&i, UINT64_MAX);
	return !i.broken;
}

static bool
read_request(const msgpack_object *o, void *arg)
{
	struct answer_request *out = arg;
	struct items i;

	items_init(&i, o, 8);
	out->number = items_uint(&i, UINT64_MAX);
	items_node_id(&i, &out->node);
	items_str(&i, out->node_name, SHOWN_NAME_MAX);
	items_photo_id(&i, &out->photo);
	out->name = items_bin(&i, 255, &out->name_bytes);
	out->state = (uint32_t)items_uint(&i, UINT32_MAX);
	out->at_ms = items_int(&i);
	out->until_ms = items_int(&i);
	return !i.broken;
}

static bool
read_rule(const msgpack_object *o, void *arg)
{
	struct answer_rule *out = arg;
	struct items i;

	items_init(&i, o, 3);
	items_node_id(&i, &out->node);
	items_str(&i, out->node_name, SHOWN_NAME_MAX);
	out->allow = items_bool(&i);
	return !i.broken;
}

static void
requests_read(struct question_decoder *d, struct answer_requests *out)
{
	out->share = (uint32_t)fields_uint(&d->fields, "share", UINT32_MAX);
	out->requests = read_list(d, "requests", CONSENT_WAITING_MAX,
				  sizeof(*out->requests), read_request,
				  &out->count);
	out->rules = read_list(d, "rules", CONSENT_RULES_MAX,
			       sizeof(*out->rules), read_rule,
			       &out->rule_count);
}

bool
question_read_transfer(struct question_decoder *d, struct question *out)
{
	struct fields *f = &d->fields;

	switch (out->type) {
	case CLIENT_GET:
		get_read(f, &out->u.get);
		return true;
	case CLIENT_GETTING:
		getting_read(f, &out->u.getting);
		return true;
	case CLIENT_GOT:
		got_read(f, &out->u.got);
		return true;
	case CLIENT_HAVE:
		have_read(d, &out->u.have);
		return true;
	case CLIENT_HOLDINGS:
		holdings_read(d, &out->u.holdings);
		return true;
	case CLIENT_PROVE_HELD:
		read_photo_id(f, &out->u.prove.photo);
		fields_bin_exact(f, "nonce", out->u.prove.nonce,
				 PROOF_NONCE_BYTES);
		return true;
	case CLIENT_PROOFS:
		out->u.proofs.proofs =
			read_list(d, "proofs", MESH_LIVE_MAX,
				  sizeof(*out->u.proofs.proofs), read_proof,
				  &out->u.proofs.count);
		return true;
	case CLIENT_ROOTS:
	case CLIENT_REQUESTS:
		return true;
	case CLIENT_ROOT_LIST:
		out->u.roots.roots =
			read_list(d, "roots", ROOTS_SHOWN_MAX,
				  sizeof(*out->u.roots.roots), read_root,
				  &out->u.roots.count);
		return true;
	case CLIENT_REQUEST_LIST:
		requests_read(d, &out->u.requests);
		return true;
	case CLIENT_DECIDE:
		fields_str(f, "what", out->u.decide.what, SHOWN_NAME_MAX);
		out->u.decide.allow = fields_bool(f, "allow");
		out->u.decide.always = fields_bool_or(f, "always", false);
		return true;
	case CLIENT_DECIDED:
		out->u.decided = fields_uint(f, "count", UINT64_MAX);
		return true;
	}
	return false;
}
