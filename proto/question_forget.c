/*
 * question_forget.c: FORGET and FORGET_IS, into bytes and out of them.
 */
#include "question_private.h"

void
question_read_ask_forget(struct fields *f, struct question_forget *out)
{
	fields_str(f, "node", out->node, SHOWN_NAME_MAX);
	out->sure = fields_bool_or(f, "sure", false);
}

void
question_read_forget(struct fields *f, struct answer_forget *out)
{
	const msgpack_object *node = fields_find(f, "node");

	if (node == NULL || !question_read_node(node, &out->node))
		f->broken = true;
	out->photos = fields_uint(f, "photos", UINT64_MAX);
	out->alone = fields_uint(f, "alone", UINT64_MAX);
}

void
question_pack_ask_forget(struct pack *p, const struct question_forget *a)
{
	pack_map(p, 2);
	pack_key_str(p, "node", a->node);
	pack_key_bool(p, "sure", a->sure);
}

void
question_pack_forget(struct pack *p, const struct answer_forget *a)
{
	pack_map(p, 3);
	pack_str(p, "node");
	question_pack_node(p, &a->node);
	pack_key_uint(p, "photos", a->photos);
	pack_key_uint(p, "alone", a->alone);
}
