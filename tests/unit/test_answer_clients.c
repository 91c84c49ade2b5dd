/*
 * Proves the client's side of the daemon on a real socket with a real
 * catalogue: greeting, every question, refusals, stale sockets, watchers that
 * do not read, clients that leave early.  The driver and the intake are
 * stand-ins.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "catalogue.h"
#include "clients.h"
#include "clock.h"
#include "fetching.h"
#include "frame.h"
#include "intake.h"
#include "mailbox.h"
#include "question.h"
#include "trouble.h"

#define IN_MAX (FRAME_HEADER_BYTES + (size_t)ANSWER_BODY_BYTES_MAX)

/* ---- stand-ins --------------------------------------------------------- */

static struct mesh *mesh;
static struct scan_progress progress;

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

/* It vanishes at once, or stays. */
static struct node_id forgotten;

void
driver_forget(struct driver *d, const struct node_id *node)
{
	(void)d;
	forgotten = *node;
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
	(void)w;
	fail();
}

void
fetch_world_drop(struct fetch_world *w)
{
	assert_null(w);
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
	fail();
	return NULL;
}

void
fetch_look(struct fetch *f, struct fetch_seen *out)
{
	(void)f;
	(void)out;
	fail();
}

void
fetch_retry(struct fetch *f, struct fetch_world *world)
{
	(void)f;
	(void)world;
	fail();
}

void
fetch_free(struct fetch *f)
{
	(void)f;
	fail();
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
	fail();
	return false;
}

/* ---- the world --------------------------------------------------------- */

static char dir[64];
static struct event_base *base;
static struct event *ends_event;
static struct mailbox *ends;
static struct catalogue *catalogue;
static struct clients *clients;
static struct question_decoder *decoder;
static unsigned left;
static uint8_t in[IN_MAX];

static void
on_leave(void *arg)
{
	++*(unsigned *)arg;
}

static struct clients_config
config(uint16_t port)
{
	return (struct clients_config){.on_leave = on_leave,
				       .arg = &left,
				       .base = base,
				       .runtime_dir = dir,
				       .port = port,
				       .catalogue = catalogue,
				       .intake = (struct intake *)dir};
}

static void
on_ends(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	mailbox_deliver(arg);
}

