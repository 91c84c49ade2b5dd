#include "candidates.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "about.h"
#include "failure.h"
#include "output.h"
#include "text.h"

/* The hash; with the size where two candidates share that. */
static void
put_id(const struct answer_photos *a, uint32_t index,
       char hex[PHOTO_ID_TEXT_MAX])
{
	const struct photo_id *id = &a->photos[index].id;

	photo_id_hex(id, hex);
	for (uint32_t i = 0; i < a->photo_count; i++) {
		if (i != index && memcmp(a->photos[i].id.hash, id->hash,
					 PHOTO_HASH_BYTES) == 0)
			photo_id_hex_size(id, hex);
	}
}

int
candidates_put(struct output *o, const char *id, const struct answer_photos *a,
	       struct failure *why)
{
	char hex[PHOTO_ID_TEXT_MAX], date[ABOUT_DATE_MAX];

	failure_set(why, ENDING_AMBIGUOUS,
		    "%s begins the ids of %s%u photos; give more digits", id,
		    a->photo_count >= CANDIDATES_MAX ? "at least " : "",
		    a->photo_count);
	if (o->form == OUTPUT_JSON) {
		struct json *j = &o->json;

		json_open(j, NULL, '{');
		json_str(j, "error", ending_text(why->ending));
		json_str(j, "message", why->message);
		json_uint(j, "exit", (uint64_t)why->ending);
		json_open(j, "candidates", '[');
		for (uint32_t i = 0; i < a->photo_count; i++) {
			const struct answer_photo *p = &a->photos[i];

			put_id(a, i, hex);
			json_open(j, NULL, '{');
			json_str(j, "id", hex);
			json_bytes(j, "name", p->name, p->name_bytes);
			json_close(j, '}');
		}
		json_close(j, ']');
		json_close(j, '}');
		json_line(j);
		why->message[0] = '\0'; /* said */
		return -1;
	}
	for (uint32_t i = 0; i < a->photo_count; i++) {
		const struct answer_photo *p = &a->photos[i];

		put_id(a, i, hex);
		about_date_shown(p, date);
		fprintf(o->notes, "%s  ", hex);
		text_put_shown(o->notes, date, strlen(date), UINT_MAX);
		fputs("  ", o->notes);
		text_put_shown(o->notes, p->name, p->name_bytes, UINT_MAX);
		putc('\n', o->notes);
	}
	return -1;
}
