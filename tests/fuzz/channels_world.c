/*
 * channels_world.c: see channels_world.h.
 */
#include "channels_world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "../unit/thumb_sample.h"
#include "catalogue.h"
#include "consent.h"
#include "content.h"
#include "holdings.h"
#include "log.h"
#include "mailbox.h"
#include "people.h"
#include "photo_hash.h"
#include "thumb_store.h"
#include "tls.h"
#include "trouble.h"

#define NAME_BYTES 160u

static struct world world;
static char dir[64], folder[80];
static bool changed[OWN_PHOTOS];
/* A byte, less than a chunk, more than one; the same, the last of two pieces. */
static const uint64_t sizes[PHOTOS] = {
	1, 1000, CHUNK_BYTES_MAX + 700, 1, 900, FETCH_BYTES_MAX + 300};

/* ---- photos -------------------------------------------------------------- */

/* Each in a folder of its own: to rename that leaves the file as it was. */
static const char *
path_of(unsigned n, const char *what)
{
	static char path[NAME_BYTES];

	snprintf(path, sizeof(path), "%s/p%u%s", folder, n, what);
	return path;
}

static void
make_photo(unsigned n)
{
	struct photo_hash *hash = photo_hash_new();
	struct photo *p = &world.photos[n];

	p->bytes = malloc(sizes[n]);
	fuzz_must(p->bytes != NULL && hash != NULL, "out of memory");
	for (uint64_t i = 0; i < sizes[n]; i++)
		p->bytes[i] = (uint8_t)(i * 7 + i / 256 * 13 + n * 31 + 1);
	photo_hash_begin(hash);
	photo_hash_add(hash, p->bytes, sizes[n]);
	photo_hash_end(hash, &p->id);
	photo_hash_free(hash);
}

static void
write_file(const char *path, const uint8_t *bytes, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	fuzz_must(fd != -1 && write(fd, bytes, count) == (ssize_t)count,
		   "no file");
	close(fd);
}

static void
put_photo(unsigned n, struct own_file *f, char name[16])
{
	const struct photo *p = &world.photos[n];
	struct stat st;

	fuzz_must(mkdir(path_of(n, ""), 0700) == 0, "no folder");
	write_file(path_of(n, "/a.jpg"), p->bytes, p->id.size);
	fuzz_must(stat(path_of(n, "/a.jpg"), &st) == 0, "no file");
	snprintf(name, 16, "p%u/a.jpg", n);
	*f = (struct own_file){
		.path = name,
		.path_bytes = strlen(name),
		.verdict = OWN_COPY,
		.size = p->id.size,
		.inode = st.st_ino,
		.mtime_ns = stat_mtime_ns(&st),
		.ctime_ns = stat_ctime_ns(&st),
	};
	memset(f->root.bytes, 7, ROOT_ID_BYTES);
	f->copy.photo = p->id;
	f->copy.mtime_ns = f->mtime_ns;
	f->copy.file[0] = (uint8_t)n;
	strcpy(f->copy.type, "image/jpeg");
}

static void
own_photos(struct writer *w)
{
	struct own_file files[OWN_PHOTOS];
	char names[OWN_PHOTOS][16];
	struct own_batch batch = {.files = files, .file_count = OWN_PHOTOS,
				  .has_root = true};
	struct write_result result;
	struct trouble why;

	for (unsigned n = 0; n < OWN_PHOTOS; n++)
		put_photo(n, &files[n], names[n]);
	batch.root_id = files[0].root;
	strcpy(batch.root.label, "photos");
	batch.root.online = batch.root.complete = true;
	fuzz_must(writer_own(w, &batch, 1000, &result, &why) == 0,
		   "no photos");
}

/* ---- what others have ---------------------------------------------------- */

struct page {
	struct message_batch batch;
	struct record records[PHOTOS + 2];
	uint8_t keys[PHOTOS + 2][32], values[PHOTOS + 2][128];
};

