#include "driver.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "driver_private.h"
#include "hello.h"
#include "mailbox.h"
#include "trouble.h"

#define ACCEPTS_PER_WAKE  16u
#define ACCEPT_PAUSE_MS   100
#define LOG_PERIOD_MS     60000u
#define TICK_LATE_MS      50u
/* A redial that proves a death is one of few in its step; probes are many. */
#define DIALS_PER_STEP    4u
#define DIALS_PER_TURN    8u
#define LEAVE_MS          1000u
#define LEAVE_LOOK_MS     5

/* ---- inputs -------------------------------------------------------------- */

static void
step(struct driver *d, struct mesh_input *in)
{
	in->now_ms = clock_steady_ms();
	in->wall_ms = (uint64_t)clock_wall_ms();
	mesh_step(d->mesh, in, d->effects);
	assert(d->effects->count <= MESH_EFFECTS_MAX);
	d->dials_now = in->kind == MESH_START ? MESH_EFFECTS_MAX
					      : DIALS_PER_STEP;
	for (uint32_t i = 0; i < d->effects->count && !d->stopped; i++)
		driver_perform(d, &d->effects->list[i]);
}

static void
rearm(struct driver *d)
{
	uint64_t wake = mesh_wake_ms(d->mesh), now;
	struct timeval tv = {0, 0};

	if (d->stopped || wake == d->tick_ms)
		return;
	d->tick_ms = wake;
	if (wake == UINT64_MAX) {
		(void)evtimer_del(d->tick);
		return;
	}
	now = clock_steady_ms();
	if (wake > now) {
		tv.tv_sec = (time_t)((wake - now) / 1000);
		tv.tv_usec = (suseconds_t)((wake - now) % 1000) * 1000;
	}
	(void)evtimer_add(d->tick, &tv);
}

static void
run_queue(struct driver *d)
{
	struct mesh_input in;

	while (d->queue_count > 0 && !d->stopped) {
		in = d->queue[d->queue_first];
		d->queue_first = (d->queue_first + 1) % d->queue_room;
		d->queue_count--;
		step(d, &in);
	}
}

static void
push(struct driver *d, const struct mesh_input *in)
{
	if (d->queue_count == d->queue_room) {
		size_t room = d->queue_room == 0 ? 64 : 2 * d->queue_room;
		struct mesh_input *q = calloc(room, sizeof(*q));

		/* An input that is lost would leave the mesh believing what
		 * is not so; better to die and start afresh. */
		if (q == NULL) {
			log_error("out of memory");
			abort();
		}
		for (size_t i = 0; i < d->queue_count; i++)
			q[i] = d->queue[(d->queue_first + i) % d->queue_room];
		free(d->queue);
		d->queue = q;
		d->queue_room = room;
		d->queue_first = 0;
	}
	d->queue[(d->queue_first + d->queue_count) % d->queue_room] = *in;
	d->queue_count++;
}

void
driver_feed(struct driver *d, const struct mesh_input *in)
{
	assert(in->kind != MESH_HEARD);
	if (d->stopped)
		return;
	push(d, in);
	if (d->running)
		return;
	d->running = true;
	run_queue(d);
	d->running = false;
	rearm(d);
}

/* ---- what links report ----------------------------------------------------- */

static void
on_connected(void *arg, mesh_link id)
{
	const struct mesh_input in = {.kind = MESH_LINK_CONNECTED, .link = id};

	driver_feed(arg, &in);
}

static void
on_up(void *arg, struct wire *w)
{
	const struct mesh_input in = {
		.kind = MESH_LINK_UP,
		.link = wire_id(w),
		.u.up = {.accepted = wire_accepted(w),
			 .loopback = wire_loopback(w)},
	};

	driver_feed(arg, &in);
}

static void
on_down(void *arg, mesh_link id, enum link_end end)
{
	struct driver *d = arg;
	const struct mesh_input in = {
		.kind = MESH_LINK_DOWN,
		.link = id,
		.u.end = end,
	};

	driver_forget_pages(d, id);
	driver_verify_lost(d, id);
	driver_feed(d, &in);
}

/* Is this HELLO signed by the key it shows, for this very connection? */
static bool
hello_good(struct driver *d, struct wire *w, struct message_hello *h)
{
	uint8_t exporter[HELLO_EXPORTER_BYTES], said[HELLO_SIGNED_BYTES];
	enum hello_side theirs =
		wire_accepted(w) ? HELLO_DIALLER : HELLO_LISTENER;
	uint64_t muffled;
	size_t bytes;

	if (wire_exporter(w, exporter)) {
		bytes = hello_signed_bytes(theirs, exporter, h->run, said);
		if (identity_check(h->key, said, bytes, h->signature)) {
			identity_node_id(h->key, &h->node);
			return true;
		}
	}
	if (log_gate_pass(&d->hello_gate, clock_steady_ms(), LOG_PERIOD_MS,
			  &muffled))
		log_warn("%s showed a false signature; hung up", wire_where(w));
	return false;
}

