/*
 * Queries against the catalogue, and against a filter written down once more,
 * naively, over the same files: random terms, sorts and pages must give the
 * same photos, each once.  Nothing that somebody typed is in the SQL.
 *
 * PM_SEED=n runs one seed; a failure tells its own.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "query_private.h"

#define PHOTOS  120u
#define FILES   300u
#define QUERIES 500u
#define NOW_MS  KIT_NOW_MS

static struct box a, b;
static uint64_t seed, state_of_chance;

/* One file of the world, as the test knows it. */
struct file {
	char path[64];
	unsigned photo, node, root;
	int64_t mtime_ns, added_ms;
	uint8_t file; /* two with one number on one node are hard links */
};
static struct file files[FILES];
static unsigned file_count;
static bool live[2];

static unsigned
chance(unsigned below)
{
	state_of_chance = state_of_chance * UINT64_C(6364136223846793005) +
			  UINT64_C(1442695040888963407);
	return (unsigned)(state_of_chance >> 33) % below;
}

/* ---- the world --------------------------------------------------------- */

static const char *const types[] = {
	"image/jpeg", "image/png", "image/heic", "image/x-canon-cr2",
	"video/mp4", "video/quicktime", "image/tiff"};

static const char *
type_of(unsigned photo)
{
	return types[photo * 7 % 11 % 7];
}

static uint64_t
size_of(unsigned photo)
{
	static const uint64_t sizes[] = {0, 1, 999, 1000, 1001, 1024, 1500,
					 1000000, 10000001, INT64_MAX};

	return sizes[photo % 10];
}

static struct photo_id
id_of(unsigned photo)
{
	struct photo_id id = kit_photo(photo);

	id.size = size_of(photo);
	return id;
}

static void
invent(struct file *f, unsigned n)
{
	static const char *const dirs[] = {
		"", "2019/", "2019/Summer party/", "100%/", "O'Brien/",
		"raw_x/", "\xc3\xa9t\xc3\xa9/"};
	static const char *const names[] = {
		"IMG_", "img", "beach", "it's;", "under_score", "\xff\xfe",
		"say \"hi\"", "offline", "a*b", "back\\slash", "-x"};
	static const char *const ends[] = {".jpg", ".JPG", ".png", ".nef", ""};

	f->photo = chance(PHOTOS);
	f->node = chance(2);
	f->root = 1 + chance(2);
	snprintf(f->path, sizeof(f->path), "%s%s%u%s", dirs[chance(7)],
		 names[chance(11)], n, ends[chance(5)]);
	/* about 2018 to 2023, some at the very beginning of a day */
	f->mtime_ns = (INT64_C(17532) + chance(2000)) * INT64_C(86400000000000);
	if (chance(2) == 0)
		f->mtime_ns += (int64_t)chance(86400) * 1000000000 +
			       chance(1000000000);
	f->added_ms = NOW_MS - (int64_t)chance(500) * 86400000 - chance(2);
	f->file = (uint8_t)(chance(4) == 0 ? 0 : n);
	/* A photo is added to a disk once. */
	for (unsigned i = 0; i < n; i++)
		if (files[i].photo == f->photo && files[i].node == f->node &&
		    files[i].root == f->root)
			f->added_ms = files[i].added_ms;
}

/* Own rows are stamped with the moment of their transaction. */
static void
record_file(const struct file *f)
{
	struct own_file o = kit_copy((uint8_t)f->root, f->path, f->photo);

	o.copy.photo = id_of(f->photo);
	o.size = o.copy.photo.size;
	o.copy.mtime_ns = o.mtime_ns = f->mtime_ns;
	memset(o.copy.file, 0, sizeof(o.copy.file));
	o.copy.file[0] = f->file;
	o.copy.file[1] = (uint8_t)f->photo;
	o.copy.file[2] = (uint8_t)(f->photo >> 8);
	strcpy(o.copy.type, type_of(f->photo));
	box_own(f->node == 0 ? &a : &b, &o, 1, f->added_ms);
}

static void
root_put(struct box *box, uint8_t root, bool online)
{
	struct own_batch batch = {.has_root = true, .root_id = kit_root(root)};

	strcpy(batch.root.label, "disk");
	batch.root.online = online;
	batch.root.complete = true;
	if (writer_own(box->w, &batch, 1, &box->result, &box->why) == -1)
		fail_msg("%s", box->why.text);
}

