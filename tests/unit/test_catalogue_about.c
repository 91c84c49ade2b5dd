/*
 * What bytes say of photos: meta records from several streams become one date,
 * one size and one record a photo, whoever made them and however they came; by
 * them photos are sorted, searched, and found not to be looked into yet.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_catalogue_kit.h"

#include "civil.h"
#include "meta_samples.h"
#include "name_date.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

static struct box a, b;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	box_name(&a);
	box_name(&b);
	return 0;
}

static void
box_meta(struct box *x, uint32_t photo, const struct record_meta *m)
{
	uint8_t value[META_BYTES_MAX];
	struct own_meta one = {.photo = kit_photo(photo), .value = value};
	struct own_batch batch = {.metas = &one, .meta_count = 1};

	one.value_bytes = record_meta_pack(m, value, sizeof(value));
	assert_true(one.value_bytes > 0);
	assert_int_equal(writer_own(x->w, &batch, 5, &x->result, &x->why), 0);
	box_check(x);
}

/* One photo as its box shows it; its meta record parsed, decoder 0: none. */
struct seen {
	bool found;
	struct photo_row row;
	struct record_meta m;
};

static bool
on_seen(void *arg, const struct photo_row *row)
{
	struct seen *s = arg;

	s->found = true;
	s->row = *row;
	if (row->meta != NULL)
		assert_true(record_meta_parse(row->meta, row->meta_bytes,
					      &s->m));
	return true;
}

static struct seen
see(struct box *x, uint32_t photo)
{
	struct photo_id id = kit_photo(photo);
	struct photo_prefix prefix = {.digits = 32, .sized = true,
				      .size = id.size};
	struct seen s;

	memset(&s, 0, sizeof(s));
	memcpy(prefix.hash, id.hash, sizeof(prefix.hash));
	assert_int_equal(reader_find(x->r, &prefix, 2, on_seen, &s, &x->why),
			 0);
	return s;
}

static void
pull_both(void)
{
	struct stream_report of_a = box_own_report(&a);
	struct stream_report of_b = box_own_report(&b);

	box_pull(&b, &a, &of_a.stream, PULL_OWNER);
	box_pull(&a, &b, &of_b.stream, PULL_OWNER);
}

static void
dates_and_sizes(void **state)
{
	struct own_file files[] = {
		kit_copy(1, "beach.jpg", 1),
		kit_copy(1, "IMG_20190704_101530.jpg", 2),
		kit_copy(1, "sub/plain.jpg", 3),
	};
	struct record_meta m = meta_sample();
	struct seen s;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		files[i].copy.mtime_ns = 20000 * DAY_NS + i;
	box_own(&a, files, 3, 1);
	s = see(&a, 1);
	assert_int_equal(s.row.dated, DATE_MTIME);
	assert_true(s.row.date_ns == 20000 * DAY_NS);
	assert_null(s.row.meta);
	s = see(&a, 2);
	assert_int_equal(s.row.dated, DATE_NAME);
	assert_true(s.row.date_ns == INT64_C(1562235330) * 1000000000);
	assert_true(s.row.mtime_ns == 20000 * DAY_NS + 1);
	/* what the bytes say is better than a name */
	box_meta(&a, 1, &m);
	box_meta(&a, 2, &m);
	for (uint32_t n = 1; n <= 2; n++) {
		s = see(&a, n);
		assert_int_equal(s.row.dated, META_TAKEN_EXIF);
		assert_true(s.row.date_ns == m.taken_ms * 1000000);
		assert_true(s.row.has_zone && s.row.zone_min == 120);
		assert_int_equal(s.row.width, m.width);
		assert_int_equal(s.row.height, m.height);
		assert_memory_equal(&s.m, &m, sizeof(m));
	}
	/* a record that says nothing is a record; the name says more */
	m = meta_sample_bare();
	box_meta(&a, 2, &m);
	s = see(&a, 2);
	assert_int_equal(s.row.dated, DATE_NAME);
	assert_int_equal(s.row.width, 0);
	assert_int_equal(s.m.decoder, 1);
	/* nor does a photo come by being spoken of */
	box_meta(&a, 99, &m);
	assert_false(see(&a, 99).found);
	assert_int_equal(box_photos(&a), 3);
}

