/*
 * shell_effects.c: what the core wants, judged and noted.
 */
#include "shell.h"

#include <string.h>

#include "frame.h"

static struct wire *
wire_of(struct shell *s, mesh_link id)
{
	for (unsigned i = 0; i < SHELL_LINKS; i++)
		if (s->wires[i].state != WIRE_NONE && s->wires[i].id == id)
			return &s->wires[i];
	return NULL;
}

static void
work_add(struct shell *s, const struct work *j)
{
	/* A disk that does nothing at all: the core must not go on asking. */
	fuzz_must(s->work_count < SHELL_JOBS, "too much for the disk");
	s->work[s->work_count++] = *j;
}

/* Nothing is announced that is not durable. */
static void
judge_streams(struct shell *s, const struct message_streams *said)
{
	for (uint32_t i = 0; i < said->count; i++) {
		const struct stream_report *r = &said->reports[i];
		const struct kept *k = shell_kept(s, &r->stream, false);

		for (uint32_t n = 0; n < i; n++)
			fuzz_must(!stream_id_equal(&said->reports[n].stream,
						    &r->stream),
				   "a stream is announced twice");
		if (stream_id_equal(&r->stream, &s->own)) {
			fuzz_must(r->point.cursor == r->point.base &&
				   (r->point.cursor == s->own_head ||
				    (s->mesh->streams.ending &&
				     r->point.cursor < s->own_head)),
				   "our own head is announced wrong");
			continue;
		}
		if (k == NULL) /* let go of a moment ago */
			continue;
		fuzz_must(r->point.cursor <= k->report.point.cursor,
			   "announced before it is durable");
	}
}

/* Can it be written, and does it read the same? */
static void
judge_message(const struct message *m)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	static struct message_decoder *decoder;
	struct message again;
	size_t bytes = message_encode(m, frame, sizeof(frame));

	fuzz_must(bytes > 0, "a message that does not fit");
	if (decoder == NULL)
		decoder = message_decoder_new();
	fuzz_must(decoder != NULL, "out of memory");
	fuzz_must(message_decode(decoder, frame + FRAME_HEADER_BYTES,
				  bytes - FRAME_HEADER_BYTES, &again,
				  NULL) == MESSAGE_OK,
		   "a message that nobody would take");
	fuzz_must(again.type == m->type && again.request == m->request,
		   "a message reads different");
}

/* To a stranger: who we are, and goodbye. */
static void
judge_for_stranger(const struct message *m)
{
	fuzz_must(m->type == MESSAGE_HELLO || m->type == MESSAGE_GOODBYE ||
		   m->type == MESSAGE_ERROR, "a stranger is told of us");
}

static void
perform_send(struct shell *s, const struct mesh_effect *e)
{
	const struct message *m = &e->u.message;
	struct wire *w;

	judge_message(m);
	if (m->type == MESSAGE_STREAMS)
		judge_streams(s, &m->u.streams);
	if (e->link == MESH_LINK_ALL) {
		fuzz_must(m->type != MESSAGE_HELLO &&
			   m->type != MESSAGE_PULL, "said to everybody");
		return;
	}
	w = wire_of(s, e->link);
	fuzz_must(w != NULL && w->state == WIRE_UP, "said on no link");
	if (m->type == MESSAGE_HELLO)
		fuzz_must(!w->hello_sent, "HELLO twice");
	else
		fuzz_must(w->hello_sent, "said before HELLO");
	w->hello_sent = true;
	if (!w->hello_heard)
		judge_for_stranger(m);
	if (m->type == MESSAGE_PULL) {
		w->asked = true;
		w->request = m->request;
		w->pull = m->u.pull;
	} else if (m->type == MESSAGE_JOIN) {
		w->joined = true;
		w->join_request = m->request;
	}
}

/* The page goes where it belongs, leaves no hole, and is ours to take. */
static void
perform_store(struct shell *s, const struct mesh_effect *e)
{
	const struct mesh_store *t = &e->u.store;
	struct work j = {.kind = MESH_STORE, .store = *t};
	const struct message_batch *b;
	const struct kept *k;
	uint64_t have = 0;

	fuzz_must(s->hearing != NULL && s->hearing->type == MESSAGE_BATCH &&
		   s->hearing_on->hello_heard, "stores what nobody sent");
	b = &s->hearing->u.batch;
	fuzz_must(stream_id_equal(&t->stream, &b->stream),
		   "stores another stream");
	fuzz_must(!stream_id_equal(&t->stream, &s->own),
		   "a peer writes our own stream");
	fuzz_must(t->point.base <= t->point.cursor && t->store != 0 &&
		   t->point.cursor <= SEQ_MAX, "an unlawful point");
	fuzz_must(!t->at_head || t->point.base == t->point.cursor,
		   "at head, but not whole");
	for (uint32_t i = 0; i < s->work_count; i++)
		fuzz_must(s->work[i].kind != MESH_STORE ||
			   !stream_id_equal(&s->work[i].store.stream,
					    &t->stream),
			   "two pages of a stream at once");
	if ((k = shell_kept(s, &t->stream, t->rebuild)) != NULL)
		have = k->report.point.cursor;
	fuzz_must(b->after <= have || (t->rebuild && b->after == 0),
		   "a hole below the cursor");
	j.digest = b->digest;
	j.rows = b->rows;
	work_add(s, &j);
}

