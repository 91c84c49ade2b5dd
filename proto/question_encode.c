/*
 * question_encode.c: packing questions and answers into frames.
 *
 * One small function per type.  Lists that could outgrow a frame are bounded
 * before they are packed; only PHOTOS is filled until it is full, by
 * question_encode_photos.c.
 */
#include "question_private.h"

#include <assert.h>
#include <string.h>

/* ---- parts ------------------------------------------------------------- */

static void
pack_node_id(struct pack *p, const struct node_id *id)
{
	pack_bin(p, id->bytes, NODE_ID_BYTES);
}

static void
pack_key_node(struct pack *p, const char *key, const struct node_id *id)
{
	pack_key_bin(p, key, id->bytes, NODE_ID_BYTES);
}

static void
pack_digest(struct pack *p, const struct digest *d)
{
	uint8_t bytes[DIGEST_BYTES];

	digest_pack(d, bytes);
	pack_bin(p, bytes, sizeof(bytes));
}

void
question_pack_photo_id(struct pack *p, const struct photo_id *id)
{
	uint8_t bytes[PHOTO_ID_BYTES];

	photo_id_pack(id, bytes);
	pack_bin(p, bytes, sizeof(bytes));
}

void
question_pack_node(struct pack *p, const struct answer_node *n)
{
	pack_array(p, 6);
	pack_node_id(p, &n->node);
	pack_str(p, n->name);
	pack_uint(p, n->port);
	pack_bool(p, n->online);
	pack_int(p, n->last_seen_ms);
	pack_bin(p, n->host.bytes, HOST_ID_BYTES);
}

void
question_pack_fresh(struct pack *p, const struct answer_fresh *f)
{
	pack_key_bool(p, "complete", f->complete);
	pack_key_uint(p, "age", f->oldest_age_ms);
	pack_key_bool(p, "scanning", f->scanning);
	pack_key_bool(p, "syncing", f->syncing);
}

/* ---- questions --------------------------------------------------------- */

static void
hello_pack(struct pack *p, const struct question_hello *h)
{
	pack_map(p, 3);
	pack_key_uint(p, "vmin", h->version_min);
	pack_key_uint(p, "vmax", h->version_max);
	pack_key_str(p, "soft", h->software);
}

void
question_pack_zones(struct pack *p, const struct question_list *l)
{
	if (l->zone_count == 0)
		return;
	pack_str(p, "zones");
	pack_array(p, l->zone_count);
	for (uint32_t i = 0; i < l->zone_count; i++)
		pack_int(p, l->zones[i]);
}

static void
list_pack(struct pack *p, const struct question_list *l)
{
	pack_map(p, 5u + (l->after_bytes != 0) + (l->zone_count != 0));
	pack_key_str(p, "text", l->text);
	pack_key_str(p, "node", l->node);
	pack_key_uint(p, "sort", l->sort);
	pack_key_bool(p, "reverse", l->reverse);
	pack_key_uint(p, "limit", l->limit);
	if (l->after_bytes != 0)
		pack_key_bin(p, "after", l->after, l->after_bytes);
	question_pack_zones(p, l);
}

static void
dupes_pack(struct pack *p, const struct question_dupes *d)
{
	pack_map(p, d->after_bytes == 0 ? 1 : 2);
	pack_key_uint(p, "limit", d->limit);
	if (d->after_bytes != 0)
		pack_key_bin(p, "after", d->after, d->after_bytes);
}

/* ---- answers ----------------------------------------------------------- */

static void
welcome_pack(struct pack *p, const struct answer_welcome *a)
{
	pack_map(p, 5);
	pack_key_uint(p, "version", a->version);
	pack_key_node(p, "node", &a->node);
	pack_key_str(p, "name", a->name);
	pack_key_uint(p, "port", a->port);
	pack_key_str(p, "soft", a->software);
}

static void
peers_pack(struct pack *p, const struct answer_peers *a)
{
	pack_map(p, 1);
	pack_str(p, "peers");
	pack_array(p, a->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct answer_peer *r = &a->peers[i];

		pack_map(p, 11);
		pack_str(p, "node");
		question_pack_node(p, &r->node);
		pack_key_uint(p, "state", r->state);
		pack_key_bool(p, "self", r->self);
		pack_key_bool(p, "coordinator", r->coordinator);
		pack_key_node(p, "follows", &r->follows);
		pack_key_uint(p, "follows_port", r->follows_port);
		pack_key_uint(p, "photos", r->photos);
		pack_key_uint(p, "copies", r->copies);
		pack_key_uint(p, "bytes", r->bytes);
		pack_key_uint(p, "generation", r->generation);
		pack_key_uint(p, "head", r->head);
	}
}

