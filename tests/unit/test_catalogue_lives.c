/*
 * Older lives beside the newest: what a relay tells of one when the newest has
 * told of everything, and roots of which the owner says nothing any more.
 */
#include "test_catalogue_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct box a, b, c;

static int
setup(void **state)
{
	(void)state;
	box_start(&a, 1, 1);
	box_start(&b, 2, 2);
	box_start(&c, 3, 3);
	return 0;
}

/* A root of a volume; volume and label are what it is known again by. */
static void
root_on(struct box *x, uint8_t root, uint8_t volume, const char *label,
	bool complete)
{
	struct own_batch batch = {.has_root = true,
				  .root_id = kit_root(root)};

	snprintf(batch.root.label, sizeof(batch.root.label), "%s", label);
	memset(batch.root.volume, volume, 16);
	batch.root.volume_bytes = 16;
	batch.root.online = true;
	batch.root.complete = complete;
	assert_int_equal(writer_own(x->w, &batch, 1, &x->result, &x->why), 0);
	box_check(x);
}

static struct stream_id
lose_database(struct box *x)
{
	uint64_t generation = box_own_report(x).stream.generation;
	char command[256];

	box_close(x);
	snprintf(command, sizeof(command), "rm -f %s/catalogue.db* %s/run",
		 x->dir, x->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(x, false), 0);
	assert_int_equal(writer_begin_generation(x->w, generation + 1,
						 &x->result, &x->why), 0);
	return box_own_report(x).stream;
}

static bool
take_online(void *arg, const struct photo_row *row)
{
	int *online = arg;

	assert_int_equal(row->copy_count, 1);
	*online = row->rows[0].root_online;
	return false;
}

/* Of the only copy; -1 when it is not listed. */
static int
online(struct box *x, uint32_t photo)
{
	struct photo_id id = kit_photo(photo);
	struct photo_prefix prefix;
	char hex[33];
	int is = -1;

	photo_id_hex(&id, hex);
	assert_true(photo_prefix_parse(hex, 32, &prefix));
	assert_int_equal(reader_find(x->r, &prefix, 2, take_online, &is, NULL),
			 0);
	return is;
}

/* c holds a life of a that was never a's. */
static struct stream_id
forge(struct box *x, uint64_t generation)
{
	struct stream_id s = {.node = a.node, .generation = generation};
	struct own_file f = kit_copy(9, "never.jpg", 999);
	uint8_t value[200], key[17];
	struct record r = {.seq = 5, .kind = RECORD_COPY, .key = key,
			   .key_bytes = 17, .value = value};
	struct mesh_store store = {.stream = s, .point = {5, 5}};
	struct message_batch batch = {.stream = s, .records = &r,
				      .record_count = 1};

	r.value_bytes = record_copy_pack(&f.copy, value, 200);
	memset(key, 9, 8);
	memcpy(key + 8, "never.jpg", 9);
	assert_int_equal(writer_store(x->w, &store, &batch, &x->result, NULL),
			 0);
	box_check(x);
	return s;
}

/*
 * Its owner was lost with all it knew of its disks, but for its key, and names
 * but one of them now: whoever comes later must see the other one as well.
 */
