/*
 * links_world.c: see links_world.h.
 */
#include "links_world.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/err.h>

#include "catalogue.h"
#include "driver.h"
#include "log.h"
#include "mailbox.h"
#include "people.h"
#include "shell.h"
#include "trouble.h"

static char dir[64];
static struct event_base *base;
static struct mailbox *ends;
static struct tls *right, *wrong, *own_tls;
static struct state people[WORLD_PEERS];
static struct catalogue *catalogue;
static struct driver *driver;
static uint16_t port;

/* ---- nothing leaves this machine, nor this process ----------------------- */

int
connect(int fd, const struct sockaddr *to, socklen_t bytes)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)to;

	if (to->sa_family != AF_INET ||
	    in->sin_addr.s_addr != htonl(INADDR_LOOPBACK) ||
	    ntohs(in->sin_port) != port) {
		errno = ECONNREFUSED;
		return -1;
	}
	return (int)syscall(SYS_connect, fd, to, bytes);
}

int
getaddrinfo(const char *name, const char *service,
	    const struct addrinfo *hints, struct addrinfo **out)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)out;
	return EAI_NONAME;
}

/* ---- what stands for ever ------------------------------------------------- */

static void
on_ends(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	mailbox_deliver(arg);
}

static const char *const files[] = {"catalogue.db", "run", "catalogue.db-wal",
				    "catalogue.db-shm", "run.new"};
#define FILES 5u
#define KEPT  2u /* of these there is one as a life begins with it */

static const char *
path_of(unsigned file, bool kept)
{
	static char path[2][128];

	snprintf(path[kept], sizeof(path[kept]), "%s/%s%s", dir, files[file],
		 kept ? ".kept" : "");
	return path[kept];
}

static void
remove_files(void)
{
	for (unsigned i = 0; i < FILES; i++)
		(void)unlink(path_of(i, false));
}

static void
remove_dir(void)
{
	remove_files();
	for (unsigned i = 0; i < KEPT; i++)
		(void)unlink(path_of(i, true));
	(void)rmdir(dir);
}

static void
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	fuzz_must(in != -1 && out != -1, "no copy of a file");
	while ((n = copy_file_range(in, NULL, out, NULL, 1u << 20, 0)) > 0)
		continue;
	fuzz_must(n == 0, "a copy of a file is cut short");
	close(in);
	close(out);
}

static void
make(void)
{
	uint8_t key[TLS_KEY_BYTES];
	struct trouble why;

	(void)signal(SIGPIPE, SIG_IGN); /* as main does */
	log_init(LOG_ERROR);
	strcpy(dir, access("/dev/shm", W_OK) == 0
			    ? "/dev/shm/photomesh-fuzz-XXXXXX"
			    : "/tmp/photomesh-fuzz-XXXXXX");
	fuzz_must(mkdtemp(dir) != NULL, "no scratch directory");
	(void)atexit(remove_dir);
	base = event_base_new();
	ends = mailbox_new(&why);
	event_add(event_new(base, mailbox_fd(ends), EV_READ | EV_PERSIST,
			    on_ends, ends), NULL);
	memset(key, 7, sizeof(key));
	own_tls = tls_new(key, &why);
	right = tls_new(key, &why);
	memset(key, 8, sizeof(key));
	wrong = tls_new(key, &why);
	fuzz_must(own_tls != NULL && right != NULL && wrong != NULL, "no TLS");
	for (unsigned n = 0; n < WORLD_PEERS; n++)
		person_make(&people[n], n);
}

/* ---- one life ---------------------------------------------------------------- */

static void
on_channel(void *arg, SSL *ssl, int fd, const struct node_id *node,
	   uint32_t request)
{
	(void)arg;
	(void)node;
	(void)request;
	SSL_free(ssl);
	close(fd);
}

static void
on_client(void *arg, struct bufferevent *bev, SSL *ssl, int fd)
{
	(void)arg;
	bufferevent_free(bev);
	SSL_free(ssl);
	close(fd);
}

static int
listen_somewhere(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fuzz_must(fd != -1 && bind(fd, (struct sockaddr *)&a, bytes) == 0 &&
		   listen(fd, 64) == 0 &&
		   getsockname(fd, (struct sockaddr *)&a, &bytes) == 0,
		   "no listener");
	port = ntohs(a.sin_port);
	return fd;
}

static void
own_files(struct writer *w)
{
	struct own_file f = {.path = "a.jpg", .path_bytes = 5,
			     .verdict = OWN_COPY, .size = 9, .inode = 1};
	struct own_batch batch = {.files = &f, .file_count = 1};
	struct write_result result;
	struct trouble why;

	f.copy.photo.size = 9;
	strcpy(f.copy.type, "image/jpeg");
	fuzz_must(writer_own(w, &batch, 1, &result, &why) == 0, "no rows");
}