/* The greater decoder, then the lower node; in both boxes alike. */
static void
which_counts(void **state)
{
	struct own_file of_a = kit_copy(1, "one.jpg", 1);
	struct own_file of_b = kit_copy(2, "two.jpg", 1);
	struct record_meta m = meta_sample();
	struct stream_report gone;
	struct seen s;

	(void)state;
	box_own(&a, &of_a, 1, 1);
	box_own(&b, &of_b, 1, 1);
	m.iso = 1;
	box_meta(&a, 1, &m);
	m.iso = 2;
	box_meta(&b, 1, &m);
	assert_int_equal(see(&b, 1).m.iso, 2);
	pull_both();
	assert_int_equal(see(&a, 1).m.iso, 1);
	assert_int_equal(see(&b, 1).m.iso, 1);
	m.decoder = 2;
	m.iso = 3;
	box_meta(&b, 1, &m);
	pull_both();
	for (unsigned n = 0; n < 2; n++) {
		s = see(n == 0 ? &a : &b, 1);
		assert_int_equal(s.m.iso, 3);
		assert_int_equal(s.row.copy_count, 2);
	}
	/* whoever said it goes, and the other's word counts again */
	gone = box_own_report(&b);
	assert_int_equal(writer_drop(a.w, &gone.stream, &a.result, &a.why), 0);
	box_check(&a);
	assert_int_equal(see(&a, 1).m.iso, 1);
	assert_int_equal(box_count(&a, "SELECT count(*) FROM about"), 1);
}

/* Who could make nothing of it, for want of a format or of time, does not outdo
 * who could. */
static void
nothing_is_outdone(void **state)
{
	struct own_file of_a = kit_copy(1, "one.jpg", 1);
	struct own_file of_b = kit_copy(2, "two.jpg", 1);
	struct record_meta m = meta_sample();
	const struct record_meta nothing = meta_sample_bare();

	(void)state;
	box_own(&a, &of_a, 1, 1);
	box_own(&b, &of_b, 1, 1);
	box_meta(&a, 1, &nothing);
	m.iso = 2;
	box_meta(&b, 1, &m);
	pull_both();
	assert_int_equal(see(&a, 1).m.iso, 2);
	assert_int_equal(see(&b, 1).m.iso, 2);
	m = nothing;
	m.decoder = 2; /* but of a later version */
	box_meta(&a, 1, &m);
	pull_both();
	assert_int_equal(see(&a, 1).m.iso, 0);
	assert_int_equal(see(&b, 1).m.iso, 0);
}

/* ---- searching --------------------------------------------------------- */

static void
meta_make(uint32_t n, struct record_meta *m)
{
	static const struct {
		const char *make, *model, *lens, *keyword;
		uint32_t iso;
		int32_t lat, lon;
	} all[] = {
		{"Canon", "EOS 5D", "EF50mm f/1.8", "Sea", 100, 473700000,
		 85400000},
		{"Canon", "PowerShot", "", "sea gull", 800, 473800000,
		 85400000},
		{"Apple", "iPhone 8", "back 4mm", "Anna Zoe\u0308", 25, -338600000,
		 1799999000},
		{"", "Canon thing", "", "sea/gulls", 1600, -338600000,
		 -1799999000},
	};

	*m = meta_sample();
	strcpy(m->make, all[n].make);
	strcpy(m->model, all[n].model);
	strcpy(m->lens, all[n].lens);
	strcpy(m->keywords[0], all[n].keyword);
	m->keyword_count = 1;
	m->iso = all[n].iso;
	m->latitude_e7 = all[n].lat;
	m->longitude_e7 = all[n].lon;
}

