/*
 * Links that rest: what is small and says nothing new lies in the socket until
 * somebody looks; all else wakes as ever, whole and at once.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "clock.h"
#include "frame.h"
#include "test_net_kit.h"
#include "wire_private.h"

#define BEAT_BYTES 47u

/* A frame of so many bytes in all, as a heartbeat that tells nothing new. */
static void
whisper(struct world *w, size_t bytes)
{
	uint8_t frame[256] = {0};

	frame_header((uint32_t)(bytes - FRAME_HEADER_BYTES), frame);
	assert_true(wire_send_quietly(dialled(w), frame, bytes));
}

static void
rest_both(struct world *w)
{
	world_init(w, 7, 7);
	link_both(w);
	turn(w);
	wires_rest(w->listener.wires);
	wires_rest(w->dialler.wires);
}

/* What has been sent is in their socket: on loopback, at once. */
static void
look(struct world *w)
{
	wires_look(w->listener.wires);
	wires_rest(w->listener.wires);
}

static void
small_ones_wait(void **state)
{
	uint64_t before = clock_steady_ms();
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	turn(&w);
	assert_int_equal(w.listener.heard, 0);
	look(&w);
	assert_int_equal(w.listener.heard, 1);
	assert_int_equal(w.listener.heard_bytes,
			 BEAT_BYTES - FRAME_HEADER_BYTES);
	/* By 10 ms too early at most, and never later than it was. */
	assert_in_range(w.listener.came_ms, before - 20, clock_steady_ms());
	look(&w);
	turn(&w);
	assert_int_equal(w.listener.heard, 1);
	world_release(&w);
}

/* Three in a row are only seen; the fourth has all of them read. */
static void
signs_of_life(void **state)
{
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	look(&w);
	for (unsigned i = 1; i <= 3; i++) {
		whisper(&w, BEAT_BYTES);
		look(&w);
		assert_int_equal(w.listener.alive, i);
		assert_int_equal(w.listener.heard, 1);
	}
	turn(&w);
	assert_int_equal(w.listener.heard, 1);
	look(&w);
	assert_int_equal(w.listener.alive, 3);
	whisper(&w, BEAT_BYTES);
	look(&w);
	assert_int_equal(w.listener.alive, 3);
	assert_int_equal(w.listener.heard, 5);
	/* It is not as long: it may say something. */
	whisper(&w, BEAT_BYTES);
	look(&w);
	assert_int_equal(w.listener.alive, 4);
	whisper(&w, BEAT_BYTES - 7);
	look(&w);
	assert_int_equal(w.listener.alive, 4);
	assert_int_equal(w.listener.heard, 7);
	world_release(&w);
}

/* Who never looks is woken in the end. */
static void
many_wake(void **state)
{
	struct world w;

	(void)state;
	rest_both(&w);
	for (unsigned i = 0; i < 5; i++)
		whisper(&w, BEAT_BYTES);
	wait_for(&w, &w.listener.heard, 5);
	world_release(&w);
}

static void
loud_ones_wake(void **state)
{
	struct world w;

	(void)state;
	rest_both(&w);
	for (unsigned i = 1; i <= 50; i++) {
		assert_true(say(dialled(&w), 'x', 1 + i % 40));
		wait_for(&w, &w.listener.heard, i);
		look(&w);
	}
	whisper(&w, BEAT_BYTES);
	turn(&w);
	assert_int_equal(w.listener.heard, 50);
	assert_true(say(dialled(&w), 'y', 1));
	wait_for(&w, &w.listener.heard, 52);
	assert_int_equal(w.listener.first, 'y');
	world_release(&w);
}

/* Frames of every size around that of a record, read in pieces: no last byte
 * of any stays behind, whenever the link was last let rest. */
static void
large_ones_come_whole(void **state)
{
	struct world w;
	unsigned said = 0;

	(void)state;
	rest_both(&w);
	for (size_t bytes = 16384 - 64; bytes < 16384 + 400; bytes += 3) {
		assert_true(say(dialled(&w), 'x', bytes));
		for (size_t i = 0; i < bytes % 4; i++) {
			event_base_loop(w.base,
					EVLOOP_ONCE | EVLOOP_NONBLOCK);
			look(&w);
		}
		wait_for(&w, &w.listener.heard, ++said);
		look(&w);
	}
	world_release(&w);
}