static void
open_catalogue(void)
{
	struct writer_config w = {.run = 5, .wall_ms = 1000000, .dir = dir};
	enum writer_found found;
	struct trouble why = {0};

	w.self = people[0].node;
	catalogue = catalogue_open(&w, ends, &found, &why);
	fuzz_must(catalogue != NULL, why.text);
}

/* To make the tables took a third of a life. */
static void
begin_files(void)
{
	static bool kept;

	remove_files();
	if (!kept) {
		open_catalogue();
		own_files(catalogue_writer(catalogue));
		catalogue_close(catalogue);
		mailbox_deliver(ends);
	}
	for (unsigned i = 0; i < KEPT; i++)
		copy_file(path_of(i, kept), path_of(i, !kept));
	kept = true;
}

void
world_begin(void)
{
	struct driver_config c = {.listener_count = 1,
				  .on_channel = on_channel,
				  .on_client = on_client};
	struct trouble why = {0};

	if (base == NULL)
		make();
	begin_files();
	open_catalogue();
	c.listeners[0] = listen_somewhere();
	c.base = base;
	c.ends = ends;
	c.tls = own_tls;
	c.state = &people[0];
	c.catalogue = catalogue;
	c.mesh = (struct mesh_config){.self = people[0].node, .run = 5,
				      .seed = 3, .name = "self",
				      .software = "fuzz", .port = port,
				      .base_port = port};
	driver = driver_new(&c, &why);
	fuzz_must(driver != NULL, why.text);
}

void
world_end(void)
{
	shell_check_mesh(driver_mesh(driver));
	driver_stop(driver);
	catalogue_close(catalogue);
	mailbox_deliver(ends);
	driver_free(driver);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	driver = NULL;
}

void
world_turn(void)
{
	/* What one turn brings about, the next ones bring to an end. */
	for (unsigned n = 0; n < 4; n++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	shell_check_mesh(driver_mesh(driver));
}

/* ---- peers ------------------------------------------------------------------- */

uint16_t
world_port(void)
{
	return port;
}

void
world_own(struct stream_id *out)
{
	struct node_view v;

	mesh_node_view(driver_mesh(driver), 0, 0, &v);
	*out = v.held.stream;
}

int
world_dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1 &&
	    errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

SSL *
world_shake(int fd, bool right_key)
{
	SSL *ssl = tls_session(right_key ? right : wrong, true);

	fuzz_must(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "no session");
	SSL_set_connect_state(ssl);
	for (unsigned n = 0; n < 200; n++) {
		int r;

		ERR_clear_error(); /* the driver's are on this thread, too */
		r = SSL_do_handshake(ssl);

		if (r == 1)
			return ssl;
		r = SSL_get_error(ssl, r);
		if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
			break;
		world_turn();
	}
	SSL_free(ssl);
	return NULL;
}

void
world_sign(unsigned who, const uint8_t *bytes, size_t count,
	   uint8_t key[PUBLIC_KEY_BYTES], uint8_t signature[64])
{
	const struct state *s = &people[who % WORLD_PEERS];

	memcpy(key, s->public_key, PUBLIC_KEY_BYTES);
	fuzz_must(state_sign(s, bytes, count, signature) == 0, "no signature");
}

void
world_node(unsigned who, struct node_id *out)
{
	*out = people[who % WORLD_PEERS].node;
}

/* ---- from this side ---------------------------------------------------------- */

void
world_forget(const struct node_id *node)
{
	driver_forget(driver, node);
}

static void
on_verified(void *arg, const struct node_id *at,
	    const struct message_verified *v)
{
	(void)arg;
	(void)at;
	(void)v;
}

static void
on_verify_done(void *arg, const struct node_id *silent, uint32_t count)
{
	(void)arg;
	(void)silent;
	(void)count;
}

void
world_verify(void)
{
	driver_verify(driver, 20, on_verified, on_verify_done, NULL);
}

struct delivery {
	struct own_delivery d;
	struct own_file file;
	char path[16];
};

static void
on_release(struct own_delivery *d)
{
	free(d);
}

void
world_own_change(unsigned n)
{
	struct delivery *d = calloc(1, sizeof(*d));

	fuzz_must(d != NULL, "out of memory");
	snprintf(d->path, sizeof(d->path), "%u.jpg", n % 8);
	d->file = (struct own_file){.path = d->path,
				    .path_bytes = strlen(d->path),
				    .verdict = n % 3 ? OWN_COPY : OWN_GONE,
				    .size = n, .inode = n + 2};
	d->file.copy.photo.size = n;
	strcpy(d->file.copy.type, "image/jpeg");
	d->d.batch.files = &d->file;
	d->d.batch.file_count = 1;
	d->d.release = on_release;
	d->d.written = driver_own_written;
	d->d.arg = driver;
	catalogue_own(catalogue, &d->d);
}