static void
pump(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Photos 0 .. 4, in folder 2023, and two files that are none. */
static void
add_photos(void)
{
	struct own_file files[7];
	char paths[7][32];
	struct own_batch batch = {.files = files, .file_count = 7};
	struct write_result result;
	struct trouble why;

	memset(files, 0, sizeof(files));
	batch.has_root = true;
	memset(batch.root_id.bytes, 7, ROOT_ID_BYTES);
	strcpy(batch.root.label, "photos");
	batch.root.online = batch.root.complete = true;
	for (unsigned i = 0; i < 5; i++) {
		struct own_file *f = &files[i];

		snprintf(paths[i], sizeof(paths[i]), "2023/p%u.jpg", i);
		f->root = batch.root_id;
		f->path = paths[i];
		f->path_bytes = strlen(paths[i]);
		f->verdict = OWN_COPY;
		f->size = 100 + i;
		f->inode = i + 1;
		f->copy.photo.hash[0] = i < 2 ? 0xaa : (uint8_t)i;
		f->copy.photo.hash[15] = (uint8_t)i;
		f->copy.photo.size = 100 + i;
		f->copy.mtime_ns = (int64_t)i * 1000000000;
		f->copy.file[0] = (uint8_t)i;
		strcpy(f->copy.type, "image/jpeg");
	}
	for (unsigned i = 5; i < 7; i++) {
		struct own_file *f = &files[i];

		snprintf(paths[i], sizeof(paths[i]), "2023/x%u.jpg", i);
		f->root = batch.root_id;
		f->path = paths[i];
		f->path_bytes = strlen(paths[i]);
		f->verdict = OWN_PROBLEM;
		f->inode = i + 1;
		f->problem.code = PROBLEM_NOT_MEDIA;
		strcpy(f->problem.message, "no");
	}
	assert_int_equal(writer_own(catalogue_writer(catalogue), &batch, 1000,
				    &result, &why),
			 0);
}

static int
set_up(void **state)
{
	struct mesh_config m = {.run = 1, .port = 5000, .base_port = 5000,
				.port_count = 64, .name = "alice"};
	struct writer_config w = {.run = 1, .wall_ms = 1000};
	struct clients_config c;
	enum writer_found found;
	struct trouble why;

	(void)state;
	strcpy(dir, "/tmp/pm-clients-XXXXXX");
	assert_non_null(mkdtemp(dir));
	memset(&m.self, 0x5a, sizeof(m.self));
	memset(&progress, 0, sizeof(progress));
	mesh = malloc(mesh_bytes());
	mesh_init(mesh, &m);
	base = event_base_new();
	ends = mailbox_new(&why);
	ends_event = event_new(base, mailbox_fd(ends), EV_READ | EV_PERSIST,
			       on_ends, ends);
	event_add(ends_event, NULL);
	w.dir = dir;
	w.self = m.self;
	catalogue = catalogue_open(&w, ends, &found, &why);
	assert_non_null(catalogue);
	add_photos();
	c = config(5000);
	clients = clients_new(&c, &why);
	assert_non_null(clients);
	decoder = question_decoder_new();
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	clients_free(clients);
	catalogue_close(catalogue);
	event_free(ends_event);
	mailbox_free(ends);
	event_base_free(base);
	question_decoder_free(decoder);
	free(mesh);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- a client ---------------------------------------------------------- */

static int
dial(uint16_t port)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%.60s/%u.sock", dir, port);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void
say(int fd, const struct question *q)
{
	uint8_t out[8192];
	size_t n = question_encode(q, out, sizeof(out));

	assert_true(n > 0);
	assert_int_equal(write(fd, out, n), n);
}

static void
say_empty(int fd, uint32_t type, uint32_t request)
{
	struct question q = {.type = type, .request = request};

	say(fd, &q);
}

/* So many bytes, or false at the end of the connection. */
static bool
take(int fd, uint8_t *out, size_t count)
{
	uint64_t until = clock_steady_ms() + 10000;

	while (count > 0) {
		ssize_t n = read(fd, out, count);

		if (n == 0 || (n == -1 && errno == ECONNRESET))
			return false;
		if (n > 0) {
			out += n;
			count -= (size_t)n;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		assert_true(clock_steady_ms() < until);
		pump();
		usleep(200);
	}
	return true;
}

/* The next frame; false at the end. */
static bool
hear(int fd, struct question *q)
{
	const char *why = "";
	struct frame f;

	if (!take(fd, in, FRAME_HEADER_BYTES))
		return false;
	assert_int_equal(frame_peek(in, FRAME_HEADER_BYTES,
				    ANSWER_BODY_BYTES_MAX, &f),
			 FRAME_PARTIAL);
	assert_true(take(fd, in + FRAME_HEADER_BYTES,
			 f.want_bytes - FRAME_HEADER_BYTES));
	if (question_decode(decoder, in + FRAME_HEADER_BYTES,
			    f.want_bytes - FRAME_HEADER_BYTES, q,
			    &why) != MESSAGE_OK)
		fail_msg("%s", why);
	return true;
}

static void
hear_type(int fd, uint32_t type, uint32_t request, struct question *q)
{
	assert_true(hear(fd, q));
	if (q->type != type)
		fail_msg("type %u: %s", q->type,
			 q->type == MESSAGE_ERROR ? q->u.error.text : "");
	assert_int_equal(q->request, request);
}

static void
hear_error(int fd, uint32_t code, uint32_t request)
{
	struct question q;

	hear_type(fd, MESSAGE_ERROR, request, &q);
	assert_int_equal(q.u.error.code, code);
}

static int
greeted(void)
{
	struct question q = {.type = CLIENT_HELLO, .request = 1};
	int fd = dial(5000);

	q.u.hello.version_min = q.u.hello.version_max = 1;
	say(fd, &q);
	hear_type(fd, CLIENT_WELCOME, 1, &q);
	assert_string_equal(q.u.welcome.name, "alice");
	assert_int_equal(q.u.welcome.port, 5000);
	return fd;
}

/* ---- what is proved ---------------------------------------------------- */

static void
greeting(void **state)
{
	struct question q = {.type = CLIENT_HELLO, .request = 4};
	int fd = dial(5000);

	(void)state;
	say_empty(fd, CLIENT_STATUS, 9);
	hear_error(fd, ERROR_USAGE, 9);
	assert_false(hear(fd, &q));
	close(fd);
	fd = dial(5000);
	q = (struct question){.type = CLIENT_HELLO, .request = 4};
	q.u.hello.version_min = q.u.hello.version_max = 77;
	say(fd, &q);
	hear_error(fd, ERROR_VERSION, 4);
	assert_false(hear(fd, &q));
	close(fd);
	/* too long before the greeting, nonsense after it */
	fd = dial(5000);
	assert_int_equal(write(fd, "\0\0\4\1", 4), 4);
	hear_error(fd, ERROR_USAGE, 0);
	assert_false(hear(fd, &q));
	close(fd);
	fd = greeted();
	assert_int_equal(write(fd, "\0\0\0\1\xc1", 5), 5);
	hear_error(fd, ERROR_USAGE, 0);
	assert_false(hear(fd, &q));
	close(fd);
	/* an unknown type and an answer are no reason to hang up */
	fd = greeted();
	assert_int_equal(write(fd, "\0\0\0\4\x93\x7f\x05\x80", 8), 8);
	hear_error(fd, ERROR_UNKNOWN_TYPE, 5);
	say_empty(fd, CLIENT_DONE, 6);
	hear_error(fd, ERROR_UNKNOWN_TYPE, 6);
	say_empty(fd, CLIENT_STATUS, 7);
	hear_type(fd, CLIENT_STATUS_IS, 7, &q);
	close(fd);
}

static void
listing(void **state)
{
	struct question q = {.type = CLIENT_LIST, .request = 2}, a;
	unsigned seen = 0, pages = 0;
	int fd = greeted();

	(void)state;
	q.u.list.limit = 2;
	q.u.list.sort = 2;
	do {
		say(fd, &q);
		hear_type(fd, CLIENT_PHOTOS, 2, &a);
		for (uint32_t i = 0; i < a.u.photos.photo_count; i++) {
			const struct answer_photo *p = &a.u.photos.photos[i];

			assert_int_equal(p->id.size, 104 - seen);
			assert_int_equal(p->copy_count, 1);
			assert_true(p->rows[0].online);
			assert_memory_equal(p->rows[0].label, "photos", 6);
			seen++;
		}
		assert_int_equal(a.u.photos.node_count, 1);
		assert_true(a.u.photos.fresh.complete);
		q.u.list.after_bytes = a.u.photos.after_bytes;
		if (a.u.photos.after != NULL)
			memcpy(q.u.list.after, a.u.photos.after,
			       a.u.photos.after_bytes);
		pages++;
	} while (a.u.photos.after != NULL);
	assert_int_equal(seen, 5);
	assert_int_equal(pages, 3);
	/* somebody else's cursor, an unknown node, one's own, a text */
	q.u.list.after_bytes = 5;
	say(fd, &q);
	hear_error(fd, ERROR_USAGE, 2);
	q.u.list.after_bytes = 0;
	strcpy(q.u.list.node, "nobody");
	say(fd, &q);
	hear_error(fd, ERROR_NOT_FOUND, 2);
	strcpy(q.u.list.node, "alice");
	strcpy(q.u.list.text, "P3");
	say(fd, &q);
	hear_type(fd, CLIENT_PHOTOS, 2, &a);
	assert_int_equal(a.u.photos.photo_count, 1);
	close(fd);
}

/* One copy too many of photo 1: the only dupe. */
static void
dupes(void **state)
{
	struct question q = {.type = CLIENT_DUPES, .request = 2}, a;
	struct own_file f = {.path = "again.jpg", .path_bytes = 9,
			     .verdict = OWN_COPY, .size = 101, .inode = 50};
	struct own_batch batch = {.files = &f, .file_count = 1};
	struct write_result result;
	int fd = greeted();

	(void)state;
	q.u.dupes.limit = 10;
	say(fd, &q);
	hear_type(fd, CLIENT_PHOTOS, 2, &a);
	assert_int_equal(a.u.photos.photo_count, 0);
	assert_true(a.u.photos.has_wasted);
	assert_int_equal(a.u.photos.wasted_bytes, 0);
	memset(f.root.bytes, 7, ROOT_ID_BYTES);
	f.copy.photo = (struct photo_id){.size = 101};
	f.copy.photo.hash[0] = 0xaa;
	f.copy.photo.hash[15] = 1;
	f.copy.file[0] = 50;
	strcpy(f.copy.type, "image/jpeg");
	assert_int_equal(writer_own(catalogue_writer(catalogue), &batch, 1000,
				    &result, NULL),
			 0);
	say(fd, &q);
	hear_type(fd, CLIENT_PHOTOS, 2, &a);
	assert_int_equal(a.u.photos.photo_count, 1);
	assert_int_equal(a.u.photos.photos[0].copies, 2);
	assert_int_equal(a.u.photos.photos[0].copy_count, 2);
	assert_int_equal(a.u.photos.wasted_bytes, 101);
	assert_null(a.u.photos.after);
	/* the cursor of a list is none of this one */
	q = (struct question){.type = CLIENT_LIST, .request = 3};
	q.u.list.limit = 1;
	say(fd, &q);
	hear_type(fd, CLIENT_PHOTOS, 3, &a);
	assert_false(a.u.photos.has_wasted);
	q = (struct question){.type = CLIENT_DUPES, .request = 4};
	q.u.dupes.limit = 1;
	q.u.dupes.after_bytes = a.u.photos.after_bytes;
	memcpy(q.u.dupes.after, a.u.photos.after, a.u.photos.after_bytes);
	say(fd, &q);
	hear_error(fd, ERROR_USAGE, 4);
	close(fd);
}

static void
problems(void **state)
{
	struct question q = {.type = CLIENT_PROBLEMS, .request = 2}, a;
	unsigned seen = 0;
	int fd = greeted();

	(void)state;
	q.u.asked_problems.limit = 1;
	do {
		const struct answer_problem *p;

		say(fd, &q);
		hear_type(fd, CLIENT_PROBLEM_LIST, 2, &a);
		assert_int_equal(a.u.problems.count, 1);
		p = a.u.problems.problems;
		assert_string_equal(p->name, "alice");
		assert_string_equal(p->message, "no");
		assert_int_equal(p->code, PROBLEM_NOT_MEDIA);
		assert_memory_equal(p->label, "photos", 6);
		assert_memory_equal(p->path, seen == 0 ? "2023/x5.jpg"
						       : "2023/x6.jpg", 11);
		seen++;
		q.u.asked_problems.after_bytes = a.u.problems.after_bytes;
		if (a.u.problems.after != NULL)
			memcpy(q.u.asked_problems.after, a.u.problems.after,
			       a.u.problems.after_bytes);
	} while (a.u.problems.after != NULL);
	assert_int_equal(seen, 2);
	q.u.asked_problems.limit = LIST_PAGE_MAX;
	strcpy(q.u.asked_problems.node, "alice");
	say(fd, &q);
	hear_type(fd, CLIENT_PROBLEM_LIST, 2, &a);
	assert_int_equal(a.u.problems.count, 2);
	strcpy(q.u.asked_problems.node, "nobody");
	say(fd, &q);
	hear_error(fd, ERROR_NOT_FOUND, 2);
	q.u.asked_problems.node[0] = '\0';
	q.u.asked_problems.after_bytes = 5;
	say(fd, &q);
	hear_error(fd, ERROR_USAGE, 2);
	close(fd);
}

/* DONE is out before the daemon is told; from afar nothing happens. */
static void
leaving(void **state)
{
	struct bufferevent *bev;
	struct question q = {.type = CLIENT_HELLO, .request = 1}, a;
	int fd = greeted(), pair[2];

	(void)state;
	left = 0;
	say_empty(fd, CLIENT_LEAVE, 5);
	assert_int_equal(left, 0);
	hear_type(fd, CLIENT_DONE, 5, &a);
	for (unsigned i = 0; i < 5; i++)
		pump();
	assert_int_equal(left, 1);
	/* it is answered until the daemon has gone */
	say_empty(fd, CLIENT_STATUS, 7);
	hear_type(fd, CLIENT_STATUS_IS, 7, &a);
	close(fd);
	/* one that does not wait */
	fd = greeted();
	say_empty(fd, CLIENT_LEAVE, 5);
	close(fd);
	for (unsigned i = 0; i < 100 && left < 2; i++) {
		pump();
		usleep(200);
	}
	assert_int_equal(left, 2);
	/* not through the Unix socket */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    pair), 0);
	bev = bufferevent_socket_new(base, pair[1], BEV_OPT_CLOSE_ON_FREE);
	assert_non_null(bev);
	clients_adopt(clients, bev, NULL, -1);
	q.u.hello.version_min = q.u.hello.version_max = 1;
	say(pair[0], &q);
	hear_type(pair[0], CLIENT_WELCOME, 1, &a);
	say_empty(pair[0], CLIENT_LEAVE, 6);
	hear_error(pair[0], ERROR_REFUSED, 6);
	close(pair[0]);
	assert_int_equal(left, 2);
}

static const struct node_id absent = {{7}};

static void
remember_absent(void)
{
	struct mesh_memory n = {.node = absent, .name = "gone"};

	mesh_remember_node(mesh, &n);
}

/* As the driver does it. */
static void
forget_absent(void)
{
	static struct mesh_effects effects;
	struct mesh_input input = {.kind = MESH_START, .now_ms = 1000,
				.wall_ms = 1000};

	mesh_step(mesh, &input, &effects);
	input.kind = MESH_FORGET;
	input.u.forget = absent;
	mesh_step(mesh, &input, &effects);
	input.kind = MESH_FORGOT;
	input.u.ended = (struct stream_id){absent, 1};
	mesh_step(mesh, &input, &effects);
}

/* Only of those who are absent, and only from this machine. */
static void
forgetting(void **state)
{
	struct question q = {.type = CLIENT_FORGET, .request = 5}, a;
	struct bufferevent *bev;
	int fd = greeted(), pair[2];

	(void)state;
	remember_absent();
	strcpy(q.u.forget.node, "nobody");
	say(fd, &q);
	hear_error(fd, ERROR_NOT_FOUND, 5);
	strcpy(q.u.forget.node, "alice");
	q.u.forget.sure = true;
	say(fd, &q);
	hear_error(fd, ERROR_REFUSED, 5); /* the one asked */
	memset(&forgotten, 0, sizeof(forgotten));
	strcpy(q.u.forget.node, "gone");
	q.u.forget.sure = false;
	say(fd, &q);
	hear_type(fd, CLIENT_FORGET_IS, 5, &a);
	assert_string_equal(a.u.forgotten.node.name, "gone");
	assert_int_equal(a.u.forgotten.photos, 0);
	assert_true(node_id_is_zero(&forgotten));
	q.u.forget.sure = true;
	say(fd, &q);
	hear_type(fd, CLIENT_PROGRESS, 5, &a);
	assert_true(node_id_equal(&forgotten, &absent));
	forget_absent();
	do
		assert_true(hear(fd, &a));
	while (a.type == CLIENT_PROGRESS);
	assert_int_equal(a.type, CLIENT_DONE);
	close(fd);
	/* not through the Unix socket */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    pair), 0);
	bev = bufferevent_socket_new(base, pair[1], BEV_OPT_CLOSE_ON_FREE);
	assert_non_null(bev);
	clients_adopt(clients, bev, NULL, -1);
	a = (struct question){.type = CLIENT_HELLO, .request = 1};
	a.u.hello.version_min = a.u.hello.version_max = 1;
	say(pair[0], &a);
	hear_type(pair[0], CLIENT_WELCOME, 1, &a);
	say(pair[0], &q);
	hear_error(pair[0], ERROR_REFUSED, 5);
	close(pair[0]);
}

