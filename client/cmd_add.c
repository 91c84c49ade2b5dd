/*
 * photo add FILE...|DIR...: new photos into a folder of the local daemon.
 *
 * The client does it, as the user: photod never writes into a folder.  All
 * sources are read and held against what the mesh has before anything is
 * copied; so it is known whether there is room, and what a dry run tells is
 * what would happen.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "add_private.h"
#include "text.h"
#include "verbs.h"

/* ---- what is told ----------------------------------------------------- */

static void
put_json(struct json *j, const char *fate, const char *source,
	 const struct photo_id *photo, const char *file,
	 const struct have_item *item)
{
	json_open(j, NULL, '{');
	json_str(j, "add", fate);
	json_bytes(j, "source", source, strlen(source));
	json_hex(j, "id", photo->hash, PHOTO_HASH_BYTES);
	json_uint(j, "bytes", photo->size);
	if (file != NULL)
		json_bytes(j, "file", file, strlen(file));
	else
		json_null(j, "file");
	json_open(j, "holders", '[');
	for (uint32_t i = 0; item != NULL && i < item->holder_count; i++)
		json_str(j, NULL, item->holders[i].node.name);
	json_close(j, ']');
	json_close(j, '}');
	json_line(j);
}

/* Piped: fate, id, source, file or holders. */
void
add_report(struct add *a, const char *fate, const char *source,
	   const struct photo_id *photo, const char *file,
	   const struct have_item *item)
{
	struct output *o = a->look.output;
	char names[HAVE_NAMES_MAX] = "", hex[33];
	const char *behind = file != NULL ? file : names;

	if (item != NULL)
		have_names(item, -1, names);
	output_bar_end(o);
	switch (o->form) {
	case OUTPUT_JSON:
		put_json(&o->json, fate, source, photo, file, item);
		return;
	case OUTPUT_TABS:
		photo_id_hex(photo, hex);
		fprintf(o->data, "%s\t%s\t", fate, hex);
		text_put_column(o->data, source, strlen(source));
		putc('\t', o->data);
		text_put_column(o->data, behind, strlen(behind));
		putc('\n', o->data);
		return;
	case OUTPUT_TABLE:
		break;
	}
	fprintf(o->data, "%-9s  ", fate);
	text_put_shown(o->data, source, strlen(source), UINT_MAX);
	if (*behind != '\0') {
		output_dim(o, true);
		fputs(file != NULL ? "  -> " : "  by ", o->data);
		text_put_shown(o->data, behind, strlen(behind), UINT_MAX);
		output_dim(o, false);
	}
	putc('\n', o->data);
}

void
add_trouble(struct add *a, const char *path, enum ending e, const char *what)
{
	struct failure f;

	a->failed++;
	if (a->worst != ENDING_DAMAGED && a->worst != ENDING_FAILED)
		a->worst = e;
	if (e == ENDING_DAMAGED)
		a->worst = e;
	failure_set(&f, e, "%.300s: %s", path, what);
	output_complain(a->look.output, &f);
}

/* "24 added to Pictures (120 MB), 612 held already, ..." */
static void
put_summary(struct add *a)
{
	char text[512], size[TEXT_SIZE_MAX];
	const struct {
		uint64_t count;
		const char *what;
	} rest[] = {
		{a->existing, "in the folder already"},
		{a->held, "held already"},
		{a->twice, "twice among the sources"},
		{a->not_media, "neither photo nor video"},
		{a->failed, "failed"},
	};
	int used;

	text_size(a->added_bytes, size);
	used = snprintf(text, sizeof(text), "%llu %sadded to %.200s (%s)",
			(unsigned long long)a->added,
			a->look.options->dry_run ? "would be " : "",
			a->into->label, size);
	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++) {
		if (rest[i].count > 0 && used < (int)sizeof(text))
			used += snprintf(text + used,
					 sizeof(text) - (size_t)used,
					 ", %llu %s",
					 (unsigned long long)rest[i].count,
					 rest[i].what);
	}
	output_note(a->look.output, "%s", text);
}

/* ---- judging ---------------------------------------------------------- */

