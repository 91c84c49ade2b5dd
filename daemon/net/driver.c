#include "driver.h"

#include <assert.h>
#include <stdlib.h>

#include <event2/event.h>

#include "clock.h"
#include "driver_private.h"

#define TICK_LATE_MS   50u
/* A redial that proves a death is one of few in its step; probes are many. */
#define DIALS_PER_STEP 4u

/* ---- inputs ---------------------------------------------------------- */

void
driver_step(struct driver *d, struct mesh_input *in)
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
	if (wake == UINT64_MAX) {
		d->tick_ms = wake;
		(void)evtimer_del(d->tick);
		return;
	}
	now = clock_steady_ms();
	/* It is due.  A timer that is set anew is put off, and whatever comes
	 * comes before it: it would never be its turn while much comes. */
	if (wake <= now && d->tick_ms <= now)
		return;
	d->tick_ms = wake;
	if (wake > now) {
		d->tick_deferred = false; /* it was for a deadline now past */
		tv.tv_sec = (time_t)((wake - now) / 1000);
		tv.tv_usec = (suseconds_t)((wake - now) % 1000) * 1000;
	}
	(void)evtimer_add(d->tick, &tv);
}

void
driver_run(struct driver *d)
{
	struct mesh_input in;

	d->running = true;
	while (d->queue_count > 0 && !d->stopped) {
		in = d->queue[d->queue_first];
		d->queue_first = (d->queue_first + 1) % d->queue_room;
		d->queue_count--;
		driver_step(d, &in);
	}
	d->running = false;
	rearm(d);
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
	if (!d->running)
		driver_run(d);
}

/* ---- the clock ------------------------------------------------------- */

void
driver_on_tick(evutil_socket_t fd, short what, void *arg)
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
	/* What was left in the sockets shall be heard before. */
	wires_look(d->wires);
	driver_feed(d, &in);
	wires_rest(d->wires);
}
