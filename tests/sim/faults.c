/*
 * faults.c: bad luck, decided by the seed; then the calm.
 */
#include "sim.h"

#include <string.h>

static const uint64_t calm_work_us = MS(200);

static struct slot *
any_slot(struct world *w, bool running)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		struct slot *s = &w->slots[world_below(w, w->slot_count)];

		if (s->used && s->running == running)
			return s;
	}
	return NULL;
}

/* ---- owners ------------------------------------------------------------ */

void
faults_work(struct world *w, struct slot *s)
{
	uint64_t next = MS(world_between(w, 1, 2 * w->own_rate_ms + 1));

	if (!s->used)
		return;
	if (s->running && !s->stopped &&
	    (w->weather == STORM || !disk_scanned(s->disk)))
		disk_queue_own(w, s);
	if (w->weather == STORM)
		world_at(w, w->now_us + next, EVENT_WORK, s->index, 0, NULL);
	else if (!s->for_good && (!s->running || !disk_scanned(s->disk)))
		world_at(w, w->now_us + calm_work_us, EVENT_WORK, s->index, 0,
			 NULL);
}

/* ---- lives ------------------------------------------------------------- */

void
faults_restart(struct world *w, struct slot *s, uint32_t how)
{
	struct disk *d = s->disk;
	uint64_t wall = node_wall_ms(w, s);

	/* What was to befall it in the storm is over: a process that makes room for
	 * itself under another name, say, comes back as it was. */
	if (w->weather == CALM || (how >= RESTART_RESTORED && !s->has_saved))
		how = RESTART_KEPT;
	switch ((enum restart)how) {
	case RESTART_KEPT:
		break;
	case RESTART_EMPTY:
		world_tell(w, "%s has lost its database", s->name);
		if (d->root_b == ROOT_B_HERE && world_chance(w, 50))
			d->root_b = ROOT_B_LOST;
		disk_lose(w, d, wall > d->own_generation
					? wall
					: d->own_generation + 1);
		break;
	case RESTART_RESTORED:
	case RESTART_NOTICED:
		if (!node_id_equal(&s->saved->identity, &d->identity))
			break;
		world_tell(w, "%s is restored from an old copy", s->name);
		disk_restore(d, s->saved);
		truth_restored(w, disk_own(d));
		if (how == RESTART_RESTORED && world_chance(w, 60))
			disk_live_alone(w, s);
		if (how != RESTART_NOTICED)
			break;
		d->remembers = false;
		disk_begin_generation(w, d,
				      wall > d->own_generation
					      ? wall
					      : d->own_generation + 1);
		break;
	}
	node_start(w, s);
	if (!s->running)
		world_at(w, w->now_us + SEC(1), EVENT_RESTART, s->index,
			 RESTART_KEPT, NULL);
}

static void
die(struct world *w, struct slot *s)
{
	static const uint8_t hows[] = {
		RESTART_KEPT,  RESTART_KEPT,	 RESTART_KEPT,	RESTART_KEPT,
		RESTART_EMPTY, RESTART_RESTORED, RESTART_RESTORED,
		RESTART_NOTICED,
	};
	uint32_t how = hows[world_below(w, sizeof hows)];
	uint64_t after = world_chance(w, 30)
				 ? MS(world_between(w, 1, 300))
				 : MS(world_between(w, 300, 8000));

	world_tell(w, "%s is killed", s->name);
	node_kill(w, s, false);
	if (world_chance(w, 20) && w->slot_count > 2) {
		s->for_good = true;
		if (world_chance(w, 50))
			world_at(w, w->now_us + MS(world_between(w, 5, 4000)),
				 EVENT_FAULT, FAULT_FORGET, 0, NULL);
		return;
	}
	world_at(w, w->now_us + after, EVENT_RESTART, s->index, how, NULL);
}

