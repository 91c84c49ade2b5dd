#include "have.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "failure.h"

void
have_clear(struct have_batch *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		free(b->items[i].path);
		free(b->items[i].real);
	}
	b->count = 0;
}

void
have_drop_last(struct have_batch *b)
{
	b->count--;
	free(b->items[b->count].path);
	free(b->items[b->count].real);
}

bool
have_is_full(const struct have_batch *b)
{
	return b->count == HAVE_ITEMS_MAX;
}

struct have_item *
have_add(struct have_batch *b, const char *path, const char *real)
{
	struct have_item *item = &b->items[b->count];

	item->path = strdup(path);
	item->real = strdup(real);
	if (item->path == NULL || item->real == NULL) {
		free(item->path);
		free(item->real);
		return NULL;
	}
	item->head_bytes = 0;
	item->holder_count = 0;
	item->request = 0;
	item->type[0] = '\0';
	item->apart = 0;
	item->known = false;
	b->count++;
	return item;
}

static void
take(struct have_item *item, const struct holding *h,
     const struct answer_holdings *a)
{
	snprintf(item->type, sizeof(item->type), "%s", h->type);
	item->known = h->known;
	for (uint32_t i = 0; i < h->holder_count &&
			     item->holder_count < MESH_LIVE_MAX;
	     i++) {
		struct have_holder *to = &item->holders[item->holder_count];

		if (h->holders[i] >= a->node_count)
			continue;
		to->node = a->nodes[h->holders[i]];
		to->state = HOLDER_CLAIMS;
		item->holder_count++;
	}
}

int
have_ask(struct have_batch *b, struct call *c, struct failure *why)
{
	struct question q = {.type = CLIENT_HAVE}, answer;
	struct have_file files[HAVE_ITEMS_MAX];

	for (uint32_t i = 0; i < b->count; i++)
		files[i] = (struct have_file){
			.photo = b->items[i].photo,
			.head = b->items[i].head,
			.head_bytes = b->items[i].head_bytes};
	q.u.have.count = b->count;
	q.u.have.files = files;
	if (call_ask(c, &q, why) == -1 || call_await(c, &answer, why) == -1 ||
	    call_expect(&answer, CLIENT_HOLDINGS, why) == -1)
		return -1;
	if (answer.u.holdings.count != b->count)
		return failure_set(why, ENDING_FAILED,
				   "the daemon answered for %u files, not %u",
				   answer.u.holdings.count, b->count);
	for (uint32_t i = 0; i < b->count; i++)
		take(&b->items[i], &answer.u.holdings.files[i],
		     &answer.u.holdings);
	return 0;
}

void
have_names(const struct have_item *item, int state, char out[HAVE_NAMES_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < item->holder_count; i++) {
		const struct have_holder *h = &item->holders[i];

		if ((state >= 0 && (int)h->state != state) ||
		    used + strlen(h->node.name) + 2 > HAVE_NAMES_MAX)
			continue;
		used += (size_t)snprintf(out + used, HAVE_NAMES_MAX - used,
					 "%s%s", used > 0 ? "," : "",
					 h->node.name);
	}
}
