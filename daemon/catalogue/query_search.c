/*
 * query_search.c: the terms of a query, as SQL.
 *
 * The text of a statement is put together from fixed pieces and numbers of
 * parameters; whatever somebody typed is bound.  Patterns are matched by
 * functions of ours (search.h), for LIKE and GLOB have other ideas of case, of
 * bytes that are no UTF-8, and of what %, _ and a NUL mean.
 *
 * A column that has an index, but not the one that the list is sorted by, is
 * written with a + before it.  Else SQLite may take that index and sort what
 * it finds, afresh for each page; so a query is one walk along the list,
 * however many pages it takes, unless query_list.c would rather sweep.
 *
 * What is looked for is folded once, when it is bound; what it is held against,
 * each time.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fold.h"
#include "query_private.h"

#define OF_SOME_COPY "EXISTS(SELECT 1 FROM copy WHERE photo = photo.id AND "

/* ---- functions --------------------------------------------------------- */

enum match { PATH_PART, NAME_PART, PATH_GLOB, NAME_GLOB, TYPE_IS, TYPE_GLOB };

/* (key of a copy or a type, what is looked for) */
static void
match_make(sqlite3_context *c, int count, sqlite3_value **v, enum match how)
{
	const char *text = sqlite3_value_blob(v[0]);
	const char *want = sqlite3_value_blob(v[1]);
	size_t bytes = (size_t)sqlite3_value_bytes(v[0]);
	size_t want_bytes = (size_t)sqlite3_value_bytes(v[1]);
	char room[FOLD_ROOM];
	bool yes = false;

	assert(count == 2);
	if (how != TYPE_IS && how != TYPE_GLOB) {
		/* Never stored, but a damaged file may say anything. */
		if (bytes <= ROOT_ID_BYTES) {
			sqlite3_result_int(c, 0);
			return;
		}
		text += ROOT_ID_BYTES;
		bytes -= ROOT_ID_BYTES;
	}
	if (how == NAME_PART || how == NAME_GLOB)
		text = search_base_name(text, &bytes);
	text = fold(text, &bytes, room);
	switch (how) {
	case PATH_PART:
	case NAME_PART:
		yes = search_part(want, want_bytes, text, bytes);
		break;
	case PATH_GLOB:
	case NAME_GLOB:
	case TYPE_GLOB:
		yes = search_glob(want, want_bytes, text, bytes);
		break;
	case TYPE_IS:
		yes = search_type(want, want_bytes, text, bytes);
		break;
	}
	sqlite3_result_int(c, yes);
}

#define MATCH(name, how)                                                     \
	static void name(sqlite3_context *c, int count, sqlite3_value **v)   \
	{                                                                    \
		match_make(c, count, v, how);                                \
	}
MATCH(path_part, PATH_PART)
MATCH(name_part, NAME_PART)
MATCH(path_glob, PATH_GLOB)
MATCH(name_glob, NAME_GLOB)
MATCH(type_is, TYPE_IS)
MATCH(type_glob, TYPE_GLOB)

static void
type_raw(sqlite3_context *c, int count, sqlite3_value **v)
{
	const char *type = sqlite3_value_blob(v[0]);

	(void)count;
	sqlite3_result_int(c, search_type_raw(type, (size_t)
					      sqlite3_value_bytes(v[0])));
}

static void
name_raw(sqlite3_context *c, int count, sqlite3_value **v)
{
	const char *key = sqlite3_value_blob(v[0]);
	size_t bytes = (size_t)sqlite3_value_bytes(v[0]);

	(void)count;
	sqlite3_result_int(c, bytes > ROOT_ID_BYTES &&
			      search_name_raw(key + ROOT_ID_BYTES,
					      bytes - ROOT_ID_BYTES));
}

static bool
is_live(const struct list_query *q, const struct node_id *node)
{
	for (uint32_t i = 0; i < q->live_count; i++)
		if (node_id_equal(&q->live[i], node))
			return true;
	return false;
}

/* (stream, key of a copy): can it be had now?  What is said of roots takes
 * the lives of a node into account, so it is asked where the list asks. */