static void
questions(void **state)
{
	struct question q = {.type = CLIENT_SHOW, .request = 3}, a;
	int fd = greeted();

	(void)state;
	strcpy(q.u.show.id, "id:0300");
	say(fd, &q);
	hear_type(fd, CLIENT_PHOTOS, 3, &a);
	assert_int_equal(a.u.photos.photo_count, 1);
	assert_false(a.u.photos.ambiguous);
	strcpy(q.u.show.id, "AA00");
	say(fd, &q);
	hear_type(fd, CLIENT_PHOTOS, 3, &a);
	assert_int_equal(a.u.photos.photo_count, 2);
	assert_true(a.u.photos.ambiguous);
	strcpy(q.u.show.id, "ffff");
	say(fd, &q);
	hear_error(fd, ERROR_NOT_FOUND, 3);
	strcpy(q.u.show.id, "fff");
	say(fd, &q);
	hear_error(fd, ERROR_USAGE, 3);
	say_empty(fd, CLIENT_PEERS, 4);
	hear_type(fd, CLIENT_PEER_LIST, 4, &a);
	assert_int_equal(a.u.peers.count, 1);
	assert_true(a.u.peers.peers[0].self);
	assert_int_equal(a.u.peers.peers[0].photos, 5);
	say_empty(fd, CLIENT_STATUS, 5);
	hear_type(fd, CLIENT_STATUS_IS, 5, &a);
	assert_int_equal(a.u.status.photos, 5);
	assert_int_equal(a.u.status.unique_bytes, 510);
	say_empty(fd, CLIENT_VERIFY, 6);
	say_empty(fd, CLIENT_VERIFY, 7);
	hear_type(fd, CLIENT_TABLE, 6, &a);
	assert_int_equal(a.u.table.row_count, 1);
	assert_true(a.u.table.rows[0].equal && a.u.table.rows[0].at_head);
	assert_int_equal(a.u.table.merged[0].photos, 5);
	hear_type(fd, CLIENT_TABLE, 7, &a);
	close(fd);
}

