#include "find.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "5003.sock" -> 5003; 0 when it is not that. */
static uint16_t
port_of_name(const char *name)
{
	unsigned long port = 0;
	const char *p = name;

	for (; *p >= '0' && *p <= '9' && p - name < 5; p++)
		port = port * 10 + (unsigned long)(*p - '0');
	if (p == name || *name == '0' || port > 65535 ||
	    strcmp(p, ".sock") != 0)
		return 0;
	return (uint16_t)port;
}

static bool
is_ours(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	       (st.st_uid == geteuid() || st.st_uid == 0) &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static size_t
look_in(const char *dir, uint16_t port, struct found *out, size_t count,
	size_t max)
{
	DIR *d;
	struct dirent *e;

	if (!is_ours(dir) || (d = opendir(dir)) == NULL)
		return count;
	while (count < max && (e = readdir(d)) != NULL) {
		struct found *f = &out[count];
		int bytes;

		f->port = port_of_name(e->d_name);
		if (f->port == 0 || (port != 0 && f->port != port))
			continue;
		bytes = snprintf(f->path, sizeof(f->path), "%s/%s", dir,
				 e->d_name);
		if (bytes > 0 && (size_t)bytes < sizeof(f->path))
			count++;
	}
	closedir(d);
	return count;
}

static int
by_port(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return strcmp(x->path, y->path);
}

size_t
find_sockets(uint16_t port, struct found *out, size_t max)
{
	const char *only = getenv("PHOTOMESH_RUNTIME");
	const char *session = getenv("XDG_RUNTIME_DIR");
	char dir[512], user[64];
	size_t count = 0;

	if (only != NULL && *only != '\0') {
		snprintf(dir, sizeof(dir), "%s/photomesh", only);
		count = look_in(dir, port, out, count, max);
	} else {
		snprintf(user, sizeof(user), "/run/user/%u",
			 (unsigned)geteuid());
		if (session != NULL && *session == '/') {
			snprintf(dir, sizeof(dir), "%s/photomesh", session);
			count = look_in(dir, port, out, count, max);
		}
		if (session == NULL || strcmp(session, user) != 0) {
			snprintf(dir, sizeof(dir), "%s/photomesh", user);
			count = look_in(dir, port, out, count, max);
		}
		snprintf(dir, sizeof(dir), "/tmp/photomesh-%u",
			 (unsigned)geteuid());
		count = look_in(dir, port, out, count, max);
	}
	qsort(out, count, sizeof(*out), by_port);
	return count;
}
