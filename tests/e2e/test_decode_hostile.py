#!/usr/bin/env python3
"""Whatever a file holds, it costs photo-decode at most its life.

Each question ends before the deadline, with an answer, a refusal or a death;
memory stays bounded; and a fresh worker is as good as the one before.  Samples
are cut and damaged at many places (the same ones each time), and there are
files made to do harm.  Deaths are allowed, and counted in the output.
"""
import os
import random
import struct
import sys
import tempfile
import time
import unittest
import zlib

SOURCE = os.environ["PM_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "lib"))
import decode  # noqa: E402
import raws  # noqa: E402
import tap  # noqa: E402
from decode import DONE, META, REFUSED, THUMB, UNREADABLE  # noqa: E402
from talk import unpack  # noqa: E402

PROGRAM = os.path.join(os.environ["PM_BUILD"], "daemon", "photo-decode")
SAMPLE = os.path.join(SOURCE, "photos-sample")
GOOD = os.path.join(SAMPLE, "alice/mountains.jpg")
DEADLINE = 10.0
# Of a worker that has seen the worst; its address space ends at 1 GiB.
PEAK_KIB = 1 << 20


def samples():
    """One path for each content, of what is a picture at all."""
    seen = {}
    for here, _, names in os.walk(SAMPLE):
        for name in sorted(names):
            path = os.path.join(here, name)
            with open(path, "rb") as f:
                data = f.read()
            if data[:1] not in (b"G", b"T") or data.startswith(b"GIF"):
                seen.setdefault(data, path)
    # and raw pictures, around the smallest JPEG
    jpeg = min((d for d in seen if d[:3] == b"\xff\xd8\xff"), key=len)
    for kind, make in raws.ALL.items():
        seen[make(jpeg, 6)] = "raw." + kind
    return sorted((p, d) for d, p in seen.items())


class Hostile(unittest.TestCase):
    def setUp(self):
        self.pool = decode.Pool(PROGRAM, deadline=DEADLINE)
        self.file = tempfile.NamedTemporaryFile(prefix="photomesh-hostile.")
        self.refused = self.done = 0
        self.slowest = 0.0

    def tearDown(self):
        print("# %d answered, %d refused, deaths %s, slowest %.1f s" %
              (self.done, self.refused,
               [status for _, status in self.pool.deaths], self.slowest))
        self.pool.close()
        self.file.close()

    def ask(self, question, data):
        if data is not None:
            self.file.seek(0)
            self.file.truncate(0)
            self.file.write(data)
            self.file.flush()
        began = time.monotonic()
        reply, body = self.pool.ask(question, self.file.name)
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        self.assertLess(took, DEADLINE + 5)
        if reply == DONE:
            self.done += 1
            if question == META:
                self.assertGreaterEqual(len(unpack(body)), 22)
            else:
                self.assertEqual(body[:3], b"\xff\xd8\xff")
        elif reply in (REFUSED, UNREADABLE):
            self.refused += 1
            self.assertTrue(body.decode().isprintable(), body)
        return reply, body

    def both(self, data):
        return self.ask(META, data), self.ask(THUMB, None)

    def well(self):
        """After all that: a good picture is answered as ever."""
        self.assertEqual(self.pool.ask(THUMB, GOOD)[0], DONE)
        self.assertEqual(self.pool().meta(GOOD)["width"], 1280)
        self.assertLess(self.pool().peak_kib(), PEAK_KIB)

    # ---- damaged ------------------------------------------------------------

    def test_cut(self):
        """Every sample, cut short at many places."""
        for _, data in samples():
            for part in (1, 2, 3, 5, 8, 13, 19):
                self.both(data[:len(data) * part // 20])
            self.both(data[:-1])
        self.well()

    def test_damaged(self):
        """Every sample, damaged at many places."""
        rng = random.Random(19)
        for _, data in samples():
            for n in range(10):
                bad = bytearray(data)
                # half of them where the heads are
                reach = len(bad) if n % 2 else min(len(bad), 1500)
                for _ in range(1 << (n % 7)):
                    bad[rng.randrange(reach)] = rng.randrange(256)
                self.both(bytes(bad))
        self.well()

    def test_joined(self):
        """Heads of one format, bodies of another; bytes doubled and lost."""
        rng = random.Random(23)
        all_of_them = [d for _, d in samples()]
        for n in range(60):
            a, b = rng.choice(all_of_them), rng.choice(all_of_them)
            at = rng.randrange(min(len(a), 3000))
            if n % 3 == 0:
                data = a[:at] + b[at:]
            elif n % 3 == 1:
                data = a[:at] + a[max(0, at - rng.randrange(200)):]
            else:
                data = a[:at] + a[at + rng.randrange(1, 200):]
            self.both(data)
        self.well()

    # ---- claims ---------------------------------------------------------------

    def test_sizes(self):
        """65535 x 65535 in a header is refused before a pixel is decoded."""
        def png(w, h):
            head = b"IHDR" + struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
            return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + \
                struct.pack(">I", zlib.crc32(head)) + \
                struct.pack(">I", 1 << 20) + b"IDAT" + bytes(1 << 20)
        with open(GOOD, "rb") as f:
            jpeg = f.read()
        sof = jpeg.index(b"\xff\xc0")
        jpeg = jpeg[:sof + 5] + b"\xff\xdc\xff\xdc" + jpeg[sof + 9:]
        gif = b"GIF89a\xff\xff\xff\xff\xf7\0\0" + bytes(768) + \
            b",\0\0\0\0\xff\xff\xff\xff\0\x08" + b"\xff" + bytes(255) * 200
        tif = b"II*\0\x08\0\0\0\x07\0" + b"".join(
            struct.pack("<HHII", tag, 4, 1, v) for tag, v in (
                (256, 65535), (257, 65535), (258, 8), (259, 1), (262, 1),
                (273, 100), (279, 0xffffffff))) + bytes(200)
        webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + \
            struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\xff\xff" * 2
        for data in (png(65535, 65535), png(0x7fffffff, 0x7fffffff),
                     png(65535, 1), png(20000, 20000), jpeg, gif, tif, webp):
            began = time.monotonic()
            (_, _), (reply, _) = self.both(data)
            self.assertNotEqual(reply, DONE)
            self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.pool.deaths, [])
        self.well()

    def test_bombs(self):
        """Pictures that are small in the file and large behind it."""
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + \
                struct.pack(">I", zlib.crc32(kind + data))

        def zeros(count):
            z, out = zlib.compressobj(1), []
            piece = bytes(1 << 20)
            for _ in range(count >> 20):
                out.append(z.compress(piece))
            return b"".join(out) + z.flush()
        head = b"\x89PNG\r\n\x1a\n"
        # as large as may be, interlaced or not, of one bit or of 24
        for w, h, bits, colour, interlaced in (
                (14000, 14000, 8, 0, 0), (14000, 14000, 1, 0, 1),
                (8000, 8000, 8, 2, 1)):
            samples_of = 3 if colour == 2 else 1
            data = zeros((w * bits * samples_of // 8 + 9) * h * 5 // 4)
            self.ask(THUMB, head + chunk(b"IHDR", struct.pack(
                ">IIBBBBB", w, h, bits, colour, 0, 0, interlaced)) +
                chunk(b"IDAT", data) + chunk(b"IEND", b""))
            self.assertLess(self.pool().peak_kib(), PEAK_KIB)
        # text that is a quarter of a gigabyte when unpacked
        text = zeros(1 << 28)
        self.both(head + chunk(b"IHDR", struct.pack(
            ">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)) +
            chunk(b"zTXt", b"Raw profile type exif\0\0" + text) +
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text) +
            chunk(b"IDAT", zlib.compress(bytes(90))) + chunk(b"IEND", b""))
        self.well()

    def test_endless_gif(self):
        """A GIF of very many frames, of which only the first is wanted."""
        frame = b"!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0"
        self.both(b"GIF89a\xe8\x03\xe8\x03\x80\0\0\0\0\0\xff\xff\xff" +
                  frame * 200000)
        # and one that never ends
        self.both(b"GIF89a\xe8\x03\xe8\x03\x80\0\0\0\0\0\xff\xff\xff" +
                  (b"!\xfe\xff" + bytes(255)) * 40000)
        self.well()

    # ---- chains and loops -----------------------------------------------------

    def test_chains(self):
        """TIFF directories that follow each other for ever, or in a ring."""
        def entry(tag, kind, count, value):
            return struct.pack("<HHII", tag, kind, count, value)

        def directory(entries, following):
            return struct.pack("<H", len(entries)) + b"".join(entries) + \
                struct.pack("<I", following)
        own = b"II*\0\x08\0\0\0" + directory([entry(256, 4, 1, 9)], 8)
        ring = b"II*\0\x08\0\0\0" + directory(
            [entry(0x14a, 4, 1, 8), entry(0x8769, 4, 1, 8),
             entry(0x8825, 4, 1, 8), entry(0xa005, 4, 1, 8)], 8)
        many_subs = b"II*\0\x08\0\0\0" + directory(
            [entry(0x14a, 4, 100000, 8)], 0) + b"\x08\0\0\0" * 100000
        chain = b"II*\0\x08\0\0\0" + b"".join(
            directory([entry(256, 4, 1, n)], 8 + 18 * (n + 1))
            for n in range(200000))
        # each the exif directory of the one before
        deep = b"II*\0\x08\0\0\0" + b"".join(
            directory([entry(0x8769, 4, 1, 8 + 18 * (n + 1))], 0)
            for n in range(100000))
        huge = b"II*\0\x08\0\0\0" + directory(
            [entry(0x10f, 2, 0xffffffff, 8), entry(0x927c, 7, 0x7fffffff, 0),
             entry(0x9003, 2, 0xfffffff0, 20)], 0)
        with open(GOOD, "rb") as f:
            jpeg = f.read()
        for tiff in (own, ring, many_subs, chain, deep, huge):
            self.both(tiff)
            exif = b"Exif\0\0" + tiff[:65000]
            self.both(jpeg[:2] + b"\xff\xe1" +
                      struct.pack(">H", 2 + len(exif)) + exif + jpeg[2:])
        self.well()

    def test_xmp(self):
        """XML that is deep, or that multiplies itself."""
        with open(GOOD, "rb") as f:
            jpeg = f.read()
        # long enough for several segments would not be read: one of 64 KiB
        deep = b"<rdf:Description>" * 1800 + b"</rdf:Description>" * 1700
        laugh = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "' + \
            b"ha" * 50 + b'">' + b"".join(
                b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20)
                for n in range(10)) + b"]><x:xmpmeta xmlns:x='adobe:ns:meta/'>" \
            b"&k;</x:xmpmeta>"
        for xml in (deep, laugh, b"<" * 60000, b"<a b='" + b"x" * 60000):
            xmp = b"http://ns.adobe.com/xap/1.0/\0" + xml[:65000]
            self.both(jpeg[:2] + b"\xff\xe1" +
                      struct.pack(">H", 2 + len(xmp)) + xmp + jpeg[2:])
        self.well()

    # ---- the sandbox ------------------------------------------------------------

    def test_sandbox(self):
        """A worker has given up what it does not need."""
        worker = self.pool()
        self.assertEqual(worker.ask(META, GOOD)[0], DONE)
        proc = "/proc/%d/" % worker.process.pid
        with open(proc + "status") as f:
            status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
        self.assertEqual(status["Seccomp"].strip(), "2")
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        with open(proc + "limits") as f:
            limits = {line[:26].strip(): line[26:].split()[0] for line in f}
        self.assertEqual(limits["Max core file size"], "0")
        self.assertLessEqual(int(limits["Max open files"]), 16)
        self.assertLessEqual(int(limits["Max cpu time"]), 600)
        self.assertEqual(sorted(os.listdir(proc + "fd")), ["0", "1", "2"])
        for fd in "12":
            self.assertEqual(os.readlink(proc + "fd/" + fd), "/dev/null")

    def test_shrinking(self):
        """A file that has become shorter is said to be, and blamed for nothing."""
        with open(GOOD, "rb") as f:
            data = f.read()
        self.file.write(data[:4096])
        self.file.flush()
        fd = os.open(self.file.name, os.O_RDONLY)
        worker = self.pool()
        reply, body = worker.ask_fd(THUMB, fd, len(data))
        os.close(fd)
        self.assertEqual(reply, UNREADABLE)
        self.assertIn(b"cut short", body)
        self.assertEqual(worker.end(), 0)
        self.well()

    def test_many_questions(self):
        """Nothing is kept of a question: neither descriptors nor memory."""
        worker = self.pool()
        for _ in range(40):
            self.assertEqual(worker.ask(THUMB, GOOD)[0], DONE)
        half = worker.peak_kib()
        for _ in range(40):
            self.assertEqual(worker.ask(THUMB, GOOD)[0], DONE)
            self.assertEqual(worker.ask(META, GOOD)[0], DONE)
        self.assertLess(worker.peak_kib() - half, 16384)

    def test_alone(self):
        """A worker ends when nobody asks any more, and is no tool for people."""
        worker = self.pool()
        worker.socket.close()
        self.assertEqual(worker.process.wait(10), 0)
        import subprocess
        run = subprocess.run([PROGRAM], stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"photod", run.stderr)


if __name__ == "__main__":
    tap.main()
