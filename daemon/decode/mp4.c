/*
 * mp4.c: a walk over the boxes of a movie's head.
 *
 *   moov  mvhd                 clock (seconds since 1904, UTC) and duration
 *         trak  tkhd           size, and a matrix that may turn it
 *               mdia hdlr      is it the picture?
 *         udta  (c)xyz ...     place, make, model, as QuickTime has had them
 *               meta           (see below; Apple's is directly in moov)
 *         meta  keys ilst      "com.apple.quicktime.creationdate" and others
 *
 * Each level is a function of its own, so the depth is that of this file.
 */
#include "mp4.h"

#include <string.h>

#include "meta.h"
#include "texts.h"
#include "values.h"

#define BOXES_MAX    4096u /* of one file, on all levels */
#define KEYS_MAX     64u
#define TEXT_MAX     255u
#define DAY_BYTES    10u /* 2019-07-04 */
#define EPOCH_1904_S UINT64_C(2082844800) /* from there to 1970 */
#define SECONDS_MAX  UINT64_C(253402300799) /* the end of 9999, since 1970 */

struct walk {
	const struct mp4_file *file;
	unsigned boxes_left;
	struct record_meta *out;
	bool has_movie, has_picture, has_date;
};

struct box {
	uint32_t type;
	uint64_t at, end; /* of what is in it */
};

#define BOX(a, b, c, d)                                                       \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 |     \
	 (uint32_t)(d))

static uint64_t
be(const uint8_t *b, unsigned width)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v = v << 8 | b[i];
	return v;
}

/* `count` bytes at `offset` within a box, if it has them. */
static bool
read_in(const struct walk *w, const struct box *b, uint64_t offset, void *out,
	size_t count)
{
	if (b->end - b->at < offset || b->end - b->at - offset < count)
		return false;
	return w->file->read(w->file->arg, b->at + offset, out, count);
}

/* The box at *at, below `end`; *at moves behind it.  False at the end, and
 * where something stands that is no box. */
static bool
next_box(struct walk *w, uint64_t *at, uint64_t end, struct box *b)
{
	uint8_t head[16];
	uint64_t size, head_bytes = 8;

	if (*at > end || end - *at < 8 || w->boxes_left == 0 ||
	    !w->file->read(w->file->arg, *at, head, 8))
		return false;
	w->boxes_left--;
	size = be(head, 4);
	b->type = (uint32_t)be(head + 4, 4);
	if (size == 1) {
		if (end - *at < 16 ||
		    !w->file->read(w->file->arg, *at + 8, head + 8, 8))
			return false;
		size = be(head + 8, 8);
		head_bytes = 16;
	} else if (size == 0) {
		size = end - *at;
	}
	if (size < head_bytes)
		return false;
	b->at = *at + head_bytes;
	/* One that says it goes on beyond its parent ends with that. */
	b->end = size > end - *at ? end : *at + size;
	*at = b->end;
	return true;
}

/* ---- texts ------------------------------------------------------ */

enum said {
	SAID_NOTHING,
	SAID_DATE,
	SAID_PLACE,
	SAID_MAKE,
	SAID_MODEL,
};

static void
take_place(struct walk *w, const char *text)
{
	struct record_meta *m = w->out;
	bool has_altitude;

	if ((m->has & META_HAS_PLACE) ||
	    !value_iso6709(text, &m->latitude_e7, &m->longitude_e7,
			   &has_altitude, &m->altitude_mm))
		return;
	m->has |= META_HAS_PLACE | (has_altitude ? META_HAS_ALTITUDE : 0);
}

/* The camera's own clock, better than mvhd's, which is UTC.  But a day alone,
 * which may be that of a publication, is less than any clock. */
static void
take_date(struct walk *w, const char *text)
{
	struct record_meta *m = w->out;
	bool has_offset, timed = strlen(text) > DAY_BYTES;
	int32_t offset = 0;
	int64_t ms;

	if (w->has_date || (!timed && (m->has & META_HAS_TAKEN)) ||
	    !value_iso_time(text, &ms, &has_offset, &offset))
		return;
	w->has_date = timed;
	m->taken_ms = ms;
	m->offset_min = has_offset ? offset : 0;
	m->source = META_TAKEN_CONTAINER;
	m->has = (m->has & ~META_HAS_OFFSET) | META_HAS_TAKEN |
		 (has_offset ? META_HAS_OFFSET : 0);
}