static void
leave(struct world *w, struct slot *s)
{
	world_tell(w, "%s leaves", s->name);
	s->leaving = true;
	node_deliver(w, s, news_new(TOLD_LEAVE));
	if (!s->running || w->failed)
		return;
	node_kill(w, s, true);
	if (world_chance(w, 70))
		world_at(w, w->now_us + MS(world_between(w, 5, 6000)),
			 EVENT_RESTART, s->index, RESTART_KEPT, NULL);
	else if (w->slot_count > 2)
		s->for_good = true;
}

static void
stop(struct world *w, struct slot *s)
{
	uint32_t ms = world_chance(w, 50) ? world_between(w, 100, 2000)
					  : world_between(w, 500, 20000);

	if (s->stopped)
		return;
	node_stop(w, s);
	world_at(w, w->now_us + MS(ms), EVENT_CONT, s->index, s->life, NULL);
}

/*
 * One sleeps until all have hung up, or is away; somebody stands still as it comes
 * back, for less than makes it gone; and all who told it of that one go.
 */
static void
sleep_long(struct world *w)
{
	struct slot *s = any_slot(w, true);
	uint64_t wakes = w->now_us + MS(world_between(w, 10300, 13000));

	if (s == NULL || s->stopped)
		return;
	if (world_chance(w, 50)) {
		world_tell(w, "%s is killed", s->name);
		node_kill(w, s, false);
		world_at(w, wakes, EVENT_RESTART, s->index, RESTART_KEPT, NULL);
	} else {
		node_stop(w, s);
		world_at(w, wakes, EVENT_CONT, s->index, s->life, NULL);
	}
	world_at(w, wakes - MS(world_between(w, 1, 1500)), EVENT_FAULT,
		 FAULT_STILL, 0, NULL);
	world_at(w, wakes + MS(world_between(w, 1, 4500)), EVENT_FAULT,
		 FAULT_GO, s->index, NULL);
}

static void
stand_still(struct world *w)
{
	struct slot *s = any_slot(w, true);

	if (s == NULL || s->stopped)
		return;
	node_stop(w, s);
	world_at(w, w->now_us + MS(world_between(w, 5000, 8800)), EVENT_CONT,
		 s->index, s->life, NULL);
}

static void
others_go(struct world *w, uint32_t but)
{
	for (uint32_t i = 0; i < w->slot_count && !w->failed; i++) {
		struct slot *s = &w->slots[i];

		if (i == but || !s->running || s->stopped)
			continue;
		if (world_chance(w, 50))
			leave(w, s);
		else
			die(w, s);
	}
}

/* The lid is closed: everybody on one host. */
static void
suspend(struct world *w)
{
	uint32_t host = world_below(w, w->host_count);
	uint64_t until = w->now_us + MS(world_between(w, 100, 15000));

	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->running || s->stopped || s->host != host)
			continue;
		node_stop(w, s);
		world_at(w, until, EVENT_CONT, i, s->life, NULL);
	}
}

/* cp -a of a state directory, and both run. */
static void
copy(struct world *w)
{
	struct slot *from = &w->slots[world_below(w, w->slot_count)], *s;
	bool noticed = world_chance(w, 50);

	if (w->slot_count == SIM_SLOTS || !from->used || from->liar)
		return;
	s = &w->slots[w->slot_count++];
	s->used = true;
	s->is_copy = true;
	s->host = from->host;
	s->wall_offset_ms = from->wall_offset_ms;
	from->disk->shared = true;
	*s->disk = *from->disk;
	if (from->has_saved && world_chance(w, 40))
		disk_restore(s->disk, from->saved);
	truth_restored(w, disk_own(s->disk));
	world_tell(w, "%s runs on a copy of %s's disk", s->name, from->name);
	if (noticed) {
		uint64_t wall = node_wall_ms(w, s);
		uint64_t own = s->disk->own_generation;

		s->disk->remembers = false;
		disk_begin_generation(w, s->disk, wall > own ? wall : own + 1);
	}
	node_start(w, s);
	world_at(w, w->now_us + calm_work_us, EVENT_WORK, s->index, 0, NULL);
}

