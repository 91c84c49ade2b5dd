#include "looking.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "sources.h"
#include "text.h"
#include "verbs.h"

int
looking_open(struct looking *l, const struct options *p, struct output *o,
	     struct failure *why)
{
	l->options = p;
	l->output = o;
	if ((l->reading = reading_new()) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	return (l->call = verb_call_new(p, why)) != NULL ? 0 : -1;
}

void
looking_close(struct looking *l)
{
	have_clear(&l->batch);
	roots_release(&l->roots);
	call_free(l->call);
	reading_free(l->reading);
}

int
looking_begin(struct looking *l, struct failure *why)
{
	struct question status = {.type = CLIENT_STATUS}, answer;

	if (call_open(l->call, &status, &answer, why) == -1)
		return -1;
	verb_note_silent(l->call, l->output);
	call_be_patient(l->call, &status);
	return roots_ask(&l->roots, l->call, why);
}

/* ---- counting --------------------------------------------------------- */

static int
count_file(void *arg, const struct source_file *f, struct failure *why)
{
	struct looking *l = arg;

	(void)why;
	l->progress.total_files++;
	l->progress.total_bytes += (uint64_t)f->stat.st_size;
	return 0;
}

static void
count_trouble(void *arg, const char *path, const char *what)
{
	(void)arg, (void)path, (void)what;
}

int
looking_count(struct looking *l, struct failure *why)
{
	struct sources s = {
		.arg = l, .on_file = count_file, .on_trouble = count_trouble};

	if (!l->output->bars && l->output->form != OUTPUT_JSON)
		return 0;
	if (sources_walk(&s, l->options->arguments, l->options->argument_count,
			 why) == -1)
		return -1;
	l->progress.totals_known = true;
	return 0;
}

/* ---- reading ---------------------------------------------------------- */

static int
end_batch(struct looking *l, struct failure *why)
{
	if (l->batch.count == 0)
		return 0;
	if (have_ask(&l->batch, l->call, why) == -1 ||
	    l->on_batch(l->arg, why) == -1)
		return -1;
	have_clear(&l->batch);
	return output_flush(l->output, why);
}

static void
on_bytes(void *arg, size_t count)
{
	struct looking *l = arg;

	l->progress.bytes += count;
	progress_show(&l->progress, l->output);
}

static int
on_file(void *arg, const struct source_file *f, struct failure *why)
{
	struct looking *l = arg;
	struct reading_wish wish = {
		.copy_to = -1, .on_bytes = on_bytes, .arg = l};
	struct reading_result result;
	struct have_item *item;
	int code;

	if ((item = have_add(&l->batch, f->path, f->real)) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	if (l->prove &&
	    getrandom(item->nonce, PROOF_NONCE_BYTES, 0) != PROOF_NONCE_BYTES)
		return failure_set(why, ENDING_FAILED, "no random numbers: %s",
				   strerror(errno));
	wish.nonce = l->prove ? item->nonce : NULL;
	switch (reading_run(l->reading, f->fd, &wish, &result)) {
	case READING_DONE:
		break;
	case READING_STOPPED:
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	case READING_FAILED:
	case READING_COPY_FAILED:
		code = errno;
		have_drop_last(&l->batch);
		l->on_trouble(l->arg, f->path, strerror(code));
		return 0;
	}
	l->progress.files++;
	item->photo = result.photo;
	item->mtime_ns = text_ns_of(&f->stat.st_mtim);
	item->device = f->stat.st_dev;
	item->inode = f->stat.st_ino;
	if (l->prove)
		memcpy(item->sum, result.sum, PROOF_BYTES);
	item->head_bytes = result.head_bytes;
	memcpy(item->head, result.head, result.head_bytes);
	return have_is_full(&l->batch) ? end_batch(l, why) : 0;
}

static bool
may_enter(void *arg, const char *path, const char *real)
{
	struct looking *l = arg;

	return l->may_enter == NULL || l->may_enter(l->arg, path, real);
}

static void
on_trouble(void *arg, const char *path, const char *what)
{
	struct looking *l = arg;

	l->on_trouble(l->arg, path, what);
}

int
looking_run(struct looking *l, struct failure *why)
{
	struct sources s = {.arg = l,
			    .on_file = on_file,
			    .may_enter = may_enter,
			    .on_trouble = on_trouble};

	if (sources_walk(&s, l->options->arguments, l->options->argument_count,
			 why) == -1 ||
	    end_batch(l, why) == -1)
		return -1;
	l->hidden = s.hidden;
	return 0;
}
