/*
 * question_decode_photos.c: PHOTOS, the page of a list, out of bytes.
 *
 * Nodes are named once and copies refer to them by index, which must be that
 * of a node; the copies of all photos share one list, so that a page costs
 * three allocations however many photos it holds.
 */
#include "question_private.h"

static bool
read_copy(const msgpack_object *o, uint32_t node_count, struct answer_copy *out)
{
	struct items i;

	items_init(&i, o, 5);
	out->node = (uint32_t)items_uint(&i, UINT32_MAX);
	out->label = items_bin(&i, LABEL_BYTES_MAX, &out->label_bytes);
	out->path = items_bin(&i, PATH_BYTES_MAX, &out->path_bytes);
	out->mtime_ns = items_int(&i);
	out->online = items_bool(&i);
	return !i.broken && out->node < node_count;
}

/* A number or nil: 0. */
static uint32_t
items_uint_or_nil(struct items *i)
{
	const msgpack_object *o = items_object(i);

	if (o == NULL || o->type == MSGPACK_OBJECT_NIL)
		return 0;
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    o->via.u64 > UINT32_MAX) {
		i->broken = true;
		return 0;
	}
	return (uint32_t)o->via.u64;
}

/* What stands behind the copies. */
static bool
read_dated(struct items *i, struct answer_photo *out)
{
	const msgpack_object *meta;

	out->date_ms = items_int(i);
	out->dated = (uint8_t)items_uint(i, UINT8_MAX);
	meta = items_object(i);
	if (i->broken)
		return false;
	if (meta->type == MSGPACK_OBJECT_NIL)
		return true;
	if (meta->type != MSGPACK_OBJECT_BIN ||
	    meta->via.bin.size > RECORD_BYTES_MAX)
		return false;
	out->meta = (const uint8_t *)meta->via.bin.ptr;
	out->meta_bytes = meta->via.bin.size;
	return true;
}

/* Everything but the copies, of which `copies` becomes the array. */
static bool
read_photo(const msgpack_object *o, struct answer_photo *out,
	   const msgpack_object_array **copies)
{
	uint8_t id[PHOTO_ID_BYTES] = {0};
	const msgpack_object *rows;
	struct items i;

	items_init(&i, o, 10);
	items_bin_exact(&i, id, sizeof(id));
	photo_id_unpack(id, &out->id);
	items_str(&i, out->type, MEDIA_TYPE_MAX);
	out->name = items_bin(&i, PATH_BYTES_MAX, &out->name_bytes);
	out->mtime_ns = items_int(&i);
	out->added_ms = items_int(&i);
	out->copies = (uint32_t)items_uint(&i, UINT32_MAX);
	if (i.broken)
		return false;
	if (i.array->ptr[i.next].type == MSGPACK_OBJECT_NIL)
		i.next++;
	else
		items_str(&i, out->taken, sizeof(out->taken) - 1);
	out->width = items_uint_or_nil(&i);
	out->height = items_uint_or_nil(&i);
	rows = items_object(&i);
	if (i.broken || rows->type != MSGPACK_OBJECT_ARRAY ||
	    rows->via.array.size > COPIES_SHOWN_MAX)
		return false;
	*copies = &rows->via.array;
	if (i.array->size > i.next)
		return read_dated(&i, out);
	out->date_ms = out->mtime_ns / 1000000;
	return true;
}

/* How many copies all photos name, for one list of them. */
static uint32_t
count_copies(const msgpack_object_array *photos)
{
	uint32_t count = 0; /* bounded by the items of the walk */

	for (uint32_t n = 0; n < photos->size; n++) {
		const msgpack_object *o = &photos->ptr[n];

		if (o->type == MSGPACK_OBJECT_ARRAY &&
		    o->via.array.size >= 10 &&
		    o->via.array.ptr[9].type == MSGPACK_OBJECT_ARRAY)
			count += o->via.array.ptr[9].via.array.size;
	}
	return count;
}

static void
photo_list_read(struct question_decoder *d, const msgpack_object_array *photos,
		struct answer_photos *out)
{
	struct answer_photo *list =
		question_list(d, photos->size, sizeof(*list));
	struct answer_copy *copy =
		question_list(d, count_copies(photos), sizeof(*copy));

	if (list == NULL || copy == NULL)
		return;
	for (uint32_t n = 0; n < photos->size; n++) {
		const msgpack_object_array *rows = NULL;

		if (!read_photo(&photos->ptr[n], &list[n], &rows)) {
			d->fields.broken = true;
			return;
		}
		list[n].rows = copy;
		list[n].copy_count = rows->size;
		for (uint32_t m = 0; m < rows->size; m++, copy++)
			if (!read_copy(&rows->ptr[m], out->node_count, copy)) {
				d->fields.broken = true;
				return;
			}
	}
	out->photo_count = photos->size;
	out->photos = list;
}

void
question_read_photos(struct question_decoder *d, struct answer_photos *out)
{
	struct fields *f = &d->fields;
	const msgpack_object_array *nodes, *photos;
	struct answer_node *list;

	question_read_fresh(f, &out->fresh);
	out->ambiguous = fields_bool(f, "ambiguous");
	if (fields_find(f, "after") != NULL)
		out->after = fields_bin(f, "after", CURSOR_BYTES_MAX,
					&out->after_bytes);
	out->has_wasted = fields_find(f, "wasted") != NULL;
	out->wasted_bytes = fields_uint_or(f, "wasted", UINT64_MAX, 0);
	nodes = fields_array(f, "nodes", MESH_KNOWN_MAX);
	photos = fields_array(f, "photos", LIST_PAGE_MAX);
	if (f->broken ||
	    (list = question_list(d, nodes->size, sizeof(*list))) == NULL)
		return;
	for (uint32_t n = 0; n < nodes->size; n++)
		if (!question_read_node(&nodes->ptr[n], &list[n])) {
			f->broken = true;
			return;
		}
	out->node_count = nodes->size;
	out->nodes = list;
	photo_list_read(d, photos, out);
}
