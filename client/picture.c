#include "picture.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"
#include "output.h"

/* Enough to know it again, and little of a screen. */
#define COLUMNS_MAX 64u
#define ROWS_MAX    24u

bool
picture_possible(const struct output *o)
{
	return o->form == OUTPUT_TABLE && o->colour && late_chafa_possible();
}

static void
measure(const struct output *o, struct picture_room *room)
{
	struct winsize size;

	*room = (struct picture_room){.columns = o->width, .rows = ROWS_MAX};
	if (ioctl(o->data_fd, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0 && size.ws_row > 0) {
		room->rows = size.ws_row > 4 ? size.ws_row - 4u : 1;
		room->cell_width = size.ws_xpixel / size.ws_col;
		room->cell_height = size.ws_ypixel / size.ws_row;
	}
	if (room->columns > COLUMNS_MAX)
		room->columns = COLUMNS_MAX;
	if (room->rows > ROWS_MAX)
		room->rows = ROWS_MAX;
}

void
picture_put(struct output *o, struct call *c, const struct photo_id *photo)
{
	struct question q = {.type = CLIENT_THUMB}, answer;
	const struct answer_thumb *t = &answer.u.thumb_is;
	struct picture_room room;
	struct failure why;

	q.u.thumb.photo = *photo;
	q.u.thumb.pixels = true;
	fflush(o->data); /* what is known, while the daemon looks for it */
	/* One that is older does not know the question. */
	if (call_ask(c, &q, &why) == -1 || call_await(c, &answer, &why) == -1 ||
	    answer.type != CLIENT_THUMB_IS || t->pixels == NULL)
		return;
	measure(o, &room);
	late_chafa_draw(o, &room, t->pixels, t->width, t->height);
}
