"""Thumbnails over real daemons: each made once, kept by all, seen when its
holders are away; caches that are small, lost or damaged; and members that lie.
"""
import contextlib
import fcntl
import glob
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from holder import THUMB as CHANNEL_THUMB, Holder, photo_id  # noqa: E402
from mesh import BUILD, SOURCE, Mesh, wait_until  # noqa: E402
from talk import ERROR, Client, frame, pack, settle  # noqa: E402

THUMB, THUMB_IS = 71, 72
DECODERS = ("--decoders", "2")
HAS_DECODE = os.path.exists(os.path.join(BUILD, "daemon", "photo-decode"))
SAMPLE = os.path.join(SOURCE, "photos-sample")
# Of the 26: a BMP, which nobody reads, and a JPEG that ends too early.
PICTURES = 24


def kept(d):
    return d.photo("--json", "status").json[0]["pictures"]["thumbnails"]


def made(d):
    return d.photo("--json", "status").json[0]["pictures"]["thumbnails_made"]


def thumb(mesh, d, photo, **fields):
    """THUMB_IS, or the code of an ERROR."""
    with Client(mesh, d.port, 30) as c:
        c.serial += 1
        c.write(frame(THUMB, c.serial, dict(photo=photo, **fields)))
        kind, request, answer = c.hear()
        assert request == c.serial
        return answer["code"] if kind == ERROR else answer


def size_of(jpeg):
    at = 2
    while jpeg[at + 1] != 0xc0:
        at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    h, w = struct.unpack(">HH", jpeg[at + 5:at + 9])
    return w, h


def id_of(*names):
    with open(os.path.join(SAMPLE, *names), "rb") as f:
        return photo_id(f.read())


def cache_of(mesh, d):
    path, = glob.glob(os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh",
                                   d.name + "-*", "thumbs.db"))
    return path


@unittest.skipUnless(HAS_DECODE, "built without photo-decode")
class Thumbs(unittest.TestCase):
    def all_kept(self, daemons, count=PICTURES):
        for d in daemons:
            wait_until(lambda: kept(d) == count, "all thumbnails at " +
                       d.name)

    def test_samples(self):
        """each is made once, and had by all; also when its holder is dead, by
        who has no decoder; a cache that is lost comes back without making"""
        with Mesh() as mesh:
            folders = {n: mesh.sample(n) for n in ("alice", "bob", "carol")}
            a, b, c = daemons = [mesh.start(f, *DECODERS)
                                 for f in folders.values()]
            d = mesh.start(mesh.folder("dora"))
            self.all_kept(daemons + [d])
            settle(mesh, daemons + [d], 26)
            # Four are held by several nodes, which may have begun it before
            # they knew of each other.
            self.assertIn(sum(made(x) for x in daemons),
                          range(PICTURES, PICTURES + 6))
            self.assertEqual(made(d), 0)
            only_bob = id_of("bob", "2023", "trip", "peaks.jpg")
            b.kill()
            for x in (a, d):
                seen = thumb(mesh, x, only_bob, pixels=True)
                self.assertEqual(max(size_of(seen["image"])), 256)
                # who has no decoder can only give the bytes
                self.assertEqual("pixels" in seen, x is a)
            w, h = size_of(seen["image"])
            seen = thumb(mesh, a, only_bob, pixels=True)
            self.assertEqual((seen["width"], seen["height"]), (w, h))
            self.assertEqual(len(seen["pixels"]), w * h * 3)
            self.assertGreater(len(set(seen["pixels"])), 100)
            # of what cannot be shown there is nothing, and no photo no answer
            self.assertIsNone(thumb(mesh, a, id_of(
                "carol", "thumbs", "peaks.bmp"))["image"])
            self.assertEqual(thumb(mesh, a, bytes(24)), 17)
            # damaged, and gone
            before = made(a)
            for x, harm in ((a, "damage"), (d, "remove")):
                self.assertEqual(x.end(), 0)
                path = cache_of(mesh, x)
                if harm == "remove":
                    os.unlink(path)
                else:
                    with open(path, "r+b") as f:
                        f.write(os.urandom(20000))
            a = mesh.start(folders["alice"], *DECODERS)
            d = mesh.start(os.path.join(mesh.dir, "photos", "dora"))
            self.all_kept((a, c, d))
            self.assertGreater(before, 0)
            self.assertEqual(made(a), 0)
            self.assertEqual(a.log().count("begun anew"), 1)

    def test_channels_are_let_go(self):
        """what thumbnails came on is let go when there are no more to come"""
        def sockets(d):
            fds, count = "/proc/%d/fd" % d.process.pid, 0
            for n in os.listdir(fds):
                with contextlib.suppress(FileNotFoundError):  # just closed
                    count += os.readlink("%s/%s" % (fds, n)).startswith(
                        "socket")
            return count
        with Mesh() as mesh:
            daemons = [mesh.start(mesh.folder(n), *DECODERS, name=n)
                       for n in ("alice", "bob", "carol")]
            mesh.settle(daemons)
            before = [sockets(d) for d in daemons]
            shutil.copyfile(os.path.join(
                SAMPLE, "bob", "2023", "trip", "peaks.jpg"), os.path.join(
                    mesh.dir, "photos", "alice", "a.jpg"))
            self.all_kept(daemons, 1)
            self.assertTrue(any(sockets(d) > n
                                for d, n in zip(daemons, before)))
            wait_until(lambda: all(sockets(d) <= n for d, n in
                                   zip(daemons, before)),
                       "the channels to be let go", 50)

    def test_small(self):
        """a small cache has the newest, exactly; a cache of none none, and
        both can show whatever somebody has"""
        with Mesh() as mesh:
            f = mesh.sample("alice")
            a = mesh.start(f, *DECODERS)
            self.all_kept([a], 9)
            b = mesh.start(mesh.folder("bob"), "--cache-size", "80K")
            c = mesh.start(mesh.folder("carol"), "--cache-size", "0")
            wait_until(lambda: kept(b) > 2, "some at bob")
            listed = [p["id"] for p in a.photo("--json", "list").json]
            for x in (b, c):
                x.rested()
            settle(mesh, [a, b, c], 9)
            a.kill()
            ids = [bytes.fromhex(p["id"]) + struct.pack(">Q", p["size"])
                   for p in b.photo("--json", "list").json]
            self.assertEqual([i[:16].hex() for i in ids], listed)
            there = [thumb(mesh, b, i)["image"] is not None for i in ids]
            count = kept(b)
            self.assertIn(count, range(3, 9))
            # as far as it reaches nothing is left out but what has none
            last = max(n for n, t in enumerate(there) if t)
            self.assertLessEqual(last + 1 - count, 1, there)
            self.assertFalse(os.path.exists(os.path.join(
                os.path.dirname(cache_of(mesh, b)).replace("bob", "carol"),
                "thumbs.db")))
            # from bob
            self.assertIsNotNone(thumb(mesh, c, ids[0])["image"])
            self.assertEqual(kept(c), 0)

    def test_asked(self):
        """asked for by a client it is made at once by who holds it, even when
        nobody keeps any; whatever is shared"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            shutil.copy(os.path.join(SAMPLE, "bob/2023/trip/peaks.jpg"), f)
            a = mesh.start(f, *DECODERS, "--cache-size", "0", "--share",
                           "none")
            b = mesh.start(mesh.folder("bob"), "--cache-size", "0")
            settle(mesh, [a, b], 1)
            peaks = id_of("bob", "2023", "trip", "peaks.jpg")
            for d in (a, b):
                self.assertEqual(max(size_of(
                    thumb(mesh, d, peaks)["image"])), 256, d.name)
            self.assertEqual(made(a), 2)


def on_terminal(mesh, d, *args, **env):
    """What `photo` writes to a terminal of 100 columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ,
                struct.pack("HHHH", 40, 100, 800, 640))
    p = subprocess.Popen([mesh.photo_path, "-p", str(d.port), *args],
                         env=dict(mesh.env, **env), stdin=follower,
                         stdout=follower, stderr=subprocess.DEVNULL)
    os.close(follower)
    out = b""
    while True:
        try:
            got = os.read(leader, 1 << 16)
        except OSError:  # its last holder is gone
            break
        if not got:
            break
        out += got
    os.close(leader)
    assert p.wait(30) == 0, out[-300:]
    return out


COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
CELL = b"\x1b[38;2;"  # a colour of 24 bits: text here has none
KITTY, SIXEL = b"\x1b_G", b"\x1bP"


@unittest.skipUnless(HAS_DECODE, "built without photo-decode")
class Shown(unittest.TestCase):
    def test_show(self):
        """photo show draws on terminals that can, and nowhere else; photo
        thumb writes a file, and onto nothing"""
        with open(os.path.join(BUILD, "client", "photo"), "rb") as f:
            if b"libchafa.so" not in f.read():
                self.skipTest("built without libchafa")
        with Mesh() as mesh:
            f = mesh.folder("alice")
            shutil.copy(os.path.join(SAMPLE, "bob/2023/trip/peaks.jpg"), f)
            shutil.copy(os.path.join(SAMPLE, "carol/thumbs/peaks.bmp"), f)
            d = mesh.start(f, *DECODERS)
            wait_until(lambda: kept(d) == 1, "its thumbnail")
            peaks = id_of("bob", "2023", "trip", "peaks.jpg")[:16].hex()
            bmp = id_of("carol", "thumbs", "peaks.bmp")[:16].hex()
            out = on_terminal(mesh, d, "show", peaks, **COLOURS)
            self.assertGreater(out.count(CELL), 200)
            # the picture is below, and after it the terminal is as before
            self.assertGreater(out.index(CELL), out.index(b"peaks.jpg"))
            self.assertTrue(out.rstrip().endswith(b"\x1b[0m"), out[-40:])
            self.assertLessEqual(out[out.index(CELL):].count(b"\n"), 25)
            self.assertIn(KITTY, on_terminal(mesh, d, "show", peaks,
                                             TERM="xterm-kitty"))
            self.assertIn(SIXEL, on_terminal(mesh, d, "show", peaks,
                                             TERM="mlterm"))
            for args, env in (((peaks, "--no-picture"), COLOURS),
                              ((peaks,), dict(COLOURS, NO_COLOR="1")),
                              ((peaks,), dict(COLOURS, TERM="dumb")),
                              ((peaks, "--json"), COLOURS),
                              ((bmp,), COLOURS)):
                out = on_terminal(mesh, d, "show", *args, **env)
                for mark in (CELL, KITTY, SIXEL):
                    self.assertNotIn(mark, out, (args, env))
            piped = d.photo("show", peaks, env=dict(mesh.env, **COLOURS))
            self.assertNotIn(b"\x1b", piped.out)
            self.files(mesh, d, peaks, bmp)

    def files(self, mesh, d, peaks, bmp):
        out = d.photo("thumb", peaks).out
        self.assertEqual(max(size_of(out)), 256)
        to = os.path.join(mesh.dir, "out.jpg")
        self.assertEqual(d.photo("thumb", peaks[:8], "-o", to).code, 0)
        with open(to, "rb") as f:
            self.assertEqual(f.read(), out)
        again = d.photo("thumb", peaks, "-o", to)
        self.assertEqual(again.code, 1, again)
        self.assertEqual(os.listdir(mesh.dir).count("out.jpg"), 1)
        self.assertEqual([n for n in os.listdir(mesh.dir)
                          if n.startswith("out")], ["out.jpg"])
        self.assertEqual(d.photo("thumb", bmp).code, 3)
        self.assertEqual(d.photo("thumb", "00000000").code, 3)
        self.assertEqual(d.photo("thumb").code, 2)


