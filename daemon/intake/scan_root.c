/*
 * scan_root.c: is a root's folder there, on the volume it was recorded on, and
 * what is said of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "scan_private.h"
#include "trouble.h"
#include "unchanged.h"
#include "watcher.h"

/* Record what holds now for a root, unless that is what was said last. */
static void
say_root(struct scan_root *s, bool online, bool complete, bool stamp)
{
	struct record_root r = *s->record;
	struct statvfs fs;

	snprintf(r.label, sizeof(r.label), "%s", s->root->label);
	memset(r.volume, 0, sizeof(r.volume));
	memcpy(r.volume, s->root->volume, s->root->volume_bytes);
	r.volume_bytes = s->root->volume_bytes;
	r.online = online;
	/* Once complete it stays so for its life, which the catalogue knows. */
	r.complete = complete;
	if (stamp || !*s->said)
		r.stamped_ms = clock_wall_ms();
	if (s->fd != -1 && fstatvfs(s->fd, &fs) == 0) {
		r.capacity_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
		r.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	}
	if (*s->said && !stamp && r.online == s->record->online &&
	    strcmp(r.label, s->record->label) == 0)
		return;
	if (outbox_send_root(s->intake->outbox, &s->root->id, &r)) {
		*s->said = true;
		*s->record = r;
	}
}

void
set_offline(struct scan_root *s, const char *reason)
{
	/* Loud once, not at every scan. */
	if (!*s->said || s->record->online)
		log_warn("%s is offline: %s; its photos stay listed",
			 s->root->path, reason);
	if (s->fd != -1)
		close(s->fd);
	s->fd = s->now->fd = -1;
	s->now->online = false;
	/* What the brake has stopped may be on its way back. */
	if (!s->now->braked && s->intake->watch != NULL)
		watcher_forget(s->intake->watch, s->index);
	say_root(s, false, false, false);
}

/* What others do to a network file system is told to nobody here. */
static void
judge_volume(struct scan_root *s)
{
	unsigned traits = volume_traits(s->fd);
	bool network = (traits & VOLUME_UNTOLD) != 0;

	if (network && !s->now->polled)
		log_info("%s is on a file system that does not tell of "
			 "changes: it is looked at from time to time",
			 s->root->path);
	s->now->stable = (traits & VOLUME_UNSTABLE) == 0;
	s->now->polled = network;
}

static bool
same_folder(const struct root_now *now, const struct stat *st)
{
	return now->checked && now->device == st->st_dev &&
	       now->inode == st->st_ino;
}

static bool
on_its_volume(struct scan_root *s, int fd, char *reason, size_t max)
{
	const struct state_root *r = s->root;
	uint8_t volume[VOLUME_BYTES_MAX], bytes;
	struct trouble why;

	if (volume_identity(fd, &s->intake->config.state->host, volume, &bytes,
			    &why) == -1) {
		snprintf(reason, max, "%s", why.text);
		return false;
	}
	if (bytes == r->volume_bytes && memcmp(volume, r->volume, bytes) == 0)
		return true;
	snprintf(reason, max,
		 "another volume is there than the one recorded (to serve that "
		 "one, give it a state of its own: photod --state DIR FOLDER)");
	return false;
}

int
open_root(struct scan_root *s, char *reason, size_t max)
{
	struct root_now *now = s->now;
	struct stat st;
	char text[96];
	int fd;

	fd = open(s->root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)scan_shortage(s->intake, errno);
		snprintf(reason, max, "%s",
			 strerror_r(errno, text, sizeof(text)));
		if (fd != -1)
			close(fd);
		return -1;
	}
	/* Single paths are looked at only in the folder last scanned. */
	if (s->live) {
		if (same_folder(now, &st))
			return fd;
		close(fd);
		snprintf(reason, max, "another folder is there now");
		return -1;
	}
	now->checked = on_its_volume(s, fd, reason, max);
	now->device = st.st_dev;
	now->inode = st.st_ino;
	if (now->checked)
		return fd;
	close(fd);
	return -1;
}

void
begin_root(struct scan_root *s)
{
	char reason[300];

	s->fd = -1;
	if (!s->root->named) {
		set_offline(s, "it was not named this time");
		return;
	}
	if ((s->fd = open_root(s, reason, sizeof(reason))) == -1) {
		set_offline(s, reason);
		return;
	}
	s->now->fd = s->fd;
	judge_volume(s);
	/* What was found just before must be known, or it would pass for found
	 * by this scan; if it cannot be written, it is said again anyway. */
	(void)outbox_flush(s->intake->outbox);
	if (load_known(s) == -1)
		s->broken = true;
	/* Copies without their root would not know where they lie. */
	if (!*s->said)
		say_root(s, true, false, false);
}

void
check_root(struct scan_root *s)
{
	char reason[300];
	int fd;

	if (s->fd == -1)
		return;
	if ((fd = open_root(s, reason, sizeof(reason))) == -1) {
		set_offline(s, reason);
		return;
	}
	close(fd);
	if (!s->broken)
		brake_emptied(s);
}

/* The word that was said when it went offline. */
static void
take_back_problem(struct scan_root *s)
{
	struct known_file known;
	bool found;

	if (reader_known_file(s->intake->reader, &s->root->id, "", 0, &known,
			      &found, NULL) == 0 && found)
		put_gone(s, "", 0);
}

void
end_root(struct scan_root *s)
{
	if (s->fd != -1 && !atomic_load(&s->intake->stop)) {
		if (*s->said && !s->record->online)
			log_info("%s is online again", s->root->path);
		take_back_problem(s);
		say_root(s, true, !s->broken, true);
		s->now->online = true;
		s->now->braked = false;
	}
	if (s->fd != -1)
		close(s->fd);
	s->fd = s->now->fd = -1;
}
