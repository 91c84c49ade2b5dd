/*
 * question_thumb.c: THUMB and THUMB_IS, into bytes and out of them.
 */
#include "question_private.h"

#include "thumb.h"

void
question_read_ask_thumb(struct fields *f, struct question_thumb *out)
{
	uint8_t id[PHOTO_ID_BYTES] = {0};

	fields_bin_exact(f, "photo", id, sizeof(id));
	photo_id_unpack(id, &out->photo);
	out->pixels = fields_bool_or(f, "pixels", false);
}

void
question_read_thumb(struct fields *f, struct answer_thumb *out)
{
	size_t count;

	if (fields_find(f, "image") != NULL) {
		out->image = fields_bin(f, "image", THUMB_BYTES_MAX,
					&out->image_bytes);
		if (!f->broken &&
		    !thumb_lawful(out->image, out->image_bytes, NULL, NULL))
			f->broken = true;
	}
	if (fields_find(f, "pixels") == NULL)
		return;
	out->width = (uint32_t)fields_uint(f, "width", THUMB_SIDE);
	out->height = (uint32_t)fields_uint(f, "height", THUMB_SIDE);
	out->pixels = fields_bin(f, "pixels", THUMB_PIXELS_MAX, &count);
	if (out->width == 0 || out->height == 0 ||
	    count != (size_t)out->width * out->height * 3)
		f->broken = true;
}

void
question_pack_ask_thumb(struct pack *p, const struct question_thumb *a)
{
	pack_map(p, a->pixels ? 2 : 1);
	pack_str(p, "photo");
	question_pack_photo_id(p, &a->photo);
	if (a->pixels)
		pack_key_bool(p, "pixels", true);
}

void
question_pack_thumb(struct pack *p, const struct answer_thumb *a)
{
	pack_map(p, a->pixels != NULL ? 4 : 1);
	pack_str(p, "image");
	if (a->image == NULL)
		pack_nil(p);
	else
		pack_bin(p, a->image, a->image_bytes);
	if (a->pixels == NULL)
		return;
	pack_key_uint(p, "width", a->width);
	pack_key_uint(p, "height", a->height);
	pack_key_bin(p, "pixels", a->pixels,
		     (size_t)a->width * a->height * 3);
}