/* ---- the world outside ------------------------------------------------- */

static void
cut(struct world *w)
{
	uint32_t a = world_below(w, w->host_count);
	uint32_t b = (a + 1 + world_below(w, w->host_count - 1)) %
		     w->host_count;
	uint64_t until = w->now_us + MS(world_between(w, 100, 20000));

	w->cut[a][b] = true;
	world_at(w, until, EVENT_HEAL, a * SIM_HOSTS + b, 0, NULL);
	if (world_chance(w, 70)) {
		w->cut[b][a] = true;
		world_at(w, until, EVENT_HEAL, b * SIM_HOSTS + a, 0, NULL);
	}
	world_tell(w, "hosts %u -> %u: cut%s", a, b,
		   w->cut[b][a] ? " both ways" : "");
}

static void
stranger(struct world *w)
{
	uint32_t host = world_below(w, w->host_count);
	uint32_t port = world_below(w, 6);

	if (w->stranger[host][port] != 0) {
		w->stranger[host][port] = 0;
		return;
	}
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].host == host &&
		    w->slots[i].port == SIM_BASE + port)
			if (w->slots[i].running ||
			    w->slots[i].listener_until_us > w->now_us)
				return;
	w->stranger[host][port] = world_chance(w, 50) ? 1 : 2;
	world_tell(w, "a stranger takes port %u of host %u", SIM_BASE + port,
		   host);
}

static void
break_link(struct world *w)
{
	struct slot *s = any_slot(w, true);
	uint32_t index;

	if (s == NULL || s->open_count == 0)
		return;
	index = s->open[world_below(w, s->open_count)] / 2;
	/* A redial that is reset on the loopback proves a death. */
	if (w->wires[index].loopback && !w->wires[index].end[1].hello_heard)
		return;
	wire_break(w, index);
}

static void
slow(struct world *w, struct slot *s)
{
	if (world_chance(w, 50)) {
		s->input_us = world_between(w, 50, 30000);
		world_tell(w, "%s is slow: %u us an input", s->name,
			   s->input_us);
	} else {
		s->disk_us = world_between(w, 5000, 900000);
		world_tell(w, "the disk of %s is slow: %u us", s->name,
			   s->disk_us);
	}
	world_at(w, w->now_us + MS(world_between(w, 300, 4000)), EVENT_SPEED,
		 s->index, s->life, NULL);
}

/* A short hang, as of an overloaded machine. */
static void
hiccup(struct world *w, struct slot *s)
{
	s->busy_until_us = w->now_us + MS(world_between(w, 150, 1500));
	world_tell(w, "%s hangs until %.3f", s->name,
		   (double)(s->busy_until_us - SEC(1)) / 1e6);
}

/*
 * One half of a cut mesh runs on a copy of somebody in the other half; both go
 * their own way and are never seen again.  What they said must be merged.
 */
static void
schism(struct world *w)
{
	uint32_t last = w->slot_count;

	if (w->host_count < 2)
		return;
	w->cut[0][1] = w->cut[1][0] = true;
	world_tell(w, "hosts 0 and 1 part");
	copy(w);
	if (w->slot_count == last)
		return;
	w->slots[last].host = 1 - w->slots[last].host % 2;
	if (w->slots[last].running) /* there, not here */
		node_kill(w, &w->slots[last], false);
	disk_live_alone(w, &w->slots[last]);
	node_start(w, &w->slots[last]);
	world_at(w, w->now_us + MS(world_between(w, 500, 3000)), EVENT_FAULT,
		 FAULT_SCHISM_ENDS, 0, NULL);
}

