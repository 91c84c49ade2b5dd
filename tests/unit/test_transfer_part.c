/*
 * part.c: a file filled in pieces, in any order, interrupted anywhere and
 * damaged meanwhile, is the photo in the end or is said not to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "hash.h"
#include "limits.h"
#include "part.h"
#include "trouble.h"

#define MIB (1u << 20)

static uint8_t *bytes;
static uint32_t resumed;

static void
make_photo(size_t count, struct photo_id *id)
{
	struct digest d;
	uint8_t *at = id->hash;
	uint64_t x = 88172645463325252u;

	bytes = malloc(count + 1);
	assert_non_null(bytes);
	for (size_t i = 0; i < count; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (uint8_t)x;
	}
	d = hash_bytes(bytes, count);
	put_be(&at, d.high, 8);
	put_be(&at, d.low, 8);
	id->size = count;
}

static int
open_file(void)
{
	char path[] = "/tmp/photomesh-part-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void
on_resumed(void *arg, uint32_t index)
{
	bool *here = arg;

	resumed++;
	if (here != NULL)
		here[index] = true;
}

static struct part *
open_part(int fd, const struct photo_id *id, bool *here)
{
	struct trouble why = {0, ""};
	uint64_t count;
	struct part *p;

	resumed = 0;
	p = part_open(fd, id, on_resumed, here, &count, &why);
	assert_non_null(p);
	return p;
}

static void
put_piece(struct part *p, uint32_t index, const uint8_t *from)
{
	struct trouble why = {0, ""};
	struct part_piece piece;

	assert_int_equal(part_begin(p, index, &piece, &why), 0);
	while (piece.got < piece.length) {
		size_t n = piece.length - piece.got < 300000
				   ? (size_t)(piece.length - piece.got)
				   : 300000;

		assert_int_equal(part_put(p, &piece,
					  from + piece.offset + piece.got, n,
					  &why),
				 0);
	}
	assert_int_equal(part_end(p, &piece, &why), 0);
}

static void
check_whole(struct part *p, int fd, size_t count)
{
	struct trouble why = {0, ""};
	uint8_t *back = malloc(count + 1);
	struct stat st;

	assert_int_equal(part_whole(p, &why), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, count);
	assert_int_equal(pread(fd, back, count, 0), count);
	assert_memory_equal(back, bytes, count);
	free(back);
}

static void
test_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct photo_id id;
		int fd = open_file();
		struct part *p;

		make_photo(sizes[i], &id);
		p = open_part(fd, &id, NULL);
		/* From behind: everything is read back. */
		for (size_t n = sizes[i] / MIB + (sizes[i] % MIB != 0); n > 0;)
			put_piece(p, (uint32_t)--n, bytes);
		if (sizes[i] == 0)
			put_piece(p, 0, bytes);
		check_whole(p, fd, sizes[i]);
		part_free(p);
		close(fd);
		free(bytes);
	}
}

static void
test_resume(void **state)
{
	struct trouble why = {0, ""};
	bool here[6] = {false};
	struct part_piece piece;
	struct photo_id id;
	int fd = open_file();
	struct part *p;

	(void)state;
	make_photo(5 * MIB + 7, &id);
	p = open_part(fd, &id, NULL);
	put_piece(p, 0, bytes);
	put_piece(p, 1, bytes);
	put_piece(p, 4, bytes);
	/* One is under way at the end, and never noted. */
	assert_int_equal(part_begin(p, 2, &piece, &why), 0);
	assert_int_equal(part_put(p, &piece, bytes + 2 * MIB, 1000, &why), 0);
	part_abandon(p, &piece);
	part_free(p);
	/* One loses its bytes. */
	assert_int_equal(pwrite(fd, "x", 1, MIB + 77), 1);
	p = open_part(fd, &id, here);
	assert_int_equal(resumed, 2);
	assert_true(here[0] && here[4] && !here[1]);
	put_piece(p, 5, bytes);
	put_piece(p, 1, bytes);
	put_piece(p, 3, bytes);
	put_piece(p, 2, bytes);
	check_whole(p, fd, 5 * MIB + 7);
	part_free(p);
	close(fd);
	free(bytes);
}

