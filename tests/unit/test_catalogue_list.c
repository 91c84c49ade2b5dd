/*
 * The merged list in pages: every photo exactly once for every sort and both
 * ways, over ties, and while it changes; search, one node's photos, ids, copies
 * in order; those with more than one copy; the problems of all nodes.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHOTOS 200u

static struct box a, b;

static int
setup(void **state)
{
	static char paths[PHOTOS][64];
	static struct own_file f[PHOTOS];
	struct stream_id s;

	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	for (unsigned i = 0; i < PHOTOS; i++) {
		snprintf(paths[i], 64, "d%u/%s%u.jpg", i,
			 i % 3 == 0 ? "Img" : "img", i % 10);
		f[i] = kit_copy(1, paths[i], i);
	}
	box_own(&a, f, PHOTOS / 2, 1);
	box_own(&a, f + PHOTOS / 2, PHOTOS / 2, 2);
	box_own(&b, f + 10, 20, 3);
	box_root(&b, 1, true);
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	return 0;
}

struct pages {
	unsigned seen[PHOTOS];
	unsigned count;
	struct list_cursor last;
	enum list_sort sort;
	bool reverse, have;
	struct photo_row before;
	char before_name[256];
};

static uint64_t
wasted(const struct photo_row *row)
{
	return (row->copies - 1) * row->photo.size;
}

static int
compare(const struct photo_row *x, const char *x_name,
	const struct photo_row *y, enum list_sort sort)
{
	int r = 0;

	switch (sort) {
	case SORT_TAKEN:
		r = (x->mtime_ns > y->mtime_ns) - (x->mtime_ns < y->mtime_ns);
		break;
	case SORT_NAME:
		r = strcasecmp(x_name, y->name);
		break;
	case SORT_SIZE:
		r = (x->photo.size > y->photo.size) -
		    (x->photo.size < y->photo.size);
		break;
	case SORT_ADDED:
		r = (x->added_ms > y->added_ms) - (x->added_ms < y->added_ms);
		break;
	case SORT_WASTED:
		r = (wasted(x) > wasted(y)) - (wasted(x) < wasted(y));
		break;
	}
	if (r == 0)
		r = photo_id_compare(&x->photo, &y->photo);
	return r;
}

static bool
on_photo(void *arg, const struct photo_row *row)
{
	struct pages *p = arg;
	bool falling = (p->sort != SORT_NAME) != p->reverse;

	for (unsigned i = 0; i < PHOTOS; i++) {
		struct photo_id id = kit_photo(i);

		if (photo_id_compare(&id, &row->photo) == 0)
			p->seen[i]++;
	}
	if (p->have) {
		int r = compare(&p->before, p->before_name, row, p->sort);

		assert_true(falling ? r > 0 : r < 0);
	}
	p->have = true;
	p->before = *row;
	strcpy(p->before_name, row->name);
	p->count++;
	p->last = row->cursor;
	assert_true(row->copy_count > 0);
	for (uint32_t i = 1; i < row->copy_count; i++)
		assert_true(node_id_compare(&row->rows[i - 1].node,
					    &row->rows[i].node) <= 0);
	return true;
}

static void
each_photo_once(void)
{
	static const uint32_t limits[] = {1, 7, 1000};

	for (unsigned way = 0; way < 8; way++) {
		for (unsigned l = 0; l < 3; l++) {
			struct list_query q = {.sort = way / 2,
					       .reverse = way % 2,
					       .limit = limits[l]};
			struct pages p = {.sort = q.sort,
					  .reverse = q.reverse};
			unsigned before;

			do {
				before = p.count;
				assert_int_equal(reader_list(b.r, &q, on_photo,
							     &p, NULL), 0);
				q.after = p.last;
			} while (p.count > before);
			for (unsigned i = 0; i < PHOTOS; i++)
				assert_int_equal(p.seen[i], 1);
		}
	}
}

/* Before and behind the making of the indexes. */
static void
pages_cover_each_photo_once(void **state)
{
	(void)state;
	assert_false(writer_indexed(b.w));
	each_photo_once();
	writer_rest(b.w);
	assert_true(writer_indexed(b.w));
	each_photo_once();
}

