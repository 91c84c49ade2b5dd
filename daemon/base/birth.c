#include "birth.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

bool
birth_of(int dir_fd, const char *path, struct birth *out)
{
	struct statx st;

	memset(out, 0, sizeof(*out));
	if (statx(dir_fd, path, AT_EMPTY_PATH, STATX_INO | STATX_BTIME,
		  &st) == -1)
		return false;
	out->inode = st.stx_ino;
	if ((st.stx_mask & STATX_BTIME) != 0) {
		out->s = (uint64_t)st.stx_btime.tv_sec;
		out->ns = st.stx_btime.tv_nsec;
	}
	return true;
}
