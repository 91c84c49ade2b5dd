#include "test_client_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"
#include "frame.h"
#include "question.h"
#include "verbs.h"

char data[65536], notes[8192];

static char dir[64];
static pid_t children[8];
static unsigned child_count;

/* ---- the daemon of paste ---------------------------------------------- */

static void
answer(int fd, struct question *q, uint32_t request)
{
	static uint8_t out[FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX];
	size_t n;

	q->request = request;
	n = question_encode(q, out, sizeof(out));
	if (n == 0 || send(fd, out, n, MSG_NOSIGNAL) != (ssize_t)n)
		_exit(3);
}

/* Seven photos in pages of at most `limit`, at most 3; the cursor counts. */
static void
answer_list(int fd, const struct question_list *l, uint32_t request,
	    uint16_t port, bool wasted)
{
	static uint8_t out[FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX];
	struct answer_node nodes[2] = {
		{.name = "alice", .port = port, .online = true},
		{.name = "b\033b", .last_seen_ms = 1}};
	struct answer_photos rest = {.node_count = 2,
				     .nodes = nodes,
				     .has_wasted = wasted,
				     .wasted_bytes = 8638};
	struct photos_writer w;
	uint8_t at = l->after_bytes > 0 ? l->after[0] : 0;
	uint32_t limit = l->limit < 3 ? l->limit : 3, sent = 0;
	size_t n;

	nodes[0].node.bytes[0] = 1;
	nodes[1].node.bytes[0] = 2;
	photos_writer_init(&w, out, sizeof(out));
	for (; at < 7 && sent < limit; at++, sent++) {
		struct answer_copy rows[2] = {
			{.node = 0,
			 .label = (const uint8_t *)"r",
			 .label_bytes = 1,
			 .path = (const uint8_t *)"d/\xff",
			 .path_bytes = 3,
			 .online = true},
			{.node = 1,
			 .label = (const uint8_t *)"r",
			 .label_bytes = 1,
			 .path = (const uint8_t *)"e",
			 .path_bytes = 1}};
		struct answer_photo p = {.type = "image/jpeg",
					 .name = (const uint8_t *)"n\tx",
					 .name_bytes = 3,
					 .copies = 2,
					 .copy_count = 2,
					 .rows = rows,
					 .added_ms = 1};

		p.id.hash[0] = at;
		p.id.size = 1234;
		if (!photos_writer_add(&w, &p))
			_exit(4);
	}
	if (at < 7) {
		rest.after = &at;
		rest.after_bytes = 1;
	}
	rest.fresh.scanning = true;
	rest.fresh.oldest_age_ms = 5000;
	n = photos_writer_end(&w, request, &rest);
	if (n == 0 || send(fd, out, n, MSG_NOSIGNAL) != (ssize_t)n)
		_exit(5);
}

/* Three problems, one a page; the cursor is as long as it may be. */
static void
answer_problems(int fd, const struct question_problems *l, uint32_t request)
{
	static uint8_t after[PROBLEM_CURSOR_BYTES_MAX];
	struct answer_problem row = {.name = "b\033b",
				     .label = (const uint8_t *)"r",
				     .label_bytes = 1,
				     .path = (const uint8_t *)"d/\xff\n",
				     .path_bytes = 4,
				     .code = 2,
				     .message = "no\033picture"};
	struct question a = {.type = CLIENT_PROBLEM_LIST};

	after[0] = l->after_bytes > 0 ? l->after[0] + 1 : 1;
	row.code = after[0] == 3 ? 77 : after[0];
	a.u.problems.count = 1;
	a.u.problems.problems = &row;
	if (after[0] < 3) {
		a.u.problems.after = after;
		a.u.problems.after_bytes = sizeof(after);
	}
	answer(fd, &a, request);
}

/* Is it for what comes behind the first page? */
static bool
goes_on(const struct question *q)
{
	return (q->type == CLIENT_LIST && q->u.list.after_bytes > 0) ||
	       (q->type == CLIENT_DUPES && q->u.dupes.after_bytes > 0) ||
	       (q->type == CLIENT_PROBLEMS &&
		q->u.asked_problems.after_bytes > 0);
}

/* No page behind the first, each in its way. */
static void
not_go_on(int fd, enum manner manner, const struct question *q)
{
	struct question a = {.type = MESSAGE_ERROR};

	if (manner == DIES_LATE)
		_exit(0);
	if (manner == FALLS_SILENT)
		pause();
	a.u.error.code = ERROR_USAGE;
	strcpy(a.u.error.text, "this is no cursor");
	answer(fd, &a, q->request);
}