static void
rescanning(void **state)
{
	struct question a;
	int fd = greeted();

	(void)state;
	progress.state = SCAN_RUNNING;
	progress.files = 3;
	say_empty(fd, CLIENT_RESCAN, 8);
	hear_type(fd, CLIENT_PROGRESS, 8, &a);
	assert_int_equal(a.u.progress.files, 3);
	progress.scan++;
	progress.state = SCAN_IDLE;
	do
		assert_true(hear(fd, &a));
	while (a.type == CLIENT_PROGRESS);
	assert_int_equal(a.type, CLIENT_DONE);
	assert_int_equal(a.request, 8);
	close(fd);
}

/* It is said what is so, and not that memory is short. */
static void
proving_where_nothing_is_fetched(void **state)
{
	struct question q = {.type = CLIENT_PROVE_HELD, .request = 6};
	int fd = greeted();

	(void)state;
	say(fd, &q);
	hear_type(fd, MESSAGE_ERROR, 6, &q);
	assert_int_equal(q.u.error.code, ERROR_BUSY);
	assert_string_equal(q.u.error.text, "nothing is fetched here");
	close(fd);
}

static void
watching_says_lagged(void **state)
{
	struct rank now = {5001, {{1}}, {{2}}}, was = {5000, {{1}}, {{3}}};
	static struct photo_news news[1000];
	struct question a;
	uint64_t seen = 0;
	int fd = greeted();

	(void)state;
	say_empty(fd, CLIENT_WATCH, 11);
	say_empty(fd, CLIENT_WATCH, 12);
	hear_error(fd, ERROR_BUSY, 12);
	clients_crown(clients, &now, &was);
	hear_type(fd, CLIENT_EVENT, 11, &a);
	assert_string_equal(a.u.event.event, "coordinator");
	assert_int_equal(a.u.event.port, 5001);
	assert_int_equal(a.u.event.was_port, 5000);
	clients_news(clients, NEWS_PEER_GONE, &was.node, NULL);
	hear_type(fd, CLIENT_EVENT, 11, &a);
	assert_string_equal(a.u.event.event, "peer-gone");
	clients_scan(clients, &progress);
	hear_type(fd, CLIENT_EVENT, 11, &a);
	assert_string_equal(a.u.event.event, "scan-done");
	/* nobody reads: photo events are counted, not queued without end */
	for (unsigned i = 0; i < 1000; i++) {
		news[i].added = true;
		strcpy(news[i].name, "a.jpg");
	}
	for (unsigned i = 0; i < 100; i++) {
		clients_photos(clients, news, 1000, false);
		pump();
	}
	clients_crown(clients, &was, &now);
	for (;;) {
		hear_type(fd, CLIENT_EVENT, 11, &a);
		if (strcmp(a.u.event.event, "lagged") == 0)
			seen += a.u.event.count;
		else if (strcmp(a.u.event.event, "photo-added") == 0)
			seen++;
		if (seen == 100 * 1000)
			break;
	}
	/* and one who never reads is hung up on in the end */
	for (unsigned i = 0; i < 200000; i++)
		clients_crown(clients, &was, &now);
	pump();
	while (hear(fd, &a))
		;
	close(fd);
}

