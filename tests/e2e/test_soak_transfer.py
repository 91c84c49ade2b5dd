"""A film of 3 GiB is a photo too: from two daemons, interrupted, whole.

Past 2^31 and 2^32 bits and bytes of everything that counts; the fetching daemon
is killed midway, and keeps its memory small throughout.  And who is live and
sends no more is waited for, and not for ever.
"""
import hashlib
import json
import os
import select
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from holder import Holder, honestly  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402

MIB = 1 << 20
SIZE = int(os.environ.get("PM_SOAK_MIB", "3072")) * MIB + 12345
PATIENCE = 1800


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while True:
            data = f.read(4 * MIB)
            if not data:
                return h.hexdigest()
            h.update(data)


class SoakTransfer(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)

    def film(self):
        """No piece of it like another, quickly made."""
        folder = self.mesh.folder("bob")
        path = os.path.join(folder, "film.jpg")
        piece = bytearray(os.urandom(MIB))
        piece[:4] = b"\xff\xd8\xff\xe0"
        left, n = SIZE, 0
        with open(path, "wb") as f:
            while left > 0:
                piece[100:108] = n.to_bytes(8, "big")
                f.write(piece[:min(left, MIB)])
                left, n = left - MIB, n + 1
        return folder, path

    def test_three_gib(self):
        """3 GiB through a killed daemon, from two others, byte for byte"""
        mesh = self.mesh
        folder, path = self.film()
        other = mesh.folder("carol")
        shutil.copy(path, other)
        there = [mesh.start(f) for f in (folder, other)]
        alice = mesh.start(mesh.folder("alice"))

        def both():
            a = alice.photo("--json", "list")
            return a.code == 0 and a.lines and \
                len(json.loads(a.lines[0])["copies"]) == 2
        wait_until(both, "two copies to be listed", PATIENCE)
        here = mesh.folder("here")
        run = mesh.spawn_photo("-p", alice.port, "--json", "get", "film",
                               "-o", here)
        for line in run.stdout:
            seen = json.loads(line)
            if seen.get("bytes", 0) > SIZE // 2:
                break
        alice.kill()
        run.communicate(timeout=60)
        self.assertNotEqual(run.returncode, 0)
        self.assertNotIn("film.jpg", os.listdir(here))
        alice = mesh.start(os.path.join(mesh.dir, "photos", "alice"))
        wait_until(both, "two copies to be listed", PATIENCE)
        a = alice.photo("--json", "get", "film", "-o", here, timeout=PATIENCE)
        self.assertEqual(a.code, 0, a)
        got = [g for g in a.json if "got" in g][0]
        self.assertEqual(got["resumed"] + got["fetched"], SIZE)
        self.assertGreaterEqual(got["resumed"], seen["bytes"] - 4 * MIB)
        self.assertEqual(digest(os.path.join(here, "film.jpg")), digest(path))
        if "asan" not in mesh.build and "ubsan" not in mesh.build:
            for d in there + [alice]:
                self.assertLess(d.rss_bytes(), 24 * MIB)

    def test_silent_for_good(self):
        """a live holder falls silent midway: a minute of patience, no more"""
        alice = self.mesh.start(self.mesh.folder("alice"))
        data = b"\xff\xd8\xff\xe0" + os.urandom(8 * MIB)

        def serve(channel, fields):
            if fields["offset"] >= 2 * MIB:
                select.select([], [], [], 1000)
            honestly(channel, fields)
        bob = Holder(self.mesh, alice.port, "bob", [data], serve=serve)
        self.addCleanup(bob.close)
        wait_until(lambda: len(alice.photo("list").lines) == 1, "the photo")
        began = time.monotonic()
        a = alice.photo("get", "jpg", "-o", self.mesh.folder("here"),
                        timeout=120)
        self.assertEqual(a.code, 6, a)
        self.assertIn("silent: bob", a.err)
        self.assertTrue(60 <= time.monotonic() - began < 90)


if __name__ == "__main__":
    tap.main()
