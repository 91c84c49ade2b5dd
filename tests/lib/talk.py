"""talk.py: the wire as PROTOCOL.md tells it, written a second time.

msgpack, frames, and a client of a daemon's Unix socket: none of it shares a
line with the daemon, so that what both believe is what the document says.
"""
import os
import select
import socket
import struct
import time


class Raw:
    """Bytes that stand in a message as they are, lawful or not."""

    def __init__(self, data):
        self.data = data


def head(n, small, small_max, sizes):
    if n < small_max:
        return bytes([small | n])
    for mark, fmt in sizes:
        if n < 1 << 8 * struct.calcsize(fmt):
            return bytes([mark]) + struct.pack(fmt, n)
    raise ValueError(n)


def pack(v):
    if v is None:
        return b"\xc0"
    if v is True or v is False:
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, Raw):
        return v.data
    if isinstance(v, int):
        if v >= 0:
            return head(v, 0, 128, ((0xcc, ">B"), (0xcd, ">H"), (0xce, ">I"),
                                    (0xcf, ">Q")))
        if v >= -32:
            return struct.pack("b", v)
        return b"\xd3" + struct.pack(">q", v)
    if isinstance(v, str):
        b = v.encode("utf-8", "surrogateescape")
        return head(len(b), 0xa0, 32, ((0xd9, ">B"), (0xda, ">H"),
                                       (0xdb, ">I"))) + b
    if isinstance(v, (bytes, bytearray)):
        return head(len(v), 0, 0, ((0xc4, ">B"), (0xc5, ">H"),
                                   (0xc6, ">I"))) + bytes(v)
    if isinstance(v, (list, tuple)):
        return head(len(v), 0x90, 16, ((0xdc, ">H"), (0xdd, ">I"))) + \
            b"".join(map(pack, v))
    return head(len(v), 0x80, 16, ((0xde, ">H"), (0xdf, ">I"))) + \
        b"".join(pack(k) + pack(x) for k, x in v.items())


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        got = self.data[self.at:self.at + n]
        if len(got) != n:
            raise ValueError("cut short")
        self.at += n
        return got

    def uint(self, n):
        return int.from_bytes(self.take(n), "big")

    def text(self, n):
        return self.take(n).decode("utf-8", "surrogateescape")

    def items(self, n):
        return [self.value() for _ in range(n)]

    def pairs(self, n):
        return {self.value(): self.value() for _ in range(n)}

    def value(self):
        c = self.uint(1)
        if c < 0x80:
            return c
        if c < 0x90:
            return self.pairs(c & 15)
        if c < 0xa0:
            return self.items(c & 15)
        if c < 0xc0:
            return self.text(c & 31)
        if c >= 0xe0:
            return c - 256
        if c in (0xc0, 0xc2, 0xc3):
            return {0xc0: None, 0xc2: False, 0xc3: True}[c]
        if c in (0xc4, 0xc5, 0xc6):
            return bytes(self.take(self.uint(1 << (c - 0xc4))))
        if 0xcc <= c <= 0xcf:
            return self.uint(1 << (c - 0xcc))
        if 0xd0 <= c <= 0xd3:
            return int.from_bytes(self.take(1 << (c - 0xd0)), "big",
                                  signed=True)
        if c in (0xd9, 0xda, 0xdb):
            return self.text(self.uint(1 << (c - 0xd9)))
        if c in (0xdc, 0xdd):
            return self.items(self.uint(2 << (c - 0xdc)))
        if c in (0xde, 0xdf):
            return self.pairs(self.uint(2 << (c - 0xde)))
        raise ValueError("byte %02x" % c)


def unpack(data):
    r = _Reader(data)
    v = r.value()
    if r.at != len(data):
        raise ValueError("more behind the value")
    return v


def frame_of(body):
    return struct.pack(">I", len(body)) + body


def frame(kind, request, fields):
    return frame_of(pack([kind, request, fields]))


def cut_frame(buffer):
    """The first whole body in a bytearray, taken out; else None."""
    if len(buffer) < 4:
        return None
    n = struct.unpack(">I", buffer[:4])[0]
    if len(buffer) < 4 + n:
        return None
    body = bytes(buffer[4:4 + n])
    del buffer[:4 + n]
    return body


# -- a client ---------------------------------------------------------------

