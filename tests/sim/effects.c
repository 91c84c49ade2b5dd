/*
 * effects.c: what the core wants, performed.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
send_on(struct world *w, struct slot *s, uint32_t wire, uint32_t side,
	const struct message *m, struct frame_buf *f)
{
	struct wire_end *end = &w->wires[wire].end[side];

	if (!end->up)
		world_fail(w, "%s sends on a link that is not up", s->name);
	if (f->type == MESSAGE_HELLO)
		end->hello_sent = true;
	if (f->type == MESSAGE_STREAMS) {
		if (!end->streams_sent && !m->u.streams.full)
			world_fail(w, "%s: the first STREAMS on a link is not "
				      "full", s->name);
		end->streams_sent = true;
	}
	wire_send(w, wire, side, TOLD_FRAME, f, LINK_CLOSED);
}

static void
effect_send(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	struct message m = e->u.message;
	struct frame_buf *f;
	uint32_t wire, side;

	if (m.type == MESSAGE_HELLO) {
		memset(m.u.hello.key, 0, sizeof m.u.hello.key);
		memcpy(m.u.hello.key, s->config.self.bytes, NODE_ID_BYTES);
	}
	if (s->liar)
		liar_says(w, &m);
	else if (m.type == MESSAGE_STREAMS)
		check_streams(w, s, &m.u.streams);
	f = frame_buf_new(&m);
	if (f == NULL || (m.type == MESSAGE_HELLO &&
			  f->bytes > FRAME_HEADER_BYTES + HELLO_BODY_BYTES_MAX)) {
		world_fail(w, "%s: %s does not fit", s->name,
			   message_type_text(m.type));
		free(f);
		return;
	}
	f->refs = 1;
	if (m.type != MESSAGE_HEARTBEAT)
		world_trace(w, "  %s: %s on %llu", s->name,
			    message_type_text(m.type),
			    (unsigned long long)e->link);
	check_print_message(w, s, &m);
	world_mix(w, f->bytes * 64 + m.type);
	if (e->link != MESH_LINK_ALL) {
		if (wire_find(w, s, e->link, &wire, &side) != NULL)
			send_on(w, s, wire, side, &m, f);
	} else {
		for (uint32_t i = 0; i < s->open_count; i++) {
			uint32_t key = s->open[i];
			struct wire_end *end = &w->wires[key / 2].end[key % 2];

			if (end->hello_sent && end->hello_heard)
				send_on(w, s, key / 2, key % 2, &m, f);
		}
	}
	frame_buf_drop(f);
}

static void
effect_send_page(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	uint32_t wire, side;

	for (uint32_t i = 0; i < s->page_count; i++) {
		struct page *p = &s->pages[i];

		if (p->link != e->link || p->request != e->u.page.request)
			continue;
		if (wire_find(w, s, e->link, &wire, &side) != NULL)
			send_on(w, s, wire, side, NULL, p->frame);
		frame_buf_drop(p->frame);
		*p = s->pages[--s->page_count];
		return;
	}
	world_fail(w, "%s sends a page that nobody has read", s->name);
}

static void
effect_remember(struct world *w, struct slot *s, const struct node_id *node)
{
	struct disk *d = s->disk;
	struct mesh_memory *m = NULL;
	struct node_view v;
	uint32_t count = mesh_node_count(s->mesh);

	for (uint32_t i = 0; i < count; i++) {
		mesh_node_view(s->mesh, i, node_now_ms(w), &v);
		if (node_id_equal(&v.node, node))
			break;
		if (i + 1 == count)
			return;
	}
	for (uint32_t i = 0; i < d->memory_count; i++)
		if (node_id_equal(&d->memory[i].node, node))
			m = &d->memory[i];
	if (m == NULL) {
		if (liar_phantom(node))
			return;
		assert(d->memory_count < SIM_KNOWN);
		m = &d->memory[d->memory_count++];
	}
	memset(m, 0, sizeof *m);
	m->node = v.node;
	memcpy(m->name, v.name, sizeof m->name);
	m->host = v.host;
	m->port = v.port;
	m->address_count = v.address_count;
	memcpy(m->addresses, v.addresses, sizeof m->addresses);
	m->last_heard_wall_ms = v.last_heard_wall_ms;
	m->left = v.state == NODE_STATE_LEFT;
}

static void
effect_store(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	if (w->hearing == NULL || w->hearing->type != MESSAGE_BATCH) {
		world_fail(w, "%s stores without a batch", s->name);
		return;
	}
	if (e->u.store.stream.generation == s->disk->own_generation &&
	    node_id_equal(&e->u.store.stream.node, &s->disk->identity)) {
		world_fail(w, "%s lets a peer write its own stream", s->name);
		return;
	}
	world_trace(w, "  %s: store %llu of %s gen %llu, %u rows -> %llu/%llu%s%s",
		    s->name, (unsigned long long)e->u.store.store,
		    world_name(w, &e->u.store.stream.node),
		    (unsigned long long)e->u.store.stream.generation,
		    w->hearing->u.batch.record_count,
		    (unsigned long long)e->u.store.point.base,
		    (unsigned long long)e->u.store.point.cursor,
		    e->u.store.rebuild ? ", beside" : "",
		    e->u.store.at_head ? ", at head" : "");
	disk_queue_store(w, s, &e->u.store, &w->hearing->u.batch);
}

static void
effect_drop(struct world *w, struct slot *s, const struct stream_id *stream)
{
	world_trace(w, "  %s: drop %s gen %llu", s->name,
		    world_name(w, &stream->node),
		    (unsigned long long)stream->generation);
	if (stream->generation == s->disk->own_generation &&
	    node_id_equal(&stream->node, &s->disk->identity))
		world_fail(w, "%s drops its own stream", s->name);
	disk_queue_drop(w, s, stream);
}

/* Whoever was suspect is not trusted again within a second. */
static void
news_of_suspicion(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	uint32_t whom = e->u.news.node.bytes[2];

	if (whom >= SIM_KNOWN)
		return;
	if (e->u.news.what == NEWS_PEER_SUSPECT)
		s->suspect_us[whom] = w->now_us;
	if (e->u.news.what == NEWS_PEER_WELL)
		s->well_us[whom] = w->now_us;
	if (e->u.news.what == NEWS_PEER_GONE &&
	    s->well_us[whom] == w->now_us)
		world_fail(w, "%s trusts %s again and loses it at once",
			   s->name, world_name(w, &e->u.news.node));
	if (e->u.news.what != NEWS_PEER_WELL ||
	    w->now_us + 1000 >= s->suspect_us[whom] + MS(1000))
		return;
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (node_id_equal(&w->slots[i].disk->identity,
				  &e->u.news.node) &&
		    check_linked(w, s, &w->slots[i]))
			world_fail(w, "%s trusts %s again too soon", s->name,
				   w->slots[i].name);
}

