/*
 * The pool against programs that do everything wrong (fake_decode.c, argv[1]):
 * each costs at most a worker, is told apart, and is never left behind.  Then
 * with the real one, where it is built (argv[2], and a picture as argv[3]).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "meta.h"
#include "thumb_sample.h"
#include "trouble.h"
#include "workers.h"

#define DEADLINE_MS   400u
#define QUESTIONS_MAX 100u

static const char *fake;

/* A file with an order in it, as the fake program gets it. */
static int
order_file(const char *order, int flags)
{
	char path[] = "/tmp/photomesh-workers.XXXXXX";
	int fd = mkstemp(path), reader;

	assert_true(fd != -1);
	assert_int_equal(write(fd, order, strlen(order)), strlen(order));
	reader = open(path, flags | O_CLOEXEC);
	assert_true(reader != -1);
	close(fd);
	unlink(path);
	return reader;
}

static enum decode_outcome
order(struct workers *w, enum decode_question q, const char *text,
      struct decode_answer *out, struct trouble *why)
{
	int fd = order_file(text, O_RDONLY);
	enum decode_outcome outcome;

	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	outcome = workers_ask(w, q, fd, out, why);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
	assert_true((outcome == DECODE_DONE) == (out->bytes != NULL));
	close(fd);
	return outcome;
}

static struct workers *
opened(unsigned count, unsigned deadline_ms)
{
	struct workers *w = workers_open_limited(fake, count, deadline_ms,
						 QUESTIONS_MAX, NULL);

	assert_non_null(w);
	return w;
}

