/*
 * writer.c: transactions on a disk.
 *
 * One writer per process, so that transactions end in the order they were
 * asked for; a crash loses those that had not ended.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

enum op_kind { OP_OWN, OP_STORE, OP_GENERATION, OP_DROP, OP_END };

struct op {
	enum op_kind kind;
	bool failed;
	struct mesh_store store;
	uint64_t after, through;
	uint64_t generation;
	struct stream_id stream;
	bool vanishes, ordered;
	bool crowded; /* dropped for want of room */
	uint32_t count;
	struct {
		uint32_t key;
		struct row row;
	} rows[SIM_KEYS * 4];
};

/* ---- transactions ------------------------------------------------------ */

static void
queue(struct world *w, struct slot *s, struct op *op)
{
	uint64_t at = w->now_us;

	if (s->writer_free_us > at)
		at = s->writer_free_us;
	at += s->disk_us / 2 + world_below(w, s->disk_us + 1);
	s->writer_free_us = at;
	world_at(w, at, EVENT_COMMIT, s->index, s->life, op);
}

static struct op *
op_new(enum op_kind kind)
{
	struct op *op = calloc(1, sizeof *op);

	assert(op != NULL);
	op->kind = kind;
	return op;
}

void
disk_op_free(struct op *op)
{
	free(op);
}

void
disk_op_fail(struct op *op)
{
	op->failed = op->kind == OP_STORE;
}

/* Rows beyond the count are nobody's business. */
const void *
disk_op_bytes(const struct op *op, size_t *bytes)
{
	*bytes = offsetof(struct op, rows) + op->count * sizeof op->rows[0];
	return op;
}

struct op *
disk_op_copy(const struct op *op)
{
	struct op *copy = op_new(op->kind);
	size_t bytes;
	const void *from = disk_op_bytes(op, &bytes);

	memcpy(copy, from, bytes);
	return copy;
}

void
disk_queue_own(struct world *w, struct slot *s)
{
	queue(w, s, op_new(OP_OWN));
}

/* What is asked for seldom fails often; stories are told of good disks. */
static bool
disk_refuses(struct world *w)
{
	return w->weather == STORM && !w->peaceful && !w->story &&
	       world_below(w, 3) == 0;
}

void
disk_queue_generation(struct world *w, struct slot *s, uint64_t generation)
{
	struct op *op = op_new(OP_GENERATION);

	op->generation = generation;
	op->failed = disk_refuses(w);
	queue(w, s, op);
}

void
disk_queue_drop(struct world *w, struct slot *s, const struct stream_id *stream)
{
	struct op *op = op_new(OP_DROP);

	op->stream = *stream;
	op->failed = disk_refuses(w);
	queue(w, s, op);
}

void
disk_queue_end(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	struct op *op = op_new(OP_END);

	op->stream = e->u.end.stream;
	op->vanishes = e->u.end.vanishes;
	op->ordered = e->u.end.ordered;
	queue(w, s, op);
}

void
disk_queue_store(struct world *w, struct slot *s,
		 const struct mesh_store *store,
		 const struct message_batch *batch)
{
	struct op *op = op_new(OP_STORE);

	op->store = *store;
	op->after = batch->after;
	op->through = batch->through;
	op->failed = w->weather == STORM && world_below(w, 150) == 0;
	for (uint32_t i = 0; i < batch->record_count; i++) {
		assert(op->count < SIM_KEYS * 4);
		if (!disk_row_parse(&batch->records[i], &op->rows[op->count].key,
			       &op->rows[op->count].row))
			world_fail(w, "%s: a record changed on its way",
				   s->name);
		else
			op->count++;
	}
	queue(w, s, op);
}

static void
report_back(struct world *w, struct slot *s, enum news_kind kind,
	    const struct stream_report *report, const struct op *op)
{
	struct news *n = news_new(kind);

	n->report = *report;
	n->store = op->store.store;
	n->failed = op->failed;
	n->crowded = op->crowded;
	world_at(w, w->now_us + 20, EVENT_NEWS, s->index, s->life, n);
}

static bool
at_head(const struct replica *r)
{
	return r->report.point.base == r->report.point.cursor;
}

