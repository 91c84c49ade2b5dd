/*
 * mesh.c: the step.  Each input goes to the module that owns it; then every
 * module looks at its deadlines, and the step is settled: who is live, who
 * coordinates, what is owed to whom.
 */
#include <assert.h>
#include <string.h>

#include "age.h"
#include "mesh_private.h"

size_t
mesh_bytes(void)
{
	return sizeof(struct mesh);
}

uint64_t
mesh_random(struct mesh *m, uint64_t below)
{
	uint64_t x = m->random;

	assert(below > 0);
	assert(x != 0);
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	m->random = x;
	return (x * UINT64_C(0x2545f4914f6cdd1d) >> 11) % below;
}

/* Field by field: the large tables are good only where counts say so. */
void
mesh_init(struct mesh *m, const struct mesh_config *config)
{
	struct node *self;

	assert(config->run != 0);
	assert(config->port_count <= MESH_PORTS);
	assert(config->address_count <= NODE_ADDRESSES_MAX);
	assert(config->join_count <= MESH_JOIN_MAX);
	memset(m, 0, offsetof(struct mesh, roster));
	m->config = *config;
	m->random = (config->seed ^ UINT64_C(0x9e3779b97f4a7c15)) | 1u;
	m->wake_ms = NEVER_MS;
	m->sync = SYNC_LOOKING;
	roster_init(&m->roster, &config->self);
	links_init(&m->links);
	memset(&m->discovery, 0, offsetof(struct discovery, places));
	memset(&m->membership, 0, sizeof(m->membership));
	m->membership.join_node = NODE_NONE;
	memset(&m->reports, 0, offsetof(struct reports, list));
	replica_init(&m->replica);
	memset(&m->streams, 0, offsetof(struct streams, list));
	streams_clear_node(m, NODE_SELF_INDEX);

	self = mesh_node(m, NODE_SELF_INDEX);
	self->run = config->run;
	memcpy(self->name, config->name, sizeof(self->name));
	self->host = config->host;
	self->port = config->port;
	self->address_count = config->address_count;
	memcpy(self->addresses, config->addresses, sizeof(self->addresses));
}

void
mesh_remember_node(struct mesh *m, const struct mesh_memory *memory)
{
	struct node *n;
	uint16_t index;

	assert(!m->started);
	if (node_id_equal(&memory->node, &m->config.self) ||
	    node_id_is_zero(&memory->node))
		return;
	index = roster_find(&m->roster, &memory->node);
	if (index == NODE_NONE) {
		index = roster_append(&m->roster, &memory->node);
		if (index == NODE_NONE)
			return;
		streams_clear_node(m, index);
	}
	n = mesh_node(m, index);
	memcpy(n->name, memory->name, sizeof(n->name));
	n->host = memory->host;
	n->port = memory->port;
	n->address_count = memory->address_count;
	if (n->address_count > NODE_ADDRESSES_MAX)
		n->address_count = NODE_ADDRESSES_MAX;
	memcpy(n->addresses, memory->addresses, sizeof(n->addresses));
	discovery_recall(m, index);
	n->heard_wall_ms = memory->last_heard_wall_ms;
	n->met = n->heard_wall_ms != 0;
	if (memory->left && n->standing == STANDING_GONE)
		roster_move(&m->roster, index, STANDING_LEFT);
}

void
mesh_remember_stream(struct mesh *m, const struct stream_report *held)
{
	uint16_t index;

	assert(!m->started);
	if (held->stream.generation == 0)
		return;
	index = roster_find(&m->roster, &held->stream.node);
	if (index == NODE_NONE) {
		index = roster_append(&m->roster, &held->stream.node);
		if (index == NODE_NONE)
			return;
		streams_clear_node(m, index);
	}
	streams_remember(m, index, held);
}

void
mesh_remember_forgotten(struct mesh *m, const struct node_id *node,
			uint64_t generation)
{
	forget_remember(m, node, generation);
}

/* ---- one input ------------------------------------------------------- */

static void
start(struct mesh *m)
{
	assert(!m->started);
	m->started = true;
	m->start_ms = m->now_ms;
	for (uint32_t i = 0; i < m->roster.count; i++)
		m->roster.nodes[i].quiet_ms = m->now_ms;
	discovery_start(m);
}

/* Bytes of an older link may come late, after a cut: its word is no news. */
static void
roster_heard(struct mesh *m, struct link *l, const struct message *message)
{
	if (links_of_node(&m->links, l->node) == l)
		reports_heard(m, l, &message->u.nodes);
}

