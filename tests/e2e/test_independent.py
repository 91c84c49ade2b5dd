"""A client that knows PROTOCOL.md and nothing else lists, watches, verifies.

Its msgpack, frames and TLS share no line with the program (tests/lib/talk.py,
far.py).  Every key of every answer is held against the tables of PROTOCOL.md
as they stand here, by type and bounds; the same over the Unix socket and over
TLS.  What is listed is held against the disk, the digests against each other.
"""
import ctypes
import itertools
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from far import Far  # noqa: E402
from member import _xxh  # noqa: E402
from mesh import Mesh  # noqa: E402
from talk import Client, frame, settle  # noqa: E402

LIST, SHOW, WATCH, EVENT, VERIFY_ALL, DUPES = 34, 36, 41, 42, 43, 48

# -- bounds, as PROTOCOL.md writes them ---------------------------------------


def uint(top=2 ** 64 - 1, least=0):
    return lambda v: type(v) is int and least <= v <= top


def sint(v):
    return type(v) is int and -2 ** 63 <= v < 2 ** 63


def boolean(v):
    return v is True or v is False


def text(top):
    return lambda v: type(v) is str and \
        len(v.encode("utf-8", "surrogateescape")) <= top and "\0" not in v


def blob(top, least=0):
    return lambda v: type(v) is bytes and least <= len(v) <= top


def maybe(rule):
    return lambda v: v is None or rule(v)


def array(rule, top):
    return lambda v: type(v) is list and len(v) <= top and all(map(rule, v))


def row(*rules):
    """Positional: more may follow."""
    return lambda v: type(v) is list and len(v) >= len(rules) and all(
        r(x) for r, x in zip(rules, v))


def keys(**rules):
    """Required ones; others may be there."""
    def holds(v):
        for k, rule in rules.items():
            if not rule(v.get(k)):
                raise AssertionError("%s is %r" % (k, v.get(k)))
        return True
    return holds


U32, I32, SEQ = uint(2 ** 32 - 1), uint(65535), uint(2 ** 53 - 1)
NODE = row(blob(16, 16), text(79), I32, boolean, sint, blob(8, 8))
FRESH = dict(complete=boolean, age=uint(), scanning=boolean, syncing=boolean)
COPY = row(U32, blob(255), blob(4096), sint, boolean)
PHOTO = row(blob(24, 24), text(63), blob(4096), sint, sint, U32,
            maybe(text(39)), maybe(U32), maybe(U32), array(COPY, 1024), sint,
            uint(255), maybe(blob(8192)))
PAGE = keys(photos=array(PHOTO, 1000), nodes=array(NODE, 256),
            after=maybe(blob(512)), ambiguous=boolean, **FRESH)
PEER = keys(node=NODE, state=uint(4), self=boolean, coordinator=boolean,
            follows=blob(16, 16), follows_port=I32, photos=uint(),
            copies=uint(), bytes=uint(), generation=SEQ, head=SEQ)
STATUS_IS = keys(
    node=blob(16, 16), name=text(79), port=I32, coordinator=blob(16, 16),
    coordinator_port=I32, coordinator_name=text(79), nodes=U32, live=U32,
    photos=uint(), copies=uint(), bytes=uint(), unique_bytes=uint(),
    scan=uint(2), files=uint(), scanned_bytes=uint(), total_files=uint(),
    total_bytes=uint(), read_files=uint(), read_bytes=uint(), synced=boolean,
    eta=maybe(uint()), **FRESH)
TABLE = keys(
    rows=array(row(blob(16, 16), text(79), blob(16, 16), text(79), SEQ, SEQ,
                   SEQ, boolean, uint(), blob(16, 16), boolean), 3584),
    left_out=maybe(U32),
    merged=array(row(blob(16, 16), text(79), uint(), blob(16, 16), boolean),
                 64),
    silent=array(row(blob(16, 16), text(79)), 256),
    absent=array(row(blob(16, 16), text(79)), 256))
HAPPENED = keys(event=text(31), at=sint, node=maybe(blob(16, 16)),
                name=maybe(text(79)), port=maybe(I32), was=maybe(blob(16, 16)),
                was_port=maybe(I32), photo=maybe(blob(24, 24)),
                photo_name=maybe(blob(255)), count=maybe(uint()))
WELCOME = keys(version=uint(1, 1), node=blob(16, 16), name=text(63), port=I32,
               soft=text(31))


def photo_id(path):
    with open(path, "rb") as f:
        data = f.read()
    h = _xxh.XXH3_128bits(data, ctypes.c_size_t(len(data)))
    return struct.pack(">QQQ", h.high, h.low, len(data))


