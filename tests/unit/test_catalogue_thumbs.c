/*
 * The cache of thumbnails: what is put is there, also in the next life; the
 * newest stay; and whatever becomes of its file, nobody is the worse for it.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "thumb_store.h"
#include "thumb_sample.h"

#define PLENTY (UINT64_C(1) << 30)

static char dir[64];
static uint8_t got[THUMB_BYTES_MAX], image[THUMB_BYTES_MAX];

static struct photo_id
photo(unsigned n)
{
	struct photo_id id = {.size = n};

	memset(id.hash, (int)(n * 7), sizeof(id.hash));
	memcpy(id.hash, &n, sizeof(n));
	return id;
}

static bool
put(struct thumb_store *s, unsigned n, int64_t date, size_t data_bytes)
{
	struct photo_id id = photo(n);

	return thumb_store_put(s, &id, date, image,
			       thumb_sample(image, 256, 100, n, data_bytes));
}

static bool
wants(struct thumb_store *s, unsigned n)
{
	struct photo_id id = photo(n);

	return thumb_store_wants(s, &id, n);
}

/* Of photo n, with the right mark? */
static bool
is_there(struct thumb_store *s, unsigned n)
{
	struct photo_id id = photo(n);
	size_t count = 0;
	bool found = thumb_store_get(s, &id, got, &count) == THUMB_KEPT;

	assert_int_equal(thumb_store_has(s, &id), found);
	if (found)
		assert_memory_equal(got + THUMB_SAMPLE_MARK, &n, sizeof(n));
	return found;
}

static uint64_t
count_of(struct thumb_store *s)
{
	uint64_t kept, made;

	thumb_store_count(s, &kept, &made);
	return kept;
}

static struct thumb_store *
opened(uint64_t bytes)
{
	struct thumb_store *s = thumb_store_new(dir, bytes);

	assert_non_null(s);
	return s;
}

static const char *
path_of(const char *suffix)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/thumbs.db%s", dir, suffix);
	return path;
}

static int
fresh(void **state)
{
	(void)state;
	unlink(path_of(""));
	unlink(path_of("-wal"));
	unlink(path_of("-shm"));
	return 0;
}

/* ---- tests -------------------------------------------------------------------- */

static void
kept(void **state)
{
	struct thumb_store *s = opened(PLENTY);
	struct photo_id none = photo(500);
	size_t count = 9;

	(void)state;
	assert_int_equal(access(path_of(""), F_OK), -1); /* not before it is used */
	assert_false(is_there(s, 1));
	for (unsigned n = 0; n < 100; n++)
		assert_true(put(s, n, n, 10 * n));
	assert_true(put(s, 7, 7, 70)); /* again: nothing more */
	for (unsigned n = 0; n < 100; n++)
		assert_true(is_there(s, n));
	assert_int_equal(count_of(s), 100);
	assert_true(thumb_store_put(s, &none, 3, NULL, 0));
	assert_int_equal(thumb_store_get(s, &none, got, &count),
			 THUMB_IMPOSSIBLE);
	assert_int_equal(count, 0);
	assert_true(thumb_store_has(s, &none));
	assert_int_equal(count_of(s), 100);
	assert_false(thumb_store_put(s, &none, 3, image, 17)); /* no thumbnail */
	thumb_store_free(s);
	s = opened(PLENTY);
	assert_int_equal(count_of(s), 100);
	for (unsigned n = 0; n < 100; n++)
		assert_true(is_there(s, n));
	assert_int_equal(thumb_store_get(s, &none, got, &count),
			 THUMB_IMPOSSIBLE);
	/* Somebody could, after all. */
	assert_true(put(s, 500, 3, 10));
	assert_true(is_there(s, 500));
	assert_int_equal(count_of(s), 101);
	thumb_store_free(s);
}

static void
newest_stay(void **state)
{
	struct thumb_store *s = opened(400000);
	unsigned there = 0, oldest = 100;
	struct stat st;

	(void)state;
	/* In no order of time: 37 has no factor in common with 100. */
	for (unsigned i = 0; i < 100; i++) {
		unsigned n = i * 37 % 100;

		if (wants(s, n))
			(void)put(s, n, n, 10000);
		thumb_store_rest(s);
	}
	for (unsigned n = 100; n-- > 0;)
		if (is_there(s, n)) {
			there++;
			oldest = n;
		}
	assert_in_range(there, 20, 40);
	assert_int_equal(there, 100 - oldest); /* the newest, without a gap */
	assert_int_equal(count_of(s), there);
	assert_false(wants(s, oldest - 1));
	assert_true(wants(s, oldest + 1));
	thumb_store_free(s);
	assert_int_equal(stat(path_of(""), &st), 0);
	assert_in_range(st.st_size, 200000, 600000);
	/* A lower bound takes room away at the next start. */
	s = opened(150000);
	assert_true(is_there(s, 99));
	assert_false(is_there(s, oldest));
	assert_in_range(count_of(s), 5, 14);
	thumb_store_free(s);
	assert_int_equal(stat(path_of(""), &st), 0);
	assert_true(st.st_size <= 200000);
	/* And none takes it away. */
	s = opened(0);
	assert_int_equal(access(path_of(""), F_OK), -1);
	assert_false(wants(s, 99));
	assert_false(put(s, 99, 99, 10));
	assert_false(is_there(s, 99));
	thumb_store_free(s);
	assert_int_equal(access(path_of(""), F_OK), -1);
}

