#include "test_net_kit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "frame.h"
#include "mailbox.h"
#include "trouble.h"

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
		wire_admit(w, e->pads);
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
	if (e->heard < sizeof(e->since_ms) / sizeof(e->since_ms[0]))
		e->since_ms[e->heard] = wire_since_ms(w);
	e->heard++;
	e->heard_bytes = body_bytes;
	e->first = body[0];
	e->came_ms = wire_came_ms(w);
	if (e->hang_up_when_heard)
		wire_hang_up(w);
	if (e->part_when_heard && !wire_part(w)) {
		e->not_parted++;
		wire_break(w);
	}
}

static void
on_alive(void *arg, struct wire *w)
{
	struct end *e = arg;

	e->alive++;
	e->came_ms = wire_came_ms(w);
}

static void
on_parted(void *arg, struct wire *w, SSL *ssl, int fd)
{
	struct end *e = arg;

	assert_true(wire_accepted(w));
	e->parted++;
	e->ssl = ssl;
	e->fd = fd;
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
	.alive = on_alive,
	.busy = is_busy,
	.parted = on_parted,
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

void
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
	w->dialler.pads = w->listener.pads = true;
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

void
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

void
dialler_dies(struct world *w)
{
	struct trouble why = {0};

	wires_free(w->dialler.wires);
	w->dialler.wires = wires_new(w->base, w->dialler.tls, w->ends, &events,
				     &w->dialler, &why);
	assert_non_null(w->dialler.wires);
}

void
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

void
turn(struct world *w)
{
	for (unsigned i = 0; i < 200; i++)
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void
dial(struct world *w, mesh_link id)
{
	struct address a;

	address_loopback(&a, w->port);
	wires_dial(w->dialler.wires, id, &a);
}

struct wire *
dialled(struct world *w)
{
	return wires_find(w->dialler.wires, w->dialler.up_id);
}

struct wire *
accepted(struct world *w)
{
	return wires_find(w->listener.wires, w->listener.up_id);
}

void
link_both(struct world *w)
{
	dial(w, 2);
	wait_for(w, &w->dialler.up, 1);
	wait_for(w, &w->listener.up, 1);
}

bool
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
