#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "ident.h"

static int
find_file(char out[PATH_MAX], struct failure *why)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (config != NULL && config[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/photomesh/key", config);
	else if (home != NULL && home[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/.config/photomesh/key", home);
	else
		return failure_set(why, ENDING_FAILED,
				   "HOME is not set, so where the mesh key is "
				   "is not known; give --key FILE");
	if (n < 0 || n >= PATH_MAX)
		return failure_set(why, ENDING_FAILED,
				   "the path of the mesh key is too long; give "
				   "--key FILE");
	return 0;
}

static int
open_file(const char *path, struct failure *why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd == -1 && errno == ENOENT)
		return failure_set(why, ENDING_FAILED,
				   "no mesh key at %.200s: take it from a "
				   "machine of the mesh ('photod --show-key' "
				   "there, 'photod --set-key' here)",
				   path);
	if (fd == -1)
		return failure_set(why, ENDING_FAILED,
				   "cannot read the mesh key %.200s: %s", path,
				   strerror(errno));
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		failure_set(why, ENDING_FAILED,
			    "the mesh key %.200s is no file", path);
	else if ((st.st_mode & 077) != 0)
		failure_set(why, ENDING_FAILED,
			    "the mesh key %.200s can be read by others: run "
			    "'chmod 600' on it (and make a new one if it may "
			    "have been seen)",
			    path);
	else
		return fd;
	close(fd);
	return -1;
}

int
key_load(const char *file, uint8_t key[KEY_BYTES], struct failure *why)
{
	char text[2 * KEY_BYTES + 8], path[PATH_MAX];
	bool good;
	ssize_t n;
	int fd;

	if (file == NULL) {
		if (find_file(path, why) == -1)
			return -1;
		file = path;
	}
	if ((fd = open_file(file, why)) == -1)
		return -1;
	do
		n = read(fd, text, sizeof(text));
	while (n == -1 && errno == EINTR);
	close(fd);
	while (n > 0 && strchr("\r\n ", text[n - 1]) != NULL)
		n--;
	good = n == 2 * (ssize_t)KEY_BYTES &&
	       hex_decode(text, key, KEY_BYTES);
	explicit_bzero(text, sizeof(text));
	if (good)
		return 0;
	return failure_set(why, ENDING_FAILED,
			   "the mesh key %.200s is not 64 hex digits", file);
}