static void
answer_unknown(struct driver *d, struct wire *w, uint32_t request)
{
	const struct message m = {
		.type = MESSAGE_ERROR,
		.request = request,
		.u.error = {.code = ERROR_UNKNOWN_TYPE,
			    .text = "unknown type of message"},
	};

	driver_say(d, w, &m);
}

static void
on_heard(void *arg, struct wire *w, const uint8_t *body, size_t body_bytes)
{
	struct driver *d = arg;
	struct message m;
	struct mesh_input in = {.kind = MESH_HEARD, .link = wire_id(w)};
	const char *what = "";

	assert(!d->running);
	if (d->stopped)
		return;
	/* Whatever is said below may end links: those wait their turn. */
	d->running = true;
	switch (message_decode(d->decoder, body, body_bytes, &m, &what)) {
	case MESSAGE_BROKEN:
		log_debug("%s: malformed message: %s", wire_where(w), what);
		wire_break(w);
		goto out;
	case MESSAGE_UNKNOWN:
		answer_unknown(d, w, m.request);
		break;
	case MESSAGE_OK:
		break;
	}
	if (m.type == MESSAGE_HELLO) {
		if (!hello_good(d, w, &m.u.hello)) {
			wire_break(w);
			goto out;
		}
		wire_admit(w);
		wire_notes(w)->node = m.u.hello.node;
		wire_notes(w)->hello_heard = true;
	}
	d->heard = body;
	d->heard_bytes = body_bytes;
	in.u.message = &m;
	step(d, &in);
	d->heard = NULL;
	if (m.type == MESSAGE_VERIFY)
		driver_verify_asked(d, w, m.request);
	else if (m.type == MESSAGE_VERIFIED || m.type == MESSAGE_ERROR)
		driver_verify_heard(d, w, &m);
out:
	run_queue(d);
	d->running = false;
	rearm(d);
}

static bool
is_busy(void *arg)
{
	const struct driver *d = arg;

	return d->running;
}

static const struct wire_events wire_events = {
	.connected = on_connected,
	.up = on_up,
	.down = on_down,
	.heard = on_heard,
	.busy = is_busy,
};

/* ---- the clock --------------------------------------------------------------- */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = {0, 0};
	const struct mesh_input in = {.kind = MESH_TICK};
	struct driver *d = arg;
	uint64_t now = clock_steady_ms();

	(void)fd;
	(void)what;
	if (d->stopped || d->tick_ms == UINT64_MAX)
		return;
	if (now < d->tick_ms) {
		d->tick_ms = UINT64_MAX;
		rearm(d);
		return;
	}
	/* We were held up.  Once around the loop first: what has arrived
	 * meanwhile shall be heard before anybody is called silent. */
	if (now > d->tick_ms + TICK_LATE_MS && !d->tick_deferred) {
		d->tick_deferred = true;
		(void)evtimer_add(d->tick, &at_once);
		return;
	}
	d->tick_ms = UINT64_MAX;
	d->tick_deferred = false;
	driver_feed(d, &in);
}

static void
on_dial_more(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (!d->stopped)
		driver_dial_some(d, DIALS_PER_TURN);
}

/* ---- listening ----------------------------------------------------------------- */

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = {0, ACCEPT_PAUSE_MS * 1000};
	struct listener *l = arg;
	struct driver *d = l->driver;
	uint64_t muffled;
	int peer;

	(void)what;
	for (unsigned n = 0; n < ACCEPTS_PER_WAKE; n++) {
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer != -1) {
			wires_adopt_fd(d->wires, peer);
			continue;
		}
		switch (errno) {
		case EMFILE:
		case ENFILE:
		case ENOBUFS:
		case ENOMEM:
			/* The caller stays in the queue and the descriptor
			 * readable: look away, or the loop spins. */
			if (log_gate_pass(&d->accept_gate, clock_steady_ms(),
					  LOG_PERIOD_MS, &muffled))
				log_warn("cannot accept connections: %s",
					 strerror(errno));
			for (unsigned i = 0; i < d->config.listener_count; i++)
				(void)event_del(d->listeners[i].readable);
			(void)evtimer_add(d->accept_again, &pause);
			return;
		case EINTR:
		case ECONNABORTED:
			continue;
		default:
			return;
		}
	}
}

static void
on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < d->config.listener_count; i++)
		(void)event_add(d->listeners[i].readable, NULL);
}

static int
listen_all(struct driver *d)
{
	d->accept_again = evtimer_new(d->config.base, on_accept_again, d);
	if (d->accept_again == NULL)
		return -1;
	for (unsigned i = 0; i < d->config.listener_count; i++) {
		struct listener *l = &d->listeners[i];

		l->driver = d;
		l->fd = d->config.listeners[i];
		l->readable = event_new(d->config.base, l->fd,
					EV_READ | EV_PERSIST, on_acceptable, l);
		if (l->readable == NULL || event_add(l->readable, NULL) == -1)
			return -1;
	}
	return 0;
}

