#include "watch_parts.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"
#include "stats.h"
#include "trouble.h"
#include "writer.h"

#define TRIP_BYTES 200u /* about what a page of one record takes */

struct parts {
	int inotify;
	pthread_t watcher, echo;
	sem_t armed, woken;
	double woken_ms;
	bool ends; /* the watcher, instead of waiting again */
	int near, far; /* of one connection */
	struct content_reader *reader;
	struct writer *writers[2];
};

/* ---- being woken ------------------------------------------------------ */

static void *
watch(void *arg)
{
	char events[sizeof(struct inotify_event) + NAME_MAX + 1];
	struct parts *p = arg;

	for (;;) {
		sem_wait(&p->armed);
		if (p->ends)
			return NULL;
		if (read(p->inotify, events, sizeof(events)) <= 0)
			err(1, "inotify");
		p->woken_ms = stats_now_ms();
		sem_post(&p->woken);
	}
}

void
parts_arm(struct parts *p)
{
	sem_post(&p->armed);
}

double
parts_woken(struct parts *p, double closed)
{
	sem_wait(&p->woken);
	return p->woken_ms - closed;
}

/* ---- reading ---------------------------------------------------------- */

double
parts_hash(struct parts *p, const char *path)
{
	double began = stats_now_ms();
	struct content c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		err(1, "%s", path);
	content_read(p->reader, fd, NULL, NULL, NULL, &c);
	close(fd);
	if (c.verdict != CONTENT_MEDIA)
		errx(1, "%s is not taken for a photo", path);
	return stats_now_ms() - began;
}

/* ---- writing down ----------------------------------------------------- */

static struct writer *
open_writer(const char *dir, unsigned n)
{
	struct writer_config config = {.wall_ms = 1000000, .run = n + 1};
	struct own_batch batch = {.has_root = true};
	struct write_result result;
	enum writer_found found;
	struct trouble why;
	struct writer *w;
	char path[128];

	snprintf(path, sizeof(path), "%s/parts-db%u", dir, n);
	if (mkdir(path, 0700) == -1)
		err(1, "%s", path);
	config.dir = path;
	memset(&config.self, (int)n + 1, sizeof(config.self));
	strcpy(batch.root.label, "parts");
	batch.root.online = batch.root.complete = true;
	if ((w = writer_open(&config, &found, &why)) == NULL ||
	    writer_own(w, &batch, 1000000, &result, &why) == -1)
		errx(1, "%s", why.text);
	return w;
}

double
parts_commit(struct parts *p, unsigned n)
{
	struct own_file f = {.verdict = OWN_COPY, .size = 40000, .inode = n};
	struct own_batch batch = {.files = &f, .file_count = 1};
	struct write_result result;
	struct trouble why;
	double began;
	char path[32];

	snprintf(path, sizeof(path), "drop-%u.jpg", n);
	f.path = path;
	f.path_bytes = strlen(path);
	memcpy(f.copy.photo.hash, &n, sizeof(n));
	f.copy.photo.size = f.size;
	strcpy(f.copy.type, "image/jpeg");
	began = stats_now_ms();
	for (unsigned k = 0; k < 2; k++) {
		if (writer_own(p->writers[k], &batch, 1000000, &result, &why) ==
		    -1)
			errx(1, "%s", why.text);
	}
	return stats_now_ms() - began;
}

/* ---- there and back --------------------------------------------------- */

static void *
echo(void *arg)
{
	struct parts *p = arg;
	char bytes[TRIP_BYTES];

	while (recv(p->far, bytes, sizeof(bytes), MSG_WAITALL) ==
	       (ssize_t)sizeof(bytes)) {
		if (write(p->far, bytes, sizeof(bytes)) !=
		    (ssize_t)sizeof(bytes))
			err(1, "echo");
	}
	return NULL;
}

double
parts_trip(struct parts *p)
{
	double began = stats_now_ms();
	char bytes[TRIP_BYTES] = {0};

	if (write(p->near, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) ||
	    recv(p->near, bytes, sizeof(bytes), MSG_WAITALL) !=
		    (ssize_t)sizeof(bytes))
		err(1, "there and back");
	return stats_now_ms() - began;
}

static void
connect_both(struct parts *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t a_bytes = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(listener, 1) == -1 ||
	    getsockname(listener, (struct sockaddr *)&a, &a_bytes) == -1 ||
	    connect(p->near, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    (p->far = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) == -1)
		err(1, "a connection to ourselves");
	setsockopt(p->near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(p->far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
}

/* ---- beginning and end ------------------------------------------------ */

struct parts *
parts_new(const char *dir)
{
	struct parts *p = calloc(1, sizeof(*p));
	char path[128];

	if (p == NULL || (p->reader = content_reader_new()) == NULL)
		errx(1, "out of memory");
	snprintf(path, sizeof(path), "%s/parts", dir);
	p->inotify = inotify_init1(IN_CLOEXEC);
	if (mkdir(path, 0700) == -1 || p->inotify == -1 ||
	    inotify_add_watch(p->inotify, path, IN_CLOSE_WRITE) == -1)
		err(1, "%s", path);
	for (unsigned k = 0; k < 2; k++)
		p->writers[k] = open_writer(dir, k);
	connect_both(p);
	sem_init(&p->armed, 0, 0);
	sem_init(&p->woken, 0, 0);
	if (pthread_create(&p->watcher, NULL, watch, p) != 0 ||
	    pthread_create(&p->echo, NULL, echo, p) != 0)
		errx(1, "cannot start a thread");
	return p;
}

void
parts_free(struct parts *p)
{
	p->ends = true;
	sem_post(&p->armed);
	pthread_join(p->watcher, NULL);
	shutdown(p->near, SHUT_RDWR);
	pthread_join(p->echo, NULL);
	close(p->near);
	close(p->far);
	close(p->inotify);
	for (unsigned k = 0; k < 2; k++)
		writer_close(p->writers[k]);
	content_reader_free(p->reader);
	sem_destroy(&p->armed);
	sem_destroy(&p->woken);
	free(p);
}