static void
heard(struct mesh *m, mesh_link id, const struct message *message)
{
	struct link *l = links_find(&m->links, id);
	uint64_t said_ms;
	uint16_t from;
	bool told;

	assert(message != NULL);
	if (l == NULL)
		return;
	from = l->node;
	told = l->told;
	if (l->phase != LINK_MEMBER) {
		member_first_heard(m, l, message);
		return;
	}
	failure_heard(m, l);
	/* Of this link: another may be younger by a whole sleep. */
	said_ms = failure_said_ms(m, l);
	switch (message->type) {
	case MESSAGE_HELLO:
		member_punish(m, l, "HELLO twice");
		break;
	case MESSAGE_GOODBYE:
		member_goodbye_heard(m, l, message->u.goodbye.why);
		break;
	case MESSAGE_ERROR:
		replica_error_heard(m, l, message->request,
				    message->u.error.code);
		break;
	case MESSAGE_JOIN:
		m->reports.welcome = id;
		m->reports.welcome_request = message->request;
		break;
	case MESSAGE_WELCOME:
		roster_heard(m, l, message);
		member_welcome_heard(m, l, message->request);
		break;
	case MESSAGE_NODES:
		roster_heard(m, l, message);
		break;
	case MESSAGE_HEARTBEAT:
		reports_heartbeat_heard(m, l, &message->u.heartbeat);
		break;
	case MESSAGE_STREAMS:
		streams_heard(m, l, &message->u.streams);
		break;
	case MESSAGE_PULL:
		replica_pull_heard(m, l, message->request, &message->u.pull);
		break;
	case MESSAGE_BATCH:
		replica_batch_heard(m, l, message->request,
				    &message->u.batch);
		break;
	default:
		break; /* the driver's business; it was heard, that is all */
	}
	/* `l` may be gone.  What another link had said may be long past. */
	if (told)
		age_heard(m, from, said_ms);
}

/* Too small to say anything but that. */
static void
alive(struct mesh *m, mesh_link id)
{
	struct link *l = links_find(&m->links, id);

	if (l == NULL || l->phase != LINK_MEMBER)
		return;
	failure_heard(m, l);
	if (l->told)
		age_heard(m, l->node, failure_said_ms(m, l));
}

static void
dispatch(struct mesh *m, const struct mesh_input *in)
{
	switch (in->kind) {
	case MESH_START:
		start(m);
		break;
	case MESH_TICK:
		break;
	case MESH_LINK_CONNECTED:
		member_link_connected(m, in->link);
		break;
	case MESH_LINK_UP:
		member_link_up(m, in->link, in->u.up.accepted,
			       in->u.up.loopback);
		break;
	case MESH_LINK_DOWN:
		member_link_ended(m, in->link, in->u.end);
		break;
	case MESH_HEARD:
		heard(m, in->link, in->u.message);
		break;
	case MESH_ALIVE:
		alive(m, in->link);
		break;
	case MESH_STORED:
		replica_stored(m, in->u.stored.store, in->u.stored.failed,
			       &in->u.stored.report);
		break;
	case MESH_PAGE_READ:
		replica_page_read(m, in->link, in->u.page.request,
				  in->u.page.found);
		break;
	case MESH_OWN:
		streams_own_moved(m, &in->u.own);
		break;
	case MESH_DROPPED:
		streams_dropped(m, &in->u.dropped.stream,
				in->u.dropped.crowded);
		break;
	case MESH_UNDONE:
		streams_undone(m, &in->u.undone);
		break;
	case MESH_LEAVE:
		member_leave(m);
		break;
	case MESH_FORGET:
		forget_order(m, &in->u.forget);
		break;
	case MESH_FORGOTTEN:
		forget_heard(m, &in->u.ended.node, in->u.ended.generation);
		break;
	case MESH_FORGOT:
		forget_done(m, &in->u.ended.node, in->u.ended.generation);
		break;
	case MESH_BEACON:
		discovery_hint(m, &in->u.beacon.node, &in->u.beacon.address);
		break;
	}
}

/* ---- settling -------------------------------------------------------- */

static void
sync_set(struct mesh *m, enum sync_state to)
{
	struct node *self = mesh_node(m, NODE_SELF_INDEX);

	m->sync = to;
	if (self->synced == (to == SYNC_DONE))
		return;
	self->synced = to == SYNC_DONE;
	m->reports.dirty = true;
	effect_news(m, self->synced ? NEWS_SYNCED : NEWS_UNSYNCED, &self->id,
		    NULL);
}

void
mesh_unsync(struct mesh *m)
{
	sync_set(m, SYNC_LOOKING);
	streams_ungate(m);
	discovery_start_over(m);
}