static void
at_hand(sqlite3_context *c, int count, sqlite3_value **v)
{
	struct reader *r = sqlite3_user_data(c);
	const struct seen_stream *s =
		read_stream(r, sqlite3_value_int64(v[0]));
	const char *key = sqlite3_value_blob(v[1]);
	struct trouble why = {0};
	struct copy_row row;

	(void)count;
	if (s == NULL || sqlite3_value_bytes(v[1]) <= (int)ROOT_ID_BYTES ||
	    !is_live(r->asked, &s->report.stream.node)) {
		sqlite3_result_int(c, 0);
		return;
	}
	memset(&row, 0, sizeof(row));
	memcpy(row.root.bytes, key, ROOT_ID_BYTES);
	if (roots_look(r, s, &row, &why) == -1)
		sqlite3_result_error(c, why.text, -1);
	else
		sqlite3_result_int(c, row.root_online);
}

static int
functions_set(struct reader *r, const struct sql_function *f, size_t count,
	      struct trouble *why)
{
	for (; count > 0; count--, f++) {
		int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY |
			    (f->same ? SQLITE_DETERMINISTIC : 0);

		if (sqlite3_create_function(r->db, f->name, f->count, flags, r,
					    f->make, NULL, NULL) != SQLITE_OK)
			return schema_trouble(r->db, why, "cannot be set up");
	}
	return 0;
}

int
search_functions(struct reader *r, struct trouble *why)
{
	static const struct sql_function functions[] = {
		{"path_part", 2, true, path_part},
		{"name_part", 2, true, name_part},
		{"path_glob", 2, true, path_glob},
		{"name_glob", 2, true, name_glob},
		{"type_is", 2, true, type_is},
		{"type_glob", 2, true, type_glob},
		{"type_raw", 1, true, type_raw},
		{"name_raw", 1, true, name_raw},
		{"at_hand", 2, false, at_hand},
	};

	if (functions_set(r, functions, sizeof(functions) / sizeof(*functions),
			  why) == -1)
		return -1;
	return functions_set(r, about_functions, ABOUT_FUNCTIONS, why);
}

/* ---- statements -------------------------------------------------------- */

#define TERM_PARAMETERS 6
static_assert(3 + TERM_PARAMETERS * (int)QUERY_TERMS_MAX == SEARCH_PARAMETERS,
	      "the header says how many");

/* The parameters of a term; 1 and 2 are the cursor's. */
static int
parameter(uint32_t term)
{
	return 3 + TERM_PARAMETERS * (int)term;
}

/* A date of the camera's clock, or of a name, is held against civil days; what
 * is known in UTC against the asker's.  Both are within the first stretch, by
 * which the index is walked. */
static int
taken_sql(bool indexed, int n, char *out, size_t max)
{
	return snprintf(out, max, "(%ssort_time BETWEEN ?%d AND ?%d AND CASE"
			" dated WHEN 0 THEN sort_time BETWEEN ?%d AND ?%d"
			" ELSE sort_time BETWEEN ?%d AND ?%d END)",
			indexed ? "" : "+", n, n + 1, n + 2, n + 3, n + 4,
			n + 5);
}