static int
setup(void **state)
{
	struct stream_id s;

	(void)state;
	state_of_chance = seed;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	for (file_count = 0; file_count < FILES; file_count++) {
		invent(&files[file_count], file_count);
		record_file(&files[file_count]);
	}
	for (uint8_t root = 1; root <= 2; root++) {
		root_put(&a, root, root == 1); /* the second disk is away */
		root_put(&b, root, true);
	}
	s = box_own_report(&a).stream;
	box_pull(&b, &a, &s, PULL_OWNER);
	writer_rest(b.w); /* makes the indexes: or nothing would be walked */
	return 0;
}

/* ---- a filter once more ------------------------------------------------ */

static char
low(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
naive_part(const char *text, const char *part)
{
	for (; *text != '\0'; text++) {
		size_t i = 0;

		while (part[i] != '\0' && low(part[i]) == low(text[i]))
			i++;
		if (part[i] == '\0')
			return true;
	}
	return false;
}

/* Bytes, not characters: the patterns asked make no difference of it. */
static bool
naive_glob(const char *p, const char *t)
{
	if (*p == '\0')
		return *t == '\0';
	if (*p == '*')
		return naive_glob(p + 1, t) ||
		       (*t != '\0' && naive_glob(p, t + 1));
	if (*t == '\0')
		return false;
	if (*p == '[') {
		bool none = p[1] == '!', in = false;

		for (p += none ? 2 : 1; *p != ']'; p++) {
			char high = p[1] == '-' ? p[2] : *p;

			in = in || (low(*t) >= *p && low(*t) <= high);
			if (p[1] == '-')
				p += 2;
		}
		return in != none && naive_glob(p + 1, t + 1);
	}
	return (*p == '?' || low(*p) == low(*t)) && naive_glob(p + 1, t + 1);
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What a photo is, from its files. */
struct truth {
	bool any;
	unsigned copies;
	int64_t mtime_ns, added_ms;
};

static struct truth
truth_of(unsigned photo)
{
	struct truth t = {.mtime_ns = INT64_MAX, .added_ms = INT64_MAX};

	for (unsigned i = 0; i < file_count; i++) {
		const struct file *f = &files[i];
		bool counted = false;

		if (f->photo != photo)
			continue;
		for (unsigned k = 0; k < i && !counted; k++)
			counted = files[k].photo == photo &&
				  files[k].node == f->node &&
				  files[k].file == f->file;
		t.any = true;
		t.copies += !counted;
		if (f->mtime_ns < t.mtime_ns)
			t.mtime_ns = f->mtime_ns;
		if (f->added_ms < t.added_ms)
			t.added_ms = f->added_ms;
	}
	return t;
}

/* ---- a term: as it is typed, and as it is meant ------------------------ */

enum sort_of_term { T_PART, T_NAME_PART, T_NAME_GLOB, T_PATH_GLOB, T_NODE,
		    T_TYPE, T_SIZE, T_COPIES, T_TAKEN, T_ADDED, T_AGE, T_ONLINE,
		    T_ID, T_COUNT };
struct meant {
	enum sort_of_term kind;
	bool negated;
	const char *text;
	unsigned node;
	uint64_t min, max;  /* SIZE, COPIES */
	int64_t from, until; /* ms; until not included */
	unsigned digits;
	char hex[33];
};

static bool
copy_is(const struct meant *m, const struct file *f)
{
	switch (m->kind) {
	case T_PART:
		return naive_part(f->path, m->text);
	case T_NAME_PART:
		return naive_part(base_of(f->path), m->text);
	case T_NAME_GLOB:
		return naive_glob(m->text, base_of(f->path));
	case T_PATH_GLOB:
		return naive_glob(m->text, f->path);
	case T_NODE:
		return f->node == m->node;
	case T_ONLINE:
		return live[f->node] && !(f->node == 0 && f->root == 2);
	default:
		return false;
	}
}

static bool
type_is_meant(unsigned photo, const char *name)
{
	const char *type = type_of(photo);

	if (strcmp(name, "raw") == 0) {
		bool nef = false;

		for (unsigned i = 0; i < file_count; i++)
			nef = nef || (files[i].photo == photo &&
				      naive_glob("*.nef", files[i].path));
		return strcmp(type, "image/x-canon-cr2") == 0 ||
		       (strcmp(type, "image/tiff") == 0 && nef);
	}
	if (strcmp(name, "mov") == 0)
		name = "quicktime";
	if (strcmp(name, "jpg") == 0)
		name = "jpeg";
	if (strchr(name, '*') != NULL)
		return naive_glob(name, type);
	return naive_part(type, name); /* of those there are */
}

static bool
photo_is(const struct meant *m, unsigned photo)
{
	struct truth t = truth_of(photo);
	struct photo_id id = id_of(photo);
	char hex[33];

	for (unsigned i = 0; i < file_count; i++)
		if (files[i].photo == photo && copy_is(m, &files[i]))
			return true;
	photo_id_hex(&id, hex);
	switch (m->kind) {
	case T_TYPE:
		return type_is_meant(photo, m->text);
	case T_SIZE:
		return size_of(photo) >= m->min && size_of(photo) <= m->max;
	case T_COPIES:
		return t.copies >= m->min && t.copies <= m->max;
	case T_TAKEN:
		return t.mtime_ns >= m->from * 1000000 &&
		       t.mtime_ns < m->until * 1000000;
	case T_ADDED:
	case T_AGE:
		return t.added_ms >= m->from && t.added_ms < m->until;
	case T_ID:
		return strncmp(hex, m->hex, m->digits) == 0;
	default:
		return false;
	}
}

/* ---- random terms ------------------------------------------------------ */

static void
type_amount(struct meant *m, char *out, size_t max)
{
	static const struct {
		const char *typed;
		uint64_t value;
	} sizes[] = {{"0", 0}, {"1", 1}, {"1k", 1000}, {"1Ki", 1024},
		     {"1.5K", 1500}, {"1MB", 1000000}, {"10M", 10000000},
		     {"2T", UINT64_C(2000000000000)}},
	  counts[] = {{"1", 1}, {"2", 2}, {"3", 3}, {"5", 5}, {"8", 8},
		      {"1", 1}, {"2", 2}, {"4", 4}};
	bool of_size = m->kind == T_SIZE;
	const char *key = of_size ? "size" : "copies";
	unsigned x = chance(7), y = x + chance(8 - x);
	uint64_t u = of_size ? sizes[x].value : counts[x].value;
	uint64_t v = of_size ? sizes[y].value : counts[y].value;
	const char *p = of_size ? sizes[x].typed : counts[x].typed;
	const char *q = of_size ? sizes[y].typed : counts[y].typed;

	m->min = 0;
	m->max = INT64_MAX;
	switch (chance(u > 0 && v >= u ? 6 : 3)) {
	case 0:
		snprintf(out, max, "%s:>%s", key, p);
		m->min = u + 1;
		return;
	case 1:
		snprintf(out, max, "%s:>=%s", key, p);
		m->min = u;
		return;
	case 2:
		snprintf(out, max, "%s:<=%s", key, p);
		m->max = u;
		return;
	case 3:
		snprintf(out, max, "%s:<%s", key, p);
		m->max = u - 1;
		return;
	case 4:
		snprintf(out, max, "%s:%s", key, p);
		m->min = m->max = u;
		return;
	default:
		snprintf(out, max, "%s:%s..%s", key, p, q);
		m->min = u;
		m->max = v;
	}
}

static int64_t
ms_of(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1,
			.tm_mday = day};

	return (int64_t)timegm(&tm) * 1000;
}

/* Days of UTC here; zones are for the test below, and test_proto_search. */
static void
type_date(struct meant *m, char *out, size_t max)
{
	const char *key = m->kind == T_TAKEN ? "taken" : "added";
	int y = 2018 + (int)chance(6), mo = 1 + (int)chance(12);
	int d = 1 + (int)chance(28);

	m->from = -INT64_C(9000000000000);
	m->until = INT64_C(9000000000000);
	switch (chance(6)) {
	case 0:
		snprintf(out, max, "%s:%04d", key, y);
		m->from = ms_of(y, 1, 1);
		m->until = ms_of(y + 1, 1, 1);
		return;
	case 1:
		snprintf(out, max, "%s:%04d-%02d", key, y, mo);
		m->from = ms_of(y, mo, 1);
		m->until = ms_of(y, mo + 1, 1);
		return;
	case 2:
		snprintf(out, max, "%s:>%04d-%02d-%02d", key, y, mo, d);
		m->from = ms_of(y, mo, d + 1);
		return;
	case 3:
		snprintf(out, max, "%s:<%04d-%02d", key, y, mo);
		m->until = ms_of(y, mo, 1);
		return;
	case 4:
		snprintf(out, max, "%s:<=%04d", key, y);
		m->until = ms_of(y + 1, 1, 1);
		return;
	default:
		snprintf(out, max, "%s:%04d-%02d..%04d", key, y, mo, y + 1);
		m->from = ms_of(y, mo, 1);
		m->until = ms_of(y + 2, 1, 1);
	}
}

/* A word in quotes, or bare where it may be. */
static void
type_word(const char *key, const char *word, char *out, size_t max)
{
	size_t n = (size_t)snprintf(out, max, "%s", key);

	if (strpbrk(word, " \"*:\\-") == NULL && chance(2) == 0) {
		snprintf(out + n, max - n, "%s", word);
		return;
	}
	out[n++] = '"';
	for (; *word != '\0'; word++) {
		if (*word == '"' || *word == '\\')
			out[n++] = '\\';
		out[n++] = chance(2) == 0 && *word >= 'a' && *word <= 'z'
				   ? (char)(*word - 32) : *word;
	}
	out[n++] = '"';
	out[n] = '\0';
}

static void
type_term(struct meant *m, char *out, size_t max)
{
	static const char *const words[] = {
		"beach", "IMG_", "img", "%", "_", "'", ";", "\"", "\\",
		"summer party", "\xc3\xa9", "t\xc3\xa9", "\xff", "a*b", "2019",
		"-x", "' OR 1=1;--", ".JPG", "offline1", "rty/", "nothing"};
	static const char *const globs[] = {
		"img*", "*.jpg", "*e*", "[a-i]*", "[!b]*", "?mg*", "*_*",
		"*[0-3].*", "%*", "*'*", "x*"};
	static const char *const paths[] = {
		"2019/*", "*/img*", "2019/s*/*.jpg", "o'brien/*", "/*",
		"[!2]*/*"};
	static const char *const kinds[] = {
		"image", "video", "jpeg", "jpg", "mov", "png", "cr2", "raw",
		"image/heic", "*/*4", "image/*"};
	unsigned days = 1 + chance(400);

	switch (m->kind) {
	case T_PART:
	case T_NAME_PART:
		do
			m->text = words[chance(21)];
		while (m->kind == T_NAME_PART && strchr(m->text, '/') != NULL);
		type_word(m->kind == T_PART ? chance(2) ? "" : "path:" :
					      "name:", m->text, out, max);
		return;
	case T_NAME_GLOB:
		m->text = globs[chance(11)];
		snprintf(out, max, "%s%s", chance(2) ? "" : "name:", m->text);
		return;
	case T_PATH_GLOB:
		m->text = paths[chance(6)];
		snprintf(out, max, "%s%s", chance(2) ? "" : "path:", m->text);
		return;
	case T_NODE:
		m->node = chance(2);
		snprintf(out, max, "node:%s", m->node == 0 ? "a" : "b");
		return;
	case T_TYPE:
		m->text = kinds[chance(11)];
		snprintf(out, max, "type:%s", m->text);
		return;
	case T_SIZE:
	case T_COPIES:
		type_amount(m, out, max);
		return;
	case T_TAKEN:
	case T_ADDED:
		type_date(m, out, max);
		return;
	case T_AGE:
		m->from = NOW_MS - (int64_t)days * 86400000;
		m->until = INT64_MAX;
		snprintf(out, max, "added:%ud", days);
		return;
	case T_ONLINE:
		snprintf(out, max, "online");
		return;
	case T_ID: {
		struct photo_id id = id_of(chance(PHOTOS));

		m->digits = 4 + chance(29);
		photo_id_hex(&id, m->hex);
		snprintf(out, max, "id:%.*s", (int)m->digits, m->hex);
		return;
	}
	case T_COUNT:
		break;
	}
	fail();
}

static unsigned
type_query(struct meant m[4], char *out, size_t max)
{
	unsigned count = 1 + chance(4);
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		char term[128];

		m[i] = (struct meant){.kind = chance(T_COUNT),
				      .negated = chance(3) == 0};
		type_term(&m[i], term, sizeof(term));
		used += (size_t)snprintf(out + used, max - used, "%s%s%s",
					 i > 0 ? "  " : "",
					 m[i].negated ? chance(2) ? "-" : "!"
						      : "", term);
		assert_true(used < max);
	}
	return count;
}

