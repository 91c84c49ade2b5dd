#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "meta.h"
#include "mp4.h"
#include "picture.h"
#include "raf.h"
#include "sniff.h"
#include "texts.h"
#include "view.h"

int
answer_start(void)
{
	return pixels_start() == -1 || exif_start() == -1 ? -1 : 0;
}

/* ---- the frame of an answer ----------------------------------------------- */

static void
finish(struct answer *a, enum decode_reply reply, size_t count)
{
	frame_header((uint32_t)(1 + count), a->frame);
	a->frame[FRAME_HEADER_BYTES] = (uint8_t)reply;
	a->bytes = FRAME_HEADER_BYTES + 1 + count;
}

static uint8_t *
room(struct answer *a)
{
	return a->frame + FRAME_HEADER_BYTES + 1;
}

void
answer_ready(struct answer *a)
{
	finish(a, DECODE_REPLY_READY, 0);
}

static void
finish_text(struct answer *a, enum decode_reply reply, const char *reason)
{
	char text[DECODE_REASON_MAX + 1];
	size_t count = text_clean(reason, strlen(reason), text,
				  DECODE_REASON_MAX);

	memcpy(room(a), text, count);
	finish(a, reply, count);
}

void
answer_refuse(struct answer *a, const char *reason)
{
	finish_text(a, DECODE_REPLY_REFUSED, reason);
}

void
answer_unreadable(struct answer *a)
{
	finish_text(a, DECODE_REPLY_UNREADABLE,
		    "it was cut short, or cannot be read");
}

/* ---- META ------------------------------------------------------ */

static bool
begins(const char *type, const char *with)
{
	return strncmp(type, with, strlen(with)) == 0;
}

/* libheif turns the picture itself; what EXIF says of it is history. */
static bool
turned_by_decoder(const char *type)
{
	return strcmp(type, "image/heic") == 0 ||
	       strcmp(type, "image/heif") == 0 ||
	       strcmp(type, "image/avif") == 0;
}

static bool
raw_type(const char *type)
{
	return begins(type, "image/x-");
}

static bool
read_view(void *arg, uint64_t at, void *out, size_t count)
{
	const struct view *v = arg;

	/* A film is larger than any view; its head may be its end. */
	return at <= INT64_MAX - count &&
	       pread(v->fd, out, count, (off_t)at) == (ssize_t)count;
}

static void
video(struct view *v, const char *type, struct record_meta *m)
{
	struct mp4_file f = {.read = read_view,
			     .arg = v,
			     .bytes = v->file_bytes};

	m->media = META_VIDEO;
	/* Of other containers nobody here knows more than that. */
	if (strcmp(type, "video/mp4") == 0 || strcmp(type, "video/x-m4v") == 0 ||
	    begins(type, "video/quicktime") || begins(type, "video/3gpp"))
		(void)mp4_read(&f, m);
}

static void
swap_sides(struct record_meta *m)
{
	uint32_t width = m->width;

	m->width = m->height;
	m->height = width;
}

/* libheif knows where in a HEIC things are, and how it will turn it. */
static bool
heif(struct view *v, const char *type, struct record_meta *m)
{
	struct pixels_header h;
	struct exif *e;

	if (!view_map(v) || !pixels_header_read(&h, type, v->bytes, v->count))
		return false;
	if ((e = exif_open_parts(&h)) != NULL)
		exif_read(e, m);
	exif_close(e);
	m->orientation = 1;
	m->width = h.width;
	m->height = h.height;
	pixels_header_release(&h);
	return true;
}

/* How much of a JPEG stands before its pixels; 0: more than the front. */
static size_t
jpeg_head(const struct view *v)
{
	const uint8_t *b = v->front;
	size_t at = 2;

	while (at + 4 <= v->front_bytes && b[at] == 0xff) {
		size_t end = at + 2 + ((size_t)b[at + 2] << 8 | b[at + 3]);

		if (b[at + 1] == 0xff) { /* fills up */
			at++;
			continue;
		}
		if (b[at + 1] == 0xda) /* the scan begins */
			return end <= v->front_bytes ? end : 0;
		at = end;
	}
	return 0;
}

/* From the front alone where that is enough, else from the file. */
static struct exif *
open_exif(struct view *v, const char *type)
{
	size_t head = strcmp(type, "image/jpeg") == 0 ? jpeg_head(v) : 0;

	if (head > 0)
		return exif_open(v->front, head);
	return view_map(v) ? exif_open(v->bytes, v->count) : NULL;
}

