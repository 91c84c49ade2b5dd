/*
 * picture.h: a photo itself, on a terminal that can show it.
 *
 * The daemon tells the pixels of its thumbnail (PROTOCOL.md, THUMB), so no
 * picture is decoded here.  libchafa makes of them what the terminal
 * understands; it is loaded when there is something to draw, and without it, or
 * on a terminal of which it knows no way, nothing is drawn.
 */
#ifndef PHOTO_PICTURE_H
#define PHOTO_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "photo_id.h"

struct call;
struct output;

/* Can pictures be drawn here?  Never when piped, without colour, or with
 * --json; loads libchafa. */
bool picture_possible(const struct output *o);

/* Only after a yes.  Asks the daemon on `c`, which is open, and draws what there
 * is; nothing of this is a failure. */
void picture_put(struct output *o, struct call *c, const struct photo_id *photo);

/* ---- private: late_chafa.c -------------------------------------------- */

/* What the terminal measures. */
struct picture_room {
	unsigned columns, rows;           /* at most so many cells are drawn on */
	unsigned cell_width, cell_height; /* pixels; 0: not known */
};
/* Is there a way?  The terminal is told by its environment. */
bool late_chafa_possible(void);
/* Rows of red, green and blue bytes, to o->data. */
void late_chafa_draw(struct output *o, const struct picture_room *room,
		     const uint8_t *pixels, uint32_t width, uint32_t height);

#endif
