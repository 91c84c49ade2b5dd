#include "fresh.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES   64u
#define FILTER_LINES (1u << 14) /* 1 MiB */
#define LISTED_MAX   1000000u /* beyond, too much would pass for listed */
#define COPIES_MAX   (1u << 17)  /* of one transaction */
#define SAME_MAX     32u      /* copies of a photo */
#define KEYS_MAX     (8u << 20)

/*
 * Three bits of one cache line.  Ids are hashes.  Who makes them alike slows
 * nothing down but the questions about those, which are asked of the tables then.
 */
struct place {
	uint64_t *line;
	unsigned bits[3];
};

static struct place
place_of(const struct fresh *f, const uint8_t *id)
{
	struct place p;
	uint32_t line, bits;

	memcpy(&line, id, sizeof(line));
	memcpy(&bits, id + 4, sizeof(bits));
	p.line = f->filter + (size_t)(line & (FILTER_LINES - 1)) * 8;
	for (unsigned i = 0; i < 3; i++)
		p.bits[i] = bits >> 9 * i & 511;
	return p;
}

static void
drop_filter(struct fresh *f)
{
	free(f->filter);
	f->filter = NULL;
	f->listed = 0;
}

void
fresh_begin(struct fresh *f)
{
	if (f->filter != NULL && f->listed == 0)
		return;
	drop_filter(f);
	f->filter = calloc(FILTER_LINES, LINE_BYTES);
}

void
fresh_listed(struct fresh *f, const uint8_t id[PHOTO_ID_BYTES])
{
	struct place p;

	if (f->filter == NULL)
		return;
	if (f->listed++ == LISTED_MAX) {
		drop_filter(f);
		return;
	}
	p = place_of(f, id);
	for (unsigned i = 0; i < 3; i++)
		p.line[p.bits[i] / 64] |= UINT64_C(1) << p.bits[i] % 64;
}

bool
fresh_unlisted(const struct fresh *f, const uint8_t id[PHOTO_ID_BYTES])
{
	struct place p;

	if (f->filter == NULL)
		return false;
	p = place_of(f, id);
	for (unsigned i = 0; i < 3; i++) {
		if ((p.line[p.bits[i] / 64] >> p.bits[i] % 64 & 1) == 0)
			return true;
	}
	return false;
}

static bool
make_room(struct fresh *f, size_t key_bytes)
{
	size_t room;
	void *more;

	if (f->copy_count == f->copy_room) {
		room = f->copy_room == 0 ? 256 : 2 * f->copy_room;
		if (room > COPIES_MAX ||
		    (more = realloc(f->copies, room * sizeof(*f->copies))) ==
			    NULL)
			return false;
		f->copies = more;
		f->copy_room = room;
	}
	room = f->key_room == 0 ? 65536 : f->key_room;
	while (room - f->key_bytes < key_bytes)
		room *= 2;
	if (room != f->key_room) {
		if (room > KEYS_MAX ||
		    (more = realloc(f->keys, room)) == NULL)
			return false;
		f->keys = more;
		f->key_room = room;
	}
	return true;
}

void
fresh_copy_of(struct fresh_copy *out, const struct record_copy *c)
{
	out->mtime_ns = c->mtime_ns;
	out->added_ms = c->added_ms;
	memcpy(out->file, c->file, sizeof(out->file));
	memcpy(out->type, c->type, sizeof(out->type));
}

uint32_t
fresh_add(struct fresh *f, uint32_t before, unsigned slot, const uint8_t *key,
	  size_t key_bytes, const struct record_copy *c)
{
	uint32_t place = before != 0 ? f->copies[before - 1].place + 1 : 1;
	struct fresh_copy *n;

	if (place > SAME_MAX || !make_room(f, key_bytes))
		return 0;
	n = &f->copies[f->copy_count++];
	n->before = before;
	n->place = place;
	n->slot = slot;
	n->key_at = f->key_bytes;
	n->key_bytes = key_bytes;
	fresh_copy_of(n, c);
	memcpy(f->keys + f->key_bytes, key, key_bytes);
	f->key_bytes += key_bytes;
	return (uint32_t)f->copy_count;
}

const struct fresh_copy *
fresh_copy(const struct fresh *f, uint32_t number)
{
	return &f->copies[number - 1];
}

const uint8_t *
fresh_key(const struct fresh *f, const struct fresh_copy *c)
{
	return f->keys + c->key_at;
}

void
fresh_clear(struct fresh *f)
{
	f->copy_count = 0;
	f->key_bytes = 0;
}

void
fresh_release(struct fresh *f)
{
	drop_filter(f);
	free(f->copies);
	free(f->keys);
	memset(f, 0, sizeof(*f));
}
