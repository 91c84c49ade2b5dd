/*
 * Whole scans against a real catalogue: what is said of files that appear,
 * change, move, vanish; of roots that go away and come back.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "frame.h"
#include "intake.h"
#include "log.h"
#include "mailbox.h"
#include "message.h"
#include "trouble.h"

static char top[] = "/tmp/photomesh-scan-XXXXXX";
static const char jpeg[] = "\xff\xd8\xff\xda\0\2data %u\xff\xd9";

static struct state *state;
static struct mailbox *box;
static struct catalogue *catalogue;
static struct intake *intake;
static struct stream_id own; /* as last written */
static char dir[400];	     /* of the state, for when it is closed */
static uint64_t scans, written_rows;

static void
on_written(void *arg, bool failed, const struct write_result *result,
	   const struct trouble *why)
{
	(void)arg;
	if (failed)
		fprintf(stderr, "write failed: %s\n", why->text);
	assert(!failed);
	written_rows = result->own.point.cursor;
	own = result->own.stream;
}

static void
on_scan(void *arg, const struct scan_progress *p)
{
	(void)arg;
	scans = p->scan;
}

static void
turn(void)
{
	struct pollfd p = {mailbox_fd(box), POLLIN, 0};

	poll(&p, 1, 100);
	mailbox_deliver(box);
}

static void
rescan_accepting(bool missing)
{
	uint64_t wanted = intake_rescan(intake, missing);
	uint64_t end = clock_steady_ms() + 60000;

	while (scans < wanted && clock_steady_ms() < end)
		turn();
	assert(scans >= wanted);
}

static void
rescan(void)
{
	rescan_accepting(false);
}

static void
start(const char *folder)
{
	const char *folders[] = {folder};
	struct trouble why = {0, ""};
	struct writer_config wc;
	struct intake_config ic;
	enum writer_found found;

	if ((state = state_open(NULL, folders, 1, &why)) == NULL)
		fprintf(stderr, "%s\n", why.text);
	assert(state != NULL);
	snprintf(dir, sizeof(dir), "%s", state->dir);
	memset(&wc, 0, sizeof(wc));
	wc.dir = state->dir;
	wc.self = state->node;
	wc.run = state->run;
	wc.wall_ms = (uint64_t)clock_wall_ms();
	wc.new_life = state->new_life;
	assert((box = mailbox_new(&why)) != NULL);
	catalogue = catalogue_open(&wc, box, &found, &why);
	if (catalogue == NULL)
		fprintf(stderr, "%s\n", why.text);
	assert(catalogue != NULL);
	memset(&ic, 0, sizeof(ic));
	ic.state = state;
	ic.catalogue = catalogue;
	ic.ends = box;
	ic.written = on_written;
	ic.on_scan = on_scan;
	scans = 0;
	assert((intake = intake_new(&ic, &why)) != NULL);
}

static void
stop(void)
{
	uint64_t began = clock_steady_ms();

	intake_free(intake);
	assert(clock_steady_ms() - began < 2000);
	catalogue_close(catalogue);
	mailbox_free(box);
	state_close(state);
}

static void
put(const char *name, unsigned number)
{
	char path[300], text[64];
	int fd, n;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	memcpy(text, jpeg, sizeof(jpeg));
	n = 8 + snprintf(text + 8, 40, "data %08u\xff\xd9", number);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert(fd != -1 && write(fd, text, (size_t)n) == n);
	close(fd);
}

static void
run(const char *command)
{
	char whole[600];

	snprintf(whole, sizeof(whole), "cd '%s' && %s", top, command);
	assert(system(whole) == 0);
}

struct found {
	unsigned copies, problems, ignored;
};

static bool
count(void *arg, const struct known_file *f, const char *path, size_t bytes)
{
	struct found *n = arg;

	(void)path;
	(void)bytes;
	n->copies += f->verdict == OWN_COPY;
	n->problems += f->verdict == OWN_PROBLEM;
	n->ignored += f->verdict == OWN_IGNORED;
	return true;
}

static void
expect(unsigned copies, unsigned problems, unsigned ignored, unsigned photos)
{
	struct found n = {0, 0, 0};
	struct totals totals;
	struct trouble why;
	struct reader *r = reader_open(state->dir, &why);

	assert(r != NULL);
	assert(reader_each_known(r, &state->roots[0].id, count, &n, &why) == 0);
	assert(reader_totals(r, &totals, &why) == 0);
	if (n.copies != copies || n.problems != problems ||
	    n.ignored != ignored || totals.photos != photos) {
		fprintf(stderr, "%u copies %u problems %u ignored %u photos\n",
			n.copies, n.problems, n.ignored,
			(unsigned)totals.photos);
		assert(!"not what was expected");
	}
	reader_close(r);
}

/* The root's record, if it is in the next page of the own stream; one said
 * again meanwhile comes behind and counts.  False after the last page. */
static bool
page_root(struct reader *r, struct message_decoder *d, uint64_t *after,
	  struct record_root *root, bool *found)
{
	static uint8_t page[FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX];
	struct trouble why;
	struct message m;
	size_t bytes;
	bool held;