static void
searches(void **state)
{
	static const struct {
		const char *text;
		unsigned want;
	} tries[] = {
		{"camera:canon", 1 | 2 | 8},
		{"-camera:canon", 4 | 16 | 32},
		{"camera:\"canon eos\"", 1},
		{"camera:eos*", 1},
		{"camera:canon*", 1 | 2 | 8},
		{"camera:*8", 4},
		{"lens:50MM", 1},
		{"lens:*", 1 | 4},
		{"keyword:sea", 1},
		{"keyword:sea*", 1 | 2 | 8},
		{"keyword:\"Sea Gull\"", 2},
		{"keyword:an", 0},
		{"keyword:\"anna zo\u00cb\"", 4},
		{"keyword:*zo\u00eb", 4},
		{"keyword:\"anna zoe\"", 0},
		{"iso:100", 1},
		{"iso:>=800", 2 | 8},
		{"iso:..99", 4},
		{"-iso:>=0", 16 | 32},
		{"has:gps", 1 | 2 | 4 | 8},
		{"-has:gps", 16 | 32},
		{"near:47.37,8.54,1", 1},
		{"near:47.37,8.54,1.2", 1 | 2},
		/* over the line where days begin */
		{"near:-33.86,180,0.1", 4 | 8},
		{"near:90,0,20100", 1 | 2 | 4 | 8},
		{"near:47.37,8.54,20100 camera:apple", 4},
	};
	struct own_file files[6];
	struct record_meta m;
	char name[6][16];

	(void)state;
	for (uint32_t n = 0; n < 6; n++) {
		snprintf(name[n], sizeof(name[n]), "%u.jpg", n);
		files[n] = kit_copy(1, name[n], n);
	}
	box_own(&a, files, 6, 1);
	for (uint32_t n = 0; n < 4; n++) {
		meta_make(n, &m);
		box_meta(&a, n, &m);
	}
	m = meta_sample_bare();
	box_meta(&a, 4, &m);
	for (unsigned i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		if (box_search(&a, tries[i].text) != tries[i].want)
			fail_msg("%s: %#x", tries[i].text,
				 (unsigned)box_search(&a, tries[i].text));
}

/* What is in a TIFF counts, and its name only while nobody has looked. */
static void
kinds(void **state)
{
	static const struct {
		const char *name, *type;
		int media; /* -1: no record */
	} all[] = {
		{"0.jpg", "image/jpeg", META_PICTURE},
		{"1.cr2", "image/x-canon-cr2", -1},
		{"2.nef", "image/tiff", -1},
		{"3.tif", "image/tiff", META_RAW},
		{"4.dng", "image/tiff", META_PICTURE},
		{"5.arw", "image/tiff", META_OTHER},
	};
	struct own_file files[6];
	struct record_meta m = meta_sample();

	(void)state;
	for (uint32_t n = 0; n < 6; n++) {
		files[n] = kit_copy(1, all[n].name, n);
		strcpy(files[n].copy.type, all[n].type);
	}
	box_own(&a, files, 6, 1);
	assert_int_equal(box_search(&a, "type:raw"), 2 | 4 | 16 | 32);
	for (uint32_t n = 0; n < 6; n++) {
		m.media = (uint8_t)all[n].media;
		if (all[n].media >= 0)
			box_meta(&a, n, &m);
	}
	assert_int_equal(box_search(&a, "type:raw"), 2 | 4 | 8 | 32);
	assert_int_equal(box_search(&a, "-type:raw"), 1 | 16);
	assert_int_equal(box_search(&a, "type:photo"), 63);
	assert_int_equal(box_search(&a, "type:video"), 0);
	assert_int_equal(box_search(&a, "type:photo -type:raw"), 1 | 16);
}

/* A camera's clock knows no zone: its day is that day, wherever one asks. */
static void
days_of_a_camera(void **state)
{
	struct own_file files[] = {kit_copy(1, "0.jpg", 0),
				   kit_copy(1, "1.jpg", 1)};
	static struct listed l;
	struct list_query q = {.limit = 1000};
	struct record_meta m = meta_sample();
	int32_t zones[] = {-36000, -36000};

	(void)state;
	/* both at 23:30 of the 4th of July, one of UTC */
	m.taken_ms = (civil_day(2019, 7, 4) * INT64_C(86400) + 84600) * 1000;
	files[1].copy.mtime_ns = m.taken_ms * 1000000;
	box_own(&a, files, 2, 1);
	box_meta(&a, 0, &m);
	assert_int_equal(box_search(&a, "taken:2019-07-04"), 1 | 2);
	assert_int_equal(box_search(&a, "taken:<2019-07-05"), 1 | 2);
	assert_int_equal(box_search(&a, "-taken:<2019-07-05"), 0);
	for (int day = 3; day <= 5; day++) {
		char text[32];

		snprintf(text, sizeof(text), "taken:2019-07-%02d", day);
		kit_query(&q, text);
		/* ten hours west of UTC it is still afternoon; ten east it is
		 * the 5th */
		for (int east = 0; east < 2; east++) {
			zones[0] = zones[1] = east ? 36000 : -36000;
			search_set_clock(&q.search, 0, zones, 2);
			box_list(&a, &q, &l);
			assert_int_equal(listed_mask(&l), (day == 4 ? 1u : 0u) |
					 (day == (east ? 5 : 4) ? 2u : 0u));
		}
	}
}

/* ---- counting ---------------------------------------------------------- */

struct counted {
	unsigned count;
	char text[512];
};

static bool
on_time(void *arg, const struct timeline_time *t)
{
	struct civil c = civil_of(t->day * CIVIL_DAY_MS);
	struct counted *k = arg;
	size_t used = strlen(k->text);

	snprintf(k->text + used, sizeof(k->text) - used, "%04d-%02d-%02d:%llu ",
		 c.year, c.month, c.day, (unsigned long long)t->photos);
	return ++k->count < 100;
}

static void
counts(const char *query, enum timeline_by by, int32_t zone_s, const char *want)
{
	struct list_query q = {0};
	struct counted k = {0};
	struct search_error why;

	assert_true(search_parse(query, strlen(query), &q.search, &why));
	search_set_clock(&q.search, 0, NULL, 0);
	assert_int_equal(reader_timeline(a.r, &q, by, zone_s, 99, on_time, &k,
					 &a.why), 0);
	assert_string_equal(k.text, want);
}

/* In days that zones move past each other, each is told once. */
static void
timeline(void **state)
{
	/* 23:30 of UTC on four days, and a camera's clock at the same times */
	struct own_file files[8];
	struct record_meta m = meta_sample();
	char names[8][16];

	(void)state;
	for (uint32_t n = 0; n < 8; n++) {
		snprintf(names[n], sizeof(names[n]), "%u.jpg", n);
		files[n] = kit_copy(1, names[n], n);
		files[n].copy.mtime_ns =
			(civil_day(2019, 12, 30 + (int32_t)n / 2) * 86400 +
			 INT64_C(84600)) * 1000000000;
	}
	box_own(&a, files, 8, 1);
	for (uint32_t n = 1; n < 8; n += 2) {
		m.taken_ms = files[n].copy.mtime_ns / 1000000;
		box_meta(&a, n, &m);
	}
	counts("", BY_DAY, 0, "2020-01-02:2 2020-01-01:2 2019-12-31:2 "
	       "2019-12-30:2 ");
	counts("", BY_DAY, 3600, "2020-01-03:1 2020-01-02:2 2020-01-01:2 "
	       "2019-12-31:2 2019-12-30:1 ");
	counts("", BY_DAY, -86400, "2020-01-02:1 2020-01-01:2 2019-12-31:2 "
	       "2019-12-30:2 2019-12-29:1 ");
	counts("", BY_MONTH, 0, "2020-01-01:4 2019-12-01:4 ");
	counts("", BY_YEAR, 3600, "2020-01-01:5 2019-01-01:3 ");
	counts("camera:canon", BY_YEAR, 3600, "2020-01-01:2 2019-01-01:2 ");
	counts("camera:nobody", BY_YEAR, 0, "");
}

/* ---- what has not been looked into ------------------------------------- */

static void
on_bare(void *arg, const struct bare_photo *p)
{
	unsigned *mask = arg;

	for (uint32_t n = 0; n < 8; n++) {
		struct photo_id id = kit_photo(n);

		if (photo_id_compare(&id, &p->photo) == 0)
			*mask |= 1u << n;
	}
	assert_true(p->holder_count >= 1);
}

static unsigned
bare(uint32_t decoder)
{
	struct bare_place place = {0};
	unsigned mask = 0;

	do {
		assert_int_equal(reader_bare(a.r, &a.node, decoder, &place,
					     on_bare, &mask, &a.why), 0);
	} while (place.set);
	return mask;
}

static unsigned
bare_since(uint64_t *generation, uint64_t *seq, bool *behind)
{
	unsigned mask = 0;

	assert_int_equal(reader_bare_since(a.r, &a.node, 1, generation, seq,
					   behind, on_bare, &mask, &a.why),
			 0);
	return mask;
}

static void
not_looked_into(void **state)
{
	struct own_file of_a[] = {kit_copy(1, "1.jpg", 1),
				  kit_copy(1, "2.jpg", 2)};
	struct own_file of_b = kit_copy(2, "3.jpg", 3);
	struct own_file more[] = {kit_copy(1, "4.jpg", 4),
				  kit_gone(1, "2.jpg")};
	struct record_meta m = meta_sample_bare();
	uint64_t generation = 0, seq = 0;
	bool behind;

	(void)state;
	box_own(&a, of_a, 2, 1);
	box_own(&b, &of_b, 1, 1);
	pull_both();
	assert_int_equal(bare(1), 1 << 1 | 1 << 2); /* 3 is not ours */
	assert_int_equal(bare_since(&generation, &seq, &behind), 0);
	assert_true(behind);
	assert_int_equal(bare_since(&generation, &seq, &behind), 0);
	assert_false(behind);
	box_meta(&a, 1, &m);
	assert_int_equal(bare(1), 1 << 2);
	assert_int_equal(bare(2), 1 << 1 | 1 << 2); /* a better decoder */
	box_own(&a, more, 2, 2);
	assert_int_equal(bare_since(&generation, &seq, &behind), 1 << 4);
	assert_false(behind);
	assert_int_equal(bare(1), 1 << 4);
	assert_int_equal(bare_since(&generation, &seq, &behind), 0);
	/* others may have looked */
	box_meta(&b, 4, &m);
	pull_both();
	assert_int_equal(bare(1), 0);
}

/* ---- problems beside a photo ------------------------------------------- */

static bool
note_pictured(void *arg, const struct photo_id *photo, int64_t date)
{
	uint32_t *mask = arg;

	(void)date;
	for (uint32_t n = 1; n <= 3; n++) {
		struct photo_id id = kit_photo(n);

		if (photo_id_compare(&id, photo) == 0)
			*mask |= UINT32_C(1) << n;
	}
	return true;
}

/* Which of the photos 1 to 3 somebody has told of; page by page. */
static uint32_t
pictured(struct box *x)
{
	struct bare_place place = {.set = false};
	uint32_t mask = 0;

	do
		assert_int_equal(reader_pictured(x->r, &place, 2, note_pictured,
						 &mask, &x->why), 0);
	while (place.set);
	return mask;
}

/* Whether here or elsewhere: and none are, while nobody has told of any. */
static void
looked_into(void **state)
{
	struct own_file files[] = {kit_copy(1, "a.jpg", 1),
				   kit_copy(1, "b.jpg", 2),
				   kit_copy(1, "c.jpg", 3)};
	struct record_meta m = meta_sample();
	struct own_file gone = kit_gone(1, "b.jpg");

	(void)state;
	assert_int_equal(pictured(&a), 0);
	box_own(&a, files, 3, 1);
	assert_int_equal(pictured(&a), 0);
	box_meta(&b, 2, &m);
	pull_both();
	assert_int_equal(pictured(&a), 1 << 2);
	assert_int_equal(pictured(&b), 1 << 2);
	box_meta(&a, 1, &m);
	assert_int_equal(pictured(&a), 1 << 1 | 1 << 2);
	box_own(&a, &gone, 1, 2);
	assert_int_equal(pictured(&a), 1 << 1);
}

static void
undecodable(void **state)
{
	struct own_file file = kit_copy(1, "bad.jpg", 1);
	struct record_meta m = meta_sample_bare();
	uint8_t value[META_BYTES_MAX];
	struct own_meta one = {
		.photo = kit_photo(1), .value = value,
		.has_problem = true, .root = kit_root(1), .path = "bad.jpg",
		.path_bytes = 7,
		.problem = {.code = PROBLEM_UNDECODABLE, .message = "no"}};
	struct own_batch batch = {.metas = &one, .meta_count = 1};
	const char *problems =
		"SELECT count(*) FROM record WHERE kind = 4 AND dead = 0";

	(void)state;
	one.value_bytes = record_meta_pack(&m, value, sizeof(value));
	/* of a file that is another one by now: nothing */
	file.copy.photo = kit_photo(2);
	box_own(&a, &file, 1, 1);
	assert_int_equal(writer_own(a.w, &batch, 5, &a.result, &a.why), 0);
	assert_int_equal(box_count(&a, problems), 0);
	file.copy.photo = kit_photo(1);
	file.mtime_ns++;
	box_own(&a, &file, 1, 1);
	assert_int_equal(writer_own(a.w, &batch, 5, &a.result, &a.why), 0);
	assert_int_equal(box_count(&a, problems), 1);
	assert_int_equal(box_copies(&a, 1), 1);
	/* found unchanged by the next scan, it stays; changed, it goes */
	file.copy.photo = kit_photo(3);
	file.mtime_ns++;
	box_own(&a, &file, 1, 1);
	assert_int_equal(box_count(&a, problems), 0);
}

/* ---- nobody waits ------------------------------------------------------- */

static atomic_bool stop;
static unsigned shown;

static bool
stop_here(void *arg, const struct photo_row *row)
{
	(void)arg;
	(void)row;
	shown++;
	atomic_store(&stop, true);
	return true;
}

static bool
any_time(void *arg, const struct timeline_time *t)
{
	(void)arg;
	(void)t;
	return true;
}

/* A walk that finds little, and that nobody waits for any more, ends. */
static void
walks_are_stopped(void **state)
{
	static struct own_file files[4000];
	static char paths[4000][24];
	struct list_query q = {.limit = 10, .sort = SORT_TAKEN};
	struct search_error wrong;
	struct trouble why;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%05u.jpg", i);
		files[i] = kit_copy(1, paths[i], i + 1);
		files[i].copy.mtime_ns = (4000 - i) * DAY_NS; /* the first: first */
	}
	box_own(&a, files, 4000, 1);
	assert_true(search_parse("name:00000.jpg -camera:x", 24, &q.search,
				 &wrong));
	assert_int_equal(reader_list(a.r, &q, stop_here, NULL, &why), 0);
	assert_int_equal(shown, 1);
	reader_stop_when(a.r, &stop);
	assert_int_equal(reader_list(a.r, &q, stop_here, NULL, &why), -1);
	assert_int_equal(shown, 1);
	atomic_store(&stop, false);
	assert_int_equal(reader_list(a.r, &q, stop_here, NULL, &why), -1);
	assert_int_equal(shown, 2);
	assert_false(reader_damaged(a.r));
	reader_stop_when(a.r, NULL);
	assert_int_equal(reader_list(a.r, &q, stop_here, NULL, &why), 0);
	atomic_store(&stop, false);
	reader_end_with(a.r, &stop);
	assert_int_equal(reader_timeline(a.r, &q, BY_DAY, 0, 99, any_time, NULL,
					 &why), 0);
	atomic_store(&stop, true);
	assert_int_equal(reader_timeline(a.r, &q, BY_DAY, 0, 99, any_time, NULL,
					 &why), -1);
}

