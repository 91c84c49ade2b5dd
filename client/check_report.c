#include "check_private.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static uint32_t
count_state(const struct have_item *item, enum holder_state state)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < item->holder_count; i++)
		count += item->holders[i].state == state;
	return count;
}

/* On how many machines the nodes that proved it are. */
static uint32_t
count_hosts(const struct have_item *item)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < item->holder_count; i++) {
		const struct have_holder *h = &item->holders[i];
		bool seen = h->state != HOLDER_PROVED;

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = item->holders[k].state == HOLDER_PROVED &&
			       host_id_equal(&item->holders[k].node.host,
					     &h->node.host);
		count += !seen;
	}
	return count;
}

/* Its one word, counted. */
static const char *
judge(struct check *k, const struct have_item *item)
{
	uint32_t proved = count_state(item, HOLDER_PROVED);

	if (item->type[0] == '\0')
		return k->not_media++, "not-media";
	if (count_state(item, HOLDER_ITSELF) > 0)
		k->itself++;
	if (count_state(item, HOLDER_DAMAGED) > 0)
		return k->damaged++, "damaged";
	if (proved >= k->look.options->copies) {
		k->same_disk += item->apart < k->look.options->copies;
		return k->held++, "held";
	}
	if (proved > 0)
		return k->few++, "few";
	/* Known only because this very file is served is not known. */
	if (item->known && item->holder_count > count_state(item, HOLDER_ITSELF))
		return k->unproved++, "unproved";
	return k->new ++, "new";
}

static void
put_json(struct json *j, const char *state, const struct have_item *item)
{
	static const struct {
		const char *key;
		enum holder_state state;
	} lists[] = {
		{"proved", HOLDER_PROVED},
		{"unproved", HOLDER_UNPROVED},
		{"damaged", HOLDER_DAMAGED},
		{"itself", HOLDER_ITSELF},
	};

	json_open(j, NULL, '{');
	json_str(j, "check", state);
	json_bytes(j, "file", item->path, strlen(item->path));
	json_hex(j, "id", item->photo.hash, PHOTO_HASH_BYTES);
	json_uint(j, "bytes", item->photo.size);
	json_str_known(j, "type", item->type);
	for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
		json_open(j, lists[l].key, '[');
		for (uint32_t i = 0; i < item->holder_count; i++) {
			if (item->holders[i].state == lists[l].state)
				json_str(j, NULL, item->holders[i].node.name);
		}
		json_close(j, ']');
	}
	json_uint(j, "hosts", count_hosts(item));
	json_open(j, "codes", '[');
	for (uint32_t i = 0; i < item->holder_count; i++) {
		if (item->holders[i].state == HOLDER_UNPROVED)
			json_uint(j, NULL, item->holders[i].code);
	}
	json_close(j, ']');
	json_close(j, '}');
	json_line(j);
}

/* People see what needs their attention; the rest is in the summary. */
static void
put_shown(struct check *k, const char *state, const struct have_item *item)
{
	struct output *o = k->look.output;
	char names[HAVE_NAMES_MAX], more[HAVE_NAMES_MAX + 32] = "";

	if (strcmp(state, "held") == 0 || strcmp(state, "not-media") == 0)
		return;
	have_names(item, HOLDER_DAMAGED, names);
	if (names[0] != '\0')
		snprintf(more, sizeof(more), "  other bytes at %s", names);
	else if (have_names(item, HOLDER_PROVED, names), names[0] != '\0')
		snprintf(more, sizeof(more), "  only on %s", names);
	else if (have_names(item, HOLDER_UNPROVED, names), names[0] != '\0')
		snprintf(more, sizeof(more), "  no proof from %s", names);
	fprintf(o->data, "%-9s  ", state);
	text_put_shown(o->data, item->path, strlen(item->path), UINT_MAX);
	text_put_shown(o->data, more, strlen(more), UINT_MAX);
	putc('\n', o->data);
}

