"""Crash safety of the program: killed at every commit and announcement.

A daemon built with test hooks is told where to die (PHOTOMESH_KILL=place:k: at
the k-th passing of that place, by SIGKILL).  While it works, its folder and a
peer's are changed; then it dies, is started again, and all must be as if it had
only been slow: lists equal the disk, replicas are equal and recomputed, no number
of its stream was used twice, its peer was never ahead of it, and it began a new
life only where it cannot know what it has said.

PM_CRASH_ALL=1: every place at every k until one survives; else some of them.
"""
import json
import os
import shutil
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import tap  # noqa: E402
from mesh import BUILD, SAMPLE, Mesh, wait_until  # noqa: E402
from talk import Client, one_mesh, settle  # noqa: E402

ALL = bool(os.environ.get("PM_CRASH_ALL"))
K_MAX = 60  # a place that is passed so often in one round is enough

# What must never be in a log: somebody was ahead of the one that died, or two
# rows had one number.
AHEAD = "others know more of us"
UNEQUAL = "differs; mending it"


def gif(n):
    return (b"GIF89a%d" % n).ljust(60, b".")


def write(folder, name, data):
    """All at once, as a file manager would."""
    hidden = os.path.join(folder, "." + name + ".part")
    with open(hidden, "wb") as f:
        f.write(data)
    os.rename(hidden, os.path.join(folder, name))


def listed(mesh, d):
    """(node, path) of every copy."""
    with Client(mesh, d.port) as c:
        return sorted((row[0], os.fsdecode(row[1])) for _, rows in
                      c.photos().values() for row in rows)


def stream(mesh, asked, name):
    """Generation and head of somebody's stream as `asked` holds it."""
    with Client(mesh, asked.port) as c:
        return [(p["generation"], p["head"]) for p in c.peers()
                if p["node"][1] == name][0]


def states(mesh, name):
    top = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
    return [os.path.join(top, d) for d in sorted(os.listdir(top))
            if d.startswith(name + "-")]