/* Of one moment they go by their ids, in whatever order they came. */
static void
one_moment(void **state)
{
	struct thumb_store *s = opened(300000);
	struct photo_id newest = photo(0), id;
	bool there = true, was = true;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		unsigned n = i * 37 % 100;

		id = photo(n);
		if (photo_id_compare(&id, &newest) > 0)
			newest = id;
		if (thumb_store_wants(s, &id, 5))
			(void)put(s, n, 5, 10000);
		thumb_store_rest(s);
	}
	assert_true(thumb_store_has(s, &newest));
	/* Sorted by their ids, those that are there are the last. */
	for (unsigned turn = 0; turn < 100; turn++) {
		struct photo_id next = {{0}, 0};

		for (unsigned n = 0; n < 100; n++) {
			id = photo(n);
			if (photo_id_compare(&id, &newest) < 0 &&
			    photo_id_compare(&id, &next) > 0)
				next = id;
		}
		newest = next;
		there = thumb_store_has(s, &newest);
		assert_true(was || !there);
		was = there;
	}
	assert_in_range(count_of(s), 10, 30);
	thumb_store_free(s);
}

static void
overwrite(const char *path, off_t at, const char *text, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	assert_int_equal(pwrite(fd, text, count, at), count);
	close(fd);
}

static void
damaged(void **state)
{
	static char nonsense[8192];
	struct thumb_store *s;

	(void)state;
	memset(nonsense, 0xa5, sizeof(nonsense));
	for (unsigned what = 0; what < 4; what++) {
		fresh(NULL);
		s = opened(PLENTY);
		for (unsigned n = 0; n < 50; n++)
			assert_true(put(s, n, n, 3000));
		thumb_store_free(s);
		switch (what) {
		case 0: /* no database at all */
			overwrite(path_of(""), 0, nonsense, 4096);
			break;
		case 1: /* within it */
			for (off_t at = 4096; at < 80000; at += 8192)
				overwrite(path_of(""), at, nonsense, 8192);
			break;
		case 2: /* cut */
			assert_int_equal(truncate(path_of(""), 20000), 0);
			break;
		case 3: /* somebody else's */
			overwrite(path_of(""), 68, "ELSE", 4);
			break;
		}
		s = opened(PLENTY);
		/* Whatever of it is asked first. */
		for (unsigned n = 0; n < 50; n++)
			(void)is_there(s, n);
		for (unsigned n = 100; n < 150; n++)
			(void)put(s, n, n, 3000);
		for (unsigned n = 150; n < 200; n++)
			assert_true(put(s, n, n, 3000));
		for (unsigned n = 150; n < 200; n++)
			assert_true(is_there(s, n));
		thumb_store_free(s);
		s = opened(PLENTY);
		for (unsigned n = 150; n < 200; n++)
			assert_true(is_there(s, n));
		thumb_store_free(s);
	}
}

/* Where it cannot be written nothing is kept, and that is all. */
static void
nowhere(void **state)
{
	struct thumb_store *s;

	(void)state;
	assert_int_equal(mkdir(path_of(""), 0700), 0);
	s = opened(PLENTY);
	assert_false(wants(s, 1));
	assert_false(put(s, 1, 1, 10));
	assert_false(is_there(s, 1));
	assert_int_equal(count_of(s), 0);
	thumb_store_rest(s);
	thumb_store_free(s);
	assert_int_equal(rmdir(path_of("")), 0);
}

/* A disk that takes no more: what was kept can be seen, and that is all. */
static void
full(void **state)
{
	struct thumb_store *s = opened(PLENTY);
	struct rlimit old, less;
	unsigned there = 0;

	(void)state;
	for (unsigned n = 0; n < 20; n++)
		assert_true(put(s, n, n, 9000));
	thumb_store_rest(s);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	less = old;
	less.rlim_cur = 500000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
	for (unsigned n = 20; n < 400 && put(s, n, n, 9000); n++)
		there = n;
	assert_in_range(there, 20, 200);
	assert_false(wants(s, 1000));
	assert_false(put(s, 1000, 1000, 10));
	for (unsigned n = 0; n < 20; n++)
		assert_true(is_there(s, n));
	assert_in_range(count_of(s), 20, there + 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	thumb_store_free(s);
	s = opened(PLENTY);
	for (unsigned n = 0; n < 20; n++)
		assert_true(is_there(s, n));
	assert_true(put(s, 1000, 1000, 10));
	thumb_store_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kept, fresh),
		cmocka_unit_test_setup(newest_stay, fresh),
		cmocka_unit_test_setup(one_moment, fresh),
		cmocka_unit_test_setup(damaged, fresh),
		cmocka_unit_test_setup(nowhere, fresh),
		cmocka_unit_test_setup(full, fresh),
	};
	int failed;

	strcpy(dir, "/tmp/photomesh-thumbs.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fresh(NULL);
	rmdir(dir);
	return failed;
}
