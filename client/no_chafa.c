/*
 * no_chafa.c: built where libchafa's headers are not: no picture is drawn.
 */
#include "picture.h"

bool
late_chafa_possible(void)
{
	return false;
}

void
late_chafa_draw(struct output *o, const struct picture_room *room,
		const uint8_t *pixels, uint32_t width, uint32_t height)
{
	(void)o, (void)room, (void)pixels, (void)width, (void)height;
}
