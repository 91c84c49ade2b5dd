/*
 * Where photos are put: names from strangers, files that are there already,
 * files that grow from run to run, and what is told meanwhile.  What is proved:
 * nothing is ever overwritten or written through a link, the same photo is
 * recognised, two runs never fill one file, and no name leaves its folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "call.h"
#include "failure.h"
#include "photo_hash.h"
#include "place.h"
#include "progress.h"
#include "reading.h"
#include "rename.h"

static char dir[64];
static struct place place;
static struct reading *reading;

/* ---- a file system that can less --------------------------------------- */

static struct {
	bool no_replace, links; /* RENAME_NOREPLACE, second names */
	int refuses; /* what it says of a ':' */
	bool haunted; /* a name that nothing has is taken all the same */
	bool others; /* all files are said to be somebody else's */
	int no_lock; /* what it says of locks */
	int no_modes; /* what it says of modes and times */
} odd;

static bool
refused(const char *name)
{
	if (odd.refuses == 0 || strchr(name, ':') == NULL)
		return false;
	errno = odd.refuses;
	return true;
}

/* In place of the C library's. */
int
renameat2(int from_at, const char *from, int to_at, const char *to,
	  unsigned flags)
{
	if (odd.haunted) {
		errno = EEXIST;
		return -1;
	}
	if (odd.no_replace && !refused(to))
		return (int)syscall(SYS_renameat2, from_at, from, to_at, to,
				    flags);
	errno = odd.no_replace ? odd.refuses : EINVAL;
	return -1;
}

int
linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	if (odd.links && !refused(to))
		return (int)syscall(SYS_linkat, from_at, from, to_at, to,
				    flags);
	errno = odd.links ? odd.refuses : EPERM;
	return -1;
}

int
openat(int at, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list more;

	if (flags & O_CREAT) {
		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
		if (refused(name))
			return -1;
	}
	return (int)syscall(SYS_openat, at, name, flags, mode);
}

int
fstat(int fd, struct stat *st)
{
	if (fstatat(fd, "", st, AT_EMPTY_PATH) == -1)
		return -1;
	if (odd.others)
		st->st_uid = 12345;
	return 0;
}

int
fchmod(int fd, mode_t mode)
{
	if (odd.no_modes == 0)
		return (int)syscall(SYS_fchmod, fd, mode);
	errno = odd.no_modes;
	return -1;
}

int
futimens(int fd, const struct timespec times[2])
{
	if (odd.no_modes == 0)
		return (int)syscall(SYS_utimensat, fd, NULL, times, 0);
	errno = odd.no_modes;
	return -1;
}

int
flock(int fd, int how)
{
	if (odd.no_lock == 0)
		return (int)syscall(SYS_flock, fd, how);
	errno = odd.no_lock;
	return -1;
}