/* What a term asks; from `n` on TERM_PARAMETERS are its parameters. */
static int
term_sql(const struct search_term *t, const enum list_sort *index, int n,
	 char *out, size_t max)
{
	const char *form = t->glob ? "glob" : "part";
	const char *other = "+";

	switch (t->kind) {
	case SEARCH_PATH:
		return snprintf(out, max, OF_SOME_COPY "path_%s(key, ?%d))",
				form, n);
	case SEARCH_NAME:
		return snprintf(out, max, OF_SOME_COPY "name_%s(key, ?%d))",
				form, n);
	case SEARCH_NODE:
		return snprintf(out, max, OF_SOME_COPY "stream IN (SELECT id"
				" FROM stream WHERE node = ?%d))", n);
	case SEARCH_ONLINE:
		return snprintf(out, max, OF_SOME_COPY "at_hand(stream, key))");
	case SEARCH_TYPE:
		return snprintf(out, max, "type_%s(type, ?%d)",
				t->glob ? "glob" : "is", n);
	case SEARCH_RAW:
		/* Only of a TIFF the type leaves it open. */
		return snprintf(out, max, "(type_raw(type) OR (type ="
				" 'image/tiff' AND coalesce(media_is("
				"m.value, %d), " OF_SOME_COPY
				"name_raw(key)))))", META_RAW);
	case SEARCH_SIZE:
		if (index != NULL && *index == SORT_SIZE)
			other = "";
		return snprintf(out, max, "(%ssize BETWEEN ?%d AND ?%d)", other,
				n, n + 1);
	case SEARCH_COPIES:
		return snprintf(out, max, "(copies BETWEEN ?%d AND ?%d)", n,
				n + 1);
	case SEARCH_TAKEN:
		return taken_sql(index != NULL && *index == SORT_TAKEN, n,
				 out, max);
	case SEARCH_ADDED:
		if (index != NULL && *index == SORT_ADDED)
			other = "";
		return snprintf(out, max, "(%sadded BETWEEN ?%d AND ?%d)",
				other, n, n + 1);
	case SEARCH_ID:
		return snprintf(out, max, "(id BETWEEN ?%d AND ?%d)", n, n + 1);
	case SEARCH_CAMERA:
		return snprintf(out, max, "camera_is(m.value, ?%d, %d)", n,
				t->glob);
	case SEARCH_LENS:
		return snprintf(out, max, "lens_is(m.value, ?%d, %d)", n,
				t->glob);
	case SEARCH_KEYWORD:
		return snprintf(out, max, "has_keyword(m.value, ?%d, %d)",
				n, t->glob);
	case SEARCH_ISO:
		return snprintf(out, max, "iso_within(m.value, ?%d, ?%d)",
				n, n + 1);
	case SEARCH_NEAR:
		return snprintf(out, max, "is_near(m.value, ?%d, ?%d, ?%d)", n,
				n + 1, n + 2);
	case SEARCH_GPS:
		return snprintf(out, max, "has_place(m.value)");
	}
	return 0;
}

static bool
asks_meta(const struct search_term *t)
{
	return t->kind == SEARCH_CAMERA || t->kind == SEARCH_LENS ||
	       t->kind == SEARCH_KEYWORD || t->kind == SEARCH_ISO ||
	       t->kind == SEARCH_NEAR || t->kind == SEARCH_GPS ||
	       t->kind == SEARCH_RAW;
}

/* Joined, the record is looked up once for all terms.  A photo of which none is
 * known stays: what is negated is true of it. */
const char *
search_from(const struct search *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (asks_meta(&s->terms[i]))
			return "photo LEFT JOIN record AS m INDEXED BY"
			       " record_key ON m.stream = photo.about AND"
			       " m.kind = 6 AND m.key = photo.id";
	return "photo";
}

void
search_sql(const struct search *s, const enum list_sort *index,
	   char out[SEARCH_SQL_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < s->count; i++) {
		const struct search_term *t = &s->terms[i];

		used += (size_t)snprintf(out + used, SEARCH_SQL_MAX - used,
					 " AND %s",
					 t->negated ? "NOT " : "");
		used += (size_t)term_sql(t, index, parameter(i), out + used,
					 SEARCH_SQL_MAX - used);
		assert(used < SEARCH_SQL_MAX);
	}
}

/* ---- what is bound ----------------------------------------------------- */

static int64_t
ns_of_ms(int64_t ms)
{
	if (ms > INT64_MAX / 1000000)
		return INT64_MAX;
	if (ms < INT64_MIN / 1000000)
		return INT64_MIN;
	return ms * 1000000;
}

/* Both ends included: the last one is but a moment away from `until`. */
static int64_t
last_of(bool has_until, int64_t until)
{
	if (!has_until)
		return INT64_MAX;
	return until == INT64_MAX || until == INT64_MIN ? until : until - 1;
}

static void
bind_added(sqlite3_stmt *st, int n, const struct search_time *t)
{
	sqlite3_bind_int64(st, n, t->has_from ? t->from_ms : INT64_MIN);
	sqlite3_bind_int64(st, n + 1, last_of(t->has_until, t->until_ms));
}

