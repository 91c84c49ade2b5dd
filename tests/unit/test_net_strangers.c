/*
 * wire: what somebody can do to us before HELLO, and what want of memory can.
 *
 * What is shown: a crowd of strangers displaces its oldest; neither a byte now
 * and then nor frames that are no HELLO put off the end; who has ended cannot
 * be admitted; a link that finds no memory ends alone, with its descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "test_net_kit.h"

/* Which allocation of libevent's fails, counted from now; -1: none. */
static int memory_left = -1;

static bool
no_memory(void)
{
	return memory_left >= 0 && memory_left-- == 0;
}

static void *
take_memory(size_t bytes)
{
	return no_memory() ? NULL : malloc(bytes);
}

static void *
move_memory(void *p, size_t bytes)
{
	return no_memory() ? NULL : realloc(p, bytes);
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A caller without TLS, in the queue of the listener. */
static int
call(struct world *w)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(w->port);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Has the other end hung up? */
static bool
hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN;
}

static void
strangers_displace_the_oldest(void **state)
{
	struct world w;
	int fds[WIRE_STRANGERS_MAX + 10];

	(void)state;
	world_init(&w, 7, 7);
	for (unsigned i = 0; i < WIRE_STRANGERS_MAX + 10; i++) {
		fds[i] = call(&w);
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	turn(&w);
	for (unsigned i = 0; i < WIRE_STRANGERS_MAX + 10; i++) {
		assert_int_equal(hung_up(fds[i]), i < 10);
		close(fds[i]);
	}
	/* And a member still gets in. */
	link_both(&w);
	world_release(&w);
}

/* One drips into TLS, one drips a frame behind it, both as slowly as they can
 * and for as long as they may. */
static void
drops_buy_no_time(void **state)
{
	/* A TLS record of 512 bytes that never ends. */
	static const uint8_t record[5] = {0x16, 0x03, 0x01, 0x02, 0x00};
	uint64_t start, next = 0, cut_ms = 0, silent_ms = 0, now;
	struct world w;
	unsigned n = 0;
	int fd;

	(void)state;
	world_init(&w, 7, 7);
	w.listener.admit = false;
	link_both(&w);
	fd = call(&w);
	start = now_ms();
	while (cut_ms == 0 || silent_ms == 0) {
		now = now_ms() - start;
		assert_in_range(now, 0, WIRE_HELLO_MS + 1000);
		if (now >= next) {
			uint8_t byte = n < 5 ? record[n] : 1;

			(void)send(fd, &byte, 1, MSG_NOSIGNAL);
			if (dialled(&w) != NULL)
				(void)say(dialled(&w), 'x', 1);
			next = now + 100;
			n++;
		}
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		if (cut_ms == 0 && hung_up(fd))
			cut_ms = now;
		if (silent_ms == 0 && w.listener.down == 1)
			silent_ms = now;
	}
	assert_in_range(cut_ms, WIRE_SHAKE_MS - 300, WIRE_SHAKE_MS + 500);
	assert_in_range(silent_ms, WIRE_HELLO_MS - 300, WIRE_HELLO_MS + 500);
	assert_int_equal(w.listener.end, LINK_SILENT);
	assert_in_range(w.listener.heard, 20, 40);
	close(fd);
	world_release(&w);
}

static void
nobody_is_admitted_after_the_end(void **state)
{
	struct world w;
	struct wire *ended;
	int fds[2];

	(void)state;
	world_init(&w, 7, 7);
	w.listener.admit = false;
	for (unsigned i = 1; i <= 2; i++) {
		dial(&w, 2 * i);
		wait_for(&w, &w.listener.up, i);
		ended = accepted(&w);
		wire_break(ended);
		wire_admit(ended, true);
		turn(&w);
	}
	/* Were they taken off the count twice, these would displace each
	 * other. */
	fds[0] = call(&w);
	turn(&w);
	fds[1] = call(&w);
	turn(&w);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(hung_up(fds[i]));
		close(fds[i]);
	}
	world_release(&w);
}

/* The two timers of a link, then its TLS: without memory for one of them the
 * caller is dropped.  (libevent itself breaks on the ones after that.) */
static void
no_memory_for_a_caller(void **state)
{
	struct world w;
	int fd, free_fd;

	(void)state;
	world_init(&w, 7, 7);
	turn(&w);
	free_fd = dup(0);
	close(free_fd);
	for (int n = 0; n < 3; n++) {
		fd = call(&w);
		memory_left = n;
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		assert_int_equal(memory_left, -1);
		turn(&w);
		assert_true(hung_up(fd));
		assert_null(wires_first(w.listener.wires));
		close(fd);
	}
	/* Every descriptor came back. */
	assert_int_equal(fcntl(free_fd, F_GETFD), -1);
	assert_int_equal(fcntl(free_fd + 1, F_GETFD), -1);
	link_both(&w);
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_displace_the_oldest),
		cmocka_unit_test(drops_buy_no_time),
		cmocka_unit_test(nobody_is_admitted_after_the_end),
		cmocka_unit_test(no_memory_for_a_caller),
	};

	event_set_mem_functions(take_memory, move_memory, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