/* What only this life may tell. */
static uint32_t
shown(const struct disk *d, const struct replica *r)
{
	uint32_t count = 0;

	for (uint32_t key = 1; key < SIM_ROOT_B; key++)
		count += r->rows[key].seq != 0 && !r->rows[key].dead &&
			 !life_is_taken(d, r, r->rows[key].b);
	return count;
}

static void
let_go(struct world *w, struct slot *s, struct replica *r, bool crowded)
{
	const struct op why = {.crowded = crowded};

	world_trace(w, "%s lets go of %s gen %llu", s->name,
		    world_name(w, &r->report.stream.node),
		    (unsigned long long)r->report.stream.generation);
	r->used = false;
	report_back(w, s, TOLD_DROPPED, &r->report, &why);
}

/* As daemon/catalogue/writer_lives.c: an older life at head goes when a newer
 * one is whole; a third one goes when all are at head, a fourth always, and
 * then the one that shows least. */
static void
lives_review(struct world *w, struct slot *s, const struct node_id *node)
{
	struct replica *life[8], *newest = NULL, *least = NULL;
	uint32_t count = 0, least_shown = 0;
	bool settled = true;

	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		struct replica *r = &s->disk->held[i];

		if (!r->used || !node_id_equal(&r->report.stream.node, node))
			continue;
		assert(count < 8);
		life[count++] = r;
		settled = settled && at_head(r);
		if (newest == NULL || r->report.stream.generation >
					      newest->report.stream.generation)
			newest = r;
	}
	for (uint32_t i = 0; i < count; i++) {
		bool own = life[i] == disk_own(s->disk);
		uint32_t shows;

		if (life[i] == newest || own)
			continue;
		if (!life_tells(s->disk, life[i]) && at_head(life[i]) &&
		    at_head(newest)) {
			let_go(w, s, life[i], false);
			continue;
		}
		shows = shown(s->disk, life[i]);
		if (least == NULL || shows < least_shown ||
		    (shows == least_shown &&
		     life[i]->report.stream.generation <
			     least->report.stream.generation)) {
			least = life[i];
			least_shown = shows;
		}
	}
	for (uint32_t i = count; i-- > 0;)
		count -= !life[i]->used;
	if (least != NULL && count > (settled ? 2u : 3u)) {
		let_go(w, s, least, true);
		lives_review(w, s, node);
	}
}

/* What can be looked into now: the keys below this. */
static uint32_t
folder_end(const struct disk *d)
{
	return d->root_b == ROOT_B_LOST ? SIM_FIRST_B : SIM_ROOT_B;
}

/* The user has put something into the folder, or taken it out. */
static void
folder_set(struct world *w, struct disk *d, uint32_t key, uint32_t value)
{
	if (value != 0 && d->wanted[key] == 0)
		d->since_us[key] = w->now_us;
	d->wanted[key] = value;
}

/*
 * The scan goes on, by `changes` files; what it leaves for later.  All that is
 * there is said before anything is withdrawn, and only then the root is whole.
 */
static uint32_t
scan(struct disk *d, uint32_t changes)
{
	struct replica *own = disk_own(d);
	uint32_t left = 0, end = folder_end(d);

	for (uint32_t pass = 0; pass < 2 && left == 0; pass++)
		for (uint32_t key = 1; key < end; key++) {
			const struct row *row = &own->rows[key];
			bool there = row->seq != 0 && !row->dead;
			bool due = pass == 0 ? d->wanted[key] != 0 &&
						       (!there ||
							row->value !=
								d->wanted[key])
					     : d->wanted[key] == 0 && there;

			if (!due)
				continue;
			if (changes == 0) {
				left++;
				continue;
			}
			disk_own_write(own, key, d->wanted[key], pass == 1);
			changes--;
		}
	if (left == 0 && own->rows[0].value != 1)
		disk_own_write(own, 0, 1, false);
	if (left == 0 && d->root_b == ROOT_B_HERE &&
	    own->rows[SIM_ROOT_B].value != 1)
		disk_own_write(own, SIM_ROOT_B, 1, false);
	return changes;
}

