#include "rows.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "json.h"
#include "output.h"

#define NODES_COLUMNS_MIN 5u
#define NODES_COLUMNS_MAX 40u

const struct answer_node *
row_node(const struct answer_photos *a, uint32_t index)
{
	static const struct answer_node nobody = {.name = "?"};

	return index < a->node_count ? &a->nodes[index] : &nobody;
}

/* By name: the ids are random, and rows should look alike. */
static int
by_name(const void *a, const void *b)
{
	const struct row_holder *x = a, *y = b;
	int d = strcmp(x->node->name, y->node->name);

	return d != 0 ? d : node_id_compare(&x->node->node, &y->node->node);
}

size_t
row_holders(const struct answer_photos *a, const struct answer_photo *p,
	    struct row_holder *out, size_t max)
{
	size_t count = 0;

	for (uint32_t i = 0; i < p->copy_count; i++) {
		const struct answer_node *n = row_node(a, p->rows[i].node);
		size_t at = 0;

		while (at < count && out[at].node != n)
			at++;
		if (at == max)
			continue;
		if (at == count) {
			out[count].node = n;
			out[count++].online = false;
		}
		out[at].online |= p->rows[i].online;
	}
	qsort(out, count, sizeof(*out), by_name);
	return count;
}

/* ---- the column of nodes ---------------------------------------------- */

static unsigned
holder_width(const struct row_holder *h)
{
	return text_shown_width(h->node->name, strlen(h->node->name)) +
	       (h->online ? 0 : 2);
}

static unsigned
holders_width(const struct row_holder *h, size_t count)
{
	unsigned width = 0;

	for (size_t i = 0; i < count; i++)
		width += holder_width(&h[i]) + (i > 0);
	return width;
}

unsigned
row_holders_width(const struct output *o, const struct answer_photos *a)
{
	struct row_holder h[MESH_KNOWN_MAX];
	unsigned width = NODES_COLUMNS_MIN, most = o->width / 3;

	if (most > NODES_COLUMNS_MAX)
		most = NODES_COLUMNS_MAX;
	if (most < 12)
		most = 12;
	for (uint32_t i = 0; i < a->photo_count; i++) {
		size_t n = row_holders(a, &a->photos[i], h, MESH_KNOWN_MAX);
		unsigned w = holders_width(h, n);

		width = w > width ? w : width;
	}
	return width < most ? width : most;
}

void
row_put_holders(struct output *o, const struct row_holder *h, size_t count,
		unsigned width)
{
	unsigned used = 0;
	bool all = holders_width(h, count) <= width;

	for (size_t i = 0; i < count; i++) {
		unsigned need = holder_width(&h[i]) + (i > 0);

		if (!all && i > 0 && used + need + 4 > width) {
			used += (unsigned)fprintf(o->data, ",+%zu", count - i);
			break;
		}
		if (i > 0)
			putc(',', o->data);
		if (!h[i].online) {
			output_dim(o, true);
			putc('(', o->data);
		}
		need = text_put_shown(o->data, h[i].node->name,
				      strlen(h[i].node->name),
				      all ? UINT_MAX : width - 4);
		if (!h[i].online) {
			putc(')', o->data);
			output_dim(o, false);
			need += 2;
		}
		used += need + (i > 0);
	}
	for (; used < width; used++)
		putc(' ', o->data);
}

void
row_put_holders_column(struct output *o, const struct row_holder *h,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putc(',', o->data);
		text_put_column(o->data, h[i].node->name,
				strlen(h[i].node->name));
	}
}

/* ---- the object -------------------------------------------------------- */

static void
copy_json(struct json *j, const struct answer_photos *a,
	  const struct answer_copy *c)
{
	const struct answer_node *n = row_node(a, c->node);

	json_open(j, NULL, '{');
	json_str(j, "node", n->name);
	json_hex(j, "node_id", n->node.bytes, sizeof(n->node.bytes));
	json_uint_known(j, "port", n->port);
	json_bytes(j, "root", c->label, c->label_bytes);
	json_bytes(j, "path", c->path, c->path_bytes);
	json_time(j, "mtime", text_ms_of_ns(c->mtime_ns));
	json_bool(j, "online", c->online);
	json_time_known(j, "last_seen", n->last_seen_ms);
	json_close(j, '}');
}

void
row_json(struct json *j, const struct answer_photos *a,
	 const struct answer_photo *p, bool whole)
{
	json_open(j, NULL, '{');
	json_hex(j, "id", p->id.hash, sizeof(p->id.hash));
	json_uint(j, "size", p->id.size);
	json_str_known(j, "type", p->type);
	json_bytes(j, "name", p->name, p->name_bytes);
	json_str_known(j, "taken", p->taken);
	about_json_date(j, p);
	json_uint_known(j, "width", p->width);
	json_uint_known(j, "height", p->height);
	json_time_known(j, "added", p->added_ms);
	json_open(j, "copies", '[');
	for (uint32_t i = 0; i < p->copy_count; i++)
		copy_json(j, a, &p->rows[i]);
	json_close(j, ']');
	if (whole)
		about_json(j, p);
	json_close(j, '}');
	json_line(j);
}
