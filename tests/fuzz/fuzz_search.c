/*
 * Whatever is searched for: terms lie within the query, in order; stretches
 * are the right way round; a mistake lies within the query and is said.  And
 * no pattern does harm to a name, here the query itself and its terms, as they are
 * and folded.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

static void
judge_fold(const char *text, size_t size)
{
	static char room[FOLD_ROOM], other[FOLD_ROOM];
	size_t bytes = size, half = size / 2;
	const char *folded = fold(text, &bytes, room);

	must(bytes <= FOLD_ROOM && bytes <= FOLD_GROWTH_MAX * size);
	must(folded == room || (folded == text && bytes == size));
	text = fold(text, &half, other);
	(void)search_part(text, half, folded, bytes);
	(void)search_glob(text, half, folded, bytes);
}

static void
judge_term(const struct search *s, const struct search_term *t,
	   const char *query, size_t size)
{
	const char *text = search_text(s, t);

	must(t->bytes > 0 && (size_t)t->at + t->bytes <= size);
	must(t->text_bytes == 0 || strlen(text) == t->text_bytes);
	must(t->min <= t->max && t->max <= INT64_MAX);
	if (t->time.has_from && t->time.has_until)
		must(t->time.from_ms < t->time.until_ms);
	(void)search_part(text, t->text_bytes, query, size);
	if (!t->glob)
		return;
	must(search_glob("*", 1, text, t->text_bytes));
	(void)search_glob(text, t->text_bytes, query, size);
	(void)search_glob(text, t->text_bytes, text, t->text_bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct search s;
	const char *query = (const char *)data;
	struct search_error why = {0};
	int32_t days[QUERY_DAYS_MAX];
	size_t behind = 0;

	(void)search_type(query, size / 2, query + size / 2, size - size / 2);
	(void)search_type_raw(query, size);
	(void)search_name_raw(query, size);
	/* unsound patterns come from nobody, and do no harm either */
	(void)search_glob(query, size / 2, query + size / 2, size - size / 2);
	judge_fold(query, size);
	if (!search_parse(query, size, &s, &why)) {
		must(why.at <= size && why.bytes <= size - why.at);
		must(why.text[0] != '\0' &&
		     memchr(why.text, '\0', sizeof(why.text)) != NULL);
		return 0;
	}
	must(size <= QUERY_BYTES_MAX && s.count <= QUERY_TERMS_MAX);
	must(search_days(&s, days) <= QUERY_DAYS_MAX);
	search_set_clock(&s, INT64_C(1700000000000), days,
			 search_days(&s, days) / 2);
	search_set_clock(&s, INT64_C(1700000000000), NULL, 0);
	for (uint32_t i = 0; i < s.count; i++) {
		must(s.terms[i].at >= behind);
		behind = (size_t)s.terms[i].at + s.terms[i].bytes;
		judge_term(&s, &s.terms[i], query, size);
	}
	return 0;
}
