/*
 * shell_check.c: what must hold in the core after any step, whatever was said.
 */
#include "shell.h"

#include <string.h>

/* Nobody and nothing is there twice: slow, so not after every step. */
static void
check_twice(const struct mesh *m)
{
	const struct roster *r = &m->roster;

	for (uint32_t i = 0; i < m->links.count; i++)
		for (uint32_t k = 0; k < i; k++)
			fuzz_must(m->links.list[k].id != m->links.list[i].id,
				   "a link twice");
	for (uint32_t i = 0; i < r->count; i++)
		for (uint32_t k = 0; k < i; k++)
			fuzz_must(memcmp(&r->nodes[k].id, &r->nodes[i].id,
					  NODE_ID_BYTES) != 0 ||
				   roster_is_free(r, (uint16_t)k),
				   "a node twice");
}

static void
check_links(const struct mesh *m)
{
	uint32_t members[MESH_KNOWN_MAX] = {0};

	fuzz_must(m->links.count <= MESH_LINKS_MAX, "too many links");
	for (uint32_t i = 0; i < m->links.count; i++) {
		const struct link *l = &m->links.list[i];

		fuzz_must(l->serving <= SERVING_MAX, "serves too much");
		if (l->phase != LINK_MEMBER)
			continue;
		fuzz_must(l->node != NODE_SELF_INDEX &&
			   l->node < m->roster.count &&
			   !roster_is_free(&m->roster, l->node),
			   "a member that is nobody");
		members[l->node]++;
	}
	for (uint32_t i = 0; i < m->roster.count; i++)
		fuzz_must(members[i] == m->roster.nodes[i].link_count,
			   "links are counted wrong");
}

static void
check_roster(const struct mesh *m)
{
	const struct roster *r = &m->roster;
	uint64_t used = 0, linked = 0;
	uint32_t live = 0;

	fuzz_must(r->count >= 1 && r->count <= MESH_KNOWN_MAX &&
		   r->live_count <= MESH_LIVE_MAX, "too many nodes");
	fuzz_must(node_id_equal(&r->nodes[0].id, &m->config.self) &&
		   r->nodes[0].standing == STANDING_LIVE &&
		   r->nodes[0].run == m->config.run &&
		   r->nodes[0].port == m->config.port,
		   "it is not itself any more");
	for (uint32_t i = 0; i < r->count; i++) {
		const struct node *n = &r->nodes[i];

		live += n->standing == STANDING_LIVE;
		fuzz_must(n->link_count == 0 ||
			   (n->standing == STANDING_LIVE &&
			    n->slot != SLOT_NONE), "linked and not live");
		if (n->slot == SLOT_NONE)
			continue;
		fuzz_must(n->slot < SLOTS && r->slot_node[n->slot] == i &&
			   (used >> n->slot & 1u) == 0, "a slot of two");
		used |= UINT64_C(1) << n->slot;
		if (n->link_count > 0)
			linked |= UINT64_C(1) << n->slot;
	}
	fuzz_must(live == r->live_count, "the live are counted wrong");
	fuzz_must(used == r->slots_used && linked == r->slots_linked,
		   "slots are marked wrong");
}

static void
check_streams(const struct shell *s)
{
	struct mesh *m = s->mesh;
	uint32_t own = 0;

	for (uint32_t i = 0; i < m->roster.count * STREAMS_PER_NODE; i++) {
		const struct stream *t = &m->streams.list[i];
		uint32_t node = i / STREAMS_PER_NODE;

		if (t->generation == 0)
			continue;
		fuzz_must(t->generation <= GENERATION_MAX &&
			   t->point.base <= t->point.cursor,
			   "an unlawful stream");
		for (uint32_t k = node * STREAMS_PER_NODE; k < i; k++)
			fuzz_must(m->streams.list[k].generation !=
				   t->generation, "a life twice");
		if (t->own) {
			own++;
			fuzz_must(node == NODE_SELF_INDEX && t->held &&
				   t->generation == s->own.generation &&
				   t->point.cursor <= s->own_head,
				   "others moved our own stream");
			/* Of a life that is to end nothing more is told. */
			fuzz_must(t->point.cursor == s->own_head ||
				   m->streams.ending,
				   "our own head is not told of");
		}
		if (t->pull == PULL_NONE)
			continue;
		fuzz_must(t->pull < PULL_STREAMS_MAX &&
			   m->replica.pulls[t->pull].active &&
			   m->replica.pulls[t->pull].stream == i,
			   "a pull of another stream");
	}
	fuzz_must(own == (s->own.generation != 0), "own streams: not one");
	for (uint32_t i = 0; i < PULL_STREAMS_MAX; i++) {
		const struct pull *p = &m->replica.pulls[i];
		const struct link *l;

		if (!p->active || p->ended)
			continue;
		l = links_find(&m->links, p->link);
		fuzz_must(l != NULL && l->phase == LINK_MEMBER,
			   "pulls from nobody");
	}
}

/* As everybody can see it: see tests/sim/check.c. */
static void
check_views(const struct shell *s)
{
	static struct node_view v;
	struct rank best = {0}, best_live = {0}, now;
	bool eligible = false, live = false;
	uint32_t count = mesh_node_count(s->mesh);

	for (uint32_t i = 0; i < count; i++) {
		struct rank r;

		mesh_node_view(s->mesh, i, s->now_ms, &v);
		fuzz_must(v.self == (i == 0), "who is oneself");
		fuzz_must(memchr(v.name, '\0', sizeof(v.name)) != NULL &&
			   v.address_count <= NODE_ADDRESSES_MAX,
			   "a view without an end");
		if (v.state == NODE_STATE_GONE || v.state == NODE_STATE_LEFT) {
			fuzz_must(!v.self && !v.linked, "gone, but here");
			continue;
		}
		r = (struct rank){.port = v.port, .host = v.host,
				  .node = v.node};
		if (!live || rank_compare(&r, &best_live) < 0)
			best_live = r;
		live = true;
		if (v.state != NODE_STATE_LIVE)
			continue;
		if (!eligible || rank_compare(&r, &best) < 0)
			best = r;
		eligible = true;
	}
	mesh_coordinator(s->mesh, &now);
	if (node_id_is_zero(&now.node)) {
		fuzz_must(!mesh_synced(s->mesh), "synced, follows nobody");
		return;
	}
	fuzz_must(rank_compare(&now, eligible ? &best : &best_live) == 0,
		   "follows somebody who is not the lowest");
}

void
shell_check(struct shell *s)
{
	if (s->over)
		return;
	fuzz_must(mesh_wake_ms(s->mesh) >= s->now_ms, "wakes in the past");
	check_links(s->mesh);
	check_roster(s->mesh);
	check_streams(s);
}

void
shell_check_mesh(const struct mesh *m)
{
	check_links(m);
	check_roster(m);
	check_twice(m);
}

void
shell_check_all(struct shell *s)
{
	if (s->over)
		return;
	check_twice(s->mesh);
	check_views(s);
}