/* Their socket is full: what OpenSSL has begun to write it finishes by way of
 * libevent, once, and what is said behind it comes behind it. */
static void
into_a_full_socket(void **state)
{
	const int small = 4096;
	unsigned said = 0;
	struct world w;

	(void)state;
	rest_both(&w);
	assert_int_equal(setsockopt(dialled(&w)->fd, SOL_SOCKET, SO_SNDBUF,
				    &small, sizeof(small)),
			 0);
	while (said < 100000 &&
	       evbuffer_get_length(bufferevent_get_output(
		       dialled(&w)->bev)) == 0) {
		whisper(&w, BEAT_BYTES);
		said++;
	}
	assert_int_equal(evbuffer_get_length(bufferevent_get_output(
				 dialled(&w)->bev)),
			 BEAT_BYTES);
	assert_true(say(dialled(&w), 'y', 3000));
	whisper(&w, BEAT_BYTES);
	wait_for(&w, &w.listener.heard, said + 2);
	turn(&w);
	assert_int_equal(w.listener.heard, said + 2);
	assert_int_equal(w.listener.down + w.dialler.down, 0);
	look(&w);
	whisper(&w, BEAT_BYTES);
	look(&w);
	assert_int_equal(w.listener.heard + w.listener.alive, said + 3);
	world_release(&w);
}

static void
an_end_wakes(void **state)
{
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	wire_hang_up(dialled(&w));
	wait_for(&w, &w.listener.down, 1);
	assert_int_equal(w.listener.heard, 1);
	assert_int_equal(w.listener.end, LINK_CLOSED);
	world_release(&w);
}

/* Killed with unread bytes in its socket, it is a reset that comes and not an
 * end: the same evidence, whether the loop meets it or a look, and what had come
 * before is heard. */
static void
a_reset_is_an_end(void **state)
{
	struct world w;

	(void)state;
	for (unsigned looks = 0; looks <= 1; looks++) {
		rest_both(&w);
		whisper(&w, BEAT_BYTES);
		assert_true(say(accepted(&w), 'x', 100));
		assert_true(wire_send_quietly(dialled(&w), (const uint8_t *)
					      "\0\0\0\2xx", 6));
		dialler_dies(&w);
		if (looks)
			wires_look(w.listener.wires);
		wait_for(&w, &w.listener.down, 1);
		assert_int_equal(w.listener.heard, 2);
		assert_int_equal(w.listener.end, LINK_CLOSED);
		assert_null(accepted(&w));
		world_release(&w);
	}
}

static void
hung_up_while_looking(void **state)
{
	struct world w;

	(void)state;
	rest_both(&w);
	w.listener.hang_up_when_heard = true;
	whisper(&w, BEAT_BYTES);
	look(&w);
	assert_int_equal(w.listener.heard, 1);
	assert_null(accepted(&w));
	wait_for(&w, &w.dialler.down, 1);
	assert_int_equal(w.listener.down, 0);
	world_release(&w);
}

/* Bytes that anybody might put there pass for signs of life for three looks;
 * the next ends the link. */
static void
forged_ones_end_it(void **state)
{
	uint8_t junk[BEAT_BYTES + 22] = {23, 3, 3, 0, BEAT_BYTES + 17};
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	look(&w);
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(w.listener.down, 0);
		assert_int_equal(write(dialled(&w)->fd, junk, sizeof(junk)),
				 sizeof(junk));
		look(&w);
	}
	assert_int_equal(w.listener.alive, 3);
	assert_int_equal(w.listener.heard, 1);
	assert_int_equal(w.listener.down, 1);
	assert_null(accepted(&w));
	world_release(&w);
}

/* ---- when what is heard came ------------------------------------------- */

#define APART_MS 40u /* more than the kernel's clock is wrong by */

static void
pass_time(struct world *w)
{
	uint64_t until = clock_steady_ms() + APART_MS;

	while (clock_steady_ms() < until)
		turn(w);
}

