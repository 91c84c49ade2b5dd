/*
 * question_decode.c: questions and answers out of bytes, strictly.
 *
 * The envelope, the decoder with its lists, and the types that are one flat
 * map; PHOTOS is question_decode_photos.c's, the mesh question_decode_mesh.c's,
 * moving photos question_decode_transfer.c's.
 * The body has been walked before anything is allocated, so an array's count
 * is one that its bytes could pay for.  Lists are allocated by that count and
 * kept until the next decode.
 */
#include "question_private.h"

#include <stdlib.h>
#include <string.h>

#include "walk.h"

static const struct walk_limits question_limits = {
	WALK_DEPTH_MAX, WALK_ITEMS_MAX, WALK_STR_MAX};
static const struct walk_limits answer_limits = {
	WALK_DEPTH_MAX, QUESTION_ITEMS_MAX, WALK_STR_MAX};

struct question_decoder *
question_decoder_new(void)
{
	struct question_decoder *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	if ((d->unpack = unpack_new()) == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

static void
drop_lists(struct question_decoder *d)
{
	while (d->list_count > 0)
		free(d->lists[--d->list_count]);
}

void
question_decoder_free(struct question_decoder *d)
{
	if (d == NULL)
		return;
	drop_lists(d);
	unpack_free(d->unpack);
	free(d);
}

void *
question_list(struct question_decoder *d, uint32_t count, size_t item_bytes)
{
	void *list = calloc(count == 0 ? 1 : count, item_bytes);

	if (list == NULL || d->list_count == LISTS_MAX) {
		free(list);
		d->fields.broken = true;
		return NULL;
	}
	d->lists[d->list_count++] = list;
	return list;
}

/* ---- parts ------------------------------------------------------------- */

bool
question_read_node(const msgpack_object *o, struct answer_node *out)
{
	struct items i;

	items_init(&i, o, 6);
	items_node_id(&i, &out->node);
	items_str(&i, out->name, SHOWN_NAME_MAX);
	out->port = (uint16_t)items_uint(&i, UINT16_MAX);
	out->online = items_bool(&i);
	out->last_seen_ms = items_int(&i);
	items_bin_exact(&i, out->host.bytes, HOST_ID_BYTES);
	return !i.broken;
}

void
question_read_fresh(struct fields *f, struct answer_fresh *out)
{
	out->complete = fields_bool(f, "complete");
	out->oldest_age_ms = fields_uint(f, "age", UINT64_MAX);
	out->scanning = fields_bool(f, "scanning");
	out->syncing = fields_bool(f, "syncing");
}

void
question_read_page(struct fields *f, uint32_t *limit, uint8_t *after,
		   size_t after_max, size_t *after_bytes)
{
	const uint8_t *bytes;

	*limit = (uint32_t)fields_uint(f, "limit", LIST_PAGE_MAX);
	if (*limit == 0)
		f->broken = true;
	if (fields_find(f, "after") == NULL)
		return;
	bytes = fields_bin(f, "after", after_max, after_bytes);
	if (!f->broken && *after_bytes > 0)
		memcpy(after, bytes, *after_bytes);
}

/* ---- questions --------------------------------------------------------- */

static void
hello_read(struct fields *f, struct question_hello *out)
{
	out->version_min = (uint32_t)fields_uint(f, "vmin", UINT32_MAX);
	out->version_max = (uint32_t)fields_uint(f, "vmax", UINT32_MAX);
	fields_str_or_empty(f, "soft", out->software,
			    sizeof(out->software) - 1);
	if (out->version_min > out->version_max)
		f->broken = true;
}

void
question_read_zones(struct fields *f, struct question_list *out)
{
	const msgpack_object *zones = fields_find(f, "zones");
	struct items i;

	if (zones == NULL)
		return;
	items_init(&i, zones, 0);
	if (i.broken || i.array->size > QUERY_DAYS_MAX) {
		f->broken = true;
		return;
	}
	for (uint32_t n = 0; n < i.array->size; n++) {
		int64_t zone = items_int(&i);

		if (i.broken || zone > (int64_t)QUERY_ZONE_S_MAX ||
		    zone < -(int64_t)QUERY_ZONE_S_MAX) {
			f->broken = true;
			return;
		}
		out->zones[n] = (int32_t)zone;
	}
	out->zone_count = i.array->size;
}

static void
list_read(struct fields *f, struct question_list *out)
{
	fields_str_or_empty(f, "text", out->text, QUERY_BYTES_MAX);
	fields_str_or_empty(f, "node", out->node, SHOWN_NAME_MAX);
	out->sort = (uint32_t)fields_uint_or(f, "sort", 3, 0);
	out->reverse = fields_bool_or(f, "reverse", false);
	question_read_zones(f, out);
	question_read_page(f, &out->limit, out->after, CURSOR_BYTES_MAX,
			   &out->after_bytes);
}

/* ---- answers ----------------------------------------------------------- */

static void
welcome_read(struct fields *f, struct answer_welcome *out)
{
	out->version = (uint32_t)fields_uint(f, "version", UINT32_MAX);
	fields_node_id(f, "node", &out->node);
	fields_str(f, "name", out->name, NODE_NAME_BYTES_MAX);
	out->port = (uint16_t)fields_uint(f, "port", UINT16_MAX);
	fields_str_or_empty(f, "soft", out->software,
			    sizeof(out->software) - 1);
}

static void
event_photo_name_read(struct fields *f, struct answer_event *out)
{
	const uint8_t *name;
	size_t count;

	if (fields_find(f, "photo_name") == NULL)
		return;
	name = fields_bin(f, "photo_name", sizeof(out->photo_name) - 1, &count);
	if (f->broken)
		return;
	if (memchr(name, '\0', count) != NULL) {
		f->broken = true;
		return;
	}
	memcpy(out->photo_name, name, count);
}

static void
event_read(struct fields *f, struct answer_event *out)
{
	fields_str(f, "event", out->event, EVENT_NAME_MAX);
	if ((out->has_node = fields_find(f, "node") != NULL)) {
		fields_node_id(f, "node", &out->node);
		fields_str(f, "name", out->name, SHOWN_NAME_MAX);
		out->port = (uint16_t)fields_uint(f, "port", UINT16_MAX);
	}
	if ((out->has_was = fields_find(f, "was") != NULL)) {
		fields_node_id(f, "was", &out->was);
		out->was_port = (uint16_t)fields_uint(f, "was_port",
						      UINT16_MAX);
	}
	if ((out->has_photo = fields_find(f, "photo") != NULL)) {
		uint8_t id[PHOTO_ID_BYTES];

		fields_bin_exact(f, "photo", id, sizeof(id));
		photo_id_unpack(id, &out->photo);
	}
	event_photo_name_read(f, out);
	out->count = fields_uint_or(f, "count", UINT64_MAX, 0);
	out->at_ms = fields_int(f, "at");
}

static void
progress_read(struct fields *f, struct answer_progress *out)
{
	out->files = fields_uint(f, "files", UINT64_MAX);
	out->total_files = fields_uint(f, "total_files", UINT64_MAX);
	out->bytes = fields_uint(f, "bytes", UINT64_MAX);
	out->total_bytes = fields_uint(f, "total_bytes", UINT64_MAX);
	out->eta_ms = fields_uint_or(f, "eta", UINT64_MAX, 0);
}

static void
looked_read(struct fields *f, struct answer_looked *out)
{
	if (fields_find(f, "meta") != NULL)
		out->meta = fields_bin(f, "meta", RECORD_BYTES_MAX,
				       &out->meta_bytes);
}

/* ---- the envelope ------------------------------------------------------ */

/* What is asked, and DONE.  False: none of these. */
static bool
asked_read(struct question_decoder *d, struct question *out)
{
	struct fields *f = &d->fields;

	switch (out->type) {
	case CLIENT_HELLO:
		hello_read(f, &out->u.hello);
		return true;
	case CLIENT_LIST:
		list_read(f, &out->u.list);
		return true;
	case CLIENT_SHOW:
		fields_str(f, "id", out->u.show.id,
			   sizeof(out->u.show.id) - 1);
		return true;
	case CLIENT_PEERS:
	case CLIENT_STATUS:
	case CLIENT_WATCH:
	case CLIENT_VERIFY:
	case CLIENT_LOOK:
	case CLIENT_DONE:
	case CLIENT_LEAVE:
		return true;
	case CLIENT_RESCAN:
		out->u.rescan.accept_missing =
			fields_bool_or(f, "accept_missing", false);
		return true;
	case CLIENT_DUPES:
		question_read_page(f, &out->u.dupes.limit, out->u.dupes.after,
				   CURSOR_BYTES_MAX, &out->u.dupes.after_bytes);
		return true;
	case CLIENT_THUMB:
		question_read_ask_thumb(f, &out->u.thumb);
		return true;
	case CLIENT_TIMELINE:
		question_read_ask_timeline(f, &out->u.timeline);
		return true;
	case CLIENT_PROBLEMS:
		question_read_ask_problems(f, &out->u.asked_problems);
		return true;
	case CLIENT_FORGET:
		question_read_ask_forget(f, &out->u.forget);
		return true;
	}
	return false;
}

/* What is answered to it.  False: none of these. */
static bool
said_read(struct question_decoder *d, struct question *out)
{
	struct fields *f = &d->fields;

	switch (out->type) {
	case CLIENT_WELCOME:
		welcome_read(f, &out->u.welcome);
		return true;
	case CLIENT_PHOTOS:
		question_read_photos(d, &out->u.photos);
		return true;
	case CLIENT_LOOKED:
		looked_read(f, &out->u.looked);
		return true;
	case CLIENT_THUMB_IS:
		question_read_thumb(f, &out->u.thumb_is);
		return true;
	case CLIENT_TIMES:
		question_read_timeline(d, &out->u.times);
		return true;
	case CLIENT_PROBLEM_LIST:
		question_read_problems(d, &out->u.problems);
		return true;
	case CLIENT_FORGET_IS:
		question_read_forget(f, &out->u.forgotten);
		return true;
	case CLIENT_PEER_LIST:
		question_read_peers(d, &out->u.peers);
		return true;
	case CLIENT_STATUS_IS:
		question_read_status(f, &out->u.status);
		return true;
	case CLIENT_EVENT:
		event_read(f, &out->u.event);
		return true;
	case CLIENT_TABLE:
		question_read_table(d, &out->u.table);
		return true;
	case CLIENT_PROGRESS:
		progress_read(f, &out->u.progress);
		return true;
	case MESSAGE_ERROR:
		out->u.error.code = (uint32_t)fields_uint(f, "code",
							  UINT32_MAX);
		fields_str_or_empty(f, "text", out->u.error.text,
				    REASON_BYTES_MAX);
		return true;
	}
	return false;
}

/* False when there is no such type. */
static bool
map_read(struct question_decoder *d, struct question *out)
{
	return asked_read(d, out) || said_read(d, out) ||
	       question_read_transfer(d, out);
}

static enum message_verdict
broken(const char **why, const char *text)
{
	if (why != NULL)
		*why = text;
	return MESSAGE_BROKEN;
}

enum message_verdict
question_decode(struct question_decoder *d, const uint8_t *body,
		size_t body_bytes, struct question *out, const char **why)
{
	const msgpack_object *o, *map;

	drop_lists(d);
	memset(out, 0, sizeof(*out));
	if (body_bytes > ANSWER_BODY_BYTES_MAX)
		return broken(why, "body too long");
	o = unpack_body(d->unpack, body, body_bytes,
			body_bytes <= CLIENT_BODY_BYTES_MAX ? &question_limits
							    : &answer_limits,
			why);
	if (o == NULL)
		return MESSAGE_BROKEN;
	if (!unpack_envelope(o, &out->type, &out->request, &map))
		return broken(why, "no [type, request, map]");
	fields_init(&d->fields, map);
	if (d->fields.broken)
		return broken(why, "map not lawful");
	if (!map_read(d, out))
		return MESSAGE_UNKNOWN;
	if (d->fields.broken)
		return broken(why, "field missing or out of bounds");
	return MESSAGE_OK;
}