static void
status_pack(struct pack *p, const struct answer_status *s)
{
	pack_map(p, 24 + FRESH_PAIRS);
	pack_key_node(p, "node", &s->node);
	pack_key_str(p, "name", s->name);
	pack_key_uint(p, "port", s->port);
	pack_key_node(p, "coordinator", &s->coordinator);
	pack_key_uint(p, "coordinator_port", s->coordinator_port);
	pack_key_str(p, "coordinator_name", s->coordinator_name);
	pack_key_uint(p, "nodes", s->nodes);
	pack_key_uint(p, "live", s->live);
	pack_key_uint(p, "photos", s->photos);
	pack_key_uint(p, "copies", s->copies);
	pack_key_uint(p, "bytes", s->bytes);
	pack_key_uint(p, "unique_bytes", s->unique_bytes);
	pack_key_uint(p, "scan", s->scan);
	pack_key_uint(p, "files", s->files);
	pack_key_uint(p, "scanned_bytes", s->scanned_bytes);
	pack_key_uint(p, "total_files", s->total_files);
	pack_key_uint(p, "total_bytes", s->total_bytes);
	pack_key_uint(p, "eta", s->eta_ms);
	pack_key_uint(p, "read_files", s->read_files);
	pack_key_uint(p, "read_bytes", s->read_bytes);
	pack_key_bool(p, "synced", s->synced);
	pack_key_uint(p, "known_meta", s->known_meta);
	pack_key_uint(p, "thumbs", s->thumbs);
	pack_key_uint(p, "thumbs_made", s->thumbs_made);
	question_pack_fresh(p, &s->fresh);
}

static void
event_pack(struct pack *p, const struct answer_event *e)
{
	bool named = e->photo_name[0] != '\0';
	uint32_t pairs = 2;

	pairs += e->has_node ? 3 : 0;
	pairs += e->has_was ? 2 : 0;
	pairs += e->has_photo ? 1 : 0;
	pairs += named ? 1 : 0;
	pairs += e->count != 0 ? 1 : 0;
	pack_map(p, pairs);
	pack_key_str(p, "event", e->event);
	if (e->has_node) {
		pack_key_node(p, "node", &e->node);
		pack_key_str(p, "name", e->name);
		pack_key_uint(p, "port", e->port);
	}
	if (e->has_was) {
		pack_key_node(p, "was", &e->was);
		pack_key_uint(p, "was_port", e->was_port);
	}
	if (e->has_photo) {
		pack_str(p, "photo");
		question_pack_photo_id(p, &e->photo);
	}
	if (named)
		pack_key_bin(p, "photo_name", e->photo_name,
			     strlen(e->photo_name));
	if (e->count != 0)
		pack_key_uint(p, "count", e->count);
	pack_key_int(p, "at", e->at_ms);
}

static void
pack_key_names(struct pack *p, const char *key, const struct answer_name *names,
	       uint32_t count)
{
	pack_str(p, key);
	pack_array(p, count);
	for (uint32_t i = 0; i < count; i++) {
		pack_array(p, 2);
		pack_node_id(p, &names[i].node);
		pack_str(p, names[i].name);
	}
}

static void
stream_pack(struct pack *p, const struct answer_stream *r)
{
	pack_array(p, 11);
	pack_node_id(p, &r->stream);
	pack_str(p, r->stream_name);
	pack_node_id(p, &r->at);
	pack_str(p, r->at_name);
	pack_uint(p, r->generation);
	pack_uint(p, r->point.base);
	pack_uint(p, r->point.cursor);
	pack_bool(p, r->at_head);
	pack_uint(p, r->rows);
	pack_digest(p, &r->digest);
	pack_bool(p, r->equal);
}

static void
table_pack(struct pack *p, const struct answer_table *t)
{
	assert(t->row_count <= TABLE_ROWS_MAX);
	assert(t->merged_count <= MESH_LIVE_MAX);
	assert(t->silent_count <= MESH_KNOWN_MAX);
	assert(t->absent_count <= MESH_KNOWN_MAX);
	pack_map(p, 5);
	pack_str(p, "rows");
	pack_array(p, t->row_count);
	for (uint32_t i = 0; i < t->row_count; i++)
		stream_pack(p, &t->rows[i]);
	pack_key_uint(p, "left_out", t->left_out);
	pack_str(p, "merged");
	pack_array(p, t->merged_count);
	for (uint32_t i = 0; i < t->merged_count; i++) {
		const struct answer_merged *m = &t->merged[i];

		pack_array(p, 5);
		pack_node_id(p, &m->at);
		pack_str(p, m->at_name);
		pack_uint(p, m->photos);
		pack_digest(p, &m->digest);
		pack_bool(p, m->equal);
	}
	pack_key_names(p, "silent", t->silent, t->silent_count);
	pack_key_names(p, "absent", t->absent, t->absent_count);
}

