/*
 * photo timeline: how many photos there are of each year, month or day.
 */
#include <stdio.h>
#include <time.h>

#include "call.h"
#include "civil.h"
#include "failure.h"
#include "json.h"
#include "output.h"
#include "text.h"
#include "verbs.h"
#include "words.h"

#define DATE_COLUMNS  10u
#define COUNT_COLUMNS 9u
#define SIZE_COLUMNS  8u
#define BAR_MIN       10u

/* "2019", "2019-07", "2019-07-04" */
static void
date_text(int32_t day, uint32_t by, char out[32])
{
	struct civil c = civil_of(day * CIVIL_DAY_MS);
	int n = snprintf(out, 32, "%04d", c.year);

	if (by >= TIMELINE_MONTHS)
		n += snprintf(out + n, 32 - (size_t)n, "-%02d", c.month);
	if (by >= TIMELINE_DAYS)
		snprintf(out + n, 32 - (size_t)n, "-%02d", c.day);
}

/* In eighths of a column; something for anything. */
static void
put_bar(FILE *f, uint64_t count, uint64_t most, unsigned width)
{
	static const char *const eighths[] = {
		"",	        "\u258f", "\u258e", "\u258d",
		"\u258c", "\u258b", "\u258a", "\u2589"};
	uint64_t parts = (uint64_t)((double)count / (double)most * 8.0 *
				    (double)width + 0.5);

	if (parts == 0)
		parts = 1;
	for (uint64_t i = 0; i < parts / 8; i++)
		fputs("\u2588", f);
	fputs(eighths[parts % 8], f);
}

static void
put_time(struct output *o, const struct answer_time *t, uint32_t by,
	 uint64_t most)
{
	unsigned used = DATE_COLUMNS + COUNT_COLUMNS + SIZE_COLUMNS + 6;
	char date[32], size[TEXT_SIZE_MAX];
	struct json *j = &o->json;

	date_text(t->day, by, date);
	switch (o->form) {
	case OUTPUT_JSON:
		json_open(j, NULL, '{');
		json_str(j, "date", date);
		json_uint(j, "photos", t->photos);
		json_uint(j, "bytes", t->bytes);
		json_close(j, '}');
		json_line(j);
		return;
	case OUTPUT_TABS:
		fprintf(o->data, "%s\t%llu\t%llu\n", date,
			(unsigned long long)t->photos,
			(unsigned long long)t->bytes);
		return;
	case OUTPUT_TABLE:
		break;
	}
	text_size(t->bytes, size);
	fprintf(o->data, "%-*s  %*llu  %*s  ", (int)DATE_COLUMNS, date,
		(int)COUNT_COLUMNS, (unsigned long long)t->photos,
		(int)SIZE_COLUMNS, size);
	put_bar(o->data, t->photos, most,
		o->width > used + BAR_MIN ? o->width - used : BAR_MIN);
	putc('\n', o->data);
}

static int
put_answer(struct output *o, const struct answer_times *a, uint32_t by,
	   bool asked, struct failure *why)
{
	uint64_t most = 1, photos = 0;

	for (uint32_t i = 0; i < a->count; i++) {
		photos += a->times[i].photos;
		if (a->times[i].photos > most)
			most = a->times[i].photos;
	}
	if (o->form == OUTPUT_TABLE && a->count > 0) {
		output_bold(o, true);
		fprintf(o->data, "%-*s  %*s  %*s", (int)DATE_COLUMNS, "DATE",
			(int)COUNT_COLUMNS, "PHOTOS", (int)SIZE_COLUMNS, "SIZE");
		output_bold(o, false);
		putc('\n', o->data);
	}
	for (uint32_t i = 0; i < a->count; i++)
		put_time(o, &a->times[i], by, most);
	if (output_flush(o, why) == -1)
		return -1;
	if (a->count == 0 && asked)
		return failure_set(why, ENDING_NOT_FOUND,
				   "no photo matches that query");
	if (o->form == OUTPUT_TABLE)
		output_note(o, "%llu photo%s%s", (unsigned long long)photos,
			    photos == 1 ? "" : "s",
			    a->more ? "; older ones are left out" : "");
	if (a->fresh.scanning || a->fresh.syncing)
		output_note(o, "%s is going on, so more may turn up",
			    a->fresh.scanning ? "a scan" : "a sync");
	return 0;
}

/* By how much our clock is ahead of UTC now. */
static int32_t
zone_now(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) != NULL ? (int32_t)tm.tm_gmtoff : 0;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_TIMELINE}, answer;
	struct query query;
	struct call *c;
	int r = -1;

	if (words_query(p->arguments, p->argument_count, o, &query, why) == -1)
		return -1;
	words_ask(&query, &q.u.timeline.query);
	q.u.timeline.by = p->by;
	q.u.timeline.zone_s = zone_now();
	if ((c = verb_call_new(p, why)) == NULL)
		return -1;
	if (call_once(c, &q, CLIENT_TIMES, &answer, why) == 0) {
		r = put_answer(o, &answer.u.times, p->by,
			       query.search.count > 0, why);
		verb_note_silent(c, o);
	}
	call_free(c);
	return r;
}

const struct verb verb_timeline = {
	.name = "timeline",
	.summary = "how many photos there are of each year, month or day",
	.synopsis = "timeline [QUERY...] [--by year|month|day]",
	.help = "Counts photos, each once, by the date that list shows, newest "
		"first.  A\n"
		"camera's own clock is taken as it is; other dates are moved "
		"into your zone as\n"
		"it is now.  For QUERY see: photo list --help\n"
		"\n"
		"  --by PERIOD     year, month (default) or day; none without "
		"photos is told\n"
		"\n"
		"Piped, the columns are date, photos, bytes, separated by "
		"tabs.\n"
		"\n"
		"Examples:\n"
		"  photo timeline\n"
		"  photo timeline --by year camera:canon\n"
		"  photo timeline --by day taken:2019-07 --json\n",
	.takes = TAKES_QUERY | TAKES_BY,
	.arguments_max = ARGUMENTS_MAX,
	.run = run,
};