static void
older_life_is_taken_whoever_comes_when(void **state)
{
	struct stream_id old, fresh;
	struct digest x, y, z;

	(void)state;
	box_fill(&a, 1, 0, 400);
	box_fill(&a, 2, 1000, 400);
	root_on(&a, 1, 7, "photos", true);
	root_on(&a, 2, 8, "disk", true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	fresh = lose_database(&a);
	box_fill(&a, 3, 0, 400);
	root_on(&a, 3, 7, "photos", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 800);
	/* The owner itself, and somebody who met it first, page by page. */
	for (struct box *to = &a; to != NULL; to = to == &a ? &c : NULL) {
		struct pulling p = {.stream = old, .how = PULL_RELAY,
				    .credit = PULL_CREDIT_MIN};

		if (to == &c)
			box_pull(&c, &a, &fresh, PULL_OWNER);
		while (box_pull_page(to, &b, &p))
			assert_int_equal(to->result.dropped_count, 0);
		assert_int_equal(box_photos(to), 800);
		assert_int_equal(online(to, 3), 1);
		assert_int_equal(online(to, 1003), 0);
	}
	x = box_merged(&a), y = box_merged(&b), z = box_merged(&c);
	assert_true(digest_equal(&x, &y));
	assert_true(digest_equal(&x, &z));
	/* It is plugged in again, and known again by itself. */
	box_fill(&a, 4, 1000, 399);
	root_on(&a, 4, 8, "disk", true);
	assert_int_equal(a.result.dropped_count, 1);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	box_pull(&c, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
	assert_int_equal(box_held(&c, &old).stream.generation, 0);
	assert_int_equal(box_photos(&c), 799);
}

/* What has nothing to tell that the newest does not is let go in the end. */
static void
older_life_with_nothing_to_tell_goes(void **state)
{
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 400);
	root_on(&a, 1, 7, "photos", true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	fresh = lose_database(&a);
	box_fill(&a, 1, 0, 399);
	root_on(&a, 1, 7, "photos", true);
	box_pull(&c, &a, &fresh, PULL_OWNER);
	{
		struct pulling p = {.stream = old, .how = PULL_RELAY,
				    .credit = PULL_CREDIT_MIN};

		while (box_pull_page(&c, &b, &p))
			assert_int_equal(box_photos(&c), 399);
	}
	assert_int_equal(c.result.dropped_count, 1);
	assert_true(stream_id_equal(&c.result.dropped[0].stream, &old));
	assert_int_equal(box_held(&c, &old).stream.generation, 0);
}

/* What was forged in somebody's name is offline, and bounded to one life. */
static void
forged_older_life_is_offline(void **state)
{
	struct stream_id fresh, fake, more;

	(void)state;
	box_fill(&a, 1, 0, 5);
	root_on(&a, 1, 7, "photos", true);
	fresh = box_own_report(&a).stream;
	fake = forge(&c, fresh.generation - 1);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	box_pull(&b, &c, &fake, PULL_RELAY);
	assert_int_equal(online(&b, 999), 0);
	assert_int_equal(online(&b, 3), 1);
	assert_int_equal(box_photos(&b), 6);
	more = forge(&c, fresh.generation - 2);
	box_pull(&b, &c, &more, PULL_RELAY);
	assert_int_equal(box_count(&b, "SELECT count(*) FROM stream"), 3);
	assert_int_equal(box_photos(&b), 6);
}

/* The owner dies while a later change of its is pulled. */
static void
roots_swap_below_the_head(void **state)
{
	struct pulling p = {.how = PULL_OWNER, .credit = PULL_CREDIT_MIN};
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 5);
	box_root(&a, 1, true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	fresh = lose_database(&a);
	box_fill(&a, 1, 0, 4);
	box_root(&a, 1, true);
	box_pull(&c, &a, &fresh, PULL_OWNER);
	box_fill(&a, 1, 100, 900);
	p.stream = fresh;
	assert_true(box_pull_page(&c, &a, &p));
	/* c is below its head; all that it had at its base is good. */
	box_pull(&b, &c, &fresh, PULL_RELAY);
	assert_true(box_held(&b, &fresh).point.base <
		    box_held(&b, &fresh).point.cursor);
	assert_int_equal(box_copies(&b, 4), 0);
	assert_int_equal(box_copies(&b, 3), 1);
	/* Stamped again above the base, it does not come back. */
	root_on(&a, 1, 7, "disk 1", true);
	p.begun = false;
	while (box_pull_page(&c, &a, &p))
		assert_int_equal(box_copies(&b, 4), 0);
	box_pull(&b, &c, &fresh, PULL_RELAY);
	assert_int_equal(box_copies(&b, 4), 0);
}

/* The list of roots was lost with the database: the folder has another id. */
static void
same_folder_under_another_id_takes_over(void **state)
{
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 5);
	box_fill(&a, 2, 100, 5);
	root_on(&a, 1, 7, "photos", true);
	root_on(&a, 2, 7, "other", true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	box_pull(&c, &a, &old, PULL_OWNER);
	fresh = lose_database(&a);
	box_fill(&a, 3, 0, 4);
	root_on(&a, 3, 7, "photos", false);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 10);
	root_on(&a, 3, 7, "photos", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 9);
	assert_int_equal(box_copies(&b, 4), 0);
	assert_int_equal(online(&b, 3), 1);
	/* The other one: listed, but not at hand. */
	assert_int_equal(online(&b, 103), 0);
	assert_int_equal(box_held(&b, &old).stream.generation, old.generation);
	/* It comes back by its name, too. */
	box_fill(&a, 4, 100, 5);
	root_on(&a, 4, 7, "other", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 9);
	assert_int_equal(online(&b, 103), 1);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
	/* Whoever had the former life, and the newest at once, sees the same. */
	box_pull(&c, &a, &fresh, PULL_OWNER);
	{
		struct digest x = box_merged(&b), y = box_merged(&c);

		assert_true(digest_equal(&x, &y));
	}
	assert_int_equal(box_held(&c, &old).stream.generation, 0);
}

static void
root_the_owner_says_nothing_of_is_offline(void **state)
{
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 5);
	box_fill(&a, 2, 100, 5);
	root_on(&a, 1, 7, "photos", true);
	root_on(&a, 2, 8, "disk", true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	box_pull(&c, &b, &old, PULL_RELAY);
	fresh = lose_database(&a);
	box_fill(&a, 1, 0, 5);
	root_on(&a, 1, 7, "photos", false);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	/* It may still be going to tell. */
	assert_int_equal(online(&b, 103), 1);
	root_on(&a, 1, 7, "photos", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 10);
	assert_int_equal(online(&b, 3), 1);
	assert_int_equal(online(&b, 103), 0);
	/* The same of everybody who holds the same. */
	box_pull(&c, &b, &fresh, PULL_RELAY);
	assert_int_equal(box_photos(&c), 10);
	assert_int_equal(online(&c, 103), 0);
	box_reopen(&b, false);
	assert_int_equal(online(&b, 103), 0);
	/* The newest life has the word on what it knows of. */
	root_on(&a, 2, 8, "disk", false);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(online(&b, 103), 1);
	box_fill(&a, 2, 100, 4);
	root_on(&a, 2, 8, "disk", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 9);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
}

/* Two folders of one name on one volume are two, as the older life knew. */
static void
folder_known_by_its_id_is_no_other(void **state)
{
	struct stream_id old, fresh;

	(void)state;
	box_fill(&a, 1, 0, 5);
	box_fill(&a, 2, 100, 5);
	root_on(&a, 1, 7, "photos", true);
	root_on(&a, 2, 7, "photos", true);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	fresh = lose_database(&a);
	box_fill(&a, 1, 0, 5);
	root_on(&a, 1, 7, "photos", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 10);
	assert_int_equal(online(&b, 103), 0);
}

/* From yesterday: what was added since is missing until it is found again. */
static void
restored_life_is_open_until_scanned(void **state)
{
	struct stream_id old, fresh;
	char command[256];

	(void)state;
	box_fill(&a, 1, 0, 5);
	root_on(&a, 1, 7, "photos", true);
	root_on(&a, 2, 8, "disk", true);
	box_fill(&a, 2, 100, 5);
	snprintf(command, sizeof(command), "cp -a %s %s.yesterday", a.dir,
		 a.dir);
	box_close(&a);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(&a, false), 0);
	box_fill(&a, 1, 5, 5);
	box_fill(&a, 2, 105, 5);
	old = box_own_report(&a).stream;
	box_pull(&b, &a, &old, PULL_OWNER);
	box_close(&a);
	snprintf(command, sizeof(command),
		 "cp %s.yesterday/catalogue.db* %s/ && rm -r %s.yesterday",
		 a.dir, a.dir, a.dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(box_open(&a, false), 0);
	fresh = box_own_report(&a).stream;
	assert_true(fresh.generation > old.generation);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 20);
	box_pull(&a, &b, &old, PULL_RELAY);
	assert_int_equal(box_photos(&a), 20);
	/* The same by the word of a peer. */
	assert_int_equal(writer_begin_generation(a.w, fresh.generation + 9,
						 &a.result, NULL), 0);
	fresh = box_own_report(&a).stream;
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 20);
	/* One disk is looked at to the end; the other is in a drawer. */
	box_fill(&a, 1, 5, 4);
	root_on(&a, 1, 7, "photos", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&a), 19);
	assert_int_equal(box_photos(&b), 19);
	assert_int_equal(box_copies(&b, 9), 0);
	/* A newcomer is told of it, too. */
	box_pull(&c, &a, &fresh, PULL_OWNER);
	box_pull(&c, &b, &old, PULL_RELAY);
	assert_int_equal(box_photos(&c), 19);
	box_fill(&a, 2, 105, 5);
	root_on(&a, 2, 8, "disk", true);
	box_pull(&b, &a, &fresh, PULL_OWNER);
	assert_int_equal(box_photos(&b), 19);
	assert_int_equal(box_held(&b, &old).stream.generation, 0);
}

