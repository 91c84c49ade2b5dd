"""Files that are handed over between daemons of one user on one machine.

First an asker written from PROTOCOL.md against a real holder: what is handed to
whom, and to whom not.  Then real askers against holders that hand over
whatever they like: nothing but the photo is ever reported GOT, and FETCH does
what handing cannot.  Then real daemons, with the holder in trouble.
"""
import hashlib
import os
import socket
import struct
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from channel import (HAND, HATCH_IS, Channel, Refused, claim,  # noqa: E402
                     hatch_name)
from holder import (FETCH, MIB, Failed, Getter, Holder,  # noqa: E402
                    honestly, photo_id)
from member import Identity  # noqa: E402
from mesh import NOBODY, Mesh, wait_until  # noqa: E402
from talk import Client, frame  # noqa: E402

FAILED, NOT_HERE, CHANGED, WAITING, DENIED = 4, 5, 6, 7, 8
NEAR = {"PHOTOMESH_HOST_ID": b"evesHost".hex()}  # of tests/lib/member.py


def photo(size, seed=1):
    return (b"\xff\xd8\xff\xe0" + hashlib.shake_128(
        struct.pack(">Q", seed)).digest(max(size, 4)))[:size]


def opened(pid, path):
    """How often a process has it open."""
    st, count = os.stat(path), 0
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            it = os.stat("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        count += (it.st_dev, it.st_ino) == (st.st_dev, st.st_ino)
    return count


def unix_sockets(pid):
    count = 0
    with open("/proc/net/unix") as f:
        ours = {line.split()[6] for line in f.readlines()[1:]}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            to = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        except OSError:
            continue
        count += to.startswith("socket:[") and to[8:-1] in ours
    return count


class Base(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)

    def path(self, name="part"):
        return os.path.join(self.mesh.dir, name)

    def start(self, name, photos=(), *args, env=None):
        """A daemon over these photos, 0.jpg and so on."""
        folder = self.mesh.folder(name)
        for i, data in enumerate(photos):
            with open(os.path.join(folder, "%d.jpg" % i), "wb") as f:
                f.write(data)
        d = self.mesh.start(folder, *args, env=env)
        d.folder = folder
        self.known(d, photos)
        return d

    def copies(self, d, data):
        with Client(self.mesh, d.port) as c:
            return len(c.photos().get(photo_id(data), (0, ()))[1])

    def known(self, d, photos, copies=1):
        want = {photo_id(x) for x in photos}

        def all_known():
            with Client(self.mesh, d.port) as c:
                seen = c.photos()
                return all(len(seen.get(p, (0, ()))[1]) >= copies
                           for p in want)
        wait_until(all_known, "%d photos to be listed" % len(want))

    def getter(self, d):
        g = Getter(self.mesh, d.port, 60)
        self.addCleanup(g.socket.close)
        return g


class Asked(Base):
    """A real holder, and who asks it."""

    def dial(self, d, *args, **kw):
        c = Channel(self.mesh, d.port, *args, **kw)
        self.addCleanup(c.close)
        return c

    def refused(self, code, what, *args):
        with self.assertRaises(Refused) as no:
            what(*args)
        self.assertEqual(no.exception.code, code)

    def test_handed(self):
        """the very file, for reading, and the holder lets go of it"""
        data = [photo(n, n) for n in (4, MIB, 3 * MIB + 1)]
        d = self.start("bob", data)
        self.mesh.guard(d.folder)
        c = self.dial(d)
        self.assertTrue(c.offers_hatch)
        for i, x in enumerate(data):
            fd = c.hand(photo_id(x))
            there, here = os.stat(os.path.join(d.folder, "%d.jpg" % i)), \
                os.fstat(fd)
            self.assertEqual((there.st_dev, there.st_ino),
                             (here.st_dev, here.st_ino))
            self.assertEqual(os.pread(fd, 1 << 24, 0), x)
            self.assertRaises(OSError, os.pwrite, fd, b"x", 0)
            self.assertEqual(opened(d.pid, os.path.join(
                d.folder, "%d.jpg" % i)), 0)
            os.close(fd)
            # and both ways by turns
            self.assertEqual(c.get(photo_id(x)), x)
            self.assertEqual(c.get_handed(photo_id(x)), x)
        self.refused(NOT_HERE, c.hand, photo_id(b"unheard of"))
        with open(os.path.join(d.folder, "1.jpg"), "r+b") as f:
            f.write(b"other")
        self.mesh.unguard(d.folder)
        with self.assertRaises(Refused) as no:
            c.hand(photo_id(data[1]))
        self.assertIn(no.exception.code, (CHANGED, NOT_HERE))
        # Descriptors go with the channel.
        before = unix_sockets(d.pid)
        c.close()
        wait_until(lambda: unix_sockets(d.pid) == before - 1,
                   "the hatch to be closed")

    def test_tickets(self):
        """good once, for who has it, while it is asked for"""
        data = photo(MIB)
        d = self.start("bob", [data])
        p = photo_id(data)
        # Not claimed; claimed without, or with another ticket.
        c = self.dial(d)
        where = c.open_hatch()
        self.refused(FAILED, c.one, HAND, {"photo": p}, None)
        for wrong in (bytes(16), b"", where["ticket"][:15],
                      where["ticket"] + b"x"):
            where = c.open_hatch()
            s = claim(where, wrong)
            self.refused(FAILED, c.one, HAND, {"photo": p}, None)
            self.assertEqual(s.recv(64), b"")
            s.close()
            with self.assertRaises(OSError):  # nor by the right one, now
                claim(where)
            self.assertEqual(c.get(p), data)
        # Strangers before and behind who has it.
        where = c.open_hatch()
        knocks = [claim(where, bytes(16)), claim(where), claim(where)]
        c.hatch = knocks[1]
        self.assertEqual(c.get_handed(p), data)
        for s in (knocks[0], knocks[2]):
            with self.assertRaises((ConnectionError, BlockingIOError)):
                s.settimeout(5)
                raise ConnectionError if s.recv(64) == b"" else OSError
            s.close()
        self.assertRaises(OSError, claim, where)
        # Another's ticket is of no use on this channel.
        other = self.dial(d)
        where = other.open_hatch()
        c.hatch.close()
        c.hatch = claim(where)
        self.refused(FAILED, c.one, HAND, {"photo": p}, None)
        # A new hatch ends the one before.
        first, second = c.open_hatch(), c.open_hatch()
        self.assertRaises(OSError, claim, first)
        c.hatch.close()
        c.hatch = claim(second)
        self.assertEqual(c.get_handed(p), data)
        # Where nothing is asked for a while nobody can come any more.
        where = c.open_hatch()
        name = hatch_name(where["at"])[1:].decode()

        def gone():
            with open("/proc/net/unix") as f:
                return name not in f.read()
        self.assertFalse(gone())
        wait_until(gone, "the hatch to be closed")
        self.assertRaises(OSError, claim, where)
        self.refused(FAILED, c.one, HAND, {"photo": p}, None)
        self.assertEqual(c.get(p), data)

    def test_another_user(self):
        """the ticket in the hands of another user is worth nothing"""
        if os.geteuid() != 0:
            self.skipTest("needs to be somebody else for a moment")
        data = photo(MIB)
        d = self.start("bob", [data])
        c = self.dial(d)
        where = c.open_hatch()
        said, says = os.pipe()
        thief = os.fork()
        if thief == 0:
            try:
                os.setresuid(NOBODY, NOBODY, NOBODY)
                with claim(where) as s:
                    os.write(says, b"x")
                    s.settimeout(20)
                    os._exit(0 if socket.recv_fds(s, 64, 4)[:2] == (b"", [])
                             else 1)
            except ConnectionResetError:
                os._exit(0)
            finally:
                os._exit(2)
        os.close(says)
        self.assertEqual(os.read(said, 9), b"x")
        os.close(said)
        self.refused(FAILED, c.one, HAND, {"photo": photo_id(data)}, None)
        self.assertEqual(os.waitpid(thief, 0)[1], 0)
        self.assertEqual(c.get(photo_id(data)), data)

    def test_who_does_not_take(self):
        """what is left lying is little, and goes with who left it"""
        data = photo(MIB)
        d = self.start("bob", [data])
        path = os.path.join(d.folder, "0.jpg")
        c = self.dial(d)
        c.hatch = claim(c.open_hatch())
        for n in range(64):
            try:
                c.one(HAND, {"photo": photo_id(data)}, 22)
            except Refused as no:
                self.assertEqual(no.code, FAILED)
                break
        self.assertLess(n, 40)
        self.assertGreater(n, 0)
        self.refused(FAILED, c.one, HAND, {"photo": photo_id(data)}, None)
        self.assertLessEqual(opened(d.pid, path), 1)
        self.assertEqual(c.get(photo_id(data)), data)
        c.hatch.close()
        c.hatch = None
        self.assertEqual(c.get_handed(photo_id(data)), data)

    def test_what_may_not_be_asked(self):
        data = photo(MIB)
        d = self.start("bob", [data])
        for bad in (frame(19, 0, {}), frame(HAND, 0, {"photo": bytes(24)}),
                    frame(HAND, 5, {}), frame(HAND, 5, {"photo": bytes(23)}),
                    frame(HATCH_IS, 5, {"at": bytes(16),
                                        "ticket": bytes(16)}),
                    frame(22, 5, {})):
            c = self.dial(d)
            self.assertEqual(c.get_handed(photo_id(data)), data)
            c.raw(bad)
            self.assertTrue(c.ended(), bad)

    def test_rates_and_networks(self):
        """--serve-rate, and what lies on a network: by FETCH only"""
        data = photo(MIB)
        slow = self.start("bob", [data], "--serve-rate", "100M")
        c = self.dial(slow)
        self.assertFalse(c.offers_hatch)
        self.refused(FAILED, c.open_hatch)
        self.refused(FAILED, c.one, HAND, {"photo": photo_id(data)}, None)
        self.assertEqual(c.get(photo_id(data)), data)
        far = self.start("carol", [data], env={"PHOTOMESH_FS_TYPE": "0x6969"})
        c = self.dial(far)
        c.hatch = claim(c.open_hatch())
        self.refused(FAILED, c.one, HAND, {"photo": photo_id(data)}, None)
        self.assertEqual(c.get(photo_id(data)), data)
        self.assertEqual(opened(far.pid, os.path.join(far.folder, "0.jpg")),
                         1)  # as after any FETCH, for a second

    def test_many_hatches(self):
        """eight channels of each of four nodes, all handed at once"""
        photos = [photo(50000 + n, n) for n in range(8)]
        d = self.start("bob", photos)
        nodes = [Identity() for _ in range(4)]
        channels = [self.dial(d, nodes[n % 4]) for n in range(32)]
        good = []

        def some(c):
            for x in photos * 3:
                if c.get_handed(photo_id(x)) != x:
                    return
            good.append(c)
        threads = [threading.Thread(target=some, args=(c,))
                   for c in channels]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(len(good), len(channels))


class Handing(Base):
    """A real asker, and holders that hand over what they like."""

    def setUp(self):
        super().setUp()
        self.asker = self.start("asker", env=NEAR)

    def holder(self, name, photos, **kw):
        # Somebody else may hold the same.
        before = max(self.copies(self.asker, p) for p in photos)
        h = Holder(self.mesh, self.asker.port, name, photos, **kw)
        self.addCleanup(h.close)
        self.known(self.asker, h.photos.values(), before + 1)
        return h

    def file(self, data, name="handed", flags=os.O_RDONLY):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(data)
        fd = os.open(path, flags)
        self.addCleanup(os.close, fd)
        return fd

    def get(self, data, name="part"):
        return self.getter(self.asker).get(photo_id(data), self.path(name))

    def test_honest(self):
        """handed it is, once for each photo, and nothing is fetched"""
        photos = [photo(n, n) for n in (5, MIB, 5 * MIB + 3)]
        fds = {photo_id(x): self.file(x, str(i))
               for i, x in enumerate(photos)}

        def hand(ch, f):
            ch.hand(fds[f["photo"]])
            ch.handed()
        h = self.holder("bob", photos, hand=hand)
        g = self.getter(self.asker)
        for i, x in enumerate(photos):
            got, have = g.get(photo_id(x), self.path("got-%d" % i))
            self.assertEqual(have, x)
            self.assertEqual((got["bytes"], got["fetched"], got["name"]),
                             (len(x), len(x), "bob"))
            self.assertEqual(opened(self.asker.pid, self.path(str(i))), 0)
        self.assertEqual([w for w, _ in h.asked], [19] + [HAND] * 3)
        # A range is little: it is fetched.
        got, have = g.get(photo_id(photos[2]), self.path("range"),
                          offset=MIB, length=5)
        self.assertEqual(have, photos[2][MIB:MIB + 5])
        self.assertEqual(h.asked[-1][0], FETCH)
        # Errors are what they are on FETCH.
        h.hand = lambda ch, f: ch.error(WAITING if len(h.asked) < 8
                                        else DENIED)
        with self.assertRaises(Failed) as no:
            g.get(photo_id(photos[0]), self.path("no"))
        self.assertEqual(no.exception.code, 20)
        self.assertIn(2, g.states)
        self.assertEqual({w for w, _ in h.asked[5:]}, {HAND})

    def test_elsewhere(self):
        """of another machine, or where a rate is kept, nothing is asked"""
        far = self.start("far")
        slow = self.start("slow", (), "--fetch-rate", "100M", env=NEAR)
        for d in (far, slow):
            data = photo(MIB, d.port)
            h = Holder(self.mesh, d.port, "bob", [data],
                       hand=lambda ch, f: ch.error(FAILED))
            self.addCleanup(h.close)
            self.known(d, [data])
            got, have = self.getter(d).get(photo_id(data),
                                           self.path(d.name))
            self.assertEqual(have, data)
            self.assertEqual({w for w, _ in h.asked}, {FETCH})

    def lies(self, data):
        """What is handed over instead; each with what is closed behind it."""
        r, w = os.pipe()
        for fd in (r, w):
            self.addCleanup(os.close, fd)
        a, b = socket.socketpair()
        self.addCleanup(a.close)
        self.addCleanup(b.close)
        folder = os.open(self.mesh.dir, os.O_RDONLY)
        null = os.open("/dev/zero", os.O_RDONLY)
        good = self.file(data, "good")
        bare = os.open(self.path("good"), os.O_PATH)
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        fifo = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        for fd in (folder, null, bare, fifo):
            self.addCleanup(os.close, fd)
        writes = self.file(data, "writes", os.O_WRONLY)
        both = self.file(data, "both", os.O_RDWR)
        longer = self.file(data + b"x", "longer")
        shorter = self.file(data[:-1], "shorter")
        return {
            "a pipe": [r], "a socket": [a.fileno()], "a folder": [folder],
            "a device": [null], "a fifo": [fifo], "a path": [bare],
            "for writing": [writes], "for both": [both],
            "longer": [longer], "shorter": [shorter], "nothing": [],
            "two": [good, good], "five": [good] * 5}

    def test_no_such_file(self):
        """whatever is no such file is closed, and FETCH does it"""
        data = photo(3 * MIB, 9)
        for i, (name, fds) in enumerate(self.lies(data).items()):
            def hand(ch, f, fds=fds):
                ch.hand(*fds)
                ch.handed()
            h = self.holder("bob%d" % i, [photo(3 * MIB, 100 + i)], hand=hand)
            x, = h.photos.values()
            got, have = self.get(x, "got-%d" % i)
            self.assertEqual(have, x, name)
            self.assertEqual([w for w, _ in h.asked],
                             [19, HAND, FETCH, FETCH, FETCH], name)
            # On this channel it is not tried again.
            got, have = self.get(x, "again-%d" % i)
            self.assertEqual({w for w, _ in h.asked[5:]}, {FETCH}, name)
            for fd in fds:
                self.assertEqual(opened(self.asker.pid,
                                        "/proc/self/fd/%d" % fd), 0, name)
            h.close()

    def test_packets(self):
        """one of another request, one too few, one too many"""
        for i in range(3):
            data = photo(2 * MIB, i)
            fd = self.file(data, "f%d" % i)

            def hand(ch, f):
                if i == 0:
                    ch.hand(fd, request=ch.request + 1)
                elif i == 2:
                    ch.hand(fd)
                    ch.hand(fd)
                ch.handed()
            h = self.holder("bob%d" % i, [data], hand=hand)
            for again in range(3):
                got, have = self.get(data, "got-%d-%d" % (i, again))
                self.assertEqual(have, data)
            h.close()

    def test_wrong_bytes(self):
        """another photo of that size: the holder's fault, and never GOT"""
        for i, alone in enumerate((False, True)):
            data = photo(3 * MIB, i)
            fd = self.file(photo(3 * MIB, 50 + i), "wrong%d" % i)

            def hand(ch, f):
                ch.hand(fd)
                ch.handed()

            def serve(ch, f):
                ch.chunks(bytes(f["length"]))
            eve = self.holder("eve%d" % i, [data], hand=hand, serve=serve)
            if alone:
                with self.assertRaises(Failed) as no:
                    self.get(data, "got-%d" % i)
                self.assertEqual(no.exception.code, 22)
            else:
                bob = self.holder("bob", [data])
                for again in range(3):
                    got, have = self.get(data, "got-%d-%d" % (i, again))
                    self.assertEqual((have, got["name"]), (data, "bob"))
                bob.close()
            self.assertIn(HAND, [w for w, _ in eve.asked])
            eve.close()

    def test_silence(self):
        """one that hears HATCH or HAND and says no more: another goes on"""
        def stall(*_):
            time.sleep(60)
        for i, deaf in enumerate(({"hand": stall},
                                  {"hand": stall, "hatch": stall})):
            data = photo(3 * MIB, i)
            eve = self.holder("eve%d" % i, [data], **deaf)
            bob = self.holder("bob%d" % i, [data])
            started = time.monotonic()
            got, have = self.get(data, "got-%d" % i)
            self.assertEqual((have, got["name"]), (data, bob.member.name))
            self.assertLess(time.monotonic() - started, 20)
            self.assertEqual({w for w, _ in eve.asked},
                             {19} if i else {19, HAND})
            eve.close()
            bob.close()

    def test_no_such_hatch(self):
        """a hatch that nobody has, or another user"""
        data = photo(2 * MIB)

        def nowhere(ch):
            ch.say(HATCH_IS, ch.request, {"at": os.urandom(16),
                                          "ticket": os.urandom(16)})
        h = self.holder("bob", [data], hand=lambda ch, f: None,
                        hatch=nowhere)
        got, have = self.get(data)
        self.assertEqual(have, data)
        self.assertEqual([w for w, _ in h.asked], [19, FETCH, FETCH])


class Slowly(Base):
    def test_a_disk_that_hangs(self):
        """who reads files that hang are few; the others FETCH, or help"""
        asker = self.asker = self.start(
            "asker", env=dict(NEAR, PHOTOMESH_COPY_PAUSE_MS="8000"))
        photos = [photo(50000 + n, n) for n in range(8)]
        fds = {}
        for i, x in enumerate(photos):
            with open(self.path("hung%d" % i), "wb") as f:
                f.write(x)
            fds[photo_id(x)] = os.open(f.name, os.O_RDONLY)
            self.addCleanup(os.close, fds[photo_id(x)])

        def hand(ch, f):
            ch.hand(fds[f["photo"]])
            ch.handed()
        bob = Holder(self.mesh, asker.port, "bob", photos, hand=hand)
        self.addCleanup(bob.close)
        self.known(asker, photos)
        getters = [self.getter(asker) for _ in photos]
        serials, files = [], []
        for i, (g, x) in enumerate(zip(getters, photos)):
            files.append(os.open(self.path("got%d" % i),
                                 os.O_RDWR | os.O_CREAT))
            serials.append(g.begin(photo_id(x), files[-1]))
        for i, (g, n) in enumerate(zip(getters, serials)):
            g.finish(n)
            os.close(files[i])
            with open(self.path("got%d" % i), "rb") as f:
                self.assertEqual(f.read(), photos[i])
        fetched = [f for w, f in bob.asked if w == FETCH]
        self.assertGreaterEqual(len(fetched), 4)
        self.assertLess(len(fetched), 8)


class Meanwhile(Base):
    """What happens to a file while it is copied, piece by piece."""

    def setUp(self):
        super().setUp()
        self.asker = self.start(
            "asker", env=dict(NEAR, PHOTOMESH_COPY_PAUSE_MS="30"))
        self.count = 0

    def harmed(self, harm, data=None, carol=True):
        """GOT, by whom; harm(path, bob) when 4 MiB are in."""
        self.count += 1
        n = self.count
        data = data or photo(40 * MIB, n)
        bob = self.start("bob%d" % n, [data], env=NEAR)
        other, done = None, threading.Event()

        def serve(ch, f):
            done.wait(20)  # what comes before is bob's
            honestly(ch, f)
        if carol:
            other = Holder(self.mesh, self.asker.port, "carol%d" % n, [data],
                           serve=serve)
        self.known(self.asker, [data], 2 if carol else 1)
        g = self.getter(self.asker)
        fd = os.open(self.path(str(n)), os.O_RDWR | os.O_CREAT)
        serial = g.begin(photo_id(data), fd)
        while g.hear()[2].get("bytes", 0) < 4 * MIB:
            pass
        path = os.path.join(bob.folder, "0.jpg")
        harm(path, bob)
        done.set()
        try:
            got = g.finish(serial)
        finally:
            os.close(fd)
            if bob.alive():
                bob.kill()
            if other:
                other.close()
        with open(self.path(str(n)), "rb") as f:
            self.assertEqual(photo_id(f.read()), photo_id(data))
        return got, bob, other

    def test_killed(self):
        """the holder dies: the copy goes on, from what was handed"""
        got, bob, _ = self.harmed(lambda path, bob: bob.kill(), carol=False)
        self.assertEqual((got["name"], got["fetched"]), ("bob1", 40 * MIB))

    def test_unlinked(self):
        """deleted or renamed: it is the same file as long as it is open"""
        got, _, _ = self.harmed(lambda path, bob: os.unlink(path),
                                carol=False)
        self.assertEqual(got["fetched"], 40 * MIB)
        got, _, _ = self.harmed(lambda path, bob: os.rename(path, path + "x"),
                                carol=False)
        self.assertEqual(got["fetched"], 40 * MIB)

    def test_truncated(self):
        """cut short: no signal, another holder has the rest"""
        got, _, other = self.harmed(
            lambda path, bob: os.truncate(path, 6 * MIB))
        self.assertIn(FETCH, [w for w, _ in other.asked])
        got, _, other = self.harmed(lambda path, bob: os.truncate(path, 0))
        self.assertTrue(self.asker.alive())

    def test_rewritten(self):
        """written to, and as if it had not been: never GOT but the photo"""
        def rewrite(path, bob):
            with open(path, "r+b") as f:
                f.seek(5 * MIB)
                f.write(bytes(35 * MIB))

        def secretly(path, bob):
            st = os.stat(path)
            rewrite(path, bob)
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
        for harm in (rewrite, secretly):
            got, _, other = self.harmed(harm)
            self.assertIn(FETCH, [w for w, _ in other.asked])

    def test_client_leaves(self):
        """the copy ends, and nothing is left open"""
        data = photo(60 * MIB)
        bob = self.start("bob", [data], env=NEAR)
        self.known(self.asker, [data])
        g = self.getter(self.asker)
        with tempfile.NamedTemporaryFile(dir=self.mesh.dir) as f:
            g.begin(photo_id(data), f.fileno())
            while g.hear()[2].get("bytes", 0) < 4 * MIB:
                pass
            g.socket.close()
            path = os.path.join(bob.folder, "0.jpg")
            wait_until(lambda: opened(self.asker.pid, f.name) == 0 and
                       opened(self.asker.pid, path) == 0, "both to be closed")


class Daemons(Base):
    def test_two_hundred(self):
        """two hundred at once, handed, and nothing is left open"""
        photos = [photo(20000 + 997 * i, i) for i in range(200)]
        bob = self.start("bob", photos)
        asker = self.start("asker")
        self.known(asker, photos)
        clients = [self.getter(asker) for _ in range(20)]
        bad = []

        def some(k):
            for i in range(k, 200, 20):
                got, have = clients[k].get(photo_id(photos[i]),
                                           self.path(str(i)))
                if have != photos[i] or got["fetched"] != len(have):
                    bad.append(i)
        threads = [threading.Thread(target=some, args=(k,))
                   for k in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(bad, [])
        self.assertFalse([t for t in threads if t.is_alive()])
        for i in range(200):
            path = os.path.join(bob.folder, "%d.jpg" % i)
            self.assertEqual(opened(asker.pid, path), 0)
        wait_until(lambda: not any(
            opened(bob.pid, os.path.join(bob.folder, "%d.jpg" % i))
            for i in range(200)), "the holder to let go of all")

    def test_no_byte_by_tls(self):
        """the photo's bytes are read by the asker, not by the holder"""
        data = photo(30 * MIB)
        bob, asker = self.start("bob", [data]), self.start("asker")
        self.known(asker, [data])
        bob.rested()

        def written(d):
            with open("/proc/%d/io" % d.pid) as f:
                return int(dict(x.split(": ") for x in f)["wchar"])
        before = written(bob)
        got, have = self.getter(asker).get(photo_id(data), self.path())
        self.assertEqual((have, got["name"]), (data, "bob"))
        self.assertLess(written(bob) - before, MIB)


if __name__ == "__main__":
    tap.main()