ERROR, CLIENT_HELLO, LIST, PEERS, STATUS, VERIFY_ALL = 3, 32, 34, 37, 39, 43
RESCAN, DONE = 45, 47
LIVE, SYNCING = 0, 1


class Client:
    """Asks one daemon over its Unix socket; OSError when that is not there."""

    def __init__(self, mesh, port, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.buffer = bytearray()
        self.serial = 0
        try:
            self.socket.connect(os.path.join(
                mesh.env["PHOTOMESH_RUNTIME"], "photomesh", "%d.sock" % port))
            self.welcome = self.ask(CLIENT_HELLO, {"vmin": 1, "vmax": 1})
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def read(self):
        return self.socket.recv(1 << 18)

    def write(self, data):
        self.socket.sendall(data)

    def hear(self):
        while True:
            body = cut_frame(self.buffer)
            if body is not None:
                return unpack(body)
            more = self.read()
            if not more:
                raise ConnectionError("hung up")
            self.buffer += more

    def ask(self, kind, fields=None):
        self.serial += 1
        self.write(frame(kind, self.serial, fields or {}))
        while True:
            what, request, answer = self.hear()
            if request == self.serial:
                if what == ERROR:
                    raise OSError("error %d: %s" % (answer["code"],
                                                    answer["text"]))
                return answer

    def status(self):
        return self.ask(STATUS)

    def peers(self):
        return self.ask(PEERS)["peers"]

    def photos(self):
        """All photos: id -> (copies counted, rows)."""
        found, after = {}, b""
        while after is not None:
            page = self.ask(LIST, {"limit": 1000, "after": after})
            nodes = [n[1] for n in page["nodes"]]
            for p in page["photos"]:
                found[p[0]] = (p[5], [(nodes[r[0]], r[2], r[4])
                                      for r in p[9]])
            after = page["after"]
        return found

    def rescan(self):
        """Have it look at its folders, and await the end of that."""
        self.serial += 1
        self.write(frame(RESCAN, self.serial, {}))
        while True:
            what, request, answer = self.hear()
            if request == self.serial and what == ERROR:
                raise OSError("error %d: %s" % (answer["code"],
                                                answer["text"]))
            if request == self.serial and what == DONE:
                return

    def unequal(self):
        """What `verify` would complain of."""
        t = self.ask(VERIFY_ALL)
        return ([r for r in t["rows"] if not (r[7] and r[10])] +
                [m for m in t["merged"] if not m[4]] +
                [("silent", *s) for s in t["silent"]])


def one_mesh(mesh, daemons, photos=None, verify=True):
    """None when these daemons are one mesh at rest; else what is missing."""
    ports = sorted(d.port for d in daemons)
    for d in daemons:
        try:
            with Client(mesh, d.port) as c:
                s = c.status()
                if s["live"] != len(daemons):
                    return "%s: %d live" % (d.name, s["live"])
                if s["coordinator_port"] != ports[0]:
                    return "%s: follows %d" % (d.name, s["coordinator_port"])
                if s["scan"] == 1 or not s["synced"] or not s["complete"]:
                    return "%s: not at rest: %r" % (d.name, s)
                if photos is not None and s["photos"] != photos:
                    return "%s: %d photos" % (d.name, s["photos"])
                for p in c.peers():
                    if p["state"] == LIVE and p["follows_port"] != ports[0]:
                        return "%s: %s follows %d" % (
                            d.name, p["node"][1], p["follows_port"])
        except OSError as e:
            return "%s: %s" % (d.name, e)
    if verify:
        try:
            with Client(mesh, daemons[0].port, 20) as c:
                bad = c.unequal()
                if bad:
                    return "verify: %r" % bad[:3]
        except OSError as e:
            return "verify: %s" % e
    return None


def settle(mesh, daemons, photos=None, timeout=60, verify=True):
    """Await one mesh of these, all live, equal and at rest; the seconds."""
    started = time.monotonic()
    while True:
        missing = one_mesh(mesh, daemons, photos, verify)
        if missing is None:
            return time.monotonic() - started
        if time.monotonic() - started > timeout:
            raise AssertionError("%s\n%s" % (missing, "\n".join(
                "%s:\n%s" % (d.name, d.log()[-800:]) for d in daemons)))
        select.select([], [], [], 0.02)
