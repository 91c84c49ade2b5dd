/*
 * mailbox.h: how other threads hand news to the loop thread.
 *
 * Any thread posts; the loop thread waits for the descriptor to become
 * readable and delivers.  The descriptor is written only when the box was
 * empty, so a burst costs one wake-up.
 */
#ifndef PHOTOMESH_MAILBOX_H
#define PHOTOMESH_MAILBOX_H

struct trouble;

/* Embed as the first member; owned by the poster until posted, then by
 * deliver, which may free it. */
struct letter {
	struct letter *next;
	void (*deliver)(struct letter *l); /* runs on the loop thread */
};

struct mailbox;
struct mailbox *mailbox_new(struct trouble *why); /* NULL on failure */
/* Undelivered letters are delivered first. */
void mailbox_free(struct mailbox *b);
/* Readable when letters wait; borrowed. */
int mailbox_fd(const struct mailbox *b);
void mailbox_post(struct mailbox *b, struct letter *l);
/* Deliver all that wait, in the order posted. */
void mailbox_deliver(struct mailbox *b);

#endif
