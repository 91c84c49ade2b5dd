/*
 * shell.c: inputs for the core, and the disk behind it; see shell.h.
 */
#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many ticks in one millisecond and still another one due: a busy loop. */
#define TICKS_AT_ONCE 64u

void
shell_begin(struct shell *s, const struct mesh_config *config)
{
	struct mesh *mesh = s->mesh;
	struct mesh_effects *effects = s->effects;

	memset(s, 0, sizeof(*s));
	s->mesh = mesh;
	s->effects = effects;
	s->now_ms = SHELL_START_MS;
	s->wall_ms = SHELL_WALL_MS;
	s->config = *config;
	s->next_accept = 1;
	s->own.node = config->self;
	mesh_init(mesh, config);
}

void
shell_step(struct shell *s, struct mesh_input *in)
{
	in->now_ms = s->now_ms;
	in->wall_ms = s->wall_ms;
	mesh_step(s->mesh, in, s->effects);
	fuzz_must(s->effects->count <= MESH_EFFECTS_MAX, "too many effects");
	fuzz_must(!s->over || s->effects->count == 0,
		   "something is wanted after the end");
	shell_perform(s);
	shell_check(s);
}

static void
tick(struct shell *s)
{
	struct mesh_input in = {.kind = MESH_TICK};

	shell_step(s, &in);
}

static void
settle(struct shell *s)
{
	unsigned n = 0;

	while (!s->over && mesh_wake_ms(s->mesh) <= s->now_ms) {
		fuzz_must(n++ < TICKS_AT_ONCE, "busy with nothing");
		tick(s);
	}
}

void
shell_pass(struct shell *s, uint64_t ms, bool punctual)
{
	uint64_t until = s->now_ms + ms;

	/* Steps, not time, are what is bounded here. */
	for (unsigned n = 0; punctual && n < 64; n++) {
		uint64_t at = mesh_wake_ms(s->mesh);

		if (s->over || at > until)
			break;
		if (at > s->now_ms) {
			s->wall_ms += at - s->now_ms;
			s->now_ms = at;
		}
		settle(s);
	}
	s->wall_ms += until - s->now_ms;
	s->now_ms = until;
	if (!s->over)
		settle(s);
}

/* ---- links ------------------------------------------------------------- */

struct wire *
shell_wire(struct shell *s, unsigned n, enum wire_state at_least)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SHELL_LINKS; i++)
		count += s->wires[i].state >= at_least;
	if (count == 0)
		return NULL;
	n %= count;
	for (unsigned i = 0; i < SHELL_LINKS; i++)
		if (s->wires[i].state >= at_least && n-- == 0)
			return &s->wires[i];
	return NULL;
}

struct wire *
shell_wire_new(struct shell *s, mesh_link id)
{
	for (unsigned i = 0; i < SHELL_LINKS; i++)
		if (s->wires[i].state == WIRE_NONE) {
			s->wires[i] = (struct wire){.id = id};
			return &s->wires[i];
		}
	return NULL;
}

void
shell_accept(struct shell *s, bool loopback)
{
	struct mesh_input in = {.kind = MESH_LINK_UP};
	struct wire *w = shell_wire_new(s, s->next_accept);

	if (w == NULL)
		return;
	s->next_accept += 2;
	w->state = WIRE_UP;
	in.link = w->id;
	in.u.up.accepted = true;
	in.u.up.loopback = loopback;
	shell_step(s, &in);
}

void
shell_end(struct shell *s, struct wire *w, enum link_end end)
{
	struct mesh_input in = {.kind = MESH_LINK_DOWN, .link = w->id};

	if (end == LINK_CLOSED && w->state != WIRE_UP)
		end = LINK_RESET;
	in.u.end = end;
	w->state = WIRE_NONE;
	shell_step(s, &in);
}

void
shell_hear(struct shell *s, struct wire *w, const uint8_t *body,
	   size_t body_bytes, const struct node_id *speaker)
{
	static struct message_decoder *decoder;
	struct mesh_input in = {.kind = MESH_HEARD, .link = w->id};
	struct message m;
	const char *why = NULL;

	fuzz_must(w->state == WIRE_UP, "the target hears a closed link");
	if (decoder == NULL)
		decoder = message_decoder_new();
	fuzz_must(decoder != NULL, "out of memory");
	if (body_bytes >
	    (w->hello_heard ? LINK_BODY_BYTES_MAX : HELLO_BODY_BYTES_MAX)) {
		shell_end(s, w, LINK_BROKEN);
		return;
	}
	switch (message_decode(decoder, body, body_bytes, &m, &why)) {
	case MESSAGE_BROKEN:
		fuzz_must(why != NULL, "broken, but nobody says why");
		shell_end(s, w, LINK_BROKEN);
		return;
	case MESSAGE_UNKNOWN:
	case MESSAGE_OK:
		break;
	}
	/* What is due anyhow is none of this message's doing. */
	settle(s);
	if (s->over || w->state != WIRE_UP)
		return;
	if (m.type == MESSAGE_HELLO) {
		m.u.hello.node = *speaker;
		w->node = *speaker;
		w->hello_heard = true;
	}
	if (m.type == MESSAGE_BATCH && m.request == w->request)
		w->asked = false;
	s->stranger = !w->hello_heard;
	s->hearing = &m;
	s->hearing_on = w;
	in.u.message = &m;
	shell_step(s, &in);
	s->hearing = NULL;
	s->hearing_on = NULL;
	s->stranger = false;
}

