/*
 * fetch_holders.c: who holds a photo, as the catalogue says.
 */
#include "fetch_private.h"

#include <string.h>

#include "catalogue.h"

struct finding {
	struct found_holder *out;
	uint32_t max, count;
	bool known;
};

static bool
on_photo(void *arg, const struct photo_row *row)
{
	struct finding *f = arg;

	f->known = true;
	for (uint32_t i = 0; i < row->copy_count; i++) {
		const struct copy_row *c = &row->rows[i];
		uint32_t n = 0;

		while (n < f->count && !node_id_equal(&f->out[n].node, &c->node))
			n++;
		if (n == f->max)
			return false;
		if (n == f->count)
			f->out[f->count++] = (struct found_holder){
				.node = c->node};
		f->out[n].root_online |= c->root_online;
	}
	return true;
}

int
holders_find(struct fetching *f, const struct photo_id *photo,
	     struct found_holder *out, uint32_t max, uint32_t *count,
	     bool *known, struct trouble *why)
{
	struct finding found = {out, max, 0, false};
	struct photo_prefix exact;
	int r;

	photo_prefix_of(photo, &exact);
	pthread_mutex_lock(&f->reader_lock);
	r = reader_find(f->reader, &exact, 1, on_photo, &found, why);
	for (uint32_t i = 0; i < found.count && r == 0; i++) {
		uint8_t share = SHARE_NONE;

		r = reader_share(f->reader, &out[i].node, &share, why);
		out[i].share = share;
	}
	pthread_mutex_unlock(&f->reader_lock);
	*count = found.count;
	*known = found.known;
	return r;
}
