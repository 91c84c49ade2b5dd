#include "beacon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "claim.h"
#include "trouble.h"

#define PERIOD_MS      30000u
#define JITTER_MS      6000u
#define HEARD_PER_WAKE 32u
/* More in a second is a flood: the rest of it is left to the kernel. */
#define HEARD_PER_SECOND 256u

struct beacon {
	struct beacon_config config;
	int hears, says; /* sockets */
	struct event *readable, *next, *second;
	unsigned heard; /* in this second */
};

/* ---- sockets -------------------------------------------------------------- */

static int
udp_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Only what is sent to the group, on cards where we asked for it; several
 * daemons of one machine all hear it. */
static int
open_hearing(void)
{
	const int on = 1, off = 0;
	struct sockaddr_in group = {.sin_family = AF_INET,
				    .sin_port = htons(BEACON_PORT)};
	int fd = udp_socket();

	if (fd == -1)
		return -1;
	inet_pton(AF_INET, BEACON_GROUP, &group.sin_addr);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off)) ==
		    0 &&
	    bind(fd, (struct sockaddr *)&group, sizeof(group)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One network far, and not back to this machine, where ports are probed. */
static int
open_saying(void)
{
	const int hops = 1, off = 0;
	int fd = udp_socket();

	if (fd == -1)
		return -1;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)) ==
		    0 &&
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) ==
		    0)
		return fd;
	close(fd);
	return -1;
}

/* ---- saying ---------------------------------------------------------------- */

/* Can we be dialled at this address of ours? */
static bool
listens_at(const struct claim *c, struct in_addr at)
{
	char text[INET_ADDRSTRLEN];

	if (c->everywhere)
		return true;
	if (inet_ntop(AF_INET, &at, text, sizeof(text)) == NULL)
		return false;
	for (uint32_t i = 0; i < c->address_count; i++)
		if (strcmp(c->addresses[i].host, text) == 0)
			return true;
	return false;
}

static void
say_from(struct beacon *b, const struct ip_mreqn *card)
{
	const struct beacon_said said = {.node = b->config.self,
					 .port = b->config.claim->port};
	struct sockaddr_in group = {.sin_family = AF_INET,
				    .sin_port = htons(BEACON_PORT),
				    .sin_addr = card->imr_multiaddr};
	uint8_t frame[BEACON_BYTES];

	if (!beacon_seal(&b->config.key, &said, frame) ||
	    setsockopt(b->says, IPPROTO_IP, IP_MULTICAST_IF, card,
		       sizeof(*card)) == -1)
		return;
	/* A card may be gone again, or full: the next one will do. */
	(void)sendto(b->says, frame, sizeof(frame), MSG_NOSIGNAL,
		     (struct sockaddr *)&group, sizeof(group));
}

/* Listen on every card there is now, and speak where we can be dialled. */
static void
go_round(struct beacon *b)
{
	struct ip_mreqn card = {0};
	struct ifaddrs *all;

	if (getifaddrs(&all) == -1)
		return;
	inet_pton(AF_INET, BEACON_GROUP, &card.imr_multiaddr);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		const unsigned want = IFF_UP | IFF_MULTICAST;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET ||
		    (i->ifa_flags & want) != want ||
		    (i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		card.imr_address = ((const struct sockaddr_in *)(const void *)
					    i->ifa_addr)->sin_addr;
		card.imr_ifindex = (int)if_nametoindex(i->ifa_name);
		/* Mostly it has been asked for before. */
		(void)setsockopt(b->hears, IPPROTO_IP, IP_ADD_MEMBERSHIP, &card,
				 sizeof(card));
		if (listens_at(b->config.claim, card.imr_address))
			say_from(b, &card);
	}
	freeifaddrs(all);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct beacon *b = arg;
	uint16_t random = 0;
	struct timeval wait;
	unsigned ms;

	(void)fd;
	(void)what;
	go_round(b);
	(void)RAND_bytes((unsigned char *)&random, sizeof(random));
	ms = PERIOD_MS - JITTER_MS / 2 + random % JITTER_MS;
	wait.tv_sec = ms / 1000;
	wait.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	(void)evtimer_add(b->next, &wait);
}

/* ---- hearing ---------------------------------------------------------------- */

static void
judge(struct beacon *b, const uint8_t frame[BEACON_BYTES],
      const struct sockaddr_in *from)
{
	struct beacon_said said;
	struct address at = {.port = 0};

	/* A stranger's is not worth a word: anybody can send them. */
	if (!beacon_open(&b->config.key, frame, &said) ||
	    node_id_equal(&said.node, &b->config.self) ||
	    inet_ntop(AF_INET, &from->sin_addr, at.host, sizeof(at.host)) ==
		    NULL)
		return;
	at.port = said.port;
	b->config.on_heard(b->config.arg, &said.node, &at);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval a_second = {1, 0};
	struct beacon *b = arg;
	uint8_t frame[BEACON_BYTES + 1];

	(void)what;
	for (unsigned n = 0; n < HEARD_PER_WAKE; n++) {
		struct sockaddr_in from;
		socklen_t bytes = sizeof(from);
		ssize_t r = recvfrom(fd, frame, sizeof(frame), 0,
				     (struct sockaddr *)&from, &bytes);

		if (r == -1)
			break;
		if (r == BEACON_BYTES && bytes == sizeof(from) &&
		    from.sin_family == AF_INET)
			judge(b, frame, &from);
		if (!evtimer_pending(b->second, NULL))
			(void)evtimer_add(b->second, &a_second);
		if (++b->heard >= HEARD_PER_SECOND) {
			(void)event_del(b->readable);
			return;
		}
	}
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct beacon *b = arg;

	(void)fd;
	(void)what;
	b->heard = 0;
	(void)event_add(b->readable, NULL);
}

/* ---- life ------------------------------------------------------------------- */

struct beacon *
beacon_new(const struct beacon_config *config, struct trouble *why)
{
	static const struct timeval now = {0, 0};
	struct beacon *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	b->config = *config;
	b->says = -1;
	if ((b->hears = open_hearing()) == -1 ||
	    (b->says = open_saying()) == -1) {
		trouble_errno(why, errno, "cannot use multicast for --discover");
		beacon_free(b);
		return NULL;
	}
	b->readable = event_new(config->base, b->hears, EV_READ | EV_PERSIST,
				on_readable, b);
	b->next = evtimer_new(config->base, on_next, b);
	b->second = evtimer_new(config->base, on_second, b);
	if (b->readable == NULL || b->next == NULL || b->second == NULL ||
	    event_add(b->readable, NULL) == -1 ||
	    evtimer_add(b->next, &now) == -1) {
		trouble_set(why, ENOMEM, "out of memory");
		beacon_free(b);
		return NULL;
	}
	return b;
}

void
beacon_free(struct beacon *b)
{
	if (b == NULL)
		return;
	if (b->readable != NULL)
		event_free(b->readable);
	if (b->next != NULL)
		event_free(b->next);
	if (b->second != NULL)
		event_free(b->second);
	if (b->hears != -1)
		close(b->hears);
	if (b->says != -1)
		close(b->says);
	OPENSSL_cleanse(&b->config.key, sizeof(b->config.key));
	free(b);
}