static void
schism_ends(struct world *w)
{
	struct slot *copied = &w->slots[w->slot_count - 1];
	struct node_id id = copied->disk->identity;
	uint32_t others = 0;

	for (uint32_t i = 0; i < w->slot_count; i++)
		others += w->slots[i].used && !w->slots[i].for_good &&
			  !node_id_equal(&w->slots[i].disk->identity, &id);
	for (uint32_t i = 0; others > 1 && i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->used || !node_id_equal(&s->disk->identity, &id))
			continue;
		if (s->running)
			node_kill(w, s, false);
		s->for_good = true;
		world_tell(w, "%s is killed for good", s->name);
	}
	wire_heal(w, 0, 1);
	wire_heal(w, 1, 0);
}

void
faults_strike(struct world *w, uint32_t fault, uint32_t who)
{
	struct slot *s = any_slot(w, true), *dead = any_slot(w, false);
	uint32_t what = world_below(w, 100);

	if (w->weather != STORM)
		return;
	switch ((enum fault)fault) {
	case FAULT_NAP:
		suspend(w);
		return;
	case FAULT_SCHISM:
		schism(w);
		return;
	case FAULT_SCHISM_ENDS:
		schism_ends(w);
		return;
	case FAULT_FORGET:
		ended_strike(w);
		return;
	case FAULT_SLEEP:
		sleep_long(w);
		return;
	case FAULT_STILL:
		stand_still(w);
		return;
	case FAULT_GO:
		others_go(w, who);
		return;
	case FAULT_ANY:
		break;
	}
	if (what < 6 && dead != NULL && !dead->for_good) {
		faults_restart(w, dead, RESTART_KEPT);
		return;
	}
	if (what < 10)
		suspend(w);
	else if (what < 20 && w->host_count > 1)
		cut(w);
	else if (what < 25)
		stranger(w);
	else if (what < 30)
		break_link(w);
	else if (what < 34)
		copy(w);
	else if (s == NULL)
		return;
	else if (what < 54)
		die(w, s);
	else if (what < 67)
		stop(w, s);
	else if (what < 73)
		leave(w, s);
	else if (what < 81)
		slow(w, s);
	else if (what < 87)
		hiccup(w, s);
	else if (what < 92)
		ended_strike(w);
	else if (what < 98) {
		*s->saved = *s->disk;
		s->has_saved = true;
	} else
		s->wall_offset_ms += (int64_t)world_below(w, 7200000) - 3600000;
}

/* ---- storm and calm ---------------------------------------------------- */

static void
populate(struct world *w)
{
	uint32_t spread_ms = world_chance(w, 50) ? 50 : 3000;

	w->all_started_us = w->now_us + MS(spread_ms);
	w->slot_count = world_chance(w, 20) ? world_between(w, 6, 8)
					    : world_between(w, 2, 5);
	w->host_count = world_chance(w, 75) ? 1 : world_between(w, 2, 3);
	for (uint32_t h = 0; h < w->host_count; h++)
		w->hosts[h].bytes[7] = (uint8_t)world_below(w, 256);
	if (world_chance(w, 10)) /* network namespaces of one machine */
		w->hosts[1] = w->hosts[0];
	for (uint32_t h = 0; h < w->host_count && world_chance(w, 30); h++)
		for (uint32_t p = 0; p < 3; p++)
			if (world_chance(w, 40))
				w->stranger[h][p] = world_chance(w, 50) ? 1 : 2;
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		s->used = true;
		s->host = world_below(w, w->host_count);
		if (world_chance(w, 30))
			s->wall_offset_ms =
				(int64_t)world_below(w, 7200000) - 3600000;
		disk_create(w, s->disk);
		if (world_chance(w, 25))
			disk_add_root_b(w, s->disk);
		world_at(w, w->now_us + MS(world_below(w, spread_ms)),
			 EVENT_RESTART, i, RESTART_KEPT, NULL);
		world_at(w, w->now_us + MS(world_below(w, 3000)), EVENT_WORK, i,
			 0, NULL);
	}
	if (w->host_count == 3 && world_chance(w, 25)) {
		w->cut[0][2] = w->cut[2][0] = true;
		w->cut_for_good[0][2] = w->cut_for_good[2][0] = true;
	}
}

