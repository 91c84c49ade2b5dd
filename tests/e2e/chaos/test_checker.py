"""The checker of the long runs: records that must fail, a rule each.

A short sound story is told, which no rule finds fault with; then each lie is
put into it alone, and the rule whose affair it is, and no other, must see it.
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import checker  # noqa: E402
import checker_end  # noqa: E402
import checker_lists  # noqa: E402
import tap  # noqa: E402
from record import Record, read  # noqa: E402
from schedule import NAMES as EVERYBODY  # noqa: E402
from schedule import PORTS_A_HOST, plan  # noqa: E402
from story import Story  # noqa: E402
from tale import IDS, NAMES, ONE, THREE, TWO, A, B, Case, Tale  # noqa: E402


class Checker(Case):
    # -- lists -----------------------------------------------------------
    def test_sound(self):
        """a sound story is found sound, and its figures are counted"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.list("bob", 1.0, A, B)
        t.kill("bob", 2.0, 4.0)
        t.said("alice", "gone", "bob", 2.01)
        t.list("alice", 3.0, A, B, complete=False, age=1000)
        t.drop("alice", "a.jpg", ONE, 5.0)
        t.list("alice", 6.0, B)
        t.list("bob", 6.0, B, life=2)
        self.right(t.end(B))
        figures = checker.check(t.lines)[1]
        self.assertEqual(figures["kills (by state)"], "1 (kept 1)")
        self.assertEqual(figures["answers"], 7)

    def test_lost(self):
        """a photo that its holder still has leaves a list"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.list("alice", 2.0, A)
        self.wrong(t.end(), "nothing_lost")

    def test_lost_while_away(self):
        """a photo leaves a list because its holder is dead"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.kill("bob", 2.0, 9.0)
        t.list("alice", 3.0, A, complete=False, age=1000)
        self.wrong(t.end(), "nothing_lost")

    def test_lost_renamed(self):
        """a photo is missing while its file is renamed"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.hold("bob", "c.jpg", TWO, 2.0)
        t.drop("bob", "b.jpg", TWO, 2.0)
        t.list("alice", 2.1, A)
        self.wrong(t.end(A, ("bob", "c.jpg", TWO)), "nothing_lost")

    def test_not_lost(self):
        """who lost its catalogue may have to learn again; a deletion is one
        """
        t = Tale()
        t.list("bob", 1.0, A, B)
        t.kill("bob", 2.0, 3.0, "catalogue")
        t.list("bob", 3.1, B, life=2)
        t.drop("bob", "b.jpg", TWO, 4.0)
        t.list("bob", 4.1, A, life=2)
        t.list("bob", 5.0, A, life=2)
        self.right(t.end(A))

    def test_lost_behind_a_kept_state(self):
        """who kept its catalogue has nothing to learn again"""
        t = Tale()
        t.list("bob", 1.0, A, B)
        t.kill("bob", 2.0, 3.0)
        t.list("bob", 3.1, B, life=2, complete=False)
        self.wrong(t.end(), "nothing_lost")

    def test_back(self):
        """a deleted file comes back"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.drop("bob", "b.jpg", TWO, 2.0)
        t.list("alice", 3.0, A)
        t.list("alice", 30.0, A, B)
        t.list("alice", 31.0, A)
        self.wrong(t.end(A), "nothing_back")

    def test_back_from_a_restored_state(self):
        """... as a state that was put back shows it, until it has looked"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.drop("bob", "b.jpg", TWO, 2.0)
        t.list("alice", 3.0, A)
        t.kill("bob", 28.0, 29.0, "older")
        t.list("alice", 28.92, A, B)  # of who is about to say it is ready
        t.list("alice", 31.0, A)
        self.right(t.end(A))
        t.last("up").update(t0=28.99)
        self.wrong(t, "nothing_back")

    def test_back_from_a_copied_state(self):
        """... and as a daemon on a copy of a state shows it"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.drop("bob", "b.jpg", TWO, 28.1)
        t.list("alice", 28.5, A)
        t.add("fault", what="twin", who="bob", t0=28.0, t1=35.0)
        t.list("alice", 29.0, A, B)
        t.list("alice", 31.0, A)
        self.right(t.end(A))
        t.last("fault").update(who="alice")
        self.wrong(t, "nothing_back")

    def test_invented(self):
        """a photo is listed where it never was"""
        t = Tale()
        t.list("alice", 1.0, A, B, ("bob", "x.jpg", THREE))
        t.list("alice", 1.1, A, B)
        self.wrong(t.end(), "nothing_invented")

    def test_complete_while_away(self):
        """complete is said though a neighbour is dead"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        t.kill("bob", 22.0, 29.0)
        t.list("alice", 27.0, A, B, age=5000)
        self.wrong(t.end(), "complete_is_true")

    def test_complete_by_word_of_sleepers(self):
        """who was not there when one was killed has no proof of it"""
        t = Tale()
        t.kill("bob", 22.0, 50.0)
        t.kill("alice", 23.0, 26.0)
        t.list("alice", 30.0, A, B, age=5000, life=2)
        self.right(t.end())

    def test_complete_of_a_life_slept_through(self):
        """nor has who was asleep as long as that life lasted"""
        t = Tale()
        t.kill("bob", 22.0, 23.0)
        t.add("down", name="bob", life=2, how="kill", t0=30.0, t=30.1)
        t.add("up", name="bob", id=IDS["bob"], life=3, port=5001,
              state="kept", t0=59.0, t=60.0)
        t.stop("alice", 21.0, 33.0)
        t.list("alice", 34.0, A, B, age=13000)
        self.right(t.end())
        t.last("fault", who="alice").update(t0=28.0)
        self.wrong(t, "complete_is_true")

    def test_complete_while_stopped(self):
        """complete is said though a node has been silent for long"""
        t = Tale()
        t.stop("bob", 2.0, 30.0)
        t.list("alice", 20.0, A, B, age=18000)
        self.wrong(t.end(), "complete_is_true")

    def test_complete_after_a_sleep(self):
        """who was stopped itself may judge later by as long"""
        t = Tale()
        t.stop("bob", 30.0, 80.0)
        t.stop("alice", 31.0, 41.0)
        t.list("alice", 45.0, A, B, age=15000)
        self.right(t.end())
        t.last("fault", who="alice").update(t1=32.0)
        self.wrong(t, "complete_is_true")

    def test_complete_by_word_from_afar(self):
        """by the word of a sleeper on the other host a silent one is live for
        as long as it slept; nobody's word comes across a cut"""
        for fault, slept, sound in (("stop", 8.0, True), ("stop", 1.0, False),
                                    ("cut", 8.0, False)):
            t = Tale(hosts=2, names=("alice", "carol", "bob", "dave"))
            if fault == "stop":
                t.stop("bob", 30.0, 80.0)
            else:
                t.add("fault", what=fault, who=None, t0=30.0, t1=80.0)
            t.stop("dave", 31.0, 31.0 + slept)
            t.list("alice", 45.0, A, B, age=15000)
            wrong = checker_lists.complete_is_true(Story(t.lines))
            self.assertEqual(not wrong, sound, (fault, slept, wrong))

    def test_complete_by_word_before_a_cut(self):
        """who is cut off is believed until it is gone itself"""
        for cut, sound in ((38.0, True), (20.0, False)):
            t = Tale(hosts=2, names=("alice", "carol", "bob", "dave"))
            t.stop("bob", 30.0, 80.0)
            t.add("fault", what="cut", who=None, t0=cut, t1=cut + 5)
            t.list("alice", 49.0, A, B, age=19000)
            wrong = checker_lists.complete_is_true(Story(t.lines))
            self.assertEqual(not wrong, sound, wrong)

    def test_complete_across_a_cut(self):
        """complete is said though the other host is cut off"""
        t = Tale(hosts=2)
        t.add("fault", what="cut", who=None, t0=2.0, t1=30.0)
        t.list("alice", 20.0, A, B, age=18000)
        self.wrong(t.end(), "complete_is_true")

    def test_goodbye_into_a_cut(self):
        """a goodbye that a cut held back may be all that is known"""
        t = Tale(hosts=2)
        t.add("fault", what="cut", who=None, t0=20.0, t1=40.0)
        t.add("down", name="bob", life=1, how="end", t0=22.0, t=22.1)
        t.add("up", name="bob", id=IDS["bob"], life=2, port=5001,
              state="kept", t0=24.0, t=25.0)
        t.add("down", name="bob", life=2, how="kill", t0=26.0, t=26.1)
        t.add("up", name="bob", id=IDS["bob"], life=3, port=5001,
              state="kept", t0=79.0, t=80.0)
        t.list("alice", 60.0, A, B)
        self.right(t.end())
        # Without the cut there is no excuse.
        t.last("fault").update(t0=1.0, t1=2.0)
        self.wrong(t, "complete_is_true", "ages_grow")

    def test_age(self):
        """an age is less than how long a node has been cut off"""
        t = Tale()
        t.kill("bob", 2.0, 30.0)
        t.list("alice", 20.0, A, B, complete=False, age=9000)
        self.wrong(t.end(), "ages_grow")

    def test_age_of_who_goes_on(self):
        """an age of nothing, of one that is stopped; not of one woken then"""
        for sure1, sound in ((20.2, False), (20.0, True)):
            t = Tale()
            t.stop("bob", 14.0, 20.2)
            t.last("fault").update(sure0=14.0, sure1=sure1)
            t.list("alice", 20.1, A, B, complete=False, age=200)
            if sound:
                self.right(t.end())
            else:
                self.wrong(t.end(), "ages_grow")

    def test_age_of_who_left(self):
        """who said goodbye makes no answer old"""
        t = Tale()
        t.add("down", name="bob", life=1, how="end", t0=2.0, t=2.1)
        t.add("up", name="bob", id=IDS["bob"], life=2, port=5001,
              state="kept", t0=29.0, t=30.0)
        t.list("alice", 20.0, A, B)
        self.right(t.end())

    def test_complete_lacks(self):
        """complete is said without what another listed long before"""
        t = Tale()
        t.hold("bob", "c.jpg", THREE, 1.0)
        c = ("bob", "c.jpg", THREE)
        t.list("bob", 2.0, A, B, c)
        t.list("alice", 20.0, A, B)
        self.wrong(t.end(A, B, c), "complete_has_all")
        # Not yet, or not known to be: that is lawful.
        for lawful in ({"complete": False}, {"age": 17500}):
            t.lines[-1:] = []
            t.last("list", by="askeralice").update(lawful)
            t.add("end", t=901.0)
            self.right(t)
            t.last("list", by="askeralice").update(complete=True, age=100)

    # -- nodes -----------------------------------------------------------
    def test_false_gone(self):
        """a node that was slow for less than the limit is called gone"""
        t = Tale()
        t.stop("bob", 2.0, 10.0)
        t.said("alice", "suspect", "bob", 3.0)
        self.right(t.end())
        t.said("alice", "gone", "bob", 10.0)
        self.wrong(t, "no_false_gone")

    def test_gone_while_asleep(self):
        """who was stopped hears later of the dead, but not of the slow"""
        t = Tale()
        t.stop("alice", 30.0, 50.0)
        t.kill("bob", 32.0, 33.0)
        t.said("alice", "gone", "bob", 50.5)
        self.right(t.end())
        t.said("alice", "gone", "bob", 66.0)
        self.wrong(t, "no_false_gone")

    def test_gone_of_a_twin(self):
        """a twin came and went while one was stopped; without it none did"""
        t = Tale()
        t.stop("alice", 30.0, 50.0)
        t.add("fault", what="twin", who="bob", t0=28.0, t1=34.0)
        t.said("alice", "gone", "bob", 50.1)
        self.right(t.end())
        t.last("fault").update(t0=8.0, t1=14.0)
        self.wrong(t, "no_false_gone")

    def test_gone_of_a_former_identity(self):
        """an identity that was lost is gone for good, its heir is not"""
        t = Tale()
        t.kill("bob", 2.0, 4.0, "whole", new="new bob")
        t.drop("bob", "b.jpg", TWO, 60.0)
        t.said("alice", "gone", "bob", 51.0)
        event = t.add("event", at="alice", life=1, t=51.0, event="peer-gone",
                      node=IDS["bob"], photo="")
        self.right(t.end(A, ids={"bob": IDS["new bob"]}))
        event["node"] = IDS["new bob"]
        self.wrong(t, "no_false_gone")
        # Both within moments: a line is of the event that is next to it.
        t.add("event", at="alice", life=1, t=51.01, event="peer-gone",
              node=IDS["bob"], photo="")
        self.wrong(t, "no_false_gone")
        event["t"] = 52.2
        self.right(t)

    def test_true_gone(self):
        """a node that was silent for longer is gone, and a dead one"""
        t = Tale()
        t.stop("bob", 2.0, 20.0)
        t.said("alice", "gone", "bob", 12.0)
        t.kill("bob", 50.0, 60.0)
        t.said("alice", "gone", "bob", 50.1)
        self.right(t.end())
        t.said("alice", "gone", "bob", 66.0, life=1)
        self.wrong(t, "no_false_gone")

    def test_crown(self):
        """the crown moves and no fault explains it"""
        t = Tale()
        t.stop("alice", 50.0, 53.0)
        t.said("bob", "coordinator", "bob", 51.0)
        t.said("bob", "coordinator", "alice", 54.0)
        self.right(t.end())
        t.said("bob", "coordinator", "bob", 20.0)
        self.wrong(t, "crowns_explained")

    def test_crown_flaps(self):
        """one fault does not explain that the crown moves without end"""
        t = Tale()
        t.stop("alice", 50.0, 53.0)
        for n in range(8):
            t.said("bob", "coordinator", NAMES[n % 2 == 0], 51.0 + n)
        self.wrong(t.end(), "crowns_explained")

    def test_crown_of_a_moment(self):
        """words that came all at once make nobody lead; a second does"""
        for apart, judge in ((0.001, self.right), (1.0, self.wrong)):
            t = Tale()
            for n in range(6):
                t.said("bob", "coordinator", NAMES[n % 2 == 0],
                       20.0 + n * apart)
            judge(t.end(), *(["crowns_explained"] * (judge == self.wrong)))

    # -- the rest --------------------------------------------------------
    def test_fetched(self):
        """what was fetched is something else"""
        t = Tale()
        get = t.add("get", at="bob", life=1, asked=ONE, got=ONE, code=0,
                    why="", t0=1.0, t1=1.1, by="f")
        self.right(t.end())
        get["got"] = TWO
        self.wrong(t, "fetched_is_what_was_asked")
        get["got"] = ONE
        t.add("got", by="p", asked=ONE, got=TWO, file="a.jpg", t=2.0)
        self.wrong(t, "fetched_is_what_was_asked")

    def test_not_answered(self):
        """a daemon that is well does not answer"""
        t = Tale()
        t.stop("alice", 49.0, 51.0)
        t.add("fail", by="x", at="alice", life=1, t0=49.5, t1=59.5, why="late")
        self.right(t.end())
        t.add("fail", by="x", at="alice", life=1, t0=70.0, t1=80.0, why="late")
        self.wrong(t, "raw_clients_are_answered")

    def test_commands(self):
        """photo crashes, hangs, or fails though somebody could answer"""
        for code, args in ((-11, ["list"]), (99, ["list"]), (None, ["list"]),
                           (5, ["list"]), (1, ["show"]), (8, ["verify"])):
            t = Tale()
            t.add("photo", by="p", at=None, life=None, args=args, code=0,
                  bytes=0, err="", where=0, t0=5.0, t1=5.1)
            t.stop("alice", 4.0, 6.0)
            self.right(t.end())
            if args[0] == "verify":  # that one asks everybody
                t.last("photo").update(t0=50.0, t1=58.0)
            t.last("photo").update(code=code, args=args)
            self.wrong(t, "commands_end_well")

    def test_watch_ends(self):
        """photo watch ends by itself"""
        t = Tale()
        t.add("loose", where=0, code=None, lines=3, err="")
        self.right(t.end())
        t.last("loose")["code"] = 5
        self.wrong(t, "commands_end_well")

    def test_ended(self):
        """a daemon ends, reports, says that its database is damaged"""
        for kind, fields in (
                ("ended", {"name": "bob", "code": -6}),
                ("report", {"at": "bob", "said": "AddressSanitizer"}),
                ("said", {"at": "bob", "life": 1, "what": "damaged",
                          "about": "the catalogue"}),
                ("said", {"at": "bob", "life": 1, "what": "unlawful",
                          "about": "alice"}),
                ("said", {"at": "bob", "life": 1, "what": "unequal",
                          "about": "alice"}),
                ("refused", {"name": "bob", "code": 0, "said": ""}),
                ("trouble", {"by": "x", "what": "y"}),
                ("unsettled", {"number": 1, "what": "z"})):
            t = Tale()
            t.add(kind, t=5.0, **fields)
            self.wrong(t.end(), "nobody_ended")

    def test_given_up(self):
        """of a run that was given up only that is told, not what its end
        did to who was asking"""
        for t, more in ((60.0, ()), (40.0, ("commands_end_well",))):
            tale = Tale()
            tale.add("unsettled", number=1, what="z", t=50.0)
            tale.add("photo", by="p", at="bob", life=1, args=["show", "x"],
                     code=5, bytes=0, err="", where=0, t0=t - 1, t1=t)
            self.wrong(tale.end(), "nobody_ended", *more)

    def test_touched(self):
        """a folder is not as its owner left it: time, bytes, mode, a name"""
        for other in ({"61": [33188, 6, "00"]}, {"61": [33188, 5, "01"]},
                      {"61": [33184, 5, "00"]}, {},
                      {"61": [33188, 5, "00"], "62": [33188, 5, "00"]}):
            t = Tale().end()
            t.last("found", name="bob")["files"] = other
            self.wrong(t, "folders_untouched")

    def test_unequal_in_the_end(self):
        """a list lacks something in the end, or has more than the disk"""
        self.wrong(Tale().end(A), "all_equal_in_the_end")
        t = Tale()
        t.hold("bob", "c.jpg", THREE, 1.0)
        self.wrong(t.end(), "all_equal_in_the_end")
        t = Tale().end()
        t.last("verified")["bad"] = "unequal"
        self.wrong(t, "all_equal_in_the_end")
        t = Tale().end()
        t.last("list")["complete"] = False
        self.wrong(t, "all_equal_in_the_end")

    def test_never_ended(self):
        """a run that did not come to its end is no sound run"""
        t = Tale()
        t.list("alice", 1.0, A, B)
        self.wrong(t, "all_equal_in_the_end")

    def test_leaks(self):
        """memory, descriptors, threads that do not come back"""
        for what, much in (("rss", 90 << 20), ("descriptors", 60),
                           ("threads", 40)):
            for build in ("build-release", "build-ubsan"):
                t = Tale(build=build).end()
                t.last("size")[what] = much
                self.wrong(t, "nothing_leaked")
        # Freed, and kept to find who uses it once more.
        t = Tale(build="build-asan").end()
        t.last("size")["rss"] = 90 << 20
        self.right(t)

    def test_leaks_by_kind(self):
        """a file that stays open beside sockets that do not; sockets"""
        for after, sound in (({"socket": 18, "a.db": 5}, True),
                             ({"socket": 9, "a.db": 8}, False),
                             ({"socket": 19, "a.db": 5}, False)):
            t = Tale().end()
            for size in (x for x in t.lines if x["k"] == "size"):
                size["kinds"] = ({"socket": 12, "a.db": 5}
                                 if size["when"] == "before" else after)
                size["descriptors"] = sum(size["kinds"].values())
            wrong = checker_end.nothing_leaked(Story(t.lines))
            self.assertEqual(not wrong, sound, (after, wrong))

    # -- what it stands on -----------------------------------------------
    def test_record(self):
        """what is recorded is read again as it was"""
        fd, path = tempfile.mkstemp()
        os.close(fd)
        try:
            r = Record(path)
            r.write("run", names=NAMES, hosts=1, seed=1)
            r.write("up", name="alice", id="11", life=1, state="new",
                    port=5000, t0=0.0, t=0.1)
            seen = [{("11", "61", ONE)}, {("11", "61", ONE),
                                          ("11", "62", TWO)},
                    {("11", "62", TWO)}, set()]
            for n, copies in enumerate(seen):
                r.listed("x", copies, at="alice", life=1, node="11", t0=n,
                         t1=n)
            r.close()
            story = Story(read(path))
            self.assertEqual([{story.copies[n] for n in now} for _, now in
                              story.lists()], seen)
        finally:
            os.unlink(path)

    def test_schedule(self):
        """a seed is a schedule, and another seed another one"""
        def lines(*args):
            return [f.line() for f in plan(*args)]
        self.assertEqual(lines(5, 1, 75), lines(5, 1, 75))
        self.assertNotEqual(lines(5, 1, 75), lines(6, 1, 75))
        self.assertNotEqual(lines(5, 1, 75), lines(5, 2, 75))
        kinds = {f.what for n in range(40) for f in plan(n, 1, 75, 2)}
        self.assertGreaterEqual(kinds, {
            "kill", "stop", "end", "twin", "squeeze", "full", "readonly",
            "burn", "cut", "oneway", "unplug"})
        kinds = {f.what for n in range(40) for f in plan(n, 1, 75, 2, True)}
        self.assertGreaterEqual(kinds, {"delay", "rate", "stall", "half",
                                        "reset"})
        # A daemon may find its port taken by a twin; none is without one.
        for n in range(200):
            twins = [f for f in plan(n, 1, 75, 2, True) if f.what == "twin"
                     and f.who in EVERYBODY[4:]]
            for f in twins:
                self.assertLessEqual(4 + sum(
                    o.at <= f.at < o.at + o.seconds for o in twins),
                    PORTS_A_HOST)
        # One node has one fault at a time.
        for n in range(40):
            until = {}
            for f in plan(n, 1, 75):
                self.assertGreaterEqual(f.at, until.get(f.who, 0))
                if f.who:
                    until[f.who] = f.at + f.seconds


if __name__ == "__main__":
    tap.main()
