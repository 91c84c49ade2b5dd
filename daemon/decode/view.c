#include "view.h"

#include <sys/mman.h>
#include <unistd.h>

bool
view_init(struct view *v, int fd, uint64_t file_bytes)
{
	ssize_t got;

	v->bytes = NULL;
	v->count = 0;
	v->file_bytes = file_bytes;
	v->fd = fd;
	got = pread(fd, v->front,
		    file_bytes < sizeof(v->front) ? (size_t)file_bytes
						  : sizeof(v->front), 0);
	v->front_bytes = got > 0 ? (size_t)got : 0;
	return v->front_bytes > 0;
}

bool
view_map(struct view *v)
{
	size_t count = (size_t)(v->file_bytes > VIEW_BYTES_MAX
					? VIEW_HEAD_BYTES : v->file_bytes);
	void *bytes;

	if (v->bytes != NULL)
		return true;
	bytes = mmap(NULL, count, PROT_READ, MAP_PRIVATE, v->fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	v->bytes = bytes;
	v->count = count;
	return true;
}

void
view_release(struct view *v)
{
	if (v->bytes != NULL)
		munmap((void *)v->bytes, v->count);
	v->bytes = NULL;
}

bool
view_whole(const struct view *v)
{
	return v->count == v->file_bytes;
}
