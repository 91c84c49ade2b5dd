/* search.c: a query, from its text to its terms. */
#include "search.h"

#include <assert.h>
#include <string.h>

struct parse {
	struct search_piece query;
	size_t at; /* read so far */
	struct search *out;
	struct search_error *why;
};

static const struct key {
	const char *name;
	enum search_kind kind;
} keys[] = {
	{"name", SEARCH_NAME},	 {"path", SEARCH_PATH},
	{"node", SEARCH_NODE},	 {"type", SEARCH_TYPE},
	{"size", SEARCH_SIZE},	 {"taken", SEARCH_TAKEN},
	{"added", SEARCH_ADDED}, {"copies", SEARCH_COPIES},
	{"id", SEARCH_ID},	 {"camera", SEARCH_CAMERA},
	{"lens", SEARCH_LENS},	 {"keyword", SEARCH_KEYWORD},
	{"iso", SEARCH_ISO},	 {"near", SEARCH_NEAR},
	{"has", SEARCH_GPS},
};
#define KEYS_TOLD                                                              \
	"name path node type size taken added copies id camera lens iso near " \
	"has keyword"

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
says(const struct search_piece *p, const char *word)
{
	size_t i;

	for (i = 0; i < p->bytes && word[i] != '\0'; i++)
		if (lower(p->text[i]) != word[i])
			return false;
	return i == p->bytes && word[i] == '\0';
}

static struct search_piece
piece(const struct parse *p, size_t from, size_t to)
{
	return (struct search_piece){p->query.text + from, from, to - from};
}

/* The character there; blank at the end. */
static char
peek(const struct parse *p)
{
	return p->at < p->query.bytes ? p->query.text[p->at] : ' ';
}

/* ---- what is looked for ------------------------------------------------ */

static void
text_add(struct search *s, char c)
{
	/* Never more than the query: what goes without saying, blanks and
	 * quotes, makes room for the NULs. */
	assert(s->text_bytes < sizeof(s->text));
	s->text[s->text_bytes++] = c;
}

static void
text_begin(struct search *s, struct search_term *t)
{
	t->text_at = s->text_bytes;
}

static void
text_end(struct search *s, struct search_term *t)
{
	t->text_bytes = (uint16_t)(s->text_bytes - t->text_at);
	text_add(s, '\0');
}

/* "Behind the quote": up to the next one, \" and \\ being characters. */
static bool
read_phrase(struct parse *p, struct search_term *t)
{
	struct search_piece quote = piece(p, p->at, p->at + 1);
	bool closed = false;

	text_begin(p->out, t);
	for (p->at++; p->at < p->query.bytes && !closed; p->at++) {
		char c = p->query.text[p->at];

		if (c == '\\' && p->at + 1 < p->query.bytes &&
		    (p->query.text[p->at + 1] == '"' ||
		     p->query.text[p->at + 1] == '\\'))
			c = p->query.text[++p->at];
		else if (c == '"')
			closed = true;
		if (!closed)
			text_add(p->out, c);
	}
	text_end(p->out, t);
	if (!closed)
		return search_fail(p->why, &quote, "this quote is not closed");
	quote = piece(p, quote.at, p->at);
	if (t->text_bytes == 0)
		return search_fail(p->why, &quote,
				   "nothing stands between the quotes");
	quote = piece(p, p->at, p->at + 1);
	if (!is_blank(peek(p)))
		return search_fail(p->why, &quote,
				   "a blank is missing behind the quote");
	return true;
}

/* [a-z] at `at`: where it ends, or 0 and what is wrong. */
static size_t
set_end(struct parse *p, const struct search_piece *word, size_t at)
{
	struct search_piece rest = piece(p, word->at + at,
					 word->at + word->bytes);
	size_t i = at + 1;

	if (i < word->bytes && (word->text[i] == '!' || word->text[i] == '^'))
		i++;
	/* A ] at the front is one of the set. */
	for (size_t first = i; i < word->bytes; i++)
		if (word->text[i] == ']' && i > first)
			return i + 1;
	search_fail(p->why, &rest, "this [ has no ]; in quotes it is a "
				   "character like others");
	return 0;
}

/* Is the word a pattern, and a sound one? */
static bool
judge_pattern(struct parse *p, const struct search_piece *word, bool *glob)
{
	*glob = false;
	for (size_t i = 0; i < word->bytes;) {
		char c = word->text[i];

		*glob = *glob || c == '*' || c == '?' || c == '[';
		if (c == '[' && (i = set_end(p, word, i)) == 0)
			return false;
		if (c != '[')
			i++;
	}
	return true;
}

static bool
read_text(struct parse *p, const struct search_piece *word,
	  struct search_term *t)
{
	if (t->kind != SEARCH_NODE && !judge_pattern(p, word, &t->glob))
		return false;
	text_begin(p->out, t);
	for (size_t i = 0; i < word->bytes; i++)
		text_add(p->out, word->text[i]);
	text_end(p->out, t);
	return true;
}

static bool
read_id(struct parse *p, const struct search_piece *word, struct search_term *t)
{
	if (photo_prefix_parse(word->text, word->bytes, &t->prefix) &&
	    t->prefix.digits >= PHOTO_PREFIX_HEX_MIN)
		return true;
	return search_fail(p->why, word, "not an id: %u to 32 hex digits",
			   PHOTO_PREFIX_HEX_MIN);
}

/* ---- terms ------------------------------------------------------------- */