/* ---- asking ------------------------------------------------------------ */

static void
read_query(struct list_query *q, const char *text)
{
	kit_query(q, text);
	for (uint32_t i = 0; i < q->search.count; i++) {
		const struct search_term *t = &q->search.terms[i];

		if (t->kind == SEARCH_NODE)
			q->nodes[i] = search_text(&q->search, t)[0] == 'a' ?
					      a.node : b.node;
	}
	for (unsigned n = 0; n < 2; n++)
		if (live[n])
			q->live[q->live_count++] = n == 0 ? a.node : b.node;
}

/* The same photos in the same order as those found in another way. */
static void
same_list(struct list_query *q, const struct listed *other)
{
	static struct listed l;

	box_list(&b, q, &l);
	assert_int_equal(l.count, other->count);
	assert_memory_equal(l.order, other->order,
			    l.count * sizeof(l.order[0]));
}

static void
same_as_a_filter(void **state)
{
	static const uint32_t limits[] = {1, 7, 1000};
	static struct listed l;
	unsigned found = 0, none = 0, all = 0;

	(void)state;
	for (unsigned n = 0; n < QUERIES; n++) {
		struct list_query q = {.sort = chance(4),
				       .reverse = chance(2),
				       .limit = limits[chance(3)]};
		uint32_t rounds = b.r->walk_rounds_min;
		struct meant m[4];
		char text[600];
		unsigned count = type_query(m, text, sizeof(text));

		live[0] = chance(2) == 0;
		live[1] = chance(2) == 0;
		read_query(&q, text);
		assert_int_equal(q.search.count, count);
		box_list(&b, &q, &l);
		b.r->walk_rounds_min = 0;
		same_list(&q, &l);
		b.r->walk_rounds_min = rounds;
		found += l.count;
		none += l.count == 0;
		all += l.count > 0;
		for (unsigned p = 0; p < PHOTOS; p++) {
			struct photo_id id = id_of(p);
			unsigned times = listed_times(&l, &id);
			bool want = truth_of(p).any;

			for (unsigned i = 0; i < count && want; i++)
				want = photo_is(&m[i], p) != m[i].negated;
			if (times != want)
				fail_msg("seed %llu: %s: photo %u is there %u "
					 "times, not %d",
					 (unsigned long long)seed, text, p,
					 times, want);
		}
	}
	/* or the comparison proves nothing */
	assert_true(found > QUERIES && none > 20 && all > 100);
}