/* Begun, given up half-way, begun again: the running hash must not keep it. */
static void
test_abandon(void **state)
{
	struct trouble why = {0, ""};
	struct part_piece piece, other;
	struct photo_id id;
	int fd = open_file();
	struct part *p;

	(void)state;
	make_photo(3 * MIB, &id);
	p = open_part(fd, &id, NULL);
	put_piece(p, 0, bytes);
	assert_int_equal(part_begin(p, 1, &piece, &why), 0);
	assert_int_equal(part_put(p, &piece, bytes, 5000, &why), 0);
	assert_int_equal(part_begin(p, 2, &other, &why), 0);
	assert_int_equal(part_put(p, &other, bytes + 2 * MIB, MIB, &why), 0);
	assert_int_equal(part_end(p, &other, &why), 0);
	part_abandon(p, &piece);
	put_piece(p, 1, bytes);
	check_whole(p, fd, 3 * MIB);
	part_free(p);
	close(fd);
	free(bytes);
}

static void
test_wrong(void **state)
{
	struct trouble why = {0, ""};
	struct photo_id id;
	int fd = open_file();
	uint8_t *wrong;
	struct part *p;

	(void)state;
	make_photo(2 * MIB + 1, &id);
	wrong = malloc(2 * MIB + 1);
	assert_non_null(wrong);
	memcpy(wrong, bytes, 2 * MIB + 1);
	wrong[MIB + 5] ^= 1;
	p = open_part(fd, &id, NULL);
	for (uint32_t i = 0; i < 3; i++)
		put_piece(p, i, wrong);
	assert_int_equal(part_whole(p, &why), 0);
	assert_int_equal(part_forget(p, &why), 0);
	for (uint32_t i = 0; i < 3; i++)
		put_piece(p, i, bytes);
	check_whole(p, fd, 2 * MIB + 1);
	part_free(p);
	close(fd);
	free(wrong);
	free(bytes);
}

/* A file that holds something else, or the part of another photo. */
static void
test_foreign(void **state)
{
	struct photo_id id, other;
	int fd = open_file();
	uint8_t *first;
	struct part *p;

	(void)state;
	make_photo(2 * MIB, &other);
	first = bytes;
	p = open_part(fd, &other, NULL);
	put_piece(p, 0, bytes);
	part_free(p);
	make_photo(2 * MIB, &id);
	id.hash[0] ^= 1; /* same size, another photo */
	p = open_part(fd, &id, NULL);
	assert_int_equal(resumed, 0);
	part_free(p);
	id.hash[0] ^= 1;
	assert_int_equal(pwrite(fd, first, 2 * MIB, 0), 2 * MIB);
	p = open_part(fd, &id, NULL);
	assert_int_equal(resumed, 0);
	put_piece(p, 1, bytes);
	put_piece(p, 0, bytes);
	check_whole(p, fd, 2 * MIB);
	part_free(p);
	close(fd);
	free(first);
	free(bytes);
}

/* One piece: nothing lies behind its bytes at any time, and what was there is
 * never believed. */
static void
test_one_piece(void **state)
{
	struct trouble why = {0, ""};
	struct part_piece piece;
	struct photo_id id;
	int fd = open_file();
	struct part *p;
	struct stat st;

	(void)state;
	make_photo(MIB, &id);
	assert_int_equal(pwrite(fd, bytes, MIB, MIB), MIB);
	p = open_part(fd, &id, NULL);
	assert_int_equal(resumed, 0);
	assert_int_equal(part_begin(p, 0, &piece, &why), 0);
	assert_int_equal(part_put(p, &piece, bytes, 1000, &why), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 1000);
	part_abandon(p, &piece);
	put_piece(p, 0, bytes);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, MIB);
	part_free(p);
	p = open_part(fd, &id, NULL);
	assert_int_equal(resumed, 0);
	bytes[7] ^= 1;
	put_piece(p, 0, bytes);
	assert_int_equal(part_whole(p, &why), 0);
	assert_int_equal(part_forget(p, &why), 0);
	bytes[7] ^= 1;
	put_piece(p, 0, bytes);
	check_whole(p, fd, MIB);
	part_free(p);
	close(fd);
	free(bytes);
}

/* The file may not grow: said, not believed. */
static void
test_full(void **state)
{
	const struct rlimit small = {MIB / 2, RLIM_INFINITY};
	struct trouble why = {0, ""};
	struct rlimit before;
	struct photo_id id;
	int fd = open_file();
	uint64_t count;

	(void)state;
	make_photo(MIB + 1, &id);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_null(part_open(fd, &id, on_resumed, NULL, &count, &why));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(why.text, "file"));
	close(fd);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),   cmocka_unit_test(test_resume),
		cmocka_unit_test(test_abandon), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_foreign), cmocka_unit_test(test_full),
		cmocka_unit_test(test_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