static int
setup(void **state)
{
	struct failure why;

	(void)state;
	memset(&odd, 0, sizeof(odd));
	odd.no_replace = odd.links = true;
	strcpy(dir, "/tmp/client-place-XXXXXX");
	reading = reading_new();
	return mkdtemp(dir) == NULL || reading == NULL ||
			       place_open(&place, dir, false, &why) == -1
		       ? -1
		       : 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	place_close(&place);
	reading_free(reading);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* ---- names ------------------------------------------------------------ */

static void
test_names_are_made_safe(void **state)
{
	static const struct {
		const char *from, *to;
	} table[] = {
		{"beach.jpg", "beach.jpg"},
		{"2023/07/beach.jpg", "beach.jpg"},
		{"/etc/passwd", "passwd"},
		{"../../x", "x"},
		{"..", "_."},
		{".", "_"},
		{".bashrc", "_bashrc"},
		{"", "photo"},
		{"a/", "photo"},
		{"a\nb\tc\033[2J.jpg", "a_b_c_[2J.jpg"},
		{"\x7f.jpg", "_.jpg"},
		{"\xc2\x85.jpg", "_.jpg"}, /* C1 */
		{"\xe2\x80\xa8.jpg", "_.jpg"},
		{"\xff\xfe.jpg", "\xff\xfe.jpg"}, /* bytes stay bytes */
		{"\xe2\x80\xae.jpg", "\xe2\x80\xae.jpg"},
		{"sp ace (1).JPG", "sp ace (1).JPG"},
	};
	char out[NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		name_safe(table[i].from, strlen(table[i].from), out);
		assert_string_equal(out, table[i].to);
	}
	name_safe("a\0b.jpg", 7, out);
	assert_string_equal(out, "a_b.jpg");
}

static void
test_names_are_made_plain(void **state)
{
	static const struct {
		const char *from, *to;
	} table[] = {
		{"beach.jpg", "beach.jpg"},
		{"(1) K\xc3\xa4se.jpg", "(1) K\xc3\xa4se.jpg"},
		{"a:b?.jpg", "a_b_.jpg"},
		{"\"*<>\\|", "______"},
		{"\xff\xfe\xc3.jpg", "___.jpg"},
		{"x. .", "x___"},
		{"con", "_con"},
		{"Aux.jpg", "_Aux.jpg"},
		{"COM1.tar.gz", "_COM1.tar.gz"},
		{"COMA.jpg", "COMA.jpg"},
		{"console.jpg", "console.jpg"},
	};
	char long_one[NAME_BYTES_MAX + 1], out[NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(name_plain(table[i].from, out),
				 strcmp(table[i].from, table[i].to) == 0);
		assert_string_equal(out, table[i].to);
		assert_true(name_plain(table[i].to, out));
	}
	memset(long_one, '.', sizeof(long_one));
	long_one[NAME_BYTES_MAX] = '\0';
	for (size_t n = NAME_BYTES_MAX; n > 0; n--) {
		long_one[n - 1] = n % 2 == 0 ? 'a' : '\xff';
		assert_false(name_plain(long_one, out));
		assert_true(strlen(out) <= 128);
		assert_true(name_plain(out, long_one));
		memset(long_one, 'b', NAME_BYTES_MAX);
		long_one[NAME_BYTES_MAX] = '\0';
	}
}

static void
test_names_are_cut(void **state)
{
	char from[5000], out[NAME_BYTES_MAX + 1], again[NAME_BYTES_MAX + 1];

	(void)state;
	memset(from, 'a', sizeof(from));
	memcpy(from + 300, ".jpeg", 5);
	name_safe(from, 305, out);
	assert_int_equal(strlen(out), NAME_BYTES_MAX);
	assert_string_equal(out + NAME_BYTES_MAX - 5, ".jpeg");
	name_numbered(out, 12, again);
	assert_int_equal(strlen(again), NAME_BYTES_MAX);
	assert_string_equal(again + NAME_BYTES_MAX - 11, "a (12).jpeg");
	/* never in the middle of a character */
	for (size_t i = 0; i + 3 <= 300; i += 3)
		memcpy(from + i, "\xe2\x82\xac", 3);
	name_safe(from, 305, out);
	assert_int_equal(strlen(out), 249 + 5);
	name_safe(from, sizeof(from), out); /* longer than any path */
	assert_int_equal(strlen(out), NAME_BYTES_MAX);
	name_numbered("beach", 1, out);
	assert_string_equal(out, "beach (1)");
	name_numbered("a.tar.gz", 2, out);
	assert_string_equal(out, "a.tar (2).gz");
}

/* ---- files ------------------------------------------------------------ */

static struct photo_id
id_of(const char *content)
{
	struct photo_hash *h = photo_hash_new();
	struct photo_id id;

	photo_hash_add(h, content, strlen(content));
	photo_hash_end(h, &id);
	photo_hash_free(h);
	return id;
}

static void
write_file(const char *name, const char *content)
{
	int fd = openat(place.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static void
assert_file(const char *name, const char *content)
{
	char got[256] = "";
	int fd = openat(place.fd, name, O_RDONLY | O_NOFOLLOW);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(content));
	assert_string_equal(got, content);
	close(fd);
}

static int64_t put_mtime_ns = 1688205600500000000;

/* Content through a part file to its name. */
static enum place_verdict
put(const char *content, const char *wanted, bool exact, char *out,
    struct failure *why)
{
	struct photo_id id = id_of(content);
	enum place_verdict v;
	struct part part;

	assert_int_equal(part_open(&place, &id, &part, why), PART_OPEN);
	assert_int_equal(write(part.fd, content, strlen(content)),
			 strlen(content));
	v = place_put(&place, reading, part.name, part.fd, put_mtime_ns, wanted,
		      exact, &id, out, why);
	if (v == PLACE_TAKEN)
		part_drop(&place, &part);
	part_close(&part);
	assert_int_equal(faccessat(place.fd, part.name, F_OK, 0), -1);
	return v;
}

/* The same, and it may fail: nothing stays. */
static enum place_verdict
put_exactly(const char *content, const char *name, struct failure *why)
{
	struct photo_id id = id_of(content);
	char out[NAME_BYTES_MAX + 1];
	enum place_verdict v;
	struct part part;

	assert_int_equal(part_open(&place, &id, &part, why), PART_OPEN);
	v = place_put(&place, reading, part.name, part.fd, put_mtime_ns, name,
		      true, &id, out, why);
	part_drop(&place, &part);
	return v;
}

static void
test_nothing_is_overwritten(void **state)
{
	char out[NAME_BYTES_MAX + 1];
	struct failure why;
	struct stat st;

	(void)state;
	umask(022);
	place.mode = 0644;
	assert_int_equal(put("one", "b.jpg", false, out, &why), PLACE_FREE);
	assert_string_equal(out, "b.jpg");
	assert_int_equal(fstatat(place.fd, "b.jpg", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_mtim.tv_sec, 1688205600);
	assert_int_equal(st.st_mtim.tv_nsec, 500000000);
	/* same size, other bytes */
	assert_int_equal(put("two", "b.jpg", false, out, &why), PLACE_FREE);
	assert_string_equal(out, "b (1).jpg");
	assert_int_equal(put("three", "b.jpg", false, out, &why), PLACE_FREE);
	assert_string_equal(out, "b (2).jpg");
	/* each of them is known again */
	assert_int_equal(put("one", "b.jpg", false, out, &why), PLACE_THERE);
	assert_string_equal(out, "b.jpg");
	assert_int_equal(put("three", "b.jpg", false, out, &why), PLACE_THERE);
	assert_string_equal(out, "b (2).jpg");
	/* that name or none */
	assert_int_equal(put("four", "b.jpg", true, out, &why), PLACE_TAKEN);
	assert_int_equal(why.ending, ENDING_REFUSED);
	assert_int_equal(put("one", "b.jpg", true, out, &why), PLACE_THERE);
	assert_int_equal(put("four", "c.jpg", true, out, &why), PLACE_FREE);
	assert_file("b.jpg", "one");
	assert_file("b (1).jpg", "two");
	assert_file("b (2).jpg", "three");
	assert_file("c.jpg", "four");
}

/* exFAT by FUSE and telephones know neither a rename that replaces nothing nor
 * second names; NFS knows the latter. */
static void
test_nothing_is_overwritten_anywhere(void **state)
{
	(void)state;
	odd.no_replace = false;
	test_nothing_is_overwritten(state);
	teardown(state);
	assert_int_equal(setup(state), 0);
	odd.links = false;
	test_nothing_is_overwritten(state);
}

/* Only what made it is left of an attempt that fails. */
static void
test_no_empty_file_is_left(void **state)
{
	struct stat st;

	(void)state;
	odd.no_replace = odd.links = false;
	assert_int_equal(rename_to_nothing(place.fd, "missing", "b.jpg"),
			 ENOENT);
	assert_int_equal(fstatat(place.fd, "b.jpg", &st, 0), -1);
	write_file("there", "one");
	write_file("b.jpg", "");
	assert_int_equal(rename_to_nothing(place.fd, "there", "b.jpg"), EEXIST);
	assert_file("there", "one");
	assert_file("b.jpg", "");
}

/* "12:30.jpg" on a stick: it gets a name that can be there, and is known by it
 * the next time. */
static void
test_names_that_cannot_be_there(void **state)
{
	static const int says[] = {EINVAL, EILSEQ, ENAMETOOLONG, ENOENT};
	struct photo_id id = id_of("one");
	char out[NAME_BYTES_MAX + 1], name[32];
	struct failure why;

	for (unsigned i = 0; i < sizeof(says) / sizeof(*says); i++) {
		odd.refuses = says[i];
		odd.no_replace = odd.links = i % 2 == 0;
		snprintf(name, sizeof(name), "12:%u.jpg", i);
		assert_int_equal(put("two", name, false, out, &why),
				 PLACE_FREE);
		assert_string_not_equal(out, name);
		assert_int_equal(put("one", name, false, out, &why),
				 PLACE_FREE);
		assert_null(strchr(out, ':'));
		assert_file(out, "one");
		assert_int_equal(place_look(&place, reading, name, false, &id,
					    out, &why),
				 PLACE_THERE);
		assert_null(strchr(out, ':'));
		/* that name or none */
		assert_int_equal(put_exactly("one", name, &why), PLACE_FAILED);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

/* Neither modes nor times: FAT says EPERM, FUSE ENOSYS, others ENOTSUP. */
static void
test_no_modes(void **state)
{
	static const int says[] = {EPERM, ENOSYS, ENOTSUP, EINVAL};
	char out[NAME_BYTES_MAX + 1], name[32];
	struct failure why;

	(void)state;
	for (unsigned i = 0; i < sizeof(says) / sizeof(*says); i++) {
		odd.no_modes = says[i];
		snprintf(name, sizeof(name), "m%u.jpg", i);
		assert_int_equal(put(name, name, true, out, &why), PLACE_FREE);
		assert_file(name, name);
	}
	odd.no_modes = EIO;
	assert_int_equal(put_exactly("bad", "bad.jpg", &why), PLACE_FAILED);
	odd.no_modes = 0;
}

/* What a member says of a time may be anything. */
static void
test_any_time(void **state)
{
	const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX};
	const int64_t kept = put_mtime_ns;
	char out[NAME_BYTES_MAX + 1], name[32];
	struct failure why;
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(name, sizeof(name), "t%u.jpg", i);
		put_mtime_ns = times[i];
		assert_int_equal(put(name, name, true, out, &why), PLACE_FREE);
		assert_file(name, name);
	}
	put_mtime_ns = kept;
	assert_int_equal(fstatat(place.fd, "t2.jpg", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, -1);
	assert_int_equal(st.st_mtim.tv_nsec, 999999999);
}

static void
test_what_is_no_file_is_left_alone(void **state)
{
	char out[NAME_BYTES_MAX + 1];
	struct failure why;

	(void)state;
	write_file("target", "one");
	assert_int_equal(symlinkat("target", place.fd, "l.jpg"), 0);
	assert_int_equal(symlinkat("nowhere", place.fd, "l (1).jpg"), 0);
	assert_int_equal(mkdirat(place.fd, "l (2).jpg", 0700), 0);
	assert_int_equal(mkfifoat(place.fd, "l (3).jpg", 0600), 0);
	assert_int_equal(put("one", "l.jpg", false, out, &why), PLACE_FREE);
	assert_string_equal(out, "l (4).jpg");
	assert_file("target", "one");
	assert_int_equal(faccessat(place.fd, "nowhere", F_OK, 0), -1);
}

/* A look that fails tells nothing about the name: neither that it is free nor
 * that it is taken, and the next name would fail, too. */
static void
test_a_folder_that_cannot_be_looked_into(void **state)
{
	struct photo_id id = id_of("one");
	char out[NAME_BYTES_MAX + 1];
	enum place_verdict any, exact;
	struct failure why, too;
	bool root = geteuid() == 0;

	(void)state;
	assert_int_equal(fchmod(place.fd, 0644), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	alarm(20); /* for ever is what it once took */
	any = place_look(&place, reading, "b.jpg", false, &id, out, &why);
	exact = place_look(&place, reading, "b.jpg", true, &id, out, &too);
	alarm(0);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(fchmod(place.fd, 0700), 0);
	assert_int_equal(any, PLACE_FAILED);
	assert_int_equal(why.ending, ENDING_FAILED);
	assert_non_null(strstr(why.message, dir));
	assert_non_null(strstr(why.message, "Permission denied"));
	assert_int_equal(exact, PLACE_FAILED);
	assert_int_equal(too.ending, ENDING_FAILED);
}

/* Ctrl-C ends the search for a name that nobody has. */
static void
test_interrupted_among_names(void **state)
{
	struct photo_id id = id_of("one");
	char out[NAME_BYTES_MAX + 1];
	struct failure why;

	(void)state;
	write_file("b.jpg", "other");
	write_file("b (1).jpg", "other");
	call_catch_interrupt();
	raise(SIGINT);
	assert_int_equal(place_look(&place, reading, "c.jpg", false, &id, out,
				    &why),
			 PLACE_FREE);
	assert_int_equal(place_look(&place, reading, "b.jpg", false, &id, out,
				    &why),
			 PLACE_FAILED);
	assert_int_equal(why.ending, ENDING_INTERRUPTED);
	odd.haunted = true;
	alarm(20); /* for ever is what it once took */
	assert_int_equal(put_exactly("one", "c.jpg", &why), PLACE_FAILED);
	alarm(0);
	assert_int_equal(why.ending, ENDING_INTERRUPTED);
}

static void
test_part_files(void **state)
{
	struct photo_id id = id_of("photo");
	struct part part, other;
	struct failure why;
	struct stat st;

	(void)state;
	assert_int_equal(part_open(&place, &id, &part, &why), PART_OPEN);
	assert_int_equal(fstat(part.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(part_open(&place, &id, &other, &why), PART_LOCKED);
	assert_int_equal(write(part.fd, "pho", 3), 3);
	/* the daemon has it, too: the lock is not ours alone to give up */
	other.fd = dup(part.fd);
	part_close(&part);
	assert_int_equal(part_open(&place, &id, &part, &why), PART_LOCKED);
	close(other.fd);
	assert_int_equal(part_open(&place, &id, &part, &why), PART_OPEN);
	assert_int_equal(fstat(part.fd, &st), 0);
	assert_int_equal(st.st_size, 3);
	part_drop(&place, &part);
	assert_int_equal(faccessat(place.fd, part.name, F_OK, 0), -1);
}

/* Somebody who may write here plants the name of a part file. */
static void
test_planted_part_files(void **state)
{
	struct photo_id id = id_of("photo");
	struct part part;
	struct failure why;

	(void)state;
	assert_int_equal(part_open(&place, &id, &part, &why), PART_OPEN);
	part_drop(&place, &part);
	write_file("precious", "mine");
	assert_int_equal(linkat(place.fd, "precious", place.fd, part.name, 0),
			 0);
	assert_int_equal(part_open(&place, &id, &part, &why), PART_FAILED);
	assert_int_equal(unlinkat(place.fd, part.name, 0), 0);
	assert_int_equal(symlinkat("precious", place.fd, part.name), 0);
	assert_int_equal(part_open(&place, &id, &part, &why), PART_FAILED);
	assert_int_equal(unlinkat(place.fd, part.name, 0), 0);
	assert_int_equal(mkfifoat(place.fd, part.name, 0600), 0);
	assert_int_equal(part_open(&place, &id, &part, &why), PART_FAILED);
	assert_file("precious", "mine");
}

static void
test_folders(void **state)
{
	char path[128], shown[PLACE_PATH_MAX];
	struct place p, below;
	struct failure why;

	(void)state;
	snprintf(path, sizeof(path), "%s/new/", dir);
	assert_int_equal(place_open(&p, path, false, &why), -1);
	assert_int_equal(place_open(&p, path, true, &why), 0);
	place_shown(&p, "x.jpg", shown);
	assert_string_equal(shown + strlen(path), "x.jpg");
	assert_int_equal(place_open_below(&below, &p, "2023", &why), 0);
	place_close(&below);
	assert_int_equal(place_open_below(&below, &p, "2023", &why), 0);
	place_close(&below);
	assert_int_equal(symlinkat("2023", p.fd, "2024"), 0);
	assert_int_equal(place_open_below(&below, &p, "2024", &why), -1);
	assert_int_equal(place_has_room(&p, 1, &why), 0);
	assert_int_equal(place_has_room(&p, UINT64_C(1) << 60, &why), -1);
	assert_non_null(strstr(why.message, "no room"));
	place_close(&p);
	snprintf(path, sizeof(path), "%s/no/such/", dir);
	assert_int_equal(place_open(&p, path, true, &why), -1);
}

/* ---- reading ---------------------------------------------------------- */

static void
count_bytes(void *arg, size_t count)
{
	*(size_t *)arg += count;
}

static void
test_reading(void **state)
{
	static const uint8_t nonce[PROOF_NONCE_BYTES]; /* zeros */
	/* sha256 of 32 zero bytes and "abc" */
	static const uint8_t sum[] = {0x36, 0x5a, 0xa7, 0xd8};
	struct reading_result result;
	struct photo_id id = id_of("abc");
	size_t seen = 0;
	struct reading_wish wish = {.nonce = nonce,
				    .on_bytes = count_bytes,
				    .arg = &seen};
	int fd;

	(void)state;

	write_file("a", "abc");
	fd = openat(place.fd, "a", O_RDONLY);
	wish.copy_to = openat(place.fd, "copy", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(reading_run(reading, fd, &wish, &result),
			 READING_DONE);
	assert_int_equal(photo_id_compare(&result.photo, &id), 0);
	assert_memory_equal(result.sum, sum, sizeof(sum));
	assert_int_equal(seen, 3);
	assert_int_equal(result.head_bytes, 3);
	assert_memory_equal(result.head, "abc", 3);
	assert_file("copy", "abc");
	assert_true(reading_is(reading, fd, &id));
	id.hash[0] ^= 1;
	assert_false(reading_is(reading, fd, &id));
	close(wish.copy_to);
	close(fd);
}

/* ---- progress --------------------------------------------------------- */

static void
test_progress(void **state)
{
	char text[PROGRESS_TEXT_MAX];
	struct progress p;
	uint64_t eta;

	(void)state;
	progress_init(&p, "get", 1000);
	progress_text(&p, 1000, text);
	assert_string_equal(text, "0 files, 0 B");
	p.files = 1;
	p.bytes = 2000000;
	progress_sample(&p, 2000);
	assert_int_equal(progress_rate(&p, 2000), 2000000);
	assert_false(progress_eta_ms(&p, 2000, &eta));
	p.totals_known = true;
	p.total_files = 4;
	p.total_bytes = 12000000;
	assert_true(progress_eta_ms(&p, 2000, &eta));
	assert_int_equal(eta, 5000);
	strcpy(p.who, "bob");
	progress_text(&p, 2000, text);
	assert_string_equal(text, "1 of 4 files, 2.0 MB, 2.0 MB/s, 5 s left, "
				  "from bob");
	strcpy(p.state, "consent");
	progress_text(&p, 2000, text);
	assert_non_null(strstr(text, "waiting for bob's consent"));
	/* nothing moves: the rate falls to none, and no time is promised */
	for (int64_t now = 2500; now < 9000; now += 100)
		progress_sample(&p, now);
	assert_int_equal(progress_rate(&p, 9000), 0);
	assert_false(progress_eta_ms(&p, 9000, &eta));
	p.bytes = 1; /* what is checked again may be less */
	assert_int_equal(progress_rate(&p, 9100), 0);
}

/* Where a server or a mount says whose all files are, all are somebody else's,
 * and so is what another run has left; where nothing can be locked, that is
 * said, and nobody is waited for. */
static void
test_part_files_elsewhere(void **state)
{
	struct photo_id id = id_of("photo");
	struct failure why;
	struct part part;

	(void)state;
	odd.others = true;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(part_open(&place, &id, &part, &why),
				 PART_OPEN);
		part_close(&part);
	}
	odd.no_lock = ENOLCK;
	assert_int_equal(part_open(&place, &id, &part, &why), PART_FAILED);
	assert_non_null(strstr(why.message, strerror(ENOLCK)));
	odd.no_lock = 0;
	assert_int_equal(part_open(&place, &id, &part, &why), PART_OPEN);
	part_drop(&place, &part);
	/* and nothing lies around */
	assert_int_equal(unlinkat(AT_FDCWD, dir, AT_REMOVEDIR), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_are_made_safe),
		TEST(test_names_are_made_plain),
		TEST(test_names_are_cut),
		TEST(test_nothing_is_overwritten),
		TEST(test_nothing_is_overwritten_anywhere),
		TEST(test_no_empty_file_is_left),
		TEST(test_names_that_cannot_be_there),
		TEST(test_no_modes),
		TEST(test_any_time),
		TEST(test_what_is_no_file_is_left_alone),
		TEST(test_a_folder_that_cannot_be_looked_into),
		TEST(test_part_files),
		TEST(test_planted_part_files),
		TEST(test_part_files_elsewhere),
		TEST(test_folders),
		TEST(test_reading),
		TEST(test_progress),
		TEST(test_interrupted_among_names), /* for good: the last */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