/* The text at `offset` of a box is what the file says of this. */
static void
take_text(struct walk *w, const struct box *b, uint64_t offset, enum said what)
{
	char raw[TEXT_MAX + 1] = "", text[TEXT_MAX + 1];
	uint64_t bytes;

	if (b->end - b->at <= offset)
		return;
	bytes = b->end - b->at - offset;
	if (bytes > TEXT_MAX)
		bytes = TEXT_MAX;
	if (!read_in(w, b, offset, raw, (size_t)bytes))
		return;
	text_clean(raw, (size_t)bytes, text, TEXT_MAX);
	switch (what) {
	case SAID_NOTHING:
		break;
	case SAID_DATE:
		take_date(w, text);
		break;
	case SAID_PLACE:
		take_place(w, text);
		break;
	case SAID_MAKE:
		if (w->out->make[0] == '\0')
			text_clean(text, sizeof(text), w->out->make,
				   META_TEXT_MAX);
		break;
	case SAID_MODEL:
		if (w->out->model[0] == '\0')
			text_clean(text, sizeof(text), w->out->model,
				   META_TEXT_MAX);
		break;
	}
}

/* ---- moov/meta: keys with names, values by their number ------------------- */

static enum said
key_says(const char *name)
{
	static const struct {
		const char *name;
		enum said what;
	} keys[] = {
		{"com.apple.quicktime.creationdate", SAID_DATE},
		{"com.apple.quicktime.location.ISO6709", SAID_PLACE},
		{"com.apple.quicktime.make", SAID_MAKE},
		{"com.apple.quicktime.model", SAID_MODEL},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(name, keys[i].name) == 0)
			return keys[i].what;
	return SAID_NOTHING;
}

static void
walk_keys(struct walk *w, const struct box *keys, uint8_t says[KEYS_MAX])
{
	uint64_t offset = 8; /* version, flags, count: the box's end counts */

	for (unsigned i = 0; i < KEYS_MAX; i++) {
		char name[64] = "";
		uint8_t head[8];
		uint64_t size;

		if (!read_in(w, keys, offset, head, sizeof(head)))
			return;
		size = be(head, 4);
		if (size < 8 || size > keys->end - keys->at - offset)
			return;
		if (size - 8 < sizeof(name) &&
		    read_in(w, keys, offset + 8, name, (size_t)size - 8))
			says[i] = (uint8_t)key_says(name);
		offset += size;
	}
}

static void
walk_ilst(struct walk *w, const struct box *ilst,
	  const uint8_t says[KEYS_MAX])
{
	uint64_t at = ilst->at, inner;
	struct box item, data;

	while (next_box(w, &at, ilst->end, &item)) {
		/* its type is the key's number, from 1 */
		if (item.type == 0 || item.type > KEYS_MAX ||
		    says[item.type - 1] == SAID_NOTHING)
			continue;
		inner = item.at;
		if (next_box(w, &inner, item.end, &data) &&
		    data.type == BOX('d', 'a', 't', 'a'))
			take_text(w, &data, 8,
				  (enum said)says[item.type - 1]);
	}
}

static void
walk_meta(struct walk *w, const struct box *meta)
{
	uint8_t says[KEYS_MAX] = {SAID_NOTHING}, head[8];
	uint64_t at = meta->at;
	struct box b;

	/* ISO's has version and flags first; QuickTime's begins with a box. */
	if (!read_in(w, meta, 0, head, sizeof(head)))
		return;
	if (memcmp(head + 4, "hdlr", 4) != 0)
		at += 4;
	while (next_box(w, &at, meta->end, &b)) {
		if (b.type == BOX('k', 'e', 'y', 's'))
			walk_keys(w, &b, says);
		else if (b.type == BOX('i', 'l', 's', 't'))
			walk_ilst(w, &b, says);
	}
}

static void
walk_udta(struct walk *w, const struct box *udta)
{
	uint64_t at = udta->at;
	struct box b;

	/* Length and language stand before these texts. */
	while (next_box(w, &at, udta->end, &b)) {
		if (b.type == BOX(0xa9, 'x', 'y', 'z'))
			take_text(w, &b, 4, SAID_PLACE);
		else if (b.type == BOX(0xa9, 'm', 'a', 'k'))
			take_text(w, &b, 4, SAID_MAKE);
		else if (b.type == BOX(0xa9, 'm', 'o', 'd'))
			take_text(w, &b, 4, SAID_MODEL);
		else if (b.type == BOX(0xa9, 'd', 'a', 'y'))
			take_text(w, &b, 4, SAID_DATE);
		else if (b.type == BOX('m', 'e', 't', 'a'))
			walk_meta(w, &b);
	}
}

/* ---- numbers ------------------------------------------------------ */

