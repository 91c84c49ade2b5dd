/*
 * copiers: never more than there are places, in the order of coming, and who
 * waits too long has lost nothing but the wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "clock.h"
#include "copiers.h"

#define THREADS 8u

static struct copiers c;
static atomic_uint inside, most, turns, late;

static void *
come_and_go(void *arg)
{
	unsigned n;

	(void)arg;
	for (unsigned i = 0; i < 2000; i++) {
		if (!copiers_enter(&c, i % 3 == 0 ? 0 : 60000)) {
			atomic_fetch_add(&late, 1);
			continue;
		}
		n = atomic_fetch_add(&inside, 1) + 1;
		if (n > atomic_load(&most))
			atomic_store(&most, n);
		if (i % 5 == 0)
			sched_yield();
		atomic_fetch_add(&turns, 1);
		atomic_fetch_sub(&inside, 1);
		copiers_leave(&c);
	}
	return NULL;
}

static void
so_many_at_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	copiers_init(&c, 2);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, come_and_go, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&most), 1, 2);
	assert_int_equal(atomic_load(&turns) + atomic_load(&late),
			 THREADS * 2000);
	/* No place was lost. */
	assert_true(copiers_enter(&c, 0));
	assert_true(copiers_enter(&c, 0));
	assert_false(copiers_enter(&c, 0));
	copiers_release(&c);
}

static atomic_uint order[2], came;

static void *
wait_my_turn(void *arg)
{
	unsigned *who = arg;

	assert_true(copiers_enter(&c, 60000));
	atomic_store(&order[atomic_fetch_add(&came, 1)], *who);
	copiers_leave(&c);
	return NULL;
}

/* How many are in the queue. */
static unsigned
queued(void)
{
	unsigned n = 0;

	pthread_mutex_lock(&c.lock);
	for (struct copier **at = &c.first; at != c.last;
	     at = (struct copier **)(void *)*at) /* `next` is the first field */
		n++;
	pthread_mutex_unlock(&c.lock);
	return n;
}

static void
in_their_order(void **state)
{
	unsigned names[2] = {1, 2};
	pthread_t threads[2];
	uint64_t began;

	(void)state;
	copiers_init(&c, 1);
	assert_true(copiers_enter(&c, 0));
	began = clock_steady_ms();
	assert_false(copiers_enter(&c, 50));
	assert_in_range(clock_steady_ms() - began, 49, 20000);
	for (unsigned i = 0; i < 2; i++) {
		pthread_create(&threads[i], NULL, wait_my_turn, &names[i]);
		while (queued() < i + 1)
			sched_yield();
	}
	/* Who leaves and comes again comes last. */
	copiers_leave(&c);
	assert_true(copiers_enter(&c, 60000));
	assert_int_equal(atomic_load(&came), 2);
	assert_int_equal(atomic_load(&order[0]), 1);
	assert_int_equal(atomic_load(&order[1]), 2);
	copiers_leave(&c);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	copiers_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once),
		cmocka_unit_test(in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
