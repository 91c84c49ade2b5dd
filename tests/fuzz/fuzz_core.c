/*
 * Sequences of everything that can happen to one node's core: links that open
 * and end at any moment, frames on them from members and from strangers, lawful
 * and not, time that passes or jumps, a disk that is slow or refuses, pages and
 * pulls, forgotten nodes, beacons.  The bytes choose; shell_*.c judges.
 */
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "frame.h"
#include "shell.h"

#define EVENTS_MAX 300u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct shell shell;

/* ---- how it begins ------------------------------------------------------ */

static void
configure(struct choices *c, struct mesh_config *config)
{
	unsigned flags = choose(c);

	memset(config, 0, sizeof(*config));
	choices_node(SELF_CHOICE, &config->self);
	config->run = 77;
	config->seed = 5;
	config->remembers = flags & 1;
	strcpy(config->name, "self");
	strcpy(config->software, "fuzz");
	memset(&config->host, 1, sizeof(config->host));
	config->port = 5003;
	config->base_port = 5000;
	config->port_count = flags & 2 ? 4 : (uint16_t)(flags >> 4);
	if (flags & 4) {
		config->address_count = 1;
		choices_address(7, &config->addresses[0]);
	}
	if (flags & 8) {
		config->join_count = 2;
		choices_address(200, &config->joins[0]);
		choices_address(3, &config->joins[1]);
	}
}

/* What a former run has left. */
static void
remember(struct choices *c, struct shell *s)
{
	unsigned count = choose(c) % 8;

	for (unsigned i = 0; i < count; i++) {
		unsigned who = choose(c);
		struct mesh_memory m = {.port = (uint16_t)(5000 + who % 8)};
		struct kept *k;
		struct stream_id id;

		choices_node(who, &m.node);
		strcpy(m.name, "known");
		m.host.bytes[0] = (uint8_t)(1 + who % 3);
		m.last_heard_wall_ms = who & 16 ? SHELL_WALL_MS - 5 : 0;
		m.left = who & 32;
		if (!node_id_equal(&m.node, &s->own.node))
			mesh_remember_node(s->mesh, &m);
		choices_stream(c, who, &id);
		if (node_id_equal(&id.node, &s->own.node) ||
		    (k = shell_keep(s, &id, false)) == NULL)
			continue;
		k->report.point.cursor = choose(c) % 32;
		k->report.point.base =
			choose(c) % 2 ? k->report.point.cursor : 0;
		mesh_remember_stream(s->mesh, &k->report);
	}
	if (choose(c) % 4 != 0) {
		struct stream_report own = {.stream = s->own};

		own.stream.generation = SHELL_WALL_MS - 1000;
		own.point.cursor = own.point.base = s->own_head = 10;
		own.rows = 10;
		s->own = own.stream;
		mesh_remember_stream(s->mesh, &own);
	}
}

/* ---- frames ---------------------------------------------------------------- */

static void
say(struct shell *s, struct wire *w, const struct message *m,
    const struct node_id *speaker)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	size_t bytes = message_encode(m, frame, sizeof(frame));

	if (bytes > 0)
		shell_hear(s, w, frame + FRAME_HEADER_BYTES,
			   bytes - FRAME_HEADER_BYTES, speaker);
}

static void
say_hello(struct choices *c, struct shell *s, struct wire *w, unsigned who)
{
	struct message m = {.type = MESSAGE_HELLO};
	struct node_id speaker;

	choices_hello(c, who, &m.u.hello);
	choices_node(who, &speaker);
	say(s, w, &m, &speaker);
}

/* Any message but HELLO, as one of ours would write it. */
static void
say_something(struct choices *c, struct shell *s, struct wire *w)
{
	static const uint8_t types[] = {
		MESSAGE_NODES, MESSAGE_HEARTBEAT, MESSAGE_STREAMS, MESSAGE_PULL,
		MESSAGE_WELCOME, MESSAGE_JOIN, MESSAGE_ERROR, MESSAGE_GOODBYE,
		MESSAGE_STREAMS, MESSAGE_NODES, MESSAGE_VERIFY, MESSAGE_BATCH};
	struct message m = {.type = types[choose(c) % sizeof(types)]};

	m.request = choose(c) % 4;
	switch ((enum message_type)m.type) {
	case MESSAGE_NODES:
	case MESSAGE_WELCOME:
		if (m.type == MESSAGE_WELCOME && w->joined)
			m.request = w->join_request;
		choices_nodes(c, &m.u.nodes);
		break;
	case MESSAGE_STREAMS:
		choices_streams(c, &w->node, &m.u.streams);
		break;
	case MESSAGE_HEARTBEAT:
		choices_heartbeat(c, &m.u.heartbeat);
		break;
	case MESSAGE_PULL:
		choices_pull(c, &s->own, &m.u.pull);
		break;
	case MESSAGE_BATCH:
		choices_batch(c, &m.u.batch);
		break;
	case MESSAGE_ERROR:
		m.u.error.code = 1 + choose(c) % 6;
		if (w->asked && choose(c) % 2)
			m.request = w->request;
		break;
	case MESSAGE_GOODBYE:
		m.u.goodbye.why = 1 + choose(c) % 7;
		break;
	default: /* an empty map */
		break;
	}
	say(s, w, &m, &w->node);
}

/* What was asked for, more or less. */
static void
say_page(struct choices *c, struct shell *s, struct wire *w)
{
	struct message m = {.type = MESSAGE_BATCH, .request = w->request};

	if (!w->asked)
		return;
	choices_answer(c, &w->pull, &m.u.batch);
	say(s, w, &m, &w->node);
}

