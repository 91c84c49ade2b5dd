/*
 * The client against daemons made of paste: real sockets in a directory of
 * its own, a child process behind each that answers as told.  What is proved:
 * paging of lists, dupes and problems, a stale socket is passed over, a stopped lowest daemon costs half a
 * second and no more, silence ends in 8, a newer protocol in 10, nonsense
 * in 1, and watch moves on when its daemon dies.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "call.h"
#include "failure.h"
#include "frame.h"
#include "options.h"
#include "output.h"
#include "verbs.h"

enum manner {
	PLAIN,
	MUTE, /* accepts, never says a word: a stopped daemon */
	WELCOME_ONLY,
	NEWER,    /* speaks version 9 only */
	NONSENSE, /* a frame that is no msgpack */
	STAYS,    /* says it will leave, and does not */
	DIES,     /* hangs up after an event, or when asked */
};

static char dir[64];
static pid_t children[8];
static unsigned child_count;
static char data[65536], notes[8192];

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

static int
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

static void
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

static int
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

static int
teardown(void **state)
{
	char path[128];

	(void)state;
	for (unsigned i = 0; i < child_count; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
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
static int
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

static struct options
defaults(void)
{
	static const char *arguments[8];
	struct options p = {.timeout_ms = 3000,
			    .max_age_ms = -1,
			    .copies = 1,
			    .arguments = arguments};

	return p;
}

static unsigned
lines(const char *text)
{
	unsigned count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void
test_list_pages(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_non_null(strstr(data, "06000000000000000000000000000000\t"
				     "1970-01-01T00:00:00Z\t1234\t2\t"
				     "alice,b\\x1bb\tn\\tx\n"));
	assert_non_null(strstr(notes, "photo: a scan is going on"));
	assert_int_equal(photo(&verb_list, &p, OUTPUT_JSON), 0);
	assert_int_equal(lines(data), 7);
	assert_non_null(strstr(data,
			       "{\"id\":\"00000000000000000000000000000000\","
			       "\"size\":1234,\"type\":\"image/jpeg\","
			       "\"name\":\"n\\u0009x\",\"taken\":null,"
			       "\"date\":\"1970-01-01T00:00:00Z\","
			       "\"date_source\":\"mtime\","
			       "\"width\":null,\"height\":null,"
			       "\"added\":\"1970-01-01T00:00:00.001Z\","
			       "\"copies\":[{\"node\":\"alice\","));
	assert_non_null(strstr(data, "\"path\":\"d/\xef\xbf\xbd\","
				     "\"path_hex\":\"642fff\","));
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABLE), 0);
	assert_int_equal(lines(data), 8);
	assert_non_null(strstr(data, "alice,(b\\x1bb)"));
	assert_non_null(strstr(notes, "7 photos, 14 copies on 2 nodes (1 "
				      "offline: b\\x1bb, last seen "));
}

static void
test_list_cut_and_resumed(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	p.limit = 5;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 5);
	assert_non_null(strstr(notes, "photo: more: --after 05\n"));
	p.after = "05";
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 2);
	assert_null(strstr(notes, "--after"));
	p.after = "0";
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_USAGE);
	p.after = NULL;
	p.max_age_ms = 5000;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	p.max_age_ms = 4999;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_INCOMPLETE);
	assert_int_equal(lines(data), 5);
}

