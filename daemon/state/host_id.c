#include "state_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "trouble.h"

static bool
from_machine_id(struct host_id *out)
{
	static const char prefix[] = "photomesh host";
	uint8_t text[sizeof(prefix) - 1 + 64], hash[SHA256_DIGEST_LENGTH];
	const size_t start = sizeof(prefix) - 1;
	size_t n;

	if (file_read(AT_FDCWD, "/etc/machine-id", text + start,
		      sizeof(text) - start, &n) == -1)
		return false;
	while (n > 0 && isspace(text[start + n - 1]))
		n--;
	/* Images are shipped with an empty file, or "uninitialized". */
	if (n != 32 || !hex_decode((const char *)text + start, hash, 16))
		return false;
	memcpy(text, prefix, start);
	SHA256(text, start + n, hash);
	memcpy(out->bytes, hash, HOST_ID_BYTES);
	return true;
}

/* Random, and kept beside the key, for machines without a machine id. */
static int
from_file(struct host_id *out, struct trouble *why)
{
	char text[2 * HOST_ID_BYTES + 2], *dir;
	uint8_t kept[2 * HOST_ID_BYTES + 2];
	size_t n;
	int dir_fd = -1, r = -1;

	if ((dir = user_directory("XDG_CONFIG_HOME", ".config", why)) == NULL)
		return -1;
	if (make_directories(dir) == -1 ||
	    (dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1) {
		trouble_errno(why, errno, "cannot make the directory %s", dir);
		goto out;
	}
	if (faccessat(dir_fd, "host", F_OK, 0) == -1) {
		if (random_bytes(out->bytes, HOST_ID_BYTES, why) == -1)
			goto out;
		hex_encode(out->bytes, HOST_ID_BYTES, text);
		text[2 * HOST_ID_BYTES] = '\n';
		if (file_publish(dir_fd, "host", text, 2 * HOST_ID_BYTES + 1) ==
			    -1 &&
		    errno != EEXIST) {
			trouble_errno(why, errno, "cannot write %s/host", dir);
			goto out;
		}
	}
	/* Read back what won: another daemon may have been first. */
	if (file_read(dir_fd, "host", kept, sizeof(kept), &n) == -1)
		trouble_errno(why, errno, "cannot read %s/host", dir);
	else if (n < 2 * HOST_ID_BYTES ||
		 !hex_decode((const char *)kept, out->bytes, HOST_ID_BYTES))
		trouble_set(why, 0, "%s/host is damaged: remove it", dir);
	else
		r = 0;
out:
	if (dir_fd != -1)
		close(dir_fd);
	free(dir);
	return r;
}

int
host_id_load(struct host_id *out, struct trouble *why)
{
#ifdef PHOTOMESH_TEST_HOOKS
	const char *forced = getenv("PHOTOMESH_HOST_ID");

	if (forced != NULL && strlen(forced) == 2 * HOST_ID_BYTES &&
	    hex_decode(forced, out->bytes, HOST_ID_BYTES))
		return 0;
#endif
	if (from_machine_id(out))
		return 0;
	return from_file(out, why);
}
