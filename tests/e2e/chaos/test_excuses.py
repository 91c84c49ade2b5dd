"""The checker of the long runs: what excuses something, and what does not.

Each excuse is told beside its like that is none, so that no rule is silent for
a reason of its own; and what of a run is counted is counted right.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import checker  # noqa: E402
import checker_end  # noqa: E402
import checker_lists  # noqa: E402
import checker_mesh  # noqa: E402
import tap  # noqa: E402
from story import Story  # noqa: E402
from tale import IDS, ONE, THREE, TWO, A, B, Case, Tale  # noqa: E402

TRIO = ("alice", "bob", "carol")
# On the first host alice and carol, on the other bob and dave.
FOUR = ("alice", "carol", "bob", "dave")
BAD_LINES = ("cut", "oneway", "unplug", "delay", "rate", "stall", "half",
             "reset")


class Lists(Case):
    def test_another_at_the_port(self):
        """what another daemon said at that port is not this one's word"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.drop("bob", "b.jpg", TWO, 2.0)
        t.list("alice", 3.0, A, node="bob", age=20000)
        # She may not have heard of it yet; who has, was somebody else.
        t.list("alice", 3.2, A, B)
        self.right(t.end(A))
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.list("alice", 2.0, A, node="bob")
        t.kill("bob", 3.0, 60.0)
        t.list("alice", 30.0, A, node="bob")
        t.list("alice", 31.0, A, B, complete=False, age=28000)
        self.right(t.end())

    def test_back_behind_a_lost_catalogue(self):
        """who begins with nothing may hear of what it once knew was gone"""
        for state, sound in (("catalogue", True), ("whole", True),
                             ("older", True), ("new", True),
                             ("kept", False), ("copied", False)):
            t = Tale()
            t.list("alice", 1.0, A, B)
            t.drop("bob", "b.jpg", TWO, 2.0)
            t.list("alice", 3.0, A)
            t.kill("alice", 4.0, 5.0, state)
            t.list("alice", 80.0, A, B, life=2)
            self.finds(checker_lists.nothing_back, t, not sound, state)

    def test_missed_in_the_same_life_only(self):
        """nor is what a former life listed missed by the next one"""
        for state, sound in (("catalogue", True), ("kept", False)):
            t = Tale()
            t.list("bob", 1.0, A, B)
            t.drop("alice", "a.jpg", ONE, 2.0)
            t.kill("bob", 3.0, 4.0, state)
            t.list("bob", 5.0, B, life=2)
            t.list("bob", 9.0, A, B, life=2)
            self.finds(checker_lists.nothing_back, t, not sound, state)

    def test_back_of_another(self):
        """an old state is an excuse for whose it is, and until it has looked
        """
        for who, gone, sound in (("bob", 27.0, True), ("bob", 88.0, True),
                                 ("bob", 91.0, False),
                                 ("carol", 27.0, False)):
            t = Tale(names=TRIO)
            t.add("up", name=who, id="44" * 16 if who == "carol" else
                  IDS[who], life=2, port=5002, state="older", t0=28.0, t=29.0)
            t.list("alice", 20.0, A, B)
            t.drop("bob", "b.jpg", TWO, 21.0)
            t.list("alice", gone, A)
            t.list("alice", 95.0, A, B)
            self.finds(checker_lists.nothing_back, t, not sound, (who, gone))

    def test_invented_while_written(self):
        """other bytes at the path of a file that is being written; of nodes
        that are none of ours nothing is known"""
        for loose, sound in (({"loose": 1}, True), ({}, False)):
            t = Tale()
            t.hold("bob", "s.jpg", TWO, 1.0)
            t.last("hold").update(loose)
            t.list("alice", 1.5, A, B, ("bob", "s.jpg", THREE))
            self.finds(checker_lists.nothing_invented, t, not sound, loose)
        t = Tale()
        t.add("copy", n=77, node="99" * 16, path="62", id=THREE)
        self.right(t.end())

    def test_newcomer(self):
        """who has begun with nothing has not heard of everybody yet"""
        for state, at, sound in (("new", 9.0, True), ("kept", 9.0, False),
                                 ("new", 16.0, False)):
            t = Tale()
            t.last("up", name="alice")["state"] = state
            t.kill("bob", 4.0, 60.0)
            t.list("alice", at, A, B)
            self.finds(checker_lists.complete_is_true, t, not sound,
                       (state, at))
            self.finds(checker_lists.ages_grow, t, not sound, (state, at))
        # Nor does it owe what others listed.
        for state, sound in (("new", True), ("kept", False)):
            t = Tale()
            t.list("bob", 0.5, A, B)
            t.last("up", name="alice")["state"] = state
            t.list("alice", 9.0, A)
            self.finds(checker_lists.complete_has_all, t, not sound, state)

    def test_proof_of_a_death(self):
        """a death is known at once: of one killed, on the same host"""
        for how, hosts, sound in (("kill", 1, False), ("end", 1, True),
                                  ("kill", 2, True)):
            t = Tale(hosts=hosts)
            t.kill("bob", 22.0, 60.0)
            t.last("down")["how"] = how
            t.list("alice", 27.0, A, B, age=5000)
            self.finds(checker_lists.complete_is_true, t, not sound,
                       (how, hosts))

    def test_silence_of_a_far_one(self):
        """a cut is between hosts, and lasts"""
        for at, other, what, sound in (
                ("alice", "bob", "cut", False),
                ("alice", "bob", "unplug", False),
                ("alice", "bob", "oneway", True),
                ("alice", "bob", "delay", True)):
            t = Tale(hosts=2)
            t.add("fault", what=what, who=None, t0=2.0, t1=30.0)
            t.list(at, 25.0, A, B, age=100)
            self.finds(checker_lists.ages_grow, t, not sound, what)
        t = Tale(hosts=2, names=FOUR)
        t.add("up", name="carol", id="44" * 16, life=1, state="new",
              port=5003, t0=0.0, t=0.1)
        t.add("fault", what="cut", who=None, t0=2.0, t1=30.0)
        t.list("alice", 25.0, A, B, complete=False, age=24000)
        self.finds(checker_lists.ages_grow, t, False)
        # She is beside alice; it is bob's silence that makes this old.
        t.last("list")["age"] = 100
        wrong = checker_lists.ages_grow(Story(t.lines))
        self.assertEqual([w for w in wrong if "carol" in w], [])
        self.assertTrue([w for w in wrong if "bob" in w])

    def test_goodbye_held_back(self):
        """a goodbye that a bad line may hold back: of a far one that left"""
        for how, hosts, left, sound in (("end", 2, 22.0, True),
                                        ("kill", 2, 22.0, False),
                                        ("end", 1, 22.0, False),
                                        ("end", 2, 70.0, False)):
            t = Tale(hosts=hosts)
            t.add("fault", what="cut", who=None, t0=20.0, t1=40.0)
            t.add("down", name="bob", life=1, how=how, t0=22.0, t=22.1)
            t.add("up", name="bob", id=IDS["bob"], life=2, port=5001,
                  state="kept", t0=24.0, t=25.0)
            t.add("down", name="bob", life=2, how="kill", t0=26.0, t=26.1)
            t.add("up", name="bob", id=IDS["bob"], life=3, port=5001,
                  state="kept", t0=79.0, t=80.0)
            if left > 26.0:  # the goodbye is one to come
                t.last("down", life=1)["how"] = "kill"
                t.add("down", name="bob", life=3, how="end", t0=90.0, t=90.1)
            t.list("alice", 60.0, A, B)
            self.finds(checker_lists.ages_grow, t, not sound,
                       (how, hosts, left))

    def test_word_of_who_leaves(self):
        """what is listed by one that has said goodbye is owed by nobody"""
        for how, at, sound in (("end", 5.1, True), ("end", 4.0, False),
                               ("kill", 5.1, False)):
            t = Tale()
            t.hold("bob", "c.jpg", THREE, 1.0)
            t.add("down", name="bob", life=1, how=how, t0=5.0, t=6.0)
            t.list("bob", at, A, B, ("bob", "c.jpg", THREE))
            t.list("alice", 20.0, A, B)
            self.finds(checker_lists.complete_has_all, t, not sound,
                       (how, at))


    def test_again_so_soon(self):
        """taken away and brought back so soon it may be seen or not"""
        for back, seen, sound in ((10.0, 12.0, True), (60.0, 62.0, False),
                                  (10.0, 60.0, False)):
            t = Tale()
            t.drop("bob", "b.jpg", TWO, 5.0)
            t.hold("bob", "b.jpg", TWO, back)
            t.list("alice", seen, A, B)
            t.list("alice", seen + 1, A)
            self.finds(checker_lists.nothing_lost, t, not sound,
                       (back, seen))

    def test_just_ready(self):
        """who is ready this moment has had no time to see who is away"""
        for at, sound in ((31.0, True), (34.0, False)):
            t = Tale()
            t.stop("bob", 2.0, 60.0)
            t.kill("alice", 28.0, 30.0)
            t.list("alice", at, A, B, age=at * 1000, life=2)
            self.finds(checker_lists.complete_is_true, t, not sound, at)


