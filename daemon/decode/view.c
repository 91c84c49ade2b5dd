#include "view.h"

#include <sys/mman.h>

bool
view_init(struct view *v, int fd, uint64_t file_bytes)
{
	void *bytes;

	*v = (struct view){.file_bytes = file_bytes, .fd = fd};
	if (file_bytes == 0)
		return false;
	v->count = (size_t)(file_bytes > VIEW_BYTES_MAX ? VIEW_HEAD_BYTES
							: file_bytes);
	bytes = mmap(NULL, v->count, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	v->bytes = bytes;
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
