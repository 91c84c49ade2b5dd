/*
 * wire and tls: two ends in one process, over real loopback sockets.
 *
 * What is shown: only the key opens the door; a refused dial is known at
 * once; no frame larger than allowed is taken; last words arrive; who does
 * not read is hung up on; a crowd of strangers displaces its oldest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "frame.h"
#include "mailbox.h"
#include "trouble.h"
#include "wire.h"

struct end {
	struct tls *tls;
	struct wires *wires;
	unsigned connected, up, down, heard;
	mesh_link up_id;
	enum link_end end;
	bool admit, busy, hang_up_when_heard;
	size_t heard_bytes; /* of the last body */
	uint8_t first;      /* of the last body */
	uint8_t exporter[HELLO_EXPORTER_BYTES];
	bool accepted, loopback;
};

struct world {
	struct event_base *base;
	struct mailbox *ends;
	struct end dialler, listener;
	int fd;
	uint16_t port;
	struct event *acceptable;
};

static void
on_connected(void *arg, mesh_link id)
{
	struct end *e = arg;

	(void)id;
	e->connected++;
}

static void
on_up(void *arg, struct wire *w)
{
	struct end *e = arg;

	e->up++;
	e->up_id = wire_id(w);
	e->accepted = wire_accepted(w);
	e->loopback = wire_loopback(w);
	assert_true(wire_exporter(w, e->exporter));
	if (e->admit)
		wire_admit(w);
}

static void
on_down(void *arg, mesh_link id, enum link_end end)
{
	struct end *e = arg;

	(void)id;
	e->down++;
	e->end = end;
}

static void
on_heard(void *arg, struct wire *w, const uint8_t *body, size_t body_bytes)
{
	struct end *e = arg;

	assert_false(e->busy);
	e->heard++;
	e->heard_bytes = body_bytes;
	e->first = body[0];
	if (e->hang_up_when_heard)
		wire_hang_up(w);
}

static bool
is_busy(void *arg)
{
	const struct end *e = arg;

	return e->busy;
}

static const struct wire_events events = {
	.connected = on_connected,
	.up = on_up,
	.down = on_down,
	.heard = on_heard,
	.busy = is_busy,
};

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct world *w = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	assert_int_not_equal(peer, -1);
	wires_adopt_fd(w->listener.wires, peer);
}

static void
world_init(struct world *w, uint8_t dialler_key, uint8_t listener_key)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(a);
	uint8_t key[TLS_KEY_BYTES];
	struct trouble why = {0};

	memset(w, 0, sizeof(*w));
	w->base = event_base_new();
	w->ends = mailbox_new(&why);
	memset(key, dialler_key, sizeof(key));
	w->dialler.tls = tls_new(key, &why);
	memset(key, listener_key, sizeof(key));
	w->listener.tls = tls_new(key, &why);
	w->dialler.wires = wires_new(w->base, w->dialler.tls, w->ends, &events,
				     &w->dialler, &why);
	w->listener.wires = wires_new(w->base, w->listener.tls, w->ends,
				      &events, &w->listener, &why);
	w->dialler.admit = w->listener.admit = true;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->fd, 512), 0);
	assert_int_equal(getsockname(w->fd, (struct sockaddr *)&a, &bytes), 0);
	w->port = ntohs(a.sin_port);
	w->acceptable = event_new(w->base, w->fd, EV_READ | EV_PERSIST,
				  on_acceptable, w);
	event_add(w->acceptable, NULL);
}

static void
world_release(struct world *w)
{
	wires_free(w->dialler.wires);
	wires_free(w->listener.wires);
	tls_free(w->dialler.tls);
	tls_free(w->listener.tls);
	event_free(w->acceptable);
	close(w->fd);
	event_base_free(w->base);
	mailbox_free(w->ends);
}

/* Around the loop until *count reaches n: at most 5 s. */
static void
wait_for(struct world *w, const unsigned *count, unsigned n)
{
	static const struct timeval end = {5, 0};
	struct timeval now, until;

	evutil_gettimeofday(&now, NULL);
	evutil_timeradd(&now, &end, &until);
	while (*count < n) {
		evutil_gettimeofday(&now, NULL);
		assert_true(evutil_timercmp(&now, &until, <));
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
}

/* A few turns in which nothing is expected to happen. */
static void
turn(struct world *w)
{
	for (unsigned i = 0; i < 200; i++)
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
dial(struct world *w, mesh_link id)
{
	struct address a;

	address_loopback(&a, w->port);
	wires_dial(w->dialler.wires, id, &a);
}

static struct wire *
dialled(struct world *w)
{
	return wires_find(w->dialler.wires, w->dialler.up_id);
}

static struct wire *
accepted(struct world *w)
{
	return wires_find(w->listener.wires, w->listener.up_id);
}

static void
link_both(struct world *w)
{
	dial(w, 2);
	wait_for(w, &w->dialler.up, 1);
	wait_for(w, &w->listener.up, 1);
}

/* A frame of `bytes` body, the first of them `first`. */
static bool
say(struct wire *wire, uint8_t first, size_t bytes)
{
	uint8_t *frame = calloc(1, FRAME_HEADER_BYTES + bytes);
	bool sent;

	frame_header((uint32_t)bytes, frame);
	frame[FRAME_HEADER_BYTES] = first;
	sent = wire_send(wire, frame, FRAME_HEADER_BYTES + bytes);
	free(frame);
	return sent;
}

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

static void
strangers_displace_the_oldest(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct world w;
	int fds[WIRE_STRANGERS_MAX + 10];
	unsigned closed = 0;
	char byte;

	(void)state;
	world_init(&w, 7, 7);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(w.port);
	for (unsigned i = 0; i < WIRE_STRANGERS_MAX + 10; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&a,
					 sizeof(a)),
				 0);
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	turn(&w);
	for (unsigned i = 0; i < WIRE_STRANGERS_MAX + 10; i++) {
		if (recv(fds[i], &byte, 1, MSG_DONTWAIT) != -1) {
			closed++;
			assert_in_range(i, 0, 9);
		}
		close(fds[i]);
	}
	assert_int_equal(closed, 10);
	/* And a member still gets in. */
	link_both(&w);
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
		cmocka_unit_test(not_tls_is_a_stranger),
		cmocka_unit_test(small_until_admitted),
		cmocka_unit_test(last_words_arrive),
		cmocka_unit_test(hang_up_while_hearing),
		cmocka_unit_test(many_small_frames),
		cmocka_unit_test(who_does_not_read_is_clogged),
		cmocka_unit_test(strangers_displace_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