/* Zones move the days; the SQL is made of our own words. */
static void
zones_and_words(void **state)
{
	struct list_query q = {.limit = 1000};
	static struct listed l;
	char sql[SEARCH_SQL_MAX];
	int32_t zones[2] = {-86400, -86400};

	(void)state;
	read_query(&q, "taken:2019-07-04");
	box_list(&b, &q, &l);
	q = (struct list_query){.limit = 1000};
	read_query(&q, "taken:2019-07-03");
	search_set_clock(&q.search, NOW_MS, zones, 2);
	same_list(&q, &l);
	read_query(&q, "zq'; zq* name:zq path:zq* type:zq type:zq* node:zq "
		       "\"zq\\\" %\" -zq !name:zq*");
	for (unsigned sort = 0; sort < LIST_SORTS; sort++) {
		search_sql(&q.search, &sort, sql);
		assert_null(strstr(sql, "zq"));
		assert_null(strpbrk(sql, "\";%"));
	}
}

/* As many terms as there may be, each of the longest kind of SQL. */
static void
the_longest_query(void **state)
{
	static struct listed l;
	char text[QUERY_BYTES_MAX + 1];
	size_t used = 0;

	(void)state;
	for (unsigned sort = 0; sort < 4; sort++) {
		struct list_query q = {.sort = sort, .limit = 1000};

		used = 0;
		for (unsigned i = 0; i < QUERY_TERMS_MAX; i++)
			used += (size_t)snprintf(text + used,
						 sizeof(text) - used, "%s ",
						 i % 2 ? "-node:b" :
							 "-type:raw");
		read_query(&q, text);
		box_list(&b, &q, &l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_a_filter),
		cmocka_unit_test(zones_and_words),
		cmocka_unit_test(the_longest_query),
	};
	const char *chosen = getenv("PM_SEED");

	seed = chosen != NULL ? strtoull(chosen, NULL, 10) : 1;
	return cmocka_run_group_tests(tests, setup, boxes_end);
}
