/*
 * holdings: what a path may lead to, by openat2 and on a kernel without it.
 *
 * The file is included for its insides; the kernel is made an old one by a
 * filter that says ENOSYS.  Files that change are tests/e2e/test_channels.py's
 * business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "../../daemon/transfer/holdings.c"

static char top[] = "/tmp/pm-holdings-XXXXXX";
static int root_fd;

static void
make_file(const char *name)
{
	int fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, name, strlen(name)),
			 (ssize_t)strlen(name));
	close(fd);
}

static int
set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	root_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(root_fd, "outside", 0700), 0);
	make_file("outside/secret");
	assert_int_equal(mkdirat(root_fd, "root", 0700), 0);
	assert_int_equal(mkdirat(root_fd, "root/a", 0700), 0);
	assert_int_equal(mkdirat(root_fd, "root/a/b", 0700), 0);
	make_file("root/top.jpg");
	make_file("root/a/b/deep.jpg");
	make_file("root/a/..jpg");
	assert_int_equal(symlinkat("top.jpg", root_fd, "root/link.jpg"), 0);
	assert_int_equal(symlinkat("a", root_fd, "root/linked"), 0);
	assert_int_equal(symlinkat("../outside", root_fd, "root/out"), 0);
	assert_int_equal(mkfifoat(root_fd, "root/fifo", 0600), 0);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const files[] = {
		"outside/secret", "root/top.jpg", "root/a/b/deep.jpg",
		"root/a/..jpg",	  "root/link.jpg", "root/linked",
		"root/out",	  "root/fifo"};
	static const char *const folders[] = {"outside", "root/a/b", "root/a",
					      "root"};

	(void)state;
	for (unsigned n = 0; n < 8; n++)
		unlinkat(root_fd, files[n], 0);
	for (unsigned n = 0; n < 4; n++)
		unlinkat(root_fd, folders[n], AT_REMOVEDIR);
	close(root_fd);
	return rmdir(top);
}

static void
look(void)
{
	static const char *const good[] = {"top.jpg", "a/b/deep.jpg",
					   "a/..jpg"};
	static const char *const bad[] = {
		"link.jpg",	    "linked/b/deep.jpg", "out/secret",
		"../outside/secret", "a/../../outside/secret",
		"none.jpg",	    "a/none.jpg",	 "top.jpg/x",
		"",		    "/etc/passwd"};
	char bytes[32];
	int fd, root = openat(root_fd, "root", O_PATH | O_DIRECTORY);

	for (unsigned n = 0; n < 3; n++) {
		fd = open_beneath(root, good[n]);
		assert_int_not_equal(fd, -1);
		assert_true(pread(fd, bytes, sizeof(bytes), 0) > 0);
		assert_memory_equal(bytes, "root/", 5);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	for (unsigned n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		fd = open_beneath(root, bad[n]);
		if (fd != -1)
			fail_msg("%s was opened", bad[n]);
	}
	/* No writer: it must not wait for one.  What it is, fstat tells. */
	fd = open_beneath(root, "fifo");
	assert_int_not_equal(fd, -1);
	close(fd);
	/* Every descriptor came back. */
	fd = dup(root);
	assert_int_equal(fd, root + 1);
	close(fd);
	close(root);
}

static void
new_kernel(void **state)
{
	(void)state;
	look();
}

static void
old_kernel(void **state)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = 4, .filter = filter};

	(void)state;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		skip();
	assert_int_equal(syscall(SYS_openat2, -1, "", NULL, 0), -1);
	assert_int_equal(errno, ENOSYS);
	look();
}

/* Read just after a change or long after it: the same file, and no other. */
static void
as_known(void **state)
{
	struct known_file k;
	struct stat st;

	(void)state;
	assert_int_equal(fstatat(root_fd, "root/top.jpg", &st, 0), 0);
	k = (struct known_file){
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
		.mtime_ns = stat_mtime_ns(&st),
		.ctime_ns = stat_ctime_ns(&st),
	};
	for (unsigned young = 0; young < 2; young++) {
		assert_true(is_as_known(root_fd, &st, &k));
		st.st_ctim.tv_nsec ^= 1;
		assert_false(is_as_known(root_fd, &st, &k));
		st.st_ctim.tv_nsec ^= 1;
		st.st_mtim.tv_nsec ^= 1;
		assert_false(is_as_known(root_fd, &st, &k));
		st.st_mtim.tv_nsec ^= 1;
		st.st_ino++;
		assert_false(is_as_known(root_fd, &st, &k));
		st.st_ino--;
		k.ctime_ns = -k.ctime_ns;
	}
	k.ctime_ns = 0;
	assert_false(is_as_known(root_fd, &st, &k));
}

/* On a volume whose inode numbers do not last, other ones are nothing. */
static void
unlasting_inodes(void **state)
{
	struct known_file k = {.size = 7, .inode = 5, .mtime_ns = 9,
			       .ctime_ns = 11};
	struct stat st = {.st_size = 7, .st_ino = 6};

	(void)state;
	st.st_mtim.tv_nsec = 9;
	st.st_ctim.tv_nsec = 12;
	assert_true(file_unchanged(&k, &st, false));
	assert_false(file_unchanged(&k, &st, true));
	st.st_ino = 5;
	assert_false(file_unchanged(&k, &st, true));
	st.st_ctim.tv_nsec = 11;
	assert_true(file_unchanged(&k, &st, true));
	/* To be read again: because it was young, or could not be read. */
	k.ctime_ns = -11;
	assert_false(file_unchanged(&k, &st, true));
	assert_false(file_unchanged(&k, &st, false));
	k.ctime_ns = 11;
	k.inode = 0;
	assert_false(file_unchanged(&k, &st, false));
	k.inode = 5;
	st.st_size = 8;
	assert_false(file_unchanged(&k, &st, false));
	st.st_size = 7;
	st.st_mtim.tv_nsec = 10;
	assert_false(file_unchanged(&k, &st, false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_known),
		cmocka_unit_test(unlasting_inodes),
		cmocka_unit_test(new_kernel),
		cmocka_unit_test(old_kernel),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
