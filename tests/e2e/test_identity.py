"""Identity and state: lost, damaged, restored, copied, renamed, moved.

After each: no ghost node, no copy twice, all replicas provably equal, and a
client that asks another daemon all the while never sees a photo missing.
"""
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import SAMPLE, Mesh, wait_until  # noqa: E402
from talk import Client, settle  # noqa: E402

PHOTOS, COPIES = 26, 33  # of the three sample folders together


class Lister(threading.Thread):
    """Lists on one daemon without pause; notes what was ever missing."""

    def __init__(self, mesh, daemon):
        super().__init__(daemon=True)
        self.mesh, self.daemon = mesh, daemon
        with Client(mesh, daemon.port) as c:
            self.expected = set(c.photos())
        self.fewest_copies = 1 << 30
        self.answers, self.wrong = 0, []
        self.ending = threading.Event()
        self.start()

    def run(self):
        with Client(self.mesh, self.daemon.port) as c:
            while not self.ending.is_set():
                try:
                    photos = c.photos()
                except OSError as e:
                    self.wrong.append(e)
                    return
                self.answers += 1
                copies = sum(len(rows) for _, rows in photos.values())
                self.fewest_copies = min(self.fewest_copies, copies)
                if self.expected - set(photos):
                    self.wrong.append("%.3f: %d photos missing at answer %d" % (
                        time.time() % 60, len(self.expected - set(photos)),
                        self.answers))
                self.ending.wait(0.002)

    def end(self):
        self.ending.set()
        self.join()
        assert self.answers > 0
        assert not self.wrong, self.wrong[:5]
        return self


def state_dirs(mesh, prefix=""):
    top = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
    return sorted(os.path.join(top, d) for d in os.listdir(top)
                  if d.startswith(prefix))


def files_of(state, prefix):
    return [os.path.join(state, f) for f in os.listdir(state)
            if f.startswith(prefix)]


def node_id(mesh, d):
    with Client(mesh, d.port) as c:
        return c.welcome["node"]


def generation(mesh, asked, node):
    with Client(mesh, asked.port) as c:
        return [p["generation"] for p in c.peers() if p["node"][0] == node][0]