class Independent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.mesh.__enter__()
        cls.daemons = cls.mesh.start_samples()
        settle(cls.mesh, cls.daemons, 26)

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None, None, None)

    def each(self):
        """The same questions by both transports."""
        for kind in (Client, Far):
            print("# by %s" % kind.__name__)
            with kind(self.mesh, self.daemons[1].port) as c:
                self.assertTrue(WELCOME(c.welcome))
                yield c

    def on_disk(self):
        """photo id -> its copies: (name of the daemon, path)."""
        found = {}
        for d in self.daemons:
            top = os.path.join(self.mesh.dir, "photos", d.name)
            for here, _, files in os.walk(top):
                for name in files:
                    path = os.path.join(here, name)
                    found.setdefault(photo_id(path), set()).add(
                        (d.name, os.path.relpath(path, top).encode()))
        return found

    def test_lists(self):
        """listed page by page: exactly what the disks hold, in order"""
        disk = self.on_disk()
        for c in self.each():
            for sort, reverse in itertools.product(range(4), (False, True)):
                photos, after = [], b""
                while after is not None:
                    page = c.ask(LIST, {"limit": 7, "after": after,
                                        "sort": sort, "reverse": reverse})
                    self.assertTrue(PAGE(page))
                    self.assertLessEqual(len(page["photos"]), 7)
                    nodes = [n[1] for n in page["nodes"]]
                    photos += [(p, {(nodes[r[0]], r[2]) for r in p[9]})
                               for p in page["photos"]]
                    after = page["after"]
                ids = [p[0] for p, _ in photos]
                self.assertEqual(len(ids), len(set(ids)))
                for p, copies in photos:
                    self.assertEqual(copies, disk[p[0]])
                # A date is in ms; where there is none, mtime in ns does.
                order = [(p[10] * 10 ** 6 if p[11] else p[3], p[2].lower(),
                          int.from_bytes(p[0][16:], "big"), p[4])[sort]
                         for p, _ in photos]
                falling = (sort != 1) != reverse
                self.assertEqual(list(zip(order, ids)), sorted(
                    zip(order, ids), reverse=falling))
            self.assertEqual(len(ids), 26)
            shown = c.ask(SHOW, {"id": ids[0][:16].hex()})
            self.assertTrue(PAGE(shown))
            self.assertEqual([p[0] for p in shown["photos"]], [ids[0]])
            page = c.ask(DUPES, {"limit": 1000})
            self.assertTrue(PAGE(page))
            self.assertTrue(uint()(page["wasted"]))
            self.assertEqual({p[0] for p in page["photos"]},
                             {i for i in ids if len(disk[i]) > 1})

    def test_looks(self):
        """peers and status: every key, by type and bound"""
        for c in self.each():
            status, peers = c.status(), c.peers()
            self.assertTrue(STATUS_IS(status))
            self.assertTrue(all(map(PEER, peers)))
            self.assertEqual([p["node"][1] for p in peers],
                             ["alice", "bob", "carol"])
            self.assertEqual([p["self"] for p in peers], [False, True, False])
            self.assertEqual([p["coordinator"] for p in peers],
                             [True, False, False])
            self.assertEqual(status["coordinator"], peers[0]["node"][0])

    def test_watches(self):
        """a watch tells of a photo that comes and one that goes"""
        folder = self.mesh.folder("dora")
        # To remove all there is would look like a missing disk.
        with open(folder + "/stays.gif", "wb") as f:
            f.write(b"GIF89a stays")
        dora = self.mesh.start(folder)
        settle(self.mesh, [*self.daemons, dora])
        for n, c in enumerate(self.each()):
            c.write(frame(WATCH, 77, {}))
            c.status()  # answered behind it: it has begun
            path = os.path.join(folder, "of-%d.gif" % n)
            with open(path, "wb") as f:
                f.write(b"GIF89a of %d" % n)
            what = photo_id(path)
            for event in ("photo-added", "photo-removed"):
                while True:
                    kind, request, fields = c.hear()
                    self.assertEqual((kind, request), (EVENT, 77))
                    self.assertTrue(HAPPENED(fields))
                    if fields["event"] == event:
                        break
                self.assertEqual(fields["photo"], what)
                self.assertEqual(fields["photo_name"], b"of-%d.gif" % n)
                if event == "photo-added":
                    os.unlink(path)
        self.assertEqual(dora.end(), 0)

    def test_verifies(self):
        """verified: a row for each stream at each node, equal digests"""
        for c in self.each():
            table = c.ask(VERIFY_ALL)
            self.assertTrue(TABLE(table))
            self.assertEqual(table["silent"], [])
            streams = {}
            for r in table["rows"]:
                streams.setdefault((r[0], r[4]), []).append(r)
            live = {p["node"][0] for p in c.peers() if p["state"] == 0}
            for rows in streams.values():
                self.assertEqual({r[2] for r in rows}, live)
                self.assertEqual(len({(r[5], r[6], r[8], r[9])
                                      for r in rows}), 1)
                self.assertTrue(all(r[7] and r[10] for r in rows))
            self.assertEqual(len({(m[2], m[3]) for m in table["merged"]}), 1)
            self.assertEqual({m[0] for m in table["merged"]}, live)


if __name__ == "__main__":
    tap.main()
