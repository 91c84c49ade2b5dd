"""Transfers under load and in trouble, by the programs that people use.

Real daemons, real `photo get`; an observer in the mesh (tests/lib/member.py)
hears the heartbeats.  While bytes move as fast as they can, heartbeats come and
lists are answered; when a daemon dies beneath its client, when the disk is full,
when two hundred ask at once, what has a final name is the photo.

(The bounds are generous, for sanitizers and busy machines: figures are the
business of tests/bench/transfer.)
"""
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from holder import Getter, Holder  # noqa: E402
from member import HEARTBEAT, Member  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import photo_id  # noqa: E402
from talk import Client  # noqa: E402

MIB = 1 << 20
TLS = ("--serve-rate", "1000G")  # so that nothing is handed over


def film(size, seed):
    return (b"\xff\xd8\xff\xe0" + hashlib.shake_128(b"%d" % seed).digest(
        max(size, 4)))[:size]


def hex_of(data):
    return photo_id(data)[:16].hex()


class Observer(Member):
    """Hears both daemons' heartbeats, and when."""

    def take(self, kind, request, fields):
        super().take(kind, request, fields)
        if kind == HEARTBEAT:
            self.times.append(time.monotonic())


class Base(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.here = self.mesh.folder("here")

    def holder(self, photos, *options, name="bob"):
        folder = self.mesh.folder(name)
        for n, data in enumerate(photos):
            with open(os.path.join(folder, "%03d.jpg" % n), "wb") as f:
                f.write(data)
        self.mesh.guard(folder)
        return self.mesh.start(folder, *options, name=name)

    def asker(self, *options):
        return self.mesh.start(self.mesh.folder("alice"), *options)

    def listed(self, d, count):
        wait_until(lambda: len(d.photo("list").lines) == count,
                   "%d photos to be listed" % count)

    def spawn(self, d, *args, cwd=None):
        p = subprocess.Popen(
            [self.mesh.photo_path, "-p", str(d.port), "--json", "get", *args],
            env=self.mesh.env, cwd=cwd or self.here, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.mesh.children.append(p)
        return p

    def read(self, name):
        with open(os.path.join(self.here, name), "rb") as f:
            return f.read()


class Load(Base):
    def test_saturated(self):
        """heartbeats and lists go on while files are handed over"""
        self.saturated()

    def test_saturated_tls(self):
        """heartbeats and lists go on while bytes come as fast as they can"""
        self.saturated(*TLS)

    def saturated(self, *way):
        photos = [film(12 * MIB, n) for n in range(12)]
        bob, alice = self.holder(photos, *way), self.asker()
        self.listed(alice, 12)
        observers, late, over = [], [0], threading.Event()
        for d in (alice, bob):
            o = Observer(self.mesh, d.port, name="o%d" % d.port, hello=False,
                         photos=0)
            o.times = []
            o.say_hello()
            observers.append(o.joined())

        def observe(o):
            while not over.is_set() and not o.ended:
                o.turn()

        def stall():
            """How late is who only wants to wake up?"""
            while not over.is_set():
                wanted = time.monotonic() + 0.01
                time.sleep(0.01)
                late.append(time.monotonic() - wanted)
        threads = [threading.Thread(target=observe, args=(o,))
                   for o in observers] + [threading.Thread(target=stall)]
        for t in threads:
            t.start()
        watch = self.mesh.spawn_photo("-p", alice.port, "--json", "watch")
        lists, began = [], time.monotonic()
        with Client(self.mesh, alice.port) as c:
            for k in range(3):
                gets = [self.spawn(alice, "jpg", "-o", "%d-%d/" % (k, n))
                        for n in range(3)]
                while any(p.poll() is None for p in gets):
                    asked = time.monotonic()
                    self.assertEqual(len(c.photos()), 12)
                    lists.append(time.monotonic() - asked)
                for p in gets:
                    self.assertEqual(p.returncode, 0, p.stderr.read())
        ended = time.monotonic()
        watch.kill()  # before the observers go, which it would tell
        over.set()
        for t in threads:
            t.join(10)
        self.assertGreater(len(lists), 10)
        self.assertLess(max(lists), 2 + 10 * max(late))
        for o in observers:
            self.assertFalse(o.ended)
            at = [t for t in o.times if began - 0.3 < t < ended]
            gaps = [b - a for a, b in zip(at, at[1:])]
            print("# %d heartbeats, longest gap %.0f ms; list %.0f ms; the "
                  "machine itself stalled for %.0f ms" % (
                      len(at), 1000 * max(gaps), 1000 * max(lists),
                      1000 * max(late)))
            # Four periods are a suspicion; more is what the machine does
            # to everybody, to those who only listen as well.
            self.assertLess(max(gaps), 1 + 4 * max(late))
            o.tls.close()
        events = [json.loads(x)["event"] for x in watch.stdout]
        self.assertNotIn("peer-gone", events)
        if max(late) < 0.2:
            self.assertNotIn("peer-suspect", events)
        for k in range(3):
            for n in range(3):
                for i, data in enumerate(photos):
                    self.assertEqual(self.read("%d-%d/%03d.jpg" % (k, n, i)),
                                     data)

    def test_two_hundred_gets(self):
        """two hundred runs of photo get at once, from two daemons, either way"""
        photos = [film(30000 + n, n) for n in range(200)]
        self.holder(photos)
        self.holder(photos[::2], *TLS, name="carol")
        alice = self.asker()
        wait_until(lambda: sum(len(r) for _, r in self.seen(alice)) == 300,
                   "300 copies to be listed")
        runs = [self.spawn(alice, hex_of(x), "-o", "%d.jpg" % n)
                for n, x in enumerate(photos)]
        for n, p in enumerate(runs):
            _, err = p.communicate(timeout=120)
            self.assertEqual(p.returncode, 0, err)
            self.assertEqual(self.read("%d.jpg" % n), photos[n])
        self.assertEqual(len(os.listdir(self.here)), 200)
        self.assertTrue(alice.alive())

    def seen(self, d):
        with Client(self.mesh, d.port) as c:
            return list(c.photos().values())


class Trouble(Base):
    def got(self, p, code=0):
        """What a run said of the one photo it got."""
        out, err = p.communicate(timeout=120)
        self.assertEqual(p.returncode, code, err)
        said = [json.loads(x) for x in out.splitlines()]
        return [g for g in said if "got" in g][0]

    def until_bytes(self, p, count):
        """Await that so many bytes are in, told of all the while with rate,
        time left and holder; how many there are."""
        for line in p.stdout:
            s = json.loads(line)
            if s.get("progress") == "get" and s["bytes"] >= count:
                self.assertEqual((s["files"], s["total_files"], s["from"],
                                  s["state"]), (0, 1, "bob", "filling"))
                self.assertEqual(s["total_bytes"], 60 * MIB)
                self.assertGreater(s["rate"], 0)
                left = (60 * MIB - s["bytes"]) * 1000 / s["rate"]
                self.assertAlmostEqual(s["eta_ms"], left, delta=2)
                return s["bytes"]
        self.fail("it ended before: %s" % p.stderr.read())

    def test_the_daemon_dies(self):
        """killed beneath photo get: the next run fetches 4 MiB again at most"""
        data = film(60 * MIB, 1)
        self.holder([data], "--serve-rate", "24M")
        alice = self.asker()
        self.listed(alice, 1)
        p = self.spawn(alice, hex_of(data))
        there = self.until_bytes(p, 20 * MIB)
        alice.kill()
        p.communicate(timeout=60)
        self.assertNotEqual(p.returncode, 0)
        self.assertEqual(os.listdir(self.here),
                         [".photomesh-%s.part" % hex_of(data)])
        alice = self.mesh.start(os.path.join(self.mesh.dir, "photos",
                                             "alice"))
        self.listed(alice, 1)
        g = self.got(self.spawn(alice, hex_of(data)))
        self.assertEqual(g["resumed"] + g["fetched"], len(data))
        self.assertGreaterEqual(g["resumed"], there - 4 * MIB)
        self.assertEqual(os.listdir(self.here), ["000.jpg"])
        self.assertEqual(self.read("000.jpg"), data)

    def test_the_client_dies(self):
        """kill -9 of photo get itself: the same, and nobody keeps the lock"""
        data = film(60 * MIB, 2)
        self.holder([data], "--serve-rate", "24M")
        alice = self.asker()
        self.listed(alice, 1)
        p = self.spawn(alice, hex_of(data))
        there = self.until_bytes(p, 20 * MIB)
        p.send_signal(signal.SIGKILL)
        p.communicate()
        g = self.got(self.spawn(alice, hex_of(data)))
        self.assertEqual(g["resumed"] + g["fetched"], len(data))
        self.assertGreaterEqual(g["resumed"], there - 4 * MIB)
        self.assertEqual(self.read("000.jpg"), data)

    def test_empty(self):
        """a photo of no bytes is got like any other"""
        alice = self.asker()
        bob = Holder(self.mesh, alice.port, "bob", [b""])
        self.addCleanup(bob.close)
        self.listed(alice, 1)
        g = self.got(self.spawn(alice, hex_of(b"")))
        self.assertEqual((g["bytes"], g["fetched"]), (0, 0))
        self.assertEqual(os.listdir(self.here), ["bob-0.jpg"])
        self.assertEqual(self.read("bob-0.jpg"), b"")
        done = alice.photo("get", "jpg", "-o", "-")
        self.assertEqual((done.code, done.out), (0, b""))

    def test_full(self):
        """a disk that fills up midway: said, nothing under a final name, and
        the next run goes on when there is room"""
        disk = os.path.join(self.mesh.dir, "disk")
        os.mkdir(disk)
        inside = ["unshare", "-rm", "--propagation", "private"]
        mount = "mount -t tmpfs -o size=24m none '%s'" % disk
        if subprocess.run(inside + ["sh", "-c", mount],
                          capture_output=True).returncode != 0:
            self.skipTest("a file system of one's own may not be mounted here")
        data = film(20 * MIB, 3)
        self.holder([data], "--serve-rate", "8M")
        alice = self.asker()
        self.listed(alice, 1)
        # `head` fills the disk once something has come; then there is room.
        script = mount + """ && cd '%s' &&
            { "$@" > ../out 2> ../err & } && p=$! &&
            until [ "$(stat -c %%b .photomesh-*.part 2>/dev/null || echo 0)" \\
                -gt 4096 ]; do kill -0 $p || exit 90; done
            head -c 20m /dev/zero > filler 2>/dev/null; wait $p; first=$?
            names=$(ls -A); rm filler
            "$@" > ../again 2>> ../err; second=$?
            cat *.jpg; cat ../err >&2; echo $first $second $names >&2
            """ % disk
        done = self.mesh.run(
            inside + ["sh", "-c", script, "sh", self.mesh.photo_path, "-p",
                      str(alice.port), "get", hex_of(data)], timeout=120)
        err = done.stderr.decode()
        last = err.splitlines()[-1].split()
        self.assertEqual(last[:2], ["1", "0"], err)
        self.assertIn("No space left", err)
        self.assertNotIn("000.jpg", last)
        self.assertEqual(done.stdout, data)


if __name__ == "__main__":
    tap.main()