/* False when nobody understands it, and somebody should. */
static bool
picture(struct view *v, const char *type, struct record_meta *m)
{
	struct exif *e = open_exif(v, type);
	struct pixels_header h;
	/* Of one that is too large there is only a part, which may say nothing. */
	bool understood = e != NULL || !pixels_understand(type) ||
			  v->file_bytes > VIEW_BYTES_MAX;

	m->media = raw_type(type) ? META_RAW : META_PICTURE;
	if (e != NULL) {
		exif_read(e, m);
		if (strcmp(type, "image/tiff") == 0 && exif_is_raw(e))
			m->media = META_RAW;
		exif_close(e);
	}
	if (strcmp(type, "image/x-fuji-raf") == 0 && view_map(v))
		(void)raf_size(v->bytes, v->count, &m->width, &m->height);
	if (m->width == 0 && m->media == META_PICTURE &&
	    pixels_understand(type) && view_map(v) &&
	    pixels_header_read(&h, type, v->bytes, v->count)) {
		understood = true;
		m->width = h.width;
		m->height = h.height;
		pixels_header_release(&h);
	}
	if (m->orientation >= 5)
		swap_sides(m);
	return understood;
}

static void
answer_meta(struct answer *a, struct view *v, const char *type)
{
	struct record_meta m;
	bool understood = true;
	size_t count;

	memset(&m, 0, sizeof(m));
	m.decoder = META_DECODER;
	m.orientation = 1;
	m.media = META_PICTURE;
	if (begins(type, "video/"))
		video(v, type, &m);
	else if (turned_by_decoder(type))
		understood = heif(v, type, &m);
	else
		understood = picture(v, type, &m);
	if (!understood) {
		answer_refuse(a, "it is not understood as a picture");
		return;
	}
	count = record_meta_pack(&m, room(a), META_BYTES_MAX);
	if (count == 0)
		answer_refuse(a, "what it says cannot be");
	else
		finish(a, DECODE_REPLY_DONE, count);
}

/* ---- THUMB ------------------------------------------------------ */

/*
 * From a preview within the file: for raw pictures the only way, for a JPEG the
 * quick one.  0: there is none that will do.
 */
static size_t
thumb_of_preview(struct answer *a, struct exif *e, bool is_raw)
{
	const char *reason;
	size_t count;
	const uint8_t *bytes = exif_preview(e, is_raw, &count);

	if (bytes == NULL)
		return 0;
	return pixels_thumb("image/jpeg", bytes, count, exif_orientation(e),
			    room(a), THUMB_BYTES_MAX, &reason);
}

/* Its bytes in room(a), or 0 and why not.  Which way up is exif.c's word, here
 * as in the record: vips does not know it of every format. */
static size_t
thumb(struct answer *a, struct view *v, const char *type, const char **reason)
{
	bool is_raw = raw_type(type);
	unsigned orientation = 1;
	size_t used = 0;
	struct exif *e;

	*reason = "no picture in it can be shown";
	if (!is_raw && !pixels_understand(type))
		return 0;
	if (!view_map(v)) {
		*reason = "it cannot be read";
		return 0;
	}
	if (!turned_by_decoder(type) &&
	    (e = exif_open(v->bytes, v->count)) != NULL) {
		orientation = exif_orientation(e);
		is_raw = is_raw || (strcmp(type, "image/tiff") == 0 &&
				    exif_is_raw(e));
		if (is_raw || strcmp(type, "image/jpeg") == 0)
			used = thumb_of_preview(a, e, is_raw);
		exif_close(e);
	}
	if (used > 0 || is_raw)
		return used;
	if (view_whole(v))
		return pixels_thumb(type, v->bytes, v->count, orientation,
				    room(a), THUMB_BYTES_MAX, reason);
	*reason = "it is too large to be decoded";
	return 0;
}

static void
answer_thumb(struct answer *a, struct view *v, const char *type)
{
	const char *reason;
	size_t used = thumb(a, v, type, &reason);

	if (used == 0)
		answer_refuse(a, reason);
	else
		finish(a, DECODE_REPLY_DONE, used);
}

/* ---- PIXELS ------------------------------------------------------ */

static void
answer_pixels(struct answer *a, struct view *v, const char *type)
{
	uint8_t *head = room(a);
	uint32_t width, height;

	if (strcmp(type, "image/jpeg") != 0 || !view_map(v) ||
	    !view_whole(v) ||
	    !pixels_show(v->bytes, v->count, head + DECODE_PIXELS_HEAD_BYTES,
			 &width, &height)) {
		answer_refuse(a, "it is no thumbnail");
		return;
	}
	put_be(&head, width, 2);
	put_be(&head, height, 2);
	finish(a, DECODE_REPLY_DONE,
	       DECODE_PIXELS_HEAD_BYTES + (size_t)width * height * 3);
}

void
answer_question(struct answer *a, enum decode_question q, int fd,
		uint64_t file_bytes)
{
	static struct view v; /* large, and there is one question at a time */
	const char *type;

	if (file_bytes == 0) {
		answer_refuse(a, "it is empty");
		return;
	}
	if (!view_init(&v, fd, file_bytes)) {
		answer_unreadable(a);
		return;
	}
	type = sniff(v.front, v.front_bytes);
	if (type == NULL) {
		answer_refuse(a, "it is no photo or video");
	} else {
		switch (q) {
		case DECODE_META:
			answer_meta(a, &v, type);
			break;
		case DECODE_THUMB:
			answer_thumb(a, &v, type);
			break;
		case DECODE_PIXELS:
			answer_pixels(a, &v, type);
			break;
		}
	}
	view_release(&v);
}
