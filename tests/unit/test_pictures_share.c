/*
 * Who looks into which photo: of the live holders exactly one, whoever is
 * asked, and about as many each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pictures.h"

#define NODES  5u
#define PHOTOS 2000u

static struct node_id nodes[NODES];

static int
setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NODES; i++)
		memset(nodes[i].bytes, (int)(17 * i + 3), NODE_ID_BYTES);
	return 0;
}

static struct photo_id
photo_of(unsigned n)
{
	struct photo_id p = {.size = n};

	memset(p.hash, (int)(n % 251), sizeof(p.hash));
	p.hash[0] = (uint8_t)(n / 251);
	return p;
}

/* How many of the nodes in `live` say that it is theirs. */
static unsigned
takers(const struct photo_id *p, const struct node_id *live, uint32_t count,
       unsigned taken[NODES])
{
	unsigned all = 0;

	for (uint32_t i = 0; i < count; i++)
		if (pictures_is_mine(p, &live[i], nodes, NODES, live, count)) {
			taken[i]++;
			all++;
		}
	return all;
}

static void
exactly_one(void **state)
{
	unsigned taken[NODES] = {0};

	(void)state;
	for (unsigned n = 0; n < PHOTOS; n++) {
		struct photo_id p = photo_of(n);

		assert_int_equal(takers(&p, nodes, NODES, taken), 1);
	}
	for (unsigned i = 0; i < NODES; i++)
		assert_in_range(taken[i], PHOTOS / NODES * 3 / 4,
				PHOTOS / NODES * 5 / 4);
}

/* Who goes leaves its share to others, and nobody else's moves. */
static void
one_less(void **state)
{
	unsigned before[NODES] = {0}, after[NODES] = {0}, moved = 0;

	(void)state;
	for (unsigned n = 0; n < PHOTOS; n++) {
		struct photo_id p = photo_of(n);
		unsigned was = NODES, is = NODES;

		for (unsigned i = 0; i < NODES; i++) {
			if (pictures_is_mine(&p, &nodes[i], nodes, NODES, nodes,
					     NODES))
				was = i;
			if (i < NODES - 1 &&
			    pictures_is_mine(&p, &nodes[i], nodes, NODES, nodes,
					     NODES - 1))
				is = i;
		}
		assert_true(was < NODES && is < NODES - 1);
		assert_true(was == NODES - 1 || was == is);
		moved += was != is;
		before[was]++;
		after[is]++;
	}
	assert_int_equal(moved, before[NODES - 1]);
	assert_int_equal(after[NODES - 1], 0);
}

static void
alone(void **state)
{
	struct photo_id p = photo_of(1);

	(void)state;
	for (unsigned i = 0; i < NODES; i++) {
		/* nobody else has it, or nobody else is here */
		assert_true(pictures_is_mine(&p, &nodes[i], &nodes[i], 1, nodes,
					     NODES));
		assert_true(pictures_is_mine(&p, &nodes[i], nodes, NODES,
					     &nodes[i], 1));
		assert_true(pictures_is_mine(&p, &nodes[i], nodes, NODES, NULL,
					     0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_one),
		cmocka_unit_test(one_less),
		cmocka_unit_test(alone),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
