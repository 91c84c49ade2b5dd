/*
 * watch.h: news of the mesh as events for those who watch.
 *
 * Only says what an event holds; who gets it, and when it is too much, is
 * net/clients_watch.c's business.
 */
#ifndef PHOTOMESH_WATCH_H
#define PHOTOMESH_WATCH_H

#include "view.h"
#include "writer.h"

struct consent_request;
struct scan_progress;

void watch_crown(const struct view *v, const struct rank *now,
		 const struct rank *was, struct answer_event *out);
/* False when people do not watch for that. */
bool watch_news(const struct view *v, enum mesh_news what,
		const struct node_id *node, struct answer_event *out);
void watch_photo(const struct photo_news *news, int64_t at_ms,
		 struct answer_event *out);
/* Events were left out: how many, 0 when not known. */
void watch_lagged(uint64_t count, int64_t at_ms, struct answer_event *out);
void watch_scan(const struct view *v, const struct scan_progress *p,
		struct answer_event *out);
/* Somebody asks for a photo of this node. */
void watch_request(const struct view *v, const struct consent_request *r,
		   struct answer_event *out);

#endif