static void
effect_news(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	static const char *const words[] = {
		[NEWS_PEER_LIVE] = "sees",
		[NEWS_PEER_SUSPECT] = "suspects",
		[NEWS_PEER_WELL] = "trusts again",
		[NEWS_PEER_GONE] = "lost",
		[NEWS_PEER_LEFT] = "heard goodbye from",
		[NEWS_PEER_FORGOTTEN] = "forgets",
		[NEWS_SYNCED] = "is synced",
		[NEWS_UNSYNCED] = "looks around afresh",
		[NEWS_UNEQUAL] = "holds unequal rows of",
		[NEWS_MESH_FULL] = "has no room for",
		[NEWS_REFUSED] = "refuses something from",
	};
	bool alone = e->u.news.what == NEWS_SYNCED ||
		     e->u.news.what == NEWS_UNSYNCED;
	const char *whom = alone ? "" : world_name(w, &e->u.news.node);

	world_mix(w, e->u.news.what);
	world_tell(w, "%s %s%s%s%s%s", s->name, words[e->u.news.what],
		   alone ? "" : " ", whom, e->u.news.text != NULL ? ": " : "",
		   e->u.news.text != NULL ? e->u.news.text : "");
	if (e->u.news.what == NEWS_MESH_FULL && !s->liar)
		world_fail(w, "%s: mesh full", s->name);
	if (w->peaceful && w->weather == STORM &&
	    ((e->u.news.what == NEWS_PEER_SUSPECT && !w->napping) ||
	     e->u.news.what == NEWS_PEER_GONE ||
	     e->u.news.what == NEWS_UNEQUAL ||
	     e->u.news.what == NEWS_REFUSED))
		world_fail(w, "%s %s %s for no reason", s->name,
			   words[e->u.news.what], whom);
	news_of_suspicion(w, s, e);
	if (s->liar)
		return;
	if (e->u.news.what == NEWS_PEER_GONE)
		check_gone(w, s, &e->u.news.node, w->refused);
	if (e->u.news.what == NEWS_PEER_SUSPECT)
		check_suspect(w, s, &e->u.news.node);
	if (e->u.news.what == NEWS_PEER_FORGOTTEN)
		check_forgotten(s, &e->u.news.node);
	if (e->u.news.what == NEWS_PEER_LIVE)
		check_live(w, s, &e->u.news.node);
	if (e->u.news.what == NEWS_SYNCED)
		check_synced(w, s);
}

