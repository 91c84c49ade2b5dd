/*
 * scan_root.c: is a root's folder there, on the volume it was recorded on, and
 * what is said of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "scan_private.h"
#include "trouble.h"

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

static void
set_offline(struct scan_root *s, const char *reason)
{
	/* Loud once, not at every scan. */
	if (!*s->said || s->record->online)
		log_warn("%s is offline: %s; its photos stay listed",
			 s->root->path, reason);
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	say_root(s, false, false, false);
}

/* The folder, if it is there and on the volume it was recorded on. */
static int
open_root(const struct scan_root *s, char *reason, size_t max)
{
	const struct state_root *r = s->root;
	uint8_t volume[VOLUME_BYTES_MAX], bytes;
	struct trouble why;
	char text[96];
	int fd;

	fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		(void)scan_shortage(s->intake, errno);
		snprintf(reason, max, "%s",
			 strerror_r(errno, text, sizeof(text)));
		return -1;
	}
	if (volume_identity(fd, &s->intake->config.state->host, volume, &bytes,
			    &why) == -1) {
		snprintf(reason, max, "%s", why.text);
	} else if (bytes != r->volume_bytes ||
		   memcmp(volume, r->volume, bytes) != 0) {
		snprintf(reason, max,
			 "another volume is there than the one recorded");
	} else {
		return fd;
	}
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
	if (s->media == 0 && s->known_media > 0 && !s->broken)
		set_offline(s, "no photo is left in it, so its disk may be "
			       "missing");
}

void
end_root(struct scan_root *s)
{
	if (s->fd != -1 && !atomic_load(&s->intake->stop)) {
		if (*s->said && !s->record->online)
			log_info("%s is online again", s->root->path);
		say_root(s, true, !s->broken, true);
	}
	if (s->fd != -1)
		close(s->fd);
}