	assert(reader_page(r, &own, *after, PULL_CREDIT_MAX, 1, page, &bytes,
			   &held, &why) == 0);
	assert(held);
	assert(message_decode(d, page + FRAME_HEADER_BYTES,
			      bytes - FRAME_HEADER_BYTES, &m,
			      NULL) == MESSAGE_OK);
	for (uint32_t i = 0; i < m.u.batch.record_count; i++) {
		const struct record *v = &m.u.batch.records[i];

		if (v->kind != RECORD_ROOT || v->dead)
			continue;
		assert(record_root_parse(v->value, v->value_bytes, root));
		*found = true;
	}
	*after = m.u.batch.through;
	return *after < m.u.batch.point.cursor;
}

/* What stays recorded of the root, and others are told. */
static void
expect_recorded(bool online, bool complete)
{
	struct trouble why;
	struct reader *r = reader_open(dir, &why);
	struct message_decoder *d = message_decoder_new();
	struct record_root root;
	bool found = false;
	uint64_t after = 0;

	assert(r != NULL && d != NULL);
	while (page_root(r, d, &after, &root, &found))
		;
	assert(found);
	if (root.online != online || root.complete != complete) {
		fprintf(stderr, "online %d complete %d\n", root.online,
			root.complete);
		assert(!"not what was to be recorded");
	}
	message_decoder_free(d);
	reader_close(r);
}

/* Can the folder be reached, as the last scan found and recorded? */
static void
expect_online(bool online)
{
	struct scan_progress p;

	intake_progress(intake, &p);
	assert(p.state == (online ? SCAN_IDLE : SCAN_OFFLINE));
	/* It was walked to its end once, which no absence undoes. */
	expect_recorded(online, true);
}

int
main(void)
{
	struct scan_progress p;
	uint64_t rows;
	char folder[300];

	log_init(LOG_ERROR);
	assert(mkdtemp(top) != NULL);
	snprintf(folder, sizeof(folder), "%s/xdg", top);
	setenv("XDG_STATE_HOME", folder, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	snprintf(folder, sizeof(folder), "%s/photos", top);
	run("mkdir photos photos/sub");
	for (unsigned i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "photos/sub/%u.jpg", i);
		put(name, i / 2); /* every photo twice */
	}
	run("echo text > photos/notes.txt; echo text > photos/bad.png; "
	    ": > photos/empty.jpg; mkfifo photos/fifo.jpg; "
	    "printf '\\377\\330\\377\\332' > photos/cut.jpg");
	start(folder);
	rescan();
	expect(21, 2, 1, 11);
	intake_progress(intake, &p);
	assert(p.state == SCAN_IDLE && p.files == 21 && p.total_files == 21);

	/* Wait out the ticks of file times; then nothing is read again and
	 * nothing new is said. */
	run("sleep 0.2; touch photos/sub/0.jpg; sleep 0.2");
	rescan();
	rescan();
	intake_progress(intake, &p);
	assert(p.hashed_files == 0 && p.files == 21);
	rows = written_rows;

	/* Renamed, changed, gone, new. */
	run("mv photos/sub photos/moved; rm photos/moved/1.jpg "
	    "photos/notes.txt");
	put("photos/moved/2.jpg", 100);
	put("photos/new.jpg", 101);
	rescan();
	expect(21, 2, 0, 13);
	assert(written_rows > rows);

	/* The folder is away; then empty; then back. */
	run("mv photos away");
	rescan();
	expect(21, 2, 0, 13);
	expect_online(false);
	run("mkdir photos");
	rescan();
	expect(21, 2, 0, 13);
	expect_online(false);
	run("rmdir photos; mv away photos");
	rescan();
	expect(21, 2, 0, 13);
	expect_online(true);
	stop();
	expect_recorded(true, true);

	/* Another life: nothing is read again. */
	run("sleep 0.1");
	start(folder);
	rescan();
	rescan();
	expect(21, 2, 0, 13);
	intake_progress(intake, &p);
	assert(p.hashed_files == 0);
	stop();
	expect_recorded(true, true);

	/* Many files, and a stop in the midst. */
	run("mkdir photos/many");
	for (unsigned i = 0; i < 6000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "photos/many/%u.jpg", i);
		put(name, 1000 + i);
	}
	start(folder);
	turn();
	stop();
	start(folder);
	rescan();
	expect(6021, 2, 0, 6013);

	/* So many gone at once are not believed to be gone. */
	run("mv photos/many .");
	rescan();
	rescan();
	expect(6021, 2, 0, 6013);
	expect_online(false);
	/* Back: nothing is read, nothing was lost. */
	run("mv many photos");
	rescan();
	expect(6021, 2, 0, 6013);
	expect_online(true);
	/* Renamed: nothing is read, and nothing is gone. */
	run("sleep 0.1; mv photos/many photos/renamed");
	rescan();
	expect(6021, 2, 0, 6013);
	expect_online(true);
	intake_progress(intake, &p);
	assert(p.hashed_files == 0);
	/* Unless somebody says that they are. */
	run("rm -r photos/renamed");
	rescan();
	expect(6021, 2, 0, 6013);
	rescan_accepting(true);
	expect(21, 2, 0, 13);
	expect_online(true);
	stop();
	expect_recorded(true, true);
	run("cd / && rm -r \"$OLDPWD\"");
	puts("ok 1 - scans\n1..1");
	return 0;
}