static int
plan(struct add *a, const struct have_item *item, struct failure *why)
{
	struct planned *n;

	if (a->plan_count == a->plan_capacity) {
		size_t capacity = 2 * a->plan_capacity + 64;

		n = realloc(a->plan, capacity * sizeof(*n));
		if (n == NULL)
			return failure_set(why, ENDING_FAILED, "out of memory");
		a->plan = n;
		a->plan_capacity = capacity;
	}
	n = &a->plan[a->plan_count];
	memset(n, 0, sizeof(*n));
	if ((n->path = strdup(item->path)) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	n->photo = item->photo;
	n->mtime_ns = item->mtime_ns;
	n->order = a->plan_count++;
	return 0;
}

static int
on_batch(void *arg, struct failure *why)
{
	struct add *a = arg;
	const struct have_batch *b = &a->look.batch;

	for (uint32_t i = 0; i < b->count; i++) {
		const struct have_item *item = &b->items[i];

		if (item->type[0] == '\0') {
			a->not_media++;
			add_report(a, "not-media", item->path, &item->photo,
				   NULL, NULL);
		} else if (item->holder_count > 0) {
			a->held++;
			add_report(a, "held", item->path, &item->photo, NULL,
				   item);
		} else if (plan(a, item, why) == -1) {
			return -1;
		}
	}
	return 0;
}

/* What lies in a folder of the daemon is there already. */
static bool
may_enter(void *arg, const char *path, const char *real)
{
	struct add *a = arg;
	const struct served_root *r = roots_with(&a->look.roots, 0, real);
	char what[512];

	if (r == NULL)
		return true;
	snprintf(what, sizeof(what),
		 "it lies in %.200s, which %s serves already; nothing to add",
		 r->path, r->node_name);
	add_trouble(a, path, ENDING_USAGE, what);
	return false;
}

static void
on_trouble(void *arg, const char *path, const char *what)
{
	add_trouble(arg, path, ENDING_FAILED, what);
}

/* ---- the plan --------------------------------------------------------- */

static int
by_photo(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;
	int d = photo_id_compare(&x->photo, &y->photo);

	return d != 0 ? d : x->order < y->order ? -1 : x->order > y->order;
}

static int
by_order(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* The same bytes twice among the sources: the first is copied. */
static void
mark_twice(struct add *a)
{
	if (a->plan_count == 0)
		return;
	qsort(a->plan, a->plan_count, sizeof(*a->plan), by_photo);
	for (size_t i = 1; i < a->plan_count; i++)
		a->plan[i].twice = photo_id_compare(&a->plan[i].photo,
						    &a->plan[i - 1].photo) == 0;
	qsort(a->plan, a->plan_count, sizeof(*a->plan), by_order);
}

static int
choose_root(struct add *a, struct failure *why)
{
	const char *label = a->look.options->root;
	unsigned matches = 0;

	for (size_t i = 0; i < a->look.roots.count; i++) {
		const struct served_root *r = &a->look.roots.list[i];

		if (label != NULL && strcmp(label, r->label) != 0 &&
		    strcmp(label, r->path) != 0)
			continue;
		matches++;
		if (r->online && a->into == NULL)
			a->into = r;
	}
	if (a->into != NULL)
		return 0;
	if (label != NULL && matches == 0)
		return failure_set(why, ENDING_NOT_FOUND,
				   "%s serves no folder called '%.200s'; see "
				   "the column ROOT of: photo show ID",
				   call_welcome(a->look.call)->name, label);
	return failure_set(why, ENDING_INCOMPLETE,
			   "no folder of %s is online, so there is none to add "
			   "to",
			   call_welcome(a->look.call)->name);
}

static void
dry_run(struct add *a)
{
	for (size_t i = 0; i < a->plan_count; i++) {
		const struct planned *n = &a->plan[i];

		if (n->twice) {
			a->twice++;
		} else {
			a->added++;
			a->added_bytes += n->photo.size;
		}
		add_report(a, n->twice ? "twice" : "would-add", n->path,
			   &n->photo, NULL, NULL);
	}
}

/* ---- from begin to end ------------------------------------------------ */

static int
end(struct add *a, struct failure *why)
{
	if (a->look.output->form == OUTPUT_TABLE)
		put_summary(a);
	if (output_flush(a->look.output, why) == -1)
		return -1;
	return a->worst == ENDING_DONE ? 0
				       : failure_set(why, a->worst, "%s", "");
}

static int
run_with(struct add *a, struct failure *why)
{
	if (looking_begin(&a->look, why) == -1 || choose_root(a, why) == -1)
		return -1;
	progress_init(&a->look.progress, "look", call_now_ms());
	if (looking_run(&a->look, why) == -1)
		return -1;
	output_bar_end(a->look.output);
	mark_twice(a);
	if (a->look.options->dry_run)
		dry_run(a);
	else if (a->plan_count > 0 && (add_copy(a, why) == -1 ||
				       (a->added + a->existing > 0 &&
					add_wait(a, why) == -1)))
		return -1;
	return end(a, why);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct add *a = calloc(1, sizeof(*a));
	int r = -1;

	if (a == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	a->look.arg = a;
	a->look.on_batch = on_batch;
	a->look.may_enter = may_enter;
	a->look.on_trouble = on_trouble;
	a->root.fd = a->year.fd = a->month.fd = -1;
	if (looking_open(&a->look, p, o, why) == 0)
		r = run_with(a, why);
	place_close(&a->month);
	place_close(&a->year);
	place_close(&a->root);
	for (size_t i = 0; i < a->plan_count; i++)
		free(a->plan[i].path);
	free(a->plan);
	looking_close(&a->look);
	free(a);
	return r;
}

const struct verb verb_add = {
	.name = "add",
	.summary = "copy new photos into a folder of the daemon",
	.synopsis = "add FILE...|DIR... [--root LABEL] [--dry-run]",
	.help = "Everything is read and held against what the mesh has.  New "
		"photos are copied\n"
		"to YEAR/YEAR-MONTH below the folder, by the camera's own date "
		"where the bytes\n"
		"say it, else by their time of modification; what some node "
		"holds already is\n"
		"skipped, and said; a node that is away counts as holding: photo "
		"check is what\n"
		"proves it.  Each copy is read back and compared before it gets "
		"its name.  The\n"
		"sources are only read.\n"
		"\n"
		"      --root LABEL  into that folder, where the daemon has "
		"several\n"
		"      --dry-run     say what would be done\n"
		"\n"
		"Piped, there is a line for each file: what became of it, id, "
		"source, new file or\n"
		"holders.  What can become of it: added (with --dry-run: "
		"would-add), existing (in\n"
		"the folder already), held (by some node), twice (among the "
		"sources), not-media.\n"
		"\n"
		"Examples:\n"
		"  photo add /media/card/DCIM\n"
		"  photo add ~/Downloads/*.jpg --root Pictures\n"
		"  photo add /media/card --dry-run | grep ^would-add\n",
	.takes = TAKES_DRY_RUN | TAKES_ROOT | ONLY_HERE,
	.arguments_min = 1,
	.arguments_max = ARGUMENTS_MAX,
	.run = run,
};