static void
take_clock(struct walk *w, uint64_t seconds)
{
	struct record_meta *m = w->out;

	/* Nobody filmed like this before 1970: then it was counted from there. */
	if (seconds >= EPOCH_1904_S)
		seconds -= EPOCH_1904_S;
	/* 0: a clock that says nothing, from either */
	if (seconds == 0 || seconds > SECONDS_MAX || w->has_date)
		return;
	m->taken_ms = (int64_t)seconds * 1000;
	m->offset_min = 0;
	m->source = META_TAKEN_CONTAINER;
	m->has |= META_HAS_TAKEN | META_HAS_OFFSET;
}

static void
take_duration(struct walk *w, uint64_t duration, uint64_t scale, uint64_t none)
{
	struct record_meta *m = w->out;
	uint64_t ms;

	if (scale == 0 || duration == none || duration / scale > UINT32_MAX)
		return;
	ms = duration / scale * 1000 + duration % scale * 1000 / scale;
	m->duration_ms = ms;
	m->has |= META_HAS_DURATION;
}

static void
walk_mvhd(struct walk *w, const struct box *mvhd)
{
	uint8_t b[32];

	if (!read_in(w, mvhd, 0, b, 20))
		return;
	if (b[0] == 0) {
		take_clock(w, be(b + 4, 4));
		take_duration(w, be(b + 16, 4), be(b + 12, 4), UINT32_MAX);
	} else if (b[0] == 1 && read_in(w, mvhd, 0, b, 32)) {
		take_clock(w, be(b + 4, 8));
		take_duration(w, be(b + 24, 8), be(b + 20, 4), UINT64_MAX);
	}
}

/* Width and height as displayed, 16.16 before; false if there are none. */
static bool
walk_tkhd(struct walk *w, const struct box *tkhd, uint32_t *width,
	  uint32_t *height)
{
	uint8_t version, b[44];
	bool turned;

	if (!read_in(w, tkhd, 0, &version, 1) || version > 1 ||
	    !read_in(w, tkhd, version == 0 ? 40 : 52, b, sizeof(b)))
		return false;
	/* a, b, u; c, d, v; x, y, w: turned if it swaps the axes */
	turned = be(b, 4) == 0 && be(b + 16, 4) == 0 && be(b + 4, 4) != 0;
	*width = (uint32_t)(be(b + (turned ? 40 : 36), 4) >> 16);
	*height = (uint32_t)(be(b + (turned ? 36 : 40), 4) >> 16);
	return *width != 0 && *height != 0;
}

static bool
is_picture(struct walk *w, const struct box *mdia)
{
	uint64_t at = mdia->at;
	struct box b;
	uint8_t kind[4];

	while (next_box(w, &at, mdia->end, &b))
		if (b.type == BOX('h', 'd', 'l', 'r'))
			return read_in(w, &b, 8, kind, sizeof(kind)) &&
			       memcmp(kind, "vide", 4) == 0;
	return false;
}

static void
walk_trak(struct walk *w, const struct box *trak)
{
	uint32_t width = 0, height = 0;
	uint64_t at = trak->at;
	bool sized = false, picture = false;
	struct box b;

	while (next_box(w, &at, trak->end, &b)) {
		if (b.type == BOX('t', 'k', 'h', 'd'))
			sized = walk_tkhd(w, &b, &width, &height);
		else if (b.type == BOX('m', 'd', 'i', 'a'))
			picture = is_picture(w, &b);
	}
	if (!sized || !picture || w->has_picture)
		return;
	w->has_picture = true;
	w->out->width = width;
	w->out->height = height;
}

static void
walk_moov(struct walk *w, const struct box *moov)
{
	uint64_t at = moov->at;
	struct box b;

	while (next_box(w, &at, moov->end, &b)) {
		if (b.type == BOX('m', 'v', 'h', 'd'))
			walk_mvhd(w, &b);
		else if (b.type == BOX('t', 'r', 'a', 'k'))
			walk_trak(w, &b);
		else if (b.type == BOX('u', 'd', 't', 'a'))
			walk_udta(w, &b);
		else if (b.type == BOX('m', 'e', 't', 'a'))
			walk_meta(w, &b);
	}
}

bool
mp4_read(const struct mp4_file *f, struct record_meta *out)
{
	struct walk w = {.file = f, .boxes_left = BOXES_MAX, .out = out};
	uint64_t at = 0;
	struct box b;

	while (next_box(&w, &at, f->bytes, &b) && !w.has_movie) {
		if (b.type != BOX('m', 'o', 'o', 'v'))
			continue;
		w.has_movie = true;
		walk_moov(&w, &b);
	}
	return w.has_movie;
}
