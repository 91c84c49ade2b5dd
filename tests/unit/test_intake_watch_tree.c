/*
 * The tree behind the watches: numbers lead to directories wherever they are
 * moved, and nothing is kept for what is no longer ours.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "watch_tree.h"

static struct watch_tree *t;
static int unused[64];
static unsigned unused_count;

static void
on_unused(void *arg, int wd)
{
	(void)arg;
	unused[unused_count++] = wd;
}

static void
put(unsigned root, const char *path, int wd)
{
	assert(watch_tree_put(t, root, path, strlen(path), wd) == 0);
}

static void
at(int wd, const char *name, unsigned root, const char *path)
{
	struct watch_path p;
	struct watch_node *n = watch_tree_first(t, wd);

	assert(n != NULL && watch_node_path(n, name, &p));
	if (strcmp(p.text, path) != 0)
		fprintf(stderr, "'%s' is not '%s'\n", p.text, path);
	assert(p.root == root && p.bytes == strlen(path) &&
	       strcmp(p.text, path) == 0);
}

static void
move(int from, const char *name, int to, const char *to_name)
{
	assert(watch_tree_move(t, watch_tree_first(t, from), name,
			       watch_tree_first(t, to), to_name, on_unused,
			       NULL) == 0);
}

static void
test_paths(void)
{
	put(0, "", 1);
	put(0, "a", 2);
	put(0, "a/b", 3);
	put(0, "a/b/c", 4);
	at(1, NULL, 0, "");
	at(1, "x.jpg", 0, "x.jpg");
	at(4, "x.jpg", 0, "a/b/c/x.jpg");
	assert(watch_tree_count(t) == 4);
	/* Again is harmless. */
	put(0, "a/b", 3);
	assert(watch_tree_count(t) == 4 && watch_tree_first(t, 9) == NULL);
}

/* One node moves, and the paths of all below with it. */
static void
test_rename_moves_all_below(void)
{
	move(1, "a", 1, "z");
	at(4, "x.jpg", 0, "z/b/c/x.jpg");
	move(2, "b", 1, "b2");
	at(4, "x.jpg", 0, "b2/c/x.jpg");
	assert(watch_tree_count(t) == 4 && unused_count == 0);
	/* Something that is not watched. */
	move(1, "unknown", 2, "u");
	assert(watch_tree_count(t) == 4);
	/* A tree that is behind must not bite its own tail. */
	move(1, "b2", 4, "b2");
	at(4, NULL, 0, "b2/c");
}

/* A walk finds a directory elsewhere than where it was thought to be. */
static void
test_found_elsewhere(void)
{
	put(0, "n", 5);
	put(0, "n/c", 4);
	at(4, NULL, 0, "n/c");
	assert(watch_tree_count(t) == 5); /* "", z, b2, n, n/c */
	put(0, "n", 5);
}

/* The target of a rename is replaced, with its number. */
static void
test_replaced(void)
{
	put(0, "old", 6);
	put(0, "old/below", 7);
	unused_count = 0;
	move(1, "n", 1, "old");
	at(4, NULL, 0, "old/c");
	assert(unused_count == 2 && unused[0] + unused[1] == 13);
	assert(watch_tree_first(t, 6) == NULL);
}

static void
test_cut(void)
{
	unused_count = 0;
	watch_tree_cut(t, watch_tree_first(t, 1), "old", on_unused, NULL);
	assert(unused_count == 2 && watch_tree_first(t, 4) == NULL &&
	       watch_tree_first(t, 5) == NULL);
	/* Taken back by the system: gone, but not what is below. */
	put(0, "p", 8);
	put(0, "p/q", 9);
	watch_tree_lose(t, 8);
	assert(watch_tree_first(t, 8) == NULL);
	at(9, NULL, 0, "p/q");
	watch_tree_lose(t, 9);
	assert(watch_tree_count(t) == 3); /* "", z, b2 */
}

/* One directory in two roots: one number, two nodes. */
static void
test_two_roots(void)
{
	struct watch_node *n;

	put(1, "", 3);
	n = watch_tree_first(t, 3);
	assert(n != NULL && watch_tree_next(n) != NULL &&
	       watch_tree_next(watch_tree_next(n)) == NULL);
	assert(watch_node_root(n) != watch_node_root(watch_tree_next(n)));
	unused_count = 0;
	watch_tree_cut_root(t, 1, on_unused, NULL);
	assert(unused_count == 0); /* root 0 has it still */
	at(3, NULL, 0, "b2");
	watch_tree_cut_root(t, 0, on_unused, NULL);
	assert(unused_count == 3 && watch_tree_count(t) == 0);
}

static void
test_many_and_long(void)
{
	char path[PATH_BYTES_MAX + 1], name[300];
	struct watch_path p;

	put(0, "", 1);
	for (int k = 0; k < 5000; k++) {
		snprintf(path, sizeof(path), "d%d", k);
		put(0, path, 10 + k);
	}
	at(10 + 4321, "f", 0, "d4321/f");
	/* Longer than a record's key. */
	memset(path, 'x', sizeof(path));
	for (unsigned k = 200; k < PATH_BYTES_MAX; k += 200)
		path[k] = '/';
	path[PATH_BYTES_MAX - 100] = '\0';
	put(0, path, 6000);
	memset(name, 'y', sizeof(name));
	name[255] = '\0';
	assert(watch_node_path(watch_tree_first(t, 6000), NULL, &p));
	assert(!watch_node_path(watch_tree_first(t, 6000), name, &p));
}

int
main(void)
{
	assert((t = watch_tree_new()) != NULL);
	test_paths();
	test_rename_moves_all_below();
	test_found_elsewhere();
	test_replaced();
	test_cut();
	test_two_roots();
	test_many_and_long();
	watch_tree_free(t);
	puts("ok 1 - the tree of watches\n1..1");
	return 0;
}