static void
leaving_early(void **state)
{
	struct question q = {.type = CLIENT_LIST, .request = 2};
	int fds[300];

	(void)state;
	q.u.list.limit = 1000;
	for (unsigned i = 0; i < 50; i++) {
		int fd = greeted();

		say(fd, &q);
		say_empty(fd, CLIENT_VERIFY, 3);
		say_empty(fd, CLIENT_RESCAN, 4);
		say_empty(fd, CLIENT_WATCH, 5);
		if (i % 2 == 0)
			pump();
		close(fd);
	}
	/* more than there is room for: the longest silent one goes */
	for (unsigned i = 0; i < 300; i++)
		fds[i] = greeted();
	assert_false(hear(fds[0], &q));
	say_empty(fds[299], CLIENT_STATUS, 7);
	hear_type(fds[299], CLIENT_STATUS_IS, 7, &q);
	/* still open, with work under way, when the daemon ends */
	say_empty(fds[299], CLIENT_VERIFY, 8);
	pump();
	for (unsigned i = 0; i < 300; i++)
		close(fds[i]);
}

/* A burst of questions is answered whole, in spite of the ceiling. */
static void
many_at_once(void **state)
{
	struct question q = {.type = CLIENT_LIST}, a;
	bool seen[41] = {false};
	int fd = greeted();

	(void)state;
	q.u.list.limit = 1000;
	for (q.request = 1; q.request <= 40; q.request++)
		say(fd, &q);
	for (unsigned i = 0; i < 40; i++) {
		assert_true(hear(fd, &a));
		assert_int_equal(a.type, CLIENT_PHOTOS);
		assert_true(a.request <= 40 && !seen[a.request]);
		seen[a.request] = true;
	}
	close(fd);
}

