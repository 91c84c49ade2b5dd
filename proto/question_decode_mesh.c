/*
 * question_decode_mesh.c: answers about the mesh itself, out of bytes.
 *
 * PEER_LIST, STATUS_IS and TABLE: who is there, how this daemon fares, and who
 * holds what of whom.
 */
#include "question_private.h"

/* ---- PEER_LIST and STATUS_IS ------------------------------------------- */

static bool
read_peer(const msgpack_object *o, struct answer_peer *out)
{
	const msgpack_object *node;
	struct fields f;

	fields_init(&f, o);
	node = fields_find(&f, "node");
	if (node == NULL || !question_read_node(node, &out->node))
		return false;
	out->state = (uint32_t)fields_uint(&f, "state", PEER_LEFT);
	out->self = fields_bool(&f, "self");
	out->coordinator = fields_bool(&f, "coordinator");
	fields_node_id(&f, "follows", &out->follows);
	out->follows_port = (uint16_t)fields_uint(&f, "follows_port",
						  UINT16_MAX);
	out->photos = fields_uint(&f, "photos", UINT64_MAX);
	out->copies = fields_uint(&f, "copies", UINT64_MAX);
	out->bytes = fields_uint(&f, "bytes", UINT64_MAX);
	out->generation = fields_uint(&f, "generation", GENERATION_MAX);
	out->head = fields_uint(&f, "head", SEQ_MAX);
	return !f.broken;
}

void
question_read_peers(struct question_decoder *d, struct answer_peers *out)
{
	const msgpack_object_array *peers;
	struct answer_peer *list;

	peers = fields_array(&d->fields, "peers", MESH_KNOWN_MAX);
	if (peers == NULL ||
	    (list = question_list(d, peers->size, sizeof(*list))) == NULL)
		return;
	for (uint32_t n = 0; n < peers->size; n++)
		if (!read_peer(&peers->ptr[n], &list[n])) {
			d->fields.broken = true;
			return;
		}
	out->count = peers->size;
	out->peers = list;
}

void
question_read_status(struct fields *f, struct answer_status *out)
{
	fields_node_id(f, "node", &out->node);
	fields_str(f, "name", out->name, SHOWN_NAME_MAX);
	out->port = (uint16_t)fields_uint(f, "port", UINT16_MAX);
	fields_node_id(f, "coordinator", &out->coordinator);
	out->coordinator_port =
		(uint16_t)fields_uint(f, "coordinator_port", UINT16_MAX);
	fields_str(f, "coordinator_name", out->coordinator_name,
		   SHOWN_NAME_MAX);
	out->nodes = (uint32_t)fields_uint(f, "nodes", UINT32_MAX);
	out->live = (uint32_t)fields_uint(f, "live", UINT32_MAX);
	out->photos = fields_uint(f, "photos", UINT64_MAX);
	out->copies = fields_uint(f, "copies", UINT64_MAX);
	out->bytes = fields_uint(f, "bytes", UINT64_MAX);
	out->unique_bytes = fields_uint(f, "unique_bytes", UINT64_MAX);
	out->scan = (uint32_t)fields_uint(f, "scan", 2);
	out->files = fields_uint(f, "files", UINT64_MAX);
	out->scanned_bytes = fields_uint(f, "scanned_bytes", UINT64_MAX);
	out->total_files = fields_uint(f, "total_files", UINT64_MAX);
	out->total_bytes = fields_uint(f, "total_bytes", UINT64_MAX);
	out->eta_ms = fields_uint_or(f, "eta", UINT64_MAX, 0);
	out->read_files = fields_uint_or(f, "read_files", UINT64_MAX, 0);
	out->read_bytes = fields_uint_or(f, "read_bytes", UINT64_MAX, 0);
	out->synced = fields_bool(f, "synced");
	out->known_meta = fields_uint_or(f, "known_meta", UINT64_MAX, 0);
	out->thumbs = fields_uint_or(f, "thumbs", UINT64_MAX, 0);
	out->thumbs_made = fields_uint_or(f, "thumbs_made", UINT64_MAX, 0);
	question_read_fresh(f, &out->fresh);
}

/* ---- TABLE ------------------------------------------------------------- */

static void
items_digest(struct items *i, struct digest *out)
{
	uint8_t bytes[DIGEST_BYTES] = {0};

	items_bin_exact(i, bytes, sizeof(bytes));
	digest_unpack(bytes, out);
}

static bool
read_stream(const msgpack_object *o, struct answer_stream *out)
{
	struct items i;

	items_init(&i, o, 11);
	items_node_id(&i, &out->stream);
	items_str(&i, out->stream_name, SHOWN_NAME_MAX);
	items_node_id(&i, &out->at);
	items_str(&i, out->at_name, SHOWN_NAME_MAX);
	out->generation = items_uint(&i, GENERATION_MAX);
	out->point.base = items_uint(&i, SEQ_MAX);
	out->point.cursor = items_uint(&i, SEQ_MAX);
	out->at_head = items_bool(&i);
	out->rows = items_uint(&i, UINT64_MAX);
	items_digest(&i, &out->digest);
	out->equal = items_bool(&i);
	return !i.broken;
}

static bool
read_merged(const msgpack_object *o, struct answer_merged *out)
{
	struct items i;

	items_init(&i, o, 5);
	items_node_id(&i, &out->at);
	items_str(&i, out->at_name, SHOWN_NAME_MAX);
	out->photos = items_uint(&i, UINT64_MAX);
	items_digest(&i, &out->digest);
	out->equal = items_bool(&i);
	return !i.broken;
}

static const struct answer_name *
names_read(struct question_decoder *d, const char *key, uint32_t *count)
{
	const msgpack_object_array *names;
	struct answer_name *list;

	names = fields_array(&d->fields, key, MESH_KNOWN_MAX);
	if (names == NULL ||
	    (list = question_list(d, names->size, sizeof(*list))) == NULL)
		return NULL;
	for (uint32_t n = 0; n < names->size; n++) {
		struct items i;

		items_init(&i, &names->ptr[n], 2);
		items_node_id(&i, &list[n].node);
		items_str(&i, list[n].name, SHOWN_NAME_MAX);
		if (i.broken) {
			d->fields.broken = true;
			return NULL;
		}
	}
	*count = names->size;
	return list;
}

void
question_read_table(struct question_decoder *d, struct answer_table *out)
{
	struct fields *f = &d->fields;
	const msgpack_object_array *rows, *merged;
	struct answer_stream *row_list;
	struct answer_merged *merged_list;

	rows = fields_array(f, "rows", TABLE_ROWS_MAX);
	merged = fields_array(f, "merged", MESH_LIVE_MAX);
	out->left_out = (uint32_t)fields_uint_or(f, "left_out", UINT32_MAX, 0);
	if (f->broken)
		return;
	row_list = question_list(d, rows->size, sizeof(*row_list));
	merged_list = question_list(d, merged->size, sizeof(*merged_list));
	if (f->broken)
		return;
	for (uint32_t n = 0; n < rows->size; n++)
		f->broken |= !read_stream(&rows->ptr[n], &row_list[n]);
	for (uint32_t n = 0; n < merged->size; n++)
		f->broken |= !read_merged(&merged->ptr[n], &merged_list[n]);
	out->row_count = rows->size;
	out->rows = row_list;
	out->merged_count = merged->size;
	out->merged = merged_list;
	out->silent = names_read(d, "silent", &out->silent_count);
	out->absent = names_read(d, "absent", &out->absent_count);
}
