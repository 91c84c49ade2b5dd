#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trouble.h"

/* From the kernel's ioprio.h, which user space has no header for. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_BE    2
#define IOPRIO_LOWEST      7
#define IOPRIO_CLASS_SHIFT 13

/* Of the kernel's sched/types.h, which does not go together with <sched.h>. */
#define FLAG_RESET_ON_FORK 1u
struct sched_wishes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t slice_ns, deadline_ns, period_ns;
};
#define SLICE_NS 100000u /* the least that may be wished for */

struct worker {
	pthread_t thread;
	struct pool *pool;
	unsigned slot;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work_waits;
	struct job *first, **last;
	bool ending;
	enum pool_manner manner;
	void (*idle)(void *arg, unsigned slot); /* NULL: nothing */
	void *arg;
	struct mailbox *ends;
	char name[16];
	unsigned count; /* threads running */
	unsigned slow_max, slow_running;
	struct worker workers[];
};

void
thread_lower_priority(void)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	/* Politeness is a wish: failing to be polite is not an error. */
	(void)setpriority(PRIO_PROCESS, (id_t)tid, 10);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid,
		      IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | IOPRIO_LOWEST);
}

/*
 * The kernel runs those first that ask for little (since 6.12; others do not
 * listen).  What a thread makes later does not inherit it.
 */
void
thread_run_soon(void)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);
	struct sched_wishes wishes = {
		.size = sizeof(wishes), .policy = SCHED_OTHER,
		.flags = FLAG_RESET_ON_FORK,
		.nice = getpriority(PRIO_PROCESS, (id_t)tid),
		.slice_ns = SLICE_NS,
	};

	/* Who has given photod another policy knows better. */
	if (sched_getscheduler(tid) == SCHED_OTHER)
		(void)syscall(SYS_sched_setattr, tid, &wishes, 0u);
}

/* Where the next job stands; NULL: there is none that may be begun.  The lock is
 * held. */
static struct job **
eligible(struct pool *p)
{
	struct job **at = &p->first;

	while (*at != NULL && (*at)->slow && p->slow_running >= p->slow_max)
		at = &(*at)->next;
	return *at != NULL ? at : NULL;
}

/* Until there is a job, or the end.  False: it has been long, and something is
 * to be given back.  The lock is held. */
static bool
wait_for_work(struct pool *p, bool worked)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += POOL_IDLE_MS / 1000;
	while (eligible(p) == NULL && !p->ending) {
		if (!worked || p->idle == NULL)
			pthread_cond_wait(&p->work_waits, &p->lock);
		else if (pthread_cond_timedwait(&p->work_waits, &p->lock,
						&until) == ETIMEDOUT)
			return eligible(p) != NULL || p->ending;
	}
	return true;
}

static struct job *
next_job(struct worker *w, bool worked)
{
	struct pool *p = w->pool;
	struct job **at, *j = NULL;

	pthread_mutex_lock(&p->lock);
	if (!wait_for_work(p, worked)) {
		pthread_mutex_unlock(&p->lock);
		p->idle(p->arg, w->slot);
		return next_job(w, false);
	}
	if ((at = eligible(p)) != NULL) {
		j = *at;
		if ((*at = j->next) == NULL)
			p->last = at;
		p->slow_running += j->slow;
	}
	pthread_mutex_unlock(&p->lock);
	return j;
}

/* Another slow one may begin, here or on a thread that waits. */
static void
slow_ended(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->slow_running--;
	pthread_mutex_unlock(&p->lock);
	pthread_cond_signal(&p->work_waits);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct job *j;
	bool worked = false;

	pthread_setname_np(pthread_self(), p->name);
	if (p->manner == POOL_POLITE)
		thread_lower_priority();
	else if (p->manner == POOL_PROMPT)
		thread_run_soon();
	while ((j = next_job(w, worked)) != NULL) {
		bool slow = j->slow;

		j->work(j, w->slot);
		if (slow)
			slow_ended(p);
		mailbox_post(p->ends, &j->letter);
		worked = true;
	}
	return NULL;
}

void
pool_mask_signals(sigset_t *old)
{
	static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				  SIGABRT, SIGTRAP, SIGSYS};
	sigset_t all;

	sigfillset(&all);
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

struct pool *
pool_new(const char *name, unsigned threads, enum pool_manner manner,
	 struct mailbox *ends, struct trouble *why)
{
	pthread_condattr_t attr;
	struct pool *p;
	sigset_t old;
	int r = 0;

	p = calloc(1, sizeof(*p) + threads * sizeof(p->workers[0]));
	if (p == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->work_waits, &attr);
	pthread_condattr_destroy(&attr);
	p->last = &p->first;
	p->ends = ends;
	p->manner = manner;
	p->slow_max = threads > 1 ? threads - 1 : 1;
	strncpy(p->name, name, sizeof(p->name) - 1);
	pool_mask_signals(&old);
	for (unsigned i = 0; i < threads && r == 0; i++) {
		p->workers[i].pool = p;
		p->workers[i].slot = i;
		r = pthread_create(&p->workers[i].thread, NULL, worker_main,
				   &p->workers[i]);
		if (r == 0)
			p->count++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0) {
		pool_free(p);
		trouble_errno(why, r, "cannot start a thread");
		return NULL;
	}
	return p;
}

void
pool_on_idle(struct pool *p, void (*idle)(void *arg, unsigned slot), void *arg)
{
	pthread_mutex_lock(&p->lock);
	p->idle = idle;
	p->arg = arg;
	pthread_mutex_unlock(&p->lock);
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->work_waits);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->work_waits);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
pool_submit(struct pool *p, struct job *j)
{
	j->next = NULL;
	pthread_mutex_lock(&p->lock);
	*p->last = j;
	p->last = &j->next;
	pthread_mutex_unlock(&p->lock);
	/* Behind the lock, or who wakes would have to wait for it. */
	pthread_cond_signal(&p->work_waits);
}