/* Until there is something to read, while the loop thread does nothing. */
static void
await_bytes(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 10000), 1);
}

/* The thread that has made an answer sends it, whatever the loop thread does. */
static void
answered_without_the_loop(void **state)
{
	struct question q = {.type = CLIENT_LIST, .request = 2}, a;
	int fd = greeted();

	(void)state;
	event_del(ends_event); /* no letter is delivered */
	q.u.list.limit = 1000;
	say(fd, &q);
	pump();
	await_bytes(fd);
	hear_type(fd, CLIENT_PHOTOS, 2, &a);
	assert_int_equal(a.u.photos.photo_count, 5);
	event_add(ends_event, NULL);
	/* what the loop thread says itself finds its way, too */
	say_empty(fd, CLIENT_WATCH, 3);
	say_empty(fd, CLIENT_WATCH, 4);
	hear_error(fd, ERROR_BUSY, 4);
	say_empty(fd, CLIENT_STATUS, 5);
	hear_type(fd, CLIENT_STATUS_IS, 5, &a);
	close(fd);
}

/* Sixteen are answered before the loop thread hears of the first.  False: not
 * this time, for one thread had not let go of the outlet when the next came. */
static bool
ahead_of_the_loop(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct question a;

	for (uint32_t i = 0; i < 16; i++) {
		say_empty(fd, CLIENT_STATUS, i);
		pump();
		if (poll(&p, 1, 2000) != 1) {
			mailbox_deliver(ends);
			hear_type(fd, CLIENT_STATUS_IS, i, &a);
			return false;
		}
		hear_type(fd, CLIENT_STATUS_IS, i, &a);
	}
	return true;
}

