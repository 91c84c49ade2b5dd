/* links.c: see links.h. */
#include <assert.h>
#include <string.h>

#include "links.h"

void
links_init(struct links *t)
{
	t->count = 0;
	t->next_dial = 2;
	t->order_last = 0;
}

struct link *
links_find(struct links *t, mesh_link id)
{
	assert(t->count <= MESH_LINKS_MAX);
	for (uint32_t i = 0; i < t->count; i++)
		if (t->list[i].id == id)
			return &t->list[i];
	return NULL;
}

struct link *
links_add(struct links *t, mesh_link id)
{
	struct link *l;

	assert(id != MESH_LINK_NONE);
	assert(id != MESH_LINK_ALL);
	assert(links_find(t, id) == NULL);
	if (t->count == MESH_LINKS_MAX)
		return NULL;
	l = &t->list[t->count++];
	memset(l, 0, sizeof(*l));
	l->id = id;
	l->evidence = NODE_NONE;
	l->node = NODE_NONE;
	l->deadline_ms = NEVER_MS;
	return l;
}

void
links_remove(struct links *t, mesh_link id)
{
	struct link *l = links_find(t, id);

	assert(l != NULL);
	assert(t->count > 0);
	*l = t->list[--t->count];
}

mesh_link
links_next_dial(struct links *t)
{
	mesh_link id = t->next_dial;

	assert(id % 2 == 0);
	t->next_dial += 2;
	return id;
}

struct link *
links_of_node(struct links *t, uint16_t node)
{
	struct link *best = NULL;

	assert(node != NODE_NONE);
	for (uint32_t i = 0; i < t->count; i++) {
		struct link *l = &t->list[i];

		if (l->phase != LINK_MEMBER || l->node != node)
			continue;
		if (best == NULL || l->order > best->order)
			best = l;
	}
	return best;
}

struct link *
links_dialling(struct links *t, const struct address *address)
{
	for (uint32_t i = 0; i < t->count; i++) {
		struct link *l = &t->list[i];

		if (l->phase != LINK_MEMBER && !l->accepted &&
		    address_equal(&l->address, address))
			return l;
	}
	return NULL;
}

bool
link_may_move(enum link_phase from, enum link_phase to)
{
	switch (to) {
	case LINK_DIALLING:
		return false;
	case LINK_CONNECTED:
		return from == LINK_DIALLING;
	case LINK_UP:
		return from == LINK_DIALLING || from == LINK_CONNECTED;
	case LINK_MEMBER:
		return from == LINK_UP;
	}
	return false;
}

void
link_become(struct link *l, enum link_phase to)
{
	assert(link_may_move(l->phase, to));
	l->phase = to;
}
