/*
 * scan_moved.c: a file that is known under another path, by its inode, birth,
 * size and time of modification, is not read again.
 *
 * Inodes are given out again as soon as a file is gone, and pictures from one
 * card may be of one size and one time.  But nothing was known of a file before
 * it was born: what is born after the last change that is known of its inode is
 * another one.  Nor does the time of an inode's last change go back; where it has,
 * the clock was set back, and what is born since may be another one as well.
 */
#include <string.h>

#include "birth.h"
#include "content.h"
#include "scan_private.h"
#include "sniff.h"

#define NS_PER_S UINT64_C(1000000000)

struct moved {
	const struct scan_root *root;
	const struct tree_file *file;
	const struct stat *stat;
	int64_t born_ns; /* 0: not looked up yet */
	bool named;      /* the new name promises a photo */
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

/* Was it there when that was recorded of its inode, and has been since?  Where
 * the file system tells of no births, nobody knows: no. */
static bool
same_file(struct moved *m, const struct known_file *k)
{
	int64_t changed = k->ctime_ns < 0 ? -k->ctime_ns : k->ctime_ns;
	struct birth b;

	if (stat_ctime_ns(m->stat) < changed)
		return false;
	if (m->born_ns == 0) {
		m->born_ns = INT64_MAX;
		if (birth_of(m->file->dir_fd, m->file->name, &b) &&
		    b.inode == m->stat->st_ino && (b.s != 0 || b.ns != 0) &&
		    b.s < INT64_MAX / NS_PER_S)
			m->born_ns = (int64_t)(b.s * NS_PER_S + b.ns);
	}
	return m->born_ns <= changed;
}

static bool
try_place(void *arg, const struct known_place *p)
{
	struct moved *m = arg;
	struct own_file *f = m->out;

	if (p->known.size != (uint64_t)m->stat->st_size ||
	    p->known.mtime_ns != stat_mtime_ns(m->stat) ||
	    !same_volume(m->root, &p->root) || !same_file(m, &p->known))
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
find_moved(struct scan_root *s, const struct tree_file *f, struct own_file *out,
	   struct trouble *why)
{
	const struct stat *st = f->stat;
	struct moved m = {
		.root = s,
		.file = f,
		.stat = st,
		.named = media_name(f->path, f->path_bytes),
		.out = out,
	};

	memset(out, 0, sizeof(*out));
	out->root = s->root->id;
	out->path = f->path;
	out->path_bytes = f->path_bytes;
	out->size = (uint64_t)st->st_size;
	out->inode = st->st_ino;
	out->mtime_ns = stat_mtime_ns(st);
	if (reader_known_inode(s->intake->reader, st->st_ino, try_place, &m,
			       why) == -1)
		return -1;
	return m.found;
}

/* ---- other names of one file -------------------------------------------- */

struct names {
	struct scan_root *root;
	const struct tree_file *file;
};

static bool
look_there(void *arg, const struct known_place *p)
{
	struct names *n = arg;
	struct intake *i = n->root->intake;
	uint32_t k = 0;

	while (k < i->config.state->root_count &&
	       memcmp(&i->config.state->roots[k].id, &p->root,
		      sizeof(p->root)) != 0)
		k++;
	if (k == i->config.state->root_count ||
	    !same_volume(n->root, &p->root) ||
	    (k == n->root->index && p->path_bytes == n->file->path_bytes &&
	     memcmp(p->path, n->file->path, p->path_bytes) == 0))
		return true;
	pthread_mutex_lock(&i->lock);
	look_later(i, k, p->path, p->path_bytes);
	pthread_mutex_unlock(&i->lock);
	return true;
}

int
look_at_other_names(struct scan_root *s, const struct tree_file *f,
		    struct trouble *why)
{
	struct names n = {s, f};

	return reader_known_inode(s->intake->reader, f->stat->st_ino,
				  look_there, &n, why);
}
