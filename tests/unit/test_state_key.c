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

int
main(void)
{
	uint8_t key[MESH_KEY_BYTES], again[MESH_KEY_BYTES];
	char path[256], command[300];
	struct trouble why;
	struct stat st;

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
	assert(mesh_key_save(path, again, &why) == 0);
	assert(mesh_key_load(path, false, key, &why) == 0);
	assert(memcmp(key, again, sizeof(key)) == 0);
	assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	assert(mesh_key_load(path, true, key, &why) == -1);

	snprintf(command, sizeof(command), "rm -r '%s'", top);
	assert(system(command) == 0);
	puts("ok 1 - state_key\n1..1");
	return 0;
}
