/*
 * The catalogue's threads: answers come in the order asked, on this thread,
 * each with its own news, while batches that wait are joined.
 */
#include "test_catalogue_kit.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catalogue.h"
#include "frame.h"
#include "mailbox.h"
#include "message.h"
#include "pool.h"
#include "schema.h"
#include "trouble.h"

#define BATCHES 200u

struct order {
	unsigned next, released, news;
	bool generation_seen;
	uint64_t cursor, generation;
};

struct delivery {
	struct own_delivery own;
	struct order *order;
	unsigned index;
	char path[32];
	struct own_file file;
};

static void
on_own(void *arg, bool failed, const struct write_result *result,
       const struct trouble *why)
{
	struct delivery *d = arg;

	assert_false(failed);
	assert_null(why);
	assert_int_equal(d->index, d->order->next);
	d->order->next++;
	d->order->news += result->news_count;
	for (uint32_t i = 0; i < result->news_count; i++)
		assert_true(result->news[i].added);
	assert_true(result->own.stream.generation > d->order->generation ||
		    result->own.point.cursor >= d->order->cursor);
	assert_true(result->own.stream.generation >= d->order->generation);
	d->order->cursor = result->own.point.cursor;
	d->order->generation = result->own.stream.generation;
}

static void
on_release(struct own_delivery *o)
{
	struct delivery *d = (struct delivery *)o;

	d->order->released++;
	free(d);
}

static void
on_generation(void *arg, bool failed, const struct write_result *result,
	      const struct trouble *why)
{
	struct order *o = arg;

	(void)why;
	assert_false(failed);
	assert_int_equal(o->next, BATCHES / 2);
	assert_true(result->own.stream.generation > o->generation);
	o->generation = result->own.stream.generation;
	o->generation_seen = true;
}

struct question {
	struct job job;
	struct catalogue *c;
	bool done;
	struct totals totals;
};

static void
ask(struct job *j, unsigned slot)
{
	struct question *q = (struct question *)j;

	assert_int_equal(reader_totals(catalogue_reader(q->c, slot),
				       &q->totals, NULL), 0);
}

static void
answered(struct letter *l)
{
	((struct question *)l)->done = true;
}

static void
wait_for(struct mailbox *m, const bool *done)
{
	struct pollfd fd = {.fd = mailbox_fd(m), .events = POLLIN};

	while (!*done) {
		assert_int_equal(poll(&fd, 1, 20000), 1);
		mailbox_deliver(m);
	}
}

static void
on_store(void *arg, bool failed, const struct write_result *result,
	 const struct trouble *why)
{
	int *n = arg;

	if (*n == 0) {
		assert_false(failed);
		assert_int_equal(result->stored.point.cursor, 0);
	} else {
		assert_true(failed);
		assert_non_null(why);
	}
	++*n;
}

