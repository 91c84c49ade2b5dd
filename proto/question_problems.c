/*
 * question_problems.c: PROBLEMS and PROBLEM_LIST, into bytes and out of them.
 *
 * Rows name their node by themselves: there are few of them, and one of a
 * node that is not known any more still says whose it was.
 */
#include "question_private.h"

#include <assert.h>

/* ---- reading ----------------------------------------------------------- */

void
question_read_ask_problems(struct fields *f, struct question_problems *out)
{
	fields_str_or_empty(f, "node", out->node, SHOWN_NAME_MAX);
	question_read_page(f, &out->limit, out->after, sizeof(out->after),
			   &out->after_bytes);
}

static bool
read_problem(const msgpack_object *o, struct answer_problem *out)
{
	struct items i;

	items_init(&i, o, 6);
	items_node_id(&i, &out->node);
	items_str(&i, out->name, SHOWN_NAME_MAX);
	out->label = items_bin(&i, LABEL_BYTES_MAX, &out->label_bytes);
	out->path = items_bin(&i, PATH_BYTES_MAX, &out->path_bytes);
	out->code = (uint8_t)items_uint(&i, UINT8_MAX);
	items_str(&i, out->message, MESSAGE_BYTES_MAX);
	return !i.broken;
}

void
question_read_problems(struct question_decoder *d, struct answer_problems *out)
{
	struct fields *f = &d->fields;
	const msgpack_object_array *rows;
	struct answer_problem *list;

	question_read_fresh(f, &out->fresh);
	if (fields_find(f, "after") != NULL)
		out->after = fields_bin(f, "after", PROBLEM_CURSOR_BYTES_MAX,
					&out->after_bytes);
	rows = fields_array(f, "problems", LIST_PAGE_MAX);
	if (f->broken ||
	    (list = question_list(d, rows->size, sizeof(*list))) == NULL)
		return;
	for (uint32_t n = 0; n < rows->size; n++)
		if (!read_problem(&rows->ptr[n], &list[n])) {
			f->broken = true;
			return;
		}
	out->count = rows->size;
	out->problems = list;
}

/* ---- packing ----------------------------------------------------------- */

void
question_pack_ask_problems(struct pack *p, const struct question_problems *a)
{
	pack_map(p, a->after_bytes == 0 ? 2 : 3);
	pack_key_str(p, "node", a->node);
	pack_key_uint(p, "limit", a->limit);
	if (a->after_bytes != 0)
		pack_key_bin(p, "after", a->after, a->after_bytes);
}

void
question_pack_problems(struct pack *p, const struct answer_problems *a)
{
	assert(a->count <= LIST_PAGE_MAX);
	assert(a->after_bytes <= PROBLEM_CURSOR_BYTES_MAX);
	pack_map(p, 2 + FRESH_PAIRS);
	pack_str(p, "problems");
	pack_array(p, a->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct answer_problem *r = &a->problems[i];

		pack_array(p, 6);
		pack_bin(p, r->node.bytes, NODE_ID_BYTES);
		pack_str(p, r->name);
		pack_bin(p, r->label, r->label_bytes);
		pack_bin(p, r->path, r->path_bytes);
		pack_uint(p, r->code);
		pack_str(p, r->message);
	}
	pack_str(p, "after");
	if (a->after == NULL)
		pack_nil(p);
	else
		pack_bin(p, a->after, a->after_bytes);
	question_pack_fresh(p, &a->fresh);
}