/* The last photo of each page goes before the next one is asked for, and another
 * comes, somewhere: who stays is on one page, and no page is repeated. */
static void
pages_of_what_changes(unsigned way, bool indexed)
{
	static char paths[PHOTOS][64];
	static struct own_file f[PHOTOS];
	struct list_query q = {.sort = way / 2, .reverse = way % 2, .limit = 7};
	struct pages p = {.sort = q.sort, .reverse = q.reverse};
	const unsigned first = PHOTOS / 2;
	unsigned next = first, before;
	struct box c;

	box_start(&c, 3, 3);
	for (unsigned i = 0; i < PHOTOS; i++) {
		snprintf(paths[i], 64, "%u/img%u.jpg", i, i * 7 % 13);
		f[i] = kit_copy(1, paths[i], i);
		f[i].copy.mtime_ns = i * 11 % 17;
	}
	box_own(&c, f, first, 5);
	box_root(&c, 1, true);
	if (indexed)
		writer_rest(c.w);
	do {
		before = p.count;
		assert_int_equal(reader_list(c.r, &q, on_photo, &p, NULL), 0);
		q.after = p.last;
		for (unsigned i = 0; i < next; i++) {
			struct photo_id id = kit_photo(i);
			struct own_file now[2] = {kit_gone(1, paths[i]),
						  f[next]};

			if (p.count == before ||
			    photo_id_compare(&id, &p.before.photo) != 0)
				continue;
			box_own(&c, now, 2, next % 9);
			assert_true(++next < PHOTOS);
			break;
		}
	} while (p.count > before);
	for (unsigned i = 0; i < PHOTOS; i++)
		assert_true(i < first ? p.seen[i] == 1 : p.seen[i] <= 1);
	box_end(&c);
}

static void
each_once_while_it_changes(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 8; way++) {
		pages_of_what_changes(way, false);
		pages_of_what_changes(way, true);
	}
}

static unsigned
count(const struct list_query *q, struct pages *p)
{
	memset(p, 0, sizeof(*p));
	p->sort = q->sort;
	p->reverse = q->reverse;
	assert_int_equal(reader_list(b.r, q, on_photo, p, NULL), 0);
	return p->count;
}

static void
search_and_one_node(void **state)
{
	struct list_query q = {.limit = 1000};
	struct totals t;
	struct pages p;

	(void)state;
	kit_query(&q, "IMG3");
	assert_int_equal(count(&q, &p), 20);
	kit_query(&q, "d1");
	assert_int_equal(count(&q, &p), 111);
	kit_query(&q, "D17/");
	assert_int_equal(count(&q, &p), 1);
	kit_query(&q, "nowhere");
	assert_int_equal(count(&q, &p), 0);
	kit_query(&q, "");
	q.of_node = true;
	q.node = b.node;
	assert_int_equal(count(&q, &p), 20);
	assert_int_equal(p.before.copies, 2);
	assert_int_equal(p.before.copy_count, 1);
	assert_int_equal(reader_node_totals(b.r, &b.node, &t, NULL), 0);
	assert_int_equal(t.photos, 20);
	assert_int_equal(t.copies, 20);
	assert_int_equal(reader_node_totals(b.r, &a.node, &t, NULL), 0);
	assert_int_equal(t.photos, PHOTOS);
	assert_int_equal(reader_totals(b.r, &t, NULL), 0);
	assert_int_equal(t.photos, PHOTOS);
	assert_int_equal(t.copies, PHOTOS + 20);
}

static bool
on_copies(void *arg, const struct photo_row *row)
{
	(void)arg;
	assert_int_equal(row->copy_count, 2);
	assert_true(node_id_equal(&row->rows[0].node, &a.node));
	assert_true(node_id_equal(&row->rows[1].node, &b.node));
	assert_string_equal(row->rows[1].label, "disk 1");
	assert_true(row->rows[1].root_online);
	assert_int_equal(row->rows[0].path_bytes, 12);
	assert_memory_equal(row->rows[0].path, "d15/Img5.jpg", 12);
	assert_string_equal(row->name, "Img5.jpg");
	assert_string_equal(row->type, "image/jpeg");
	return true;
}