class Pair:
    """A peer that stays, and the one that dies."""

    def __init__(self, case, photos=(), args=()):
        self.case, self.args, self.serial = case, list(args), 0
        self.mesh = Mesh()
        self.mesh.__enter__()
        case.addCleanup(self.mesh.__exit__, None, None, None)
        self.folders = {"peer": self.mesh.folder("peer"),
                        "victim": self.mesh.folder("victim")}
        for n in range(3):
            write(self.folders["peer"], "p%d.gif" % n, gif(n))
            write(self.folders["victim"], "v%d.gif" % n, gif(100 + n))
        for path in photos:
            shutil.copy2(path, self.folders["victim"])
        self.peer = self.mesh.start(self.folders["peer"])
        self.kills = 0

    def start(self, place=None, k=0, wait=True):
        env = {"PHOTOMESH_GRACE_MS": "100"}
        if place is not None:
            env["PHOTOMESH_KILL"] = "%s:%d" % (place, k)
        return self.mesh.start(self.folders["victim"], *self.args, env=env,
                               wait=wait)

    def on_disk(self):
        return sorted((n, f) for n, folder in self.folders.items()
                      for f in os.listdir(folder))

    def change(self):
        """Something comes, something goes, on both sides."""
        self.serial += 1
        for n, (who, folder) in enumerate(self.folders.items()):
            write(folder, "%s-%d.gif" % (who, self.serial),
                  gif(1000 * (n + 1) + self.serial))
            gone = os.path.join(folder, "%s-%d.gif" % (who, self.serial - 1))
            if os.path.exists(gone):
                os.unlink(gone)

    def at_rest(self, d):
        try:
            return one_mesh(self.mesh, [self.peer, d], verify=False) is None \
                and listed(self.mesh, d) == self.on_disk()
        except OSError:
            return False  # it has just died

    def die(self, place, k, surely=False):
        """True: it died there.  Else it came through all there was to do, but
        that is not waited for when it will surely die."""
        d = self.start(place, k, wait=False)

        def dead():
            return not d.alive()
        wait_until(lambda: dead() or d.port is not None,
                   "%s:%d: ready, or dead" % (place, k))
        self.change()
        wait_until(lambda: dead() or (not surely and self.at_rest(d)),
                   "%s:%d: at rest, or dead" % (place, k))
        died = dead()
        if not died:
            d.kill()
        self.case.assertEqual(d.process.wait(), -signal.SIGKILL, d.log())
        self.case.assertNotIn(AHEAD, d.log())
        self.kills += died
        return died

    def whole(self, what, new_life=None, since=None):
        """Started again it is whole; its generation.  new_life: None, may it
        have begun one; else whether it must have, and since which one (of what
        its peer holds, if not said)."""
        try:
            before = stream(self.mesh, self.peer, "victim")
        except IndexError:
            before = (0, 0)  # never met
        d = self.start()
        wait_until(lambda: self.at_rest(d), what)
        settle(self.mesh, [self.peer, d])
        case, mesh = self.case, self.mesh
        case.assertEqual(listed(mesh, d), self.on_disk(), what)
        case.assertEqual(listed(mesh, self.peer), self.on_disk(), what)
        own, held = (stream(mesh, x, "victim") for x in (d, self.peer))
        case.assertEqual(own, held, what)
        # The peer was not ahead of what is there now, and it all goes on.
        case.assertGreaterEqual(own, before, what)
        if new_life is not None:
            was = since if since is not None else before[0]
            case.assertEqual(own[0] > was, new_life or not was, what)
        case.assertNotIn(UNEQUAL, self.peer.log() + d.log(), what)
        # A directory that died before it said whose it is, is nobody's.
        case.assertEqual([f for s in states(mesh, "victim")
                          if os.path.exists(os.path.join(s, "roots"))
                          for f in os.listdir(s) if f.endswith(".tmp")], [],
                         what)
        # Nor need it be told: what it cannot know of itself, it knows.
        case.assertNotIn(AHEAD, d.log(), what)
        with Client(mesh, d.port) as c:
            case.assertEqual(len(c.peers()), 2, what)
        d.kill()
        return own[0]