static void
progress_pack(struct pack *p, const struct answer_progress *a)
{
	pack_map(p, 5);
	pack_key_uint(p, "files", a->files);
	pack_key_uint(p, "total_files", a->total_files);
	pack_key_uint(p, "bytes", a->bytes);
	pack_key_uint(p, "total_bytes", a->total_bytes);
	pack_key_uint(p, "eta", a->eta_ms);
}

static void
error_pack(struct pack *p, const struct message_error *e)
{
	pack_map(p, 2);
	pack_key_uint(p, "code", e->code);
	pack_key_str(p, "text", e->text);
}

/* ---- the envelope ------------------------------------------------------ */

/* What is asked, and DONE.  False: none of these. */
static bool
asked_pack(struct pack *p, const struct question *q)
{
	switch (q->type) {
	case CLIENT_HELLO:
		hello_pack(p, &q->u.hello);
		return true;
	case CLIENT_LIST:
		list_pack(p, &q->u.list);
		return true;
	case CLIENT_SHOW:
		pack_map(p, 1);
		pack_key_str(p, "id", q->u.show.id);
		return true;
	case CLIENT_PEERS:
	case CLIENT_STATUS:
	case CLIENT_WATCH:
	case CLIENT_VERIFY:
	case CLIENT_LOOK:
	case CLIENT_DONE:
	case CLIENT_LEAVE:
		pack_map(p, 0);
		return true;
	case CLIENT_RESCAN:
		if (!q->u.rescan.accept_missing) {
			pack_map(p, 0);
			return true;
		}
		pack_map(p, 1);
		pack_key_bool(p, "accept_missing", true);
		return true;
	case CLIENT_DUPES:
		dupes_pack(p, &q->u.dupes);
		return true;
	case CLIENT_THUMB:
		question_pack_ask_thumb(p, &q->u.thumb);
		return true;
	case CLIENT_TIMELINE:
		question_pack_ask_timeline(p, &q->u.timeline);
		return true;
	case CLIENT_PROBLEMS:
		question_pack_ask_problems(p, &q->u.asked_problems);
		return true;
	case CLIENT_FORGET:
		question_pack_ask_forget(p, &q->u.forget);
		return true;
	}
	return false;
}

/* What is answered to it.  False: none of these. */
static bool
said_pack(struct pack *p, const struct question *q)
{
	switch (q->type) {
	case CLIENT_WELCOME:
		welcome_pack(p, &q->u.welcome);
		return true;
	case CLIENT_LOOKED:
		pack_map(p, 1);
		pack_str(p, "meta");
		if (q->u.looked.meta == NULL)
			pack_nil(p);
		else
			pack_bin(p, q->u.looked.meta, q->u.looked.meta_bytes);
		return true;
	case CLIENT_THUMB_IS:
		question_pack_thumb(p, &q->u.thumb_is);
		return true;
	case CLIENT_TIMES:
		question_pack_timeline(p, &q->u.times);
		return true;
	case CLIENT_PROBLEM_LIST:
		question_pack_problems(p, &q->u.problems);
		return true;
	case CLIENT_FORGET_IS:
		question_pack_forget(p, &q->u.forgotten);
		return true;
	case CLIENT_PEER_LIST:
		peers_pack(p, &q->u.peers);
		return true;
	case CLIENT_STATUS_IS:
		status_pack(p, &q->u.status);
		return true;
	case CLIENT_EVENT:
		event_pack(p, &q->u.event);
		return true;
	case CLIENT_TABLE:
		table_pack(p, &q->u.table);
		return true;
	case CLIENT_PROGRESS:
		progress_pack(p, &q->u.progress);
		return true;
	case MESSAGE_ERROR:
		error_pack(p, &q->u.error);
		return true;
	}
	return false;
}

/* The map of any type but PHOTOS; false when there is no such type. */
static bool
map_pack(struct pack *p, const struct question *q)
{
	return asked_pack(p, q) || said_pack(p, q) ||
	       question_pack_transfer(p, q);
}

size_t
question_encode(const struct question *q, uint8_t *out, size_t max)
{
	struct pack p;

	if (q->type == CLIENT_PHOTOS)
		return question_encode_photos(q, out, max);
	if (max > FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX)
		max = FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX;
	pack_frame_begin(&p, out, max, q->type, q->request);
	if (!map_pack(&p, q))
		return 0;
	return pack_frame_end(&p);
}
