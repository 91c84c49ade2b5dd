#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1 /* by a sanitizer, whose shadow takes terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif

#define IOPRIO_LOWEST 7

void
sandbox_prepare(void)
{
	int fd;

	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	/* Politeness is a wish: failing to be polite is not an error. */
	(void)setpriority(PRIO_PROCESS, 0, 10);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | IOPRIO_LOWEST);
	/* If memory runs out, then this one, not the daemon. */
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd != -1) {
		(void)!write(fd, "800", 3);
		close(fd);
	}
}

static int
limit(int what, rlim_t most)
{
	struct rlimit r = {.rlim_cur = most, .rlim_max = most};

	return setrlimit(what, &r);
}

static int
limits(void)
{
	/* A descriptor is received, and 0, 1, 2; what comes in addition is
	 * dropped by the kernel. */
	if (limit(RLIMIT_CORE, 0) == -1 || limit(RLIMIT_NOFILE, 8) == -1 ||
	    limit(RLIMIT_CPU, SANDBOX_CPU_S) == -1)
		return -1;
#ifndef WATCHED
	if (limit(RLIMIT_AS, SANDBOX_MEMORY_BYTES) == -1)
		return -1;
#endif
	return 0;
}

/* What computing, memory, threads and one socket take. */
static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(recvmsg), SCMP_SYS(close),
	SCMP_SYS(pread64), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(writev),
	/* memory, besides mmap and mprotect */
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	/* threads */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(restart_syscall), SCMP_SYS(membarrier),
	/* time, chance, the end */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom), SCMP_SYS(alarm),
	SCMP_SYS(setitimer), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
	SCMP_SYS(uname), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* signals of one's own: a SIGBUS is answered, abort() aborts */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
};

/* Asked for by libraries that go on without. */
static const int denied[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents64),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(umask),
	SCMP_SYS(ioctl), SCMP_SYS(fcntl), SCMP_SYS(getpeername),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(prctl), SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit), SCMP_SYS(sched_setscheduler),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_setattr),
	SCMP_SYS(sched_getattr), SCMP_SYS(sched_getparam),
	SCMP_SYS(setpriority), SCMP_SYS(getpriority), SCMP_SYS(getppid),
	SCMP_SYS(eventfd2), SCMP_SYS(memfd_create), SCMP_SYS(dup),
	SCMP_SYS(tgkill),
};

/* Memory may be data or, from before, program; never both, and never anew. */
static int
memory_rules(scmp_filter_ctx c)
{
	const struct scmp_arg_cmp no_program[] = {
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)};
	int r;

	if ((r = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
					no_program)) != 0)
		return r;
	return seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      no_program);
}

/* A thread, but no process.  clone3 hides its flags behind a pointer: glibc
 * takes clone where there is none. */
static int
thread_rules(scmp_filter_ctx c)
{
	const struct scmp_arg_cmp thread[] = {SCMP_A0(
		SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM,
		CLONE_THREAD | CLONE_VM)};
	int r;

	if ((r = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
					thread)) != 0)
		return r;
	return seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
				0);
}

/* Nothing is lost when this architecture has no such call. */
static int
add(scmp_filter_ctx c, uint32_t action, int call)
{
	if (call < 0)
		return 0;
	return seccomp_rule_add(c, action, call, 0);
}

static int
filter(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = c == NULL ? -ENOMEM : 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (r == 0)
			r = add(c, SCMP_ACT_ALLOW, allowed[i]);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (r == 0)
			r = add(c, SCMP_ACT_ERRNO(EPERM), denied[i]);
	if (r == 0)
		r = memory_rules(c);
	if (r == 0)
		r = thread_rules(c);
	/* no_new_privs is its default; all threads, should there be any */
	if (r == 0)
		r = seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);
	/* a balanced tree, not a list of eighty comparisons a call */
	if (r == 0)
		(void)seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_load(c);
	if (c != NULL)
		seccomp_release(c);
	return r == 0 ? 0 : -1;
}

int
sandbox_enter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 || limits() == -1)
		return -1;
	return filter();
}
