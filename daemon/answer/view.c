#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"

#define ID_PREFIX_MIN 4u

static void
show_names(struct view *v)
{
	for (uint32_t i = 0; i < v->count; i++) {
		struct view_node *n = &v->nodes[i];
		char hex[2 * NODE_ID_BYTES + 1], name[NODE_NAME_BYTES_MAX + 1];
		bool shared = false;

		hex_encode(n->is.node.bytes, NODE_ID_BYTES, hex);
		for (uint32_t k = 0; k < v->count && !shared; k++)
			shared = k != i && strcmp(v->nodes[k].is.name,
						  n->is.name) == 0;
		memcpy(name, n->is.name, sizeof(name));
		if (name[0] == '\0')
			snprintf(n->shown, sizeof(n->shown), "%.8s", hex);
		else if (shared)
			snprintf(n->shown, sizeof(n->shown), "%s~%.4s", name,
				 hex);
		else
			snprintf(n->shown, sizeof(n->shown), "%s", name);
	}
}

static struct view *
view_alloc(uint32_t count)
{
	struct view *v = calloc(1, sizeof(*v) + count * sizeof(v->nodes[0]));

	if (v == NULL)
		return NULL;
	v->count = count;
	v->wall_ms = clock_wall_ms();
	return v;
}

struct view *
view_make(const struct node_view *nodes, uint32_t count)
{
	struct view *v = view_alloc(count);

	if (v == NULL)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		v->nodes[i].is = nodes[i];
		if (nodes[i].coordinator)
			v->coordinator = (struct rank){nodes[i].port,
						       nodes[i].host,
						       nodes[i].node};
	}
	show_names(v);
	return v;
}

struct view *
view_take(const struct mesh *m, bool scanning)
{
	struct view *v = view_alloc(mesh_node_count(m));
	uint64_t now_ms = clock_steady_ms();

	if (v == NULL)
		return NULL;
	v->synced = mesh_synced(m);
	v->scanning = scanning;
	mesh_coordinator(m, &v->coordinator);
	for (uint32_t i = 0; i < v->count; i++)
		mesh_node_view(m, i, now_ms, &v->nodes[i].is);
	show_names(v);
	return v;
}

const struct view_node *
view_find(const struct view *v, const struct node_id *node)
{
	for (uint32_t i = 0; i < v->count; i++)
		if (node_id_equal(&v->nodes[i].is.node, node))
			return &v->nodes[i];
	return NULL;
}

void
view_name(const struct view *v, const struct node_id *node,
	  char out[SHOWN_NAME_MAX + 1])
{
	const struct view_node *n = view_find(v, node);

	if (n != NULL)
		memcpy(out, n->shown, SHOWN_NAME_MAX + 1);
	else
		hex_encode(node->bytes, 4, out);
}

bool
view_live(const struct view_node *n)
{
	switch (n->is.state) {
	case NODE_STATE_LIVE:
	case NODE_STATE_SYNCING:
	case NODE_STATE_SUSPECT:
		return true;
	case NODE_STATE_GONE:
	case NODE_STATE_LEFT:
		return false;
	}
	return false;
}

bool
view_online(const struct view *v, const struct node_id *node)
{
	const struct view_node *n = view_find(v, node);

	return n != NULL && view_live(n);
}

/* How long unheard; by the wall clock for those of former runs. */
static uint64_t
age_ms(const struct view *v, const struct view_node *n)
{
	uint64_t now = v->wall_ms > 0 ? (uint64_t)v->wall_ms : 0;

	if (n->is.self)
		return 0;
	if (n->is.age_ms < now)
		return n->is.age_ms;
	return n->is.last_heard_wall_ms < now ? now - n->is.last_heard_wall_ms
					      : 0;
}

int64_t
view_last_seen_ms(const struct view *v, const struct view_node *n)
{
	if (n->is.self)
		return v->wall_ms;
	return (int64_t)n->is.last_heard_wall_ms;
}

void
view_answer_node(const struct view *v, const struct node_id *node,
		 struct answer_node *out)
{
	const struct view_node *n = view_find(v, node);

	memset(out, 0, sizeof(*out));
	out->node = *node;
	view_name(v, node, out->name);
	if (n == NULL)
		return;
	out->port = n->is.port;
	out->host = n->is.host;
	out->online = view_live(n);
	out->last_seen_ms = view_last_seen_ms(v, n);
}

void
view_fresh(const struct view *v, struct answer_fresh *out)
{
	memset(out, 0, sizeof(*out));
	out->complete = true;
	out->scanning = v->scanning;
	for (uint32_t i = 0; i < v->count; i++) {
		const struct view_node *n = &v->nodes[i];
		uint64_t age = age_ms(v, n);

		if (n->is.self)
			continue;
		/* Nothing was ever heard of what it holds: nothing is owed. */
		if (!n->is.at_head && (n->is.state != NODE_STATE_LEFT ||
				       n->is.announced.stream.generation != 0))
			out->complete = false;
		if (n->is.state == NODE_STATE_LEFT)
			continue;
		if (!view_live(n))
			out->complete = false;
		else if (!n->is.at_head)
			out->syncing = true;
		if (age > out->oldest_age_ms)
			out->oldest_age_ms = age;
	}
}

/* ---- whom a person means ----------------------------------------------- */

static bool
is_port(const char *text, uint16_t *port)
{
	unsigned long v = 0;
	size_t n = strlen(text);

	if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
		return false;
	v = strtoul(text, NULL, 10);
	*port = (uint16_t)v;
	return v > 0 && v <= UINT16_MAX;
}

static uint32_t
by_name(const struct view *v, const char *text, const struct view_node **out)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct view_node *n = &v->nodes[i];

		if (strcmp(n->shown, text) != 0 &&
		    strcmp(n->is.name, text) != 0)
			continue;
		*out = n;
		found++;
	}
	return found;
}

/* Those who had a port before its present owner stand back, as do others'
 * hosts behind one's own. */
static uint32_t
by_port(const struct view *v, uint16_t port, const struct view_node **out)
{
	uint32_t found = 0;
	unsigned best = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct view_node *n = &v->nodes[i];
		unsigned merit = 1;

		if (n->is.port != port)
			continue;
		merit += host_id_equal(&n->is.host, &v->nodes[0].is.host) ? 1
									  : 0;
		merit += view_live(n) ? 2 : 0;
		if (merit > best) {
			best = merit;
			found = 0;
		}
		if (merit == best) {
			*out = n;
			found++;
		}
	}
	return found;
}

static uint32_t
by_id(const struct view *v, const char *text, const struct view_node **out)
{
	size_t digits = strlen(text);
	uint32_t found = 0;

	if (digits < ID_PREFIX_MIN || digits > 2 * NODE_ID_BYTES)
		return 0;
	for (uint32_t i = 0; i < v->count; i++) {
		char hex[2 * NODE_ID_BYTES + 1];

		hex_encode(v->nodes[i].is.node.bytes, NODE_ID_BYTES, hex);
		if (strncasecmp(hex, text, digits) != 0)
			continue;
		*out = &v->nodes[i];
		found++;
	}
	return found;
}

uint32_t
view_resolve(const struct view *v, const char *text,
	     const struct view_node **out)
{
	uint32_t found = by_name(v, text, out);
	uint16_t port;

	if (found == 0 && is_port(text, &port))
		found = by_port(v, port, out);
	if (found == 0)
		found = by_id(v, text, out);
	return found;
}