class Crash(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(BUILD, "meson-info",
                               "intro-buildoptions.json")) as f:
            hooks = [o["value"] for o in json.load(f)
                     if o["name"] == "test_hooks"]
        if hooks != [True]:
            self.skipTest("photod is built without test hooks")

    def each(self, pair, place, some, new_life=False):
        """Die at that place: at some of its passings, or at each."""
        deaths = 0
        for k in range(1, K_MAX) if ALL else some:
            died = pair.die(place, k)
            pair.whole("%s:%d" % (place, k), new_life)
            deaths += died
            if not died:
                break
        self.assertGreater(deaths, 0, place)
        print("# %s: %d deaths" % (place, deaths))

    def test_commits(self):
        """killed before and after commits of own changes"""
        pair = Pair(self)
        # The first two are the start's own, before and after its stamps.
        pair.die("", 0)
        self.each(pair, "before_commit", (1, 3))
        self.each(pair, "after_commit", (1, 2, 3), None)
        self.each(pair, "run", (1,), None)

    def test_announcements(self):
        """killed between a commit and its announcement, and behind that"""
        pair = Pair(self)
        pair.die("", 0)
        self.each(pair, "own_written", (1, 2))
        self.each(pair, "before_announce", (1,))
        self.each(pair, "after_announce", (1, 2))

    def test_pages(self):
        """killed at pages of a replica"""
        pair = Pair(self)
        self.each(pair, "before_page_commit", (1,))
        self.each(pair, "after_page_commit", (1,))
        self.each(pair, "stored", (1, 2))

    def test_metas(self):
        """killed as it learns what is in photos"""
        if not os.path.exists(os.path.join(BUILD, "daemon", "photo-decode")):
            self.skipTest("no photo-decode here")
        pair = Pair(self, [os.path.join(SAMPLE, "alice", "mountains.jpg")],
                    ["--decoders", "1"])
        # What was not learnt is due at the next start, and every file that
        # comes has something to be learnt of.
        for place in ("before_meta_commit", "after_meta_commit"):
            for _ in range(2):
                pair.die(place, 1, surely=True)
                pair.whole(place, False)

    def test_first_start(self):
        """killed as it makes its key, its directory, its identity"""
        for place, some in (("file_written", (1, 3)), ("file_named", (2,)),
                            ("before_commit", (1,)), ("after_commit", (1,)),
                            ("run", (1,))):
            deaths = 0
            for k in range(1, K_MAX) if ALL else some:
                pair = Pair(self)
                if not pair.die(place, k):
                    break
                deaths += 1
                pair.whole("first start, %s:%d" % (place, k), None)
            self.assertGreater(deaths, 0, place)

    def test_copied(self):
        """killed as a copied directory begins its new life"""
        for place, some in (("file_written", (1,)), ("file_named", (1,)),
                            ("before_commit", (1,)), ("after_commit", (1,))):
            for k in range(1, K_MAX) if ALL else some:
                pair = Pair(self)
                pair.whole("first")
                mine, = states(pair.mesh, "victim")
                shutil.copytree(mine, mine + ".yesterday")
                for _ in range(2):
                    pair.change()
                    since = pair.whole("more", False)
                shutil.rmtree(mine)
                os.rename(mine + ".yesterday", mine)
                if not pair.die(place, k):
                    break
                pair.whole("copied, %s:%d" % (place, k), True, since)

    def test_moved_aside(self):
        """killed as a damaged database is moved aside"""
        pair = Pair(self)
        since = pair.whole("first")
        for k in range(1, 4):
            mine, = states(pair.mesh, "victim")
            # All in one file: a log beside it would mend what is spoilt.
            self.assertEqual(pair.start().end(), 0)
            with open(os.path.join(mine, "catalogue.db"), "r+b") as f:
                f.write(b"no database" * 100)
            self.assertTrue(pair.die("aside", k), k)
            since = pair.whole("aside:%d" % k, True, since)

    def test_forget(self):
        """killed as it forgets a node"""
        for place, k in (("before_commit", 1), ("after_commit", 1),
                         ("ended", 1)):
            pair = Pair(self)
            third = pair.mesh.folder("third")
            write(third, "t.gif", gif(7777))
            d = pair.start()
            t = pair.mesh.start(third)
            settle(pair.mesh, [pair.peer, d, t], 7)
            t.kill()
            wait_until(lambda: any(p["state"] == "gone" for p in
                                   pair.mesh.peers(d)), "the third to be gone")
            d.kill()
            # At rest, so that the next commit is the one that forgets.
            d = pair.start("nowhere", 1)
            wait_until(lambda: d.photo("--json", "status").json[0]["live"] == 2,
                       "two of them")
            d.rested()
            d.kill()
            d = pair.start(place, k + (0 if place == "ended" else 1))
            wait_until(lambda: not d.alive() or len(
                pair.mesh.peers(d)) == 3, "to know of three")
            d.photo("forget", "third", "--yes")
            wait_until(lambda: not d.alive() or place == "ended" or
                       len(pair.mesh.peers(d)) == 2, "%s:%d" % (place, k))
            if d.alive():
                d.kill()
            d.process.wait()
            d = pair.start()
            wait_until(lambda: d.photo("--json", "status").json[0]["live"] == 2,
                       "two of them again")
            # Whatever it had done of it: asked again, it is done.
            if len(pair.mesh.peers(d)) == 3:
                self.assertEqual(d.photo("forget", "third", "--yes").code, 0)
            settle(pair.mesh, [pair.peer, d], 6)
            wait_until(lambda: len(pair.mesh.peers(pair.peer)) == 2,
                       "the peer to forget it, too")
            self.assertEqual(listed(pair.mesh, pair.peer), pair.on_disk())


if __name__ == "__main__":
    tap.main()
