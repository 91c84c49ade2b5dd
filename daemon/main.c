/*
 * main.c: the command of photod: serve, or deal with the key.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon.h"
#include "log.h"
#include "pool.h"
#include "trouble.h"
#include "writer.h"

/* ---- the key --------------------------------------------------------------------- */

static int
show_key(const struct options *o, struct trouble *why)
{
	uint8_t key[MESH_KEY_BYTES];
	char text[2 * MESH_KEY_BYTES + 1];

	if (mesh_key_load(o->key_file, true, key, why) == -1)
		return -1;
	hex_encode(key, sizeof(key), text);
	puts(text);
	return fflush(stdout) == 0
		       ? 0
		       : trouble_errno(why, errno, "cannot write the key");
}

static int
set_key(const struct options *o, struct trouble *why)
{
	uint8_t key[MESH_KEY_BYTES];
	char text[256], *path, *kept;

	if (fgets(text, sizeof(text), stdin) == NULL ||
	    !mesh_key_parse(text, strlen(text), key))
		return trouble_set(why, 0,
				   "that is no mesh key; give the 64 hex digits "
				   "that 'photod --show-key' prints");
	if (mesh_key_save(o->key_file, key, &path, &kept, why) == -1)
		return -1;
	if (kept != NULL)
		fprintf(stderr, "photod: another key was in %s: it is kept"
			" as %s; daemons that run with it go on with it until"
			" they are started again\n", path, kept);
	free(path);
	free(kept);
	return 0;
}

/* ---- main ------------------------------------------------------------------------ */

/* A descriptor of ours must never become somebody's standard output. */
static void
hold_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int
serve(struct daemon *d, char **argv)
{
	struct trouble why = {0};
	int status = EXIT_SUCCESS, started = daemon_start(d, &why);

	if (started == -1 && !d->leaving) {
		fprintf(stderr, "photod: %s\n", why.text);
		status = EXIT_FAILURE;
	} else if (started == 0) {
		thread_run_soon();
		if (event_base_dispatch(d->base) == -1) {
			fputs("photod: the event loop failed\n", stderr);
			status = EXIT_FAILURE;
		}
	}
	/* From here on nobody would hear a signal, and the process goes on. */
	if ((d->reborn || d->damaged) && d->on_term != NULL) {
		(void)event_del(d->on_int);
		(void)event_del(d->on_term);
		(void)event_del(d->on_hup);
	}
	daemon_stop(d);
	if (d->reborn && state_new_identity(d->state, &why) == -1) {
		fprintf(stderr, "photod: %s\n", why.text);
		d->reborn = false;
		status = EXIT_FAILURE;
	}
	if (d->damaged && writer_move_aside(d->state->dir, &why) == -1) {
		fprintf(stderr, "photod: %s\n", why.text);
		d->damaged = false;
		status = EXIT_FAILURE;
	}
	state_close(d->state);
	if (d->reborn || d->damaged) {
		execv("/proc/self/exe", argv);
		fprintf(stderr, "photod: cannot start again: %s\n",
			strerror(errno));
		status = EXIT_FAILURE;
	}
	return status;
}

int
main(int argc, char **argv)
{
	static struct daemon d;
	struct trouble why = {0};
	int status;

	hold_standard_descriptors();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a client's file may be too large */
	/* Memory given back late is a death noticed late; but the writer and who
	 * reads are not to share a heap: its lock is held at every page that
	 * either of them takes or drops. */
	(void)mallopt(M_ARENA_MAX, 8);
	/* Large blocks go back to the kernel when freed; without this line the
	 * threshold grows with the first of them, and they stay. */
	(void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	/* Small blocks stay while there is work: a reader drops its pages with
	 * every commit, and to have them back from the kernel each time takes
	 * longer than to fill them.  At rest they go too (catalogue.c). */
	(void)mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
	if (!options_parse(&d.options, argc, argv, &status))
		return status;
	log_init(d.options.log_level);
	switch (d.options.command) {
	case OPTIONS_SERVE:
		return serve(&d, argv);
	case OPTIONS_SHOW_KEY:
		status = show_key(&d.options, &why);
		break;
	case OPTIONS_SET_KEY:
		status = set_key(&d.options, &why);
		break;
	}
	if (status == -1) {
		fprintf(stderr, "photod: %s\n", why.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
