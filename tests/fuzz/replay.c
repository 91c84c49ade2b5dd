/*
 * replay DIR...: give every file of each directory to the fuzz target that
 * this is linked with.  So the kept corpora run in every check, without clang.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 0, or -1 with a word on stderr. */
static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *room, *data;
	size_t size;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	room = malloc(FILE_BYTES_MAX);
	if (room == NULL)
		abort();
	size = fread(room, 1, FILE_BYTES_MAX, f);
	fclose(f);
	/* Cut to size, so that a sanitizer sees the first byte too far. */
	data = realloc(room, size > 0 ? size : 1);
	if (data == NULL)
		abort();
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

/* How many files were replayed; -1 if one could not be read. */
static int
replay_directory(const char *name)
{
	DIR *dir = opendir(name);
	struct dirent *e;
	int count = 0;

	if (dir == NULL) {
		perror(name);
		return -1;
	}
	while ((e = readdir(dir)) != NULL) {
		char path[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, e->d_name);
		if (replay_file(path) == -1) {
			closedir(dir);
			return -1;
		}
		count++;
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	for (int n = 1; n < argc; n++) {
		int count = replay_directory(argv[n]);

		/* An empty corpus would prove nothing. */
		if (count <= 0) {
			fprintf(stderr, "%s: no files\n", argv[n]);
			return 1;
		}
		printf("%s: %d files\n", argv[n], count);
	}
	return argc > 1 ? 0 : 2;
}