static void
reply(int fd, enum manner manner, uint16_t port, const struct question *q)
{
	struct question a = {0};

	if (q->type == CLIENT_HELLO && manner == NONSENSE) {
		send(fd, "\0\0\0\1\xc1", 5, MSG_NOSIGNAL);
	} else if (q->type == CLIENT_HELLO) {
		a.type = CLIENT_WELCOME;
		a.u.welcome.version = manner == NEWER ? 9 : 1;
		a.u.welcome.port = port;
		strcpy(a.u.welcome.name, "alice");
		strcpy(a.u.welcome.software, "paste");
		answer(fd, &a, q->request);
	} else if (manner == WELCOME_ONLY) {
		return;
	} else if (manner >= DIES_LATE && goes_on(q)) {
		not_go_on(fd, manner, q);
	} else if (q->type == CLIENT_LIST) {
		answer_list(fd, &q->u.list, q->request, port, false);
	} else if (q->type == CLIENT_DUPES) {
		struct question_list l = {.limit = q->u.dupes.limit};

		l.after[0] = q->u.dupes.after[0];
		l.after_bytes = q->u.dupes.after_bytes;
		answer_list(fd, &l, q->request, port, true);
	} else if (q->type == CLIENT_PROBLEMS) {
		answer_problems(fd, &q->u.asked_problems, q->request);
	} else if (q->type == CLIENT_LEAVE) {
		a.type = CLIENT_DONE;
		answer(fd, &a, q->request);
		if (manner != STAYS)
			_exit(0);
	} else if (q->type == CLIENT_WATCH) {
		a.type = CLIENT_EVENT;
		strcpy(a.u.event.event, "synced");
		a.u.event.has_node = true;
		a.u.event.node.bytes[0] = 1;
		strcpy(a.u.event.name, "alice");
		a.u.event.port = port;
		a.u.event.at_ms = 1;
		answer(fd, &a, q->request);
		_exit(0);
	} else {
		a.type = MESSAGE_ERROR;
		a.u.error.code = ERROR_NOT_FOUND;
		strcpy(a.u.error.text, "no such photo");
		answer(fd, &a, q->request);
	}
}

static void
serve(int fd, enum manner manner, uint16_t port)
{
	struct question_decoder *d = question_decoder_new();
	static uint8_t in[65536];
	size_t used = 0;
	ssize_t n;

	if (manner == MUTE)
		pause();
	while ((n = recv(fd, in + used, sizeof(in) - used, 0)) > 0) {
		struct frame f;
		struct question q;

		used += (size_t)n;
		while (frame_peek(in, used, CLIENT_BODY_BYTES_MAX, &f) ==
		       FRAME_READY) {
			if (question_decode(d, f.body, f.body_bytes, &q,
					    NULL) != MESSAGE_OK)
				_exit(6);
			if (manner == DIES && q.type != CLIENT_HELLO &&
			    q.type != CLIENT_WATCH)
				_exit(0);
			reply(fd, manner, port, &q);
			used -= f.want_bytes;
			memmove(in, in + f.want_bytes, used);
		}
	}
	question_decoder_free(d);
}

int
listen_on(uint16_t port)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/photomesh/%u.sock", dir,
		 port);
	unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

void
start(uint16_t port, enum manner manner)
{
	int fd = listen_on(port);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int client;

		alarm(30);
		while ((client = accept(fd, NULL, NULL)) >= 0) {
			serve(client, manner, port);
			close(client);
		}
		_exit(0);
	}
	close(fd);
	children[child_count++] = pid;
}

int
setup(void **state)
{
	char path[128];

	(void)state;
	strcpy(dir, "/tmp/client-call-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/photomesh", dir);
	child_count = 0;
	setenv("PHOTOMESH_RUNTIME", dir, 1);
	return mkdir(path, 0700);
}

void
stop_all(void)
{
	for (unsigned i = 0; i < child_count; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	child_count = 0;
}

int
teardown(void **state)
{
	char path[128];

	(void)state;
	stop_all();
	for (unsigned port = 24010; port < 24020; port++) {
		snprintf(path, sizeof(path), "%s/photomesh/%u.sock", dir, port);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/photomesh", dir);
	rmdir(path);
	return rmdir(dir);
}

/* ---- running a command ------------------------------------------------ */

/* The exit code; what it printed is in data and notes. */
int
photo(const struct verb *v, struct options *p, enum output_form form)
{
	FILE *d, *n;
	struct output o;
	struct failure why = {ENDING_DONE, ""};
	int code = 0;

	memset(data, 0, sizeof(data));
	memset(notes, 0, sizeof(notes));
	d = fmemopen(data, sizeof(data), "w");
	n = fmemopen(notes, sizeof(notes), "w");
	output_init_streams(&o, form, d, n);
	if (v->run(p, &o, &why) == -1)
		code = output_failure(&o, &why);
	fclose(d);
	fclose(n);
	return code;
}

struct options
defaults(void)
{
	static const char *arguments[8];
	struct options p = {.timeout_ms = 3000,
			    .max_age_ms = -1,
			    .copies = 1,
			    .arguments = arguments};

	return p;
}

unsigned
lines(const char *text)
{
	unsigned count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}