/* The beginning of a record that never ends. */
static void
begin_record(struct world *w, size_t bytes)
{
	uint8_t head[512] = {23, 3, 3, 16, 0};

	assert_int_equal(write(dialled(w)->fd, head, bytes), bytes);
}

/* Of who has not said that it pads, nothing is taken for a heartbeat unread. */
static void
others_are_read(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 7, 7);
	w.listener.pads = false;
	link_both(&w);
	turn(&w);
	wires_rest(w.listener.wires);
	wires_rest(w.dialler.wires);
	for (unsigned i = 1; i <= 4; i++) {
		whisper(&w, BEAT_BYTES);
		look(&w);
		assert_int_equal(w.listener.heard, i);
	}
	assert_int_equal(w.listener.alive, 0);
	world_release(&w);
}

/* Of several frames the last alone came when the last byte did. */
static void
former_ones_are_older(void **state)
{
	uint64_t first, looked;
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	first = clock_steady_ms();
	pass_time(&w);
	whisper(&w, BEAT_BYTES);
	looked = clock_steady_ms();
	look(&w);
	assert_int_equal(w.listener.heard, 2);
	assert_in_range(w.listener.since_ms[0], 1, first);
	assert_int_equal(w.listener.since_ms[1], 0);
	assert_in_range(w.listener.came_ms, looked - APART_MS / 2, looked + 1);
	/* And what is read is behind us. */
	whisper(&w, BEAT_BYTES);
	whisper(&w, BEAT_BYTES);
	look(&w);
	assert_int_equal(w.listener.heard, 4);
	assert_in_range(w.listener.since_ms[2], looked, clock_steady_ms());
	assert_int_equal(w.listener.since_ms[3], 0);
	world_release(&w);
}

/* Something new has begun to come, and cannot be read yet: what was whole
 * before it is no younger for that. */
static void
a_beginning_is_no_sign(void **state)
{
	uint64_t first;
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	first = clock_steady_ms();
	pass_time(&w);
	begin_record(&w, 25);
	look(&w);
	assert_int_equal(w.listener.heard, 1);
	assert_in_range(w.listener.came_ms, first + 1, clock_steady_ms());
	assert_in_range(w.listener.since_ms[0], 1, first);
	world_release(&w);
}

/* The same when it is long enough to wake: then the loop reads, not a look. */
static void
a_beginning_wakes(void **state)
{
	uint64_t first;
	struct world w;

	(void)state;
	rest_both(&w);
	whisper(&w, BEAT_BYTES);
	first = clock_steady_ms();
	pass_time(&w);
	assert_int_equal(w.listener.heard, 0);
	begin_record(&w, 400);
	wait_for(&w, &w.listener.heard, 1);
	assert_int_equal(w.listener.came_ms, 0);
	assert_in_range(w.listener.since_ms[0], 1, first);
	world_release(&w);
}

/* Heard one by one, as soon as they come, they came just then. */
static void
who_wakes_is_heard_now(void **state)
{
	struct world w;

	(void)state;
	rest_both(&w);
	for (unsigned i = 1; i <= 3; i++) {
		pass_time(&w);
		assert_true(say(dialled(&w), 'x', 20));
		wait_for(&w, &w.listener.heard, i);
		assert_int_equal(w.listener.since_ms[i - 1], 0);
		if (i == 2)
			wires_rest(w.listener.wires);
	}
	world_release(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_ones_wait),
		cmocka_unit_test(signs_of_life),
		cmocka_unit_test(many_wake),
		cmocka_unit_test(loud_ones_wake),
		cmocka_unit_test(large_ones_come_whole),
		cmocka_unit_test(into_a_full_socket),
		cmocka_unit_test(an_end_wakes),
		cmocka_unit_test(a_reset_is_an_end),
		cmocka_unit_test(hung_up_while_looking),
		cmocka_unit_test(forged_ones_end_it),
		cmocka_unit_test(others_are_read),
		cmocka_unit_test(former_ones_are_older),
		cmocka_unit_test(a_beginning_is_no_sign),
		cmocka_unit_test(a_beginning_wakes),
		cmocka_unit_test(who_wakes_is_heard_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
