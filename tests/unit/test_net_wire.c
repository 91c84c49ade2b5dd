/*
 * wire and tls: two ends in one process, over real loopback sockets.
 *
 * What is shown: only the key opens the door; a refused dial is known at
 * once; no frame larger than allowed is taken; last words arrive; who does
 * not read is hung up on.
 */
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "test_net_kit.h"

static void
one_key_opens(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	link_both(&w);
	assert_int_equal(w.dialler.connected, 1);
	assert_int_equal(w.dialler.up_id, 2);
	assert_int_equal(w.listener.up_id, 1);
	assert_false(w.dialler.accepted);
	assert_true(w.listener.accepted);
	assert_true(w.dialler.loopback);
	assert_true(w.listener.loopback);
	assert_memory_equal(w.dialler.exporter, w.listener.exporter,
			    HELLO_EXPORTER_BYTES);
	assert_true(say(dialled(&w), 'x', LINK_BODY_BYTES_MAX));
	wait_for(&w, &w.listener.heard, 1);
	assert_int_equal(w.listener.heard_bytes, LINK_BODY_BYTES_MAX);
	assert_true(say(accepted(&w), 'y', 1));
	wait_for(&w, &w.dialler.heard, 1);
	assert_int_equal(w.dialler.first, 'y');
	world_release(&w);
}

static void
another_key_does_not(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 8);
	dial(&w, 2);
	wait_for(&w, &w.dialler.down, 1);
	turn(&w);
	assert_int_equal(w.dialler.end, LINK_STRANGER);
	assert_int_equal(w.dialler.up + w.listener.up, 0);
	assert_int_equal(w.listener.down, 0);
	assert_null(wires_first(w.listener.wires));
	world_release(&w);
}

static void
refusal_is_known_at_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	event_del(w.acceptable);
	close(w.fd);
	dial(&w, 2);
	/* Without one turn of the loop. */
	assert_int_equal(w.dialler.down, 1);
	assert_int_equal(w.dialler.end, LINK_REFUSED);
	assert_null(wires_find(w.dialler.wires, 2));
	w.fd = dup(0);
	world_release(&w);
}

static void
vanished_before_hello(void **state)
{
	struct world w;
	int peer;

	(void)state;
	world_init(&w, 7, 7);
	event_del(w.acceptable);
	dial(&w, 2);
	assert_int_equal(w.dialler.connected, 1);
	do
		peer = accept(w.fd, NULL, NULL);
	while (peer == -1);
	close(peer);
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.dialler.end, LINK_RESET);
	world_release(&w);
}

/* As a line does whose far end is away: with what we said unread. */
static void
reset_before_hello(void **state)
{
	const struct linger at_once = {.l_onoff = 1};
	struct world w;
	int peer;
	char said;

	(void)state;
	world_init(&w, 7, 7);
	event_del(w.acceptable);
	dial(&w, 2);
	do
		peer = accept(w.fd, NULL, NULL);
	while (peer == -1);
	while (recv(peer, &said, 1, MSG_PEEK | MSG_DONTWAIT) == -1)
		turn(&w);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once,
				    sizeof(at_once)), 0);
	close(peer);
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.dialler.end, LINK_RESET);
	world_release(&w);
}

static void
not_tls_is_a_stranger(void **state)
{
	static const char http[] = "HTTP/1.0 400 Bad Request\r\n\r\n";
	struct world w;
	int peer;

	(void)state;
	world_init(&w, 7, 7);
	event_del(w.acceptable);
	dial(&w, 2);
	do
		peer = accept(w.fd, NULL, NULL);
	while (peer == -1);
	assert_int_equal(write(peer, http, sizeof(http)), sizeof(http));
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.dialler.end, LINK_STRANGER);
	close(peer);
	world_release(&w);
}

static void
small_until_admitted(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	w.listener.admit = false;
	link_both(&w);
	assert_true(say(dialled(&w), 'x', HELLO_BODY_BYTES_MAX));
	wait_for(&w, &w.listener.heard, 1);
	assert_true(say(dialled(&w), 'x', HELLO_BODY_BYTES_MAX + 1));
	wait_for(&w, &w.listener.down, 1);
	assert_int_equal(w.listener.end, LINK_BROKEN);
	assert_int_equal(w.listener.heard, 1);
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.dialler.end, LINK_CLOSED);
	world_release(&w);
}

static void
last_words_arrive(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	link_both(&w);
	/* Unread bytes of theirs would turn a plain close into a reset. */
	assert_true(say(dialled(&w), 'x', LINK_BODY_BYTES_MAX));
	for (unsigned i = 0; i < 3; i++)
		assert_true(say(accepted(&w), 'a', 60000));
	assert_true(say(accepted(&w), 'z', 10));
	wire_hang_up(accepted(&w));
	assert_null(accepted(&w));
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.dialler.heard, 4);
	assert_int_equal(w.dialler.first, 'z');
	assert_int_equal(w.dialler.end, LINK_CLOSED);
	assert_int_equal(w.listener.down, 0);
	turn(&w);
	assert_int_equal(wires_lingering(w.listener.wires), 0);
	world_release(&w);
}

static void
hang_up_while_hearing(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	link_both(&w);
	w.listener.hang_up_when_heard = true;
	for (unsigned i = 0; i < 5; i++)
		assert_true(say(dialled(&w), 'x', 100));
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.listener.heard, 1);
	assert_int_equal(w.listener.down, 0);
	world_release(&w);
}

/* More frames than fit in a wake, in one go; and a driver that is busy. */
static void
many_small_frames(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	link_both(&w);
	w.listener.busy = true;
	for (unsigned i = 0; i < 5000; i++)
		assert_true(say(dialled(&w), 'x', 1));
	wire_hang_up(dialled(&w));
	turn(&w);
	w.listener.busy = false;
	wait_for(&w, &w.listener.down, 1);
	assert_int_equal(w.listener.heard, 5000);
	assert_int_equal(w.listener.end, LINK_CLOSED);
	world_release(&w);
}

static void
who_does_not_read_is_clogged(void **state)
{
	struct world w;
	unsigned said = 0;

	(void)state;
	world_init(&w, 7, 7);
	link_both(&w);
	/* No turn of the loop: nobody reads. */
	while (w.dialler.down == 0 && said < 10000) {
		(void)say(dialled(&w), 'x', 100000);
		said++;
	}
	assert_int_equal(w.dialler.end, LINK_CLOGGED);
	assert_in_range(said, 40, 200);
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_opens),
		cmocka_unit_test(another_key_does_not),
		cmocka_unit_test(refusal_is_known_at_once),
		cmocka_unit_test(vanished_before_hello),
		cmocka_unit_test(reset_before_hello),
		cmocka_unit_test(not_tls_is_a_stranger),
		cmocka_unit_test(small_until_admitted),
		cmocka_unit_test(last_words_arrive),
		cmocka_unit_test(hang_up_while_hearing),
		cmocka_unit_test(many_small_frames),
		cmocka_unit_test(who_does_not_read_is_clogged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
