/*
 * story.c: scripted scenarios told as prose; kept in traces/ as golden files.
 */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const story_names[STORY_COUNT] = {
	"join",
	"kill-coordinator",
	"lower-port-returns",
};

static void
enter(struct world *w, uint32_t index, uint32_t at_ms)
{
	struct slot *s = &w->slots[index];

	s->used = true;
	if (w->slot_count <= index)
		w->slot_count = index + 1;
	disk_create(w, s->disk);
	s->disk->identity.bytes[0] = (uint8_t)(0x10 * (index + 1));
	memset(s->disk->held, 0, sizeof s->disk->held);
	disk_lose(w, s->disk, s->disk->own_generation);
	for (uint32_t key = 1; key <= index + 3; key++)
		s->disk->wanted[key] = key;
	world_at(w, SEC(1) + MS(at_ms), EVENT_RESTART, index, RESTART_KEPT,
		 NULL);
	world_at(w, SEC(1) + MS(at_ms + 100), EVENT_WORK, index, 0, NULL);
}

static void
trio(struct world *w)
{
	enter(w, 0, 0);
	enter(w, 1, 1000);
	enter(w, 2, 2000);
	world_run(w, SEC(6));
}

static void
kill_alice(struct world *w)
{
	world_tell(w, "---- alice is killed ----");
	node_kill(w, &w->slots[0], false);
}

static void
act(struct world *w, const char *name)
{
	trio(w);
	if (strcmp(name, "join") == 0)
		return;
	kill_alice(w);
	world_run(w, SEC(8));
	if (strcmp(name, "kill-coordinator") == 0)
		return;
	/* So that alice has something to catch up with. */
	world_tell(w, "---- bob finds new photos ----");
	for (uint32_t key = 10; key < 22; key++)
		w->slots[1].disk->wanted[key] = key;
	for (unsigned i = 0; i < 6; i++)
		disk_queue_own(w, &w->slots[1]);
	world_run(w, SEC(9));
	world_tell(w, "---- alice returns ----");
	faults_restart(w, &w->slots[0], RESTART_KEPT);
	world_run(w, SEC(12));
}

static char *
tell_story(struct world *w, const char *name, size_t *bytes)
{
	char *text = NULL;
	bool was = w->story;

	w->out = open_memstream(&text, bytes);
	assert(w->out != NULL);
	world_reset(w, 1);
	w->weather = CALM;
	w->base_delay_us = 4000; /* so that one sees what comes first */
	w->page_rows_max = 8;
	w->story = true;
	act(w, name);
	if (w->failed)
		fprintf(w->out, "FAIL %s\n", w->failure);
	(void)fclose(w->out);
	w->out = stdout;
	w->story = was;
	return text;
}

/* True when the file says what was told; else says where they part. */
static bool
matches(const char *text, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0, at = 0;
	ssize_t got;
	bool same = f != NULL;

	if (f == NULL)
		printf("# cannot read %s\n", path);
	while (same && (got = getline(&line, &room, f)) > 0) {
		same = strncmp(text + at, line, (size_t)got) == 0;
		if (same)
			at += (size_t)got;
		else
			printf("# kept: %s# told: %.*s\n", line,
			       (int)strcspn(text + at, "\n"), text + at);
	}
	if (same && text[at] != '\0') {
		printf("# told further: %.*s\n",
		       (int)strcspn(text + at, "\n"), text + at);
		same = false;
	}
	free(line);
	if (f != NULL)
		(void)fclose(f);
	return same;
}

int
story_run(struct world *w, const char *name, const char *check_dir, bool tap)
{
	int failures = 0;
	unsigned number = 0;

	for (unsigned i = 0; i < STORY_COUNT; i++) {
		char *text, path[512];
		size_t bytes;

		if (strcmp(name, "all") != 0 &&
		    strcmp(name, story_names[i]) != 0)
			continue;
		text = tell_story(w, story_names[i], &bytes);
		number++;
		if (check_dir == NULL) {
			fputs(text, stdout);
			failures += w->failed;
		} else {
			bool same;

			(void)snprintf(path, sizeof path, "%s/%s.txt",
				       check_dir, story_names[i]);
			same = matches(text, path) && !w->failed;
			failures += !same;
			if (tap)
				printf("%sok %u - story %s\n",
				       same ? "" : "not ", number,
				       story_names[i]);
			else if (!same)
				printf("FAIL story %s is not as in %s\n",
				       story_names[i], path);
		}
		free(text);
	}
	return number == 0 ? -1 : failures;
}