static void
answers_in_order(void **state)
{
	char dir[] = "/tmp/photomesh-cat-XXXXXX", command[64];
	struct writer_config config = {.run = 5, .wall_ms = 1000};
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct message_batch head = {.stream = {.generation = 3}};
	struct mesh_store store = {.stream = {.generation = 3}};
	struct mailbox *m = mailbox_new(NULL);
	struct question q = {.job = {.letter = {.deliver = answered},
				     .work = ask}};
	struct order order = {0};
	struct batch_writer bw;
	enum writer_found found;
	struct catalogue *c;
	struct trouble why;
	size_t bytes;
	int stored = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	config.dir = dir;
	memset(&config.self, 7, sizeof(config.self));
	memset(&head.stream.node, 8, NODE_ID_BYTES);
	store.stream = head.stream;
	c = catalogue_open(&config, m, &found, &why);
	assert_non_null(c);
	/* Who asks for a list by name now must not keep others waiting. */
	assert_false(catalogue_indexed(c));
	for (unsigned i = 0; i < BATCHES; i++) {
		struct delivery *d = calloc(1, sizeof(*d));

		snprintf(d->path, sizeof(d->path), "%u.jpg", i);
		d->order = &order;
		d->index = i;
		d->file = kit_copy(1, d->path, i);
		d->own.batch.files = &d->file;
		d->own.batch.file_count = 1;
		d->own.written = on_own;
		d->own.release = on_release;
		d->own.arg = d;
		if (i == BATCHES / 2)
			catalogue_begin_generation(c, 999999, on_generation,
						   &order);
		catalogue_own(c, &d->own);
	}
	batch_writer_init(&bw, frame, sizeof(frame), PULL_CREDIT_MIN);
	bytes = batch_writer_end(&bw, 1, &head);
	catalogue_store(c, &store, frame + FRAME_HEADER_BYTES,
			bytes - FRAME_HEADER_BYTES, on_store, &stored);
	catalogue_store(c, &store, frame, 3, on_store, &stored);
	catalogue_remember(c, &(struct mesh_memory){.port = 5});
	q.c = c;
	for (order.next = 0; order.next < BATCHES || stored < 2;) {
		struct pollfd fd = {.fd = mailbox_fd(m), .events = POLLIN};

		assert_int_equal(poll(&fd, 1, 20000), 1);
		mailbox_deliver(m);
	}
	assert_true(order.generation_seen);
	assert_int_equal(order.news, BATCHES);
	catalogue_ask(c, &q.job);
	wait_for(m, &q.done);
	assert_int_equal(q.totals.photos, BATCHES);
	catalogue_close(c);
	mailbox_free(m);
	assert_int_equal(order.released, BATCHES);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* ---- what is listed later ---------------------------------------------- */

#define LATER 1500u

struct caught_up {
	unsigned told; /* times */
	bool first, listed;
};

static void
on_caught_up(void *arg, bool failed, const struct write_result *result,
	     const struct trouble *why)
{
	struct caught_up *u = arg;

	(void)why;
	assert_false(failed);
	if (u->told++ == 0) {
		u->first = true;
		return;
	}
	assert_true(result->news_count > 0 && result->news[0].added);
	u->listed = true;
}

/* A page below the head of another node's stream; its bytes. */
static size_t
first_page(struct box *from, uint8_t *frame, struct mesh_store *store)
{
	static char paths[LATER][32];
	static struct own_file f[LATER];
	struct message_decoder *d = message_decoder_new();
	struct message m;
	size_t bytes;
	bool found;

	for (unsigned i = 0; i < LATER; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%u.jpg", i);
		f[i] = kit_copy(1, paths[i], i);
	}
	box_own(from, f, LATER, 1);
	store->stream = box_own_report(from).stream;
	assert_int_equal(reader_page(from->r, &store->stream, 0,
				     PULL_CREDIT_MIN, 1, frame, &bytes, &found,
				     NULL), 0);
	assert_int_equal(message_decode(d, frame + FRAME_HEADER_BYTES,
					bytes - FRAME_HEADER_BYTES, &m, NULL),
			 MESSAGE_OK);
	store->point.cursor = m.u.batch.through;
	assert_true(m.u.batch.through < m.u.batch.point.cursor);
	message_decoder_free(d);
	return bytes;
}

static void
on_first_page(void *arg, bool failed, const struct write_result *result,
	      const struct trouble *why)
{
	(void)why;
	assert_false(failed);
	assert_int_equal(result->news_count, 0);
	*(bool *)arg = true;
}

/* A catalogue that lists later, told of a page below a head. */
struct later {
	char dir[32];
	struct mailbox *m;
	struct caught_up u;
	struct catalogue *c;
	struct writer *w;
};

static void
later_begin(struct later *l)
{
	static uint8_t frame[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct writer_config config = {.run = 5, .wall_ms = 1000,
				       .dir = l->dir};
	struct mesh_store store = {0};
	enum writer_found found;
	struct trouble why;
	bool stored = false;
	struct box other;
	size_t bytes;

	memset(l, 0, sizeof(*l));
	box_start(&other, 8, 8);
	bytes = first_page(&other, frame, &store);
	box_end(&other);
	strcpy(l->dir, "/tmp/photomesh-cat-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	memset(&config.self, 7, sizeof(config.self));
	l->m = mailbox_new(NULL);
	l->c = catalogue_open(&config, l->m, &found, &why);
	assert_non_null(l->c);
	l->w = catalogue_writer(l->c);
	kit_put_off(l->w);
	catalogue_catch_up(l->c, on_caught_up, &l->u);
	wait_for(l->m, &l->u.first);
	catalogue_store(l->c, &store, frame + FRAME_HEADER_BYTES,
			bytes - FRAME_HEADER_BYTES, on_first_page, &stored);
	wait_for(l->m, &stored);
}

static void
later_end(struct later *l)
{
	char command[64];

	catalogue_close(l->c);
	mailbox_free(l->m);
	snprintf(command, sizeof(command), "rm -rf %s", l->dir);
	assert_int_equal(system(command), 0);
}

/* No page comes any more: what waits is listed when there is nothing to do. */
static void
what_waits_is_listed_when_nothing_comes(void **state)
{
	struct later l;

	(void)state;
	later_begin(&l);
	wait_for(l.m, &l.u.listed);
	later_end(&l);
}

static void
on_some_written(void *arg, bool failed, const struct write_result *result,
	      const struct trouble *why)
{
	(void)result;
	(void)why;
	assert_false(failed);
	*(bool *)arg = true;
}

/* Nor is it put off by others that always come. */
static void
what_waits_is_listed_whatever_comes(void **state)
{
	static const struct own_file none;
	struct own_delivery d = {.written = on_some_written,
				 .batch = {.files = &none}};
	bool written = false;
	struct later l;

	(void)state;
	later_begin(&l);
	/* The writer waits for work. */
	l.w->behind_took_ms = 0;
	l.w->behind_since_ms = 0;
	d.arg = &written;
	catalogue_own(l.c, &d);
	wait_for(l.m, &written);
	assert_true(l.u.listed);
	later_end(&l);
}

/* ---- the pool ------------------------------------------------------------ */

struct idle {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned worked, idled;
};

struct work {
	struct job job; /* first */
	struct idle *idle;
};

static void
work(struct job *j, unsigned slot)
{
	struct idle *i = ((struct work *)j)->idle;

	(void)slot;
	pthread_mutex_lock(&i->lock);
	i->worked++;
	pthread_mutex_unlock(&i->lock);
}

static void
worked(struct letter *l)
{
	(void)l;
}

static void
on_idle(void *arg, unsigned slot)
{
	struct idle *i = arg;

	assert_int_equal(slot, 0);
	pthread_mutex_lock(&i->lock);
	i->idled++;
	pthread_cond_signal(&i->moved);
	pthread_mutex_unlock(&i->lock);
}

/* Told once after work, and not while there is some. */
static void
idleness_is_told(void **state)
{
	struct idle i = {.lock = PTHREAD_MUTEX_INITIALIZER,
			 .moved = PTHREAD_COND_INITIALIZER};
	struct mailbox *m = mailbox_new(NULL);
	struct work all[3] = {0};
	struct pool *p = pool_new("idle", 1, POOL_PLAIN, m, NULL);

	(void)state;
	assert_non_null(p);
	pool_on_idle(p, on_idle, &i);
	for (unsigned k = 0; k < 3; k++) {
		all[k].job.letter.deliver = worked;
		all[k].job.work = work;
		all[k].idle = &i;
		pool_submit(p, &all[k].job);
	}
	pthread_mutex_lock(&i.lock);
	while (i.idled == 0)
		pthread_cond_wait(&i.moved, &i.lock);
	assert_int_equal(i.worked, 3);
	pthread_mutex_unlock(&i.lock);
	pool_free(p);
	assert_int_equal(i.idled, 1);
	mailbox_free(m);
}

/* ---- what takes long ---------------------------------------------------- */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
	unsigned within, most, ended;
};

struct slow {
	struct job job; /* first */
	struct gate *gate;
};

static void
wait_at_gate(struct job *j, unsigned slot)
{
	struct gate *g = ((struct slow *)j)->gate;

	(void)slot;
	pthread_mutex_lock(&g->lock);
	if (++g->within > g->most)
		g->most = g->within;
	while (!g->open)
		pthread_cond_wait(&g->opened, &g->lock);
	g->within--;
	pthread_mutex_unlock(&g->lock);
}

static void
pass_by(struct job *j, unsigned slot)
{
	(void)j;
	(void)slot;
}

static void
on_passed(struct letter *l)
{
	((struct slow *)l)->gate->ended++;
}

static void
await_ended(struct mailbox *m, const struct gate *g, unsigned count)
{
	while (g->ended < count) {
		struct pollfd fd = {.fd = mailbox_fd(m), .events = POLLIN};

		assert_int_equal(poll(&fd, 1, 20000), 1);
		mailbox_deliver(m);
	}
}

/* However many there are, and wait, a thread is left for all others. */
static void
slow_ones_leave_room(void **state)
{
	struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER,
			 .opened = PTHREAD_COND_INITIALIZER};
	struct mailbox *m = mailbox_new(NULL);
	struct slow all[12] = {0};
	struct pool *p = pool_new("slow", 3, POOL_PLAIN, m, NULL);

	(void)state;
	assert_non_null(p);
	for (unsigned i = 0; i < 12; i++) {
		all[i].gate = &g;
		all[i].job.slow = i < 6;
		all[i].job.work = i < 6 ? wait_at_gate : pass_by;
		all[i].job.letter.deliver = on_passed;
	}
	for (unsigned i = 0; i < 9; i++)
		pool_submit(p, &all[i].job);
	await_ended(m, &g, 3);
	pthread_mutex_lock(&g.lock);
	assert_int_equal(g.ended, 3);
	assert_true(g.most <= 2);
	g.open = true;
	pthread_cond_broadcast(&g.opened);
	pthread_mutex_unlock(&g.lock);
	for (unsigned i = 9; i < 12; i++)
		pool_submit(p, &all[i].job);
	await_ended(m, &g, 12);
	assert_true(g.most <= 2);
	/* At the end as well everything that waits is done. */
	g.open = false;
	for (unsigned i = 0; i < 6; i++)
		pool_submit(p, &all[i].job);
	pthread_mutex_lock(&g.lock);
	g.open = true;
	pthread_cond_broadcast(&g.opened);
	pthread_mutex_unlock(&g.lock);
	pool_free(p);
	mailbox_deliver(m);
	assert_int_equal(g.ended, 18);
	mailbox_free(m);
}

/* What the kernel's sched/types.h has, which does not go with <sched.h>. */
struct wishes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t slice_ns, deadline_ns, period_ns;
};