/* Who has read all answers may ask as much again, though the loop thread has
 * not heard of them. */
static void
as_many_again(void **state)
{
	unsigned tries = 0;
	struct question a;
	int fd = greeted();

	(void)state;
	event_del(ends_event);
	while (!ahead_of_the_loop(fd))
		assert_true(++tries < 20);
	for (uint32_t i = 0; i < 16; i++)
		say_empty(fd, CLIENT_STATUS, 100 + i);
	pump();
	event_add(ends_event, NULL);
	for (unsigned i = 0; i < 16; i++) {
		assert_true(hear(fd, &a));
		assert_int_equal(a.type, CLIENT_STATUS_IS);
	}
	close(fd);
}

/* So many photos that no socket takes a page of them at once. */
#define LARGE_COUNT 1000u

static void
add_large(void)
{
	static struct own_file files[LARGE_COUNT];
	static char paths[LARGE_COUNT][800];
	struct own_batch batch = {.files = files, .file_count = LARGE_COUNT};
	struct write_result result;

	memset(files, 0, sizeof(files));
	for (unsigned i = 0; i < LARGE_COUNT; i++) {
		struct own_file *f = &files[i];

		memset(paths[i], 'd', sizeof(paths[i]));
		paths[i][200] = paths[i][400] = paths[i][600] = '/';
		snprintf(paths[i] + 700, 20, "/%u.jpg", i);
		memset(f->root.bytes, 7, ROOT_ID_BYTES);
		f->path = paths[i];
		f->path_bytes = strlen(paths[i]);
		f->verdict = OWN_COPY;
		f->size = 1000 + i;
		f->inode = 100 + i;
		f->copy.photo.hash[0] = 0xbb;
		f->copy.photo.hash[14] = (uint8_t)(i >> 8);
		f->copy.photo.hash[15] = (uint8_t)i;
		f->copy.photo.size = 1000 + i;
		f->copy.mtime_ns = (int64_t)i * 1000000000;
		f->copy.file[0] = 100;
		f->copy.file[1] = (uint8_t)(i >> 8);
		f->copy.file[2] = (uint8_t)i;
		strcpy(f->copy.type, "image/jpeg");
	}
	assert_int_equal(writer_own(catalogue_writer(catalogue), &batch, 1000,
				    &result, NULL),
			 0);
}

static void
say_large(int fd, uint32_t request)
{
	struct question q = {.type = CLIENT_LIST, .request = request};

	q.u.list.limit = LARGE_COUNT;
	say(fd, &q);
}

static void
hear_large(int fd, uint32_t request)
{
	struct question a;

	hear_type(fd, CLIENT_PHOTOS, request, &a);
	assert_int_equal(a.u.photos.photo_count, LARGE_COUNT);
}

/* While half of an answer is out, the loop thread has something to say. */
static void
events_between_halves(void **state)
{
	struct rank now = {5001, {{1}}, {{2}}}, was = {5000, {{1}}, {{3}}};
	struct question a;
	int fd = greeted();

	(void)state;
	add_large();
	say_empty(fd, CLIENT_WATCH, 11);
	for (uint32_t round = 0; round < 4; round++) {
		say_large(fd, round);
		pump();
		await_bytes(fd);
		clients_crown(clients, &now, &was);
		say_empty(fd, CLIENT_WATCH, 100 + round); /* refused */
		pump();
		clients_crown(clients, &was, &now);
		hear_large(fd, round);
		hear_type(fd, CLIENT_EVENT, 11, &a);
		assert_int_equal(a.u.event.port, 5001);
		do
			assert_true(hear(fd, &a));
		while (a.type == MESSAGE_ERROR);
		assert_int_equal(a.type, CLIENT_EVENT);
		assert_int_equal(a.u.event.port, 5000);
	}
	close(fd);
}

