/* roots.c: ROOTS: the folders of this daemon, for its own user. */
#include <dirent.h>
#include <string.h>
#include <sys/statvfs.h>

#include "state.h"
#include "task.h"

/* What is there now, rather than what a scan saw; on a query thread, as it may
 * wait for a disk. */
static void
look(const struct state_root *r, struct answer_root *out)
{
	struct statvfs fs;
	DIR *d;

	out->root = r->id;
	out->label = (const uint8_t *)r->label;
	out->label_bytes = strlen(r->label);
	out->path = (const uint8_t *)r->path;
	out->path_bytes = strlen(r->path);
	if (out->label_bytes > LABEL_BYTES_MAX)
		out->label_bytes = LABEL_BYTES_MAX;
	/* A root not named on this command line is not served. */
	if (!r->named || (d = opendir(r->path)) == NULL)
		return;
	out->online = true;
	if (fstatvfs(dirfd(d), &fs) == 0)
		out->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	closedir(d);
}

static void
roots_make(struct task *t, struct reader *r)
{
	const struct state *s = t->answers->config.state;
	struct question q = {.type = CLIENT_ROOT_LIST};
	struct answer_root roots[ROOTS_SHOWN_MAX];

	(void)r;
	memset(roots, 0, sizeof(roots));
	for (uint32_t i = 0; s != NULL && i < s->root_count; i++) {
		if (strlen(s->roots[i].path) > PATH_BYTES_MAX)
			continue;
		look(&s->roots[i], &roots[q.u.roots.count++]);
	}
	q.u.roots.roots = roots;
	task_encode(t, &q);
}

void
roots_ask(struct answers *a, uint64_t client, uint32_t request)
{
	struct task *t = task_new(a, client, request);

	if (t == NULL)
		return;
	t->make = roots_make;
	task_submit(t);
}
