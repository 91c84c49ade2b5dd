/*
 * truth.c: what owners have made durable, over all their lives and copies.
 *
 * The judge of every replica: never ahead of its owner, nothing missing at or
 * below its cursor, and exactly the owner's set where it says so.
 */
#include "sim.h"

#include <assert.h>
#include <string.h>

struct truth *
truth_of(struct world *w, const struct stream_id *stream)
{
	for (uint32_t i = w->truth_count; i-- > 0;)
		if (stream_id_equal(&w->truths[i].stream, stream))
			return &w->truths[i];
	return NULL;
}

static void
truth_copy(struct truth *t, const struct replica *own)
{
	memcpy(t->rows, own->rows, sizeof t->rows);
	t->sum = own->report.digest;
	while (t->head < own->report.point.cursor)
		t->told_us[++t->head] = 0;
	t->head = own->report.point.cursor;
	t->at[t->head] = t->sum;
	t->boundary[t->head] = true;
}

void
truth_begin(struct world *w, const struct replica *own)
{
	struct truth *t = truth_of(w, &own->report.stream);

	if (t != NULL) { /* two copies of one disk did this at the same time */
		if (w->single)
			world_fail(w, "%s begins gen %llu twice",
				   world_name(w, &t->stream.node),
				   (unsigned long long)t->stream.generation);
		t->forked = true;
		if (own->report.point.cursor > t->head)
			t->head = own->report.point.cursor;
		return;
	}
	assert(w->truth_count < SIM_TRUTHS);
	t = &w->truths[w->truth_count++];
	t->used = true;
	t->stream = own->report.stream;
	t->began_us = w->now_us;
	truth_copy(t, own);
}

void
truth_wrote(struct world *w, const struct replica *own, uint64_t before)
{
	struct truth *t = truth_of(w, &own->report.stream);

	assert(t != NULL);
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct disk *d = w->slots[i].disk;

		if (w->slots[i].used &&
		    node_id_equal(&d->identity, &t->stream.node) &&
		    d->own_generation == t->stream.generation &&
		    disk_own(d) != own)
			t->forked = true; /* a copy goes its own way */
	}
	if (t->head != before || t->forked) {
		if (w->single)
			world_fail(w, "%s writes beyond %llu, its head is %llu",
				   world_name(w, &t->stream.node),
				   (unsigned long long)before,
				   (unsigned long long)t->head);
		t->forked = true;
		if (own->report.point.cursor > t->head)
			t->head = own->report.point.cursor;
		return;
	}
	truth_copy(t, own);
}

void
truth_told(struct world *w, const struct stream_report *own)
{
	struct truth *t = truth_of(w, &own->stream);
	uint64_t head = own->point.cursor;

	if (t != NULL && head < SIM_SEQS && t->told_us[head] == 0)
		t->told_us[head] = w->now_us;
}

void
truth_restored(struct world *w, const struct replica *own)
{
	struct truth *t = truth_of(w, &own->report.stream);

	assert(t != NULL);
	if (t->head != own->report.point.cursor)
		t->forked = true;
}

/* The running sum is what the rows give. */
static void
judge_sum(struct world *w, const struct slot *s, const struct replica *r)
{
	struct digest sum = {0, 0}, d;
	uint64_t rows = 0;

	for (uint32_t key = 0; key < SIM_KEYS; key++)
		if (r->rows[key].seq != 0) {
			disk_row_digest(&r->report.stream, key, &r->rows[key],
					&d);
			digest_add(&sum, &d);
			rows++;
		}
	if (!digest_equal(&sum, &r->report.digest) || rows != r->report.rows)
		world_fail(w, "%s: the running digest is wrong", s->name);
}

void
truth_judge(struct world *w, const struct slot *s, const struct replica *r,
	    const char *when)
{
	const struct truth *t = truth_of(w, &r->report.stream);
	const struct point *p = &r->report.point;
	const char *whose = world_name(w, &r->report.stream.node);

	if (liar_smeared(w, &r->report.stream.node))
		return;
	if (t == NULL) {
		world_fail(w, "%s holds a stream of %s that never was", s->name,
			   whose);
		return;
	}
	if (p->base > p->cursor || p->cursor > t->head)
		world_fail(w, "%s %s %s's rows up to %llu/%llu; it has %llu",
			   s->name, when, whose, (unsigned long long)p->base,
			   (unsigned long long)p->cursor,
			   (unsigned long long)t->head);
	for (uint32_t key = 0; key < SIM_KEYS; key++)
		if (r->rows[key].seq > p->cursor)
			world_fail(w, "%s %s %s's row %llu beyond its cursor %llu",
				   s->name, when, whose,
				   (unsigned long long)r->rows[key].seq,
				   (unsigned long long)p->cursor);
	if (w->seed % 16 == 0)
		judge_sum(w, s, r);
	if (t->forked || w->failed)
		return;
	for (uint32_t key = 0; key < SIM_KEYS; key++)
		if (t->rows[key].seq <= p->cursor &&
		    r->rows[key].seq < t->rows[key].seq) {
			world_fail(w,
				   "%s %s %s's rows up to %llu/%llu without "
				   "row %llu",
				   s->name, when, whose,
				   (unsigned long long)p->base,
				   (unsigned long long)p->cursor,
				   (unsigned long long)t->rows[key].seq);
			return;
		}
	if (p->base > 0 && !t->boundary[p->base])
		world_fail(w, "%s %s %s's base %llu, never a head", s->name,
			   when, whose, (unsigned long long)p->base);
	if (p->base == p->cursor && p->base > 0 &&
	    !digest_equal(&t->at[p->base], &r->report.digest))
		world_fail(w, "%s %s %s's rows at %llu, but not the same set",
			   s->name, when, whose, (unsigned long long)p->base);
}
