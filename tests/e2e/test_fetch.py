"""Fetching: a descriptor is filled with exactly the photo, or not at all.

The asker is a real daemon with an empty folder; the holders are members of
other make (tests/lib/holder.py), honest or not.  Whatever they do, nothing is
ever reported GOT that does not hash to its id, and the daemon stays well.
"""
import contextlib
import hashlib
import os
import resource
import select
import shutil
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from holder import (CHANGED, CHUNK, DENIED, MIB, NOT_HERE,  # noqa: E402
                    PROVE_HELD, ROOTS, WAITING, HAVE, Failed, Getter, Holder,
                    honestly, photo_id)
from mesh import Mesh, wait_until  # noqa: E402
from talk import Client, frame, settle  # noqa: E402

JPEG = b"\xff\xd8\xff\xe0"


def photo(size, seed=1):
    return (JPEG + hashlib.shake_128(struct.pack(">Q", seed)).digest(
        max(size, 4)))[:size]


class World(unittest.TestCase):
    args = ()

    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(lambda: self.mesh.__exit__(None, None, None))
        self.folder = self.mesh.folder("asker")
        self.asker = self.start()

    def start(self, **kw):
        return self.mesh.start(self.folder, *self.args, name="asker", **kw)

    def holder(self, name, photos, **kw):
        h = Holder(self.mesh, self.asker.port, name, photos, **kw)
        self.addCleanup(h.close)

        def listed():
            with Client(self.mesh, self.asker.port) as c:
                seen = c.photos()
                return all(any(r[0].startswith(name) for r in seen[p][1])
                           for p in h.photos if p in seen) and \
                    all(p in seen for p in h.photos)
        wait_until(listed, "the photos of %s to be listed" % name)
        return h

    def getter(self):
        g = Getter(self.mesh, self.asker.port, 60)
        self.addCleanup(g.socket.close)
        return g

    def path(self, name="part"):
        return os.path.join(self.mesh.dir, name)

    def fails(self, data, code, path=None):
        with self.assertRaises(Failed) as e:
            self.getter().get(photo_id(data), path or self.path())
        self.assertIn(e.exception.code, code if isinstance(code, tuple)
                      else (code,), e.exception.text)
        return e.exception.text

    def open_there(self, path_or_pipe):
        """How often the asker has it open.  (How many descriptors it has in
        all goes up and down with scans and readers.)"""
        st = os.stat(path_or_pipe)
        count = 0
        for fd in os.listdir("/proc/%d/fd" % self.asker.pid):
            try:
                it = os.stat("/proc/%d/fd/%s" % (self.asker.pid, fd))
            except OSError:
                continue
            count += (it.st_dev, it.st_ino) == (st.st_dev, st.st_ino)
        return count


