/*
 * photo thumb ID: its thumbnail, a small JPEG, for programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "candidates.h"
#include "failure.h"
#include "output.h"
#include "rename.h"
#include "verbs.h"
#include "words.h"

static int
put_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = write(fd, bytes, count);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes += n;
		count -= (size_t)n;
	}
	return 0;
}

/* Under its name only when it is whole, and never onto anything. */
static int
put_file(const char *path, const uint8_t *bytes, size_t count,
	 struct failure *why)
{
	char temporary[4096];
	mode_t mask = umask(0);
	int fd, code = 0;

	umask(mask);
	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    (int)sizeof(temporary))
		return failure_set(why, ENDING_FAILED, "%.80s...: too long",
				   path);
	if ((fd = mkostemp(temporary, O_CLOEXEC)) == -1)
		return failure_set(why, ENDING_FAILED, "%s: %s", path,
				   strerror(errno));
	/* A file system without modes must not cost the picture. */
	if (put_all(fd, bytes, count) == -1 ||
	    (fchmod(fd, 0666 & ~mask) == -1 && !knows_no_modes(errno)) ||
	    (fsync(fd) == -1 && errno != EINVAL))
		code = errno;
	else
		code = rename_to_nothing(AT_FDCWD, temporary, path);
	close(fd);
	if (code == 0)
		return 0;
	unlink(temporary);
	if (code == EEXIST)
		return failure_set(why, ENDING_FAILED,
				   "%s is there already; give another name",
				   path);
	return failure_set(why, ENDING_FAILED, "%s: %s", path, strerror(code));
}

static int
put(const struct options *p, struct output *o, const struct answer_thumb *t,
    struct failure *why)
{
	if (t->image == NULL)
		return failure_set(why, ENDING_NOT_FOUND,
				   "there is no thumbnail of it, or none yet; "
				   "see: photo status");
	if (p->output != NULL && strcmp(p->output, "-") != 0)
		return put_file(p->output, t->image, t->image_bytes, why);
	fwrite(t->image, 1, t->image_bytes, o->data);
	return output_flush(o, why);
}

/* Which photo is meant? */
static int
find(const struct options *p, struct output *o, struct call *c,
     struct photo_id *out, struct failure *why)
{
	struct question q = {.type = CLIENT_SHOW}, answer;
	const struct answer_photos *a = &answer.u.photos;
	const char *id;

	if (!words_id(p->arguments[0], PHOTO_PREFIX_HEX_MIN, &id))
		return failure_set(why, ENDING_USAGE,
				   "'%.64s' is no photo id: give its first "
				   "%u or more hex digits, as photo list "
				   "shows them",
				   id, PHOTO_PREFIX_HEX_MIN);
	snprintf(q.u.show.id, sizeof(q.u.show.id), "%s", id);
	if (call_once(c, &q, CLIENT_PHOTOS, &answer, why) == -1)
		return -1;
	verb_note_silent(c, o);
	if (a->photo_count == 0)
		return failure_set(why, ENDING_NOT_FOUND,
				   "no photo has an id that begins with %s",
				   id);
	if (a->ambiguous || a->photo_count > 1)
		return candidates_put(o, id, a, why);
	*out = a->photos[0].id;
	return 0;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_THUMB}, answer;
	struct call *c;
	int r = -1;

	if (p->output == NULL && o->form == OUTPUT_TABLE)
		return failure_set(why, ENDING_USAGE,
				   "a picture is nothing for a terminal: give "
				   "-o FILE, or see: photo show");
	if ((c = verb_call_new(p, why)) == NULL)
		return -1;
	if (find(p, o, c, &q.u.thumb.photo, why) == 0 &&
	    call_ask(c, &q, why) == 0 && call_await(c, &answer, why) == 0 &&
	    call_expect(&answer, CLIENT_THUMB_IS, why) == 0)
		r = put(p, o, &answer.u.thumb_is, why);
	call_free(c);
	return r;
}

const struct verb verb_thumb = {
	.name = "thumb",
	.summary = "the thumbnail of a photo, as a file",
	.synopsis = "thumb ID [-o FILE]",
	.help = "A JPEG of at most 256 pixels, also of a photo whose holders "
		"are all away, if\n"
		"it was kept.  ID is the beginning of a photo id.\n"
		"\n"
		"  -o, --output FILE  where to; - or nothing is standard output, "
		"if that is no\n"
		"                     terminal.  Nothing is overwritten\n"
		"\n"
		"Examples:\n"
		"  photo thumb 99aa06d3 -o small.jpg\n"
		"  photo thumb 99aa06d3 | display\n",
	.takes = TAKES_OUTPUT,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run,
};
