"""photo get, add and check with real daemons: what is listed can be had, what
is added is listed, and what is held is proved."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import photo_id  # noqa: E402


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


class Real(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.here = self.mesh.folder("here")

    def photo(self, d, *args, **kw):
        return self.mesh.run([self.mesh.photo_path, "-p", str(d.port),
                              *map(os.fspath, args)], cwd=self.here, **kw)

    def settled(self, photos, names=("alice", "bob", "carol")):
        daemons = self.mesh.start_samples(names)
        self.mesh.settle(daemons, photos)
        return daemons

    def files(self, below=""):
        return sorted(os.listdir(os.fsencode(os.path.join(self.here,
                                                          below))))

    def test_every_sample(self):
        """all photos of three folders, each once, with the right bytes"""
        alice, bob, carol = self.settled(26)
        done = self.photo(bob, "--json", "get", "", "-o", "all/")
        self.assertEqual(done.returncode, 0, done.stderr)
        got = [json.loads(x) for x in done.stdout.splitlines()]
        got = [g for g in got if "got" in g]
        self.assertEqual(len(got), 26)
        self.assertEqual(len(self.files("all")), 26)
        self.assertTrue(any(g["fetched"] for g in got))
        self.assertTrue(any(not g["fetched"] for g in got))
        for g in got:
            with open(os.path.join(self.here, g["file"]), "rb") as f:
                data = f.read()
            self.assertEqual(photo_id(data)[:16].hex(), g["id"])
            self.assertEqual(len(data), g["bytes"])
        again = self.photo(carol, "get", "", "-o", "all/")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(len(self.files("all")), 26)
        one = got[0]["id"]
        done = self.photo(alice, "get", one, "-o", "-")
        self.assertEqual(photo_id(done.stdout)[:16].hex(), one)
        # who alone has some is away: those are named, the others come
        carol.kill()
        done = self.photo(alice, "--timeout", "30", "get", "", "-o", "left/",
                          timeout=60)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(b"carol", done.stderr)
        missing = 26 - len(self.files("left"))
        self.assertGreater(missing, 0)
        self.assertEqual(done.stderr.count(b"(held by (carol))"), missing)

    def test_interrupted(self):
        """Ctrl-C in the middle of a large one; the next run goes on"""
        big = os.urandom(1 << 20) * 96
        folder = self.mesh.folder("big")
        with open(os.path.join(folder, "big.jpg"), "wb") as f:
            f.write(b"\xff\xd8\xff\xe0\0\x10JFIF\0" + big + b"\xff\xd9")
        with open(os.path.join(folder, "big.jpg"), "rb") as f:
            name = photo_id(f.read())[:16].hex()
        a = self.mesh.start(self.mesh.sample("alice"))
        # so slow that it is not over before it is interrupted
        b = self.mesh.start(self.mesh.guard(folder), "--serve-rate", "32M",
                            name="big")
        wait_until(lambda: self.photo(a, "list").stdout.count(b"big.jpg"),
                   "the big one is listed")
        part = os.path.join(self.here, ".photomesh-%s.part" % name)
        run = subprocess.Popen(
            [self.mesh.photo_path, "-p", str(a.port), "get", name],
            env=self.mesh.env, cwd=self.here, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.mesh.children.append(run)
        wait_until(lambda: os.path.exists(part) and
                   os.stat(part).st_blocks > 16384, "eight MB", every=0.001)
        b.stop()
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(30), 130, run.stderr.read())
        self.assertEqual(self.files(), [os.fsencode(os.path.basename(part))])
        b.go_on()
        done = self.photo(a, "--json", "get", name, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = [json.loads(x) for x in done.stdout.splitlines()]
        got = [g for g in got if "got" in g][0]
        self.assertGreater(got["resumed"], 1 << 20)
        self.assertLess(got["fetched"], got["bytes"])
        self.assertEqual(self.files(), [b"big.jpg"])
        self.assertEqual(digest(os.path.join(self.here, "big.jpg")),
                         digest(os.path.join(folder, "big.jpg")))

    def test_add_and_check(self):
        """a card: checked, added, listed everywhere, and then safe"""
        card = self.mesh.sample("carol")
        alice, bob = daemons = [
            self.mesh.start(self.mesh.sample(n)) for n in ("alice", "bob")]
        self.mesh.settle(daemons)
        before = len(bob.photo("list").lines)
        done = self.photo(bob, "check", card)
        self.assertEqual(done.returncode, 6, done.stderr)
        new = [r for r in done.stdout.splitlines() if r.startswith(b"new\t")]
        held = [r for r in done.stdout.splitlines()
                if r.startswith(b"held\t")]
        self.assertTrue(new and held)
        root = os.path.join(self.mesh.dir, "photos", "bob")
        self.mesh.unguard(root)
        done = self.photo(bob, "--json", "add", card, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = [json.loads(x) for x in done.stdout.splitlines()]
        added = [s for s in said if s.get("add") == "added"]
        self.assertEqual(len({s["id"] for s in added}), len(added))
        for s in added:
            self.assertRegex(s["file"], r"/bob/\d{4}/\d{4}-\d\d/")
            self.assertEqual(digest(s["file"]), digest(s["source"]))
        wait_until(lambda: len(alice.photo("list").lines) ==
                   before + len(added), "listed at alice too")
        done = self.photo(alice, "--json", "check", card, timeout=60)
        self.assertEqual(done.returncode, 0, [
            x for x in done.stdout.splitlines() if b'"unproved"' in x])
        self.assertIn(b'"safe":true', done.stdout)
        done = self.photo(alice, "check", card, "--copies", "2", timeout=60)
        self.assertEqual(done.returncode, 6)
        # a folder is no witness for itself, whichever daemon is asked
        done = self.photo(alice, "--json", "check", root, timeout=60)
        self.assertEqual(done.returncode, 6)
        for line in done.stdout.splitlines():
            self.assertNotIn("bob", json.loads(line).get("proved", []))
        bob.kill()
        done = self.photo(alice, "check", card, timeout=60)
        self.assertEqual(done.returncode, 6)
        self.assertIn(b"unproved\t", done.stdout)

    def test_check_under_another_name(self):
        """a card that is served under another path or name vouches not for
        itself; what has copies on its own disk alone is not called safe to
        format"""
        card, there = self.mesh.folder("card"), self.mesh.folder("there")
        for n in range(3):
            with open("%s/%d.gif" % (card, n), "wb") as f:
                f.write(b"GIF89a%d" % n * 20)
            os.link("%s/%d.gif" % (card, n), "%s/x%d.gif" % (there, n))
        alice, bob = [self.mesh.start(f) for f in
                      (there, self.mesh.folder("bob"))]
        self.mesh.settle([alice, bob], 3)
        for d in (alice, bob):
            done = d.photo("check", card)
            self.assertEqual(done.code, 6, done)
            self.assertIn("3 new; safe to format: no", done.err)
            self.assertEqual([line.split("\t")[0] for line in done.lines],
                             ["new"] * 3)
        self.mesh.guard(card)
        for n in range(3):
            path = "%s/x%d.gif" % (there, n)
            shutil.copyfile(path, there + "/.new")
            os.rename(there + "/.new", path)
        wait_until(lambda: bob.photo("check", card).code == 0, "copies")
        done = bob.photo("check", card)
        self.assertIn("safe to delete: yes", done.err)
        self.assertIn("3 of them are held so by counting copies", done.err)
        done = bob.photo("--json", "check", card)
        self.assertEqual(done.json[-1]["same_disk"], 3)

    def test_check_beside_another_disk(self):
        """a folder on another disk is no copy there: neither where something
        else has the same path in it, nor where nobody knows which was read"""
        if not os.path.isdir("/dev/shm") or \
                os.stat("/dev/shm").st_dev == os.stat(self.mesh.dir).st_dev:
            self.skipTest("there is no second disk")
        card, there = self.mesh.folder("card"), self.mesh.folder("there")
        other, bobs = [tempfile.mkdtemp(dir="/dev/shm") for _ in "ab"]
        for folder in (other, bobs):
            self.addCleanup(shutil.rmtree, folder)
        photo = b"GIF89a" * 20
        for path, data in ((card, photo), (there, photo),
                           (other, photo[::-1] + b"another")):
            with open(path + "/1.gif", "wb") as f:
                f.write(data)
        alice = self.mesh.start([there, other])
        self.mesh.guard(card)

        def check(held, same_disk, nodes=1):
            wait_until(lambda: alice.photo("check", card).code == 0, "a copy")
            wait_until(lambda: len(alice.photo("--json", "list").json[0]
                                   ["copies"]) == held, "copies")
            done = alice.photo("--json", "check", card, "--copies", nodes)
            self.assertEqual(done.code, 0, done)
            self.assertEqual(done.json[-1]["same_disk"], same_disk, done)
        check(1, 1)
        shutil.copyfile(card + "/1.gif", other + "/2.gif")
        check(2, 1)
        os.unlink(there + "/1.gif")
        check(1, 0)
        # Of the two that are asked for only one is on another disk.
        shutil.copyfile(card + "/1.gif", there + "/1.gif")
        shutil.copyfile(card + "/1.gif", bobs + "/1.gif")
        self.mesh.start(bobs)
        check(3, 0)
        check(3, 1, nodes=2)

    def test_no_right(self):
        """a folder that may not be written: said, and nothing else happens"""
        if os.geteuid() == 0:
            mesh = Mesh(unprivileged=True)
            self.addCleanup(mesh.__exit__, None, None, None)
        else:
            mesh = self.mesh
        d = mesh.start(mesh.sample("alice"))
        closed = mesh.folder("closed")
        os.chmod(closed, 0o555)
        wait_until(lambda: d.photo("list").lines, "a scan")
        done = d.photo("get", "jpg", "-o", closed)
        self.assertEqual(done.code, 1)
        self.assertIn("cannot be written", done.err)
        self.assertEqual(os.listdir(closed), [])


if __name__ == "__main__":
    tap.main()