class Honest(World):
    def test_sizes(self):
        """every size, byte by byte, and ranges of it"""
        photos = [photo(n, n) for n in (
            0, 1, 4096, MIB - 1, MIB, MIB + 1, 4 * MIB, 9 * MIB + 17)]
        h = self.holder("bob", photos)
        g = self.getter()
        for i, data in enumerate(photos):
            got, have = g.get(photo_id(data), self.path(str(i)))
            self.assertEqual(have, data)
            self.assertEqual((got["bytes"], got["fetched"], got["resumed"]),
                             (len(data), len(data), 0))
            self.assertEqual(got["name"], "bob" if data else "")
        self.assertLessEqual(h.channels, 2)
        got, have = g.get(photo_id(photos[-1]), self.path("range"),
                          offset=MIB - 5, length=2 * MIB + 9)
        self.assertEqual(have, photos[-1][MIB - 5:3 * MIB + 4])
        for bad in ({"offset": 9 * MIB + 17, "length": 1},
                    {"offset": 1, "length": 0}):
            with self.assertRaises(Failed) as e:
                g.get(photo_id(photos[-1]), self.path("range"), **bad)
            self.assertEqual(e.exception.code, 16)
        self.fails(b"unheard of", 17)

    def test_own_copy(self):
        """what lies here is copied from here, and listed roots are told"""
        data = photo(3 * MIB + 1)
        with open(os.path.join(self.folder, "a.jpg"), "wb") as f:
            f.write(data)
        self.asker.photo("rescan")
        self.mesh.guard(self.folder)
        g = self.getter()
        got, have = g.get(photo_id(data), self.path())
        self.assertEqual(have, data)
        self.assertEqual((got["fetched"], got["name"]), (0, "asker"))
        roots = g.ask(ROOTS)["roots"]
        self.assertEqual([(r[2], r[3]) for r in roots],
                         [(self.folder.encode(), True)])
        self.assertGreater(roots[0][4], 0)

    def test_brand_new(self):
        """a photo is given out, and proven, the moment it is listed"""
        other = self.mesh.start(self.mesh.folder("other"))
        g, there = self.getter(), Getter(self.mesh, other.port, 60)
        self.addCleanup(there.socket.close)
        nonce = os.urandom(32)
        for i in range(10):
            data = photo(MIB // 8 + i, i)
            with open(os.path.join(self.folder, "%d.jpg" % i), "wb") as f:
                f.write(data)
            g.rescan()
            got, have = g.get(photo_id(data), self.path("%d" % i))
            self.assertEqual((have, got["name"]), (data, "asker"))
            wait_until(lambda: photo_id(data) in there.photos(), "it there")
            got, have = there.get(photo_id(data), self.path("%d-" % i))
            self.assertEqual((have, got["fetched"]), (data, len(data)))
            proofs = there.ask(PROVE_HELD, {"photo": photo_id(data),
                                            "nonce": nonce})["proofs"]
            self.assertEqual([p[1:] for p in proofs],
                             [[0, hashlib.sha256(nonce + data).digest()]])

    def test_have_and_proofs(self):
        """who holds what, and proofs of it"""
        a, b = photo(5000, 1), photo(2 * MIB, 2)
        self.holder("bob", [a, b])
        self.holder("carol", [a])
        g = self.getter()
        answer = g.ask(HAVE, {"files": [[photo_id(a), a[:16]],
                                        [photo_id(b), b""],
                                        [photo_id(b"new"), b"new"]]})
        names = [n[1] for n in answer["nodes"]]
        files = [(t, k, sorted(names[i] for i in hs))
                 for t, k, hs in answer["files"]]
        self.assertEqual(files, [("image/jpeg", True, ["bob", "carol"]),
                                 ("", True, ["bob"]), ("", False, [])])
        nonce = os.urandom(32)
        proofs = g.ask(PROVE_HELD, {"photo": photo_id(a),
                                    "nonce": nonce})["proofs"]
        sums = {p[0][1]: (p[1], p[2]) for p in proofs}
        right = hashlib.sha256(nonce + a).digest()
        self.assertEqual(sums, {"bob": (0, right), "carol": (0, right)})

    def test_proofs_that_take_long(self):
        """while many proofs are waited for, photos come"""
        a, b = photo(5000, 1), photo(2 * MIB, 2)
        asked, over = [], threading.Event()

        def prove(channel, fields):
            asked.append(fields)
            over.wait(60)
            raise ConnectionError
        self.holder("eve", [a], prove=prove)
        self.holder("bob", [b])
        clients = [self.getter() for _ in range(12)]
        for g in clients:
            g.socket.sendall(frame(PROVE_HELD, 99, {
                "photo": photo_id(a), "nonce": os.urandom(32)}))
        wait_until(lambda: len(asked) == 4, "half of the threads to wait")
        started = time.monotonic()
        got, have = self.getter().get(photo_id(b), self.path())
        self.assertEqual(have, b)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(len(asked), 4)
        over.set()
        for g in clients:
            what, request, answer = g.hear()
            self.assertEqual((what, request), (59, 99))
            self.assertEqual([p[1] for p in answer["proofs"]], [21])

    def test_several(self):
        """a large photo comes from several at once, each piece once"""
        all_asked, met = threading.Barrier(3), set()

        def slowly(channel, f):
            if channel.holder not in met:  # nobody is done before all begin
                met.add(channel.holder)
                all_asked.wait(20)
            select.select([], [], [], 0.02)
            honestly(channel, f)
        data = photo(40 * MIB)
        hs = [self.holder(n, [data], serve=slowly)
              for n in ("bob", "carol", "dave")]
        got, have = self.getter().get(photo_id(data), self.path())
        self.assertEqual(have, data)
        asked = [[f["offset"] for w, f in h.asked] for h in hs]
        self.assertGreater(min(len(a) for a in asked), 3, asked)
        self.assertEqual(sorted(sum(asked, [])),
                         [i * MIB for i in range(40)])

    def test_rate(self):
        """--fetch-rate holds"""
        self.asker.end()
        self.args = ("--fetch-rate", "4M")
        self.asker = self.start()
        data = photo(8 * MIB)
        self.holder("bob", [data])
        started = time.monotonic()
        got, have = self.getter().get(photo_id(data), self.path())
        self.assertEqual(have, data)
        self.assertGreater(time.monotonic() - started, 1.5)

    def test_many_at_once(self):
        """two hundred at once, from two holders"""
        photos = [photo(20000 + i, i) for i in range(200)]
        self.holder("bob", photos)
        self.holder("carol", photos[:100])
        clients = [self.getter() for _ in range(20)]
        bad = []

        def some(k):
            for i in range(k, 200, 20):
                _, have = clients[k].get(photo_id(photos[i]),
                                         self.path(str(i)))
                if have != photos[i]:
                    bad.append(i)
        threads = [threading.Thread(target=some, args=(k,))
                   for k in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(bad, [])
        self.assertFalse([t for t in threads if t.is_alive()])
        for g in clients:
            g.socket.close()
        self.assertEqual([i for i in range(200)
                          if self.open_there(self.path(str(i)))], [])


class Interrupted(World):
    def cut_after(self, limit, then):
        """Serve honestly until `limit` bytes are out, then do `then`."""
        seen = [0]

        def serve(channel, f):
            if seen[0] >= limit:
                return then(channel)
            seen[0] += f["length"]
            honestly(channel, f)
        return serve

    def test_holder_stops(self):
        """one that stalls, hangs up, changes or denies: another goes on"""
        def stall(_):
            time.sleep(30)

        def hang_up(_):
            raise ConnectionError

        for i, then in enumerate((
                stall, hang_up, lambda ch: ch.error(CHANGED),
                lambda ch: ch.error(NOT_HERE), lambda ch: ch.error(DENIED),
                lambda ch: ch.error(WAITING))):
            data = photo(20 * MIB, 100 + i)
            bob = self.holder("bob%d" % i, [data],
                              serve=self.cut_after(3 * MIB, then))
            carol = self.holder("carol%d" % i, [data])
            started = time.monotonic()
            got, have = self.getter().get(photo_id(data), self.path(str(i)))
            self.assertEqual(have, data)
            self.assertLess(time.monotonic() - started, 30)
            self.assertLessEqual(got["fetched"], 24 * MIB)
            bob.close()
            carol.close()

    def test_holder_drips(self):
        """frames with a byte each: for who is free that is too slow"""
        def drip(channel, f):
            while True:
                channel.say(CHUNK, channel.request, {"data": b"x"})
                select.select([], [], [], 0.5)
        data = photo(3 * MIB)
        self.holder("bob", [data], serve=drip)
        self.holder("carol", [data])
        started = time.monotonic()
        got, have = self.getter().get(photo_id(data), self.path())
        self.assertEqual((have, got["name"]), (data, "carol"))
        self.assertLess(time.monotonic() - started, 60)

    def test_requester_killed(self):
        """the daemon killed midway: at most 4 MiB are fetched again"""
        data = photo(24 * MIB)
        reached = threading.Event()

        def serve(channel, f):
            if f["offset"] >= 12 * MIB and not reached.is_set():
                reached.set()
                raise ConnectionError
            honestly(channel, f)
        bob = self.holder("bob", [data], serve=lambda ch, f: serve(ch, f)
                          if not reached.is_set() else time.sleep(60))
        g = self.getter()
        fd = os.open(self.path(), os.O_RDWR | os.O_CREAT)
        g.begin(photo_id(data), fd)
        self.assertTrue(reached.wait(20))
        self.asker.kill()
        bob.close()
        # In a copy of what is there a byte rots meanwhile.
        at = 5 * MIB + 7
        shutil.copyfile(self.path(), self.path("rot"))
        with open(self.path("rot"), "r+b") as f:
            f.seek(at)
            self.assertEqual(f.read(1), data[at:at + 1])
            f.seek(at)
            f.write(bytes([data[at] ^ 1]))
        self.asker = self.start()
        bob = self.holder("bob2", [data])
        got, have = self.getter().get(photo_id(data), self.path())
        os.close(fd)
        self.assertEqual(have, data)
        self.assertEqual(got["fetched"] + got["resumed"], len(data))
        self.assertGreaterEqual(got["resumed"], 8 * MIB)
        # the rotten byte is found: its piece is fetched afresh, no other
        del bob.asked[:]
        rot, have = self.getter().get(photo_id(data), self.path("rot"))
        self.assertEqual(have, data)
        self.assertEqual((rot["fetched"], rot["resumed"]),
                         (got["fetched"] + MIB, got["resumed"] - MIB))
        self.assertIn(5 * MIB, [f["offset"] for _, f in bob.asked])
        # what has no notes is begun afresh, be it right
        with open(self.path("bare"), "wb") as f:
            f.write(data[:8 * MIB])
        bare, have = self.getter().get(photo_id(data), self.path("bare"))
        self.assertEqual(have, data)
        self.assertEqual((bare["fetched"], bare["resumed"]), (len(data), 0))

    def test_vanishes_for_good(self):
        """who sent is gone, and who is here never sends: patience for ten
        seconds, not for the minute of who was seen to send; then names"""
        data = photo(8 * MIB)
        bob = self.holder("bob", [data], serve=self.cut_after(
            2 * MIB, lambda ch: time.sleep(60)))
        carol = self.holder("carol", [data], serve=lambda ch, f:
                            select.select([], [], [], 60))
        g = self.getter()
        fd = os.open(self.path(), os.O_RDWR | os.O_CREAT)
        serial = g.begin(photo_id(data), fd)
        wait_until(lambda: len(bob.asked) > 2, "the third FETCH")
        bob.close()
        started = time.monotonic()
        with self.assertRaises(Failed) as e:
            g.finish(serial)
        self.assertEqual(e.exception.code, 21)
        self.assertIn("away: ", e.exception.text)
        self.assertIn("bob", e.exception.text)
        self.assertIn("carol", e.exception.text)
        self.assertGreater(len(carol.asked), 1)
        self.assertIn(3, g.states)
        self.assertLess(time.monotonic() - started, 30)
        carol.close()
        wait_until(lambda: [p["state"] for p in self.mesh.peers(self.asker)
                            if p["name"] == "carol"] == ["gone"],
                   "carol to be gone")
        # nobody there from the start: said at once
        self.fails(data, 21, self.path("other"))
        os.close(fd)

    def test_consent(self):
        """waiting takes no thread, is told, and ends with a yes"""
        data = photo(MIB + 5)
        asked = [0]

        def serve(channel, f):
            asked[0] += 1
            if asked[0] <= 3:
                return channel.error(WAITING)
            honestly(channel, f)
        self.holder("bob", [data], serve=serve, share=1)
        g = self.getter()
        got, have = g.get(photo_id(data), self.path())
        self.assertEqual(have, data)
        self.assertIn(2, g.states)
        told = [t for t in g.told if t["state"] == 2]
        self.assertEqual(told[0]["name"], "bob")
        none = photo(5000, 9)
        self.holder("carol", [none], share=2)
        self.assertIn("carol", self.fails(none, 20))

    def test_client_leaves(self):
        """a client that hangs up withdraws its GETs; SIGTERM ends the rest"""
        data = photo(8 * MIB)
        self.holder("bob", [data], serve=self.cut_after(
            2 * MIB, lambda ch: time.sleep(60)))
        paths = [self.path(str(i)) for i in range(10)]

        def under_way():
            return sum(self.open_there(p) > 0 for p in paths)
        gs = [self.getter() for _ in range(10)]
        for i, g in enumerate(gs):
            fd = os.open(paths[i], os.O_RDWR | os.O_CREAT)
            g.begin(photo_id(data), fd)
            os.close(fd)
        wait_until(lambda: under_way() == 10, "the GETs to begin")
        for g in gs[:9]:
            g.socket.close()
        wait_until(lambda: under_way() == 1, "nine of them to end")
        started = time.monotonic()
        self.assertEqual(self.asker.end(), 0)
        self.assertLess(time.monotonic() - started, 5)

    def test_full(self):
        """a destination that cannot hold it: the client is told why"""
        data = photo(8 * MIB)
        self.holder("bob", [data])
        resource.prlimit(self.asker.pid, resource.RLIMIT_FSIZE,
                         (4 * MIB, resource.RLIM_INFINITY))
        self.assertIn("too large", self.fails(data, 4))
        resource.prlimit(self.asker.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        got, have = self.getter().get(photo_id(data), self.path())
        self.assertEqual(have, data)
        fd = os.open(self.path(), os.O_RDONLY)
        g = self.getter()
        with self.assertRaises(Failed) as e:
            g.finish(g.begin(photo_id(data), fd))
        self.assertEqual(e.exception.code, 4)
        os.close(fd)


LARGE = int(os.environ.get("PM_LARGE_MIB", 300)) * MIB
TLS = ("--serve-rate", "1000G")  # so that nothing is handed over


class Daemons(unittest.TestCase):
    """Between real daemons, over TLS (tests/e2e/test_handed.py: the other
    way)."""

    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(lambda: self.mesh.__exit__(None, None, None))

    def path(self, name="part"):
        return os.path.join(self.mesh.dir, name)

    def getter(self, daemon):
        g = Getter(self.mesh, daemon.port, 60)
        self.addCleanup(g.socket.close)
        return g

    def big(self, name, data, *args):
        folder = self.mesh.folder(name)
        with open(os.path.join(folder, "big.jpg"), "wb") as f:
            f.write(data)
        return self.mesh.start(folder, *args)

    def holders_known(self, asker, data, count):
        def known():
            with Client(self.mesh, asker.port) as c:
                seen = c.photos().get(photo_id(data))
                return seen and len(seen[1]) == count
        wait_until(known, "%d copies to be known" % count)

    def test_samples(self):
        """every sample file, from whoever has it"""
        daemons = self.mesh.start_samples()
        settle(self.mesh, daemons, 26)
        g = self.getter(daemons[0])
        with Client(self.mesh, daemons[0].port) as c:
            photos = c.photos()
        for i, photo in enumerate(photos):
            got, have = g.get(photo, self.path(str(i)))
            self.assertEqual(photo_id(have), photo)
            own = any(r[0] == "alice" for r in photos[photo][1])
            self.assertEqual(got["fetched"], 0 if own else len(have))

    def watch_memory(self, daemons):
        """From now on; a function that ends it: the most that any took."""
        most, over = [0], threading.Event()

        def watch():
            while not over.wait(0.02):
                for d in daemons:
                    with contextlib.suppress(OSError):  # killed meanwhile
                        most[0] = max(most[0], d.rss_bytes())
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()

        def end():
            over.set()
            thread.join()
            return most[0]
        self.addCleanup(end)
        return end

    def test_large(self):
        """300 MB, from two at once, resumed after the asker was killed; no
        daemon ever holds much of it in memory (that in the release build)"""
        data = photo(LARGE)
        daemons = [self.big(n, data, *TLS) for n in ("bob", "carol")]
        bob, carol = daemons
        folder = self.mesh.folder("asker")
        daemons.append(self.mesh.start(folder, "--fetch-rate", "200M"))
        asker = daemons[2]
        self.holders_known(asker, data, 2)
        most = self.watch_memory(daemons)
        g = self.getter(asker)
        fd = os.open(self.path(), os.O_RDWR | os.O_CREAT)
        g.begin(photo_id(data), fd)
        while g.hear()[2].get("bytes", 0) < LARGE // 4:
            pass
        asker.kill()
        asker = self.mesh.start(folder)
        daemons.append(asker)
        self.holders_known(asker, data, 2)
        g = self.getter(asker)
        got, have = g.get(photo_id(data), self.path())
        os.close(fd)
        most = most()
        self.assertEqual(hashlib.sha256(have).digest(),
                         hashlib.sha256(data).digest())
        self.assertEqual(got["resumed"] + got["fetched"], len(data))
        self.assertGreaterEqual(got["resumed"], LARGE // 4 - 4 * MIB)
        if "asan" not in self.mesh.build:
            print("# %.1f MiB of memory at most" % (most / MIB))
            self.assertLess(most, 24 * MIB)
            self.assertGreater(most, 0)
        for d in (bob, carol):
            self.assertTrue(d.alive())

    def test_holder_in_trouble(self):
        """killed, stopped, truncated or rewritten midway: another goes on"""
        def kill(d):
            d.kill()

        def stop(d):
            d.stop()

        def truncate(d):
            os.truncate(self.path("photos/%s/big.jpg" % d.name), MIB)

        def rewrite(d):
            with open(self.path("photos/%s/big.jpg" % d.name), "r+b") as f:
                f.seek(5 * MIB)
                f.write(bytes(20 * MIB))
        asker = self.mesh.start(self.mesh.folder("asker"))
        g = self.getter(asker)
        for i, harm in enumerate((kill, stop, truncate, rewrite)):
            data = photo(40 * MIB, i)
            bob = self.big("bob%d" % i, data, "--serve-rate", "10M")
            carol = self.big("carol%d" % i, data, *TLS)
            self.holders_known(asker, data, 2)
            carol.stop()
            fd = os.open(self.path(str(i)), os.O_RDWR | os.O_CREAT)
            serial = g.begin(photo_id(data), fd)
            while g.hear()[2].get("bytes", 0) < 4 * MIB:
                pass
            carol.go_on()
            harm(bob)
            g.finish(serial)
            os.close(fd)
            with open(self.path(str(i)), "rb") as f:
                self.assertEqual(photo_id(f.read()), photo_id(data))
            for d in (bob, carol):
                if d.alive():
                    if d.stopped:
                        d.go_on()
                    d.kill()


class Hostile(World):
    def lies(self):
        other = photo(3 * MIB, 77)

        def wrong(ch, f):
            ch.chunks(bytes(f["length"]))

        def others(ch, f):
            ch.chunks(other[f["offset"]:f["offset"] + f["length"]])

        def too_many(ch, f):
            ch.chunks(bytes(f["length"] + 1))

        def too_few(ch, f):
            ch.chunks(bytes(f["length"] - 1))
            ch.error(4)

        def unasked(ch, f):
            ch.chunks(b"xx", ch.request + 77)

        def empty(ch, f):
            while True:
                ch.say(CHUNK, ch.request, {"data": b""})

        def endless(ch, f):
            while True:
                ch.say(CHUNK, ch.request, {"data": bytes(1 << 18)})

        def too_long(ch, f):
            ch.tls.write(b"\x00\x10\x00\x00" + bytes(MIB))

        def nonsense(ch, f):
            ch.tls.write(frame(CHUNK, ch.request, {"data": 7}))

        def silence(ch, f):
            time.sleep(60)
        return wrong, others, too_many, too_few, unasked, empty, endless, \
            too_long, nonsense, silence

    def test_liars(self):
        """whatever one liar sends, the honest one's bytes are what comes"""
        for i, lie in enumerate(self.lies()):
            data = photo(3 * MIB, i)
            eve = self.holder("eve%d" % i, [data], serve=lie)
            bob = self.holder("bob%d" % i, [data])
            for again in range(2):
                path = self.path("%d-%d" % (i, again))
                got, have = self.getter().get(photo_id(data), path)
                self.assertEqual(have, data, lie.__name__)
            eve.close()
            bob.close()
        self.assertTrue(self.asker.alive())

    def test_alone_with_a_liar(self):
        """only liars: never GOT"""
        for i, lie in enumerate(self.lies()[:3]):
            data = photo(3 * MIB, i)
            eve = self.holder("eve%d" % i, [data], serve=lie)
            self.fails(data, (22, 21), self.path(str(i)))
            eve.close()

    def test_descriptors(self):
        """descriptors nobody asked for, too many of them, cut control data"""
        r, w = os.pipe()
        there = "/proc/self/fd/%d" % w
        with Getter(self.mesh, self.asker.port) as g:
            for _ in range(16):
                socket.send_fds(g.socket, [frame(39, 5, {})], [w])
            g.hear()
            wait_until(lambda: self.open_there(there) == 16, "16 to wait")
            socket.send_fds(g.socket, [b"\0"], [w])
            self.assertRaises(OSError, lambda: [g.hear() for _ in range(99)])
        with Getter(self.mesh, self.asker.port) as g:
            socket.send_fds(g.socket, [b"\0"], [w] * 100)
            self.assertRaises(OSError, g.hear)
        with Getter(self.mesh, self.asker.port) as g:
            self.assertRaises(Failed, lambda: g.finish(
                g.begin(photo_id(b"x"), None)))
            # one descriptor, its frame byte by byte
            data = frame(53, 9, {"photo": photo_id(b"x")})
            for i in range(len(data)):
                if i == 7:
                    socket.send_fds(g.socket, [data[i:i + 1]], [w])
                else:
                    g.socket.sendall(data[i:i + 1])
            what, request, answer = g.hear()
            self.assertEqual((what, request, answer["code"]), (3, 9, 4))
        wait_until(lambda: self.open_there(there) == 0, "them to be closed")
        os.close(w)
        self.assertEqual(os.read(r, 1), b"")  # nobody holds the other end
        os.close(r)


if __name__ == "__main__":
    tap.main()
