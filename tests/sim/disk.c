/*
 * disk.c: what is in a catalogue: rows per stream, joined by record_wins, and
 * digests as running sums.  What is in struct disk is durable; writer.c is how
 * it gets there.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

#define PAGE_READ_US 200u

/* ---- rows as records --------------------------------------------------- */

struct record_space {
	uint8_t key[16], value[16];
};

static void
row_record(uint32_t key, const struct row *row, struct record_space *space,
	   struct record *out)
{
	struct record_forgotten f = {.generation = row->ended};
	bool root = key == 0 || key == SIM_ROOT_B;

	memset(space->key, 0, sizeof space->key);
	memset(out, 0, sizeof *out);
	out->seq = row->seq;
	out->dead = row->dead;
	out->key = space->key;
	out->value = space->value;
	if (key >= SIM_FILES) {
		out->kind = RECORD_FORGOTTEN;
		memcpy(space->key, ended_node(key)->bytes, NODE_ID_BYTES);
		out->key_bytes = NODE_ID_BYTES;
		out->value_bytes = record_forgotten_pack(&f, space->value,
							 sizeof space->value);
		return;
	}
	space->key[7] = row->b;
	space->key[8] = (uint8_t)('a' + key / 26);
	space->key[9] = (uint8_t)('a' + key % 26);
	for (unsigned i = 0; i < 4; i++)
		space->value[i] = (uint8_t)(row->value >> (8 * i));
	out->kind = root ? RECORD_ROOT : RECORD_COPY;
	out->key_bytes = root ? 8 : 10;
	out->value_bytes = row->dead ? 0 : 4;
}

static bool
forgotten_parse(const struct record *r, uint32_t *key, struct row *out)
{
	struct record_forgotten f;
	struct node_id node;

	if (r->key_bytes != NODE_ID_BYTES || r->dead ||
	    !record_forgotten_parse(r->value, r->value_bytes, &f))
		return false;
	memcpy(node.bytes, r->key, NODE_ID_BYTES);
	out->ended = f.generation;
	return (*key = ended_key(&node)) != 0;
}

bool
disk_row_parse(const struct record *r, uint32_t *key, struct row *out)
{
	memset(out, 0, sizeof *out);
	out->seq = r->seq;
	out->dead = r->dead;
	if (r->kind == RECORD_FORGOTTEN)
		return forgotten_parse(r, key, out);
	out->b = r->key[7] != 0;
	*key = out->b ? SIM_ROOT_B : 0;
	if (r->kind == RECORD_COPY) {
		if (r->key_bytes != 10)
			return false;
		*key = (uint32_t)(r->key[8] - 'a') * 26 +
		       (uint32_t)(r->key[9] - 'a');
	}
	if (*key >= SIM_FILES || r->value_bytes != (r->dead ? 0u : 4u))
		return false;
	for (unsigned i = 0; !r->dead && i < 4; i++)
		out->value |= (uint32_t)r->value[i] << (8 * i);
	return true;
}

void
disk_row_digest(const struct stream_id *stream, uint32_t key,
		const struct row *row, struct digest *out)
{
	struct record_space space;
	struct record r;

	row_record(key, row, &space, &r);
	record_digest(stream, &r, out);
}

/* Write `row` in the place of whatever is there; keeps the running sum. */
static void
row_set(struct replica *r, uint32_t key, const struct row *row)
{
	struct digest d;

	if (r->rows[key].seq != 0) {
		disk_row_digest(&r->report.stream, key, &r->rows[key], &d);
		digest_subtract(&r->report.digest, &d);
	} else {
		r->report.rows++;
	}
	r->rows[key] = *row;
	disk_row_digest(&r->report.stream, key, row, &d);
	digest_add(&r->report.digest, &d);
}

void
disk_row_join(struct replica *r, uint32_t key, const struct row *row)
{
	struct record_space space_new, space_old;
	struct record fresh, old;

	if (r->rows[key].seq != 0) {
		row_record(key, row, &space_new, &fresh);
		row_record(key, &r->rows[key], &space_old, &old);
		if (!record_wins(&r->report.stream, &fresh, &old))
			return;
	}
	r->leaving[key] = row->dead && (r->leaving[key] ||
					(r->rows[key].seq != 0 &&
					 !r->rows[key].dead));
	row_set(r, key, row);
}

/* ---- replicas ---------------------------------------------------------- */

struct replica *
disk_find(struct disk *d, const struct stream_id *stream)
{
	for (uint32_t i = 0; i < SIM_STREAMS; i++)
		if (d->held[i].used &&
		    stream_id_equal(&d->held[i].report.stream, stream))
			return &d->held[i];
	return NULL;
}

