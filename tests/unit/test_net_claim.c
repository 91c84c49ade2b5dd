/*
 * claim: a port is taken by taking it.
 *
 * What is shown: two claims never share a port; strangers on 127.0.0.1 and on
 * 0.0.0.0 are stepped over; --listen's address takes the same port; when all
 * is taken, one sentence says so; the descriptor is the lowest that is free.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cmocka.h>

#include "claim.h"
#include "trouble.h"

/* Somewhere out of everybody's way; each test moves on from there. */
static uint16_t base = 26100;

static int
stranger(uint32_t host, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(host);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
release(struct claim *c)
{
	for (uint32_t i = 0; i < c->listener_count; i++)
		close(c->listeners[i]);
}

static void
two_claims_two_ports(void **state)
{
	struct trouble why = {0};
	struct claim a, b;
	int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	close(lowest);
	base += 10;
	assert_int_equal(claim_port(&a, base, 8, NULL, &why), 0);
	assert_int_equal(claim_port(&b, base, 8, NULL, &why), 0);
	assert_int_equal(a.listeners[0], lowest);
	assert_true(a.port < b.port);
	assert_int_equal(a.listener_count, 1);
	assert_int_equal(a.address_count, 0);
	assert_true((fcntl(a.listeners[0], F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(a.listeners[0], F_GETFL) & O_NONBLOCK) != 0);
	release(&a);
	release(&b);
}

static void
strangers_are_stepped_over(void **state)
{
	struct trouble why = {0};
	struct claim c;
	int here, anywhere;

	(void)state;
	base += 10;
	here = stranger(INADDR_LOOPBACK, base);
	anywhere = stranger(INADDR_ANY, (uint16_t)(base + 1));
	assert_int_equal(claim_port(&c, base, 8, NULL, &why), 0);
	assert_int_equal(c.port, base + 2);
	release(&c);
	close(here);
	close(anywhere);
}

static void
elsewhere_has_the_same_port(void **state)
{
	struct trouble why = {0};
	struct claim c;
	int there;

	(void)state;
	base += 10;
	there = stranger(INADDR_LOOPBACK + 1, base);
	assert_int_equal(claim_port(&c, base, 8, "127.0.0.2", &why), 0);
	assert_int_equal(c.port, base + 1);
	assert_int_equal(c.listener_count, 2);
	assert_int_equal(c.address_count, 1);
	assert_string_equal(c.addresses[0].host, "127.0.0.2");
	assert_int_equal(c.addresses[0].port, base + 1);
	release(&c);
	close(there);
	/* 127.0.0.1 is served anyway; everywhere covers it. */
	assert_int_equal(claim_port(&c, base, 8, "127.0.0.1", &why), 0);
	assert_int_equal(c.listener_count, 1);
	release(&c);
	assert_int_equal(claim_port(&c, base, 8, "0.0.0.0", &why), 0);
	assert_int_equal(c.listener_count, 1);
	release(&c);
}

static void
mistakes_are_sentences(void **state)
{
	struct trouble why = {0};
	struct claim c;
	int one, two;

	(void)state;
	base += 10;
	one = stranger(INADDR_LOOPBACK, base);
	two = stranger(INADDR_LOOPBACK, (uint16_t)(base + 1));
	assert_int_equal(claim_port(&c, base, 2, NULL, &why), -1);
	assert_non_null(strstr(why.text, "--base-port"));
	assert_int_equal(c.listener_count, 0);
	close(one);
	close(two);
	assert_int_equal(claim_port(&c, base, 2, "203.0.113.7", &why), -1);
	assert_non_null(strstr(why.text, "203.0.113.7"));
	assert_int_equal(c.listener_count, 0);
	/* Nothing beyond the last port there is. */
	assert_int_equal(claim_port(&c, 65535, 64, NULL, &why), 0);
	assert_int_equal(claim_port(&c, 65535, 64, NULL, &why), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_claims_two_ports),
		cmocka_unit_test(strangers_are_stepped_over),
		cmocka_unit_test(elsewhere_has_the_same_port),
		cmocka_unit_test(mistakes_are_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
