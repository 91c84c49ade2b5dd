/*
 * The state directory: found again by path and by place, locked, told apart
 * from its copy; the identity stays; other nodes' folders are refused.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"
#include "trouble.h"

static char top[] = "/tmp/photomesh-state-XXXXXX";

static char *
in_top(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *p = paths[next++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", top, name);
	return p;
}

static void
run(const char *format, const char *a, const char *b)
{
	char command[1024];

	snprintf(command, sizeof(command), format, a, b);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

static struct state *
open_one(const char *dir, const char *folder)
{
	const char *folders[] = {folder};
	struct trouble why = {0, ""};
	struct state *s = state_open(dir, folders, 1, &why);

	if (s == NULL)
		fprintf(stderr, "(%s)\n", why.text);
	return s;
}

static void
test_found_again(void)
{
	char *alice = strdup(in_top("pictures alice\n%"));
	struct node_id node;
	struct root_id root;
	uint8_t signature[64];
	char dir[512];
	struct state *s, *other;

	assert(mkdir(alice, 0755) == 0);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(!s->new_life && s->root_count == 1 && s->roots[0].named);
	assert(strcmp(s->roots[0].path, alice) == 0);
	assert(strcmp(s->roots[0].label, "pictures alice\n%") == 0);
	assert(s->roots[0].volume_bytes > 0 && s->run != 0);
	node = s->node;
	root = s->roots[0].id;
	snprintf(dir, sizeof(dir), "%s", s->dir);
	assert(open_one(NULL, alice) == NULL); /* in use */
	assert(state_sign(s, (const uint8_t *)"x", 1, signature) == 0);
	assert(identity_check(s->public_key, (const uint8_t *)"x", 1,
			      signature));
	assert(!identity_check(s->public_key, (const uint8_t *)"y", 1,
			       signature));
	state_close(s);

	/* The same by another spelling. */
	char spelled[300];
	snprintf(spelled, sizeof(spelled), "%s//./", alice);
	assert((s = open_one(NULL, spelled)) != NULL);
	assert(!s->new_life && node_id_equal(&s->node, &node));
	assert(memcmp(&s->roots[0].id, &root, sizeof(root)) == 0);
	state_close(s);

	/* Moved on its volume through a symbolic link: place decides. */
	assert(symlink(alice, in_top("link")) == 0);
	assert((s = open_one(NULL, in_top("link"))) != NULL);
	assert(node_id_equal(&s->node, &node) && s->root_count == 1);
	assert(strcmp(s->roots[0].path, in_top("link")) == 0);
	assert(memcmp(&s->roots[0].id, &root, sizeof(root)) == 0);
	state_close(s);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(node_id_equal(&s->node, &node) && s->root_count == 1);
	state_close(s);

	/* Its disk is away: recorded, so no mistake. */
	assert(rename(alice, in_top("away")) == 0);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(node_id_equal(&s->node, &node));
	state_close(s);
	assert(open_one(NULL, in_top("never was")) == NULL);
	assert(rename(in_top("away"), alice) == 0);

	/* A second node is another one, and each keeps its folder. */
	assert(mkdir(in_top("bob"), 0755) == 0);
	assert((other = open_one(NULL, in_top("bob"))) != NULL);
	assert(!node_id_equal(&other->node, &node));
	const char *both[] = {alice, in_top("bob")};
	struct trouble why;
	assert(state_open(NULL, both, 2, &why) == NULL);
	assert(strstr(why.text, "another node") != NULL);
	state_close(other);

	/* With two folders, then one: the other is not named. */
	assert(mkdir(in_top("more"), 0755) == 0);
	const char *two[] = {alice, in_top("more"), alice};
	assert((s = state_open(NULL, two, 3, &why)) != NULL);
	assert(s->root_count == 2 && s->roots[1].named);
	state_close(s);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(s->root_count == 2 && !s->roots[1].named);
	state_close(s);

	/* Moved it is the same life; copied it is not; the original goes
	 * first. */
	run("mv '%s' '%s.moved'", dir, dir);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(!s->new_life && node_id_equal(&s->node, &node));
	state_close(s);
	run("echo 1 > '%s.moved/run' # %s", dir, "");
	run("cp -a '%s.moved' '%s'", dir, dir);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(!s->new_life && strstr(s->dir, ".moved") != NULL);
	state_close(s);
	run("rm -r '%s.moved' # %s", dir, "");
	assert((s = open_one(NULL, alice)) != NULL);
	assert(s->new_life && node_id_equal(&s->node, &node));
	/* Here it may die, and the next time nothing says that it was copied:
	 * so the catalogue must find that for itself. */
	run("test ! -e '%s/run' # %s", dir, "");
	state_close(s);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(!s->new_life);
	run("echo 2 > '%s/run' # %s", dir, "");
	state_close(s);
	assert((s = open_one(NULL, alice)) != NULL);
	run("test -e '%s/run' # %s", dir, "");

	/* A new identity is another node from then on. */
	assert(state_new_identity(s, &why) == 0);
	assert(!node_id_equal(&s->node, &node));
	node = s->node;
	state_close(s);
	assert((s = open_one(NULL, alice)) != NULL);
	assert(node_id_equal(&s->node, &node) && !s->new_life);
	state_close(s);
	free(alice);
}