static void
perform_read(struct shell *s, const struct mesh_effect *e)
{
	struct wire *w = wire_of(s, e->link);
	unsigned open = 0;

	fuzz_must(w != NULL && w->hello_heard, "reads for a stranger");
	for (uint32_t i = 0; i < s->reading_count; i++)
		open += s->reading[i].link == e->link;
	fuzz_must(open < SERVING_MAX, "serves one link too much");
	fuzz_must(s->reading_count < SHELL_READS, "reads too much");
	s->reading[s->reading_count++] = (struct reading){
		e->link, e->u.page.request, e->u.page.stream};
}

static void
perform_dial(struct shell *s, const struct mesh_effect *e)
{
	struct wire *w;

	fuzz_must(e->link != 0 && e->link % 2 == 0, "a handle of ours is odd");
	fuzz_must(wire_of(s, e->link) == NULL, "a handle is used twice");
	fuzz_must(e->u.address.port != 0 && e->u.address.host[0] != '\0' &&
		   memchr(e->u.address.host, '\0',
			  sizeof(e->u.address.host)) != NULL,
		   "dials nowhere");
	/* One that is never opened, and never heard of again: time-outs. */
	if ((w = shell_wire_new(s, e->link)) != NULL)
		w->state = WIRE_DIALLED;
}

static void
perform_disk(struct shell *s, const struct mesh_effect *e)
{
	struct work j = {.kind = e->kind};

	fuzz_must(!s->stranger, "a stranger moves the disk");
	if (e->kind == MESH_BEGIN_GENERATION) {
		j.generation = e->u.generation;
		fuzz_must(j.generation > s->own.generation &&
			   j.generation <= GENERATION_MAX,
			   "an unlawful generation");
		for (uint32_t i = 0; i < s->work_count; i++)
			fuzz_must(s->work[i].kind != e->kind,
				   "two new lives at once");
	} else if (e->kind == MESH_DROP) {
		j.stream = e->u.stream;
		fuzz_must(!stream_id_equal(&j.stream, &s->own),
			   "drops its own stream");
	} else {
		j.stream = e->u.end.stream;
		fuzz_must(!node_id_equal(&j.stream.node, &s->own.node),
			   "forgets itself");
		/* Asked again, as the disk has not answered in half a minute. */
		for (uint32_t i = 0; i < s->work_count; i++)
			if (s->work[i].kind == e->kind &&
			    stream_id_equal(&s->work[i].stream, &j.stream))
				return;
	}
	work_add(s, &j);
}

static void
perform_hang_up(struct shell *s, const struct mesh_effect *e)
{
	struct wire *w = wire_of(s, e->link);

	if (w == NULL) {
		/* A dial that found no room here, and one end at a time. */
		fuzz_must(e->link % 2 == 0, "hangs up twice");
		return;
	}
	w->state = WIRE_NONE;
}

void
shell_perform(struct shell *s)
{
	for (uint32_t i = 0; i < s->effects->count; i++) {
		const struct mesh_effect *e = &s->effects->list[i];

		switch (e->kind) {
		case MESH_DIAL:
			perform_dial(s, e);
			break;
		case MESH_HANG_UP:
			perform_hang_up(s, e);
			break;
		case MESH_SEND:
			perform_send(s, e);
			break;
		case MESH_STORE:
			perform_store(s, e);
			break;
		case MESH_READ_PAGE:
			perform_read(s, e);
			break;
		case MESH_SEND_PAGE:
			fuzz_must(s->page_ready && s->page.link == e->link &&
				   s->page.request == e->u.page.request,
				   "sends a page that nobody has read");
			s->page_ready = false;
			break;
		case MESH_BEGIN_GENERATION:
		case MESH_DROP:
		case MESH_END:
			perform_disk(s, e);
			break;
		case MESH_REMEMBER:
			fuzz_must(roster_find(&s->mesh->roster, &e->u.node) !=
				   NODE_NONE, "remembers nobody");
			break;
		case MESH_NEW_IDENTITY:
			s->over = true;
			break;
		case MESH_CROWN:
		case MESH_NEWS:
			break;
		}
	}
	if (s->mesh->over)
		s->over = true;
}
