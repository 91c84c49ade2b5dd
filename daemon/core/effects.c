/* effects.c: see effects.h. */
#include <assert.h>
#include <string.h>

#include "effects.h"
#include "mesh_private.h"

/* Only the message's own arm is cleared by those who fill it. */
static struct mesh_effect *
effect_add(struct mesh *m, enum mesh_effect_kind kind, mesh_link link)
{
	struct mesh_effect *e;

	assert(m->out != NULL);
	assert(m->out->count < MESH_EFFECTS_MAX);
	e = &m->out->list[m->out->count++];
	e->kind = kind;
	e->link = link;
	return e;
}

bool
effects_room_for_dial(const struct mesh *m)
{
	assert(m->out != NULL);
	return m->out->count < MESH_EFFECTS_MAX - EFFECTS_RESERVE;
}

void
effect_dial(struct mesh *m, mesh_link link, const struct address *to)
{
	assert(link % 2 == 0);
	assert(to->port != 0);
	effect_add(m, MESH_DIAL, link)->u.address = *to;
}

void
effect_hang_up(struct mesh *m, mesh_link link)
{
	effect_add(m, MESH_HANG_UP, link);
}

struct message *
effect_send(struct mesh *m, mesh_link link, uint32_t type, uint32_t request)
{
	struct message *msg = &effect_add(m, MESH_SEND, link)->u.message;

	assert(link != MESH_LINK_NONE);
	memset(msg, 0, sizeof(*msg));
	msg->type = type;
	msg->request = request;
	return msg;
}

void
effect_goodbye(struct mesh *m, mesh_link link, uint32_t why)
{
	effect_send(m, link, MESSAGE_GOODBYE, 0)->u.goodbye.why = why;
}

void
effect_error(struct mesh *m, mesh_link link, uint32_t request, uint32_t code,
	     const char *text)
{
	struct message *msg = effect_send(m, link, MESSAGE_ERROR, request);
	size_t bytes = strlen(text);

	assert(bytes <= REASON_BYTES_MAX);
	msg->u.error.code = code;
	memcpy(msg->u.error.text, text, bytes + 1);
}

void
effect_store(struct mesh *m, mesh_link link, const struct mesh_store *store)
{
	assert(store->point.base <= store->point.cursor);
	effect_add(m, MESH_STORE, link)->u.store = *store;
}

void
effect_read_page(struct mesh *m, mesh_link link, uint32_t request,
		 const struct message_pull *pull)
{
	struct mesh_effect *e = effect_add(m, MESH_READ_PAGE, link);

	e->u.page.request = request;
	e->u.page.stream = pull->stream;
	e->u.page.after = pull->after;
	e->u.page.credit_bytes = pull->credit_bytes;
}

void
effect_send_page(struct mesh *m, mesh_link link, uint32_t request)
{
	struct mesh_effect *e = effect_add(m, MESH_SEND_PAGE, link);

	memset(&e->u.page, 0, sizeof(e->u.page));
	e->u.page.request = request;
}

void
effect_begin_generation(struct mesh *m, uint64_t generation)
{
	assert(generation > 0);
	assert(generation <= GENERATION_MAX);
	effect_add(m, MESH_BEGIN_GENERATION, MESH_LINK_NONE)->u.generation =
		generation;
}

void
effect_drop(struct mesh *m, const struct node_id *node, uint64_t generation)
{
	struct mesh_effect *e = effect_add(m, MESH_DROP, MESH_LINK_NONE);

	assert(generation > 0);
	memset(&e->u.stream, 0, sizeof(e->u.stream));
	e->u.stream.node = *node;
	e->u.stream.generation = generation;
}

void
effect_end(struct mesh *m, const struct node_id *node, uint64_t generation,
	   bool vanishes, bool ordered)
{
	struct mesh_effect *e = effect_add(m, MESH_END, MESH_LINK_NONE);

	assert(generation > 0);
	memset(&e->u.end, 0, sizeof(e->u.end));
	e->u.end.stream.node = *node;
	e->u.end.stream.generation = generation;
	e->u.end.vanishes = vanishes;
	e->u.end.ordered = ordered;
}

void
effect_remember(struct mesh *m, const struct node_id *node)
{
	effect_add(m, MESH_REMEMBER, MESH_LINK_NONE)->u.node = *node;
}

void
effect_new_identity(struct mesh *m)
{
	effect_add(m, MESH_NEW_IDENTITY, MESH_LINK_NONE);
}

void
effect_crown(struct mesh *m, const struct rank *now, const struct rank *was)
{
	struct mesh_effect *e = effect_add(m, MESH_CROWN, MESH_LINK_NONE);

	e->u.crown.now = *now;
	e->u.crown.was = *was;
}

void
effect_news(struct mesh *m, enum mesh_news what, const struct node_id *node,
	    const char *text)
{
	struct mesh_effect *e = effect_add(m, MESH_NEWS, MESH_LINK_NONE);

	e->u.news.what = what;
	e->u.news.node = *node;
	e->u.news.text = text;
}