static bool
on_any(void *arg, const struct photo_row *row)
{
	(void)row;
	++*(unsigned *)arg;
	return true;
}

static void
found_by_id(void **state)
{
	struct photo_id id = kit_photo(15);
	struct photo_prefix prefix;
	char text[PHOTO_ID_TEXT_MAX];
	unsigned n, total = 0;

	(void)state;
	photo_id_hex_size(&id, text);
	for (size_t bytes = 1; bytes <= strlen(text); bytes++) {
		/* Behind the + only the whole size will do. */
		if ((bytes > 32 && text[bytes] != '\0') ||
		    !photo_prefix_parse(text, bytes, &prefix))
			continue;
		n = 0;
		assert_int_equal(reader_find(b.r, &prefix, 1000, on_any, &n,
					     NULL), 0);
		assert_true(n >= 1);
		if (bytes >= 8)
			assert_int_equal(reader_find(b.r, &prefix, 2,
						     on_copies, NULL, NULL),
					 0);
	}
	for (unsigned i = 0; i < 16; i++) {
		char digit = "0123456789abcdef"[i];

		assert_true(photo_prefix_parse(&digit, 1, &prefix));
		n = 0;
		assert_int_equal(reader_find(b.r, &prefix, 1000, on_any, &n,
					     NULL), 0);
		total += n;
	}
	assert_int_equal(total, PHOTOS);
}

/* The tables are derived: they are judged by the records, not by themselves. */
static void
verification_proves_the_tables(void **state)
{
	static const char *const damage[] = {
		"DELETE FROM copy WHERE photo IN"
		" (SELECT photo FROM copy LIMIT 1 OFFSET 20)",
		"UPDATE copy SET mtime = 1, file = x'0000000000000000'",
		"UPDATE stream SET holder = zeroblob(17)",
		"INSERT INTO hidden SELECT stream, substr(key, 1, 8)"
		" FROM copy LIMIT 1",
	};
	struct digest before = box_merged(&b), after;
	uint64_t listed = box_photos(&b);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t photos;

		assert_int_equal(sqlite3_exec(b.w->db, damage[i], NULL, NULL,
					      NULL), SQLITE_OK);
		assert_true(sqlite3_changes(b.w->db) > 0);
		assert_int_equal(reader_verify_merged(b.r, &after, &photos,
						      NULL), 0);
		assert_true(digest_equal(&before, &after));
		assert_int_equal(photos, listed);
	}
}

/* Only those with more than one copy, each once, most wasted bytes first. */
static void
dupes_in_pages(void **state)
{
	static const uint32_t limits[] = {1, 7, 1000};

	(void)state;
	for (unsigned l = 0; l < 3; l++) {
		struct list_query q = {.sort = SORT_WASTED, .limit = limits[l]};
		struct pages p = {.sort = q.sort};
		unsigned before;

		do {
			before = p.count;
			assert_int_equal(reader_list(b.r, &q, on_photo, &p,
						     NULL), 0);
			q.after = p.last;
		} while (p.count > before);
		assert_int_equal(p.count, 20);
		for (unsigned i = 0; i < PHOTOS; i++)
			assert_int_equal(p.seen[i], i >= 10 && i < 30);
	}
}

/* Hard links and a second daemon over the same folder waste nothing. */
static void
one_file_is_no_dupe(void **state)
{
	struct own_file f[3] = {kit_copy(1, "one.jpg", 900),
				kit_copy(1, "two.jpg", 900),
				kit_copy(1, "three.jpg", 901)};
	struct list_query q = {.sort = SORT_WASTED, .limit = 1000};
	struct pages p;
	unsigned before = count(&q, &p);

	(void)state;
	memcpy(f[1].copy.file, f[0].copy.file, sizeof(f[1].copy.file));
	box_own(&b, f, 3, 9);
	assert_int_equal(count(&q, &p), before);
	/* and a copy that is one */
	f[2] = kit_copy(1, "four.jpg", 900);
	box_own(&b, f + 2, 1, 10);
	assert_int_equal(count(&q, &p), before + 1);
	f[2] = kit_gone(1, "four.jpg");
	box_own(&b, f + 2, 1, 11);
	assert_int_equal(count(&q, &p), before);
}

