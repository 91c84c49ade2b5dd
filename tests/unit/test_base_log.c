/*
 * The log, where nobody reads it: what is not written, or not whole, is counted
 * once, and the count is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"

#define LINES 400

/* Where it goes is chosen at its first line: so each test is a process. */
static void
alone(void (*test)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child != -1);
	if (child == 0) {
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
demand(bool truth, int status)
{
	if (!truth)
		_exit(status);
}

static unsigned long
said_lost(const char *text)
{
	const char *at, *end = text;
	unsigned long sum = 0;

	while ((end = strstr(end, " lines of the log were lost here)")) !=
	       NULL) {
		for (at = end; at > text && at[-1] != '(';)
			at--;
		sum += strtoul(at, NULL, 10);
		end++;
	}
	return sum;
}

/* A pipe that has room for the count, and not for the line behind it. */
static void
pipe_of_a_page(void)
{
	static char page[65536], text[65536];
	int ends[2], bytes;
	ssize_t n;

	demand(pipe2(ends, O_NONBLOCK) == 0, 1);
	demand((bytes = fcntl(ends[1], F_SETPIPE_SZ, 1)) > 0, 2);
	demand(dup2(ends[1], STDERR_FILENO) != -1, 3);
	demand(write(ends[1], page, (size_t)bytes) == bytes, 4);
	for (int i = 0; i < 3; i++)
		log_info("one");
	demand(read(ends[0], page, sizeof(page)) == bytes, 5);
	log_info("two");
	n = read(ends[0], text, sizeof(text) - 1);
	demand(n > 0 && said_lost(text) == 3, 6);
	demand(strstr(text, "two") == NULL, 7);
	log_info("three");
	memset(text, 0, sizeof(text));
	n = read(ends[0], text, sizeof(text) - 1);
	demand(n > 0 && said_lost(text) == 1, 8);
}

static void
said_once(void **state)
{
	(void)state;
	alone(pipe_of_a_page);
}

/* A terminal takes the half of a line. */
static void
terminal(void)
{
	static char long_text[701], text[LINES * 1024];
	int master, slave, whole = 0;
	struct termios raw = {0};
	size_t used = 0;
	ssize_t n;

	cfmakeraw(&raw);
	raw.c_oflag = OPOST | ONLCR; /* as terminals have it */
	demand(openpty(&master, &slave, NULL, &raw, NULL) == 0, 1);
	demand(fcntl(master, F_SETFL, O_NONBLOCK) == 0, 2);
	demand(dup2(slave, STDERR_FILENO) != -1, 3);
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (int i = 0; i < LINES; i++) {
		log_info("<%s>", long_text + i % 97);
		if (i > LINES / 2 && (n = read(master, text + used, 300)) > 0)
			used += (size_t)n;
	}
	while ((n = read(master, text + used, sizeof(text) - used - 1)) > 0)
		used += (size_t)n;
	log_info("<%s>", long_text);
	while ((n = read(master, text + used, sizeof(text) - used - 1)) > 0)
		used += (size_t)n;
	for (const char *at = text; (at = strstr(at, "<x")) != NULL; at++)
		whole += strncmp(at + strspn(at + 1, "x") + 1, ">\r\n", 3) ==
			 0;
	demand(said_lost(text) > 0, 4);
	/* What lacked its end only is both. */
	demand(whole + (int)said_lost(text) >= LINES + 1, 5);
	demand(said_lost(text) <= LINES, 6);
	demand(strstr(text, "x(") == NULL, 7); /* it begins a line */
}

static void
half_a_line_is_lost(void **state)
{
	(void)state;
	alone(terminal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said_once),
		cmocka_unit_test(half_a_line_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