class Mesh(Case):
    def test_gone_too_early(self):
        """of a long sleep it is not the first seconds that make a death"""
        for lasts, at, sound in ((20.0, 12.0, True), (20.0, 7.0, False),
                                 (8.0, 11.6, False)):
            t = Tale()
            t.stop("bob", 2.0, 2.0 + lasts)
            t.said("alice", "gone", "bob", at)
            self.finds(checker_mesh.no_false_gone, t, not sound, (lasts, at))

    def test_gone_without_descriptors(self):
        """who has no descriptors left can be reached by nobody"""
        for what, who, sound in (("squeeze", "bob", True),
                                 ("squeeze", "alice", True),
                                 ("squeeze", "carol", False),
                                 ("full", "bob", False),
                                 ("twin", "carol", False)):
            t = Tale(names=TRIO)
            t.add("fault", what=what, who=who, t0=5.0, t1=9.0)
            t.said("alice", "gone", "bob", 8.0)
            self.finds(checker_mesh.no_false_gone, t, not sound, (what, who))

    def test_gone_across_a_bad_line(self):
        """a bad line excuses, between hosts and for as long as TCP waits"""
        for what in BAD_LINES:
            for hosts, at, sound in ((2, 9.0, True), (1, 9.0, False),
                                     (2, 36.0, False)):
                t = Tale(hosts=hosts)
                t.add("fault", what=what, who=None, t0=5.0, t1=10.0)
                t.said("alice", "gone", "bob", at)
                self.finds(checker_mesh.no_false_gone, t, not sound,
                           (what, hosts, at))

    def test_gone_of_a_stranger(self):
        """whoever is none of ours may go when it likes"""
        t = Tale()
        t.said("alice", "gone", "eve", 9.0)
        self.right(t.end())
        t.said("alice", "gone", "bob~22222222", 9.0)
        self.wrong(t, "no_false_gone")

    def test_gone_of_a_twins_word(self):
        """what a twin says is not held against the daemon"""
        t = Tale()
        t.said("alice", "gone", "bob", 9.0, life=-1)
        self.right(t.end())

    def test_event_of_another(self):
        """an event accuses where it was told, of a gone one, near the line"""
        for more, sound in (({}, False), ({"at": "bob"}, True),
                            ({"event": "peer-live"}, True),
                            ({"t": 40.0}, True)):
            t = Tale()
            t.kill("bob", 2.0, 4.0, "whole", new="new bob")
            t.said("alice", "gone", "bob", 51.0)
            t.add("event", **dict(dict(at="alice", life=1, t=51.0,
                                       event="peer-gone", photo="",
                                       node=IDS["new bob"]), **more))
            self.finds(checker_mesh.no_false_gone, t, not sound, more)
        # Before it lost its identity there was but one.
        t = Tale()
        t.said("alice", "gone", "bob", 9.0)
        t.kill("bob", 22.0, 24.0, "whole", new="new bob")
        self.finds(checker_mesh.no_false_gone, t, True)

    def crown(self, fault, names=TRIO, at=51.0, **run):
        t = Tale(names=names, **run)
        t.add("fault", **dict(dict(who=None, t0=50.0, t1=53.0), **fault))
        t.said("bob", "coordinator", "bob", at)
        return t

    def test_crown_of_a_third(self):
        """the crown moves for the sake of those concerned, and of what may
        move it"""
        for what, who, sound in (
                ("stop", "alice", True), ("stop", "bob", True),
                ("stop", "carol", False), ("kill", "alice", True),
                ("end", "alice", True), ("readonly", "alice", True),
                ("twin", "alice", True), ("squeeze", "alice", True),
                ("full", "alice", False), ("kill", "carol", False),
                ("burn", None, True)):
            t = self.crown({"what": what, "who": who})
            self.finds(checker_mesh.crowns_explained, t, not sound,
                       (what, who))

    def test_crown_across_a_bad_line(self):
        """a bad line moves it where there are two hosts"""
        for what in BAD_LINES:
            for hosts in (1, 2):
                t = self.crown({"what": what}, hosts=hosts)
                self.finds(checker_mesh.crowns_explained, t, hosts == 1,
                           (what, hosts))

    def test_crown_in_time(self):
        """neither before the fault nor long after"""
        for at, sound in ((49.0, False), (51.0, True), (120.0, True),
                          (129.0, False)):
            t = self.crown({"what": "stop", "who": "alice"}, at=at)
            self.finds(checker_mesh.crowns_explained, t, not sound, at)

    def test_crown_at_the_beginning_and_the_end(self):
        """who has just begun looks around; in the end all are ended"""
        for ready, sound in ((20.0, True), (12.0, False)):
            t = Tale()
            t.kill("bob", 3.0, ready, "whole")
            t.last("fault").update(what="none")
            t.said("bob", "coordinator", "bob", ready + 0.1, life=2)
            t.said("bob", "coordinator", "alice", 22.0, life=2)
            self.finds(checker_mesh.crowns_explained, t, not sound, ready)
        for over, sound in ((19.0, True), (21.0, False)):
            t = Tale()
            t.said("bob", "coordinator", "bob", 20.0)
            t.add("ending", t=over)
            self.finds(checker_mesh.crowns_explained, t, not sound, over)

    def test_crown_lost_and_found(self):
        """to follow nobody is a move, too; the same one again is none"""
        t = Tale()
        t.said("bob", "coordinator", "alice", 20.0)
        self.right(t.end())
        t.said("bob", "uncrowned", "", 30.0)
        self.wrong(t, "crowns_explained")

    def test_crown_so_often(self):
        """a fault of one's own moves it twice as often as another's"""
        for who, moves, sound in (("alice", 2, True), ("alice", 3, False),
                                  ("bob", 4, True), ("bob", 5, False)):
            t = Tale()
            t.stop(who, 50.0, 53.0)
            for n in range(moves):
                t.said("bob", "coordinator", ("bob", "alice")[n % 2],
                       51.0 + n)
            self.finds(checker_mesh.crowns_explained, t, not sound,
                       (who, moves))

    # -- figures -----------------------------------------------------------
    def test_suspicions(self):
        """a suspicion is true where there was a reason for it"""
        for what, who, hosts, reason in (
                ("stop", "bob", 1, True), ("squeeze", "bob", 1, True),
                ("twin", "bob", 1, True), ("full", "bob", 1, False),
                ("stop", "alice", 1, False), ("cut", None, 2, True),
                ("cut", None, 1, False), ("reset", None, 2, True)):
            t = Tale(hosts=hosts)
            t.add("fault", what=what, who=who, t0=5.0, t1=8.0)
            t.said("alice", "suspect", "bob", 7.0)
            self.assertEqual(checker_mesh.suspicions(Story(t.lines)),
                             (int(reason), int(not reason)), (what, who))
        t = Tale()
        t.kill("bob", 5.0, 9.0)
        t.said("alice", "suspect", "bob", 6.0)
        t.said("alice", "suspect", "bob", 60.0)
        self.assertEqual(checker.check(t.end().lines)[1]
                         ["suspicions true, false"], "1, 1")

    def test_failover(self):
        """from the end of a coordinator until the last one follows another
        """
        t = Tale(names=TRIO)
        t.said("carol", "coordinator", "alice", 0.4)
        t.add("up", name="carol", id="44" * 16, life=1, state="new",
              port=5002, t0=0.0, t=0.1)
        t.kill("alice", 20.0, 40.0)
        t.said("bob", "coordinator", "bob", 20.5)
        t.said("carol", "coordinator", "bob", 21.25)
        t.said("carol", "coordinator", "alice", 41.0)
        seconds = checker_mesh.slowest_failover
        self.assertAlmostEqual(seconds(Story(t.lines)), 1.25)
        # Who was stopped meanwhile is no measure of it.
        t.stop("carol", 20.0, 21.2)
        self.assertAlmostEqual(seconds(Story(t.lines)), 0.5)
        # Nor is the end of somebody who did not lead, or another fault.
        t = Tale()
        t.kill("bob", 20.0, 40.0)
        t.said("alice", "coordinator", "bob", 25.0)
        self.assertEqual(seconds(Story(t.lines)), 0)
        t = Tale()
        t.stop("alice", 20.0, 25.0)
        t.said("bob", "coordinator", "bob", 21.0)
        self.assertEqual(seconds(Story(t.lines)), 0)