struct replica *
disk_own(struct disk *d)
{
	struct stream_id own = {d->identity, d->own_generation};
	struct replica *r = disk_find(d, &own);

	assert(r != NULL);
	return r;
}

struct replica *
disk_replica_new(struct replica *list, uint32_t count,
	    const struct stream_id *stream)
{
	for (uint32_t i = 0; i < count; i++)
		if (!list[i].used) {
			memset(&list[i], 0, sizeof list[i]);
			list[i].used = true;
			list[i].report.stream = *stream;
			return &list[i];
		}
	assert(!"the model disk is full");
	return NULL;
}

void
disk_own_row(struct replica *own, uint32_t key, const struct row *said)
{
	bool has_b = key == SIM_ROOT_B || own->rows[SIM_ROOT_B].seq != 0;
	struct row row = *said;

	row.seq = own->report.point.cursor + 1;
	row.b = has_b && key >= SIM_FIRST_B && key < SIM_FILES;
	row_set(own, key, &row);
	own->report.point.cursor = row.seq;
	own->report.point.base = row.seq;
}

void
disk_own_write(struct replica *own, uint32_t key, uint32_t value, bool dead)
{
	struct row row = {.value = value, .dead = dead};

	disk_own_row(own, key, &row);
}

/* A fresh own stream: the root's record, nothing scanned. */
static struct replica *
own_begin(struct disk *d, uint64_t generation)
{
	struct stream_id id = {d->identity, generation};
	struct replica *own = disk_replica_new(d->held, SIM_STREAMS, &id);

	d->own_generation = generation;
	disk_own_write(own, 0, 0, false);
	if (d->root_b == ROOT_B_HERE)
		disk_own_write(own, SIM_ROOT_B, 0, false);
	return own;
}

static void
identity_make(struct world *w, struct disk *d, uint32_t slot)
{
	/* The first byte decides who is lower; the rest says who it is. */
	memset(&d->identity, 0, sizeof d->identity);
	d->shared = false;
	d->remembers = true;
	d->identity.bytes[0] = (uint8_t)world_below(w, 256);
	d->identity.bytes[1] = (uint8_t)slot;
	d->identity.bytes[2] = (uint8_t)++w->identity_count;
	d->identity.bytes[15] = 1;
	ended_number(&d->identity);
}

void
disk_create(struct world *w, struct disk *d)
{
	uint32_t slot = 0;

	while (w->slots[slot].disk != d)
		slot++;
	memset(d, 0, sizeof *d);
	identity_make(w, d, slot);
	truth_begin(w, own_begin(d, node_wall_ms(w, &w->slots[slot])));
}

/* Own rows go on under a new number; tombstones are not needed there.  They may
 * be older than what was published, so the root is open until a scan ends. */
void
disk_begin_generation(struct world *w, struct disk *d, uint64_t generation)
{
	struct replica *old = disk_own(d), *own;
	struct stream_id id = {d->identity, generation};

	if (generation <= d->own_generation) {
		world_fail(w, "generation %llu begun after %llu",
			   (unsigned long long)generation,
			   (unsigned long long)d->own_generation);
		return;
	}
	own = disk_replica_new(d->held, SIM_STREAMS, &id);
	d->own_generation = generation;
	disk_own_write(own, 0, 0, false);
	if (old->rows[SIM_ROOT_B].seq != 0)
		disk_own_write(own, SIM_ROOT_B, 0, false);
	for (uint32_t key = 1; key < SIM_KEYS; key++)
		if (key != SIM_ROOT_B && old->rows[key].seq != 0 &&
		    !old->rows[key].dead)
			disk_own_row(own, key, &old->rows[key]);
	old->used = false;
	truth_begin(w, own);
}

/* The database is gone; key and folder are still there. */
void
disk_lose(struct world *w, struct disk *d, uint64_t generation)
{
	memset(d->held, 0, sizeof d->held);
	memset(d->beside, 0, sizeof d->beside);
	d->memory_count = 0;
	d->remembers = false;
	truth_begin(w, own_begin(d, generation));
}

/* Another identity: the former own stream stays as anybody's. */
void
disk_adopt(struct world *w, struct disk *d, struct node_id identity,
	   uint64_t generation)
{
	struct replica *old = disk_own(d), *own;
	struct stream_id id = {{{0}}, generation};
	uint32_t slot = identity.bytes[1];

	identity_make(w, d, slot);
	id.node = d->identity;
	own = disk_replica_new(d->held, SIM_STREAMS, &id);
	d->own_generation = generation;
	if (old->rows[SIM_ROOT_B].seq != 0)
		disk_own_write(own, SIM_ROOT_B, old->rows[SIM_ROOT_B].value,
			       false);
	for (uint32_t key = 0; key < SIM_KEYS; key++)
		if (key != SIM_ROOT_B && old->rows[key].seq != 0 &&
		    !old->rows[key].dead)
			disk_own_row(own, key, &old->rows[key]);
	truth_begin(w, own);
}

