#include "state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

int
mesh_key_save(const char *file, const uint8_t key[MESH_KEY_BYTES],
	      struct trouble *why)
{
	char *path;
	int r;

	if ((path = key_path(file, why)) == NULL)
		return -1;
	r = key_write(path, key, true, why);
	free(path);
	return r;
}
