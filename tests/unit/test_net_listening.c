/* Which ports somebody listens on, as the kernel tells it. */
#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "listening.h"

/* A socket on this port, 0: any; -1: it is taken. */
static int
bound(uint16_t want, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(want)};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int
listening(uint16_t *port)
{
	int fd = bound(0, port);

	assert_int_not_equal(fd, -1);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
as_it_is(void **state)
{
	uint64_t mask = 0;
	uint16_t port = 0, own;
	int own_fd = listening(&own), fd = -1;

	(void)state;
	if (!listening_ports(own, own, &mask)) {
		print_message("the kernel does not tell: %d\n", errno);
		skip();
	}
	assert_int_equal(mask & 1u, 1);
	for (uint16_t k = 1; k < LISTENING_PORTS && fd == -1; k++)
		fd = bound((uint16_t)(own + k), &port);
	assert_int_not_equal(fd, -1);
	assert_true(listening_ports(own, own, &mask));
	assert_int_equal(mask >> (port - own) & 1u, 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(listening_ports(own, own, &mask));
	assert_int_equal(mask >> (port - own) & 1u, 1);
	assert_true(listening_ports((uint16_t)(port - 63), own, &mask));
	assert_int_equal(mask >> 63, 1);
	close(fd);
	assert_true(listening_ports(own, own, &mask));
	assert_int_equal(mask >> (port - own) & 1u, 0);
	/* Who does not tell of us tells of nothing: by an answer that lacks
	 * our own port nobody is judged. */
	assert_false(listening_ports(own, port, &mask));
	close(own_fd);
	assert_false(listening_ports(own, own, &mask));
}

/* Who listens on all addresses of IPv6 listens on 127.0.0.1, too. */
static void
of_ipv6(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t mask = 0;
	uint16_t port;

	(void)state;
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(fd, 1) == -1)
		skip();
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	port = ntohs(a.sin6_port);
	if (!listening_ports(port, port, &mask))
		skip();
	assert_int_equal(mask & 1u, 1);
	close(fd);
}

/* What is ruled out by it, and what it does not tell of. */
static void
ruled_out(void **state)
{
	struct address a, joins[2] = {{.host = "desk.local", .port = 5007},
				      {.host = "127.0.0.1", .port = 5009}};
	const uint64_t mask = 1u << 5;

	(void)state;
	address_loopback(&a, 5005);
	assert_false(listening_rules_out(mask, 5000, &a, joins, 2));
	a.port = 5006;
	assert_true(listening_rules_out(mask, 5000, &a, joins, 2));
	a.port = 5007; /* of another host it was typed */
	assert_true(listening_rules_out(mask, 5000, &a, joins, 2));
	a.port = 5009; /* forwarded, perhaps */
	assert_false(listening_rules_out(mask, 5000, &a, joins, 2));
	assert_true(listening_rules_out(mask, 5000, &a, joins, 1));
	a.port = 4999;
	assert_false(listening_rules_out(mask, 5000, &a, joins, 2));
	a.port = 5064;
	assert_false(listening_rules_out(mask, 5000, &a, joins, 2));
	a = (struct address){.host = "192.0.2.7", .port = 5006};
	assert_false(listening_rules_out(mask, 5000, &a, joins, 2));
}

/* A kernel with sock_diag and without tcp_diag ends the list before it began;
 * that nobody listens anywhere would be a lie. */
static void
not_told(void **state)
{
	struct {
		struct nlmsghdr head;
		int code;
	} end = {.head = {.nlmsg_len = sizeof(end), .nlmsg_type = NLMSG_DONE}};
	uint64_t mask = 0;

	(void)state;
	assert_int_equal(listening_take(&end, sizeof(end), 5000, &mask), 1);
	end.code = -ENOENT;
	assert_int_equal(listening_take(&end, sizeof(end), 5000, &mask), -1);
	end.head.nlmsg_len = sizeof(end.head);
	assert_int_equal(listening_take(&end, sizeof(end.head), 5000, &mask),
			 1);
	end.head.nlmsg_type = NLMSG_ERROR;
	assert_int_equal(listening_take(&end, sizeof(end), 5000, &mask), -1);
	end.head.nlmsg_len = sizeof(end) + 1; /* cut off */
	assert_int_equal(listening_take(&end, sizeof(end), 5000, &mask), 0);
	assert_true(mask == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_is),
		cmocka_unit_test(of_ipv6),
		cmocka_unit_test(ruled_out),
		cmocka_unit_test(not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
