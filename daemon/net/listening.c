/*
 * listening.c: asked of the kernel by sock_diag(7), as ss(8) does.
 */
#include "listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel fills at most so much at a time. */
#define ANSWER_BYTES 32768u
/* Answers that do not end are no answer. */
#define ANSWERS_MAX  1024u

static bool
ask(int fd, uint8_t family)
{
	const struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 what;
	} q = {
		.head = {.nlmsg_len = sizeof(q),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.what = {.sdiag_family = family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = 1u << TCP_LISTEN},
	};

	return send(fd, &q, sizeof(q), MSG_DONTWAIT) == (ssize_t)sizeof(q);
}

static void
note(const struct nlmsghdr *h, uint16_t base, uint64_t *mask)
{
	struct inet_diag_msg said;
	unsigned above;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(said)))
		return;
	memcpy(&said, NLMSG_DATA(h), sizeof(said));
	above = (unsigned)ntohs(said.id.idiag_sport) - base;
	if (above < LISTENING_PORTS)
		*mask |= UINT64_C(1) << above;
}

int
listening_take(const void *answer, size_t bytes, uint16_t base, uint64_t *mask)
{
	const struct nlmsghdr *h = answer;
	int code = 0;

	for (; NLMSG_OK(h, bytes); h = NLMSG_NEXT(h, bytes)) {
		switch (h->nlmsg_type) {
		case NLMSG_DONE:
			/* With why it ends: not at the end of all if this kernel
			 * has nothing to tell of TCP. */
			if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
				memcpy(&code, NLMSG_DATA(h), sizeof(code));
			return code < 0 ? -1 : 1;
		case NLMSG_ERROR:
			return -1;
		}
		note(h, base, mask);
	}
	return 0;
}

/* All of one family.  A dump is made while it is read: it is there at once. */
static bool
hear(int fd, uint16_t base, uint64_t *mask)
{
	static _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
	int done = 0;

	for (unsigned n = 0; n < ANSWERS_MAX && done == 0; n++) {
		ssize_t got = recv(fd, answer, sizeof(answer),
				   MSG_DONTWAIT | MSG_TRUNC);

		if (got <= 0 || (size_t)got > sizeof(answer))
			return false;
		done = listening_take(answer, (size_t)got, base, mask);
	}
	return done > 0;
}

static bool
has(uint64_t mask, uint16_t base, uint16_t port)
{
	unsigned above = (unsigned)port - base;

	return above < LISTENING_PORTS && (mask >> above & 1u) != 0;
}

bool
listening_ports(uint16_t base, uint16_t own, uint64_t *mask)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_SOCK_DIAG);
	bool told;

	if (fd == -1)
		return false;
	*mask = 0;
	/* A listener of IPv6 may take IPv4 too. */
	told = ask(fd, AF_INET) && hear(fd, base, mask) &&
	       ask(fd, AF_INET6) && hear(fd, base, mask);
	close(fd);
	return told && has(*mask, base, own);
}

bool
listening_rules_out(uint64_t mask, uint16_t base, const struct address *at,
		    const struct address *joins, unsigned join_count)
{
	struct address here;

	address_loopback(&here, at->port);
	if (!address_equal(&here, at) || at->port < base ||
	    at->port - base >= (int)LISTENING_PORTS)
		return false;
	for (unsigned i = 0; i < join_count; i++)
		if (address_equal(&joins[i], at))
			return false;
	return !has(mask, base, at->port);
}