/* ---- from the format before -------------------------------------------- */

static void
to_older_format(struct box *box)
{
	static const char back[] =
		"DROP TABLE photo; DROP TABLE about;"
		"CREATE TABLE photo(id BLOB PRIMARY KEY NOT NULL,"
		" sort_time INTEGER NOT NULL, name TEXT NOT NULL,"
		" size INTEGER NOT NULL, added INTEGER NOT NULL,"
		" copies INTEGER NOT NULL, type TEXT NOT NULL)"
		" STRICT, WITHOUT ROWID;"
		"PRAGMA user_version = 1;";
	char path[128];
	sqlite3 *db;

	box_close(box);
	snprintf(path, sizeof(path), "%s/" SCHEMA_FILE, box->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* How often it is asked before it says yes. */
static bool
in_a_while(void *arg)
{
	unsigned *left = arg;

	return (*left)-- == 0;
}

static void
older_format(void **state)
{
	struct own_file files[] = {kit_copy(1, "1.jpg", 1),
				   kit_copy(1, "2.jpg", 2)};
	static struct own_file more[300]; /* some photos twice */
	static char paths[300][24];
	struct record_meta m = meta_sample();
	struct digest before, now;
	struct totals was, is;
	uint64_t generation;
	unsigned left, rounds = 0;

	(void)state;
	box_own(&a, files, 2, 1);
	box_meta(&a, 1, &m);
	box_meta(&b, 2, &m);
	pull_both();
	for (uint32_t i = 0; i < 300; i++) {
		snprintf(paths[i], sizeof(paths[i]), "more/%05u.jpg", i);
		more[i] = kit_copy(1, paths[i], 1000 + i % 200);
	}
	box_own(&a, more, 300, 2);
	assert_int_equal(reader_totals(a.r, &was, NULL), 0);
	before = box_merged(&a);
	generation = box_own_report(&a).stream.generation;
	to_older_format(&a);
	/* Given up at every place where it can be, it begins again. */
	a.given_up = in_a_while;
	a.arg = &left;
	for (left = 0; box_open(&a, false) == -1; left = ++rounds)
		assert_int_equal(left, UINT_MAX); /* asked no more after yes */
	assert_true(rounds >= 3);
	a.given_up = NULL;
	assert_int_equal(a.found, WRITER_KEPT);
	box_check(&a);
	assert_int_equal(box_own_report(&a).stream.generation, generation);
	assert_int_equal(box_photos(&a), 202);
	now = box_merged(&a);
	assert_true(digest_equal(&before, &now));
	assert_int_equal(reader_totals(a.r, &is, NULL), 0);
	assert_memory_equal(&is, &was, sizeof(is));
	assert_int_equal(is.photos, 202);
	assert_int_equal(is.told, 2);
	assert_int_equal(box_count(&a, "SELECT count(*) FROM photo INDEXED BY"
				   " photo_time"), 202);
	for (uint32_t n = 1; n <= 2; n++)
		assert_int_equal(see(&a, n).row.dated, META_TAKEN_EXIF);
	assert_int_equal(box_count(&a, "PRAGMA user_version"),
			 SCHEMA_VERSION);
}

/* ---- names and calendars ----------------------------------------------- */

static void
dates_in_names(void **state)
{
	static const struct {
		const char *name;
		int64_t s; /* 0: none */
	} names[] = {
		{"IMG_20190704_101530.jpg", 1562235330},
		{"PXL_20190704_101530123.MP.jpg", 1562235330},
		{"20190704_101530.jpg", 1562235330},
		{"20190704101530.jpg", 1562235330},
		{"2019-07-04 10.15.30.jpg", 1562235330},
		{"2019-07-04 10-15-30.png", 1562235330},
		{"Screenshot_2019-07-04-10-15-30.png", 1562235330},
		{"Screenshot 2019-07-04 at 10.15.30.png", 1562235330},
		{"WhatsApp Image 2019-07-04 at 10.15.30.jpeg", 1562235330},
		{"signal-2019-07-04-101530.jpg", 1562235330},
		{"VID_20190704_101530.mp4", 1562235330},
		{"2019.07.04T10:15:30.jpg", 1562235330},
		/* clocks of twelve hours */
		{"Screen Shot 2019-07-04 at 10.15.30 AM.png", 1562235330},
		{"Screen Shot 2019-07-04 at 10.15.30 PM.png", 1562278530},
		{"Screen Shot 2019-07-04 at 10.15.30 Pmax.png", 1562235330},
		{"WhatsApp Image 2019-07-04 at 1.15.30 PM (2).jpeg",
		 1562246130},
		{"Screenshot 2019-07-04 at 1.15.30\xe2\x80\xafpm.png",
		 1562246130},
		{"2019-07-04 at 12.15.30 AM", 1562199330},
		{"2019-07-04 12.15.30PM", 1562242530},
		{"2019-07-04 at 22.15.30 PM", 1562278530},
		{"2019-07-04 at 00.15.30 PM", 1562199330},
		{"2019-07-04 at 1.15.30", 1562198400},
		{"IMG-20190704-WA0007.jpg", 1562198400},
		{"20190704.jpg", 1562198400},
		{"x2019_07_04", 1562198400},
		{"2019-07-04 beach 101530.jpg", 1562198400},
		{"2020-02-29.jpg", 1582934400},
		{"DSC_0001 2019-13-04 20190704.jpg", 1562198400},
		{"1990-01-01.jpg", 631152000},
		{"2099-12-31 23.59.59", INT64_C(4102444799)},
		{"IMG_1234.jpg", 0},
		{"IMG_20190732.jpg", 0},
		{"IMG_20190230.jpg", 0},
		{"2019-0704.jpg", 0},
		{"2019-07_04.jpg", 0},
		{"120190704.jpg", 0},
		{"201907041.jpg", 0},
		{"20190704250000.jpg", 0},
		{"18990704.jpg", 0},
		{"2019070", 0},
		{"", 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t bytes = strlen(names[i].name);
		char *exact = malloc(bytes + (bytes == 0)); /* for a sanitizer */
		int64_t ms = 0;
		bool has;

		assert_non_null(exact);
		memcpy(exact, names[i].name, bytes);
		has = name_date(exact, bytes, &ms);
		free(exact);
		if (has != (names[i].s != 0) || ms != names[i].s * 1000)
			fail_msg("%s: %d %lld", names[i].name, has,
				 (long long)ms);
	}
}

static void
calendar(void **state)
{
	(void)state;
	for (int32_t y = 1; y <= 9999; y += y < 1890 || y > 2110 ? 13 : 1)
		for (int32_t m = 1; m <= 12; m++) {
			int32_t last = civil_days_in(y, m);

			assert_true(last >= 28 && last <= 31);
			for (int32_t d = 1; d <= last; d += last - 1) {
				int64_t ms = civil_day(y, m, d) * CIVIL_DAY_MS;
				struct civil c = civil_of(ms + 86399999);

				assert_int_equal(c.year, y);
				assert_int_equal(c.month, m);
				assert_int_equal(c.day, d);
				assert_int_equal(c.hour * 10000 +
						 c.minute * 100 + c.second,
						 235959);
				assert_int_equal(c.milli, 999);
			}
		}
	assert_int_equal(civil_day(1970, 1, 1), 0);
	assert_int_equal(civil_of(-1).year, 1969);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
	const struct CMUnitTest tests[] = {
		T(dates_and_sizes),
		T(which_counts),
		T(nothing_is_outdone),
		T(searches),
		T(kinds),
		T(days_of_a_camera),
		T(timeline),
		T(not_looked_into),
		T(looked_into),
		T(undecodable),
		T(walks_are_stopped),
		T(older_format),
		cmocka_unit_test(dates_in_names),
		cmocka_unit_test(calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
