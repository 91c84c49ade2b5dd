#include "state_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trouble.h"

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Ours alone, or whoever owns it answers in our name. */
static int
check(const char *dir, struct trouble *why)
{
	struct stat st;

	if (lstat(dir, &st) == -1)
		return trouble_errno(why, errno, "cannot look at %s", dir);
	if (!S_ISDIR(st.st_mode))
		return trouble_set(why, 0,
				   "%s is not a directory: remove it, or set "
				   "PHOTOMESH_RUNTIME to another place",
				   dir);
	if (st.st_uid != geteuid())
		return trouble_set(why, 0,
				   "%s belongs to another user: set "
				   "PHOTOMESH_RUNTIME to a place of your own",
				   dir);
	if ((st.st_mode & 077) != 0)
		return trouble_set(why, 0,
				   "%s is open to others: run 'chmod 700 %s'",
				   dir, dir);
	return 0;
}

int
runtime_dir(char *out, size_t max, struct trouble *why)
{
	const char *own = getenv("PHOTOMESH_RUNTIME");
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char run_user[48];
	int n;

	snprintf(run_user, sizeof(run_user), "/run/user/%lu",
		 (unsigned long)geteuid());
	if (own != NULL && own[0] != '\0')
		n = snprintf(out, max, "%s/photomesh", own);
	else if (xdg != NULL && xdg[0] == '/' && is_directory(xdg))
		n = snprintf(out, max, "%s/photomesh", xdg);
	else if (is_directory(run_user) && access(run_user, W_OK) == 0)
		n = snprintf(out, max, "%s/photomesh", run_user);
	else
		n = snprintf(out, max, "/tmp/photomesh-%lu",
			     (unsigned long)geteuid());
	if (n < 0 || (size_t)n >= max)
		return trouble_set(why, ENAMETOOLONG,
				   "the path of the runtime directory is too "
				   "long: set PHOTOMESH_RUNTIME to a shorter one");
	if (make_directories(out) == -1)
		return trouble_errno(why, errno,
				     "cannot make the directory %s", out);
	return check(out, why);
}

int
runtime_dir_again(const char *dir, struct trouble *why)
{
	if (mkdir(dir, 0700) == -1 && errno != EEXIST) {
		if (errno == ENOENT)
			return 1;
		return trouble_errno(why, errno,
				     "cannot make the directory %s", dir);
	}
	return check(dir, why);
}
