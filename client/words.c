#include "words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "failure.h"
#include "output.h"
#include "text.h"
#include "utf8.h"

#define MISTAKE_COLUMNS 60u /* of a long query, up to its mistake */

bool
words_id(const char *word, unsigned digits_min, const char **id)
{
	struct photo_prefix prefix;

	if (strncasecmp(word, "id:", 3) == 0) {
		word += 3;
		digits_min = PHOTO_PREFIX_HEX_MIN;
	}
	*id = word;
	return strlen(word) < PHOTO_ID_TEXT_MAX &&
	       photo_prefix_parse(word, strlen(word), &prefix) &&
	       prefix.digits >= digits_min;
}

bool
words_are_ids(const char *const *words, unsigned count)
{
	const char *id;

	for (unsigned i = 0; i < count; i++)
		if (!words_id(words[i], WORDS_ID_DIGITS_MIN, &id))
			return false;
	return count > 0;
}

/* ---- a query ----------------------------------------------------------- */

static bool
is_phrase(const char *word)
{
	bool blank = false;

	if (strpbrk(word, ":\"*?[") != NULL)
		return false;
	for (const char *c = word; *c != '\0'; c++) {
		bool front = c == word || c[-1] == ' ';

		blank = blank || *c == ' ';
		if (front && (*c == '-' || *c == '!') && c[1] != ' ' &&
		    c[1] != '\0')
			return false;
	}
	return blank && strspn(word, " ") < strlen(word);
}

/* False when it does not fit. */
static bool
add(struct query *q, size_t *used, char c)
{
	if (*used >= sizeof(q->text) - 1)
		return false;
	q->text[(*used)++] = c;
	q->text[*used] = '\0';
	return true;
}

static bool
add_word(struct query *q, size_t *used, const char *word)
{
	bool phrase = is_phrase(word);
	bool fits = *used == 0 || add(q, used, ' ');

	fits = fits && (!phrase || add(q, used, '"'));
	for (; *word != '\0' && fits; word++)
		fits = (!phrase || *word != '\\' || add(q, used, '\\')) &&
		       add(q, used, *word);
	return fits && (!phrase || add(q, used, '"'));
}

int
words_cut(const char *text, size_t bytes, size_t max)
{
	if (bytes <= max)
		return (int)bytes;
	while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80)
		max--;
	return (int)max;
}

/* The query, or the end of it up to the mistake, and a caret below that. */
static void
put_mistake(struct output *o, const char *text, const struct search_error *e)
{
	size_t bytes = strlen(text), from = 0;
	unsigned column, width, room = o->width > 20 ? o->width - 10 : 10;
	uint32_t code;

	while (from < e->at && text_shown_width(text + from, e->at - from) >
				       MISTAKE_COLUMNS)
		from += utf8_decode((const uint8_t *)text + from, bytes - from,
				    &code);
	fputs(from > 0 ? "  ..." : "  ", o->notes);
	text_put_shown(o->notes, text + from, bytes - from, room);
	column = (from > 0 ? 5 : 2) +
		 text_shown_width(text + from, e->at - from);
	width = text_shown_width(text + e->at, e->bytes);
	fprintf(o->notes, "\n%*s^", (int)column, "");
	for (unsigned i = 1; i < width && column + i < room; i++)
		putc('~', o->notes);
	putc('\n', o->notes);
}

static int
fail_mistake(struct output *o, const char *text, const struct search_error *e,
	     struct failure *why)
{
	failure_set(why, ENDING_USAGE, "the query is wrong at '%.*s': %s",
		    words_cut(text + e->at, e->bytes, 64), text + e->at,
		    e->text);
	if (o->form == OUTPUT_JSON)
		return -1;
	output_failure(o, why);
	put_mistake(o, text, e);
	why->message[0] = '\0'; /* said */
	return -1;
}

int
words_query(const char *const *words, unsigned count, struct output *o,
	    struct query *out, struct failure *why)
{
	struct search_error mistake;
	size_t used = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < count; i++)
		if (!add_word(out, &used, words[i]))
			return failure_set(why, ENDING_USAGE,
					   "the query is longer than %u bytes",
					   QUERY_BYTES_MAX);
	if (!utf8_valid((const uint8_t *)out->text, used))
		return failure_set(why, ENDING_USAGE,
				   "the query is not valid UTF-8");
	if (!search_parse(out->text, used, &out->search, &mistake))
		return fail_mistake(o, out->text, &mistake, why);
	return 0;
}

/* ---- asking ------------------------------------------------------------ */

/* By how many seconds clocks here are ahead of UTC when that day begins. */
static int32_t
zone_of(int32_t day)
{
	time_t midnight = (time_t)day * 86400; /* in Greenwich */
	struct tm tm;
	int64_t ahead;

	if (gmtime_r(&midnight, &tm) == NULL)
		return 0;
	tm.tm_isdst = -1;
	ahead = (int64_t)midnight - (int64_t)mktime(&tm);
	return ahead > -(int64_t)QUERY_ZONE_S_MAX &&
			       ahead < (int64_t)QUERY_ZONE_S_MAX
		       ? (int32_t)ahead
		       : 0;
}

void
words_ask(const struct query *q, struct question_list *out)
{
	int32_t days[QUERY_DAYS_MAX];

	memcpy(out->text, q->text, sizeof(out->text));
	out->zone_count = search_days(&q->search, days);
	for (uint32_t i = 0; i < out->zone_count; i++)
		out->zones[i] = zone_of(days[i]);
}
