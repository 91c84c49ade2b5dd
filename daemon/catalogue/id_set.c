#include "id_set.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define KEEP_IDS 16384u

/* Hashed once more: ids come from peers, who could choose them alike. */
static size_t
slot_for(const struct id_set *s, const uint8_t *id)
{
	struct digest d = hash_bytes(id, PHOTO_ID_BYTES);
	size_t at = (size_t)d.low & (s->slot_count - 1);

	while (s->slots[at] != 0 &&
	       memcmp(s->ids[s->slots[at] - 1].id, id, PHOTO_ID_BYTES) != 0)
		at = (at + 1) & (s->slot_count - 1);
	return at;
}

static int
grow(struct id_set *s)
{
	size_t more = s->capacity == 0 ? 1024 : 2 * s->capacity;
	uint32_t *slots;
	void *ids;

	if (more > UINT32_MAX / 4)
		return -1;
	if ((ids = realloc(s->ids, more * sizeof(s->ids[0]))) == NULL)
		return -1;
	s->ids = ids;
	if ((slots = calloc(2 * more, sizeof(*slots))) == NULL)
		return -1;
	free(s->slots);
	s->slots = slots;
	s->slot_count = 2 * more;
	s->capacity = more;
	for (size_t i = 0; i < s->count; i++)
		slots[slot_for(s, s->ids[i].id)] = (uint32_t)i + 1;
	return 0;
}

int
id_set_add(struct id_set *s, const uint8_t id[PHOTO_ID_BYTES])
{
	size_t at;

	if (s->count == s->capacity && grow(s) == -1)
		return -1;
	at = slot_for(s, id);
	if (s->slots[at] != 0)
		return 0;
	memcpy(s->ids[s->count].id, id, PHOTO_ID_BYTES);
	s->ids[s->count++].note = 0;
	s->slots[at] = (uint32_t)s->count;
	return 1;
}

uint32_t *
id_set_note(const struct id_set *s, const uint8_t id[PHOTO_ID_BYTES])
{
	size_t at;

	if (s->count == 0)
		return NULL;
	at = slot_for(s, id);
	return s->slots[at] == 0 ? NULL : &s->ids[s->slots[at] - 1].note;
}

void
id_set_clear(struct id_set *s)
{
	if (s->capacity > KEEP_IDS) {
		id_set_release(s);
		return;
	}
	if (s->count > 0)
		memset(s->slots, 0, s->slot_count * sizeof(*s->slots));
	s->count = 0;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct id_entry *)a)->id,
		      ((const struct id_entry *)b)->id, PHOTO_ID_BYTES);
}

void
id_set_sort(struct id_set *s)
{
	if (s->count > 1)
		qsort(s->ids, s->count, sizeof(s->ids[0]), compare);
}

void
id_set_release(struct id_set *s)
{
	free(s->ids);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}