static void
closed(struct workers *w)
{
	workers_close(w);
	/* Every child has been waited for. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* A fresh answer: whatever happened before has left nothing behind. */
static void
assert_well(struct workers *w)
{
	struct decode_answer a;
	struct record_meta m;

	assert_int_equal(order(w, DECODE_META, "meta", &a, NULL), DECODE_DONE);
	assert_true(record_meta_parse(a.bytes, a.count, &m));
	assert_string_equal(m.model, "EOS 5D");
	decode_answer_release(&a);
	assert_null(a.bytes);
}

static unsigned long
number(struct workers *w, const char *what)
{
	struct decode_answer a;
	uint32_t n;

	assert_int_equal(order(w, DECODE_THUMB, what, &a, NULL), DECODE_DONE);
	assert_in_range(a.count, THUMB_SAMPLE_MARK + sizeof(n), 128);
	memcpy(&n, a.bytes + THUMB_SAMPLE_MARK, sizeof(n));
	decode_answer_release(&a);
	return n;
}

static void
answers(void **state)
{
	struct workers *w = opened(1, 5000);
	unsigned long pid;

	(void)state;
	/* None is started before there is something to ask. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_well(w);
	pid = number(w, "pid");
	assert_int_equal(number(w, "pid"), pid);
	/* its socket, two for the void, and the file */
	assert_int_equal(number(w, "fds"), 4);
	assert_int_equal(number(w, "fds"), 4);
	workers_rest(w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_true(number(w, "pid") != pid);
	closed(w);
}

static void
refusals(void **state)
{
	struct workers *w = opened(1, 5000);
	struct decode_answer a;
	struct trouble why;
	unsigned long pid = number(w, "pid");

	(void)state;
	assert_int_equal(order(w, DECODE_META, "refuse", &a, &why),
			 DECODE_REFUSED);
	assert_string_equal(why.text, "no picture");
	assert_int_equal(order(w, DECODE_META, "refuse badly", &a, &why),
			 DECODE_REFUSED);
	assert_string_equal(why.text, "it is not understood");
	assert_int_equal(order(w, DECODE_META, "refuse at length", &a, &why),
			 DECODE_REFUSED);
	assert_string_equal(why.text, "it is not understood");
	assert_int_equal(order(w, DECODE_META, "unreadable", &a, &why),
			 DECODE_UNREADABLE);
	assert_string_equal(why.text, "a bad disk");
	assert_null(a.bytes);
	/* A refusal is no reason to start afresh. */
	assert_int_equal(number(w, "pid"), pid);
	closed(w);
}

static void
misdeeds(void **state)
{
	static const struct {
		const char *order, *why;
	} cases[] = {
		{"hang", "longer than"},  {"die", "signal 9"},
		{"exit", "ended"},        {"flood", "senseless"},
		{"trickle", "longer than"}, {"huge", "senseless"},
		{"cut", "ended"},         {"lie", "senseless"},
		{"ready", "senseless"},   {"newer", "senseless"},
		{"longer", "senseless"},
	};
	struct workers *w = opened(1, DEADLINE_MS);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t began = clock_steady_ms();
		struct decode_answer a;
		struct trouble why;

		assert_int_equal(order(w, DECODE_META, cases[i].order, &a,
				       &why),
				 DECODE_KILLED);
		if (strstr(why.text, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].order, why.text);
		assert_true(clock_steady_ms() - began < 5000);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_well(w);
	}
	closed(w);
}

/* What a worker does between questions is the fault of no file. */
static void
between_questions(void **state)
{
	struct workers *w = opened(1, 5000);
	struct decode_answer a;

	(void)state;
	assert_int_equal(order(w, DECODE_META, "unasked", &a, NULL),
			 DECODE_DONE);
	decode_answer_release(&a);
	usleep(50000); /* surely written; one later could not be told apart */
	/* Not the answer to the question before. */
	assert_true(number(w, "pid") != 0);
	assert_int_equal(order(w, DECODE_META, "last words", &a, NULL),
			 DECODE_DONE);
	decode_answer_release(&a);
	assert_well(w);
	kill((pid_t)number(w, "pid"), SIGKILL);
	assert_well(w);
	closed(w);
}

static void
replaced_in_time(void **state)
{
	struct workers *w = opened(1, 5000);
	unsigned long first = number(w, "pid"), same = 1;

	(void)state;
	while (same < 1000 && number(w, "pid") == first)
		same++;
	assert_int_equal(same, QUESTIONS_MAX);
	closed(w);
}

static void
unavailable(void **state)
{
	static const char *const programs[] = {"/bin/false", "/nowhere/x",
					       "/dev/null"};
	struct decode_answer a;
	struct trouble why;
	struct workers *w;
	int fd;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		w = workers_open(programs[i], 2, &why);
		assert_non_null(w);
		for (unsigned n = 0; n < 3; n++) {
			assert_int_equal(order(w, DECODE_META, "meta", &a,
					       &why),
					 DECODE_UNAVAILABLE);
			assert_non_null(strstr(why.text, programs[i]));
		}
		closed(w);
	}
	w = opened(1, 5000);
	fd = order_file("meta", O_RDWR);
	assert_int_equal(workers_ask(w, DECODE_META, fd, &a, &why),
			 DECODE_UNAVAILABLE);
	close(fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(workers_ask(w, DECODE_META, fd, &a, &why),
			 DECODE_UNAVAILABLE);
	close(fd);
	assert_int_equal(workers_ask(w, DECODE_META, -1, &a, &why),
			 DECODE_UNAVAILABLE);
	closed(w);
	workers_close(NULL);
}

/* ---- many at once --------------------------------------------------------- */

static void *
ask_all_kinds(void *arg)
{
	static const struct {
		const char *order;
		enum decode_outcome outcome;
	} kinds[] = {
		{"meta", DECODE_DONE},      {"die", DECODE_KILLED},
		{"refuse", DECODE_REFUSED}, {"exit", DECODE_KILLED},
		{"meta", DECODE_DONE},      {"flood", DECODE_KILLED},
		{"lie", DECODE_KILLED},     {"last words", DECODE_DONE},
	};
	struct workers *w = arg;
	size_t wrong = 0;

	for (unsigned n = 0; n < 8; n++) {
		struct decode_answer a;
		struct record_meta m;

		if (order(w, DECODE_META, kinds[n].order, &a, NULL) !=
		    kinds[n].outcome)
			wrong++;
		else if (a.bytes != NULL &&
			 (!record_meta_parse(a.bytes, a.count, &m) ||
			  m.iso != 100))
			wrong++;
		decode_answer_release(&a);
	}
	return (void *)wrong;
}

static void
many_threads(void **state)
{
	struct workers *w = opened(3, 20000);
	pthread_t threads[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						ask_all_kinds, w),
				 0);
	for (unsigned i = 0; i < 6; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	closed(w);
}

struct late {
	struct workers *w;
	enum decode_outcome outcome; /* read when its thread has ended */
};

static void *
ask_to_hang(void *arg)
{
	struct late *l = arg;
	struct decode_answer a;

	l->outcome = order(l->w, DECODE_META, "hang", &a, NULL);
	return NULL;
}

/* Stopping waits for nobody's deadline, and no file is blamed; neither for those
 * who have a worker nor for those who wait for one. */
static void
closed_meanwhile(void **state)
{
	enum { ASKERS = 4 };

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		struct late late[ASKERS];
		pthread_t threads[ASKERS];
		struct workers *w = opened(2, 60000);
		uint64_t began;

		number(w, "pid");
		for (unsigned i = 0; i < ASKERS; i++) {
			late[i].w = w;
			assert_int_equal(pthread_create(&threads[i], NULL,
							ask_to_hang, &late[i]),
					 0);
		}
		/* Wherever they have come to by then, but all have begun. */
		usleep(100000 + 30000 * round);
		began = clock_steady_ms();
		workers_close(w);
		for (unsigned i = 0; i < ASKERS; i++) {
			pthread_join(threads[i], NULL);
			assert_int_equal(late[i].outcome, DECODE_UNAVAILABLE);
		}
		assert_true(clock_steady_ms() - began < 20000);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

/* ---- the real one ------------------------------------------------------------ */

static const char *real, *picture;

static void
real_program(void **state)
{
	struct decode_answer a;
	struct record_meta m;
	struct trouble why;
	struct workers *w;
	int fd;

	(void)state;
	if (real == NULL)
		skip();
	w = workers_open(real, 2, NULL);
	assert_non_null(w);
	fd = open(picture, O_RDONLY | O_CLOEXEC);
	assert_true(fd != -1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(workers_ask(w, DECODE_META, fd, &a, &why),
				 DECODE_DONE);
		assert_true(record_meta_parse(a.bytes, a.count, &m));
		assert_int_equal(m.width, 1280);
		assert_true(m.has & META_HAS_PLACE);
		decode_answer_release(&a);
		assert_int_equal(workers_ask(w, DECODE_THUMB, fd, &a, &why),
				 DECODE_DONE);
		assert_true(a.count > 1000);
		decode_answer_release(&a);
		assert_int_equal(order(w, DECODE_META, "text", &a, &why),
				 DECODE_REFUSED);
		assert_string_equal(why.text, "it is no photo or video");
	}
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	closed(w);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(refusals),
		cmocka_unit_test(misdeeds),
		cmocka_unit_test(between_questions),
		cmocka_unit_test(replaced_in_time),
		cmocka_unit_test(unavailable),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(closed_meanwhile),
		cmocka_unit_test(real_program),
	};

	if (argc < 2)
		return 2;
	fake = argv[1];
	if (argc > 3) {
		real = argv[2];
		picture = argv[3];
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