void
disk_restore(struct disk *d, const struct disk *from)
{
	static struct disk folder;

	folder = *d;
	*d = *from;
	d->shared = folder.shared || from->shared;
	d->root_b = folder.root_b;
	memcpy(d->wanted, folder.wanted, sizeof d->wanted);
	memcpy(d->since_us, folder.since_us, sizeof d->since_us);
}

bool
disk_scanned(struct disk *d)
{
	const struct replica *own = disk_own(d);

	return own->rows[0].value == 1 && (d->root_b != ROOT_B_HERE ||
					   own->rows[SIM_ROOT_B].value == 1);
}

void
disk_add_root_b(struct world *w, struct disk *d)
{
	struct replica *own = disk_own(d);
	uint64_t before = own->report.point.cursor;

	d->root_b = ROOT_B_HERE;
	disk_own_write(own, SIM_ROOT_B, 0, false);
	truth_wrote(w, own, before);
}

void
disk_print(struct world *w, struct slot *s)
{
	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct replica *r = &s->disk->held[i];
		const struct truth *t = truth_of(w, &r->report.stream);

		if (r->used)
			world_trace(w, "disk of %s: %s gen %llu at %llu/%llu, "
				       "%llu rows, digest %04x%s%s",
				    s->name,
				    world_name(w, &r->report.stream.node),
				    (unsigned long long)
					    r->report.stream.generation,
				    (unsigned long long)r->report.point.base,
				    (unsigned long long)r->report.point.cursor,
				    (unsigned long long)r->report.rows,
				    (unsigned)(r->report.digest.low & 0xffff),
				    r->rows[0].value == 1 ? ", scanned" : "",
				    t != NULL && t->forked ? ", forked" : "");
	}
}

/* ---- reading pages ----------------------------------------------------- */

void
disk_queue_read(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	struct mesh_effect *copy = malloc(sizeof *copy);

	assert(copy != NULL);
	*copy = *e;
	world_at(w, w->now_us + PAGE_READ_US + world_below(w, s->disk_us + 1),
		 EVENT_READ, s->index, s->life, copy);
}

/* The keys of r with seq > after, in the order of pages. */
static uint32_t
rows_after(const struct replica *r, uint64_t after, uint32_t keys[SIM_KEYS])
{
	uint32_t count = 0;

	for (uint32_t key = 0; key < SIM_KEYS; key++) {
		uint32_t at = count;

		if (r->rows[key].seq <= after)
			continue;
		for (; at > 0 &&
		       r->rows[keys[at - 1]].seq > r->rows[key].seq;
		     at--)
			keys[at] = keys[at - 1];
		keys[at] = key;
		count++;
	}
	return count;
}

struct frame_buf *
disk_page(struct world *w, const struct replica *r,
	  const struct mesh_effect *asked)
{
	static uint8_t space[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct batch_writer writer;
	struct message_batch head;
	uint32_t keys[SIM_KEYS], given = 0;
	uint32_t count = rows_after(r, asked->u.page.after, keys);
	size_t bytes;

	batch_writer_init(&writer, space, sizeof space,
			  asked->u.page.credit_bytes);
	memset(&head, 0, sizeof head);
	head.after = asked->u.page.after;
	for (; given < count; given++) {
		struct record_space room;
		struct record record;

		row_record(keys[given], &r->rows[keys[given]], &room, &record);
		/* Two rows of one number, out of a forked history, belong
		 * into one page. */
		if ((given >= w->page_rows_max &&
		     record.seq != writer.through) ||
		    !batch_writer_add(&writer, &record))
			break;
	}
	head.through = given == count ? r->report.point.cursor
				      : writer.through;
	head.stream = r->report.stream;
	head.point = r->report.point;
	head.digest = r->report.digest;
	head.rows = r->report.rows;
	bytes = batch_writer_end(&writer, asked->u.page.request, &head);
	if (bytes == 0) {
		world_fail(w, "a page does not fit");
		return NULL;
	}
	return frame_buf_of(space, bytes, MESSAGE_BATCH);
}

void
disk_read(struct world *w, struct slot *s, void *asked)
{
	const struct mesh_effect *e = asked;
	struct replica *r = disk_find(s->disk, &e->u.page.stream);
	struct news *n = news_new(TOLD_PAGE);

	n->link = e->link;
	n->request = e->u.page.request;
	n->failed = r == NULL;
	if (r != NULL) /* if the asker is ahead of us, an empty page */
		n->frame = disk_page(w, s->liar ? liar_page(w, r) : r, e);
	world_at(w, w->now_us + 20, EVENT_NEWS, s->index, s->life, n);
}
