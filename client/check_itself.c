/*
 * check_itself.c: is a holder's copy the file that is being checked?
 *
 * A path may tell: the file lies in a served folder.  But the folder may also
 * be mounted twice, or the file have a second name there; so where the folder
 * lies on the same device, the copies that the holder lists are held against
 * the file, device and inode.
 *
 * Nobody says which of its copies a holder has read for its proof.  So one with
 * a copy on the device of the file proves none on another.
 */
#include "check_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Does it lie in a folder of that node? */
static bool
lies_in_folder(const struct roots *all, const struct have_item *item,
	       const struct node_id *node)
{
	const struct served_root *r = roots_with(all, 0, item->real);

	while (r != NULL) {
		if (node_id_equal(&r->node, node))
			return true;
		r = roots_with(all, (size_t)(r - all->list) + 1, item->real);
	}
	return false;
}

/* Has that node a folder on the device of the file? */
static bool
is_on_device(const struct roots *all, const struct have_item *item,
	     const struct node_id *node)
{
	struct stat st;

	for (size_t i = 0; i < all->count; i++)
		if (node_id_equal(&all->list[i].node, node) &&
		    stat(all->list[i].path, &st) == 0 &&
		    st.st_dev == item->device)
			return true;
	return false;
}

/* What the copies of one holder are, as far as they can be found here. */
struct places {
	bool listed, itself, beside, apart;
};

/* A copy as its node lists it; it may lie in any folder of that node. */
static void
look_at_copy(const struct roots *all, const struct answer_copy *copy,
	     const struct node_id *node, const struct have_item *item,
	     struct places *out)
{
	char path[2 * 4096 + 2];
	struct stat st;

	for (size_t i = 0; i < all->count; i++) {
		const struct served_root *r = &all->list[i];

		if (!node_id_equal(&r->node, node) ||
		    snprintf(path, sizeof(path), "%s/%.*s", r->path,
			     (int)copy->path_bytes,
			     (const char *)copy->path) >= (int)sizeof(path) ||
		    lstat(path, &st) == -1)
			continue;
		if (st.st_dev != item->device)
			out->apart = true;
		else
			out->beside = true;
		out->itself |= st.st_dev == item->device &&
			       st.st_ino == item->inode;
	}
}

/* 0, with no photo where it has just been withdrawn; -1. */
static int
ask_copies(struct check *k, const struct have_item *item,
	   struct question *answer, struct failure *why)
{
	struct question q = {.type = CLIENT_SHOW};

	call_close_all(k->look.call);
	photo_id_hex(&item->photo, q.u.show.id);
	if (call_ask(k->look.call, &q, why) == -1 ||
	    call_next(k->look.call, -1, answer, why) == -1)
		return -1;
	if (answer->type == MESSAGE_ERROR) {
		if (answer->u.error.code != ERROR_NOT_FOUND)
			return call_failure(k->look.call, answer, why);
		memset(&answer->u.photos, 0, sizeof(answer->u.photos));
		return 0;
	}
	return call_expect(answer, CLIENT_PHOTOS, why);
}

static void
judge_holder(const struct check *k, struct have_holder *h,
	     const struct have_item *item, const struct answer_photos *a,
	     uint32_t *apart)
{
	struct places found = {false};

	for (uint32_t p = 0; p < a->photo_count; p++) {
		const struct answer_photo *photo = &a->photos[p];

		if (photo_id_compare(&photo->id, &item->photo) != 0)
			continue;
		for (uint32_t i = 0; i < photo->copy_count; i++) {
			const struct answer_copy *copy = &photo->rows[i];

			if (copy->node >= a->node_count ||
			    !node_id_equal(&a->nodes[copy->node].node,
					   &h->node.node))
				continue;
			found.listed = true;
			look_at_copy(&k->look.roots, copy, &h->node.node, item,
				     &found);
		}
	}
	if (found.itself) {
		h->state = HOLDER_ITSELF;
	} else if (found.listed) {
		*apart += found.apart && !found.beside;
	} else { /* withdrawn just now: which it was, who knows */
		h->state = HOLDER_UNPROVED;
		h->code = ERROR_CHANGED;
	}
}

int
check_itself(struct check *k, struct have_item *item, struct failure *why)
{
	const struct roots *all = &k->look.roots;
	bool beside[MESH_LIVE_MAX] = {false}, any = false;
	struct question answer;

	item->apart = 0;
	for (uint32_t i = 0; i < item->holder_count; i++) {
		struct have_holder *h = &item->holders[i];

		if (h->state != HOLDER_PROVED)
			continue;
		if (lies_in_folder(all, item, &h->node.node))
			h->state = HOLDER_ITSELF;
		else if (is_on_device(all, item, &h->node.node))
			beside[i] = any = true;
		else
			item->apart++;
	}
	if (!any)
		return 0;
	if (ask_copies(k, item, &answer, why) == -1)
		return -1;
	for (uint32_t i = 0; i < item->holder_count; i++)
		if (beside[i])
			judge_holder(k, &item->holders[i], item,
				     &answer.u.photos, &item->apart);
	return 0;
}
