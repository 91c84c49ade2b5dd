/*
 * scan.c: one scan of all roots, in the order that loses nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "scan_private.h"

#define SETTLE_MS_MAX 2000u

static void
expect_known(struct intake *i, const struct scan_root *roots, uint32_t count)
{
	bool complete = true;

	pthread_mutex_lock(&i->lock);
	for (uint32_t k = 0; k < count; k++) {
		if (roots[k].fd == -1)
			continue;
		complete = complete && roots[k].record->complete;
		i->progress.total_files += roots[k].known_media;
		i->progress.total_bytes += roots[k].known_bytes;
	}
	i->surveyed = complete;
	pthread_mutex_unlock(&i->lock);
}

/* Until every file that was handed out before has been read; others come all
 * the while where somebody writes. */
static void
wait_hashers(struct intake *i)
{
	bool idle = false;
	uint64_t serial;

	pthread_mutex_lock(&i->lock);
	serial = i->serial;
	pthread_mutex_unlock(&i->lock);
	while (!idle && outbox_send(i->outbox, false)) {
		if (live_wanted(i))
			(void)live_turn(i);
		pthread_mutex_lock(&i->lock);
		idle = jobs_ended(i, serial);
		if (!idle)
			intake_wait(i, 50);
		pthread_mutex_unlock(&i->lock);
	}
}

bool
scan_settle(struct intake *i)
{
	const uint64_t end = clock_steady_ms() + SETTLE_MS_MAX;

	do {
		wait_hashers(i);
		(void)live_turn(i);
		/* Where it was found must be known, too, and not only sent. */
		if (live_quiet(i)) {
			if (!outbox_flush(i->outbox))
				return false;
			if (live_quiet(i))
				return true;
		}
		pthread_mutex_lock(&i->lock);
		intake_wait(i, 10);
		pthread_mutex_unlock(&i->lock);
	} while (clock_steady_ms() < end && !atomic_load(&i->stop));
	return false;
}

void
scan_pause(struct intake *i)
{
	const uint64_t end = clock_steady_ms() + MISSING_LOOK_MS;
	uint64_t now;

	while ((now = clock_steady_ms()) < end && !atomic_load(&i->stop)) {
		(void)live_turn(i);
		pthread_mutex_lock(&i->lock);
		intake_wait(i, end - now);
		pthread_mutex_unlock(&i->lock);
	}
}

void
scan_again(struct intake *i)
{
	pthread_mutex_lock(&i->lock);
	i->young = true;
	pthread_mutex_unlock(&i->lock);
}

void
scan_left_out(struct intake *i)
{
	pthread_mutex_lock(&i->lock);
	i->shortages++;
	i->young = true;
	pthread_mutex_unlock(&i->lock);
}

bool
scan_shortage(struct intake *i, int error)
{
	if (error != EMFILE && error != ENFILE && error != ENOMEM)
		return false;
	scan_left_out(i);
	return true;
}

uint64_t
scan_doubts(struct intake *i)
{
	uint64_t failures = outbox_failures(i->outbox), shortages;

	pthread_mutex_lock(&i->lock);
	shortages = i->shortages;
	pthread_mutex_unlock(&i->lock);
	return failures + shortages;
}

/*
 * Everything found is handed over and written, of all roots, before anything
 * is withdrawn, so that what has moved is never missing in between; and when
 * something could not be looked at, or not be written, nothing is.  A file
 * moved against the direction of the walk would be passed twice unseen: when
 * something is missing, look a second time.  It may be moved to and fro all the
 * while; so what is missing is withdrawn when there is nothing that a watcher has
 * told and that was not looked at, or where that has no end, when it was missing
 * at many moments.
 */
static void
look(struct intake *i, struct scan_root *roots, uint32_t count,
     struct gone_list *gone, uint64_t doubts)
{
	bool written;