static void
listen_stop(struct driver *d)
{
	for (unsigned i = 0; i < d->config.listener_count; i++) {
		struct listener *l = &d->listeners[i];

		if (l->readable != NULL)
			event_free(l->readable);
		l->readable = NULL;
		if (d->config.listeners[i] != -1)
			close(d->config.listeners[i]);
		d->config.listeners[i] = -1;
	}
	if (d->accept_again != NULL)
		(void)event_del(d->accept_again);
}

/* ---- life ------------------------------------------------------------------------ */

static void
each_stream(void *arg, const struct stream_report *s)
{
	mesh_remember_stream(arg, s);
}

static void
each_node(void *arg, const struct mesh_memory *n)
{
	mesh_remember_node(arg, n);
}

static int
remember(struct driver *d, struct trouble *why)
{
	struct writer *w = catalogue_writer(d->config.catalogue);

	if (writer_each_node(w, each_node, d->mesh, why) == -1)
		return -1;
	return writer_each_stream(w, each_stream, d->mesh, why);
}

struct driver *
driver_new(const struct driver_config *config, struct trouble *why)
{
	const struct mesh_input start = {.kind = MESH_START};
	struct driver *d = calloc(1, sizeof(*d));

	if (d == NULL)
		goto no_memory;
	d->config = *config;
	d->config.mesh_key = NULL;
	d->tick_ms = UINT64_MAX;
	TAILQ_INIT(&d->dials);
	TAILQ_INIT(&d->pages);
	TAILQ_INIT(&d->verifications);
	d->mesh = calloc(1, mesh_bytes());
	d->effects = malloc(sizeof(*d->effects));
	d->decoder = message_decoder_new();
	d->tick = evtimer_new(config->base, on_tick, d);
	d->dial_more = evtimer_new(config->base, on_dial_more, d);
	if (d->mesh == NULL || d->effects == NULL || d->decoder == NULL ||
	    d->tick == NULL || d->dial_more == NULL)
		goto no_memory;
	d->effects->count = 0;
	if ((d->tls = tls_new(config->mesh_key, why)) == NULL)
		goto free_driver;
	d->wires = wires_new(config->base, d->tls, config->ends, &wire_events,
			     d, why);
	if (d->wires == NULL)
		goto free_driver;
	mesh_init(d->mesh, &config->mesh);
	if (remember(d, why) == -1)
		goto free_driver;
	if (listen_all(d) == -1)
		goto no_memory;
	driver_feed(d, &start);
	return d;
no_memory:
	trouble_set(why, ENOMEM, "out of memory");
free_driver:
	driver_free(d);
	return NULL;
}

void
driver_stop(struct driver *d)
{
	if (d == NULL || d->stopped)
		return;
	d->stopped = true;
	(void)event_del(d->tick);
	(void)event_del(d->dial_more);
	if (d->leaving != NULL)
		(void)event_del(d->leaving);
	driver_verify_end_all(d);
	listen_stop(d);
}

void
driver_free(struct driver *d)
{
	struct page *p;
	struct dial *w;

	if (d == NULL)
		return;
	assert(d->jobs == 0);
	d->stopped = true;
	driver_verify_end_all(d);
	listen_stop(d);
	wires_free(d->wires);
	tls_free(d->tls);
	while ((p = TAILQ_FIRST(&d->pages)) != NULL) {
		TAILQ_REMOVE(&d->pages, p, in_driver);
		free(p->frame);
		free(p);
	}
	while ((w = TAILQ_FIRST(&d->dials)) != NULL) {
		TAILQ_REMOVE(&d->dials, w, in_driver);
		free(w);
	}
	if (d->dial_more != NULL)
		event_free(d->dial_more);
	if (d->accept_again != NULL)
		event_free(d->accept_again);
	if (d->leaving != NULL)
		event_free(d->leaving);
	if (d->tick != NULL)
		event_free(d->tick);
	message_decoder_free(d->decoder);
	free(d->effects);
	free(d->mesh);
	free(d->queue);
	free(d);
}

const struct mesh *
driver_mesh(const struct driver *d)
{
	return d->mesh;
}

/* ---- leaving ---------------------------------------------------------------------- */

static void
on_leaving(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval again = {0, LEAVE_LOOK_MS * 1000};
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (wires_lingering(d->wires) > 0 &&
	    clock_steady_ms() < d->leave_until_ms) {
		(void)evtimer_add(d->leaving, &again);
		return;
	}
	d->left(d->left_arg);
}

void
driver_leave(struct driver *d, void (*done)(void *arg), void *arg)
{
	const struct mesh_input in = {.kind = MESH_LEAVE};
	struct wire *w, *next;

	if (d->left != NULL)
		return;
	d->left = done;
	d->left_arg = arg;
	/* Nobody new: and a peer that redials shall be refused. */
	listen_stop(d);
	driver_feed(d, &in);
	/* The mesh has said goodbye; what it left open ends now. */
	for (w = wires_first(d->wires); w != NULL; w = next) {
		next = wire_next(w);
		wire_hang_up(w);
	}
	d->leave_until_ms = clock_steady_ms() + LEAVE_MS;
	d->leaving = evtimer_new(d->config.base, on_leaving, d);
	if (d->leaving == NULL)
		done(arg);
	else
		on_leaving(-1, 0, d);
}