# The least that has the form: it shows nothing, and nobody decodes it.
FORM = bytes.fromhex(
    "ffd8 ffdb0004 0000 ffc40004 0000 ffc00011 08 00c8 0064 03 011100 021100"
    "031100 ffda000c 03 0100 0211 0311 003f00") + b"Z" * 40 + b"\xff\xd9"


def meta(_):
    return pack([2, 1, 640, 480, 1, None, None, None, "", "", "", None, None,
                 None, None, None, None, None, None, "", [], None])


def hang_up(_channel, _fields):
    raise ConnectionError


class Liars(unittest.TestCase):
    def test_no_thumbnails(self):
        """what is no thumbnail is refused, and no more asked of that member;
        who says too little, too much or nothing costs no more than time"""
        photos = [b"GIF89a%03d" % n for n in range(40)]
        lies = {
            "cut": lambda c, f: c.say(CHANNEL_THUMB, c.request,
                                      {"data": FORM[:-1]}),
            "longer": lambda c, f: c.say(CHANNEL_THUMB, c.request,
                                         {"data": FORM + b"\0"}),
            "exif": lambda c, f: c.say(
                CHANNEL_THUMB, c.request,
                {"data": FORM[:2] + b"\xff\xe1\0\x08Exif\0\0" + FORM[2:]}),
            "webp": lambda c, f: c.say(CHANNEL_THUMB, c.request,
                                       {"data": b"RIFF....WEBPVP8 " * 9}),
            "large": lambda c, f: c.say(CHANNEL_THUMB, c.request,
                                        {"data": bytes(65537)}),
            "huge": lambda c, f: c.tls.write(b"\x7f\xff\xff\xff"),
            "other": lambda c, f: c.say(CHANNEL_THUMB, c.request + 1,
                                        {"data": FORM}),
            "photo": lambda c, f: c.chunks(FORM),
            "error": lambda c, f: c.error(4),
            "gone": hang_up,
        }
        with Mesh() as mesh:
            d = mesh.start(mesh.folder("alice"))
            for name, lie in lies.items():
                with Holder(mesh, d.port, name, photos, thumbs=lie,
                            metas=meta) as h:
                    wait_until(lambda: h.asked, name + " to be asked")
                    self.assertIsNone(thumb(mesh, d, photo_id(photos[0]))
                                      ["image"], name)
            self.assertEqual(kept(d), 0)
            self.assertTrue(d.alive())
            self.assertLess(d.log().count(" W "), 20, d.log())

            def honest(channel, fields):
                ids = fields["photos"]
                for n in range(0, len(ids), 24):
                    channel.say(CHANNEL_THUMB, channel.request, {
                        "data": FORM if ids[n:n + 24] != photo_id(photos[3])
                        else b""})
            with Holder(mesh, d.port, "honest", photos, thumbs=honest,
                        metas=meta) as h:
                wait_until(lambda: kept(d) == 39, "all that there are")
                # Newest first, many with one question, none asked twice
                # but what is lacking.
                asked = [f["photos"] for _, f in h.asked]
                self.assertEqual(len(asked[0]), 32 * 24)
                ids = [i for f in asked for i in
                       (f[n:n + 24] for n in range(0, len(f), 24))]
                self.assertEqual(len(set(ids)), 40)
                self.assertEqual({i for i in ids if ids.count(i) > 1} -
                                 {photo_id(photos[3])}, set())
            self.assertEqual(thumb(mesh, d, photo_id(photos[0]))["image"],
                             FORM)


if __name__ == "__main__":
    tap.main()
