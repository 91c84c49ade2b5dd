/* show.c: one photo by the beginning of its id, or the candidates. */
#include <string.h>

#include "photos.h"
#include "task.h"

struct found {
	struct photos *photos;
	uint32_t count;
};

static bool
on_row(void *arg, const struct photo_row *row)
{
	struct found *f = arg;

	/* Counted also where it does not fit: ambiguous all the same. */
	f->count++;
	return photos_add(f->photos, row);
}

static void
show_make(struct task *t, struct reader *r)
{
	struct found found = {.photos = photos_new(t->view)};
	struct trouble why = {0};

	if (found.photos == NULL)
		return;
	if (reader_find(r, &t->u.prefix, CANDIDATES_MAX, on_row, &found,
			&why) == -1)
		task_fail(t, ERROR_FAILED, "%s", why.text);
	else if (found.count == 0)
		task_fail(t, ERROR_NOT_FOUND, "no photo has that id");
	else
		t->frame = photos_end(found.photos, t->request, NULL, 0,
				      found.count > 1, &t->frame_bytes);
	photos_free(found.photos);
}

void
show_ask(struct answers *a, uint64_t client, uint32_t request,
	 const struct question_show *q)
{
	const char *text = q->id;
	struct photo_prefix prefix;
	struct task *t;

	if (strncmp(text, "id:", 3) == 0)
		text += 3;
	if (!photo_prefix_parse(text, strlen(text), &prefix) ||
	    prefix.digits < PHOTO_PREFIX_HEX_MIN) {
		answers_refuse(a, client, request, ERROR_USAGE,
			       "an id is at least %u hex digits, not: %s",
			       PHOTO_PREFIX_HEX_MIN, text);
		return;
	}
	if ((t = task_new(a, client, request)) == NULL)
		return;
	t->u.prefix = prefix;
	t->make = show_make;
	task_submit(t);
}
