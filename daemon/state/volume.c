#include "state_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "trouble.h"

/* One line of /proc/self/mountinfo, its fields unescaped. */
struct mount {
	char *line; /* owned; the others point into it */
	const char *root, *point, *type, *source;
};

/* The kernel writes space, tab, newline and backslash as \ooo. */
static void
unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from != '\0';) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to++ = (char)((from[1] - '0') << 6 |
				       (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* Which mount an open directory is seen through; -1 if not told. */
static int
mount_number(int dir_fd)
{
	char path[64], line[128];
	FILE *f;
	int id = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dir_fd);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (id == -1 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -1;
	}
	fclose(f);
	return id;
}

static bool
mount_parse(char *line, int wanted, struct mount *out)
{
	char *save = NULL, *field;
	unsigned index = 0, after = 0;

	memset(out, 0, sizeof(*out));
	line[strcspn(line, "\n")] = '\0';
	for (field = strtok_r(line, " ", &save); field != NULL;
	     field = strtok_r(NULL, " ", &save), index++) {
		if (index == 0 && atoi(field) != wanted)
			return false;
		if (index == 3)
			out->root = field;
		else if (index == 4)
			out->point = field;
		if (after == 1)
			out->type = field;
		else if (after == 2)
			out->source = field;
		if (after > 0)
			after++;
		else if (index > 5 && strcmp(field, "-") == 0)
			after = 1;
	}
	if (out->root == NULL || out->point == NULL || out->type == NULL)
		return false;
	if (out->source == NULL)
		out->source = "";
	unescape((char *)out->root);
	unescape((char *)out->point);
	return true;
}

static bool
mount_find(int dir_fd, struct mount *out)
{
	int wanted = mount_number(dir_fd);
	char *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *f;

	memset(out, 0, sizeof(*out));
	if (wanted == -1)
		return false;
	if ((f = fopen("/proc/self/mountinfo", "re")) == NULL)
		return false;
	while (!found && getline(&line, &size, f) != -1)
		found = mount_parse(line, wanted, out);
	fclose(f);
	if (found)
		out->line = line;
	else
		free(line);
	return found;
}

/* Does the UUID link named `name` lead to the device of this filesystem? */
static bool
names_device(int by_uuid_fd, const char *name, dev_t device)
{
	struct stat st;

	return fstatat(by_uuid_fd, name, &st, 0) == 0 &&
	       S_ISBLK(st.st_mode) && st.st_rdev == device;
}

/* A UUID as 16 bytes; the short ones of FAT and NTFS as they are written. */
static uint8_t
uuid_bytes(const char *name, uint8_t out[VOLUME_BYTES_MAX])
{
	unsigned v[16];
	size_t n = strlen(name);

	if (n == 36 &&
	    sscanf(name,
		   "%2x%2x%2x%2x-%2x%2x-%2x%2x-%2x%2x-%2x%2x%2x%2x%2x%2x", &v[0],
		   &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9],
		   &v[10], &v[11], &v[12], &v[13], &v[14], &v[15]) == 16) {
		for (unsigned i = 0; i < 16; i++)
			out[i] = (uint8_t)v[i];
		return 16;
	}
	if (n == 0 || n > VOLUME_BYTES_MAX)
		return 0;
	memcpy(out, name, n);
	return (uint8_t)n;
}

static uint8_t
from_uuid(dev_t device, uint8_t out[VOLUME_BYTES_MAX])
{
	struct dirent *e;
	uint8_t n = 0;
	DIR *d;

	if (major(device) == 0) /* no block device behind it */
		return 0;
	if ((d = opendir("/dev/disk/by-uuid")) == NULL)
		return 0;
	while (n == 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' &&
		    names_device(dirfd(d), e->d_name, device))
			n = uuid_bytes(e->d_name, out);
	}
	closedir(d);
	return n;
}

static void
from_mount(int dir_fd, const struct host_id *host, dev_t device,
	   uint8_t out[SHA256_DIGEST_LENGTH])
{
	uint8_t text[HOST_ID_BYTES + 3 * 1024];
	size_t n = HOST_ID_BYTES;
	struct mount m;

	memset(text, 0, sizeof(text));
	memcpy(text, host->bytes, HOST_ID_BYTES);
	if (mount_find(dir_fd, &m)) {
		/* The NUL between the fields keeps them apart. */
		n += (size_t)snprintf((char *)text + n, 1024, "%s", m.source) %
			     1024 + 1;
		n += (size_t)snprintf((char *)text + n, 1024, "%s", m.type) %
			     1024 + 1;
		n += (size_t)snprintf((char *)text + n, 1024, "%s", m.root) %
			     1024;
		free(m.line);
	} else {
		/* No /proc: the device number is all there is to go by. */
		n += (size_t)snprintf((char *)text + n, 64, "%u:%u",
				      major(device), minor(device));
	}
	SHA256(text, n, out);
}

int
volume_identity(int dir_fd, const struct host_id *host,
		uint8_t out[VOLUME_BYTES_MAX], uint8_t *bytes,
		struct trouble *why)
{
	struct statvfs fs;
	struct stat st;
	uint64_t fsid;

	if (fstat(dir_fd, &st) == -1 || fstatvfs(dir_fd, &fs) == -1)
		return trouble_errno(why, errno, "cannot look at the volume");
	memset(out, 0, VOLUME_BYTES_MAX);
	if ((*bytes = from_uuid(st.st_dev, out)) != 0)
		return 0;
	if ((fsid = fs.f_fsid) != 0) {
		for (unsigned i = 0; i < 8; i++)
			out[i] = (uint8_t)(fsid >> (56 - 8 * i));
		*bytes = 8;
		return 0;
	}
	from_mount(dir_fd, host, st.st_dev, out);
	*bytes = SHA256_DIGEST_LENGTH;
	return 0;
}

char *
volume_inner(int dir_fd)
{
	char link[64], path[PATH_BYTES_MAX + 1], *inner = NULL;
	const char *below;
	struct mount m;
	ssize_t n;
	size_t k;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || (size_t)n >= sizeof(path) - 1 || path[0] != '/')
		return NULL;
	path[n] = '\0';
	if (!mount_find(dir_fd, &m))
		return NULL;
	/* Through a bind mount a folder keeps its place on the volume. */
	k = strcmp(m.point, "/") == 0 ? 0 : strlen(m.point);
	if (strncmp(path, m.point, k) == 0 &&
	    (path[k] == '/' || path[k] == '\0')) {
		below = strcmp(path + k, "/") == 0 ? "" : path + k;
		if (asprintf(&inner, "%s%s",
			     strcmp(m.root, "/") == 0 ? "" : m.root,
			     below) == -1)
			inner = NULL;
	}
	free(m.line);
	if (inner != NULL && inner[0] == '\0') {
		free(inner);
		inner = strdup("/");
	}
	return inner;
}
