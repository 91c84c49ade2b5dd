#include "state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "trouble.h"

#define KEY_TEXT_BYTES (2u * MESH_KEY_BYTES + 1u)

bool
mesh_key_parse(const char *text, size_t bytes, uint8_t key[MESH_KEY_BYTES])
{
	while (bytes > 0 && (text[bytes - 1] == '\n' ||
			     text[bytes - 1] == '\r' || text[bytes - 1] == ' '))
		bytes--;
	if (bytes != 2 * MESH_KEY_BYTES)
		return false;
	return hex_decode(text, key, MESH_KEY_BYTES);
}

static char *
key_path(const char *file, struct trouble *why)
{
	char *dir, *path;

	if (file != NULL) {
		if ((path = strdup(file)) == NULL)
			trouble_set(why, ENOMEM, "out of memory");
		return path;
	}
	if ((dir = user_directory("XDG_CONFIG_HOME", ".config", why)) == NULL)
		return NULL;
	if (asprintf(&path, "%s/key", dir) == -1) {
		trouble_set(why, ENOMEM, "out of memory");
		path = NULL;
	}
	free(dir);
	return path;
}

/* The directory `path` lies in, opened; made if missing. */
static int
open_parent(const char *path, struct trouble *why)
{
	char *copy, *dir;
	int fd = -1;

	if ((copy = strdup(path)) == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	dir = dirname(copy);
	if (make_directories(dir) == -1)
		trouble_errno(why, errno, "cannot make the directory %s", dir);
	else if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		trouble_errno(why, errno, "cannot open the directory %s", dir);
	free(copy);
	return fd;
}

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* Write `key` under `path`; with `replace`, over what is there. */
static int
key_write(const char *path, const uint8_t key[MESH_KEY_BYTES], bool replace,
	  struct trouble *why)
{
	char text[KEY_TEXT_BYTES + 1];
	int dir_fd, r;

	if ((dir_fd = open_parent(path, why)) == -1)
		return -1;
	hex_encode(key, MESH_KEY_BYTES, text);
	text[KEY_TEXT_BYTES - 1] = '\n';
	if (replace)
		r = file_replace(dir_fd, name_of(path), text, KEY_TEXT_BYTES);
	else
		r = file_publish(dir_fd, name_of(path), text, KEY_TEXT_BYTES);
	if (r == -1 && errno == EEXIST && !replace)
		r = 0; /* Another daemon was first: its key is read back. */
	if (r == -1)
		trouble_errno(why, errno, "cannot write the mesh key %s", path);
	OPENSSL_cleanse(text, sizeof(text));
	close(dir_fd);
	return r;
}

/* 1 read, 0 missing, -1 trouble. */
static int
key_read(const char *path, uint8_t key[MESH_KEY_BYTES], struct trouble *why)
{
	char text[KEY_TEXT_BYTES + 8];
	struct stat st;
	ssize_t n;
	int fd;
	bool good;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 || fstat(fd, &st) == -1) {
		trouble_errno(why, errno, "cannot read the mesh key %s", path);
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		trouble_set(why, 0, "the mesh key %s is not a file", path);
		goto fail;
	}
	if (st.st_uid != geteuid() && geteuid() != 0) {
		trouble_set(why, 0,
			    "the mesh key %s belongs to another user: "
			    "use a copy of your own",
			    path);
		goto fail;
	}
	if ((st.st_mode & 077) != 0) {
		trouble_set(why, 0,
			    "the mesh key %s can be read by others: run "
			    "'chmod 600 %s' (and make a new one if it may "
			    "have been seen)",
			    path, path);
		goto fail;
	}
	do
		n = read(fd, text, sizeof(text));
	while (n == -1 && errno == EINTR);
	if (n == -1) {
		trouble_errno(why, errno, "cannot read the mesh key %s", path);
		goto fail;
	}
	good = mesh_key_parse(text, (size_t)n, key);
	OPENSSL_cleanse(text, sizeof(text));
	if (!good) {
		trouble_set(why, 0,
			    "the mesh key %s is not 64 hex digits: restore it, "
			    "or remove it to make a new mesh",
			    path);
		goto fail;
	}
	close(fd);
	return 1;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

int
mesh_key_load(const char *file, bool may_create, uint8_t key[MESH_KEY_BYTES],
	      struct trouble *why)
{
	char *path;
	int r;

	if ((path = key_path(file, why)) == NULL)
		return -1;
	r = key_read(path, key, why);
	if (r == 0 && !may_create) {
		trouble_set(why, ENOENT,
			    "no mesh key at %s: take it from a machine of the "
			    "mesh ('photod --show-key' there, 'photod "
			    "--set-key' here)",
			    path);
		r = -1;
	} else if (r == 0) {
		uint8_t fresh[MESH_KEY_BYTES];

		r = random_bytes(fresh, sizeof(fresh), why);
		if (r == 0)
			r = key_write(path, fresh, false, why);
		OPENSSL_cleanse(fresh, sizeof(fresh));
		/* Racing first starts: what won is what counts. */
		if (r == 0 && (r = key_read(path, key, why)) == 0) {
			trouble_set(why, ENOENT, "the mesh key %s vanished",
				    path);
			r = -1;
		}
	}
	free(path);
	return r == 1 ? 0 : -1;
}

/* ---- another one ------------------------------------------------------- */

#define OLD_MAX 100u

/* Is this the same file already, by another name? */
static bool
is_linked(const char *one, const char *other)
{
	struct stat a, b;

	return lstat(one, &a) == 0 && lstat(other, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Where a filesystem has no hard links: its bytes.  0, or -1 with errno. */
static int
copy_beside(const char *path, const char *old)
{
	uint8_t bytes[4096];
	size_t count;
	int dir_fd = open_parent(path, NULL), saved, r = -1;

	if (dir_fd == -1)
		return -1;
	if (file_read(dir_fd, name_of(path), bytes, sizeof(bytes), &count) == 0)
		r = file_publish(dir_fd, name_of(old), bytes, count);
	saved = errno;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	close(dir_fd);
	errno = saved;
	return r;
}

/* At no moment is there none: a daemon that starts just then would make one. */
static int
keep_old(const char *path, char **kept, struct trouble *why)
{
	for (unsigned n = 1; n <= OLD_MAX; n++) {
		char number[16] = "", *old;
		int r;

		if (n > 1)
			snprintf(number, sizeof(number), ".%u", n);
		if (asprintf(&old, "%s.old%s", path, number) == -1)
			return trouble_set(why, ENOMEM, "out of memory");
		r = linkat(AT_FDCWD, path, AT_FDCWD, old, 0);
		if (r == -1 && (errno == EPERM || errno == EOPNOTSUPP ||
				errno == ENOSYS))
			r = copy_beside(path, old);
		if (r == 0 || (errno == EEXIST && is_linked(path, old))) {
			*kept = old;
			return 0;
		}
		r = errno;
		if (r != EEXIST && r != ENOENT)
			trouble_errno(why, r, "cannot keep the former mesh key"
				      " as %s", old);
		free(old);
		if (r == ENOENT)
			return 0; /* it has gone: there is nothing to keep */
		if (r != EEXIST)
			return -1;
	}
	return trouble_set(why, EEXIST, "too many former mesh keys beside %s: "
			   "remove those that are not needed", path);
}

int
mesh_key_save(const char *file, const uint8_t key[MESH_KEY_BYTES],
	      char **path, char **kept, struct trouble *why)
{
	uint8_t there[MESH_KEY_BYTES];
	struct trouble ignored;
	char *at;
	int r;

	*path = *kept = NULL;
	if ((at = key_path(file, why)) == NULL)
		return -1;
	r = key_read(at, there, &ignored);
	if (r == 1 && CRYPTO_memcmp(there, key, MESH_KEY_BYTES) == 0) {
		r = 0; /* nothing to do */
	} else {
		r = r == 0 ? 0 : keep_old(at, kept, why);
		if (r == 0)
			r = key_write(at, key, true, why);
	}
	OPENSSL_cleanse(there, sizeof(there));
	if (r == 0 && *kept != NULL) {
		*path = at;
	} else {
		free(at);
		free(*kept);
		*kept = NULL;
	}
	return r;
}