class End(Case):
    def ended(self, code, args=("list",), at="bob", t=57.0, **more):
        return dict(dict(by="p", at=at, life=1, args=list(args), code=code,
                         bytes=0, err="", where=0, t0=t - 1, t1=t), **more)

    def judged(self, fault, sound, **photo):
        t = Tale(names=TRIO, hosts=fault.pop("hosts", 1))
        if fault:
            t.add("fault", **dict(dict(who=None, t0=55.0, t1=58.0), **fault))
        t.add("photo", **self.ended(**photo))
        self.finds(checker_end.commands_end_well, t, not sound,
                   (fault, photo))

    def test_of_one_that_is_disturbed(self):
        """one daemon was asked, and could not: of others that is no excuse
        """
        stop = {"what": "stop", "who": "bob"}
        for code in (1, 4, 5, 7, 8, 9):
            self.judged(dict(stop), True, code=code)
            self.judged({"what": "stop", "who": "carol"}, False, code=code)
            self.judged(dict(stop), False, code=code, t=90.0)
        for code in (0, 3, 6):
            self.judged({}, True, code=code)
        for code in (2, 99, -6, None):
            self.judged(dict(stop), False, code=code)

    def test_of_the_whole_mesh(self):
        """some questions are of all, or of whoever holds a photo"""
        fault = {"what": "stop", "who": "carol"}
        for args in (("verify",), ("check", "x"), ("--json", "get", "x"),
                     ("add",), ("rescan",)):
            self.judged(dict(fault), True, code=8, args=args)
            self.judged(dict(fault), True, code=8, args=args, at=None)
            self.judged({}, False, code=8, args=args)
        for args in (("list",), ("peers",)):
            self.judged(dict(fault), False, code=8, args=args)
        for what in BAD_LINES + ("full",):
            self.judged({"what": what}, True, code=8, args=("verify",))
            self.judged({"what": what}, False, code=8, args=("verify",),
                        t=90.0)

    def test_of_whoever_answers(self):
        """of no one daemon: then all of this host must have been disturbed
        """
        t = Tale(names=FOUR, hosts=2)
        t.add("photo", **self.ended(5, at=None))
        for who, sound in (("alice", False), ("bob", False),
                           ("carol", True)):
            t.add("fault", what="stop", who=who, t0=55.0, t1=58.0)
            self.finds(checker_end.commands_end_well, t, not sound, who)
        t.last("photo")["where"] = 1
        self.finds(checker_end.commands_end_well, t, True)

    def test_a_report_of_the_client(self):
        """no excuse covers a report of a sanitizer"""
        for words in ("SUMMARY: AddressSanitizer: 8 bytes leaked",
                      "x.c:1: runtime error: shift"):
            for code in (0, 1):
                self.judged({"what": "stop", "who": "bob"}, False, code=code,
                            err=words)

    def test_failed_gets(self):
        """what did not come hashes to nothing"""
        t = Tale()
        t.add("get", at="bob", life=1, asked=ONE, got="", code=5, why="",
              t0=1.0, t1=1.1, by="f")
        t.add("got", by="p", asked=ONE, got=ONE, file="a.jpg", t=2.0)
        self.right(t.end())

    def test_not_answered_in_time(self):
        """not because of what was long before"""
        for t0, sound in ((52.0, True), (54.0, False)):
            t = Tale()
            t.stop("alice", 45.0, 51.0)
            t.add("fail", by="x", at="alice", life=1, t0=t0, t1=t0 + 1,
                  why="late")
            self.finds(checker_end.raw_clients_are_answered, t, not sound, t0)
        for what, sound in (("squeeze", True), ("twin", True),
                            ("full", False)):
            t = Tale()
            t.add("fault", what=what, who="alice", t0=45.0, t1=51.0)
            t.add("fail", by="x", at="alice", life=1, t0=50.0, t1=60.0,
                  why="late")
            self.finds(checker_end.raw_clients_are_answered, t, not sound,
                       what)

    def test_refused(self):
        """a state that cannot be written: exit 1, and why; nothing else"""
        for code, said, sound in ((1, "photod: Read-only file system", True),
                                  (1, "photod: no room", False),
                                  (0, "photod: Read-only file system", False),
                                  (-6, "photod: Read-only", False)):
            t = Tale()
            t.add("refused", name="bob", code=code, said=said, t=5.0)
            self.finds(checker_end.nobody_ended, t, not sound, (code, said))

    def test_not_at_rest_in_the_end(self):
        """complete, scanned and synced, all of them, and the record whole"""
        for more in ({"complete": False}, {"scanning": True},
                     {"syncing": True}):
            t = Tale().end()
            t.last("list").update(more)
            self.wrong(t, "all_equal_in_the_end")
        t = Tale().end()
        t.lines.remove(t.last("end"))
        self.wrong(t, "all_equal_in_the_end")
        t = Tale().end()
        t.last("list")["last"] = False
        self.wrong(t, "all_equal_in_the_end")

    def test_sizes_without_patience(self):
        """a short run does not wait for channels to be let go"""
        for patience, more, sound in ((60, 7, False), (60, 6, True),
                                      (0, 54, True), (0, 55, False)):
            t = Tale().end()
            t.last("size").update(patience=patience, descriptors=30 + more)
            self.finds(checker_end.nothing_leaked, t, not sound,
                       (patience, more))
        for threads, sound in ((24, True), (25, False)):
            t = Tale().end()
            t.last("size")["threads"] = threads
            self.finds(checker_end.nothing_leaked, t, not sound, threads)

    def test_more_of_a_kind(self):
        """of files two more are nothing, and nobody minds its log"""
        for name, more, sound in (("a.db", 2, True), ("a.db", 3, False),
                                  ("log-3-bob", 9, True)):
            t = Tale().end()
            for size in (x for x in t.lines if x["k"] == "size"):
                size["kinds"] = {name: 5 + more * (size["when"] == "after")}
            self.finds(checker_end.nothing_leaked, t, not sound,
                       (name, more))


if __name__ == "__main__":
    tap.main()
