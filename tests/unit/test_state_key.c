/*
 * The mesh key: eight first starts at once make one key; what others may read
 * and what is no key is refused, with the remedy.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"
#include "trouble.h"

#define RACERS 8

static char top[] = "/tmp/photomesh-key-XXXXXX";

static void
race(unsigned round)
{
	uint8_t keys[RACERS][MESH_KEY_BYTES];
	char path[256];
	int start[2], answers[2];
	uint8_t one[1 + MESH_KEY_BYTES];
	struct trouble why;

	snprintf(path, sizeof(path), "%s/%u/deep/key", top, round);
	assert(pipe(start) == 0 && pipe(answers) == 0);
	for (uint8_t i = 0; i < RACERS; i++) {
		if (fork() == 0) {
			char go;

			close(start[1]);
			(void)!read(start[0], &go, 1); /* until closed */
			one[0] = i;
			if (mesh_key_load(path, true, one + 1, &why) == -1) {
				fprintf(stderr, "%s\n", why.text);
				_exit(1);
			}
			(void)!write(answers[1], one, sizeof(one));
			_exit(0);
		}
	}
	close(start[0]);
	close(start[1]);
	for (unsigned i = 0; i < RACERS; i++) {
		int status;

		assert(wait(&status) > 0 && status == 0);
		assert(read(answers[0], one, sizeof(one)) == sizeof(one));
		memcpy(keys[one[0]], one + 1, MESH_KEY_BYTES);
	}
	for (unsigned i = 1; i < RACERS; i++)
		assert(memcmp(keys[0], keys[i], MESH_KEY_BYTES) == 0);
	close(answers[0]);
	close(answers[1]);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert(f != NULL);
	fputs(text, f);
	fclose(f);
	assert(chmod(path, mode) == 0);
}

/* Is `kept` PATH and this ending, with that text in it? */
static bool
file_is(const char *kept, const char *path, const char *ending,
	const char *text)
{
	char name[300], is[300] = "";
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", path, ending);
	if (kept == NULL || strcmp(kept, name) != 0 ||
	    (f = fopen(name, "r")) == NULL)
		return false;
	is[fread(is, 1, sizeof(is) - 1, f)] = '\0';
	fclose(f);
	return strcmp(is, text) == 0;
}

/* What a key replaces stays, and no former one is lost to a later one; the same
 * key again, and none before, replace nothing. */
static void
replaced_keys(const char *path)
{
	static const char *const endings[] = {".old.2", ".old.3", ".old.4"};
	uint8_t key[MESH_KEY_BYTES];
	char text[2 * MESH_KEY_BYTES + 2], *where, *kept;
	struct trouble why;
	struct stat st;

	for (unsigned i = 0; i < 3; i++) {
		assert(mesh_key_load(path, false, key, &why) == 0);
		hex_encode(key, sizeof(key), text);
		strcat(text, "\n");
		memset(key, (int)i, sizeof(key));
		for (unsigned twice = 0; twice < 2; twice++) {
			assert(mesh_key_save(path, key, &where, &kept,
					     &why) == 0);
			if (twice == 1) {
				assert(where == NULL && kept == NULL);
				continue;
			}
			assert(file_is(kept, path, endings[i], text));
			assert(stat(kept, &st) == 0 &&
			       (st.st_mode & 0777) == 0600);
			free(where);
			free(kept);
		}
	}
	assert(unlink(path) == 0);
	assert(mesh_key_save(path, key, &where, &kept, &why) == 0);
	assert(where == NULL && kept == NULL);
	assert(mesh_key_load(path, false, key, &why) == 0 && key[0] == 2);
}

int
main(void)
{
	uint8_t key[MESH_KEY_BYTES], again[MESH_KEY_BYTES];
	char path[256], command[300];
	struct trouble why;
	struct stat st;
	char *where, *kept;

	assert(mkdtemp(top) != NULL);
	for (unsigned round = 0; round < 20; round++)
		race(round);

	snprintf(path, sizeof(path), "%s/key", top);
	assert(mesh_key_load(path, false, key, &why) == -1);
	assert(strstr(why.text, "--set-key") != NULL);
	assert(access(path, F_OK) == -1);
	assert(mesh_key_load(path, true, key, &why) == 0);
	assert(stat(path, &st) == 0 && st.st_size == 65);
	assert((st.st_mode & 0777) == 0600);
	assert(mesh_key_load(path, false, again, &why) == 0);
	assert(memcmp(key, again, sizeof(key)) == 0);
	assert(chmod(path, 0640) == 0);
	assert(mesh_key_load(path, true, key, &why) == -1);
	assert(strstr(why.text, "chmod 600") != NULL);
	write_file(path, "not a key\n", 0600);
	assert(mesh_key_load(path, true, key, &why) == -1);
	write_file(path, "", 0600);
	assert(mesh_key_load(path, true, key, &why) == -1);
	memset(again, 0xAB, sizeof(again));
	assert(mesh_key_save(path, again, &where, &kept, &why) == 0);
	assert(strcmp(where, path) == 0);
	assert(file_is(kept, path, ".old", ""));
	free(where);
	free(kept);
	assert(mesh_key_load(path, false, key, &why) == 0);
	assert(memcmp(key, again, sizeof(key)) == 0);
	replaced_keys(path);
	assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	assert(mesh_key_load(path, true, key, &why) == -1);

	snprintf(command, sizeof(command), "rm -r '%s'", top);
	assert(system(command) == 0);
	puts("ok 1 - state_key\n1..1");
	return 0;
}