static void
test_dupes(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	assert_int_equal(photo(&verb_dupes, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_non_null(strstr(data, "06000000000000000000000000000000\t"
				     "1234\t1234\t2\talice,b\\x1bb\tn\\tx\n"));
	assert_non_null(strstr(notes, "photo: 7 photos, 7 copies too many: "
				      "8.6 kB wasted\n"));
	assert_int_equal(photo(&verb_dupes, &p, OUTPUT_JSON), 0);
	assert_non_null(strstr(data,
			       "{\"id\":\"06000000000000000000000000000000\","
			       "\"size\":1234,\"copies\":2,"
			       "\"wasted_bytes\":1234,"
			       "\"nodes\":[\"alice\",\"b\\u001bb\"],"
			       "\"name\":\"n\\u0009x\"}\n"));
	p.limit = 4;
	assert_int_equal(photo(&verb_dupes, &p, OUTPUT_TABLE), 0);
	assert_int_equal(lines(data), 5);
	assert_non_null(strstr(data, "1.2 kB    1.2 kB       2  "
				     "alice,(b\\x1bb)  n\\tx\n"));
	assert_non_null(strstr(notes, "these are 4 photos, 4 copies too many: "
				      "4.9 kB of 8.6 kB wasted\n"));
	assert_non_null(strstr(notes, "photo: more: --after 04\n"));
}

static void
test_problems(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	assert_int_equal(photo(&verb_problems, &p, OUTPUT_TABS), 0);
	assert_string_equal(data, "b\\x1bb\tr\td/\\xff\\n\tunreadable\t"
				  "no\\x1bpicture\n"
				  "b\\x1bb\tr\td/\\xff\\n\tnot-media\t"
				  "no\\x1bpicture\n"
				  "b\\x1bb\tr\td/\\xff\\n\tunknown\t"
				  "no\\x1bpicture\n");
	assert_int_equal(photo(&verb_problems, &p, OUTPUT_JSON), 0);
	assert_int_equal(lines(data), 3);
	assert_non_null(strstr(data, "{\"node\":\"b\\u001bb\","
				     "\"path\":\"d/\xef\xbf\xbd\\u000a\","
				     "\"path_hex\":\"642fff0a\","
				     "\"problem\":\"not-media\","
				     "\"message\":\"no\\u001bpicture\"}\n"));
	assert_int_equal(photo(&verb_problems, &p, OUTPUT_TABLE), 0);
	assert_int_equal(lines(data), 4);
	assert_null(strchr(data, '\033'));
	assert_non_null(strstr(notes, "3 problems"));
}

static void
test_leave(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	start(24011, STAYS);
	assert_int_equal(photo(&verb_leave, &p, OUTPUT_JSON), 0);
	assert_string_equal(data, "{\"left\":\"alice\",\"node_id\":"
				  "\"00000000000000000000000000000000\","
				  "\"port\":24010}\n");
	p.timeout_ms = 100;
	assert_int_equal(photo(&verb_leave, &p, OUTPUT_TABS), ENDING_TIMED_OUT);
	assert_int_equal(lines(data), 0);
	p.port = 24010;
	assert_int_equal(photo(&verb_leave, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
}

static void
test_stale_sockets_are_passed_over(void **state)
{
	struct options p = defaults();

	(void)state;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_JSON), ENDING_NO_DAEMON);
	assert_non_null(strstr(data, "\"error\":\"no-daemon\""));
	close(listen_on(24010)); /* its file stays */
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	start(24011, PLAIN);
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	p.port = 24010;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
	assert_non_null(strstr(notes, "no daemon answers on port 24010; "
				      "start one with: photod FOLDER"));
}

static void
test_a_stopped_daemon_does_not_hang(void **state)
{
	struct options p = defaults();
	int64_t begin;

	(void)state;
	start(24010, MUTE);
	start(24011, WELCOME_ONLY); /* its query hangs: no answer either */
	start(24012, PLAIN);
	begin = call_now_ms();
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), 0);
	assert_int_equal(lines(data), 7);
	assert_in_range((uintmax_t)(call_now_ms() - begin), 950, 2000);
	assert_non_null(strstr(notes, "port 24010 did not answer in time"));
	p.port = 24010;
	p.timeout_ms = 100;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_TIMED_OUT);
	p.port = 24011;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_TIMED_OUT);
}

static void
test_strange_daemons(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, NEWER);
	start(24011, NONSENSE);
	start(24012, DIES);
	p.port = 24010;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS),
			 ENDING_INCOMPATIBLE);
	p.port = 24011;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_FAILED);
	p.port = 24012;
	assert_int_equal(photo(&verb_list, &p, OUTPUT_TABS), ENDING_NO_DAEMON);
}

static void
test_errors_of_the_daemon(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	p.arguments[0] = "abcd";
	p.argument_count = 1;
	assert_int_equal(photo(&verb_show, &p, OUTPUT_JSON), ENDING_NOT_FOUND);
	assert_string_equal(data, "{\"error\":\"not-found\",\"message\":\"no "
				  "photo has an id that begins with abcd; "
				  "see: photo list\",\"exit\":3}\n");
	p.arguments[0] = "abc";
	assert_int_equal(photo(&verb_show, &p, OUTPUT_TABS), ENDING_USAGE);
	p.arguments[0] = "../../etc";
	assert_int_equal(photo(&verb_show, &p, OUTPUT_TABS), ENDING_USAGE);
}

static void
test_watch_moves_on(void **state)
{
	struct options p = defaults();

	(void)state;
	start(24010, PLAIN);
	start(24011, PLAIN);
	assert_int_equal(photo(&verb_watch, &p, OUTPUT_JSON), ENDING_NO_DAEMON);
	assert_non_null(strstr(data, "{\"event\":\"synced\",\"node\":\"alice\","
				     "\"node_id\":"
				     "\"01000000000000000000000000000000\","
				     "\"port\":24010,\"was\":null,"));
	assert_non_null(strstr(data, "\"port\":24011,"));
	assert_non_null(strstr(notes, "the daemon on port 24010 is gone; "
				      "watching through port 24011 now"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list_pages),
		TEST(test_list_cut_and_resumed),
		TEST(test_dupes),
		TEST(test_problems),
		TEST(test_leave),
		TEST(test_stale_sockets_are_passed_over),
		TEST(test_a_stopped_daemon_does_not_hang),
		TEST(test_strange_daemons),
		TEST(test_errors_of_the_daemon),
		TEST(test_watch_moves_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
