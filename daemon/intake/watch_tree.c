#include "watch_tree.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define NO_WD    (-1)
#define SLOTS_AT_FIRST 64u

struct watch_node {
	struct watch_node *parent; /* NULL: the folder of a root */
	struct watch_node *child, *next, **at; /* brothers and sisters */
	struct watch_node *same_wd;   /* chain of tree.by_wd */
	struct watch_node *same_name; /* chain of tree.by_name */
	uint64_t name_hash; /* of parent and name */
	unsigned root;      /* of the folder only */
	int wd;             /* NO_WD: not watched, something below is */
	size_t name_bytes;
	char name[]; /* and a NUL */
};

struct watch_tree {
	struct watch_node **by_wd, **by_name; /* chains; `slots` of each */
	size_t slots; /* a power of two */
	size_t count;
	struct watch_node *tops;
};

struct watch_tree *
watch_tree_new(void)
{
	struct watch_tree *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->slots = SLOTS_AT_FIRST;
	t->by_wd = calloc(t->slots, sizeof(*t->by_wd));
	t->by_name = calloc(t->slots, sizeof(*t->by_name));
	if (t->by_wd == NULL || t->by_name == NULL) {
		watch_tree_free(t);
		return NULL;
	}
	return t;
}

static void
free_below(struct watch_node *n)
{
	while (n != NULL) {
		struct watch_node *next = n->next;

		free_below(n->child);
		free(n);
		n = next;
	}
}

void
watch_tree_free(struct watch_tree *t)
{
	if (t == NULL)
		return;
	free_below(t->tops);
	free(t->by_wd);
	free(t->by_name);
	free(t);
}

size_t
watch_tree_count(const struct watch_tree *t)
{
	return t->count;
}

/* ---- the two tables --------------------------------------------------- */

static uint64_t
hash_name(const struct watch_node *parent, unsigned root, const char *name,
	  size_t bytes)
{
	uint64_t above = parent != NULL ? (uint64_t)(uintptr_t)parent : root;

	return XXH3_64bits_withSeed(name, bytes, above);
}

static struct watch_node **
wd_slot(const struct watch_tree *t, int wd)
{
	return &t->by_wd[(size_t)wd & (t->slots - 1)];
}

static void
link_wd(struct watch_tree *t, struct watch_node *n)
{
	struct watch_node **slot;

	if (n->wd == NO_WD)
		return;
	slot = wd_slot(t, n->wd);
	n->same_wd = *slot;
	*slot = n;
}

static void
link_name(struct watch_tree *t, struct watch_node *n)
{
	struct watch_node **slot = &t->by_name[n->name_hash & (t->slots - 1)];

	n->same_name = *slot;
	*slot = n;
}

static void
unlink_wd(struct watch_tree *t, struct watch_node *n)
{
	struct watch_node **at;

	if (n->wd == NO_WD)
		return;
	for (at = wd_slot(t, n->wd); *at != n; at = &(*at)->same_wd)
		continue;
	*at = n->same_wd;
	n->wd = NO_WD;
}

static void
unlink_name(struct watch_tree *t, struct watch_node *n)
{
	struct watch_node **at = &t->by_name[n->name_hash & (t->slots - 1)];

	while (*at != n)
		at = &(*at)->same_name;
	*at = n->same_name;
}

static void
relink_all(struct watch_tree *t, struct watch_node *n)
{
	for (; n != NULL; n = n->next) {
		link_wd(t, n);
		link_name(t, n);
		relink_all(t, n->child);
	}
}

/* Longer chains are slower, not wrong: no memory is no failure. */
static void
grow(struct watch_tree *t)
{
	size_t slots = 2 * t->slots;
	struct watch_node **wds = calloc(slots, sizeof(*wds));
	struct watch_node **names = calloc(slots, sizeof(*names));

	if (wds == NULL || names == NULL) {
		free(wds);
		free(names);
		return;
	}
	free(t->by_wd);
	free(t->by_name);
	t->by_wd = wds;
	t->by_name = names;
	t->slots = slots;
	relink_all(t, t->tops);
}