static void
put_piped(FILE *f, const char *state, const struct have_item *item)
{
	char names[HAVE_NAMES_MAX], hex[33];
	int wanted = strcmp(state, "damaged") == 0	  ? HOLDER_DAMAGED
		     : strcmp(state, "unproved") == 0 ? HOLDER_UNPROVED
						      : HOLDER_PROVED;

	have_names(item, wanted, names);
	photo_id_hex(&item->photo, hex);
	fprintf(f, "%s\t%s\t%u\t", state, hex,
		count_state(item, HOLDER_PROVED));
	text_put_column(f, names, strlen(names));
	putc('\t', f);
	text_put_column(f, item->path, strlen(item->path));
	putc('\n', f);
}

void
check_report(struct check *k, const struct have_item *item)
{
	const char *state = judge(k, item);

	output_bar_end(k->look.output);
	switch (k->look.output->form) {
	case OUTPUT_JSON:
		put_json(&k->look.output->json, state, item);
		break;
	case OUTPUT_TABS:
		put_piped(k->look.output->data, state, item);
		break;
	case OUTPUT_TABLE:
		put_shown(k, state, item);
		break;
	}
}

/* ---- the end ---------------------------------------------------------- */

static void
put_json_summary(struct check *k, bool safe)
{
	struct json *j = &k->look.output->json;

	json_open(j, NULL, '{');
	json_str(j, "check", "summary");
	json_bool(j, "safe", safe);
	json_uint(j, "copies", k->look.options->copies);
	json_uint(j, "held", k->held);
	json_uint(j, "few", k->few);
	json_uint(j, "unproved", k->unproved);
	json_uint(j, "damaged", k->damaged);
	json_uint(j, "new", k->new);
	json_uint(j, "not_media", k->not_media);
	json_uint(j, "unreadable", k->unreadable);
	json_uint(j, "hidden", k->look.hidden);
	json_uint(j, "silent", k->silent);
	json_uint(j, "same_disk", k->same_disk);
	json_close(j, '}');
	json_line(j);
}

/* "612 held by 2 or more nodes, 28 new; safe to format: no" */
static void
put_summary(struct check *k, bool safe)
{
	char text[512];
	const struct {
		uint64_t count;
		const char *what;
	} rest[] = {
		{k->few, "by fewer"},
		{k->unproved, "known but not proved"},
		{k->damaged, "damaged at a holder"},
		{k->new, "new"},
		{k->not_media, "neither photo nor video"},
		{k->unreadable, "unreadable"},
		{k->look.hidden, "hidden and not looked at"},
		{k->silent,
		 k->silent == 1 ? "silent daemon" : "silent daemons"},
	};
	int used = snprintf(text, sizeof(text), "%llu held by %llu or more "
						"nodes",
			    (unsigned long long)k->held,
			    (unsigned long long)k->look.options->copies);

	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++) {
		if (rest[i].count > 0)
			used += snprintf(text + used,
					 sizeof(text) - (size_t)used,
					 ", %llu %s",
					 (unsigned long long)rest[i].count,
					 rest[i].what);
	}
	output_note(k->look.output, "%s; safe to %s: %s", text,
		    k->same_disk > 0 ? "delete" : "format",
		    safe ? "yes" : "no");
	if (k->itself > 0)
		output_note(k->look.output,
			    "%llu of them lie in a served folder themselves, "
			    "and were not counted as their own copies",
			    (unsigned long long)k->itself);
	if (k->same_disk > 0)
		output_note(k->look.output,
			    "%llu of them are held so by counting copies on "
			    "the disk that they lie on: they may be lost when "
			    "that is formatted, not when they are deleted",
			    (unsigned long long)k->same_disk);
}

int
check_end(struct check *k, struct failure *why)
{
	uint64_t unsafe = k->few + k->unproved + k->damaged + k->new +
			  k->unreadable;
	bool safe = unsafe == 0 && k->held > 0 && k->silent == 0;

	output_bar_end(k->look.output);
	if (k->look.output->form == OUTPUT_JSON)
		put_json_summary(k, safe);
	else
		put_summary(k, safe);
	if (output_flush(k->look.output, why) == -1)
		return -1;
	if (safe)
		return 0;
	if (k->damaged > 0)
		return failure_set(why, ENDING_DAMAGED, "%s", "");
	if (unsafe > 0 || k->held > 0)
		return failure_set(why, ENDING_INCOMPLETE, "%s", "");
	return failure_set(why, ENDING_NOT_FOUND,
			   "there is no photo or video to check in %.300s",
			   k->look.options->arguments[0]);
}
