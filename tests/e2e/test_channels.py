"""Channels, as a holder serves them: to an asker written from PROTOCOL.md.

Every photo comes byte for byte, in any ranges; what may not be asked ends the
channel and nothing else; who does not read stops itself alone; a file that is
no longer what was indexed is refused, whatever happens to it meanwhile.
"""
import hashlib
import os
import random
import select
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from channel import (CHANNEL, CHUNK, ERROR, FETCH, MIB, Channel,  # noqa: E402
                     Refused, photo_id)
from member import Identity, Member  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from talk import Client, frame, settle  # noqa: E402

JPEG, NOT_HERE, BUSY, CHANGED = b"\xff\xd8\xff\xe0", 5, 2, 6


def film(size, seed):
    """So many bytes that are taken for a photo."""
    return (JPEG + random.Random(seed).randbytes(size - 6) + b"\xff\xd9")


def put(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def own_photos(mesh, daemon):
    """photo id -> a path relative to the daemon's root."""
    with Client(mesh, daemon.port) as c:
        return {i: rows[0][1] for i, (_, all_rows) in c.photos().items()
                for rows in [[r for r in all_rows if r[0] == daemon.name]]
                if rows}


class Base(unittest.TestCase):
    idle_ms = 60000
    options = ()

    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)

    def serve(self, files, name="holder", *options, env=None):
        """A daemon over these files, indexed; where they lie."""
        folder = self.mesh.folder(name)
        for path, data in files.items():
            put(folder, path, data)
        self.mesh.unguard(folder)
        d = self.mesh.start(folder, *(options or self.options), name=name,
                            env={"PHOTOMESH_CHANNEL_IDLE_MS":
                                 str(self.idle_ms), **(env or {})})
        self.indexed(d, files.values())
        return d, folder

    def indexed(self, d, contents):
        want = {photo_id(x) for x in contents}
        wait_until(lambda: set(own_photos(self.mesh, d)) == want,
                   "%d photos to be listed" % len(want))

    def dial(self, d, *args, **kw):
        channel = Channel(self.mesh, d.port, *args, **kw)
        self.addCleanup(channel.close)
        return channel


class Samples(Base):
    def test_every_photo_of_every_node(self):
        """every sample, byte for byte, in any ranges"""
        daemons = self.mesh.start_samples()
        settle(self.mesh, daemons, 26)
        pick, count = random.Random(1), 0
        for d, name in zip(daemons, ("alice", "bob", "carol")):
            folder = os.fsencode(os.path.join(self.mesh.dir, "photos",
                                              name))
            with self.dial(d) as c:
                with Client(self.mesh, d.port) as client:
                    self.assertEqual(c.holder, client.welcome["node"])
                for photo, path in own_photos(self.mesh, d).items():
                    with open(os.path.join(folder, path), "rb") as f:
                        data = f.read()
                    self.assertEqual(c.get(photo), data)
                    for _ in range(5):
                        a = pick.randrange(len(data))
                        n = pick.randint(1, min(len(data) - a, MIB))
                        self.assertEqual(c.fetch(photo, a, n),
                                         data[a:a + n])
                    nonce = pick.randbytes(32)
                    self.assertEqual(c.prove(photo, nonce), hashlib.sha256(
                        nonce + data).digest())
                    count += 1
        self.assertGreater(count, 25)
        # It was no link: nobody has heard of another node.
        with Client(self.mesh, daemons[0].port) as client:
            self.assertEqual(len(client.peers()), 3)