class Identity(unittest.TestCase):
    def trio(self, mesh):
        daemons = mesh.start_samples()
        settle(mesh, daemons, PHOTOS)
        return daemons

    def again(self, mesh, folder, *args, **kw):
        return mesh.start(os.path.join(mesh.dir, "photos", folder), *args,
                          **kw)

    def renewed(self, mesh, twin, first):
        """Await that it has become another node; it may change its port."""
        def port():
            return [p["port"] for p in mesh.peers(first)
                    if p["state"] == "live" and p["name"].startswith(
                        "alice~") and not p["self"]]
        twin.port = wait_until(port, "the later one to take a new identity")[0]

    def whole(self, mesh, daemons, copies=COPIES, photos=PHOTOS, nodes=None):
        """Settled; as many nodes known as there are; each copy once."""
        settle(mesh, daemons, photos)
        for d in daemons:
            with Client(mesh, d.port) as c:
                peers = c.peers()
                self.assertEqual(len(peers), nodes or len(daemons),
                                 [p["node"][1] for p in peers])
                listed = c.photos()
                self.assertEqual(sum(n for n, _ in listed.values()), copies)
                for n, rows in listed.values():
                    self.assertEqual(len(rows), len(set(rows)))
                s = c.status()
                self.assertEqual(s["copies"], copies)
        self.assertEqual(daemons[0].photo("verify").code, 0)

    def test_database_deleted(self):
        """catalogue deleted: same node, new generation, nothing blinks"""
        with Mesh() as mesh:
            a, b, c = self.trio(mesh)
            me = node_id(mesh, a)
            before = generation(mesh, b, me)
            lister = Lister(mesh, b)
            a.kill()
            for f in files_of(state_dirs(mesh, "alice")[0], "catalogue"):
                os.unlink(f)
            a = self.again(mesh, "alice")
            self.whole(mesh, [a, b, c])
            lister.end()
            self.assertEqual(node_id(mesh, a), me)
            self.assertGreater(generation(mesh, b, me), before)
            self.assertEqual(lister.fewest_copies, COPIES)
            print("# %d lists meanwhile, at least %d copies in each" %
                  (lister.answers, lister.fewest_copies))

    def test_database_corrupt(self):
        """catalogue corrupt: moved aside, rebuilt; nothing blinks"""
        with Mesh() as mesh:
            a, b, c = self.trio(mesh)
            me = node_id(mesh, a)
            state = state_dirs(mesh, "alice")[0]
            for n, (at, junk) in enumerate([(0, b"not a database" * 300),
                                            (4096, b"\xa5" * 8192),
                                            (8192, None)], 1):
                lister = Lister(mesh, b)
                a.end()
                with open(os.path.join(state, "catalogue.db"), "r+b") as f:
                    f.seek(at)
                    if junk is None:
                        f.truncate()
                    else:
                        f.write(junk)
                a = self.again(mesh, "alice")
                self.whole(mesh, [a, b, c])
                lister.end()
                self.assertEqual(node_id(mesh, a), me)
                kept = [os.path.basename(f) for f in
                        files_of(state, "catalogue.corrupt-")]
                self.assertIn("catalogue.corrupt-%d" % n, kept)
                self.assertIn("is damaged", a.log())

    def test_database_restored(self):
        """catalogue restored from an earlier copy: converges, nothing blinks
        """
        with Mesh() as mesh:
            daemons = [mesh.start(mesh.sample(n), "--rescan-interval", "0")
                       for n in ("alice", "bob", "carol")]
            settle(mesh, daemons, PHOTOS)
            a, b, c = daemons
            me = node_id(mesh, a)
            before = generation(mesh, b, me)
            state = state_dirs(mesh, "alice")[0]
            folder = os.path.join(mesh.dir, "photos", "alice")
            for name in ("whole state", "the database alone"):
                a.end()
                shutil.rmtree(mesh.dir + "/yesterday", ignore_errors=True)
                shutil.copytree(state, mesh.dir + "/yesterday")
                a = self.again(mesh, "alice")
                settle(mesh, [a, b, c])
                # Today: one more photo.
                mesh.unguard(folder)
                extra = os.path.join(folder, "%s.gif" % name)
                shutil.copy(os.path.join(SAMPLE, "bob", "bird.gif"), extra)
                with open(extra, "ab") as f:
                    f.write(name.encode())
                self.assertEqual(a.photo("rescan").code, 0)
                settle(mesh, [a, b, c], PHOTOS + 1)
                lister = Lister(mesh, b)  # of today's photo as well
                a.end()
                if name == "whole state":
                    shutil.rmtree(state)
                    shutil.copytree(mesh.dir + "/yesterday", state)
                else:
                    for f in files_of(state, "catalogue"):
                        os.unlink(f)
                    for f in files_of(mesh.dir + "/yesterday", "catalogue"):
                        shutil.copy2(f, state)
                a = self.again(mesh, "alice")
                self.whole(mesh, [a, b, c], COPIES + 1, PHOTOS + 1)
                lister.end()
                self.assertEqual(node_id(mesh, a), me)
                wait_until(lambda: generation(mesh, b, me) > before,
                           "a new generation")
                self.whole(mesh, [a, b, c], COPIES + 1, PHOTOS + 1)
                before = generation(mesh, b, me)
                os.unlink(extra)
                self.assertEqual(a.photo("rescan").code, 0)
                self.whole(mesh, [a, b, c])

    def test_state_copied(self):
        """state copied (cp -a), both started: two nodes, no record lost"""
        with Mesh() as mesh:
            a, b, c = self.trio(mesh)
            me = node_id(mesh, a)
            state = state_dirs(mesh, "alice")[0]
            a.end()
            twin_state = mesh.dir + "/twin-state"
            shutil.copytree(state, twin_state, symlinks=True)
            twin_folder = mesh.folder("twin")
            shutil.copy2(os.path.join(SAMPLE, "alice", "beach.jpg"),
                         twin_folder)
            mesh.guard(twin_folder)
            lister = Lister(mesh, b)
            a = self.again(mesh, "alice")
            settle(mesh, [a, b, c], PHOTOS)
            # The copy serves the same folder, as a copied home would.
            twin = self.again(mesh, "alice", "--state", twin_state,
                              name="alice")
            self.renewed(mesh, twin, a)
            settle(mesh, [a, b, c, twin], PHOTOS)
            self.assertEqual(node_id(mesh, a), me)
            self.assertTrue(a.alive() and twin.alive())
            # One folder seen by two nodes: its files count once.
            for d in (a, b, c, twin):
                with Client(mesh, d.port) as k:
                    self.assertEqual(k.status()["copies"], COPIES)
                    self.assertEqual(sum(n for n, _ in k.photos().values()),
                                     COPIES)
                    names = sorted(p["node"][1] for p in k.peers())
                    self.assertEqual(len(names), 4)
                    self.assertRegex(names[0], "^alice~[0-9a-f]{4}$")
                    self.assertRegex(names[1], "^alice~[0-9a-f]{4}$")
                    self.assertNotEqual(names[0], names[1])
            lister.end()
            # Started once more each keeps what it has become.
            other = node_id(mesh, twin)
            self.assertNotEqual(other, me)
            twin.end()
            twin = self.again(mesh, "alice", "--state", twin_state,
                              name="alice")
            settle(mesh, [a, b, c, twin], PHOTOS)
            self.assertEqual(node_id(mesh, twin), other)
            self.assertEqual(b.photo("verify").code, 0)

    def test_another_name(self):
        """the same folder under another --name: the same node, renamed"""
        with Mesh() as mesh:
            a, b, c = self.trio(mesh)
            me = node_id(mesh, a)
            lister = Lister(mesh, b)
            a.end()
            a = self.again(mesh, "alice", name="attic")
            self.whole(mesh, [a, b, c])
            lister.end()
            self.assertEqual(node_id(mesh, a), me)
            for d in (a, b, c):
                wait_until(lambda: sorted(p["name"] for p in mesh.peers(d)) ==
                           ["attic", "bob", "carol"], "the new name")

    def test_one_more_folder(self):
        """one more folder, then not named, then named again: one node"""
        with Mesh() as mesh:
            folder = mesh.sample("alice")
            more = mesh.sample("carol")
            a, b = mesh.start(folder), mesh.start(mesh.sample("bob"))
            settle(mesh, [a, b])
            me = node_id(mesh, a)
            lister = Lister(mesh, b)
            a.end()
            a = mesh.start([folder, more], name="alice")
            self.whole(mesh, [a, b])
            lister.end()
            self.assertEqual(node_id(mesh, a), me)
            lister = Lister(mesh, b)  # now of all three
            a.end()
            a = mesh.start(folder)  # what is not named is offline, not gone
            settle(mesh, [a, b], PHOTOS)
            with Client(mesh, b.port) as c:
                rows = [r for _, all_ in c.photos().values() for r in all_]
            self.assertEqual(len(rows), COPIES)
            self.assertEqual(sum(not r[2] for r in rows), 11)
            a.end()
            a = mesh.start([more, folder], name="alice")
            self.whole(mesh, [a, b])
            lister.end()
            self.assertEqual(node_id(mesh, a), me)

    def test_folder_moved(self):
        """the folder moved to another path begins as a node of its own"""
        with Mesh() as mesh:
            a, b, c = self.trio(mesh)
            me = node_id(mesh, a)
            a.end()
            folder = os.path.join(mesh.dir, "photos", "alice")
            moved = os.path.join(mesh.dir, "photos", "elsewhere")
            mesh.unguard(folder)
            os.rename(folder, moved)
            mesh.guard(moved)
            lister = Lister(mesh, b)
            a = mesh.start(moved, name="alice")
            settle(mesh, [a, b, c], PHOTOS)
            # The files are the same ones (volume and inode): counted once.
            with Client(mesh, b.port) as k:
                self.assertEqual(k.status()["copies"], COPIES)
                left = [p["node"][0] for p in k.peers() if p["state"] == 4]
            self.assertNotEqual(node_id(mesh, a), me)
            self.assertEqual(left, [me])
            lister.end()

    def test_another_mount_point(self):
        """the same folder under another mount point: the same node"""
        with Mesh() as mesh:
            a, b, c = self.trio(mesh)
            me = node_id(mesh, a)
            a.end()
            folder = os.path.join(mesh.dir, "photos", "alice")
            there = mesh.folder("elsewhere")
            if subprocess.run(["mount", "--bind", folder, there],
                              stderr=subprocess.DEVNULL).returncode:
                self.skipTest("mounting is not permitted here")
            self.addCleanup(subprocess.run, ["umount", "-l", there],
                            stderr=subprocess.DEVNULL)
            lister = Lister(mesh, b)
            a = mesh.start(there, name="alice")
            self.whole(mesh, [a, b, c])
            self.assertEqual(node_id(mesh, a), me)
            lister.end()
            a.end()
            subprocess.run(["umount", there], check=True)

    def test_overlapping_folders(self):
        """overlapping folders of two daemons, hard links: one copy each"""
        with Mesh() as mesh:
            top = mesh.folder("top")
            inner = os.path.join(top, "inner")
            os.mkdir(inner)
            bird = os.path.join(SAMPLE, "bob", "bird.gif")
            shutil.copy(bird, top + "/bird.gif")
            shutil.copy(bird, top + "/second copy.gif")
            os.link(top + "/bird.gif", top + "/hard link.gif")
            os.link(top + "/bird.gif", inner + "/other.gif")
            shutil.copy(os.path.join(SAMPLE, "bob", "IMG_0044.jpg"), inner)
            mesh.guard(top)
            a = mesh.start(top)
            b = mesh.start(inner)
            # Two files with the bird's bytes and one with the other's.
            self.whole(mesh, [a, b], copies=3, photos=2)
            for d in (a, b):
                s = d.photo("--json", "status").json[0]
                self.assertEqual((s["photos"], s["copies"]), (2, 3))
                self.assertEqual(s["duplicate_bytes"], os.path.getsize(bird))
            a.end()
            with Client(mesh, b.port) as c:
                self.assertEqual(c.status()["photos"], 2)

    def test_roots_come_and_go(self):
        """three roots of one node: each offline and back on its own"""
        with Mesh() as mesh:
            roots = [mesh.sample(n) for n in ("alice", "bob", "carol")]
            a = mesh.start(roots, "--rescan-interval", "1", name="home")
            other = mesh.folder("other")
            shutil.copy2(os.path.join(SAMPLE, "bob", "bird.gif"), other)
            b = mesh.start(mesh.guard(other))
            settle(mesh, [a, b], PHOTOS)
            lister = Lister(mesh, b)

            def online():
                with Client(mesh, b.port) as c:
                    rows = [r for _, all_ in c.photos().values()
                            for r in all_ if r[0] == "home"]
                return len(rows), sum(r[2] for r in rows)
            counts = {0: 10, 1: 12, 2: 11}
            self.assertEqual(online(), (COPIES, COPIES))
            for away in ((0,), (1, 2), (0, 1, 2), (2,)):
                for k in away:
                    mesh.unguard(roots[k])
                    os.rename(roots[k], roots[k] + ".away")
                    if k != 1:
                        os.mkdir(roots[k])  # an empty mount point
                left = COPIES - sum(counts[k] for k in away)
                wait_until(lambda: online() == (COPIES, left),
                           "%r to be offline" % (away,))
                for k in away:
                    if k != 1:
                        os.rmdir(roots[k])
                    os.rename(roots[k] + ".away", roots[k])
                    mesh.guard(roots[k])
                wait_until(lambda: online() == (COPIES, COPIES),
                           "%r to be back" % (away,))
            lister.end()
            self.assertEqual(lister.fewest_copies, COPIES + 1)
            self.whole(mesh, [a, b], copies=COPIES + 1)

    def test_two_of_one_name(self):
        """two nodes of one name are shown as name~xxxx, and found so"""
        with Mesh() as mesh:
            a = mesh.start(mesh.sample("alice"), name="laptop")
            b = mesh.start(mesh.sample("bob"), name="laptop")
            c = mesh.start(mesh.sample("carol"))
            self.whole(mesh, [a, b, c])
            shown = {p["node_id"]: p["name"] for p in mesh.peers(c)}
            for d in (a, b):
                me = node_id(mesh, d).hex()
                self.assertEqual(shown[me], "laptop~" + me[:4])
                listed = c.photo("--json", "list", "--node", shown[me])
                self.assertEqual(listed.code, 0, listed)
                self.assertEqual({k["node"] for p in listed.json
                                  for k in p["copies"]}, {shown[me]})
            ambiguous = c.photo("list", "--node", "laptop")
            self.assertNotEqual(ambiguous.code, 0)
            b.end()
            self.assertEqual(len(c.photo("list").lines), PHOTOS)


if __name__ == "__main__":
    tap.main()