static void
effect_crown(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	const struct rank *now = &e->u.crown.now;

	s->coordinator = *now;
	w->crowns++;
	if (node_id_is_zero(&now->node))
		world_tell(w, "%s follows nobody", s->name);
	else if (node_id_equal(&now->node, &s->config.self))
		world_tell(w, "%s (%u) coordinates", s->name, s->port);
	else
		world_tell(w, "%s follows %s (%u)", s->name,
			   world_name(w, &now->node), now->port);
}

static void
effect_new_identity(struct world *w, struct slot *s)
{
	world_tell(w, "%s is the later twin and becomes somebody else",
		   s->name);
	node_kill(w, s, false);
	disk_adopt(w, s->disk, (struct node_id){{0, (uint8_t)s->index}},
		   node_wall_ms(w, s));
	world_at(w, w->now_us + MS(50), EVENT_RESTART, s->index, 0, NULL);
}

bool
effect_perform(struct world *w, struct slot *s, const struct mesh_effect *e)
{
	uint32_t wire, side;

	world_mix(w, ((uint64_t)e->kind << 56) ^ e->link);
	switch (e->kind) {
	case MESH_DIAL:
		world_trace(w, "  %s: dial %s:%u as %llu", s->name,
			    e->u.address.host, e->u.address.port,
			    (unsigned long long)e->link);
		wire_dial(w, s, e->link, &e->u.address);
		break;
	case MESH_HANG_UP:
		world_trace(w, "  %s: hang up %llu", s->name,
			    (unsigned long long)e->link);
		if (wire_find(w, s, e->link, &wire, &side) == NULL)
			break;
		if (w->wires[wire].end[side].hello_heard &&
		    w->wires[wire].end[1 - side].slot >= 0)
			check_hung_up(w, s, &w->wires[wire].end[1 - side]);
		wire_close(w, wire, side, true);
		break;
	case MESH_SEND:
		effect_send(w, s, e);
		break;
	case MESH_STORE:
		effect_store(w, s, e);
		break;
	case MESH_READ_PAGE:
		disk_queue_read(w, s, e);
		break;
	case MESH_SEND_PAGE:
		effect_send_page(w, s, e);
		break;
	case MESH_BEGIN_GENERATION:
		world_tell(w, "%s begins a new generation", s->name);
		s->ending_life = s->disk->own_generation;
		disk_queue_generation(w, s, e->u.generation);
		break;
	case MESH_DROP:
		effect_drop(w, s, &e->u.stream);
		break;
	case MESH_END:
		world_trace(w, "  %s: end %s up to gen %llu%s%s", s->name,
			    world_name(w, &e->u.end.stream.node),
			    (unsigned long long)e->u.end.stream.generation,
			    e->u.end.vanishes ? ", it vanishes" : "",
			    e->u.end.ordered ? ", ordered" : "");
		ended_judge(w, s, e);
		disk_queue_end(w, s, e);
		break;
	case MESH_REMEMBER:
		effect_remember(w, s, &e->u.node);
		break;
	case MESH_NEW_IDENTITY:
		effect_new_identity(w, s);
		return false;
	case MESH_CROWN:
		effect_crown(w, s, e);
		break;
	case MESH_NEWS:
		effect_news(w, s, e);
		break;
	}
	return true;
}