/* From here to the next blank; a quote must stand at the front of a term. */
static bool
read_word(struct parse *p, struct search_piece *word)
{
	size_t from = p->at;

	for (; !is_blank(peek(p)); p->at++) {
		struct search_piece here = piece(p, p->at, p->at + 1);

		if (peek(p) == '"')
			return search_fail(p->why, &here, "a quote stands "
					   "before all of a word, or \\\" "
					   "within quotes");
	}
	*word = piece(p, from, p->at);
	return true;
}

static bool
judge_text(struct parse *p, const struct search_piece *value,
	   struct search_term *t)
{
	const char *text = search_text(p->out, t);
	bool slash = memchr(text, '/', t->text_bytes) != NULL;

	if (t->kind == SEARCH_NAME && slash && !t->glob)
		return search_fail(p->why, value,
				   "a name has no /: say path:");
	if (t->kind == SEARCH_TYPE && value->bytes == 3 && says(value, "raw"))
		t->kind = SEARCH_RAW;
	return true;
}

static bool
is_text(enum search_kind kind)
{
	return kind == SEARCH_PATH || kind == SEARCH_NAME ||
	       kind == SEARCH_NODE || kind == SEARCH_TYPE ||
	       kind == SEARCH_CAMERA || kind == SEARCH_LENS ||
	       kind == SEARCH_KEYWORD;
}

/* What follows "key:". */
static bool
read_value(struct parse *p, size_t key_at, struct search_term *t)
{
	struct search_piece value = piece(p, key_at, p->at), word;
	size_t from = p->at;

	if (is_blank(peek(p)))
		return search_fail(p->why, &value,
				   "nothing follows the colon");
	if (peek(p) == '"') {
		if (!read_phrase(p, t))
			return false;
		value = piece(p, from, p->at);
		return is_text(t->kind) ? judge_text(p, &value, t) :
					  search_fail(p->why, &value,
						      "no quotes here");
	}
	if (!read_word(p, &word))
		return false;
	if (is_text(t->kind))
		return read_text(p, &word, t) && judge_text(p, &word, t);
	if (t->kind == SEARCH_ID)
		return read_id(p, &word, t);
	if (t->kind == SEARCH_GPS)
		return says(&word, "gps") ||
		       search_fail(p->why, &word, "only has:gps is known");
	return search_value(&word, t, p->why);
}

/* A word without a key: part of a path, or a pattern for a name or path. */
static bool
plain_word(struct parse *p, const struct search_piece *word,
	   struct search_term *t)
{
	if (says(word, "online") || says(word, "offline")) {
		t->kind = SEARCH_ONLINE;
		t->negated = t->negated != says(word, "offline");
		return true;
	}
	t->kind = SEARCH_PATH;
	if (!read_text(p, word, t))
		return false;
	if (t->glob && memchr(word->text, '/', word->bytes) == NULL)
		t->kind = SEARCH_NAME;
	return true;
}

static bool
read_term(struct parse *p, struct search_term *t)
{
	struct search_piece word, key;
	size_t from = p->at, colon;

	if (peek(p) == '-' || peek(p) == '!') {
		struct search_piece sign = piece(p, p->at, p->at + 1);

		t->negated = true;
		p->at++;
		if (is_blank(peek(p)))
			return search_fail(p->why, &sign,
					   "nothing follows the %c",
					   sign.text[0]);
		sign = piece(p, from, p->at + 1);
		if (peek(p) == '-' || peek(p) == '!')
			return search_fail(p->why, &sign, "one is enough; "
					   "quote a word that begins so");
		from = p->at;
	}
	if (peek(p) == '"') {
		t->kind = SEARCH_PATH;
		return read_phrase(p, t);
	}
	for (colon = from; colon < p->query.bytes &&
			   !is_blank(p->query.text[colon]) &&
			   p->query.text[colon] != '"'; colon++)
		if (p->query.text[colon] == ':')
			break;
	if (colon == p->query.bytes || p->query.text[colon] != ':')
		return read_word(p, &word) && plain_word(p, &word, t);
	key = piece(p, from, colon);
	p->at = colon + 1;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (says(&key, keys[i].name)) {
			t->kind = keys[i].kind;
			return read_value(p, from, t);
		}
	key = piece(p, from, colon + 1);
	return search_fail(p->why, &key, "no such key; there are " KEYS_TOLD
			   "; or quote it");
}

bool
search_parse(const char *text, size_t bytes, struct search *out,
	     struct search_error *why)
{
	struct parse p = {{text, 0, bytes}, 0, out, why};
	const char *nul = bytes > 0 ? memchr(text, '\0', bytes) : NULL;
	struct search_piece here;

	memset(out, 0, sizeof(*out));
	if (bytes > QUERY_BYTES_MAX) {
		here = piece(&p, QUERY_BYTES_MAX, bytes);
		return search_fail(why, &here, "longer than %u bytes",
				   QUERY_BYTES_MAX);
	}
	if (nul != NULL) {
		here = piece(&p, (size_t)(nul - text), (size_t)(nul - text) + 1);
		return search_fail(why, &here, "a NUL is in no name");
	}
	for (;;) {
		struct search_term *t = &out->terms[out->count];

		while (p.at < bytes && is_blank(text[p.at]))
			p.at++;
		if (p.at == bytes)
			return true;
		here = piece(&p, p.at, bytes);
		if (out->count == QUERY_TERMS_MAX)
			return search_fail(why, &here, "more than %u terms",
					   QUERY_TERMS_MAX);
		if (!read_term(&p, t))
			return false;
		t->at = (uint16_t)here.at;
		t->bytes = (uint16_t)(p.at - here.at);
		out->count++;
	}
}

const char *
search_text(const struct search *s, const struct search_term *t)
{
	return s->text + t->text_at;
}
