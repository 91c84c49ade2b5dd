/*
 * add_copy.c: new photos into a root of the daemon.
 *
 * The copy is hashed while it is written and again when it has been read back
 * from the disk: only then it gets a name.  Below YEAR/YEAR-MONTH of its date
 * (add_date.c).
 */
#include "add_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TEMPORARY_MAX 32u
#define FOLDER_MAX    32u

/* ---- where to --------------------------------------------------------- */

/* "2023" and "2023-07". */
static void
name_folders(const struct civil *date, char year[FOLDER_MAX],
	     char month[FOLDER_MAX])
{
	if (date->year == 0) {
		snprintf(year, FOLDER_MAX, "undated");
		snprintf(month, FOLDER_MAX, "undated");
		return;
	}
	snprintf(year, FOLDER_MAX, "%04d", date->year);
	snprintf(month, FOLDER_MAX, "%04d-%02d", date->year, date->month);
}

static bool
is_open_at(const struct place *p, const char *name)
{
	const char *slash = strrchr(p->path, '/');

	return p->fd != -1 && slash != NULL && strcmp(slash + 1, name) == 0;
}

/* The folder for that date; most files have the same as the one before. */
static int
open_month(struct add *a, const struct civil *date, struct failure *why)
{
	char year[FOLDER_MAX], month[FOLDER_MAX];

	name_folders(date, year, month);
	if (is_open_at(&a->month, month))
		return 0;
	place_close(&a->month);
	if (!is_open_at(&a->year, year)) {
		place_close(&a->year);
		if (place_open_below(&a->year, &a->root, year, why) == -1)
			return -1;
	}
	return place_open_below(&a->month, &a->year, month, why);
}

/* ---- one file --------------------------------------------------------- */

static int
open_temporary(const struct place *p, char name[TEMPORARY_MAX])
{
	uint8_t random[5];
	char hex[2 * sizeof(random) + 1];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	hex_encode(random, sizeof(random), hex);
	snprintf(name, TEMPORARY_MAX, ".photomesh-add-%s", hex);
	return openat(p->fd, name,
		      O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void
on_bytes(void *arg, size_t count)
{
	struct add *a = arg;

	a->look.progress.bytes += count;
	progress_show(&a->look.progress, a->look.output);
}

/* From source to temporary, to the disk, and back from it. */
static int
copy_bytes(struct add *a, const struct planned *n, int source, int to,
	   struct failure *why)
{
	const struct reading_wish wish = {
		.copy_to = to, .on_bytes = on_bytes, .arg = a};
	struct reading_result result;

	switch (reading_run(a->look.reading, source, &wish, &result)) {
	case READING_DONE:
		break;
	case READING_STOPPED:
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	case READING_FAILED:
		return failure_set(why, ENDING_FAILED, "it cannot be read: %s",
				   strerror(errno));
	case READING_COPY_FAILED:
		return failure_set(why, ENDING_FAILED,
				   "its copy cannot be written: %s",
				   strerror(errno));
	}
	if (photo_id_compare(&result.photo, &n->photo) != 0)
		return failure_set(why, ENDING_INCOMPLETE,
				   "it changes while it is being read; try "
				   "again");
	if (fsync(to) == -1 && errno != EINVAL)
		return failure_set(why, ENDING_FAILED,
				   "its copy cannot be written: %s",
				   strerror(errno));
	/* What is read now comes from the disk, not from memory. */
	posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
	if (reading_is(a->look.reading, to, &n->photo))
		return 0;
	if (call_interrupted())
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	return failure_set(why, ENDING_DAMAGED,
			   "its copy, read back, is not what was written: the "
			   "disk of %s is not to be trusted",
			   a->into->path);
}

/* The name that the copy gets: "2023/2023-07/beach.jpg" below the root. */
static int
name_copy(struct add *a, struct planned *n, const char *temporary, int fd,
	  struct failure *why)
{
	char wanted[NAME_BYTES_MAX + 1], final[NAME_BYTES_MAX + 1],
		file[PLACE_PATH_MAX];
	const char *fate = "added";

	name_safe(n->path, strlen(n->path), wanted);
	switch (place_put(&a->month, a->look.reading, temporary, fd,
			  n->mtime_ns, wanted, false, &n->photo, final,
			  why)) {
	case PLACE_FREE:
		a->added++;
		a->added_bytes += n->photo.size;
		break;
	case PLACE_THERE: /* the daemon has not seen it yet */
		fate = "existing";
		a->existing++;
		break;
	case PLACE_TAKEN:
	case PLACE_FAILED:
		return -1;
	}
	n->added = true;
	place_shown(&a->month, final, file);
	add_report(a, fate, n->path, &n->photo, file, NULL);
	return 0;
}

static int
copy_one(struct add *a, struct planned *n, struct failure *why)
{
	char temporary[TEMPORARY_MAX];
	struct civil date;
	int source, fd, r = -1;

	source = open(n->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (source == -1)
		return failure_set(why, ENDING_FAILED, "it cannot be read: %s",
				   strerror(errno));
	if (add_date(a, n, source, &date, why) == -1 ||
	    open_month(a, &date, why) == -1)
		goto close_source;
	if ((fd = open_temporary(&a->month, temporary)) == -1) {
		failure_set(why, ENDING_FAILED, "%.300s cannot be written: %s",
			    a->month.path, strerror(errno));
		goto close_source;
	}
	if (copy_bytes(a, n, source, fd, why) == 0)
		r = name_copy(a, n, temporary, fd, why);
	if (r == -1)
		unlinkat(a->month.fd, temporary, 0);
	close(fd);
close_source:
	close(source);
	return r;
}

/* ---- all of them ------------------------------------------------------ */

int
add_copy(struct add *a, struct failure *why)
{
	struct progress *p = &a->look.progress;
	struct failure f;

	progress_init(p, "add", call_now_ms());
	p->totals_known = true;
	for (size_t i = 0; i < a->plan_count; i++) {
		p->total_files += !a->plan[i].twice;
		if (!a->plan[i].twice)
			p->total_bytes += a->plan[i].photo.size;
	}
	if (place_open(&a->root, a->into->path, false, why) == -1 ||
	    place_has_room(&a->root, p->total_bytes, why) == -1)
		return -1;
	for (size_t i = 0; i < a->plan_count; i++) {
		struct planned *n = &a->plan[i];

		if (n->twice) {
			a->twice++;
			add_report(a, "twice", n->path, &n->photo, NULL, NULL);
			continue;
		}
		if (call_interrupted())
			return failure_set(why, ENDING_INTERRUPTED, "%s", "");
		if (copy_one(a, n, &f) == -1) {
			if (f.ending == ENDING_INTERRUPTED) {
				*why = f;
				return -1;
			}
			add_trouble(a, n->path, f.ending, f.message);
		}
		p->files++;
		if (output_flush(a->look.output, why) == -1)
			return -1;
	}
	output_bar_end(a->look.output);
	if (a->month.fd != -1 && place_sync(&a->month, why) == -1)
		return -1;
	return 0;
}
