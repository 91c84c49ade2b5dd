/*
 * When beacons are sent: one at the start, one after each pause of 27 to 33 s,
 * on cards that are up, no pause like the last.  The clock is the test's own:
 * a pause is written down and over at once.  Nothing leaves this program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "beacon.h"
#include "claim.h"
#include "trouble.h"

#define ROUNDS     2000u
#define LEAST_MS   27000u
#define MOST_MS    33000u
#define PARTS      12u /* of equal width: each is met */

static unsigned pauses, sent, hits[PARTS];
static unsigned sent_before, before_ms, same;

/* ---- in place of the world (see meson.build) ----------------------------- */

int __real_event_add(struct event *ev, const struct timeval *wait);
int __wrap_event_add(struct event *ev, const struct timeval *wait);
int __wrap_getifaddrs(struct ifaddrs **out);
void __wrap_freeifaddrs(struct ifaddrs *all);
ssize_t __wrap_sendto(int fd, const void *data, size_t bytes, int flags,
		      const struct sockaddr *to, socklen_t to_bytes);

int
__wrap_event_add(struct event *ev, const struct timeval *wait)
{
	static const struct timeval now = {0, 0};
	unsigned ms;

	if (wait == NULL || (wait->tv_sec == 0 && wait->tv_usec == 0))
		return __real_event_add(ev, wait);
	ms = (unsigned)(wait->tv_sec * 1000 + wait->tv_usec / 1000);
	assert_in_range(ms, LEAST_MS, MOST_MS);
	hits[(ms - LEAST_MS) * PARTS / (MOST_MS - LEAST_MS + 1)]++;
	same += ms == before_ms;
	before_ms = ms;
	/* One beacon since the last pause, from the one card that is up. */
	assert_int_equal(sent, sent_before + 1);
	sent_before = sent;
	pauses++;
	return __real_event_add(ev, &now);
}

int
__wrap_getifaddrs(struct ifaddrs **out)
{
	static struct sockaddr_in at = {.sin_family = AF_INET};
	static struct ifaddrs up = {.ifa_flags = IFF_UP | IFF_MULTICAST};
	static struct ifaddrs down = {.ifa_flags = IFF_MULTICAST};
	static char name[] = "lo"; /* the only one that is everywhere */

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	up.ifa_name = down.ifa_name = name;
	up.ifa_addr = down.ifa_addr = (struct sockaddr *)&at;
	up.ifa_next = &down;
	*out = &up;
	return 0;
}

void
__wrap_freeifaddrs(struct ifaddrs *all)
{
	(void)all;
}

ssize_t
__wrap_sendto(int fd, const void *data, size_t bytes, int flags,
	      const struct sockaddr *to, socklen_t to_bytes)
{
	(void)fd;
	(void)data;
	(void)flags;
	(void)to;
	(void)to_bytes;
	assert_int_equal(bytes, BEACON_BYTES);
	sent++;
	return (ssize_t)bytes;
}

static void
on_heard(void *arg, const struct node_id *node, const struct address *address)
{
	(void)arg;
	(void)node;
	(void)address;
}

/* ---- the test ------------------------------------------------------------ */

static void
rounds(void **state)
{
	static const struct claim claim = {.port = 5000, .everywhere = true};
	struct event_base *base = event_base_new();
	struct beacon_config config = {
		.base = base, .claim = &claim, .on_heard = on_heard};
	const uint8_t mesh_key[32] = {1};
	struct trouble why = {0};
	struct beacon *b;

	(void)state;
	assert_non_null(base);
	assert_true(beacon_key_make(mesh_key, &config.key));
	b = beacon_new(&config, &why);
	if (b == NULL) { /* no multicast here */
		event_base_free(base);
		skip();
	}
	while (pauses < ROUNDS)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	assert_int_equal(sent, ROUNDS);
	for (unsigned i = 0; i < PARTS; i++)
		assert_in_range(hits[i], ROUNDS / PARTS / 2,
				ROUNDS / PARTS * 2);
	/* Those who started together do not stay so. */
	assert_true(same < ROUNDS / 100);
	beacon_free(b);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rounds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
