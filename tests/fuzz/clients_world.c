/*
 * clients_world.c: see clients_world.h.
 */
#include "clients_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "catalogue.h"
#include "clients_private.h"
#include "fetching.h"
#include "intake.h"
#include "mailbox.h"
#include "state.h"
#include "trouble.h"

#define PHOTOS 5u
/* A question may wait for what never comes: a scan. */
#define SETTLE_MAX 20u
#define PORT   5000u

static char dir[64];
static struct mesh *mesh;
static struct scan_progress progress;
static struct event_base *base;
static struct mailbox *ends;
static struct catalogue *catalogue;
static struct clients *clients;
static struct state state;

/* ---- stand-ins ---------------------------------------------------------- */

const struct mesh *
driver_mesh(const struct driver *d)
{
	(void)d;
	return mesh;
}

void
driver_verify(struct driver *d, uint32_t timeout_ms,
	      void (*each)(void *arg, const struct node_id *at,
			   const struct message_verified *v),
	      void (*done)(void *arg, const struct node_id *silent,
			   uint32_t silent_count),
	      void *arg)
{
	(void)d;
	(void)timeout_ms;
	(void)each;
	done(arg, NULL, 0);
}

void
driver_forget(struct driver *d, const struct node_id *node)
{
	(void)d;
	(void)node;
}

uint64_t
intake_rescan(struct intake *i, bool accept_missing)
{
	(void)i;
	(void)accept_missing;
	return progress.scan + 1;
}

void
intake_progress(struct intake *i, struct scan_progress *out)
{
	(void)i;
	*out = progress;
}

/* Nothing is fetched here: clients_config.fetching is NULL. */
struct fetch_world *
fetch_world_new(uint32_t count)
{
	return calloc(1, sizeof(struct fetch_world) +
				 count * sizeof(struct fetch_peer));
}

void
fetch_world_hold(struct fetch_world *w)
{
	fuzz_must(w == NULL, "a world is held");
}

void
fetch_world_drop(struct fetch_world *w)
{
	free(w);
}

struct fetch *
fetching_get(struct fetching *f, const struct question_get *what, int fd,
	     struct fetch_world *world, void (*ended)(void *, struct fetch *),
	     void *arg)
{
	(void)f;
	(void)what;
	(void)fd;
	(void)world;
	(void)ended;
	(void)arg;
	fuzz_must(false, "something is fetched");
	return NULL;
}

void
fetch_look(struct fetch *f, struct fetch_seen *out)
{
	(void)out;
	fuzz_must(f == NULL, "a fetch is looked at");
}

void
fetch_retry(struct fetch *f, struct fetch_world *world)
{
	(void)world;
	fuzz_must(f == NULL, "a fetch is tried again");
}

void
fetch_free(struct fetch *f)
{
	fuzz_must(f == NULL, "a fetch is freed");
}

bool
fetching_prove(struct fetching *f, const struct question_prove *what,
	       struct fetch_world *world,
	       void (*done)(void *, const struct fetch_world *,
			    const struct proof_of *, uint32_t),
	       void *arg)
{
	(void)f;
	(void)what;
	(void)world;
	(void)done;
	(void)arg;
	fuzz_must(false, "something is proved");
	return false;
}

/* ---- the world ---------------------------------------------------------- */

static void
on_leave(void *arg)
{
	(void)arg;
}

