#include "photos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"

/* Times before 1970 round down like the others. */
static int64_t
floor_ms(int64_t ns)
{
	return ns / 1000000 - (ns % 1000000 < 0);
}

#define FRAME_MAX (FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX)
/* A page of 100 fits; and what is smaller than 256 KiB need not be had from
 * the kernel each time (main.c). */
#define FRAME_FIRST (128u * 1024u)
#define COPIES_FEW  16u /* that fit into it, however long their paths */

struct photos *
photos_new(const struct view *v)
{
	struct photos *p = malloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	p->view = v;
	p->node_count = 0;
	p->has_wasted = false;
	p->wasted_bytes = 0;
	if ((p->frame = malloc(FRAME_FIRST)) == NULL) {
		free(p);
		return NULL;
	}
	photos_writer_init(&p->writer, p->frame, FRAME_FIRST);
	return p;
}

void
photos_free(struct photos *p)
{
	if (p == NULL)
		return;
	free(p->frame);
	free(p);
}

/* Its place in the answer's list of nodes; false when that is full. */
static bool
place_of(struct photos *p, const struct node_id *node, uint32_t *place)
{
	for (uint32_t i = 0; i < p->node_count; i++)
		if (node_id_equal(&p->nodes[i].node, node)) {
			*place = i;
			return true;
		}
	if (p->node_count == MESH_KNOWN_MAX)
		return false;
	view_answer_node(p->view, node, &p->nodes[p->node_count]);
	*place = p->node_count++;
	return true;
}

/* As the camera's own clock had it; with its zone where the file has that. */
static void
taken_text(const struct photo_row *row, char out[40])
{
	struct civil c = civil_of(floor_ms(row->date_ns));
	int32_t zone = row->zone_min < 0 ? -row->zone_min : row->zone_min;
	int n;

	out[0] = '\0';
	if (row->dated == DATE_MTIME || row->dated == DATE_NAME ||
	    c.year < 1 || c.year > 9999)
		return;
	n = snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month,
		     c.day, c.hour, c.minute, c.second);
	if (row->has_zone && zone < 24 * 60)
		snprintf(out + n, 40 - (size_t)n, "%c%02d:%02d",
			 row->zone_min < 0 ? '-' : '+', zone / 60, zone % 60);
}

/* The largest frame there may be; false when that is had, or is not to be had. */
static bool
grow(struct photos *p)
{
	uint8_t *more;

	if (p->writer.max == FRAME_MAX ||
	    (more = realloc(p->frame, FRAME_MAX)) == NULL)
		return false;
	p->frame = more;
	photos_writer_move(&p->writer, p->frame, FRAME_MAX);
	return true;
}

bool
photos_add(struct photos *p, const struct photo_row *row)
{
	uint32_t node_count = p->node_count;
	struct answer_photo a = {.id = row->photo,
				 .name = (const uint8_t *)row->name,
				 .name_bytes = row->name_bytes,
				 .mtime_ns = row->mtime_ns,
				 .added_ms = row->added_ms,
				 .copies = row->copies,
				 .rows = p->copies,
				 .date_ms = floor_ms(row->date_ns),
				 .dated = row->dated,
				 .width = row->width,
				 .height = row->height,
				 .meta = row->meta,
				 .meta_bytes = row->meta_bytes};

	if (a.name_bytes > PATH_BYTES_MAX)
		a.name_bytes = PATH_BYTES_MAX;
	snprintf(a.type, sizeof(a.type), "%s", row->type ? row->type : "");
	taken_text(row, a.taken);
	for (uint32_t i = 0;
	     i < row->copy_count && a.copy_count < COPIES_SHOWN_MAX; i++) {
		const struct copy_row *c = &row->rows[i];
		struct answer_copy *out = &p->copies[a.copy_count];

		if (!place_of(p, &c->node, &out->node))
			continue;
		out->label = (const uint8_t *)(c->label ? c->label : "");
		out->label_bytes = strlen((const char *)out->label);
		out->path = (const uint8_t *)c->path;
		out->path_bytes = c->path_bytes;
		out->mtime_ns = c->mtime_ns;
		out->online = c->root_online && p->nodes[out->node].online;
		a.copy_count++;
	}
	/* Of the first photo as many copies are named as the frame holds. */
	if (p->writer.photo_count == 0 && a.copy_count > COPIES_FEW)
		(void)grow(p);
	if (photos_writer_add(&p->writer, &a) ||
	    (grow(p) && photos_writer_add(&p->writer, &a)))
		return true;
	p->node_count = node_count;
	return false;
}

uint8_t *
photos_end(struct photos *p, uint32_t request, const uint8_t *after,
	   size_t after_bytes, bool ambiguous, size_t *frame_bytes)
{
	struct answer_photos rest = {.ambiguous = ambiguous,
				     .node_count = p->node_count,
				     .nodes = p->nodes,
				     .after = after,
				     .after_bytes = after_bytes,
				     .has_wasted = p->has_wasted,
				     .wasted_bytes = p->wasted_bytes};
	uint8_t *frame = p->frame, *less;

	view_fresh(p->view, &rest.fresh);
	*frame_bytes = photos_writer_end(&p->writer, request, &rest);
	if (*frame_bytes == 0)
		return NULL;
	p->frame = NULL;
	less = realloc(frame, *frame_bytes);
	return less != NULL ? less : frame;
}
