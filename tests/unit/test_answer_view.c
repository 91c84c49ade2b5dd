/*
 * Proves how nodes are named, whom a NODE means, how fresh an answer says it
 * is, and that a cursor survives the way to a client and back while every
 * other byte string is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cursor.h"
#include "view.h"

static struct node_view
node(uint8_t first, const char *name, uint16_t port, uint8_t host,
     enum node_state state)
{
	struct node_view n = {.port = port, .state = state, .at_head = true};

	memset(n.node.bytes, first, NODE_ID_BYTES);
	memset(n.host.bytes, host, HOST_ID_BYTES);
	strcpy(n.name, name);
	n.announced.stream.generation = 1;
	return n;
}

static void
shown_names(void **state)
{
	struct node_view nodes[] = {
		node(0x1a, "alice", 5000, 1, NODE_STATE_LIVE),
		node(0x2b, "alice", 5001, 1, NODE_STATE_LEFT),
		node(0x3c, "bob", 5002, 1, NODE_STATE_LIVE),
		node(0x4d, "", 5003, 1, NODE_STATE_LIVE),
	};
	struct view *v = view_make(nodes, 4);
	char name[SHOWN_NAME_MAX + 1];
	struct node_id stranger = {{0x99, 0x88}};

	(void)state;
	assert_string_equal(v->nodes[0].shown, "alice~1a1a");
	assert_string_equal(v->nodes[1].shown, "alice~2b2b");
	assert_string_equal(v->nodes[2].shown, "bob");
	assert_string_equal(v->nodes[3].shown, "4d4d4d4d");
	view_name(v, &stranger, name);
	assert_string_equal(name, "99880000");
	free(v);
}

static void
resolving(void **state)
{
	struct node_view nodes[] = {
		node(0x1a, "alice", 5000, 1, NODE_STATE_LIVE),
		node(0x2b, "alice", 5001, 1, NODE_STATE_LIVE),
		node(0x3c, "bob", 5001, 1, NODE_STATE_GONE),
		node(0x3c, "carol", 5001, 2, NODE_STATE_LIVE),
		node(0x50, "5000", 5009, 1, NODE_STATE_LIVE),
		node(0x51, "dave", 5020, 3, NODE_STATE_LIVE),
		node(0x52, "erin", 5020, 4, NODE_STATE_LIVE),
	};
	struct view *v = view_make(nodes, 7);
	const struct view_node *n = NULL;

	(void)state;
	v->nodes[3].is.node.bytes[15] = 1;
	assert_int_equal(view_resolve(v, "alice", &n), 2);
	assert_int_equal(view_resolve(v, "alice~2b2b", &n), 1);
	assert_ptr_equal(n, &v->nodes[1]);
	/* of those at one port the live one of this host */
	assert_int_equal(view_resolve(v, "5001", &n), 1);
	assert_ptr_equal(n, &v->nodes[1]);
	assert_int_equal(view_resolve(v, "5020", &n), 2);
	/* a name before a port */
	assert_int_equal(view_resolve(v, "5000", &n), 1);
	assert_ptr_equal(n, &v->nodes[4]);
	/* ids: either case, at least four digits */
	assert_int_equal(view_resolve(v, "1A1a", &n), 1);
	assert_ptr_equal(n, &v->nodes[0]);
	assert_int_equal(view_resolve(v, "1a1", &n), 0);
	assert_int_equal(view_resolve(v, "3c3c", &n), 2);
	/* digits that are no port here may begin an id */
	assert_int_equal(view_resolve(v, "5151", &n), 1);
	assert_ptr_equal(n, &v->nodes[5]);
	assert_int_equal(view_resolve(v, "", &n), 0);
	assert_int_equal(view_resolve(v, "99999999999999999999", &n), 0);
	free(v);
}

static void
freshness(void **state)
{
	struct node_view nodes[] = {
		node(1, "a", 5000, 1, NODE_STATE_LIVE),
		node(2, "b", 5001, 1, NODE_STATE_SUSPECT),
		node(3, "c", 5002, 1, NODE_STATE_LEFT),
	};
	struct answer_fresh f;
	struct view *v;

	(void)state;
	nodes[0].self = true;
	nodes[0].age_ms = 99999; /* oneself is never old */
	nodes[1].age_ms = 1200;
	nodes[2].age_ms = 50000; /* who left is not waited for */
	v = view_make(nodes, 3);
	view_fresh(v, &f);
	assert_true(f.complete);
	assert_false(f.syncing);
	assert_int_equal(f.oldest_age_ms, 1200);
	v->nodes[1].is.at_head = false;
	view_fresh(v, &f);
	assert_false(f.complete);
	assert_true(f.syncing);
	v->nodes[1].is.at_head = true;
	v->nodes[1].is.state = NODE_STATE_GONE;
	view_fresh(v, &f);
	assert_false(f.complete);
	assert_false(f.syncing);
	/* not heard in this run: the age is by the wall clock */
	v->nodes[1].is.age_ms = UINT64_MAX;
	v->nodes[1].is.last_heard_wall_ms = (uint64_t)v->wall_ms - 7000;
	view_fresh(v, &f);
	assert_int_equal(f.oldest_age_ms, 7000);
	free(v);
}

static void
cursors(void **state)
{
	struct list_cursor c = {.set = true, .number = -42}, back;
	uint8_t bytes[CURSOR_BYTES_MAX + 1];
	size_t n;

	(void)state;
	memset(c.name, 'n', 255);
	memset(c.photo.hash, 0xab, sizeof(c.photo.hash));
	c.photo.size = 77;
	n = cursor_pack(&c, SORT_NAME, true, bytes);
	assert_true(n <= CURSOR_BYTES_MAX);
	assert_true(cursor_unpack(bytes, n, SORT_NAME, true, &back));
	assert_int_equal(back.number, -42);
	assert_string_equal(back.name, c.name);
	assert_int_equal(photo_id_compare(&back.photo, &c.photo), 0);
	assert_true(back.set);
	/* another order, another version, too short, too long, a NUL */
	assert_false(cursor_unpack(bytes, n, SORT_TAKEN, true, &back));
	assert_false(cursor_unpack(bytes, n, SORT_NAME, false, &back));
	for (size_t k = 0; k < 35; k++)
		assert_false(cursor_unpack(bytes, k, SORT_NAME, true, &back));
	bytes[n] = 'x';
	assert_false(cursor_unpack(bytes, n + 1, SORT_NAME, true, &back));
	bytes[n - 1] = '\0';
	assert_false(cursor_unpack(bytes, n, SORT_NAME, true, &back));
	bytes[n - 1] = 'n';
	bytes[0] = 2;
	assert_false(cursor_unpack(bytes, n, SORT_NAME, true, &back));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shown_names),
		cmocka_unit_test(resolving),
		cmocka_unit_test(freshness),
		cmocka_unit_test(cursors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