/* ---- nodes ------------------------------------------------------------ */

static struct watch_node *
find(const struct watch_tree *t, const struct watch_node *parent,
     unsigned root, const char *name, size_t bytes)
{
	uint64_t hash = hash_name(parent, root, name, bytes);
	struct watch_node *n = t->by_name[hash & (t->slots - 1)];

	while (n != NULL &&
	       (n->name_hash != hash || n->parent != parent ||
		n->name_bytes != bytes || memcmp(n->name, name, bytes) != 0 ||
		(parent == NULL && n->root != root)))
		n = n->same_name;
	return n;
}

/* Put it among its parent's children, where nothing of that name is. */
static void
hang(struct watch_tree *t, struct watch_node *n, struct watch_node *parent)
{
	struct watch_node **at = parent != NULL ? &parent->child : &t->tops;

	n->parent = parent;
	n->name_hash = hash_name(parent, n->root, n->name, n->name_bytes);
	n->at = at;
	n->next = *at;
	if (n->next != NULL)
		n->next->at = &n->next;
	*at = n;
	link_name(t, n);
}

static void
unhang(struct watch_tree *t, struct watch_node *n)
{
	unlink_name(t, n);
	*n->at = n->next;
	if (n->next != NULL)
		n->next->at = n->at;
}

static struct watch_node *
node_new(struct watch_tree *t, struct watch_node *parent, unsigned root,
	 const char *name, size_t bytes)
{
	struct watch_node *n = calloc(1, sizeof(*n) + bytes + 1);

	if (n == NULL)
		return NULL;
	n->root = root;
	n->wd = NO_WD;
	n->name_bytes = bytes;
	memcpy(n->name, name, bytes);
	hang(t, n, parent);
	if (++t->count > 2 * t->slots)
		grow(t);
	return n;
}

/* Nodes that are not watched stay only for what is below them. */
static void
prune(struct watch_tree *t, struct watch_node *n)
{
	while (n != NULL && n->wd == NO_WD && n->child == NULL) {
		struct watch_node *parent = n->parent;

		unhang(t, n);
		free(n);
		t->count--;
		n = parent;
	}
}

int
watch_tree_put(struct watch_tree *t, unsigned root, const char *path,
	       size_t path_bytes, int wd)
{
	struct watch_node *n = find(t, NULL, root, "", 0), *old;
	const char *end = path + path_bytes;

	assert(wd >= 0);
	if (n == NULL && (n = node_new(t, NULL, root, "", 0)) == NULL)
		return -1;
	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t bytes = (size_t)((slash != NULL ? slash : end) - path);
		struct watch_node *below = find(t, n, root, path, bytes);

		if (below == NULL &&
		    (below = node_new(t, n, root, path, bytes)) == NULL) {
			prune(t, n);
			return -1;
		}
		n = below;
		path += slash != NULL ? bytes + 1 : bytes;
	}
	if (n->wd == wd)
		return 0;
	unlink_wd(t, n);
	for (old = watch_tree_first(t, wd); old != NULL;
	     old = watch_tree_next(old))
		if (watch_node_root(old) == root)
			break;
	n->wd = wd;
	link_wd(t, n);
	if (old != NULL) {
		unlink_wd(t, old);
		prune(t, old);
	}
	return 0;
}

struct watch_node *
watch_tree_first(const struct watch_tree *t, int wd)
{
	struct watch_node *n;

	if (wd < 0)
		return NULL;
	for (n = *wd_slot(t, wd); n != NULL && n->wd != wd; n = n->same_wd)
		continue;
	return n;
}

struct watch_node *
watch_tree_next(const struct watch_node *n)
{
	struct watch_node *next = n->same_wd;

	while (next != NULL && next->wd != n->wd)
		next = next->same_wd;
	return next;
}

