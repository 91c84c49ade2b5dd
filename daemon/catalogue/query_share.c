/*
 * query_share.c: what a node says of sharing its originals.
 */
#include "query_private.h"

int
reader_share(struct reader *r, const struct node_id *node, uint8_t *share,
	     struct trouble *why)
{
	const struct seen_stream *s;
	struct record_node v;
	struct read_fact f;
	int code = 0;

	*share = SHARE_OPEN;
	if (read_begin(r, why) == -1)
		return -1;
	s = newest_life(r, node);
	if (s != NULL)
		code = fact_read(r, s->id, RECORD_NODE, NULL, 0, &f, why);
	if (s != NULL && code == 0 && f.found && !f.dead &&
	    record_node_parse(f.value, f.value_bytes, &v))
		*share = v.share;
	return read_end(r, code);
}
