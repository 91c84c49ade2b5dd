/*
 * A question to photo-decode about any bytes: the first says which, the rest are
 * the file.  Whatever they are, the answer is a frame that photod would take.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "answer.h"
#include "meta.h"
#include "thumb.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

static void
judge(const struct answer *a, enum decode_question q)
{
	static struct record_meta m;
	const uint8_t *said;
	size_t count;
	struct frame f;

	must(frame_peek(a->frame, a->bytes, DECODE_ANSWER_BYTES_MAX, &f) ==
	     FRAME_READY);
	must(f.want_bytes == a->bytes);
	said = f.body + 1;
	count = f.body_bytes - 1;
	if (f.body[0] == DECODE_REPLY_REFUSED ||
	    f.body[0] == DECODE_REPLY_UNREADABLE) {
		must(count > 0 && count <= DECODE_REASON_MAX);
		must(utf8_plain((const char *)said, count));
		return;
	}
	must(f.body[0] == DECODE_REPLY_DONE);
	if (q == DECODE_META)
		must(count <= META_BYTES_MAX &&
		     record_meta_parse(said, count, &m));
	else if (q == DECODE_THUMB)
		must(thumb_lawful(said, count, NULL, NULL));
	else
		must(count >= DECODE_PIXELS_HEAD_BYTES &&
		     count == DECODE_PIXELS_HEAD_BYTES +
				      (size_t)3 * (said[0] << 8 | said[1]) *
					      (said[2] << 8 | said[3]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer a;
	static int started;
	enum decode_question q;
	int fd;

	if (!started)
		must(answer_start() == 0);
	started = 1;
	if (size < 1)
		return 0;
	q = (enum decode_question)(DECODE_META + data[0] % 3);
	fd = memfd_create("file", MFD_CLOEXEC);
	must(fd != -1);
	must(write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	answer_question(&a, q, fd, size - 1);
	close(fd);
	judge(&a, q);
	return 0;
}
