#include "pending.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define SLOTS 8192u

struct line {
	struct pending_item *first, **last;
};

struct pending {
	struct pending_item *slots[SLOTS];
	struct line now, later; /* later: by due_ms */
	size_t count;
};

struct pending *
pending_new(void)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p != NULL) {
		p->now.last = &p->now.first;
		p->later.last = &p->later.first;
	}
	return p;
}

void
pending_free(struct pending *p)
{
	if (p != NULL)
		pending_clear(p);
	free(p);
}

static void
join_line(struct line *l, struct pending_item *i)
{
	i->next = NULL;
	i->at = l->last;
	*l->last = i;
	l->last = &i->next;
}

static void
leave_line(struct line *l, struct pending_item *i)
{
	*i->at = i->next;
	if (i->next != NULL)
		i->next->at = i->at;
	else
		l->last = i->at;
}

static void
leave_chain(struct pending *p, struct pending_item *i)
{
	struct pending_item **at = &p->slots[i->hash % SLOTS];

	while (*at != i)
		at = &(*at)->same;
	*at = i->same;
	p->count--;
}

static struct pending_item *
find(struct pending *p, uint64_t hash, unsigned root, const char *path,
     size_t bytes)
{
	struct pending_item *i = p->slots[hash % SLOTS];

	while (i != NULL &&
	       (i->hash != hash || i->root != root || i->path_bytes != bytes ||
		memcmp(i->path, path, bytes) != 0))
		i = i->same;
	return i;
}

unsigned
pending_join(unsigned first, unsigned then)
{
	return ((first | then) & LOOK_BELOW) |
	       (first & then & LOOK_WHEN_QUIET) | (then & LOOK_MOVED);
}

/* It waits already: the earlier time, and the flags of both. */
static void
merge(struct pending *p, struct pending_item *i, unsigned flags,
      uint64_t due_ms)
{
	i->flags = pending_join(i->flags, flags);
	if (due_ms == 0 && i->due_ms != 0) {
		leave_line(&p->later, i);
		i->due_ms = 0;
		join_line(&p->now, i);
	}
}

bool
pending_put(struct pending *p, unsigned root, const char *path,
	    size_t path_bytes, unsigned flags, uint64_t due_ms)
{
	uint64_t hash = XXH3_64bits_withSeed(path, path_bytes, root);
	struct pending_item *i = find(p, hash, root, path, path_bytes);

	if (i != NULL) {
		merge(p, i, flags, due_ms);
		return true;
	}
	if (p->count == PENDING_MAX ||
	    (i = malloc(sizeof(*i) + path_bytes + 1)) == NULL)
		return false;
	i->hash = hash;
	i->due_ms = due_ms;
	i->root = root;
	i->flags = flags;
	i->path_bytes = path_bytes;
	memcpy(i->path, path, path_bytes);
	i->path[path_bytes] = '\0';
	i->same = p->slots[hash % SLOTS];
	p->slots[hash % SLOTS] = i;
	/* All are put off by the same time, so this keeps the order. */
	join_line(due_ms == 0 ? &p->now : &p->later, i);
	p->count++;
	return true;
}

struct pending_item *
pending_take(struct pending *p, uint64_t now_ms)
{
	struct line *l = p->now.first != NULL ? &p->now : &p->later;
	struct pending_item *i = l->first;

	if (i == NULL || i->due_ms > now_ms)
		return NULL;
	leave_line(l, i);
	leave_chain(p, i);
	return i;
}

uint64_t
pending_due(const struct pending *p)
{
	if (p->now.first != NULL)
		return 0;
	return p->later.first != NULL ? p->later.first->due_ms : UINT64_MAX;
}

bool
pending_ready(const struct pending *p)
{
	return p->now.first != NULL;
}

void
pending_clear(struct pending *p)
{
	struct pending_item *i;

	while ((i = pending_take(p, UINT64_MAX)) != NULL)
		free(i);
}