/* Questions as fast as may be, events in between, and one who reads little at
 * a time: each is heard whole, and once. */
static void
much_at_once(void **state)
{
	struct rank now = {5001, {{1}}, {{2}}}, was = {5000, {{1}}, {{3}}};
	struct question q = {.type = CLIENT_LIST}, a;
	unsigned events = 0, large = 0, small = 0;
	int fd = greeted();

	(void)state;
	add_large();
	q.u.list.limit = 1;
	say_empty(fd, CLIENT_WATCH, 1);
	pump();
	for (uint32_t i = 0; i < 10; i++) {
		say_large(fd, 100 + i);
		for (q.request = 200; q.request < 204; q.request++)
			say(fd, &q);
		clients_crown(clients, &now, &was);
		pump();
		clients_crown(clients, &was, &now);
	}
	while (events < 20 || large < 10 || small < 40) {
		assert_true(hear(fd, &a));
		if (a.type == CLIENT_EVENT)
			assert_int_equal(a.u.event.port,
					 events++ % 2 == 0 ? 5001 : 5000);
		else if (a.request >= 200)
			small += a.type == CLIENT_PHOTOS &&
				 a.u.photos.photo_count == 1;
		else
			large += a.type == CLIENT_PHOTOS &&
				 a.u.photos.photo_count == LARGE_COUNT;
	}
	assert_int_equal(events + large + small, 70);
	close(fd);
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* With answers that are made, half out, or not begun: nothing is kept of them,
 * and whoever comes next is told nothing of theirs. */
static void
gone_meanwhile(void **state)
{
	unsigned before = descriptors();
	struct question a;
	uint64_t until;
	int fd;

	(void)state;
	add_large();
	for (unsigned i = 0; i < 60; i++) {
		fd = greeted();
		for (uint32_t n = 0; n < i % 7; n++)
			say_large(fd, n);
		if (i % 3 == 0)
			pump();
		if (i % 21 == 6)
			await_bytes(fd);
		close(fd);
		fd = greeted();
		say_empty(fd, CLIENT_STATUS, 7);
		hear_type(fd, CLIENT_STATUS_IS, 7, &a);
		close(fd);
	}
	until = clock_steady_ms() + 10000;
	while (descriptors() > before && clock_steady_ms() < until) {
		pump();
		usleep(200);
	}
	assert_int_equal(descriptors(), before);
	/* one does not read, and the daemon ends */
	fd = greeted();
	say_large(fd, 1);
	pump();
	clients_free(clients);
	clients = NULL;
	while (take(fd, in, 1))
		;
	close(fd);
}

static void
the_socket(void **state)
{
	struct clients_config c = config(5000);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct trouble why = {0};
	struct clients *second;
	char deep[200], path[96];
	struct stat st;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/5000.sock", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* taken */
	assert_null(clients_new(&c, &why));
	assert_int_equal(why.code, EADDRINUSE);
	assert_int_equal(stat(path, &st), 0);
	/* stale */
	snprintf(at.sun_path, sizeof(at.sun_path), "%.60s/5001.sock", dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	c.port = 5001;
	second = clients_new(&c, &why);
	assert_non_null(second);
	close(dial(5001));
	clients_free(second);
	assert_int_equal(stat(at.sun_path, &st), -1);
	/* no socket */
	fd = open(at.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_null(clients_new(&c, &why));
	assert_int_equal(stat(at.sun_path, &st), 0);
	/* too long */
	memset(deep, 'd', sizeof(deep) - 1);
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	c.runtime_dir = deep;
	assert_null(clients_new(&c, &why));
	assert_int_equal(why.code, ENAMETOOLONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(greeting),      TEST(listing),	  TEST(forgetting), TEST(questions),
		TEST(rescanning),    TEST(watching_says_lagged), TEST(leaving_early),
		TEST(dupes),         TEST(problems),	  TEST(leaving),
		TEST(many_at_once),  TEST(the_socket),
		TEST(proving_where_nothing_is_fetched),
		TEST(answered_without_the_loop), TEST(as_many_again),
		TEST(events_between_halves), TEST(much_at_once),
		TEST(gone_meanwhile),
	};

	signal(SIGPIPE, SIG_IGN); /* as photod does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