static void
test_given_dir(void)
{
	struct state *s, *t;

	assert(mkdir(in_top("carol"), 0755) == 0);
	assert(open_one(in_top("s/x"), in_top("mistyped")) == NULL);
	assert(access(in_top("s"), F_OK) == -1);
	assert((s = open_one(in_top("s/x"), in_top("carol"))) != NULL);
	assert((t = open_one(in_top("s/y"), in_top("carol"))) != NULL);
	assert(!node_id_equal(&s->node, &t->node));
	state_close(s);
	state_close(t);
	run("echo garbage > '%s/s/x/roots' # %s", top, "");
	assert(open_one(in_top("s/x"), in_top("carol")) == NULL);
	run("touch '%s/file' # %s", top, "");
	assert(open_one(in_top("s/z"), in_top("file")) == NULL);
}

/* What a death within a write leaves behind goes at the next start; nothing else
 * does, however like it. */
static void
test_half_written(void)
{
	static const char *const stay[] = {
		".0123456789abcdef", "0123456789abcdef.tmp",
		".0123456789abcde.tmp", ".0123456789abcdef0.tmp",
		".0123456789ABCDEF.tmp", ".0123456789abcdef.tmp2",
		".fedcba9876543210.tmp", /* a directory */
		".0011223344556677.tmp", /* a symbolic link */
		".7766554433221100.tmp", /* others may read it */
		"photo.jpg"};
	static const char *const go[] = {".0123456789abcdef.tmp",
					 ".ffffffffffffffff.tmp"};
	char dir[256], path[512];
	struct state *s;
	struct stat st;

	snprintf(dir, sizeof(dir), "%s", in_top("half"));
	assert(mkdir(in_top("dora"), 0755) == 0);
	assert((s = open_one(dir, in_top("dora"))) != NULL);
	for (unsigned i = 0; i < 12; i++) {
		const char *name = i < 10 ? stay[i] : go[i - 10];

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (i == 6)
			assert(mkdir(path, 0600) == 0);
		else if (i == 7)
			assert(symlink("roots", path) == 0);
		else
			run(i == 8 ? "umask 022; echo x > '%s' # %s"
				   : "umask 077; echo x > '%s' # %s", path, "");
	}
	assert(open_one(dir, in_top("dora")) == NULL); /* in use: not ours */
	snprintf(path, sizeof(path), "%s/%s", dir, go[0]);
	assert(lstat(path, &st) == 0);
	state_close(s);
	assert((s = open_one(dir, in_top("dora"))) != NULL);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
			 i < 10 ? stay[i] : go[i - 10]);
		assert((lstat(path, &st) == 0) == (i < 10));
	}
	state_close(s);
}

static void
test_runtime(void)
{
	struct trouble why;
	struct stat st;
	char dir[256];

	setenv("PHOTOMESH_RUNTIME", in_top("run"), 1);
	assert(runtime_dir(dir, sizeof(dir), &why) == 0);
	assert(strcmp(dir, in_top("run/photomesh")) == 0);
	assert(stat(dir, &st) == 0 && (st.st_mode & 0777) == 0700);
	assert(chmod(dir, 0755) == 0);
	assert(runtime_dir(dir, sizeof(dir), &why) == -1);
	assert(strstr(why.text, "chmod 700") != NULL);
}

int
main(void)
{
	assert(mkdtemp(top) != NULL);
	setenv("XDG_STATE_HOME", in_top("xdg-state"), 1);
	setenv("XDG_CONFIG_HOME", in_top("xdg-config"), 1);
	test_found_again();
	test_given_dir();
	test_half_written();
	test_runtime();
	run("rm -r '%s' # %s", top, "");
	puts("ok 1 - state_dir\n1..1");
	return 0;
}
