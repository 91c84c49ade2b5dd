#include "state_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dying.h"
#include "trouble.h"

int
file_read(int dir_fd, const char *name, uint8_t *out, size_t max, size_t *bytes)
{
	struct stat st;
	size_t have = 0;
	ssize_t n;
	int fd, saved;

	/* NONBLOCK: a FIFO in the place of a file must not hang a start. */
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto fail;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		goto fail;
	}
	for (;;) {
		uint8_t beyond;

		if (have == max)
			n = read(fd, &beyond, 1);
		else
			n = read(fd, out + have, max - have);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			goto fail;
		if (n == 0)
			break;
		if (have == max) {
			errno = EFBIG;
			goto fail;
		}
		have += (size_t)n;
	}
	close(fd);
	*bytes = have;
	return 0;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
write_all(int fd, const uint8_t *bytes, size_t count)
{
	ssize_t n;

	while (count > 0) {
		n = write(fd, bytes, count);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		bytes += n;
		count -= (size_t)n;
	}
	return 0;
}

/* A temporary file with these bytes, on disk; its name goes to `temp`. */
#define TEMP_NAME_BYTES 32u

static int
write_temp(int dir_fd, const void *bytes, size_t count,
	   char temp[TEMP_NAME_BYTES])
{
	uint64_t nonce;
	int fd, saved;

	if (random_bytes(&nonce, sizeof(nonce), NULL) == -1)
		return -1;
	snprintf(temp, TEMP_NAME_BYTES, ".%016llx.tmp",
		 (unsigned long long)nonce);
	fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd == -1)
		return -1;
	/* The umask may have taken what the owner needs. */
	if (fchmod(fd, 0600) == 0 && write_all(fd, bytes, count) == 0 &&
	    fsync(fd) == 0) {
		if (close(fd) == 0)
			return 0;
	} else {
		saved = errno;
		close(fd);
		errno = saved;
	}
	saved = errno;
	unlinkat(dir_fd, temp, 0);
	errno = saved;
	return -1;
}

int
file_replace(int dir_fd, const char *name, const void *bytes, size_t count)
{
	char temp[TEMP_NAME_BYTES];
	int saved;

	if (write_temp(dir_fd, bytes, count, temp) == -1)
		return -1;
	dying("file_written");
	if (renameat(dir_fd, temp, dir_fd, name) == -1) {
		saved = errno;
		unlinkat(dir_fd, temp, 0);
		errno = saved;
		return -1;
	}
	dying("file_named");
	/* Some filesystems cannot sync a directory; the rename stands. */
	if (fsync(dir_fd) == -1 && errno != EINVAL)
		return -1;
	return 0;
}

int
file_publish(int dir_fd, const char *name, const void *bytes, size_t count)
{
	char temp[TEMP_NAME_BYTES];
	int r, saved;

	if (write_temp(dir_fd, bytes, count, temp) == -1)
		return -1;
	dying("file_written");
	/* rename without replacing; where a filesystem has none, a hard link
	 * fails just as well when the name is taken. */
	r = renameat2(dir_fd, temp, dir_fd, name, RENAME_NOREPLACE);
	if (r == -1 && errno != EEXIST)
		r = linkat(dir_fd, temp, dir_fd, name, 0);
	saved = errno;
	unlinkat(dir_fd, temp, 0);
	errno = saved;
	if (r == -1)
		return -1;
	dying("file_named");
	if (fsync(dir_fd) == -1 && errno != EINVAL)
		return -1;
	return 0;
}

static bool
is_temp_name(const char *name)
{
	return name[0] == '.' && strspn(name + 1, "0123456789abcdef") == 16 &&
	       strcmp(name + 17, ".tmp") == 0;
}

void
files_tidy(int dir_fd)
{
	/* Another place in the directory than dir_fd's own. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return; /* it does no harm where it lies */
	}
	while ((e = readdir(dir)) != NULL) {
		if (is_temp_name(e->d_name) &&
		    fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		    (st.st_mode & 07777) == 0600)
			(void)unlinkat(dir_fd, e->d_name, 0);
	}
	closedir(dir);
}

int
make_directories(const char *path)
{
	char *copy, *p;
	struct stat st;
	int r = 0;

	if ((copy = strdup(path)) == NULL)
		return -1;
	for (p = copy + 1; r == 0; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) == -1 && errno != EEXIST) {
			int saved = errno;

			/* EROFS and EACCES also come where it is there. */
			if (stat(copy, &st) == -1 || !S_ISDIR(st.st_mode)) {
				errno = saved;
				r = -1;
			}
		}
		*p = c;
		if (c == '\0')
			break;
	}
	free(copy);
	if (r == 0 && (stat(path, &st) == -1))
		return -1;
	if (r == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return r;
}

char *
user_directory(const char *variable, const char *fallback, struct trouble *why)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	struct passwd *pw;
	char *out;
	int r;

	/* The XDG rules: a relative path is to be ignored. */
	if (base != NULL && base[0] == '/') {
		r = asprintf(&out, "%s/photomesh", base);
	} else {
		if (home == NULL || home[0] != '/') {
			pw = getpwuid(geteuid());
			home = pw == NULL ? NULL : pw->pw_dir;
		}
		if (home == NULL || home[0] != '/') {
			trouble_set(why, 0,
				    "no home directory: set HOME or %s",
				    variable);
			return NULL;
		}
		r = asprintf(&out, "%s/%s/photomesh", home, fallback);
	}
	if (r == -1) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	return out;
}

static bool
has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2) {
		if ((p == path || p[-1] == '/') &&
		    (p[2] == '/' || p[2] == '\0'))
			return true;
	}
	return false;
}

char *
path_absolute(const char *path)
{
	char *whole, *cwd = NULL, *to;
	const char *from;
	int r;

	if (path[0] == '\0') {
		errno = ENOENT;
		return NULL;
	}
	/* What ".." means depends on symbolic links: the kernel decides. */
	if (has_dotdot(path))
		return realpath(path, NULL);
	if (path[0] != '/' && (cwd = getcwd(NULL, 0)) == NULL)
		return NULL;
	r = asprintf(&whole, "%s/%s", cwd == NULL ? "" : cwd, path);
	free(cwd);
	if (r == -1)
		return NULL;
	for (to = whole, from = whole; *from != '\0';) {
		if (from[0] == '/' && (from[1] == '/' || from[1] == '\0')) {
			from++;
		} else if (from[0] == '/' && from[1] == '.' &&
			   (from[2] == '/' || from[2] == '\0')) {
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	if (to == whole)
		*to++ = '/';
	*to = '\0';
	return whole;
}

int
random_bytes(void *out, size_t count, struct trouble *why)
{
	uint8_t *p = out;
	ssize_t n;

	while (count > 0) {
		n = getrandom(p, count, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return trouble_errno(why, errno,
					     "no random bytes from the kernel");
		p += n;
		count -= (size_t)n;
	}
	return 0;
}

/* ---- of a state directory -------------------------------------------- */

static int
open_dir(const struct state *s)
{
	return open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
close_after(int dir_fd, int result)
{
	int saved = errno;

	close(dir_fd);
	errno = saved;
	return result;
}

int
state_file_read(const struct state *s, const char *name, uint8_t *out,
		size_t max, size_t *bytes)
{
	int fd = open_dir(s);

	return fd == -1 ? -1
			: close_after(fd, file_read(fd, name, out, max, bytes));
}

int
state_file_replace(const struct state *s, const char *name, const void *bytes,
		   size_t count)
{
	int fd = open_dir(s);

	return fd == -1 ? -1
			: close_after(fd, file_replace(fd, name, bytes, count));
}