struct manner {
	struct job job; /* first */
	struct wishes found;
	bool delivered;
};

static int
look(struct wishes *w)
{
	return (int)syscall(SYS_sched_getattr, 0, w, sizeof(*w), 0u);
}

static void
look_from_pool(struct job *j, unsigned slot)
{
	(void)slot;
	(void)look(&((struct manner *)j)->found);
}

static void
on_looked(struct letter *l)
{
	((struct manner *)l)->delivered = true;
}

static struct wishes
of_pool(enum pool_manner manner)
{
	struct mailbox *m = mailbox_new(NULL);
	struct pool *p = pool_new("manner", 1, manner, m, NULL);
	struct manner j = {.job.work = look_from_pool,
			   .job.letter.deliver = on_looked};

	assert_non_null(p);
	pool_submit(p, &j.job);
	pool_free(p);
	mailbox_deliver(m);
	assert_true(j.delivered);
	mailbox_free(m);
	return j.found;
}

/* A pool's threads have the manner that was asked for, and no other has it from
 * them.  A kernel that knows of no slices tells of none. */
static void
manners_are_kept(void **state)
{
	struct wishes own, now;

	(void)state;
	assert_int_equal(look(&own), 0);
	if (own.policy != SCHED_OTHER)
		skip();
	assert_true(of_pool(POOL_POLITE).nice >= 10);
	assert_int_equal(of_pool(POOL_PLAIN).nice, own.nice);
	assert_int_equal(of_pool(POOL_PROMPT).nice, own.nice);
	if (own.slice_ns > 0) {
		assert_true(of_pool(POOL_PROMPT).slice_ns < own.slice_ns);
		assert_int_equal(of_pool(POOL_PLAIN).slice_ns, own.slice_ns);
	}
	assert_int_equal(look(&now), 0);
	assert_int_equal(now.slice_ns, own.slice_ns);
	/* What a prompt thread makes is not prompt for it. */
	if (own.slice_ns > 0) {
		thread_run_soon();
		assert_int_equal(look(&now), 0);
		assert_true(now.slice_ns < own.slice_ns);
		assert_int_equal(of_pool(POOL_PLAIN).slice_ns, own.slice_ns);
	}
}

