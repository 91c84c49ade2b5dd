/*
 * fetch_channels.c: channels to holders, kept for a while for the next photo.
 *
 * A TLS handshake costs as much as a small photo, so a channel on which all is
 * answered is put by, and given to whoever wants something of that node next.
 */
#include "fetch_private.h"

#include <errno.h>
#include <string.h>

#include "clock.h"

#define IDLE_MS 30000u

void
line_end(struct fetch_line *line)
{
	line->ended = true;
	if (line->channel != NULL)
		channel_cut(line->channel);
	if (line->stop != NULL)
		channel_stop_pull(line->stop);
}

/* ---- those that are idle ------------------------------------------------- */

static struct channel *
pick_idle(struct fetching *f, const struct node_id *node)
{
	struct channel *c = NULL;

	pthread_mutex_lock(&f->lock);
	for (uint32_t i = f->idle_count; i-- > 0 && c == NULL;) {
		if (!node_id_equal(channel_node(f->idle[i].channel), node))
			continue;
		c = f->idle[i].channel;
		f->idle[i] = f->idle[--f->idle_count];
	}
	pthread_mutex_unlock(&f->lock);
	return c;
}

void
channels_give(struct fetching *f, struct channel *c)
{
	struct channel *old = NULL;

	pthread_mutex_lock(&f->lock);
	if (f->idle_count == IDLE_CHANNELS) {
		old = f->idle[0].channel;
		memmove(f->idle, f->idle + 1,
			(IDLE_CHANNELS - 1) * sizeof(f->idle[0]));
		f->idle_count--;
	}
	f->idle[f->idle_count++] =
		(struct idle_channel){c, clock_steady_ms()};
	/* Who gives it may be none of our threads, and all of them asleep for
	 * want of anything to let go of in time. */
	if (f->idle_count == 1)
		pthread_cond_signal(&f->news);
	pthread_mutex_unlock(&f->lock);
	channel_free(old);
}

void
channels_sweep(struct fetching *f, bool all)
{
	struct channel *old[IDLE_CHANNELS];
	uint64_t now = clock_steady_ms();
	uint32_t count = 0, kept = 0;

	pthread_mutex_lock(&f->lock);
	for (uint32_t i = 0; i < f->idle_count; i++) {
		if (all || now - f->idle[i].since_ms >= IDLE_MS)
			old[count++] = f->idle[i].channel;
		else
			f->idle[kept++] = f->idle[i];
	}
	f->idle_count = kept;
	pthread_mutex_unlock(&f->lock);
	while (count > 0)
		channel_free(old[--count]);
}

/* ---- new ones ------------------------------------------------------------ */

static struct channel *
dial(struct fetching *f, const struct fetch_peer *peer,
     struct channel_stop *stop, struct trouble *why)
{
	struct address to = {.host = "127.0.0.1", .port = peer->port};
	struct channel *c = NULL;

	trouble_set(why, EHOSTUNREACH, "no address of it is known");
	if (peer->near)
		c = channel_dial(&f->self, &to, &peer->node, DIAL_MS, stop,
				 why);
	for (uint32_t i = 0; i < peer->address_count && c == NULL; i++) {
		if (why->code == ECANCELED || why->code == EBUSY)
			break;
		c = channel_dial(&f->self, &peer->addresses[i], &peer->node,
				 DIAL_MS, stop, why);
	}
	return c;
}

struct channel *
channels_take(struct fetching *f, const struct fetch_peer *peer, bool fresh,
	      pthread_mutex_t *line_lock, struct fetch_line *line,
	      bool *was_idle, struct trouble *why)
{
	struct channel *c = fresh ? NULL : pick_idle(f, &peer->node);
	struct channel_stop *stop;

	*was_idle = c != NULL;
	if (c == NULL) {
		if ((stop = channel_stop_new()) == NULL) {
			trouble_set(why, ENOMEM, "out of memory");
			return NULL;
		}
		pthread_mutex_lock(line_lock);
		line->stop = stop;
		if (line->ended)
			channel_stop_pull(stop);
		pthread_mutex_unlock(line_lock);
		c = dial(f, peer, stop, why);
		pthread_mutex_lock(line_lock);
		line->stop = NULL;
		pthread_mutex_unlock(line_lock);
		channel_stop_free(stop);
	}
	pthread_mutex_lock(line_lock);
	line->channel = c;
	if (c != NULL && line->ended)
		channel_cut(c);
	line->heard_ms = line->landed_ms = clock_steady_ms();
	pthread_mutex_unlock(line_lock);
	return c;
}