/* A peer may claim any size: sums stop at the greatest number. */
static void
vast_sizes_are_dupes_too(void **state)
{
	struct own_file f[3] = {kit_copy(1, "one.jpg", 900),
				kit_copy(1, "two.jpg", 900),
				kit_copy(1, "three.jpg", 900)};
	struct list_query q = {.sort = SORT_WASTED, .limit = 1};
	struct pages p;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		f[i].copy.photo.size = INT64_MAX;
	box_own(&b, f, 3, 9);
	assert_int_equal(count(&q, &p), 1);
	assert_int_equal(p.before.photo.size, INT64_MAX);
	assert_int_equal(p.last.number, INT64_MAX);
	q.after = p.last;
	assert_int_equal(count(&q, &p), 1);
	assert_true(p.before.photo.size < INT64_MAX);
}

struct problems {
	unsigned count, stop_after;
	char paths[8][16];
	struct node_id nodes[8];
	struct problem_cursor last;
};

static bool
on_problem(void *arg, const struct problem_row *row)
{
	struct problems *p = arg;

	if (p->count == p->stop_after)
		return false;
	assert_true(row->path_bytes < 16);
	memcpy(p->paths[p->count], row->path, row->path_bytes);
	p->paths[p->count][row->path_bytes] = '\0';
	p->nodes[p->count++] = *row->node;
	assert_int_equal(row->code, PROBLEM_UNREADABLE);
	assert_string_equal(row->message, "no");
	p->last.set = true;
	p->last.node = *row->node;
	memcpy(p->last.key, row->key, row->key_bytes);
	p->last.key_bytes = row->key_bytes;
	return true;
}

/* Of all nodes, in order; what is well again is gone. */
static void
problems_of_all(void **state)
{
	struct own_file f[3] = {kit_problem(1, "c.jpg"), kit_problem(1, "a.jpg"),
				kit_problem(1, "b.jpg")};
	struct stream_id s = box_own_report(&a).stream;
	struct problem_query q = {0};
	struct problems p = {.stop_after = 8};

	(void)state;
	assert_int_equal(reader_problems(b.r, &q, on_problem, &p, NULL), 0);
	assert_int_equal(p.count, 0);
	box_own(&a, f, 3, 5);
	box_own(&b, f + 1, 1, 5);
	f[0] = kit_gone(1, "b.jpg");
	box_own(&a, f, 1, 6);
	box_pull(&b, &a, &s, PULL_OWNER);
	for (unsigned page = 1; page <= 8; page += 7) {
		p = (struct problems){.stop_after = page};
		q = (struct problem_query){0};
		while (p.count < 3) {
			unsigned before = p.count;

			p.stop_after = before + page;
			assert_int_equal(reader_problems(b.r, &q, on_problem,
							 &p, NULL), 0);
			assert_true(p.count > before);
			q.after = p.last;
		}
		assert_int_equal(reader_problems(b.r, &q, on_problem, &p,
						 NULL), 0);
		assert_int_equal(p.count, 3);
		assert_string_equal(p.paths[0], "a.jpg");
		assert_string_equal(p.paths[1], "c.jpg");
		assert_string_equal(p.paths[2], "a.jpg");
		assert_true(node_id_equal(&p.nodes[1], &a.node));
		assert_true(node_id_equal(&p.nodes[2], &b.node));
	}
	q = (struct problem_query){.of_node = true, .node = b.node};
	p = (struct problems){.stop_after = 8};
	assert_int_equal(reader_problems(b.r, &q, on_problem, &p, NULL), 0);
	assert_int_equal(p.count, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(pages_cover_each_photo_once),
		T(each_once_while_it_changes),
		T(search_and_one_node),
		T(found_by_id),
		T(dupes_in_pages),
		T(one_file_is_no_dupe),
		T(vast_sizes_are_dupes_too),
		T(problems_of_all),
		T(verification_proves_the_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
