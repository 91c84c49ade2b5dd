#include "stretches.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 1024u

void
stretches_init(struct stretches *s, uint32_t max)
{
	*s = (struct stretches){.max = max};
}

void
stretches_release(struct stretches *s)
{
	free(s->slots);
	s->slots = NULL;
	s->capacity = s->count = 0;
}

void
stretches_clear(struct stretches *s)
{
	stretches_release(s);
	s->cut = false;
}

/* Where it is, or would be.  There is always a free one. */
static struct timeline_time *
slot_of(const struct stretches *s, int32_t day)
{
	uint32_t mask = s->capacity - 1;
	uint32_t at = (uint32_t)day * UINT32_C(0x9e3779b1);

	for (at = (at ^ at >> 15) & mask; s->slots[at].photos > 0 &&
					  s->slots[at].day != day;)
		at = (at + 1) & mask;
	return &s->slots[at];
}

/* Those there are, from `from`, in a table of another size. */
static int
rebuild(struct stretches *s, uint32_t capacity,
	const struct timeline_time *from, uint32_t from_count)
{
	struct timeline_time *old = s->slots;
	struct timeline_time *new = calloc(capacity, sizeof(*new));

	if (new == NULL)
		return -1;
	s->slots = new;
	s->capacity = capacity;
	for (uint32_t i = 0; i < from_count; i++)
		if (from[i].photos > 0)
			*slot_of(s, from[i].day) = from[i];
	free(old);
	return 0;
}

static int
newest_first(const void *a, const void *b)
{
	const struct timeline_time *x = a, *y = b;

	return (x->day < y->day) - (x->day > y->day);
}

uint32_t
stretches_end(struct stretches *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->capacity; i++)
		if (s->slots[i].photos > 0)
			s->slots[kept++] = s->slots[i];
	if (kept > 0)
		qsort(s->slots, kept, sizeof(*s->slots), newest_first);
	s->count = kept < s->max ? kept : s->max;
	return s->count;
}

/* It is half full: larger, or without those that are too many by now. */
static int
make_room(struct stretches *s)
{
	uint32_t capacity = s->capacity > 0 ? 2 * s->capacity : CAPACITY_MIN;

	if (s->capacity / 4 < s->max)
		return rebuild(s, capacity, s->slots, s->capacity);
	s->cut = true;
	s->oldest = s->slots[stretches_end(s) - 1].day;
	return rebuild(s, s->capacity, s->slots, s->count);
}

int
stretches_add(struct stretches *s, int32_t day, uint64_t bytes)
{
	struct timeline_time *t;

	if (s->cut && day < s->oldest)
		return 0;
	if (2 * s->count >= s->capacity && make_room(s) == -1)
		return -1;
	t = slot_of(s, day);
	s->count += t->photos == 0;
	t->day = day;
	t->photos++;
	t->bytes += bytes;
	return 0;
}