static void
add_record(struct page *p, uint8_t kind, const void *key, size_t key_bytes,
	   size_t value_bytes)
{
	uint32_t n = p->batch.record_count++;
	struct record *r = &p->records[n];
	struct digest d;

	memcpy(p->keys[n], key, key_bytes);
	*r = (struct record){.seq = n + 1, .kind = kind, .key = p->keys[n],
			     .key_bytes = key_bytes, .value = p->values[n],
			     .value_bytes = value_bytes};
	record_digest(&p->batch.stream, r, &d);
	digest_add(&p->batch.digest, &d);
}

static uint8_t *
next_value(struct page *p)
{
	return p->values[p->batch.record_count];
}

static void
add_copies(struct page *p, unsigned who)
{
	uint8_t key[32];
	size_t bytes;

	memset(key, (int)who, ROOT_ID_BYTES);
	for (unsigned n = LONE_PHOTO; n < PHOTOS; n++) {
		struct record_copy copy = {.photo = world.photos[n].id,
					   .type = "image/jpeg"};

		if (n == LONE_PHOTO && who != 1)
			continue;
		copy.file[0] = (uint8_t)n;
		bytes = record_copy_pack(&copy, next_value(p), 128);
		snprintf((char *)key + ROOT_ID_BYTES, 8, "%u.jpg", n);
		add_record(p, RECORD_COPY, key, ROOT_ID_BYTES + 5, bytes);
	}
}

static void
others_photos(struct writer *w, unsigned who)
{
	static struct page p;
	struct record_node node = {.name = "peer", .version = "1"};
	struct record_root root = {.label = "photos", .online = true,
				   .complete = true};
	struct mesh_store store = {.at_head = true};
	struct write_result result;
	struct root_id id;
	struct trouble why = {0};
	size_t bytes;

	memset(&p, 0, sizeof(p));
	memset(id.bytes, (int)who, ROOT_ID_BYTES);
	p.batch.stream = (struct stream_id){world.people[who].node, 1000};
	p.batch.records = p.records;
	bytes = record_node_pack(&node, next_value(&p), 128);
	add_record(&p, RECORD_NODE, "", 0, bytes);
	bytes = record_root_pack(&root, next_value(&p), 128);
	add_record(&p, RECORD_ROOT, id.bytes, ROOT_ID_BYTES, bytes);
	add_copies(&p, who);
	p.batch.rows = p.batch.through = p.batch.record_count;
	p.batch.point = (struct point){p.batch.rows, p.batch.rows};
	store.stream = p.batch.stream;
	store.point = p.batch.point;
	fuzz_must(writer_store(w, &store, &p.batch, &result, &why) == 0,
		   why.text);
}

/* ---- what stands for ever ------------------------------------------------ */

static void
remove_all(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", dir);
}

static void
on_ends(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	mailbox_deliver(arg);
}

static void
on_request(void *arg, const struct consent_request *r)
{
	(void)arg;
	(void)r;
}

static void
make_person(unsigned n)
{
	struct state *s = &world.people[n];

	person_make(s, n);
	s->dir = dir;
	s->run = 100 + n;
}

static void
make_catalogue(void)
{
	struct writer_config w = {.run = 5, .wall_ms = 1000000, .dir = dir,
				  .self = world.people[0].node};
	struct state_root *root = &world.people[0].roots[0];
	enum writer_found found;
	struct trouble why = {0};

	world.catalogue = catalogue_open(&w, world.ends, &found, &why);
	fuzz_must(world.catalogue != NULL, why.text);
	own_photos(catalogue_writer(world.catalogue));
	others_photos(catalogue_writer(world.catalogue), 1);
	others_photos(catalogue_writer(world.catalogue), 2);
	memset(root->id.bytes, 7, ROOT_ID_BYTES);
	root->path = folder;
	root->named = true;
	world.people[0].root_count = 1;
	world.holdings = holdings_new(&world.people[0], world.catalogue, &why);
	fuzz_must(world.holdings != NULL, why.text);
}