/* The folder has changed, or the first scan goes on. */
static void
commit_own(struct world *w, struct slot *s, const struct op *op)
{
	struct disk *d = s->disk;
	struct replica *own = disk_own(d);
	uint64_t before = own->report.point.cursor;
	uint32_t changes = world_between(w, 1, w->own_burst);

	if (before + 2 * SIM_KEYS >= SIM_SEQS)
		return;
	changes = scan(d, changes);
	if (s->liar)
		ended_lie(w, s);
	while (w->weather == STORM && changes-- > 0) {
		uint32_t key = world_between(w, 1, folder_end(d) - 1);
		bool there = own->rows[key].seq != 0 && !own->rows[key].dead;

		if (there && world_chance(w, 30))
			folder_set(w, d, key, 0);
		else
			folder_set(w, d, key, (uint32_t)world_random(w) | 1);
		disk_own_write(own, key, d->wanted[key], d->wanted[key] == 0);
	}
	if (own->report.point.cursor == before)
		return;
	world_trace(w, "%s has written %llu..%llu of gen %llu", s->name,
		    (unsigned long long)before + 1,
		    (unsigned long long)own->report.point.cursor,
		    (unsigned long long)own->report.stream.generation);
	truth_wrote(w, own, before);
	lives_review(w, s, &d->identity);
	report_back(w, s, TOLD_OWN, &own->report, op);
}

static void
commit_store(struct world *w, struct slot *s, struct op *op)
{
	struct disk *d = s->disk;
	struct replica *main_one = disk_find(d, &op->store.stream);
	struct replica *r = main_one;
	struct stream_report none;

	memset(&none, 0, sizeof none);
	none.stream = op->store.stream;
	/* It was let go meanwhile: what follows would have a hole before it. */
	if (!op->store.rebuild && r == NULL &&
	    (op->after != 0 || op->store.point.cursor > op->through))
		op->failed = true;
	if (op->failed) {
		world_trace(w, "%s could not store %llu", s->name,
			    (unsigned long long)op->store.store);
		report_back(w, s, TOLD_STORED,
			    main_one != NULL ? &main_one->report : &none, op);
		return;
	}
	if (op->store.rebuild) {
		r = NULL;
		for (uint32_t i = 0; i < 4; i++)
			if (d->beside[i].used &&
			    stream_id_equal(&d->beside[i].report.stream,
					    &op->store.stream))
				r = &d->beside[i];
		if (r != NULL && op->after == 0)
			r->used = false, r = NULL;
		if (r == NULL) {
			if (op->after != 0)
				world_fail(w, "%s: a rebuild of %s begins after "
					      "%llu",
					   s->name,
					   world_name(w, &op->store.stream.node),
					   (unsigned long long)op->after);
			r = disk_replica_new(d->beside, 4, &op->store.stream);
		}
	} else if (r == NULL) {
		r = disk_replica_new(d->held, SIM_STREAMS, &op->store.stream);
	}
	for (uint32_t i = 0; i < op->count; i++) {
		disk_row_join(r, op->rows[i].key, &op->rows[i].row);
		ended_stored(w, s, &op->store.stream, op->rows[i].key,
			      &op->rows[i].row);
	}
	r->report.point = op->store.point;
	if (at_head(r))
		memset(r->leaving, 0, sizeof r->leaving);
	if (op->store.rebuild && op->store.at_head) {
		if (main_one == NULL)
			main_one = disk_replica_new(d->held, SIM_STREAMS,
					       &op->store.stream);
		*main_one = *r;
		r->used = false;
		r = main_one;
	}
	if (!op->store.rebuild || op->store.at_head)
		truth_judge(w, s, r, "stored");
	ended_judge_stored(w, s, &op->store.stream);
	if (main_one == NULL && !op->store.rebuild)
		main_one = r;
	if (w->story && r->report.point.base == r->report.point.cursor)
		world_tell(w, "%s holds all %llu rows of %s", s->name,
			   (unsigned long long)r->report.rows,
			   world_name(w, &r->report.stream.node));
	report_back(w, s, TOLD_STORED,
		    main_one != NULL ? &main_one->report : &none, op);
	lives_review(w, s, &op->store.stream.node);
}

/* Lawful if a newer life is here whole, or an older one is and this is not. */
static bool
drop_lawful(struct disk *d, const struct replica *r)
{
	bool newer = false, older = false;
	bool partial = r->report.point.base != r->report.point.cursor;

	for (uint32_t i = 0; i < SIM_STREAMS; i++) {
		const struct stream_report *o = &d->held[i].report;

		if (!d->held[i].used ||
		    !node_id_equal(&o->stream.node, &r->report.stream.node))
			continue;
		newer = newer ||
			(o->stream.generation > r->report.stream.generation &&
			 o->point.base == o->point.cursor);
		older = older ||
			o->stream.generation < r->report.stream.generation;
	}
	return newer || (older && partial);
}

