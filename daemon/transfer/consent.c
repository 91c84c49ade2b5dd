#include "consent.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "state.h"
#include "trouble.h"

#define FILE_NAME      "consent"
#define FILE_BYTES_MAX (1024u * 1024u)
#define SAVE_AGAIN_MS  5000u /* not more often as requests come */
#define HEAD_LINE      "photomesh consent 2"
#define OLD_HEAD_LINE  "photomesh consent 1" /* nothing at its end */
#define END_LINE       "end"

struct consent {
	struct consent_config config;
	pthread_mutex_t lock; /* of the table; never held while writing */
	struct consent_table table;
	bool dirty;
	uint64_t save_again_ms;
	pthread_mutex_t saving; /* of the file; taken before `lock` */
};

/* ---- the file: a line for the counter, each request, each rule -------- */

static void
write_lines(FILE *f, const struct consent_table *t)
{
	char node[2 * NODE_ID_BYTES + 1], photo[2 * PHOTO_ID_BYTES + 1];
	char name[2 * sizeof(t->requests[0].name)];
	uint8_t id[PHOTO_ID_BYTES];

	fprintf(f, HEAD_LINE "\nnext %" PRIu64 "\n", t->next);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct consent_request *r = &t->requests[i];

		photo_id_pack(&r->photo, id);
		hex_encode(r->node.bytes, NODE_ID_BYTES, node);
		hex_encode(id, sizeof(id), photo);
		hex_encode((const uint8_t *)r->name, strlen(r->name), name);
		/* The name has something in front, as it may be empty. */
		fprintf(f,
			"request %" PRIu64 " %s %s %" PRIu32 " %" PRId64
			" %" PRId64 " =%s\n",
			r->number, node, photo, r->state, r->at_ms,
			r->until_ms, name);
	}
	for (uint32_t i = 0; i < t->rule_count; i++) {
		hex_encode(t->rules[i].node.bytes, NODE_ID_BYTES, node);
		fprintf(f, "rule %s %d\n", node, t->rules[i].allow);
	}
	fprintf(f, END_LINE "\n");
}

static bool
read_request(struct consent_table *t, const char *line)
{
	char node[2 * NODE_ID_BYTES + 1], photo[2 * PHOTO_ID_BYTES + 1];
	char name[2 * sizeof(t->requests[0].name)] = "";
	struct consent_request r = {.number = 0};
	uint8_t id[PHOTO_ID_BYTES];
	size_t bytes;

	if (t->count == CONSENT_WAITING_MAX ||
	    sscanf(line,
		   "request %" SCNu64 " %32s %48s %" SCNu32 " %" SCNd64
		   " %" SCNd64 " =%510s",
		   &r.number, node, photo, &r.state, &r.at_ms, &r.until_ms,
		   name) < 6 ||
	    !hex_decode(node, r.node.bytes, NODE_ID_BYTES) ||
	    !hex_decode(photo, id, sizeof(id)) || r.state > CONSENT_DENIED ||
	    r.number == 0 || r.number >= t->next ||
	    (t->count > 0 && r.number <= t->requests[t->count - 1].number))
		return false;
	bytes = strlen(name) / 2;
	if (!hex_decode(name, (uint8_t *)r.name, bytes) ||
	    memchr(r.name, '\0', bytes) != NULL)
		return false;
	r.name[bytes] = '\0';
	photo_id_unpack(id, &r.photo);
	t->requests[t->count++] = r;
	return true;
}

static bool
read_rule(struct consent_table *t, const char *line)
{
	char node[2 * NODE_ID_BYTES + 1];
	struct consent_rule *rule = &t->rules[t->rule_count];
	int allow;

	if (t->rule_count == CONSENT_RULES_MAX ||
	    sscanf(line, "rule %32s %d", node, &allow) != 2 ||
	    !hex_decode(node, rule->node.bytes, NODE_ID_BYTES) ||
	    (allow != 0 && allow != 1))
		return false;
	rule->allow = allow != 0;
	t->rule_count++;
	return true;
}

/* All of it, and not one line less. */
static bool
read_lines(struct consent_table *t, char *text)
{
	char *rest = text, *line = strsep(&rest, "\n");
	bool old = strcmp(line, OLD_HEAD_LINE) == 0, ended = old;

	if ((!old && strcmp(line, HEAD_LINE) != 0) || rest == NULL ||
	    sscanf(strsep(&rest, "\n"), "next %" SCNu64, &t->next) != 1 ||
	    t->next == 0)
		return false;
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "request ", 8) == 0) {
			if (!read_request(t, line))
				return false;
		} else if (strncmp(line, "rule ", 5) == 0) {
			if (!read_rule(t, line))
				return false;
		} else if (strcmp(line, END_LINE) == 0) {
			ended = true;
		} else if (line[0] != '\0') {
			return false;
		}
	}
	return ended;
}

