/*
 * scan_moved.c: a file that is known under another path, by its inode, size
 * and time of modification, is not read again.
 */
#include <string.h>

#include "content.h"
#include "scan_private.h"
#include "sniff.h"

struct moved {
	const struct scan_root *root;
	const struct stat *stat;
	bool named; /* the new name promises a photo */
	bool found;
	struct own_file *out;
};

/* Lies the root of that id on the volume of ours? */
static bool
same_volume(const struct scan_root *s, const struct root_id *id)
{
	const struct state *state = s->intake->config.state;

	for (uint32_t k = 0; k < state->root_count; k++) {
		const struct state_root *r = &state->roots[k];

		if (memcmp(&r->id, id, sizeof(*id)) == 0)
			return r->volume_bytes == s->root->volume_bytes &&
			       memcmp(r->volume, s->root->volume,
				      r->volume_bytes) == 0;
	}
	return false;
}

static bool
try_place(void *arg, const struct known_place *p)
{
	struct moved *m = arg;
	struct own_file *f = m->out;

	if (p->known.size != (uint64_t)m->stat->st_size ||
	    p->known.mtime_ns != stat_mtime_ns(m->stat) ||
	    !same_volume(m->root, &p->root))
		return true;
	if (p->known.verdict == OWN_COPY && p->has_copy) {
		f->verdict = OWN_COPY;
		f->copy = p->copy;
		f->also_problem = p->has_problem;
		if (p->has_problem)
			f->problem = p->problem;
	} else if (p->known.verdict == OWN_IGNORED && !m->named) {
		f->verdict = OWN_IGNORED;
	} else {
		return true;
	}
	/* What was not sure of itself is no surer under another name. */
	f->ctime_ns = stat_ctime_ns(m->stat);
	if (p->known.ctime_ns <= 0)
		f->ctime_ns = -f->ctime_ns;
	m->found = true;
	return false;
}

int
find_moved(struct scan_root *s, const char *path, size_t path_bytes,
	   const struct stat *st, struct own_file *out, struct trouble *why)
{
	struct moved m = {
		.root = s,
		.stat = st,
		.named = media_name(path, path_bytes),
		.out = out,
	};

	memset(out, 0, sizeof(*out));
	out->root = s->root->id;
	out->path = path;
	out->path_bytes = path_bytes;
	out->size = (uint64_t)st->st_size;
	out->inode = st->st_ino;
	out->mtime_ns = stat_mtime_ns(st);
	if (reader_known_inode(s->intake->reader, st->st_ino, try_place, &m,
			       why) == -1)
		return -1;
	return m.found;
}
