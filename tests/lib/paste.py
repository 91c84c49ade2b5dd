"""paste.py: a daemon made of paste, for what a real one does too seldom.

Speaks the client's side of PROTOCOL.md on a Unix socket, from threads of the
test: photos are bytes in memory, and each has a manner in which it is given.
"""
import hashlib
import os
import socket
import struct
import threading

from member import _xxh
from talk import cut_frame, frame, unpack
import ctypes as c

(ERROR, HELLO, WELCOME, LIST, PHOTOS, SHOW) = (3, 32, 33, 34, 35, 36)
STATUS = 39
(GET, GETTING, GOT, HAVE, HOLDINGS, PROVE, PROOFS, ROOTS, ROOT_LIST, REQUESTS,
 REQUEST_LIST, DECIDE, DECIDED) = range(53, 66)
RESCAN, DONE = 45, 47
QUEUED, FILLING, CONSENT, NOBODY = range(4)
ME, BOB = b"\xa1" * 16, b"\xb0" * 16


def photo_id(data):
    h = _xxh.XXH3_128bits(data, c.c_size_t(len(data)))
    return struct.pack(">QQQ", h.high, h.low, len(data))


class Photo:
    """manner: ok, consent (until Paste.yes), mute (nobody answers), refused,
    away, damaged, stall, half (the connection ends half way), wrong (ranges
    only)."""

    def __init__(self, data, name, manner="ok", mtime_ns=1688205600500000000):
        self.data, self.manner, self.mtime_ns = data, manner, mtime_ns
        self.name = name if isinstance(name, bytes) else name.encode()
        self.id = photo_id(data)


class Paste:
    """`photos` are bob's, who is somebody else; `roots` are folders of its
    own, {label: path}, which it looks at when told to.  `reserve`: how it
    does not say which they are: silent, error, stranger (of another version),
    closes, ends (after its welcome)."""

    def __init__(self, mesh, photos, port=24999, roots=None, node=ME,
                 reserve=None, page=50):
        self.page = page
        self.roots, self.node, self.own = roots or {}, node, set()
        self.reserve = reserve
        self.bob_online = True
        self.shows = True  # False: what is asked for has just been withdrawn
        self.photos = list(photos)
        self.port = port
        self.gets, self.asked = [], set()
        self.most_open = self.connections = 0
        self.yes = set()
        self.resumed = {}
        self.stalled = threading.Event()
        folder = os.path.join(mesh.env["PHOTOMESH_RUNTIME"], "photomesh")
        os.makedirs(folder, 0o700, exist_ok=True)
        self.path = os.path.join(folder, "%d.sock" % port)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        # Who sits in accept() is not woken by a close.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)

    def _accept(self):
        while not self.ended:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=_Connection(self, conn).run,
                             daemon=True).start()

    def scan(self):
        self.own = {}
        for root in self.roots.values():
            for here, _, files in os.walk(os.fsencode(root)):
                for name in files:
                    with open(os.path.join(here, name), "rb") as f:
                        data = f.read()
                    if name[:1] != b".":
                        self.own[photo_id(data)] = data

    def own_bytes(self, photo):
        return self.own[photo]

    def find(self, photo):
        return next((p for p in self.photos if p.id == photo), None)