static void
say_bytes(struct choices *c, struct shell *s, struct wire *w)
{
	size_t bytes = (size_t)choose(c) * 8 + choose(c) % 8;
	const uint8_t *body = choices_bytes(c, &bytes);
	uint8_t *copy = malloc(bytes + 1); /* one too far is seen */

	fuzz_must(copy != NULL, "out of memory");
	copy = realloc(copy, bytes > 0 ? bytes : 1);
	memcpy(copy, body, bytes);
	shell_hear(s, w, copy, bytes, &w->node);
	free(copy);
}

/* Many at once, as after a power cut: more than there is room for. */
static void
crowd(struct choices *c, struct shell *s)
{
	unsigned first = choose(c), count = choose(c) % 72;

	for (unsigned i = 0; i < count && !s->over; i++) {
		struct choices none = {0};
		mesh_link id = s->next_accept;

		shell_accept(s, true);
		for (unsigned k = 0; k < SHELL_LINKS && !s->over; k++)
			if (s->wires[k].state == WIRE_UP &&
			    s->wires[k].id == id) {
				say_hello(&none, s, &s->wires[k],
					  (first + i) & 0xffu);
				break;
			}
	}
}

/* ---- events ------------------------------------------------------------------ */

static void
pass_time(struct choices *c, struct shell *s)
{
	static const uint32_t some[] = {0,    1,    5,	   20,	   100,	  260,
					1000, 2000, 4100, 10000, 31000, 61000,
					600000};
	unsigned how = choose(c);
	uint64_t ms = some[how % 13];

	if (how >= 224) { /* the wall clock jumps */
		s->wall_ms += how & 1 ? 86400000 : 0;
		s->wall_ms -= how & 2 ? 3600000 : 0;
	}
	shell_pass(s, ms, how % 2 == 0 || how < 128);
}

static void
dial_goes_on(struct choices *c, struct shell *s, struct wire *w)
{
	struct mesh_input in = {.link = w->id};
	unsigned how = choose(c);

	if (w->state == WIRE_UP)
		return;
	if (how % 4 == 0) {
		shell_end(s, w, (enum link_end)(how / 4 % 7));
		return;
	}
	if (w->state == WIRE_DIALLED) {
		w->state = WIRE_CONNECTED;
		in.kind = MESH_LINK_CONNECTED;
		shell_step(s, &in);
	}
	if (s->over || w->state != WIRE_CONNECTED || how % 4 == 1)
		return;
	w->state = WIRE_UP;
	in.kind = MESH_LINK_UP;
	in.u.up.loopback = how & 8;
	shell_step(s, &in);
	if (how % 4 == 3 && !s->over && w->state == WIRE_UP)
		say_hello(c, s, w, choose(c));
}

static void
about_nodes(struct choices *c, struct shell *s)
{
	struct mesh_input in = {0};
	unsigned what = choose(c), who = choose(c);

	switch (what % 4) {
	case 0:
		in.kind = MESH_FORGET;
		choices_node(who, &in.u.forget);
		break;
	case 1:
		in.kind = MESH_FORGOTTEN;
		choices_stream(c, who, &in.u.ended);
		break;
	case 2:
		in.kind = MESH_BEACON;
		choices_node(who, &in.u.beacon.node);
		choices_address(choose(c), &in.u.beacon.address);
		break;
	default:
		if (what != 255)
			return;
		in.kind = MESH_LEAVE;
		break;
	}
	shell_step(s, &in);
	if (in.kind == MESH_LEAVE)
		s->over = true;
}

static void
on_a_link(struct choices *c, struct shell *s, unsigned what)
{
	struct wire *w = shell_wire(s, choose(c),
				    what == 0 ? WIRE_DIALLED : WIRE_UP);

	if (w == NULL)
		return;
	switch (what) {
	case 0:
		dial_goes_on(c, s, w);
		return;
	case 1:
		say_hello(c, s, w, choose(c));
		return;
	case 2:
		say_something(c, s, w);
		return;
	case 3:
		say_page(c, s, w);
		return;
	case 4:
		say_bytes(c, s, w);
		return;
	default:
		shell_end(s, w, (enum link_end)(choose(c) % 7));
		return;
	}
}

static void
event(struct choices *c, struct shell *s)
{
	unsigned what = choose(c) % 18;

	if (what < 9) {
		static const uint8_t often[] = {0, 1, 2, 2, 2, 3, 3, 4, 5};

		on_a_link(c, s, often[what]);
		return;
	}
	switch (what) {
	case 9:
	case 10:
		pass_time(c, s);
		return;
	case 11:
		shell_accept(s, choose(c) % 2);
		return;
	case 12:
	case 13:
		shell_work(s, choose(c) >= 224);
		return;
	case 14:
		shell_read(s, choose(c) < 192);
		return;
	case 15:
		shell_own_moved(s, choose(c) % 8);
		return;
	case 16:
		about_nodes(c, s);
		return;
	default:
		crowd(c, s);
		return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices c = {.at = data, .left = size};
	struct mesh_input start = {.kind = MESH_START};
	struct mesh_config config;

	if (shell.mesh == NULL) {
		shell.mesh = malloc(mesh_bytes());
		shell.effects = malloc(sizeof(*shell.effects));
		fuzz_must(shell.mesh != NULL && shell.effects != NULL,
			   "out of memory");
	}
	configure(&c, &config);
	shell_begin(&shell, &config);
	remember(&c, &shell);
	shell_step(&shell, &start);
	for (unsigned n = 0; n < EVENTS_MAX && c.left > 0 && !shell.over; n++) {
		event(&c, &shell);
		if (n % 8 == 7)
			shell_check_all(&shell);
	}
	shell_check_all(&shell);
	/* Nothing comes out of one that has ended. */
	if (shell.over) {
		struct mesh_input tick = {.kind = MESH_TICK};

		shell.now_ms += 1000;
		shell_step(&shell, &tick);
	}
	return 0;
}