static void
on_ends(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	mailbox_deliver(arg);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
add_photos(void)
{
	struct own_file files[PHOTOS];
	char paths[PHOTOS][32];
	struct own_batch batch = {.files = files, .file_count = PHOTOS};
	struct write_result result;
	struct trouble why;

	memset(files, 0, sizeof(files));
	batch.has_root = true;
	memset(batch.root_id.bytes, 7, ROOT_ID_BYTES);
	strcpy(batch.root.label, "photos");
	batch.root.online = batch.root.complete = true;
	for (unsigned i = 0; i < PHOTOS; i++) {
		struct own_file *f = &files[i];

		snprintf(paths[i], sizeof(paths[i]), "2023/p%u.jpg", i);
		f->root = batch.root_id;
		f->path = paths[i];
		f->path_bytes = strlen(paths[i]);
		f->verdict = i < 4 ? OWN_COPY : OWN_PROBLEM;
		f->size = f->copy.photo.size = 100 + i / 2;
		f->inode = i + 1;
		f->copy.photo.hash[0] = 0xaa;
		f->copy.photo.hash[15] = (uint8_t)(i / 2);
		f->copy.mtime_ns = (int64_t)i * 1000000000;
		f->copy.file[0] = (uint8_t)i;
		strcpy(f->copy.type, "image/jpeg");
		f->problem.code = PROBLEM_NOT_MEDIA;
		strcpy(f->problem.message, "no");
	}
	fuzz_must(writer_own(catalogue_writer(catalogue), &batch, 1000,
			      &result, &why) == 0, "no photos");
}

static void
remove_dir(void)
{
	static const char *const names[] = {"catalogue.db", "catalogue.db-wal",
					    "catalogue.db-shm", "run",
					    "5000.sock"};
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void
make(void)
{
	struct mesh_config m = {.run = 1, .port = PORT, .base_port = PORT,
				.port_count = 64, .name = "alice"};
	struct writer_config w = {.run = 1, .wall_ms = 1000, .dir = dir};
	struct clients_config c = {.on_leave = on_leave, .runtime_dir = dir,
				   .port = PORT, .state = &state,
				   .intake = (struct intake *)dir};
	enum writer_found found;
	struct trouble why;

	(void)signal(SIGPIPE, SIG_IGN); /* as main does */
	strcpy(dir, "/tmp/photomesh-fuzz-XXXXXX");
	fuzz_must(mkdtemp(dir) != NULL, "no scratch directory");
	(void)atexit(remove_dir);
	memset(&m.self, 0x5a, sizeof(m.self));
	mesh = malloc(mesh_bytes());
	fuzz_must(mesh != NULL, "out of memory");
	mesh_init(mesh, &m);
	state.dir = dir;
	state.node = w.self = m.self;
	base = event_base_new();
	ends = mailbox_new(&why);
	event_add(event_new(base, mailbox_fd(ends), EV_READ | EV_PERSIST,
			    on_ends, ends), NULL);
	catalogue = catalogue_open(&w, ends, &found, &why);
	fuzz_must(catalogue != NULL, "no catalogue");
	add_photos();
	c.base = base;
	c.catalogue = catalogue;
	clients = clients_new(&c, &why);
	fuzz_must(clients != NULL, "no clients");
}

void
world_begin(void)
{
	if (mesh == NULL)
		make();
	memset(&progress, 0, sizeof(progress));
}

void
world_turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* What has to be done by other threads, but not for ever. */
static void
wait_a_little(void)
{
	static const struct timeval soon = {0, 1000};

	(void)event_base_once(base, -1, EV_TIMEOUT, on_time, NULL, &soon);
	(void)event_base_loop(base, EVLOOP_ONCE);
}

void
world_settle(void)
{
	for (unsigned n = 0; n < SETTLE_MAX; n++) {
		const struct client *c;
		uint32_t open = 0;

		wait_a_little();
		TAILQ_FOREACH(c, &clients->list, next)
			open += c->open;
		if (open == 0)
			break;
	}
	world_turn();
}

void
world_end(void)
{
	for (unsigned n = 0; clients->count > 0; n++) {
		fuzz_must(n < 50000, "somebody who has left is still here");
		wait_a_little();
	}
	fuzz_must(TAILQ_EMPTY(&clients->list) && clients->watchers == 0 &&
		   clients->remote_count == 0, "clients are counted wrong");
}

/* ---- who comes ---------------------------------------------------------- */

int
world_dial(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%.60s/%u.sock", dir, PORT);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) == -1) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

int
world_dial_far(void)
{
	struct bufferevent *bev;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds) == -1)
		return -1;
	bev = bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE);
	fuzz_must(bev != NULL, "out of memory");
	clients_adopt(clients, bev, NULL, -1);
	return fds[0];
}

void
world_news(unsigned what)
{
	struct photo_news news[2] = {{.added = true, .name = "new.jpg"},
				     {.name = "old.jpg"}};
	struct rank now = {.port = PORT}, was = {.port = PORT + 1};
	struct node_id node = {{(uint8_t)what}};

	switch (what % 4) {
	case 0:
		clients_photos(clients, news, 2, what & 16);
		return;
	case 1:
		memset(&now.node, 0x5a, sizeof(now.node));
		clients_crown(clients, &now, &was);
		return;
	case 2:
		clients_news(clients, (enum mesh_news)(what / 4 % 6), &node,
			     NULL);
		return;
	default:
		progress.scan += what / 4 % 2;
		progress.state = what & 32 ? SCAN_IDLE : SCAN_RUNNING;
		clients_scan(clients, &progress);
		return;
	}
}
