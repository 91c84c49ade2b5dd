#include "claim.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "trouble.h"

#define CLAIM_BACKLOG 128

union any_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

static void
set_port(union any_address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

static socklen_t
address_bytes(const union any_address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static void
loopback(union any_address *out)
{
	memset(out, 0, sizeof(*out));
	out->v4.sin_family = AF_INET;
	out->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static bool
is_any_v4(const union any_address *a)
{
	return a->sa.sa_family == AF_INET &&
	       a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool
is_any(const union any_address *a)
{
	return is_any_v4(a) ||
	       (a->sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr));
}

/* -1 with errno.  Of two that bound with SO_REUSEADDR before either listened
 * the second fails in listen: taken, too. */
static int
listen_on(const union any_address *a)
{
	const int on = 1;
	int fd, saved;

	fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd == -1)
		return -1;
	/* Without it a restart would wait for TIME_WAIT.  SO_REUSEPORT would
	 * let two daemons share a port: never. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		goto close_fd;
	if (a->sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		goto close_fd;
	if (bind(fd, &a->sa, address_bytes(a)) == -1 ||
	    listen(fd, CLAIM_BACKLOG) == -1)
		goto close_fd;
	return fd;
close_fd:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
resolve(const char *host, union any_address *out, struct trouble *why)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE,
	};
	struct addrinfo *found = NULL;
	int r;

	if ((r = getaddrinfo(host, NULL, &hints, &found)) != 0)
		return trouble_set(why, 0,
				   "cannot listen on '%s': %s; give an address "
				   "of this machine, such as 192.168.1.5",
				   host, gai_strerror(r));
	memset(out, 0, sizeof(*out));
	memcpy(out, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static void
note_address(struct claim *c, const struct sockaddr *sa, socklen_t bytes)
{
	struct address *a;

	if (c->address_count == NODE_ADDRESSES_MAX)
		return;
	a = &c->addresses[c->address_count];
	if (getnameinfo(sa, bytes, a->host, sizeof(a->host), NULL, 0,
			NI_NUMERICHOST) != 0)
		return;
	a->port = c->port;
	c->address_count++;
}

/* Listening everywhere: tell the others the addresses this machine has now. */
static void
note_all_addresses(struct claim *c, int family)
{
	struct ifaddrs *all, *i;

	if (getifaddrs(&all) == -1)
		return;
	for (i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL ||
		    i->ifa_addr->sa_family != family ||
		    (i->ifa_flags & IFF_LOOPBACK) != 0)
			continue;
		/* A link-local address means nothing on another machine. */
		if (family == AF_INET6 &&
		    IN6_IS_ADDR_LINKLOCAL(
			    &((struct sockaddr_in6 *)(void *)i->ifa_addr)
				     ->sin6_addr))
			continue;
		note_address(c, i->ifa_addr,
			     family == AF_INET6 ? sizeof(struct sockaddr_in6)
						: sizeof(struct sockaddr_in));
	}
	freeifaddrs(all);
}

/* 0, or -1 with errno. */
static int
try_port(struct claim *c, uint16_t port, union any_address *elsewhere)
{
	union any_address here;
	int saved;

	loopback(&here);
	/* 0.0.0.0 serves 127.0.0.1 as well and cannot stand beside it. */
	if (elsewhere != NULL && is_any_v4(elsewhere))
		here = *elsewhere;
	set_port(&here, port);
	if ((c->listeners[0] = listen_on(&here)) == -1)
		return -1;
	c->listener_count = 1;
	c->port = port;
	if (elsewhere == NULL || is_any_v4(elsewhere))
		return 0;
	set_port(elsewhere, port);
	if ((c->listeners[1] = listen_on(elsewhere)) == -1) {
		saved = errno;
		close(c->listeners[0]);
		c->listener_count = 0;
		errno = saved;
		return -1;
	}
	c->listener_count = 2;
	return 0;
}

int
claim_port(struct claim *out, uint16_t base, uint16_t port_count,
	   const char *listen_host, struct trouble *why)
{
	union any_address elsewhere, here, *other = NULL;

	memset(out, 0, sizeof(*out));
	out->listeners[0] = out->listeners[1] = -1;
	if (listen_host != NULL) {
		if (resolve(listen_host, &elsewhere, why) == -1)
			return -1;
		loopback(&here);
		if (elsewhere.sa.sa_family != AF_INET ||
		    elsewhere.v4.sin_addr.s_addr != here.v4.sin_addr.s_addr)
			other = &elsewhere;
	}
	for (uint32_t i = 0; i < port_count && base + i <= UINT16_MAX; i++) {
		if (try_port(out, (uint16_t)(base + i), other) == 0) {
			out->everywhere = other != NULL && is_any_v4(other);
			if (other != NULL && is_any(other))
				note_all_addresses(out, other->sa.sa_family);
			else if (other != NULL)
				note_address(out, &other->sa,
					     address_bytes(other));
			return 0;
		}
		if (errno == EADDRNOTAVAIL)
			return trouble_set(why, errno,
					   "cannot listen on '%s': it is no "
					   "address of this machine",
					   listen_host != NULL ? listen_host
							       : "127.0.0.1");
		if (errno != EADDRINUSE && errno != EACCES)
			return trouble_errno(why, errno,
					     "cannot listen on port %u",
					     (unsigned)(base + i));
	}
	return trouble_set(why, EADDRINUSE,
			   "no port is free from %u to %u; stop a daemon that "
			   "is no longer needed, or choose other ports with "
			   "--base-port",
			   (unsigned)base, (unsigned)(base + port_count - 1));
}