/* Its owner is linked and does not live that life. */
static bool
owner_is_earlier(struct world *w, struct slot *s, const struct stream_id *id)
{
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *o = &w->slots[i];

		if (o->running && check_linked(w, s, o) &&
		    node_id_equal(&o->disk->identity, &id->node) &&
		    o->disk->own_generation < id->generation)
			return true;
	}
	return liar_smeared(w, &id->node);
}

static void
commit_drop(struct world *w, struct slot *s, const struct op *op)
{
	struct replica *r = disk_find(s->disk, &op->stream);
	struct stream_report none;

	memset(&none, 0, sizeof none);
	none.stream = op->stream;
	if (r != NULL && !drop_lawful(s->disk, r) &&
	    !owner_is_earlier(w, s, &op->stream))
		world_fail(w, "%s has dropped what it should keep of %s",
			   s->name, world_name(w, &op->stream.node));
	if (r != NULL)
		r->used = false;
	report_back(w, s, TOLD_DROPPED, &none, op);
}

static void
commit_end(struct world *w, struct slot *s, const struct op *op)
{
	struct replica *own = disk_own(s->disk);
	uint64_t before = own->report.point.cursor;
	struct stream_report ended;

	memset(&ended, 0, sizeof ended);
	ended.stream = op->stream;
	ended_commit(w, s, &op->stream, op->vanishes, op->ordered);
	if (own->report.point.cursor != before) {
		truth_wrote(w, own, before);
		report_back(w, s, TOLD_OWN, &own->report, op);
	}
	lives_review(w, s, &op->stream.node);
	report_back(w, s, TOLD_FORGOT, &ended, op);
}

static const struct node_id *
op_node(const struct slot *s, const struct op *op)
{
	switch (op->kind) {
	case OP_STORE:
		return &op->store.stream.node;
	case OP_DROP:
	case OP_END:
		return &op->stream.node;
	case OP_OWN:
	case OP_GENERATION:
		break;
	}
	return &s->disk->identity;
}

static void
tell_undone(struct world *w, struct slot *s, const struct op *op)
{
	struct stream_report r;

	memset(&r, 0, sizeof r);
	r.stream = op->stream;
	if (op->kind == OP_GENERATION) {
		r.stream.node = s->disk->identity;
		r.stream.generation = op->generation;
	}
	world_trace(w, "%s could not write it", s->name);
	report_back(w, s, TOLD_UNDONE, &r, op);
}

void
disk_commit(struct world *w, struct slot *s, struct op *op)
{
	struct node_id node = *op_node(s, op);
	bool shown_before[SIM_KEYS];
	uint32_t lives;

	if (op->failed && op->kind != OP_STORE) {
		tell_undone(w, s, op);
		return;
	}
	lives = shown_keys(s->disk, &node, shown_before);
	if (op->kind == OP_STORE && disk_find(s->disk, &op->store.stream) == NULL)
		lives++;
	switch (op->kind) {
	case OP_OWN:
		commit_own(w, s, op);
		break;
	case OP_STORE:
		commit_store(w, s, op);
		break;
	case OP_GENERATION:
		disk_begin_generation(w, s->disk, op->generation);
		report_back(w, s, TOLD_OWN, &disk_own(s->disk)->report, op);
		if (w->weather == CALM) /* it asks for a scan */
			world_at(w, w->now_us, EVENT_WORK, s->index, 0, NULL);
		lives_review(w, s, &s->disk->identity);
		break;
	case OP_DROP:
		commit_drop(w, s, op);
		break;
	case OP_END:
		commit_end(w, s, op);
		break;
	}
	/* Of three lives one may have to go for want of room; and what is
	 * forgotten is to be seen no more. */
	if (lives < 3 && op->kind != OP_END)
		shown_judge(w, s, &node, shown_before);
}

/* The owner goes on for a while with nobody listening. */
void
disk_live_alone(struct world *w, struct slot *s)
{
	struct op op;

	memset(&op, 0, sizeof op);
	for (uint32_t n = world_below(w, 5); n > 0; n--)
		commit_own(w, s, &op);
}