/* ---- the disk ------------------------------------------------------------ */

struct kept *
shell_kept(struct shell *s, const struct stream_id *id, bool beside)
{
	for (unsigned i = 0; i < SHELL_STREAMS; i++) {
		struct kept *k = &s->kept[i];

		if (k->used && k->beside == beside &&
		    stream_id_equal(&k->report.stream, id))
			return k;
	}
	return NULL;
}

struct kept *
shell_keep(struct shell *s, const struct stream_id *id, bool beside)
{
	struct kept *k = shell_kept(s, id, beside);

	for (unsigned i = 0; k == NULL && i < SHELL_STREAMS; i++) {
		if (s->kept[i].used)
			continue;
		k = &s->kept[i];
		*k = (struct kept){.used = true, .beside = beside,
				   .report.stream = *id};
	}
	return k;
}

static struct stream_report
own_report(const struct shell *s)
{
	struct stream_report r = {.stream = s->own,
				  .point = {s->own_head, s->own_head},
				  .rows = s->own_head};

	r.digest.low = s->own_head * 3 + s->own.generation;
	return r;
}

static void
tell_own(struct shell *s)
{
	struct mesh_input in = {.kind = MESH_OWN, .u.own = own_report(s)};

	shell_step(s, &in);
}

void
shell_own_moved(struct shell *s, uint64_t by)
{
	if (s->own.generation == 0)
		s->own.generation = SHELL_WALL_MS - 1000;
	if (s->own_head + by <= SEQ_MAX)
		s->own_head += by;
	tell_own(s);
}

static void
store_done(struct shell *s, const struct work *j, bool failed)
{
	struct mesh_input in = {.kind = MESH_STORED};
	struct kept *k = failed ? NULL :
			 shell_keep(s, &j->store.stream, j->store.rebuild);

	in.u.stored.store = j->store.store;
	in.u.stored.failed = k == NULL;
	in.u.stored.report.stream = j->store.stream;
	if (k != NULL) {
		/* The writer judges for itself: others may have been here. */
		if (j->store.point.cursor > k->report.point.cursor)
			k->report.point.cursor = j->store.point.cursor;
		if (j->store.point.base > k->report.point.base)
			k->report.point.base = j->store.point.base;
		k->report.digest = j->digest;
		k->report.rows = j->rows;
		if (j->store.rebuild && j->store.at_head) {
			struct kept *old = shell_keep(s, &j->store.stream,
						      false);

			if (old != NULL) {
				*old = *k;
				old->beside = false;
				k->used = false;
				k = old;
			}
		}
		in.u.stored.report = k->report;
	}
	shell_step(s, &in);
}

static void
let_go(struct shell *s, const struct stream_id *id)
{
	struct kept *k;

	if ((k = shell_kept(s, id, false)) != NULL)
		k->used = false;
	if ((k = shell_kept(s, id, true)) != NULL)
		k->used = false;
}

static void
end_done(struct shell *s, const struct work *j)
{
	struct mesh_input in = {.kind = MESH_FORGOT, .u.ended = j->stream};

	for (unsigned i = 0; i < SHELL_STREAMS; i++)
		if (s->kept[i].used &&
		    node_id_equal(&s->kept[i].report.stream.node,
				  &j->stream.node) &&
		    s->kept[i].report.stream.generation <=
			    j->stream.generation)
			s->kept[i].used = false;
	shell_own_moved(s, 1);
	if (!s->over)
		shell_step(s, &in);
}

void
shell_work(struct shell *s, bool failed)
{
	struct mesh_input in = {0};
	struct work j = s->work[0];

	if (s->work_count == 0)
		return;
	memmove(s->work, s->work + 1, --s->work_count * sizeof(s->work[0]));
	switch (j.kind) {
	case MESH_STORE:
		store_done(s, &j, failed);
		return;
	case MESH_BEGIN_GENERATION:
		if (failed || j.generation <= s->own.generation) {
			in.kind = MESH_UNDONE;
			in.u.undone.node = s->own.node;
			in.u.undone.generation = j.generation;
			shell_step(s, &in);
			return;
		}
		s->own.generation = j.generation;
		tell_own(s);
		return;
	case MESH_DROP:
		in.kind = failed ? MESH_UNDONE : MESH_DROPPED;
		if (failed)
			in.u.undone = j.stream;
		else
			in.u.dropped.stream = j.stream;
		if (!failed)
			let_go(s, &j.stream);
		shell_step(s, &in);
		return;
	case MESH_END:
		if (!failed)
			end_done(s, &j);
		return;
	default: /* nothing else is ever put there */
		fuzz_must(false, "what work is this");
	}
}

void
shell_read(struct shell *s, bool found)
{
	struct mesh_input in = {.kind = MESH_PAGE_READ};
	struct reading r = s->reading[0];

	if (s->reading_count == 0)
		return;
	memmove(s->reading, s->reading + 1,
		--s->reading_count * sizeof(s->reading[0]));
	for (unsigned i = 0; i < SHELL_LINKS; i++) {
		if (s->wires[i].state != WIRE_UP || s->wires[i].id != r.link)
			continue;
		in.link = r.link;
		in.u.page.request = r.request;
		in.u.page.found = found;
		s->page = r;
		s->page_ready = found;
		shell_step(s, &in);
		s->page_ready = false;
		return;
	}
}