static void
make_manners(void)
{
	struct consent_config c = {.state = &world.people[0],
				   .share = SHARE_ASK, .ends = world.ends,
				   .on_request = on_request};
	struct trouble why = {0};

	world.consent = consent_new(&c, &why);
	fuzz_must(world.consent != NULL, why.text);
	fuzz_must(consent_decide_node(world.consent, &world.people[1].node,
				       true, true, &why) >= 0 &&
		   consent_decide_node(world.consent, &world.people[3].node,
				       false, true, &why) >= 0, "no rules");
	world.thumbs = thumb_store_new(dir, 1u << 20);
	world.thumb_bytes = thumb_sample(world.thumb, 16, 8, 42, 60);
	fuzz_must(world.thumbs != NULL &&
		   thumb_store_put(world.thumbs, &world.photos[THUMB_PHOTO].id,
				   5, world.thumb, world.thumb_bytes),
		   "no thumbnail");
}

struct world *
world_get(void)
{
	struct trouble why = {0};
	uint8_t key[TLS_KEY_BYTES];

	if (world.base != NULL)
		return &world;
	(void)signal(SIGPIPE, SIG_IGN); /* as main does */
	log_init(LOG_ERROR);
	strcpy(dir, access("/dev/shm", W_OK) == 0
			    ? "/dev/shm/photomesh-fuzz-XXXXXX"
			    : "/tmp/photomesh-fuzz-XXXXXX");
	fuzz_must(mkdtemp(dir) != NULL, "no scratch directory");
	(void)atexit(remove_all);
	snprintf(folder, sizeof(folder), "%s/photos", dir);
	fuzz_must(mkdir(folder, 0700) == 0, "no folder");
	world.base = event_base_new();
	world.ends = mailbox_new(&why);
	event_add(event_new(world.base, mailbox_fd(world.ends),
			    EV_READ | EV_PERSIST, on_ends, world.ends), NULL);
	memset(key, 7, sizeof(key));
	world.tls = tls_new(key, &why);
	memset(key, 8, sizeof(key));
	world.strange = tls_new(key, &why);
	fuzz_must(world.tls != NULL && world.strange != NULL, "no TLS");
	for (unsigned n = 0; n < PEOPLE; n++)
		make_person(n);
	for (unsigned n = 0; n < PHOTOS; n++)
		make_photo(n);
	make_catalogue();
	make_manners();
	return &world;
}

void
world_turn(void)
{
	(void)event_base_loop(world.base, EVLOOP_NONBLOCK);
}

void
world_wait(void)
{
	(void)event_base_loop(world.base, EVLOOP_ONCE);
}

/* ---- changes ------------------------------------------------------------- */

static void
mend(unsigned n)
{
	char was[NAME_BYTES];

	if (!changed[n])
		return;
	changed[n] = false;
	(void)unlink(path_of(n, "/a.jpg"));
	(void)rmdir(path_of(n, "/a.jpg"));
	(void)rmdir(path_of(n, ""));
	snprintf(was, sizeof(was), "%s", path_of(n, ".was"));
	fuzz_must(rename(was, path_of(n, "")) == 0, "a photo is lost");
}

void
world_change(unsigned n, unsigned how)
{
	const struct photo *p = &world.photos[n];
	char was[NAME_BYTES];

	mend(n);
	snprintf(was, sizeof(was), "%s", path_of(n, ".was"));
	fuzz_must(rename(path_of(n, ""), was) == 0, "it is not moved");
	changed[n] = true;
	if (how % 5 == 0)
		return;
	fuzz_must(mkdir(path_of(n, ""), 0700) == 0, "no folder");
	switch (how % 5) {
	case 1: /* of the same size, and of the same bytes */
		write_file(path_of(n, "/a.jpg"), p->bytes, p->id.size);
		return;
	case 2:
		fuzz_must(symlink("../p1.was/a.jpg", path_of(n, "/a.jpg")) ==
				   0, "no link");
		return;
	case 3:
		fuzz_must(mkfifo(path_of(n, "/a.jpg"), 0600) == 0, "no fifo");
		return;
	default:
		fuzz_must(mkdir(path_of(n, "/a.jpg"), 0700) == 0, "no folder");
		return;
	}
}

bool
world_is_changed(unsigned n)
{
	return n < OWN_PHOTOS && changed[n];
}

void
world_mend(void)
{
	for (unsigned n = 0; n < OWN_PHOTOS; n++)
		mend(n);
}
