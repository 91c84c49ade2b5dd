/*
 * query_list.c: pages of the merged list.
 *
 * A page goes on behind the (sort key, photo id) it ended with, so a list
 * that changes meanwhile neither repeats nor skips what did not move.
 *
 * Where something is chosen there are two ways to a page.  The walk follows the
 * index that the list is sorted by and looks up each photo: of a large library
 * each lies on another page of the file, but where many are chosen it soon has
 * enough of them.  The sweep reads everything once, in the order it is stored
 * in, and keeps of what is chosen the first of the list, no more than the page
 * takes.  What hardly anything matches is walked for a moment, then swept; both
 * give the same rows in the same order, out of one read transaction.
 *
 * An order whose index is still to be made (writer_index.c) is swept, too: to walk
 * would be to sort everything first, in memory and for each page.
 */
#include <stdio.h>
#include <string.h>

#include "query_private.h"

/* A photo swept costs about a tenth of one that is walked to, and that is some
 * twenty steps of SQLite's machine, of 10 000 in a round. */
#define SWEPT_PER_ROUND 5000u

/* What a sweep keeps at most, unless a page is longer. */
#define SWEEP_KEEPS_MAX 65536u

/* A page being made. */
struct page {
	const struct list_query *q;
	bool (*each)(void *arg, const struct photo_row *row);
	void *arg;
	struct list_cursor from; /* to go on behind */
	struct walk walk;
	bool enough; /* says `each` */
};

/* ---- statements -------------------------------------------------------- */

/* `sweep`: 0 for a walk, else how many photos it is to find. */
static int
statement_make(struct reader *r, const struct page *p, uint32_t sweep,
	       sqlite3_stmt **out, struct trouble *why)
{
	static const char *const columns[LIST_SORTS] = {
		"sort_time", "name", "size", "added", "wasted"};
	const struct list_query *q = p->q;
	bool falling = (q->sort != SORT_NAME) != q->reverse;
	const char *column = columns[q->sort];
	const char *way = falling ? "DESC" : "ASC";
	const char *not = sweep > 0 ? "+" : ""; /* the index of this column */
	char behind[64] = "", some[32] = "1", node[160] = "", limit[32] = "";
	char terms[SEARCH_SQL_MAX], sql[SEARCH_SQL_MAX + 1024];
	const char *text = sql;

	/* Said as the index says it, or it would not be used. */
	if (q->sort == SORT_WASTED)
		snprintf(some, sizeof(some), "%swasted > 0", not);
	if (p->from.set)
		snprintf(behind, sizeof(behind), " AND (%s%s, id) %c (?1, ?2)",
			 not, column, falling ? '<' : '>');
	if (sweep > 0 && q->of_node) /* in streams as read_begin has them */
		snprintf(node, sizeof(node), " AND EXISTS(SELECT 1 FROM copy"
			 " WHERE photo = photo.id AND stream IN (SELECT id"
			 " FROM stream WHERE role IN (1, 2) AND node = ?%d))",
			 SEARCH_PARAMETERS);
	if (sweep > 0)
		snprintf(limit, sizeof(limit), " LIMIT %u", sweep);
	search_sql(&q->search, sweep > 0 ? NULL : &q->sort, terms);
	snprintf(sql, sizeof(sql),
		 "SELECT " PHOTO_COLUMNS " FROM %s WHERE %s%s%s%s"
		 " ORDER BY %s%s %s, id %s%s", search_from(&q->search), some,
		 behind, node, terms, not, column, way, way, limit);
	return schema_prepare(r->db, &text, out, 1, why);
}

/* Without terms a walk's is made when it is first asked for, and kept. */
static sqlite3_stmt *
walk_statement(struct reader *r, const struct page *p, struct trouble *why)
{
	const struct list_query *q = p->q;
	sqlite3_stmt *own = NULL, **st = &own;

	if (q->search.count == 0)
		st = &r->list[q->sort][q->reverse][p->from.set];
	if (*st == NULL && statement_make(r, p, 0, st, why) == -1)
		return NULL;
	return *st;
}

static void
statement_bind(sqlite3_stmt *st, const struct page *p)
{
	const struct list_cursor *c = &p->from;
	uint8_t id[PHOTO_ID_BYTES];

	search_bind(st, p->q);
	if (!c->set)
		return;
	photo_id_pack(&c->photo, id);
	if (p->q->sort == SORT_NAME)
		sqlite3_bind_text(st, 1, c->name,
				  (int)strnlen(c->name, sizeof(c->name)),
				  SQLITE_TRANSIENT);
	else
		sqlite3_bind_int64(st, 1, c->number);
	sqlite3_bind_blob(st, 2, id, PHOTO_ID_BYTES, SQLITE_TRANSIENT);
}

/* ---- pages -------------------------------------------------------------- */

bool
walk_give_up(struct reader *r)
{
	struct walk *w = r->walk;

	if (w == NULL || ++w->rounds < r->walk_rounds_min)
		return false;
	/* At the pace so far, what is still to come?  And never does it cost
	 * more in vain than the sweep behind it. */
	w->given_up = w->rounds > w->sweep_rounds ||
		      w->rounds * (w->limit - w->shown) >
			      w->shown * w->sweep_rounds;
	return w->given_up;
}

