/*
 * failover: how long until every survivor follows the next coordinator?
 *
 * For each kill the coordinator of a settled mesh is ended by SIGKILL, and
 * each survivor's own `coordinator` event is awaited on a watching client
 * connection.  Beside it, in the same run: the kernel's own time from SIGKILL
 * to end-of-file, for a process with as much memory and as many connections.
 * What remains between the two is ours.
 *
 * Usage: failover PHOTOD [KILLS]
 */
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stats.h"
#include "world.h"

#define FILES_EACH 200u

/* ---- the kernel's part ------------------------------------------------ */

/* A child that holds `memory` bytes and `count` accepted connections. */
static pid_t
hold(int listener, unsigned count, size_t memory, int ready)
{
	pid_t pid = fork();

	if (pid == -1)
		err(1, "fork");
	if (pid > 0)
		return pid;
	char *held = malloc(memory + 1);

	for (size_t i = 0; i < memory; i += 4096)
		held[i] = 1;
	for (unsigned i = 0; i < count; i++) {
		if (accept(listener, NULL, NULL) == -1)
			_exit(1);
	}
	if (write(ready, held, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void
kernel_once(unsigned count, size_t memory, struct stats *out)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t a_bytes = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ready[2], fds[WORLD_NODES_MAX];
	double killed;
	char c;
	pid_t pid;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(listener, 64) == -1 || pipe(ready) == -1 ||
	    getsockname(listener, (struct sockaddr *)&a, &a_bytes) == -1)
		err(1, "listener");
	pid = hold(listener, count, memory, ready[1]);
	close(ready[1]);
	for (unsigned i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fds[i], (struct sockaddr *)&a, sizeof(a)) == -1)
			err(1, "connect");
	}
	if (read(ready[0], &c, 1) != 1)
		errx(1, "the child of the kernel's part failed");
	killed = stats_now_ms();
	kill(pid, SIGKILL);
	for (unsigned i = 0; i < count; i++) {
		if (read(fds[i], &c, 1) > 0)
			errx(1, "bytes from the dead");
		stats_add(out, stats_now_ms() - killed);
		close(fds[i]);
	}
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(listener);
}

/* ---- ours ------------------------------------------------------------- */

static void
watch_all(struct world *w, int *fds)
{
	for (unsigned n = 1; n < w->count; n++) {
		struct question q;
		int probe;

		fds[n] = world_connect(w, world_port(w, n));
		if (fds[n] == -1)
			errx(1, "cannot connect to node %u", n);
		world_ask(fds[n], CLIENT_WATCH);
		/* Questions of one connection are taken in order: an answered
		 * one behind it shows that the watch stands. */
		probe = fds[n];
		world_ask(probe, CLIENT_STATUS);
		do {
			if (!world_answer(w, probe, &q))
				errx(1, "node %u hung up", n);
		} while (q.type != CLIENT_STATUS_IS);
	}
}

static void
await_successor(struct world *w, int *fds, double killed, struct stats *each,
		struct stats *last)
{
	struct pollfd polls[WORLD_NODES_MAX];
	unsigned left = w->count - 1;

	for (unsigned n = 1; n < w->count; n++)
		polls[n] = (struct pollfd){.fd = fds[n], .events = POLLIN};
	while (left > 0) {
		if (poll(polls + 1, w->count - 1, 30000) <= 0)
			errx(1, "no successor within 30 s");
		for (unsigned n = 1; n < w->count; n++) {
			double now = stats_now_ms();
			struct question q;

			if (polls[n].revents == 0)
				continue;
			if (!world_answer(w, fds[n], &q))
				errx(1, "node %u hung up", n);
			if (q.type != CLIENT_EVENT ||
			    strcmp(q.u.event.event, "coordinator") != 0 ||
			    q.u.event.port != world_port(w, 1))
				continue;
			stats_add(each, now - killed);
			polls[n].fd = -1;
			if (--left == 0)
				stats_add(last, now - killed);
		}
	}
}

static void
measure(const char *photod, unsigned nodes, unsigned kills)
{
	static struct world w;
	static struct stats each, last, kernel;
	size_t memory = 0;

	each.count = last.count = kernel.count = 0;
	world_init(&w, photod, nodes, FILES_EACH);
	for (unsigned n = 0; n < nodes; n++)
		world_start(&w, n);
	for (unsigned k = 0; k < kills; k++) {
		int fds[WORLD_NODES_MAX];
		double killed;

		world_settle(&w, world_port(&w, 0));
		watch_all(&w, fds);
		memory = world_rss(w.pids[0]);
		killed = stats_now_ms();
		kill(w.pids[0], SIGKILL);
		await_successor(&w, fds, killed, &each, &last);
		waitpid(w.pids[0], NULL, 0);
		w.pids[0] = 0;
		for (unsigned n = 1; n < nodes; n++)
			close(fds[n]);
		kernel_once(nodes - 1, memory, &kernel);
		world_start(&w, 0);
	}
	world_release(&w);

	printf("%u daemons, %u kills of the coordinator (RssAnon %.1f MiB):\n",
	       nodes, kills, (double)memory / (1 << 20));
	printf("  %-46s %8s %8s %8s\n", "milliseconds", "min", "median",
	       "99th");
	stats_print("kill -9 to: a survivor follows the successor", &each);
	stats_print("kill -9 to: all survivors follow it", &last);
	stats_print("kill -9 to EOF, the kernel alone", &kernel);
	printf("  ratio of the medians, survivor / kernel: %.1f\n",
	       stats_quantile(&each, 0.5) /
		       (stats_quantile(&kernel, 0.5) + 1e-9));
}

int
main(int argc, char **argv)
{
	unsigned kills = argc > 2 ? (unsigned)atoi(argv[2]) : 30;

	if (argc < 2 || kills == 0)
		errx(2, "usage: failover PHOTOD [KILLS]");
	signal(SIGPIPE, SIG_IGN);
	measure(argv[1], 3, kills);
	measure(argv[1], 8, kills);
	return 0;
}