class _Connection:
    def __init__(self, paste, conn):
        self.p, self.conn = paste, conn
        self.buffer, self.fds, self.open = bytearray(), [], {}

    def say(self, kind, request, fields):
        # Who is slow to read, and has its own reader to wait for, shall be.
        self.conn.settimeout(30)
        self.conn.sendall(frame(kind, request, fields))
        self.conn.settimeout(0.02)

    def run(self):
        self.conn.settimeout(0.02)
        try:
            while not self.p.ended:
                try:
                    while True:  # all that has come: one of them at a time
                        data, fds, _, _ = socket.recv_fds(self.conn, 65536,
                                                          16)
                        self.fds += fds
                        self.buffer += data
                        if not data:
                            raise ConnectionError
                        self.conn.settimeout(0)
                except (TimeoutError, BlockingIOError):
                    self.conn.settimeout(0.02)
                while (body := cut_frame(self.buffer)) is not None:
                    self.hear(*unpack(body))
                self.turn()
        except (OSError, ConnectionError):
            pass
        self.conn.close()
        for fd in self.fds + [g[1] for g in self.open.values()]:
            os.close(fd)

    def fresh(self, **more):
        return dict(complete=True, age=0, scanning=False, syncing=False,
                    **more)

    def node(self, bob=False):
        return ([BOB, "bob", 5001, True, 1, b"h" * 8] if bob else
                [self.p.node, "paste", self.p.port, True, 1, b"h" * 8])

    def page(self, request, photos, after=None, ambiguous=False):
        rows = [[p.id, "image/jpeg", p.name, p.mtime_ns, 1, 1, None, None,
                 None, [[0, b"r", p.name, p.mtime_ns, p.manner != "away"]]]
                for p in photos]
        self.say(PHOTOS, request, self.fresh(
            photos=rows, nodes=[self.node(True)], after=after,
            ambiguous=ambiguous))

    def hear(self, kind, request, f):
        if kind == HELLO:
            if self.p.reserve == "closes":
                raise ConnectionError
            version = 99 if self.p.reserve == "stranger" else 1
            self.say(WELCOME, request, {
                "version": version, "node": self.p.node, "name": "paste",
                "port": self.p.port, "soft": "paste"})
        elif kind == STATUS:
            self.say(STATUS + 1, request, self.fresh(
                node=ME, name="paste", port=self.p.port, coordinator=ME,
                coordinator_port=self.p.port, coordinator_name="paste",
                nodes=1, live=1, photos=0, copies=0, bytes=0,
                unique_bytes=0,
                scan=0, files=0, scanned_bytes=0, total_files=0,
                total_bytes=0, synced=True))
        elif kind == LIST:
            at = int(f.get("after") or b"0")
            found = [p for p in self.p.photos
                     if f.get("text", "").encode() in p.name]
            n = min(f["limit"], self.p.page)
            more = b"%d" % (at + n) if at + n < len(found) else None
            self.page(request, found[at:at + n], more)
        elif kind == SHOW:
            found = [p for p in self.p.photos
                     if p.id[:16].hex().startswith(f["id"])]
            if found and self.p.shows:
                self.page(request, found, None, len(found) > 1)
            else:
                self.say(ERROR, request, {"code": 17, "text": "none"})
        elif kind == GET:
            fd = self.fds.pop(0)
            self.p.gets.append((f["photo"], f.get("offset", 0),
                                f.get("length", 0)))
            self.open[request] = [f, fd, 0]
            self.p.most_open = max(self.p.most_open, len(self.open))
        elif kind == ROOTS and self.p.reserve == "silent":
            pass
        elif kind == ROOTS and self.p.reserve == "ends":
            raise ConnectionError
        elif kind == ROOTS and self.p.reserve == "error":
            self.say(ERROR, request, {"code": 19, "text": "busy"})
        elif kind == ROOTS:
            self.say(ROOT_LIST, request, {"roots": [
                [b"root%4d" % i, label.encode(), os.fsencode(path), True,
                 1 << 40] for i, (label, path) in
                enumerate(self.p.roots.items())]})
        elif kind == RESCAN:
            self.p.scan()
            self.say(DONE, request, {})
        elif kind == HAVE:
            self.say(HOLDINGS, request, self.fresh(
                files=[self.holding(*x) for x in f["files"]],
                nodes=[self.node(), self.node(True)]))
        elif kind == PROVE:
            self.prove(request, f["photo"], f["nonce"])
        else:
            self.say(ERROR, request, {"code": 1, "text": "no such question"})

    def holding(self, photo, head):
        held = [0] if photo in self.p.own else []
        held += [1] if self.p.find(photo) else []
        return ["image/jpeg" if head[:2] == b"\xff\xd8" else "", bool(held),
                held]

    def prove(self, request, photo, nonce):
        proofs, bobs = [], self.p.find(photo)
        if photo in self.p.own:
            proofs.append([self.node(), 0, sha(nonce, self.p.own_bytes(
                photo))])
        if bobs and not self.p.bob_online:
            proofs.append([self.node(True), 21, bytes(32)])
        elif bobs:
            data = bobs.data + (b"!" if bobs.manner == "rotten" else b"")
            proofs.append([self.node(True), 0, sha(nonce, data)])
        self.say(PROOFS, request, {"proofs": proofs})

    # -- GETs, a step a turn -----------------------------------------------
    def getting(self, request, photo, state, done=0):
        self.say(GETTING, request, {
            "bytes": done, "total": len(photo.data), "fetched": done,
            "state": state, "node": BOB, "name": "bob"})

    def end(self, request, kind, fields):
        os.close(self.open.pop(request)[1])
        self.say(kind, request, fields)

    def turn(self):
        for request in list(self.open):
            f, fd, step = self.open[request]
            self.open[request][2] += 1
            photo = self.p.find(f["photo"])
            manner = photo.manner if photo else "none"
            if manner == "consent" and photo.id not in self.p.yes:
                self.p.asked.add(photo.id)
                if step == 0:
                    self.getting(request, photo, CONSENT)
                continue
            if manner == "mute":
                if step == 0:
                    self.getting(request, photo, NOBODY)
                continue
            if manner in ("refused", "away", "damaged", "none"):
                code = {"refused": 20, "away": 21, "damaged": 22,
                        "none": 17}[manner]
                self.end(request, ERROR, {"code": code, "text":
                                          "bob says %s" % manner})
                continue
            if step == 0:
                continue  # so that several are open at once
            if f.get("length"):
                data = photo.data[f["offset"]:f["offset"] + f["length"]]
                if manner == "wrong":
                    data = data[:-1] + bytes([data[-1] ^ 1])
                os.pwrite(fd, data, 0)
                resumed = 0
            else:
                have = os.fstat(fd).st_size
                resumed = self.p.resumed[photo.id] = min(
                    have, len(photo.data))
                half = resumed + (len(photo.data) - resumed) // 2
                os.pwrite(fd, photo.data[resumed:half], resumed)
                self.getting(request, photo, FILLING, half)
                if manner == "stall":
                    self.p.stalled.set()
                    self.open[request][2] = 1
                    continue
                if manner == "half":
                    raise ConnectionError
                os.ftruncate(fd, len(photo.data))
                os.pwrite(fd, photo.data, 0)
            self.end(request, GOT, {
                "bytes": len(photo.data),
                "fetched": len(photo.data) - resumed, "resumed": resumed,
                "node": BOB, "name": "bob"})


def sha(nonce, data):
    return hashlib.sha256(nonce + data).digest()