static bool
is_full(const struct page *p)
{
	return p->enough || p->walk.shown == p->walk.limit;
}

/* Take a row of the statement; 0, or -1. */
static int
row_take(struct reader *r, struct page *p, sqlite3_stmt *st,
	 struct trouble *why)
{
	const struct list_query *q = p->q;
	int n = photo_show(r, st, q->of_node ? &q->node : NULL, q->sort, false,
			   p->each, p->arg, why);

	if (n == -1)
		return -1;
	p->enough = n == 2;
	p->walk.shown += n == 1;
	photo_cursor(st, q->sort, &p->from);
	return 0;
}

/* 0: the page is made, as far as it goes; 1: given up, behind p->from; -1. */
static int
walk(struct reader *r, struct page *p, sqlite3_stmt *st, bool sweeps,
     struct trouble *why)
{
	int code = 1;

	statement_bind(st, p);
	while (!is_full(p)) {
		struct trouble ours = {0};

		r->walk = sweeps ? &p->walk : NULL;
		code = read_row(r, st, &ours);
		r->walk = NULL;
		if (code == -1 && !p->walk.given_up && why != NULL)
			*why = ours;
		if (code != 1 || (code = row_take(r, p, st, why)) == -1)
			break;
	}
	sqlite3_reset(st); /* read_end knows of those only that are kept */
	if (p->walk.given_up)
		return 1;
	return code == -1 ? -1 : 0;
}

/* From p->from on.  A photo that is chosen and then not shown, as all that only
 * a node had that is being forgotten, takes a place of the page; so it is swept
 * again if any were lost, and for more each time: they may be most. */
static int
sweep(struct reader *r, struct page *p, struct trouble *why)
{
	uint32_t asked = 1, found = 1, least = 1;
	int code = 0;

	for (; !is_full(p) && found == asked;
	     least = asked < SWEEP_KEEPS_MAX / 8 ? 8 * asked :
						   SWEEP_KEEPS_MAX) {
		sqlite3_stmt *st = NULL;

		asked = p->walk.limit - p->walk.shown;
		asked = asked > least ? asked : least;
		found = 0;
		r->sweeps++;
		if (statement_make(r, p, asked, &st, why) == -1)
			return -1;
		statement_bind(st, p);
		if (p->q->of_node)
			sqlite3_bind_blob(st, SEARCH_PARAMETERS,
					  p->q->node.bytes, NODE_ID_BYTES,
					  SQLITE_STATIC);
		while (!is_full(p) && (code = read_row(r, st, why)) == 1 &&
		       (code = row_take(r, p, st, why)) == 0)
			found++;
		sqlite3_finalize(st);
		if (code == -1)
			return -1;
	}
	return 0;
}

int
sweep_rounds(struct reader *r, uint64_t *out, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_TOTALS];
	int code = read_row(r, st, why);

	*out = 0;
	if (code == 1)
		*out = (uint64_t)sqlite3_column_int64(st, 0) / SWEPT_PER_ROUND;
	sqlite3_reset(st);
	return code == -1 ? -1 : 0;
}

/* Is the index there that a walk goes along? */
static int
is_indexed(struct reader *r, enum list_sort sort, struct trouble *why)
{
	static const char *const names[LIST_SORTS] = {
		[SORT_NAME] = "photo_name", [SORT_SIZE] = "photo_size",
		[SORT_ADDED] = "photo_added", [SORT_WASTED] = "photo_wasted"};
	sqlite3_stmt *st = r->st[R_INDEX];
	int code;

	if (names[sort] == NULL)
		return 1; /* made with the table */
	sqlite3_bind_text(st, 1, names[sort], -1, SQLITE_STATIC);
	code = read_row(r, st, why);
	sqlite3_reset(st);
	return code;
}

static int
page_make(struct reader *r, struct page *p, sqlite3_stmt *st,
	  struct trouble *why)
{
	bool chosen = p->q->search.count > 0 || p->q->of_node;
	int code = is_indexed(r, p->q->sort, why);

	if (code != 1)
		return code == -1 ? -1 : sweep(r, p, why);
	if (chosen && sweep_rounds(r, &p->walk.sweep_rounds, why) == -1)
		return -1;
	if (chosen && r->walk_rounds_min == 0)
		return sweep(r, p, why);
	code = walk(r, p, st, chosen, why);
	return code == 1 ? sweep(r, p, why) : code;
}

int
reader_list(struct reader *r, const struct list_query *q,
	    bool (*each)(void *arg, const struct photo_row *row), void *arg,
	    struct trouble *why)
{
	struct page p = {.q = q, .each = each, .arg = arg, .from = q->after,
			 .walk.limit = q->limit};
	sqlite3_stmt *st = walk_statement(r, &p, why);
	int result = -1;

	if (st == NULL)
		return -1;
	if (read_begin(r, why) == 0) {
		r->asked = q;
		result = read_end(r, page_make(r, &p, st, why));
		r->asked = NULL;
	}
	if (q->search.count > 0)
		sqlite3_finalize(st);
	return result;
}