/* Who has lost nothing needs nobody to tell of its former lives. */
static void
remembers_unless_something_was_lost(void **state)
{
	struct box x;

	(void)state;
	box_start(&x, 1, 1);
	assert_true(writer_remembers(x.w));
	box_fill(&x, 1, 0, 3);
	box_reopen(&x, false);
	assert_true(writer_remembers(x.w));
	box_reopen(&x, true); /* restored: older than what was published */
	assert_false(writer_remembers(x.w));
	box_reopen(&x, false);
	assert_false(writer_remembers(x.w));
	memset(&x.node, 9, sizeof(x.node)); /* nobody knows that one yet */
	box_reopen(&x, false);
	assert_int_equal(x.found, WRITER_ADOPTED);
	assert_true(writer_remembers(x.w));
	box_close(&x);
	assert_int_equal(writer_move_aside(x.dir, &x.why), 0);
	assert_int_equal(box_open(&x, false), 0);
	assert_int_equal(x.found, WRITER_NEW);
	assert_false(writer_remembers(x.w));
	box_end(&x);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, boxes_end)
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(older_life_is_taken_whoever_comes_when),
		T(older_life_with_nothing_to_tell_goes),
		T(forged_older_life_is_offline),
		T(roots_swap_below_the_head),
		T(same_folder_under_another_id_takes_over),
		T(root_the_owner_says_nothing_of_is_offline),
		T(folder_known_by_its_id_is_no_other),
		T(restored_life_is_open_until_scanned),
		T(remembers_unless_something_was_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