uint64_t
faults_begin(struct world *w)
{
	uint64_t storm = world_chance(w, 15) ? SEC(25)
					     : MS(world_between(w, 3000, 9000));
	bool sleepy = w->seed % 16 == 5;
	uint32_t faults = world_chance(w, 15) ? 0 : world_between(w, 2, 16);

	w->weather = STORM;
	w->steady_offset_ms = world_chance(w, 50) ? 0 : world_below(w, 1u << 30);
	w->own_rate_ms = world_between(w, 50, 1500);
	w->page_rows_max = world_chance(w, 40) ? 1000 : world_between(w, 1, 6);
	w->base_delay_us = world_chance(w, 70) ? 30 : world_between(w, 30, 20000);
	w->own_burst = world_chance(w, 60) ? 5 : 20;
	w->peaceful = faults == 0 && !sleepy;
	populate(w);
	if (sleepy) { /* and nothing else */
		world_at(w, w->all_started_us + SEC(1), EVENT_FAULT,
			 FAULT_SLEEP, 0, NULL);
		return SEC(25);
	}
	if (!w->peaceful && w->seed % 8 == 3 && w->slot_count > 2) {
		w->slots[w->slot_count - 1].liar = true;
		w->lies_many = w->seed % 512 == 3;
	}
	if (w->peaceful && w->host_count == 1 && world_chance(w, 50)) {
		w->napping = true;
		storm = SEC(20);
		world_at(w, w->all_started_us + MS(1600), EVENT_FAULT,
			 FAULT_NAP, 0, NULL);
	}
	if (!w->peaceful && w->host_count > 1 && world_chance(w, 15))
		world_at(w, w->now_us + MS(world_between(w, 500, 3000)),
			 EVENT_FAULT, FAULT_SCHISM, 0, NULL);
	if (!w->peaceful && world_chance(w, 35))
		for (uint32_t n = world_between(w, 1, 6); n > 0; n--)
			world_at(w,
				 w->now_us + MS(1000 + world_below(w,
						(uint32_t)(storm / 1000))),
				 EVENT_FAULT, FAULT_FORGET, 0, NULL);
	for (uint32_t i = 0; i < faults; i++)
		world_at(w,
			 w->now_us + MS(world_below(
					     w, (uint32_t)(storm / 1000))),
			 EVENT_FAULT, FAULT_ANY, 0, NULL);
	return storm;
}

/* A cut that stays is bearable only while somebody is linked to both. */
static void
heal_without_relay(struct world *w)
{
	for (uint32_t i = 0; i < w->slot_count; i++)
		if (w->slots[i].used && !w->slots[i].for_good &&
		    w->slots[i].host == 1)
			return;
	memset(w->cut_for_good, 0, sizeof w->cut_for_good);
}

void
faults_calm(struct world *w)
{
	uint32_t alive = 0;

	world_tell(w, "---- calm ----");
	w->weather = CALM;
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->liar)
			continue;
		if (s->running)
			node_kill(w, s, false);
		s->for_good = true;
	}
	heal_without_relay(w);
	for (uint32_t a = 0; a < w->host_count; a++)
		for (uint32_t b = 0; b < w->host_count; b++)
			if (a != b)
				wire_heal(w, a, b);
	for (uint32_t i = 0; i < w->slot_count; i++)
		alive += w->slots[i].used && !w->slots[i].for_good;
	for (uint32_t i = 0; i < w->slot_count; i++) {
		struct slot *s = &w->slots[i];

		if (!s->used || s->liar)
			continue;
		if (alive == 0) {
			s->for_good = false;
			alive++;
		}
		if (s->for_good)
			continue;
		s->input_us = 2;
		s->disk_us = 300;
		if (s->running)
			node_continue(w, s);
		else
			faults_restart(w, s, RESTART_KEPT);
		world_at(w, w->now_us + calm_work_us, EVENT_WORK, i, 0, NULL);
	}
	check_keep(w);
}