class Wrong(Base):
    def test_what_may_not_be_asked(self):
        """unlawful ranges and types end the channel and nothing else"""
        data = film(3 * MIB + 5, 1)
        d, _ = self.serve({"a.jpg": data})
        photo = photo_id(data)
        for offset, length in ((0, MIB + 1), (len(data), 1), (0, 0),
                               (2 ** 64 - 1, 2), (len(data) - 5, 6),
                               (0, 2 ** 64 - 1)):
            c = self.dial(d)
            c.ask(photo, offset, length)
            self.assertTrue(c.ended(), (offset, length))
        fetch = {"photo": photo, "offset": 0, "length": 1}
        for bad in (frame(FETCH, 0, fetch), frame(FETCH, 5, {}),
                    frame(CHUNK, 5, {"data": b"x"}), frame(1, 0, {}),
                    frame(99, 5, {}), b"\xff" * 64, b"\0\0\0\0",
                    b"\0\0\x04\x01" + bytes(1025), b"\0\0\0\1\xc1"):
            c = self.dial(d)
            self.assertEqual(c.fetch(photo, 7, 9), data[7:16])
            c.raw(bad)
            self.assertTrue(c.ended(), bad)
        # A photo that nobody has is an answer, and no end.
        c = self.dial(d)
        for other in (bytes(24), photo[:16] + bytes(8), photo_id(b"x")):
            with self.assertRaises(Refused) as no:
                n = 0 if other[16:] == bytes(8) else 1
                c.fetch(other, 0, n)
            self.assertEqual(no.exception.code, NOT_HERE)
            with self.assertRaises(Refused) as no:
                c.prove(other, bytes(32))
            self.assertEqual(no.exception.code, NOT_HERE)
        self.assertEqual(c.get(photo), data)

    def test_who_may_not_ask(self):
        """no signature, a false one, a second one: no channel"""
        data = film(MIB, 2)
        d, _ = self.serve({"a.jpg": data})
        other = Identity()
        for over in ({"sig": bytes(64)}, {"key": other.public}, {"run": 8},
                     {"vmin": 2, "vmax": 3}, {"vmin": 0}):
            c = self.dial(d, say=False)
            c.say(CHANNEL, 1, c.fields(**over))
            self.assertTrue(c.ended(), over)
        # The signature of another connection; no request id; twice; too much
        # at once; in the name of a link.
        first = self.dial(d, say=False)
        c = self.dial(d, first.identity, say=False)
        c.say(CHANNEL, 1, first.fields())
        self.assertTrue(c.ended())
        c = self.dial(d, say=False)
        c.say(CHANNEL, 0, c.fields())
        self.assertTrue(c.ended())
        c = self.dial(d)
        c.say(CHANNEL, 2, c.fields())
        self.assertTrue(c.ended())
        c = self.dial(d, say=False)
        c.raw(frame(CHANNEL, 1, c.fields()) +
              frame(FETCH, 2, {"photo": photo_id(data), "offset": 0,
                               "length": 1}))
        self.assertTrue(c.ended())
        c = self.dial(d, say=False)
        c.say(FETCH, 1, {"photo": photo_id(data), "offset": 0, "length": 1})
        self.assertTrue(c.ended())
        with Member(self.mesh, d.port) as m:
            m.joined()
            m.send(CHANNEL, 1, c.fields())
            self.assertFalse(m.until(lambda: False))
            self.assertTrue(m.ended)
        self.assertEqual(self.dial(d).get(photo_id(data)), data)


