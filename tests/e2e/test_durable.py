"""Durable: what photo get and photo add have named outlives a power cut.

A library loaded before the C library (tests/lib/told_sync.c) writes down what
is synced and what is named, in order: no name before the bytes, the folder at
the latest after 64 names and at the end; and nothing is named whose bytes a
disk would not take.  Not with a sanitizer, which wants to be loaded first.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import BUILD, Mesh, wait_until  # noqa: E402
from paste import photo_id  # noqa: E402

SHIM = os.path.join(BUILD, "tests", "libtold_sync.so")
COUNT, EVERY = 150, 64


@unittest.skipUnless(os.path.exists(SHIM), "not with a sanitizer")
class Durable(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.told = os.path.join(self.mesh.dir, "told")
        self.photos = [b"GIF89a" + b"%d" % n * 30 for n in range(COUNT)]

    def folder(self, name):
        folder = self.mesh.folder(name)
        for n, data in enumerate(self.photos):
            with open("%s/%03d.gif" % (folder, n), "wb") as f:
                f.write(data)
        return self.mesh.guard(folder)

    def photo(self, d, *args):
        if os.path.exists(self.told):
            os.unlink(self.told)
        return self.mesh.photo("-p", d.port, *args, env={
            "LD_PRELOAD": SHIM, "TOLD_SYNC": self.told})

    def look(self, folder):
        """The order of things in `folder`; how many got a name."""
        inode, names, unsynced, synced = os.stat(folder).st_ino, 0, 0, set()
        with open(self.told) as f:
            for line in f:
                what, number, *name = line.rstrip("\n").split(" ", 2)
                if what == "sync" and int(number) == inode:
                    unsynced = 0
                elif what == "sync":
                    synced.add(int(number))
                else:
                    self.assertIn(int(number), synced, name)
                    unsynced += 1
                    names += 1
                self.assertLessEqual(unsynced, EVERY)
        self.assertEqual(unsynced, 0, "names are left that are not durable")
        return names

    def test_get(self):
        """photo get: bytes, then the name, then the folder, every 64 files"""
        bob = self.mesh.start(self.folder("bob"))
        alice = self.mesh.start(self.mesh.folder("alice"))
        wait_until(lambda: len(alice.photo("list").lines) == COUNT, "them")
        here = self.mesh.folder("here")
        for d, where in ((alice, here + "/got"), (bob, here + "/own")):
            done = self.photo(d, "get", "gif", "-o", where + "/")
            self.assertEqual(done.code, 0, done)
            self.assertEqual(self.look(where), COUNT)

    def test_add(self):
        """photo add: the same for every month's folder"""
        card = self.folder("card")
        for n in range(COUNT):
            os.utime("%s/%03d.gif" % (card, n), (1500000000, 1500000000))
        self.mesh.guard(card)
        root = self.mesh.folder("root")
        d = self.mesh.start(root)
        done = self.photo(d, "add", card)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.look(root + "/2017/2017-07"), COUNT)
        # The folders themselves have names, too.
        with open(self.told) as f:
            synced = {line.split()[1] for line in f if line[0] == "s"}
        for above in (root, root + "/2017"):
            self.assertIn(str(os.stat(above).st_ino), synced)

    def test_disk_that_fails(self):
        """what cannot be made durable gets no name: said, exit 1"""
        bob = self.mesh.start(self.folder("bob"))
        wait_until(lambda: len(bob.photo("list").lines) == COUNT, "them")
        open(self.told + "-fail", "w").close()
        here, one = self.mesh.folder("here"), self.photos[7]
        done = self.photo(bob, "get", photo_id(one)[:16].hex(), "-o", here)
        self.assertEqual(done.code, 1, done)
        self.assertIn("Input/output error", done.err)
        self.assertNotIn("007.gif", os.listdir(here))
        new = os.path.join(self.mesh.folder("card"), "new.gif")
        with open(new, "wb") as f:
            f.write(b"GIF89a new")
        self.mesh.unguard(os.path.join(self.mesh.dir, "photos", "bob"))
        done = self.photo(bob, "add", new)
        self.assertEqual(done.code, 1, done)
        self.assertIn("Input/output error", done.err)
        found = [n for _, _, names in os.walk(os.path.join(
            self.mesh.dir, "photos", "bob")) for n in names]
        self.assertEqual(len(found), COUNT, [n for n in found
                                             if not n.endswith(".gif")])


if __name__ == "__main__":
    tap.main()
