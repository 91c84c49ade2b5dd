/*
 * test_core_kit.h: one struct mesh and a world told by the test.
 *
 * The test plays the driver: it feeds inputs and looks at the effects.
 */
#ifndef PHOTOMESH_TEST_CORE_KIT_H
#define PHOTOMESH_TEST_CORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mesh_private.h"

#define WALL UINT64_C(1700000000000)

static struct mesh mesh;
static struct mesh_effects effects;
static uint64_t kit_now;
static mesh_link kit_accepted;

static inline struct node_id
kit_id(uint8_t n)
{
	struct node_id id;

	memset(&id, n, sizeof(id));
	return id;
}

static inline void
kit_step(struct mesh_input *in)
{
	in->now_ms = kit_now;
	in->wall_ms = WALL + kit_now;
	mesh_step(&mesh, in, &effects);
}

/* Ourselves: id and port as said, base port 5000, eight ports. */
static inline void
kit_init(uint8_t self, uint16_t port)
{
	struct mesh_config c;

	memset(&c, 0, sizeof(c));
	memset(&effects, 0, sizeof(effects));
	c.self = kit_id(self);
	c.run = 100u + self;
	c.seed = self;
	c.host.bytes[0] = 9;
	c.port = port;
	c.base_port = 5000;
	c.port_count = 8;
	memcpy(c.name, "self", 5);
	kit_now = 1000;
	kit_accepted = 1;
	mesh_init(&mesh, &c);
}

static inline void
kit_kind(enum mesh_input_kind kind)
{
	struct mesh_input in = { .kind = kind };

	kit_step(&in);
}

static inline void
kit_down(mesh_link link, enum link_end end)
{
	struct mesh_input in = { .kind = MESH_LINK_DOWN, .link = link };

	in.u.end = end;
	kit_step(&in);
}

static inline const struct mesh_effect *
kit_find(enum mesh_effect_kind kind, uint32_t nth)
{
	for (uint32_t i = 0; i < effects.count; i++)
		if (effects.list[i].kind == kind && nth-- == 0)
			return &effects.list[i];
	return NULL;
}

static inline const struct mesh_effect *
kit_sent(mesh_link link, uint32_t type)
{
	for (uint32_t i = 0; i < effects.count; i++)
		if (effects.list[i].kind == MESH_SEND &&
		    effects.list[i].link == link &&
		    effects.list[i].u.message.type == type)
			return &effects.list[i];
	return NULL;
}

static inline bool
kit_hung_up(mesh_link link)
{
	for (uint32_t i = 0; i < effects.count; i++)
		if (effects.list[i].kind == MESH_HANG_UP &&
		    effects.list[i].link == link)
			return true;
	return false;
}

/* Refuse every dial that is under way. */
static inline void
kit_refuse_all(void)
{
	for (;;) {
		mesh_link id = MESH_LINK_NONE;

		for (uint32_t i = 0; i < mesh.links.count; i++)
			if (mesh.links.list[i].phase == LINK_DIALLING)
				id = mesh.links.list[i].id;
		if (id == MESH_LINK_NONE)
			return;
		kit_down(id, LINK_REFUSED);
	}
}

static inline mesh_link
kit_up(bool loopback)
{
	struct mesh_input in = { .kind = MESH_LINK_UP, .link = kit_accepted };

	kit_accepted += 2;
	in.u.up.accepted = true;
	in.u.up.loopback = loopback;
	kit_step(&in);
	return in.link;
}

static inline void
kit_heard(mesh_link link, const struct message *msg)
{
	struct mesh_input in = { .kind = MESH_HEARD, .link = link };

	in.u.message = msg;
	kit_step(&in);
}

static inline void
kit_hello(mesh_link link, uint8_t id, uint64_t run, uint64_t uptime,
	  uint16_t port)
{
	struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_HELLO;
	msg.u.hello.version_min = 1;
	msg.u.hello.version_max = 1;
	msg.u.hello.node = kit_id(id);
	msg.u.hello.run = run;
	msg.u.hello.uptime_ms = uptime;
	msg.u.hello.port = port;
	msg.u.hello.host.bytes[0] = 9;
	memcpy(msg.u.hello.name, "peer", 5);
	kit_heard(link, &msg);
}

static inline void
kit_streams(mesh_link link, bool full, const struct stream_report *r,
	    uint32_t count)
{
	struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_STREAMS;
	msg.u.streams.full = full;
	msg.u.streams.count = count;
	msg.u.streams.reports = r;
	kit_heard(link, &msg);
}

static inline void
kit_heartbeat(mesh_link link, bool synced)
{
	struct message msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = MESSAGE_HEARTBEAT;
	msg.u.heartbeat.period_ms = 250;
	msg.u.heartbeat.synced = synced;
	kit_heard(link, &msg);
}

/* ... and what is due then. */
static inline void
kit_heartbeat_and_tick(mesh_link link)
{
	kit_heartbeat(link, true);
	kit_kind(MESH_TICK);
}

static inline struct stream_report
kit_report(uint8_t id, uint64_t generation, uint64_t base, uint64_t cursor,
	   uint64_t digest)
{
	struct stream_report r;

	memset(&r, 0, sizeof(r));
	r.stream.node = kit_id(id);
	r.stream.generation = generation;
	r.point.base = base;
	r.point.cursor = cursor;
	r.digest.low = digest;
	return r;
}

/* Started, alone, with this from an earlier run; id 2 on port 5001. */
static inline void
kit_holding(const struct stream_report *held)
{
	kit_init(2, 5001);
	mesh_remember_stream(&mesh, held);
	kit_kind(MESH_START);
	kit_refuse_all();
}

/* A synced peer on a fresh accepted loopback link. */
static inline mesh_link
kit_peer(uint8_t id, uint16_t port)
{
	mesh_link l = kit_up(true);

	kit_hello(l, id, 500u + id, 60000, port);
	kit_streams(l, true, NULL, 0);
	kit_heartbeat(l, true);
	return l;
}

static inline bool
kit_leads(uint8_t id)
{
	struct rank rank;
	struct node_id want = kit_id(id);

	mesh_coordinator(&mesh, &rank);
	return node_id_equal(&rank.node, &want);
}

/* Started, and nobody there: synced, and leading itself. */
static inline void
kit_alone(uint8_t self, uint16_t port)
{
	kit_init(self, port);
	kit_kind(MESH_START);
	kit_refuse_all();
	assert_true(mesh_synced(&mesh));
	assert_true(kit_leads(self));
}

#endif