class Crowds(Base):
    def test_so_many_and_no_more(self):
        """64 channels, 8 of one node: one more is told that it is busy"""
        data = film(2 * MIB, 3)
        d, _ = self.serve({"a.jpg": data})
        photo, who = photo_id(data), [Identity() for _ in range(9)]
        held = [self.dial(d, who[i // 8]) for i in range(64)]
        for identity in (who[0], who[8]):
            with self.assertRaises(Refused) as no:
                self.dial(d, identity)
            self.assertEqual(no.exception.code, BUSY)
        asked = [c.ask(photo, 0, MIB) for c in held]
        for c, r in zip(held, asked):
            self.assertEqual(c.answer(r, MIB), data[:MIB])
        for c in held[:8]:
            c.close()

        def again():
            try:
                return self.dial(d, who[0])
            except Refused:
                return None
        c = wait_until(again, "room for one more")
        self.assertEqual(c.get(photo), data)
        with self.assertRaises(Refused):
            for _ in range(8):
                self.dial(d, who[0])

    def test_two_hundred_at_once(self):
        """two hundred dials at once: 64 are served, the others told"""
        data = film(MIB, 4)
        d, _ = self.serve({"a.jpg": data})
        waiting = []
        for _ in range(200):
            c = self.dial(d, say=False)
            c.say(CHANNEL, 1, c.fields())
            waiting.append(c)
        kinds = [c.hear()[0] for c in waiting]
        self.assertEqual(kinds.count(ERROR), 200 - 64)
        for c, kind in zip(waiting, kinds):
            if kind == ERROR:
                self.assertTrue(c.ended())
            else:
                self.assertEqual(c.get(photo_id(data)), data)
        self.assertEqual(d.photo("list").code, 0)

    def test_who_does_not_read_stops_alone(self):
        """who does not read costs nobody anything, and is cut off at last"""
        data = film(24 * MIB, 5)
        self.idle_ms = 3000
        d, _ = self.serve({"a.jpg": data})
        photo = photo_id(data)
        slow = [self.dial(d, receive_buffer=4096) for _ in range(6)]
        for c in slow:
            for n in range(24):
                c.ask(photo, n * MIB, MIB)
        for _ in range(2):
            started = time.monotonic()
            self.assertEqual(self.dial(d).get(photo), data)
            self.assertEqual(d.photo("list").code, 0)
            self.assertLess(time.monotonic() - started, 15)
        # They have taken nothing for so long that they are cut off: what
        # still comes ends early.
        def cut(c):
            try:
                c.ask(photo, 0, 1)
                return False
            except ConnectionError:
                return True
        for c in slow:
            wait_until(lambda: cut(c), "the slow one to be cut off",
                       every=0.1)
        # So is who asks for nothing.
        c = self.dial(d)
        started = time.monotonic()
        self.assertTrue(c.ended())
        self.assertGreater(time.monotonic() - started, 2)

    def test_who_asks_in_drips(self):
        data = film(MIB, 8)
        self.idle_ms = 2000
        d, _ = self.serve({"a.jpg": data})
        c = self.dial(d)
        self.assertEqual(c.get(photo_id(data)), data)
        asked = frame(FETCH, 99, {"photo": photo_id(data), "offset": 0,
                                  "length": 1})
        started, cut = time.monotonic(), False
        for n in range(len(asked) - 1):
            cut = select.select([c.tls.socket], [], [], 0.2)[0] and c.ended()
            if cut:
                break
            c.raw(asked[n:n + 1])
        self.assertTrue(cut)
        self.assertLess(time.monotonic() - started, 6)
        # slowly, yet in time
        c = self.dial(d)
        for n in range(len(asked)):
            c.raw(asked[n:n + 1])
        self.assertEqual(c.answer(99, 1), data[:1])

    def test_an_end_is_prompt(self):
        data = film(24 * MIB, 6)
        d, _ = self.serve({"a.jpg": data})
        for n in range(20):
            c = self.dial(d, receive_buffer=4096)
            for k in range(24 if n % 2 else 0):
                c.ask(photo_id(data), k * MIB, MIB)
        started = time.monotonic()
        self.assertEqual(d.end(), 0)
        self.assertLess(time.monotonic() - started, 3)

    def test_a_rate(self):
        data = film(2 * MIB, 7)
        d, _ = self.serve({"a.jpg": data}, "holder", "--serve-rate", "1M")
        one, two = self.dial(d), self.dial(d)
        started = time.monotonic()
        asked = [(c, c.ask(photo_id(data), 0, MIB)) for c in (one, two)]
        for c, r in asked:
            self.assertEqual(c.answer(r, MIB), data[:MIB])
        self.assertGreater(time.monotonic() - started, 1.6)


# A file that is another, or none: not here, if the watcher was first.
WATCHED = (CHANGED, NOT_HERE)


class Changes(Base):
    def refused(self, c, photo, codes=(CHANGED,)):
        with self.assertRaises(Refused) as no:
            c.fetch(photo, 0, 1000)
        self.assertIn(no.exception.code, codes)

    def test_a_file_that_changes(self):
        """changed since it was indexed: refused, and looked at again"""
        data = [film(8 * MIB, 10 + n) for n in range(5)]
        d, folder = self.serve({"%d.jpg" % n: x
                                for n, x in enumerate(data)})
        photos = [photo_id(x) for x in data]
        path = [os.path.join(folder, "%d.jpg" % n) for n in range(5)]
        # Truncated between two requests; written over, size and mtime kept;
        # touched only; removed; another put into its place.
        c = [self.dial(d) for _ in range(5)]
        for n in range(5):
            self.assertEqual(c[n].fetch(photos[n], 0, MIB), data[n][:MIB])
        os.truncate(path[0], 5 * MIB)
        st = os.stat(path[1])
        with open(path[1], "r+b") as f:
            f.write(film(MIB, 99))
        os.utime(path[1], ns=(st.st_atime_ns, st.st_mtime_ns))
        os.utime(path[2])
        os.unlink(path[3])
        put(folder, "new", film(8 * MIB, 98))
        os.replace(os.path.join(folder, "new"), path[4])
        for n in range(5):
            if n == 2:
                self.served(c[n], data[n])  # or changed: never not here
            else:
                self.refused(c[n], photos[n], WATCHED)
        # It is looked at again by itself: the touched one is served soon,
        # and listed all the time.

        def as_they_are():
            listed = own_photos(self.mesh, d)
            self.assertIn(photos[2], listed)
            return not {photos[n] for n in (0, 1, 3, 4)} & set(listed)
        wait_until(as_they_are,
                   "the changed ones to be listed as what they are")
        wait_until(lambda: self.served(c[2], data[2]),
                   "the touched file to be served again")
        self.assertIn(photos[2], own_photos(self.mesh, d))
        for n in (0, 1, 3, 4):
            self.refused(c[n], photos[n], (NOT_HERE,))

    def hooked(self):
        if b"PHOTOMESH_FS_TYPE" not in open(self.mesh.photod, "rb").read():
            self.skipTest("a build without test hooks")

    def reads(self, d):
        return d.photo("--json", "status").json[0]["scan"]["read_files"]

    def served(self, c, data):
        try:
            return c.fetch(photo_id(data), 5, 10) == data[5:15]
        except Refused as no:
            self.assertEqual(no.code, CHANGED)
            return False

    def test_only_its_path_is_looked_at(self):
        """what is asked for and has changed is looked at, and nothing else"""
        self.hooked()
        data = [film(1000, 150 + n) for n in range(40)]
        # Nothing else tells that daemon of changes: a network file system,
        # which it looks at once a minute.
        d, folder = self.serve({"%d.jpg" % n: x for n, x in enumerate(data)},
                               env={"PHOTOMESH_FS_TYPE": "0x6969"})
        c = self.dial(d)
        before = d.rested()
        os.unlink(os.path.join(folder, "0.jpg"))
        for n in range(1, 40):
            os.utime(os.path.join(folder, "%d.jpg" % n))
        self.refused(c, photo_id(data[0]))
        wait_until(lambda: photo_id(data[0]) not in own_photos(self.mesh, d),
                   "the one that is gone to vanish")
        self.assertEqual(self.reads(d), before)
        self.refused(c, photo_id(data[1]))
        wait_until(lambda: self.served(c, data[1]),
                   "the touched file to be served again")
        # Some times, if we asked before it was written down; no other.
        self.assertGreater(self.reads(d), before)
        self.assertLess(self.reads(d), before + 20)
        self.refused(c, photo_id(data[2]))

    def test_inodes_that_do_not_last(self):
        """a file that intake takes for the same is served, other inode or not
        """
        self.hooked()
        data = film(MIB, 60)
        d, folder = self.serve({"a.jpg": data},
                               env={"PHOTOMESH_FS_TYPE": "0x4d44"})
        before = d.rested()
        path = os.path.join(folder, "a.jpg")
        st = os.stat(path)
        copy = os.path.join(self.mesh.folder("outside"), "copy")
        shutil.copyfile(path, copy)
        os.utime(copy, ns=(st.st_atime_ns, st.st_mtime_ns))
        os.rename(copy, path)
        self.assertNotEqual(os.stat(path).st_ino, st.st_ino)
        self.assertEqual(self.dial(d).get(photo_id(data)), data)
        # What was told of is read there, once; to serve it is no reason.
        self.assertIn(self.reads(d), (before, before + 1))

    def test_dropped_and_asked_for(self):
        """a photo that has only just come is served as soon as it is listed"""
        d, folder = self.serve({"a.jpg": film(MIB, 70)})
        c = self.dial(d)
        for n in range(10):
            data = film(MIB, 71 + n)
            put(folder, "new-%d.jpg" % n, data)
            wait_until(lambda: photo_id(data) in own_photos(self.mesh, d),
                       "the new photo to be listed")
            self.assertEqual(c.get(photo_id(data)), data)

    def test_truncated_in_the_midst(self):
        """truncated while it is sent: refused; no SIGBUS, as of a mapping"""
        data = film(24 * MIB, 20)
        d, folder = self.serve({"a.jpg": data})
        photo, path = photo_id(data), os.path.join(folder, "a.jpg")
        c = self.dial(d, receive_buffer=4096)
        asked = [c.ask(photo, n * MIB, MIB) for n in range(24)]
        self.assertEqual(c.answer(asked[0], MIB), data[:MIB])
        os.truncate(path, 12 * MIB + 100)
        good = refused = 0
        for n in range(1, 24):
            try:
                self.assertEqual(c.answer(asked[n], MIB),
                                 data[n * MIB:(n + 1) * MIB])
                self.assertFalse(refused)
                good += 1
            except Refused as no:
                self.assertIn(no.code, (CHANGED, NOT_HERE))
                refused += 1
        self.assertGreater(refused, 10)

    def test_truncated_in_an_answer(self):
        """truncated in the midst of one answer, which is not looked at again
        before its end: the same"""
        data = film(MIB, 25)
        # It takes four seconds.
        d, folder = self.serve({"a.jpg": data}, "holder", "--serve-rate",
                               "256K")
        c = self.dial(d)
        request = c.ask(photo_id(data), 0, MIB)
        kind, _, fields = c.hear()
        self.assertEqual(kind, CHUNK)
        first = fields["data"]
        self.assertEqual(first, data[:len(first)])
        os.truncate(os.path.join(folder, "a.jpg"), 100)
        with self.assertRaises(Refused) as no:
            c.answer(request, MIB - len(first))
        self.assertIn(no.exception.code, WATCHED)
        self.assertEqual(d.photo("status").code, 0)

    def test_links_lead_nowhere(self):
        """no link in a path is followed, whatever it leads to"""
        data, secret = film(MIB, 30), film(MIB, 31)
        d, folder = self.serve({"in/a.jpg": data, "b.jpg": secret})
        outside = os.path.join(self.mesh.folder("outside"), "in")
        # The very same file, by another way: moved out, a link in its place.
        shutil.move(os.path.join(folder, "in"), outside)
        os.symlink(outside, os.path.join(folder, "in"))
        c = self.dial(d)
        self.refused(c, photo_id(data), WATCHED)
        os.rename(os.path.join(folder, "b.jpg"),
                  os.path.join(outside, "b.jpg"))
        os.symlink(os.path.join(outside, "b.jpg"),
                   os.path.join(folder, "b.jpg"))
        self.refused(c, photo_id(secret), WATCHED)
        os.unlink(os.path.join(folder, "b.jpg"))
        os.mkfifo(os.path.join(folder, "b.jpg"))
        for _ in range(3):
            with self.assertRaises(Refused):
                c.fetch(photo_id(secret), 0, 1)
        self.assertEqual(d.photo("list").code, 0)

    def test_another_copy_will_do(self):
        """where one copy is gone, another one of this node is taken"""
        data = film(2 * MIB, 40)
        d, folder = self.serve({"a.jpg": data, "b/b.jpg": data,
                                "c.jpg": data})
        c = self.dial(d)
        for name in ("a.jpg", "b/b.jpg"):
            os.unlink(os.path.join(folder, name))
            self.assertEqual(c.get(photo_id(data)), data)
        os.unlink(os.path.join(folder, "c.jpg"))
        with self.assertRaises(Refused):
            c.get(photo_id(data))


class Consent(Base):
    """The owner's word, in every order."""
    REQUESTS, DECIDE, WATCH = 62, 64, 41

    def setUp(self):
        super().setUp()
        self.data = [film(MIB, 50 + n) for n in range(3)]
        self.photos = [photo_id(x) for x in self.data]
        self.folder = self.mesh.folder("bob")
        for n, x in enumerate(self.data):
            put(self.folder, "%d.jpg" % n, x)
        self.alice = Identity()

    def start(self, share):
        d = self.mesh.start(self.folder, "--share", share)
        self.indexed(d, self.data)
        return d

    def get(self, c, photo):
        return c.get(photo)

    def code(self, d, n, identity=None):
        """0: they let us have it."""
        with self.dial(d, identity or self.alice) as c:
            nonce = bytes(32)
            self.assertEqual(c.prove(self.photos[n], nonce), hashlib.sha256(
                nonce + self.data[n]).digest())
            try:
                self.assertEqual(self.get(c, self.photos[n]), self.data[n])
                return 0
            except Refused as no:
                return no.code

    def requests(self, d):
        with Client(self.mesh, d.port) as c:
            return c.ask(self.REQUESTS)

    def decide(self, d, what, allow, always=False):
        with Client(self.mesh, d.port) as c:
            return c.ask(self.DECIDE, {"what": what, "allow": allow,
                                       "always": always})["count"]

    def test_none(self):
        d = self.start("none")
        self.assertEqual([self.code(d, n) for n in range(3)], [8, 8, 8])
        told = self.requests(d)
        self.assertEqual((told["requests"], told["share"]), ([], 2))
        self.assertEqual(d.photo("list").code, 0)
        with Client(self.mesh, d.port) as c:
            self.assertEqual(len(c.photos()), 3)

    def test_ask_approve_deny(self):
        d = self.start("ask")
        with Client(self.mesh, d.port) as watcher:
            watcher.socket.sendall(frame(self.WATCH, 900, {}))
            watcher.status()
            self.assertEqual([self.code(d, n) for n in (0, 1, 0)], [7, 7, 7])
            events = []
            while len(events) < 2:
                kind, request, e = watcher.hear()
                if request == 900 and e["event"] == "request":
                    events.append(e)
        self.assertEqual([(e["node"], e["photo"], e["photo_name"], e["count"])
                          for e in events],
                         [(self.alice.id, self.photos[n], b"%d.jpg" % n,
                           n + 1) for n in (0, 1)])
        told = self.requests(d)
        self.assertEqual(told["share"], 1)
        self.assertEqual([(r[0], r[1], r[3], r[4], r[5])
                          for r in told["requests"]],
                         [(n + 1, self.alice.id, self.photos[n],
                           b"%d.jpg" % n, 0) for n in (0, 1)])
        week = 7 * 24 * 3600 * 1000
        for r in told["requests"]:
            self.assertEqual(r[7] - r[6], week)
        # Each by itself; nobody else's; changed later; said twice.
        self.assertEqual(self.decide(d, "1", True), 1)
        self.assertEqual(self.decide(d, "1", True), 0)
        self.assertEqual(self.decide(d, "2", False), 1)
        self.assertEqual([self.code(d, n) for n in range(3)], [0, 8, 7])
        self.assertEqual(self.code(d, 0, Identity()), 7)
        self.assertEqual(self.decide(d, "2", True), 1)
        self.assertEqual(self.decide(d, "1", False), 1)
        self.assertEqual([self.code(d, n) for n in range(3)], [8, 0, 7])
        with self.assertRaises(OSError) as no:
            self.decide(d, "99", True)
        self.assertIn("error 17", str(no.exception))
        with self.assertRaises(OSError) as no:
            self.decide(d, "nobody", True)
        self.assertIn("error 17", str(no.exception))

    def test_while_it_is_fetched(self):
        d = self.start("ask")
        self.assertEqual(self.code(d, 0), 7)
        self.decide(d, "1", True)
        c = self.dial(d, self.alice)
        self.assertEqual(c.fetch(self.photos[0], 0, 5), self.data[0][:5])
        self.decide(d, "1", False)
        with self.assertRaises(Refused) as no:
            c.fetch(self.photos[0], 5, 5)
        self.assertEqual(no.exception.code, 8)

    def test_remembered(self):
        d = self.start("ask")
        self.assertEqual([self.code(d, n) for n in (0, 1)], [7, 7])
        self.decide(d, "1", True)
        before = self.requests(d)["requests"]
        d.kill()
        d = self.start("ask")
        self.assertEqual(self.requests(d)["requests"], before)
        self.assertEqual([self.code(d, n) for n in range(3)], [0, 7, 7])
        # A rule answers what waits, and what is still to come.
        self.assertEqual(self.decide(d, "2", False, always=True), 2)
        self.assertEqual(d.end(), 0)
        d = self.start("ask")
        told = self.requests(d)
        self.assertEqual([(r[0], r[2]) for r in told["rules"]],
                         [(self.alice.id, False)])
        self.assertEqual([self.code(d, n) for n in range(3)], [8, 8, 8])
        self.assertEqual(self.code(d, 0, Identity()), 7)
        d.end()
        d = self.start("open")
        self.assertEqual(self.code(d, 0), 8)
        self.assertEqual(self.code(d, 0, Identity()), 0)

    def test_by_the_name_of_a_node(self):
        d = self.start("ask")
        with Member(self.mesh, d.port, name="carol") as carol:
            carol.joined()
            self.assertEqual([self.code(d, n, carol.identity)
                              for n in (0, 1)], [7, 7])
            self.assertEqual(self.code(d, 0), 7)
            self.assertTrue(carol.until(lambda: {
                r[2] for r in self.requests(d)["requests"]
                if r[1] == carol.id} == {"carol"}))
            self.assertEqual(self.decide(d, "carol", True, always=True), 2)
            self.assertEqual([self.code(d, n, carol.identity)
                              for n in range(3)], [0, 0, 0])
        self.assertEqual(self.code(d, 0), 7)

    def test_too_many_wait(self):
        files = {"%d.jpg" % n: film(100, 1000 + n) for n in range(258)}
        d, _ = self.serve(files, "many", "--share", "ask")
        with self.dial(d, self.alice) as c:
            for x in files.values():
                with self.assertRaises(Refused) as no:
                    self.get(c, photo_id(x))
                self.assertEqual(no.exception.code, 7)
        self.assertEqual(len(self.requests(d)["requests"]), 256)


class ConsentHanded(Consent):
    """The same words where files are handed over."""

    def get(self, c, photo):
        return c.get_handed(photo)


if __name__ == "__main__":
    tap.main()