static const struct watch_node *
top_of(const struct watch_node *n)
{
	while (n->parent != NULL)
		n = n->parent;
	return n;
}

unsigned
watch_node_root(const struct watch_node *n)
{
	return top_of(n)->root;
}

bool
watch_node_is_top(const struct watch_node *n)
{
	return n->parent == NULL;
}

bool
watch_node_path(const struct watch_node *n, const char *name,
		struct watch_path *out)
{
	size_t bytes = name != NULL ? strlen(name) : 0, at;
	const struct watch_node *k;

	/* From the end: one slash between every two names. */
	for (k = n; k->parent != NULL; k = k->parent)
		bytes += k->name_bytes + (bytes > 0 ? 1 : 0);
	out->root = k->root;
	out->bytes = bytes;
	if (bytes > PATH_BYTES_MAX)
		return false;
	out->text[bytes] = '\0';
	at = bytes;
	if (name != NULL) {
		at -= strlen(name);
		memcpy(out->text + at, name, strlen(name));
	}
	for (k = n; k->parent != NULL; k = k->parent) {
		if (at < bytes)
			out->text[--at] = '/';
		at -= k->name_bytes;
		memcpy(out->text + at, k->name, k->name_bytes);
	}
	assert(at == 0);
	return true;
}

/* ---- moving and cutting ----------------------------------------------- */

static void
cut_below(struct watch_tree *t, struct watch_node *n,
	  void (*unused)(void *arg, int wd), void *arg)
{
	int wd = n->wd;

	while (n->child != NULL)
		cut_below(t, n->child, unused, arg);
	unlink_wd(t, n);
	unhang(t, n);
	free(n);
	t->count--;
	if (wd != NO_WD && watch_tree_first(t, wd) == NULL)
		unused(arg, wd);
}

void
watch_tree_cut(struct watch_tree *t, struct watch_node *n, const char *name,
	       void (*unused)(void *arg, int wd), void *arg)
{
	struct watch_node *below = find(t, n, 0, name, strlen(name));

	if (below != NULL)
		cut_below(t, below, unused, arg);
}

void
watch_tree_cut_root(struct watch_tree *t, unsigned root,
		    void (*unused)(void *arg, int wd), void *arg)
{
	struct watch_node *top = find(t, NULL, root, "", 0);

	if (top != NULL)
		cut_below(t, top, unused, arg);
}

static bool
is_within(const struct watch_node *n, const struct watch_node *above)
{
	while (n != NULL && n != above)
		n = n->parent;
	return n != NULL;
}

int
watch_tree_move(struct watch_tree *t, struct watch_node *from,
		const char *name, struct watch_node *to, const char *to_name,
		void (*unused)(void *arg, int wd), void *arg)
{
	struct watch_node *n = find(t, from, 0, name, strlen(name)), *moved;
	struct watch_node *replaced = find(t, to, 0, to_name, strlen(to_name));
	size_t bytes = strlen(to_name);

	/* No rename goes into itself or over what it lies in; but the tree may
	 * be behind, and then the next walk finds everything again. */
	if (n == NULL || n == replaced || is_within(to, n) ||
	    (replaced != NULL && is_within(n, replaced)))
		return 0;
	/* What the move has replaced. */
	watch_tree_cut(t, to, to_name, unused, arg);
	if ((moved = node_new(t, to, 0, to_name, bytes)) == NULL) {
		cut_below(t, n, unused, arg);
		return -1;
	}
	moved->wd = n->wd;
	unlink_wd(t, n);
	link_wd(t, moved);
	while (n->child != NULL) {
		struct watch_node *below = n->child;

		unhang(t, below);
		hang(t, below, moved);
	}
	prune(t, n);
	return 0;
}

void
watch_tree_lose(struct watch_tree *t, int wd)
{
	struct watch_node *n;

	while ((n = watch_tree_first(t, wd)) != NULL) {
		unlink_wd(t, n);
		prune(t, n);
	}
}