	expect_known(i, roots, count);
	for (uint32_t k = 0; k < count; k++) {
		if (roots[k].fd != -1 && !roots[k].broken)
			walk_root(&roots[k]);
	}
	/* What is still to be read has all been found. */
	pthread_mutex_lock(&i->lock);
	i->surveyed = true;
	pthread_mutex_unlock(&i->lock);
	wait_hashers(i);
	written = outbox_settle(i->outbox);
	for (uint32_t k = 0; k < count && written; k++) {
		check_root(&roots[k]);
		if (roots[k].fd == -1 || roots[k].broken ||
		    !misses_something(&roots[k], gone))
			continue;
		roots[k].second = true;
		doubt_alike(&roots[k]);
		walk_root(&roots[k]);
	}
	wait_hashers(i);
	if (!outbox_settle(i->outbox) || scan_doubts(i) != doubts)
		written = false;
	if (!written)
		scan_again(i);
	for (uint32_t k = 0; k < count; k++) {
		if (!written)
			roots[k].broken = true;
		if (roots[k].fd != -1 && roots[k].second && !roots[k].broken)
			check_root(&roots[k]);
		if (roots[k].fd == -1 || !roots[k].second || roots[k].broken)
			continue;
		gone->restless = !scan_settle(i);
		if (roots[k].fd != -1 && !roots[k].broken &&
		    !brake_scan(&roots[k]) && !roots[k].broken)
			withdraw(&roots[k], gone);
	}
}

static void
note_blank(struct scan_root *roots, uint32_t count)
{
	bool blank = true;

	for (uint32_t k = 0; k < count; k++)
		blank = blank && roots[k].fd != -1 && !roots[k].broken &&
			roots[k].rows == 0;
	for (uint32_t k = 0; k < count; k++)
		roots[k].blank = blank;
}

bool
scan_all(struct intake *i)
{
	const struct state *state = i->config.state;
	struct gone_list *gone = calloc(1, sizeof(*gone));
	struct scan_root *roots = calloc(state->root_count, sizeof(*roots));
	bool online = false, first = false, whole = true;
	uint64_t doubts = scan_doubts(i);

	if (gone == NULL || roots == NULL) {
		log_error("out of memory: no scan now");
		goto out;
	}
	for (uint32_t k = 0; k < state->root_count; k++) {
		roots[k].intake = i;
		roots[k].index = k;
		roots[k].now = &i->now[k];
		roots[k].root = &state->roots[k];
		roots[k].said = &i->said.recorded[k];
		roots[k].record = &i->said.roots[k];
		begin_root(&roots[k]);
		first = first || (roots[k].fd != -1 &&
				  !roots[k].record->complete);
	}
	note_blank(roots, state->root_count);
	if (first)
		i->survey = survey_new(i);
	look(i, roots, state->root_count, gone, doubts);
	survey_free(i->survey);
	i->survey = NULL;
	i->away = false;
	for (uint32_t k = 0; k < state->root_count; k++) {
		online = online || roots[k].fd != -1;
		whole = whole && !roots[k].broken;
		i->away = i->away || (roots[k].fd == -1 &&
				      roots[k].root->named &&
				      !roots[k].now->braked);
		end_root(&roots[k]);
		free(roots[k].seen);
		free(roots[k].doubts);
		for (uint32_t n = 0; n < roots[k].unlisted_count; n++)
			free(roots[k].unlisted[n]);
	}
	if (!outbox_settle(i->outbox)) {
		/* What could not be written is said again, soon. */
		for (uint32_t k = 0; k < state->root_count; k++)
			i->said.recorded[k] = false;
		scan_again(i);
	}
	/* Whatever was left out before it has been found by now. */
	if (whole && scan_doubts(i) == doubts)
		i->settled = doubts;
out:
	free(gone);
	free(roots);
	return online;
}

bool
roots_changed(struct intake *i)
{
	char reason[300];
	struct stat st;
	int fd;

	for (uint32_t k = 0; k < i->config.state->root_count; k++) {
		struct scan_root s = {.intake = i, .index = k,
				      .now = &i->now[k],
				      .root = &i->config.state->roots[k]};

		if (!s.root->named)
			continue;
		/* The brake waits for files to come back, or another folder. */
		if (s.now->online || s.now->braked) {
			if (stat(s.root->path, &st) == -1 ||
			    st.st_dev != s.now->device ||
			    st.st_ino != s.now->inode)
				return true;
		} else if ((fd = open_root(&s, reason, sizeof(reason))) != -1) {
			close(fd);
			return true;
		}
	}
	return false;
}

void
state_review(struct intake *i)
{
	bool online = false;

	for (uint32_t k = 0; k < i->config.state->root_count; k++)
		online = online || i->now[k].online;
	pthread_mutex_lock(&i->lock);
	i->progress.state = online ? SCAN_IDLE : SCAN_OFFLINE;
	pthread_mutex_unlock(&i->lock);
}
