/*
 * query_timeline.c: how many photos there are of each year, month or day.
 *
 * They are counted in the order they are stored in, each read once: along the
 * index of dates each would lie on another page of the file.  Only where the
 * query is for a stretch of time that index is tried first, for what it costs to
 * read everything.
 */
#include <stdio.h>

#include "civil.h"
#include "query_private.h"
#include "stretches.h"

/* The first day of the stretch that a moment lies in. */
static int32_t
stretch_of(int64_t ms, enum timeline_by by)
{
	struct civil c = civil_of(ms);

	return civil_day(c.year, by == BY_YEAR ? 1 : c.month,
			 by == BY_DAY ? c.day : 1);
}

/* Of the calendar that has four digits for a year; all others are left out. */
static bool
is_shown(int64_t ms)
{
	return ms >= civil_day(1, 1, 1) * CIVIL_DAY_MS &&
	       ms < civil_day(9999, 12, 31) * CIVIL_DAY_MS;
}

/* Does the index of dates lead to a part of them? */
static bool
asks_time(const struct search *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->terms[i].kind == SEARCH_TAKEN && !s->terms[i].negated)
			return true;
	return false;
}

static sqlite3_stmt *
prepare(struct reader *r, const struct list_query *q, bool walks,
	struct trouble *why)
{
	static const enum list_sort index = SORT_TAKEN;
	char terms[SEARCH_SQL_MAX], sql[SEARCH_SQL_MAX + 512];
	const char *text = sql;
	sqlite3_stmt *st = NULL;

	search_sql(&q->search, walks ? &index : NULL, terms);
	snprintf(sql, sizeof(sql),
		 "SELECT sort_time, dated, size FROM %s WHERE 1%s",
		 search_from(&q->search), terms);
	return schema_prepare(r->db, &text, &st, 1, why) == -1 ? NULL : st;
}

struct counting {
	const struct list_query *q;
	enum timeline_by by;
	int64_t zone_ms;
	struct stretches stretches;
};

static int
count_row(struct counting *c, sqlite3_stmt *st, struct trouble *why)
{
	int64_t ms = sqlite3_column_int64(st, 0) / 1000000;

	if (sqlite3_column_int(st, 1) == (int)DATE_MTIME)
		ms += c->zone_ms;
	if (is_shown(ms) &&
	    stretches_add(&c->stretches, stretch_of(ms, c->by),
			  (uint64_t)sqlite3_column_int64(st, 2)) == -1)
		return read_memory(why);
	return 0;
}

/* 0: all are counted; 1: given up, as the walk says; -1. */
static int
count(struct reader *r, struct counting *c, struct walk *walk,
      struct trouble *why)
{
	sqlite3_stmt *st = prepare(r, c->q, walk != NULL, why);
	int code = 1;

	if (st == NULL)
		return -1;
	search_bind(st, c->q);
	while (code == 1) {
		struct trouble ours = {0};

		r->walk = walk;
		code = read_row(r, st, &ours);
		r->walk = NULL;
		if (code == -1 && walk != NULL && walk->given_up)
			break;
		if (code == -1 && why != NULL)
			*why = ours;
		if (code == 1 && count_row(c, st, why) == -1)
			code = -1;
		else if (code == 0)
			break;
	}
	sqlite3_finalize(st);
	return walk != NULL && walk->given_up ? 1 : code;
}

static int
count_all(struct reader *r, struct counting *c, struct trouble *why)
{
	struct walk walk = {0};
	int code;

	if (asks_time(&c->q->search) && r->walk_rounds_min > 0) {
		if (sweep_rounds(r, &walk.sweep_rounds, why) == -1)
			return -1;
		if ((code = count(r, c, &walk, why)) != 1)
			return code;
		stretches_clear(&c->stretches);
	}
	r->sweeps++;
	return count(r, c, NULL, why);
}

int
reader_timeline(struct reader *r, const struct list_query *q,
		enum timeline_by by, int32_t zone_s, uint32_t max,
		bool (*each)(void *arg, const struct timeline_time *t),
		void *arg, struct trouble *why)
{
	struct counting c = {.q = q, .by = by,
			     .zone_ms = (int64_t)zone_s * 1000};
	uint32_t times = 0;
	int result;

	if (read_begin(r, why) == -1)
		return -1;
	stretches_init(&c.stretches, max);
	r->asked = q;
	result = count_all(r, &c, why);
	r->asked = NULL;
	result = read_end(r, result);
	if (result == 0)
		times = stretches_end(&c.stretches);
	for (uint32_t i = 0; i < times; i++)
		if (!each(arg, &c.stretches.slots[i]))
			break;
	stretches_release(&c.stretches);
	return result;
}