/* Nobody linked, and nobody whose link may come back any moment. */
static bool
alone(const struct mesh *m)
{
	for (uint32_t i = 1; i < m->roster.count; i++)
		if (roster_direct(&m->roster, (uint16_t)i))
			return false;
	return true;
}

static void
settle_sync(struct mesh *m)
{
	if (m->had_links && alone(m)) {
		m->had_links = false;
		mesh_unsync(m);
	}
	if (m->sync == SYNC_CATCHING && streams_targets_reached(m))
		sync_set(m, SYNC_DONE);
}

bool
mesh_coordinator_known(const struct mesh *m)
{
	if (m->crowned || m->sync == SYNC_DONE)
		return true;
	/* Somebody is there: wait for what it says of itself. */
	if (m->roster.slots_linked != 0)
		return (m->roster.slots_linked & m->streams.told) != 0;
	return m->discovery.first_done;
}

static void
settle_crown(struct mesh *m)
{
	struct rank now;

	if (!mesh_coordinator_known(m))
		return;
	election_judge(&m->roster, &now);
	if (m->crowned && rank_compare(&now, &m->coordinator) == 0)
		return;
	effect_crown(m, &now, &m->coordinator);
	m->coordinator = now;
	m->crowned = true;
	/* Whom we follow is said at once, not a period later. */
	reports_heartbeat_now(m);
}

static uint64_t
wake(const struct mesh *m)
{
	uint64_t at = NEVER_MS;

	if (m->over || !m->started)
		return at;
	member_wake(m, &at);
	discovery_wake(m, &at);
	failure_wake(m, &at);
	reports_wake(m, &at);
	streams_wake(m, &at);
	forget_wake(m, &at);
	replica_wake(m, &at);
	return at < m->now_ms ? m->now_ms : at;
}

/*
 * Did this step come much later than promised?  Then we are the sick one.  A
 * TICK is as late as the first that was heard because it was due, and so is
 * what comes in between.
 */
static void
look_at_clock(struct mesh *m, const struct mesh_input *in)
{
	uint64_t late_ms = 0;

	if (!m->looking)
		m->late = m->lagging = false;
	m->looking = in->kind != MESH_TICK &&
		     (m->looking || in->came_ms != 0);
	if (m->wake_ms != NEVER_MS && in->now_ms > m->wake_ms)
		late_ms = in->now_ms - m->wake_ms;
	if (late_ms > LATE_MS) {
		m->lagging = true;
		failure_late(m, late_ms);
	} else if (in->kind == MESH_TICK && !m->lagging) {
		m->late_row = 0;
	}
	if (late_ms > STUCK_MS)
		mesh_unsync(m);
}

/*
 * A heartbeat that lay unread is one of several, perhaps, and nobody may be
 * judged before all of them are heard; so all the rest is left to the TICK.
 */
static bool
tick_follows(const struct mesh_input *in)
{
	return in->kind == MESH_ALIVE ||
	       (in->kind == MESH_HEARD && in->came_ms != 0 &&
		in->u.message->type == MESSAGE_HEARTBEAT);
}

void
mesh_step(struct mesh *m, const struct mesh_input *in,
	  struct mesh_effects *out)
{
	out->count = 0;
	if (m->over)
		return;
	assert(in->kind == MESH_START || m->started);
	assert(in->now_ms >= m->now_ms);
	m->now_ms = in->now_ms;
	m->wall_ms = in->wall_ms;
	m->tick = in->kind == MESH_TICK;
	m->came_ms = in->now_ms;
	if (in->came_ms != 0)
		m->came_ms = in->came_ms;
	assert(m->came_ms <= m->now_ms);
	m->since_ms = m->came_ms;
	if (in->since_ms != 0 && in->since_ms < m->since_ms)
		m->since_ms = in->since_ms;
	m->out = out;
	look_at_clock(m, in);
	dispatch(m, in);
	if (tick_follows(in)) {
		m->wake_ms = m->now_ms;
		m->out = NULL;
		return;
	}
	if (!m->over) {
		member_tick(m);
		failure_tick(m);
		member_review(m);
		settle_sync(m);
		discovery_tick(m);
		settle_sync(m);
		forget_review(m);
		streams_review(m);
		replica_review(m);
		age_review(m);
		settle_crown(m);
		reports_greet(m);
		streams_flush(m);
		reports_flush(m);
	}
	m->wake_ms = wake(m);
	m->out = NULL;
}

uint64_t
mesh_wake_ms(const struct mesh *m)
{
	return m->wake_ms;
}
