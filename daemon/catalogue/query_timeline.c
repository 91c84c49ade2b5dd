/*
 * query_timeline.c: how many photos there are of each year, month or day.
 *
 * One walk along the index of dates, newest first: what belongs together comes
 * together, so a count is told as soon as the next one begins.
 */
#include <stdio.h>

#include "civil.h"
#include "query_private.h"

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

static sqlite3_stmt *
prepare(struct reader *r, const struct list_query *q, struct trouble *why)
{
	static const enum list_sort index = SORT_TAKEN;
	char terms[SEARCH_SQL_MAX], sql[SEARCH_SQL_MAX + 512];
	const char *text = sql;
	sqlite3_stmt *st = NULL;

	search_sql(&q->search, &index, terms);
	snprintf(sql, sizeof(sql),
		 "SELECT sort_time, dated, size FROM %s WHERE 1%s"
		 " ORDER BY sort_time DESC, id DESC",
		 search_from(&q->search), terms);
	return schema_prepare(r->db, &text, &st, 1, why) == -1 ? NULL : st;
}

/*
 * Dates in UTC are moved by the asker's zone, by up to a day out of the order:
 * so of two stretches that meet the counts are kept until both are over.
 */
struct open_time {
	bool set;
	struct timeline_time t;
};

static bool
tell(struct open_time *o, bool (*each)(void *arg, const struct timeline_time *t),
     void *arg)
{
	if (!o->set)
		return true;
	o->set = false;
	return each(arg, &o->t);
}

/* The newest first; false: enough. */
static bool
count_in(struct open_time open[4], int32_t day, uint64_t bytes,
	 bool (*each)(void *arg, const struct timeline_time *t), void *arg)
{
	unsigned at = 0;

	while (at < 4 && open[at].set && open[at].t.day > day)
		at++;
	if (at < 4 && open[at].set && open[at].t.day == day) {
		open[at].t.photos++;
		open[at].t.bytes += bytes;
		return true;
	}
	/* A new one: the newest goes when there is no room. */
	if (open[3].set) {
		if (!tell(&open[0], each, arg))
			return false;
		for (unsigned i = 0; i < 3; i++)
			open[i] = open[i + 1];
		open[3].set = false;
		at = at > 0 ? at - 1 : 0;
	}
	for (unsigned i = 3; i > at; i--)
		open[i] = open[i - 1];
	open[at].set = true;
	open[at].t = (struct timeline_time){day, 1, bytes};
	return true;
}

int
reader_timeline(struct reader *r, const struct list_query *q,
		enum timeline_by by, int32_t zone_s,
		bool (*each)(void *arg, const struct timeline_time *t),
		void *arg, struct trouble *why)
{
	struct open_time open[4] = {0};
	sqlite3_stmt *st = prepare(r, q, why);
	bool enough = false;
	int code = 0;

	if (st == NULL)
		return -1;
	if (read_begin(r, why) == -1) {
		sqlite3_finalize(st);
		return -1;
	}
	r->asked = q;
	search_bind(st, q);
	while (!enough && (code = read_row(r, st, why)) == 1) {
		int64_t ms = sqlite3_column_int64(st, 0) / 1000000;

		if (sqlite3_column_int(st, 1) == (int)DATE_MTIME)
			ms += (int64_t)zone_s * 1000;
		if (is_shown(ms))
			enough = !count_in(open, stretch_of(ms, by),
					   (uint64_t)sqlite3_column_int64(st, 2),
					   each, arg);
	}
	for (unsigned i = 0; i < 4 && !enough && code != -1; i++)
		enough = !tell(&open[i], each, arg);
	sqlite3_reset(st);
	code = read_end(r, code == -1 ? -1 : 0);
	r->asked = NULL;
	sqlite3_finalize(st);
	return code;
}
