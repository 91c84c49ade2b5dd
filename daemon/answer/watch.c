#include "watch.h"

#include <stdio.h>
#include <string.h>

#include "consent_table.h"
#include "intake.h"

static void
begin(struct answer_event *e, const char *name, int64_t at_ms)
{
	memset(e, 0, sizeof(*e));
	snprintf(e->event, sizeof(e->event), "%s", name);
	e->at_ms = at_ms;
}

static void
name_node(struct answer_event *e, const struct view *v,
	  const struct node_id *node)
{
	const struct view_node *n = view_find(v, node);

	e->has_node = true;
	e->node = *node;
	e->port = n != NULL ? n->is.port : 0;
	view_name(v, node, e->name);
}

void
watch_crown(const struct view *v, const struct rank *now,
	    const struct rank *was, struct answer_event *out)
{
	begin(out, "coordinator", v->wall_ms);
	if (!node_id_is_zero(&now->node)) {
		name_node(out, v, &now->node);
		out->port = now->port;
	}
	if (!node_id_is_zero(&was->node)) {
		out->has_was = true;
		out->was = was->node;
		out->was_port = was->port;
	}
}

bool
watch_news(const struct view *v, enum mesh_news what,
	   const struct node_id *node, struct answer_event *out)
{
	const char *name = NULL;

	switch (what) {
	case NEWS_PEER_LIVE:
	case NEWS_PEER_WELL:
		name = "peer-live";
		break;
	case NEWS_PEER_SUSPECT:
		name = "peer-suspect";
		break;
	case NEWS_PEER_GONE:
		name = "peer-gone";
		break;
	case NEWS_PEER_LEFT:
		name = "peer-left";
		break;
	case NEWS_SYNCED:
		name = "synced";
		break;
	case NEWS_UNSYNCED:
	case NEWS_UNEQUAL:
	case NEWS_MESH_FULL:
	case NEWS_REFUSED:
		return false; /* the log's business */
	}
	if (name == NULL)
		return false;
	begin(out, name, v->wall_ms);
	if (what == NEWS_SYNCED && v->count > 0)
		name_node(out, v, &v->nodes[0].is.node);
	else
		name_node(out, v, node);
	return true;
}

void
watch_photo(const struct photo_news *news, int64_t at_ms,
	    struct answer_event *out)
{
	begin(out, news->added ? "photo-added" : "photo-removed", at_ms);
	out->has_photo = true;
	out->photo = news->photo;
	memcpy(out->photo_name, news->name, sizeof(out->photo_name));
	out->photo_name[sizeof(out->photo_name) - 1] = '\0';
}

void
watch_lagged(uint64_t count, int64_t at_ms, struct answer_event *out)
{
	begin(out, "lagged", at_ms);
	out->count = count;
}

void
watch_scan(const struct view *v, const struct scan_progress *p,
	   struct answer_event *out)
{
	begin(out, p->state == SCAN_RUNNING ? "scan-started" : "scan-done",
	      v->wall_ms);
	if (v->count > 0)
		name_node(out, v, &v->nodes[0].is.node);
	out->count = p->files;
}

void
watch_request(const struct view *v, const struct consent_request *r,
	      struct answer_event *out)
{
	begin(out, "request", v->wall_ms);
	name_node(out, v, &r->node);
	out->has_photo = true;
	out->photo = r->photo;
	memcpy(out->photo_name, r->name, sizeof(out->photo_name));
	out->photo_name[sizeof(out->photo_name) - 1] = '\0';
	out->count = r->number;
}
