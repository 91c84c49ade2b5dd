/*
 * wire: an accepted connection that turns out to be no link is given away.
 *
 * What is shown: whoever gets it can speak and hear on another thread while
 * the loop goes on; it is reported down once and counts as no stranger; many
 * at a time; what cannot be given away stays what it was; nothing leaks.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <openssl/err.h>

#include "frame.h"
#include "test_net_kit.h"

#define MANY 200u

/* A thread that sends back whatever comes, until the end of it. */
struct echo {
	pthread_t thread;
	SSL *ssl;
	int fd;
};

static void
wait_fd(struct echo *e, int r)
{
	struct pollfd p = {.fd = e->fd, .events = POLLIN};

	if (SSL_get_error(e->ssl, r) == SSL_ERROR_WANT_WRITE)
		p.events = POLLOUT;
	(void)poll(&p, 1, 5000);
}

static void *
echo_main(void *arg)
{
	struct echo *e = arg;
	char bytes[4096];
	int n, m, code;

	for (;;) {
		ERR_clear_error();
		if ((n = SSL_read(e->ssl, bytes, sizeof(bytes))) <= 0) {
			code = SSL_get_error(e->ssl, n);
			if (code != SSL_ERROR_WANT_READ)
				break;
			wait_fd(e, n);
			continue;
		}
		for (int at = 0; at < n;) {
			ERR_clear_error();
			m = SSL_write(e->ssl, bytes + at, n - at);
			if (m > 0)
				at += m;
			else
				wait_fd(e, m);
		}
	}
	SSL_free(e->ssl);
	close(e->fd);
	return NULL;
}

static void
take(struct world *w, struct echo *e)
{
	assert_int_equal(fcntl(w->listener.fd, F_GETFL) & O_NONBLOCK,
			 O_NONBLOCK);
	assert_int_equal(fcntl(w->listener.fd, F_GETFD), FD_CLOEXEC);
	e->ssl = w->listener.ssl;
	e->fd = w->listener.fd;
	assert_int_equal(pthread_create(&e->thread, NULL, echo_main, e), 0);
}

static void
given_away(void **state)
{
	struct world w;
	struct echo e;

	(void)state;
	world_init(&w, 7, 7);
	w.listener.admit = false;
	w.listener.part_when_heard = true;
	link_both(&w);
	assert_true(say(dialled(&w), 'c', 100));
	wait_for(&w, &w.listener.parted, 1);
	assert_int_equal(w.listener.down, 1);
	assert_int_equal(w.listener.end, LINK_CLOSED);
	assert_null(accepted(&w));
	take(&w, &e);
	/* More than any buffer holds, and back. */
	for (unsigned n = 0; n < 40; n++) {
		assert_true(say(dialled(&w), (uint8_t)('a' + n % 26), 100000));
		wait_for(&w, &w.dialler.heard, n + 1);
		assert_int_equal(w.dialler.heard_bytes, 100000);
		assert_int_equal(w.dialler.first, 'a' + n % 26);
	}
	wire_hang_up(dialled(&w));
	turn(&w);
	pthread_join(e.thread, NULL);
	assert_int_equal(w.listener.down, 1);
	assert_int_equal(w.dialler.down, 0);
	world_release(&w);
}

static void
many_at_once(void **state)
{
	static struct echo echoes[MANY];
	struct world w;
	int free_fd;

	(void)state;
	world_init(&w, 7, 7);
	turn(&w);
	free_fd = dup(0);
	close(free_fd);
	w.listener.admit = false;
	w.listener.part_when_heard = true;
	for (unsigned n = 0; n < MANY; n++) {
		dial(&w, 2 + 2 * n);
		wait_for(&w, &w.dialler.up, n + 1);
		assert_true(say(dialled(&w), 'c', 100));
		wait_for(&w, &w.listener.parted, n + 1);
		take(&w, &echoes[n]);
	}
	for (unsigned n = 0; n < MANY; n++)
		assert_true(say(wires_find(w.dialler.wires, 2 + 2 * n), 'd',
				20000));
	wait_for(&w, &w.dialler.heard, MANY);
	/* They were no strangers any more: with them these would be too many.
	 * (No more, or the first is cut off before the last has come.) */
	w.listener.part_when_heard = false;
	for (unsigned n = 0; n <= WIRE_STRANGERS_MAX - MANY; n++) {
		dial(&w, 2 + 2 * (MANY + n));
		wait_for(&w, &w.dialler.up, MANY + n + 1);
	}
	turn(&w);
	assert_int_equal(w.listener.down, MANY);
	assert_int_equal(w.dialler.down, 0);
	/* Some in order, the others cut with the world. */
	for (unsigned n = 0; n < MANY; n += 2)
		wire_hang_up(wires_find(w.dialler.wires, 2 + 2 * n));
	turn(&w);
	wires_free(w.dialler.wires);
	w.dialler.wires = NULL;
	for (unsigned n = 0; n < MANY; n++)
		pthread_join(echoes[n].thread, NULL);
	wires_free(w.listener.wires);
	w.listener.wires = NULL;
	turn(&w);
	assert_int_equal(fcntl(free_fd, F_GETFD), -1);
	world_release(&w);
}

/* Two frames at once: the second cannot come along, so it is nonsense. */
static void
said_too_much(void **state)
{
	uint8_t two[2 * (FRAME_HEADER_BYTES + 10)] = {0};
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	w.listener.admit = false;
	w.listener.part_when_heard = true;
	link_both(&w);
	frame_header(10, two);
	frame_header(10, two + FRAME_HEADER_BYTES + 10);
	assert_true(wire_send(dialled(&w), two, sizeof(two)));
	wait_for(&w, &w.listener.down, 1);
	assert_int_equal(w.listener.not_parted, 1);
	assert_int_equal(w.listener.parted, 0);
	assert_int_equal(w.listener.end, LINK_BROKEN);
	wait_for(&w, &w.dialler.down, 1);
	world_release(&w);
}

static void
no_link_is_given_away(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	link_both(&w);
	assert_false(wire_part(dialled(&w)));
	assert_false(wire_part(accepted(&w))); /* it was admitted */
	assert_true(say(dialled(&w), 'x', 5));
	wait_for(&w, &w.listener.heard, 1);
	world_release(&w);
}

/* The end of everything comes between the giving and the taking. */
static void
released_in_between(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	w.listener.admit = false;
	link_both(&w);
	assert_true(wire_part(accepted(&w)));
	assert_int_equal(w.listener.down, 1);
	assert_int_equal(w.listener.parted, 0);
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_away),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(said_too_much),
		cmocka_unit_test(no_link_is_given_away),
		cmocka_unit_test(released_in_between),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
