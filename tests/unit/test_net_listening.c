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

static int
bound(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void
as_it_is(void **state)
{
	uint64_t mask = 0;
	uint16_t port;
	int fd = bound(&port);

	(void)state;
	if (!listening_ports(port, &mask)) {
		print_message("the kernel does not tell: %d\n", errno);
		skip();
	}
	assert_int_equal(mask & 1u, 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(listening_ports(port, &mask));
	assert_int_equal(mask & 1u, 1);
	assert_true(listening_ports((uint16_t)(port - 63), &mask));
	assert_int_equal(mask >> 63, 1);
	close(fd);
	assert_true(listening_ports(port, &mask));
	assert_int_equal(mask & 1u, 0);
}

/* Who listens on all addresses of IPv6 listens on 127.0.0.1, too. */
static void
of_ipv6(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t mask = 0;

	(void)state;
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(fd, 1) == -1 || !listening_ports(5000, &mask))
		skip();
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	assert_true(listening_ports(ntohs(a.sin6_port), &mask));
	assert_int_equal(mask & 1u, 1);
	close(fd);
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
		cmocka_unit_test(not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