static int
load(struct consent *c, struct trouble *why)
{
	char *text = malloc(FILE_BYTES_MAX + 1);
	size_t bytes = 0;
	int r = 0;

	if (text == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	if (state_file_read(c->config.state, FILE_NAME, (uint8_t *)text,
			    FILE_BYTES_MAX, &bytes) == -1) {
		/* A first start has none. */
		if (errno != ENOENT)
			r = trouble_errno(why, errno,
					  "cannot read %s/" FILE_NAME,
					  c->config.state->dir);
	} else {
		text[bytes] = '\0';
		if (strlen(text) != bytes || !read_lines(&c->table, text))
			r = trouble_set(why, 0,
					"%s/" FILE_NAME " is damaged: restore "
					"it, or remove it and say again who "
					"may not have photos",
					c->config.state->dir);
	}
	free(text);
	return r;
}

/* The table as it is now, into the file. */
static int
save(struct consent *c, struct trouble *why)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *f;
	int r = -1;

	pthread_mutex_lock(&c->saving);
	if ((f = open_memstream(&text, &bytes)) != NULL) {
		pthread_mutex_lock(&c->lock);
		write_lines(f, &c->table);
		c->dirty = false;
		c->save_again_ms = clock_steady_ms() + SAVE_AGAIN_MS;
		pthread_mutex_unlock(&c->lock);
		if (fclose(f) == 0)
			r = state_file_replace(c->config.state, FILE_NAME,
					       text, bytes);
	}
	if (r == -1) {
		trouble_errno(why, errno, "cannot write %s/" FILE_NAME,
			      c->config.state->dir);
		pthread_mutex_lock(&c->lock);
		c->dirty = true;
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&c->saving);
	free(text);
	return r;
}

/* ---- life ------------------------------------------------------------ */

struct consent *
consent_new(const struct consent_config *config, struct trouble *why)
{
	struct consent *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	c->config = *config;
	consent_table_init(&c->table, config->share);
	if (load(c, why) == -1) {
		free(c);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->saving, NULL);
	return c;
}

void
consent_free(struct consent *c)
{
	struct trouble why;

	if (c == NULL)
		return;
	if (c->dirty && save(c, &why) == -1)
		log_warn("%s", why.text);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->saving);
	free(c);
}

/* ---- asking ---------------------------------------------------------- */

struct request_letter {
	struct letter letter; /* first */
	struct consent_request request;
	void (*on_request)(void *arg, const struct consent_request *r);
	void *arg;
};

static void
deliver_request(struct letter *l)
{
	struct request_letter *r = (struct request_letter *)(void *)l;

	r->on_request(r->arg, &r->request);
	free(r);
}

static void
tell_request(struct consent *c, const struct consent_request *request)
{
	struct request_letter *r = malloc(sizeof(*r));

	if (r == NULL)
		return; /* it is listed all the same */
	r->letter.deliver = deliver_request;
	r->request = *request;
	r->on_request = c->config.on_request;
	r->arg = c->config.arg;
	mailbox_post(c->config.ends, &r->letter);
}

enum consent_verdict
consent_ask(struct consent *c, const struct node_id *node,
	    const struct photo_id *photo, const char *name)
{
	enum consent_verdict verdict;
	struct consent_request made;
	struct trouble why;
	uint64_t number;
	bool due;

	pthread_mutex_lock(&c->lock);
	verdict = consent_table_ask(&c->table, node, photo, name,
				    clock_wall_ms(), &number);
	if (number != 0) {
		made = c->table.requests[c->table.count - 1];
		c->dirty = true;
	}
	/* Who waits asks again and again: what is not saved yet is saved then. */
	due = c->dirty && clock_steady_ms() >= c->save_again_ms;
	pthread_mutex_unlock(&c->lock);
	if (number != 0 && c->config.on_request != NULL)
		tell_request(c, &made);
	if (due && save(c, &why) == -1)
		log_warn("%s", why.text);
	return verdict;
}

/* ---- deciding -------------------------------------------------------- */

static int
remember(struct consent *c, int changed, struct trouble *why)
{
	if (changed >= 0 && save(c, why) == -1)
		return -3;
	return changed;
}

int
consent_decide(struct consent *c, uint64_t number, bool allow, bool always,
	       struct trouble *why)
{
	int changed;

	pthread_mutex_lock(&c->lock);
	changed = consent_table_decide(&c->table, number, allow, always,
				       clock_wall_ms());
	pthread_mutex_unlock(&c->lock);
	return remember(c, changed, why);
}

int
consent_decide_node(struct consent *c, const struct node_id *node, bool allow,
		    bool always, struct trouble *why)
{
	int changed;

	pthread_mutex_lock(&c->lock);
	changed = consent_table_decide_node(&c->table, node, allow, always,
					    clock_wall_ms());
	pthread_mutex_unlock(&c->lock);
	return remember(c, changed, why);
}

bool
consent_knows(struct consent *c, uint64_t number)
{
	bool found = false;

	pthread_mutex_lock(&c->lock);
	consent_table_expire(&c->table, clock_wall_ms());
	for (uint32_t i = 0; i < c->table.count; i++)
		found |= c->table.requests[i].number == number;
	pthread_mutex_unlock(&c->lock);
	return found;
}

void
consent_copy(struct consent *c, struct consent_table *out)
{
	pthread_mutex_lock(&c->lock);
	consent_table_expire(&c->table, clock_wall_ms());
	*out = c->table;
	pthread_mutex_unlock(&c->lock);
}