/* As taken_sql says. */
static void
bind_taken(sqlite3_stmt *st, int n, const struct search_time *t)
{
	int64_t from[2] = {INT64_MIN, INT64_MIN}, until[2];
	int64_t civil_from, civil_until;

	search_civil(t, &civil_from, &civil_until);
	if (t->has_from) {
		from[0] = ns_of_ms(t->from_ms);
		from[1] = ns_of_ms(civil_from);
	}
	until[0] = last_of(t->has_until, ns_of_ms(t->until_ms));
	until[1] = last_of(t->has_until, ns_of_ms(civil_until));
	sqlite3_bind_int64(st, n, from[0] < from[1] ? from[0] : from[1]);
	sqlite3_bind_int64(st, n + 1,
			   until[0] > until[1] ? until[0] : until[1]);
	for (int i = 0; i < 2; i++) {
		sqlite3_bind_int64(st, n + 2 + 2 * i, from[i]);
		sqlite3_bind_int64(st, n + 3 + 2 * i, until[i]);
	}
}

void
prefix_bounds(const struct photo_prefix *p, uint8_t low[PHOTO_ID_BYTES],
	      uint8_t high[PHOTO_ID_BYTES])
{
	struct photo_id id;

	memset(low, 0, PHOTO_ID_BYTES);
	memset(high, 0xff, PHOTO_ID_BYTES);
	memcpy(low, p->hash, PHOTO_HASH_BYTES);
	memcpy(high, p->hash, (p->digits + 1) / 2);
	if (p->digits % 2 == 1)
		high[p->digits / 2] |= 0x0f;
	if (!p->sized)
		return;
	memcpy(id.hash, p->hash, PHOTO_HASH_BYTES);
	id.size = p->size;
	photo_id_pack(&id, low);
	photo_id_pack(&id, high);
}

static void
bind_id(sqlite3_stmt *st, int n, const struct photo_prefix *prefix)
{
	uint8_t low[PHOTO_ID_BYTES], high[PHOTO_ID_BYTES];

	prefix_bounds(prefix, low, high);
	sqlite3_bind_blob(st, n, low, sizeof(low), SQLITE_TRANSIENT);
	sqlite3_bind_blob(st, n + 1, high, sizeof(high), SQLITE_TRANSIENT);
}

static void
bind_text(sqlite3_stmt *st, int n, const struct search *s,
	  const struct search_term *t)
{
	size_t bytes = t->text_bytes;
	char room[FOLD_ROOM];
	const char *text = fold(search_text(s, t), &bytes, room);

	sqlite3_bind_blob(st, n, text, (int)bytes, SQLITE_TRANSIENT);
}

void
search_bind(sqlite3_stmt *st, const struct list_query *q)
{
	for (uint32_t i = 0; i < q->search.count; i++) {
		const struct search_term *t = &q->search.terms[i];
		int n = parameter(i);

		switch (t->kind) {
		case SEARCH_PATH:
		case SEARCH_NAME:
		case SEARCH_TYPE:
		case SEARCH_CAMERA:
		case SEARCH_LENS:
		case SEARCH_KEYWORD:
			bind_text(st, n, &q->search, t);
			break;
		case SEARCH_NODE:
			sqlite3_bind_blob(st, n, q->nodes[i].bytes,
					  NODE_ID_BYTES, SQLITE_STATIC);
			break;
		case SEARCH_SIZE:
		case SEARCH_COPIES:
		case SEARCH_ISO:
			sqlite3_bind_int64(st, n, (int64_t)t->min);
			sqlite3_bind_int64(st, n + 1, (int64_t)t->max);
			break;
		case SEARCH_TAKEN:
			bind_taken(st, n, &t->time);
			break;
		case SEARCH_ADDED:
			bind_added(st, n, &t->time);
			break;
		case SEARCH_ID:
			bind_id(st, n, &t->prefix);
			break;
		case SEARCH_NEAR:
			sqlite3_bind_int64(st, n, t->latitude_e7);
			sqlite3_bind_int64(st, n + 1, t->longitude_e7);
			sqlite3_bind_int64(st, n + 2, (int64_t)t->max);
			break;
		case SEARCH_RAW:
		case SEARCH_ONLINE:
		case SEARCH_GPS:
			break;
		}
	}
}
