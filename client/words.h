/*
 * words.h: the words of a command line that say which photos are meant.
 *
 * An ID or a QUERY.  A query is looked at here before any daemon is asked, so
 * that a mistake is shown where it is; what it means is proto's search.h.
 */
#ifndef PHOTO_WORDS_H
#define PHOTO_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "question.h"
#include "search.h"

struct failure;
struct output;

/* Bare hex digits are an id from so many on, where a QUERY may stand too. */
#define WORDS_ID_DIGITS_MIN 8u

/*
 * Is the word an id: `id:` and at least 4 hex digits, or bare ones, at least
 * `digits_min`?  Then *id is the digits, within the word.
 */
bool words_id(const char *word, unsigned digits_min, const char **id);
/* Where IDs or a QUERY may stand: IDs, if every word is one. */
bool words_are_ids(const char *const *words, unsigned count);

struct query {
	char text[QUERY_BYTES_MAX + 1];
	struct search search;
};
/*
 * The words, with a blank between each two, as one query.  A word with blanks
 * inside, quoted for the shell, is a phrase; unless something in it says that
 * it is a query by itself: a colon, quote, *, ?, [, or a - or ! before a word.
 * -1 when it is none: *why, and (not as JSON) the query with a caret below the
 * mistake, have been said.
 */
int words_query(const char *const *words, unsigned count, struct output *o,
		struct query *out, struct failure *why);
/* As LIST carries it: text, and the zone of each day that it names. */
void words_ask(const struct query *q, struct question_list *out);

/* How many of `bytes` are at most `max` and end with a whole character. */
int words_cut(const char *text, size_t bytes, size_t max);

#endif
