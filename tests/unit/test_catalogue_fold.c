/*
 * One text, however it was written: accented letters as one character or two,
 * syllables of Hangul, letters in either case.  Names keep their bytes; what is
 * found does not depend on them.  And any bytes will do.
 */
#include "test_catalogue_kit.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "fold.h"

struct text {
	size_t bytes;
	char room[FOLD_ROOM];
	const char *text;
};

static void
folded(const char *text, size_t bytes, struct text *out)
{
	out->bytes = bytes;
	out->text = fold(text, &out->bytes, out->room);
	assert_true(out->bytes <= FOLD_GROWTH_MAX * bytes);
}

static bool
alike(const char *x, const char *y)
{
	static struct text fx, fy;

	folded(x, strlen(x), &fx);
	folded(y, strlen(y), &fy);
	return fx.bytes == fy.bytes && memcmp(fx.text, fy.text, fx.bytes) == 0;
}

static void
one_form(void **state)
{
	static const char *const same[][2] = {
		{"\u00e9", "e\u0301"},
		{"\u00c5", "A\u030a"},
		{"\u212b", "\u00e5"}, /* the sign of angstrom */
		{"\u1ebf", "e\u0302\u0301"},
		{"q\u0323\u0307", "q\u0307\u0323"}, /* marks in either order */
		{"\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af"},
		{"\u304c", "\u304b\u3099"},
		{"\u0439", "\u0438\u0306"},
		{"\u0958", "\u0915\u093c"}, /* of those never put together */
		{"\u00c9T\u00c9", "\u00e9T\u00e9"},
		{"\u041c\u0418\u0420", "\u043c\u0438\u0440"},
		{"\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"},
		{"J\u030c", "\u01f0"}, /* there is no great one in one piece */
		{"\u1fb3", "\u03b1\u0345"},
		{"\u1e9e", "\u00df"},
		{"x\xff\u00e9", "x\xff" "e\u0301"},
		{"\u00e9\xcc", "e\u0301\xcc"},
	};
	static const char *const differ[][2] = {
		{"e", "\u00e9"}, {"\u00e9", "\u00e8"}, {"\u00df", "ss"},
		{"\xff", "\u00ff"}, {"\xc3", "\u00c3"}, {"\ufb01", "fi"},
		{"e\u0301", "e \u0301"}, {"\ud55c", "\u1112\u1161"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		if (!alike(same[i][0], same[i][1]))
			fail_msg("%s is not %s", same[i][0], same[i][1]);
	for (size_t i = 0; i < sizeof(differ) / sizeof(*differ); i++)
		if (alike(differ[i][0], differ[i][1]))
			fail_msg("%s is %s", differ[i][0], differ[i][1]);
}

/* ASCII is left alone, for a pattern may mean its case. */
static void
ascii_stays(void **state)
{
	static const char text[] = "[A-Z]*/IMG_1.JPG";
	struct text f;

	(void)state;
	folded(text, strlen(text), &f);
	assert_ptr_equal(f.text, text);
	assert_int_equal(f.bytes, strlen(text));
	folded("[A-z\u00c9E\u0301]X", 12, &f);
	assert_int_equal(f.bytes, 11);
	assert_memory_equal(f.text, "[A-z\u00e9\u00e9]X", f.bytes);
	folded(NULL, 0, &f);
	assert_int_equal(f.bytes, 0);
}

/* Each character there is, composed and taken apart by the library alone. */
static void
every_character(void **state)
{
	char one[5];

	(void)state;
	for (int32_t c = 0x80; c < 0x110000; c++) {
		utf8proc_uint8_t *apart;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		one[utf8proc_encode_char(c, (utf8proc_uint8_t *)one)] = '\0';
		apart = utf8proc_NFD((const utf8proc_uint8_t *)one);
		assert_non_null(apart);
		if (!alike(one, (const char *)apart))
			fail_msg("U+%04X has two forms", (unsigned)c);
		free(apart);
	}
}

static void
any_bytes(void **state)
{
	static const char *const kinds[] = {
		"\u0301", "\u0301\u0323", "\u1fb7", "\u0390", "\xff", "\u1112",
		"\u00e9\xe2\x82", "e\u0301", "\U0001d160", "\u0345",
		"\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"};
	static char text[3 * RECORD_KEY_MAX];
	static struct text f;
	uint32_t chance = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i]);

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = kinds[i][at % n];
		/* From every length on, also where a character is cut. */
		for (size_t bytes = 0; bytes <= 2 * n; bytes++)
			folded(text, bytes, &f);
		folded(text, RECORD_KEY_MAX, &f);
		assert_true(f.bytes > RECORD_KEY_MAX / 2);
		/* More than there is room for: cut, not written beyond. */
		folded(text, sizeof(text), &f);
		assert_true(f.bytes <= FOLD_ROOM);
	}
	for (unsigned n = 0; n < 20000; n++) {
		size_t bytes = n % 97;

		for (size_t i = 0; i < bytes; i++) {
			chance = chance * 1664525 + 1013904223;
			text[i] = (char)(chance >> 24);
			/* of the head of a mark, often */
			if ((chance >> 20) % 4 == 0)
				text[i] = (char)0xcc;
		}
		folded(text, bytes, &f);
	}
}

/* ---- searching --------------------------------------------------------- */

#define NFC 1u /* photo 0 is named as people type */
#define NFD 2u /* photo 1 as macOS has it */
#define PLAIN 4u

static void
either_way(void **state)
{
	static const struct {
		const char *query;
		unsigned found;
	} tries[] = {
		{"\u00e9t\u00e9", NFC | NFD},
		{"e\u0301te\u0301", NFC | NFD},
		{"\u00c9t\u00c9", NFC | NFD},
		{"\"E\u0301TE\u0301\"", NFC | NFD},
		{"name:\u00e9t", NFC | NFD},
		{"path:m\u00fcnchen/", NFC | NFD},
		{"path:mu\u0308nchen/*", NFC | NFD},
		{"name:?t?.*", NFC | NFD | PLAIN},
		{"name:[\u00e8-\u00ea]t*", NFC | NFD},
		{"name:[e\u0301]t*", NFC | NFD},
		{"name:[\u00c9]t*", NFC | NFD},
		{"name:[!\u00e9]t*", PLAIN},
		{"-\u00e9t\u00e9", PLAIN},
		{"ete", PLAIN},
		{"\ud55c\uae00", NFC | NFD},
		{"\u1112\u1161\u11ab", NFC | NFD},
	};
	struct own_file f[] = {
		kit_copy(1, "M\u00fcnchen/\ud55c\uae00/\u00e9t\u00e9.jpg", 0),
		kit_copy(1, "Mu\u0308nchen/\u1112\u1161\u11ab\u1100\u1173\u11af/"
			    "e\u0301te\u0301.jpg", 1),
		kit_copy(1, "ete.jpg", 2),
	};
	struct box b;

	(void)state;
	box_start(&b, 1, 1);
	box_own(&b, f, 3, 1);
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		uint32_t got = box_search(&b, tries[i].query);

		if (got != tries[i].found)
			fail_msg("%s finds %x, not %x", tries[i].query,
				 (unsigned)got, tries[i].found);
	}
	/* The names are as they were. */
	assert_int_equal(box_count(&b, "SELECT count(*) FROM photo WHERE name ="
				       " 'e\u0301te\u0301.jpg'"), 1);
	box_end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_form),  cmocka_unit_test(ascii_stays),
		cmocka_unit_test(any_bytes), cmocka_unit_test(every_character),
		cmocka_unit_test(either_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