/* ---- the log of a database that is always read ------------------------ */

#define LOG_COMMITS    90u
#define LOG_ROW_BYTES  (4 << 20)
/* Twice what it should be, and more: on a busy machine those
 * who read may not have ended in time. */
#define LOG_BYTES_MAX  (300ll << 20)

/* Two that take turns at reading: each ends only when the other has begun, so
 * there is no moment at which nobody reads. */
struct readers {
	const char *path;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned turn; /* whose it is to begin */
	unsigned begun;
	bool over;
};

struct one_reader {
	struct readers *all;
	unsigned number;
};

static void
read_sql(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void *
read_in_turn(void *arg)
{
	/* Longer than from a commit's being seen to its log's being played. */
	static const struct timespec moment = {0, 5000000};
	struct one_reader *me = arg;
	struct readers *all = me->all;
	struct trouble why;
	sqlite3 *db;
	bool over = false, within = false;

	assert_int_equal(schema_open_reader(all->path, &db, &why), 0);
	while (!over) {
		pthread_mutex_lock(&all->lock);
		while (all->turn != me->number && !all->over)
			pthread_cond_wait(&all->moved, &all->lock);
		over = all->over;
		pthread_mutex_unlock(&all->lock);
		if (within)
			read_sql(db, "COMMIT");
		read_sql(db, "BEGIN; SELECT count(*) FROM stream");
		within = true;
		(void)nanosleep(&moment, NULL);
		pthread_mutex_lock(&all->lock);
		all->turn = !me->number;
		all->begun++;
		pthread_cond_broadcast(&all->moved);
		pthread_mutex_unlock(&all->lock);
	}
	sqlite3_close(db);
	return NULL;
}

static void
log_stays_bounded(void **state)
{
	struct readers all = {.lock = PTHREAD_MUTEX_INITIALIZER,
			      .moved = PTHREAD_COND_INITIALIZER};
	struct one_reader one[2] = {{&all, 0}, {&all, 1}};
	long long largest = 0;
	pthread_t threads[2];
	char path[4300], sql[64];
	struct stat st;
	struct box b;

	(void)state;
	box_start(&b, 1, 1);
	all.path = b.w->path;
	/* The disk has no part in this. */
	read_sql(b.w->db, "PRAGMA synchronous=OFF;"
			  "CREATE TABLE junk(id INTEGER PRIMARY KEY, x)");
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						read_in_turn, &one[i]), 0);
	pthread_mutex_lock(&all.lock);
	while (all.begun < 4)
		pthread_cond_wait(&all.moved, &all.lock);
	pthread_mutex_unlock(&all.lock);
	snprintf(path, sizeof(path), "%s-wal", b.w->path);
	snprintf(sql, sizeof(sql),
		 "REPLACE INTO junk VALUES(1, zeroblob(%d))", LOG_ROW_BYTES);
	for (unsigned i = 0; i < LOG_COMMITS; i++) {
		read_sql(b.w->db, sql);
		assert_int_equal(stat(path, &st), 0);
		if (st.st_size > largest)
			largest = st.st_size;
	}
	pthread_mutex_lock(&all.lock);
	all.over = true;
	pthread_cond_broadcast(&all.moved);
	pthread_mutex_unlock(&all.lock);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	print_message("# the log grew to %lld MiB\n", largest >> 20);
	assert_true(largest < LOG_BYTES_MAX);
	box_end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_order),
		cmocka_unit_test(what_waits_is_listed_when_nothing_comes),
		cmocka_unit_test(what_waits_is_listed_whatever_comes),
		cmocka_unit_test(idleness_is_told),
		cmocka_unit_test(slow_ones_leave_room),
		cmocka_unit_test(manners_are_kept),
		cmocka_unit_test(log_stays_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
